/**
 * The nodes of one priority level, laid out for picking: one typed array per property, indexed by
 * the node's rank in insertion order, and the eligible indices as a compact ascending list.
 *
 * Built-in nodes write their changes here, so a pick reads a few array elements and asks nobody. As
 * soon as one node has to be asked (a caller's own, one with shared counters), the table is
 * *polled*: `refresh` asks every node once per pick and rebuilds the list, `isEligible` asks just
 * the node in question. Both ways give the same answers.
 *
 * @module
 */
import * as BLOCKED from './blocked.ts';
import * as COUNTER from './counters.ts';
import { countersOf, Node, NODE_AVERAGE_TAU_MS, type NodeLike } from './node.ts';
import { NO_NODE } from './policy.ts';

/** Elements of `NodeTable.lastJob`. */
export const JOB_LATENCY_MS = 0;
export const JOB_ENDED_AT_MS = 1;

/** Averages are rescaled before e^(elapsed / tau) could leave the range of a double. */
const SCALE_EXPONENT_MAX = 300;

/** One member's lines of the table, for building it. */
export interface TableRow {
  readonly node: NodeLike;
  readonly weight: number;
  readonly effectiveWeight: number;
  /** `Infinity` when the node has no `maxConcurrency`. */
  readonly limit: number;
  readonly blocked: number;
  readonly picks: number;
}

export interface TableOptions {
  readonly reads: { readonly load?: boolean; readonly average?: boolean };
  /** Percent; below this share of eligible nodes health is ignored. 0 = never. */
  readonly panicPercent: number;
}

/** Called when a polled node changed its mind: index, and whether it is healthy now. */
export type HealthListener = (index: number, healthy: boolean) => void;

export class NodeTable {
  readonly nodes: readonly NodeLike[];
  readonly count: number;
  /** Configured weights, which keyed policies use. */
  readonly weight: Float64Array;
  /** Weights after slow start, which all others use. Always > 0 for an eligible node. */
  readonly effectiveWeight: Float64Array;
  /** Jobs in flight. Of polled nodes: valid after `refresh` or `isEligible`. */
  readonly load: Float64Array;
  /**
   * Average response times in a unit that only comparisons may rely on; 0 = nothing completed.
   * Of polled nodes: milliseconds, valid after `refresh`.
   */
  readonly average: Float64Array;
  readonly picks: Float64Array;
  /** Latency and end, by the pool's clock, of the job that ended last; at `JOB_LATENCY_MS` and `JOB_ENDED_AT_MS`. */
  readonly lastJob: Float64Array = new Float64Array(2);
  /** Eligible indices, ascending; only the first `eligibleCount` are meant. Polled: after `refresh`. */
  readonly eligible: Int32Array;
  eligibleCount = 0;
  /** Grows with every change of eligibility or weight: what a picker derives from them is stale. */
  version = 0;
  /** True when some node must be asked at every pick. */
  readonly polled: boolean;
  /** True when every configured weight is the same. */
  equalWeights = true;
  /** True when every effective weight is the same. */
  equalEffectiveWeights = true;
  isPanicking = false;
  onHealth: HealthListener | undefined;
  onRejoin: ((index: number) => void) | undefined;

  readonly #limit: Float64Array;
  readonly #blocked: Uint8Array;
  readonly #isEligible: Uint8Array;
  readonly #isPolled: Uint8Array;
  /** True when some nodes are polled and others report by themselves. */
  readonly #isMixed: boolean;
  /** The pick in which each node was asked by itself, and the one in which any was. */
  readonly #askedAt: Int32Array;
  #anyAskedAt = 0;
  /** The pick in which all polled nodes were asked. */
  #refreshedAt = 0;
  #hasLimits: boolean;
  #readsLoad: boolean;
  readonly #readsAverage: boolean;
  readonly #panicPercent: number;
  readonly #rank: Int32Array;
  /** Nodes out of rotation for no other reason than being full or tried. */
  #availableCount = 0;
  #readyCount = 0;
  #epoch = 0;
  #isRefreshing = false;
  #scaleOriginMs = Number.NaN;

