/**
 * Keeps the health of one target: runs its check on a timer of its own and turns results into
 * `up` and `down` by thresholds.
 *
 * The first result decides the state at once. After that a change needs `rise` successes or `fall`
 * failures in a row, and while such a run is under way the checks come at the fast interval.
 *
 * @module
 */
import { type CancelTimer, type Clock, type RandomSource, systemClock } from '../clock.ts';
import type { CheckResult, HealthCheck } from './check.ts';

/** `unknown` until the first result. */
export type HealthState = 'unknown' | 'up' | 'down';

export interface HealthTransition {
  readonly from: HealthState;
  readonly to: 'up' | 'down';
  /** Reason of the result that caused it; empty for `up`. */
  readonly reason: string;
}

export interface HealthSettings {
  /** From the start of a check to the start of the next, +-10 %; a slow check delays only itself. */
  readonly intervalMs: number;
  /** The same while a change is pending; at most `intervalMs` is used. */
  readonly fastIntervalMs: number;
  /** Successes in a row from down to up, >= 1. */
  readonly rise: number;
  /** Failures in a row from up to down, >= 1. */
  readonly fall: number;
}

export interface HealthMonitorOptions extends HealthSettings {
  readonly check: HealthCheck;
  /** Must not throw. */
  readonly onTransition: (transition: HealthTransition) => void;
  /** Called with every result, before the transition that it causes. Must not throw. */
  readonly onResult?: (result: CheckResult) => void;
  readonly clock?: Clock;
  readonly random?: RandomSource;
}

/** Share of an interval by which it may be shorter or longer. */
const JITTER = 0.1;

/** Never runs two checks at a time: a check that is asked for while one runs replaces it. */
export class HealthMonitor {
  readonly #options: HealthMonitorOptions;
  readonly #clock: Clock;
  readonly #random: RandomSource;
  #settings: HealthSettings;
  #check: HealthCheck;
  #state: HealthState = 'unknown';
  /** Results in a row that speak against the state. */
  #againstCount = 0;
  #lastResult: (CheckResult & { readonly endedAtMs: number }) | null = null;
  /** The running check, or null. */
  #running: AbortController | null = null;
  #isStarted = false;
  #lastStartMs = 0;
  #cancelTimer: CancelTimer = () => {};

  constructor(options: HealthMonitorOptions) {
    this.#options = options;
    this.#settings = options;
    this.#check = options.check;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
  }

  get state(): HealthState {
    return this.#state;
  }

  /** Result of the last check that ended, with the time it ended at (milliseconds since 1970). */
  get lastResult(): (CheckResult & { readonly endedAtMs: number }) | null {
    return this.#lastResult;
  }

  /** Starts the first check at once. */
  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    void this.#run();
  }

  /**
   * Changes thresholds, intervals or the check; state and counts stay. A new check runs at once,
   * new intervals count from the start of the last check.
   */
  configure(change: Partial<HealthSettings> & { readonly check?: HealthCheck }): void {
    const { check, ...settings } = change;
    this.#settings = { ...this.#settings, ...settings };
    if (check !== undefined) this.#check = check;
    if (!this.#isStarted) return;
    if (check !== undefined) void this.#run();
    else if (this.#running === null) this.#schedule();
  }

  /** Stops; a running check is aborted and its result ignored. */
  stop(): void {
    this.#isStarted = false;
    this.#cancelTimer();
    this.#running?.abort();
    this.#running = null;
  }

  async #run(): Promise<void> {
    this.#cancelTimer();
    this.#running?.abort();
    const own = new AbortController();
    this.#running = own;
    this.#lastStartMs = this.#clock.nowMs();
    const result = await this.#check(own.signal);
    if (this.#running !== own) return;
    this.#running = null;
    this.#note(result);
    if (this.#isStarted) this.#schedule();
  }

  #note(result: CheckResult): void {
    this.#lastResult = { ...result, endedAtMs: Date.now() };
    this.#options.onResult?.(result);
    const said = result.ok ? 'up' : 'down';
    if (said === this.#state) {
      this.#againstCount = 0;
      return;
    }
    this.#againstCount++;
    const needed = said === 'up' ? this.#settings.rise : this.#settings.fall;
    if (this.#state !== 'unknown' && this.#againstCount < needed) return;
    const from = this.#state;
    this.#state = said;
    this.#againstCount = 0;
    this.#options.onTransition({ from, to: said, reason: result.reason });
  }

  #schedule(): void {
    this.#cancelTimer();
    const { intervalMs, fastIntervalMs } = this.#settings;
    const meantMs = this.#againstCount > 0 ? Math.min(fastIntervalMs, intervalMs) : intervalMs;
    const jitteredMs = meantMs * (1 - JITTER + 2 * JITTER * this.#random());
    const elapsedMs = this.#clock.nowMs() - this.#lastStartMs;
    this.#cancelTimer = this.#clock.after(Math.max(0, jitteredMs - elapsedMs), () => {
      void this.#run();
    });
  }
}
