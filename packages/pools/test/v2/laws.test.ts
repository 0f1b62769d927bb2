import fc from 'fast-check';
import { v2 } from '@balancer/pools';
import { describe, expect, test } from 'vitest';
import {
  ALICE,
  KINDS,
  ledgerSum,
  newPool,
  ONE,
  swapIn,
  swapOut,
  type TestPool,
  units,
  vaultDebts,
} from './support.ts';

const RUNS = { numRuns: process.env['BALANCER_TEST_LONG'] === undefined ? 12 : 300 };
const percent = fc.bigInt({ min: 1n, max: 2000n });

/** A hundredth of a percent times `share` of the pool's balance of a token. */
function shareOf(pool: TestPool, index: number, share: bigint): bigint {
  const { balances, tokens } = v2.getPoolTokens(pool.world.state, pool.id);
  return (balances[tokens.indexOf(pool.tokens[index]!)]! * share) / 10_000n;
}

function value(pool: TestPool): v2.PoolValue {
  return v2.poolValue(v2.getPool(pool.world.state, pool.id), pool.world.state);
}

/**
 * Whether a pool token stands for no less than before, but for 1e-13 of the guards of powers. Packed
 * weights do not sum to exactly 1.0, so that their invariant does not grow quite like the supply.
 */
function expectNoDrop(kind: v2.PoolKind, before: v2.PoolValue, after: v2.PoolValue): void {
  const rules = v2.POOL_KINDS[kind];
  const hasPackedWeights = rules.family === 'weighted' && rules.gradualWeights !== null;
  const part = hasPackedWeights ? 10n ** 5n : 10n ** 13n;
  const was = before.invariant * after.supply;
  const is = after.invariant * before.supply;
  expect(is).toBeGreaterThanOrEqual(was - was / part - 2n * before.supply);
}

