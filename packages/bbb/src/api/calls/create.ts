/**
 * `create`: finds or makes the record of a meeting, and creates the meeting on its server.
 *
 * A record is `pending` from before its server is asked until that is over, so that of any number of
 * creates of one meeting, in any number of processes, exactly one places it and the others follow.
 *
 * @module
 */
import { randomInt } from 'node:crypto';
import { ANALYTICS_PATH } from '../../callbacks/analytics.ts';
import { ENDED_PARAMETERS, endedPath } from '../../callbacks/meeting-ended.ts';
import { isHttpUrl, ownAddress } from '../../callbacks/own-address.ts';
import type { BbbConfig } from '../../config/keys.ts';
import type { GatewayContext } from '../../context.ts';
import { createIncrement } from '../../placement/load.ts';
import type { Placement } from '../../placement/placer.ts';
import { readTagWish } from '../../placement/tag.ts';
import type { CallbackAddresses } from '../../store/callback-data.ts';
import type { MeetingKey, MeetingRecord } from '../../store/meetings.ts';
import type { ServerRow } from '../../store/servers.ts';
import { idHashOf, keyOf, keyOfAny, upstreamIdOf } from '../../tenants/meeting-names.ts';
import { learningRecordAccess, sealAccess } from '../../tenants/learning-records.ts';
import { textOf } from '../../sound-xml.ts';
import { type ApiAnswer, failed } from '../answer.ts';
import { answerOf, type ApiCall, recordNamed, tenantIdOf } from '../call.ts';
import {
  createRules,
  limitDuration,
  mergeParameters,
  replaceAnalyticsUrl,
  SERVER_TAG,
  setTenant,
  tagWishOf,
  takeRecordingReadyUrl,
} from '../parameters.ts';
import { voiceBridges } from '../voice-bridge.ts';

const MEETING_ID_MAX = 256;
const VOICE_BRIDGES_MAX = 10;
/** Between two looks at a record that another process is creating. */
const PENDING_LOOK_MS = 50;
/** Rounds of losing a record to others before giving up; each is somebody else's progress. */
const ROUNDS_MAX = 20;

/** Creates in this process whose record is not decided yet, by meeting. */
type InFlight = Map<string, Promise<unknown>>;

/** The call, with its memory of creates under way. */
export class CreateCall {
  readonly #inFlight: InFlight = new Map();

  readonly handle = async (context: GatewayContext, call: ApiCall): Promise<ApiAnswer> => {
    const meetingId = call.parameters.get('meetingID') ?? '';
    if (meetingId === '') return failed('missingParamMeetingID');
    const key = keyOf(context.config(), tenantIdOf(call.caller), meetingId);
    if (!isMeetingId(meetingId) || !(await isTellable(context, key))) {
      return failed('validationError', 'The meeting ID is not valid.');
    }
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const record = await this.#settled(context, call, key);
      if (record !== null) {
        if (record.tenant_id !== tenantIdOf(call.caller)) return failed('idNotUnique');
        const server = await usableServer(context, record);
        if (server !== null) return createAgain(context, call, { record, server });
        await context.store.meetings.drop(record);
      }
      const answer = await this.#createNew(context, call, key);
      if (answer !== null) return answer;
    }
    return failed('internalError');
  };

  /** The record once its create is decided; null for none. */
  async #settled(
    context: GatewayContext,
    { caller }: ApiCall,
    key: MeetingKey,
  ): Promise<MeetingRecord | null> {
    const inFlightId = upstreamIdOf(key);
    const { connect_timeout: connectMs, response_timeout: responseMs } = context.config();
    const limitMs = connectMs + responseMs;
    const deadlineMs = context.nowMs() + limitMs;
    for (;;) {
      await this.#inFlight.get(inFlightId);
      const record = await recordNamed(context, tenantIdOf(caller), key.meeting_id);
      if (record === undefined) return null;
      if (record.status === 'active') return record;
      // Whoever made it has died, or is as good as dead; its server knows whether there is a meeting.
      const nowMs = context.nowMs();
      if (nowMs >= deadlineMs || nowMs - record.created_at_ms >= limitMs) return record;
      if (!this.#inFlight.has(inFlightId)) await wait(PENDING_LOOK_MS);
    }
  }

  /** Null if somebody else has made a record meanwhile. */
  async #createNew(
    context: GatewayContext,
    call: ApiCall,
    key: MeetingKey,
  ): Promise<ApiAnswer | null> {
    const inFlightId = upstreamIdOf(key);
    if (this.#inFlight.has(inFlightId)) return null;
    const creating = createNew(context, call, key);
    this.#inFlight.set(inFlightId, Promise.allSettled([creating]));
    try {
      return await creating;
    } finally {
      this.#inFlight.delete(inFlightId);
    }
  }
}

