/**
 * Passive health: nodes whose jobs fail are taken out for a while. Failures in a row eject at once;
 * at every interval the nodes are also compared with each other and with a fixed limit.
 *
 * Source: Envoy Proxy documentation, "Outlier detection".
 *
 * @module
 */
import type { PoolClock } from './clock.ts';
import { checkNumber } from './errors.ts';
import type { EjectReason } from './events.ts';
import type { Member } from './member.ts';

export interface OutlierOptions {
  /** Failures in a row that eject at once, default 5; 0 = never. */
  consecutiveFailures?: number;
  /** Length of the statistical interval, default 10 000. */
  intervalMs?: number;
  /** First ejection; the k-th in a row lasts k times as long. Default 30 000. */
  baseEjectionMs?: number;
  /** No ejection lasts longer, default 300 000. */
  maxEjectionMs?: number;
  /** At most this percentage of the nodes is out at a time, but always one may be. Default 10. */
  maxEjectionPercent?: number;
  /** Ejects below mean - `stdevFactor` standard deviations of the success rates. `false` = off. */
  successRate?: { stdevFactor?: number; minNodes?: number; minVolume?: number } | false;
  /** Ejects above `threshold` percent of failures. `false` = off. */
  failurePercent?: { threshold?: number; minNodes?: number; minVolume?: number } | false;
}

/** What the detector keeps about one member. */
export interface OutlierRecord {
  failuresInRow: number;
  successes: number;
  failures: number;
  /** Ejections in a row, which multiply the next one. */
  multiplier: number;
  ejectedUntilMs: number;
  wasEjectedInInterval: boolean;
}

export function newOutlierRecord(): OutlierRecord {
  return {
    failuresInRow: 0,
    successes: 0,
    failures: 0,
    multiplier: 0,
    ejectedUntilMs: -Infinity,
    wasEjectedInInterval: false,
  };
}

/** What the detector asks of the pool. */
export interface OutlierHost {
  readonly clock: PoolClock;
  members(): Iterable<Member>;
  readonly size: number;
  /** Eligible nodes other than this one. */
  otherEligibleCount(member: Member): number;
  eject(member: Member, reason: EjectReason, ms: number): void;
  uneject(member: Member): void;
}

/** How far the nodes are compared at the end of an interval. */
interface Judgement {
  /** Standard deviations, or percent. */
  readonly limit: number;
  readonly minNodes: number;
  readonly minVolume: number;
}

interface Settings {
  readonly consecutiveFailures: number;
  readonly intervalMs: number;
  readonly baseEjectionMs: number;
  readonly maxEjectionMs: number;
  readonly maxEjectionPercent: number;
  readonly successRate: Judgement | undefined;
  readonly failurePercent: Judgement | undefined;
}

export class OutlierDetector {
  readonly #settings: Settings;
  readonly #host: OutlierHost;
  readonly #ejected = new Set<Member>();
  #intervalEndsAtMs: number;

  /** @throws {ConfigError} For an option out of range. */
  constructor(options: OutlierOptions, host: OutlierHost) {
    this.#settings = withDefaults(options);
    this.#host = host;
    this.#intervalEndsAtMs = host.clock.precise() + this.#settings.intervalMs;
  }

  /** Counts the outcome of a job. Allocates nothing unless it ejects. */
  record(member: Member, ok: boolean): void {
    const { outlier } = member;
    // Jobs sent before the ejection say nothing new.
    if (member.isEjected) return;
    if (ok) {
      outlier.failuresInRow = 0;
      outlier.successes++;
      return;
    }
    outlier.failures++;
    outlier.failuresInRow++;
    const limit = this.#settings.consecutiveFailures;
    if (limit > 0 && outlier.failuresInRow >= limit) {
      this.#eject(member, 'consecutiveFailures', this.#host.clock.precise());
    }
  }

