/**
 * Time as a parameter: everything in this package that waits takes a `Clock`, so that tests move
 * time by hand and never sleep.
 *
 * @module
 */

/** Stops a timer; calling it again, or after the timer ran, does nothing. */
export type CancelTimer = () => void;

/** A monotonic clock with one-shot timers. */
export interface Clock {
  /** Milliseconds since an arbitrary fixed moment; never goes back. */
  nowMs(): number;
  /** Runs `callback` once after `delayMs` (>= 0). The timer does not keep the process alive. */
  after(delayMs: number, callback: () => void): CancelTimer;
}

/** Source of randomness: uniform in [0, 1), as `Math.random`. */
export type RandomSource = () => number;

/** The process's own clock. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/**
 * Runs `callback` once after `delayMs`, and not before what came in meanwhile was seen: a timer that
 * is late, because the process was stopped or busy, waits as long again as it was late, `delayMs` at
 * most. The timer does not keep the process alive.
 */
export function afterOwnTime(delayMs: number, callback: () => void): CancelTimer {
  const dueMs = systemClock.nowMs() + delayMs;
  let cancel = systemClock.after(delayMs, () => {
    const lateMs = systemClock.nowMs() - dueMs;
    cancel = systemClock.after(Math.min(delayMs, Math.max(0, lateMs)), callback);
  });
  return () => cancel();
}

/** A clock that moves only when told, for tests. */
export class ManualClock implements Clock {
  #nowMs = 0;
  #nextId = 0;
  readonly #timers = new Map<number, { readonly dueMs: number; readonly callback: () => void }>();

  /** Number of timers that have neither run nor been cancelled. */
  get pendingCount(): number {
    return this.#timers.size;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): CancelTimer {
    const id = this.#nextId++;
    this.#timers.set(id, { dueMs: this.#nowMs + delayMs, callback });
    return () => void this.#timers.delete(id);
  }

  /** Moves time on by `durationMs`, running due timers in order of their time, then of their age. */
  advance(durationMs: number): void {
    const untilMs = this.#nowMs + durationMs;
    for (;;) {
      const next = this.#nextDue(untilMs);
      if (next === null) break;
      const { dueMs, callback } = this.#timers.get(next)!;
      this.#timers.delete(next);
      this.#nowMs = dueMs;
      callback();
    }
    this.#nowMs = untilMs;
  }

  #nextDue(untilMs: number): number | null {
    let next: number | null = null;
    let nextDueMs = untilMs;
    for (const [id, { dueMs }] of this.#timers) {
      if (dueMs < nextDueMs || (dueMs === nextDueMs && next === null)) {
        next = id;
        nextDueMs = dueMs;
      }
    }
    return next;
  }
}
