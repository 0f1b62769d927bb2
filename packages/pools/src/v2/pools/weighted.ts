/**
 * The weighted family: weighted pools of all generations, the two-token pool with oracle, and
 * bootstrapping and investment pools whose weights move.
 *
 * @module
 */
import { revert } from '../../errors.ts';
import * as formulas from '../../math/weighted.ts';
import { rulesOf } from '../kinds.ts';
import type { WeightedPool } from '../state.ts';
import type {
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
  feesOfExit,
  feesOfJoin,
  hasManagementFees,
  managementFeeExit,
  ownBalance,
  ownBalances,
  withFeesPutAside,
  withSwapFeePutAside,
} from './management-fees.ts';
import { cacheInvariantAndSupply, observeWeighted } from './price-oracle.ts';
import {
  downscaleAllDown,
  downscaleAllUp,
  downscaleDown,
  downscaleUp,
  plainScale,
  type Scale,
  upscale,
  upscaleAll,
} from './scaling.ts';
import {
  addAll,
  addSwapFee,
  firstMint,
  initialAmounts,
  recoveryExit,
  requireNotPaused,
  subAll,
  subtractSwapFee,
  zeros,
} from './shared.ts';
import { type SettledPool, weightedFees } from './weighted-fees.ts';
import { weightOf, weightsOf } from './weights.ts';

export const WEIGHTED_HOOKS: PoolHooks<WeightedPool> = { onSwap, onJoin, onExit };

function onSwap(pool: WeightedPool, request: SwapRequest, env: PoolEnv): SwapOutcome<WeightedPool> {
  const { revision, pausedExit } = rulesOf(pool);
  if (pausedExit === 'recovery') requireNotPaused(pool);
  const { kind, indexIn, indexOut, amount } = request;
  const rawBalanceIn = ownBalance(pool, indexIn);
  const rawBalanceOut = ownBalance(pool, indexOut);
  if (!pool.swapEnabled) revert(327);
  requireNotPaused(pool);

  const scaleIn = plainScale(pool.scalingFactors[indexIn]!);
  const scaleOut = plainScale(pool.scalingFactors[indexOut]!);
  const balanceIn = upscale(rawBalanceIn, scaleIn);
  const balanceOut = upscale(rawBalanceOut, scaleOut);
  const weightIn = weightOf(pool, indexIn, env.time);
  const weightOut = weightOf(pool, indexOut, env.time);
  const observed = pool.oracle === null ? pool : observeWeighted(pool, env);

  if (kind === 'GIVEN_IN') {
    const amountLeft = subtractSwapFee(amount, pool.swapFee);
    const amountIn = upscale(amountLeft, scaleIn);
    // Written out: extending a spread object costs V8 as much as a third of the formula.
    const swap = { balanceIn, weightIn, balanceOut, weightOut, amountIn };
    const amountOut = formulas.outGivenIn(swap, revision);
    const charged = withSwapFeePutAside(observed, indexIn, amount - amountLeft, scaleIn);
    return { pool: charged, amount: downscaleDown(amountOut, scaleOut) };
  }
  const amountOut = upscale(amount, scaleOut);
  const swap = { balanceIn, weightIn, balanceOut, weightOut, amountOut };
  const amountIn = downscaleUp(formulas.inGivenOut(swap, revision), scaleIn);
  const amountPaid = addSwapFee(amountIn, pool.swapFee);
  const charged = withSwapFeePutAside(observed, indexIn, amountPaid - amountIn, scaleIn);
  return { pool: charged, amount: amountPaid };
}

function onJoin(
  pool: WeightedPool,
  join: JoinHookRequest,
  env: PoolEnv,
): LiquidityOutcome<WeightedPool> {
  const rules = rulesOf(pool);
  if (rules.pausedExit === 'recovery') requireNotPaused(pool);
  if (rules.bootstrapping && join.sender !== pool.owner) revert(328);
  requireNotPaused(pool);

  const scales = pool.scalingFactors.map(plainScale);
  const weights = weightsOf(pool, env.time);
  if (pool.totalSupply === 0n) return initialize(pool, join, { scales, weights, env });

  const fees = weightedFees(rules);
  const scaled = ownBalances(pool, scales);
  const observed = pool.oracle === null ? pool : observeWeighted(pool, env);
  const settled = fees.settle(observed, scaled, weights, join.protocolSwapFee, env);
  const math = liquidityOf(settled);
  requireProportional(pool, join.kind === 'ALL_TOKENS_IN_FOR_EXACT_BPT_OUT');
  const { bptAmount, amounts } = joinAmounts(pool, math, join.request, scales);
  const balances = addAll(settled.balances, amounts);
  const supply = settled.supply + bptAmount;
  const concluded = fees.conclude(settled, balances, supply, env);
  const charged = hasManagementFees(pool)
    ? withFeesPutAside(
        concluded.pool,
        feesOfJoin(tokensOf(settled), join.request, scales, rules.revision),
      )
    : concluded.pool;
  return {
    pool: cacheInvariantAndSupply(charged, supply),
    amounts: downscaleAllUp(amounts, scales),
    protocolFeeAmounts: downscaleAllDown(settled.dueAmounts, scales),
    bptAmount,
    moves: [...settled.moves, ...concluded.moves, { account: join.recipient, amount: bptAmount }],
  };
}

