/**
 * How long the flows of removed servers may go on. Time is counted from when this process first saw that
 * they were removed.
 *
 * @module
 */

/** A packet of the moment in which flows are ended may undo the mark of its flow, so they are ended again. */
const AGAIN_MS = 30_000;

interface Removed {
  readonly sinceMs: number;
  endedMs: number;
}

export class Draining {
  readonly #removed = new Map<number, Removed>();

  /**
   * Finds servers that were removed long enough ago, and whose flows are to be ended now.
   *
   * @param removed - Backend slots of all that are removed and may have flows.
   * @param timeoutMs - 0 lets flows end by themselves.
   */
  due(removed: Iterable<number>, nowMs: number, timeoutMs: number): number[] {
    const present = new Set(removed);
    for (const slot of this.#removed.keys()) if (!present.has(slot)) this.#removed.delete(slot);
    for (const slot of present) {
      if (this.#removed.has(slot)) continue;
      this.#removed.set(slot, { sinceMs: nowMs, endedMs: -Infinity });
    }
    if (timeoutMs === 0) return [];
    const due = [...this.#removed].filter(
      ([, { sinceMs, endedMs }]) => nowMs - sinceMs >= timeoutMs && nowMs - endedMs >= AGAIN_MS,
    );
    return due.map(([slot, state]) => {
      state.endedMs = nowMs;
      return slot;
    });
  }
}
