/**
 * Peak EWMA: cost of a node = moving average of its latency, times the jobs it would then have. The
 * average takes a slower answer in full at once and forgets it exponentially, so a node that
 * degrades loses traffic on the first slow answer and earns it back slowly.
 *
 * Source: M. Eriksen et al., Finagle, "Peak EWMA" load balancer.
 *
 * @module
 */
import { checkNumber } from '../errors.ts';
import { JOB_ENDED_AT_MS, JOB_LATENCY_MS, type NodeTable } from '../node-table.ts';
import { NO_NODE, type Picker, type PickerContext, type Policy } from '../policy.ts';
import { checkChoices, Draws } from './draws.ts';

/** Score of a node whose first job is still running: it waits behind every node that answered. */
const UNPROVEN = 1e15;
/** Costs are rescaled before e^(elapsed / tau) could leave the range of a double. */
const SCALE_EXPONENT_MAX = 300;

/**
 * @param options - `tauMs`: time constant of the average, default 10 000; `choices`: how many nodes
 *   are sampled per pick, 1 to 64, default 2, or `"all"` to scan every eligible node.
 * @throws {ConfigError} For a value out of range.
 */
export function peakEwma({
  tauMs = 10_000,
  choices = 2,
}: { tauMs?: number; choices?: number | 'all' } = {}): Policy {
  checkNumber('peakEwma.tauMs', tauMs, { min: 1 });
  if (choices !== 'all') checkChoices('peakEwma.choices', choices);
  return {
    name: 'peakEwma',
    reads: { load: true },
    createPicker: (context) => new PeakEwmaPicker({ tauMs, choices }, context),
  };
}

class PeakEwmaPicker implements Picker {
  readonly #draws: Draws | undefined;
  readonly #costs: DecayingCosts;

  constructor(options: { tauMs: number; choices: number | 'all' }, { random }: PickerContext) {
    this.#draws = options.choices === 'all' ? undefined : new Draws(options.choices, random);
    this.#costs = new DecayingCosts(options.tauMs);
  }

  pick(table: NodeTable): number {
    if (this.#draws === undefined) {
      table.refresh();
      return this.#best(table, table.eligible, table.eligibleCount);
    }
    return this.#best(table, this.#draws.drawn, this.#draws.draw(table));
  }

  membersChanged(_table: NodeTable, previousIndex: Int32Array): void {
    this.#costs.membersChanged(previousIndex);
  }

  jobEnded(table: NodeTable, index: number): void {
    this.#costs.observe(index, table.lastJob);
  }

  #best(table: NodeTable, candidates: Int32Array, count: number): number {
    const { load, effectiveWeight } = table;
    const { scaled } = this.#costs;
    let best = NO_NODE;
    let bestScore = 0;
    for (let k = 0; k < count; k++) {
      const index = candidates[k]!;
      const cost = scaled[index]!;
      const jobs = load[index]!;
      let score = (cost * (jobs + 1)) / effectiveWeight[index]!;
      if (cost < 0) score = jobs === 0 ? 0 : (UNPROVEN + jobs) * this.#costs.scale;
      if (best !== NO_NODE && score >= bestScore) continue;
      best = index;
      bestScore = score;
    }
    return best;
  }
}

/**
 * Peak-sensitive averages that all decay at one rate. Since only their order matters, the stored
 * values never shrink; new observations are scaled up by e^(time / tau) instead, and a pick needs
 * neither a clock nor an exponential.
 */
export class DecayingCosts {
  /** Cost times `e^((observed - origin) / tau)`; -1 for a node never observed. */
  scaled: Float64Array = new Float64Array(0);
  readonly #tauMs: number;
  /** Scale of the latest observation, and the origin of time; typed, because fields would box. */
  readonly #numbers = Float64Array.of(1, Number.NaN);
  /** Cost at the time of the latest observation; -1 for a node never observed. */
  #costMs: Float64Array = new Float64Array(0);
  #observedAtMs: Float64Array = new Float64Array(0);

  constructor(tauMs: number) {
    this.#tauMs = tauMs;
  }

  /** What 1 ms observed at the time of the latest observation is in `scaled`. */
  get scale(): number {
    return this.#numbers[0]!;
  }

  /**
   * Folds a latency in: a peak at once, a faster answer by the time since the last one.
   *
   * @param job - Latency and time of the observation, as in `NodeTable.lastJob`.
   */
  observe(index: number, job: Float64Array): void {
    const latencyMs = job[JOB_LATENCY_MS]!;
    const now = job[JOB_ENDED_AT_MS]!;
    if (!((now - this.#numbers[1]!) / this.#tauMs < SCALE_EXPONENT_MAX)) this.#rescale(now);
    const before = this.#costMs[index]!;
    const kept = Math.exp(-Math.max(0, now - this.#observedAtMs[index]!) / this.#tauMs);
    const isPeak = before < 0 || latencyMs > before;
    const cost = isPeak ? latencyMs : before * kept + latencyMs * (1 - kept);
    const scale = Math.exp((now - this.#numbers[1]!) / this.#tauMs);
    this.#numbers[0] = scale;
    this.scaled[index] = cost * scale;
    this.#costMs[index] = cost;
    this.#observedAtMs[index] = now;
  }

  /** Cost of a node at a time, in milliseconds; -1 for a node never observed. */
  costAt(index: number, now: number): number {
    const cost = this.#costMs[index]!;
    return cost < 0 ? -1 : cost * Math.exp((this.#observedAtMs[index]! - now) / this.#tauMs);
  }

  membersChanged(previousIndex: Int32Array): void {
    const moved = (values: Float64Array, fresh: number): Float64Array =>
      Float64Array.from(previousIndex, (previous) => values[previous] ?? fresh);
    this.scaled = moved(this.scaled, -1);
    this.#costMs = moved(this.#costMs, -1);
    this.#observedAtMs = moved(this.#observedAtMs, 0);
  }

  #rescale(origin: number): void {
    const shift = (this.#numbers[1]! - origin) / this.#tauMs;
    const factor = Number.isNaN(shift) ? 1 : Math.exp(shift);
    for (let i = 0; i < this.scaled.length; i++) {
      if (this.scaled[i]! >= 0) this.scaled[i]! *= factor;
    }
    this.#numbers[1] = origin;
  }
}
