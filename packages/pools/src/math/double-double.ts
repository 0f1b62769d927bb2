/**
 * Whole numbers as unevaluated sums of two doubles ("double-double", 106 bits), for the places where
 * a floor of a contract can be told from an approximation: products and quotients here have relative
 * errors below 2^-101, so the floor is certain unless the fraction lies within that of 0 or 1. Each
 * function leaves its result in the register `R`, high part first, and allocates nothing; those that
 * return a boolean give up with false, and the caller computes with `bigint`.
 *
 * Sources: T. J. Dekker, "A floating-point technique for extending the available precision",
 * Numerische Mathematik 18, 1971; J. R. Shewchuk, "Adaptive precision floating-point arithmetic",
 * Discrete & Computational Geometry 18, 1997.
 *
 * @module
 */

/** Two doubles whose sum is the value; the first is the sum rounded to a double. */
export type Pair = readonly [high: number, low: number];

/** Results of the functions below. Module-wide, so nothing allocates. */
export const R: Float64Array = new Float64Array(2);

/** Whole numbers from here on are not loaded: two doubles would not hold every sum of them. */
const LOADABLE_BELOW: bigint = 1n << 104n;
const MAX_UINT64 = (1n << 64n) - 1n;
const TWO_32 = 2 ** 32;
const TWO_64 = 2 ** 64;
/** More than the error of a product and a quotient below 2^64, less than 2^31 divisors' worth. */
const QUOTIENT_MARGIN = 2 ** -33;
const MAX_DIVISOR = 2 ** 61;
/** Exact products of doubles need each factor as a sum of two of half the digits. */
const SPLITTER = 2 ** 27 + 1;
/** The same sixteen bytes as two unsigned integers and as four: how a `bigint` comes in and goes out. */
const WORDS = new BigUint64Array(2);
const HALVES = new Uint32Array(WORDS.buffer);

/** R = a whole number. @returns False when it is negative, or 2^104 and more. */
export function load(whole: bigint): boolean {
  if (whole <= MAX_UINT64) {
    if (whole < 0n) return false;
    WORDS[0] = whole;
    const top = HALVES[1]! * TWO_32;
    const rest = HALVES[0]!;
    const high = top + rest;
    R[0] = high;
    R[1] = top - high + rest;
    return true;
  }
  if (whole >= LOADABLE_BELOW) return false;
  WORDS[0] = whole;
  WORDS[1] = whole >> 64n;
  // The upper forty bits, the 32 below them and the last 32: each sum is exact or keeps its error.
  const upper = (HALVES[3]! * TWO_32 + HALVES[2]!) * TWO_64;
  const top = HALVES[1]! * TWO_32;
  const rest = HALVES[0]!;
  const lower = top + rest;
  const high = upper + lower;
  R[0] = high;
  R[1] = lower - (high - upper) + (top - lower + rest);
  return true;
}

/** The whole number R, R >= 0 and below 2^104. */
export function wholeOfR(): bigint {
  const high = R[0]!;
  const above = Math.floor(high / TWO_64);
  const inside = high - above * TWO_64;
  const middle = Math.floor(inside / TWO_32);
  const bottom = inside - middle * TWO_32 + R[1]!;
  // Carries, upwards or downwards: the low part of the pair has either sign.
  const carry = Math.floor(bottom / TWO_32);
  const second = middle + carry;
  const secondCarry = Math.floor(second / TWO_32);
  const top = above + secondCarry;
  HALVES[0] = bottom - carry * TWO_32;
  HALVES[1] = second - secondCarry * TWO_32;
  if (top === 0) return WORDS[0]!;
  const topmost = Math.floor(top / TWO_32);
  HALVES[3] = topmost;
  HALVES[2] = top - topmost * TWO_32;
  return (WORDS[1]! << 64n) | WORDS[0]!;
}

/** R = a * b, the two parts of each factor given. */
export function multiply(ah: number, al: number, bh: number, bl: number): void {
  const product = ah * bh;
  const ac = SPLITTER * ah;
  const a1 = ac - (ac - ah);
  const a2 = ah - a1;
  const bc = SPLITTER * bh;
  const b1 = bc - (bc - bh);
  const b2 = bh - b1;
  const error = a2 * b2 - (product - a1 * b1 - a2 * b1 - a1 * b2) + (ah * bl + al * bh);
  const high = product + error;
  R[0] = high;
  R[1] = product - high + error;
}

