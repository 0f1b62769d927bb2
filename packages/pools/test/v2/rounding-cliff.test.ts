import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { v2 } from '@balancer/pools';

const ONE = 10n ** 18n;
const ALICE = `0x${'a'.repeat(40)}`;

/** A composable pool whose second token has a rate, as the recorded one. */
function poolWithRate(rate: bigint, amounts: readonly [bigint, bigint]) {
  const world = v2.createWorld({ time: 1_700_000_000n, block: 1000n });
  const tokens = ['A', 'B'].map((symbol) => world.createToken({ symbol, decimals: 18 }));
  const pool = world.createPool({
    kind: 'composable-3',
    tokens,
    amp: 100n,
    rateProviders: [null, world.createRateProvider({ rate })],
    rateCacheDurations: [0n, 0n],
    yieldExempt: [false, false],
    swapFee: 10n ** 14n,
    owner: ALICE,
  });
  world.join({ pool, sender: ALICE, kind: 'INIT', amounts });
  return { world, pool, assets: [...tokens, pool.slice(0, 42)] };
}

const RATE = 1_058_132_408_689_971_699n;
const BALANCES = [7810n * ONE, 5329n * ONE] as const;

/** Pool tokens for 99 % of what is left of each token, down to some 70 000 units. */
function shrinkingSteps(pool: string): v2.BatchSwapStep[] {
  const exits = Array.from({ length: 8 }, (_, i) =>
    BALANCES.map((balance, assetOut) => ({
      assetOut,
      amount: (balance * 99n) / 100n ** BigInt(i + 1),
    })),
  ).flat();
  return [...exits, { assetOut: 0, amount: 711_978n }, { assetOut: 1, amount: 463_878n }].map(
    ({ assetOut, amount }) => ({ pool, assetIn: 2, assetOut, amount }),
  );
}

function traced(steps: (pool: string) => v2.BatchSwapStep[]) {
  const { world, pool, assets } = poolWithRate(RATE, BALANCES);
  const query = { do: 'queryBatchSwap', from: ALICE, kind: 'GIVEN_OUT', assets } as const;
  return v2.trace(world.state, { ...query, steps: steps(pool) });
}

/** Leaves 18 units of B, takes 17 of them, and takes A back for what B is then worth. */
const attack = (pool: string) => [
  ...shrinkingSteps(pool),
  { pool, assetIn: 0, assetOut: 1, amount: 69_004n },
  { pool, assetIn: 0, assetOut: 1, amount: 17n },
  { pool, assetIn: 1, assetOut: 0, amount: 724_597n },
];

describe('the rounding cliff', () => {
  test('gives the deltas that the bytecode gave', () => {
    expect(traced(attack).result.assetDeltas).toEqual([
      -7_809_999_999_999_999_275_402n,
      -5_328_999_999_999_999_999_993n,
      13_447_006_589_481_974_129_020n,
    ]);
  });

  test('is flagged at the swap of 17 units, which takes a fifth of the invariant, and nowhere else', () => {
    const drops = v2.invariantDrop(traced(attack));
    expect(drops.map(({ index }) => index)).toEqual([19]);
    expect(drops[0]!.fraction).toBeCloseTo(0.19248, 5);
  });

  test('needs the shrunken balances: the exits before it are flagged nowhere', () => {
    expect(v2.invariantDrop(traced(shrinkingSteps))).toEqual([]);
  });

  test('is not flagged where it does not show: any swap at ordinary balances', () => {
    const swap = fc.record({
      rate: fc.bigInt(ONE, 2n * ONE),
      amount: fc.bigInt(10n ** 9n, 1000n * ONE),
      assetIn: fc.constantFrom(0, 1),
      kind: fc.constantFrom('GIVEN_IN', 'GIVEN_OUT'),
    });
    fc.assert(
      fc.property(swap, ({ rate, amount, assetIn, kind }) => {
        const { world, pool, assets } = poolWithRate(rate, BALANCES);
        const steps = [{ pool, assetIn, assetOut: 1 - assetIn, amount }];
        const operation = { do: 'batchSwap', from: ALICE, kind, assets, steps } as const;
        expect(v2.invariantDrop(v2.trace(world.state, operation))).toEqual([]);
      }),
    );
  });
});
