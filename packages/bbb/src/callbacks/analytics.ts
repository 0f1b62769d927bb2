/**
 * The analytics of a meeting: servers send them here, and here they are passed on to whoever created
 * the meeting.
 *
 * @module
 */
import { emptyAnswer, type ApiAnswer } from '../api/answer.ts';
import { type ApiRequest, headerOf } from '../api/request.ts';
import type { GatewayContext } from '../context.ts';
import { keyOfAny } from '../tenants/meeting-names.ts';
import { verifyToken } from '../tokens.ts';

/** Path below the API at which servers deliver. */
export const ANALYTICS_PATH = 'analytics_callback';

/** Takes a delivery: 401 unless one of the servers signed it, else 204. */
export async function receiveAnalytics(
  context: GatewayContext,
  request: ApiRequest,
): Promise<ApiAnswer> {
  const bearer = /^Bearer +(\S+)$/i.exec(headerOf(request, 'authorization').trim())?.[1] ?? '';
  if (!(await isFromServer(context, bearer))) return emptyAnswer(401);
  await forward(context, request.body);
  return emptyAnswer(204);
}

async function isFromServer(context: GatewayContext, bearer: string): Promise<boolean> {
  const servers = [...(await context.directory.servers()).values()];
  const nowMs = context.nowMs();
  // All of them, always: the time taken must not tell which one signed.
  const payloads = await Promise.all(
    servers.map(async ({ secret }) => verifyToken(bearer, { secret, algorithm: 'HS512' }, nowMs)),
  );
  return payloads.some((payload) => payload !== null);
}

async function forward(
  { store, notifier, config, directory }: GatewayContext,
  body: Buffer,
): Promise<void> {
  const data = readObject(body);
  const upstreamId = data?.['meeting_id'];
  if (data === null || typeof upstreamId !== 'string' || upstreamId.includes('\0')) return;
  const { scope, meeting_id: meetingId } = keyOfAny(upstreamId, await directory.tenants());
  const tenantId = scope || ((await store.callbacks.tenantOf(meetingId)) ?? '');
  const { analyticsCallbackUrl: url } = await store.callbacks.find({ meetingId, tenantId });
  if (url === undefined) return;
  const tenant = (await directory.tenants()).get(tenantId);
  const customer = tenant?.row.name ?? config().customer_name;
  await notifier.add({
    kind: 'analytics',
    tenant_id: tenantId,
    method: 'POST',
    url,
    payload: JSON.stringify({ ...data, meeting_id: meetingId, customer }),
  });
}

function readObject(body: Buffer): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
