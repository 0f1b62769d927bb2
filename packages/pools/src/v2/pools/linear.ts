/**
 * Linear pools: a main token, its wrapped form and pool tokens, all moved by swaps. Every pool token
 * exists from the start and lies in the Vault until somebody swaps for it.
 *
 * @module
 */
import { revert, revertNoData } from '../../errors.ts';
import { divDown, divUp, mulDown } from '../../math/fixed-point.ts';
import * as math from '../../math/linear.ts';
import { type LinearRules, rulesOf } from '../kinds.ts';
import type { LinearPool } from '../state.ts';
import type {
  ExitHookRequest,
  JoinHookRequest,
  LiquidityOutcome,
  PoolEnv,
  PoolHooks,
  SwapOutcome,
  SwapRequest,
} from './hooks.ts';
import {
  downscaleDown,
  downscaleUp,
  plainScale,
  ratedScale,
  type Scale,
  totalOf,
  totalsOf,
  upscale,
  virtualSupplyOf,
} from './scaling.ts';
import { recoveryExit, requireNotPaused, zeros } from './shared.ts';

export const LINEAR_HOOKS: PoolHooks<LinearPool> = { onSwap, onJoin, onExit };

/** Pool tokens minted by `initialize`. */
const INITIAL_BPT = (1n << 112n) - 1n;

type Role = 'main' | 'wrapped' | 'bpt';

/** The formula of each swap, named by token in, token out, and which amount is given. */
const FORMULAS: Readonly<Record<string, (swap: math.LinearSwap) => bigint>> = {
  'main>bpt GIVEN_IN': math.bptOutPerMainIn,
  'main>bpt GIVEN_OUT': math.mainInPerBptOut,
  'bpt>main GIVEN_IN': math.mainOutPerBptIn,
  'bpt>main GIVEN_OUT': math.bptInPerMainOut,
  'main>wrapped GIVEN_IN': math.wrappedOutPerMainIn,
  'main>wrapped GIVEN_OUT': math.mainInPerWrappedOut,
  'wrapped>main GIVEN_IN': math.mainOutPerWrappedIn,
  'wrapped>main GIVEN_OUT': math.wrappedInPerMainOut,
  'wrapped>bpt GIVEN_IN': math.bptOutPerWrappedIn,
  'wrapped>bpt GIVEN_OUT': math.wrappedInPerBptOut,
  'bpt>wrapped GIVEN_IN': math.wrappedOutPerBptIn,
  'bpt>wrapped GIVEN_OUT': math.bptInPerWrappedOut,
};

function onSwap(pool: LinearPool, request: SwapRequest, env: PoolEnv): SwapOutcome<LinearPool> {
  requireNotPaused(pool);
  const { kind, indexIn, indexOut, amount } = request;
  const scales = linearScales(pool, env);
  const formula = FORMULAS[`${roleOf(pool, indexIn)}>${roleOf(pool, indexOut)} ${kind}`]!;
  const balances = linearBalances(pool, scales);

  if (kind === 'GIVEN_IN') {
    const given = upscale(amount, scales[indexIn]!);
    const amountOut = formula({ ...balances, amount: given });
    return { pool, amount: downscaleDown(amountOut, scales[indexOut]!) };
  }
  const given = upscale(amount, scales[indexOut]!);
  const amountIn = formula({ ...balances, amount: given });
  return { pool, amount: downscaleUp(amountIn, scales[indexIn]!) };
}

/** The join by which `initialize` fills the Vault with pool tokens; all others revert. */
function onJoin(pool: LinearPool, join: JoinHookRequest): LiquidityOutcome<LinearPool> {
  if (pool.totalSupply === 0n) requireInitialization(pool, join);
  if (pool.totalSupply !== 0n) {
    const { pausedExit, unhandled } = rulesOf(pool);
    if (pausedExit === 'recovery') requireNotPaused(pool);
    revert(unhandled);
  }
  return {
    pool,
    amounts: zeros(pool.tokens.length).with(pool.bptIndex, INITIAL_BPT),
    protocolFeeAmounts: zeros(pool.tokens.length),
    bptAmount: INITIAL_BPT,
    moves: [{ account: pool.address, amount: INITIAL_BPT }],
  };
}

function onExit(
  pool: LinearPool,
  exit: ExitHookRequest,
  env: PoolEnv,
): LiquidityOutcome<LinearPool> {
  if (exit.isRecovery) {
    return recoveryExit(pool, exit, virtualSupplyOf(pool), pool.bptIndex);
  }
  const { pausedExit, unhandled } = rulesOf(pool);
  if (pausedExit === 'proportional') return emergencyExit(pool, exit, env);
  requireNotPaused(pool);
  return revert(unhandled);
}

