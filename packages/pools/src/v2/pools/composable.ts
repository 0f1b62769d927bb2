/**
 * Composable stable pools: stable pools that register their own token, so that a join or an exit of
 * one token is a swap, and that follow the rates of their tokens.
 *
 * @module
 */
import { divDown } from '../../math/fixed-point.ts';
import * as math from '../../math/stable.ts';
import { add, sub } from '../../uint.ts';
import { rulesOf } from '../kinds.ts';
import type { ComposablePool } from '../state.ts';
import { ampAt } from './amp.ts';
import {
  concludeComposable,
  settleComposable,
  type SettledComposable,
  withBasis,
} from './composable-fees.ts';
import type {
  ExitHookRequest,
  JoinHookRequest,
  LiquidityOutcome,
  PoolEnv,
  PoolHooks,
  SwapOutcome,
  SwapRequest,
} from './hooks.ts';
import { exitAmounts, joinAmounts, type LiquidityMath, stableLiquidity } from './liquidity.ts';
import {
  collectPhantomFees,
  PHANTOM_PREMINTED_BPT,
  phantomExit,
  phantomSwap,
  premintedSupply,
} from './phantom.ts';
import { refreshEvents, refreshExpired } from './rates.ts';
import {
  cachedScale,
  downscaleAllDown,
  downscaleAllUp,
  downscaleDown,
  downscaleUp,
  plainScale,
  type Scale,
  totalsOf,
  upscale,
  upscaleAll,
  virtualSupplyOf,
  withInserted,
  without,
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

export const COMPOSABLE_HOOKS: PoolHooks<ComposablePool> = { onSwap, onJoin, onExit };

/** Supply after the first join; what nobody owns lies in the Vault. */
const PREMINTED_BPT = 1n << 111n;
const BPT_SCALE = plainScale(1n);

/** Scaling factors of all tokens but the pool's own, with the remembered rates. */
export function composableScales(pool: ComposablePool): Scale[] {
  const factors = without(pool.scalingFactors, pool.bptIndex);
  return factors.map((factor, i) => cachedScale(factor, pool.rates[i] ?? null));
}

/** Scaled balances without the pool's own token. */
export function composableBalances(pool: ComposablePool, scales: readonly Scale[]): bigint[] {
  return upscaleAll(without(totalsOf(pool), pool.bptIndex), scales);
}

/** Index without the pool's own token. */
function skipBpt(pool: ComposablePool, index: number): number {
  return index < pool.bptIndex ? index : index - 1;
}

function onSwap(
  stale: ComposablePool,
  request: SwapRequest,
  env: PoolEnv,
): SwapOutcome<ComposablePool> {
  requireNotPaused(stale);
  const pool = withFreshRates(stale, env);
  const events = rateEvents(stale, pool);
  if (rulesOf(pool).phantom) {
    // Phantom pools scale the amounts before they ask for new rates, which count from the next swap on.
    const { pool: swapped, amount } = phantomSwap(stale, request, env);
    return { pool: { ...swapped, rates: pool.rates }, amount, events };
  }

  const { indexIn, indexOut } = request;
  const touchesBpt = indexIn === pool.bptIndex || indexOut === pool.bptIndex;
  const outcome = touchesBpt ? swapWithBpt(pool, request, env) : swapTokens(pool, request, env);
  return { ...outcome, events };
}

function swapTokens(
  pool: ComposablePool,
  request: SwapRequest,
  env: PoolEnv,
): SwapOutcome<ComposablePool> {
  const { revision } = rulesOf(pool);
  const { kind, amount } = request;
  const indexIn = skipBpt(pool, request.indexIn);
  const indexOut = skipBpt(pool, request.indexOut);
  const scales = composableScales(pool);
  const balances = composableBalances(pool, scales);
  const swap = { amp: ampAt(pool.amp, env.time), balances, indexIn, indexOut };
  const scaleIn = scales[indexIn]!;
  const scaleOut = scales[indexOut]!;

  if (kind === 'GIVEN_IN') {
    const amountIn = upscale(subtractSwapFee(amount, pool.swapFee), scaleIn);
    const amountOut = math.outGivenIn({ ...swap, amountIn }, revision);
    return { pool, amount: downscaleDown(amountOut, scaleOut) };
  }
  const amountOut = upscale(amount, scaleOut);
  const amountIn = math.inGivenOut({ ...swap, amountOut }, revision);
  return { pool, amount: addSwapFee(downscaleUp(amountIn, scaleIn), pool.swapFee) };
}

/** A swap of the pool's own token is a join or an exit of the other one. */
function swapWithBpt(
  pool: ComposablePool,
  request: SwapRequest,
  env: PoolEnv,
): SwapOutcome<ComposablePool> {
  const { revision } = rulesOf(pool);
  const isJoin = request.indexOut === pool.bptIndex;
  const isGivenIn = request.kind === 'GIVEN_IN';
  const index = skipBpt(pool, isJoin ? request.indexIn : request.indexOut);
  const scales = composableScales(pool);
  const scale = scales[index]!;
  const givesBpt = isJoin !== isGivenIn;
  const given = upscale(request.amount, givesBpt ? BPT_SCALE : scale);

  const settled = settleComposable(
    pool,
    composableBalances(pool, scales),
    virtualSupplyOf(pool),
    env.time,
  );
  const { amp, balances, supply, invariant } = settled;
  const at = { amp, balances, supply, invariant, swapFee: pool.swapFee, index };

  let calculated: bigint;
  if (isJoin) {
    calculated = givesBpt
      ? math.tokenInGivenExactBptOut({ ...at, bptOut: given }, revision)
      : math.bptOutGivenExactTokensIn(
          { ...at, amountsIn: single(balances.length, index, given) },
          revision,
        );
  } else {
    calculated = givesBpt
      ? math.tokenOutGivenExactBptIn({ ...at, bptIn: given }, revision)
      : math.bptInGivenExactTokensOut(
          { ...at, amountsOut: single(balances.length, index, given) },
          revision,
        );
  }

  const [bpt, tokens] = givesBpt ? [given, calculated] : [calculated, given];
  const move = isJoin ? add : sub;
  const balancesAfter = balances.with(index, move(balances[index]!, tokens));
  const concluded = concludeComposable(settled, balancesAfter, move(supply, bpt), env);
  const scaleOfResult = givesBpt ? scale : BPT_SCALE;
  return {
    pool: concluded.pool,
    moves: concluded.moves,
    amount: isGivenIn
      ? downscaleDown(calculated, scaleOfResult)
      : downscaleUp(calculated, scaleOfResult),
  };
}

function onJoin(
  stale: ComposablePool,
  join: JoinHookRequest,
  env: PoolEnv,
): LiquidityOutcome<ComposablePool> {
  if (rulesOf(stale).phantom && stale.totalSupply > 0n) return collectPhantomFees(stale, join);
  requireNotPaused(stale);
  const pool = withFreshRates(stale, env);
  const events = rateEvents(stale, pool);
  if (pool.totalSupply === 0n) return { ...initialize(pool, join, env), events };

  const scales = composableScales(pool);
  const settled = settle(pool, scales, env);
  const { bptAmount, amounts } = joinAmounts(pool, liquidityOf(settled), join.request, scales);
  const balances = addAll(settled.balances, amounts);
  const concluded = concludeComposable(settled, balances, add(settled.supply, bptAmount), env);
  return {
    pool: concluded.pool,
    amounts: withInserted(downscaleAllUp(amounts, scales), pool.bptIndex, 0n),
    protocolFeeAmounts: zeros(pool.tokens.length),
    bptAmount,
    moves: [...concluded.moves, { account: join.recipient, amount: bptAmount }],
    events,
  };
}

function initialize(
  pool: ComposablePool,
  join: JoinHookRequest,
  env: PoolEnv,
): LiquidityOutcome<ComposablePool> {
  const { revision, phantom } = rulesOf(pool);
  const scales = composableScales(pool);
  const balances = upscaleAll(initialAmounts(join.request, scales.length), scales);
  const amp = ampAt(pool.amp, env.time);
  const bptAmount = revision.invariant(amp, balances, true);
  const preminted = phantom ? PHANTOM_PREMINTED_BPT : PREMINTED_BPT;
  const toVault = sub(preminted, bptAmount);
  return {
    // Phantom pools never remember an invariant.
    pool: phantom ? pool : withBasis(pool, amp, bptAmount),
    amounts: withInserted(downscaleAllUp(balances, scales), pool.bptIndex, toVault),
    protocolFeeAmounts: zeros(pool.tokens.length),
    bptAmount,
    moves: [{ account: join.sender, amount: toVault }, ...firstMint(join.recipient, bptAmount)],
  };
}

function onExit(
  stale: ComposablePool,
  exit: ExitHookRequest,
  env: PoolEnv,
): LiquidityOutcome<ComposablePool> {
  if (rulesOf(stale).phantom) return phantomExit(stale, exit);
  if (exit.isRecovery) {
    return recoveryExit(stale, exit, virtualSupplyOf(stale), stale.bptIndex);
  }
  requireNotPaused(stale);
  const pool = withFreshRates(stale, env);
  const scales = composableScales(pool);
  const settled = settle(pool, scales, env);
  const { bptAmount, amounts } = exitAmounts(pool, liquidityOf(settled), exit.request, scales);
  const balances = subAll(settled.balances, amounts);
  const concluded = concludeComposable(settled, balances, sub(settled.supply, bptAmount), env);
  return {
    pool: concluded.pool,
    amounts: withInserted(downscaleAllDown(amounts, scales), pool.bptIndex, 0n),
    protocolFeeAmounts: zeros(pool.tokens.length),
    bptAmount,
    moves: [...concluded.moves, { account: exit.sender, amount: -bptAmount }],
    events: rateEvents(stale, pool),
  };
}

/** What a query of a join or an exit computes from: rates that are past their time are asked for anew. */
export function composableBasis(
  stale: ComposablePool,
  env: PoolEnv,
): SettledComposable & { readonly scales: readonly Scale[] } {
  const pool = withFreshRates(stale, env);
  const scales = composableScales(pool);
  return { ...settle(pool, scales, env), scales };
}

/** Invariant per pool token, fees due counted, with the remembered rates; 18 decimals. */
export function composableRate(pool: ComposablePool, time: bigint): bigint {
  const scales = composableScales(pool);
  const balances = composableBalances(pool, scales);
  const { phantom, revision } = rulesOf(pool);
  if (phantom) {
    return divDown(
      revision.invariant(ampAt(pool.amp, time), balances, false),
      premintedSupply(pool),
    );
  }
  const settled = settleComposable(pool, balances, virtualSupplyOf(pool), time);
  return divDown(settled.invariant, settled.supply);
}

/** Supply that owns the pool: virtual supply and fees due. */
export function composableActualSupply(pool: ComposablePool, time: bigint): bigint {
  const balances = composableBalances(pool, composableScales(pool));
  return settleComposable(pool, balances, virtualSupplyOf(pool), time).supply;
}

function settle(pool: ComposablePool, scales: readonly Scale[], env: PoolEnv): SettledComposable {
  return settleComposable(pool, composableBalances(pool, scales), virtualSupplyOf(pool), env.time);
}

function liquidityOf(settled: SettledComposable): LiquidityMath {
  const { pool, amp, balances, supply, invariant } = settled;
  const { swapFee } = pool;
  return stableLiquidity({ amp, balances, supply, invariant, swapFee }, rulesOf(pool).revision);
}

function withFreshRates(pool: ComposablePool, env: PoolEnv): ComposablePool {
  const rates = refreshExpired(pool.rates, env, rulesOf(pool).rateBits);
  return rates === pool.rates ? pool : { ...pool, rates };
}

function rateEvents(stale: ComposablePool, pool: ComposablePool): ReturnType<typeof refreshEvents> {
  return refreshEvents(pool, without(pool.tokens, pool.bptIndex), stale.rates, pool.rates);
}
