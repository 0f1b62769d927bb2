import fc from 'fast-check';
import { v2 } from '@balancer/pools';
import { describe, expect, test } from 'vitest';
import { call } from './calls.ts';
import { DAY, newPool, ONE, START, swapIn, units } from './support.ts';

describe('gradual weights', () => {
  test.each(['lbp-1', 'lbp-2', 'managed-1', 'investment-1'] as const)(
    'of a %s pool move in one direction and end at their end',
    (kind) => {
      const pool = newPool(kind);
      const { world, id } = pool;
      const endWeights = [(ONE * 9n) / 10n, ONE / 10n];
      const endTime = START + 2n * DAY;
      call(pool, { do: 'updateWeightsGradually', startTime: START + 100n, endTime, endWeights });
      let previous = v2.getWeights(world.state, id);
      for (let i = 0; i < 50; i++) {
        world.warp({ seconds: DAY / 20n });
        const weights = v2.getWeights(world.state, id);
        expect(weights[0]).toBeGreaterThanOrEqual(previous[0]!);
        expect(weights[1]).toBeLessThanOrEqual(previous[1]!);
        previous = weights;
      }
      // 16 bits hold a weight to 1.6e-5.
      const miss = previous[0]! - endWeights[0]!;
      expect(miss < 0n ? -miss : miss).toBeLessThan(2n * 10n ** 13n);
    },
  );

  test('a bootstrapping pool of 2021 reads back what its packing kept, rounded up', () => {
    const weights = [(ONE * 53n) / 100n, (ONE * 47n) / 100n];
    const pool = newPool('lbp-1', { description: { weights } });
    // 0.53 in 16 bits, then that value in 31 bits once it is the start of a change.
    expect(v2.getWeights(pool.world.state, pool.id)[0]).toBe(530006866559853514n);
    const endTime = START + DAY;
    call(pool, { do: 'updateWeightsGradually', startTime: START, endTime, endWeights: weights });
    expect(v2.getWeights(pool.world.state, pool.id)[0]).toBe(530006866683255354n);
  });
});

describe('amplification', () => {
  test('moves linearly, and at most doubles in a day', () => {
    const pool = newPool('stable-1');
    const { world, id } = pool;
    call(pool, { do: 'startAmpUpdate', amp: 400n, endTime: START + DAY });
    world.warp({ seconds: DAY / 4n });
    const half = { value: 250_000n, isUpdating: true, precision: 1000n };
    expect(v2.getAmp(world.state, id)).toEqual(half);
    world.warp({ seconds: DAY });
    const done = { value: 400_000n, isUpdating: false, precision: 1000n };
    expect(v2.getAmp(world.state, id)).toEqual(done);
  });

  test('moves down too, and stops where it is told to', () => {
    const pool = newPool('composable-3');
    const { world, id } = pool;
    call(pool, { do: 'startAmpUpdate', amp: 100n, endTime: START + DAY });
    world.warp({ seconds: DAY / 2n });
    call(pool, { do: 'stopAmpUpdate' });
    world.warp({ seconds: DAY });
    expect(v2.getAmp(world.state, id).value).toBe(150_000n);
  });
});

describe('the swap fee of a managed pool', () => {
  test('moves linearly between two values', () => {
    const pool = newPool('managed-1');
    const { world, id } = pool;
    const [startFee, endFee] = [ONE / 100n, ONE / 10n];
    const times = { startTime: START, endTime: START + 1000n };
    call(pool, { do: 'updateSwapFeeGradually', ...times, startFee, endFee });
    world.warp({ seconds: 500n });
    expect(v2.getSwapFee(world.state, id)).toBe((ONE * 55n) / 1000n);
  });
});

describe('scaling', () => {
  test('tokens of any decimals are priced alike', () => {
    const decimals = fc.integer({ min: 4, max: 18 });
    fc.assert(
      fc.property(decimals, decimals, (from, to) => {
        const pool = newPool('weighted-3', { decimals: [from, to] });
        const out = swapIn(pool, 0, 1, units(10n, from));
        // 1000 (1 - 1000 / 1009.99): 10 of 1000 for 0.1 %, but for the guard of the power.
        const exact = (9_990n * 10n ** BigInt(to + 2)) / 100_999n;
        const guard = 2n * 10n ** BigInt(Math.max(0, to - 11)) + 1n;
        expect(out).toBeGreaterThanOrEqual(exact - guard);
        expect(out).toBeLessThanOrEqual(exact);
      }),
      { numRuns: 30 },
    );
  });
});
