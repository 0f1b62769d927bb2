/**
 * Balances and amounts with 18 decimals, as the swaps of a pool go by them.
 *
 * @module
 */
import { math, v2 } from '@balancer/pools';

const { ONE } = math;
const { mulDown } = math.fixedPoint;

/** Scaled balances in registered order, without what is put aside for the owner. */
export function scaledBalances(state: v2.WorldState, pool: v2.Pool): bigint[] {
  const { balances } = v2.getPoolTokens(state, pool.id);
  const hasOwner = pool.family === 'weighted' && pool.managementFees.length > 0;
  const aside = hasOwner ? v2.getCollectedManagementFees(state, pool.id) : [];
  return balances.map((balance, i) => {
    const factor = scalingFactor(state, pool, pool.tokens[i]!);
    return mulDown(balance - (aside[i] ?? 0n), factor);
  });
}

/** 10^(18 - decimals) with 18 decimals more, times the rate that the swap goes by. */
export function scalingFactor(state: v2.WorldState, pool: v2.Pool, token: string): bigint {
  const factor = pool.scalingFactors[pool.tokens.indexOf(token)]! * ONE;
  if (pool.family !== 'stable' && pool.family !== 'composable') return factor;
  const tokens =
    pool.family === 'stable' ? pool.tokens : pool.tokens.filter((other) => other !== pool.address);
  const cache = pool.rates[tokens.indexOf(token)] ?? null;
  if (cache === null) return factor;
  const rate = isStale(state, pool, cache)
    ? (state.rates.get(cache.provider) ?? cache.rate)
    : cache.rate;
  return mulDown(factor, rate);
}

/** The state in which a swap finds the pool's rates: those past their time are asked for again. */
export function withFreshRates(
  state: v2.WorldState,
  pool: v2.ComposablePool,
): { state: v2.WorldState; pool: v2.ComposablePool } {
  const tokens = pool.tokens.filter((token) => token !== pool.address);
  let fresh = state;
  for (const [i, token] of tokens.entries()) {
    const cache = pool.rates[i] ?? null;
    if (cache === null || !isStale(state, pool, cache)) continue;
    const refresh = { do: 'updateTokenRateCache', from: pool.owner, pool: pool.id, token } as const;
    fresh = v2.step(fresh, refresh).state;
  }
  return { state: fresh, pool: v2.getPool(fresh, pool.id) as v2.ComposablePool };
}

/** Phantom pools go by what they remember, and ask again afterwards. */
function isStale(state: v2.WorldState, pool: v2.Pool, cache: v2.RateCache): boolean {
  return state.time > cache.expires && pool.kind !== 'phantom-1';
}
