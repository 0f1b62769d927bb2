/**
 * Nodes: what a job can be sent to. `NodeLike` is the least a caller must supply; `Node` counts for
 * itself and tells its pools when something changes, so that they need not ask at every pick.
 *
 * @module
 */
import { PoolClock } from './clock.ts';
import * as COUNTER from './counters.ts';
import { checkChoice, checkNumber, ConfigError } from './errors.ts';
import { JobTokens } from './job-tokens.ts';

/**
 * The least a node must have. The four methods are called at selection time, each at most once per
 * pick, and may change their answer between two picks.
 */
export interface NodeLike {
  /** Identity: an address, a name. Constant, not empty, unique in a pool. */
  readonly id: string;
  /** May this node receive work now? */
  isHealthy(): boolean;
  /** Jobs in flight, at least 0. */
  load(): number;
  /** Jobs started since creation. */
  totalRequests(): number;
  /** Milliseconds; 0 while nothing has completed. */
  averageResponseTime(): number;
  /** Share of the work, at least 0, default 1. 0 = no new work; sticky clients may stay. */
  readonly weight?: number;
  /** Integer of at least 0, default 0; lower levels are preferred. */
  readonly priority?: number;
  /** Where it is, compared with the pool's `zone`. */
  readonly zone?: string | undefined;
  /** Integer of at least 1; not eligible while `load() >= maxConcurrency`. */
  readonly maxConcurrency?: number | undefined;
}

/** Time constant of a node's moving average, in milliseconds. */
export const NODE_AVERAGE_TAU_MS = 10_000;

export interface NodeOptions<D = unknown> {
  weight?: number;
  priority?: number;
  zone?: string;
  maxConcurrency?: number;
  /** Anything of the caller's; `select` never looks at it. */
  data?: D;
  /**
   * What `averageResponseTime()` means: `"cumulative"` is total time / completed jobs; `"ewma"`
   * (default) jumps up to a slower answer at once, decays with a time constant of 10 s, and keeps
   * decaying while the node is unused, so that a node that was slow once is tried again.
   */
  average?: 'ewma' | 'cumulative';
  /** Keep `load` in this shared memory, so that several threads balance on the same counts. */
  shared?: SharedArrayBuffer;
  /** Index of this node's 32-bit counter in `shared`. Default 0. */
  slot?: number;
}

/** Times the jobs of nodes that are in no pool. */
const freeClock = new PoolClock();

/** What a pool learns from a node it holds. Called after the node's own numbers are up to date. */
export interface NodeObserver {
  readonly clock: PoolClock;
  jobStarted(): void;
  /** `ok` is null for a job that counts neither as success nor as failure. */
  jobEnded(ok: boolean | null): void;
  healthChanged(reason: string): void;
  drainChanged(): void;
  /** Weight, priority, zone or maxConcurrency changed. */
  settingsChanged(): void;
}

// Ways into a node for its pools only, set by the class itself.
/** The numbers of a node, at the indices of `counters.ts`. */
export let countersOf: (node: Node) => Float64Array;
export let observe: (node: Node, observer: NodeObserver) => void;
export let unobserve: (node: Node, observer: NodeObserver) => void;

/** A node with built-in counters. Its counters are exact up to 2^53. */
export class Node<D = unknown> implements NodeLike {
  readonly id: string;
  readonly average: 'ewma' | 'cumulative';
  data: D;
  readonly #counters = new Float64Array(COUNTER.COUNTER_COUNT);
  readonly #tokens = new JobTokens();
  readonly #sharedLoad: Int32Array | undefined;
  readonly #slot: number;
  readonly #observers: NodeObserver[] = [];
  /** The clock of the first pool, or one of nobody's. */
  #clock: PoolClock = freeClock;
  #weight: number;
  #priority: number;
  #zone: string | undefined;
  #maxConcurrency: number | undefined;
  #healthy = true;
  #draining = false;

