/**
 * Prequal: asks a few random nodes in advance how busy and how fast they are, and sends the next
 * job to the fastest of those that are not among the busiest. Reacts to load that this balancer
 * did not cause, which latency averages see too late.
 *
 * Source: B. Wydrowski et al., "Load is not what you should balance: Introducing Prequal",
 * NSDI 2024.
 *
 * @module
 */
import type { PoolClock } from '../clock.ts';
import { checkNumber, ConfigError } from '../errors.ts';
import type { NodeLike } from '../node.ts';
import type { NodeTable } from '../node-table.ts';
import { NO_NODE, type Picker, type PickerContext, type Policy } from '../policy.ts';
import type { Xorshift32 } from '../random.ts';

/** A node's own word about itself: jobs in flight, and its typical latency at that load. */
export interface ProbeResult {
  readonly inFlight: number;
  readonly latencyMs: number;
}

export interface PrequalOptions {
  /** Asks one node. A rejection or a malformed result is dropped. */
  probe: (node: NodeLike) => Promise<ProbeResult>;
  /** Results kept at most; default min(16, max(2, floor(N / 2))). */
  poolSize?: number;
  /** How long a result counts, default 1000. */
  maxAgeMs?: number;
  /** Probes sent per job, default 3. */
  probesPerJob?: number;
  /** A node is hot above this quantile of the jobs in flight seen lately, default 0.84. */
  hotQuantile?: number;
}

/** How many results the quantile looks back. */
const HISTORY_LENGTH = 128;
const RESULTS_NEEDED = 2;
const REMOVED_PER_PICK = 1;

/**
 * Jobs must go through `run`, `acquire` or a node's `begin`, which send the probes.
 *
 * @throws {ConfigError} For a missing probe function or a number out of range.
 */
export function prequal(options: PrequalOptions): Policy {
  const { probe, poolSize, maxAgeMs = 1000, probesPerJob = 3, hotQuantile = 0.84 } = options;
  if (typeof probe !== 'function') {
    throw new ConfigError(
      'prequal.probe',
      'must be a function that asks a node and resolves to { inFlight, latencyMs }',
    );
  }
  if (poolSize !== undefined) {
    checkNumber('prequal.poolSize', poolSize, { min: 2, max: 1000, integer: true });
  }
  checkNumber('prequal.maxAgeMs', maxAgeMs, { min: 1 });
  checkNumber('prequal.probesPerJob', probesPerJob, { min: 0, max: 100, integer: true });
  checkNumber('prequal.hotQuantile', hotQuantile, { min: 0, max: 1 });
  const checked = { probe, poolSize, maxAgeMs, probesPerJob, hotQuantile };
  return {
    name: 'prequal',
    reads: {},
    createPicker: (context) => new PrequalPicker(checked, context),
  };
}

interface Settings {
  readonly probe: (node: NodeLike) => Promise<ProbeResult>;
  readonly poolSize: number | undefined;
  readonly maxAgeMs: number;
  readonly probesPerJob: number;
  readonly hotQuantile: number;
}

interface PooledResult {
  readonly node: NodeLike;
  readonly latencyMs: number;
  readonly arrivedAtMs: number;
  inFlight: number;
  usesLeft: number;
}

class PrequalPicker implements Picker {
  readonly #settings: Settings;
  readonly #random: Xorshift32;
  readonly #clock: PoolClock;
  /** Oldest first. */
  readonly #results: PooledResult[] = [];
  /** Jobs in flight of the latest results, a ring. */
  readonly #history = new Float64Array(HISTORY_LENGTH);
  readonly #sorted = new Float64Array(HISTORY_LENGTH);
  #historyCount = 0;
  #removesOldest = true;
  #indexOf = new Map<NodeLike, number>();
  #hotAbove = Infinity;

  constructor(settings: Settings, { random, clock }: PickerContext) {
    this.#settings = settings;
    this.#random = random;
    this.#clock = clock;
  }

