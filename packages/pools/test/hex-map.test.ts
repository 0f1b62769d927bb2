import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HexMap } from '../src/hex-map.ts';

/** Few distinct endings, so that buckets overflow and branches grow deep. */
const key = fc
  .tuple(fc.integer({ min: 0, max: 40 }), fc.constantFrom('0', '1', 'f'))
  .map(([n, tail]) => `0x${n.toString(16).padStart(6, '0')}${tail}`);
const change = fc.tuple(key, fc.option(fc.bigInt()));

describe('HexMap', () => {
  test('holds what a Map holds after any changes, and lists it by key', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
        const model = new Map<string, bigint>();
        let map = HexMap.empty<bigint>();
        for (const [k, value] of changes) {
          map = value === null ? map.delete(k) : map.set(k, value);
          if (value === null) model.delete(k);
          else model.set(k, value);
        }
        const sorted = [...model].toSorted(([a], [b]) => (a < b ? -1 : 1));
        expect(map.entries()).toEqual(sorted);
        for (const [k] of changes) expect(map.get(k)).toBe(model.get(k));
      }),
    );
  });

  test('sets two keys as it sets one after the other', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), key, key, (changes, a, b) => {
        const map = HexMap.from(changes.map(([k, value]): [string, bigint] => [k, value ?? 0n]));
        const before = map.entries();
        expect(map.setBoth(a, 1n, b, 2n).entries()).toEqual(map.set(a, 1n).set(b, 2n).entries());
        expect(map.entries()).toEqual(before);
      }),
    );
  });

  test('leaves an earlier map as it was', () => {
    const keys = Array.from({ length: 100 }, (_, i) => `0x${i.toString(16).padStart(4, '0')}`);
    const maps = [HexMap.empty<number>()];
    for (const [i, k] of keys.entries()) maps.push(maps.at(-1)!.set(k, i));
    for (const [i, map] of maps.entries()) expect(map.entries().length).toBe(i);
    const emptied = keys.reduce((map, k) => map.delete(k), maps.at(-1)!);
    expect(emptied.entries()).toEqual([]);
    expect(maps.at(-1)!.get(keys[7]!)).toBe(7);
  });

  test('gives the same map when there is nothing to delete', () => {
    const map = HexMap.from([['0x1', 1]]);
    expect(map.delete('0x2')).toBe(map);
  });
});
