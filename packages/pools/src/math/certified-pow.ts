/**
 * x^y as `log-exp.ts` defines it, bit for bit, in pairs of `number`s instead of `bigint`s.
 *
 * Every intermediate value of the contract is the floor of some product or quotient. Here each is
 * approximated by a pair of doubles; a floor is certain unless the fraction lies within the error of
 * 0 or 1 (`double-double.ts`), so each step either yields the very integer of the contract or gives
 * up, and the caller computes with `bigint`. With the margin used, less than one power in a million
 * gives up.
 *
 * Three facts save work. The powers of e that the contract multiplies together depend only on the
 * whole quarters of the exponent, so their truncated products stand in a table. The logarithm near 1
 * enters only through floor(l y), so an approximation of the contract's polynomial suffices: its own
 * truncations move l y by less than 2^-50. And the last terms of both series are so small that one
 * double tells their floor.
 *
 * @module
 */
import {
  add,
  addNumber,
  divide,
  floorR,
  load,
  multiply,
  type Pair,
  pairOfQuotient,
  R as RESULT,
  twoProduct,
  wholeOfR,
  wholeQuotient,
} from './double-double.ts';

/** Aliased, because V8 takes a constant of the module itself for one and an import not. */
const R = RESULT;

/** A fraction nearer to an integer than this part of the value does not certify a floor. */
const RELATIVE_MARGIN = 2 ** -90;
/** Nor does one nearer than this: what the truncations that are not followed may amount to. */
const MARGIN = 2 ** -44;

/** Exponents from here on leave the table; they occur only when a pool is all but emptied. */
const MAX_QUARTERS = 16;
/** Terms of a series below this need one double: what is off by 2^-51 of them is below the margin. */
const SHORT_TERM = 2 ** 40;
const SHORT_MARGIN = 2 ** -10;

const E20 = 10n ** 20n;
const E36 = 10n ** 36n;

/** 18-decimal numbers as doubles, all of them exact. */
const ONE = 1e18;
const NEAR_ONE_LOWER = 0.9e18;
const NEAR_ONE_UPPER = 1.1e18;
const MAX_EXPONENT = 2 ** 64;

const [E20_INVERSE, E20_INVERSE_LOW] = pairOfQuotient(1n, E20);
const [HUNDREDTH, HUNDREDTH_LOW] = pairOfQuotient(1n, 100n);
const [E22_INVERSE, E22_INVERSE_LOW] = pairOfQuotient(1n, 100n * E20);
const [E36_HIGH, E36_LOW] = pairOfQuotient(E36, 1n);

/** 1/n for the terms n = 0 .. 12 of the series of exp. */
const INVERSES = Array.from({ length: 13 }, (_, n) => pairOfQuotient(1n, BigInt(Math.max(n, 1))));
const INVERSE_HIGH: Float64Array = Float64Array.from(INVERSES, ([high]) => high);
const INVERSE_LOW: Float64Array = Float64Array.from(INVERSES, ([, low]) => low);

/** 1/3, 1/5, 1/7 and 1/9: coefficients of artanh. */
const [THIRD, THIRD_LOW] = pairOfQuotient(1n, 3n);
const [FIFTH, FIFTH_LOW] = pairOfQuotient(1n, 5n);
const [SEVENTH, SEVENTH_LOW] = pairOfQuotient(1n, 7n);
const [NINTH, NINTH_LOW] = pairOfQuotient(1n, 9n);

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
const ROOT_PAIRS = ROOTS_OF_E.map((root) => pairOfQuotient(root, 1n));
const ROOTS: Float64Array = Float64Array.from(ROOT_PAIRS, ([high]) => high);
const ROOTS_REST: Float64Array = Float64Array.from(ROOT_PAIRS, ([, low]) => low);
const ROOT_EXPONENTS: Float64Array = Float64Array.of(5e19, 2.5e19, 1.25e19, 6.25e18);
const ROOT_INVERSES = ROOTS_OF_E.map((root) => pairOfQuotient(E20, root));
const ROOT_HIGH: Float64Array = Float64Array.from(ROOT_INVERSES, ([high]) => high);
const ROOT_LOW: Float64Array = Float64Array.from(ROOT_INVERSES, ([, low]) => low);

/** For k quarters: the contract's truncated product of the factors that k's binary digits select. */
const PRODUCTS: readonly Pair[] = Array.from({ length: MAX_QUARTERS }, (_, quarters) => {
  let product = E20;
  FACTORS.forEach((factor, i) => {
    if ((quarters >> (FACTORS.length - 1 - i)) & 1) product = (product * factor) / E20;
  });
  return pairOfQuotient(product, 1n);
});
const PRODUCT_HIGH: Float64Array = Float64Array.from(PRODUCTS, ([high]) => high);
const PRODUCT_LOW: Float64Array = Float64Array.from(PRODUCTS, ([, low]) => low);