function isMeetingId(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what it refuses
  return text.length <= MEETING_ID_MAX && !/[,\u0000-\u001f\u007f]/.test(text);
}

/** False for what a server would tell back so that it meant another meeting, or could not take. */
async function isTellable(
  { directory, config }: GatewayContext,
  key: MeetingKey,
): Promise<boolean> {
  if (!config().multitenancy) return true;
  const upstreamId = upstreamIdOf(key);
  const told = keyOfAny(upstreamId, await directory.tenants());
  return told.scope === key.scope && upstreamId.length <= MEETING_ID_MAX;
}

/** The server of a record if it may still serve it. */
async function usableServer(
  context: GatewayContext,
  record: MeetingRecord,
): Promise<ServerRow | null> {
  const server = (await context.directory.servers()).get(record.server_id);
  if (server === undefined || server.is_online === 0 || server.state === 'disabled') return null;
  if (server.state === 'enabled') return server;
  const asked = [['meetingID', upstreamIdOf(record)]] as const;
  const answer = await context.upstream.call(server, 'isMeetingRunning', asked);
  const isRunning = answer.kind === 'success' && textOf(answer.root, 'running') === 'true';
  return isRunning ? server : null;
}

interface Found {
  readonly record: MeetingRecord;
  readonly server: ServerRow;
}

/** A create for a meeting that has a record: its server says what it makes of it. */
async function createAgain(
  context: GatewayContext,
  call: ApiCall,
  { record, server }: Found,
): Promise<ApiAnswer> {
  const madeMs = Math.max(context.nowMs(), record.created_at_ms + 1);
  const { parameters, addresses } = await upstreamParameters(context, call, {
    server,
    record,
    madeMs,
    isFirst: false,
  });
  const answer = await context.upstream.call(server, 'create', parameters, call.xml ?? undefined);
  if (answer.kind === 'success') {
    const isThere = textOf(answer.root, 'messageKey') === 'duplicateWarning';
    if (isThere) await context.store.meetings.activate(record);
    else await context.store.meetings.renew(record, madeMs);
    await remember(context, record, addresses);
  } else if (answer.kind === 'unreachable') {
    context.pollSoon(server.id, 'unreachable');
  }
  return answerOf(answer, record);
}

/** Places a meeting, on the next best server if one cannot be reached. */
async function createNew(
  context: GatewayContext,
  call: ApiCall,
  key: MeetingKey,
): Promise<ApiAnswer | null> {
  const { caller, parameters } = call;
  const config = context.config();
  if (await isTenantFull(context, call)) return refused(context, 'maxConcurrent');
  const wish = readTagWish(tagWishOf(parameters, config, caller.tenant));
  const excluded = new Set<string>();
  const increment = createIncrement(config, {
    sizeHint: Number(parameters.get('meta_bbb-meeting-size-hint')) || 0,
    maxUsers: Number(parameters.get('maxParticipants')) || 0,
  });
  for (let tries = 0; tries <= config.create_retries; tries++) {
    const placement = await context.placer.place({ wish, excluded, increment });
    if (placement.kind === 'refused') {
      return refused(context, excluded.size > 0 ? 'internalError' : placement.reason);
    }
    const outcome = await createOn(context, call, { key, placement });
    if (outcome !== 'unreachable') return outcome;
    excluded.add(placement.server.id);
    context.pollSoon(placement.server.id, 'unreachable');
  }
  return refused(context, 'internalError');
}

