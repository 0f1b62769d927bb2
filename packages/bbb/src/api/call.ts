/**
 * What every call of the API is given, and what the calls about one meeting share.
 *
 * @module
 */
import type { GatewayContext } from '../context.ts';
import type { MeetingRecord } from '../store/meetings.ts';
import type { ServerRow } from '../store/servers.ts';
import type { Caller } from '../tenants/resolve.ts';
import type { UpstreamAnswer } from '../upstream/answer.ts';
import { type ApiAnswer, failed, failedWith, passedOn } from './answer.ts';
import type { ApiParameters, ApiRequest } from './request.ts';

/** A call whose checksum was right. */
export interface ApiCall {
  readonly request: ApiRequest;
  readonly caller: Caller;
  readonly parameters: ApiParameters;
  /** XML body, forwarded as it came; null for none. */
  readonly xml: Buffer | null;
  /** Content of the field `file` of a multipart body; null for none. */
  readonly file: Uint8Array | null;
}

export type CallHandler = (context: GatewayContext, call: ApiCall) => Promise<ApiAnswer>;

/** The id of the caller's tenant; empty without one. */
export function tenantIdOf({ tenant }: Caller): string {
  return tenant?.row.id ?? '';
}

/** The caller's record of a meeting; those of other tenants are as unknown as those of nobody. */
export async function findRecord(
  { store }: GatewayContext,
  { caller, parameters }: ApiCall,
): Promise<MeetingRecord | null> {
  const meetingId = parameters.get('meetingID') ?? '';
  const record = await store.meetings.find({ scope: '', meeting_id: meetingId });
  return record !== undefined && record.tenant_id === tenantIdOf(caller) ? record : null;
}

/** The server of a record; null if it was removed. */
export async function serverOf(
  { directory }: GatewayContext,
  record: MeetingRecord,
): Promise<ServerRow | null> {
  return (await directory.servers()).get(record.server_id) ?? null;
}

/** A call about one known meeting, forwarded to its server with the named parameters only. */
export async function forward(
  context: GatewayContext,
  call: ApiCall,
  { name, parameters }: { readonly name: string; readonly parameters: readonly string[] },
): Promise<
  | { readonly kind: 'answer'; readonly answer: ApiAnswer }
  | { readonly kind: 'upstream'; readonly record: MeetingRecord; readonly upstream: UpstreamAnswer }
> {
  if (!call.parameters.get('meetingID')) {
    return { kind: 'answer', answer: failed('missingParamMeetingID') };
  }
  const record = await findRecord(context, call);
  if (record === null) return { kind: 'answer', answer: failed('notFound') };
  const server = await serverOf(context, record);
  if (server === null) return { kind: 'answer', answer: failed('notFound') };
  const sent = parameters.flatMap((parameter) => {
    const value = call.parameters.get(parameter);
    return value === undefined ? [] : [[parameter, value] as const];
  });
  const upstream = await context.upstream.call(server, name, sent, call.xml ?? undefined);
  return { kind: 'upstream', record, upstream };
}

/** A server's answer as the client gets it. */
export function answerOf(upstream: UpstreamAnswer, serverId: string): ApiAnswer {
  if (upstream.kind === 'success') return passedOn(upstream.body, serverId);
  if (upstream.kind !== 'failed') return { ...failed('internalError'), serverId };
  return { ...failedWith(upstream.messageKey, upstream.message), serverId };
}
