/**
 * The state of a V2 world: plain immutable data. A step never changes a value of these types; it
 * returns new ones that share what did not change.
 *
 * Amounts are raw token units; fees, weights and rates have 18 decimals; times are seconds since the
 * epoch; amplifications carry three decimals (2000 stands for 2.0).
 *
 * @module
 */
import type { HexMap } from '../hex-map.ts';
import type { PoolKind } from './kinds.ts';

/** Lower-case hex of 20 bytes. */
export type Address = string;
/** Lower-case hex of 32 bytes: address, specialization, nonce. */
export type PoolId = string;

/** Stands for ETH as an asset and for "nobody" as an account. */
export const ZERO_ADDRESS: Address = `0x${'0'.repeat(40)}`;
/** A pool with this owner is governed by the world's authorized accounts. */
export const DELEGATE_OWNER: Address = `0x${'ba1b'.repeat(10)}`;

/**
 * How a token refuses a transfer. `open` tokens never do: every account other than the Vault may
 * spend what it does not have, and its balance then reads as a negative net flow.
 */
export type TokenChecks = 'open' | 'erc20' | 'pool-first' | 'pool-2021' | 'pool-later';

/** A token of a world. */
export interface Token {
  readonly address: Address;
  readonly symbol: string;
  readonly decimals: number;
  readonly checks: TokenChecks;
}

/** A token balance of a pool in the Vault. `cash` is in the Vault, `managed` with the asset manager. */
export interface TokenBalance {
  readonly cash: bigint;
  readonly managed: bigint;
  readonly lastChangeBlock: bigint;
}

/** Protocol fee percentages, 18 decimals. */
export interface ProtocolFees {
  readonly swap: bigint;
  readonly yield: bigint;
  readonly aum: bigint;
  readonly flashLoan: bigint;
}

/** Percentages that a pool keeps from its creation or its last refresh. */
export interface FeeCache {
  readonly swap: bigint;
  readonly yield: bigint;
  readonly aum: bigint;
}

/** How the Vault keeps the balances of a pool. */
export type Specialization = 'general' | 'minimal' | 'two-token';

/** What every pool has. */
export interface PoolCommon {
  readonly id: PoolId;
  readonly address: Address;
  readonly kind: PoolKind;
  readonly specialization: Specialization;
  readonly owner: Address;
  /** In registered order; includes the pool's own token where the kind registers it. */
  readonly tokens: readonly Address[];
  readonly balances: readonly TokenBalance[];
  readonly assetManagers: readonly Address[];
  /** 10^(18 - decimals) per registered token. */
  readonly scalingFactors: readonly bigint[];
  readonly totalSupply: bigint;
  readonly swapFee: bigint;
  readonly paused: boolean;
  readonly pauseWindowEnd: bigint;
  readonly bufferPeriodEnd: bigint;
  readonly recoveryMode: boolean;
}

/** Weights that move linearly between two times; `start` and `end` are as the pool packs them. */
export interface WeightSchedule {
  readonly startTime: bigint;
  readonly endTime: bigint;
  readonly start: readonly bigint[];
  readonly end: readonly bigint[];
}

/** State of a weighted, bootstrapping or investment pool. */
export interface WeightedPool extends PoolCommon {
  readonly family: 'weighted';
  /** Fixed weights, or null where `schedule` gives them. */
  readonly weights: readonly bigint[] | null;
  readonly schedule: WeightSchedule | null;
  readonly swapEnabled: boolean;
  readonly lastInvariant: bigint;
  /** Per token; only for yield fees. Empty where the kind has none. */
  readonly rateProviders: readonly (Address | null)[];
  readonly athRateProduct: bigint;
  readonly feeCache: FeeCache;
  readonly oracle: Oracle | null;
  /** Investment pools: the owner's share of swap fees. */
  readonly managementSwapFee: bigint;
  /** Swap fees that belong to the owner, scaled, per token; empty where the kind has none. */
  readonly managementFees: readonly bigint[];
}

/** Amplification that moves linearly between two times; values carry three decimals. */
export interface AmpSchedule {
  readonly startValue: bigint;
  readonly endValue: bigint;
  readonly startTime: bigint;
  readonly endTime: bigint;
}

/** A token rate that a pool remembers until `expires`. */
export interface RateCache {
  readonly provider: Address;
  readonly rate: bigint;
  /** Rate at the last join or exit, the basis of yield fees. */
  readonly oldRate: bigint;
  readonly duration: bigint;
  readonly expires: bigint;
}

