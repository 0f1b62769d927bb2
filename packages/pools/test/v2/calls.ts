/** Calls that the revert tests make, by alice unless said otherwise. */
import type { v2 } from '@balancer/pools';
import { ADMIN, ALICE, newPool, ONE, type TestPool } from './support.ts';

export type PoolCall = v2.PoolOperation extends infer O
  ? O extends { do: string }
    ? Omit<O, 'from' | 'pool'>
    : never
  : never;

/** A call of the pool by its owner. */
export function call(pool: TestPool, operation: PoolCall, from: string = ALICE): unknown {
  return pool.world.run({ from, pool: pool.id, ...operation });
}

export const join = (pool: TestPool, request: v2.JoinRequest, sender: string = ALICE): unknown =>
  pool.world.join({ pool: pool.id, sender, request });
export const exit = (pool: TestPool, request: v2.ExitRequest, sender: string = ALICE): unknown =>
  pool.world.exit({ pool: pool.id, sender, request });
export const create = (kind: v2.PoolKind, description: Partial<v2.PoolDescription>): unknown =>
  newPool(kind, { initialize: false, description });
export const proportional = { kind: 'EXACT_BPT_IN_FOR_TOKENS_OUT', bpt: ONE } as const;

export function paused(kind: v2.PoolKind): TestPool {
  const pool = newPool(kind);
  pool.world.run({ do: 'setPaused', from: ADMIN, pool: pool.id, paused: true });
  return pool;
}

export function batch(pool: TestPool, step: Partial<v2.BatchSwapStep>): unknown {
  const steps = [{ pool: pool.id, assetIn: 0, assetOut: 1, amount: ONE, ...step }];
  return pool.world.batchSwap({ sender: ALICE, kind: 'GIVEN_IN', assets: pool.tokens, steps });
}

export function managed(description: Partial<v2.PoolDescription> = {}): TestPool {
  return newPool('managed-1', { decimals: [18, 6, 8], description });
}
