/**
 * The list of meetings that a server answers to getMeetings.
 *
 * @module
 */
import type { XmlElement } from '@rgrove/parse-xml';
import type { MeetingLoad } from '../placement/load.ts';
import { childOf, childrenOf, textOf } from '../sound-xml.ts';
import type { MeetingKey } from '../store/meetings.ts';
import { inOwnWords, keyOfTenant } from '../tenants/meeting-names.ts';
import type { UpstreamSuccess } from './answer.ts';

/** One meeting of a list. */
export interface ListedMeeting extends MeetingLoad {
  /** As its server knows it. */
  readonly upstreamId: string;
  /** As its front-end does. */
  readonly key: MeetingKey;
  readonly moderatorPw: string;
  readonly voiceBridge: string;
  readonly tenantId: string;
  /** The element as the server wrote it, but for the ID that is the front-end's. */
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
  const upstreamId = textOf(meeting, 'meetingID');
  const tenantId = meta('tenant-id');
  const key = keyOfTenant(upstreamId, tenantId);
  return {
    upstreamId,
    key,
    moderatorPw: textOf(meeting, 'moderatorPW'),
    voiceBridge: textOf(meeting, 'voiceBridge'),
    tenantId,
    participants: countOf(textOf(meeting, 'participantCount')),
    moderators: countOf(textOf(meeting, 'moderatorCount')),
    voice: countOf(textOf(meeting, 'voiceParticipantCount')),
    video: countOf(textOf(meeting, 'videoCount')),
    maxUsers: countOf(textOf(meeting, 'maxUsers')),
    sizeHint: countOf(meta('bbb-meeting-size-hint')),
    createTimeMs: countOf(textOf(meeting, 'createTime')),
    isBreakout: textOf(meeting, 'isBreakout') === 'true',
    xml: inOwnWords(text, meeting, key.scope),
  };
}

/** A count; what is missing or no number is 0. */
function countOf(text: string): number {
  return /^\s*\d{1,15}\s*$/.test(text) ? Number(text) : 0;
}
