/**
 * The attempts of one call that an adapter makes for its caller: each on a node that was not tried
 * yet, as many as the caller allows and the balancer's retry budget permits. What `Balancer.run` does
 * for a function, for jobs that go on after their first answer.
 *
 * @module
 */
import type { Balancer } from '../balancer.ts';
import { AllAttemptsFailedError, NoNodeError } from '../errors.ts';
import type { Lease } from '../lease.ts';
import type { NodeLike } from '../node.ts';
import type { Key } from '../policy.ts';

export interface AttemptOptions {
  key?: Key | undefined;
  /** How many further nodes may be tried. */
  retries: number;
  /** Nodes to pass over when the next pick finds one that is not busy. */
  isBusy?: ((nodeId: string) => boolean) | undefined;
}

export class Attempts<N extends NodeLike> {
  readonly #balancer: Balancer<N>;
  readonly #key: Key | undefined;
  readonly #retries: number;
  readonly #isBusy: ((nodeId: string) => boolean) | undefined;
  readonly #tried = new Set<N>();
  readonly #errors: unknown[] = [];

  constructor(balancer: Balancer<N>, { key, retries, isBusy }: AttemptOptions) {
    this.#balancer = balancer;
    this.#key = key;
    this.#retries = retries;
    this.#isBusy = isBusy;
  }

  /** A begun job for the next attempt; `null` when nodes, retries or the budget are used up. */
  next(): Lease<N> | null {
    const picked = this.#tried.size === 0 ? this.#first() : this.#another();
    if (picked === null) return null;
    const lease = this.#isBusy?.(picked.node.id) === true ? this.#lessBusy(picked) : picked;
    this.#tried.add(lease.node);
    return lease;
  }

  /** Keeps what an attempt failed with. */
  failed(error: unknown): void {
    this.#errors.push(error);
  }

  /**
   * What to throw when `next` has no more. A caller that allowed no retry gets the error of its
   * only attempt as it is.
   */
  failure(): unknown {
    const { name, size } = this.#balancer;
    if (this.#errors.length === 0) return new NoNodeError(name, size);
    return this.#retries === 0 ? this.#errors[0] : new AllAttemptsFailedError(this.#errors);
  }

  #first(): Lease<N> | null {
    this.#balancer.noteCall();
    return this.#balancer.acquire(this.#key);
  }

  #another(): Lease<N> | null {
    if (this.#tried.size > this.#retries || !this.#balancer.tryRetry()) return null;
    return this.#balancer.acquireExcept(this.#key, this.#tried);
  }

  /** One further pick in place of a job on a busy node, if that brings a node that is not. */
  #lessBusy(busy: Lease<N>): Lease<N> {
    const other = this.#balancer.acquireExcept(this.#key, new Set([...this.#tried, busy.node]));
    const isBetter = other !== null && this.#isBusy?.(other.node.id) === false;
    if (!isBetter) {
      other?.cancel();
      return busy;
    }
    busy.cancel();
    return other;
  }
}
