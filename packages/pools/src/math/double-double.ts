/**
 * Whole numbers as unevaluated sums of two doubles ("double-double", 106 bits), for the places where
 * the floor that a contract takes can be told from an approximation: products and quotients here
 * have relative errors below 2^-101, so a floor is certain unless the fraction lies within that of 0
 * or 1. Functions that return a boolean give up with false, and the caller computes with `bigint`.
 *
 * The numbers live in registers, pairs of neighbours in one typed array, and functions name them by
 * index: a double that V8 passes to a function it does not inline is allocated, a small integer is
 * not. Modules take their registers once, when they load.
 *
 * Sources: T. J. Dekker, "A floating-point technique for extending the available precision",
 * Numerische Mathematik 18, 1971; J. R. Shewchuk, "Adaptive precision floating-point arithmetic",
 * Discrete & Computational Geometry 18, 1997.
 *
 * @module
 */

/** Index of a number's high part; the low part follows. */
export type Register = number;

const REGISTERS_MAX = 192;
const M: Float64Array = new Float64Array(2 * REGISTERS_MAX);
let registersTaken = 0;

/** Whole numbers from here on are not loaded: a pair would not hold every sum of them. */
const LOADABLE_BELOW: bigint = 1n << 104n;
const MAX_UINT64 = (1n << 64n) - 1n;
const TWO_32 = 2 ** 32;
const TWO_64 = 2 ** 64;
/** More than the relative error of a product and a quotient together, which is below 2^-101. */
const QUOTIENT_ERROR = 2 ** -99;
/** A fraction below 1.0 is known no better than this. */
const FRACTION_ERROR = 2 ** -52;
/** Below this the neighbours of a quotient are told apart: the error is below a quarter. */
const MAX_QUOTIENT = 2 ** 97;
/** A remainder below this is known by its last 32 bits. */
const MAX_REMAINDER = 2 ** 30;
/** Below this one double tells most floors: what is off by 2^-51 of it stays below the margin. */
const SHORT = 2 ** 40;
const SHORT_MARGIN = 2 ** -10;
/** Exact products of doubles need each factor as a sum of two of half the digits. */
const SPLITTER = 2 ** 27 + 1;
/** The same sixteen bytes as two unsigned integers and as four: how a `bigint` comes in and goes out. */
const WORDS = new BigUint64Array(2);
const HALVES = new Uint32Array(WORDS.buffer);

/** Where `wholeQuotient` works. */
const QUOTIENT = takeRegisters();

/** Takes `count` neighbouring registers for good. Only for the constants of a module. */
export function takeRegisters(count = 1): Register {
  if (registersTaken + count > REGISTERS_MAX) throw new RangeError('no register is left');
  const first = 2 * registersTaken;
  registersTaken += count;
  return first;
}

/** A register that holds numerator / denominator, to the nearest pair, for good. */
export function constant(numerator: bigint, denominator = 1n): Register {
  return constants([[numerator, denominator]]);
}

/** Neighbouring registers that hold these quotients for good. */
export function constants(quotients: readonly (readonly [bigint, bigint])[]): Register {
  const first = takeRegisters(quotients.length);
  quotients.forEach(([numerator, denominator], i) => {
    const scaled = (numerator << 400n) / denominator;
    M[first + 2 * i] = Number(scaled) / 2 ** 400;
    M[first + 2 * i + 1] = Number(scaled - BigInt(Number(scaled))) / 2 ** 400;
  });
  return first;
}

/** The value, rounded to a double. */
export function high(of: Register): number {
  return M[of]!;
}

/** Puts a double into a register. */
export function set(to: Register, value: number): void {
  M[to] = value;
  M[to + 1] = 0;
}

export function copy(to: Register, from: Register): void {
  M[to] = M[from]!;
  M[to + 1] = M[from + 1]!;
}

export function negate(of: Register): void {
  M[of] = -M[of]!;
  M[of + 1] = -M[of + 1]!;
}

/** The difference of two numbers, rounded to a double. */
export function difference(a: Register, b: Register): number {
  return M[a]! - M[b]! + (M[a + 1]! - M[b + 1]!);
}

