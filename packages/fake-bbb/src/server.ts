/**
 * A fake server: a port, a secret, its meetings, a log of what it was asked, and orders to fail.
 * Any number of them run in one process.
 *
 * @module
 */
import { createHash, createHmac, randomInt } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type ArchiveOptions, buildArchive } from './archive.ts';
import { answerCall, type FakeState, type Hook } from './calls.ts';
import { type ChecksumAlgorithm, isSigned } from './checksum.ts';
import { type FailureMode, failureAnswer } from './failure.ts';
import { type Counts, countsOf, createMeeting, type FakeMeeting, internalIdOf } from './meeting.ts';
import { elements, failed, success } from './xml.ts';

export interface FakeBbbOptions {
  /** Default `fake-secret`. */
  readonly secret?: string;
  /** Default: all four. */
  readonly algorithms?: readonly ChecksumAlgorithm[];
  /** `bbbVersion` in the root's answer; without it the server keeps its version to itself. */
  readonly version?: string;
  /** Default: one that is free. */
  readonly port?: number;
  /** Default `notFound`; older releases answer `invalidMeetingIdentifier`. */
  readonly unknownJoinKey?: FakeState['unknownJoinKey'];
  /** Milliseconds since 1970. Default: the system's clock. */
  readonly nowMs?: () => number;
}

/** One request, as it came. */
export interface LoggedRequest {
  readonly method: string;
  /** `create`, `hooks/list`; empty for the root. */
  readonly call: string;
  readonly rawQuery: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

const API = '/bigbluebutton/api';
const ALL_ALGORITHMS: readonly ChecksumAlgorithm[] = ['sha1', 'sha256', 'sha384', 'sha512'];
/** Requests kept in the log; the oldest go first. */
const LOGGED_MAX = 100_000;
const HUGE_LIST_COUNT = 1000;
/** Below the ports that Linux gives to clients. */
const OWN_PORTS = { first: 20_000, count: 12_000, tries: 100 } as const;

export class FakeBbb {
  readonly secret: string;
  readonly requests: LoggedRequest[] = [];
  /** Called with each request as it is logged, before it is answered. */
  onRequest: (request: LoggedRequest) => void = () => {};
  readonly #algorithms: readonly ChecksumAlgorithm[];
  #version: string | undefined;
  readonly #state: FakeState;
  readonly #port: number;
  readonly #modes = new Map<string, FailureMode>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #server: Server;

  private constructor(server: Server, options: FakeBbbOptions) {
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
    this.secret = options.secret ?? 'fake-secret';
    this.#algorithms = options.algorithms ?? ALL_ALGORITHMS;
    this.#version = options.version;
    this.#state = {
      meetings: new Map(),
      endedMeetings: new Map(),
      hooks: new Map(),
      unknownJoinKey: options.unknownJoinKey ?? 'notFound',
      nowMs: options.nowMs ?? Date.now,
      origin: `http://127.0.0.1:${this.#port}`,
      hookCount: 0,
    };
    server.on('request', this.#onRequest);
  }

  /** Starts a server on the loopback address. */
  static async start(options: FakeBbbOptions = {}): Promise<FakeBbb> {
    const { port } = options;
    return new FakeBbb(await (port === undefined ? listenAnywhere() : listen(port)), options);
  }

  /** What an operator would configure, without a slash at its end. */
  get url(): string {
    return `${this.#state.origin}${API}`;
  }

  get meetings(): ReadonlyMap<string, FakeMeeting> {
    return this.#state.meetings;
  }

  /** The logged requests of one call. */
  requestsOf(call: string): LoggedRequest[] {
    return this.requests.filter((request) => request.call === call);
  }

  /** Sets who is in a meeting; what is not given is 0. */
  setCounts(meetingID: string, counts: Partial<Counts>): void {
    const none = { participants: 0, moderators: 0, listeners: 0, voice: 0, video: 0 };
    this.#meeting(meetingID).counts = { ...none, ...counts };
  }

  /** Makes a meeting look older (positive) or younger. */
  ageMeeting(meetingID: string, byMs: number): void {
    this.#meeting(meetingID).createTimeMs -= byMs;
  }

  setMetadata(meetingID: string, key: string, value: string): void {
    this.#meeting(meetingID).metadata.set(key, value);
  }

