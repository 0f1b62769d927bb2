/**
 * Sizes of arbitrage trades on a weighted pair.
 *
 * The marginal price of the pool, fee included, meets the outside price when the trade is made whole:
 * with g = 1 - fee and k = g p bo wi / (bi wo) the amount in is bi (k^(wo / (wi + wo)) - 1) / g.
 *
 * Source: G. Angeris, T. Chitra, "Improved price oracles: constant function market makers", AFT
 * 2020, with weights.
 *
 * @module
 */
import { float } from '@balancer/pools';

/** Two sides of a weighted pool, decimal units, and what one `out` is worth in `in` outside. */
export interface ArbitragePair {
  readonly balanceIn: number;
  readonly weightIn: number;
  readonly balanceOut: number;
  readonly weightOut: number;
  /** Fraction of the amount in. */
  readonly swapFee: number;
  readonly price: number;
}

/** A trade and its profit in units of the token in, before gas. */
export interface ArbitrageTrade {
  readonly amountIn: number;
  readonly amountOut: number;
  readonly profit: number;
}

/** The amount in that leaves no further profit; 0 when the pool's price is within the fee. */
export function closedFormAmountIn(pair: ArbitragePair): number {
  const { balanceIn, weightIn, balanceOut, weightOut, swapFee, price } = pair;
  const kept = 1 - swapFee;
  const k = (kept * price * balanceOut * weightIn) / (balanceIn * weightOut);
  if (!(k > 1)) return 0;
  return (balanceIn * (powOf(k, weightOut / (weightIn + weightOut)) - 1)) / kept;
}

/** The trade of `closedFormAmountIn`, or null. */
export function closedFormTrade(pair: ArbitragePair): ArbitrageTrade | null {
  const amountIn = closedFormAmountIn(pair);
  if (amountIn <= 0) return null;
  const amountOut = float.v1.outGivenIn({ ...pair, amountIn });
  return { amountIn, amountOut, profit: amountOut * pair.price - amountIn };
}

/** k^exponent; a square root for equal weights, which is exact and several times as fast. */
export function powOf(k: number, exponent: number): number {
  return exponent === 0.5 ? Math.sqrt(k) : k ** exponent;
}
