import * as fc from 'fast-check';
import { math } from '@balancer/pools';
import { describe, expect, test } from 'vitest';
import { certifiedProduct } from '../../src/math/certified-product.ts';
import { certifiedShareIn, certifiedShareOut } from '../../src/math/certified-weighted.ts';

const { complement, divDown, divUp, mulUp } = math.fixedPoint;
const { powByBigint } = math.logExp;
const ONE = 10n ** 18n;
const LONG = process.env['BALANCER_TEST_LONG'] !== undefined;
const RUNS = { numRuns: LONG ? 1_000_000 : 5_000 };

/** `FixedPoint.powUp` by its text, with the contract's own power. */
function powUp(x: bigint, y: bigint, hasShortcuts: boolean): bigint {
  if (hasShortcuts && y === ONE) return x;
  if (hasShortcuts && y === 2n * ONE) return mulUp(x, x);
  if (hasShortcuts && y === 4n * ONE) return mulUp(mulUp(x, x), mulUp(x, x));
  const raw = powByBigint(x, y);
  return raw + mulUp(raw, 10_000n) + 1n;
}

/** From one unit to 10^13 tokens, every order of magnitude alike, round numbers among them. */
const balance = fc
  .tuple(fc.integer({ min: 0, max: 31 }), fc.bigInt(1n, 10n ** 18n), fc.boolean())
  .map(([digits, mantissa, isRound]) =>
    isRound
      ? (1n + (mantissa % 99n)) * 10n ** BigInt(digits)
      : (mantissa * 10n ** BigInt(digits)) / ONE + 1n,
  );
const permyriad = fc.bigInt(0n, 3000n);
const dust = fc.bigInt(0n, 3n);
const percents = fc.bigInt(1n, 99n).map((percent) => (percent * ONE) / 100n);
const weights = fc.oneof(
  percents.map((first): [bigint, bigint] => [first, ONE - first]),
  fc.tuple(percents, percents),
  fc.bigInt(ONE / 100n, (99n * ONE) / 100n).map((first): [bigint, bigint] => [first, ONE - first]),
  // Exponents 1, 2 and 4 and their inverses.
  fc
    .tuple(fc.bigInt(ONE / 100n, ONE / 5n), fc.constantFrom(1n, 2n, 4n), fc.boolean())
    .map(([one, factor, swap]): [bigint, bigint] =>
      swap ? [one, one * factor] : [one * factor, one],
    ),
);

describe('the certified share of a weighted swap', () => {
  test('is the share of the contract, or nothing', () => {
    fc.assert(
      fc.property(
        balance,
        permyriad,
        dust,
        weights,
        fc.boolean(),
        (held, parts, units, [numerator, denominator], hasShortcuts) => {
          const amount = (held * parts) / 10_000n + units;
          const swap = { balance: held, amount, numerator, denominator, hasShortcuts };
          const shareOut = certifiedShareOut(swap);
          if (shareOut !== null) {
            const base = divUp(held, held + amount);
            const power = powUp(base, divDown(numerator, denominator), hasShortcuts);
            expect(shareOut).toBe(complement(power));
          }
          const shareIn = certifiedShareIn(swap);
          if (shareIn !== null) {
            const base = divUp(held, held - amount);
            const power = powUp(base, divUp(numerator, denominator), hasShortcuts);
            expect(shareIn).toBe(power - ONE);
          }
        },
      ),
      RUNS,
    );
  }, 600_000);

  test('is found for nearly every swap, exact quotients among them', () => {
    let found = 0;
    const swaps = 2000;
    for (let i = 1; i <= swaps; i++) {
      const swap = {
        balance: BigInt(i) * 1000n * ONE,
        amount: BigInt((i % 9) + 1) * 10n * ONE,
        numerator: BigInt((i % 3) + 1) * 10n ** 17n,
        denominator: 4n * 10n ** 17n,
        hasShortcuts: true,
      };
      if (certifiedShareOut(swap) !== null && certifiedShareIn(swap) !== null) found += 1;
    }
    expect(found).toBeGreaterThan(swaps * 0.99);
  });

  test.each([
    ['at thirty per cent', 3n, 10n],
    ['above thirty per cent', 4n, 10n],
    ['of an empty balance', 1n, 0n],
  ])("leaves a swap %s to the contract's own test", (_, amount, held) => {
    const swap = {
      balance: held * ONE,
      amount: amount * ONE,
      numerator: ONE / 2n,
      denominator: ONE / 2n,
    };
    expect(certifiedShareOut({ ...swap, hasShortcuts: true })).toBeNull();
    expect(certifiedShareIn({ ...swap, hasShortcuts: true })).toBeNull();
  });
});

describe('the certified product of a swap with exponent 1, 2 or 4', () => {
  const exponents = fc.constantFrom(1n, 2n, 4n);
  const denominator = fc.bigInt(ONE / 100n, ONE / 5n);

  test('is the share of the contract, or nothing', () => {
    fc.assert(
      fc.property(
        balance,
        fc.bigInt(0n, 2_999_999n),
        dust,
        exponents,
        denominator,
        (held, parts, units, exponent, one) => {
          const amount = (held * parts) / 10_000_000n + units;
          const weights = { numerator: one * exponent, denominator: one, hasShortcuts: true };
          const shareOut = certifiedProduct({ ...weights, balance: held, amount }, 1);
          if (shareOut !== null) {
            const base = divUp(held, held + amount);
            expect(shareOut).toBe(complement(powUp(base, exponent * ONE, true)));
          }
          const shareIn = certifiedProduct({ ...weights, balance: held, amount }, -1);
          if (shareIn !== null) {
            const base = divUp(held, held - amount);
            expect(shareIn).toBe(powUp(base, exponent * ONE, true) - ONE);
          }
        },
      ),
      RUNS,
    );
  }, 600_000);

  test('is found for nearly every swap whose quotient is not whole', () => {
    let found = 0;
    const swaps = 3000;
    for (let i = 1; i <= swaps; i++) {
      const one = ONE / 10n + BigInt(i);
      const swap = {
        balance: (BigInt(i) * 1_234_567n * ONE) / 89n,
        amount: (BigInt(i) * 7_654_321n * ONE) / 9973n,
        numerator: one * (1n << BigInt(i % 3)),
        denominator: one,
        hasShortcuts: true,
      };
      if (certifiedProduct(swap, 1) !== null && certifiedProduct(swap, -1) !== null) found += 1;
    }
    expect(found).toBeGreaterThan(swaps * 0.99);
  });

  test.each([
    ['another exponent', { numerator: 3n }],
    ['an exponent next to 2', { numerator: 2n * (ONE / 5n) + 1n, denominator: ONE / 5n }],
    ['weights past 64 bits', { numerator: 1n << 65n, denominator: 1n << 64n }],
    ['a generation without products', { hasShortcuts: false }],
    ['a balance past 104 bits', { balance: 1n << 104n }],
    ['an amount past 104 bits', { amount: 1n << 104n }],
    ['a negative balance', { balance: -1000n }],
    ['a negative amount', { amount: -10n }],
    ['thirty per cent', { amount: 300n }],
    ['a whole quotient', { balance: 90n, amount: 10n }],
  ])('is nothing for %s', (_, different) => {
    const swap = {
      balance: 1000n,
      amount: 77n,
      numerator: 1n,
      denominator: 1n,
      hasShortcuts: true,
    };
    expect(certifiedProduct(swap, 1)).not.toBeNull();
    expect(certifiedProduct({ ...swap, ...different }, 1)).toBeNull();
  });
});
