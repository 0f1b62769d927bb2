import { describe, expect, test } from 'vitest';
import { outcomeOf } from '../../src/vectors/case.ts';
import { isMathOp, runMathCase } from '../../src/vectors/math-ops.ts';
import { readVectors } from './run.ts';

describe.each(['pools-math.json', 'pools-poolmath.json'])('%s', (name) => {
  const cases = readVectors(name).cases;

  test.each(cases)('$id $op $rev gives what the contract gave', (vector) => {
    expect(isMathOp(vector.op)).toBe(true);
    const expected = vector.revert === undefined ? { out: vector.out } : { revert: vector.revert };
    expect(outcomeOf(() => runMathCase(vector))).toEqual(expected);
  });
});