/** Reads a whole number. @returns False when it is negative, or 2^104 and more. */
export function load(to: Register, whole: bigint): boolean {
  if (whole > MAX_UINT64) return loadLong(to, whole);
  if (whole < 0n) return false;
  WORDS[0] = whole;
  const top = HALVES[1]! * TWO_32;
  const rest = HALVES[0]!;
  const sum = top + rest;
  M[to] = sum;
  M[to + 1] = top - sum + rest;
  return true;
}

function loadLong(to: Register, whole: bigint): boolean {
  if (whole >= LOADABLE_BELOW) return false;
  WORDS[0] = whole;
  WORDS[1] = whole >> 64n;
  // The upper forty bits, the 32 below them and the last 32: each sum is exact or keeps its error.
  const upper = (HALVES[3]! * TWO_32 + HALVES[2]!) * TWO_64;
  const top = HALVES[1]! * TWO_32;
  const rest = HALVES[0]!;
  const lower = top + rest;
  const sum = upper + lower;
  M[to] = sum;
  M[to + 1] = lower - (sum - upper) + (top - lower + rest);
  return true;
}

/** Writes a whole number from 0 to 2^104. */
export function wholeOf(from: Register): bigint {
  const value = M[from]!;
  const above = Math.floor(value / TWO_64);
  const inside = value - above * TWO_64;
  const middle = Math.floor(inside / TWO_32);
  const bottom = inside - middle * TWO_32 + M[from + 1]!;
  // Carries, upwards or downwards: the low part of a pair has either sign.
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

/** to = a b; exactly, when both are whole and the product is below 2^104. */
export function multiply(to: Register, a: Register, b: Register): void {
  const ah = M[a]!;
  const bh = M[b]!;
  const product = ah * bh;
  const ac = SPLITTER * ah;
  const a1 = ac - (ac - ah);
  const a2 = ah - a1;
  const bc = SPLITTER * bh;
  const b1 = bc - (bc - bh);
  const b2 = bh - b1;
  const cross = ah * M[b + 1]! + M[a + 1]! * bh;
  const error = a2 * b2 - (product - a1 * b1 - a2 * b1 - a1 * b2) + cross;
  const sum = product + error;
  M[to] = sum;
  M[to + 1] = product - sum + error;
}

/** to = a / b: a first quotient, and what it leaves over divided once more. */
export function divide(to: Register, a: Register, b: Register): void {
  const ah = M[a]!;
  const bh = M[b]!;
  const quotient = ah / bh;
  const product = quotient * bh;
  const qc = SPLITTER * quotient;
  const q1 = qc - (qc - quotient);
  const q2 = quotient - q1;
  const bc = SPLITTER * bh;
  const b1 = bc - (bc - bh);
  const b2 = bh - b1;
  const error = q2 * b2 - (product - q1 * b1 - q2 * b1 - q1 * b2);
  const left = ah - product - error + M[a + 1]! - quotient * M[b + 1]!;
  const correction = left / bh;
  const sum = quotient + correction;
  M[to] = sum;
  M[to + 1] = quotient - sum + correction;
}

/** to = a + b; exactly, when both are whole and the sum is below 2^105. */
export function add(to: Register, a: Register, b: Register): void {
  const ah = M[a]!;
  const bh = M[b]!;
  const sum = ah + bh;
  const part = sum - ah;
  const error = ah - (sum - part) + (bh - part) + (M[a + 1]! + M[b + 1]!);
  const whole = sum + error;
  M[to] = whole;
  M[to + 1] = sum - whole + error;
}

/** to = a - b; exactly, when both are whole and below 2^104. */
export function subtract(to: Register, a: Register, b: Register): void {
  const ah = M[a]!;
  const bh = -M[b]!;
  const sum = ah + bh;
  const part = sum - ah;
  const error = ah - (sum - part) + (bh - part) + (M[a + 1]! - M[b + 1]!);
  const whole = sum + error;
  M[to] = whole;
  M[to + 1] = sum - whole + error;
}

/** Adds a double that is no greater than the number itself. */
export function increase(to: Register, by: number): void {
  const value = M[to]!;
  const sum = value + by;
  const error = value - sum + by + M[to + 1]!;
  const whole = sum + error;
  M[to] = whole;
  M[to + 1] = sum - whole + error;
}

/**
 * Takes the floor of a number from 0 on.
 *
 * @param margin - How far the approximation may be off.
 * @returns False when the fraction is too close to an integer to tell; the number is then whole, but
 * may be one off.
 */
export function floor(of: Register, margin: number): boolean {
  const value = M[of]!;
  const low = M[of + 1]!;
  if (value < 0.5) {
    set(of, 0);
    return true;
  }
  const whole = Math.floor(value);
  const rest = value - whole + low;
  const wholeRest = Math.floor(rest);
  const fraction = rest - wholeRest;
  const sum = whole + wholeRest;
  M[of] = sum;
  M[of + 1] = whole - sum + wholeRest;
  return fraction > margin && fraction < 1 - margin;
}

/** Takes the ceiling of a number above 0.5; as `floor`. */
export function ceil(of: Register, margin: number): boolean {
  if (!(M[of]! >= 0.5)) return false;
  const isCertain = floor(of, margin);
  increase(of, 1);
  return isCertain;
}

/** to = floor(a factor) for a whole `a` and a factor below 1. @returns False when not certain. */
export function wholeProduct(to: Register, a: Register, factor: Register, margin: number): boolean {
  const whole = M[a]!;
  if (whole < SHORT) {
    const product = whole * M[factor]!;
    const floored = Math.floor(product);
    const fraction = product - floored;
    if (fraction > SHORT_MARGIN && fraction < 1 - SHORT_MARGIN) {
      set(to, floored);
      return true;
    }
  }
  multiply(to, a, factor);
  return floor(to, margin);
}

/**
 * to = a b / d for whole numbers, rounded down or up; a quotient below 0.5 is refused.
 *
 * Where the fraction is too close to tell, most often because the quotient is whole, what is left
 * over decides: its last 32 bits are all of it when d is small, and `bigint`s know it otherwise. So
 * this never gives up for the sake of a fraction.
 *
 * @returns False when the quotient is out of range (2^97 and more), or not a number.
 */
export function wholeQuotient(
  to: Register,
  a: Register,
  b: Register,
  d: Register,
  roundUp: boolean,
): boolean {
  multiply(QUOTIENT, a, b);
  divide(QUOTIENT, QUOTIENT, d);
  const value = M[QUOTIENT]!;
  const low = M[QUOTIENT + 1]!;
  if (!(value >= 0.5 && value < MAX_QUOTIENT)) return false;
  const margin = value * QUOTIENT_ERROR + FRACTION_ERROR;
  if (floor(QUOTIENT, margin)) {
    if (roundUp) increase(QUOTIENT, 1);
  } else if (margin * M[d]! > MAX_REMAINDER) {
    quotientByBigint(a, b, d, roundUp);
  } else {
    M[QUOTIENT] = value;
    M[QUOTIENT + 1] = low;
    increase(QUOTIENT, 0.5);
    floor(QUOTIENT, 0);
    const nearest = Math.imul(lowBits(QUOTIENT), lowBits(d));
    const left = (Math.imul(lowBits(a), lowBits(b)) - nearest) | 0;
    if (roundUp && left > 0) increase(QUOTIENT, 1);
    if (!roundUp && left < 0) increase(QUOTIENT, -1);
  }
  copy(to, QUOTIENT);
  return true;
}

function quotientByBigint(a: Register, b: Register, d: Register, roundUp: boolean): void {
  const product = wholeOf(a) * wholeOf(b);
  const divisor = wholeOf(d);
  const down = product / divisor;
  load(QUOTIENT, roundUp && down * divisor < product ? down + 1n : down);
}

/** The last 32 bits of a whole number, as a signed integer. */
function lowBits(of: Register): number {
  return ((M[of]! | 0) + (M[of + 1]! | 0)) | 0;
}
