/**
 * Whether a wallet pays for an order: there are no free tokens.
 *
 * @module
 */
import type { SimPool } from '../pools/sim-pool.ts';
import type { AgentContext, Order } from './types.ts';

/** @param context - Whose wallet pays; null, or an infinite one, pays for everything. */
export function hasFunds(
  order: Exclude<Order, { do: 'batch' }>,
  pool: SimPool,
  context: AgentContext | null,
): boolean {
  if (context === null || context.isInfinite) return true;
  const { wallet } = context;
  switch (order.do) {
    case 'swap':
      return wallet[order.tokenIn]! >= order.amountIn;
    case 'swapOut': {
      const state = pool.save();
      const amountIn = pool.swapGivenOut(order.tokenIn, order.tokenOut, order.amountOut);
      pool.restore(state);
      return Number.isNaN(amountIn) || wallet[order.tokenIn]! >= amountIn;
    }
    case 'join':
      return pool.balances.every(
        (balance, i) => wallet[i]! >= (balance * order.shares) / pool.supply,
      );
    case 'joinSwap':
      return wallet[order.token]! >= order.amount;
    case 'exit':
    case 'exitSwap':
      return wallet.at(-1)! >= order.shares;
    case 'vaultBatch': {
      const state = pool.save();
      const done = pool.vaultBatch(order.steps);
      pool.restore(state);
      if (done === null) return true;
      return (
        done.tokens.every((amount, i) => wallet[i]! + amount >= 0) &&
        wallet.at(-1)! + done.shares >= 0
      );
    }
    case 'gulp':
    case 'rebase':
    case 'none':
      return true;
    default:
      return order satisfies never;
  }
}
