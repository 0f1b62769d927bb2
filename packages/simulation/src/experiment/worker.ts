/**
 * A worker thread: runs shards of the plan that it was started with.
 *
 * @module
 */
import { workerData } from 'node:worker_threads';
import { serve } from '@balancer/select/workers';
import { planOf } from './plan.ts';
import { runShard } from './shard.ts';
import type { Experiment } from './schema.ts';

/** What the pool gives each worker at its start. */
export interface WorkerData {
  readonly experiment: Experiment;
  readonly folder: string;
  readonly shardFolder: string;
  /** One entry; not 0 when workers are to stop after their present run. */
  readonly stop: Int32Array;
  /** Shared: runs done and sum of their first metric, per shard. Each entry has one writer. */
  readonly progress: Float64Array;
}

const { experiment, folder, shardFolder, stop, progress } = workerData as WorkerData;
const plan = planOf(experiment, folder);

serve<number>(async (shard) =>
  runShard(plan, shard, {
    folder: shardFolder,
    isStopped: () => Atomics.load(stop, 0) !== 0,
    onProgress: ({ done, sum }) => {
      progress[2 * shard] = progress[2 * shard]! + done;
      progress[2 * shard + 1] = progress[2 * shard + 1]! + sum;
    },
  }),
);
