/**
 * The calls of the API, each from its parameters to its answer.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import {
  type Attendee,
  createAnswer,
  createMeeting,
  type FakeMeeting,
  internalIdOf,
  meetingDetails,
} from './meeting.ts';
import { elements, failed, success } from './xml.ts';

export interface Hook {
  readonly hookID: number;
  readonly callbackURL: string;
  readonly meetingID: string | null;
  readonly eventID: string | null;
  readonly rawData: boolean;
}

/** What the calls work on. */
export interface FakeState {
  readonly meetings: Map<string, FakeMeeting>;
  /** Meetings that were ended, by their IDs: their recordings come later. */
  readonly endedMeetings: Map<string, FakeMeeting>;
  readonly hooks: Map<number, Hook>;
  /** Key of a join into an unknown meeting: it changed between releases. */
  readonly unknownJoinKey: 'notFound' | 'invalidMeetingIdentifier';
  readonly nowMs: () => number;
  /** Scheme, host and port of the server. */
  readonly origin: string;
  hookCount: number;
}

export interface FakeCall {
  readonly name: string;
  readonly method: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** An XML text, or where to go. */
export type FakeAnswer = string | { readonly location: string };

/** The answer to a call whose checksum was right. */
export function answerCall(state: FakeState, call: FakeCall): FakeAnswer {
  const handler = CALLS.get(call.name);
  if (handler === undefined) return failed('unsupportedRequest');
  return handler(state, call);
}

type Handler = (state: FakeState, call: FakeCall) => FakeAnswer;

const CALLS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['create', create],
  ['join', join],
  ['isMeetingRunning', isMeetingRunning],
  ['getMeetingInfo', withMeeting((_, meeting) => success(meetingDetails(meeting)))],
  ['getMeetings', getMeetings],
  ['end', withMeeting(end)],
  ['insertDocument', withMeeting(insertDocument)],
  ['sendChatMessage', withMeeting(sendChatMessage)],
  ['getRecordings', () => success(`<recordings/>${elements({ messageKey: 'noRecordings' })}`)],
  ['hooks/create', createHook],
  ['hooks/list', listHooks],
  ['hooks/destroy', destroyHook],
]);

function create(state: FakeState, { parameters, body }: FakeCall): FakeAnswer {
  const meetingID = parameters.get('meetingID') ?? '';
  if (meetingID === '') return failed('missingParamMeetingID');
  if (!parameters.get('name')) return failed('missingParamName');
  const present = state.meetings.get(meetingID);
  if (present !== undefined) {
    const password = parameters.get('moderatorPW');
    if (password && password !== present.moderatorPW) return failed('idNotUnique');
    return createAnswer(present, true);
  }
  const meeting = createMeeting(parameters, body, state.nowMs());
  state.meetings.set(meetingID, meeting);
  return createAnswer(meeting, false);
}

function join(state: FakeState, { parameters }: FakeCall): FakeAnswer {
  const meeting = state.meetings.get(parameters.get('meetingID') ?? '');
  if (meeting === undefined) return failed(state.unknownJoinKey);
  const fullName = parameters.get('fullName') ?? '';
  if (fullName === '') return failed('missingParamFullName');
  const role = roleOf(meeting, parameters);
  if (role === null) return failed('invalidPassword');
  const attendee: Attendee = { userID: `w_${randomUUID().slice(0, 12)}`, fullName, role };
  meeting.attendees.push(attendee);
  meeting.hasUserJoined = true;
  const sessionToken = randomUUID().replaceAll('-', '').slice(0, 16);
  const url = `${state.origin}/client?sessionToken=${sessionToken}`;
  if (parameters.get('redirect') !== 'false') return { location: url };
  return success(
    elements({
      messageKey: 'successfullyJoined',
      message: 'You have joined successfully.',
      meeting_id: internalIdOf(meeting),
      user_id: attendee.userID,
      auth_token: sessionToken,
      session_token: sessionToken,
      guestStatus: 'ALLOW',
      url,
    }),
  );
}

