import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { float } from '@balancer/pools';
import { expm1, log1p } from '../../src/float/elementary.ts';

const swaps = fc.array(
  fc.record({
    tokenIn: fc.integer({ min: 0, max: 2 }),
    step: fc.integer({ min: 1, max: 2 }),
    amountIn: fc.double({ min: 1e-6, max: 50, noNaN: true }),
  }),
  { minLength: 1, maxLength: 30 },
);

type Drawn = readonly { tokenIn: number; step: number; amountIn: number }[];

function columns(drawn: Drawn) {
  return {
    tokensIn: Uint8Array.from(drawn, ({ tokenIn }) => tokenIn),
    tokensOut: Uint8Array.from(drawn, ({ tokenIn, step }) => (tokenIn + step) % 3),
    amountsIn: Float64Array.from(drawn, ({ amountIn }) => amountIn),
    amountsOut: new Float64Array(drawn.length),
  };
}

/** Swaps one at a time through the single-swap function. */
function oneByOne(
  drawn: Drawn,
  balances: number[],
  swapFee: number,
  price: (indexIn: number, indexOut: number, amountIn: number) => number,
): number[] {
  return drawn.map(({ tokenIn, step, amountIn }) => {
    const tokenOut = (tokenIn + step) % 3;
    const amountOut = price(tokenIn, tokenOut, amountIn * (1 - swapFee));
    balances[tokenIn] = balances[tokenIn]! + amountIn;
    balances[tokenOut] = balances[tokenOut]! - amountOut;
    return amountOut;
  });
}

function expectClose(found: ArrayLike<number>, expected: readonly number[]) {
  expected.forEach((value, i) => expect(Math.abs(found[i]! / value - 1)).toBeLessThan(1e-11));
}

describe('swapMany', () => {
  test('of float.weighted makes the swaps that single calls make, in order', () => {
    fc.assert(
      fc.property(swaps, (drawn) => {
        const weights = Float64Array.of(0.5, 0.25, 0.25);
        const pool = { balances: Float64Array.of(1000, 2000, 500), weights, swapFee: 0.003 };
        const batch = columns(drawn);
        const balances = [1000, 2000, 500];
        const expected = oneByOne(drawn, balances, 0.003, (indexIn, indexOut, amountIn) =>
          float.weighted.outGivenIn({
            balanceIn: balances[indexIn]!,
            weightIn: weights[indexIn]!,
            balanceOut: balances[indexOut]!,
            weightOut: weights[indexOut]!,
            amountIn,
          }),
        );
        expect(float.weighted.swapMany(pool, batch)).toBe(drawn.length);
        expectClose(batch.amountsOut, expected);
        expectClose(pool.balances, balances);
      }),
    );
  });

  test('of float.stable makes the swaps that single calls make, in order', () => {
    fc.assert(
      fc.property(swaps, (drawn) => {
        const pool = { amp: 200, balances: Float64Array.of(1000, 2000, 500), swapFee: 0.0004 };
        const batch = columns(drawn);
        const balances = [1000, 2000, 500];
        const expected = oneByOne(drawn, balances, 0.0004, (indexIn, indexOut, amountIn) =>
          float.stable.outGivenIn({ amp: 200, balances, indexIn, indexOut, amountIn }),
        );
        expect(float.stable.swapMany(pool, batch)).toBe(drawn.length);
        expectClose(batch.amountsOut, expected);
        expectClose(pool.balances, balances);
      }),
    );
  });

  test('leaves balances alone when nothing is swapped', () => {
    const pool = {
      balances: Float64Array.of(1000, 2000),
      weights: Float64Array.of(0.5, 0.5),
      swapFee: 0,
    };
    const batch = {
      tokensIn: Uint8Array.of(0),
      tokensOut: Uint8Array.of(1),
      amountsIn: Float64Array.of(0),
      amountsOut: new Float64Array(1),
    };
    float.weighted.swapMany(pool, batch);
    expect([...pool.balances, ...batch.amountsOut]).toEqual([1000, 2000, 0]);
  });
});

describe('the elementary functions of swaps', () => {
  test('log1p is within 4 units in the last place of the engine function', () => {
    fc.assert(
      fc.property(fc.double({ min: -0.5, max: 1, noNaN: true }), (x) => {
        expect(Math.abs(log1p(x) - Math.log1p(x))).toBeLessThanOrEqual(ulps(4, Math.log1p(x)));
      }),
      { numRuns: 2000 },
    );
  });

  test('expm1 is within 4 units in the last place of the engine function', () => {
    fc.assert(
      fc.property(fc.double({ min: -1, max: 1, noNaN: true }), (y) => {
        expect(Math.abs(expm1(y) - Math.expm1(y))).toBeLessThanOrEqual(ulps(4, Math.expm1(y)));
      }),
      { numRuns: 2000 },
    );
  });
});

function ulps(count: number, value: number): number {
  return Math.max(count * 2 ** -52 * Math.abs(value), count * Number.MIN_VALUE);
}
