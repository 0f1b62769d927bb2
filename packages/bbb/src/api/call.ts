/**
 * What every call of the API is given, and what the calls about one meeting share.
 *
 * @module
 */
import type { GatewayContext } from '../context.ts';
import type { MeetingRecord } from '../store/meetings.ts';
import type { ServerRow } from '../store/servers.ts';
import { inOwnWords, keyOf, upstreamIdOf } from '../tenants/meeting-names.ts';
import type { Caller } from '../tenants/resolve.ts';
import type { UpstreamAnswer, UpstreamSuccess } from '../upstream/answer.ts';
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
  context: Pick<GatewayContext, 'store' | 'config'>,
  { caller, parameters }: ApiCall,
): Promise<MeetingRecord | null> {
  const tenantId = tenantIdOf(caller);
  const record = await recordNamed(context, tenantId, parameters.get('meetingID') ?? '');
  return record?.tenant_id === tenantId ? record : null;
}

/**
 * The record that a tenant means by a meeting ID: its own one, also if it was made while the IDs of
 * tenants were kept apart otherwise than now; else the one of somebody else that has the ID.
 */
export async function recordNamed(
  { store, config }: Pick<GatewayContext, 'store' | 'config'>,
  tenantId: string,
  meetingId: string,
): Promise<MeetingRecord | undefined> {
  const key = keyOf(config(), tenantId, meetingId);
  const found = await store.meetings.find(key);
  if (tenantId === '' || found?.tenant_id === tenantId) return found;
  const otherwise = { scope: key.scope === '' ? tenantId : '', meeting_id: meetingId };
  const own = await store.meetings.find(otherwise);
  return own?.tenant_id === tenantId ? own : found;
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
    const value = parameter === 'meetingID' ? upstreamIdOf(record) : call.parameters.get(parameter);
    return value === undefined ? [] : [[parameter, value] as const];
  });
  const upstream = await context.upstream.call(server, name, sent, call.xml ?? undefined);
  return { kind: 'upstream', record, upstream };
}

/** A server's answer about a meeting as the client gets it. */
export function answerOf(
  upstream: UpstreamAnswer,
  { server_id: serverId, scope }: Pick<MeetingRecord, 'server_id' | 'scope'>,
): ApiAnswer {
  if (upstream.kind === 'success') return passedOn(bodyInOwnWords(upstream, scope), serverId);
  if (upstream.kind !== 'failed') return { ...failed('internalError'), serverId };
  return { ...failedWith(upstream.messageKey, upstream.message), serverId };
}

/** Byte for byte, unless the server knows the meeting under another ID. */
function bodyInOwnWords({ body, text, root }: UpstreamSuccess, scope: string): Buffer {
  if (scope === '') return body;
  const inside = inOwnWords(text, root, scope);
  return Buffer.from(text.slice(0, root.start) + inside + text.slice(root.end));
}
