/**
 * Runs shards on other machines: a job for each shard in a queue on Redis, the results in a store.
 * The store is the truth. A queue that has lost its jobs is given them again, and a shard whose result
 * is there is never run again.
 *
 * @module
 */
import { setTimeout as delay } from 'node:timers/promises';
import { SimulationError } from '../errors.ts';
import { jobsOfShard, type Plan } from '../experiment/plan.ts';
import type { OpenShards, ShardRunner } from '../experiment/shard-runner.ts';
import { shardFile } from '../experiment/shard.ts';
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
import { uploadPlan } from './plan-files.ts';
import { openStore, type Store } from './store.ts';

type Queue = InstanceType<Awaited<ReturnType<typeof loadBullMq>>['Queue']>;

const POLL_MS = 300;
/** A shard that fails is tried so often; one that stalls, as often again: see the worker. */
const ATTEMPTS = 3;

/** A runner whose work is done by `sim worker`s. @throws {SimulationError} */
export async function queueRunner(options: QueueOptions): Promise<ShardRunner> {
  const { redis, queue: name = DEFAULT_QUEUE, onNotice = () => {} } = options;
  const connection = connectionOf(redis);
  const store = openStore(options.store);
  const { Queue } = await loadBullMq();
  const queue: Queue = new Queue(name, { connection });
  const outage = outageNotice(redis, onNotice);
  queue.on('error', outage.failed);
  return {
    async run(plan, shards) {
      const key = await uploadPlan(plan, store);
      const orders = new Orders(plan, key, { queue, store });
      await orders.forgetFailures(shards.open);
      await orders.collect(shards, outage.answered);
    },
    async close() {
      // Closing waits for commands that a Redis which is away never answers.
      await queue.disconnect();
    },
  };
}

/** The shards of one plan on the queue. */
class Orders {
  readonly #plan: Plan;
  readonly #key: string;
  readonly #queue: Queue;
  readonly #store: Store;
  readonly #progress = new Map<number, ShardJobProgress>();

  constructor(
    plan: Plan,
    key: string,
    { queue, store }: { readonly queue: Queue; readonly store: Store },
  ) {
    this.#plan = plan;
    this.#key = key;
    this.#queue = queue;
    this.#store = store;
  }

  /** What an earlier session saw fail may go well now. */
  async forgetFailures(shards: readonly number[]): Promise<void> {
    for (const shard of shards) {
      const job = await this.#queue.getJob(this.#idOf(shard));
      if (job !== undefined && (await job.isFailed())) await job.remove();
    }
  }

  /** Sees to it that every shard is on the queue until its result is here. */
  async collect(
    { folder, open, signal, onProgress }: OpenShards,
    onAnswer: () => void,
  ): Promise<void> {
    const missing = new Set(open);
    const stopped = new Promise<'stopped'>((resolve) => {
      if (signal?.aborted === true) resolve('stopped');
      signal?.addEventListener('abort', () => resolve('stopped'), { once: true });
    });
    while (missing.size > 0) {
      const looked = await Promise.race([this.#look(missing, folder), stopped]);
      if (looked === 'stopped') return this.#withdraw(missing);
      onAnswer();
      this.#report(onProgress);
      if (missing.size > 0) await Promise.race([delay(POLL_MS), stopped]);
    }
  }

  /** Fetches what has come, and orders what is on no list. */
  async #look(missing: Set<number>, folder: string): Promise<void> {
    for (const shard of missing) {
      const job = await this.#queue.getJob(this.#idOf(shard));
      if (job !== undefined && !(await job.isCompleted())) {
        if (await job.isFailed()) throw this.#poisoned(shard, job.failedReason);
        const { progress } = job;
        if (typeof progress === 'object') this.#progress.set(shard, progress as ShardJobProgress);
        continue;
      }
      const name = shardName({ plan: this.#key, shard });
      if (await this.#store.has(name)) {
        await this.#store.get(name, shardFile(folder, shard));
        missing.delete(shard);
        this.#progress.set(shard, {
          ...this.#sumOf(shard),
          done: [...jobsOfShard(this.#plan, shard)].length,
        });
      } else {
        await this.#order(shard);
      }
    }
  }

  async #order(shard: number): Promise<void> {
    const data: ShardJob = { plan: this.#key, shard };
    await this.#queue.add('shard', data, {
      jobId: this.#idOf(shard),
      attempts: ATTEMPTS,
      backoff: { type: 'exponential', delay: 500 },
      removeOnComplete: true,
      // Failures stay, so that a coordinator that was away learns of them; bounded all the same.
      removeOnFail: { count: 1000 },
    });
  }

  /** Takes back what no worker has begun. Those under way go on, and their results are there next time. */
  async #withdraw(missing: ReadonlySet<number>): Promise<void> {
    const all = Promise.allSettled(
      [...missing].map(async (shard) => this.#queue.remove(this.#idOf(shard))),
    );
    // A Redis that is away must not keep the command from ending.
    await Promise.race([all, delay(2000)]);
  }

  #report(onProgress: OpenShards['onProgress']): void {
    let done = 0;
    let sum = 0;
    for (const progress of this.#progress.values()) {
      done += progress.done;
      sum += progress.sum;
    }
    if (done > 0) onProgress?.({ done, total: this.#plan.jobs, mean: sum / done });
  }

  #sumOf(shard: number): ShardJobProgress {
    return this.#progress.get(shard) ?? { done: 0, sum: 0 };
  }

  #poisoned(shard: number, reason: string | undefined): SimulationError {
    const [first] = jobsOfShard(this.#plan, shard);
    const { seed } = this.#plan.experiment;
    return new SimulationError(
      `shard ${shard} of ${this.#plan.shards} (runs ${first}, ${first! + this.#plan.shards}, ...; seed ${seed}) failed ${ATTEMPTS} times: ` +
        `${reason ?? 'no reason was given'}; see it alone with: balancer sim run <file> --run ${first} --seed ${seed}`,
    );
  }

  /** The same for the same shard of the same plan, so that it is on the queue once. */
  #idOf(shard: number): string {
    return `${this.#key}-${shard}`;
  }
}
