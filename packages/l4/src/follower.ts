/**
 * Makes something follow changes: once for all changes that come together, one time after the other, and
 * never with a change left out.
 *
 * @module
 */
export class Follower {
  readonly #follow: () => Promise<void>;
  readonly #onFailure: (error: Error) => void;
  #following: Promise<void> | undefined;
  #isStale = false;
  #isRetry = false;
  #failure: Error | undefined;

  /** @param follow - Makes it so as things are wanted when it is called. */
  constructor(follow: () => Promise<void>, onFailure: (error: Error) => void) {
    this.#follow = follow;
    this.#onFailure = onFailure;
  }

  /** Why it could not follow the last time; `undefined` when it does. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Something changed. */
  changed(): void {
    this.#isRetry = false;
    this.#follows();
  }

  /** Tries again what failed the last time, if anything did; the same failure is not told again. */
  retry(): void {
    if (!this.#failure || this.#following) return;
    this.#isRetry = true;
    this.#follows();
  }

  #follows(): void {
    this.#isStale = true;
    this.#following ??= this.#followWhileStale().finally(() => {
      this.#following = undefined;
    });
  }

  /** Resolves when every change until now was followed, or could not be. */
  async settled(): Promise<void> {
    // oxlint-disable-next-line no-await-in-loop -- a change may come while one is waited for
    while (this.#following) await this.#following;
  }

  async #followWhileStale(): Promise<void> {
    await Promise.resolve();
    while (this.#isStale) {
      this.#isStale = false;
      try {
        // oxlint-disable-next-line no-await-in-loop -- one change after the other
        await this.#follow();
        this.#failure = undefined;
      } catch (error) {
        const failure = error instanceof Error ? error : new Error(String(error));
        const isKnown = this.#isRetry && failure.message === this.#failure?.message;
        this.#failure = failure;
        if (!isKnown) this.#onFailure(failure);
      }
    }
  }
}
