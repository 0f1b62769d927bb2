/**
 * What a pool is created from. Fields that a kind does not have are refused.
 *
 * @module
 */
import type { PoolKind } from './kinds.ts';
import type { Address } from './state.ts';

/** A pool to be created: fees and weights with 18 decimals, times in seconds. */
export interface PoolDescription {
  readonly kind: PoolKind;
  /** Without the pool's own token; any order, the Vault sorts by address. */
  readonly tokens: readonly Address[];
  readonly swapFee: bigint;
  readonly owner: Address;
  /** Derived from the order of creation when left out. */
  readonly address?: Address;

  /** Weighted and managed: 18 decimals, sum 1.0; in the order of `tokens`. */
  readonly weights?: readonly bigint[];
  /** Stable: amplification without precision, 1 to 5000. */
  readonly amp?: bigint;
  /** Per token, in the order of `tokens`; null where the rate is 1.0. */
  readonly rateProviders?: readonly (Address | null)[];
  /** Seconds that a rate is remembered, per token. */
  readonly rateCacheDurations?: readonly bigint[];
  /** Composable: tokens whose yield pays no protocol fee. */
  readonly yieldExempt?: readonly boolean[];
  /** Per token; zero address or left out for none. */
  readonly assetManagers?: readonly Address[];
  /** Bootstrapping and managed pools: whether swaps are on from the start. Default true. */
  readonly swapEnabled?: boolean;
  /** Two-token pools with oracle: whether it is on from the start. Default true. */
  readonly oracleEnabled?: boolean;
  /** Linear: `tokens` are main and wrapped. */
  readonly upperTarget?: bigint;
  /** Linear: rate of the wrapped token. */
  readonly wrappedRateProvider?: Address;
  /** Managed: share of the pool a year. */
  readonly aumFee?: bigint;
  /** Managed: whether only listed accounts join. */
  readonly mustAllowlistLps?: boolean;
  /** Investment: the owner's share of swap fees. */
  readonly managementSwapFee?: bigint;
  /** Seconds from now; default 90 days. */
  readonly pauseWindowDuration?: bigint;
  /** Seconds after the pause window; default 30 days. */
  readonly bufferPeriodDuration?: bigint;
}
