/**
 * An agent that looks for batches which leave the pool's own token worth less: a stress of the
 * engine's rounding inside of a run. What it owes the pool in pool tokens gets cheaper by the part of
 * the invariant that it takes, which is its gain at outside prices that stay.
 *
 * @module
 */
import { searchAttack } from '../attack/search.ts';
import { SimulationError } from '../errors.ts';
import type { Agent, View } from '../loop/types.ts';
import { ExactSimPool } from '../pools/exact-sim-pool.ts';
import { ExactV2Pool } from '../pools/exact-v2.ts';
import type { SimPool } from '../pools/sim-pool.ts';
import { valueOf } from './providers.ts';

export interface AttackerOptions {
  readonly name: string;
  readonly gas: number;
  /** Steps between searches; the first is at this step. */
  readonly every: number;
  /** Batches that a search tries. */
  readonly budget: number;
  /** Least gain after gas, quote. */
  readonly minProfit: number;
}

/** Searches once a period, and sends the best batch where it gains. @throws {SimulationError} In `init`. */
export function attackerAgent(options: AttackerOptions): Agent {
  const { name, gas, every, budget, minProfit } = options;
  return {
    name,
    gas,
    init: (_context, { pool }) => void engineOf(pool),
    act(view: View, { stream }) {
      if (view.step % every !== 0) return [];
      const { state, poolId, owner } = engineOf(view.pool);
      const found = searchAttack({ state, pool: poolId, sender: owner, stream, budget });
      const gain = found.fraction * valueOf(view.pool.balances, view.prices);
      if (!(gain > minProfit + gas + view.gasOf('vaultBatch'))) return [];
      return [{ do: 'vaultBatch', steps: found.steps }];
    },
  };
}

function engineOf(pool: SimPool): ExactV2Pool {
  if (pool instanceof ExactSimPool && pool.engine instanceof ExactV2Pool) return pool.engine;
  throw new SimulationError('attacker: searches V2 pools in exact mode; set mode = "exact"');
}
