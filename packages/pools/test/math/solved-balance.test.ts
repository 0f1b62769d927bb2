import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Revert, math } from '@balancer/pools';

const LONG = process.env['BALANCER_TEST_LONG'] !== undefined;
const RUNS = { numRuns: LONG ? 100_000 : 3_000 };

const LIMIT = 2n ** 256n;

function checked(value: bigint): bigint {
  if (value >= LIMIT) throw new RangeError('overflow');
  return value;
}

function ceil(a: bigint, b: bigint): bigint {
  return (a + b - 1n) / b;
}

/** The contract's iteration, step by step, as its formula says. */
function iterated(amp: bigint, balances: readonly bigint[], d: bigint, index: number): bigint {
  const n = BigInt(balances.length);
  let sum = balances[0]!;
  let product = balances[0]! * n;
  for (const balance of balances.slice(1)) {
    product = checked(product * balance * n) / d;
    sum += balance;
  }
  const c = checked(ceil(checked(d * d), checked(amp * n * product)) * 1000n * balances[index]!);
  const b = sum - balances[index]! + (d / (amp * n)) * 1000n;
  let y = ceil(checked(d * d + c), d + b);
  for (let round = 0; round < 255; round++) {
    const next = ceil(checked(checked(y * y) + c), 2n * y + b - d);
    const change = next > y ? next - y : y - next;
    y = next;
    if (change <= 1n) return y;
  }
  throw new Error('does not settle');
}

/** Balances from a few units to 10^15 tokens, evenly over the decades. */
const balance = fc.double({ min: 0, max: 33, noNaN: true }).map((e) => BigInt(Math.round(10 ** e)));
const lopsided = fc.array(balance, { minLength: 2, maxLength: 5 });
const even = fc
  .tuple(balance, fc.array(fc.integer({ min: 500, max: 2000 }), { minLength: 2, maxLength: 5 }))
  .map(([base, parts]) => parts.map((part) => (base * BigInt(part)) / 1000n + 1n));
const small = fc.array(fc.bigInt(1n, 5000n), { minLength: 2, maxLength: 4 });

describe('the balance that keeps an invariant', () => {
  test('is where the iteration of the contract ends, in pools of any size', () => {
    fc.assert(
      fc.property(
        fc.oneof(even, lopsided, small),
        fc.integer({ min: 1, max: 5000 }),
        fc.integer({ min: -300, max: 300 }),
        fc.nat(4),
        (balances, factor, permille, place) => {
          const amp = BigInt(factor) * 1000n;
          const index = place % balances.length;
          const other = (index + 1) % balances.length;
          const moved = (balances[other]! * BigInt(1000 + permille)) / 1000n;
          const after = balances.with(other, moved);
          const d = invariantOf(amp, balances);
          fc.pre(d !== null);
          const expected = outcome(() => iterated(amp, after, d, index));
          fc.pre(expected !== 'does not settle' && expected !== 'division by zero');
          const found = outcome(() => math.stable.balanceGivenInvariant(amp, after, d, index));
          expect(found).toBe(expected);
        },
      ),
      RUNS,
    );
  }, 300_000);
});

function invariantOf(amp: bigint, balances: readonly bigint[]): bigint | null {
  try {
    return math.stable.invariant({ amp, balances, roundUp: true }, math.S1);
  } catch (error) {
    if (error instanceof Revert) return null;
    throw error;
  }
}

/** The value, or why there is none. */
function outcome(compute: () => bigint): bigint | string {
  try {
    return compute();
  } catch (error) {
    if (error instanceof Revert) return error.code === 'BAL#003' ? 'overflow' : error.code;
    if (!(error instanceof Error)) throw error;
    return error.message === 'Division by zero' ? 'division by zero' : error.message;
  }
}