function roleOf(
  meeting: FakeMeeting,
  parameters: ReadonlyMap<string, string>,
): Attendee['role'] | null {
  const role = parameters.get('role')?.toUpperCase();
  if (role === 'MODERATOR' || role === 'VIEWER') return role;
  const password = parameters.get('password');
  if (password === meeting.moderatorPW) return 'MODERATOR';
  return password === meeting.attendeePW ? 'VIEWER' : null;
}

function isMeetingRunning(state: FakeState, { parameters }: FakeCall): FakeAnswer {
  const meetingID = parameters.get('meetingID') ?? '';
  if (meetingID === '') return failed('missingParamMeetingID');
  return success(elements({ running: state.meetings.get(meetingID)?.hasUserJoined ?? false }));
}

function getMeetings(state: FakeState): FakeAnswer {
  if (state.meetings.size === 0) {
    const reason = { messageKey: 'noMeetings', message: 'no meetings were found on this server' };
    return success(`<meetings/>${elements(reason)}`);
  }
  const meetings = [...state.meetings.values()].map(
    (meeting) => `<meeting>${meetingDetails(meeting)}</meeting>`,
  );
  return success(`<meetings>${meetings.join('')}</meetings>`);
}

function end(state: FakeState, meeting: FakeMeeting, { parameters }: FakeCall): FakeAnswer {
  const password = parameters.get('password');
  // Since 2.4 the signed call is enough; a password that is given must be right.
  if (password && password !== meeting.moderatorPW) return failed('invalidPassword');
  state.meetings.delete(meeting.meetingID);
  state.endedMeetings.set(meeting.meetingID, meeting);
  return success(elements({ messageKey: 'sentEndMeetingRequest', message: 'A request was sent.' }));
}

function insertDocument(_: FakeState, meeting: FakeMeeting, { body }: FakeCall): FakeAnswer {
  meeting.documents.push(body);
  return success(elements({ messageKey: '', message: 'Presentation is being uploaded' }));
}

function sendChatMessage(_: FakeState, meeting: FakeMeeting, { parameters }: FakeCall): FakeAnswer {
  const message = parameters.get('message') ?? '';
  if (message === '') return failed('missingParamMessage');
  meeting.messages.push({ userName: parameters.get('userName') ?? 'System', message });
  return success('');
}

function createHook(state: FakeState, { parameters }: FakeCall): FakeAnswer {
  const callbackURL = parameters.get('callbackURL') ?? '';
  if (!/^https?:\/\//.test(callbackURL)) return failed('createHookError');
  const present = [...state.hooks.values()].find((hook) => hook.callbackURL === callbackURL);
  const hook = present ?? {
    hookID: ++state.hookCount,
    callbackURL,
    meetingID: parameters.get('meetingID') || null,
    eventID: parameters.get('eventID') || null,
    rawData: parameters.get('getRaw') === 'true',
  };
  state.hooks.set(hook.hookID, hook);
  const { hookID, rawData } = hook;
  const warning = present ? elements({ messageKey: 'duplicateWarning' }) : '';
  return success(elements({ hookID, permanentHook: false, rawData }) + warning);
}

function listHooks(state: FakeState): FakeAnswer {
  const hooks = [...state.hooks.values()].map(({ meetingID, eventID, ...hook }) => {
    const filters = { ...(meetingID && { meetingID }), ...(eventID && { eventID }) };
    return `<hook>${elements({ ...hook, permanentHook: false, ...filters })}</hook>`;
  });
  return success(`<hooks>${hooks.join('')}</hooks>`);
}

function destroyHook(state: FakeState, { parameters }: FakeCall): FakeAnswer {
  const hookID = parameters.get('hookID') ?? '';
  if (hookID === '') return failed('missingParamHookID');
  if (!state.hooks.delete(Number(hookID))) return failed('destroyMissingHook');
  return success(elements({ removed: true }));
}

/** A call about one meeting: without an id or with an unknown one it fails as all of them do. */
function withMeeting(
  handler: (state: FakeState, meeting: FakeMeeting, call: FakeCall) => FakeAnswer,
): Handler {
  return (state, call) => {
    const meetingID = call.parameters.get('meetingID') ?? '';
    if (meetingID === '') return failed('missingParamMeetingID');
    const meeting = state.meetings.get(meetingID);
    return meeting === undefined ? failed('notFound') : handler(state, meeting, call);
  };
}
