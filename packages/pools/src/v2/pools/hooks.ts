/**
 * What the Vault and a pool say to each other: the requests of the three hooks and their outcomes.
 * A hook is a pure function `(pool, request, env) -> outcome`; the Vault applies the outcome.
 *
 * @module
 */
import type { PoolEvent } from '../events.ts';
import type { ExitRequest, JoinRequest, SwapKind } from '../requests.ts';
import type { Address, Pool, ProtocolFees } from '../state.ts';

/** What a pool can see of the world. */
export interface PoolEnv {
  readonly time: bigint;
  readonly block: bigint;
  readonly fees: ProtocolFees;
  readonly collector: Address;
  /** Asks a rate provider. */
  readonly rateOf: (provider: Address) => bigint;
}

/** Pool tokens minted or burned by a hook, in order. */
export interface BptMove {
  readonly account: Address;
  /** Positive mints, negative burns. */
  readonly amount: bigint;
}

/** A swap as a pool sees it; indices in registered order. */
export interface SwapRequest {
  readonly kind: SwapKind;
  readonly indexIn: number;
  readonly indexOut: number;
  /** Raw amount given: of the token in for GIVEN_IN, of the token out for GIVEN_OUT. */
  readonly amount: bigint;
  readonly from: Address;
}

/** The pool after a swap, and the other amount, raw. */
export interface SwapOutcome<P extends Pool = Pool> {
  readonly pool: P;
  /** Raw amount calculated: of the token out for GIVEN_IN, of the token in for GIVEN_OUT. */
  readonly amount: bigint;
  readonly moves?: readonly BptMove[];
  readonly events?: readonly PoolEvent[];
}

interface LiquidityRequest<R extends { readonly kind: string }> {
  readonly sender: Address;
  readonly recipient: Address;
  /** The request's kind, which some pools look at before they read the rest. */
  readonly kind: R['kind'];
  readonly request: R;
  /** The Vault's current protocol swap fee; pools that cache percentages ignore it. */
  readonly protocolSwapFee: bigint;
}

export type JoinHookRequest = LiquidityRequest<JoinRequest>;
export interface ExitHookRequest extends LiquidityRequest<ExitRequest> {
  /** Whether this is the exit of recovery mode, which comes before everything else. */
  readonly isRecovery: boolean;
}

/** The pool after a join or an exit, and what it moves; raw units. */
export interface LiquidityOutcome<P extends Pool = Pool> {
  /** With its new state; the Vault changes balances and total supply. */
  readonly pool: P;
  /** Raw amounts in (join) or out (exit), registered order. */
  readonly amounts: readonly bigint[];
  /** Raw amounts that the Vault pays to the fee collector, registered order. */
  readonly protocolFeeAmounts: readonly bigint[];
  /** Pool tokens that the recipient got or the sender gave. */
  readonly bptAmount: bigint;
  readonly moves: readonly BptMove[];
  readonly events?: readonly PoolEvent[];
}

/** The hooks of one family. */
export interface PoolHooks<P extends Pool> {
  readonly onSwap: (pool: P, request: SwapRequest, env: PoolEnv) => SwapOutcome<P>;
  readonly onJoin: (pool: P, request: JoinHookRequest, env: PoolEnv) => LiquidityOutcome<P>;
  readonly onExit: (pool: P, request: ExitHookRequest, env: PoolEnv) => LiquidityOutcome<P>;
}
