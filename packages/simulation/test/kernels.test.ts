import { describe, expect, test } from 'vitest';
import { runArbedPair, Stream } from '@balancer/simulation';

const pool = {
  balances: [1000, 1000],
  weights: [0.5, 0.5],
  startPrice: 1,
  mu: 0,
  sigma: 0.8,
  stepsPerYear: 105_120,
  steps: 10_000,
} as const;

const runs = (swapFee: number) =>
  Array.from({ length: 100 }, (_run, i) =>
    runArbedPair({ ...pool, swapFee }, new Stream(4n, `run/${i}/price`)),
  );
const mean = (values: readonly number[]): number =>
  values.reduce((a, b) => a + b, 0) / values.length;

describe('an arbitraged 50/50 pool of 2000', () => {
  const free = runs(0);
  const paid = runs(0.003);

  // sigma^2 / 8 * 2000 * (10 000 / 105 120) = 15.2207
  test('loses 15.22 to rebalancing without a fee, within 5 %, and all of it to the arbitrageur', () => {
    expect(Math.abs(mean(free.map(({ lvr }) => lvr)) / 15.2207 - 1)).toBeLessThan(0.05);
    for (const { lvr, arbitrageProfit } of free)
      expect(Math.abs(lvr - arbitrageProfit)).toBeLessThan(1e-9);
  });

  test('keeps two thirds of it as fees at 0.3 %', () => {
    const profit = mean(paid.map(({ arbitrageProfit }) => arbitrageProfit));
    const fees = mean(paid.map((run) => run.fees));
    const lost = mean(free.map(({ lvr }) => lvr));
    expect(profit / lost).toBeGreaterThan(0.28);
    expect(profit / lost).toBeLessThan(0.38);
    expect(Math.abs((profit + fees) / lost - 1)).toBeLessThan(0.02);
  });

  test('does not trade where gas costs more than the gain', () => {
    const run = runArbedPair({ ...pool, swapFee: 0.003, gas: 1000 }, new Stream(4n, 'run/0/price'));
    expect(run).toMatchObject({ trades: 0, gasSpent: 0, balances: [1000, 1000] });
  });
});
