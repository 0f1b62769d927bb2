import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatAge,
  formatBytes,
  formatCounted,
  formatMilliseconds,
  formatRate,
  formatSeconds,
} from '../src/format.ts';

describe('figures', () => {
  test.each([
    [null, '–'],
    [0, '0'],
    [0.25, '0.25'],
    [7.5, '7.5'],
    [9.996, '10'],
    [99.96, '100'],
    [999.4, '999'],
    [999.5, '1 k'],
    [12_345, '12.3 k'],
    [999_499, '999 k'],
    [4_500_000, '4.5 M'],
  ])('writes the rate %d as %s', (value, text) => {
    expect(formatRate(value)).toBe(text);
  });

  test.each([
    [0, '0 servers'],
    [1, '1 server'],
    [1234, '1,234 servers'],
  ])('counts %d as %s', (value, text) => {
    expect(formatCounted(value, 'server')).toBe(text);
  });

  test.each([
    [null, '–'],
    [0, '0 B'],
    [0.4, '0 B'],
    [999, '999 B'],
    [1000, '0.98 KiB'],
    [1536, '1.5 KiB'],
    [1_048_576, '1 MiB'],
    [2 ** 40 * 12.34, '12.3 TiB'],
    [2 ** 60, '1024 PiB'],
  ])('writes %d bytes as %s', (value, text) => {
    expect(formatBytes(value)).toBe(text);
  });

  test.each([
    [-3, '0 s', '0 s'],
    [59.9, '59 s', '59 s'],
    [200, '3 min 20 s', '3 min'],
    [3600, '1 h', '1 h'],
    [3605, '1 h', '1 h'],
    [18_420, '5 h 7 min', '5 h'],
    [1_047_600, '12 d 3 h', '12 d'],
  ])('writes %d seconds as %s, or as %s', (value, both, largest) => {
    expect(formatSeconds(value)).toBe(both);
    expect(formatAge(value)).toBe(largest);
  });

  test('writes milliseconds with three digits', () => {
    expect([0.4231, 12.34, 1500].map(formatMilliseconds)).toEqual(['0.42 ms', '12.3 ms', '1.5 s']);
  });

  test('never needs more than eight characters for bytes below an exbibyte', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 2 ** 59, noNaN: true }), (value) => {
        expect(formatBytes(value).length).toBeLessThanOrEqual(8);
      }),
    );
  });
});
