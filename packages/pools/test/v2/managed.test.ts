import { v2 } from '@balancer/pools';
import { describe, expect, test } from 'vitest';
import { call, exit, join, managed } from './calls.ts';
import { ALICE, newTokens, ONE, revertOf, type TestPool, units } from './support.ts';

const YEAR = 365n * 86_400n;

function supply(pool: TestPool): bigint {
  return v2.getVirtualSupply(pool.world.state, pool.id);
}

describe('tokens of a managed pool', () => {
  test('a new one takes its weight from all others', () => {
    const pool = managed();
    const [token] = newTokens(pool.world, [8]) as [string];
    call(pool, { do: 'addToken', token, weight: ONE / 5n, mintAmount: ONE });
    const weights = v2.getWeights(pool.world.state, pool.id);
    expect(weights.length).toBe(4);
    expect(weights.reduce((sum, w) => sum + w, 0n)).toBe(ONE);
    expect(weights[0]).toBe(266_666_666_666_666_667n);
    expect(v2.getPoolTokens(pool.world.state, pool.id).tokens.at(-1)).toBe(token);
  });

  test('a removed one gives its weight back, and the last one moves into its place', () => {
    const pool = managed();
    const [token] = newTokens(pool.world, [8]) as [string];
    const before = v2.getWeights(pool.world.state, pool.id);
    call(pool, { do: 'addToken', token, weight: ONE / 5n });
    call(pool, { do: 'removeToken', token });
    const after = v2.getWeights(pool.world.state, pool.id);
    expect(after.reduce((sum, w) => sum + w, 0n)).toBe(ONE);
    for (const [i, weight] of after.entries()) {
      expect(weight - before[i]!).toBeLessThan(10n);
      expect(before[i]! - weight).toBeLessThan(10n);
    }
    expect(v2.getPoolTokens(pool.world.state, pool.id).tokens).not.toContain(token);
  });
});

describe('the management fee', () => {
  test('accrues over time and is minted, the protocol share first', () => {
    const pool = managed({ aumFee: ONE / 10n });
    const before = supply(pool);
    pool.world.warp({ seconds: YEAR });
    const { amount } = pool.world.run({
      do: 'collectAumManagementFees',
      from: ALICE,
      pool: pool.id,
    }).result;
    // A tenth of the supply afterwards.
    expect(amount).toBe(before / 9n);
    expect(supply(pool)).toBe(before + amount);
  });

  test('is owed before it is minted', () => {
    const pool = managed({ aumFee: ONE / 10n });
    pool.world.warp({ seconds: YEAR });
    const { state } = pool.world;
    const owed = v2.getActualSupply(state, pool.id) - v2.getVirtualSupply(state, pool.id);
    join(pool, { kind: 'ALL_TOKENS_IN_FOR_EXACT_BPT_OUT', bpt: ONE });
    expect(supply(pool)).toBe(v2.getVirtualSupply(state, pool.id) + owed + ONE);
  });
});

describe('circuit breakers', () => {
  test('stop a swap that moves the price past a bound, and only that side', () => {
    const pool = managed();
    const { world, id, tokens } = pool;
    const { balances } = v2.getPoolTokens(world.state, id);
    const [weight] = v2.getWeights(world.state, id);
    // The price as the contract takes it: pool tokens times weight per unit of balance.
    const bptPrice = (supply(pool) * weight!) / balances[1]!;
    const token = tokens[0]!;
    const bounds = { lower: [(ONE * 9n) / 10n], upper: [(ONE * 11n) / 10n] };
    call(pool, { do: 'setCircuitBreakers', tokens: [token], bptPrices: [bptPrice], ...bounds });
    const swap = (kind: 'GIVEN_IN' | 'GIVEN_OUT', amount: bigint): string => {
      const [tokenIn, tokenOut] = kind === 'GIVEN_IN' ? [token, tokens[1]!] : [tokens[1]!, token];
      const operation = { pool: id, sender: ALICE, kind, tokenIn, tokenOut, amount };
      return revertOf(() => world.fork().swap(operation));
    };
    expect(swap('GIVEN_IN', units(40n, 18))).toBe('no revert');
    expect(swap('GIVEN_IN', units(200n, 18))).toBe('BAL#356');
    expect(swap('GIVEN_OUT', units(40n, 18))).toBe('no revert');
    expect(swap('GIVEN_OUT', units(200n, 18))).toBe('BAL#356');
    const half = { kind: 'EXACT_BPT_IN_FOR_TOKENS_OUT', bpt: supply(pool) / 2n } as const;
    expect(revertOf(() => exit(pool, half))).toBe('no revert');
  });
});
