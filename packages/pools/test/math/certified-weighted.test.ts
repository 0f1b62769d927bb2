import * as fc from 'fast-check';
import { math } from '@balancer/pools';
import { describe, expect, test } from 'vitest';
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
