import { describe, expect, test } from 'vitest';
import { isClockKept } from '../src/clock.ts';
import { native } from '../src/native.ts';
import { Memory } from '../src/memory.ts';

/** adjtimex(2): what it returns for a clock that is not kept. */
const TIME_ERROR = 5;

describe('isClockKept', () => {
  test('agrees with what adjtimex returns', () => {
    const state = native().adjtimex(new Memory(208).address);
    expect(isClockKept()).toBe(state !== TIME_ERROR);
  });
});
