/**
 * Unsigned 256-bit arithmetic with the reverts of the V2 contracts. A `bigint` never wraps, so only
 * the places where a contract checks (or where an input enters) need a test of the bounds.
 *
 * @module
 */
import { InputError, revert } from './errors.ts';

/** Largest unsigned 256-bit integer, 2^256 - 1. */
export const MAX_UINT256: bigint = (1n << 256n) - 1n;

/** Largest unsigned 112-bit integer, 2^112 - 1: the bound of a Vault balance. */
export const MAX_UINT112: bigint = (1n << 112n) - 1n;

/** @throws {Revert} BAL#000 when the sum passes 2^256 - 1. */
export function add(a: bigint, b: bigint): bigint {
  const sum = a + b;
  if (typeof sum !== 'bigint') refuseNumber(sum);
  return sum > MAX_UINT256 ? revert(0) : sum;
}

/** @throws {Revert} BAL#001 when b > a. */
export function sub(a: bigint, b: bigint): bigint {
  if (b > a) revert(1);
  const difference = a - b;
  return typeof difference === 'bigint' ? difference : refuseNumber(difference);
}

/** @throws {Revert} BAL#003 when the product passes 2^256 - 1. */
export function mul(a: bigint, b: bigint): bigint {
  const product = a * b;
  return product > MAX_UINT256 ? revert(3) : product;
}

/** Integer quotient rounded down. @throws {Revert} BAL#004 when b = 0. */
export function divDown(a: bigint, b: bigint): bigint {
  return b === 0n ? revert(4) : a / b;
}

/** Integer quotient rounded up. @throws {Revert} BAL#004 when b = 0. */
export function divUp(a: bigint, b: bigint): bigint {
  if (b === 0n) revert(4);
  return a === 0n ? 0n : (a - 1n) / b + 1n;
}

/** The smaller of two integers. */
export function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** The greater of two integers. */
export function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

/**
 * Refuses what is not an unsigned integer below 2^bits. A `number` is refused even when it is a
 * whole one, because amounts pass 2^53 and would be truncated in silence.
 *
 * @param name - What the caller calls the value; stands in the message.
 * @returns The value itself.
 * @throws {InputError} When the value is no `bigint` or out of range.
 */
export function requireUint(value: unknown, name: string, bits = 256): bigint {
  if (typeof value !== 'bigint') {
    throw new InputError(name, `must be a bigint (write 1n, not 1); got ${describe(value)}`);
  }
  if (value < 0n || value > (bits === 256 ? MAX_UINT256 : (1n << BigInt(bits)) - 1n)) {
    throw new InputError(name, `must be from 0 to 2^${bits} - 1; got ${value}`);
  }
  return value;
}

/** Two numbers add up without complaint, unlike a number and a `bigint`. @throws {InputError} Always. */
export function refuseNumber(value: unknown): never {
  throw new InputError('amount', `must be a bigint (write 1n, not 1); got ${describe(value)}`);
}

function describe(value: unknown): string {
  if (typeof value === 'number') return `the number ${value}`;
  return value === null ? 'null' : typeof value;
}
