/**
 * What operators do with servers.
 *
 * @module
 */
import { randomUUID, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { BalancerError, messageOf } from '@balancer/kit';
import { mapLimited } from '../concurrency.ts';
import type { GatewayContext } from '../context.ts';
import { definedOnly } from '../defined.ts';
import type { NewServer, ServerChange, ServerRow, ServerState } from '../store/servers.ts';
import { upstreamIdOf } from '../tenants/meeting-names.ts';

/** An order that cannot be carried out; nothing has changed. */
export class OperationError extends BalancerError {
  override readonly name = 'OperationError';
  readonly code = 'BBB_OPERATION';
  readonly reason: 'invalid' | 'unknown' | 'taken';

  constructor(reason: OperationError['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

/** What an operator says of a server; what is missing stays or has its default. */
export interface ServerSettings {
  readonly id?: string;
  readonly url?: string;
  readonly secret?: string;
  readonly tag?: string;
  readonly multiplier?: number;
  readonly maxMeetings?: number;
  readonly maxUsers?: number;
  readonly checksumAlgorithm?: string | null;
  readonly tlsCa?: string | null;
  readonly tlsVerify?: boolean;
}

/** What a panic did. */
export interface PanicReport {
  readonly meetingCount: number;
  /** Ids of meetings whose `end` failed. */
  readonly failedIds: readonly string[];
}

const ID = /^[a-zA-Z0-9_.-]{1,255}$/;
const TAG = /^[^\s;!]*$/;
const END_CALLS_MAX = 8;

/**
 * Adds a server, disabled unless told otherwise.
 *
 * @throws {OperationError} if something is missing or wrong, or the id is taken.
 */
export async function addServer(
  context: GatewayContext,
  settings: ServerSettings,
  state: ServerState = 'disabled',
): Promise<ServerRow> {
  const { url = '', secret = '' } = settings;
  checkUrl(url);
  if (secret === '') throw new OperationError('invalid', 'secret: must not be empty');
  checkSettings(settings);
  const id = settings.id ?? newId(context, url);
  const server: NewServer = { ...definedOnly(settings), id, url, secret, state };
  if (!(await context.store.servers.add(server, context.nowMs()))) {
    throw new OperationError('taken', `id: there is a server ${id} already`);
  }
  context.directory.forget();
  if (state !== 'disabled') context.pollSoon(id, 'ordered');
  return findServer(context, id);
}

/** @throws {OperationError} if there is no such server or a value is wrong. */
export async function updateServer(
  context: GatewayContext,
  id: string,
  settings: Omit<ServerSettings, 'id'>,
): Promise<ServerRow> {
  await findServer(context, id);
  if (settings.url !== undefined) checkUrl(settings.url);
  if (settings.secret === '') throw new OperationError('invalid', 'secret: must not be empty');
  checkSettings(settings);
  let isLoadChanged = false;
  const updated = await context.store.servers.change(id, ({ load, multiplier }) => {
    // The load was computed with the old multiplier.
    const scale = (settings.multiplier ?? multiplier) / multiplier;
    isLoadChanged = load !== null && scale !== 1;
    return { ...changeOf(settings), ...(load !== null && isLoadChanged && { load: load * scale }) };
  });
  if (updated === undefined) throw unknownServer(id);
  if (isLoadChanged) await context.board.clear(id);
  context.directory.forget();
  return updated;
}

/**
 * Changes what a server may do. Disabling also takes its load off the board; meetings that run on it
 * are the caller's business (`panicServer`).
 *
 * @throws {OperationError} if there is no such server.
 */
export async function setServerState(
  context: GatewayContext,
  id: string,
  state: ServerState,
): Promise<ServerRow> {
  const server = await findServer(context, id);
  await context.store.servers.update(id, state === 'disabled' ? { state, load: null } : { state });
  if (state === 'disabled') await context.board.clear(id);
  context.directory.forget();
  // It has no load until it is polled; nobody should wait a whole interval for that.
  if (state !== 'disabled' && server.load === null) context.pollSoon(id, 'ordered');
  return findServer(context, id);
}

/** Removes a server and its records. @throws {OperationError} if there is none. */
export async function removeServer(context: GatewayContext, id: string): Promise<void> {
  if (!(await context.store.servers.remove(id))) throw unknownServer(id);
  await context.board.clear(id);
  context.directory.forget();
}

/**
 * Gives a server up: drops its records, ends its meetings, disables it.
 *
 * @throws {OperationError} if there is no such server.
 */
export async function panicServer(
  context: GatewayContext,
  id: string,
  { keepState = false, skipEndCalls = false }: { keepState?: boolean; skipEndCalls?: boolean } = {},
): Promise<PanicReport> {
  const server = await findServer(context, id);
  // First, so that no meeting is placed there while the others end.
  if (!keepState) await setServerState(context, id, 'disabled');
  const records = await context.store.meetings.dropOfServer(id);
  const failedIds: string[] = [];
  if (!skipEndCalls) {
    await mapLimited(records, END_CALLS_MAX, async (record) => {
      const answer = await context.upstream.call(server, 'end', [
        ['meetingID', upstreamIdOf(record)],
        ['password', record.moderator_pw],
      ]);
      const isGone = answer.kind === 'failed' && answer.messageKey === 'notFound';
      if (answer.kind !== 'success' && !isGone) failedIds.push(upstreamIdOf(record));
    });
  }
  return { meetingCount: records.length, failedIds };
}

/** @throws {OperationError} if there is no such server. */
export async function findServer({ store }: GatewayContext, id: string): Promise<ServerRow> {
  const server = await store.servers.find(id);
  if (server === undefined) throw unknownServer(id);
  return server;
}

function unknownServer(id: string): OperationError {
  return new OperationError('unknown', `there is no server ${id}`);
}

function newId({ config }: GatewayContext, url: string): string {
  return config().server_id_is_hostname ? new URL(url).hostname.toLowerCase() : randomUUID();
}

function checkUrl(url: string): void {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new OperationError(
      'invalid',
      'url: needs an address such as "https://bbb1.example.com/bigbluebutton/api"',
    );
  }
  const { search, hash, username } = new URL(url);
  if (search !== '' || hash !== '' || username !== '') {
    throw new OperationError('invalid', 'url: must have no query, fragment or user');
  }
}

function checkSettings(settings: ServerSettings): void {
  const { id, tag, multiplier, maxMeetings, maxUsers, checksumAlgorithm, tlsCa } = settings;
  const refuse = (message: string): never => {
    throw new OperationError('invalid', message);
  };
  if (id !== undefined && !ID.test(id)) refuse('id: needs letters, digits, "_", "." and "-"');
  if (tag !== undefined && !TAG.test(tag)) refuse('tag: must have no spaces, ";" or "!"');
  if (tag === 'none') refuse('tag: "none" stands for untagged servers; choose another word');
  if (multiplier !== undefined && !(multiplier > 0 && Number.isFinite(multiplier))) {
    refuse(`multiplier: must be greater than 0; got ${multiplier}`);
  }
  for (const [name, limit] of Object.entries({ max_meetings: maxMeetings, max_users: maxUsers })) {
    if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 0)) {
      refuse(`${name}: must be an integer of at least 0; got ${limit}`);
    }
  }
  if (checksumAlgorithm && !/^sha(1|256|384|512)$/.test(checksumAlgorithm)) {
    refuse(`checksum_algorithm: must be sha1, sha256, sha384 or sha512; got ${checksumAlgorithm}`);
  }
  if (tlsCa) checkCertificates(tlsCa);
}

/** Before the first call of the server would fail on it. */
function checkCertificates(path: string): void {
  try {
    void new X509Certificate(readFileSync(path)).subject;
  } catch (error) {
    throw new OperationError(
      'invalid',
      `tls_ca: no PEM file with a certificate: ${messageOf(error)}`,
    );
  }
}

function changeOf(settings: Omit<ServerSettings, 'id'>): ServerChange {
  const { url, secret, tag, multiplier, maxMeetings, maxUsers, tlsVerify } = settings;
  const { checksumAlgorithm, tlsCa } = settings;
  return definedOnly({
    url,
    secret,
    tag,
    multiplier,
    max_meetings: maxMeetings,
    max_users: maxUsers,
    checksum_algorithm: checksumAlgorithm,
    tls_ca: tlsCa,
    tls_verify: tlsVerify === undefined ? undefined : Number(tlsVerify),
  });
}
