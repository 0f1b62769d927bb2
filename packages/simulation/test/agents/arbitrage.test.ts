import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  closedFormTrade,
  findGridTrade,
  type GridPool,
  type GridRules,
} from '@balancer/simulation';
import { float } from '@balancer/pools';

describe('closed-form arbitrage', () => {
  test('of a 50/50 pool leaves the marginal price at the outside price', () => {
    const pair = {
      balanceIn: 1000,
      weightIn: 0.5,
      balanceOut: 10,
      weightOut: 0.5,
      swapFee: 0.003,
      price: 110,
    };
    const trade = closedFormTrade(pair)!;
    expect(trade.amountIn).toBeCloseTo(47.37658296364265, 10);
    expect(trade.amountOut).toBeCloseTo(0.45103990868285115, 12);
    expect(trade.profit).toBeCloseTo(2.2378069914709826, 10);
    const g = 0.997;
    expect((1000 + g * trade.amountIn) / (10 - trade.amountOut) / g).toBeCloseTo(110, 9);
  });

  test('of an 80/20 pool agrees with the contract', () => {
    const trade = closedFormTrade({
      balanceIn: 1000,
      weightIn: 0.2,
      balanceOut: 40,
      weightOut: 0.8,
      swapFee: 0.0025,
      price: 120,
    })!;
    expect(trade.amountIn).toBeCloseTo(155.10412400875364, 9);
    expect(trade.amountOut).toBeCloseTo(1.4129870109028677, 11);
    expect(trade.profit).toBeCloseTo(14.454317299590485, 8);
  });

  test('is nothing within the fee', () => {
    expect(
      closedFormTrade({
        balanceIn: 1000,
        weightIn: 0.5,
        balanceOut: 10,
        weightOut: 0.5,
        swapFee: 0.003,
        price: 100.2,
      }),
    ).toBeNull();
  });

  test('is the most profitable size', () => {
    const positive = fc.double({ min: 1, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(
        positive,
        positive,
        fc.double({ min: 0.05, max: 0.95, noNaN: true }),
        fc.double({ min: 1.01, max: 2, noNaN: true }),
        (balanceIn, balanceOut, weightIn, gap) => {
          const pair = {
            balanceIn,
            weightIn,
            balanceOut,
            weightOut: 1 - weightIn,
            swapFee: 0.003,
            price: 0,
          };
          pair.price = (float.weighted.spotPrice(pair) / 0.997) * gap;
          const best = closedFormTrade(pair)!;
          for (const factor of [0.9, 0.99, 1.01, 1.1]) {
            const amountIn = best.amountIn * factor;
            const profit = float.v1.outGivenIn({ ...pair, amountIn }) * pair.price - amountIn;
            expect(profit).toBeLessThanOrEqual(best.profit + 1e-9 * balanceIn);
          }
        },
      ),
    );
  });
});

describe('the grid arbitrageur', () => {
  const rules: GridRules = {
    txCost: 30,
    minLiquidity: 100,
    maxLiquidity: 100_000,
    granularity: 1000,
    weightChange: 'none',
  };

  /** The rules read literally: every size is priced. */
  function exhaustive(
    pool: GridPool,
    prices: readonly number[],
  ): { in: number; out: number; profit: number; amountIn: number } | null {
    const { balances: b, denorms: w, swapFee } = pool;
    let pair: [number, number] | null = null;
    let ratio = Infinity;
    for (let x = 0; x < b.length; x++) {
      for (let y = 0; y < b.length; y++) {
        if (x === y) continue;
        const v = prices[y]! / (b[x]! / w[x]! / (b[y]! / w[y]!) / (1 - swapFee));
        if (prices[x]! < v && prices[x]! / v < ratio) [pair, ratio] = [[x, y], prices[x]! / v];
      }
    }
    if (pair === null) return null;
    const [x, y] = pair;
    let best: { in: number; out: number; profit: number; amountIn: number } | null = null;
    for (let size = rules.minLiquidity; size < rules.maxLiquidity; size += rules.granularity) {
      const amountIn = size / prices[x]!;
      if (amountIn >= b[x]! / 2) continue;
      const out = float.v1.outGivenIn({
        balanceIn: b[x]!,
        weightIn: w[x]!,
        balanceOut: b[y]!,
        weightOut: w[y]!,
        amountIn,
        swapFee,
      });
      const profit = (prices[y]! - (amountIn / out) * prices[x]!) * out - rules.txCost;
      if (best === null || profit > best.profit) best = { in: x, out: y, profit, amountIn };
    }
    return best !== null && best.profit >= 2 * rules.txCost ? best : null;
  }

  test('makes the trade that trying every size finds', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 10, max: 20_000, noNaN: true }), { minLength: 3, maxLength: 3 }),
        fc.array(fc.double({ min: 1, max: 500, noNaN: true }), { minLength: 3, maxLength: 3 }),
        fc.array(fc.integer({ min: 1, max: 16 }), { minLength: 3, maxLength: 3 }),
        (balances, prices, denorms) => {
          const pool: GridPool = {
            balances: Float64Array.from(balances),
            denorms: Float64Array.from(denorms),
            swapFee: 0.0015,
            generatedFees: new Float64Array(3),
          };
          const expected = exhaustive(pool, prices);
          const found = findGridTrade(pool, prices, rules);
          expect(found === null).toBe(expected === null);
          if (found === null || expected === null) return;
          expect([found.tokenIn, found.tokenOut]).toEqual([expected.in, expected.out]);
          expect(found.profit).toBeCloseTo(expected.profit, 6);
        },
      ),
      { numRuns: 300 },
    );
  });
});
