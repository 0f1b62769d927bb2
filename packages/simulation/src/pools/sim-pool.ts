/**
 * A pool as the loop sees it: whole tokens in `number`, whatever computes behind it. A refused call
 * changes nothing, returns NaN and leaves the revert's code in `refusal`.
 *
 * @module
 */
import type { PoolFamily, PoolSpec } from './spec.ts';

/** One swap of a batch on the Vault: an exact amount out, raw units; assets as the pool lists them. */
export interface VaultSwap {
  readonly assetIn: number;
  readonly assetOut: number;
  readonly amount: bigint;
}

/** What a batch on the Vault did for its sender, in whole tokens and pool tokens. */
export interface VaultBatchResult {
  readonly tokens: Float64Array;
  readonly shares: number;
  /** Swaps that lowered the invariant per pool token, by their place in the batch, and by which part. */
  readonly falls: readonly { readonly index: number; readonly fraction: number }[];
}

export interface SimPool {
  readonly mode: 'float' | 'exact';
  readonly spec: PoolSpec;
  readonly family: PoolFamily;
  /** Present balances; read only. */
  readonly balances: Float64Array;
  /** What the pool holds, taken up or not; parts from the balances between a rebase and its gulp. */
  readonly held: Float64Array;
  /** Present weights, sum 1; all equal for stable pools. Read only. */
  readonly weights: Float64Array;
  readonly swapFee: number;
  /** Amplification without precision; 0 for weighted pools. */
  readonly amp: number;
  readonly supply: number;
  /** Code of the last revert; null after a call that worked. */
  readonly refusal: string | null;

  swapGivenIn(tokenIn: number, tokenOut: number, amountIn: number): number;
  swapGivenOut(tokenIn: number, tokenOut: number, amountOut: number): number;
  /** What `swapGivenIn` would give; NaN when it would be refused. */
  quote(tokenIn: number, tokenOut: number, amountIn: number): number;
  /** Units in per unit out at the margin, without fee. */
  spot(tokenIn: number, tokenOut: number): number;
  /** Amounts for shares of all tokens, or null. */
  joinAll(shares: number): Float64Array | null;
  exitAll(shares: number): Float64Array | null;
  /** Shares for an amount of one token. */
  joinSingle(token: number, amount: number): number;
  /** Amount of one token for shares. */
  exitSingle(token: number, shares: number): number;
  /** Null when refused, as by everything but V2 pools in exact mode. */
  vaultBatch(steps: readonly VaultSwap[]): VaultBatchResult | null;
  /** False when refused. */
  setSwapFee(fee: number): boolean;
  /** Normalised weights, reached after `seconds`. */
  setWeights(weights: ArrayLike<number>, seconds: number): boolean;
  setAmp(amp: number, seconds: number): boolean;
  /** Changes what the pool owns of a token by a factor; `take` says how the pool follows. */
  rebase(token: number, factor: number, take: 'resync' | 'safeResync' | 'gulp' | 'later'): boolean;
  gulp(token: number): boolean;
  /** Lets time pass; schedules of weights and amplification move. */
  advance(seconds: number, blocks: number): void;
  save(): unknown;
  restore(state: unknown): void;
}
