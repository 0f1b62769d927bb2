import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  add,
  load,
  multiply,
  subtract,
  takeRegisters,
  wholeOf,
  wholeQuotient,
} from '../../src/math/double-double.ts';

const LONG = process.env['BALANCER_TEST_LONG'] !== undefined;
const RUNS = { numRuns: LONG ? 1_000_000 : 10_000 };

const [A, B, D, TO] = [takeRegisters(), takeRegisters(), takeRegisters(), takeRegisters()];

/** Whole numbers of up to so many bits, every length alike, powers of two and their neighbours. */
function whole(bits: number): fc.Arbitrary<bigint> {
  return fc.oneof(
    fc
      .integer({ min: 0, max: bits })
      .chain((n) => fc.bigInt({ min: 0n, max: (1n << BigInt(n)) - 1n })),
    fc
      .tuple(fc.integer({ min: 0, max: bits - 1 }), fc.constantFrom(-1n, 0n, 1n))
      .map(([n, off]) => (1n << BigInt(n)) + off),
  );
}

describe('whole numbers in pairs of doubles', () => {
  test('are read and written unchanged below 2^104, and refused from there on', () => {
    fc.assert(
      fc.property(whole(104), (value) => {
        expect(load(A, value)).toBe(value < 1n << 104n);
        if (value < 1n << 104n) expect(wholeOf(A)).toBe(value);
      }),
      RUNS,
    );
    expect(load(A, -1n)).toBe(false);
  }, 600_000);

  test('have exact sums, differences and products', () => {
    fc.assert(
      fc.property(whole(103), whole(103), whole(51), whole(52), (a, b, c, d) => {
        load(A, a);
        load(B, b);
        add(TO, A, B);
        expect(wholeOf(TO)).toBe(a + b);
        if (a >= b) {
          subtract(TO, A, B);
          expect(wholeOf(TO)).toBe(a - b);
        }
        load(A, c);
        load(B, d);
        multiply(TO, A, B);
        expect(wholeOf(TO)).toBe(c * d);
      }),
      RUNS,
    );
  }, 600_000);

  // Near an integer the fraction tells nothing, so exact multiples and their neighbours matter most.
  test('have the quotients that bigint has, whole or next to it, whatever the rounding', () => {
    const ratio = fc.oneof(
      fc.tuple(whole(100), whole(100), whole(100)),
      fc
        .tuple(whole(50), whole(45), whole(50), fc.constantFrom(-1n, 0n, 1n))
        .map(([a, d, q, off]): [bigint, bigint, bigint] => [a * d + off, q, d]),
    );
    fc.assert(
      fc.property(ratio, fc.boolean(), ([a, b, d], roundUp) => {
        fc.pre(a >= 0n && d > 0n && load(A, a) && load(B, b) && load(D, d));
        fc.pre(wholeQuotient(TO, A, B, D, roundUp));
        expect(wholeOf(TO)).toBe((a * b + (roundUp ? d - 1n : 0n)) / d);
      }),
      RUNS,
    );
  }, 600_000);
});
