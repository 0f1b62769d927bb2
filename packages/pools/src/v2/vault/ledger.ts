/**
 * Who holds which tokens. Every movement is a transfer between two accounts of one token, so that
 * sums are conserved; only pool tokens, `mint` and ETH wrapping create and destroy.
 *
 * @module
 */
import { revert } from '../../errors.ts';
import { HexMap } from '../../hex-map.ts';
import { MAX_UINT256 } from '../../uint.ts';
import type { BptMove } from '../pools/hooks.ts';
import {
  type Address,
  type Pool,
  type TokenChecks,
  type WorldState,
  ZERO_ADDRESS,
} from '../state.ts';
import type { Transaction } from '../transaction.ts';

type AccountBalances = HexMap<bigint>;

/** What burning more than the balance reverts with. */
const BURN_ERRORS: Readonly<Record<TokenChecks, number>> = {
  open: 434,
  erc20: 434,
  'pool-first': 406,
  'pool-2021': 417,
  'pool-later': 434,
};

/** Raw balance; negative for an open token of which the account spent more than it got. */
export function balanceOf(state: WorldState, token: Address, account: Address): bigint {
  return state.ledger.get(token)?.get(account) ?? 0n;
}

/** What `spender` may still take of the owner's tokens. */
export function allowanceOf(
  state: WorldState,
  token: Address,
  owner: Address,
  spender: Address,
): bigint {
  const checks = checksOf(state, token);
  const isVault = spender === state.vault.address;
  const trustsVault = checks === 'pool-2021' || checks === 'pool-later';
  if (checks === 'open' || (trustsVault && isVault)) return MAX_UINT256;
  return state.allowances.get(token)?.get(owner)?.get(spender) ?? 0n;
}

/** The Vault pays. */
export function payOut(tx: Transaction, token: Address, to: Address, amount: bigint): void {
  if (amount > 0n) move(tx, token, tx.state.vault.address, to, amount);
}

/** The Vault takes, with the owner's allowance. */
export function pullIn(tx: Transaction, token: Address, from: Address, amount: bigint): void {
  transferFrom(tx, { token, from, to: tx.state.vault.address, amount });
}

/** The Vault moves tokens between two others, with the owner's allowance. */
export function transferFrom(
  tx: Transaction,
  sent: { token: Address; from: Address; to: Address; amount: bigint },
): void {
  const { token, from, to, amount } = sent;
  if (amount === 0n) return;
  if (checksOf(tx.state, token) !== 'open') {
    requireBalance(tx.state, token, from, amount);
    spendAllowance(tx, token, from, tx.state.vault.address, amount);
  }
  move(tx, token, from, to, amount);
}

/** An account sends its own tokens. */
export function transfer(
  tx: Transaction,
  sent: { token: Address; from: Address; to: Address; amount: bigint },
): void {
  const { token, from, to, amount } = sent;
  if (to === ZERO_ADDRESS) revert(409);
  requireBalance(tx.state, token, from, amount);
  move(tx, token, from, to, amount);
}

export function approve(
  tx: Transaction,
  approval: { token: Address; owner: Address; spender: Address; amount: bigint },
): void {
  const { token, owner, spender, amount } = approval;
  const { allowances } = tx.state;
  const byOwner = allowances.get(token) ?? HexMap.empty<HexMap<bigint>>();
  const bySpender = byOwner.get(owner) ?? HexMap.empty<bigint>();
  tx.state.allowances = allowances.set(token, byOwner.set(owner, bySpender.set(spender, amount)));
}

/** Creates tokens (positive) or destroys them (negative), without checks. */
export function create(tx: Transaction, token: Address, account: Address, amount: bigint): void {
  const accounts = tx.state.ledger.get(token) ?? HexMap.empty<bigint>();
  setAccounts(tx, token, withChange(accounts, account, amount));
}

/** Applies the mints and burns of a hook. @returns The pool with its new total supply. */
export function applyMoves<P extends Pool>(
  tx: Transaction,
  pool: P,
  moves: readonly BptMove[] | undefined,
): P {
  if (moves === undefined || moves.length === 0) return pool;
  const token = pool.address;
  let { totalSupply } = pool;
  for (const { account, amount } of moves) {
    if (amount < 0n && balanceOf(tx.state, token, account) < -amount) {
      revert(BURN_ERRORS[checksOf(tx.state, token)]);
    }
    totalSupply += amount;
    create(tx, token, account, amount);
  }
  return { ...pool, totalSupply };
}

/** Turns the Vault's ETH into WETH (positive) or back (negative). */
export function wrapEth(tx: Transaction, amount: bigint): void {
  const { address, weth } = tx.state.vault;
  create(tx, ZERO_ADDRESS, address, -amount);
  create(tx, weth, address, amount);
}

/** ETH comes along with a call. */
export function sendEth(tx: Transaction, from: Address, to: Address, amount: bigint): void {
  if (amount === 0n) return;
  requireBalance(tx.state, ZERO_ADDRESS, from, amount);
  move(tx, ZERO_ADDRESS, from, to, amount);
}

function requireBalance(state: WorldState, token: Address, account: Address, amount: bigint): void {
  const checks = checksOf(state, token);
  if (checks === 'open' || balanceOf(state, token, account) >= amount) return;
  revert(checks === 'pool-first' ? 406 : 416);
}

function spendAllowance(
  tx: Transaction,
  token: Address,
  owner: Address,
  spender: Address,
  amount: bigint,
): void {
  if (owner === spender) return;
  const allowance = allowanceOf(tx.state, token, owner, spender);
  if (allowance === MAX_UINT256) return;
  if (allowance < amount) revert(checksOf(tx.state, token) === 'pool-first' ? 407 : 414);
  approve(tx, { token, owner, spender, amount: allowance - amount });
}

function move(tx: Transaction, token: Address, from: Address, to: Address, amount: bigint): void {
  if (from === to) return;
  const accounts = tx.state.ledger.get(token) ?? HexMap.empty<bigint>();
  const paid = (accounts.get(from) ?? 0n) - amount;
  const received = (accounts.get(to) ?? 0n) + amount;
  setAccounts(tx, token, accounts.setBoth(from, paid, to, received));
}

function withChange(accounts: AccountBalances, account: Address, change: bigint): AccountBalances {
  return accounts.set(account, (accounts.get(account) ?? 0n) + change);
}

function setAccounts(tx: Transaction, token: Address, accounts: AccountBalances): void {
  tx.state.ledger = tx.state.ledger.set(token, accounts);
}

function checksOf(state: WorldState, token: Address): TokenChecks {
  return state.tokens.get(token)?.checks ?? 'open';
}
