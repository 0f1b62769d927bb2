/**
 * What operators do with meetings, and what they see of everything.
 *
 * @module
 */
import type { GatewayContext } from '../context.ts';
import type { MeetingRecord } from '../store/meetings.ts';
import type { ServerRow } from '../store/servers.ts';
import { keyOfAny, upstreamIdOf } from '../tenants/meeting-names.ts';
import { OperationError } from './servers.ts';

/** A record without its password. */
export interface MeetingView {
  /** Names it among those of all tenants. */
  readonly id: string;
  readonly meeting_id: string;
  readonly server_id: string;
  readonly tenant_id: string;
  readonly voice_bridge: string;
  readonly status: MeetingRecord['status'];
  readonly created_at: string;
  readonly last_seen_at: string;
}

/** A server without its secret, with its load as it is now. */
export interface ServerView {
  readonly id: string;
  readonly url: string;
  readonly secret: '***';
  readonly tag: string;
  readonly state: ServerRow['state'];
  readonly online: boolean;
  readonly load: number | null;
  readonly multiplier: number;
  readonly meetings: number;
  readonly users: number;
  readonly largest_meeting: number;
  readonly videos: number;
  readonly max_meetings: number;
  readonly max_users: number;
  readonly checksum_algorithm: string | null;
  readonly tls_ca: string | null;
  readonly tls_verify: boolean;
  readonly bbb_version: string;
  readonly last_error: string;
  readonly polled_at: string | null;
}

/** All records, or those of some servers. */
export async function listMeetings(
  { store }: GatewayContext,
  serverIds: readonly string[] = [],
): Promise<MeetingView[]> {
  const records = await store.meetings.list();
  return records
    .filter(({ server_id: id }) => serverIds.length === 0 || serverIds.includes(id))
    .map(viewOfMeeting);
}

/** @throws {OperationError} if there is no such record. */
export async function meetingInfo(context: GatewayContext, id: string): Promise<MeetingView> {
  return viewOfMeeting(await findMeeting(context, id));
}

/**
 * Ends a meeting on its server and drops its record, whatever the server says.
 *
 * @returns Why the server did not end it; null if it did.
 * @throws {OperationError} if there is no such record.
 */
export async function endMeeting(context: GatewayContext, id: string): Promise<string | null> {
  const record = await findMeeting(context, id);
  const server = await context.store.servers.find(record.server_id);
  await context.store.meetings.drop(record);
  if (server === undefined) return null;
  const answer = await context.upstream.call(server, 'end', [
    ['meetingID', upstreamIdOf(record)],
    ['password', record.moderator_pw],
  ]);
  if (answer.kind === 'success') return null;
  if (answer.kind !== 'failed') return answer.reason;
  return answer.messageKey === 'notFound' ? null : answer.messageKey;
}

/** All servers, with loads from the board. */
export async function listServers(context: GatewayContext): Promise<ServerView[]> {
  const rows = await context.store.servers.list();
  const { entries } = await context.placer.view(rows);
  return rows.map((row) => viewOfServer(row, entries.get(row.id)?.load ?? row.load));
}

/** What is shown of a server. */
export function viewOfServer(row: ServerRow, load: number | null = row.load): ServerView {
  return {
    id: row.id,
    url: row.url,
    secret: '***',
    tag: row.tag,
    state: row.state,
    online: row.is_online === 1,
    load,
    multiplier: row.multiplier,
    meetings: row.meetings,
    users: row.users,
    largest_meeting: row.largest_meeting,
    videos: row.videos,
    max_meetings: row.max_meetings,
    max_users: row.max_users,
    checksum_algorithm: row.checksum_algorithm,
    tls_ca: row.tls_ca,
    tls_verify: row.tls_verify === 1,
    bbb_version: row.bbb_version,
    last_error: row.last_error,
    polled_at: row.polled_at_ms === 0 ? null : new Date(row.polled_at_ms).toISOString(),
  };
}

/** By its name among those of all tenants, or by its meeting ID if only one has that. */
async function findMeeting(
  { store, directory }: GatewayContext,
  id: string,
): Promise<MeetingRecord> {
  const record = await store.meetings.find(keyOfAny(id, await directory.tenants()));
  if (record !== undefined) return record;
  const [first, ...others] = await store.meetings.listNamed(id);
  if (first === undefined) throw new OperationError('unknown', `there is no meeting ${id}`);
  if (others.length === 0) return first;
  const names = [first, ...others].map(upstreamIdOf).join(', ');
  throw new OperationError('taken', `several tenants have a meeting ${id}; name one of ${names}`);
}

function viewOfMeeting(record: MeetingRecord): MeetingView {
  return {
    id: upstreamIdOf(record),
    meeting_id: record.meeting_id,
    server_id: record.server_id,
    tenant_id: record.tenant_id,
    voice_bridge: record.voice_bridge,
    status: record.status,
    created_at: new Date(record.created_at_ms).toISOString(),
    last_seen_at: new Date(record.last_seen_at_ms).toISOString(),
  };
}