/** Investment pools keep their prices while swaps are disabled; bootstrapping ones let the owner move them. */
function requireProportional(pool: WeightedPool, isProportional: boolean): void {
  const { gradualWeights, bootstrapping } = rulesOf(pool);
  if (gradualWeights === null || bootstrapping || pool.swapEnabled || isProportional) return;
  revert(330);
}

function initialize(
  pool: WeightedPool,
  join: JoinHookRequest,
  context: { scales: readonly Scale[]; weights: readonly bigint[]; env: PoolEnv },
): LiquidityOutcome<WeightedPool> {
  const { scales, weights, env } = context;
  const rules = rulesOf(pool);
  const balances = upscaleAll(initialAmounts(join.request, scales.length), scales);
  const invariant = formulas.invariant({ balances, weights }, rules.revision);
  const bptAmount = invariant * BigInt(scales.length);
  return {
    pool: cacheInvariantAndSupply(
      weightedFees(rules).initialize(pool, invariant, weights, env),
      bptAmount,
    ),
    amounts: downscaleAllUp(balances, scales),
    protocolFeeAmounts: zeros(scales.length),
    bptAmount,
    moves: firstMint(join.recipient, bptAmount),
  };
}

function onExit(
  pool: WeightedPool,
  exit: ExitHookRequest,
  env: PoolEnv,
): LiquidityOutcome<WeightedPool> {
  const rules = rulesOf(pool);
  if (exit.isRecovery) return recoveryExit(pool, exit, pool.totalSupply, null);
  if (rules.pausedExit === 'recovery') requireNotPaused(pool);

  const scales = pool.scalingFactors.map(plainScale);
  const weights = weightsOf(pool, env.time);
  const scaled = ownBalances(pool, scales);
  const fees = weightedFees(rules);
  const settled = pool.paused
    ? unsettled(pool, scaled, weights)
    : fees.settle(
        pool.oracle === null ? pool : observeWeighted(pool, env),
        scaled,
        weights,
        exit.protocolSwapFee,
        env,
      );
  const math = liquidityOf(settled);
  const keepsPrices =
    exit.kind === 'EXACT_BPT_IN_FOR_TOKENS_OUT' || exit.kind === 'MANAGEMENT_FEE_TOKENS_OUT';
  requireProportional(pool, keepsPrices);
  if (exit.kind === 'MANAGEMENT_FEE_TOKENS_OUT') return managementFeeExit(pool, exit);
  const { bptAmount, amounts } = exitAmounts(pool, math, exit.request, scales);
  const balances = subAll(settled.balances, amounts);
  const supply = settled.supply - bptAmount;
  const concluded = fees.conclude(settled, balances, supply, env);
  const charged = hasManagementFees(pool)
    ? withFeesPutAside(
        concluded.pool,
        feesOfExit(tokensOf(settled), exit.request, scales, rules.revision),
      )
    : concluded.pool;
  return {
    pool: pool.paused ? charged : cacheInvariantAndSupply(charged, supply),
    amounts: downscaleAllDown(amounts, scales),
    protocolFeeAmounts: downscaleAllDown(settled.dueAmounts, scales),
    bptAmount,
    moves: [...settled.moves, ...concluded.moves, { account: exit.sender, amount: -bptAmount }],
  };
}

/** What a query of a join or an exit computes from: balances and supply when past fees are settled. */
export function weightedBasis(pool: WeightedPool, env: PoolEnv): SettledPool {
  const weights = weightsOf(pool, env.time);
  const scaled = ownBalances(pool, pool.scalingFactors.map(plainScale));
  return pool.paused
    ? unsettled(pool, scaled, weights)
    : weightedFees(rulesOf(pool)).settle(pool, scaled, weights, env.fees.swap, env);
}

function liquidityOf(settled: SettledPool): LiquidityMath {
  return weightedLiquidity(tokensOf(settled), rulesOf(settled.pool).revision);
}

function tokensOf({ pool, balances, weights, supply }: SettledPool): formulas.WeightedTokens {
  return { balances, weights, supply, swapFee: pool.swapFee };
}

/** While a pool of 2021 is paused it pays no protocol fees. */
function unsettled(
  pool: WeightedPool,
  balances: readonly bigint[],
  weights: readonly bigint[],
): SettledPool {
  return {
    pool,
    balances,
    weights,
    supply: pool.totalSupply,
    invariant: 0n,
    dueAmounts: zeros(balances.length),
    moves: [],
  };
}
