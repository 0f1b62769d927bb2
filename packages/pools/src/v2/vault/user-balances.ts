/**
 * Internal balances: deposits, withdrawals and transfers that users order, and relayer approvals.
 *
 * @module
 */
import { revert } from '../../errors.ts';
import { HexMap } from '../../hex-map.ts';
import type { ManageUserBalanceOperation, UserBalanceOp } from '../operations.ts';
import type { Address } from '../state.ts';
import {
  authenticateFor,
  nonReentrant,
  requireVaultNotPaused,
  type Transaction,
} from '../transaction.ts';
import { transferFrom } from './ledger.ts';
import {
  closePurse,
  decreaseInternalBalance,
  type EthPurse,
  increaseInternalBalance,
  isEth,
  openPurse,
  receiveAsset,
  sendAsset,
  tokenOf,
} from './money.ts';

export function manageUserBalance(tx: Transaction, operation: ManageUserBalanceOperation): null {
  return nonReentrant(tx, () => {
    const { from, ops, value } = operation;
    const purse = openPurse(tx, from, value);
    for (const op of ops) {
      const sender = op.sender ?? from;
      authenticateFor(tx, from, sender);
      apply(tx, purse, op, sender);
    }
    closePurse(tx, purse);
    return null;
  });
}

function apply(tx: Transaction, purse: EthPurse, op: UserBalanceOp, sender: Address): void {
  const { kind, asset, amount } = op;
  const recipient = op.recipient ?? sender;
  const token = tokenOf(tx.state, asset);
  // A withdrawal is the one thing that a pause never stops.
  if (kind === 'WITHDRAW_INTERNAL') {
    decreaseInternalBalance(tx, sender, token, amount, { partly: false });
    sendAsset(tx, asset, amount, { recipient, toInternalBalance: false });
    return;
  }
  requireVaultNotPaused(tx);
  if (kind === 'DEPOSIT_INTERNAL') {
    increaseInternalBalance(tx, recipient, token, amount);
    receiveAsset(tx, purse, asset, amount, { sender, fromInternalBalance: false });
    return;
  }
  if (isEth(asset)) revert(519);
  if (kind === 'TRANSFER_INTERNAL') {
    decreaseInternalBalance(tx, sender, token, amount, { partly: false });
    increaseInternalBalance(tx, recipient, token, amount);
  } else if (amount > 0n) {
    transferFrom(tx, { token, from: sender, to: recipient, amount });
    tx.events.push({ type: 'ExternalBalanceTransfer', token, sender, recipient, amount });
  }
}

/** Lets a relayer act for a user, or no longer. */
export function setRelayerApproval(
  tx: Transaction,
  approval: { from: Address; sender?: Address; relayer: Address; approved: boolean },
): null {
  return nonReentrant(tx, () => {
    requireVaultNotPaused(tx);
    const { from, relayer, approved } = approval;
    const sender = approval.sender ?? from;
    authenticateFor(tx, from, sender);
    const { vault } = tx.state;
    const ofUser = vault.relayers.get(sender) ?? HexMap.empty<true>();
    const changed = approved ? ofUser.set(relayer, true) : ofUser.delete(relayer);
    tx.state.vault = { ...vault, relayers: vault.relayers.set(sender, changed) };
    tx.events.push({ type: 'RelayerApprovalChanged', sender, relayer, approved });
    return null;
  });
}
