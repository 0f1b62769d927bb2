/**
 * `getMeetings`: the meetings of all servers as one list.
 *
 * @module
 */
import { mapLimited } from '../../concurrency.ts';
import type { GatewayContext } from '../../context.ts';
import type { ServerRow } from '../../store/servers.ts';
import { readAnswer } from '../../upstream/answer.ts';
import { type ListedMeeting, readMeetingList } from '../../upstream/meeting-list.ts';
import { type ApiAnswer, failed, succeeded } from '../answer.ts';
import { type ApiCall, tenantIdOf } from '../call.ts';
import { element } from '../xml.ts';

/** Asks every server that may have meetings; the caller gets its own ones. */
export async function getMeetings(context: GatewayContext, call: ApiCall): Promise<ApiAnswer> {
  const servers = [...(await context.directory.servers()).values()].filter(
    ({ state, is_online: isOnline }) => isOnline === 1 && state !== 'disabled',
  );
  const { upstream_concurrency: limit } = context.config();
  const lists = await mapLimited(servers, limit, async (server) => listOf(context, server));
  const sound = lists.filter((list) => list !== null);
  if (sound.length < lists.length) return failed('internalError');
  const tenantId = tenantIdOf(call.caller);
  const meetings = sound.flat().filter((meeting) => meeting.tenantId === tenantId);
  if (meetings.length === 0) return noMeetings();
  return succeeded(`<meetings>${meetings.map(({ xml }) => xml).join('')}</meetings>`);
}

/** The answer when there are no meetings, or none are told. */
export function noMeetings(): ApiAnswer {
  const reason = element('message', 'No meetings were found on this server.');
  return succeeded(`${element('messageKey', 'noMeetings')}${reason}<meetings/>`);
}

/** The list of a server, or its last one if that is young enough; null if there is neither. */
async function listOf(
  { upstream, board, config }: GatewayContext,
  server: ServerRow,
): Promise<ListedMeeting[] | null> {
  const answer = await upstream.call(server, 'getMeetings', []);
  if (answer.kind === 'success') return readMeetingList(answer);
  const maxAgeMs = config().get_meetings_stale_seconds * 1000;
  const kept = maxAgeMs === 0 ? null : await board.keptMeetings(server.id, maxAgeMs);
  if (kept === null) return null;
  const last = readAnswer(Buffer.from(kept));
  return last.kind === 'success' ? readMeetingList(last) : null;
}
