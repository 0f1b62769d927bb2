import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { duration, formatDuration, formatSize, size, z } from '../../src/index.ts';

describe('duration', () => {
  test.each([
    [0, 0],
    [3, 3000],
    ['250ms', 250],
    ['5s', 5000],
    ['10m', 600_000],
    ['1h', 3_600_000],
    ['0s', 0],
  ])('reads %j as %d ms', (input, ms) => {
    expect(duration().parse(input)).toBe(ms);
  });

  test.each([
    [-1],
    [1.5],
    ['5'],
    ['5 x'],
    ['-5s'],
    ['1.5h'],
    [''],
    ['5S'],
    [true],
    ['99999999999999999h'],
  ])('refuses %j', (input) => {
    const result = duration().safeParse(input);
    expect(result.error?.issues[0]?.message).toMatch(/^must be a duration: .*; got /);
  });

  test('reads back what it writes, for every millisecond', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 40 }), (ms) => {
        expect(duration().parse(formatDuration(ms))).toBe(ms);
        expect(z.encode(duration(), ms)).toBe(formatDuration(ms));
      }),
    );
  });

  test('writes the largest unit that keeps the number whole', () => {
    expect([0, 250, 5000, 90_000, 7_200_000].map(formatDuration)).toEqual([
      '0s',
      '250ms',
      '5s',
      '90s',
      '2h',
    ]);
  });

  test.each([
    [{ minMs: 1000 }, 0, 'must be at least 1s; got 0s'],
    [{ maxMs: 60_000 }, 61, 'must be at most 1m; got 61s'],
    [{ minMs: 1000, maxMs: 60_000 }, '1ms', 'must be from 1s to 1m; got 1ms'],
  ])('keeps the bounds %j', (bounds, input, message) => {
    expect(duration(bounds).safeParse(input).error?.issues[0]?.message).toBe(message);
  });
});

describe('size', () => {
  test.each([
    [10, 10],
    ['64KiB', 65_536],
    ['1MiB', 1_048_576],
    ['2GiB', 2 ** 31],
    ['7B', 7],
  ])('reads %j as %d bytes', (input, bytes) => {
    expect(size().parse(input)).toBe(bytes);
  });

  test.each([['64KB'], ['64k'], [-1], ['']])('refuses %j', (input) => {
    expect(size().safeParse(input).success).toBe(false);
  });

  test('reads back what it writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 45 }), (bytes) => {
        expect(size().parse(formatSize(bytes))).toBe(bytes);
      }),
    );
  });
});
