/**
 * Managed pools: weighted pools with up to 50 tokens whose weights and swap fee move, which register
 * their own token first, charge a fee on assets under management, and may carry circuit breakers,
 * an allow list and switches for swaps and for joins and exits.
 *
 * @module
 */
import { revert } from '../../errors.ts';
import { complement, divUp, mulUp } from '../../math/fixed-point.ts';
import { aumFee } from '../../math/protocol-fees.ts';
import * as math from '../../math/weighted.ts';
import { add, sub } from '../../uint.ts';
import { rulesOf } from '../kinds.ts';
import type { ManagedPool } from '../state.ts';
import { type BreakerSide, requireNotTripped } from './circuit-breakers.ts';
import type {
  BptMove,
  ExitHookRequest,
  JoinHookRequest,
  LiquidityOutcome,
  PoolEnv,
  PoolHooks,
  SwapOutcome,
  SwapRequest,
} from './hooks.ts';
import { exitAmounts, joinAmounts, type LiquidityMath, weightedLiquidity } from './liquidity.ts';
import {
  downscaleAllDown,
  downscaleAllUp,
  downscaleDown,
  downscaleUp,
  plainScale,
  type Scale,
  totalOf,
  totalsOf,
  upscale,
  upscaleAll,
  virtualSupplyOf,
} from './scaling.ts';
import {
  addAll,
  firstMint,
  initialAmounts,
  recoveryExit,
  requireNotPaused,
  subAll,
  subtractFeeByComplement,
  zeros,
} from './shared.ts';
import { interpolate, plainWeightAt, progressOf } from './weights.ts';

export const MANAGED_HOOKS: PoolHooks<ManagedPool> = { onSwap, onJoin, onExit };

const BPT_INDEX = 0;
const PREMINTED_BPT = 1n << 111n;

/** Swap fee at a time. */
export function managedSwapFee(pool: ManagedPool, time: bigint): bigint {
  const { start, end } = pool.feeSchedule;
  return interpolate(start, end, progressOf(pool.feeSchedule, time));
}

/** Weights at a time, without the pool's own token. */
export function managedWeights(pool: ManagedPool, time: bigint): bigint[] {
  return pool.schedule.start.map((_, i) => plainWeightAt(pool.schedule, i, time));
}

/** Pool tokens outside of the Vault. */
export function managedVirtualSupply(pool: ManagedPool): bigint {
  return virtualSupplyOf({ ...pool, bptIndex: BPT_INDEX });
}

/** Virtual supply and the management fee that is due by now. */
export function managedActualSupply(pool: ManagedPool, time: bigint): bigint {
  const supply = managedVirtualSupply(pool);
  return supply + dueAumFee(pool, supply, time);
}

/** The pool after its management fee is collected; the protocol's part rounds up. */
export function collectAumFee(
  pool: ManagedPool,
  env: PoolEnv,
): { pool: ManagedPool; supply: bigint; amount: bigint; moves: readonly BptMove[] } {
  const virtualSupply = managedVirtualSupply(pool);
  const amount = dueAumFee(pool, virtualSupply, env.time);
  const collected = { ...pool, lastAumCollection: env.time };
  if (amount === 0n) return { pool: collected, supply: virtualSupply, amount, moves: [] };

  const protocolShare = pool.recoveryMode ? 0n : pool.feeCache.aum;
  const protocolAmount = mulUp(amount, protocolShare);
  return {
    pool: collected,
    supply: virtualSupply + amount,
    amount,
    moves: [
      { account: env.collector, amount: protocolAmount },
      { account: pool.owner, amount: amount - protocolAmount },
    ],
  };
}

function dueAumFee(pool: ManagedPool, supply: bigint, time: bigint): bigint {
  const { lastAumCollection: lastCollection } = pool;
  // Nothing accrues in recovery mode.
  const annualFee = pool.recoveryMode ? 0n : pool.aumFee;
  return aumFee({ supply, time, lastCollection, annualFee });
}

function onSwap(pool: ManagedPool, request: SwapRequest, env: PoolEnv): SwapOutcome<ManagedPool> {
  requireNotPaused(pool);
  if (!pool.swapEnabled) revert(327);
  if (request.indexIn === BPT_INDEX || request.indexOut === BPT_INDEX) {
    return swapWithBpt(pool, request, env);
  }
  return swapTokens(pool, request, env);
}

