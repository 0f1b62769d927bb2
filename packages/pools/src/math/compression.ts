/**
 * Fixed-point values squeezed into few bits of storage. What a pool reads back is not what was
 * written, so the loss is part of its arithmetic.
 *
 * @see `ValueCompression` and its predecessor `WeightCompression` in balancer-v2-monorepo.
 * @module
 */
import { revert } from '../errors.ts';
import { divUp as quotientUp, mul } from '../uint.ts';
import { ONE } from './fixed-point.ts';

/** Which way a generation of pools rounds when it packs and unpacks. */
export interface Compression {
  readonly compress: (value: bigint, bits: number, greatest?: bigint) => bigint;
  readonly decompress: (packed: bigint, bits: number, greatest?: bigint) => bigint;
}

/**
 * @param value - From 0 to `greatest`.
 * @returns `value` as a fraction of `greatest` in `bits` bits, rounded down.
 * @throws {Revert} BAL#100 when `value` passes `greatest`.
 */
export function compress(value: bigint, bits: number, greatest: bigint = ONE): bigint {
  if (value > greatest) revert(100);
  return mul(value, lastOf(bits)) / greatest;
}

/** The value of `packed`, rounded down. @throws {Revert} BAL#100 when it needs more than `bits`. */
export function decompress(packed: bigint, bits: number, greatest: bigint = ONE): bigint {
  if (packed > lastOf(bits)) revert(100);
  return mul(packed, greatest) / lastOf(bits);
}

/** As `compress`, rounded up. */
export function compressUp(value: bigint, bits: number, greatest: bigint = ONE): bigint {
  if (value > greatest) revert(100);
  return quotientUp(mul(value, lastOf(bits)), greatest);
}

/** As `decompress`, rounded up. */
export function decompressUp(packed: bigint, bits: number, greatest: bigint = ONE): bigint {
  if (packed > lastOf(bits)) revert(100);
  return quotientUp(mul(packed, greatest), lastOf(bits));
}

/** Current pools. */
export const ROUND_DOWN: Compression = { compress, decompress };
/** Bootstrapping and investment pools of 2021. */
export const ROUND_UP: Compression = { compress: compressUp, decompress: decompressUp };

function lastOf(bits: number): bigint {
  return (1n << BigInt(bits)) - 1n;
}
