/**
 * One atomic operation in progress: the state so far, the events so far, and the callbacks that stand
 * for foreign contracts. `step` gives a transaction its own copy of the references, so that whatever
 * throws leaves the caller's state as it was.
 *
 * @module
 */
import { revert, revertNoData } from '../errors.ts';
import type { WorldEvent } from './events.ts';
import type { Operation } from './operations.ts';
import type { PoolEnv } from './pools/hooks.ts';
import type { Address, Pool, PoolId, WorldState } from './state.ts';

/** Runs a further operation inside the running one, as a contract called by the Vault would. */
export type Call = (operation: Operation) => unknown;

/** What foreign contracts do, as callbacks. */
export interface Hooks {
  /** Answers for a rate provider; `undefined` leaves the answer to the world's constant rates. */
  readonly rateOf?: (provider: Address, state: WorldState, call: Call) => bigint | undefined;
  /** Runs while a flash loan is out, before it is repaid. */
  readonly onFlashLoan?: (
    loan: {
      readonly recipient: Address;
      readonly tokens: readonly Address[];
      readonly amounts: readonly bigint[];
      readonly feeAmounts: readonly bigint[];
    },
    call: Call,
  ) => void;
  /** Sees every pool that an operation changes, step by step. */
  readonly onPoolChange?: (before: Pool | undefined, after: Pool) => void;
}

/** A value that its one owner may still change. */
export type Draft<T> = { -readonly [K in keyof T]: T[K] };

export interface Transaction {
  /** A private draft: members are replaced, what they hold is never changed. */
  state: Draft<WorldState>;
  readonly events: WorldEvent[];
  readonly hooks: Hooks;
  call(operation: Operation): unknown;
  readonly env: PoolEnv;
  /** Whether the Vault is inside an operation. */
  entered: boolean;
}

/** Runs the body with the Vault locked. @throws {Revert} BAL#400 when it is locked already. */
export function nonReentrant<T>(tx: Transaction, body: () => T): T {
  if (tx.entered) revert(400);
  tx.entered = true;
  try {
    return body();
  } finally {
    tx.entered = false;
  }
}

/** @throws {Revert} BAL#402 while the Vault is paused; after its buffer period it never is. */
export function requireVaultNotPaused(tx: Transaction): void {
  const { paused, bufferPeriodEnd } = tx.state.vault;
  if (paused && tx.state.time <= bufferPeriodEnd) revert(402);
}

/** @throws {Revert} BAL#500 when no pool has this id. */
export function poolOf(state: WorldState, id: PoolId): Pool {
  return state.pools.get(id) ?? revert(500);
}

export function setPool(tx: Transaction, pool: Pool): void {
  tx.hooks.onPoolChange?.(tx.state.pools.get(pool.id), pool);
  tx.state.pools = tx.state.pools.set(pool.id, pool);
}

/** @throws {Revert} BAL#401 unless the account may act for governance. */
export function requireAuthorized(tx: Transaction, account: Address): void {
  if (!isAuthorized(tx.state, account)) revert(401);
}

export function isAuthorized(state: WorldState, account: Address): boolean {
  return account === state.vault.admin || state.vault.authorized.has(account);
}

/**
 * The admin is no relayer by itself: it must be authorized like any other.
 *
 * @throws {Revert} BAL#401 when another account calls for the user and is no authorized relayer,
 * BAL#503 when the user did not approve it.
 */
export function authenticateFor(tx: Transaction, caller: Address, user: Address): void {
  if (caller === user) return;
  if (!tx.state.vault.authorized.has(caller)) revert(401);
  if (tx.state.vault.relayers.get(user)?.has(caller) !== true) revert(503);
}

/** What pools see of a state outside of any operation. */
export function envOf(state: WorldState, hooks: Hooks): PoolEnv {
  const { time, block, vault } = state;
  return {
    time,
    block,
    fees: vault.fees,
    collector: vault.collector,
    rateOf: (provider) => askRate(provider, state, hooks, refuseCall),
  };
}

/** Asks a provider: the callback first, then the world's constant rates. @throws `NO_DATA`. */
export function askRate(provider: Address, state: WorldState, hooks: Hooks, call: Call): bigint {
  // The callback may keep the state that it is shown, so a draft must not reach it.
  const answer = hooks.rateOf?.(provider, { ...state }, call);
  return (
    answer ?? state.rates.get(provider) ?? revertNoData('No rate provider is at this address.')
  );
}

function refuseCall(): never {
  throw new TypeError('A rate provider cannot call operations while a view is computed.');
}