/** R = a * b exactly. */
export function twoProduct(a: number, b: number): void {
  const product = a * b;
  const ac = SPLITTER * a;
  const a1 = ac - (ac - a);
  const a2 = a - a1;
  const bc = SPLITTER * b;
  const b1 = bc - (bc - b);
  const b2 = b - b1;
  R[0] = product;
  R[1] = a2 * b2 - (product - a1 * b1 - a2 * b1 - a1 * b2);
}

/** R = a / b: a first quotient, and what it leaves over divided once more. */
export function divide(ah: number, al: number, bh: number, bl: number): void {
  const quotient = ah / bh;
  twoProduct(quotient, bh);
  const left = ah - R[0]! - R[1]! + al - quotient * bl;
  const correction = left / bh;
  const high = quotient + correction;
  R[0] = high;
  R[1] = quotient - high + correction;
}

/** R = a + b, exactly when both are whole and the sum is below 2^105. */
export function add(ah: number, al: number, bh: number, bl: number): void {
  const sum = ah + bh;
  const part = sum - ah;
  const error = ah - (sum - part) + (bh - part) + (al + bl);
  const high = sum + error;
  R[0] = high;
  R[1] = sum - high + error;
}

/** R += number, where |R| >= |number|. */
export function addNumber(number: number): void {
  const high = R[0]!;
  const sum = high + number;
  const error = high - sum + number + R[1]!;
  R[0] = sum + error;
  R[1] = sum - R[0] + error;
}

/**
 * R = floor(R), R >= 0.
 *
 * @param margin - How far the approximation may be off.
 * @returns False when the fraction is too close to an integer to tell; R is then whole, but may be
 * one off.
 */
export function floorR(margin: number): boolean {
  const high = R[0]!;
  const low = R[1]!;
  if (high < 0.5) {
    R[0] = 0;
    R[1] = 0;
    return true;
  }
  const whole = Math.floor(high);
  const rest = high - whole + low;
  const wholeRest = Math.floor(rest);
  const fraction = rest - wholeRest;
  R[0] = whole + wholeRest;
  R[1] = whole - R[0] + wholeRest;
  return fraction > margin && fraction < 1 - margin;
}

/** R = ceil(R), R > 0; as `floorR`. */
export function ceilR(margin: number): boolean {
  if (R[0]! < 0.5) return false;
  const isCertain = floorR(margin);
  addNumber(1);
  return isCertain;
}

/**
 * R = a b / d rounded down or up, for whole numbers, the quotient below 2^64 and d below 2^61. Such
 * quotients often are whole; then what is left over decides, and it is so small that its last 32
 * bits are all of it. So no fraction is too close to tell.
 *
 * @returns False when the quotient or the divisor is out of range.
 */
export function wholeQuotient(
  ah: number,
  al: number,
  bh: number,
  bl: number,
  dh: number,
  dl: number,
  roundUp: boolean,
): boolean {
  multiply(ah, al, bh, bl);
  divide(R[0]!, R[1]!, dh, dl);
  const high = R[0]!;
  const low = R[1]!;
  if (!(high >= 0.5 && high < TWO_64 && dh < MAX_DIVISOR)) return false;
  if (floorR(QUOTIENT_MARGIN)) {
    if (roundUp) addNumber(1);
    return true;
  }
  R[0] = high;
  R[1] = low;
  addNumber(0.5);
  floorR(0);
  const nearest = Math.imul(lowBits(R[0]!, R[1]!), lowBits(dh, dl));
  const left = lowBits(Math.imul(lowBits(ah, al), lowBits(bh, bl)) - nearest, 0);
  if (roundUp && left > 0) addNumber(1);
  if (!roundUp && left < 0) addNumber(-1);
  return true;
}

/** The last 32 bits of a whole number, as a signed integer. */
function lowBits(high: number, low: number): number {
  return ((high | 0) + (low | 0)) | 0;
}

/** numerator / denominator as the nearest sum of two doubles. */
export function pairOfQuotient(numerator: bigint, denominator: bigint): Pair {
  const shift = 400n;
  const scaled = (numerator << shift) / denominator;
  const high = Number(scaled) / 2 ** 400;
  const rest = scaled - BigInt(Number(scaled));
  return [high, Number(rest) / 2 ** 400];
}
