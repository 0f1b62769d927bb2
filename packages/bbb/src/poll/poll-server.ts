/**
 * One poll of one server: what it answered becomes its health, its load, and the truth about its
 * meetings.
 *
 * @module
 */
import { mapLimited } from '../concurrency.ts';
import type { GatewayContext } from '../context.ts';
import { loadOf } from '../placement/load.ts';
import type { Lease } from '../store/leases.ts';
import { type MeetingRecord, MeetingStore } from '../store/meetings.ts';
import { type ServerChange, ServerStore, type ServerRow } from '../store/servers.ts';
import { textOf } from '../sound-xml.ts';
import { upstreamIdOf } from '../tenants/meeting-names.ts';
import type { UpstreamAnswer, UpstreamSuccess } from '../upstream/answer.ts';
import { type ListedMeeting, readMeetingList } from '../upstream/meeting-list.ts';
import { reconcile } from './reconcile.ts';

/** What a poll found, for the round's totals. */
export interface PollResult {
  readonly serverId: string;
  readonly isSuccess: boolean;
  /** Participants by tenant; those without a tenant do not count. */
  readonly tenantUsers: ReadonlyMap<string, number>;
  /** Meetings that run without a record. */
  readonly orphanCount: number;
  /** A server that is to go offline, if the round as a whole does not speak against it. */
  readonly failing?: FailingServer;
}

/** A server that failed too often. */
export interface FailingServer {
  readonly server: ServerRow;
  readonly reason: string;
}

/** Calls to one server about single meetings at a time. */
const MEETING_CALLS_MAX = 8;
const ERROR_TEXT_MAX = 200;

/**
 * Polls a server and stores the outcome, unless another process has taken the lease over.
 *
 * @param options - `withRecords`: also brings records and the server's meetings together.
 */
export async function pollServer(
  context: GatewayContext,
  server: ServerRow,
  { lease, withRecords }: { readonly lease: Lease; readonly withRecords: boolean },
): Promise<PollResult> {
  const startMs = context.nowMs();
  const window = await context.board.openWindow(server.id);
  const answer = await context.upstream.call(server, 'getMeetings', []);
  const nothing = { serverId: server.id, isSuccess: false, tenantUsers: new Map(), orphanCount: 0 };
  if (answer.kind !== 'success') {
    const failing = await fail(context, server, { lease, reason: reasonOf(answer) });
    return failing === null ? nothing : { ...nothing, failing };
  }
  const meetings = readMeetingList(answer);
  const polled = await succeed(context, server, { lease, answer, meetings, window, startMs });
  if (polled === null) return nothing;
  const orphanCount = withRecords ? await reconcile(context, polled, meetings, startMs) : 0;
  return {
    serverId: server.id,
    isSuccess: true,
    tenantUsers: usersByTenant(meetings),
    orphanCount,
  };
}

/**
 * Reads the version of a server from the root of its API, if it tells.
 *
 * @returns False if the server did not answer.
 */
export async function pollVersion(
  context: GatewayContext,
  server: ServerRow,
  lease: Lease,
): Promise<boolean> {
  const answer = await context.upstream.root(server);
  if (answer.kind !== 'success') return false;
  const version = textOf(answer.root, 'bbbVersion').slice(0, 50);
  if (version !== server.bbb_version) {
    await write(context, lease, server, async () => ({ bbb_version: version }));
  }
  return true;
}

interface Success {
  readonly lease: Lease;
  readonly answer: UpstreamSuccess;
  readonly meetings: readonly ListedMeeting[];
  readonly window: number;
  readonly startMs: number;
}

/** @returns The server as it is now; null if the poll came too late for it. */
async function succeed(
  context: GatewayContext,
  server: ServerRow,
  { lease, answer, meetings, window, startMs }: Success,
): Promise<ServerRow | null> {
  const config = context.config();
  const users = sumOf(meetings, ({ participants }) => participants);
  const baseLoad = loadOf(meetings, config, context.nowMs());
  const written = await write(context, lease, server, async (current, records) => {
    const healthyCount = current.is_online === 1 ? 0 : current.healthy_count + 1;
    if (current.is_online === 0 && healthyCount < config.server_healthy_threshold) {
      return { healthy_count: healthyCount, unhealthy_count: 0, last_error: '' };
    }
    const isDone = await hasDoneItsDuty(records, current, { meetings, startMs });
    const state = isDone ? 'disabled' : current.state;
    return {
      state,
      is_online: 1,
      healthy_count: 0,
      unhealthy_count: 0,
      load: state === 'disabled' ? null : baseLoad * current.multiplier,
      meetings: meetings.length,
      users,
      largest_meeting: Math.max(0, ...meetings.map(({ participants }) => participants)),
      videos: sumOf(meetings, ({ video }) => video),
      last_error: '',
      polled_at_ms: startMs,
    };
  });
  if (written === null) return null;
  const { before, after } = written;
  if (after.is_online === 0) return after;
  if (before.is_online === 0) context.logger.info('server is online', { server: server.id });
  if (after.load === null) {
    await context.board.clear(server.id);
  } else {
    const amounts = { load: after.load, meetings: meetings.length, users };
    await context.board.settle(server.id, amounts, window);
    const keptMs = config.get_meetings_stale_seconds * 1000;
    if (keptMs > 0) await context.board.keepMeetings(server.id, answer.text, keptMs);
  }
  return after;
}

