/**
 * Calls by which a pool's contract registers tokens with the Vault. Pools of this library register
 * theirs when they are created, so what is left of the calls are their refusals.
 *
 * @module
 */
import { revert, revertNoData } from '../../errors.ts';
import type { RegisterTokensOperation } from '../operations.ts';
import { ZERO_ADDRESS } from '../state.ts';
import { nonReentrant, poolOf, requireVaultNotPaused, type Transaction } from '../transaction.ts';

/**
 * Always refuses.
 *
 * @throws {Revert} BAL#402, BAL#500, BAL#501 (another caller than the pool), BAL#103; two-token pools
 * BAL#524, BAL#522, BAL#102, BAL#309, BAL#523; others BAL#309, BAL#522; `NO_DATA` for what no pool asks.
 */
export function registerTokens(tx: Transaction, operation: RegisterTokensOperation): never {
  return nonReentrant(tx, () => {
    const { from, tokens, assetManagers } = operation;
    requireVaultNotPaused(tx);
    const pool = poolOf(tx.state, operation.pool);
    if (from !== pool.address) revert(501);
    if (assetManagers !== undefined && assetManagers.length !== tokens.length) revert(103);
    if (pool.specialization === 'two-token') {
      const [first, second] = tokens;
      if (tokens.length !== 2) revert(524);
      if (first === second) revert(522);
      if (first! > second!) revert(102);
      revert(first === ZERO_ADDRESS ? 309 : 523);
    }
    tokens.forEach((token, index) => {
      if (token === ZERO_ADDRESS) revert(309);
      if (pool.tokens.includes(token) || tokens.indexOf(token) < index) revert(522);
    });
    return revertNoData('Create another pool: a pool cannot take tokens that it does not know.');
  });
}
