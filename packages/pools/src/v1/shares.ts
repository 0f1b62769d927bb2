/**
 * Pool shares: the ERC-20 that a V1 pool or a rights pool is itself. The contracts mint to and burn
 * from their own balance, so a joiner's shares pass through the pool's account.
 *
 * @module
 */
import { requireV1 } from './errors.ts';
import { badd, bsub } from './num.ts';
import { type Address, type V1Event, ZERO_ADDRESS } from './types.ts';

/** Who holds how many pool shares, 18 decimals. Accounts without shares have no entry. */
export interface Shares {
  readonly totalSupply: bigint;
  readonly balances: Readonly<Record<Address, bigint>>;
  /** What an account lets another spend, by owner and spender; left out while nobody lets anybody. */
  readonly allowances?: Readonly<Record<Address, Readonly<Record<Address, bigint>>>> | undefined;
}

export const NO_SHARES: Shares = { totalSupply: 0n, balances: {} };

/** Shares of one account. */
export function sharesOf(shares: Shares, account: Address): bigint {
  return Object.hasOwn(shares.balances, account) ? shares.balances[account]! : 0n;
}

/** What `owner` lets `spender` take of its shares. */
export function allowanceOf(shares: Shares, owner: Address, spender: Address): bigint {
  const { allowances = {} } = shares;
  const ofOwner = Object.hasOwn(allowances, owner) ? allowances[owner]! : {};
  return Object.hasOwn(ofOwner, spender) ? ofOwner[spender]! : 0n;
}

/** The shares with one allowance set. */
export function withAllowance(
  shares: Shares,
  owner: Address,
  spender: Address,
  amount: bigint,
): Shares {
  const { allowances = {}, ...others } = shares;
  const { [owner]: ofOwner = {}, ...ofOthers } = allowances;
  const { [spender]: _, ...rest } = ofOwner;
  const changed = amount > 0n ? { ...rest, [spender]: amount } : rest;
  const all = Object.keys(changed).length > 0 ? { ...ofOthers, [owner]: changed } : ofOthers;
  return Object.keys(all).length > 0 ? { ...others, allowances: all } : others;
}

/**
 * Mints shares and hands them to `to`.
 *
 * @throws {Revert} ERR_ADD_OVERFLOW.
 */
export function mintTo(
  shares: Shares,
  { contract, to, amount }: { contract: Address; to: Address; amount: bigint },
  events: V1Event[],
): Shares {
  recordTransfer(events, { contract, from: ZERO_ADDRESS, to: contract, amount });
  recordTransfer(events, { contract, from: contract, to, amount });
  return {
    ...shares,
    totalSupply: badd(shares.totalSupply, amount),
    balances: withBalance(shares, to, sharesOf(shares, to) + amount),
  };
}

/**
 * Takes shares from `from` and burns them.
 *
 * @throws {Revert} ERR_INSUFFICIENT_BAL when `from` holds fewer.
 */
export function burnFrom(
  shares: Shares,
  { contract, from, amount }: { contract: Address; from: Address; amount: bigint },
  events: V1Event[],
): Shares {
  const balance = sharesOf(shares, from);
  requireV1(balance >= amount, 'ERR_INSUFFICIENT_BAL');
  recordTransfer(events, { contract, from, to: contract, amount });
  recordTransfer(events, { contract, from: contract, to: ZERO_ADDRESS, amount });
  return {
    ...shares,
    totalSupply: bsub(shares.totalSupply, amount),
    balances: withBalance(shares, from, balance - amount),
  };
}

/**
 * Moves shares between two accounts.
 *
 * @throws {Revert} ERR_INSUFFICIENT_BAL when `from` holds fewer.
 */
export function moveShares(
  shares: Shares,
  { contract, from, to, amount }: { contract: Address; from: Address; to: Address; amount: bigint },
  events: V1Event[],
): Shares {
  const balance = sharesOf(shares, from);
  requireV1(balance >= amount, 'ERR_INSUFFICIENT_BAL');
  recordTransfer(events, { contract, from, to, amount });
  const debited = { ...shares, balances: withBalance(shares, from, balance - amount) };
  return { ...debited, balances: withBalance(debited, to, sharesOf(debited, to) + amount) };
}

/** Notes a token movement, unless nothing moves. */
export function recordTransfer(
  events: V1Event[],
  transfer: { contract: Address; from: Address; to: Address; amount: bigint },
): void {
  if (transfer.amount > 0n) events.push({ type: 'Transfer', ...transfer });
}

function withBalance(shares: Shares, account: Address, balance: bigint): Shares['balances'] {
  if (balance > 0n) return { ...shares.balances, [account]: balance };
  const { [account]: _, ...others } = shares.balances;
  return others;
}
