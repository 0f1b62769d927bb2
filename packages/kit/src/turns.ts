/**
 * Work one piece after the other: for what reads something, waits, and then writes what follows from it.
 *
 * @module
 */

/** One piece of work at a time for each key, in the order in which it was asked for. */
export class Turns {
  readonly #ends = new Map<string, Promise<unknown>>();

  /** Works when everything that was asked for before under the same key has ended, however. */
  async take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#ends.get(key) ?? Promise.resolve();
    const result = before.then(work);
    const ended = result.catch(() => {});
    this.#ends.set(key, ended);
    try {
      return await result;
    } finally {
      if (this.#ends.get(key) === ended) this.#ends.delete(key);
    }
  }
}
