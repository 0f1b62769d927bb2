/**
 * Events of a balancer: a handful of typed, synchronous listeners. What a listener throws becomes a
 * warning of the process and never reaches the code that selects.
 *
 * @module
 */
import type { NodeLike } from './node.ts';

/** Arguments of each event. */
export interface BalancerEvents<N extends NodeLike> {
  add: [node: N];
  remove: [node: N];
  /** Weight, priority, zone or maxConcurrency of a node changed. */
  update: [node: N];
  /** A node became healthy or unhealthy; of a caller's own node: as seen by a pick. */
  health: [node: N, healthy: boolean, reason: string];
  /** A node was taken out for `ms` milliseconds because its jobs failed. */
  eject: [node: N, reason: EjectReason, ms: number];
  uneject: [node: N];
  drain: [node: N];
  /** The first pick that found no node since one was found last. */
  empty: [];
  /** Panic began (`true`) or ended. */
  panic: [active: boolean];
  /** A lease was garbage-collected without `done()`; its job has been cancelled. */
  leak: [node: N];
}

export type EjectReason = 'consecutiveFailures' | 'successRate' | 'failurePercent';

type Listener<A extends unknown[]> = (...args: A) => void;

export class Emitter<E extends { [K in keyof E]: unknown[] }> {
  readonly #listeners = new Map<keyof E, readonly Listener<never>[]>();

  on<K extends keyof E>(event: K, listener: Listener<E[K]>): void {
    // A new array each time, so that listeners may come and go while an event is being emitted.
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
  }

  off<K extends keyof E>(event: K, listener: Listener<E[K]>): void {
    const listeners = (this.#listeners.get(event) ?? []).filter((each) => each !== listener);
    this.#listeners.set(event, listeners);
  }

  once<K extends keyof E>(event: K, listener: Listener<E[K]>): void {
    const wrapped: Listener<E[K]> = (...args) => {
      this.off(event, wrapped);
      listener(...args);
    };
    this.on(event, wrapped);
  }

  emit<K extends keyof E>(event: K, ...args: E[K]): void {
    for (const listener of this.#listeners.get(event) ?? []) {
      try {
        (listener as Listener<E[K]>)(...args);
      } catch (error) {
        warn(`a listener of "${String(event)}" threw: ${String(error)}`);
      }
    }
  }

  clear(): void {
    this.#listeners.clear();
  }
}

/** A warning of the process in Node, a line in the console elsewhere. */
export function warn(message: string): void {
  if (typeof process !== 'undefined' && typeof process.emitWarning === 'function') {
    process.emitWarning(message, 'BalancerWarning');
  } else {
    console.warn(`BalancerWarning: ${message}`);
  }
}
