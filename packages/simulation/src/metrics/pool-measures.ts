/**
 * What a pool is like at a moment: its invariant per pool token, and how deep it is.
 *
 * @module
 */
import { float } from '@balancer/pools';
import { ratedBalances, ratesOf } from '../pools/rates.ts';
import type { SimPool } from '../pools/sim-pool.ts';

/** The weighted product of the balances, or D, per pool token. */
export function invariantPerShare(pool: SimPool): number {
  const invariant =
    pool.family === 'weighted'
      ? float.weighted.invariant(pool.balances, pool.weights)
      : float.stable.invariant(pool.amp, ratedBalances(pool.balances, ratesOf(pool.spec)));
  return invariant / pool.supply;
}

/**
 * Quote value that, paid in the last token, moves the spot price of the first by a fraction. Closed
 * form for weighted pools, bisection for stable ones.
 */
export function depth(pool: SimPool, prices: ArrayLike<number>, move: number): number {
  const last = prices.length - 1;
  const balance = pool.balances[last]!;
  const price = prices[last]!;
  if (pool.family === 'weighted') {
    const [w0, w1] = [pool.weights[0]!, pool.weights[last]!];
    // Spot grows by (1 + x)^(1 + w1 / w0) for an amount in of x balances, fee left aside.
    return (balance * Math.expm1(Math.log1p(move) * (w0 / (w0 + w1))) * price) / (1 - pool.swapFee);
  }
  const target = pool.spot(last, 0) * (1 + move);
  const state = pool.save();
  let [low, high] = [0, balance * 100];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    pool.swapGivenIn(last, 0, middle);
    if (pool.spot(last, 0) < target) low = middle;
    else high = middle;
    pool.restore(state);
  }
  return high * price;
}
