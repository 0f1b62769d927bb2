/**
 * Asset managers take tokens of a pool out of the Vault, bring them back, and report what they made
 * of them; the pool's totals follow the reports.
 *
 * @module
 */
import { revert } from '../../errors.ts';
import type { ManagePoolBalanceOperation, PoolBalanceOp } from '../operations.ts';
import type { Address, TokenBalance } from '../state.ts';
import {
  nonReentrant,
  poolOf,
  requireVaultNotPaused,
  setPool,
  type Transaction,
} from '../transaction.ts';
import { cashToManaged, managedToCash, withManaged } from './balances.ts';
import { payOut, pullIn } from './ledger.ts';

export function managePoolBalance(tx: Transaction, operation: ManagePoolBalanceOperation): null {
  return nonReentrant(tx, () => {
    requireVaultNotPaused(tx);
    for (const op of operation.ops) apply(tx, operation.from, op);
    return null;
  });
}

function apply(tx: Transaction, manager: Address, op: PoolBalanceOp): void {
  const pool = poolOf(tx.state, op.pool);
  const index = pool.tokens.indexOf(op.token);
  if (index < 0) revert(521);
  if (pool.assetManagers[index] !== manager) revert(502);

  const before = pool.balances[index]!;
  const after = changed(tx, before, op);
  const balances = pool.balances.with(index, after);
  setPool(tx, { ...pool, balances });
  if (op.kind === 'WITHDRAW') payOut(tx, op.token, manager, op.amount);
  else if (op.kind === 'DEPOSIT') pullIn(tx, op.token, manager, op.amount);
  tx.events.push({
    type: 'PoolBalanceManaged',
    pool: pool.id,
    assetManager: manager,
    token: op.token,
    cashDelta: after.cash - before.cash,
    managedDelta: after.managed - before.managed,
  });
}

function changed(tx: Transaction, balance: TokenBalance, op: PoolBalanceOp): TokenBalance {
  switch (op.kind) {
    case 'WITHDRAW':
      return cashToManaged(balance, op.amount);
    case 'DEPOSIT':
      return managedToCash(balance, op.amount);
    case 'UPDATE':
    default:
      return withManaged(balance, op.amount, tx.env.block);
  }
}