function swapTokens(
  pool: ManagedPool,
  request: SwapRequest,
  env: PoolEnv,
): SwapOutcome<ManagedPool> {
  const { revision } = rulesOf(pool);
  const { kind, indexIn, indexOut, amount } = request;
  const swapFee = managedSwapFee(pool, env.time);
  const scaleIn = scaleOf(pool, indexIn);
  const scaleOut = scaleOf(pool, indexOut);
  const pair = {
    balanceIn: upscale(totalOf(pool.balances[indexIn]!), scaleIn),
    weightIn: plainWeightAt(pool.schedule, indexIn - 1, env.time),
    balanceOut: upscale(totalOf(pool.balances[indexOut]!), scaleOut),
    weightOut: plainWeightAt(pool.schedule, indexOut - 1, env.time),
  };

  let amountIn: bigint;
  let amountOut: bigint;
  if (kind === 'GIVEN_IN') {
    amountIn = upscale(amount, scaleIn);
    const amountInAfterFee = subtractFeeByComplement(amountIn, swapFee);
    amountOut = math.outGivenIn({ ...pair, amountIn: amountInAfterFee }, revision);
  } else {
    amountOut = upscale(amount, scaleOut);
    const amountInBeforeFee = math.inGivenOut({ ...pair, amountOut }, revision);
    amountIn = divUp(amountInBeforeFee, complement(swapFee));
  }

  const breakerIn = pool.circuitBreakers[indexIn - 1] ?? null;
  const breakerOut = pool.circuitBreakers[indexOut - 1] ?? null;
  if (breakerIn !== null || breakerOut !== null) {
    const supply = managedActualSupply(pool, env.time);
    const balanceIn = add(pair.balanceIn, amountIn);
    const balanceOut = sub(pair.balanceOut, amountOut);
    requireNotTripped(breakerIn, 'lower', { supply, balance: balanceIn, weight: pair.weightIn });
    requireNotTripped(breakerOut, 'upper', { supply, balance: balanceOut, weight: pair.weightOut });
  }
  return {
    pool,
    amount:
      kind === 'GIVEN_IN' ? downscaleDown(amountOut, scaleOut) : downscaleUp(amountIn, scaleIn),
  };
}

/** A swap of the pool's own token is a join or an exit of the other one. */
function swapWithBpt(
  pool: ManagedPool,
  request: SwapRequest,
  env: PoolEnv,
): SwapOutcome<ManagedPool> {
  const { revision } = rulesOf(pool);
  const isJoin = request.indexOut === BPT_INDEX;
  const isGivenIn = request.kind === 'GIVEN_IN';
  if (!pool.joinExitEnabled) revert(358);
  if (isJoin) requireAllowed(pool, request.from);

  const collected = collectAumFee(pool, env);
  const { supply } = collected;
  const tokenIndex = isJoin ? request.indexIn : request.indexOut;
  const index = tokenIndex - 1;
  const scale = scaleOf(pool, tokenIndex);
  const balance = upscale(totalOf(pool.balances[tokenIndex]!), scale);
  const weight = plainWeightAt(pool.schedule, index, env.time);
  const at = { balance, weight, supply, swapFee: managedSwapFee(pool, env.time) };
  const givesBpt = isJoin !== isGivenIn;
  const given = givesBpt ? request.amount : upscale(request.amount, scale);

  let calculated: bigint;
  if (isJoin) {
    calculated = givesBpt
      ? math.tokenInGivenExactBptOut({ ...at, bptOut: given }, revision)
      : math.bptOutGivenExactTokenIn({ ...at, amountIn: given }, revision);
  } else {
    calculated = givesBpt
      ? math.tokenOutGivenExactBptIn({ ...at, bptIn: given }, revision)
      : math.bptInGivenExactTokenOut({ ...at, amountOut: given }, revision);
  }

  const [bpt, tokens] = givesBpt ? [given, calculated] : [calculated, given];
  const move = isJoin ? add : sub;
  const balances = scaledBalances(pool, scalesOf(pool));
  checkBreakers(pool, env, {
    supply: move(supply, bpt),
    balances: balances.with(index, move(balance, tokens)),
  });
  const round = isGivenIn ? downscaleDown : downscaleUp;
  return {
    pool: collected.pool,
    moves: collected.moves,
    amount: givesBpt ? round(calculated, scale) : calculated,
  };
}

