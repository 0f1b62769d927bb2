/**
 * A seedable random source, small enough to be inlined into a pick. It exists because
 * `Math.random()` allocates a heap number per call and cannot be seeded.
 *
 * Source: G. Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8(14), 2003.
 *
 * @module
 */
const ZERO_SEED = 0x9e3779b9;
/** How many outputs there could be: `(int32() >>> 0) / OUTPUTS` lies in [0, 1). */
export const OUTPUTS = 4_294_967_296;

/** Xorshift with 32 bits of state and period 2^32 - 1. Not for secrets. */
export class Xorshift32 {
  // A typed array, because a number above 2^30 in a field is boxed on every write.
  readonly #state = new Int32Array(1);

  /** @param seed - Any integer; its low 32 bits are used, and 0 stands for 0x9E3779B9. */
  constructor(seed: number) {
    this.#state[0] = seed | 0 || ZERO_SEED | 0;
  }

  /** The next output, unsigned 32 bit, never 0. */
  next(): number {
    return this.int32() >>> 0;
  }

  /** Uniform integer in [0, n). Exact for n up to 2^21, biased by less than n / 2^32 otherwise. */
  below(n: number): number {
    return Math.floor(((this.int32() >>> 0) / OUTPUTS) * n);
  }

  /** Uniform number in [0, 1), in steps of 2^-32. */
  fraction(): number {
    return (this.int32() >>> 0) / OUTPUTS;
  }

  /**
   * The next output as a signed 32-bit integer. What picks use: a method that returns a fraction, or
   * an integer above 2^31, boxes it wherever the compiler does not inline the call.
   */
  int32(): number {
    let s = this.#state[0]!;
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    this.#state[0] = s;
    return s;
  }
}

/** A seed nobody can guess, from the platform's cryptographic source. */
export function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!;
}