/** State of a stable or metastable pool. */
export interface StablePool extends PoolCommon {
  readonly family: 'stable';
  readonly amp: AmpSchedule;
  readonly lastAmp: bigint;
  readonly lastInvariant: bigint;
  /** Per token; null where the rate is 1.0. */
  readonly rates: readonly (RateCache | null)[];
  readonly oracle: Oracle | null;
}

/** State of a composable or phantom stable pool. */
export interface ComposablePool extends PoolCommon {
  readonly family: 'composable';
  readonly bptIndex: number;
  readonly amp: AmpSchedule;
  readonly lastAmp: bigint;
  readonly lastInvariant: bigint;
  /** Per token without the pool's own. */
  readonly rates: readonly (RateCache | null)[];
  /** Per token without the pool's own: whether its yield pays no protocol fee. */
  readonly yieldExempt: readonly boolean[];
  readonly feeCache: FeeCache;
  /** Phantom pools: fees accrued and not yet minted. */
  readonly dueFeeBpt: bigint;
}

/** State of a linear pool. */
export interface LinearPool extends PoolCommon {
  readonly family: 'linear';
  readonly mainIndex: number;
  readonly wrappedIndex: number;
  readonly bptIndex: number;
  readonly lowerTarget: bigint;
  readonly upperTarget: bigint;
  readonly wrappedRateProvider: Address | null;
}

/** A swap fee that moves linearly between two times. */
export interface FeeSchedule {
  readonly startTime: bigint;
  readonly endTime: bigint;
  readonly start: bigint;
  readonly end: bigint;
}

/** Price bounds of one token of a managed pool, as the pool packs them. */
export interface CircuitBreaker {
  readonly bptPrice: bigint;
  readonly referenceWeight: bigint;
  readonly lowerBound: bigint;
  readonly upperBound: bigint;
  readonly adjustedLowerBound: bigint;
  readonly adjustedUpperBound: bigint;
}

/** State of a managed pool. */
export interface ManagedPool extends PoolCommon {
  readonly family: 'managed';
  /** Per token without the pool's own, which is always first. */
  readonly schedule: WeightSchedule;
  readonly feeSchedule: FeeSchedule;
  readonly aumFee: bigint;
  readonly lastAumCollection: bigint;
  readonly feeCache: FeeCache;
  readonly swapEnabled: boolean;
  readonly joinExitEnabled: boolean;
  readonly mustAllowlistLps: boolean;
  readonly allowlist: readonly Address[];
  readonly circuitBreakers: readonly (CircuitBreaker | null)[];
}

/** State of a pool of any family. */
export type Pool = WeightedPool | StablePool | ComposablePool | LinearPool | ManagedPool;

/** One entry of the oracle's ring: instant logs (4 decimals), accumulators (log times seconds). */
export interface OracleSample {
  readonly logPairPrice: bigint;
  readonly accLogPairPrice: bigint;
  readonly logBptPrice: bigint;
  readonly accLogBptPrice: bigint;
  readonly logInvariant: bigint;
  readonly accLogInvariant: bigint;
  readonly timestamp: bigint;
}

/** State of a price oracle. */
export interface Oracle {
  readonly enabled: boolean;
  /** Index of the newest sample in the ring of 1024. */
  readonly index: number;
  readonly sampleCreation: bigint;
  readonly logInvariant: bigint;
  readonly logTotalSupply: bigint;
  /** Samples by index, in hex of three digits. */
  readonly samples: HexMap<OracleSample>;
}

/** What the Vault keeps beside the balances of pools. */
export interface VaultState {
  readonly address: Address;
  readonly weth: Address;
  readonly collector: Address;
  /** May do everything that governance may. */
  readonly admin: Address;
  readonly authorized: HexMap<true>;
  readonly fees: ProtocolFees;
  readonly paused: boolean;
  readonly pauseWindowEnd: bigint;
  readonly bufferPeriodEnd: bigint;
  readonly nextNonce: bigint;
  /** By user, then token. */
  readonly internalBalances: HexMap<HexMap<bigint>>;
  /** By user, then relayer. */
  readonly relayers: HexMap<HexMap<true>>;
}

export interface WorldState {
  /** Seconds since the epoch. */
  readonly time: bigint;
  readonly block: bigint;
  readonly nextAddress: bigint;
  readonly tokens: HexMap<Token>;
  /** By token, then account. ETH is the token with the zero address. */
  readonly ledger: HexMap<HexMap<bigint>>;
  /** By token, owner, spender. */
  readonly allowances: HexMap<HexMap<HexMap<bigint>>>;
  /** Constant rates, by provider. */
  readonly rates: HexMap<bigint>;
  readonly vault: VaultState;
  readonly pools: HexMap<Pool>;
}
