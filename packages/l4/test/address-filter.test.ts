import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressFilter } from '../src/address-filter.ts';

describe('the filter of addresses', () => {
  test('sets one bit for an address, the same for the same (property)', () => {
    const bits = (addresses: readonly string[]): number =>
      addressFilter(addresses).words.reduce(
        (sum, word) => sum + word.toString(2).replaceAll('0', '').length,
        0,
      );
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.ipV4(), fc.ipV6()), { maxLength: 20 }), (addresses) => {
        expect(bits([...addresses, ...addresses])).toBe(bits(addresses));
        expect(bits(addresses)).toBeLessThanOrEqual(new Set(addresses).size);
      }),
    );
  });

  test('is empty without addresses', () => {
    expect(addressFilter([]).words).toEqual(Array(1024).fill(0n));
  });
});
