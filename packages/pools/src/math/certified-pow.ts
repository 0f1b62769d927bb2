/**
 * x^y as `log-exp.ts` defines it, bit for bit, in pairs of `number`s instead of `bigint`s.
 *
 * Every intermediate value of the contract is the floor of some product or quotient. Here each is
 * approximated by a pair of doubles, which tells the floor unless the fraction lies within the error
 * of 0 or 1 (`double-double.ts`); so each step either yields the very integer of the contract or
 * gives up, and the caller computes with `bigint`. Less than one power in a million gives up.
 *
 * Two facts save work. The powers of e that the contract multiplies together depend only on the
 * whole quarters of the exponent, so their truncated products stand in a table. And the logarithm
 * near 1 enters only through floor(l y), so an approximation of the contract's polynomial suffices:
 * its own truncations move l y by less than 2^-50.
 *
 * @module
 */
import {
  add,
  constant,
  constants,
  copy,
  difference,
  divide,
  floor,
  high,
  load,
  multiply,
  negate,
  type Register,
  set,
  subtract,
  takeRegisters,
  wholeOf,
  wholeProduct,
  wholeQuotient,
} from './double-double.ts';

const E18 = 10n ** 18n;
const E20 = 10n ** 20n;

/** More than the error of l y near 1: its value stays below 2^60, and l has twelve roundings. */
const EXPONENT_MARGIN = 2 ** -33;
/** More than the error of a term of a series, and of the quotients that logarithms begin with. */
const TERM_MARGIN = 2 ** -30;
/** Exponents below this are told from their neighbours. */
const MAX_EXPONENT = 2 ** 64;
/** Exponents of e from this many quarters on leave the table; only all but emptied pools have them. */
const MAX_QUARTERS = 16;
const QUARTER = 2.5e17;

const ONE = constant(1n);
const HUNDRED = constant(100n);
const ONE_18 = constant(E18);
const ONE_20 = constant(E20);
const ONE_22 = constant(100n * E20);
const ONE_20_INVERSE = constant(1n, E20);
const NEAR_ONE_LOWER = constant((E18 * 9n) / 10n);
const NEAR_ONE_UPPER = constant((E18 * 11n) / 10n);

const wholes = Array.from({ length: 13 }, (_, n) => BigInt(Math.max(n, 1)));
/** Whole numbers n and 1/n, n = 0 .. 12 (1 stands for 0). */
const WHOLES = constants(wholes.map((n) => [n, 1n]));
const INVERSES = constants(wholes.map((n) => [1n, n]));
/** 1/3, 1/5, .. 1/15: coefficients of artanh. */
const ARTANH = constants([3n, 5n, 7n, 9n].map((d) => [1n, d]));

/** e^2, e^1, e^0.5 and e^0.25 with 20 decimals: the factors of exponents below 4. */
const FACTORS = [
  738905609893065022723n,
  271828182845904523536n,
  164872127070012814685n,
  128402541668774148407n,
];

/** e^0.5, e^0.25, e^0.125 and e^0.0625 with 20 decimals: what a logarithm below ln 2 divides out. */
const ROOTS_OF_E = [
  164872127070012814685n,
  128402541668774148407n,
  113314845306682631683n,
  106449445891785942956n,
];
const ROOTS = constants(ROOTS_OF_E.map((root) => [root, 1n]));
const ROOT_EXPONENTS = constants([2n, 4n, 8n, 16n].map((parts) => [E20 / parts, 1n]));

/** For k quarters: the contract's truncated product of the factors that k's binary digits select. */
const PRODUCTS = constants(
  Array.from({ length: MAX_QUARTERS }, (_, quarters) => {
    let product = E20;
    FACTORS.forEach((factor, i) => {
      if ((quarters >> (FACTORS.length - 1 - i)) & 1) product = (product * factor) / E20;
    });
    return [product, 1n];
  }),
);

const BASE = takeRegisters();
const EXPONENT = takeRegisters();
const POWER = takeRegisters();
const LOGARITHM = takeRegisters();
const A = takeRegisters();
const B = takeRegisters();
const TERM = takeRegisters();
const FACTOR = takeRegisters();
const SERIES = takeRegisters();
const SUM = takeRegisters();

/**
 * x^y for a base that a swap can have.
 *
 * @param x - 18 decimals, from 0.5 to 2.0.
 * @param y - 18 decimals, above zero.
 * @returns The contract's power, 18 decimals; null when it cannot be certified here.
 */
export function certifiedPow(x: bigint, y: bigint): bigint | null {
  return load(BASE, x) && load(EXPONENT, y) && power(POWER, BASE, EXPONENT) ? wholeOf(POWER) : null;
}

/**
 * to = x^y; base and exponent as of `certifiedPow`, in registers.
 *
 * @returns False when it cannot be certified.
 */