  pick(table: NodeTable): number {
    table.refresh();
    if (table.eligibleCount === 0) return NO_NODE;
    this.#dropExpired();
    const best = this.#bestResult(table);
    if (best === undefined) return table.eligible[this.#random.below(table.eligibleCount)]!;
    best.inFlight++;
    best.usesLeft--;
    if (best.usesLeft <= 0) this.#remove(this.#results.indexOf(best));
    for (let i = 0; i < REMOVED_PER_PICK; i++) this.#removeOne();
    return this.#indexOf.get(best.node)!;
  }

  membersChanged(table: NodeTable): void {
    this.#indexOf = new Map(table.nodes.map((node, index) => [node, index]));
    for (let i = this.#results.length - 1; i >= 0; i--) {
      if (!this.#indexOf.has(this.#results[i]!.node)) this.#remove(i);
    }
  }

  /** Sends this job's probes, to distinct random nodes. */
  jobStarted(table: NodeTable): void {
    const { count, nodes } = table;
    const wanted = Math.min(this.#settings.probesPerJob, count);
    const asked = new Set<number>();
    while (asked.size < wanted) asked.add(this.#random.below(count));
    for (const index of asked) this.#ask(nodes[index]!);
  }

  #ask(node: NodeLike): void {
    let answer: Promise<ProbeResult>;
    try {
      answer = Promise.resolve(this.#settings.probe(node));
    } catch {
      return;
    }
    answer.then(
      (result) => this.#arrived(node, result),
      // A node that does not answer a probe is simply not a candidate.
      () => undefined,
    );
  }

  #arrived(node: NodeLike, { inFlight, latencyMs }: ProbeResult): void {
    if (!(inFlight >= 0) || !(latencyMs >= 0) || !this.#indexOf.has(node)) return;
    this.#history[this.#historyCount++ % HISTORY_LENGTH] = inFlight;
    this.#hotAbove = this.#quantile();
    const size = this.#poolSize();
    while (this.#results.length >= size) this.#remove(0);
    this.#results.push({
      node,
      latencyMs,
      inFlight,
      arrivedAtMs: this.#clock.coarse(),
      usesLeft: this.#usesOf(size),
    });
  }

  #poolSize(): number {
    return this.#settings.poolSize ?? Math.min(16, Math.max(2, this.#indexOf.size >> 1));
  }

  /** How often a result may be used, so that the pool neither drains nor goes stale; random rounding. */
  #usesOf(size: number): number {
    const gained = (1 - size / this.#indexOf.size) * this.#settings.probesPerJob;
    const spare = gained - REMOVED_PER_PICK;
    if (spare <= 0) return Infinity;
    return Math.floor(Math.max(1, 2 / spare) + this.#random.fraction());
  }

  #quantile(): number {
    const count = Math.min(this.#historyCount, HISTORY_LENGTH);
    const sorted = this.#sorted.subarray(0, count);
    sorted.set(this.#history.subarray(0, count));
    sorted.sort();
    return sorted[Math.min(count - 1, Math.floor(this.#settings.hotQuantile * count))]!;
  }

  #dropExpired(): void {
    const now = this.#clock.coarse();
    while (
      this.#results.length > 0 &&
      now - this.#results[0]!.arrivedAtMs > this.#settings.maxAgeMs
    ) {
      this.#remove(0);
    }
  }

  /** Fastest cold result of an eligible node, else the least busy hot one; none with too few. */
  #bestResult(table: NodeTable): PooledResult | undefined {
    let validCount = 0;
    let best: PooledResult | undefined;
    for (const result of this.#results) {
      if (!table.isEligible(this.#indexOf.get(result.node)!)) continue;
      validCount++;
      if (best === undefined || this.#isBetter(result, best)) best = result;
    }
    return validCount < RESULTS_NEEDED ? undefined : best;
  }

  #isBetter(a: PooledResult, b: PooledResult): boolean {
    const aIsHot = a.inFlight > this.#hotAbove;
    const bIsHot = b.inFlight > this.#hotAbove;
    if (aIsHot !== bIsHot) return bIsHot;
    return aIsHot ? a.inFlight < b.inFlight : a.latencyMs < b.latencyMs;
  }

  /** Removes the oldest and the worst result by turns: age and bias both spoil the pool. */
  #removeOne(): void {
    if (this.#results.length === 0) return;
    let at = 0;
    if (!this.#removesOldest) {
      for (let i = 1; i < this.#results.length; i++) {
        if (this.#isBetter(this.#results[at]!, this.#results[i]!)) at = i;
      }
    }
    this.#removesOldest = !this.#removesOldest;
    this.#remove(at);
  }

  #remove(at: number): void {
    if (at >= 0) this.#results.splice(at, 1);
  }
}
