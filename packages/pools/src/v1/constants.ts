/**
 * Limits of V1 pools and of the configurable rights pools above them. Fees, weights and ratios are
 * 18-decimal; balances are raw token units; periods are blocks.
 *
 * @module
 */
import { BONE } from './num.ts';

/** Least swap fee, 0.0001 %; 18 decimals. */
export const MIN_FEE: bigint = BONE / 10n ** 6n;
/** Greatest swap fee, 10 %; 18 decimals. */
export const MAX_FEE: bigint = BONE / 10n;

export const MIN_WEIGHT: bigint = BONE;
/** Greatest denormalised weight; 18 decimals. */
export const MAX_WEIGHT: bigint = 50n * BONE;
/** Most that all weights of a V1 pool add up to; 18 decimals. */
export const MAX_TOTAL_WEIGHT: bigint = 50n * BONE;

/** Fewest tokens of a V1 pool that is finalised. */
export const MIN_BOUND_TOKENS = 2;
/** Most tokens of a V1 pool. */
export const MAX_BOUND_TOKENS = 8;

/** Least balance that a V1 pool accepts when a token is bound or rebound, raw units. */
export const MIN_BALANCE: bigint = 10n ** 6n;

/** Pool shares minted when a V1 pool is finalised. */
export const INIT_POOL_SUPPLY: bigint = 100n * BONE;

/** Largest share of the pool balance that one call may pay in: a half. */
export const MAX_IN_RATIO: bigint = BONE / 2n;

/** Largest share of the pool balance that one call may take out: a third, rounded up. */
export const MAX_OUT_RATIO: bigint = BONE / 3n + 1n;

/** Least balance that a rights pool leaves when it lowers a weight or commits a token, raw units. */
export const CRP_MIN_BALANCE: bigint = 10n ** 12n;

/** Fewest shares that a rights pool begins with; 18 decimals. */
export const CRP_MIN_SUPPLY: bigint = 100n * BONE;
/** Most shares that a rights pool begins with; 18 decimals. */
export const CRP_MAX_SUPPLY: bigint = 10n ** 9n * BONE;

/** Blocks a gradual weight update must last when `createPool` names no period. */
export const DEFAULT_MIN_WEIGHT_CHANGE_PERIOD = 90_000n;

/** Blocks between committing and applying a token when `createPool` names no time lock. */
export const DEFAULT_ADD_TOKEN_TIME_LOCK = 500n;
