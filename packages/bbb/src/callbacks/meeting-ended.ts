/**
 * The end of a meeting, told by its server: where the gateway listens in, the record goes at once and
 * the call goes on to whom it was for. The address that the server is given names both, signed, so that
 * nothing needs to be looked up and nobody else can make it say something.
 *
 * @module
 */
import { type ApiAnswer, emptyAnswer, failed } from '../api/answer.ts';
import type { ApiRequest } from '../api/request.ts';
import type { GatewayContext } from '../context.ts';
import type { MeetingKey } from '../store/meetings.ts';
import { upstreamIdOf } from '../tenants/meeting-names.ts';
import { derivedKey, signToken, type TokenKey, verifyToken } from '../tokens.ts';

/** Begin of the path below the API. */
export const ENDED_PATH = 'meeting_ended/';

/** Parameters of create that hold such an address. */
export const ENDED_PARAMETERS: readonly string[] = ['meetingEndedURL', 'meta_endCallbackUrl'];

/** What an address says. */
interface EndedClaims {
  readonly scope: string;
  readonly meetingId: string;
  /** Tells meetings of one ID apart; addresses that an earlier release gave have none. */
  readonly madeMs?: number;
  readonly url: string;
}

/** Path below the API in place of an address of a front-end. */
export async function endedPath(context: GatewayContext, claims: EndedClaims): Promise<string> {
  return `${ENDED_PATH}${await signToken({ ...claims }, keyOf(context))}`;
}

/** Takes the call of a server. */
export async function receiveMeetingEnded(
  context: GatewayContext,
  request: ApiRequest,
  token: string,
): Promise<ApiAnswer> {
  const claims = await verifyToken(token, keyOf(context), context.nowMs());
  if (claims === null) return failed('unsupportedRequest');
  const { scope, meetingId, madeMs = Infinity, url } = claims as unknown as EndedClaims;
  const record = await context.store.meetings.find({ scope, meeting_id: meetingId });
  // This may come late, when the ID has long been another meeting's.
  if (record !== undefined && record.created_at_ms <= madeMs) {
    await context.store.meetings.drop(record);
  }
  await context.notifier.add({
    kind: 'meeting-ended',
    tenant_id: record?.tenant_id ?? '',
    method: request.method,
    url: withQuery(url, inOwnWords(request.rawQuery, { scope, meeting_id: meetingId })),
    payload: '',
  });
  return emptyAnswer(204);
}

/** The query of the server with the meeting's ID as the front-end knows it. */
function inOwnWords(rawQuery: string, key: MeetingKey): string {
  const query = new URLSearchParams(rawQuery);
  if (key.scope === '' || query.get('meetingID') !== upstreamIdOf(key)) return rawQuery;
  query.set('meetingID', key.meeting_id);
  return query.toString();
}

function withQuery(url: string, rawQuery: string): string {
  const target = new URL(url);
  const own = target.search.slice(1);
  target.search = [own, rawQuery].filter((part) => part !== '').join('&');
  return target.href;
}

function keyOf(context: GatewayContext): TokenKey {
  return { secret: derivedKey(context.keyBase(), 'meeting ended'), algorithm: 'HS256' };
}
