/**
 * Token rates that a pool remembers for a while, so that it does not ask its providers in each call.
 *
 * @module
 */
import { revert } from '../../errors.ts';
import type { PoolEvent } from '../events.ts';
import type { Address, Pool, RateCache } from '../state.ts';
import type { PoolEnv } from './hooks.ts';

/** A cache filled now. @throws {Revert} BAL#329 when the rate does not fit `bits`. */
export function createRateCache(
  provider: Address,
  duration: bigint,
  env: PoolEnv,
  bits: number,
): RateCache {
  const rate = readRate(provider, env, bits);
  return { provider, rate, oldRate: rate, duration, expires: env.time + duration };
}

/** The cache with the provider's present rate. @throws {Revert} BAL#329. */
export function refreshed(cache: RateCache, env: PoolEnv, bits: number): RateCache {
  const rate = readRate(cache.provider, env, bits);
  return { ...cache, rate, expires: env.time + cache.duration };
}

/** The caches, those past their time refreshed; the same array when none is. */
export function refreshExpired(
  caches: readonly (RateCache | null)[],
  env: PoolEnv,
  bits: number,
): readonly (RateCache | null)[] {
  if (!caches.some((cache) => cache !== null && env.time > cache.expires)) return caches;
  return caches.map((cache) =>
    cache !== null && env.time > cache.expires ? refreshed(cache, env, bits) : cache,
  );
}

/** One event per cache that was refreshed; `tokens` lines up with the caches. */
export function refreshEvents(
  pool: Pool,
  tokens: readonly Address[],
  before: readonly (RateCache | null)[],
  after: readonly (RateCache | null)[],
): PoolEvent[] {
  if (before === after) return [];
  return after.flatMap((cache, i): PoolEvent[] =>
    cache === null || cache === before[i]
      ? []
      : [{ type: 'TokenRateCacheUpdated', pool: pool.id, token: tokens[i]!, rate: cache.rate }],
  );
}

function readRate(provider: Address, env: PoolEnv, bits: number): bigint {
  const rate = env.rateOf(provider);
  return rate >> BigInt(bits) === 0n ? rate : revert(329);
}
