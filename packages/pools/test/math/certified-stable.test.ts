import * as fc from 'fast-check';
import { math, Revert } from '@balancer/pools';
import { describe, expect, test } from 'vitest';
import {
  certifiedBalance,
  certifiedInvariant2021,
  certifiedInvariant2022,
} from '../../src/math/certified-stable.ts';

const { balanceByBigint } = math.stable;
const ONE = 10n ** 18n;
const LONG = process.env['BALANCER_TEST_LONG'] !== undefined;
const RUNS = { numRuns: LONG ? 500_000 : 3_000 };

/** Balances from a few units to 10^13 tokens, evenly over the decades. */
const balance = fc.double({ min: 0, max: 31, noNaN: true }).map((e) => BigInt(Math.round(10 ** e)));
const lopsided = fc.array(balance, { minLength: 2, maxLength: 5 });
const parts = fc.array(fc.integer({ min: 500, max: 2000 }), { minLength: 2, maxLength: 5 });
const even = fc
  .tuple(balance, parts, fc.bigInt(0n, 10n ** 15n))
  .map(([base, shares, rest]) =>
    shares.map((s) => (base * BigInt(s)) / 1000n + (rest % (base + 1n)) + 1n),
  );
/** Every division of the contract is exact somewhere in these. */
const equal = fc
  .tuple(fc.bigInt(1n, 10n ** 9n), fc.integer({ min: 2, max: 5 }), fc.constantFrom(1n, ONE))
  .map(([tokens, count, unit]) => Array.from({ length: count }, () => tokens * unit));
const pools = fc.oneof(even, lopsided, equal);
/** Whole amplifications, and those on the way from one to another. */
const amp = fc.oneof(
  fc.bigInt(1n, 5000n).map((whole) => whole * 1000n),
  fc.bigInt(1000n, 5_000_000n),
);

function outcome(compute: () => bigint): bigint | string {
  try {
    return compute();
  } catch (error) {
    if (error instanceof Revert) return error.code;
    throw error;
  }
}

describe('the certified invariant', () => {
  test.each([
    ['of 2021, rounded up', math.S1, true],
    ['of 2021, rounded down', math.S1, false],
    ['of 2022', math.S2, false],
  ])(
    '%s, is where the rounds of the contract end, or nothing',
    (_, revision, roundUp) => {
      fc.assert(
        fc.property(amp, pools, (a, balances) => {
          const certified =
            revision === math.S1
              ? certifiedInvariant2021(a, balances, roundUp)
              : certifiedInvariant2022(a, balances);
          fc.pre(certified !== null);
          expect(certified).toBe(outcome(() => revision.invariantByBigint(a, balances, roundUp)));
        }),
        RUNS,
      );
    },
    600_000,
  );
});

describe('the certified balance', () => {
  test('is where the rounds of the contract end, or nothing', () => {
    fc.assert(
      fc.property(amp, pools, fc.bigInt(-300n, 300n), fc.nat(4), (a, balances, permille, place) => {
        const index = place % balances.length;
        const other = (index + 1) % balances.length;
        const after = balances.with(other, (balances[other]! * (1000n + permille)) / 1000n);
        const d = outcome(() => math.S1.invariantByBigint(a, balances, true));
        fc.pre(typeof d === 'bigint');
        const certified = certifiedBalance(a, after, d, index);
        fc.pre(certified !== null);
        expect(certified).toBe(outcome(() => balanceByBigint(a, after, d, index)));
      }),
      RUNS,
    );
  }, 600_000);
});

test('nearly every swap of a usual pool is certified', () => {
  let found = 0;
  const pools_ = 1000;
  for (let i = 1; i <= pools_; i++) {
    const base = BigInt(i) * 97_003n * ONE + 12_345_678_901_234_567n;
    const balances = [base, (base * 11n) / 10n, (base * 19n) / 20n];
    const a = BigInt(1 + (i % 2000)) * 1000n;
    const d = certifiedInvariant2022(a, balances);
    if (d !== null && certifiedBalance(a, balances.with(0, base + ONE), d, 1) !== null) found += 1;
  }
  expect(found).toBeGreaterThan(pools_ * 0.9);
});
