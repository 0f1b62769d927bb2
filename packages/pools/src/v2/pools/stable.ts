/**
 * The stable family: stable pools of both generations, and metastable pools with token rates and an
 * oracle. They pay protocol fees in the token with the largest balance.
 *
 * @module
 */
import { divDown } from '../../math/fixed-point.ts';
import * as formulas from '../../math/stable.ts';
import { rulesOf } from '../kinds.ts';
import type { StablePool } from '../state.ts';
import { ampAt } from './amp.ts';
import type {
  ExitHookRequest,
  JoinHookRequest,
  LiquidityOutcome,
  PoolEnv,
  PoolHooks,
  SwapOutcome,
  SwapRequest,
} from './hooks.ts';
import { exitAmounts, joinAmounts, stableLiquidity } from './liquidity.ts';
import { cacheInvariantAndSupply, observeStable } from './price-oracle.ts';
import { refreshEvents, refreshExpired } from './rates.ts';
import {
  cachedScale,
  downscaleAllDown,
  downscaleAllUp,
  downscaleDown,
  downscaleUp,
  type Scale,
  totalsOf,
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
  single,
  subAll,
  subtractSwapFee,
  zeros,
} from './shared.ts';
import { indexOfGreatest } from './weighted-fees.ts';

export const STABLE_HOOKS: PoolHooks<StablePool> = { onSwap, onJoin, onExit };

/** Scaling factors with the remembered rates. */
export function stableScales(pool: StablePool): Scale[] {
  return pool.scalingFactors.map((factor, i) => cachedScale(factor, pool.rates[i] ?? null));
}

function onSwap(stale: StablePool, request: SwapRequest, env: PoolEnv): SwapOutcome<StablePool> {
  const pool = withFreshRates(stale, env);
  const { revision } = rulesOf(pool);
  const { kind, indexIn, indexOut, amount } = request;
  const amp = ampAt(pool.amp, env.time);
  const scales = stableScales(pool);
  const balances = upscaleAll(totalsOf(pool), scales);
  const swap = { amp, balances, indexIn, indexOut };
  const scaleIn = scales[indexIn]!;
  const scaleOut = scales[indexOut]!;
  // The oracle reads the balances before the pool finds that it is paused.
  const observed = observeStable(pool, balances, amp, env);
  requireNotPaused(pool);
  const outcome = {
    pool: observed,
    events: refreshEvents(pool, pool.tokens, stale.rates, pool.rates),
  };

  if (kind === 'GIVEN_IN') {
    const amountIn = upscale(subtractSwapFee(amount, pool.swapFee), scaleIn);
    const amountOut = formulas.outGivenIn({ ...swap, amountIn }, revision);
    return { ...outcome, amount: downscaleDown(amountOut, scaleOut) };
  }
  const amountOut = upscale(amount, scaleOut);
  const amountIn = formulas.inGivenOut({ ...swap, amountOut }, revision);
  return { ...outcome, amount: addSwapFee(downscaleUp(amountIn, scaleIn), pool.swapFee) };
}

function onJoin(
  stale: StablePool,
  join: JoinHookRequest,
  env: PoolEnv,
): LiquidityOutcome<StablePool> {
  const pool = withFreshRates(stale, env);
  const events = refreshEvents(pool, pool.tokens, stale.rates, pool.rates);
  const scales = stableScales(pool);
  const amp = ampAt(pool.amp, env.time);
  if (pool.totalSupply === 0n) {
    requireNotPaused(pool);
    return { ...initialize(pool, join, scales, amp), events };
  }

  const scaled = upscaleAll(totalsOf(pool), scales);
  const observed = observeStable(pool, scaled, amp, env);
  requireNotPaused(pool);
  const due = dueProtocolFees(pool, scaled, join.protocolSwapFee);
  const { totalSupply: supply, swapFee } = pool;
  const before = { amp, balances: subAll(scaled, due), supply, swapFee };
  const math = stableLiquidity(before, rulesOf(pool).revision);
  const { bptAmount, amounts } = joinAmounts(pool, math, join.request, scales);
  const concluded = withInvariantOf(observed, amp, addAll(before.balances, amounts));
  return {
    pool: cacheInvariantAndSupply(concluded, supply + bptAmount),
    amounts: downscaleAllUp(amounts, scales),
    protocolFeeAmounts: downscaleAllDown(due, scales),
    bptAmount,
    moves: [{ account: join.recipient, amount: bptAmount }],
    events,
  };
}