/**
 * x^y for a base that a swap can have.
 *
 * @param x - 18 decimals, from 0.5 to 2.0.
 * @param y - 18 decimals, above zero.
 * @returns The contract's power, 18 decimals; null when it cannot be certified here.
 */
export function certifiedPow(x: bigint, y: bigint): bigint | null {
  if (!load(y)) return null;
  const yHigh = R[0]!;
  const yLow = R[1]!;
  return load(x) && power(R[0]!, R[1]!, yHigh, yLow) ? wholeOfR() : null;
}

/**
 * R = x^y; base and exponent as of `certifiedPow`, in pairs.
 *
 * @returns False when it cannot be certified.
 */
export function power(xHigh: number, xLow: number, yHigh: number, yLow: number): boolean {
  if (yHigh >= MAX_EXPONENT) return false;
  const inverse = xHigh - ONE + xLow < 0;
  if (xHigh - NEAR_ONE_LOWER + xLow > 0 && xHigh - NEAR_ONE_UPPER + xLow < 0) {
    logarithmNearOne(xHigh, xLow);
    // Only the size matters from here; the sign decides between the power and its inverse.
    multiply(Math.abs(R[0]!), inverse ? -R[1]! : R[1]!, yHigh, yLow);
    if (!floorHere()) return false;
  } else {
    if (!logarithm(xHigh, xLow, inverse)) return false;
    if (!wholeQuotient(R[0]!, R[1]!, yHigh, yLow, ONE, 0, false)) return false;
  }
  return exponential(R[0]!, R[1]!, inverse);
}

/** Floor of R with the margin that covers the longest chain of steps without a floor between. */
function floorHere(): boolean {
  return floorR(MARGIN + R[0]! * RELATIVE_MARGIN);
}

/**
 * R = |ln x| as the contract computes it away from 1.0: whole, 18 decimals.
 *
 * @returns False when a step cannot be certified.
 */
function logarithm(xHigh: number, xLow: number, inverse: boolean): boolean {
  R[0] = xHigh;
  R[1] = xLow;
  if (inverse) {
    divide(E36_HIGH, E36_LOW, xHigh, xLow);
    if (!floorHere()) return false;
  }
  // From 18 to 20 decimals; a times 100 is exact.
  const low = R[1]! * 100;
  twoProduct(R[0]!, 100);
  addNumber(low);

  let sum = 0;
  for (let i = 0; i < ROOT_HIGH.length; i++) {
    if (R[0]! - ROOTS[i]! + (R[1]! - ROOTS_REST[i]!) < 0) continue;
    multiply(R[0]!, R[1]!, ROOT_HIGH[i]!, ROOT_LOW[i]!);
    if (!floorHere()) return false;
    sum += ROOT_EXPONENTS[i]!;
  }

  const ah = R[0]!;
  const al = R[1]!;
  const numerator = ah - 1e20;
  const denominator = ah + 1e20;
  divide(
    numerator + al,
    numerator - (numerator + al) + al,
    denominator,
    1e20 - (denominator - ah) + al,
  );
  multiply(R[0]!, R[1]!, 1e20, 0);
  if (!floorHere()) return false;
  const zh = R[0]!;
  const zl = R[1]!;
  multiply(zh, zl, zh, zl);
  multiply(R[0]!, R[1]!, E20_INVERSE, E20_INVERSE_LOW);
  if (!floorHere()) return false;
  multiply(R[0]!, R[1]!, E20_INVERSE, E20_INVERSE_LOW);
  const sh = R[0]!;
  const sl = R[1]!;

  R[0] = zh;
  R[1] = zl;
  let seriesHigh = zh;
  let seriesLow = zl;
  for (let divisor = 3; divisor <= 11; divisor += 2) {
    if (!nextTerm(sh, sl)) return false;
    const termHigh: number = R[0]!;
    const termLow: number = R[1]!;
    if (termHigh === 0) break;
    // Half a unit keeps a multiple of the divisor from touching the integer.
    if (termHigh < SHORT_TERM) {
      seriesLow += Math.floor(termHigh / divisor);
      continue;
    }
    multiply(termHigh, termLow + 0.5, INVERSE_HIGH[divisor]!, INVERSE_LOW[divisor]!);
    if (!floorHere()) return false;
    const total = seriesHigh + R[0]!;
    seriesLow += seriesHigh - total + R[0]! + R[1]!;
    seriesHigh = total;
    R[0] = termHigh;
    R[1] = termLow;
  }
  const whole = sum + 2 * seriesHigh;
  const error = sum > 2 * seriesHigh ? sum - whole + 2 * seriesHigh : 2 * seriesHigh - whole + sum;
  multiply(whole, error + 2 * seriesLow + 0.5, HUNDREDTH, HUNDREDTH_LOW);
  return floorHere();
}

