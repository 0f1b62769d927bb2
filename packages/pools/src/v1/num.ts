/**
 * The number library of V1: unsigned 18-decimal fixed point (`BONE` = 1.0) that rounds half up, and
 * powers by repeated squaring for the whole part of the exponent and a binomial series about 1 for
 * the rest.
 *
 * The series stops when a term falls below 1e-10, so a power with a fractional exponent carries an
 * absolute error of that size; the same error on every machine, which is what a replay needs.
 *
 * @module
 */
import { InputError } from '../errors.ts';
import { MAX_UINT256 } from '../uint.ts';
import { revertV1 } from './errors.ts';

/** 1.0 in V1 fixed point. */
export const BONE: bigint = 10n ** 18n;

/** Largest base of a power: 2 - 10^-18. */
export const MAX_BPOW_BASE: bigint = 2n * BONE - 1n;

/** The series of a power stops at the first term below this, 1e-10. */
export const BPOW_PRECISION: bigint = BONE / 10n ** 10n;

const HALF_BONE = BONE / 2n;

/** @throws {Revert} ERR_ADD_OVERFLOW when the sum passes 2^256 - 1. */
export function badd(a: bigint, b: bigint): bigint {
  const sum = a + b;
  return sum > MAX_UINT256 ? revertV1('ERR_ADD_OVERFLOW') : sum;
}

/** @throws {Revert} ERR_SUB_UNDERFLOW when b > a. */
export function bsub(a: bigint, b: bigint): bigint {
  return b > a ? revertV1('ERR_SUB_UNDERFLOW') : a - b;
}

/**
 * Product of two fixed-point numbers, rounded half up.
 *
 * @throws {Revert} ERR_MUL_OVERFLOW when a * b + BONE/2 passes 2^256 - 1.
 */
export function bmul(a: bigint, b: bigint): bigint {
  const product = a * b + HALF_BONE;
  return product > MAX_UINT256 ? revertV1('ERR_MUL_OVERFLOW') : product / BONE;
}

/**
 * Quotient of two fixed-point numbers, rounded half up.
 *
 * @throws {Revert} ERR_DIV_ZERO when b = 0; ERR_DIV_INTERNAL when a * BONE + b/2 passes 2^256 - 1.
 */
export function bdiv(a: bigint, b: bigint): bigint {
  if (b === 0n) revertV1('ERR_DIV_ZERO');
  const dividend = a * BONE + (b >> 1n);
  return dividend > MAX_UINT256 ? revertV1('ERR_DIV_INTERNAL') : dividend / b;
}

/** Whole part of a fixed-point number as a plain integer, rounded down. Never throws. */
export function btoi(a: bigint): bigint {
  return a / BONE;
}

/** The greatest whole fixed-point number at or below `a`. Never throws. */
export function bfloor(a: bigint): bigint {
  return a - (a % BONE);
}

/** |a - b|. Never throws. */
export function bdiff(a: bigint, b: bigint): bigint {
  return a >= b ? a - b : b - a;
}

/**
 * `a` to the plain integer power `n`, by squaring; each product rounds half up.
 *
 * @throws {Revert} ERR_MUL_OVERFLOW.
 */
export function bpowi(a: bigint, n: bigint): bigint {
  let square = a;
  let rest = n;
  let power = (rest & 1n) === 1n ? a : BONE;
  for (rest >>= 1n; rest !== 0n; rest >>= 1n) {
    square = bmul(square, square);
    if ((rest & 1n) === 1n) power = bmul(power, square);
  }
  return power;
}

/**
 * `base` to the fixed-point power `exponent`.
 *
 * @param base - From 1 unit to 2.0 minus one unit.
 * @throws {Revert} ERR_BPOW_BASE_TOO_LOW, ERR_BPOW_BASE_TOO_HIGH, ERR_MUL_OVERFLOW.
 */
export function bpow(base: bigint, exponent: bigint): bigint {
  if (base < 1n) revertV1('ERR_BPOW_BASE_TOO_LOW');
  if (base > MAX_BPOW_BASE) revertV1('ERR_BPOW_BASE_TOO_HIGH');

  const fraction = exponent % BONE;
  const wholePower = bpowi(base, exponent / BONE);
  if (fraction === 0n) return wholePower;
  return bmul(wholePower, bpowApprox(base, fraction, BPOW_PRECISION));
}

/**
 * `base` to a power below one by the binomial series about 1:
 * (1 + x)^e = 1 + e x + e (e - 1) x^2 / 2! + ...
 *
 * @param base - At most 2.0 minus one unit.
 * @param exponent - Below 1.0.
 * @param precision - The sum ends at the first term below this.
 * @throws {InputError} When an argument is outside the ranges above, where the series has no bound.
 * @throws {Revert} ERR_SUB_UNDERFLOW when rounding takes the sum below zero.
 */
export function bpowApprox(base: bigint, exponent: bigint, precision: bigint): bigint {
  if (base > MAX_BPOW_BASE) throw new InputError('base', `must be below 2 * 10^18; got ${base}`);
  if (exponent >= BONE) throw new InputError('exponent', `must be below 10^18; got ${exponent}`);

  const baseBelowOne = base < BONE;
  const distance = baseBelowOne ? BONE - base : base - BONE;
  let term = BONE;
  let sum = BONE;
  let negative = false;

  // No check of overflow inside: |x| and e are below 1.0, so a term never passes 1.0, c stays below
  // K, and every product stays below 2^128 times the number of terms.
  for (let k = BONE, previousK = 0n; term >= precision; previousK = k, k += BONE) {
    const factor = exponent > previousK ? exponent - previousK : previousK - exponent;
    const step = (factor * distance + HALF_BONE) / BONE;
    term = (((term * step + HALF_BONE) / BONE) * BONE + (k >> 1n)) / k;
    if (term === 0n) break;

    if (baseBelowOne) negative = !negative;
    if (exponent < previousK) negative = !negative;
    sum = negative ? bsub(sum, term) : sum + term;
  }
  return sum;
}