function initialize(
  pool: StablePool,
  join: JoinHookRequest,
  scales: readonly Scale[],
  amp: bigint,
): LiquidityOutcome<StablePool> {
  const balances = upscaleAll(initialAmounts(join.request, scales.length), scales);
  const initialized = withInvariantOf(pool, amp, balances);
  const bptAmount = initialized.lastInvariant;
  return {
    pool: cacheInvariantAndSupply(initialized, bptAmount),
    amounts: downscaleAllUp(balances, scales),
    protocolFeeAmounts: zeros(scales.length),
    bptAmount,
    moves: firstMint(join.recipient, bptAmount),
  };
}

function onExit(
  stale: StablePool,
  exit: ExitHookRequest,
  env: PoolEnv,
): LiquidityOutcome<StablePool> {
  if (exit.isRecovery) return recoveryExit(stale, exit, stale.totalSupply, null);
  if (rulesOf(stale).pausedExit === 'recovery') requireNotPaused(stale);

  const pool = withFreshRates(stale, env);
  const scales = stableScales(pool);
  const amp = ampAt(pool.amp, env.time);
  const scaled = upscaleAll(totalsOf(pool), scales);
  const observed = pool.paused ? pool : observeStable(pool, scaled, amp, env);
  const due = pool.paused
    ? zeros(scaled.length)
    : dueProtocolFees(pool, scaled, exit.protocolSwapFee);
  const { totalSupply: supply, swapFee } = pool;
  const before = { amp, balances: subAll(scaled, due), supply, swapFee };
  const math = stableLiquidity(before, rulesOf(pool).revision);
  const { bptAmount, amounts } = exitAmounts(pool, math, exit.request, scales);
  const concluded = withInvariantOf(observed, amp, subAll(before.balances, amounts));
  return {
    pool: pool.paused ? concluded : cacheInvariantAndSupply(concluded, supply - bptAmount),
    amounts: downscaleAllDown(amounts, scales),
    protocolFeeAmounts: downscaleAllDown(due, scales),
    bptAmount,
    moves: [{ account: exit.sender, amount: -bptAmount }],
    events: refreshEvents(pool, pool.tokens, stale.rates, pool.rates),
  };
}

/** Invariant per pool token, 18 decimals, with the remembered rates. */
export function stableRate(pool: StablePool, time: bigint): bigint {
  const balances = upscaleAll(totalsOf(pool), stableScales(pool));
  const d = rulesOf(pool).revision.invariant(ampAt(pool.amp, time), balances, false);
  return divDown(d, pool.totalSupply);
}

/** What a query of a join or an exit computes from: balances less what is due, with the remembered rates. */
export function stableBasis(
  pool: StablePool,
  env: PoolEnv,
): { readonly balances: readonly bigint[]; readonly dueAmounts: readonly bigint[] } {
  const scaled = upscaleAll(totalsOf(pool), stableScales(pool));
  const dueAmounts = pool.paused
    ? zeros(scaled.length)
    : dueProtocolFees(pool, scaled, env.fees.swap);
  return { balances: subAll(scaled, dueAmounts), dueAmounts };
}

/** Scaled amounts that the pool owes the protocol since its last join or exit. */
function dueProtocolFees(
  pool: StablePool,
  balances: readonly bigint[],
  protocolSwapFee: bigint,
): readonly bigint[] {
  if (protocolSwapFee === 0n) return zeros(balances.length);
  const { lastAmp, lastInvariant } = pool;
  const index = indexOfGreatest(balances);
  const due = formulas.dueProtocolSwapFee({
    lastAmp,
    balances,
    lastInvariant,
    index,
    protocolSwapFee,
  });
  return single(balances.length, index, due);
}

function withInvariantOf(pool: StablePool, amp: bigint, balances: readonly bigint[]): StablePool {
  const lastInvariant = rulesOf(pool).revision.invariant(amp, balances, true);
  return { ...pool, lastAmp: amp, lastInvariant };
}

function withFreshRates(pool: StablePool, env: PoolEnv): StablePool {
  const rates = refreshExpired(pool.rates, env, rulesOf(pool).rateBits);
  return rates === pool.rates ? pool : { ...pool, rates };
}
