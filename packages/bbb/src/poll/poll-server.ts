/**
 * One poll of one server: what it answered becomes its health, its load, and the truth about its
 * meetings.
 *
 * @module
 */
import { mapLimited } from '../concurrency.ts';
import type { GatewayContext } from '../context.ts';
import { loadOf } from '../placement/load.ts';
import type { MeetingRecord } from '../store/meetings.ts';
import type { Lease } from '../store/leases.ts';
import { type ServerChange, ServerStore, type ServerRow } from '../store/servers.ts';
import { textOf } from '../sound-xml.ts';
import { upstreamIdOf } from '../tenants/meeting-names.ts';
import type { UpstreamAnswer, UpstreamSuccess } from '../upstream/answer.ts';
import { type ListedMeeting, readMeetingList } from '../upstream/meeting-list.ts';

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

/** A record is looked for in its server's list only after this time. */
const SETTLED_AGE_MS = 60_000;
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
  // It may have been changed or removed while it was asked.
  const current = await context.store.servers.find(server.id);
  const nothing = { serverId: server.id, isSuccess: false, tenantUsers: new Map(), orphanCount: 0 };
  if (current === undefined) return nothing;
  if (answer.kind !== 'success') {
    const failing = await fail(context, current, { lease, reason: reasonOf(answer) });
    return failing === null ? nothing : { ...nothing, failing };
  }
  const meetings = readMeetingList(answer);
  await succeed(context, current, { lease, answer, meetings, window, startMs });
  const orphanCount = withRecords ? await reconcile(context, current, meetings, startMs) : 0;
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
  if (version !== server.bbb_version)
    await write(context, lease, server.id, { bbb_version: version });
  return true;
}

interface Success {
  readonly lease: Lease;
  readonly answer: UpstreamSuccess;
  readonly meetings: readonly ListedMeeting[];
  readonly window: number;
  readonly startMs: number;
}

async function succeed(
  context: GatewayContext,
  server: ServerRow,
  { lease, answer, meetings, window, startMs }: Success,
): Promise<void> {
  const config = context.config();
  const healthyCount = server.is_online === 1 ? 0 : server.healthy_count + 1;
  const isOnline = server.is_online === 1 || healthyCount >= config.server_healthy_threshold;
  if (!isOnline) {
    const counts = { healthy_count: healthyCount, unhealthy_count: 0 };
    await write(context, lease, server.id, { ...counts, last_error: '' });
    return;
  }
  const users = sumOf(meetings, ({ participants }) => participants);
  const load = loadOf(meetings, config, context.nowMs()) * server.multiplier;
  const state = await stateAfter(context, server, meetings);
  const isStored = await write(context, lease, server.id, {
    state,
    is_online: 1,
    healthy_count: 0,
    unhealthy_count: 0,
    load: state === 'disabled' ? null : load,
    meetings: meetings.length,
    users,
    largest_meeting: Math.max(0, ...meetings.map(({ participants }) => participants)),
    videos: sumOf(meetings, ({ video }) => video),
    last_error: '',
    polled_at_ms: startMs,
  });
  if (!isStored) return;
  if (server.is_online === 0) context.logger.info('server is online', { server: server.id });
  if (state === 'disabled') {
    await context.board.clear(server.id);
  } else {
    const amounts = { load, meetings: meetings.length, users };
    await context.board.settle(server.id, amounts, window);
    const keptMs = config.get_meetings_stale_seconds * 1000;
    if (keptMs > 0) await context.board.keepMeetings(server.id, answer.text, keptMs);
  }
}

/** A cordoned server without meetings has done its duty. */
async function stateAfter(
  { store }: GatewayContext,
  server: ServerRow,
  meetings: readonly ListedMeeting[],
): Promise<ServerRow['state']> {
  if (server.state !== 'cordoned' || meetings.length > 0) return server.state;
  const records = await store.meetings.listOfServer(server.id);
  return records.some(({ status }) => status === 'pending') ? 'cordoned' : 'disabled';
}

/** One failure changes nothing that anybody sees; the threshold's failure takes the server out. */
async function fail(
  context: GatewayContext,
  server: ServerRow,
  { lease, reason }: { readonly lease: Lease; readonly reason: string },
): Promise<FailingServer | null> {
  const { server_unhealthy_threshold: threshold, mass_failure_guard: isGuarded } = context.config();
  const unhealthyCount = server.unhealthy_count + 1;
  const error = { healthy_count: 0, last_error: reason };
  if (server.is_online === 0) {
    await write(context, lease, server.id, error);
    return null;
  }
  if (unhealthyCount < threshold || isGuarded) {
    await write(context, lease, server.id, { ...error, unhealthy_count: unhealthyCount });
    return unhealthyCount < threshold ? null : { server, reason };
  }
  await takeOffline(context, { server, reason }, lease);
  return null;
}