function onJoin(
  pool: ManagedPool,
  join: JoinHookRequest,
  env: PoolEnv,
): LiquidityOutcome<ManagedPool> {
  requireNotPaused(pool);
  const scales = scalesOf(pool);
  if (pool.totalSupply === 0n) return initialize(pool, join, scales, env);

  if (!pool.joinExitEnabled) revert(358);
  requireProportional(pool, join.kind === 'ALL_TOKENS_IN_FOR_EXACT_BPT_OUT');
  requireAllowed(pool, join.sender);
  const collected = collectAumFee(pool, env);
  const balances = scaledBalances(pool, scales);
  const at = liquidityOf(pool, env, balances, collected.supply);
  const { bptAmount, amounts } = joinAmounts(pool, at, join.request, scales);
  // Proportional exits are free of the breakers, proportional joins are not.
  const after = { supply: collected.supply + bptAmount, balances: addAll(balances, amounts) };
  checkBreakers(pool, env, after);
  return {
    pool: collected.pool,
    amounts: [0n, ...downscaleAllUp(amounts, scales)],
    protocolFeeAmounts: zeros(pool.tokens.length),
    bptAmount,
    moves: [...collected.moves, { account: join.recipient, amount: bptAmount }],
  };
}

function initialize(
  pool: ManagedPool,
  join: JoinHookRequest,
  scales: readonly Scale[],
  env: PoolEnv,
): LiquidityOutcome<ManagedPool> {
  requireAllowed(pool, join.sender);
  const balances = upscaleAll(initialAmounts(join.request, scales.length), scales);
  const weights = managedWeights(pool, env.time);
  const invariant = math.invariant({ balances, weights }, rulesOf(pool).revision);
  const bptAmount = invariant * BigInt(scales.length);
  const toVault = sub(PREMINTED_BPT, bptAmount);
  return {
    pool: { ...pool, lastAumCollection: env.time },
    amounts: [toVault, ...downscaleAllUp(balances, scales)],
    protocolFeeAmounts: zeros(pool.tokens.length),
    bptAmount,
    moves: [{ account: join.sender, amount: toVault }, ...firstMint(join.recipient, bptAmount)],
  };
}

function onExit(
  pool: ManagedPool,
  exit: ExitHookRequest,
  env: PoolEnv,
): LiquidityOutcome<ManagedPool> {
  if (exit.isRecovery) {
    return recoveryExit(pool, exit, managedVirtualSupply(pool), BPT_INDEX);
  }
  requireNotPaused(pool);
  if (!pool.joinExitEnabled) revert(358);
  requireProportional(pool, exit.kind === 'EXACT_BPT_IN_FOR_TOKENS_OUT');
  const collected = collectAumFee(pool, env);
  const scales = scalesOf(pool);
  const balances = scaledBalances(pool, scales);
  const at = liquidityOf(pool, env, balances, collected.supply);
  const { bptAmount, amounts } = exitAmounts(pool, at, exit.request, scales);
  if (exit.kind !== 'EXACT_BPT_IN_FOR_TOKENS_OUT') {
    const after = { supply: sub(collected.supply, bptAmount), balances: subAll(balances, amounts) };
    checkBreakers(pool, env, after);
  }
  return {
    pool: collected.pool,
    amounts: [0n, ...downscaleAllDown(amounts, scales)],
    protocolFeeAmounts: zeros(pool.tokens.length),
    bptAmount,
    moves: [...collected.moves, { account: exit.sender, amount: -bptAmount }],
  };
}

function liquidityOf(
  pool: ManagedPool,
  env: PoolEnv,
  balances: readonly bigint[],
  supply: bigint,
): LiquidityMath {
  const weights = managedWeights(pool, env.time);
  const swapFee = managedSwapFee(pool, env.time);
  return weightedLiquidity({ balances, weights, supply, swapFee }, rulesOf(pool).revision);
}

function checkBreakers(
  pool: ManagedPool,
  env: PoolEnv,
  after: { readonly supply: bigint; readonly balances: readonly bigint[] },
): void {
  const side: BreakerSide = 'both';
  pool.circuitBreakers.forEach((breaker, i) => {
    if (breaker === null) return;
    const weight = plainWeightAt(pool.schedule, i, env.time);
    requireNotTripped(breaker, side, { supply: after.supply, balance: after.balances[i]!, weight });
  });
}

/** While swaps are disabled only proportional joins and exits keep every price. */
function requireProportional(pool: ManagedPool, isProportional: boolean): void {
  if (!pool.swapEnabled && !isProportional) revert(330);
}

function requireAllowed(pool: ManagedPool, account: string): void {
  if (pool.mustAllowlistLps && !pool.allowlist.includes(account)) revert(433);
}

function scaleOf(pool: ManagedPool, index: number): Scale {
  return plainScale(pool.scalingFactors[index]!);
}

function scalesOf(pool: ManagedPool): Scale[] {
  return pool.scalingFactors.slice(1).map(plainScale);
}

function scaledBalances(pool: ManagedPool, scales: readonly Scale[]): bigint[] {
  return upscaleAll(totalsOf(pool).slice(1), scales);
}
