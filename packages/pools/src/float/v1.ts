/**
 * V1 swaps on `number`, in decimal units, fee included as the V1 pool takes it.
 *
 * Exact V1 cuts its power series at 1e-10, so amounts differ by up to 2e-10 of the balance of the
 * computed side when the exponent has a fraction.
 *
 * @module
 */
import { expm1, log1p } from './elementary.ts';
import * as weighted from './weighted.ts';

/** Two sides of a swap. Denormalised weights count by their ratio only. */
export interface V1Pair extends weighted.WeightedPair {
  /** Fraction taken from the amount in. */
  readonly swapFee: number;
}

/** Amount out for an amount in, fee taken from it. Allocates nothing but its argument. */
export function outGivenIn(pair: V1Pair & { readonly amountIn: number }): number {
  const { balanceIn, weightIn, balanceOut, weightOut, amountIn, swapFee } = pair;
  const growth = (amountIn * (1 - swapFee)) / balanceIn;
  return -balanceOut * expm1(-(weightIn / weightOut) * log1p(growth));
}

/** Amount in for an amount out, fee added. Allocates nothing but its argument. */
export function inGivenOut(pair: V1Pair & { readonly amountOut: number }): number {
  return weighted.inGivenOut(pair) / (1 - pair.swapFee);
}

/** Units in per unit out at the margin, fee included. */
export function spotPrice(pair: V1Pair): number {
  return weighted.spotPrice(pair) / (1 - pair.swapFee);
}

/** Makes every swap in order on one pool; a V1 swap takes its fee as a weighted one does. */
export const swapMany: typeof weighted.swapMany = weighted.swapMany;
