/**
 * One row per deployed pool bytecode: which generation of the mathematics it runs and which rules it
 * follows. A new kind is a new row, not new code.
 *
 * @module
 */
import { ROUND_DOWN, ROUND_UP, type Compression } from '../math/compression.ts';
import { bptForOwnership, firstBptForOwnership } from '../math/protocol-fees.ts';
import { S1, S1_PHANTOM, S2, type StableRevision } from '../math/stable.ts';
import { W1, W2, W3, type WeightedRevision } from '../math/weighted.ts';

export type PoolKind =
  | 'weighted-1'
  | 'weighted2tokens-1'
  | 'weighted-2'
  | 'weighted-3'
  | 'weighted-4'
  | 'lbp-1'
  | 'lbp-1-no-protocol-fee'
  | 'lbp-2'
  | 'investment-1'
  | 'managed-1'
  | 'managed-2'
  | 'stable-1'
  | 'stable-2'
  | 'metastable-1'
  | 'phantom-1'
  | 'composable-1'
  | 'composable-2'
  | 'composable-3'
  | 'composable-4'
  | 'composable-5'
  | 'linear-1'
  | 'linear-2'
  | 'linear-3';

export type PoolFamily = 'weighted' | 'stable' | 'composable' | 'linear' | 'managed';

/** Packed widths of weights that change over time, and how they round. */
export interface GradualWeightRules {
  readonly startBits: number;
  readonly endBits: number;
  readonly compression: Compression;
  /** Shortest change, in seconds; a faster one reverts BAL#331. */
  readonly minDuration: bigint;
}

interface CommonRules {
  /** Date of the deployment whose bytecode this is. */
  readonly deployment: string;
  /** Number of tokens without the pool's own. */
  readonly minTokens: number;
  readonly maxTokens: number;
  /** How the pool registers when it has other than exactly two tokens; two give a two-token pool. */
  readonly specialization: 'general' | 'minimal' | 'minimal-always' | 'general-always';
  readonly maxSwapFee: bigint;
  /** Pools of 2021 serve one proportional exit while paused; later ones only in recovery mode. */
  readonly pausedExit: 'proportional' | 'recovery';
  /** Which queries a paused pool answers all the same. */
  readonly pausedQueries: 'none' | 'joins' | 'all';
  /** Whether a proportional join exists. */
  readonly proportionalJoin: boolean;
  /** Reverts of the pool token: 406, 407, 406; 416, 414, 417; or 416, 414, 434. */
  readonly tokenErrors: 'first' | '2021' | 'later';
}

export interface WeightedRules extends CommonRules {
  readonly family: 'weighted';
  readonly revision: WeightedRevision;
  /** `waived` keeps the accounts of `token` and takes nothing, though its queries say that it does. */
  readonly protocolFees: 'token' | 'waived' | 'bpt' | 'none';
  readonly gradualWeights: GradualWeightRules | null;
  readonly oracle: boolean;
  /** Only the owner joins, and swaps can be disabled. */
  readonly bootstrapping: boolean;
  /** Whether the owner gets a share of the swap fees, which lies in the pool until withdrawn. */
  readonly managementFees: boolean;
}

export interface StableRules extends CommonRules {
  readonly family: 'stable';
  readonly revision: StableRevision;
  /** Token rates enter the scaling factors. */
  readonly rates: boolean;
  /** Width of a remembered rate; one past it reverts BAL#329. */
  readonly rateBits: number;
  /** What more tokens than `maxTokens` revert with, as long as they are at most `baseMaxTokens`. */
  readonly tooManyTokens: 201 | 210 | 303;
  /** Bound of the contract that stable pools are made from; more revert BAL#201. */
  readonly baseMaxTokens: number;
  readonly oracle: boolean;
}

export interface ComposableRules extends CommonRules {
  readonly family: 'composable';
  readonly revision: StableRevision;
  /** From version 4 on, rate and cache calls revert inside a Vault operation. */
  readonly guardsReentrancy: boolean;
  /** Phantom pools premint 2^112 - 1, accrue protocol fees per swap and have no joins or exits. */
  readonly phantom: boolean;
  /** Width of a remembered rate; one past it reverts BAL#329. */
  readonly rateBits: number;
  /** Pool tokens to mint for a share of the pool. */
  readonly bptForOwnership: (supply: bigint, share: bigint) => bigint;
}

export interface LinearRules extends CommonRules {
  readonly family: 'linear';
  /** Revert of joins and exits. */
  readonly unhandled: 334 | 998;
  /** Whether targets are kept in 32 bits of whole tokens instead of 96 bits of units. */
  readonly wholeTargets: boolean;
  /** Whether the pool's own token is registered first instead of in the order of addresses. */
  readonly bptFirst: boolean;
}

export interface ManagedRules extends CommonRules {
  readonly family: 'managed';
  readonly revision: WeightedRevision;
}

export type KindRules = WeightedRules | StableRules | ComposableRules | LinearRules | ManagedRules;

const ONE = 10n ** 18n;
const DAY = 86_400n;
const USUAL_MAX_FEE = ONE / 10n;

const POOLS_OF_2021 = {
  maxSwapFee: USUAL_MAX_FEE,
  pausedExit: 'proportional',
  pausedQueries: 'none',
  proportionalJoin: false,
  tokenErrors: '2021',
} as const;

const LATER_POOLS = {
  maxSwapFee: USUAL_MAX_FEE,
  pausedExit: 'recovery',
  pausedQueries: 'none',
  proportionalJoin: true,
  tokenErrors: 'later',
} as const;

