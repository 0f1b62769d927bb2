/**
 * The calls about one meeting that is known: join, and those that its server answers.
 *
 * @module
 */
import type { GatewayContext } from '../../context.ts';
import { joinIncrement } from '../../placement/load.ts';
import { type ApiAnswer, failed, redirected, succeeded } from '../answer.ts';
import {
  answerOf,
  type ApiCall,
  type CallHandler,
  findRecord,
  forward,
  serverOf,
  tenantIdOf,
} from '../call.ts';
import { upstreamIdOf } from '../../tenants/meeting-names.ts';
import { joinRules, mergeParameters } from '../parameters.ts';
import { element } from '../xml.ts';

const MESSAGE_MAX = 500;
const USER_NAME_MAX = 255;

/** Sends the client to the meeting's server; that server is not asked. */
export const join: CallHandler = async (context, call) => {
  if (!call.parameters.get('meetingID')) return failed('missingParamMeetingID');
  const record = await findRecord(context, call);
  if (record === null) return failed('notFound');
  const server = await serverOf(context, record);
  if (server === null || server.is_online === 0 || server.state === 'disabled') {
    return failed('serverUnavailable');
  }
  const config = context.config();
  const { tenant } = call.caller;
  const parameters = mergeParameters(call.parameters, joinRules(config), {
    tenant,
    isCreate: false,
  });
  if (record.scope !== '') parameters.set('meetingID', upstreamIdOf(record));
  const load = joinIncrement(config) * server.multiplier;
  await context.board.add(server.id, { load, meetings: 0, users: 1 });
  if (tenant !== null) await context.board.addTenantUsers(tenantIdOf(call.caller), 1);
  return redirected(context.upstream.urlOf(server, 'join', parameters), server.id);
};

/** Asks the server; a meeting that is not known does not run. */
export const isMeetingRunning: CallHandler = async (context, call) => {
  const outcome = await forward(context, call, {
    name: 'isMeetingRunning',
    parameters: ['meetingID'],
  });
  if (outcome.kind === 'upstream') return answerOf(outcome.upstream, outcome.record);
  return outcome.answer.result === 'notFound'
    ? succeeded(element('running', false))
    : outcome.answer;
};

/** Asks the server, and drops the record of a meeting that it does not know. */
export const getMeetingInfo: CallHandler = async (context, call) => {
  const outcome = await forward(context, call, {
    name: 'getMeetingInfo',
    parameters: ['meetingID'],
  });
  if (outcome.kind === 'answer') return outcome.answer;
  const { record, upstream } = outcome;
  const isGone = upstream.kind === 'failed' && upstream.messageKey === 'notFound';
  // A record that is being created is not known there yet.
  if (isGone && record.status === 'active') await context.store.meetings.drop(record);
  return answerOf(upstream, record);
};

/**
 * Ends the meeting. Also when the server does not answer the record goes: a meeting that its owner
 * has ended must not come back with the next create.
 */
export const end: CallHandler = async (context, call) => {
  const outcome = await forward(context, call, {
    name: 'end',
    parameters: ['meetingID', 'password'],
  });
  if (outcome.kind === 'answer') return outcome.answer;
  const { record, upstream } = outcome;
  const isKept = upstream.kind === 'failed' && upstream.messageKey !== 'notFound';
  if (!isKept) await context.store.meetings.drop(record);
  return answerOf(upstream, record);
};

/** Hands documents to the server, as they came. */
export const insertDocument: CallHandler = async (context, call) => {
  const withBody = { ...call, xml: call.xml ?? Buffer.alloc(0) };
  return plainForward(context, withBody, 'insertDocument', ['meetingID']);
};

/** Posts to the chat of a meeting. */
export const sendChatMessage: CallHandler = async (context, call) => {
  const { parameters } = call;
  const message = parameters.get('message') ?? '';
  const isValid =
    message !== '' &&
    message.length <= MESSAGE_MAX &&
    (parameters.get('userName') ?? '').length <= USER_NAME_MAX;
  if (parameters.get('meetingID') && !isValid) {
    const limits = `message needs 1 to ${MESSAGE_MAX} characters, userName at most ${USER_NAME_MAX}`;
    return failed('validationError', limits);
  }
  return plainForward(context, call, 'sendChatMessage', ['meetingID', 'message', 'userName']);
};

async function plainForward(
  context: GatewayContext,
  call: ApiCall,
  name: string,
  parameters: readonly string[],
): Promise<ApiAnswer> {
  const outcome = await forward(context, call, { name, parameters });
  return outcome.kind === 'answer' ? outcome.answer : answerOf(outcome.upstream, outcome.record);
}
