/**
 * Hashes of keys, as keyed policies see them: strings by their UTF-8 bytes, numbers by their
 * decimal string, so that `42` and `"42"` meet the same node.
 *
 * @module
 */
import { fnv1Bytes, fnvInt, murmur3Bytes, murmur3Int } from './hash.ts';
import type { Key } from './policy.ts';

const MINUS = 45;
const ZERO = 48;
/** The longest safe integer has sixteen digits and a sign. */
const scratch = new Uint8Array(17);
/** Where the digits written last lie in `scratch`; one object for good, so that nothing allocates. */
const written = { start: 0, end: scratch.length };

/** MurmurHash3 of a key as a signed 32-bit integer. Allocates only for fractional numbers. */
export function murmur3Key(key: Key, seed: number): number {
  if (typeof key === 'string') return murmur3Int(key, seed);
  if (!Number.isSafeInteger(key)) return murmur3Int(String(key), seed);
  writeDigits(key);
  return murmur3Bytes(scratch, written, seed);
}

/** FNV-1 of a key as a signed 32-bit integer. Allocates only for fractional numbers. */
export function fnv1Key(key: Key): number {
  if (typeof key === 'string') return fnvInt(key, false);
  if (!Number.isSafeInteger(key)) return fnvInt(String(key), false);
  writeDigits(key);
  return fnv1Bytes(scratch, written);
}

/** Writes the decimal digits of a safe integer to the end of `scratch`. */
function writeDigits(value: number): void {
  let rest = Math.abs(value);
  let at = scratch.length;
  do {
    const shorter = Math.floor(rest / 10);
    scratch[--at] = ZERO + (rest - shorter * 10);
    rest = shorter;
  } while (rest > 0);
  if (value < 0) scratch[--at] = MINUS;
  written.start = at;
}
