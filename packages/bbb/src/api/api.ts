/**
 * The API: from a request to its answer. Checks come in a fixed order (path and method, content type,
 * checksum, parameters), so that a call with nothing right in it always fails the same way.
 *
 * @module
 */
import { messageOf } from '@balancer/kit';
import { ANALYTICS_PATH, receiveAnalytics } from '../callbacks/analytics.ts';
import { receiveHookEvent, RELAY_PATH } from '../callbacks/hook-relay.ts';
import { ENDED_PATH, receiveMeetingEnded } from '../callbacks/meeting-ended.ts';
import type { GatewayContext } from '../context.ts';
import { type Caller, resolveCaller } from '../tenants/resolve.ts';
import { type ApiAnswer, emptyAnswer, failed, succeeded } from './answer.ts';
import { AuthLimit } from './auth-limit.ts';
import { type BodyKind, bodyKind, parseBody } from './body.ts';
import type { CallHandler } from './call.ts';
import { CreateCall } from './calls/create.ts';
import { getMeetings, noMeetings } from './calls/get-meetings.ts';
import { createHook, destroyHook, listHooks } from './calls/hooks.ts';
import * as meeting from './calls/meeting.ts';
import * as recordings from './calls/recordings.ts';
import { failedJson, getRecordingTextTracks, putRecordingTextTrack } from './calls/text-tracks.ts';
import { isSigned } from './checksum.ts';
import { type ApiRequest, readForm } from './request.ts';
import { element } from './xml.ts';

/** An answer and what the log says about it. */
export interface HandledCall {
  readonly answer: ApiAnswer;
  /** Name of the call; `unknown` for what is none. */
  readonly call: string;
  readonly tenant: string;
}

interface Route {
  readonly methods: readonly string[];
  /** Bodies that a POST may have. */
  readonly bodies: readonly BodyKind[];
  readonly handler: CallHandler;
  /** Answers without looking at the checksum. */
  readonly isOpen?: (context: GatewayContext) => boolean;
  /** How it refuses a checksum, where that is not XML. */
  readonly refusal?: (messageKey: string, message: string) => ApiAnswer;
}

/** What a server calls. */
interface Callback {
  readonly call: string;
  /** Begin of the name; what follows is the call's own business. */
  readonly prefix: string;
  readonly methods: readonly string[];
  readonly isOn: (context: GatewayContext) => boolean;
  readonly receive: (
    context: GatewayContext,
    request: ApiRequest,
    rest: string,
  ) => Promise<ApiAnswer>;
}

const CALLBACKS: readonly Callback[] = [
  {
    call: 'analytics_callback',
    prefix: ANALYTICS_PATH,
    methods: ['POST'],
    isOn: () => true,
    receive: async (context, request, rest) =>
      rest === '' ? receiveAnalytics(context, request) : failed('unsupportedRequest'),
  },
  {
    call: 'hooks_relay',
    prefix: RELAY_PATH,
    methods: ['POST'],
    isOn: () => true,
    receive: receiveHookEvent,
  },
  {
    call: 'meeting_ended',
    prefix: ENDED_PATH,
    methods: ['GET', 'POST'],
    isOn: ({ config }) => config().intercept_end_callback,
    receive: receiveMeetingEnded,
  },
];

const GET = ['GET'];
const POST = ['POST'];
const BOTH = ['GET', 'POST'];
const FORMS: readonly BodyKind[] = ['form', 'multipart'];

export class Api {
  readonly #context: GatewayContext;
  readonly #routes: ReadonlyMap<string, Route>;
  readonly #authLimit = new AuthLimit();

  constructor(context: GatewayContext) {
    this.#context = context;
    this.#routes = routesOf(new CreateCall());
  }

  /** Never rejects. `null`: the path is none of the API's. */
  async handle(request: ApiRequest): Promise<HandledCall | null> {
    const target = readPath(request.path);
    if (target === null) return null;
    const { name, pathTenant } = target;
    if (name === '') return this.#root(request);
    const fromServer = await this.#fromServer(request, name);
    if (fromServer !== null) return fromServer;
    const route = this.#routes.get(name);
    if (route === undefined)
      return { answer: failed('unsupportedRequest'), call: 'unknown', tenant: '' };
    if (request.method === 'HEAD') {
      const allow = route.methods.join(', ');
      return { answer: emptyAnswer(405, { allow }), call: name, tenant: '' };
    }
    if (!route.methods.includes(request.method)) {
      return { answer: failed('unsupportedRequest'), call: name, tenant: '' };
    }
    try {
      return await this.#call(request, { name, pathTenant, route });
    } catch (error) {
      this.#context.logger.error('a call failed', { call: name, error: messageOf(error) });
      return { answer: failed('internalError'), call: name, tenant: '' };
    }
  }

