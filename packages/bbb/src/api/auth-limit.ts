/**
 * A limit on failed checksums per client address: guessing gets the answer that it would get anyway,
 * without the work.
 *
 * @module
 */

const WINDOW_MS = 60_000;
/** Addresses remembered; beyond that the oldest are forgotten. */
const ADDRESSES_MAX = 10_000;

export class AuthLimit {
  readonly #failures = new Map<string, { count: number; untilMs: number }>();

  /** True when an address has failed `perMinute` times in its minute. 0: no limit. */
  isOver(address: string, perMinute: number, nowMs: number): boolean {
    const entry = this.#failures.get(address);
    return (
      perMinute > 0 && entry !== undefined && nowMs < entry.untilMs && entry.count >= perMinute
    );
  }

  failed(address: string, nowMs: number): void {
    const entry = this.#failures.get(address);
    if (entry !== undefined && nowMs < entry.untilMs) {
      entry.count++;
      return;
    }
    this.#failures.delete(address);
    this.#failures.set(address, { count: 1, untilMs: nowMs + WINDOW_MS });
    if (this.#failures.size <= ADDRESSES_MAX) return;
    const [oldest] = this.#failures.keys();
    if (oldest !== undefined) this.#failures.delete(oldest);
  }
}
