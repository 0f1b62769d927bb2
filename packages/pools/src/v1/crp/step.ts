/**
 * Calls of a rights pool as data. A call that the rights pool itself does not have, a swap above
 * all, goes to the V1 pool inside it.
 *
 * @module
 */
import { InputError } from '../../errors.ts';
import * as elastic from '../elastic.ts';
import type { Binding } from '../pool/index.ts';
import * as bpool from '../pool/step.ts';
import { callShares, type ShareOperation } from '../share-calls.ts';
import type { Address, Env, Outcome } from '../types.ts';
import * as control from './control.ts';
import * as liquidity from './liquidity.ts';
import type { CrpState, CrpStep } from './state.ts';
import * as tokens from './tokens.ts';
import * as weights from './weights.ts';

/** One call of a rights pool; `do` is the name of the contract's function. */
export type CrpOperation =
  | ({ readonly do: 'createPool' } & control.CreatePool)
  | { readonly do: 'setCap'; readonly cap: bigint }
  | {
      readonly do: 'whitelistLiquidityProvider' | 'removeWhitelistedLiquidityProvider';
      readonly provider: Address;
    }
  | ({ readonly do: 'updateWeight' } & weights.UpdateWeight)
  | ({ readonly do: 'updateWeightsGradually' } & weights.UpdateWeightsGradually)
  | { readonly do: 'pokeWeights' | 'applyAddToken' }
  | ({ readonly do: 'commitAddToken' } & Binding)
  | { readonly do: 'removeToken' | 'resyncWeight' | 'safeResync'; readonly token: Address }
  | {
      readonly do: 'orchestrate';
      readonly rebases: readonly elastic.RebaseCall[];
      readonly resyncs: readonly Address[];
    }
  | bpool.PoolOperation;

type Step = Outcome<CrpState, bpool.CallResult>;

/**
 * Makes one call.
 *
 * @throws {Revert} What the call reverts with; the state given is unchanged.
 */
export function step(crp: CrpState, operation: CrpOperation, env: Env): Step {
  switch (operation.do) {
    case 'createPool':
      return plain(control.createPool(crp, operation, env));
    case 'setSwapFee':
      return plain(control.setSwapFee(crp, operation, env));
    case 'setPublicSwap':
      return plain(control.setPublicSwap(crp, operation, env));
    case 'setController':
      return plain(control.setController(crp, operation, env));
    case 'setCap':
      return plain(control.setCap(crp, operation, env));
    case 'whitelistLiquidityProvider':
      return plain(control.whitelistLiquidityProvider(crp, operation, env));
    case 'removeWhitelistedLiquidityProvider':
      return plain(control.removeWhitelistedLiquidityProvider(crp, operation, env));
    case 'transferShares':
    case 'transferSharesFrom':
    case 'approveShares':
    case 'increaseShareApproval':
    case 'decreaseShareApproval':
      return stepShares(crp, operation, env);
    case 'updateWeight':
      return plain(weights.updateWeight(crp, operation, env));
    case 'updateWeightsGradually':
      return plain(weights.updateWeightsGradually(crp, operation, env));
    case 'pokeWeights':
      return plain(weights.pokeWeights(crp, env));
    case 'commitAddToken':
      return plain(tokens.commitAddToken(crp, operation, env));
    case 'applyAddToken':
      return plain(tokens.applyAddToken(crp, env));
    case 'removeToken':
      return plain(tokens.removeToken(crp, operation, env));
    case 'resyncWeight':
      return plain(elastic.resyncWeight(crp, operation, env));
    case 'safeResync':
      return elastic.safeResync(crp, operation, env);
    case 'orchestrate':
      return elastic.orchestrate(crp, operation, env);
    case 'joinPool':
      return liquidity.joinPool(crp, operation, env);
    case 'exitPool':
      return liquidity.exitPool(crp, operation, env);
    case 'joinswapExternAmountIn':
      return liquidity.joinswapExternAmountIn(crp, operation, env);
    case 'joinswapPoolAmountOut':
      return liquidity.joinswapPoolAmountOut(crp, operation, env);
    case 'exitswapPoolAmountIn':
      return liquidity.exitswapPoolAmountIn(crp, operation, env);
    case 'exitswapExternAmountOut':
      return liquidity.exitswapExternAmountOut(crp, operation, env);
    case 'bind':
    case 'rebind':
    case 'unbind':
    case 'gulp':
    case 'donate':
    case 'finalize':
    case 'setPoolTokenBalance':
    case 'swapExactAmountIn':
    case 'swapExactAmountOut':
    case 'getSpotPrice':
    case 'getSpotPriceSansFee':
    case 'getNormalizedWeight':
      return stepInner(crp, operation, env);
    default:
      return operation satisfies never;
  }
}

/**
 * Makes a call on the V1 pool inside, as anyone may.
 *
 * @throws {InputError} When the V1 pool does not exist yet. @throws {Revert} As the V1 pool.
 */
export function stepInner(crp: CrpState, operation: bpool.PoolOperation, env: Env): Step {
  if (crp.pool === null) throw new InputError('do', 'needs the pool; call createPool first');
  const { state: pool, result, events } = bpool.step(crp.pool, operation, env);
  return { state: { ...crp, pool }, result, events };
}

function stepShares(crp: CrpState, operation: ShareOperation, env: Env): Step {
  const token = { contract: crp.address, badCaller: 'ERR_PCTOKEN_BAD_CALLER' } as const;
  const { shares, events } = callShares(crp.shares, token, operation, env);
  return { state: { ...crp, shares }, result: {}, events };
}

function plain(outcome: CrpStep): Step {
  return { ...outcome, result: {} };
}