interface Placed {
  readonly key: MeetingKey;
  readonly placement: Extract<Placement, { kind: 'placed' }>;
}

/** Creates on one server. Null if there is a record of the meeting by now. */
async function createOn(
  context: GatewayContext,
  call: ApiCall,
  { key, placement: { server, reservation } }: Placed,
): Promise<ApiAnswer | 'unreachable' | null> {
  const undo = async (record: MeetingRecord | null): Promise<void> => {
    if (record !== null) await context.store.meetings.drop(record);
    await context.board.undo(reservation);
  };
  let record: MeetingRecord | null = null;
  try {
    const inserted = await insertRecord(context, call, { key, server });
    if (typeof inserted === 'string') {
      await undo(null);
      return inserted === 'meeting-exists' ? null : refused(context, inserted);
    }
    record = inserted;
    const { parameters, addresses } = await upstreamParameters(context, call, {
      server,
      record,
      madeMs: record.created_at_ms,
      isFirst: true,
    });
    const answer = await context.upstream.call(server, 'create', parameters, call.xml ?? undefined);
    if (answer.kind === 'unreachable' || answer.kind === 'failed') {
      await undo(record);
      return answer.kind === 'failed' ? answerOf(answer, record) : 'unreachable';
    }
    // Also after a time-out: the server may have made the meeting, and a repeat must find it there.
    await context.store.meetings.activate(record);
    await remember(context, record, addresses);
    context.count({ kind: 'placed', serverId: server.id });
    return answerOf(answer, record);
  } catch (error) {
    if (record === null) await context.board.undo(reservation);
    throw error;
  }
}

/** Inserts a pending record with a voice bridge of its own, or says why that cannot be. */
async function insertRecord(
  context: GatewayContext,
  call: ApiCall,
  { key, server }: { readonly key: MeetingKey; readonly server: ServerRow },
): Promise<MeetingRecord | 'meeting-exists' | 'maxConcurrent' | 'internalError'> {
  const config = context.config();
  const nowMs = context.nowMs();
  const merged = mergeParameters(call.parameters, createRules(config), {
    tenant: call.caller.tenant,
    isCreate: true,
  });
  const moderatorPw = merged.get('moderatorPW') || randomPassword();
  const own = config.use_external_voice_bridge ? merged.get('voiceBridge') : undefined;
  const tenantLimit = call.caller.tenant?.row.max_meetings ?? 0;
  for (const voiceBridge of bridgesFor(upstreamIdOf(key), config, own)) {
    const record: MeetingRecord = {
      ...key,
      server_id: server.id,
      tenant_id: tenantIdOf(call.caller),
      moderator_pw: moderatorPw,
      voice_bridge: voiceBridge,
      status: 'pending',
      created_at_ms: nowMs,
      last_seen_at_ms: nowMs,
    };
    const outcome = await context.store.meetings.insert(record, tenantLimit);
    if (outcome === 'inserted') return record;
    if (outcome === 'tenant-full') return 'maxConcurrent';
    if (outcome === 'meeting-exists') return outcome;
  }
  return 'internalError';
}

function* bridgesFor(
  upstreamId: string,
  { voice_bridge_len: length }: BbbConfig,
  own: string | undefined,
): Generator<string> {
  if (own !== undefined && /^\d+$/.test(own)) yield own;
  let count = 0;
  for (const voiceBridge of voiceBridges(upstreamId, length)) {
    yield voiceBridge;
    if (++count === VOICE_BRIDGES_MAX) return;
  }
}

interface Sent {
  readonly parameters: Map<string, string>;
  readonly addresses: CallbackAddresses;
}

