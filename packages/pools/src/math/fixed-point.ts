/**
 * Unsigned fixed point with 18 decimals (1.0 = 10^18). The rounding is in each name: amounts owed
 * to a pool round up and amounts a pool owes round down, so that a round trip never pays.
 *
 * @see `FixedPoint` in balancer-v2-monorepo, pkg/solidity-utils/contracts/math.
 * @module
 */
import { revert } from '../errors.ts';
import { MAX_UINT256, mul, refuseNumber, sub } from '../uint.ts';
import { pow } from './log-exp.ts';

export { add, sub } from '../uint.ts';

/** 1.0 */
export const ONE: bigint = 10n ** 18n;
const ONE_LESS_UNIT = ONE - 1n;
const TWO = 2n * ONE;
const FOUR = 4n * ONE;

/** Bound of the relative error of `pow`, 10^-14. */
const MAX_POW_RELATIVE_ERROR = 10_000n;

/** floor(a b / 1.0). @throws {Revert} BAL#003 when a b passes 256 bits. */
export function mulDown(a: bigint, b: bigint): bigint {
  return mul(a, b) / ONE;
}

/** ceil(a b / 1.0). @throws {Revert} BAL#003 when a b passes 256 bits. */
export function mulUp(a: bigint, b: bigint): bigint {
  return (mul(a, b) + ONE_LESS_UNIT) / ONE;
}

/** floor(a 1.0 / b). @throws {Revert} BAL#004 when b = 0, BAL#005 when a 1.0 passes 256 bits. */
export function divDown(a: bigint, b: bigint): bigint {
  if (b === 0n) revert(4);
  return inflate(a) / b;
}

/** ceil(a 1.0 / b). @throws {Revert} BAL#004 when b = 0, BAL#005 when a 1.0 passes 256 bits. */
export function divUp(a: bigint, b: bigint): bigint {
  if (b === 0n) revert(4);
  return a === 0n ? 0n : (inflate(a) - 1n) / b + 1n;
}

function inflate(a: bigint): bigint {
  const inflated = a * ONE;
  return inflated > MAX_UINT256 ? revert(5) : inflated;
}

/** 1.0 - x, or 0 when x is greater than 1.0. Never reverts. */
export function complement(x: bigint): bigint {
  return x < ONE ? ONE - x : 0n;
}

/** The power functions of one generation of contracts. */
export interface FixedPoint {
  readonly name: 'FP1' | 'FP2';
  /** Whether exponents 1, 2 and 4 are products without the guard. */
  readonly hasShortcuts: boolean;
  /** x^y, at most the true value. @throws {Revert} BAL#006 to BAL#008. */
  readonly powDown: (x: bigint, y: bigint) => bigint;
  /** x^y, at least the true value. @throws {Revert} BAL#006 to BAL#008. */
  readonly powUp: (x: bigint, y: bigint) => bigint;
}

/** Contracts of 2021: every exponent goes through the logarithm. */
export const FP1: FixedPoint = {
  name: 'FP1',
  hasShortcuts: false,
  powDown: powDownByLog,
  powUp: powUpByLog,
};

/** Contracts from September 2022 on: exponents 1, 2 and 4 are products, without the guard. */
export const FP2: FixedPoint = {
  name: 'FP2',
  hasShortcuts: true,
  powDown(x, y) {
    if (y === ONE) return same(x);
    if (y === TWO) return mulDown(x, x);
    if (y !== FOUR) return powDownByLog(x, y);
    const square = mulDown(x, x);
    return mulDown(square, square);
  },
  powUp(x, y) {
    if (y === ONE) return same(x);
    if (y === TWO) return mulUp(x, x);
    if (y !== FOUR) return powUpByLog(x, y);
    const square = mulUp(x, x);
    return mulUp(square, square);
  },
};

/** The value itself, with which nothing is computed that would refuse a number. */
function same(x: bigint): bigint {
  return typeof x === 'bigint' ? x : refuseNumber(x);
}

function powDownByLog(x: bigint, y: bigint): bigint {
  const raw = pow(x, y);
  const maxError = mulUp(raw, MAX_POW_RELATIVE_ERROR) + 1n;
  return raw < maxError ? 0n : sub(raw, maxError);
}

function powUpByLog(x: bigint, y: bigint): bigint {
  const raw = pow(x, y);
  return raw + mulUp(raw, MAX_POW_RELATIVE_ERROR) + 1n;
}
