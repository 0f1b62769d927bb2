/**
 * Weighted swaps on `number`, in decimal units of the tokens (1.5 is one and a half tokens).
 *
 * With x = amountIn / balanceIn, the textbook form 1 - (1 / (1 + x))^w loses all digits of a small
 * swap; -expm1(-w log1p(x)) is the same number and keeps them.
 *
 * Against exact mode (balances 1e-3 .. 1e12, weight ratio 1/99 .. 99, at most 30 % of a balance) the
 * difference is below 2e-14 of the balance out, or below 1.1e-14 + 7e-16 ln(growth) of what the
 * balance in becomes. There is no relative bound on small amounts: exact mode rounds dust to 0, and
 * moves its results by a guard of 1e-14 itself.
 *
 * @module
 */
import { expm1, log1p } from './elementary.ts';

/** Two sides of a swap. Weights count by their ratio only. */
export interface WeightedPair {
  readonly balanceIn: number;
  readonly weightIn: number;
  readonly balanceOut: number;
  readonly weightOut: number;
}

/** Amount out for an amount in, fee already taken. Allocates nothing; never throws. */
export function outGivenIn(pair: WeightedPair & { readonly amountIn: number }): number {
  const { balanceIn, weightIn, balanceOut, weightOut, amountIn } = pair;
  return -balanceOut * expm1(-(weightIn / weightOut) * log1p(amountIn / balanceIn));
}

/** Amount in for an amount out, before the fee is added. Allocates nothing; never throws. */
export function inGivenOut(pair: WeightedPair & { readonly amountOut: number }): number {
  const { balanceIn, weightIn, balanceOut, weightOut, amountOut } = pair;
  return balanceIn * expm1(-(weightOut / weightIn) * log1p(-amountOut / balanceOut));
}

/** Units in per unit out at the margin, without fee. */
export function spotPrice({ balanceIn, weightIn, balanceOut, weightOut }: WeightedPair): number {
  return balanceIn / weightIn / (balanceOut / weightOut);
}

/** Product of the balances, each raised to its normalised weight. */
export function invariant(balances: ArrayLike<number>, weights: ArrayLike<number>): number {
  let logarithm = 0;
  for (let i = 0; i < balances.length; i++) logarithm += weights[i]! * Math.log(balances[i]!);
  return Math.exp(logarithm);
}

/** A pool whose balances `swapMany` changes. */
export interface FloatWeightedPool {
  /** Decimal units, one per token; written in place. */
  readonly balances: Float64Array;
  readonly weights: Float64Array;
  /** Fraction taken from each amount in and left in the pool. */
  readonly swapFee: number;
}

/** Swaps in order; all arrays have the same length. */
export interface FloatSwaps {
  /** Index of the token in, per swap. */
  readonly tokensIn: Uint8Array;
  /** Index of the token out, per swap. */
  readonly tokensOut: Uint8Array;
  /** Amounts in, fee included. */
  readonly amountsIn: Float64Array;
  /** Written: the amounts out. */
  readonly amountsOut: Float64Array;
}

/**
 * Makes every swap in order, each on the balances that the one before left. Allocates nothing.
 *
 * @returns The number of swaps made.
 */
export function swapMany(pool: FloatWeightedPool, swaps: FloatSwaps): number {
  const { balances, weights } = pool;
  const { tokensIn, tokensOut, amountsIn, amountsOut } = swaps;
  const kept = 1 - pool.swapFee;
  const count = amountsIn.length;
  for (let i = 0; i < count; i++) {
    const tokenIn = tokensIn[i]!;
    const tokenOut = tokensOut[i]!;
    const amountIn = amountsIn[i]!;
    const balanceIn = balances[tokenIn]!;
    const balanceOut = balances[tokenOut]!;
    const ratio = weights[tokenIn]! / weights[tokenOut]!;
    const growth = (amountIn * kept) / balanceIn;
    // Equal weights make a constant product, which needs no logarithm.
    const share = ratio === 1 ? growth / (1 + growth) : -expm1(-ratio * log1p(growth));
    const amountOut = balanceOut * share;
    balances[tokenIn] = balanceIn + amountIn;
    balances[tokenOut] = balances[tokenOut]! - amountOut;
    amountsOut[i] = amountOut;
  }
  return count;
}
