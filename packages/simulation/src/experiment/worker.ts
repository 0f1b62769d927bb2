/**
 * A worker thread: runs the shards that it is sent.
 *
 * @module
 */
import { serve } from '@balancer/select/workers';
import { type Plan, planFrom, type PlanSource } from './plan.ts';
import { keptPrices } from './resources.ts';
import { runShard } from './shard.ts';

/** A shard to run. */
export interface ShardTask {
  readonly source: PlanSource;
  readonly hash: string;
  readonly shard: number;
  /** Folder of the shards. */
  readonly folder: string;
  /** Shared: one entry, not 0 when workers are to stop after their present run. */
  readonly stop: Int32Array;
  /** Shared: runs done and sum of their first metric, per shard. Each entry has one writer. */
  readonly progress: Float64Array;
}

const readPrices = keptPrices();
let plan: Plan | null = null;

serve<ShardTask>(async ({ source, hash, shard, folder, stop, progress }) => {
  if (plan?.hash !== hash) plan = planFrom(source);
  return runShard(plan, shard, {
    folder,
    readPrices,
    isStopped: () => Atomics.load(stop, 0) !== 0,
    onProgress: ({ done, sum }) => {
      progress[2 * shard] = progress[2 * shard]! + done;
      progress[2 * shard + 1] = progress[2 * shard + 1]! + sum;
    },
  });
});
