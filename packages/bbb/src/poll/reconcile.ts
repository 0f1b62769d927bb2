/**
 * A server's list of meetings against the records: who is gone, who runs where nobody knows of it.
 *
 * @module
 */
import { mapLimited } from '../concurrency.ts';
import type { GatewayContext } from '../context.ts';
import type { ServerRow } from '../store/servers.ts';
import { upstreamIdOf } from '../tenants/meeting-names.ts';
import type { ListedMeeting } from '../upstream/meeting-list.ts';

/** A record is looked for in its server's list only after this time. */
const SETTLED_AGE_MS = 60_000;
/** Calls to one server about single meetings at a time. */
const MEETING_CALLS_MAX = 8;

/**
 * Brings records and the server's meetings together.
 *
 * @returns The number of meetings without a record.
 */
export async function reconcile(
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
