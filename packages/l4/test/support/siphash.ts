/**
 * SipHash-2-4, as the data plane computes it (`bpf/siphash.h`).
 *
 * Source: J.-P. Aumasson, D. J. Bernstein: "SipHash: a fast short-input PRF", 2012.
 *
 * @module
 */

const WORD_BITS = 64;

/** 64 bits of a message under a key of two words, both little-endian. */
export function sipHash24(k0: bigint, k1: bigint, message: Uint8Array): bigint {
  const state = [
    k0 ^ 0x736f_6d65_7073_6575n,
    k1 ^ 0x646f_7261_6e64_6f6dn,
    k0 ^ 0x6c79_6765_6e65_7261n,
    k1 ^ 0x7465_6462_7974_6573n,
  ] as [bigint, bigint, bigint, bigint];
  const padded = new Uint8Array((message.length & ~7) + 8);
  padded.set(message);
  padded[padded.length - 1] = message.length & 0xff;
  const view = new DataView(padded.buffer);
  for (let at = 0; at < padded.length; at += 8) {
    const word = view.getBigUint64(at, true);
    state[3] ^= word;
    round(state);
    round(state);
    state[0] ^= word;
  }
  state[2] ^= 0xffn;
  for (let i = 0; i < 4; i++) round(state);
  return state[0] ^ state[1] ^ state[2] ^ state[3];
}

function round(v: [bigint, bigint, bigint, bigint]): void {
  v[0] = wrap(v[0] + v[1]);
  v[2] = wrap(v[2] + v[3]);
  v[1] = rotateLeft(v[1], 13n) ^ v[0];
  v[3] = rotateLeft(v[3], 16n) ^ v[2];
  v[0] = rotateLeft(v[0], 32n);
  v[2] = wrap(v[2] + v[1]);
  v[0] = wrap(v[0] + v[3]);
  v[1] = rotateLeft(v[1], 17n) ^ v[2];
  v[3] = rotateLeft(v[3], 21n) ^ v[0];
  v[2] = rotateLeft(v[2], 32n);
}

function rotateLeft(word: bigint, bits: bigint): bigint {
  return wrap((word << bits) | (word >> (BigInt(WORD_BITS) - bits)));
}

function wrap(word: bigint): bigint {
  return BigInt.asUintN(WORD_BITS, word);
}
