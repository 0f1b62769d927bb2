/**
 * Calls of the token that a V1 pool or a rights pool is itself: transfers and what one account lets
 * another spend.
 *
 * @module
 */
import { requireV1, type V1ErrorCode } from './errors.ts';
import { badd, bsub } from './num.ts';
import { allowanceOf, moveShares, type Shares, withAllowance } from './shares.ts';
import type { Address, Env, V1Event } from './types.ts';
import { MAX_UINT256, requireUint } from '../uint.ts';

/** A call of the pool's own token; `do` tells it from the calls of the pool. */
export type ShareOperation =
  | { readonly do: 'transferShares'; readonly to: Address; readonly amount: bigint }
  | {
      readonly do: 'transferSharesFrom';
      readonly owner: Address;
      readonly to: Address;
      readonly amount: bigint;
    }
  | {
      readonly do: 'approveShares' | 'increaseShareApproval' | 'decreaseShareApproval';
      readonly spender: Address;
      readonly amount: bigint;
    };

/** The token's contract, and what it reverts with when the spender was not let. */
export interface ShareToken {
  readonly contract: Address;
  readonly badCaller: Extract<V1ErrorCode, 'ERR_BTOKEN_BAD_CALLER' | 'ERR_PCTOKEN_BAD_CALLER'>;
}

/**
 * Makes one call of the pool's own token.
 *
 * @throws {Revert} ERR_INSUFFICIENT_BAL, ERR_ADD_OVERFLOW; `badCaller` when the sender may spend less.
 */
export function callShares(
  shares: Shares,
  { contract, badCaller }: ShareToken,
  operation: ShareOperation,
  { sender }: Env,
): { readonly shares: Shares; readonly events: readonly V1Event[] } {
  const amount = requireUint(operation.amount, 'amount');
  const events: V1Event[] = [];
  if (operation.do === 'transferShares') {
    const move = { contract, from: sender, to: operation.to, amount };
    return { shares: moveShares(shares, move, events), events };
  }
  if (operation.do === 'transferSharesFrom') {
    const { owner, to } = operation;
    const allowed = allowanceOf(shares, owner, sender);
    requireV1(sender === owner || amount <= allowed, badCaller);
    const moved = moveShares(shares, { contract, from: owner, to, amount }, events);
    if (sender === owner || allowed === MAX_UINT256) return { shares: moved, events };
    const left = bsub(allowed, amount);
    // The contracts name the spender as the owner here, and the recipient as the spender.
    events.push({ contract, type: 'Approval', owner: sender, spender: to, amount: left });
    return { shares: withAllowance(moved, owner, sender, left), events };
  }
  const { spender } = operation;
  const before = allowanceOf(shares, sender, spender);
  const after = changedAllowance(operation.do, before, amount);
  events.push({ contract, type: 'Approval', owner: sender, spender, amount: after });
  return { shares: withAllowance(shares, sender, spender, after), events };
}

function changedAllowance(
  name: 'approveShares' | 'increaseShareApproval' | 'decreaseShareApproval',
  before: bigint,
  amount: bigint,
): bigint {
  switch (name) {
    case 'approveShares':
      return amount;
    case 'increaseShareApproval':
      return badd(before, amount);
    case 'decreaseShareApproval':
    default:
      return amount > before ? 0n : bsub(before, amount);
  }
}
