/**
 * Phantom stable pools (December 2021), the ancestors of composable ones: all liquidity moves
 * through swaps, and the protocol's share of each swap fee is accrued as pool tokens due.
 *
 * @module
 */
import { revert, revertNoData } from '../../errors.ts';
import { divDown, mulDown, ONE } from '../../math/fixed-point.ts';
import * as math from '../../math/stable.ts';
import { add, sub } from '../../uint.ts';
import { rulesOf } from '../kinds.ts';
import type { ComposablePool } from '../state.ts';
import { ampAt } from './amp.ts';
import type {
  ExitHookRequest,
  JoinHookRequest,
  LiquidityOutcome,
  PoolEnv,
  SwapOutcome,
  SwapRequest,
} from './hooks.ts';
import {
  cachedScale,
  downscaleDown,
  downscaleUp,
  plainScale,
  type Scale,
  totalOf,
  totalsOf,
  upscale,
  upscaleAll,
  virtualSupplyOf,
  without,
} from './scaling.ts';
import { addSwapFee, single, subtractSwapFee, zeros } from './shared.ts';

/** Supply after the first join; what nobody owns lies in the Vault. */
export const PHANTOM_PREMINTED_BPT: bigint = (1n << 112n) - 1n;

/** A swap of tokens or of the pool's own token, swap fee on the amount in either way. */
export function phantomSwap(
  pool: ComposablePool,
  request: SwapRequest,
  env: PoolEnv,
): SwapOutcome<ComposablePool> {
  const { kind, indexIn, indexOut, amount } = request;
  const { swapFee } = pool;
  const scales = registeredScales(pool);
  const balances = without(upscaleAll(totalsOf(pool), scales), pool.bptIndex);
  const swap = { pool, balances, amp: ampAt(pool.amp, env.time), indexIn, indexOut };

  if (kind === 'GIVEN_IN') {
    const amountIn = upscale(subtractSwapFee(amount, swapFee), scales[indexIn]!);
    const { calculated, dueFee } = swapScaled({ ...swap, kind, given: amountIn });
    return { pool: withDue(pool, dueFee), amount: downscaleDown(calculated, scales[indexOut]!) };
  }
  const amountOut = upscale(amount, scales[indexOut]!);
  const { calculated, dueFee } = swapScaled({ ...swap, kind, given: amountOut });
  const amountIn = addSwapFee(downscaleUp(calculated, scales[indexIn]!), swapFee);
  return { pool: withDue(pool, dueFee), amount: amountIn };
}

/** The join that brings nothing: the fees due leave the Vault's pool tokens for the collector. */
export function collectPhantomFees(
  pool: ComposablePool,
  { request }: JoinHookRequest,
): LiquidityOutcome<ComposablePool> {
  if (request.kind === 'INIT') revert(340);
  if (request.kind !== 'COLLECT_PROTOCOL_FEES') {
    return revertNoData('Swap for pool tokens; this pool has no other join.');
  }
  const { bptIndex, dueFeeBpt } = pool;
  const nothing = zeros(pool.tokens.length);
  return {
    pool: { ...pool, dueFeeBpt: 0n },
    amounts: nothing,
    protocolFeeAmounts: nothing.with(bptIndex, dueFeeBpt),
    bptAmount: 0n,
    moves: [],
  };
}

/** The one exit, which pays proportional shares while the pool is paused. */
export function phantomExit(
  pool: ComposablePool,
  { sender, request }: ExitHookRequest,
): LiquidityOutcome<ComposablePool> {
  if (request.kind !== 'EXACT_BPT_IN_FOR_TOKENS_OUT') {
    return revertNoData('Use the proportional exit; this pool has no other.');
  }
  if (!pool.paused) revert(431);
  const { bpt } = request;
  const scales = registeredScales(pool);
  const ratio = divDown(bpt, phantomSupply(pool));
  const amounts = totalsOf(pool).map((balance, i) => {
    const scale = scales[i]!;
    return i === pool.bptIndex ? 0n : downscaleDown(mulDown(upscale(balance, scale), ratio), scale);
  });
  return {
    pool,
    amounts,
    protocolFeeAmounts: zeros(amounts.length),
    bptAmount: bpt,
    moves: [{ account: sender, amount: -bpt }],
  };
}

/** Pool tokens in circulation, fees due counted. */
export function phantomSupply(pool: ComposablePool): bigint {
  return virtualSupplyOf(pool) + pool.dueFeeBpt;
}