  /** Makes a meeting a breakout room of another one. */
  makeBreakout(meetingID: string, parentMeetingID: string): void {
    this.#meeting(meetingID).parentMeetingID = parentMeetingID;
  }

  /** A meeting that runs here though nobody called `create`. */
  addMeeting(parameters: Readonly<Record<string, string>> & { readonly meetingID: string }): void {
    const meeting = createMeeting(
      new Map(Object.entries(parameters)),
      Buffer.alloc(0),
      this.#state.nowMs(),
    );
    meeting.hasUserJoined = true;
    this.#state.meetings.set(parameters.meetingID, meeting);
  }

  /** Forgets a meeting, as a restart would. */
  dropMeeting(meetingID: string): void {
    this.#state.meetings.delete(meetingID);
  }

  /** What the root tells from now on. */
  setVersion(version: string): void {
    this.#version = version;
  }

  /** Makes a call (`*`: all calls) fail from now on; `null` makes it work again. */
  fail(call: string, mode: FailureMode | null): void {
    if (mode === null) this.#modes.delete(call);
    else this.#modes.set(call, mode);
  }

  /** Ends all failures. */
  recover(): void {
    this.#modes.clear();
  }

  /** As new: no meetings, hooks, failures or log; the port is open. */
  async reset(): Promise<void> {
    this.recover();
    this.#state.meetings.clear();
    this.#state.endedMeetings.clear();
    this.#state.hooks.clear();
    this.requests.length = 0;
    await this.accept();
  }

  /** Closes the port: connections are refused until `accept`. */
  async refuse(): Promise<void> {
    await closeServer(this.#server);
  }

  /** Opens the same port again. */
  async accept(): Promise<void> {
    if (this.#server.listening) return;
    this.#server = await listen(this.#port);
    this.#server.on('request', this.#onRequest);
  }

  /**
   * Posts the analytics of a meeting, as a server does when it ends.
   *
   * @param bearer - Replaces the token, to try a bad one; `null` sends none.
   */
  async postAnalytics(url: string, data: object, bearer?: string | null): Promise<Response> {
    const expiresAtSeconds = Math.floor(this.#state.nowMs() / 1000) + 24 * 3600;
    const token = bearer === undefined ? jwtHs512({ exp: expiresAtSeconds }, this.secret) : bearer;
    return fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token !== null && { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(data),
    });
  }

  /** Posts mapped events to every hook that wants them, signed as BigBlueButton's webhooks sign. */
  async postHookEvent(event: object, meetingID?: string): Promise<Response[]> {
    return this.#postEvent(
      event,
      (hook) => !hook.rawData && (hook.meetingID === null || hook.meetingID === meetingID),
    );
  }

  /** As `postHookEvent`, to the hooks for raw events. */
  async postRawEvent(event: object): Promise<Response[]> {
    return this.#postEvent(event, ({ rawData }) => rawData);
  }

  async #postEvent(event: object, isWanted: (hook: Hook) => boolean): Promise<Response[]> {
    const body = new URLSearchParams({
      event: JSON.stringify(event),
      timestamp: String(this.#state.nowMs()),
    }).toString();
    const wanting = [...this.#state.hooks.values()].filter(isWanted);
    return Promise.all(
      wanting.map(async ({ callbackURL }) => {
        const checksum = createHash('sha1')
          .update(callbackURL + body + this.secret)
          .digest('hex');
        const url = new URL(callbackURL);
        url.searchParams.set('checksum', checksum);
        const headers = { 'content-type': 'application/x-www-form-urlencoded' };
        return fetch(url, { method: 'POST', headers, body });
      }),
    );
  }

  /**
   * Leaves the recording of a meeting, running or ended, in a spool folder, as the scripts that run
   * after processing do: under a hidden name first, then under its own.
   *
   * @returns Its recording ID.
   */
  async leaveRecording(
    meetingID: string,
    spool: string,
    options: Omit<ArchiveOptions, 'recordId' | 'meetingId'> = {},
  ): Promise<string> {
    const meeting = this.#state.endedMeetings.get(meetingID) ?? this.#meeting(meetingID);
    const recordId = internalIdOf(meeting);
    const { fileName, content } = buildArchive({
      recordId,
      meetingId: meetingID,
      name: meeting.name,
      startMs: meeting.createTimeMs,
      origin: this.#state.origin,
      ...options,
      metadata: { ...Object.fromEntries(meeting.metadata), ...options.metadata },
    });
    await mkdir(spool, { recursive: true });
    const hidden = join(spool, `.${fileName}`);
    await writeFile(hidden, content);
    await rename(hidden, join(spool, fileName));
    return recordId;
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    await closeServer(this.#server);
  }

  #meeting(meetingID: string): FakeMeeting {
    const meeting = this.#state.meetings.get(meetingID);
    if (meeting === undefined) throw new Error(`the fake server has no meeting ${meetingID}`);
    return meeting;
  }

  readonly #onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => void chunks.push(chunk));
    request.on('end', () => this.#serve(request, Buffer.concat(chunks), response));
  };

  #serve(request: IncomingMessage, body: Buffer, response: ServerResponse): void {
    const logged = readRequest(request, body);
    if (this.requests.push(logged) > LOGGED_MAX) this.requests.shift();
    this.onRequest(logged);
    const mode = this.#modes.get(logged.call) ?? this.#modes.get('*');
    if (mode?.kind === 'hang') return;
    if (mode?.kind === 'reset') return void request.socket.destroy();
    const instead = mode && failureAnswer(mode);
    const send = (): void => {
      if (instead) sendXml(response, instead.status, instead.body);
      else this.#answer(logged, response, mode?.kind === 'huge-list');
    };
    if (mode?.kind === 'held') return void mode.until.then(send, send);
    if (mode?.kind !== 'slow') return send();
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      send();
    }, mode.delayMs);
    this.#timers.add(timer);
  }