  constructor(rows: readonly TableRow[], options: TableOptions) {
    const count = rows.length;
    this.count = count;
    this.nodes = rows.map((row) => row.node);
    const column = (read: (row: TableRow) => number): Float64Array => Float64Array.from(rows, read);
    this.weight = column((row) => row.weight);
    this.effectiveWeight = column((row) => row.effectiveWeight);
    this.load = new Float64Array(count);
    this.average = new Float64Array(count);
    this.picks = column((row) => row.picks);
    this.eligible = new Int32Array(count);
    this.#limit = column((row) => row.limit);
    this.#blocked = Uint8Array.from(rows, (row) => row.blocked);
    this.#isEligible = new Uint8Array(count);
    this.#askedAt = new Int32Array(count);
    this.#hasLimits = this.#limit.some((limit) => limit !== Infinity);
    this.#readsLoad = options.reads.load === true || this.#hasLimits;
    this.#readsAverage = options.reads.average === true;
    this.#panicPercent = options.panicPercent;
    this.#rank = ranksById(this.nodes);

    // Averages of different kinds can be compared only in milliseconds, so a mix is polled whole.
    const kinds = new Set(
      this.nodes.map((node) => (mustPoll(node) ? 'own' : (node as Node).average)),
    );
    const mixesAverages = this.#readsAverage && kinds.size > 1;
    this.#isPolled = Uint8Array.from(this.nodes, (node) =>
      mixesAverages || mustPoll(node) ? 1 : 0,
    );
    this.polled = this.#isPolled.includes(1);
    this.#isMixed = this.polled && this.#isPolled.includes(0);

