import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  DEFAULT_DEST_CHECK,
  freshState,
  type HealthEvents,
  judge,
  PassiveHealth,
  type PassiveState,
} from '../src/passive-health.ts';

const CHECK = DEFAULT_DEST_CHECK;

/** Judges at given seconds, with what was counted in all until then. */
function after(
  looks: readonly (readonly [nowS: number, up: number, down: number])[],
  check = CHECK,
): PassiveState {
  return looks.reduce(
    (state, [nowS, up, down]) => judge(state, { up, down }, { check, nowS }),
    freshState({ up: 0, down: 0 }, check),
  );
}

describe('a server that is checked in passing', () => {
  test('is inhibited for 5 s after one failure, and then free', () => {
    expect(after([[10, 0, 1]]).untilS).toBe(15);
    expect(
      after([
        [10, 0, 1],
        [14, 0, 1],
      ]).untilS,
    ).toBe(15);
    expect(
      after([
        [10, 0, 1],
        [15, 0, 1],
      ]).untilS,
    ).toBe(0);
  });

  test('is inhibited twice as long each time that it fails again, up to the longest', () => {
    let state = freshState({ up: 0, down: 0 }, CHECK);
    const times: number[] = [];
    let nowS = 0;
    for (let down = 1; down <= 12; down++) {
      state = judge(state, { up: 0, down }, { check: CHECK, nowS });
      times.push(state.untilS - nowS);
      nowS = state.untilS;
    }
    expect(times).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]);
  });

  test('is inhibited half as long after it answered', () => {
    const failedTwice = [
      [0, 0, 1],
      [5, 0, 2],
      [15, 0, 2],
    ] as const;
    expect(after(failedTwice).inhibitS).toBe(20);
    expect(after([...failedTwice, [16, 1, 2]]).inhibitS).toBe(10);
    expect(after([...failedTwice, [16, 1, 2], [17, 2, 2], [18, 3, 2]]).inhibitS).toBe(5);
  });

  test('may fail less often than down_retry within down_wait', () => {
    const check = { ...CHECK, downRetry: 3 };
    expect(
      after(
        [
          [0, 0, 1],
          [1, 0, 2],
          [2, 0, 2],
        ],
        check,
      ).untilS,
    ).toBe(0);
    expect(
      after(
        [
          [0, 0, 1],
          [1, 0, 2],
          [3, 0, 3],
        ],
        check,
      ).untilS,
    ).toBe(8);
    expect(
      after(
        [
          [0, 0, 1],
          [1, 0, 2],
          [4, 0, 3],
        ],
        check,
      ).untilS,
    ).toBe(0);
  });

  test('has succeeded after up_confirm answers, which end a row of failures', () => {
    const check = { ...CHECK, downRetry: 2, upConfirm: 2 };
    expect(
      after(
        [
          [0, 0, 1],
          [1, 1, 1],
          [2, 1, 2],
        ],
        check,
      ).untilS,
    ).not.toBe(0);
    expect(
      after(
        [
          [0, 0, 1],
          [1, 2, 1],
          [2, 2, 2],
        ],
        check,
      ).untilS,
    ).toBe(0);
  });

  test('is not judged by flows of before while it is inhibited', () => {
    expect(
      after([
        [0, 0, 1],
        [1, 0, 9],
        [5, 0, 9],
        [6, 0, 9],
      ]).untilS,
    ).toBe(0);
  });

  test('is counted on when the counters go round', () => {
    const state = freshState({ up: 0, down: 2 ** 32 - 1 }, CHECK);
    expect(judge(state, { up: 0, down: 0 }, { check: CHECK, nowS: 1 }).untilS).toBe(6);
  });

  test('is never inhibited for longer than the longest, nor for less than the shortest time', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ up: fc.nat(2), down: fc.nat(2), passS: fc.integer({ min: 1, max: 4000 }) }),
        ),
        (looks) => {
          let state = freshState({ up: 0, down: 0 }, CHECK);
          let seen: HealthEvents = { up: 0, down: 0 };
          let nowS = 0;
          for (const { up, down, passS } of looks) {
            nowS += passS;
            seen = { up: seen.up + up, down: seen.down + down };
            state = judge(state, seen, { check: CHECK, nowS });
            expect(state.inhibitS).toBeGreaterThanOrEqual(CHECK.inhibitMinS);
            expect(state.inhibitS).toBeLessThanOrEqual(CHECK.inhibitMaxS);
            expect(state.untilS - nowS).toBeLessThanOrEqual(CHECK.inhibitMaxS);
          }
        },
      ),
    );
  });
});

test('what was counted before the first look is no failure, and what turns is told once', () => {
  const health = new PassiveHealth();
  const at = (down: number): Map<string, { events: HealthEvents; check: typeof CHECK }> =>
    new Map([['a', { events: { up: 0, down }, check: CHECK }]]);
  expect(health.look(at(7), 0)).toEqual([]);
  expect(health.look(at(8), 1)).toEqual(['a']);
  expect(health.isInhibited('a')).toBe(true);
  expect(health.look(at(8), 2)).toEqual([]);
  expect(health.look(at(8), 6)).toEqual(['a']);
  expect(health.look(new Map(), 7)).toEqual([]);
});
