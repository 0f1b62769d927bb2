/**
 * The generator MT19937, seeded by an array of words.
 *
 * Source: M. Matsumoto, T. Nishimura, "Mersenne Twister: A 623-dimensionally equidistributed uniform
 * pseudorandom number generator", ACM TOMACS 8(1), 1998; initialisation of 2002.
 *
 * @module
 */

const STATE_COUNT = 624;
const SHIFT_COUNT = 397;

export class MersenneTwister {
  readonly #state = new Uint32Array(STATE_COUNT);
  #index = STATE_COUNT;

  /** @param seed - At least one 32-bit word. */
  constructor(seed: readonly number[]) {
    const state = this.#state;
    state[0] = 19_650_218;
    for (let i = 1; i < STATE_COUNT; i++) {
      state[i] = Math.imul(1_812_433_253, mixed(state[i - 1]!)) + i;
    }
    let i = 1;
    let j = 0;
    for (let k = Math.max(STATE_COUNT, seed.length); k > 0; k--) {
      state[i] = (state[i]! ^ Math.imul(mixed(state[i - 1]!), 1_664_525)) + seed[j]! + j;
      i = this.#step(i);
      j = (j + 1) % seed.length;
    }
    for (let k = STATE_COUNT - 1; k > 0; k--) {
      state[i] = (state[i]! ^ Math.imul(mixed(state[i - 1]!), 1_566_083_941)) - i;
      i = this.#step(i);
    }
    state[0] = 0x80000000;
  }

  /** The next 32-bit output, as an unsigned integer. */
  next(): number {
    if (this.#index === STATE_COUNT) this.#refill();
    let y = this.#state[this.#index++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** The index after `i`, carrying the last word over to the first at the end. */
  #step(i: number): number {
    if (i + 1 < STATE_COUNT) return i + 1;
    this.#state[0] = this.#state[STATE_COUNT - 1]!;
    return 1;
  }

  #refill(): void {
    const state = this.#state;
    for (let i = 0; i < STATE_COUNT; i++) {
      const y = (state[i]! & 0x80000000) | (state[(i + 1) % STATE_COUNT]! & 0x7fffffff);
      const twist = (y & 1) === 0 ? 0 : 0x9908b0df;
      state[i] = state[(i + SHIFT_COUNT) % STATE_COUNT]! ^ (y >>> 1) ^ twist;
    }
    this.#index = 0;
  }
}

function mixed(word: number): number {
  return word ^ (word >>> 30);
}
