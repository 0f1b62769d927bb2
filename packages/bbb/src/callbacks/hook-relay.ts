/**
 * Events of servers on their way to the hooks of front-ends. Each server is given one address of the
 * gateway, and a second one if somebody wants raw events; what comes there is passed on to the hooks
 * that it is for.
 *
 * Source: BigBlueButton, "Webhooks".
 *
 * @module
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from '@balancer/kit';
import { type ApiAnswer, emptyAnswer } from '../api/answer.ts';
import { type ApiRequest, readForm } from '../api/request.ts';
import { mapLimited } from '../concurrency.ts';
import type { GatewayContext } from '../context.ts';
import type { Hook } from '../store/hooks.ts';
import type { ServerRow } from '../store/servers.ts';
import { textOf } from '../sound-xml.ts';
import { derivedKey } from '../tokens.ts';
import { hookChecksum } from './sending.ts';

/** Begin of the path below the API. */
export const RELAY_PATH = 'hooks_relay/';

/** Servers forget hooks; this often each is told again. */
const TELL_EVERY_MS = 5 * 60_000;
/** One that did not listen is told again after so long. */
const TELL_AGAIN_MS = 60_000;
const SERVERS_AT_ONCE_MAX = 8;
const TOKEN = /^(mapped|raw)-([0-9a-f]{64})-(.+)$/;

const eventSchema = z.object({
  data: z.object({
    id: z.string().optional(),
    attributes: z
      .object({
        meeting: z
          .object({
            'external-meeting-id': z.string().optional(),
            metadata: z.record(z.string(), z.unknown()).optional(),
          })
          .optional(),
      })
      .optional(),
  }),
});

/** What of an event decides where it goes. */
interface EventFacts {
  readonly eventId: string;
  readonly meetingId: string;
  readonly tenantId: string | null;
}

/** Keeps servers told of where events go, while somebody wants them. */
export class HookRelays {
  /** When each server is told next, by server and kind. */
  readonly #tellAtMs = new Map<string, number>();
  readonly #hookIds = new Map<string, string>();