/** Takes a server out: its meetings are placed anew by their next create. */
export async function takeOffline(
  context: GatewayContext,
  { server, reason }: FailingServer,
  lease: Lease,
): Promise<void> {
  const change = { ...OFFLINE, healthy_count: 0, last_error: reason };
  if (!(await write(context, lease, server.id, change))) return;
  context.logger.warn('server is offline', { server: server.id, reason });
  await context.board.clear(server.id);
  const dropped = await context.store.meetings.dropOfServer(server.id);
  if (context.config().end_meetings_on_failure) endInBackground(context, server, dropped);
}

/** Keeps a server and its meetings, and lets no new ones be placed on it before a poll succeeds. */
export async function holdBack(
  context: GatewayContext,
  { server }: FailingServer,
  lease: Lease,
): Promise<void> {
  if (await write(context, lease, server.id, { load: null })) await context.board.clear(server.id);
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
    await upstream.call({ ...server, is_online: 0 }, 'end', [
      ['meetingID', upstreamIdOf(record)],
      ['password', record.moderator_pw],
    ]);
  }).catch((error: unknown) =>
    logger.error('ending meetings failed', { server: server.id, error }),
  );
}

/**
 * Brings records and the server's meetings together.
 *
 * @returns The number of meetings without a record.
 */
async function reconcile(
  context: GatewayContext,
  server: ServerRow,
  meetings: readonly ListedMeeting[],
  startMs: number,
): Promise<number> {
  const { store, upstream } = context;
  const known = await store.meetings.listOfServer(server.id);
  const knownIds = new Set(known.map(upstreamIdOf));
  const listedIds = new Set(meetings.map(({ upstreamId }) => upstreamId));
  await store.meetings.seen(
    server.id,
    known.filter((record) => listedIds.has(upstreamIdOf(record))),
    context.nowMs(),
  );

  const missing = known.filter(
    (record) =>
      record.status === 'active' &&
      !listedIds.has(upstreamIdOf(record)) &&
      startMs - record.created_at_ms > SETTLED_AGE_MS,
  );
  await mapLimited(missing, MEETING_CALLS_MAX, async (record) => {
    const asked = [['meetingID', upstreamIdOf(record)]] as const;
    const info = await upstream.call(server, 'getMeetingInfo', asked);
    if (info.kind === 'failed' && info.messageKey === 'notFound') await store.meetings.drop(record);
  });

  const strangers = meetings.filter(
    ({ upstreamId, isBreakout }) => !isBreakout && !knownIds.has(upstreamId),
  );
  const orphans = await mapLimited(strangers, MEETING_CALLS_MAX, async (meeting) =>
    settleStranger(context, server, meeting),
  );
  return orphans.filter(Boolean).length;
}

/** A meeting of the list that the server has no record of. @returns True if nobody has one. */
async function settleStranger(
  context: GatewayContext,
  server: ServerRow,
  meeting: ListedMeeting,
): Promise<boolean> {
  const { store, upstream } = context;
  const record = await store.meetings.find(meeting.key);
  if (record?.server_id === server.id) return false;
  if (record !== undefined) {
    // It was placed anew while this server was away: it must not run in two places.
    await upstream.call(server, 'end', [
      ['meetingID', meeting.upstreamId],
      ['password', meeting.moderatorPw],
    ]);
    return false;
  }
  if (!context.config().adopt_orphans) return true;
  const nowMs = context.nowMs();
  const outcome = await store.meetings.insert({
    ...meeting.key,
    server_id: server.id,
    tenant_id: meeting.tenantId,
    moderator_pw: meeting.moderatorPw,
    voice_bridge: meeting.voiceBridge || `adopted-${meeting.upstreamId}`,
    status: 'active',
    created_at_ms: nowMs,
    last_seen_at_ms: nowMs,
  });
  return outcome !== 'inserted';
}

async function write(
  { store, directory, logger }: GatewayContext,
  lease: Lease,
  serverId: string,
  change: ServerChange,
): Promise<boolean> {
  const isStored = await store.leases.fenced(lease, async (db) => {
    await new ServerStore(db).update(serverId, change);
  });
  directory.forget();
  if (!isStored)
    logger.warn('a poll came too late: another process polls now', { server: serverId });
  return isStored;
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
