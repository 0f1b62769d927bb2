/**
 * Who runs shards: the calling thread, or worker threads. Results are in files, so it makes no
 * difference to them.
 *
 * @module
 */
import { setImmediate } from 'node:timers/promises';
import { WorkerPool } from '@balancer/select/workers';
import { threadModule } from '../threads.ts';
import type { Plan } from './plan.ts';
import { keptPrices } from './resources.ts';
import { runShard } from './shard.ts';
import type { ShardTask } from './worker.ts';

export interface RunProgress {
  readonly done: number;
  readonly total: number;
  /** Mean end value of the runs of this session; NaN before the first. */
  readonly mean: number;
}

/** Shards of a plan that are not finished. */
export interface OpenShards {
  readonly folder: string;
  readonly open: readonly number[];
  /** Ends after the runs under way. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: RunProgress) => void) | undefined;
}

export interface ShardRunner {
  run(plan: Plan, shards: OpenShards): Promise<void>;
  close(): Promise<void>;
}

const PROGRESS_MS = 100;
/** A shard whose worker dies is given to others so often. */
const RETRIES = 3;

/** Runs everything in the calling thread. */
export function inlineRunner(): ShardRunner {
  const readPrices = keptPrices();
  return {
    async run(plan, { folder, open, signal, onProgress }) {
      let done = 0;
      let sum = 0;
      for (const shard of open) {
        await runShard(plan, shard, {
          folder,
          readPrices,
          isStopped: () => signal?.aborted === true,
          onProgress: (progress) => {
            done += progress.done;
            sum += progress.sum;
            onProgress?.({ done, total: plan.jobs, mean: sum / done });
          },
          // Lets a signal arrive between runs.
          pause: async () => setImmediate(),
        });
        if (signal?.aborted === true) return;
      }
    },
    async close() {},
  };
}

/** Runs shards on worker threads, which are there until the runner is closed. */
export function threadRunner(workers: number): ShardRunner {
  const { file, execArgv } = threadModule('experiment/worker');
  const pool = new WorkerPool(file, {
    size: workers,
    retries: RETRIES,
    name: 'simulation',
    worker: { execArgv },
  });
  return {
    async run(plan, { folder, open, signal, onProgress }) {
      const stop = new Int32Array(new SharedArrayBuffer(4));
      const progress = new Float64Array(new SharedArrayBuffer(16 * plan.shards));
      const onAbort = (): void => void Atomics.store(stop, 0, 1);
      signal?.addEventListener('abort', onAbort, { once: true });
      if (signal?.aborted === true) onAbort();
      const timer = setInterval(() => report(progress, plan, onProgress), PROGRESS_MS);
      const { source, hash } = plan;
      // As many shards at a time as there are workers: one that waits in a thread could not be retried elsewhere.
      const queue = [...open];
      const drain = async (): Promise<void> => {
        for (let shard = queue.shift(); shard !== undefined; shard = queue.shift()) {
          if (signal?.aborted === true) return;
          await pool.run({ source, hash, shard, folder, stop, progress } satisfies ShardTask);
        }
      };
      try {
        await Promise.all(Array.from({ length: Math.min(workers, open.length) }, drain));
        report(progress, plan, onProgress);
      } catch (error) {
        onAbort();
        throw error;
      } finally {
        clearInterval(timer);
        signal?.removeEventListener('abort', onAbort);
      }
    },
    close: async () => pool.close(),
  };
}

function report(progress: Float64Array, plan: Plan, onProgress: OpenShards['onProgress']): void {
  let done = 0;
  let sum = 0;
  for (let i = 0; i < progress.length; i += 2) {
    done += progress[i]!;
    sum += progress[i + 1]!;
  }
  if (done > 0) onProgress?.({ done, total: plan.jobs, mean: sum / done });
}