/** The same as swaps and the rate compute it: pool tokens that were burned count on. */
export function premintedSupply(pool: ComposablePool): bigint {
  return PHANTOM_PREMINTED_BPT - totalOf(pool.balances[pool.bptIndex]!) + pool.dueFeeBpt;
}

interface ScaledSwap {
  readonly pool: ComposablePool;
  readonly balances: readonly bigint[];
  readonly amp: bigint;
  readonly kind: 'GIVEN_IN' | 'GIVEN_OUT';
  readonly indexIn: number;
  readonly indexOut: number;
  readonly given: bigint;
}

function swapScaled(swap: ScaledSwap): { calculated: bigint; dueFee: bigint } {
  const { pool, kind, given } = swap;
  if (swap.indexIn !== pool.bptIndex && swap.indexOut !== pool.bptIndex) return swapTokens(swap);

  const calculated = swapBpt(swap);
  const isJoin = swap.indexOut === pool.bptIndex;
  const givesBpt = isJoin === (kind === 'GIVEN_OUT');
  const bpt = givesBpt ? given : calculated;
  return { calculated, dueFee: mulDown(addSwapFee(bpt, pool.swapFee) - bpt, protocolFee(pool)) };
}

function swapTokens(swap: ScaledSwap): { calculated: bigint; dueFee: bigint } {
  const { pool, balances, amp, kind, given } = swap;
  const { revision } = rulesOf(pool);
  const indexIn = skipBpt(pool, swap.indexIn);
  const indexOut = skipBpt(pool, swap.indexOut);
  const invariant = revision.invariant(amp, balances, true);
  const pair = { amp, balances, indexIn, indexOut, invariant };
  const [amountIn, amountOut] =
    kind === 'GIVEN_IN'
      ? [given, math.outGivenIn({ ...pair, amountIn: given }, revision)]
      : [math.inGivenOut({ ...pair, amountOut: given }, revision), given];
  const calculated = kind === 'GIVEN_IN' ? amountOut : amountIn;
  const fee = protocolFee(pool);
  if (fee === 0n) return { calculated, dueFee: 0n };

  const balanceIn = add(balances[indexIn]!, addSwapFee(amountIn, pool.swapFee));
  const after = balances
    .with(indexIn, balanceIn)
    .with(indexOut, sub(balances[indexOut]!, amountOut));
  const growth = divDown(revision.invariant(amp, after, false), invariant);
  const dueFee = growth > ONE ? mulDown(fee, mulDown(growth - ONE, premintedSupply(pool))) : 0n;
  return { calculated, dueFee };
}

/** Joins and exits by swap; the fee is on the amount, so the mathematics takes none. */
function swapBpt(swap: ScaledSwap): bigint {
  const { pool, balances, amp, kind, given } = swap;
  const { revision } = rulesOf(pool);
  const isJoin = swap.indexOut === pool.bptIndex;
  const index = skipBpt(pool, isJoin ? swap.indexIn : swap.indexOut);
  const at = { amp, balances, index, supply: premintedSupply(pool), swapFee: 0n };
  const amounts = single(balances.length, index, given);
  if (isJoin) {
    return kind === 'GIVEN_IN'
      ? math.bptOutGivenExactTokensIn({ ...at, amountsIn: amounts }, revision)
      : math.tokenInGivenExactBptOut({ ...at, bptOut: given }, revision);
  }
  return kind === 'GIVEN_IN'
    ? math.tokenOutGivenExactBptIn({ ...at, bptIn: given }, revision)
    : math.bptInGivenExactTokensOut({ ...at, amountsOut: amounts }, revision);
}

function registeredScales(pool: ComposablePool): Scale[] {
  return pool.scalingFactors.map((factor, i) =>
    i === pool.bptIndex
      ? plainScale(1n)
      : cachedScale(factor, pool.rates[skipBpt(pool, i)] ?? null),
  );
}

function skipBpt(pool: ComposablePool, index: number): number {
  return index < pool.bptIndex ? index : index - 1;
}

function protocolFee(pool: ComposablePool): bigint {
  return pool.feeCache.swap;
}

function withDue(pool: ComposablePool, dueFee: bigint): ComposablePool {
  return dueFee === 0n ? pool : { ...pool, dueFeeBpt: pool.dueFeeBpt + dueFee };
}
