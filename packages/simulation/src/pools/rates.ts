/**
 * Stable pools count tokens by their rates: what the formulas see is balance times rate.
 *
 * @module
 */
import { float } from '@balancer/pools';
import type { PoolSpec } from './spec.ts';

/** Rate of each token as a number; 1 where there is none. */
export function ratesOf({ tokens }: PoolSpec): Float64Array {
  return Float64Array.from(tokens, ({ rate }) => (rate === null ? 1 : Number(rate) / 1e18));
}

/** Balances as the invariant sees them. */
export function ratedBalances(balances: Float64Array, rates: Float64Array): Float64Array {
  return balances.map((balance, i) => balance * rates[i]!);
}

/** Units in per unit out at the margin, without fee, of tokens with rates. */
export function stableSpot(
  amp: number,
  balances: Float64Array,
  rates: Float64Array,
  { indexIn, indexOut }: { readonly indexIn: number; readonly indexOut: number },
): number {
  const rated = ratedBalances(balances, rates);
  const spot = float.stable.spotPrice({ amp, balances: rated, indexIn, indexOut });
  return (spot * rates[indexOut]!) / rates[indexIn]!;
}
