import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Revert, float, math, v1 } from '@balancer/pools';
import { stableRounding } from './stable-rounding.ts';

const LONG = process.env['BALANCER_TEST_LONG'] !== undefined;
const RUNS = { numRuns: LONG ? 20_000 : 2_000 };

const ONE = 10n ** 18n;

/** Balances from 1e-3 to 1e12 tokens, evenly over the decades. */
const balance = fc
  .double({ min: -3, max: 12, noNaN: true })
  .map((exponent) => BigInt(Math.round(10 ** (exponent + 6))) * 10n ** 12n);
/** Fraction of a balance that a swap moves. */
const ratio = fc.double({ min: 1e-9, max: 0.2999, noNaN: true });
/** Share of the first of two tokens, so that weights relate as 1/99 .. 99. */
const share = fc.bigInt(ONE / 100n, (ONE * 99n) / 100n);

const part = (whole: bigint, fraction: number): bigint =>
  (whole * BigInt(Math.round(fraction * 1e15))) / 10n ** 15n;
const decimal = (amount: bigint): number => Number(amount) / 1e18;

/** Balances within a factor of `spread` decades of each other, the least from `least` up. */
const pool = (least: number, spread: number) =>
  fc
    .record({
      amp: fc.integer({ min: 1, max: 5000 }),
      base: fc.double({ min: least, max: 12 - spread, noNaN: true }),
      places: fc.array(fc.double({ min: 0, max: spread, noNaN: true }), {
        minLength: 2,
        maxLength: 5,
      }),
    })
    .map(({ amp, base, places }) => ({
      amp,
      balances: places.map((place) => BigInt(Math.round(10 ** (base + place + 6))) * 10n ** 12n),
    }));
/** A pair for both modes. */
const both = ({ balanceIn, balanceOut, weightIn }: Record<string, bigint>) => {
  const exact = {
    balanceIn: balanceIn!,
    weightIn: weightIn!,
    balanceOut: balanceOut!,
    weightOut: ONE - weightIn!,
  };
  const twin = {
    balanceIn: decimal(exact.balanceIn),
    weightIn: decimal(exact.weightIn),
    balanceOut: decimal(exact.balanceOut),
    weightOut: decimal(exact.weightOut),
  };
  return { exact, twin };
};

describe('float.weighted', () => {
  const pair = fc.record({ balanceIn: balance, balanceOut: balance, weightIn: share });

  test('gives the amount out within 2e-14 of the balance out', () => {
    fc.assert(
      fc.property(pair, ratio, (drawn, fraction) => {
        const { exact, twin } = both(drawn);
        const amountIn = part(exact.balanceIn, fraction);
        const out = math.weighted.outGivenIn({ ...exact, amountIn }, math.W2);
        const found = float.weighted.outGivenIn({ ...twin, amountIn: decimal(amountIn) });
        expect(Math.abs(found - decimal(out))).toBeLessThanOrEqual(2e-14 * twin.balanceOut + 1e-18);
      }),
      RUNS,
    );
  });

  // Exact mode adds a guard of 1e-14 to its power. Float mode rounds the exponent, ln of the growth,
  // about six times, and the power magnifies that by the exponent itself, which reaches 35 here.
  test('gives the amount in within 1.1e-14 plus 7e-16 per e-fold of the balance after', () => {
    fc.assert(
      fc.property(pair, ratio, (drawn, fraction) => {
        const { exact, twin } = both(drawn);
        const amountOut = part(exact.balanceOut, fraction);
        const amountIn = math.weighted.inGivenOut({ ...exact, amountOut }, math.W2);
        const found = float.weighted.inGivenOut({ ...twin, amountOut: decimal(amountOut) });
        const after = twin.balanceIn + decimal(amountIn);
        const bound = 1.1e-14 + 7e-16 * Math.log(after / twin.balanceIn);
        expect(Math.abs(found - decimal(amountIn))).toBeLessThanOrEqual(bound * after + 1e-18);
      }),
      RUNS,
    );
  });
});

