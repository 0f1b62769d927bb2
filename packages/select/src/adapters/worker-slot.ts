/**
 * One place of a worker pool: its node, the worker thread that fills it at the moment, the jobs that
 * worker has, and the next worker when that one is gone.
 *
 * @module
 */
import { Worker, type WorkerOptions } from 'node:worker_threads';
import { unref } from '../clock.ts';
import type { Lease } from '../lease.ts';
import { Node } from '../node.ts';
import { endAborted } from './aborted.ts';
import { unpackError, type FromWorker, type ToWorker } from './worker-protocol.ts';
import type { TransferList } from './worker-serve.ts';

/** Timers, so that tests need not wait. */
export interface PoolTimers {
  setTimeout(callback: () => void, delayMs: number): unknown;
  clearTimeout(timer: unknown): void;
}

export interface SlotOptions {
  id: string;
  file: string | URL;
  worker: WorkerOptions;
  timers: PoolTimers;
}

export interface SlotJob {
  readonly lease: Lease<WorkerNode>;
  readonly task: unknown;
  readonly transferList: TransferList;
  readonly signal: AbortSignal | undefined;
}

/** A node of a worker pool; `data` is for the pool alone. */
export type WorkerNode = Node<WorkerSlot>;

/** A worker stopped before it had answered. What it failed with, if anything, is the `cause`. */
export class WorkerStoppedError extends Error {
  override readonly name = 'WorkerStoppedError';
  readonly code = 'WORKER_STOPPED';

  constructor(id: string, reason: string, cause: unknown) {
    super(`${id} ${reason} before it had answered`, { cause });
  }
}

const BACKOFF_MS_MIN = 100;
const BACKOFF_MS_MAX = 10_000;

interface PendingJob extends SlotJob {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

export class WorkerSlot {
  readonly node: WorkerNode;
  readonly #options: SlotOptions;
  readonly #jobs = new Map<number, PendingJob>();
  #worker: Worker | undefined;
  /** Why the worker is about to stop. */
  #failure: { reason: string; cause: unknown } | undefined;
  #nextJobId = 0;
  #failuresInARow = 0;
  #respawnTimer: unknown;
  #isLeaving = false;
  #onIdle: () => void = () => undefined;

  /** Starts a worker, which counts as healthy from the start: its jobs wait until it listens. */
  constructor(options: SlotOptions) {
    this.#options = options;
    this.node = new Node(options.id, { data: this });
    this.#spawn();
  }

  /**
   * Hands a job to the worker and ends its lease when it is over.
   *
   * @throws {WorkerStoppedError} When the worker stops first.
   * @throws What the handler threw, the reason of the signal, or `DataCloneError`.
   */
  async run(job: SlotJob): Promise<unknown> {
    const { lease, task, transferList, signal } = job;
    const id = this.#nextJobId++;
    try {
      this.#post({ balancer: 'task', id, task }, transferList);
    } catch (error) {
      lease.cancel();
      throw error;
    }
    const onAbort = (): void => this.#abort(id);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return await new Promise((resolve, reject) => {
        this.#jobs.set(id, { ...job, resolve, reject });
        // A thread with work keeps the process alive, an idle one does not.
        if (this.#jobs.size === 1) this.#worker?.ref();
      });
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Starts no further worker, and stops the one there is when it has answered all its jobs. */
  async close(): Promise<void> {
    this.#leave();
    if (this.#jobs.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    await this.#worker?.terminate();
  }

  /** Stops the worker at once; its jobs are rejected with `error`, which blames no node. */
  async destroy(error: Error): Promise<void> {
    this.#leave();
    this.#rejectAll((job) => {
      job.lease.cancel();
      job.reject(error);
    });
    await this.#worker?.terminate();
  }

  #leave(): void {
    this.#isLeaving = true;
    this.#options.timers.clearTimeout(this.#respawnTimer);
  }

  #spawn(): void {
    const { file, worker: options } = this.#options;
    const worker = new Worker(file, options);
    worker.on('message', (message: FromWorker | undefined) => this.#receive(message));
    worker.on('error', (error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      this.#fail({ reason: `failed with "${message}"`, cause: error });
    });
    worker.on('messageerror', (error) => {
      // Whose answer it was cannot be known any more.
      this.#fail({ reason: 'sent an answer that cannot be read', cause: error });
      void worker.terminate();
    });
    worker.on('exit', (code) => this.#stopped(code));
    // After the listeners, because one for messages keeps the process alive again.
    worker.unref();
    this.#worker = worker;
  }

  #receive(message: FromWorker | undefined): void {
    switch (message?.balancer) {
      case 'ready':
        if (this.#failure === undefined) this.node.setHealth(true, 'the worker takes tasks');
        break;
      case 'result':
        this.#finish(message.id, (job) => {
          job.lease.done(true);
          job.resolve(message.value);
        });
        break;
      case 'error':
        this.#finish(message.id, (job) => {
          job.lease.done(false);
          job.reject(unpackError(message.thrown));
        });
        break;
      case undefined:
        break;
    }
  }

  #finish(id: number, settle: (job: PendingJob) => void): void {
    const job = this.#jobs.get(id);
    if (job === undefined) return;
    this.#failuresInARow = 0;
    this.#jobs.delete(id);
    // The promise of an aborted job is settled; its worker was busy until now all the same.
    if (job.signal?.aborted === true) endAborted(job.lease, job.signal);
    settle(job);
    this.#checkIdle();
  }

  #abort(id: number): void {
    const job = this.#jobs.get(id);
    if (job === undefined) return;
    this.#post({ balancer: 'abort', id });
    job.reject(job.signal?.reason);
  }

  /** The worker is about to stop. Answers that it has sent before may still arrive. */
  #fail(failure: { reason: string; cause: unknown }): void {
    this.#failure ??= failure;
    this.node.setHealth(false, `the worker ${this.#failure.reason}`);
  }

  /** The worker has stopped, and all that it has sent has arrived. */
  #stopped(exitCode: number): void {
    this.#fail({ reason: `stopped with exit code ${exitCode}`, cause: undefined });
    const { reason, cause } = this.#failure!;
    this.#worker = undefined;
    this.#failure = undefined;
    const error = new WorkerStoppedError(this.node.id, reason, cause);
    this.#rejectAll((job) => {
      job.lease.done(false);
      job.reject(error);
    });
    if (!this.#isLeaving) this.#respawnLater();
  }

  #respawnLater(): void {
    const delayMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** this.#failuresInARow);
    this.#failuresInARow++;
    this.#respawnTimer = this.#options.timers.setTimeout(() => this.#spawn(), delayMs);
    unref(this.#respawnTimer);
  }

  #rejectAll(end: (job: PendingJob) => void): void {
    const jobs = [...this.#jobs.values()];
    this.#jobs.clear();
    for (const job of jobs) end(job);
    this.#checkIdle();
  }

  #checkIdle(): void {
    if (this.#jobs.size > 0) return;
    this.#worker?.unref();
    this.#onIdle();
  }

  #post(message: ToWorker, transferList: TransferList = []): void {
    // Only a program that calls a node healthy by hand gets here without a worker.
    if (this.#worker === undefined) {
      throw new WorkerStoppedError(this.node.id, 'had stopped', undefined);
    }
    this.#worker.postMessage(message, transferList);
  }
}
