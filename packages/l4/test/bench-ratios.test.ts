import { describe, expect, test } from 'vitest';
import { readRatios, slower } from '../bench/ratios.ts';
import { SCENARIOS } from '../bench/scenarios.ts';

describe('stored ratios of the benchmark', () => {
  test('are there for every scenario', () => {
    expect(Object.keys(readRatios()).toSorted()).toEqual(
      SCENARIOS.map(({ name }) => name).toSorted(),
    );
  });

  test('name what became more than a tenth slower', () => {
    const stored = { same: 2, slower: 2, faster: 2 };
    expect(slower({ same: 2.2, slower: 2.3, faster: 1, unknown: 9 }, stored)).toEqual([
      'slower: 2.30 of the floor, 15 % slower than the 2.00 that are stored',
    ]);
  });
});
