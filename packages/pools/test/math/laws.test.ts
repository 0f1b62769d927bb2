import fc from 'fast-check';
import { math, Revert } from '@balancer/pools';
import { describe, expect, test } from 'vitest';

const { fixedPoint, logExp, stable, weighted } = math;
const ONE = 10n ** 18n;
const RUNS = { numRuns: process.env['BALANCER_TEST_LONG'] === undefined ? 200 : 5000 };

const balance = fc.bigInt({ min: 10n ** 15n, max: 10n ** 30n });
const weight = fc.bigInt({ min: ONE / 100n, max: (ONE * 99n) / 100n });
const pair = fc.tuple(balance, balance, weight).map(([balanceIn, balanceOut, weightIn]) => {
  return { balanceIn, balanceOut, weightIn, weightOut: ONE - weightIn };
});
const share = fc.bigInt({ min: 1n, max: 2999n });

describe('fixed point', () => {
  const value = fc.bigInt({ min: 0n, max: 10n ** 38n });

  test('rounds down and up by less than one unit', () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        const { mulDown, mulUp, divDown, divUp } = fixedPoint;
        expect(mulUp(a, b) - mulDown(a, b)).toBe((a * b) % ONE === 0n ? 0n : 1n);
        if (b > 0n) expect(divUp(a, b) - divDown(a, b)).toBe((a * ONE) % b === 0n ? 0n : 1n);
      }),
      RUNS,
    );
  });

  test('exp undoes ln within the bound of pow', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: ONE / 1000n, max: 10n ** 40n }), (x) => {
        const back = logExp.exp(logExp.ln(x));
        const miss = back > x ? back - x : x - back;
        expect(miss).toBeLessThanOrEqual(x / 10n ** 14n + 1000n);
      }),
      RUNS,
    );
  });

  test.each([math.FP1, math.FP2])('$name: powDown is at most powUp', ({ powDown, powUp }) => {
    const base = fc.bigInt({ min: ONE / 1000n, max: 1000n * ONE });
    fc.assert(
      fc.property(base, fc.bigInt({ min: 0n, max: 4n * ONE }), (x, y) => {
        expect(powDown(x, y)).toBeLessThanOrEqual(powUp(x, y));
      }),
      RUNS,
    );
  });
});

describe.each([math.W1, math.W2, math.W3])('weighted $name', (revision) => {
  test('more in gives no less out', () => {
    fc.assert(
      fc.property(pair, share, share, (p, a, b) => {
        const out = (s: bigint): bigint =>
          weighted.outGivenIn({ ...p, amountIn: (p.balanceIn * s) / 10_000n }, revision);
        const [less, more] = a < b ? [a, b] : [b, a];
        // The power is exact to 1e-14 of the balance, so neighbouring amounts may swap places.
        const guard = p.balanceOut / 10n ** 13n + 2n;
        expect(out(more) + guard).toBeGreaterThanOrEqual(out(less));
      }),
      RUNS,
    );
  });

  test('what an amount in buys costs at least that amount, but for the guard', () => {
    fc.assert(
      fc.property(pair, share, (p, s) => {
        const amountIn = (p.balanceIn * s) / 10_000n;
        const amountOut = weighted.outGivenIn({ ...p, amountIn }, revision);
        const after = {
          balanceIn: p.balanceOut - amountOut,
          weightIn: p.weightOut,
          balanceOut: p.balanceIn + amountIn,
          weightOut: p.weightIn,
        };
        if (amountOut * 10n > after.balanceIn * 3n) return;
        expect(
          weighted.outGivenIn({ ...after, amountIn: amountOut }, revision),
        ).toBeLessThanOrEqual(amountIn);
      }),
      RUNS,
    );
  });
});

/** Far-off balances can keep Newton's method two units from its goal; the contracts revert then. */
function whereConverging(law: () => void): void {
  try {
    law();
  } catch (error) {
    if (!(error instanceof Revert && ['BAL#321', 'BAL#322'].includes(error.code))) throw error;
  }
}

describe.each([math.S1, math.S2])('stable $name', (revision) => {
  const pool = fc.record({
    amp: fc.bigInt({ min: 1000n, max: 5_000_000n }),
    balances: fc.array(fc.bigInt({ min: 10n ** 21n, max: 10n ** 24n }), {
      minLength: 2,
      maxLength: 5,
    }),
  });

  test('the invariant lies between the product and the sum', () => {
    fc.assert(
      fc.property(pool, ({ amp, balances }) =>
        whereConverging(() => {
          const d = stable.invariant({ amp, balances }, revision);
          const sum = balances.reduce((all, b) => all + b, 0n);
          const n = BigInt(balances.length);
          const product = balances.reduce((all, b) => all * b, n ** n);
          expect(d).toBeLessThanOrEqual(sum + 2n);
          expect((d + 2n) ** n).toBeGreaterThanOrEqual(product);
        }),
      ),
      RUNS,
    );
  });

  test('swapping there and back never pays', () => {
    fc.assert(
      fc.property(pool, share, ({ amp, balances }, s) =>
        whereConverging(() => {
          const amountIn = (balances[0]! * s) / 10_000n;
          const there = { amp, balances, indexIn: 0, indexOut: 1 };
          const amountOut = stable.outGivenIn({ ...there, amountIn }, revision);
          const after = balances.with(0, balances[0]! + amountIn).with(1, balances[1]! - amountOut);
          const back = { amp, balances: after, indexIn: 1, indexOut: 0 };
          const returned = stable.outGivenIn({ ...back, amountIn: amountOut }, revision);
          expect(returned).toBeLessThanOrEqual(amountIn);
        }),
      ),
      RUNS,
    );
  });

  test('the balance that gives the invariant is the balance', () => {
    fc.assert(
      fc.property(pool, ({ amp, balances }) =>
        whereConverging(() => {
          const d = stable.invariant({ amp, balances, roundUp: true }, revision);
          const found = stable.balanceGivenInvariant(amp, balances, d, 0);
          const miss = found - balances[0]!;
          expect(miss < 0n ? -miss : miss).toBeLessThanOrEqual(
            balances[0]! / 10n ** 15n + 10n ** 3n,
          );
        }),
      ),
      RUNS,
    );
  });
});
