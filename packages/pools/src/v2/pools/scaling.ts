/**
 * Between raw token units and the 18 decimals of pool mathematics. A factor is 10^(18 - decimals),
 * times the token's rate where the pool applies rates; factors with a rate carry 18 decimals more.
 *
 * @module
 */
import { mulDown, ONE } from '../../math/fixed-point.ts';
import { divUp as quotientUp, mul, sub } from '../../uint.ts';
import type { Pool, RateCache, TokenBalance } from '../state.ts';

/** A scaling factor as a fraction, so that factors without a rate need no division. */
export interface Scale {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** Factor of a token without rate. */
export function plainScale(factor: bigint): Scale {
  return { numerator: factor, denominator: 1n };
}

/** Factor of a token with a rate: floor(factor rate), 18 decimals. */
export function ratedScale(factor: bigint, rate: bigint): Scale {
  return { numerator: mulDown(factor * ONE, rate), denominator: ONE };
}

/** The factor of a token whose rate is remembered, or is 1.0 when there is no cache. */
export function cachedScale(factor: bigint, cache: RateCache | null): Scale {
  return cache === null ? plainScale(factor) : ratedScale(factor, cache.rate);
}

/** Raw to 18 decimals, rounded down. */
export function upscale(amount: bigint, scale: Scale): bigint {
  if (isUnity(scale)) return amount;
  const product = mul(amount, scale.numerator);
  return scale.denominator === 1n ? product : product / scale.denominator;
}

/** 18 decimals to raw, rounded down. */
export function downscaleDown(amount: bigint, scale: Scale): bigint {
  return isUnity(scale) ? amount : mul(amount, scale.denominator) / scale.numerator;
}

/** 18 decimals to raw, rounded up. */
export function downscaleUp(amount: bigint, scale: Scale): bigint {
  if (isUnity(scale)) return amount;
  return quotientUp(mul(amount, scale.denominator), scale.numerator);
}

/** Most tokens have 18 decimals and no rate; a rate of 1.0 still carries its decimals. */
function isUnity(scale: Scale): boolean {
  return scale.numerator === 1n && scale.denominator === 1n;
}

export function upscaleAll(amounts: readonly bigint[], scales: readonly Scale[]): bigint[] {
  return amounts.map((amount, i) => upscale(amount, scales[i]!));
}

export function downscaleAllDown(amounts: readonly bigint[], scales: readonly Scale[]): bigint[] {
  return amounts.map((amount, i) => downscaleDown(amount, scales[i]!));
}

export function downscaleAllUp(amounts: readonly bigint[], scales: readonly Scale[]): bigint[] {
  return amounts.map((amount, i) => downscaleUp(amount, scales[i]!));
}

/** Cash plus managed, raw. */
export function totalOf(balance: TokenBalance): bigint {
  // Most pools have no asset manager, and an addition allocates.
  return balance.managed === 0n ? balance.cash : balance.cash + balance.managed;
}

/** Raw totals of all registered tokens. */
export function totalsOf(pool: Pool): bigint[] {
  return pool.balances.map(totalOf);
}

/** Pool tokens outside of the Vault's own balance, where the pool registers its token. */
export function virtualSupplyOf(pool: Pool & { readonly bptIndex: number }): bigint {
  return sub(pool.totalSupply, totalOf(pool.balances[pool.bptIndex]!));
}

/** The array without the entry at `index`. */
export function without<T>(values: readonly T[], index: number): T[] {
  return values.filter((_, i) => i !== index);
}

/** The array with `value` put in at `index`. */
export function withInserted<T>(values: readonly T[], index: number, value: T): T[] {
  return values.toSpliced(index, 0, value);
}