describe.each(KINDS)('%s', (kind) => {
  test('swapping there and back never pays', () => {
    fc.assert(
      fc.property(percent, (share) => {
        const pool = newPool(kind);
        const amountIn = shareOf(pool, 0, share);
        const amountOut = swapIn(pool, 0, 1, amountIn);
        if (amountOut > 0n) expect(swapIn(pool, 1, 0, amountOut)).toBeLessThanOrEqual(amountIn);
      }),
      RUNS,
    );
  });

  test('a swap for an exact amount costs at least what the same swap in gives', () => {
    fc.assert(
      fc.property(percent, (share) => {
        const pool = newPool(kind);
        const amountIn = shareOf(pool, 0, share);
        const start = pool.world.snapshot();
        const amountOut = swapIn(pool, 0, 1, amountIn);
        pool.world.restore(start);
        // The guard of the power, 1e-14 of the balance, is the bound in the other direction.
        const guard = shareOf(pool, 0, 10_000n) / 10n ** 12n + 10n ** 12n;
        expect(swapOut(pool, 0, 1, amountOut)).toBeLessThanOrEqual(amountIn + guard);
      }),
      RUNS,
    );
  });

  test('swaps never lower the invariant per pool token', () => {
    fc.assert(
      fc.property(percent, fc.boolean(), (share, givenIn) => {
        const pool = newPool(kind);
        const before = value(pool);
        if (givenIn) swapIn(pool, 0, 1, shareOf(pool, 0, share));
        else swapOut(pool, 0, 1, shareOf(pool, 1, share));
        expectNoDrop(kind, before, value(pool));
      }),
      RUNS,
    );
  });

  test('joining and exiting again never pays', () => {
    fc.assert(
      fc.property(percent, percent, (first, second) => {
        const pool = newPool(kind);
        const { world, id } = pool;
        const amounts = [shareOf(pool, 0, first), shareOf(pool, 1, second)];
        const join = { kind: 'EXACT_TOKENS_IN_FOR_BPT_OUT', amounts } as const;
        const { bptAmount } = world.join({ pool: id, sender: ALICE, ...join });
        const before = value(pool);
        const exit = { kind: 'EXACT_BPT_IN_FOR_TOKENS_OUT', bpt: bptAmount } as const;
        world.exit({ pool: id, sender: ALICE, ...exit });
        expectNoDrop(kind, before, value(pool));
      }),
      RUNS,
    );
  });

  test('a batch of one swap is the swap, and a query of it too', () => {
    fc.assert(
      fc.property(percent, (share) => {
        const pool = newPool(kind);
        const amount = shareOf(pool, 0, share);
        const assets = [pool.tokens[0]!, pool.tokens[1]!];
        const steps = [{ pool: pool.id, assetIn: 0, assetOut: 1, amount }];
        const batch = { kind: 'GIVEN_IN', assets, steps } as const;
        const query = { do: 'queryBatchSwap', from: ALICE, ...batch } as const;
        const before = pool.world.snapshot();
        const queried = pool.world.run(query).result.assetDeltas;
        expect(pool.world.toJSON()).toEqual(v2.worldToJson(before));
        const deltas = pool.world.batchSwap({ sender: ALICE, ...batch });
        expect(deltas).toEqual(queried);
        const batched = v2.worldToJson(pool.world.state);
        pool.world.restore(before);
        expect(swapIn(pool, 0, 1, amount)).toBe(-deltas[1]!);
        expect(v2.worldToJson(pool.world.state)).toEqual(batched);
      }),
      RUNS,
    );
  });

  test('what pools and users own is what the Vault holds, and nothing appears or vanishes', () => {
    fc.assert(
      fc.property(percent, percent, fc.boolean(), (first, second, toInternalBalance) => {
        const pool = newPool(kind);
        const { world, id, tokens } = pool;
        world.run({ do: 'setProtocolFees', from: `0x${'d'.repeat(40)}`, swap: ONE / 2n });
        swapIn(pool, 0, 1, shareOf(pool, 0, first));
        const amounts = [shareOf(pool, 0, second), shareOf(pool, 1, first)];
        world.join({ pool: id, sender: ALICE, kind: 'EXACT_TOKENS_IN_FOR_BPT_OUT', amounts });
        const bpt = v2.balanceOf(world.state, pool.bpt, ALICE) / 3n;
        const exit = { kind: 'EXACT_BPT_IN_FOR_TOKENS_OUT', bpt } as const;
        world.exit({ pool: id, sender: ALICE, toInternalBalance, ...exit });

        const { vault } = world.state;
        for (const [token, debt] of vaultDebts(world.state)) {
          expect(v2.balanceOf(world.state, token, vault.address)).toBe(debt);
        }
        for (const token of tokens) expect(ledgerSum(world.state, token)).toBe(0n);
        expect(ledgerSum(world.state, pool.bpt)).toBe(v2.getTotalSupply(world.state, id));
      }),
      RUNS,
    );
  });

  test('a world survives JSON, and both go on alike', () => {
    const pool = newPool(kind);
    swapIn(pool, 0, 1, shareOf(pool, 0, 100n));
    const copy = v2.World.fromJSON(JSON.parse(JSON.stringify(pool.world)));
    expect(copy.toJSON()).toEqual(pool.world.toJSON());
    const amount = shareOf(pool, 0, 50n);
    expect(swapIn({ ...pool, world: copy }, 0, 1, amount)).toBe(swapIn(pool, 0, 1, amount));
  });

  test('restoring a snapshot and forking leave each other alone', () => {
    const pool = newPool(kind);
    const { world } = pool;
    const before = JSON.stringify(world);
    const snapshot = world.snapshot();
    const fork = world.fork();
    swapIn(pool, 0, 1, shareOf(pool, 0, 100n));
    expect(JSON.stringify(fork)).toBe(before);
    world.restore(snapshot);
    expect(JSON.stringify(world)).toBe(before);
  });

  test('the spot price is what a tiny swap without fee costs', () => {
    const amounts = [units(700n, 18), units(1300n, 12)];
    const pool = newPool(kind, { decimals: [18, 12], amounts });
    const { world, id, tokens } = pool;
    const [tokenIn, tokenOut] = [tokens[0]!, tokens[1]!];
    const spot = v2.spotPrice(world.state, id, { tokenIn, tokenOut });
    const amountIn = 10n ** 14n;
    const amountOut = swapIn(pool, 0, 1, amountIn);
    const effective = v2.effectivePrice(world.state, { tokenIn, tokenOut, amountIn, amountOut });
    // The fee is 0.1 %; the swap itself moves the price by 1e-7.
    expect(v2.priceImpact(spot, effective)).toBeGreaterThan(0.000_99);
    expect(v2.priceImpact(spot, effective)).toBeLessThan(0.001_01);
  });
});

describe('the order of tokens', () => {
  test.each(['weighted-3', 'stable-1', 'composable-3', 'managed-1'] as const)(
    'does not matter to the swaps of a %s pool',
    (kind) => {
      fc.assert(
        fc.property(percent, (share) => {
          const decimals = [18, 6, 8];
          const amounts = decimals.map((d, i) => units(1000n + 10n * BigInt(i), d));
          const weights = [ONE / 2n, ONE / 5n, (ONE * 3n) / 10n];
          const order = [2, 0, 1];
          const description = v2.POOL_KINDS[kind].family === 'weighted' || kind === 'managed-1';
          const plain = newPool(kind, {
            decimals,
            amounts,
            description: description ? { weights } : {},
          });
          const permuted = newPool(kind, {
            decimals: order.map((i) => decimals[i]!),
            amounts: order.map((i) => amounts[i]!),
            description: description ? { weights: order.map((i) => weights[i]!) } : {},
          });
          const amount = shareOf(plain, 0, share);
          const there = order.indexOf(0);
          const back = order.indexOf(1);
          expect(swapIn(permuted, there, back, amount)).toBe(swapIn(plain, 0, 1, amount));
        }),
        RUNS,
      );
    },
  );
});