    for (let i = 0; i < count; i++) {
      if (this.#isPolled[i] === 1) continue;
      const counters = countersOf(this.nodes[i] as Node);
      this.load[i] = counters[COUNTER.LOAD]!;
      if (this.load[i]! >= this.#limit[i]!) this.#blocked[i]! |= BLOCKED.FULL;
      this.averageChanged(i);
    }
    for (let i = 0; i < count; i++) {
      this.#availableCount += isFree(this.#blocked[i]!, BLOCKED.LASTING_BITS);
      this.#readyCount += isFree(this.#blocked[i]!, BLOCKED.ALL_BITS);
    }
    this.#noteEqualWeights();
    this.isPanicking = this.#shouldPanic();
    this.#rebuildEligible();
  }

  /** Eligible nodes without regard to panic. Of polled tables: valid after `refresh`. */
  get readyCount(): number {
    return this.#readyCount;
  }

  /** Position of each node when they are sorted by `id`; what breaks ties independent of order. */
  get rankById(): Int32Array {
    return this.#rank;
  }

  /** Opens a pick: polled nodes may be asked again. */
  beginPick(): void {
    this.#epoch = (this.#epoch + 1) | 0;
  }

  /** May this node be picked? Asks it when it is polled and was not asked in this pick. */
  isEligible(index: number): boolean {
    if (this.polled) this.#askOne(index);
    return this.#isEligible[index] === 1;
  }

  /** Is this node in rotation for clients it already has: healthy and not ejected? */
  isUsable(index: number): boolean {
    if (this.polled) this.#askOne(index);
    return (this.#blocked[index]! & BLOCKED.HEALTH_BITS) === 0;
  }

  /** Why the node gets no work, as bits of `blocked.ts`; 0 when it may. */
  blockedBits(index: number): number {
    return this.#blocked[index]!;
  }

  /** Makes `eligible`, `load` and `average` true for polled nodes. Without effect otherwise. */
  refresh(): void {
    // A node's own method may call the balancer; the inner pick then uses what is known so far.
    if (!this.polled || this.#isRefreshing || this.#refreshedAt === this.#epoch) return;
    this.#isRefreshing = true;
    const epoch = this.#epoch;
    for (let from = 0; from < this.count;) from = this.#askUntilNews(from, epoch);
    this.#refreshedAt = epoch;
    this.#isRefreshing = false;
  }

  /**
   * The first eligible index at or after `from`, wrapping around; `NO_NODE` when there is none.
   *
   * @param from - 0 <= from < count.
   */
  firstEligibleFrom(from: number): number {
    if (this.polled) return this.#scanFrom(from);
    if (this.#isEligible[from] === 1) return from;
    const { eligible, eligibleCount } = this;
    if (eligibleCount === 0) return NO_NODE;
    const position = this.positionFrom(from);
    return eligible[position < eligibleCount ? position : 0]!;
  }

  /**
   * Position in `eligible` of the first index > `index`; `eligibleCount` when there is none.
   *
   * @param hint - Where `index` itself stood last; saves the search while it is still there.
   */
  positionAfter(index: number, hint: number): number {
    if (hint < this.eligibleCount && this.eligible[hint] === index) return hint + 1;
    return this.positionFrom(index + 1);
  }

  /** Position in `eligible` of the first index >= `from`; `eligibleCount` when there is none. */
  positionFrom(from: number): number {
    let low = 0;
    let high = this.eligibleCount;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.eligible[middle]! < from) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Sets or clears one reason for a node to get no work. */
  block(index: number, bit: number, isBlocked: boolean): void {
    const before = this.#blocked[index]!;
    const after = isBlocked ? before | bit : before & ~bit;
    if (after === before) return;
    this.#blocked[index] = after;
    this.#availableCount +=
      isFree(after, BLOCKED.LASTING_BITS) - isFree(before, BLOCKED.LASTING_BITS);
    this.#readyCount += isFree(after, BLOCKED.ALL_BITS) - isFree(before, BLOCKED.ALL_BITS);
    const isPanicking = this.#shouldPanic();
    if (isPanicking !== this.isPanicking) {
      this.isPanicking = isPanicking;
      this.#rebuildEligible();
      return;
    }
    this.#updateEligible(index, bit !== BLOCKED.TRIED);
  }

  /** A built-in node's load changed. On the hot path of `begin` and `end`. */
  loadChanged(index: number, load: number): void {
    this.load[index] = load;
    const limit = this.#limit[index]!;
    if (limit !== Infinity) this.block(index, BLOCKED.FULL, load >= limit);
  }

  /** A built-in node completed a job; takes its average over. */
  averageChanged(index: number): void {
    const node = this.nodes[index] as Node;
    const counters = countersOf(node);
    this.lastJob[JOB_LATENCY_MS] = counters[COUNTER.LAST_LATENCY_MS]!;
    this.lastJob[JOB_ENDED_AT_MS] = counters[COUNTER.LAST_END_MS]!;
    if (!this.#readsAverage || this.#isPolled[index] === 1) return;
    if (node.average === 'cumulative') {
      const completed = counters[COUNTER.SUCCESSES]! + counters[COUNTER.FAILURES]!;
      this.average[index] = completed === 0 ? 0 : counters[COUNTER.LATENCY_SUM_MS]! / completed;
      return;
    }
    // All averages decay at one rate, so instead of shrinking the others, new ones grow: the order
    // is the same, and picks need neither the time nor an exponential.
    const at = counters[COUNTER.EWMA_AT_MS]!;
    const value = counters[COUNTER.EWMA_MS]!;
    if (value === 0) return;
    if (!((at - this.#scaleOriginMs) / NODE_AVERAGE_TAU_MS < SCALE_EXPONENT_MAX)) this.#rescale(at);
    this.average[index] = value * Math.exp((at - this.#scaleOriginMs) / NODE_AVERAGE_TAU_MS);
  }

  setLimit(index: number, limit: number): void {
    this.#limit[index] = limit;
    if (limit !== Infinity) {
      this.#hasLimits = true;
      this.#readsLoad = true;
    }
    this.block(index, BLOCKED.FULL, this.load[index]! >= limit);
  }

  /** Sets the configured weight, and with it the effective one. */
  setWeight(index: number, weight: number): void {
    this.weight[index] = weight;
    this.effectiveWeight[index] = weight;
    this.#noteEqualWeights();
    this.version++;
    this.block(index, BLOCKED.WEIGHTLESS, weight === 0);
  }

  /** Sets the weight that slow start allows at the moment. */
  setEffectiveWeight(index: number, weight: number): void {
    if (this.effectiveWeight[index] === weight) return;
    this.effectiveWeight[index] = weight;
    this.version++;
    if (weight === this.weight[index]) this.#noteEqualWeights();
    else this.equalEffectiveWeights = false;
  }

  /**
   * Asks polled nodes from index `from` on, each at most once per pick, up to one that says
   * something new. The loop has no side effects of its own, so that its table reads are cheap.
   *
   * @returns Where to go on; at least `count` when all were asked.
   */
  #askUntilNews(from: number, epoch: number): number {
    const { nodes, load, average, count } = this;
    const blocked = this.#blocked;
    const isPolled = this.#isPolled;
    const isMixed = this.#isMixed;
    const askedAt = this.#askedAt;
    const anyAsked = this.#anyAskedAt === epoch;
    const limit = this.#limit;
    const hasLimits = this.#hasLimits;
    const readsLoad = this.#readsLoad;
    const readsAverage = this.#readsAverage;
    const mayPanic = this.#panicPercent > 0;
    let i = from;
    let isHealthy = false;
    // A node that throws cannot take work, and a pick never throws.
    try {
      for (; i < count; i++) {
        if ((isMixed && isPolled[i] === 0) || (anyAsked && askedAt[i] === epoch)) continue;
        const node = nodes[i]!;
        isHealthy = node.isHealthy();
        // Nobody reads the numbers of a node that is out, unless panic may bring it back.
        if (isHealthy || mayPanic) {
          if (readsLoad) load[i] = atLeastZero(node.load());
          if (readsAverage) average[i] = atLeastZero(node.averageResponseTime());
        }
        const wasHealthy = (blocked[i]! & BLOCKED.UNHEALTHY) === 0;
        if (isHealthy !== wasHealthy || (hasLimits && limit[i]! !== Infinity)) break;
      }
    } catch {
      isHealthy = false;
    }
    if (i < count) this.#note(i, isHealthy);
    return i + 1;
  }

  /** As {@link NodeTable.#askUntilNews}, for one node. */
  #askOne(index: number): void {
    const epoch = this.#epoch;
    if (this.#refreshedAt === epoch || this.#askedAt[index] === epoch) return;
    if (this.#isPolled[index] === 0) return;
    this.#askedAt[index] = epoch;
    this.#anyAskedAt = epoch;
    const node = this.nodes[index]!;
    let isHealthy = false;
    try {
      isHealthy = node.isHealthy();
      if (isHealthy || this.#panicPercent > 0) {
        if (this.#readsLoad) this.load[index] = atLeastZero(node.load());
        if (this.#readsAverage) this.average[index] = atLeastZero(node.averageResponseTime());
      }
    } catch {
      isHealthy = false;
    }
    const wasHealthy = (this.#blocked[index]! & BLOCKED.UNHEALTHY) === 0;
    if (isHealthy !== wasHealthy || this.#limit[index]! !== Infinity) this.#note(index, isHealthy);
  }

  /** Takes over what a polled node has said. */
  #note(index: number, isHealthy: boolean): void {
    const wasHealthy = (this.#blocked[index]! & BLOCKED.UNHEALTHY) === 0;
    if (isHealthy !== wasHealthy) {
      this.block(index, BLOCKED.UNHEALTHY, !isHealthy);
      this.onHealth?.(index, isHealthy);
    }
    const limit = this.#limit[index]!;
    if (limit !== Infinity) this.block(index, BLOCKED.FULL, this.load[index]! >= limit);
  }

  #scanFrom(from: number): number {
    for (let step = 0, i = from; step < this.count; step++) {
      if (this.isEligible(i)) return i;
      i = i + 1 === this.count ? 0 : i + 1;
    }
    return NO_NODE;
  }

  /** Moves one index into or out of the list, which stays ascending. */
  #updateEligible(index: number, isLasting: boolean): void {
    const isEligible = this.#mayPick(index);
    if ((this.#isEligible[index] === 1) === isEligible) return;
    this.#isEligible[index] = isEligible ? 1 : 0;
    this.version++;
    const position = this.positionFrom(index);
    if (isEligible) {
      this.eligible.copyWithin(position + 1, position, this.eligibleCount);
      this.eligible[position] = index;
      this.eligibleCount++;
    } else {
      this.eligible.copyWithin(position, position + 1, this.eligibleCount);
      this.eligibleCount--;
    }
    if (isEligible && isLasting) this.onRejoin?.(index);
  }

  #rebuildEligible(): void {
    let eligibleCount = 0;
    for (let i = 0; i < this.count; i++) {
      const isEligible = this.#mayPick(i);
      if (isEligible) this.eligible[eligibleCount++] = i;
      if ((this.#isEligible[i] === 1) === isEligible) continue;
      this.#isEligible[i] = isEligible ? 1 : 0;
      this.version++;
      if (isEligible) this.onRejoin?.(i);
    }
    this.eligibleCount = eligibleCount;
  }

  #mayPick(index: number): boolean {
    const reasons = this.isPanicking ? BLOCKED.ALL_BITS & ~BLOCKED.HEALTH_BITS : BLOCKED.ALL_BITS;
    return (this.#blocked[index]! & reasons) === 0;
  }

  #shouldPanic(): boolean {
    return this.count > 0 && this.#availableCount * 100 < this.#panicPercent * this.count;
  }

  #rescale(origin: number): void {
    const shift = (this.#scaleOriginMs - origin) / NODE_AVERAGE_TAU_MS;
    // The first origin is NaN: nothing is scaled yet.
    const factor = Number.isNaN(shift) ? 0 : Math.exp(shift);
    for (let i = 0; i < this.count; i++) this.average[i]! *= factor;
    this.#scaleOriginMs = origin;
  }

  #noteEqualWeights(): void {
    this.equalWeights = areEqual(this.weight);
    this.equalEffectiveWeights = areEqual(this.effectiveWeight);
  }
}

/** False for a `Node` whose notices can be relied on: not overridden, not shared with a thread. */
function mustPoll(node: NodeLike): boolean {
  return !(
    node instanceof Node &&
    !node.isShared &&
    node.isHealthy === Node.prototype.isHealthy &&
    node.load === Node.prototype.load &&
    node.averageResponseTime === Node.prototype.averageResponseTime
  );
}

/** What a caller's node counts, with nonsense (negative, NaN) read as 0. */
function atLeastZero(value: number): number {
  return value >= 0 ? value : 0;
}

function areEqual(values: Float64Array): boolean {
  return values.every((value) => value === values[0]);
}

function isFree(blocked: number, considered: number): number {
  return (blocked & considered) === 0 ? 1 : 0;
}

/** Rank of each node by `id`, compared by UTF-16 code units, as every process compares them. */
function ranksById(nodes: readonly NodeLike[]): Int32Array {
  const order = nodes.map((_, index) => index);
  order.sort((a, b) => (nodes[a]!.id < nodes[b]!.id ? -1 : 1));
  const ranks = new Int32Array(nodes.length);
  order.forEach((index, rank) => (ranks[index] = rank));
  return ranks;
}