const WEIGHTED_1: WeightedRules = {
  ...POOLS_OF_2021,
  family: 'weighted',
  deployment: '20210418',
  minTokens: 2,
  maxTokens: 8,
  specialization: 'minimal',
  tokenErrors: 'first',
  revision: W1,
  protocolFees: 'token',
  gradualWeights: null,
  oracle: false,
  bootstrapping: false,
  managementFees: false,
};

const WEIGHTED_3: WeightedRules = {
  ...WEIGHTED_1,
  ...LATER_POOLS,
  deployment: '20230206',
  revision: W2,
  protocolFees: 'bpt',
};

const LBP_1: WeightedRules = {
  ...WEIGHTED_1,
  deployment: '20210721',
  maxTokens: 4,
  tokenErrors: '2021',
  gradualWeights: { startBits: 31, endBits: 16, compression: ROUND_UP, minDuration: 0n },
  bootstrapping: true,
};

const STABLE_1: StableRules = {
  ...POOLS_OF_2021,
  family: 'stable',
  deployment: '20210624',
  minTokens: 2,
  maxTokens: 5,
  specialization: 'general',
  revision: S1,
  rates: false,
  rateBits: 128,
  tooManyTokens: 303,
  baseMaxTokens: 8,
  oracle: false,
};

const COMPOSABLE_3: ComposableRules = {
  ...LATER_POOLS,
  family: 'composable',
  deployment: '20230206',
  minTokens: 2,
  maxTokens: 5,
  specialization: 'general-always',
  revision: S2,
  guardsReentrancy: false,
  phantom: false,
  rateBits: 96,
  bptForOwnership,
};

const LINEAR_2: LinearRules = {
  ...LATER_POOLS,
  family: 'linear',
  deployment: '20220404',
  minTokens: 2,
  maxTokens: 2,
  specialization: 'general-always',
  pausedExit: 'proportional',
  unhandled: 334,
  wholeTargets: false,
  bptFirst: false,
};

const MANAGED_1: ManagedRules = {
  ...LATER_POOLS,
  family: 'managed',
  pausedQueries: 'all',
  deployment: '20221021',
  minTokens: 2,
  maxTokens: 50,
  specialization: 'minimal-always',
  maxSwapFee: (ONE * 95n) / 100n,
  revision: W3,
};

/** The rules of every kind. */
export const POOL_KINDS: Readonly<Record<PoolKind, KindRules>> = {
  'weighted-1': WEIGHTED_1,
  'weighted2tokens-1': { ...WEIGHTED_1, maxTokens: 2, oracle: true, pausedQueries: 'joins' },
  'weighted-2': { ...WEIGHTED_3, deployment: '20220908' },
  'weighted-3': WEIGHTED_3,
  'weighted-4': { ...WEIGHTED_3, deployment: '20230320' },
  'lbp-1': LBP_1,
  'lbp-1-no-protocol-fee': { ...LBP_1, deployment: '20211202', protocolFees: 'waived' },
  'lbp-2': {
    ...LBP_1,
    ...LATER_POOLS,
    deployment: 'later',
    revision: W3,
    protocolFees: 'none',
    gradualWeights: { startBits: 31, endBits: 16, compression: ROUND_DOWN, minDuration: 0n },
  },
  'investment-1': {
    ...WEIGHTED_1,
    deployment: '20210907',
    maxTokens: 50,
    tokenErrors: '2021',
    proportionalJoin: true,
    specialization: 'minimal-always',
    protocolFees: 'none',
    managementFees: true,
    gradualWeights: { startBits: 64, endBits: 32, compression: ROUND_UP, minDuration: DAY },
  },
  'managed-1': MANAGED_1,
  'managed-2': { ...MANAGED_1, deployment: '20230411' },
  'stable-1': STABLE_1,
  'stable-2': {
    ...STABLE_1,
    ...LATER_POOLS,
    deployment: '20220609',
    revision: S2,
    pausedQueries: 'all',
    proportionalJoin: false,
    tooManyTokens: 201,
    baseMaxTokens: 5,
  },
  'metastable-1': {
    ...STABLE_1,
    deployment: '20210727',
    maxTokens: 2,
    tooManyTokens: 210,
    baseMaxTokens: 5,
    rates: true,
    oracle: true,
  },
  'phantom-1': {
    ...COMPOSABLE_3,
    ...POOLS_OF_2021,
    deployment: '20211208',
    maxTokens: 4,
    revision: S1_PHANTOM,
    phantom: true,
    rateBits: 128,
  },
  'composable-1': {
    ...COMPOSABLE_3,
    deployment: '20220906',
    proportionalJoin: false,
    bptForOwnership: firstBptForOwnership,
  },
  'composable-2': { ...COMPOSABLE_3, deployment: '20221122' },
  'composable-3': COMPOSABLE_3,
  'composable-4': { ...COMPOSABLE_3, deployment: '20230320', guardsReentrancy: true },
  'composable-5': { ...COMPOSABLE_3, deployment: '20230711', guardsReentrancy: true },
  'linear-1': { ...LINEAR_2, deployment: '20211208', tokenErrors: '2021' },
  'linear-2': LINEAR_2,
  'linear-3': {
    ...LINEAR_2,
    ...LATER_POOLS,
    deployment: '20230206',
    wholeTargets: true,
    bptFirst: true,
    pausedQueries: 'all',
    unhandled: 998,
  },
};

type KindOf<F extends PoolFamily> = Extract<KindRules, { family: F }>;

/** The rules of a pool, typed by its family. */
export function rulesOf<F extends PoolFamily>(pool: {
  readonly kind: PoolKind;
  readonly family: F;
}): KindOf<F> {
  return POOL_KINDS[pool.kind] as KindOf<F>;
}