/** R = floor(R factor), for a term of a series; one double where that tells the floor. */
function nextTerm(factorHigh: number, factorLow: number): boolean {
  const term = R[0]!;
  if (term < SHORT_TERM) {
    const next = term * factorHigh;
    const whole = Math.floor(next);
    const fraction = next - whole;
    if (fraction > SHORT_MARGIN && fraction < 1 - SHORT_MARGIN) {
      R[0] = whole;
      R[1] = 0;
      return true;
    }
  }
  multiply(term, R[1]!, factorHigh, factorLow);
  return floorHere();
}

/** R = the contract's 36-decimal logarithm of an 18-decimal number near 1.0, divided by 10^36. */
function logarithmNearOne(xHigh: number, xLow: number): void {
  // z = (x - 1) / (x + 1), both exact as sums of two doubles.
  const top = xHigh - ONE;
  const numerator = top + xLow;
  const numeratorLow = top - numerator + xLow;
  add(xHigh, xLow, ONE, 0);
  divide(numerator, numeratorLow, R[0]!, R[1]!);
  const zh = R[0]!;
  const zl = R[1]!;
  multiply(zh, zl, zh, zl);
  const sh = R[0]!;
  const sl = R[1]!;

  // 2 z (1 + s/3 + s^2/5 + .. + s^7/15); the last terms need no more than a double.
  const tail = sh * (1 / 11 + sh * (1 / 13 + sh / 15));
  add(NINTH, NINTH_LOW, tail, 0);
  multiply(R[0]!, R[1]!, sh, sl);
  add(SEVENTH, SEVENTH_LOW, R[0]!, R[1]!);
  multiply(R[0]!, R[1]!, sh, sl);
  add(FIFTH, FIFTH_LOW, R[0]!, R[1]!);
  multiply(R[0]!, R[1]!, sh, sl);
  add(THIRD, THIRD_LOW, R[0]!, R[1]!);
  multiply(R[0]!, R[1]!, sh, sl);
  add(1, 0, R[0]!, R[1]!);
  multiply(R[0]!, R[1]!, 2 * zh, 2 * zl);
}

/** R = e^exponent, or its inverse, as the contract computes it. @returns False when not certified. */
function exponential(high: number, low: number, inverse: boolean): boolean {
  const quarters = Math.floor((high + low) / 2.5e17);
  if (quarters >= MAX_QUARTERS) return false;
  // Rest below a quarter, with 20 decimals: both parts stay whole numbers.
  const top = high - quarters * 2.5e17;
  const rest = top + low;
  if (rest < 0 || rest >= 2.5e17) return false;
  const rough = rest * 100;
  twoProduct(rest, 100);
  const error = R[1]! + (top - rest + low) * 100;

  multiply(rough, error, E20_INVERSE, E20_INVERSE_LOW);
  const xh = R[0]!;
  const xl = R[1]!;
  let termHigh = rough;
  let termLow = error;
  let sumHigh = 1e20 + rough;
  let sumLow = 1e20 - sumHigh + rough + error;
  for (let n = 2; n <= 12; n++) {
    // x / n waits for no other term, so the processor computes it beside the one before.
    multiply(xh, xl, INVERSE_HIGH[n]!, INVERSE_LOW[n]!);
    const factorHigh = R[0]!;
    const factorLow = R[1]!;
    R[0] = termHigh;
    R[1] = termLow;
    if (!nextTerm(factorHigh, factorLow)) return false;
    termHigh = R[0]!;
    termLow = R[1]!;
    if (termHigh === 0) break;
    const sum = sumHigh + termHigh;
    sumLow += sumHigh - sum + termHigh + termLow;
    sumHigh = sum;
  }

  // Without a factor the quotient is a hundredth of a whole number; half a unit keeps it off integers.
  const guard = quarters === 0 ? 0.5 : 0;
  multiply(sumHigh, sumLow + guard, PRODUCT_HIGH[quarters]!, PRODUCT_LOW[quarters]!);
  multiply(R[0]!, R[1]!, E22_INVERSE, E22_INVERSE_LOW);
  if (!floorHere()) return false;
  if (!inverse) return true;
  divide(E36_HIGH, E36_LOW, R[0]!, R[1]!);
  return floorHere();
}
