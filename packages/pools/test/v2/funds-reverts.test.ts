import { v2 } from '@balancer/pools';
import { describe, expect, test } from 'vitest';
import { batch, exit, proportional } from './calls.ts';
import { ALICE, BOB, newPool, newWorld, ONE, revertOf, type TestPool } from './support.ts';

const { ZERO_ADDRESS } = v2;

/** A pool of WETH and another token, so that ETH may stand for the first. */
function etherPool(): TestPool {
  const world = newWorld();
  const weth = world.state.vault.weth;
  const other = world.createToken({ symbol: 'DAI', decimals: 18 });
  const tokens = [weth, other].toSorted();
  const id = world.createPool({
    kind: 'weighted-3',
    tokens,
    weights: [ONE / 2n, ONE / 2n],
    swapFee: ONE / 1000n,
    owner: ALICE,
  });
  world.join({ pool: id, sender: ALICE, kind: 'INIT', amounts: [1000n * ONE, 1000n * ONE] });
  return { world, id, tokens: [weth, other], bpt: id.slice(0, 42), decimals: [18, 18] };
}

function swapEther(fields: object): unknown {
  const { world, id, tokens } = etherPool();
  const swap = { pool: id, sender: ALICE, kind: 'GIVEN_IN', amount: ONE } as const;
  return world.swap({ ...swap, tokenIn: ZERO_ADDRESS, tokenOut: tokens[1]!, ...fields });
}

function manage(op: Partial<v2.UserBalanceOp>, value?: bigint): unknown {
  const { world, tokens } = etherPool();
  const whole = { kind: 'DEPOSIT_INTERNAL', asset: tokens[1]!, amount: ONE, ...op } as const;
  const ether = value === undefined ? {} : { value };
  return world.run({ do: 'manageUserBalance', from: ALICE, ops: [whole], ...ether });
}

const CASES: readonly (readonly [code: number, situation: string, run: () => unknown])[] = [
  [
    0,
    'internal balances that add up past 256 bits',
    () => {
      const { world, tokens } = etherPool();
      const op = {
        kind: 'DEPOSIT_INTERNAL',
        asset: tokens[1]!,
        amount: (1n << 255n) - 1n,
      } as const;
      world.run({ do: 'manageUserBalance', from: ALICE, ops: [op, op, op] });
    },
  ],
  [
    416,
    'an exit of a pool of later 2021 with more than the Vault was given',
    () => {
      const { world, bpt } = newPool('weighted-3');
      const op = { kind: 'DEPOSIT_INTERNAL', asset: bpt, amount: ONE } as const;
      world.run({ do: 'manageUserBalance', from: BOB, ops: [op] });
    },
  ],
  [
    417,
    'burning more pool tokens of 2021 than there are',
    () => exit(newPool('stable-1'), proportional, BOB),
  ],
  [421, 'an internal balance that no signed number holds', () => manage({ amount: 1n << 255n })],
  [
    511,
    'a hop that does not go on where the last one ended',
    () => {
      const pool = newPool('weighted-3', { decimals: [18, 6, 8] });
      const { world, id, tokens } = pool;
      world.batchSwap({
        sender: ALICE,
        kind: 'GIVEN_IN',
        assets: tokens,
        steps: [
          { pool: id, assetIn: 0, assetOut: 1, amount: ONE },
          { pool: id, assetIn: 2, assetOut: 0, amount: 0n },
        ],
      });
    },
  ],
  [510, 'a first hop that names no amount', () => batch(newPool('weighted-3'), { amount: 0n })],
  [513, 'a withdrawal of more than there is', () => manage({ kind: 'WITHDRAW_INTERNAL' })],
  [
    514,
    'ETH paid from internal balance',
    () => swapEther({ fromInternalBalance: true, value: ONE }),
  ],
  [
    514,
    'ETH paid to internal balance',
    () => {
      const { world, id, tokens } = etherPool();
      world.swap({
        pool: id,
        sender: ALICE,
        kind: 'GIVEN_IN',
        tokenIn: tokens[1]!,
        tokenOut: ZERO_ADDRESS,
        amount: ONE,
        toInternalBalance: true,
      });
    },
  ],
  [516, 'less ETH than the swap needs', () => swapEther({ value: ONE - 1n })],
  [516, 'a deposit of ETH without any', () => manage({ asset: ZERO_ADDRESS })],
  [
    519,
    'a transfer of ETH inside the Vault',
    () => manage({ kind: 'TRANSFER_INTERNAL', asset: ZERO_ADDRESS }),
  ],
  [
    519,
    'a transfer of ETH by the Vault',
    () => manage({ kind: 'TRANSFER_EXTERNAL', asset: ZERO_ADDRESS }),
  ],
];

describe('a revert about money, with the code of the contracts', () => {
  test.each(CASES)('BAL#%i: %s', (code, _, run) => {
    expect(revertOf(run)).toBe(`BAL#${String(code).padStart(3, '0')}`);
  });
});
