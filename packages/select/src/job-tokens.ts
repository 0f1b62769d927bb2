/**
 * Start tokens of the jobs a node runs. A token is the number of the job, and its slot is that
 * number modulo the capacity, so starting and finishing a job are one array access each, and a
 * token stays recognisable as spent until 2^30 further jobs have started.
 *
 * @module
 */
const FREE = 0;
const NUMBER_MASK = 0x3fff_ffff;
const INITIAL_CAPACITY = 8;

/** The jobs in flight on one node. Grows by doubling; allocates nothing between growths. */
export class JobTokens {
  /** When each slot's job started, in milliseconds. */
  startedAt: Float64Array = new Float64Array(INITIAL_CAPACITY);
  #tokens = new Int32Array(INITIAL_CAPACITY);
  #lastNumber = 0;
  #count = 0;

  /** Registers a job; `startedAt` of the token's slot is the caller's to fill (see {@link slotOf}). */
  start(): number {
    if (this.#count * 2 >= this.#tokens.length) this.#grow();
    const mask = this.#tokens.length - 1;
    let number = this.#lastNumber;
    // At most half of the slots are taken, so a free one follows soon.
    do number = (number + 1) & NUMBER_MASK;
    while (number === FREE || this.#tokens[number & mask] !== FREE);
    this.#lastNumber = number;
    this.#tokens[number & mask] = number;
    this.#count++;
    return number;
  }

  /** Slot of a live token, or -1 when it was finished before or never given out. */
  slotOf(token: number): number {
    const slot = token & (this.#tokens.length - 1);
    return token !== FREE && this.#tokens[slot] === token ? slot : -1;
  }

  /** Frees the slot of a finished job. */
  release(slot: number): void {
    this.#tokens[slot] = FREE;
    this.#count--;
  }

  #grow(): void {
    const capacity = this.#tokens.length * 2;
    const tokens = new Int32Array(capacity);
    const startedAt = new Float64Array(capacity);
    this.#tokens.forEach((token, slot) => {
      if (token === FREE) return;
      tokens[token & (capacity - 1)] = token;
      startedAt[token & (capacity - 1)] = this.startedAt[slot]!;
    });
    this.#tokens = tokens;
    this.startedAt = startedAt;
  }
}