  /** Tells the servers that have to be told. Never rejects for what servers do. */
  async keep(context: GatewayContext): Promise<void> {
    const wanted = await context.store.hooks.wanted();
    if (wanted.length === 0 && this.#hookIds.size === 0) return;
    const servers = [...(await context.directory.servers()).values()].filter(
      (server) => server.is_online === 1 && server.state !== 'disabled',
    );
    const pairs = servers.flatMap((server) =>
      [false, true].map((isRaw) => ({
        server,
        isRaw,
        isWanted: wanted.some((one) => one.isRaw === isRaw),
      })),
    );
    await mapLimited(pairs, SERVERS_AT_ONCE_MAX, async ({ server, isRaw, isWanted }) => {
      if (isWanted) await this.#tell(context, server, isRaw);
      else await this.#untell(context, server, isRaw);
    });
  }

  async #tell(context: GatewayContext, server: ServerRow, isRaw: boolean): Promise<void> {
    const url = relayUrl(context, server.id, isRaw);
    const key = `${isRaw} ${server.id}`;
    const nowMs = performance.now();
    if (url === null || nowMs < (this.#tellAtMs.get(key) ?? 0)) return;
    this.#tellAtMs.set(key, nowMs + TELL_EVERY_MS);
    const answer = await context.upstream.call(server, 'hooks/create', [
      ['callbackURL', url],
      ['getRaw', String(isRaw)],
    ]);
    if (answer.kind === 'success') {
      this.#hookIds.set(key, textOf(answer.root, 'hookID'));
      return;
    }
    this.#tellAtMs.set(key, nowMs + TELL_AGAIN_MS);
    context.logger.warn('a server takes no hook', { server: server.id, outcome: answer.kind });
  }

  async #untell(context: GatewayContext, server: ServerRow, isRaw: boolean): Promise<void> {
    const key = `${isRaw} ${server.id}`;
    const hookId = this.#hookIds.get(key);
    if (hookId === undefined) return;
    this.#hookIds.delete(key);
    this.#tellAtMs.delete(key);
    await context.upstream.call(server, 'hooks/destroy', [['hookID', hookId]]);
  }
}

/** Takes an event of a server: 401 unless it is signed, else 200. */
export async function receiveHookEvent(
  context: GatewayContext,
  request: ApiRequest,
  token: string,
): Promise<ApiAnswer> {
  const [, kind = '', mac = '', serverId = ''] = TOKEN.exec(decoded(token)) ?? [];
  const isRaw = kind === 'raw';
  const server = (await context.directory.servers()).get(serverId);
  const url = relayUrl(context, serverId, isRaw);
  if (server === undefined || url === null || !isSame(mac, macOf(context, serverId, isRaw))) {
    return emptyAnswer(401);
  }
  const body = request.body.toString('utf8');
  const checksum = readForm(request.rawQuery).get('checksum') ?? '';
  if (!isSame(checksum, hookChecksum(url, body, server.secret))) return emptyAnswer(401);
  await passOn(context, body, isRaw);
  return emptyAnswer(200);
}

async function passOn(context: GatewayContext, body: string, isRaw: boolean): Promise<void> {
  const events = eventsIn(body);
  const hooks = await hooksFor(context, events);
  const isWanted = (hook: Hook): boolean =>
    hook.is_raw === Number(isRaw) && (isRaw || events.some((event) => wants(hook, event)));
  for (const hook of hooks.filter(isWanted)) {
    await context.notifier.add({
      kind: 'hook',
      tenant_id: hook.tenant_id,
      method: 'POST',
      url: hook.callback_url,
      payload: body,
    });
  }
}

/** The hooks of whoever the events belong to. */
async function hooksFor(context: GatewayContext, events: readonly EventFacts[]): Promise<Hook[]> {
  const { store, config } = context;
  if (!config().multitenancy) return store.hooks.list('');
  const [event] = events;
  if (event === undefined) return [];
  const tenantId = event.tenantId ?? (await tenantOf(context, event.meetingId));
  return tenantId === '' ? [] : store.hooks.list(tenantId);
}

/** By the record while there is one, then by what was kept of the meeting. */
async function tenantOf({ store }: GatewayContext, meetingId: string): Promise<string> {
  if (meetingId === '' || meetingId.includes('\0')) return '';
  const record = await store.meetings.find({ scope: '', meeting_id: meetingId });
  if (record !== undefined) return record.tenant_id;
  const remembered = await store.callbacks.tenantOf(meetingId);
  if (remembered !== undefined) return remembered;
  const [recording] = await store.recordings.list(
    { meetingIds: [meetingId] },
    { limit: 1, offset: 0 },
  );
  return recording?.tenantId ?? '';
}

function wants(hook: Hook, { eventId, meetingId }: EventFacts): boolean {
  if (hook.meeting_id !== '' && hook.meeting_id !== meetingId) return false;
  return hook.event_id === '' || hook.event_id.split(',').includes(eventId);
}

/** What is known of the events in a body; one that is not understood says nothing of itself. */
function eventsIn(body: string): EventFacts[] {
  const text = new URLSearchParams(body).get('event') ?? '';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  return (Array.isArray(value) ? value : [value]).map((one): EventFacts => {
    const event = eventSchema.safeParse(one);
    const data = event.success ? event.data.data : {};
    const meeting = data.attributes?.meeting;
    const tenantId = meeting?.metadata?.['tenant-id'];
    return {
      eventId: data.id ?? '',
      meetingId: meeting?.['external-meeting-id'] ?? '',
      tenantId: typeof tenantId === 'string' ? tenantId : null,
    };
  });
}

/** The address that a server is given; null without an address of one's own. */
function relayUrl(context: GatewayContext, serverId: string, isRaw: boolean): string | null {
  const { url_host: host, public_url: publicUrl } = context.config();
  const base = host === '' ? publicUrl : `https://${host}`;
  if (base === '') return null;
  const token = `${isRaw ? 'raw' : 'mapped'}-${macOf(context, serverId, isRaw)}-${serverId}`;
  return `${base}/bigbluebutton/api/${RELAY_PATH}${encodeURIComponent(token)}`;
}

function macOf({ keyBase }: GatewayContext, serverId: string, isRaw: boolean): string {
  return createHmac('sha256', derivedKey(keyBase(), 'hook relay'))
    .update(`${isRaw} ${serverId}`)
    .digest('hex');
}

function isSame(actual: string, expected: string): boolean {
  const [a, b] = [Buffer.from(actual), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}
