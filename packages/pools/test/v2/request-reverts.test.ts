import { v2 } from '@balancer/pools';
import { describe, expect, test } from 'vitest';
import { call, create, exit, join, proportional } from './calls.ts';
import { ALICE, BOB, newPool, newWorld, ONE, revertOf, swapIn } from './support.ts';

/** `abi.encode(kind)`. */
const kindOnly = (kind: number): string => `0x${kind.toString(16).padStart(64, '0')}`;

type Registration = readonly [
  code: string,
  situation: string,
  kind: v2.PoolKind,
  from: 'pool' | 'alice',
  choose: (tokens: readonly string[]) => readonly string[],
];

/** Asked for by the pool's own contract, a weighted pool of two tokens or a stable one of three. */
const REGISTRATIONS: readonly Registration[] = [
  [
    'BAL#501',
    'tokens registered by another account than the pool',
    'weighted-3',
    'alice',
    (t) => t,
  ],
  ['BAL#524', 'one token for a two-token pool', 'weighted-3', 'pool', (t) => t.slice(1)],
  ['BAL#522', 'the same token twice', 'weighted-3', 'pool', (t) => [t[0]!, t[0]!]],
  ['BAL#102', 'two tokens out of order', 'weighted-3', 'pool', (t) => t.toReversed()],
  ['BAL#523', 'two tokens for a pool that has them', 'weighted-3', 'pool', (t) => t],
  ['BAL#309', 'the zero token first', 'weighted-3', 'pool', (t) => [v2.ZERO_ADDRESS, t[0]!]],
  ['BAL#309', 'the zero token', 'stable-1', 'pool', () => [v2.ZERO_ADDRESS]],
  ['BAL#522', 'a token that the pool has', 'stable-1', 'pool', (t) => t.slice(1)],
];

const CASES: readonly (readonly [code: string, situation: string, run: () => unknown])[] = [
  [
    'BAL#310',
    'a join kind of later weighted pools that none of them serves',
    () => {
      const { world, id } = newPool('weighted-3');
      world.run({ do: 'join', from: ALICE, pool: id, userData: kindOnly(4) });
    },
  ],
  [
    'BAL#336',
    'an exit kind of later weighted pools that none of them serves',
    () => {
      const { world, id } = newPool('weighted-3');
      world.run({ do: 'exit', from: ALICE, pool: id, userData: kindOnly(3) });
    },
  ],
  [
    'BAL#337',
    'management fees asked for by anybody',
    () => exit(newPool('investment-1'), { kind: 'MANAGEMENT_FEE_TOKENS_OUT' }),
  ],
  [
    'BAL#338',
    'a management fee of more than all swap fees',
    () => create('investment-1', { managementSwapFee: ONE + 1n }),
  ],
  [
    'BAL#342',
    'a first join of a linear pool by anybody',
    () => {
      const world = newWorld();
      const tokens = [0, 1].map((i) => world.createToken({ symbol: `T${i}`, decimals: 18 }));
      const description = { tokens, swapFee: ONE / 1000n, owner: ALICE, upperTarget: ONE };
      const pool = world.createPool({ kind: 'linear-2', ...description });
      world.join({ pool, sender: ALICE, kind: 'INIT', amounts: [] });
    },
  ],
  [
    'BAL#401',
    'management fees withdrawn by another account than the owner',
    () =>
      call(newPool('investment-1'), { do: 'withdrawCollectedManagementFees', recipient: BOB }, BOB),
  ],
  ...REGISTRATIONS.map(
    ([code, situation, kind, from, choose]) =>
      [
        code,
        situation,
        () => {
          const { world, id, bpt, tokens } = newPool(kind, {
            decimals: [18, 6, 8].slice(0, kind === 'stable-1' ? 3 : 2),
          });
          const caller = from === 'pool' ? bpt : ALICE;
          world.run({ do: 'registerTokens', from: caller, pool: id, tokens: choose(tokens) });
        },
      ] as const,
  ),
  [
    'BAL#527',
    'a join of a pool without tokens',
    () => {
      const { world, id } = newPool('weighted-3');
      const pool = { ...v2.getPool(world.state, id), tokens: [], balances: [] };
      const state = { ...world.state, pools: world.state.pools.set(id, pool) };
      const request = { kind: 'ALL_TOKENS_IN_FOR_EXACT_BPT_OUT', bpt: ONE } as const;
      v2.step(state, { do: 'join', from: ALICE, pool: id, request });
    },
  ],
  [
    'NO_DATA',
    'a proportional join of a pool of 2021',
    () => join(newPool('weighted-1'), { kind: 'ALL_TOKENS_IN_FOR_EXACT_BPT_OUT', bpt: ONE }),
  ],
  [
    'NO_DATA',
    'a recovery exit of a pool of 2021',
    () => exit(newPool('stable-1'), { kind: 'RECOVERY', bpt: ONE }),
  ],
  [
    'NO_DATA',
    'a join of a phantom pool for pool tokens',
    () => join(newPool('phantom-1'), { kind: 'TOKEN_IN_FOR_EXACT_BPT_OUT', bpt: ONE, index: 0 }),
  ],
];

describe('a request reverts with the code of the contracts', () => {
  test.each(CASES)('%s: %s', (code, _, run) => {
    expect(revertOf(run)).toBe(code);
  });
});

describe('the management fee of an investment pool', () => {
  test('lies in the pool, is no part of its price, and is paid to whom the owner names', () => {
    const pool = newPool('investment-1', { description: { managementSwapFee: ONE / 2n } });
    swapIn(pool, 0, 1, 100n * ONE);
    const { world, id, tokens } = pool;
    const fees = v2.getCollectedManagementFees(world.state, id);
    const { swapFee } = v2.getPool(world.state, id);
    expect(fees).toEqual([(100n * swapFee) / 2n, 0n]);

    const result = world.run({
      do: 'withdrawCollectedManagementFees',
      from: ALICE,
      pool: id,
      recipient: BOB,
    });
    expect(result.result).toEqual({ amounts: fees });
    expect(v2.balanceOf(world.state, tokens[0]!, BOB)).toBe(fees[0]);
    expect(v2.getCollectedManagementFees(world.state, id)).toEqual([0n, 0n]);
  });
});

describe('the fees due of a phantom pool', () => {
  test('leave for the collector by a join that brings nothing', () => {
    const world = newWorld({ protocolFees: { swap: ONE / 2n } });
    const pool = newPool('phantom-1', { world });
    swapIn(pool, 0, 1, 100n * ONE);
    const supply = v2.getVirtualSupply(world.state, pool.id);
    join(pool, { kind: 'COLLECT_PROTOCOL_FEES' });
    const collected = v2.balanceOf(world.state, pool.bpt, world.state.vault.collector);
    expect(collected).toBeGreaterThan(0n);
    expect(v2.getVirtualSupply(world.state, pool.id)).toBe(supply);
    join(pool, { kind: 'COLLECT_PROTOCOL_FEES' });
    expect(v2.balanceOf(world.state, pool.bpt, world.state.vault.collector)).toBe(collected);
    expect(revertOf(() => exit(pool, proportional))).toBe('BAL#431');
  });
});
