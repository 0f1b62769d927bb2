/**
 * One meeting of a fake server and the XML about it.
 *
 * @module
 */
import { createHash, randomInt } from 'node:crypto';
import { element, elements, success } from './xml.ts';

/** How many are in a meeting, by kind. */
export interface Counts {
  participants: number;
  moderators: number;
  listeners: number;
  voice: number;
  video: number;
}

export interface Attendee {
  readonly userID: string;
  readonly fullName: string;
  readonly role: 'MODERATOR' | 'VIEWER';
}

export interface FakeMeeting {
  readonly meetingID: string;
  readonly name: string;
  readonly attendeePW: string;
  readonly moderatorPW: string;
  readonly voiceBridge: string;
  readonly durationMinutes: number;
  readonly maxUsers: number;
  readonly isRecorded: boolean;
  readonly metadata: Map<string, string>;
  readonly attendees: Attendee[];
  /** Body of the create, if it was a POST. */
  readonly body: Buffer;
  /** Documents inserted since, as they were sent. */
  readonly documents: Buffer[];
  readonly messages: { readonly userName: string; readonly message: string }[];
  /** Milliseconds since 1970; a test may shift it. */
  createTimeMs: number;
  hasUserJoined: boolean;
  parentMeetingID: string | null;
  /** Set by a test; otherwise counted from the attendees. */
  counts: Counts | null;
}

/** A meeting as `create` makes it; what the parameters leave out is generated. */
export function createMeeting(
  parameters: ReadonlyMap<string, string>,
  body: Buffer,
  nowMs: number,
): FakeMeeting {
  const text = (name: string, fallback: string): string => parameters.get(name) || fallback;
  const meetingID = text('meetingID', '');
  const metadata = [...parameters]
    .filter(([name]) => name.startsWith('meta_'))
    .map(([name, value]) => [name.slice('meta_'.length).toLowerCase(), value] as const);
  return {
    meetingID,
    name: text('name', meetingID),
    attendeePW: text('attendeePW', randomPassword()),
    moderatorPW: text('moderatorPW', randomPassword()),
    voiceBridge: text('voiceBridge', String(randomInt(10_000, 100_000))),
    durationMinutes: Number(text('duration', '0')) || 0,
    maxUsers: Number(text('maxParticipants', '0')) || 0,
    isRecorded: text('record', 'false') === 'true',
    metadata: new Map(metadata),
    attendees: [],
    body,
    documents: [],
    messages: [],
    createTimeMs: nowMs,
    hasUserJoined: false,
    parentMeetingID: text('isBreakout', '') === 'true' ? text('parentMeetingID', '') : null,
    counts: null,
  };
}

/** BigBlueButton's own name of a meeting, which its recording keeps. */
export function internalIdOf({ meetingID, createTimeMs }: FakeMeeting): string {
  return `${createHash('sha1').update(meetingID).digest('hex')}-${createTimeMs}`;
}

/** Who is there: as a test said, or as many as joined. */
export function countsOf({ counts, attendees }: FakeMeeting): Counts {
  if (counts !== null) return counts;
  const moderators = attendees.filter(({ role }) => role === 'MODERATOR').length;
  return { participants: attendees.length, moderators, listeners: 0, voice: 0, video: 0 };
}

/** The answer to `create`, with `duplicateWarning` for a meeting that was there. */
export function createAnswer(meeting: FakeMeeting, isDuplicate: boolean): string {
  return success(
    elements({
      meetingID: meeting.meetingID,
      internalMeetingID: internalIdOf(meeting),
      parentMeetingID: meeting.parentMeetingID ?? 'bbb-none',
      attendeePW: meeting.attendeePW,
      moderatorPW: meeting.moderatorPW,
      createTime: meeting.createTimeMs,
      voiceBridge: meeting.voiceBridge,
      dialNumber: '613-555-1234',
      createDate: new Date(meeting.createTimeMs).toUTCString(),
      hasUserJoined: meeting.hasUserJoined,
      duration: meeting.durationMinutes,
      hasBeenForciblyEnded: false,
      messageKey: isDuplicate ? 'duplicateWarning' : '',
      message: isDuplicate
        ? 'This conference was already in existence and may currently be in progress.'
        : '',
    }),
  );
}

/** Everything about a meeting, without an element around it. */
export function meetingDetails(meeting: FakeMeeting): string {
  const counts = countsOf(meeting);
  const isBreakout = meeting.parentMeetingID !== null;
  const facts = elements({
    meetingName: meeting.name,
    meetingID: meeting.meetingID,
    internalMeetingID: internalIdOf(meeting),
    createTime: meeting.createTimeMs,
    createDate: new Date(meeting.createTimeMs).toUTCString(),
    voiceBridge: meeting.voiceBridge,
    dialNumber: '613-555-1234',
    attendeePW: meeting.attendeePW,
    moderatorPW: meeting.moderatorPW,
    running: meeting.hasUserJoined,
    duration: meeting.durationMinutes,
    hasUserJoined: meeting.hasUserJoined,
    recording: meeting.isRecorded,
    hasBeenForciblyEnded: false,
    startTime: meeting.createTimeMs,
    endTime: 0,
    participantCount: counts.participants,
    listenerCount: counts.listeners,
    voiceParticipantCount: counts.voice,
    videoCount: counts.video,
    maxUsers: meeting.maxUsers,
    moderatorCount: counts.moderators,
  });
  const attendees = meeting.attendees.map(attendeeElement).join('');
  const metadata = [...meeting.metadata].map(([key, value]) => element(key, value)).join('');
  const breakout = isBreakout
    ? `<breakout>${elements({ parentMeetingID: meeting.parentMeetingID!, sequence: 1, freeJoin: false })}</breakout>`
    : '';
  return `${facts}<attendees>${attendees}</attendees><metadata>${metadata}</metadata>${element('isBreakout', isBreakout)}${breakout}`;
}

function attendeeElement({ userID, fullName, role }: Attendee, index: number): string {
  const facts = elements({
    userID,
    fullName,
    role,
    isPresenter: index === 0,
    isListeningOnly: false,
    hasJoinedVoice: false,
    hasVideo: false,
    clientType: 'HTML5',
  });
  return `<attendee>${facts}<customdata></customdata></attendee>`;
}

function randomPassword(): string {
  return Array.from({ length: 8 }, () => randomInt(36).toString(36)).join('');
}
