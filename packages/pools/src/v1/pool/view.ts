/**
 * What a V1 pool tells without changing.
 *
 * @module
 */
import { spotPrice } from '../math.ts';
import { bdiv } from '../num.ts';
import type { Address } from '../types.ts';
import { type PoolState, recordOf, requireFinalized } from './state.ts';
import { tradeSides } from './swap.ts';

interface Pair {
  readonly tokenIn: Address;
  readonly tokenOut: Address;
}

/**
 * Raw units in per raw unit out at the margin, fee included, 18 decimals.
 *
 * @throws {Revert} ERR_NOT_BOUND, ERR_DIV_ZERO.
 */
export function getSpotPrice(pool: PoolState, pair: Pair): bigint {
  return spotPrice(tradeSides(pool, pair));
}

/** As `getSpotPrice`, with no fee. @throws {Revert} ERR_NOT_BOUND, ERR_DIV_ZERO. */
export function getSpotPriceSansFee(pool: PoolState, pair: Pair): bigint {
  return spotPrice({ ...tradeSides(pool, pair), swapFee: 0n });
}

/** Weight of a token over the sum of all, 18 decimals. @throws {Revert} ERR_NOT_BOUND. */
export function getNormalizedWeight(pool: PoolState, token: Address): bigint {
  return bdiv(recordOf(pool, token).denorm, pool.totalWeight);
}

/** Denormalised weight. @throws {Revert} ERR_NOT_BOUND. */
export function getDenormalizedWeight(pool: PoolState, token: Address): bigint {
  return recordOf(pool, token).denorm;
}

/** Recorded balance, raw units. @throws {Revert} ERR_NOT_BOUND. */
export function getBalance(pool: PoolState, token: Address): bigint {
  return recordOf(pool, token).balance;
}

/** Bound tokens in the contract's order. */
export function getCurrentTokens(pool: PoolState): readonly Address[] {
  return pool.tokens.map(({ token }) => token);
}

/** Bound tokens of a pool that is open for good. @throws {Revert} ERR_NOT_FINALIZED. */
export function getFinalTokens(pool: PoolState): readonly Address[] {
  requireFinalized(pool);
  return getCurrentTokens(pool);
}
