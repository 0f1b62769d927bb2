/**
 * When a worker that ended is started again, and when that is hopeless.
 *
 * @module
 */

/** Wait before the first new start, and the longest one. */
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 10_000;

/** A worker that lived this long had nothing wrong from the start. */
const HEALTHY_LIFE_MS = 10_000;

/** So many ends within so long, over all workers, and the process gives up. */
const ENDS_MAX = 5;
const ENDS_WINDOW_MS = 10_000;

export class RespawnPolicy {
  private readonly endsAtMs: number[] = [];
  private delayMs = FIRST_DELAY_MS;

  /**
   * Notes that a worker ended.
   *
   * @param nowMs - Milliseconds that only grow.
   * @param livedMs - Since it was started.
   * @returns Milliseconds to wait before the next start, or `undefined` to give up.
   */
  ended(nowMs: number, livedMs: number): number | undefined {
    this.endsAtMs.push(nowMs);
    while (this.endsAtMs[0]! <= nowMs - ENDS_WINDOW_MS) this.endsAtMs.shift();
    if (this.endsAtMs.length >= ENDS_MAX) return undefined;
    if (livedMs >= HEALTHY_LIFE_MS) this.delayMs = FIRST_DELAY_MS;
    const delayMs = this.delayMs;
    this.delayMs = Math.min(LONGEST_DELAY_MS, delayMs * 2);
    return delayMs;
  }
}
