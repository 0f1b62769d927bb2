import { describe, expect, test } from 'vitest';
import { defaultBbbConfig } from '../../src/config/load.ts';
import {
  createIncrement,
  joinIncrement,
  loadOf,
  type MeetingLoad,
} from '../../src/placement/load.ts';
import { readTagWish } from '../../src/placement/tag.ts';

const NOW_MS = 1_700_000_000_000;
const MINUTE_MS = 60_000;

function meeting(change: Partial<MeetingLoad>): MeetingLoad {
  return {
    participants: 0,
    moderators: 0,
    voice: 0,
    video: 0,
    maxUsers: 0,
    sizeHint: 0,
    createTimeMs: NOW_MS - 60 * MINUTE_MS,
    isBreakout: false,
    ...change,
  };
}

describe('the load as Scalelite counts it', () => {
  const settings = defaultBbbConfig();
  const load = (...meetings: MeetingLoad[]) => loadOf(meetings, settings, NOW_MS);

  test('counts moderators twice', () => {
    expect(load(meeting({ participants: 20, moderators: 2 }))).toBe(22);
  });

  test('takes a young meeting for a class', () => {
    expect(load(meeting({ participants: 1, moderators: 1, createTimeMs: NOW_MS }))).toBe(15);
    expect(load(meeting({ participants: 16, createTimeMs: NOW_MS }))).toBe(16);
    expect(load(meeting({ createTimeMs: NOW_MS - 15 * MINUTE_MS }))).toBe(0);
  });

  test('leaves breakout rooms out, and adds one for a create and a join', () => {
    expect(load(meeting({ participants: 30, isBreakout: true }))).toBe(0);
    expect(createIncrement(settings, { sizeHint: 50, maxUsers: 0 })).toBe(1);
    expect(joinIncrement(settings)).toBe(1);
  });
});

describe('the weighted load', () => {
  const settings = defaultBbbConfig({ load_policy: 'weighted' });
  const load = (...meetings: MeetingLoad[]) => loadOf(meetings, settings, NOW_MS);

  test('adds a base, people, sound and video', () => {
    expect(load(meeting({ participants: 20, voice: 10, video: 4 }))).toBe(5 + 20 + 5 + 2);
    expect(load(meeting({ participants: 8, voice: 8, isBreakout: true }))).toBe(12);
  });

  test('reserves the seats that are expected, ever less over half an hour', () => {
    expect(load(meeting({ createTimeMs: NOW_MS }))).toBe(25);
    expect(load(meeting({ createTimeMs: NOW_MS - 15 * MINUTE_MS, participants: 10 }))).toBe(20);
    expect(load(meeting({ createTimeMs: NOW_MS, sizeHint: 300 }))).toBe(105);
    expect(load(meeting({ createTimeMs: NOW_MS, maxUsers: 40 }))).toBe(45);
    expect(createIncrement(settings, { sizeHint: 30, maxUsers: 0 })).toBe(35);
  });
});

test.each([
  ['', null],
  ['!', null],
  [' ; !', null],
  ['gpu', { tags: ['gpu'], isRequired: false }],
  ['x; gpu!', { tags: ['x', 'gpu'], isRequired: true }],
  ['none;gpu', { tags: ['', 'gpu'], isRequired: false }],
])('a tag wish of %j is %j', (text, expected) => {
  const wish = readTagWish(text);
  expect(wish && { ...wish, tags: [...wish.tags] }).toEqual(expected);
});