  /** Ends ejections that are due and closes the interval when it is over. */
  tick(now: number): void {
    for (const member of this.#ejected) {
      if (now >= member.outlier.ejectedUntilMs) this.#uneject(member);
    }
    if (now < this.#intervalEndsAtMs) return;
    this.#closeInterval(now);
    // Intervals that passed unnoticed held no jobs worth judging.
    this.#intervalEndsAtMs = now + this.#settings.intervalMs;
  }

  /** When `tick` has something to do. */
  dueAt(): number {
    let due = this.#intervalEndsAtMs;
    for (const { outlier } of this.#ejected) due = Math.min(due, outlier.ejectedUntilMs);
    return due;
  }

  forget(member: Member): void {
    this.#ejected.delete(member);
  }

  #closeInterval(now: number): void {
    const members = [...this.#host.members()].filter((member) => !member.isEjected);
    for (const member of members) {
      if (!member.outlier.wasEjectedInInterval && member.outlier.multiplier > 0) {
        member.outlier.multiplier--;
      }
    }
    for (const member of belowSuccessRate(members, this.#settings.successRate)) {
      this.#eject(member, 'successRate', now);
    }
    for (const member of aboveFailurePercent(members, this.#settings.failurePercent)) {
      if (!member.isEjected) this.#eject(member, 'failurePercent', now);
    }
    for (const member of this.#host.members()) {
      member.outlier.successes = 0;
      member.outlier.failures = 0;
      member.outlier.wasEjectedInInterval = member.isEjected;
    }
  }

  #eject(member: Member, reason: EjectReason, now: number): void {
    if (!this.#mayEject(member)) return;
    const { baseEjectionMs, maxEjectionMs } = this.#settings;
    const { outlier } = member;
    outlier.multiplier++;
    outlier.failuresInRow = 0;
    outlier.wasEjectedInInterval = true;
    const ms = Math.min(baseEjectionMs * outlier.multiplier, maxEjectionMs);
    outlier.ejectedUntilMs = now + ms;
    this.#ejected.add(member);
    this.#host.eject(member, reason, ms);
  }

  /** Within the percentage, or the only one out; and never the last that could take work. */
  #mayEject(member: Member): boolean {
    const allowed = (this.#host.size * this.#settings.maxEjectionPercent) / 100;
    const isWithin = this.#ejected.size === 0 || this.#ejected.size + 1 <= allowed;
    return isWithin && this.#host.otherEligibleCount(member) > 0;
  }

  #uneject(member: Member): void {
    this.#ejected.delete(member);
    this.#host.uneject(member);
  }
}

/** Members whose success rate lies too far below the mean. */
function belowSuccessRate(members: readonly Member[], judgement: Judgement | undefined): Member[] {
  const judged = judgedBy(members, judgement);
  const rates = judged.map((member) => member.outlier.successes / volumeOf(member));
  const threshold = successRateThreshold(rates, judgement?.limit ?? 0);
  return judged.filter((_, at) => rates[at]! < threshold);
}

/** Mean minus `stdevFactor` population standard deviations. */
export function successRateThreshold(rates: readonly number[], stdevFactor: number): number {
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length;
  return mean - stdevFactor * Math.sqrt(variance);
}

function aboveFailurePercent(
  members: readonly Member[],
  judgement: Judgement | undefined,
): Member[] {
  return judgedBy(members, judgement).filter(
    (member) => (member.outlier.failures * 100) / volumeOf(member) > judgement!.limit,
  );
}

/** The members with enough jobs to be judged; none while those are too few to compare. */
function judgedBy(members: readonly Member[], judgement: Judgement | undefined): Member[] {
  if (judgement === undefined) return [];
  const judged = members.filter((member) => volumeOf(member) >= judgement.minVolume);
  return judged.length < judgement.minNodes ? [] : judged;
}

function volumeOf({ outlier }: Member): number {
  return outlier.successes + outlier.failures;
}

/** Settings that are plain numbers. */
type NumberName =
  | 'consecutiveFailures'
  | 'intervalMs'
  | 'baseEjectionMs'
  | 'maxEjectionMs'
  | 'maxEjectionPercent';

function withDefaults(options: OutlierOptions): Settings {
  const { successRate = {}, failurePercent = {} } = options;
  const number = (name: NumberName, fallback: number, min: number, max?: number): number =>
    checkNumber(`outlier.${name}`, options[name] ?? fallback, { min, ...(max && { max }) });
  return {
    consecutiveFailures: number('consecutiveFailures', 5, 0),
    intervalMs: number('intervalMs', 10_000, 1),
    baseEjectionMs: number('baseEjectionMs', 30_000, 0),
    maxEjectionMs: number('maxEjectionMs', 300_000, 0),
    maxEjectionPercent: number('maxEjectionPercent', 10, 0, 100),
    successRate:
      successRate === false
        ? undefined
        : judgementOf('successRate', 'stdevFactor', successRate.stdevFactor ?? 1.9, {
            minVolume: 100,
            ...successRate,
          }),
    failurePercent:
      failurePercent === false
        ? undefined
        : judgementOf('failurePercent', 'threshold', failurePercent.threshold ?? 85, {
            minVolume: 50,
            ...failurePercent,
          }),
  };
}

/** Checks one judgement; `name` is what its kind calls the limit. */
function judgementOf(
  kind: string,
  name: string,
  limit: number,
  { minNodes = 5, minVolume }: { minNodes?: number; minVolume: number },
): Judgement {
  const check = (setting: string, value: number, min: number): number =>
    checkNumber(`outlier.${kind}.${setting}`, value, { min });
  return {
    limit: check(name, limit, 0),
    minNodes: check('minNodes', minNodes, 1),
    minVolume: check('minVolume', minVolume, 1),
  };
}
