/**
 * Which amounts a join or an exit moves: the same kinds in every family, each over the family's own
 * mathematics. Everything here is scaled and leaves out the pool's own token.
 *
 * @module
 */
import { revert, revertNoData } from '../../errors.ts';
import * as stable from '../../math/stable.ts';
import * as weighted from '../../math/weighted.ts';
import { POOL_KINDS } from '../kinds.ts';
import type { ExitRequest, JoinRequest } from '../requests.ts';
import type { Pool } from '../state.ts';
import { type Scale, upscaleAll } from './scaling.ts';
import { requireNotPaused, single } from './shared.ts';
import { MAX_UINT256 } from '../../uint.ts';

/** The four formulas that exchange pool tokens for tokens, at given balances and supply. */
export interface LiquidityMath {
  readonly balances: readonly bigint[];
  readonly supply: bigint;
  readonly bptOutForTokensIn: (amountsIn: readonly bigint[]) => bigint;
  readonly tokenInForBptOut: (index: number, bptOut: bigint) => bigint;
  readonly bptInForTokensOut: (amountsOut: readonly bigint[]) => bigint;
  readonly tokenOutForBptIn: (index: number, bptIn: bigint) => bigint;
}

/** Pool tokens and scaled token amounts of a join or an exit. */
export interface LiquidityAmounts {
  readonly bptAmount: bigint;
  readonly amounts: readonly bigint[];
}

export function weightedLiquidity(
  at: weighted.WeightedTokens,
  revision: weighted.WeightedRevision,
): LiquidityMath {
  const { balances, weights, supply, swapFee } = at;
  const token = (index: number): weighted.WeightedToken => ({
    balance: balances[index]!,
    weight: weights[index]!,
    supply,
    swapFee,
  });
  return {
    balances,
    supply,
    bptOutForTokensIn: (amountsIn) =>
      weighted.bptOutGivenExactTokensIn({ ...at, amountsIn }, revision),
    tokenInForBptOut: (index, bptOut) =>
      weighted.tokenInGivenExactBptOut({ ...token(index), bptOut }, revision),
    bptInForTokensOut: (amountsOut) =>
      weighted.bptInGivenExactTokensOut({ ...at, amountsOut }, revision),
    tokenOutForBptIn: (index, bptIn) =>
      weighted.tokenOutGivenExactBptIn({ ...token(index), bptIn }, revision),
  };
}

export function stableLiquidity(
  at: stable.StableSupply,
  revision: stable.StableRevision,
): LiquidityMath {
  return {
    balances: at.balances,
    supply: at.supply,
    bptOutForTokensIn: (amountsIn) =>
      stable.bptOutGivenExactTokensIn({ ...at, amountsIn }, revision),
    tokenInForBptOut: (index, bptOut) =>
      stable.tokenInGivenExactBptOut({ ...at, index, bptOut }, revision),
    bptInForTokensOut: (amountsOut) =>
      stable.bptInGivenExactTokensOut({ ...at, amountsOut }, revision),
    tokenOutForBptIn: (index, bptIn) =>
      stable.tokenOutGivenExactBptIn({ ...at, index, bptIn }, revision),
  };
}

/** @throws {Revert} BAL#310 for INIT and for what only phantom pools have, BAL#103, BAL#100, BAL#208, `NO_DATA`. */
export function joinAmounts(
  pool: Pool,
  math: LiquidityMath,
  request: JoinRequest,
  scales: readonly Scale[],
): LiquidityAmounts {
  const { balances, supply } = math;
  switch (request.kind) {
    case 'INIT':
    case 'COLLECT_PROTOCOL_FEES':
      return revert(310);
    case 'EXACT_TOKENS_IN_FOR_BPT_OUT': {
      const amounts = scaledAmounts(request.amounts, scales);
      const bptAmount = math.bptOutForTokensIn(amounts);
      return bptAmount < (request.minBpt ?? 0n) ? revert(208) : { bptAmount, amounts };
    }
    case 'TOKEN_IN_FOR_EXACT_BPT_OUT': {
      const { bpt, index } = request;
      if (index >= balances.length) revert(100);
      const amountIn = math.tokenInForBptOut(index, bpt);
      return { bptAmount: bpt, amounts: single(balances.length, index, amountIn) };
    }
    case 'ALL_TOKENS_IN_FOR_EXACT_BPT_OUT':
    default: {
      const { bpt } = request;
      // A kind past the end of the contract's enumeration fails to decode.
      if (!POOL_KINDS[pool.kind].proportionalJoin) {
        revertNoData('Use a join kind that this pool has.');
      }
      return { bptAmount: bpt, amounts: weighted.proportionalAmountsIn(balances, supply, bpt) };
    }
  }
}

/** @throws {Revert} BAL#402 for all but the proportional exit of a paused pool, BAL#103, BAL#100, BAL#207. */
export function exitAmounts(
  pool: Pool,
  math: LiquidityMath,
  request: ExitRequest,
  scales: readonly Scale[],
): LiquidityAmounts {
  const { balances, supply } = math;
  switch (request.kind) {
    case 'EXACT_BPT_IN_FOR_TOKENS_OUT': {
      const { bpt } = request;
      return { bptAmount: bpt, amounts: weighted.proportionalAmountsOut(balances, supply, bpt) };
    }
    case 'EXACT_BPT_IN_FOR_ONE_TOKEN_OUT': {
      requireNotPaused(pool);
      const { bpt, index } = request;
      if (index >= balances.length) revert(100);
      const amountOut = math.tokenOutForBptIn(index, bpt);
      return { bptAmount: bpt, amounts: single(balances.length, index, amountOut) };
    }
    case 'BPT_IN_FOR_EXACT_TOKENS_OUT': {
      requireNotPaused(pool);
      const amounts = scaledAmounts(request.amounts, scales);
      const bptAmount = math.bptInForTokensOut(amounts);
      return bptAmount > (request.maxBpt ?? MAX_UINT256) ? revert(207) : { bptAmount, amounts };
    }
    case 'MANAGEMENT_FEE_TOKENS_OUT':
    case 'RECOVERY':
    default:
      return revertNoData('This pool has no exit of this kind.');
  }
}

function scaledAmounts(amounts: readonly bigint[], scales: readonly Scale[]): readonly bigint[] {
  return amounts.length === scales.length ? upscaleAll(amounts, scales) : revert(103);
}
