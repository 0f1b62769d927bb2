/**
 * Calls of a V1 pool as data, so that they can be recorded, replayed and sent to a worker.
 *
 * @module
 */
import { callShares, type ShareOperation } from '../share-calls.ts';
import type { Address, Env, Outcome } from '../types.ts';
import * as control from './control.ts';
import * as liquidity from './liquidity.ts';
import type { PoolState } from './state.ts';
import * as swap from './swap.ts';
import * as view from './view.ts';

interface Pair {
  readonly tokenIn: Address;
  readonly tokenOut: Address;
}

/** One call of a V1 pool; `do` is the name of the contract's function. */
export type PoolOperation =
  | ({ readonly do: 'bind' | 'rebind' } & control.Binding)
  | { readonly do: 'unbind' | 'gulp' | 'getNormalizedWeight'; readonly token: Address }
  | { readonly do: 'donate'; readonly token: Address; readonly amount: bigint }
  | { readonly do: 'setPoolTokenBalance'; readonly token: Address; readonly balance: bigint }
  | { readonly do: 'setSwapFee'; readonly fee: bigint }
  | { readonly do: 'setPublicSwap'; readonly public: boolean }
  | { readonly do: 'setController'; readonly controller: Address }
  | ShareOperation
  | { readonly do: 'finalize' }
  | ({ readonly do: 'swapExactAmountIn' } & swap.SwapExactAmountIn)
  | ({ readonly do: 'swapExactAmountOut' } & swap.SwapExactAmountOut)
  | ({ readonly do: 'joinPool' } & liquidity.JoinPool)
  | ({ readonly do: 'exitPool' } & liquidity.ExitPool)
  | ({ readonly do: 'joinswapExternAmountIn' } & liquidity.JoinswapExternAmountIn)
  | ({ readonly do: 'joinswapPoolAmountOut' } & liquidity.JoinswapPoolAmountOut)
  | ({ readonly do: 'exitswapPoolAmountIn' } & liquidity.ExitswapPoolAmountIn)
  | ({ readonly do: 'exitswapExternAmountOut' } & liquidity.ExitswapExternAmountOut)
  | ({ readonly do: 'getSpotPrice' | 'getSpotPriceSansFee' } & Pair);

/** What a call returns, by name; empty when the contract returns nothing. */
export type CallResult = Readonly<
  Record<string, bigint | string | null | readonly (bigint | string | null)[]>
>;

/**
 * Makes one call.
 *
 * @throws {Revert} What the call reverts with; the state given is unchanged.
 */
export function step(
  pool: PoolState,
  operation: PoolOperation,
  env: Env,
): Outcome<PoolState, CallResult> {
  switch (operation.do) {
    case 'bind':
      return plain(control.bind(pool, operation, env));
    case 'rebind':
      return plain(control.rebind(pool, operation, env));
    case 'unbind':
      return plain(control.unbind(pool, operation, env));
    case 'gulp':
      return plain(control.gulp(pool, operation, env));
    case 'donate':
      return plain(control.donate(pool, operation, env));
    case 'setPoolTokenBalance':
      return plain(control.setHeld(pool, operation));
    case 'setSwapFee':
      return plain(control.setSwapFee(pool, operation, env));
    case 'setPublicSwap':
      return plain(control.setPublicSwap(pool, operation, env));
    case 'setController':
      return plain(control.setController(pool, operation, env));
    case 'transferShares':
    case 'transferSharesFrom':
    case 'approveShares':
    case 'increaseShareApproval':
    case 'decreaseShareApproval':
      return stepShares(pool, operation, env);
    case 'finalize':
      return plain(control.finalize(pool, env));
    case 'swapExactAmountIn':
      return swap.swapExactAmountIn(pool, operation, env);
    case 'swapExactAmountOut':
      return swap.swapExactAmountOut(pool, operation, env);
    case 'joinPool':
      return plain(liquidity.joinPool(pool, operation, env));
    case 'exitPool':
      return plain(liquidity.exitPool(pool, operation, env));
    case 'joinswapExternAmountIn':
      return liquidity.joinswapExternAmountIn(pool, operation, env);
    case 'joinswapPoolAmountOut':
      return liquidity.joinswapPoolAmountOut(pool, operation, env);
    case 'exitswapPoolAmountIn':
      return liquidity.exitswapPoolAmountIn(pool, operation, env);
    case 'exitswapExternAmountOut':
      return liquidity.exitswapExternAmountOut(pool, operation, env);
    case 'getSpotPrice':
      return read(pool, { price: view.getSpotPrice(pool, operation) });
    case 'getSpotPriceSansFee':
      return read(pool, { price: view.getSpotPriceSansFee(pool, operation) });
    case 'getNormalizedWeight':
      return read(pool, { weight: view.getNormalizedWeight(pool, operation.token) });
    default:
      return operation satisfies never;
  }
}

function stepShares(
  pool: PoolState,
  operation: ShareOperation,
  env: Env,
): Outcome<PoolState, CallResult> {
  const token = { contract: pool.address, badCaller: 'ERR_BTOKEN_BAD_CALLER' } as const;
  const { shares, events } = callShares(pool.shares, token, operation, env);
  return { state: { ...pool, shares }, result: {}, events };
}

function plain(outcome: Outcome<PoolState, null>): Outcome<PoolState, CallResult> {
  return { ...outcome, result: {} };
}

function read(state: PoolState, result: CallResult): Outcome<PoolState, CallResult> {
  return { state, result, events: [] };
}
