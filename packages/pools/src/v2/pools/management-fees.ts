/**
 * The management fee of investment pools (September 2021): a share of every swap fee is put aside for
 * the owner. It lies in the pool's balances until it is withdrawn, but the mathematics leaves it out.
 *
 * @module
 */
import { revert } from '../../errors.ts';
import { mulDown } from '../../math/fixed-point.ts';
import {
  feeOfTokenIn,
  feeOfTokenOut,
  feesOfExactTokensIn,
  feesOfExactTokensOut,
} from '../../math/weighted-swap-fees.ts';
import type { WeightedRevision, WeightedTokens } from '../../math/weighted.ts';
import { add, sub } from '../../uint.ts';
import type { ExitRequest, JoinRequest } from '../requests.ts';
import type { WeightedPool } from '../state.ts';
import type { ExitHookRequest, LiquidityOutcome } from './hooks.ts';
import {
  downscaleDown,
  plainScale,
  type Scale,
  totalOf,
  totalsOf,
  upscale,
  upscaleAll,
} from './scaling.ts';
import { requireNotPaused, single, subAll, zeros } from './shared.ts';

/** Whether the pool puts anything aside. */
export function hasManagementFees(pool: WeightedPool): boolean {
  return pool.managementFees.length > 0;
}

/** The pool after the owner's share of the swap fees (scaled, per token) is put aside. */
export function withFeesPutAside(pool: WeightedPool, fees: readonly bigint[]): WeightedPool {
  const { managementFees, managementSwapFee } = pool;
  const changed = managementFees.map((fee, i) => add(fee, mulDown(fees[i]!, managementSwapFee)));
  return { ...pool, managementFees: changed };
}

/** The pool after a swap paid a raw fee in the token at `index`. */
export function withSwapFeePutAside(
  pool: WeightedPool,
  index: number,
  fee: bigint,
  scale: Scale,
): WeightedPool {
  if (!hasManagementFees(pool)) return pool;
  return withFeesPutAside(pool, single(pool.managementFees.length, index, upscale(fee, scale)));
}

/** Raw total of a token without the owner's part; in swaps only whole units of it count. */
export function ownBalance(pool: WeightedPool, index: number): bigint {
  const total = totalOf(pool.balances[index]!);
  return hasManagementFees(pool) ? sub(total, collectedFee(pool, index)) : total;
}

/** Scaled balances without the owner's part, as joins and exits see them. */
export function ownBalances(pool: WeightedPool, scales: readonly Scale[]): bigint[] {
  const balances = upscaleAll(totalsOf(pool), scales);
  return hasManagementFees(pool) ? subAll(balances, pool.managementFees) : balances;
}

/** Swap fees that a join pays inside, scaled, per token. */
export function feesOfJoin(
  at: WeightedTokens,
  request: JoinRequest,
  scales: readonly Scale[],
  revision: WeightedRevision,
): readonly bigint[] {
  switch (request.kind) {
    case 'EXACT_TOKENS_IN_FOR_BPT_OUT':
      return feesOfExactTokensIn(
        { ...at, amountsIn: upscaleAll(request.amounts, scales) },
        revision,
      );
    case 'TOKEN_IN_FOR_EXACT_BPT_OUT': {
      const { index, bpt } = request;
      return single(
        scales.length,
        index,
        feeOfTokenIn({ ...tokenOf(at, index), bptOut: bpt }, revision),
      );
    }
    case 'INIT':
    case 'ALL_TOKENS_IN_FOR_EXACT_BPT_OUT':
    case 'COLLECT_PROTOCOL_FEES':
    default:
      return zeros(scales.length);
  }
}

/** Swap fees that an exit pays inside, scaled, per token. */
export function feesOfExit(
  at: WeightedTokens,
  request: ExitRequest,
  scales: readonly Scale[],
  revision: WeightedRevision,
): readonly bigint[] {
  switch (request.kind) {
    case 'BPT_IN_FOR_EXACT_TOKENS_OUT':
      return feesOfExactTokensOut({ ...at, amountsOut: upscaleAll(request.amounts, scales) });
    case 'EXACT_BPT_IN_FOR_ONE_TOKEN_OUT': {
      const { index, bpt } = request;
      return single(
        scales.length,
        index,
        feeOfTokenOut({ ...tokenOf(at, index), bptIn: bpt }, revision),
      );
    }
    case 'EXACT_BPT_IN_FOR_TOKENS_OUT':
    case 'MANAGEMENT_FEE_TOKENS_OUT':
    case 'RECOVERY':
    default:
      return zeros(scales.length);
  }
}

/** Raw amounts that the owner may withdraw, rounded down. */
export function collectedFees(pool: WeightedPool): bigint[] {
  return pool.tokens.map((_, index) => collectedFee(pool, index));
}

function collectedFee(pool: WeightedPool, index: number): bigint {
  const scale = plainScale(pool.scalingFactors[index]!);
  return downscaleDown(pool.managementFees[index]!, scale);
}

/** The exit by which what was put aside leaves. @throws {Revert} BAL#337 unless the pool itself asks. */
export function managementFeeExit(
  pool: WeightedPool,
  { sender }: ExitHookRequest,
): LiquidityOutcome<WeightedPool> {
  requireNotPaused(pool);
  if (sender !== pool.address) revert(337);
  return {
    pool: { ...pool, managementFees: zeros(pool.tokens.length) },
    amounts: collectedFees(pool),
    protocolFeeAmounts: zeros(pool.tokens.length),
    bptAmount: 0n,
    moves: [],
  };
}

function tokenOf(
  { balances, weights, supply, swapFee }: WeightedTokens,
  index: number,
): { balance: bigint; weight: bigint; supply: bigint; swapFee: bigint } {
  return { balance: balances[index]!, weight: weights[index]!, supply, swapFee };
}