export function power(to: Register, x: Register, y: Register): boolean {
  if (!(high(y) < MAX_EXPONENT)) return false;
  const inverse = difference(x, ONE_18) < 0;
  if (difference(x, NEAR_ONE_LOWER) > 0 && difference(x, NEAR_ONE_UPPER) < 0) {
    logarithmNearOne(x);
    // Only the size matters from here; the sign decides between the power and its inverse.
    if (inverse) negate(LOGARITHM);
    multiply(LOGARITHM, LOGARITHM, y);
    if (!floor(LOGARITHM, EXPONENT_MARGIN)) return false;
  } else if (!logarithm(x, inverse) || !wholeQuotient(LOGARITHM, LOGARITHM, y, ONE_18, false)) {
    return false;
  }
  return exponential(to, inverse);
}

/** LOGARITHM = |ln x| as the contract computes it away from 1.0: whole, 18 decimals. */
function logarithm(x: Register, inverse: boolean): boolean {
  if (!inverse) copy(A, x);
  else if (!wholeQuotient(A, ONE_18, ONE_18, x, false)) return false;

  // From 18 to 20 decimals.
  multiply(A, A, HUNDRED);
  set(SUM, 0);
  for (let i = 0; i < 8; i += 2) {
    if (difference(A, ROOTS + i) < 0) continue;
    if (!wholeQuotient(A, A, ONE_20, ROOTS + i, false)) return false;
    add(SUM, SUM, ROOT_EXPONENTS + i);
  }

  // 2 artanh z with z = (a - 1) / (a + 1), a series in odd powers of z.
  subtract(B, A, ONE_20);
  add(A, A, ONE_20);
  if (!wholeQuotient(TERM, B, ONE_20, A, false)) return false;
  copy(SERIES, TERM);
  if (!wholeQuotient(FACTOR, TERM, TERM, ONE_20, false)) return false;
  multiply(FACTOR, FACTOR, ONE_20_INVERSE);
  for (let divisor = 3; divisor <= 11; divisor += 2) {
    if (!wholeProduct(TERM, TERM, FACTOR, TERM_MARGIN)) return false;
    const term = high(TERM);
    if (term < divisor) break;
    if (!wholeQuotient(B, TERM, ONE, WHOLES + 2 * divisor, false)) return false;
    add(SERIES, SERIES, B);
  }
  add(SERIES, SERIES, SERIES);
  add(SUM, SUM, SERIES);
  return wholeQuotient(LOGARITHM, SUM, ONE, HUNDRED, false);
}

/** LOGARITHM = the contract's 36-decimal logarithm of a number near 1.0, divided by 10^36. */
function logarithmNearOne(x: Register): void {
  // z = (x - 1) / (x + 1), both exact as sums of two doubles.
  subtract(A, x, ONE_18);
  add(B, x, ONE_18);
  divide(A, A, B);
  multiply(B, A, A);

  // 2 z (1 + s/3 + s^2/5 + .. + s^7/15), s = z^2; the last terms need no more than a double.
  const s = high(B);
  set(SERIES, s * (1 / 11 + s * (1 / 13 + s / 15)));
  for (let i = 6; i >= 0; i -= 2) {
    add(SERIES, SERIES, ARTANH + i);
    multiply(SERIES, SERIES, B);
  }
  add(SERIES, SERIES, ONE);
  add(A, A, A);
  multiply(LOGARITHM, SERIES, A);
}

/** to = e^LOGARITHM, or its inverse, as the contract computes it. @returns False when not certain. */
function exponential(to: Register, inverse: boolean): boolean {
  const quarters = Math.floor(high(LOGARITHM) / QUARTER);
  if (quarters >= MAX_QUARTERS) return false;
  // What is left is below a quarter; from 18 to 20 decimals.
  set(A, quarters * QUARTER);
  subtract(TERM, LOGARITHM, A);
  const rest = high(TERM);
  if (!(rest >= 0 && rest < QUARTER)) return false;
  multiply(TERM, TERM, HUNDRED);

  multiply(FACTOR, TERM, ONE_20_INVERSE);
  add(SERIES, TERM, ONE_20);
  for (let n = 2; n <= 12; n++) {
    // x / n waits for no other term, so the processor computes it beside the one before.
    multiply(A, FACTOR, INVERSES + 2 * n);
    if (!wholeProduct(TERM, TERM, A, TERM_MARGIN)) return false;
    if (high(TERM) === 0) break;
    add(SERIES, SERIES, TERM);
  }

  const isCertain =
    quarters === 0
      ? wholeQuotient(to, SERIES, ONE, HUNDRED, false)
      : wholeQuotient(to, SERIES, PRODUCTS + 2 * quarters, ONE_22, false);
  return isCertain && (!inverse || wholeQuotient(to, ONE_18, ONE_18, to, false));
}