/** True for a cordoned server without meetings, also such that the list cannot know yet. */
async function hasDoneItsDuty(
  records: MeetingStore,
  { id, state }: ServerRow,
  { meetings, startMs }: Pick<Success, 'meetings' | 'startMs'>,
): Promise<boolean> {
  if (state !== 'cordoned' || meetings.length > 0) return false;
  const own = await records.listOfServer(id);
  return !own.some(
    ({ status, created_at_ms: createdMs }) => status === 'pending' || createdMs >= startMs,
  );
}

/** One failure changes nothing that anybody sees; the threshold's failure takes the server out. */
async function fail(
  context: GatewayContext,
  server: ServerRow,
  { lease, reason }: { readonly lease: Lease; readonly reason: string },
): Promise<FailingServer | null> {
  const { server_unhealthy_threshold: threshold, mass_failure_guard: isGuarded } = context.config();
  const written = await write(context, lease, server, async (current) => {
    const error = { healthy_count: 0, last_error: reason };
    return current.is_online === 0
      ? error
      : { ...error, unhealthy_count: current.unhealthy_count + 1 };
  });
  if (written === null || !isFailing(written.after, threshold)) return null;
  if (isGuarded) return { server, reason };
  await takeOffline(context, { server, reason }, lease);
  return null;
}

/** A server that has failed too often in a row, up to now. */
function isFailing(
  { is_online: isOnline, unhealthy_count: count }: ServerRow,
  threshold: number,
): boolean {
  return isOnline === 1 && count >= threshold;
}

/**
 * Takes a server out, unless it has answered meanwhile: its meetings are placed anew by their next
 * create.
 */
export async function takeOffline(
  context: GatewayContext,
  { server, reason }: FailingServer,
  lease: Lease,
): Promise<void> {
  const { server_unhealthy_threshold: threshold, end_meetings_on_failure: isEnded } =
    context.config();
  let dropped: readonly MeetingRecord[] = [];
  const written = await write(context, lease, server, async (current, records) => {
    if (!isFailing(current, threshold)) return null;
    dropped = await records.dropOfServer(server.id);
    return { ...OFFLINE, last_error: reason };
  });
  if (written === null) return;
  context.logger.warn('server is offline', { server: server.id, reason });
  await context.board.clear(server.id);
  if (isEnded) endInBackground(context, written.after, dropped);
}

/** Keeps a server and its meetings, and lets no new ones be placed on it before a poll succeeds. */
export async function holdBack(
  context: GatewayContext,
  { server }: FailingServer,
  lease: Lease,
): Promise<void> {
  const { server_unhealthy_threshold: threshold } = context.config();
  const written = await write(context, lease, server, async (current) =>
    isFailing(current, threshold) ? { load: null } : null,
  );
  if (written !== null) await context.board.clear(server.id);
}

const OFFLINE: ServerChange = {
  is_online: 0,
  healthy_count: 0,
  unhealthy_count: 0,
  load: null,
  meetings: 0,
  users: 0,
  largest_meeting: 0,
  videos: 0,
};

/** Tries once to end meetings that are placed anew from now on, so that none runs twice. */
function endInBackground(
  { upstream, logger }: GatewayContext,
  server: ServerRow,
  records: readonly MeetingRecord[],
): void {
  mapLimited(records, MEETING_CALLS_MAX, async (record) => {
    await upstream.call(server, 'end', [
      ['meetingID', upstreamIdOf(record)],
      ['password', record.moderator_pw],
    ]);
  }).catch((error: unknown) =>
    logger.error('ending meetings failed', { server: server.id, error }),
  );
}

/** A server before and after a change. */
interface Written {
  readonly before: ServerRow;
  readonly after: ServerRow;
}

/**
 * Changes a server by what it is at that moment: whoever has changed it while it was asked has the
 * last word.
 *
 * @param changeOf - Null for no change. Reads and changes records in the same transaction.
 * @returns Null if nothing was changed: by `changeOf`, because the server is gone, or because another
 *   process polls by now.
 */
async function write(
  { store, directory, logger }: GatewayContext,
  lease: Lease,
  server: ServerRow,
  changeOf: (current: ServerRow, records: MeetingStore) => Promise<ServerChange | null>,
): Promise<Written | null> {
  let written: Written | null = null;
  const isLeading = await store.leases.fenced(lease, async (db) => {
    const servers = new ServerStore(db, store.dialect);
    const before = await servers.lock(server.id);
    // One that was made since then under the same id was not asked.
    if (before === undefined || before.created_at_ms !== server.created_at_ms) return;
    const change = await changeOf(before, new MeetingStore(db, store.dialect));
    if (change === null) return;
    await servers.update(server.id, change);
    written = { before, after: { ...before, ...change } };
  });
  directory.forget();
  if (!isLeading) {
    logger.warn('a poll came too late: another process polls now', { server: server.id });
  }
  return written;
}

/** What operators read. A server's own message may repeat what it was sent and is left out. */
function reasonOf(answer: Exclude<UpstreamAnswer, UpstreamSuccess>): string {
  const reason =
    answer.kind === 'failed' ? `the server answered FAILED ${answer.messageKey}` : answer.reason;
  return reason.slice(0, ERROR_TEXT_MAX);
}

function usersByTenant(meetings: readonly ListedMeeting[]): Map<string, number> {
  const users = new Map<string, number>();
  for (const { tenantId, participants } of meetings) {
    if (tenantId !== '') users.set(tenantId, (users.get(tenantId) ?? 0) + participants);
  }
  return users;
}

function sumOf<T>(items: readonly T[], valueOf: (item: T) => number): number {
  return items.reduce((sum, item) => sum + valueOf(item), 0);
}