describe('float.v1', () => {
  test('gives the amount out within 2e-10 of the balance out', () => {
    fc.assert(
      fc.property(balance, balance, share, ratio, (balanceIn, balanceOut, weight, fraction) => {
        const weights = { weightIn: 50n * weight, weightOut: 50n * (ONE - weight) };
        const swapFee = 3n * 10n ** 15n;
        const amountIn = part(balanceIn, fraction);
        const out = v1.math.outGivenIn({ balanceIn, balanceOut, ...weights, swapFee }, amountIn);
        const found = float.v1.outGivenIn({
          balanceIn: decimal(balanceIn),
          balanceOut: decimal(balanceOut),
          weightIn: decimal(weights.weightIn),
          weightOut: decimal(weights.weightOut),
          swapFee: decimal(swapFee),
          amountIn: decimal(amountIn),
        });
        expect(Math.abs(found - decimal(out))).toBeLessThanOrEqual(2e-10 * decimal(balanceOut));
      }),
      RUNS,
    );
  });
});

describe('float.stable', () => {
  type Pool = { amp: number; balances: bigint[] };

  const exactOf = ({ amp, balances }: Pool) => {
    const exact = { amp: BigInt(amp) * 1000n, balances, indexIn: 0, indexOut: 1 };
    return { ...exact, invariant: convergent(() => math.stable.invariant(exact, math.S2)) };
  };
  const twinOf = ({ amp, balances }: Pool) => ({
    amp,
    balances: balances.map(decimal),
    indexIn: 0,
    indexOut: 1,
  });

  test('gives the invariant within 2e-15 of itself wherever exact mode finds one', () => {
    fc.assert(
      fc.property(pool(-3, 9), (drawn) => {
        const { invariant } = exactOf(drawn);
        const found = float.stable.invariant(drawn.amp, drawn.balances.map(decimal));
        expect(Math.abs(found / decimal(invariant) - 1)).toBeLessThanOrEqual(2e-15);
      }),
      RUNS,
    );
  });

  // Below a token, exact mode's own rounding exceeds 2e-14 of a balance: by how much is derived.
  test.each([0, -3])(
    'gives the amount out within 2e-14 of the balance out, least 1e%i',
    (least) => {
      fc.assert(
        fc.property(pool(least, 3), ratio, (drawn, fraction) => {
          const exact = exactOf(drawn);
          const amountIn = part(drawn.balances[0]!, fraction);
          const out = convergent(() => math.stable.outGivenIn({ ...exact, amountIn }, math.S2));
          fc.pre(out * 10n <= drawn.balances[1]! * 3n);
          const found = float.stable.outGivenIn({ ...twinOf(drawn), amountIn: decimal(amountIn) });
          const after = drawn.balances.with(0, drawn.balances[0]! + amountIn);
          const rounding = stableRounding(drawn.amp, after, exact.invariant, 1) / 1e18;
          const bound = 2e-14 * decimal(drawn.balances[1]!) + rounding;
          expect(Math.abs(found - decimal(out))).toBeLessThanOrEqual(bound);
        }),
        RUNS,
      );
    },
  );

  test.each([0, -3])('gives the amount in within 2e-14 of the balance in, least 1e%i', (least) => {
    fc.assert(
      fc.property(pool(least, 3), ratio, (drawn, fraction) => {
        const exact = exactOf(drawn);
        const amountOut = part(drawn.balances[1]!, fraction);
        const amountIn = convergent(() => math.stable.inGivenOut({ ...exact, amountOut }, math.S2));
        fc.pre(amountIn * 10n <= drawn.balances[0]! * 3n);
        const found = float.stable.inGivenOut({ ...twinOf(drawn), amountOut: decimal(amountOut) });
        const after = drawn.balances.with(1, drawn.balances[1]! - amountOut);
        const rounding = stableRounding(drawn.amp, after, exact.invariant, 0) / 1e18;
        const bound = 2e-14 * decimal(drawn.balances[0]!) + rounding;
        expect(Math.abs(found - decimal(amountIn))).toBeLessThanOrEqual(bound);
      }),
      RUNS,
    );
  });
});

/** Leaves out what exact mode reverts: balances so far apart that its iteration does not settle. */
function convergent(compute: () => bigint): bigint {
  try {
    return compute();
  } catch (error) {
    if (error instanceof Revert) fc.pre(false);
    throw error;
  }
}
