import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  byWeightTable,
  drawTable,
  hashTable,
  maglevTable,
  ringTable,
  roundRobinTable,
  type TableMember,
  weightedRoundRobinTable,
} from '../src/tables.ts';
import { hashFlow } from '../src/hash.ts';

const members = (...weights: number[]): TableMember[] =>
  weights.map((weight, index) => ({ slot: index + 1, id: `10.0.0.${11 + index}:8080`, weight }));

describe('the table of weighted round robin', () => {
  test('gives A A B A B C A B C for weights 4, 3, 2', () => {
    const letters = [...weightedRoundRobinTable(members(4, 3, 2))].map((slot) => ' ABC'[slot]);
    expect(letters.join(' ')).toBe('A A B A B C A B C');
  });

  test('has each member as often as its weight says, for any weights', () => {
    const weights = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(weights, (given) => {
        const table = weightedRoundRobinTable(members(...given));
        const counts = given.map((_, index) => table.filter((slot) => slot === index + 1).length);
        const unit =
          table.length /
          Math.max(
            1,
            given.reduce((a, b) => a + b, 0),
          );
        expect(counts).toEqual(given.map((weight) => Math.round(weight * unit)));
      }),
    );
  });

  test('stays at 8192 entries and keeps the small weights when the period is longer', () => {
    const table = weightedRoundRobinTable(members(65_535, 65_521, 1));
    expect(table.length).toBeLessThanOrEqual(8192);
    expect(table.filter((slot) => slot === 3)).toHaveLength(1);
  });

  test('is empty when all weights are 0', () => {
    expect(weightedRoundRobinTable(members(0, 0))).toHaveLength(0);
  });
});

describe('the table of round robin', () => {
  test('has each member once', () => {
    expect([...roundRobinTable(members(5, 1))]).toEqual([1, 2]);
  });
});

describe('the Maglev table', () => {
  test('has 10.0.0.11:8080 in slot 146 of 251, where 192.0.2.10:40000 falls', () => {
    const flow = {
      source: '192.0.2.10',
      sourcePort: 40_000,
      destination: '203.0.113.1',
      servicePort: 80,
    };
    expect(hashFlow(flow, 'ip-port') % 251).toBe(146);
    expect(maglevTable(members(1, 1, 1), 251)[146]).toBe(1);
  });

  test('is the same whatever the order of the members', () => {
    const some = members(1, 2, 3, 4);
    expect(maglevTable(some.toReversed(), 509)).toEqual(maglevTable(some, 509));
  });

  test('gives 100 equal members shares within 2 % of each other', () => {
    const table = maglevTable(members(...Array<number>(100).fill(1)), 65_537);
    const counts = Array.from({ length: 100 }, (_, i) => table.filter((s) => s === i + 1).length);
    expect(Math.min(...counts) / (65_537 / 100)).toBeGreaterThan(0.98);
    expect(Math.max(...counts) / (65_537 / 100)).toBeLessThan(1.02);
  });

  test('gives weights 1, 2, 3, 4 shares of 10, 20, 30, 40 %', () => {
    const table = maglevTable(members(1, 2, 3, 4), 65_537);
    const shares = [1, 2, 3, 4].map((slot) => table.filter((s) => s === slot).length / 65_537);
    shares.forEach((share, index) => expect(share).toBeCloseTo((index + 1) / 10, 2));
  });
});

describe('the ring', () => {
  test('has 65 536 slots and every member', () => {
    const table = ringTable(members(1, 1, 1));
    expect(table).toHaveLength(65_536);
    expect(new Set(table)).toEqual(new Set([1, 2, 3]));
  });

  test('moves only keys of a member that leaves', () => {
    const before = ringTable(members(1, 1, 1, 1));
    const after = ringTable(members(1, 1, 1, 1).filter(({ slot }) => slot !== 2));
    const moved = before.filter((slot, index) => slot !== 2 && after[index] !== slot).length;
    // Points per member follow the average, so a few more than none may move.
    expect(moved / before.length).toBeLessThan(0.02);
  });
});

describe('the table of source and destination hashing', () => {
  test('has the members in turn, each as often as its weight says, over and over', () => {
    const table = hashTable(members(4, 0, 2));
    expect(table).toHaveLength(256);
    expect([...table.subarray(0, 9)]).toEqual([1, 1, 3, 1, 1, 3, 1, 1, 3]);
    expect(table[255]).toBe(1);
  });

  test('is empty when nobody takes flows', () => {
    expect(hashTable(members(0, 0))).toHaveLength(0);
  });
});

describe('the table of two choices', () => {
  test('has one run of each member, as long as its weight says, in the order of slots', () => {
    const swapped = members(2, 0, 6).toReversed();
    expect([...drawTable(swapped)]).toEqual([1, 3, 3, 3]);
  });

  test('keeps runs for the lightest and fits when weights are far apart', () => {
    const table = drawTable(members(65_535, 1, 32_768));
    expect(new Set(table)).toEqual(new Set([1, 2, 3]));
    expect(table.length).toBeLessThanOrEqual(8193);
  });
});

describe('the list of fail-over and overflow', () => {
  test('has the heaviest first, and equals in their order', () => {
    expect([...byWeightTable(members(1, 5, 3, 5))]).toEqual([2, 4, 3, 1]);
  });
});