/** Pools without recovery mode pay out proportional shares while they are paused. */
function emergencyExit(
  pool: LinearPool,
  exit: ExitHookRequest,
  env: PoolEnv,
): LiquidityOutcome<LinearPool> {
  const { request } = exit;
  if (request.kind !== 'EXACT_BPT_IN_FOR_TOKENS_OUT') {
    return revertNoData('Use the proportional exit; this pool has no other.');
  }
  if (!pool.paused) revert(431);
  const { bpt } = request;
  const scales = linearScales(pool, env);
  const ratio = divDown(bpt, virtualSupplyOf(pool));
  const amounts = totalsOf(pool).map((balance, i) =>
    i === pool.bptIndex
      ? 0n
      : downscaleDown(mulDown(upscale(balance, scales[i]!), ratio), scales[i]!),
  );
  return {
    pool,
    amounts,
    protocolFeeAmounts: zeros(amounts.length),
    bptAmount: bpt,
    moves: [{ account: exit.sender, amount: -bpt }],
  };
}

function requireInitialization(pool: LinearPool, join: JoinHookRequest): void {
  requireNotPaused(pool);
  if (join.sender !== pool.address || join.request.kind !== 'INIT') revert(342);
}

/** Value of a pool token in main tokens, 18 decimals. */
export function linearRate(pool: LinearPool, env: PoolEnv): bigint {
  const scaled = linearBalances(pool, linearScales(pool, env));
  return divUp(math.invariant(scaled), scaled.bptSupply);
}

/** Main balance, 18 decimals. */
export function scaledMainBalance(pool: LinearPool): bigint {
  const main = pool.mainIndex;
  return upscale(totalOf(pool.balances[main]!), plainScale(pool.scalingFactors[main]!));
}

/**
 * The pool with new targets.
 *
 * @throws {Revert} BAL#335 (main balance outside of the old targets), BAL#343 (outside of the new),
 * BAL#332, BAL#353, BAL#333 (targets out of order, not whole, too high).
 */
export function withTargets(pool: LinearPool, lower: bigint, upper: bigint): LinearPool {
  requireWithinTargets(pool);
  const main = scaledMainBalance(pool);
  if (main < lower || main > upper) revert(343);
  return { ...pool, ...checkedTargets(lower, upper, rulesOf(pool)) };
}

/** @throws {Revert} BAL#332, BAL#353, BAL#333. */
export function checkedTargets(
  lowerTarget: bigint,
  upperTarget: bigint,
  { wholeTargets }: LinearRules,
): { lowerTarget: bigint; upperTarget: bigint } {
  const whole = 10n ** 18n;
  const greatest = wholeTargets ? ((1n << 32n) - 1n) * whole : (1n << 96n) - 1n;
  if (lowerTarget > upperTarget) revert(332);
  const isWhole = lowerTarget % whole === 0n && upperTarget % whole === 0n;
  if (wholeTargets && !isWhole) revert(353);
  if (upperTarget > greatest) revert(333);
  return { lowerTarget, upperTarget };
}

/** @throws {Revert} BAL#335 unless the main balance is inside the targets, so that no fee is due. */
export function requireWithinTargets(pool: LinearPool): void {
  const main = scaledMainBalance(pool);
  if (main < pool.lowerTarget || main > pool.upperTarget) revert(335);
}

/** Scaled balances, supply and parameters, as the formulas take them. */
export function linearBalances(pool: LinearPool, scales: readonly Scale[]): math.LinearPool {
  const balanceOf = (index: number): bigint =>
    upscale(totalOf(pool.balances[index]!), scales[index]!);
  return {
    fee: pool.swapFee,
    lowerTarget: pool.lowerTarget,
    upperTarget: pool.upperTarget,
    mainBalance: balanceOf(pool.mainIndex),
    wrappedBalance: balanceOf(pool.wrappedIndex),
    bptSupply: tradedSupplyOf(pool),
  };
}

/** Early pools count pool tokens from those minted at first, and so never see that some were burned. */
function tradedSupplyOf(pool: LinearPool): bigint {
  return rulesOf(pool).pausedExit === 'proportional'
    ? INITIAL_BPT - totalOf(pool.balances[pool.bptIndex]!)
    : virtualSupplyOf(pool);
}

/** Scaling factors; the wrapped token's with its present rate. */
export function linearScales(pool: LinearPool, env: PoolEnv): Scale[] {
  const provider = pool.wrappedRateProvider;
  return pool.scalingFactors.map((factor, i) =>
    i === pool.wrappedIndex && provider !== null
      ? ratedScale(factor, env.rateOf(provider))
      : plainScale(factor),
  );
}

function roleOf(pool: LinearPool, index: number): Role {
  if (index === pool.mainIndex) return 'main';
  return index === pool.wrappedIndex ? 'wrapped' : 'bpt';
}