  #root(request: ApiRequest): HandledCall {
    if (!['GET', 'POST', 'HEAD'].includes(request.method)) {
      return { answer: failed('unsupportedRequest'), call: 'root', tenant: '' };
    }
    const { build_number: build } = this.#context.config();
    const content = element('version', '2.0') + (build === '' ? '' : element('build', build));
    return { answer: succeeded(content), call: 'root', tenant: '' };
  }

  /** Calls that servers make, each with a proof of its own; null for any other. */
  async #fromServer(request: ApiRequest, name: string): Promise<HandledCall | null> {
    const found = CALLBACKS.find(
      ({ prefix, methods }) => name.startsWith(prefix) && methods.includes(request.method),
    );
    if (found === undefined || !found.isOn(this.#context)) return null;
    const { call, prefix, receive } = found;
    try {
      const answer = await receive(this.#context, request, name.slice(prefix.length));
      return { answer, call, tenant: '' };
    } catch (error) {
      this.#context.logger.error('a call failed', { call, error: messageOf(error) });
      return { answer: emptyAnswer(500), call, tenant: '' };
    }
  }

  async #call(
    request: ApiRequest,
    target: { readonly name: string; readonly pathTenant: string | null; readonly route: Route },
  ): Promise<HandledCall> {
    const { name, route } = target;
    const kind = bodyKind(request);
    const body =
      kind === 'none' || route.bodies.includes(kind) ? await parseBody(request, kind) : null;
    if (body === null) return { answer: failed('unsupportedContentType'), call: name, tenant: '' };

    const isOpen = route.isOpen?.(this.#context) ?? false;
    const caller = await this.#callerOf(request, target.pathTenant);
    const tenant = caller.tenant?.row.name ?? '';
    const signing = {
      call: name,
      rawQuery: request.rawQuery,
      rawForm: body.rawForm,
      formParameters: body.parameters,
    };
    if (!isOpen && !this.#isAllowed(request, signing, caller)) {
      const answer = route.refusal?.('checksumError', 'Checksums do not match');
      return { answer: answer ?? failed('checksumError'), call: name, tenant };
    }
    const parameters = new Map([...(body.parameters ?? []), ...readForm(request.rawQuery)]);
    const answer = await route.handler(this.#context, {
      request,
      caller,
      parameters,
      xml: body.xml,
      file: body.file,
    });
    return { answer, call: name, tenant };
  }

  async #callerOf({ host }: ApiRequest, pathTenant: string | null): Promise<Caller> {
    const config = this.#context.config();
    const rules = {
      multitenancy: config.multitenancy,
      defaultTenant: config.default_tenant,
      gatewaySecrets: config.secrets.map((secret) => secret.reveal()),
    };
    const tenants = config.multitenancy ? await this.#context.directory.tenants() : new Map();
    return resolveCaller({ host, pathTenant }, tenants, rules);
  }

  #isAllowed(
    { remoteAddress }: ApiRequest,
    signing: Parameters<typeof isSigned>[0],
    { secrets }: Caller,
  ): boolean {
    const config = this.#context.config();
    const nowMs = this.#context.nowMs();
    const perMinute = config.failed_auth_per_minute;
    if (this.#authLimit.isOver(remoteAddress, perMinute, nowMs)) return false;
    const isRight = isSigned(signing, {
      secrets,
      algorithms: config.checksum_algorithms,
      isStrict: config.strict_post_checksum,
    });
    if (!isRight && perMinute > 0) this.#authLimit.failed(remoteAddress, nowMs);
    return isRight;
  }
}

function routesOf(create: CreateCall): ReadonlyMap<string, Route> {
  return new Map<string, Route>([
    ['create', { methods: BOTH, bodies: [...FORMS, 'xml'], handler: create.handle }],
    ['join', { methods: GET, bodies: [], handler: meeting.join }],
    ['isMeetingRunning', { methods: BOTH, bodies: FORMS, handler: meeting.isMeetingRunning }],
    ['getMeetingInfo', { methods: BOTH, bodies: FORMS, handler: meeting.getMeetingInfo }],
    [
      'getMeetings',
      {
        methods: BOTH,
        bodies: FORMS,
        isOpen: areMeetingsHidden,
        handler: async (context, call) =>
          areMeetingsHidden(context) ? noMeetings() : getMeetings(context, call),
      },
    ],
    ['end', { methods: BOTH, bodies: FORMS, handler: meeting.end }],
    ['insertDocument', { methods: POST, bodies: ['xml'], handler: meeting.insertDocument }],
    ['sendChatMessage', { methods: GET, bodies: [], handler: meeting.sendChatMessage }],
    ['hooks/create', { methods: GET, bodies: [], handler: createHook }],
    ['hooks/list', { methods: GET, bodies: [], handler: listHooks }],
    ['hooks/destroy', { methods: GET, bodies: [], handler: destroyHook }],
    ['getRecordings', ofRecordings(BOTH, FORMS, recordings.getRecordings)],
    ['publishRecordings', ofRecordings(GET, [], recordings.publishRecordings)],
    ['updateRecordings', ofRecordings(BOTH, FORMS, recordings.updateRecordings)],
    ['deleteRecordings', ofRecordings(GET, [], recordings.deleteRecordings)],
    [
      'getRecordingTextTracks',
      { ...ofRecordings(BOTH, FORMS, getRecordingTextTracks), refusal: failedJson },
    ],
    [
      'putRecordingTextTrack',
      { ...ofRecordings(POST, ['multipart'], putRecordingTextTrack), refusal: failedJson },
    ],
  ]);
}

/** While recordings are switched off, nobody's checksum matters. */
function ofRecordings(
  methods: readonly string[],
  bodies: readonly BodyKind[],
  handler: CallHandler,
): Route {
  return { methods, bodies, handler, isOpen: recordings.areRecordingsOff };
}

function areMeetingsHidden({ config }: GatewayContext): boolean {
  return config().get_meetings_disabled;
}

/** Name of the call and tenant of a path; the empty name is the root. */
function readPath(path: string): { name: string; pathTenant: string | null } | null {
  const match = /^(?:\/t\/([^/]+))?\/bigbluebutton(?:\/api(?:\/(.*))?)?\/?$/.exec(path);
  if (match === null) return null;
  const [, tenant, rest = ''] = match;
  return { name: rest.replace(/\/$/, ''), pathTenant: tenant ?? null };
}
