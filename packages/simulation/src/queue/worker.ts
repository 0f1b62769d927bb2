/**
 * A worker of the queue: takes shards, runs them on threads of its own, and puts the results into the
 * store. It may be killed at any moment; whoever runs the shard next comes to the same bytes.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SimulationError } from '../errors.ts';
import { makeFolder } from '../experiment/manifest.ts';
import type { Plan } from '../experiment/plan.ts';
import { shardFile } from '../experiment/shard.ts';
import { threadRunner } from '../experiment/shard-runner.ts';
import {
  connectionOf,
  DEFAULT_QUEUE,
  loadBullMq,
  outageNotice,
  type QueueOptions,
  type ShardJob,
  type ShardJobProgress,
  shardName,
} from './bullmq.ts';
import { downloadPlan } from './plan-files.ts';
import { openStore } from './store.ts';

export interface QueueWorkerOptions extends QueueOptions {
  /** Shards at a time, one thread each. */
  readonly threads: number;
  /** Milliseconds after which the shard of a worker that says nothing is given to another. */
  readonly lockMs?: number;
  readonly onShard?: (event: {
    readonly shard: number;
    readonly state: 'started' | 'done' | 'failed';
    readonly reason?: string;
  }) => void;
}

export interface QueueWorker {
  /** Takes no more shards, finishes those under way, and ends. */
  close(): Promise<void>;
}

const LOCK_MS = 30_000;
/** A shard may be lost so often with its worker. */
const STALLED_MAX = 3;
/** Plans whose files stay on this machine. */
const PLANS_KEPT = 4;

/** Starts to take shards. @throws {SimulationError} */
export async function startQueueWorker(options: QueueWorkerOptions): Promise<QueueWorker> {
  const { redis, queue = DEFAULT_QUEUE, threads, lockMs = LOCK_MS } = options;
  const { onNotice = () => {}, onShard = () => {} } = options;
  const connection = connectionOf(redis);
  const store = openStore(options.store);
  const { Worker } = await loadBullMq();
  const work = await mkdtemp(join(tmpdir(), 'simulation-worker-'));
  const runner = threadRunner(threads);
  const plans = new Map<string, Promise<Plan>>();
  const planNamed = async (key: string): Promise<Plan> => {
    let plan = plans.get(key);
    if (plan === undefined) {
      plan = downloadPlan(key, store, work);
      plans.set(key, plan);
      const [oldest] = plans.keys();
      if (plans.size > PLANS_KEPT) {
        plans.delete(oldest!);
        await rm(join(work, oldest!), { recursive: true, force: true });
      }
      // A download that failed is tried again with the next shard.
      plan.catch(() => plans.delete(key));
    }
    return plan;
  };

  const worker = new Worker<ShardJob>(
    queue,
    async (job) => {
      const { plan: key, shard } = job.data;
      const name = shardName(job.data);
      if (await store.has(name)) return;
      onShard({ shard, state: 'started' });
      const plan = await planNamed(key);
      const folder = join(work, key, 'shards');
      makeFolder(folder);
      await runner.run(plan, {
        folder,
        open: [shard],
        onProgress: ({ done, mean }) => {
          const progress: ShardJobProgress = { done, sum: done * mean };
          // Progress is for people: where it cannot be told, the work goes on.
          job.updateProgress(progress).catch(() => {});
        },
      });
      const file = shardFile(folder, shard);
      if (!existsSync(file)) throw new SimulationError(`shard ${shard} was not finished`);
      await store.put(name, file);
      await rm(file);
      onShard({ shard, state: 'done' });
    },
    {
      connection,
      concurrency: threads,
      lockDuration: lockMs,
      stalledInterval: lockMs,
      maxStalledCount: STALLED_MAX,
    },
  );
  const outage = outageNotice(redis, onNotice);
  worker.on('error', outage.failed);
  worker.on('ready', outage.answered);
  worker.on('failed', (job, error) =>
    onShard({ shard: job?.data.shard ?? -1, state: 'failed', reason: error.message }),
  );
  return {
    async close() {
      await worker.close();
      await runner.close();
      await rm(work, { recursive: true, force: true });
    },
  };
}
