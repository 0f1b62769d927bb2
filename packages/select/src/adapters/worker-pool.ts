/**
 * A pool of worker threads that are the nodes of a balancer. Workers that stop are replaced, at
 * growing intervals while they keep stopping.
 *
 * @module
 */
import { availableParallelism } from 'node:os';
import type { WorkerOptions } from 'node:worker_threads';
import { Balancer } from '../balancer.ts';
import { checkNumber } from '../errors.ts';
import { leastConnection } from '../policies/least-connection.ts';
import type { Key, Policy } from '../policy.ts';
import { Attempts } from './attempts.ts';
import { ClosedError } from './closed-error.ts';
import type { TransferList } from './worker-serve.ts';
import { WorkerSlot, WorkerStoppedError, type PoolTimers, type WorkerNode } from './worker-slot.ts';

export interface WorkerPoolOptions {
  /** Number of workers, at least 1. Default: what the machine runs in parallel. */
  size?: number;
  /** Default: `leastConnection()`. */
  policy?: Policy;
  /** How many further workers may be tried when one stops before it has answered, default 0. */
  retries?: number;
  /** Handed to each `Worker`: `workerData`, `resourceLimits`, `env` and so on. */
  worker?: WorkerOptions;
  /** Names the pool and, with a number, its workers. Default "worker". */
  name?: string;
  /** For tests. Default: those of the platform. */
  timers?: PoolTimers;
}

export interface WorkerRunOptions {
  /** What keyed policies map to a worker. */
  key?: Key;
  /** In place of the `retries` of the pool. */
  retries?: number;
  /** Rejects the call at once. The job counts as load until the worker has answered. */
  signal?: AbortSignal;
}

const PLATFORM_TIMERS: PoolTimers = {
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout | undefined),
};

/**
 * Runs tasks on worker threads whose file calls `serve`.
 *
 * A pool keeps the process alive only while it has jobs. A worker that stops has its jobs rejected with
 * `WorkerStoppedError`, gets no work, and is replaced after 100 ms; twice that, up to 10 s, each time that
 * it happens again before a worker has answered a task.
 */
export class WorkerPool {
  /** The nodes are the workers; for its events, its `stats()` and its policy. */
  readonly balancer: Balancer<WorkerNode>;
  readonly #retries: number;
  #isClosed = false;

  /**
   * Starts the workers.
   *
   * @param file - Like that of `Worker`: an absolute path, one that begins with "./", or a URL.
   * @throws {ConfigError} For an option out of range.
   * @throws {TypeError} For a file that `Worker` does not take.
   */
  constructor(file: string | URL, options: WorkerPoolOptions = {}) {
    const { size = availableParallelism(), policy = leastConnection(), retries = 0 } = options;
    const { worker = {}, name = 'worker', timers = PLATFORM_TIMERS } = options;
    checkNumber('workerPool.size', size, { min: 1, integer: true });
    this.#retries = checkNumber('workerPool.retries', retries, { min: 0, integer: true });
    this.balancer = new Balancer<WorkerNode>({ policy, name });
    const slots = Array.from(
      { length: size },
      (_each, index) => new WorkerSlot({ id: `${name}-${index}`, file, worker, timers }),
    );
    this.balancer.add(...slots.map(({ node }) => node));
  }

  /**
   * Runs a task on the worker that the policy picks.
   *
   * @param transferList - What moves to the worker instead of being copied. A task that moves anything
   *   is not tried again, because it is gone.
   * @returns What the worker's handler returned.
   * @throws What the handler threw, with its message and stack; `WorkerStoppedError`;
   *   `AllAttemptsFailedError` when retries were allowed and none helped; `NoNodeError` while no worker
   *   runs; the reason of `signal`; `ClosedError`; `DataCloneError` for a task that cannot be sent.
   */
  async run<R = unknown>(
    task: unknown,
    transferList: TransferList = [],
    options: WorkerRunOptions = {},
  ): Promise<R> {
    const { key, retries = this.#retries, signal } = options;
    checkNumber('run.retries', retries, { min: 0, integer: true });
    if (this.#isClosed) throw new ClosedError('the worker pool was closed');
    signal?.throwIfAborted();
    const canReplay = transferList.length === 0;
    const attempts = new Attempts(this.balancer, { key, retries: canReplay ? retries : 0 });
    for (let lease = attempts.next(); lease !== null; lease = attempts.next()) {
      try {
        return (await lease.node.data.run({ lease, task, transferList, signal })) as R;
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof WorkerStoppedError)) throw error;
        attempts.failed(error);
      }
    }
    throw attempts.failure();
  }

  /** Takes no more tasks, waits for those under way, and stops the workers. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.balancer.nodes.map((node) => node.data.close()));
    this.balancer.destroy();
  }

  /** Stops the workers at once. Tasks under way are rejected with `ClosedError`. */
  async destroy(): Promise<void> {
    this.#isClosed = true;
    const error = new ClosedError('the worker pool was destroyed');
    await Promise.all(this.balancer.nodes.map((node) => node.data.destroy(error)));
    this.balancer.destroy();
  }
}