/** What goes to the server. A generated moderator password goes only with the first create. */
async function upstreamParameters(
  context: GatewayContext,
  { caller, parameters: client, request }: ApiCall,
  to: {
    readonly server: ServerRow;
    readonly record: MeetingRecord;
    /** When the meeting is made, if it is made by this call. */
    readonly madeMs: number;
    readonly isFirst: boolean;
  },
): Promise<Sent> {
  const config = context.config();
  const { tenant } = caller;
  const parameters = mergeParameters(client, createRules(config), { tenant, isCreate: true });
  const own = { config, caller, origin: request.origin };
  const recordingReadyUrl = takeRecordingReadyUrl(parameters);
  const analyticsCallbackUrl = replaceAnalyticsUrl(parameters, ownAddress(ANALYTICS_PATH, own));
  if (config.intercept_end_callback) await interceptEnd(context, parameters, { ...own, ...to });
  setTenant(parameters, tenant);
  if (to.record.scope !== '') parameters.set('meetingID', upstreamIdOf(to.record));
  if (to.isFirst) parameters.set('moderatorPW', to.record.moderator_pw);
  parameters.set('voiceBridge', to.record.voice_bridge);
  parameters.delete(SERVER_TAG);
  if (to.server.tag !== '') parameters.set(SERVER_TAG, to.server.tag);
  if (tenant !== null) {
    const access = await learningRecordAccess(tenant.row, (reason) =>
      context.logger.warn('no token for the learning record store', {
        tenant: tenant.row.name,
        reason,
      }),
    );
    parameters.delete('meta_secret-lrs-payload');
    if (access !== null) {
      parameters.set('meta_secret-lrs-payload', await sealAccess(access, to.server.secret));
    }
  }
  limitDuration(parameters, config.max_meeting_duration);
  return {
    parameters,
    addresses: {
      ...(recordingReadyUrl !== undefined && { recordingReadyUrl }),
      ...(analyticsCallbackUrl !== undefined && { analyticsCallbackUrl }),
    },
  };
}

/** Has the server tell the gateway of the meeting's end; the gateway tells the front-end. */
async function interceptEnd(
  context: GatewayContext,
  parameters: Map<string, string>,
  {
    record,
    madeMs,
    ...own
  }: { readonly record: MeetingRecord; readonly madeMs: number } & Parameters<typeof ownAddress>[1],
): Promise<void> {
  const { scope, meeting_id: meetingId } = record;
  for (const name of ENDED_PARAMETERS) {
    const url = parameters.get(name) ?? '';
    if (!isHttpUrl(url)) continue;
    const path = await endedPath(context, { scope, meetingId, madeMs, url });
    parameters.set(name, ownAddress(path, own));
  }
}

async function remember(
  { store, nowMs }: GatewayContext,
  record: MeetingRecord,
  addresses: CallbackAddresses,
): Promise<void> {
  const { meeting_id: meetingId, tenant_id: tenantId } = record;
  const meeting = { meetingId, tenantId, idHash: idHashOf(record) };
  await store.callbacks.remember(meeting, addresses, nowMs());
  // Events come when the record may be gone, and name no tenant.
  if (tenantId !== '' && (await store.hooks.list(tenantId)).length > 0) {
    await store.callbacks.rememberTenant(meeting, nowMs());
  }
}

/** Before anything is made: a tenant at its limits creates nothing. */
async function isTenantFull(context: GatewayContext, { caller }: ApiCall): Promise<boolean> {
  const row = caller.tenant?.row;
  if (row === undefined || row.max_users === 0) return false;
  return (await context.board.tenantUsers(row.id)) >= row.max_users;
}

function refused(
  context: GatewayContext,
  reason: 'maxConcurrent' | 'serverTagUnavailable' | 'internalError',
): ApiAnswer {
  context.count({ kind: 'placement-failed', reason });
  return failed(reason);
}

const PASSWORD_SIGNS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

function randomPassword(): string {
  return Array.from({ length: 8 }, () => PASSWORD_SIGNS[randomInt(PASSWORD_SIGNS.length)]).join('');
}

async function wait(delayMs: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, delayMs));
}