  /** @throws {ConfigError} For an empty id or an option out of range. */
  constructor(id: string, options: NodeOptions<D> = {}) {
    checkNodeSettings({ ...options, id });
    this.id = id;
    this.average = checkChoice('node.average', options.average ?? 'ewma', ['ewma', 'cumulative']);
    this.data = options.data as D;
    this.#weight = options.weight ?? 1;
    this.#priority = options.priority ?? 0;
    this.#zone = options.zone;
    this.#maxConcurrency = options.maxConcurrency;
    this.#slot = options.slot ?? 0;
    if (options.shared !== undefined) {
      this.#sharedLoad = new Int32Array(options.shared);
      checkNumber('node.slot', this.#slot, {
        min: 0,
        max: this.#sharedLoad.length - 1,
        integer: true,
      });
    }
  }

  /** True when `load` lives in shared memory and changes without notice. */
  get isShared(): boolean {
    return this.#sharedLoad !== undefined;
  }

  get weight(): number {
    return this.#weight;
  }

  /** @throws {ConfigError} Unless it is a finite number of at least 0. */
  set weight(weight: number) {
    this.configure({ weight });
  }

  get priority(): number {
    return this.#priority;
  }

  get zone(): string | undefined {
    return this.#zone;
  }

  get maxConcurrency(): number | undefined {
    return this.#maxConcurrency;
  }

  /**
   * Changes weight, priority, zone or maxConcurrency; what is not named stays. `undefined` for zone
   * or maxConcurrency removes it.
   *
   * @throws {ConfigError} For a value out of range; then nothing has changed.
   */
  configure(settings: NodeSettings): void {
    checkNodeSettings({ ...settings, id: this.id });
    if (settings.weight !== undefined) this.#weight = settings.weight;
    if (settings.priority !== undefined) this.#priority = settings.priority;
    if ('zone' in settings) this.#zone = settings.zone;
    if ('maxConcurrency' in settings) this.#maxConcurrency = settings.maxConcurrency;
    for (const observer of this.#observers) observer.settingsChanged();
  }

  get healthy(): boolean {
    return this.#healthy;
  }

  set healthy(healthy: boolean) {
    this.setHealth(healthy, 'set by the program');
  }

  /** Sets the health and says why; the reason travels with the pool's `health` event. */
  setHealth(healthy: boolean, reason: string): void {
    if (healthy === this.#healthy) return;
    this.#healthy = healthy;
    for (const observer of this.#observers) observer.healthChanged(reason);
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** No new work from now on; jobs in flight and sticky clients stay. */
  drain(): void {
    this.#setDraining(true);
  }

  undrain(): void {
    this.#setDraining(false);
  }

  isHealthy(): boolean {
    return this.#healthy;
  }

  load(): number {
    return this.#sharedLoad === undefined
      ? this.#counters[COUNTER.LOAD]!
      : Math.max(0, Atomics.load(this.#sharedLoad, this.#slot));
  }

  totalRequests(): number {
    return this.#counters[COUNTER.TOTAL]!;
  }

  averageResponseTime(): number {
    if (this.average === 'ewma') return this.ewma;
    const completed = this.#counters[COUNTER.SUCCESSES]! + this.#counters[COUNTER.FAILURES]!;
    return completed === 0 ? 0 : this.#counters[COUNTER.LATENCY_SUM_MS]! / completed;
  }

  /** The moving average now, in milliseconds, whichever average the policies read. */
  get ewma(): number {
    const value = this.#counters[COUNTER.EWMA_MS]!;
    if (value === 0) return 0;
    const now = this.#observers.length > 0 ? this.#clock.coarse() : performance.now();
    const idleMs = Math.max(0, now - this.#counters[COUNTER.EWMA_AT_MS]!);
    return value * Math.exp(-idleMs / NODE_AVERAGE_TAU_MS);
  }

  get successes(): number {
    return this.#counters[COUNTER.SUCCESSES]!;
  }

  get failures(): number {
    return this.#counters[COUNTER.FAILURES]!;
  }

  /** Calls of `end` or `cancel` with a token that was not in flight. */
  get misuse(): number {
    return this.#counters[COUNTER.MISUSE]!;
  }

  /** Counts a job as started. Returns the token that `end` wants, a small positive integer. */
  begin(): number {
    const token = this.#tokens.start();
    this.#clock.update();
    this.#tokens.startedAt[this.#tokens.slotOf(token)] = this.#clock.time[0]!;
    this.#counters[COUNTER.LOAD]!++;
    this.#counters[COUNTER.TOTAL]!++;
    if (this.#sharedLoad !== undefined) Atomics.add(this.#sharedLoad, this.#slot, 1);
    for (let i = 0; i < this.#observers.length; i++) this.#observers[i]!.jobStarted();
    return token;
  }

  /**
   * Counts a job as completed and folds its latency in. A token that is not in flight is ignored
   * and counted in `misuse`. Never throws.
   */
  end(token: number, ok = true): void {
    const slot = this.#finish(token);
    if (slot < 0) return;
    this.#clock.update();
    const counters = this.#counters;
    const now = this.#clock.time[0]!;
    // A clock that steps backwards must not yield a negative latency.
    const latencyMs = Math.max(0, now - this.#tokens.startedAt[slot]!);
    counters[ok ? COUNTER.SUCCESSES : COUNTER.FAILURES]!++;
    counters[COUNTER.LATENCY_SUM_MS]! += latencyMs;
    counters[COUNTER.LAST_LATENCY_MS] = latencyMs;
    counters[COUNTER.LAST_END_MS] = now;
    foldLastLatency(counters);
    for (let i = 0; i < this.#observers.length; i++) this.#observers[i]!.jobEnded(ok);
  }

  /** Ends a job that says nothing about the node, such as one its caller aborted. Never throws. */
  cancel(token: number): void {
    if (this.#finish(token) < 0) return;
    for (let i = 0; i < this.#observers.length; i++) this.#observers[i]!.jobEnded(null);
  }

  #finish(token: number): number {
    const slot = this.#tokens.slotOf(token);
    if (slot < 0) {
      this.#counters[COUNTER.MISUSE]!++;
      return slot;
    }
    this.#tokens.release(slot);
    this.#counters[COUNTER.LOAD]!--;
    if (this.#sharedLoad !== undefined) Atomics.sub(this.#sharedLoad, this.#slot, 1);
    return slot;
  }

  #setDraining(draining: boolean): void {
    if (draining === this.#draining) return;
    this.#draining = draining;
    for (const observer of this.#observers) observer.drainChanged();
  }

  static {
    countersOf = (node) => node.#counters;
    observe = (node, observer) => {
      node.#observers.push(observer);
      node.#clock = node.#observers[0]!.clock;
    };
    unobserve = (node, observer) => {
      const at = node.#observers.indexOf(observer);
      if (at >= 0) node.#observers.splice(at, 1);
      // Jobs in flight were timed with this clock: it stays until another pool brings its own.
      node.#clock = node.#observers[0]?.clock ?? node.#clock;
    };
  }
}

/** Settings of a node that may change while it is in a pool. */
export interface NodeSettings {
  readonly weight?: number | undefined;
  readonly priority?: number | undefined;
  readonly zone?: string | undefined;
  readonly maxConcurrency?: number | undefined;
}

/** @throws {ConfigError} Naming the node, the setting, its value and what is allowed. */
export function checkNodeSettings(node: NodeSettings & { id: string }): void {
  const { id, weight, priority, zone, maxConcurrency } = node;
  if (typeof id !== 'string' || id === '') {
    throw new ConfigError('node.id', `must be a non-empty string; got ${JSON.stringify(id)}`);
  }
  if (weight !== undefined) checkNumber(`node "${id}" weight`, weight, { min: 0 });
  if (priority !== undefined) {
    checkNumber(`node "${id}" priority`, priority, { min: 0, integer: true });
  }
  if (maxConcurrency !== undefined) {
    checkNumber(`node "${id}" maxConcurrency`, maxConcurrency, { min: 1, integer: true });
  }
  if (zone !== undefined && typeof zone !== 'string') {
    throw new ConfigError(`node "${id}" zone`, `must be a string; got ${String(zone)}`);
  }
}

/**
 * Folds the latest latency into the peak-sensitive moving average: a slower answer counts in full
 * at once, a faster one with the weight that the time since the last one has earned.
 *
 * Source: M. Eriksen et al., Finagle, "Peak EWMA" load balancer.
 */
function foldLastLatency(counters: Float64Array): void {
  const latencyMs = counters[COUNTER.LAST_LATENCY_MS]!;
  const now = counters[COUNTER.LAST_END_MS]!;
  const before = counters[COUNTER.EWMA_MS]!;
  if (latencyMs >= before) {
    counters[COUNTER.EWMA_MS] = latencyMs;
  } else {
    const elapsedMs = Math.max(0, now - counters[COUNTER.EWMA_AT_MS]!);
    const kept = Math.exp(-elapsedMs / NODE_AVERAGE_TAU_MS);
    counters[COUNTER.EWMA_MS] = before * kept + latencyMs * (1 - kept);
  }
  counters[COUNTER.EWMA_AT_MS] = now;
}
