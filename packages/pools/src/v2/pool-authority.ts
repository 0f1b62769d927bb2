/**
 * Who may change a pool, and within which bounds.
 *
 * @module
 */
import { revert, revertNoData } from '../errors.ts';
import type { KindRules } from './kinds.ts';
import { type Address, DELEGATE_OWNER, type Pool } from './state.ts';
import { isAuthorized, type Transaction } from './transaction.ts';

/** Least swap fee of every pool, 0.0001 %. */
export const MIN_SWAP_FEE: bigint = 10n ** 12n;

/** @throws {Revert} BAL#401 unless the caller owns the pool, or governs it when nobody owns it. */
export function requireOwner(tx: Transaction, pool: Pool, caller: Address): void {
  const { owner } = pool;
  const allowed = owner === DELEGATE_OWNER ? isAuthorized(tx.state, caller) : caller === owner;
  if (!allowed) revert(401);
}

/** @throws {Revert} BAL#203, BAL#202. */
export function requireSwapFee(swapFee: bigint, rules: KindRules): void {
  if (swapFee < MIN_SWAP_FEE) revert(203);
  if (swapFee > rules.maxSwapFee) revert(202);
}

/** @throws {Revert} `NO_DATA`: the contract has no such function. */
export function unsupported(pool: Pool, call: string): never {
  return revertNoData(`${pool.kind} pools have no ${call}.`);
}
