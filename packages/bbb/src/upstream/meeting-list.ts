/**
 * The list of meetings that a server answers to getMeetings.
 *
 * @module
 */
import type { XmlElement } from '@rgrove/parse-xml';
import type { MeetingLoad } from '../placement/load.ts';
import { childOf, childrenOf, textOf } from '../sound-xml.ts';
import type { UpstreamSuccess } from './answer.ts';

/** One meeting of a list. */
export interface ListedMeeting extends MeetingLoad {
  readonly meetingId: string;
  readonly moderatorPw: string;
  readonly voiceBridge: string;
  readonly tenantId: string;
  /** The element as the server wrote it. */
  readonly xml: string;
}

/** The meetings of a list, in the server's order. */
export function readMeetingList({ root, text }: UpstreamSuccess): ListedMeeting[] {
  const list = childOf(root, 'meetings');
  return list === undefined
    ? []
    : childrenOf(list, 'meeting').map((meeting) => readMeeting(meeting, text));
}

function readMeeting(meeting: XmlElement, text: string): ListedMeeting {
  const metadata = childOf(meeting, 'metadata');
  const meta = (name: string): string => (metadata === undefined ? '' : textOf(metadata, name));
  return {
    meetingId: textOf(meeting, 'meetingID'),
    moderatorPw: textOf(meeting, 'moderatorPW'),
    voiceBridge: textOf(meeting, 'voiceBridge'),
    tenantId: meta('tenant-id'),
    participants: countOf(textOf(meeting, 'participantCount')),
    moderators: countOf(textOf(meeting, 'moderatorCount')),
    voice: countOf(textOf(meeting, 'voiceParticipantCount')),
    video: countOf(textOf(meeting, 'videoCount')),
    maxUsers: countOf(textOf(meeting, 'maxUsers')),
    sizeHint: countOf(meta('bbb-meeting-size-hint')),
    createTimeMs: countOf(textOf(meeting, 'createTime')),
    isBreakout: textOf(meeting, 'isBreakout') === 'true',
    xml: text.slice(meeting.start, meeting.end),
  };
}

/** A count; what is missing or no number is 0. */
function countOf(text: string): number {
  return /^\s*\d{1,15}\s*$/.test(text) ? Number(text) : 0;
}
