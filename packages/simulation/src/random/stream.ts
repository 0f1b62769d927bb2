/**
 * Labelled random streams: every consumer of an experiment draws from a stream of its own, named by
 * the experiment's seed and a label, so that adding a consumer never shifts another's draws.
 *
 * The label is hashed with FNV-1a (64 bits), mixed with the seed by SplitMix64, and the two outputs
 * are the state of xoshiro128**. Thirty-two-bit words keep every operation in the integer unit.
 *
 * Sources: G. Fowler, L. C. Noll, P. Vo, "The FNV Non-Cryptographic Hash Algorithm", RFC 9923;
 * G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014;
 * D. Blackman, S. Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 47(4), 2021.
 *
 * @module
 */

const MASK_64 = (1n << 64n) - 1n;
const FNV_OFFSET = 0xcbf29ce484222325n;
const FNV_PRIME = 0x100000001b3n;
/** Means above this are split in two: e^-mean would lose its digits. */
const KNUTH_MEAN_MAX = 30;
const TWO_POW_26 = 67_108_864;
const TWO_POW_MINUS_53: number = 2 ** -53;

/** State of a stream: four words, then the kept normal, or null. */
export type StreamState = readonly [number, number, number, number, number | null];

/** A source of draws. Nothing allocates but `save`. */
export class Stream {
  // Words and the kept normal live in typed arrays: fields above 31 bits are boxed on each write.
  readonly #words = new Uint32Array(4);
  readonly #kept = new Float64Array(1);
  #hasKept = false;

  /**
   * @param seed - Any integer; counts modulo 2^64.
   * @param label - Who draws: `run/3/price`, `run/3/agent/noise`.
   */
  constructor(seed: bigint, label: string) {
    let state = BigInt.asUintN(64, seed) ^ fnv1a64(label);
    let output = 0n;
    [state, output] = splitMix64(state);
    this.#words[0] = Number(output & 0xffffffffn);
    this.#words[1] = Number(output >> 32n);
    [, output] = splitMix64(state);
    this.#words[2] = Number(output & 0xffffffffn);
    this.#words[3] = Number(output >> 32n);
    if (this.#words.every((word) => word === 0)) this.#words[0] = 1;
  }

  /** An integer from 0 to 2^32 - 1. */
  u32(): number {
    const words = this.#words;
    const s1 = words[1]!;
    const times5 = Math.imul(s1, 5);
    const result = Math.imul((times5 << 7) | (times5 >>> 25), 9) >>> 0;
    const s2 = words[2]! ^ words[0]!;
    const s3 = words[3]! ^ s1;
    words[1] = s1 ^ s2;
    words[0] = words[0]! ^ s3;
    words[2] = s2 ^ (s1 << 9);
    words[3] = (s3 << 11) | (s3 >>> 21);
    return result;
  }

  /** A number in [0, 1) with 53 random bits. */
  uniform(): number {
    const high = this.u32() >>> 5;
    return (high * TWO_POW_26 + (this.u32() >>> 6)) * TWO_POW_MINUS_53;
  }

  /** A standard normal, by Box and Muller: the cosine first, the sine at the next call. */
  normal(): number {
    if (this.#hasKept) {
      this.#hasKept = false;
      return this.#kept[0]!;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#kept[0] = radius * Math.sin(angle);
    this.#hasKept = true;
    return radius * Math.cos(angle);
  }

  /** Writes `count` normals to the start of `out`: the same ones that as many calls of `normal` give. */
  fillNormals(out: Float64Array, count: number): void {
    let i = 0;
    if (count > 0 && this.#hasKept) out[i++] = this.normal();
    const words = this.#words;
    let s0 = words[0]! | 0;
    let s1 = words[1]! | 0;
    let s2 = words[2]! | 0;
    let s3 = words[3]! | 0;
    // The generator four times over, because a call per word costs as much as the logarithm.
    for (; i + 1 < count; i += 2) {
      let t = Math.imul(s1, 5);
      const a = Math.imul((t << 7) | (t >>> 25), 9) >>> 5;
      t = s1 << 9;
      s2 ^= s0;
      s3 ^= s1;
      s1 ^= s2;
      s0 ^= s3;
      s2 ^= t;
      s3 = (s3 << 11) | (s3 >>> 21);

      t = Math.imul(s1, 5);
      const b = Math.imul((t << 7) | (t >>> 25), 9) >>> 6;
      t = s1 << 9;
      s2 ^= s0;
      s3 ^= s1;
      s1 ^= s2;
      s0 ^= s3;
      s2 ^= t;
      s3 = (s3 << 11) | (s3 >>> 21);

      t = Math.imul(s1, 5);
      const c = Math.imul((t << 7) | (t >>> 25), 9) >>> 5;
      t = s1 << 9;
      s2 ^= s0;
      s3 ^= s1;
      s1 ^= s2;
      s0 ^= s3;
      s2 ^= t;
      s3 = (s3 << 11) | (s3 >>> 21);

      t = Math.imul(s1, 5);
      const d = Math.imul((t << 7) | (t >>> 25), 9) >>> 6;
      t = s1 << 9;
      s2 ^= s0;
      s3 ^= s1;
      s1 ^= s2;
      s0 ^= s3;
      s2 ^= t;
      s3 = (s3 << 11) | (s3 >>> 21);

      const u = 1 - (a * TWO_POW_26 + b) * TWO_POW_MINUS_53;
      const angle = 2 * Math.PI * ((c * TWO_POW_26 + d) * TWO_POW_MINUS_53);
      const radius = Math.sqrt(-2 * Math.log(u));
      out[i] = radius * Math.cos(angle);
      out[i + 1] = radius * Math.sin(angle);
    }
    words[0] = s0;
    words[1] = s1;
    words[2] = s2;
    words[3] = s3;
    if (i < count) out[i] = this.normal();
  }

  /** Exponential with this rate, above 0. */
  exponential(rate: number): number {
    return -Math.log(1 - this.uniform()) / rate;
  }

  /** Poisson with this mean, at least 0: Knuth's product, halves of larger means added. */
  poisson(mean: number): number {
    if (mean > KNUTH_MEAN_MAX) return this.poisson(mean / 2) + this.poisson(mean / 2);
    const limit = Math.exp(-mean);
    let count = 0;
    for (let product = this.uniform(); product > limit; product *= this.uniform()) count++;
    return count;
  }

  /** An integer from 0 to n - 1. */
  below(n: number): number {
    return Math.floor(this.uniform() * n);
  }

  /** The state to come back to. */
  save(): StreamState {
    const [a, b, c, d] = this.#words as unknown as [number, number, number, number];
    return [a, b, c, d, this.#hasKept ? this.#kept[0]! : null];
  }

  restore(state: StreamState): void {
    this.#words.set(state.slice(0, 4) as number[]);
    this.#hasKept = state[4] !== null;
    this.#kept[0] = state[4] ?? 0;
  }
}

/** FNV-1a of the UTF-8 bytes of a text, 64 bits. */
export function fnv1a64(text: string): bigint {
  let hash = FNV_OFFSET;
  for (const byte of new TextEncoder().encode(text)) {
    hash = ((hash ^ BigInt(byte)) * FNV_PRIME) & MASK_64;
  }
  return hash;
}

function splitMix64(state: bigint): [state: bigint, output: bigint] {
  const next = (state + 0x9e3779b97f4a7c15n) & MASK_64;
  let z = ((next ^ (next >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK_64;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK_64;
  return [next, z ^ (z >> 31n)];
}