  #answer(request: LoggedRequest, response: ServerResponse, isHuge: boolean): void {
    const { call, rawQuery, method, parameters, body } = request;
    if (call === '') {
      const versions = { version: '2.0', apiVersion: '2.0', bbbVersion: this.#version ?? '' };
      return sendXml(response, 200, success(elements(versions)));
    }
    if (!isSigned({ call, query: rawQuery, secret: this.secret }, this.#algorithms)) {
      return sendXml(response, 200, failed('checksumError', 'Checksums do not match'));
    }
    const answer = answerCall(this.#state, { name: call, method, parameters, body });
    if (typeof answer !== 'string') {
      response.writeHead(302, { location: answer.location }).end();
    } else if (isHuge && call === 'getMeetings') {
      sendXml(response, 200, success(`<meetings>${this.#hugeList()}</meetings>`));
    } else {
      sendXml(response, 200, answer);
    }
  }

  #hugeList(): string {
    return Array.from({ length: HUGE_LIST_COUNT }, (_, index) => {
      const parameters = new Map([['meetingID', `huge-${index}`]]);
      const meeting = createMeeting(parameters, Buffer.alloc(0), this.#state.nowMs());
      const { participants, moderators } = countsOf(meeting);
      return `<meeting>${elements({
        meetingID: meeting.meetingID,
        createTime: meeting.createTimeMs,
        participantCount: participants,
        moderatorCount: moderators,
        videoCount: 0,
        isBreakout: false,
      })}</meeting>`;
    }).join('');
  }
}

function readRequest(request: IncomingMessage, body: Buffer): LoggedRequest {
  const target = request.url ?? '/';
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const rawQuery = mark < 0 ? '' : target.slice(mark + 1);
  const call = path.startsWith(`${API}/`) ? path.slice(API.length + 1) : '';
  return {
    method: request.method ?? '',
    call,
    rawQuery,
    parameters: new Map(new URLSearchParams(rawQuery)),
    headers: request.headers,
    body,
  };
}

function sendXml(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'text/xml;charset=utf-8' }).end(body);
}

/** A compact JWT. Source: RFC 7515 and RFC 7518, HS512. */
function jwtHs512(payload: object, secret: string): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ typ: 'JWT', alg: 'HS512' })}.${part(payload)}`;
  return `${signed}.${createHmac('sha512', secret).update(signed).digest('base64url')}`;
}

/** Listens on a port that an outgoing connection cannot take while the server refuses. */
async function listenAnywhere(): Promise<Server> {
  for (let tries = 0; tries < OWN_PORTS.tries; tries++) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- one after the other, until one is free
      return await listen(OWN_PORTS.first + randomInt(OWN_PORTS.count));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    }
  }
  return listen(0);
}

async function listen(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return server;
}

async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
}
