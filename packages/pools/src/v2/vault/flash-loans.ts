/**
 * Flash loans: the Vault lends whatever it holds for the length of one callback.
 *
 * @module
 */
import { revert } from '../../errors.ts';
import { mulUp } from '../../math/fixed-point.ts';
import type { FlashLoanOperation, FlashLoanResult } from '../operations.ts';
import { ZERO_ADDRESS } from '../state.ts';
import { nonReentrant, requireVaultNotPaused, type Transaction } from '../transaction.ts';
import { balanceOf, payOut, transfer } from './ledger.ts';
import { payFee } from './money.ts';

export function flashLoan(tx: Transaction, operation: FlashLoanOperation): FlashLoanResult {
  return nonReentrant(tx, () => {
    requireVaultNotPaused(tx);
    const { from, tokens, amounts, repayments } = operation;
    const recipient = operation.recipient ?? from;
    const vault = tx.state.vault.address;
    if (amounts.length !== tokens.length) revert(103);

    const before: bigint[] = [];
    const feeAmounts: bigint[] = [];
    for (const [i, token] of tokens.entries()) {
      const amount = amounts[i]!;
      if (token === ZERO_ADDRESS) revert(104);
      if (i > 0 && token <= tokens[i - 1]!) revert(102);
      const balance = balanceOf(tx.state, token, vault);
      before.push(balance);
      feeAmounts.push(mulUp(amount, tx.env.fees.flashLoan));
      if (balance < amount) revert(528);
      payOut(tx, token, recipient, amount);
    }

    tx.hooks.onFlashLoan?.({ recipient, tokens, amounts, feeAmounts }, (inner) => tx.call(inner));
    for (const [i, token] of tokens.entries()) {
      const amount =
        repayments === undefined ? amounts[i]! + feeAmounts[i]! : (repayments[i] ?? 0n);
      transfer(tx, { token, from: recipient, to: vault, amount });
    }

    const loans = tokens.map((token, i) => {
      const after = balanceOf(tx.state, token, vault);
      if (after < before[i]!) revert(515);
      const feeAmount = after - before[i]!;
      if (feeAmount < feeAmounts[i]!) revert(602);
      payFee(tx, token, feeAmount);
      const amount = amounts[i]!;
      tx.events.push({ type: 'FlashLoan', recipient, token, amount, feeAmount });
      return { token, amount, feeAmount };
    });
    return { loans };
  });
}
