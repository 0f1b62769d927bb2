/**
 * Leases: a chosen node whose job the caller ends by hand. A lease that is garbage-collected without
 * `done()` is reported once and its job cancelled, so that a forgotten call does not count as load
 * for ever.
 *
 * @module
 */
import type { Job } from './job.ts';
import type { NodeLike } from './node.ts';

export class Lease<N extends NodeLike> {
  readonly node: N;
  readonly #job: Job;

  constructor(job: Job) {
    this.node = job.node as N;
    this.#job = job;
  }

  /** Ends the job, as a success unless `ok` is false. A second call has no effect. Never throws. */
  done(ok = true): void {
    this.#job.end(ok);
  }

  /** Ends the job without judging the node, as when the caller changed its mind. */
  cancel(): void {
    this.#job.cancel();
  }
}

/** Notices leases that were dropped. */
export class LeakWatch<N extends NodeLike> {
  readonly #registry: FinalizationRegistry<Job>;

  /** @param onLeak - Called once per forgotten lease, after its job was cancelled. */
  constructor(onLeak: (node: N) => void) {
    this.#registry = new FinalizationRegistry((job) => {
      if (!job.isOpen) return;
      job.cancel();
      onLeak(job.node as N);
    });
  }

  watch(lease: Lease<N>, job: Job): Lease<N> {
    this.#registry.register(lease, job);
    return lease;
  }
}
