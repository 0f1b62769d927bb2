import fc from 'fast-check';
import { v2 } from '@balancer/pools';
import { describe, expect, test } from 'vitest';
import { newPool, swapIn, type TestPool, units } from './support.ts';

type Oracle = v2.Oracle;

function oracleOf(pool: TestPool): Oracle {
  return v2.oracleOf(pool.world.state, pool.id);
}

describe.each(['weighted2tokens-1', 'metastable-1'] as const)('the oracle of %s', (kind) => {
  const hops = fc.array(
    fc.tuple(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 200 })),
    {
      minLength: 1,
      maxLength: 40,
    },
  );

  test('sums each reading times the seconds since the one before', () => {
    fc.assert(
      fc.property(hops, (swaps) => {
        const pool = newPool(kind);
        const { world } = pool;
        // What the contract adds up in place, added up from what it reads.
        let naive = 0n;
        let last = 0n;
        for (const [i, [seconds, share]] of swaps.entries()) {
          world.warp({ seconds: BigInt(seconds), blocks: 1n });
          swapIn(pool, i % 2, (i + 1) % 2, units(BigInt(share), i % 2 === 0 ? 18 : 6) / 4n);
          const oracle = oracleOf(pool);
          const sample = v2.getOracleSample(world.state, pool.id, oracle.index);
          naive = BigInt.asIntN(53, naive + sample.logPairPrice * (world.state.time - last));
          last = world.state.time;
          expect(sample.accLogPairPrice).toBe(naive);
          expect(sample.timestamp).toBe(last);
        }
      }),
      { numRuns: 15 },
    );
  });

  test('starts a sample every two minutes, the first one at index 1', () => {
    const pool = newPool(kind);
    const indexes = [0, 60, 60, 60, 60].map((seconds, i) => {
      pool.world.warp({ seconds: BigInt(seconds), blocks: 1n });
      swapIn(pool, i % 2, (i + 1) % 2, units(1n, i % 2 === 0 ? 18 : 6));
      return oracleOf(pool).index;
    });
    expect(indexes).toEqual([1, 1, 2, 2, 3]);
  });

  test('reads once per block, before the first change', () => {
    const pool = newPool(kind);
    pool.world.warp({ seconds: 15n, blocks: 1n });
    swapIn(pool, 0, 1, units(100n, 18));
    const first = v2.getOracleLatest(pool.world.state, pool.id, 'PAIR_PRICE');
    swapIn(pool, 0, 1, units(100n, 18));
    expect(v2.getOracleLatest(pool.world.state, pool.id, 'PAIR_PRICE')).toBe(first);
  });
});
