/**
 * The hashes that map keys to nodes, computed over the UTF-8 bytes of a string without creating
 * those bytes: two processes, or two languages, that agree on ids and keys agree on the node.
 *
 * The `*Int` forms return the same 32 bits as a signed integer. V8 holds every signed 32-bit value
 * without a heap object, while an unsigned one above 2^31 is boxed when a call that was not
 * inlined returns it; the hot path uses the signed forms, and the public ones are thin enough to be
 * inlined.
 *
 * Sources: A. Appleby, MurmurHash3 (x86, 32 bit); G. Fowler, L. C. Noll, K.-P. Vo, FNV hash
 * (draft-eastlake-fnv); The Unicode Standard, table 3-6 for UTF-8.
 *
 * @module
 */

const C1 = 0xcc9e2d51 | 0;
const C2 = 0x1b873593;
const FNV_OFFSET = 0x811c9dc5 | 0;
const FNV_PRIME = 0x01000193;

/**
 * MurmurHash3 x86 32-bit of the UTF-8 bytes of `text`; lone surrogates count as U+FFFD.
 * Allocates nothing.
 *
 * @param seed - Any 32-bit integer, signed or unsigned.
 * @returns Unsigned 32-bit integer.
 */
export function murmur3(text: string, seed: number): number {
  return murmur3Int(text, seed) >>> 0;
}

/** FNV-1a (xor, then multiply), 32 bit, of the UTF-8 bytes of `text`. Unsigned; allocates nothing. */
export function fnv1a32(text: string): number {
  return fnvInt(text, true) >>> 0;
}

/** FNV-1 (multiply, then xor), 32 bit, of the UTF-8 bytes of `text`. Unsigned; allocates nothing. */
// oxlint-disable-next-line typescript/naming-convention -- the field's own name for the algorithm
export function fnv1_32(text: string): number {
  return fnvInt(text, false) >>> 0;
}

/** {@link murmur3} as a signed 32-bit integer. */
export function murmur3Int(text: string, seed: number): number {
  const { length } = text;
  let hash = seed | 0;
  let i = 0;

  // Whole words of four ASCII characters: what nearly every key consists of.
  for (; i + 4 <= length; i += 4) {
    const a = text.charCodeAt(i);
    const b = text.charCodeAt(i + 1);
    const c = text.charCodeAt(i + 2);
    const d = text.charCodeAt(i + 3);
    if ((a | b | c | d) > 0x7f) return murmur3FromByte(text, i, hash);
    hash = mixWord(hash, a | (b << 8) | (c << 16) | (d << 24));
  }
  let tail = 0;
  for (let shift = 0, j = i; j < length; j++, shift += 8) {
    const code = text.charCodeAt(j);
    if (code > 0x7f) return murmur3FromByte(text, i, hash);
    tail |= code << shift;
  }
  if (i < length) hash ^= scramble(tail);
  return fmix32(hash ^ length);
}

/** MurmurHash3's finaliser: every input bit changes every output bit with probability near 1/2. */
export function fmix32(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Continues murmur3 byte by byte from character `start`, which begins a word (4 bytes each before). */
function murmur3FromByte(text: string, start: number, before: number): number {
  const { length } = text;
  let hash = before;
  let word = 0;
  let byteCount = start;

  for (let i = start; i < length; i++) {
    const code = text.charCodeAt(i);
    let scalar = code;
    if (code >= 0xd800 && code <= 0xdfff) {
      scalar = scalarAt(text, i);
      if (scalar > 0xffff) i++;
    }
    const size = utf8Size(scalar);
    for (let k = 0; k < size; k++) {
      word |= utf8Byte(scalar, size, k) << ((byteCount & 3) << 3);
      byteCount++;
      if ((byteCount & 3) === 0) {
        hash = mixWord(hash, word);
        word = 0;
      }
    }
  }
  if ((byteCount & 3) !== 0) hash ^= scramble(word);
  return fmix32(hash ^ byteCount);
}

/** FNV of the UTF-8 bytes as a signed 32-bit integer: FNV-1a with `xorFirst`, otherwise FNV-1. */
export function fnvInt(text: string, xorFirst: boolean): number {
  const { length } = text;
  let hash = FNV_OFFSET;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return fnvFromCharacter(text, i, hash, xorFirst);
    hash = xorFirst ? Math.imul(hash ^ code, FNV_PRIME) : Math.imul(hash, FNV_PRIME) ^ code;
  }
  return hash;
}

/** Continues FNV at character `start`; apart, so that the usual case stays small enough to inline. */
function fnvFromCharacter(text: string, start: number, before: number, xorFirst: boolean): number {
  const { length } = text;
  let hash = before;
  for (let i = start; i < length; i++) {
    const code = text.charCodeAt(i);
    let scalar = code;
    if (code >= 0xd800 && code <= 0xdfff) {
      scalar = scalarAt(text, i);
      if (scalar > 0xffff) i++;
    }
    const size = utf8Size(scalar);
    for (let k = 0; k < size; k++) {
      const byte = utf8Byte(scalar, size, k);
      hash = xorFirst ? Math.imul(hash ^ byte, FNV_PRIME) : Math.imul(hash, FNV_PRIME) ^ byte;
    }
  }
  return hash;
}

/** {@link murmur3} of bytes `start` (inclusive) to `end` (exclusive), as a signed 32-bit integer. */
export function murmur3Bytes(
  bytes: Uint8Array,
  range: { start: number; end: number },
  seed: number,
): number {
  const { start, end } = range;
  let hash = seed | 0;
  let word = 0;
  for (let i = start; i < end; i++) {
    const shift = ((i - start) & 3) << 3;
    word |= bytes[i]! << shift;
    if (shift < 24) continue;
    hash = mixWord(hash, word);
    word = 0;
  }
  if (((end - start) & 3) !== 0) hash ^= scramble(word);
  return fmix32(hash ^ (end - start));
}

/** FNV-1 of bytes `start` (inclusive) to `end` (exclusive), as a signed 32-bit integer. */
export function fnv1Bytes(bytes: Uint8Array, range: { start: number; end: number }): number {
  let hash = FNV_OFFSET;
  for (let i = range.start; i < range.end; i++) hash = Math.imul(hash, FNV_PRIME) ^ bytes[i]!;
  return hash;
}

function mixWord(hash: number, word: number): number {
  const h = hash ^ scramble(word);
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

function scramble(word: number): number {
  const k = Math.imul(word, C1);
  return Math.imul((k << 15) | (k >>> 17), C2);
}

/** The scalar value that starts at `i`; a surrogate without its partner reads as U+FFFD. */
function scalarAt(text: string, i: number): number {
  const high = text.charCodeAt(i);
  if (high >= 0xdc00 || i + 1 >= text.length) return 0xfffd;
  const low = text.charCodeAt(i + 1);
  if (low < 0xdc00 || low > 0xdfff) return 0xfffd;
  return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

function utf8Size(scalar: number): number {
  if (scalar < 0x80) return 1;
  if (scalar < 0x800) return 2;
  return scalar < 0x10000 ? 3 : 4;
}

/** Byte number `k` of the `size` bytes that encode `scalar`. */
function utf8Byte(scalar: number, size: number, k: number): number {
  if (size === 1) return scalar;
  const bits = scalar >>> (6 * (size - 1 - k));
  if (k > 0) return 0x80 | (bits & 0x3f);
  return ((0xf00 >>> size) & 0xff) | bits;
}
