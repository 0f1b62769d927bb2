/**
 * Time for a pool. Reading `performance.now()` or `Date.now()` creates a heap number, so whatever
 * a pick needs is read from a coarse clock instead: one `Float64Array` element that a shared,
 * unref'ed timer refreshes. The timer runs only while some pool needs it.
 *
 * @module
 */
import { checkNumber, ConfigError } from './errors.ts';

/**
 * How a pool tells the time, in milliseconds from any fixed origin.
 *
 * - `"coarse"`: jobs are timed with the coarse clock too, which makes `begin` and `end` free of
 *   allocation at the price of `resolutionMs` of accuracy.
 * - `now`: a clock of the caller's, used for everything; with it no timer is started, and what is
 *   due by time (the end of an ejection, an interval) is done at the next pick or `stats()`.
 * - `resolutionMs`: how often the coarse clock ticks, 1 to 1000, default 1.
 */
export type ClockOption = 'coarse' | { now?: () => number; resolutionMs?: number };

/** One clock of a pool: precise time for jobs, coarse time for picks. */
export class PoolClock {
  /** True when the caller supplied the time, so that nothing happens by itself. */
  readonly injected: boolean;
  /**
   * The time of the latest `update`, as its only element. Jobs read it here, because a function that
   * returns a time boxes it wherever the compiler does not inline the call.
   */
  readonly time: Float64Array;
  readonly #now: (() => number) | undefined;
  readonly #resolutionMs: number;
  readonly #coarseJobs: boolean;
  #ticker: Ticker | undefined;
  #isStopped = false;

  /** @throws {ConfigError} For an unknown kind of clock or a resolution out of range. */
  constructor(option?: ClockOption) {
    const settings = typeof option === 'object' ? option : {};
    if (option !== undefined && option !== 'coarse' && typeof option !== 'object') {
      throw new ConfigError('clock', 'must be "coarse" or an object with now and resolutionMs');
    }
    this.#now = settings.now;
    this.injected = settings.now !== undefined;
    this.#coarseJobs = option === 'coarse';
    this.#resolutionMs = checkNumber('clock.resolutionMs', settings.resolutionMs ?? 1, {
      min: 1,
      max: 1000,
      integer: true,
    });
    if (this.#coarseJobs) this.start();
    this.time = this.#ticker?.time ?? new Float64Array(1);
  }

  /** Time for a pick: at most one tick old. Starts the ticker if nothing did. */
  coarse(): number {
    return this.coarseTime()[0]!;
  }

  /** As `coarse`, in the array that holds it: what picks read, for the reason given at `time`. */
  coarseTime(): Float64Array {
    if (this.#now !== undefined) {
      this.time[0] = this.#now();
      return this.time;
    }
    if (this.#ticker === undefined) this.start();
    return this.#ticker === undefined ? this.time : this.#ticker.time;
  }

  /** Makes `time` true for the start or the end of a job. Free of allocation with coarse jobs. */
  update(): void {
    if (this.#coarseJobs) return;
    this.time[0] = this.#now === undefined ? performance.now() : this.#now();
  }

  /** Time as of now, by the clock that jobs are timed with. */
  precise(): number {
    this.update();
    return this.time[0]!;
  }

  /** Starts the coarse clock; without effect when it runs or when the caller supplies the time. */
  start(): void {
    if (this.injected || this.#isStopped || this.#ticker !== undefined) return;
    this.#ticker = acquireTicker(this.#resolutionMs);
  }

  /** Gives the shared timer back, for good. The time last read stays readable. */
  stop(): void {
    this.#isStopped = true;
    if (this.#ticker === undefined) return;
    releaseTicker(this.#ticker, this.#resolutionMs);
    this.#ticker = undefined;
  }
}

interface Ticker {
  readonly time: Float64Array;
  readonly timer: ReturnType<typeof setInterval>;
  userCount: number;
}

const tickers = new Map<number, Ticker>();

function acquireTicker(resolutionMs: number): Ticker {
  let ticker = tickers.get(resolutionMs);
  if (ticker === undefined) {
    const time = Float64Array.of(performance.now());
    const timer = setInterval(() => {
      time[0] = performance.now();
    }, resolutionMs);
    unref(timer);
    ticker = { time, timer, userCount: 0 };
    tickers.set(resolutionMs, ticker);
  }
  ticker.userCount++;
  return ticker;
}

function releaseTicker(ticker: Ticker, resolutionMs: number): void {
  ticker.userCount--;
  if (ticker.userCount > 0) return;
  clearInterval(ticker.timer);
  tickers.delete(resolutionMs);
}

/** Lets the process end although the timer runs. Browsers have numbers for timers and no need. */
export function unref(timer: unknown): void {
  (timer as { unref?: () => void } | undefined)?.unref?.();
}
