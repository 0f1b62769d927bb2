/**
 * How the Vault takes and gives: from internal balance first where asked, ETH wrapped on the way in
 * and unwrapped on the way out, and what is left of the ETH sent along goes back.
 *
 * @module
 */
import { revert } from '../../errors.ts';
import { HexMap } from '../../hex-map.ts';
import { add, min } from '../../uint.ts';
import { type Address, type WorldState, ZERO_ADDRESS } from '../state.ts';
import type { Transaction } from '../transaction.ts';
import { payOut, pullIn, sendEth, wrapEth } from './ledger.ts';

const MAX_INT256 = (1n << 255n) - 1n;

/** The token of an asset: WETH for the zero address. */
export function tokenOf(state: WorldState, asset: Address): Address {
  return asset === ZERO_ADDRESS ? state.vault.weth : asset;
}

export function isEth(asset: Address): boolean {
  return asset === ZERO_ADDRESS;
}

/** ETH that a call brought, and how much of it was wrapped. */
export interface EthPurse {
  readonly caller: Address;
  readonly value: bigint;
  used: bigint;
}

/** Takes the ETH sent along with a call. */
export function openPurse(tx: Transaction, caller: Address, value: bigint | undefined): EthPurse {
  sendEth(tx, caller, tx.state.vault.address, value ?? 0n);
  return { caller, value: value ?? 0n, used: 0n };
}

/** Returns what was not used. */
export function closePurse(tx: Transaction, purse: EthPurse): void {
  sendEth(tx, tx.state.vault.address, purse.caller, purse.value - purse.used);
}

/** @throws {Revert} BAL#514 (ETH as internal balance), BAL#516 (too little ETH sent). */
export function receiveAsset(
  tx: Transaction,
  purse: EthPurse,
  asset: Address,
  amount: bigint,
  funds: { readonly sender: Address; readonly fromInternalBalance: boolean },
): void {
  if (amount === 0n) return;
  if (isEth(asset)) {
    if (funds.fromInternalBalance) revert(514);
    purse.used += amount;
    if (purse.used > purse.value) revert(516);
    wrapEth(tx, amount);
    return;
  }
  let missing = amount;
  if (funds.fromInternalBalance) {
    missing -= decreaseInternalBalance(tx, funds.sender, asset, amount, { partly: true });
  }
  pullIn(tx, asset, funds.sender, missing);
}

/** @throws {Revert} BAL#514 (ETH as internal balance). */
export function sendAsset(
  tx: Transaction,
  asset: Address,
  amount: bigint,
  funds: { readonly recipient: Address; readonly toInternalBalance: boolean },
): void {
  if (amount === 0n) return;
  if (isEth(asset)) {
    if (funds.toInternalBalance) revert(514);
    wrapEth(tx, -amount);
    sendEth(tx, tx.state.vault.address, funds.recipient, amount);
  } else if (funds.toInternalBalance) {
    increaseInternalBalance(tx, funds.recipient, asset, amount);
  } else {
    payOut(tx, asset, funds.recipient, amount);
  }
}

/** Pays a protocol fee out of the Vault. */
export function payFee(tx: Transaction, token: Address, amount: bigint): void {
  payOut(tx, token, tx.state.vault.collector, amount);
}

/** The amount, as the signed number that events and deltas carry. @throws {Revert} BAL#421. */
export function requireInt256(amount: bigint): bigint {
  return amount > MAX_INT256 ? revert(421) : amount;
}

/** What the Vault keeps for a user of a token, raw units. */
export function internalBalanceOf(state: WorldState, user: Address, token: Address): bigint {
  return state.vault.internalBalances.get(user)?.get(token) ?? 0n;
}

/** @throws {Revert} BAL#000 and BAL#421 for balances and changes past 256 and 255 bits. */
export function increaseInternalBalance(
  tx: Transaction,
  user: Address,
  token: Address,
  amount: bigint,
): void {
  const balance = add(internalBalanceOf(tx.state, user, token), amount);
  setInternalBalance(tx, user, token, balance, requireInt256(amount));
}

/**
 * @returns The amount taken: all of it, or what there is when `partly` is set.
 * @throws {Revert} BAL#513 when there is too little and all of it is asked for.
 */
export function decreaseInternalBalance(
  tx: Transaction,
  user: Address,
  token: Address,
  amount: bigint,
  options: { readonly partly: boolean },
): bigint {
  const balance = internalBalanceOf(tx.state, user, token);
  if (!options.partly && balance < amount) revert(513);
  const taken = min(balance, amount);
  setInternalBalance(tx, user, token, balance - taken, -taken);
  return taken;
}

function setInternalBalance(
  tx: Transaction,
  user: Address,
  token: Address,
  balance: bigint,
  delta: bigint,
): void {
  const { vault } = tx.state;
  const ofUser = vault.internalBalances.get(user) ?? HexMap.empty<bigint>();
  const internalBalances = vault.internalBalances.set(user, ofUser.set(token, balance));
  tx.state.vault = { ...vault, internalBalances };
  tx.events.push({ type: 'InternalBalanceChanged', user, token, delta });
}
