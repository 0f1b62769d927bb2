/**
 * Actions one after the other, each once the one before has ended, well or not: for those that read something,
 * wait, and then write what follows from it.
 *
 * @module
 */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Acts when all that came before have ended. @returns What comes of it. */
  take<T>(action: () => T | Promise<T>): Promise<T> {
    const turn = this.#last.then(action);
    this.#last = turn.catch(() => {});
    return turn;
  }
}
