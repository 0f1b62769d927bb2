/**
 * How long the flows of removed servers may go on. Time is counted from when this process first saw that
 * they were removed.
 *
 * @module
 */
export class Draining {
  readonly #sinceMs = new Map<number, number>();

  /**
   * Finds servers that were removed long enough ago.
   *
   * @param removed - Backend slots of all that are removed and may have flows.
   * @param timeoutMs - 0 lets flows end by themselves.
   */
  due(removed: Iterable<number>, nowMs: number, timeoutMs: number): number[] {
    const present = new Set(removed);
    for (const slot of this.#sinceMs.keys()) if (!present.has(slot)) this.#sinceMs.delete(slot);
    for (const slot of present) if (!this.#sinceMs.has(slot)) this.#sinceMs.set(slot, nowMs);
    if (timeoutMs === 0) return [];
    return [...present].filter((slot) => nowMs - this.#sinceMs.get(slot)! >= timeoutMs);
  }
}
