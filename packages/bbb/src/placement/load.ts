/**
 * How loaded a server is, from its meetings, and what a create and a join add until the next poll.
 *
 * @module
 */
import type { BbbConfig } from '../config/keys.ts';

/** What the load reads of one meeting. */
export interface MeetingLoad {
  readonly participants: number;
  readonly moderators: number;
  readonly voice: number;
  readonly video: number;
  /** 0: no limit. */
  readonly maxUsers: number;
  /** `meta_bbb-meeting-size-hint` of the create; 0: none. */
  readonly sizeHint: number;
  readonly createTimeMs: number;
  readonly isBreakout: boolean;
}

export type LoadSettings = Pick<
  BbbConfig,
  | 'load_policy'
  | 'load_min_user_count'
  | 'load_join_buffer_minutes'
  | 'load_create_increment'
  | 'load_join_increment'
  | 'weighted_base'
  | 'weighted_participant'
  | 'weighted_voice'
  | 'weighted_video'
  | 'weighted_reserve_minutes'
  | 'weighted_expected'
>;

const MINUTE_MS = 60_000;
const EXPECTED_MAX = 100;

/** Load of a server with these meetings, before its multiplier. */
export function loadOf(
  meetings: readonly MeetingLoad[],
  settings: LoadSettings,
  nowMs: number,
): number {
  const one = settings.load_policy === 'weighted' ? weightedLoad : scaleliteLoad;
  return meetings.reduce((sum, meeting) => sum + one(meeting, settings, nowMs), 0);
}

/** What a new meeting adds, before the multiplier. */
export function createIncrement(
  settings: LoadSettings,
  hints: Pick<MeetingLoad, 'sizeHint' | 'maxUsers'>,
): number {
  if (settings.load_policy === 'scalelite') return settings.load_create_increment;
  return settings.weighted_base + expectedOf(hints, settings);
}

/** What a join adds, before the multiplier. */
export function joinIncrement(settings: LoadSettings): number {
  return settings.load_policy === 'scalelite'
    ? settings.load_join_increment
    : settings.weighted_participant;
}

/** Moderators are participants too and so count twice; a young meeting counts as if it were full. */
function scaleliteLoad(meeting: MeetingLoad, settings: LoadSettings, nowMs: number): number {
  if (meeting.isBreakout) return 0;
  const users = meeting.participants + meeting.moderators;
  const ageMs = nowMs - meeting.createTimeMs;
  const isYoung = ageMs < settings.load_join_buffer_minutes * MINUTE_MS;
  return isYoung ? Math.max(users, settings.load_min_user_count) : users;
}

/** People cost, with sound and video more; seats that may still be taken are reserved, ever less. */
function weightedLoad(meeting: MeetingLoad, settings: LoadSettings, nowMs: number): number {
  const people =
    settings.weighted_participant * meeting.participants +
    settings.weighted_voice * meeting.voice +
    settings.weighted_video * meeting.video;
  if (meeting.isBreakout) return people;
  const ageMs = Math.max(0, nowMs - meeting.createTimeMs);
  const share = Math.max(0, 1 - ageMs / (settings.weighted_reserve_minutes * MINUTE_MS));
  const seats = Math.max(0, expectedOf(meeting, settings) - meeting.participants);
  return settings.weighted_base + people + seats * share;
}

function expectedOf(
  { sizeHint, maxUsers }: Pick<MeetingLoad, 'sizeHint' | 'maxUsers'>,
  { weighted_expected: usual }: LoadSettings,
): number {
  return Math.min(sizeHint > 0 ? sizeHint : maxUsers > 0 ? maxUsers : usual, EXPECTED_MAX);
}
