/**
 * One pool on the engines of `pools`, in raw units: the same calls for V1 and V2. Every call returns
 * what the contract computes or throws its revert, and the state is then as before.
 *
 * @module
 */
import type { VaultSwap } from './sim-pool.ts';
import type { PoolSpec } from './spec.ts';

/** Amounts of a swap, raw. */
export interface SwapAmounts {
  readonly amountIn: bigint;
  readonly amountOut: bigint;
}

export interface SwapCall {
  /** Indexes of tokens. */
  readonly tokenIn: number;
  readonly tokenOut: number;
  readonly given: 'in' | 'out';
  readonly amount: bigint;
  /** Least out or greatest in; none when left out. */
  readonly limit?: bigint | undefined;
}

/** One token against pool tokens, raw. */
export interface SingleAmounts {
  readonly amount: bigint;
  readonly shares: bigint;
}

/** Which of the two the caller fixed. */
export type SingleCall = { readonly token: number } & (
  | { readonly given: 'amount'; readonly amount: bigint }
  | { readonly given: 'shares'; readonly shares: bigint }
);

/** What a batch did for its sender, raw units, and which of its swaps lowered the invariant per share. */
export interface VaultBatchAmounts {
  readonly amounts: readonly bigint[];
  readonly shares: bigint;
  readonly falls: readonly { readonly index: number; readonly fraction: number }[];
}

/** A pool on an exact engine. All methods but the readers may throw `Revert`. */
export interface ExactPool {
  readonly spec: PoolSpec;
  readonly tokenCount: number;
  balances(): readonly bigint[];
  /** What the pool holds, taken up or not. */
  held(): readonly bigint[];
  /** Weights in units of which only ratios count; empty for stable pools. */
  weights(): readonly bigint[];
  /** Pool tokens in circulation. */
  supply(): bigint;
  swapFee(): bigint;
  /** Amplification with three decimals; 0 for weighted pools. */
  amp(): bigint;

  swap(call: SwapCall): SwapAmounts;
  /** All tokens for an exact number of pool tokens. */
  joinAll(shares: bigint): readonly bigint[];
  exitAll(shares: bigint): readonly bigint[];
  /** Exact amounts of all tokens, which need not be in proportion, for pool tokens; V2 only. @returns Shares. */
  joinAmounts(amounts: readonly bigint[]): bigint;
  exitAmounts(amounts: readonly bigint[]): bigint;
  joinSingle(call: SingleCall): SingleAmounts;
  exitSingle(call: SingleCall): SingleAmounts;
  setSwapFee(fee: bigint): void;
  /** Moves to these weights over `seconds`; 0 is at once. V1 takes denormalised weights. */
  setWeights(weights: readonly bigint[], seconds: number): void;
  /** Without precision, over `seconds`. */
  setAmp(amp: bigint, seconds: number): void;
  /** Changes what the pool owns of a token; it takes the change up at the next `gulp`. V1 only. */
  rebase(token: number, factor: bigint): void;
  gulp(token: number): void;
  /** Takes up a rebase and moves the weights so that prices stay; V1 elastic only. */
  resync(token: number): void;
  /** As `resync`, or `gulp` with the reason when that reverts. */
  safeResync(token: number): string | null;
  /** Swaps of one transaction, exact amounts out; V2 only. */
  vaultBatch(steps: readonly VaultSwap[]): VaultBatchAmounts;
  advance(seconds: number, blocks: number): void;
  /** The state, to come back to; costs nothing. */
  save(): unknown;
  restore(state: unknown): void;
}
