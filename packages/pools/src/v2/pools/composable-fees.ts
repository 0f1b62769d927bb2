/**
 * How composable stable pools pay the protocol: the growth of the invariant since the last join or
 * exit is split into swap fees and yield by computing it with old and with new token rates, and
 * pool tokens are minted for the protocol's share of each.
 *
 * @module
 */
import { divDown, mulDown } from '../../math/fixed-point.ts';
import { mul } from '../../uint.ts';
import { rulesOf } from '../kinds.ts';
import type { ComposablePool } from '../state.ts';
import { ampAt } from './amp.ts';
import type { BptMove, PoolEnv } from './hooks.ts';

/** The pool when the fees of the past are settled. Arrays leave out the pool's own token. */
export interface SettledComposable {
  readonly pool: ComposablePool;
  readonly amp: bigint;
  /** Scaled. */
  readonly balances: readonly bigint[];
  /** Virtual supply, with the fee. */
  readonly supply: bigint;
  readonly invariant: bigint;
  /** Pool tokens due to the protocol. */
  readonly fee: bigint;
}

/** Fees due since the last join or exit, and the invariant now. */
export function settleComposable(
  pool: ComposablePool,
  balances: readonly bigint[],
  virtualSupply: bigint,
  time: bigint,
): SettledComposable {
  const { share, invariant } = protocolShare(pool, balances);
  const fee = rulesOf(pool).bptForOwnership(virtualSupply, share);
  const amp = ampAt(pool.amp, time);
  return {
    pool,
    amp,
    balances,
    supply: virtualSupply + fee,
    invariant:
      amp === pool.lastAmp ? invariant : rulesOf(pool).revision.invariant(amp, balances, false),
    fee,
  };
}

/** Fees of the operation itself, and the basis of the next settlement. */
export function concludeComposable(
  settled: SettledComposable,
  balances: readonly bigint[],
  supply: bigint,
  env: PoolEnv,
): { readonly pool: ComposablePool; readonly moves: readonly BptMove[] } {
  const { pool, amp } = settled;
  const lastInvariant = rulesOf(pool).revision.invariant(amp, balances, false);
  const feeless = mulDown(settled.invariant, divDown(supply, settled.supply));
  let fee = 0n;
  if (lastInvariant > feeless) {
    const share = mul(lastInvariant - feeless, cachedFees(pool).swap) / lastInvariant;
    fee = rulesOf(pool).bptForOwnership(supply, share);
  }
  return {
    pool: withBasis(pool, amp, lastInvariant),
    moves: [...mintedTo(env, settled.fee), ...mintedTo(env, fee)],
  };
}

/** The pool owing nothing at this invariant: amplification, invariant and rates as of now. */
export function withBasis(pool: ComposablePool, amp: bigint, invariant: bigint): ComposablePool {
  const rates = hasRatesOfLastTime(pool)
    ? pool.rates
    : pool.rates.map((cache) => (cache === null ? null : { ...cache, oldRate: cache.rate }));
  return { ...pool, rates, lastAmp: amp, lastInvariant: invariant };
}

/** Share of the pool that the protocol is due, and the invariant at the last amplification. */
function protocolShare(
  pool: ComposablePool,
  balances: readonly bigint[],
): { share: bigint; invariant: bigint } {
  const { lastAmp, lastInvariant, yieldExempt } = pool;
  const { revision } = rulesOf(pool);
  const invariantOf = (amounts: readonly bigint[]): bigint =>
    revision.invariant(lastAmp, amounts, false);

  // In the order of the contract, because each may find that it does not exist. With every rate
  // unchanged the three growth invariants are one.
  const isCurrent = hasRatesOfLastTime(pool);
  const atOld = isCurrent ? null : invariantOf(atOldRates(pool, balances, () => true));
  const isMixed = yieldExempt.some(Boolean) && !yieldExempt.every(Boolean);
  const atMixed =
    isCurrent || !isMixed ? null : invariantOf(atOldRates(pool, balances, (i) => yieldExempt[i]!));
  const total = invariantOf(balances);
  const swapOnly = atOld ?? total;
  const nonExempt = atMixed ?? (yieldExempt.every(Boolean) ? swapOnly : total);

  const fees = cachedFees(pool);
  const swapGrowth = swapOnly > lastInvariant ? swapOnly - lastInvariant : 0n;
  const yieldGrowth = nonExempt > swapOnly ? nonExempt - swapOnly : 0n;
  const share =
    mulDown(divDown(swapGrowth, total), fees.swap) +
    mulDown(divDown(yieldGrowth, total), fees.yield);
  return { share, invariant: total };
}

/** Whether every rate is what it was at the last join or exit. */
function hasRatesOfLastTime({ rates }: ComposablePool): boolean {
  return rates.every((cache) => cache === null || cache.oldRate === cache.rate);
}

/** Balances as they would be scaled with the rates of the last join or exit. */
function atOldRates(
  pool: ComposablePool,
  balances: readonly bigint[],
  isAdjusted: (index: number) => boolean,
): bigint[] {
  return balances.map((balance, i) => {
    const cache = pool.rates[i] ?? null;
    return cache === null || !isAdjusted(i) ? balance : mul(balance, cache.oldRate) / cache.rate;
  });
}

function cachedFees(pool: ComposablePool): { swap: bigint; yield: bigint } {
  return pool.recoveryMode ? { swap: 0n, yield: 0n } : pool.feeCache;
}

function mintedTo(env: PoolEnv, amount: bigint): BptMove[] {
  return amount === 0n ? [] : [{ account: env.collector, amount }];
}
