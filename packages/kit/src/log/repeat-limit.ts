/**
 * Lets an event be reported a few times a second and counts the rest, so that one broken peer
 * cannot fill a disk.
 *
 * @module
 */
import type { Clock } from '../clock.ts';

/** Events told apart at one time; more pass unlimited. */
const EVENTS_MAX = 1000;
const WINDOW_MS = 1000;

export interface RepeatLimitOptions {
  /** Reports of one event per second. */
  readonly perSecondMax: number;
  /** Called at the end of a second in which an event was held back, with how often. */
  readonly onHeldBack: (key: string, count: number) => void;
  readonly clock: Clock;
}

/** Counts reports per event over windows of one second, which start with the first report. */
export class RepeatLimit {
  readonly #options: RepeatLimitOptions;
  readonly #counts = new Map<string, number>();

  constructor(options: RepeatLimitOptions) {
    this.#options = options;
  }

  /** True when this report may pass. */
  pass(key: string): boolean {
    const count = this.#counts.get(key);
    if (count !== undefined) {
      this.#counts.set(key, count + 1);
      return count < this.#options.perSecondMax;
    }
    if (this.#counts.size < EVENTS_MAX) {
      this.#counts.set(key, 1);
      this.#options.clock.after(WINDOW_MS, () => this.#endWindow(key));
    }
    return true;
  }

  #endWindow(key: string): void {
    const heldBack = (this.#counts.get(key) ?? 0) - this.#options.perSecondMax;
    this.#counts.delete(key);
    if (heldBack > 0) this.#options.onHeldBack(key, heldBack);
  }
}
