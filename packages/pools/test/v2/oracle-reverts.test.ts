import { v2 } from '@balancer/pools';
import { describe, expect, test } from 'vitest';
import { newPool, revertOf, swapIn, type TestPool, units } from './support.ts';

const RING = 1024;

/** A pool whose ring holds `samples` samples, two minutes apart. */
function sampled(kind: v2.PoolKind, samples: number): TestPool {
  const pool = newPool(kind);
  for (let i = 0; i < samples; i++) {
    pool.world.warp({ seconds: 120n, blocks: 1n });
    swapIn(pool, i % 2, (i + 1) % 2, units(1n, i % 2 === 0 ? 18 : 6));
  }
  return pool;
}

function average(pool: TestPool, secs: bigint, ago: bigint): readonly bigint[] {
  return v2.getOracleAverages(pool.world.state, pool.id, [{ variable: 'PAIR_PRICE', secs, ago }]);
}

describe.each(['weighted2tokens-1', 'metastable-1'] as const)('the oracle of %s', (kind) => {
  test('reverts with BAL#312 before the epoch', () => {
    const pool = sampled(kind, 2);
    const ago = pool.world.state.time + 1n;
    const query = [{ variable: 'INVARIANT', ago } as const];
    const ask = (): unknown => v2.getOracleAccumulators(pool.world.state, pool.id, query);
    expect(revertOf(ask)).toBe('BAL#312');
  });

  test('reverts with BAL#313 before the first sample and, for the past, until the ring is full', () => {
    const empty = newPool(kind);
    const latest = (): unknown => v2.getOracleLatest(empty.world.state, empty.id, 'BPT_PRICE');
    expect(revertOf(latest)).toBe('BAL#313');
    expect(revertOf(() => average(sampled(kind, 3), 60n, 200n))).toBe('BAL#313');
  });

  test('reverts with BAL#314 for a moment that is older than a full ring', () => {
    const pool = sampled(kind, RING + 1);
    expect(average(pool, 60n, 120n * 1000n)).toHaveLength(1);
    expect(revertOf(() => average(pool, 60n, 120n * 1100n))).toBe('BAL#314');
  });

  test('reverts with BAL#315 for a sample past the ring', () => {
    const pool = sampled(kind, 1);
    const sample = (index: number): unknown => v2.getOracleSample(pool.world.state, pool.id, index);
    expect(revertOf(() => sample(RING))).toBe('BAL#315');
    expect(sample(RING - 1)).toMatchObject({ timestamp: 0n });
  });

  test('reverts with BAL#316 for a mean over no time', () => {
    expect(revertOf(() => average(sampled(kind, 2), 0n, 0n))).toBe('BAL#316');
  });
});
