/**
 * x^y as `log-exp.ts` defines it, bit for bit, in pairs of `number`s instead of `bigint`s.
 *
 * Every intermediate value of the contract is the floor of some product or quotient. Here each is
 * computed as an unevaluated sum of two doubles ("double-double", 106 bits, relative error below
 * 2^-98). The floor of such an approximation is certain unless its fraction lies within the error of
 * 0 or 1, so each step either yields the very integer of the contract or gives up, and the caller
 * computes with `bigint`. With the margin used, less than one power in a million gives up.
 *
 * Two facts save work. The powers of e that the contract multiplies together depend only on the
 * whole quarters of the exponent, so their truncated products stand in a table. And the logarithm
 * near 1 enters only through floor(l y), so an approximation of the contract's polynomial suffices:
 * its own truncations move l y by less than 2^-50.
 *
 * Sources: T. J. Dekker, "A floating-point technique for extending the available precision",
 * Numerische Mathematik 18, 1971; J. R. Shewchuk, "Adaptive precision floating-point arithmetic",
 * Discrete & Computational Geometry 18, 1997.
 *
 * @module
 */

/** Exact products of doubles need each factor as a sum of two of half the digits. */
const SPLITTER = 2 ** 27 + 1;
/** A fraction nearer to an integer than this part of the value does not certify a floor. */
const RELATIVE_MARGIN = 2 ** -90;
/** Nor does one nearer than this: what the truncations that are not followed may amount to. */
const MARGIN = 2 ** -44;
const TWO_32 = 2 ** 32;

/** Exponents from here on leave the table; they occur only when a pool is all but emptied. */
const MAX_QUARTERS = 16;

/** Result registers of the helpers: a pair, high part first. Module-wide, so nothing allocates. */
const R = new Float64Array(2);
/** The same eight bytes as one unsigned integer and as two: how a `bigint` comes in and goes out. */
const WORD = new BigUint64Array(1);
const HALVES = new Uint32Array(WORD.buffer);

const E18 = 10n ** 18n;
const E20 = 10n ** 20n;
const E36 = 10n ** 36n;

const MAX_UINT64 = 2n ** 64n - 1n;
/** Strictly between these the contract's logarithm has 36 decimals. */
const NEAR_ONE_LOWER = (E18 * 9n) / 10n;
const NEAR_ONE_UPPER = (E18 * 11n) / 10n;

const E18_INVERSE = pairOfQuotient(1n, E18);
const E20_INVERSE = pairOfQuotient(1n, E20);
const HUNDREDTH = pairOfQuotient(1n, 100n);
const E22_INVERSE = pairOfQuotient(1n, 100n * E20);
const E36_PAIR = pairOfQuotient(E36, 1n);

/** 1/n for the terms n = 0 .. 12 of the series of exp. */
const INVERSES = Array.from({ length: 13 }, (_, n) => pairOfQuotient(1n, BigInt(Math.max(n, 1))));
const INVERSE_HIGH: Float64Array = Float64Array.from(INVERSES, ([high]) => high);
const INVERSE_LOW: Float64Array = Float64Array.from(INVERSES, ([, low]) => low);

/** 1/3, 1/5, .. 1/15: coefficients of artanh. */
const [THIRD, FIFTH, SEVENTH, NINTH] = [3n, 5n, 7n, 9n].map((d) => pairOfQuotient(1n, d));

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

type Pair = readonly [high: number, low: number];

/**
 * x^y for a base that a swap can have.
 *
 * @param x - 18 decimals, from 0.5 to 2.0.
 * @param y - 18 decimals, above zero.
 * @returns The contract's power, 18 decimals; null when it cannot be certified here.
 */
export function certifiedPow(x: bigint, y: bigint): bigint | null {
  if (y > MAX_UINT64) return null;
  WORD[0] = y;
  const yTop = HALVES[1]! * TWO_32;
  const yRest = HALVES[0]!;
  const yHigh = yTop + yRest;
  const yLow = yTop - yHigh + yRest;
  WORD[0] = x;
  const xTop = HALVES[1]! * TWO_32;
  const xRest = HALVES[0]!;

  const inverse = x < E18;
  if (x > NEAR_ONE_LOWER && x < NEAR_ONE_UPPER) {
    logarithmNearOne(xTop, xRest);
    // Only the size matters from here; the sign decides between the power and its inverse.
    multiply(Math.abs(R[0]!), inverse ? -R[1]! : R[1]!, yHigh, yLow);
    if (!floorR()) return null;
  } else {
    if (!logarithm(xTop, xRest, inverse)) return null;
    const high = R[0]!;
    const low = R[1]!;
    multiply(high, low, yHigh, yLow);
    multiply(R[0]!, R[1]!, E18_INVERSE[0], E18_INVERSE[1]);
    // The logarithm is whole, so round exponents such as 1/4 hit integers exactly.
    if (!floorR() && !exactExponent(high, low, y)) return null;
  }
  return exponential(R[0]!, R[1]!, inverse);
}

/** R = floor(l y / 10^18) by `bigint`, l the given whole number. */
function exactExponent(high: number, low: number, y: bigint): boolean {
  R[0] = high;
  R[1] = low;
  const l = integerOfR();
  if (l === null) return false;
  const exponent = (l * y) / E18;
  if (exponent > MAX_UINT64) return false;
  WORD[0] = exponent;
  const top = HALVES[1]! * TWO_32;
  const rest = HALVES[0]!;
  R[0] = top + rest;
  R[1] = top - R[0] + rest;
  return true;
}

/**
 * R = |ln x| as the contract computes it away from 1.0: whole, 18 decimals.
 *
 * @returns False when a step cannot be certified.
 */
function logarithm(top: number, rest: number, inverse: boolean): boolean {
  R[0] = top + rest;
  R[1] = top - R[0] + rest;
  if (inverse) {
    divide(E36_PAIR[0], E36_PAIR[1], R[0], R[1]);
    if (!floorR()) return false;
  }
  // From 18 to 20 decimals; a times 100 is exact.
  const low = R[1] * 100;
  twoProduct(R[0], 100);
  addNumber(low);

  let sum = 0;
  for (let i = 0; i < ROOT_HIGH.length; i++) {
    if (R[0] - ROOTS[i]! + (R[1] - ROOTS_REST[i]!) < 0) continue;
    multiply(R[0], R[1], ROOT_HIGH[i]!, ROOT_LOW[i]!);
    if (!floorR()) return false;
    sum += ROOT_EXPONENTS[i]!;
  }

  const ah = R[0];
  const al = R[1];
  const numerator = ah - 1e20;
  const denominator = ah + 1e20;
  divide(
    numerator + al,
    numerator - (numerator + al) + al,
    denominator,
    1e20 - (denominator - ah) + al,
  );
  multiply(R[0], R[1], 1e20, 0);
  if (!floorR()) return false;
  const zh = R[0];
  const zl = R[1];
  multiply(zh, zl, zh, zl);
  multiply(R[0], R[1], E20_INVERSE[0], E20_INVERSE[1]);
  if (!floorR()) return false;
  multiply(R[0], R[1], E20_INVERSE[0], E20_INVERSE[1]);
  const sh = R[0];
  const sl = R[1];

  let powerHigh = zh;
  let powerLow = zl;
  let seriesHigh = zh;
  let seriesLow = zl;
  for (let divisor = 3; divisor <= 11; divisor += 2) {
    multiply(powerHigh, powerLow, sh, sl);
    if (!floorR()) return false;
    powerHigh = R[0]!;
    powerLow = R[1]!;
    if (powerHigh === 0) break;
    // Half a unit keeps a multiple of the divisor from touching the integer.
    multiply(powerHigh, powerLow + 0.5, INVERSE_HIGH[divisor]!, INVERSE_LOW[divisor]!);
    if (!floorR()) return false;
    const total = seriesHigh + R[0];
    seriesLow += seriesHigh - total + R[0] + R[1];
    seriesHigh = total;
  }
  const whole = sum + 2 * seriesHigh;
  const error = sum > 2 * seriesHigh ? sum - whole + 2 * seriesHigh : 2 * seriesHigh - whole + sum;
  multiply(whole, error + 2 * seriesLow + 0.5, HUNDREDTH[0], HUNDREDTH[1]);
  return floorR();
}

/** R = the contract's 36-decimal logarithm of an 18-decimal number near 1.0, divided by 10^36. */
function logarithmNearOne(high: number, low: number): void {
  // z = (x - 1) / (x + 1), both exact as sums of two doubles.
  const top = high - 1e18;
  const numerator = top + low;
  const numeratorLow = top - numerator + low;
  const bottom = high + 1e18;
  const denominator = bottom + low;
  divide(numerator, numeratorLow, denominator, bottom - denominator + low);
  const zh = R[0]!;
  const zl = R[1]!;
  multiply(zh, zl, zh, zl);
  const sh = R[0]!;
  const sl = R[1]!;

  // 2 z (1 + s/3 + s^2/5 + .. + s^7/15); the last terms need no more than a double.
  const tail = sh * (1 / 11 + sh * (1 / 13 + sh / 15));
  addTo(NINTH![0], NINTH![1], tail);
  multiply(R[0]!, R[1]!, sh, sl);
  addPair(SEVENTH![0], SEVENTH![1]);
  multiply(R[0]!, R[1]!, sh, sl);
  addPair(FIFTH![0], FIFTH![1]);
  multiply(R[0]!, R[1]!, sh, sl);
  addPair(THIRD![0], THIRD![1]);
  multiply(R[0]!, R[1]!, sh, sl);
  addPair(1, 0);
  multiply(R[0]!, R[1]!, 2 * zh, 2 * zl);
}

/** e^exponent, or its inverse, as the contract computes it; null when not certified. */
function exponential(high: number, low: number, inverse: boolean): bigint | null {
  const quarters = Math.floor((high + low) / 2.5e17);
  if (quarters >= MAX_QUARTERS) return null;
  // Rest below a quarter, with 20 decimals: both parts stay whole numbers.
  const top = high - quarters * 2.5e17;
  const rest = top + low;
  if (rest < 0 || rest >= 2.5e17) return null;
  const rough = rest * 100;
  twoProduct(rest, 100);
  const error = R[1]! + (top - rest + low) * 100;

  multiply(rough, error, E20_INVERSE[0], E20_INVERSE[1]);
  const xh = R[0]!;
  const xl = R[1]!;
  let termHigh = rough;
  let termLow = error;
  let sumHigh = 1e20 + rough;
  let sumLow = 1e20 - sumHigh + rough + error;
  for (let n = 2; n <= 12; n++) {
    multiply(termHigh, termLow, xh, xl);
    multiply(R[0]!, R[1]!, INVERSE_HIGH[n]!, INVERSE_LOW[n]!);
    if (!floorR()) return null;
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
  multiply(R[0]!, R[1]!, E22_INVERSE[0], E22_INVERSE[1]);
  if (!floorR()) return null;
  if (inverse) {
    divide(E36_PAIR[0], E36_PAIR[1], R[0]!, R[1]!);
    if (!floorR()) return null;
  }
  return integerOfR();
}

/** R = a * b, the two parts of each factor given. */
function multiply(ah: number, al: number, bh: number, bl: number): void {
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
function twoProduct(a: number, b: number): void {
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
function divide(ah: number, al: number, bh: number, bl: number): void {
  const quotient = ah / bh;
  twoProduct(quotient, bh);
  const left = ah - R[0]! - R[1]! + al - quotient * bl;
  const correction = left / bh;
  const high = quotient + correction;
  R[0] = high;
  R[1] = quotient - high + correction;
}

/** R += pair, where |pair| >= |R|. */
function addPair(high: number, low: number): void {
  const sum = high + R[0]!;
  const error = high - sum + R[0]! + low + R[1]!;
  R[0] = sum + error;
  R[1] = sum - R[0] + error;
}

/** R += number, where |R| >= |number|. */
function addNumber(number: number): void {
  addTo(R[0]!, R[1]!, number);
}

/** R = pair + number, where |pair| >= |number|. */
function addTo(high: number, low: number, number: number): void {
  const sum = high + number;
  const error = high - sum + number + low;
  R[0] = sum + error;
  R[1] = sum - R[0] + error;
}

/** R = floor(R), R >= 0. @returns False when the fraction is too close to an integer to tell. */
function floorR(): boolean {
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
  const margin = MARGIN + high * RELATIVE_MARGIN;
  return fraction > margin && fraction < 1 - margin;
}

/** The whole number R, which is below 2^64. */
function integerOfR(): bigint | null {
  const high = R[0]!;
  let upper = Math.floor(high / TWO_32);
  let lower = high - upper * TWO_32 + R[1]!;
  if (lower < 0) {
    upper -= 1;
    lower += TWO_32;
  } else if (lower >= TWO_32) {
    upper += 1;
    lower -= TWO_32;
  }
  if (upper >= TWO_32) return null;
  HALVES[1] = upper;
  HALVES[0] = lower;
  return WORD[0]!;
}

/** numerator / denominator as the nearest sum of two doubles. */
function pairOfQuotient(numerator: bigint, denominator: bigint): Pair {
  const shift = 400n;
  const scaled = (numerator << shift) / denominator;
  const high = Number(scaled) / 2 ** 400;
  const rest = scaled - BigInt(Number(scaled));
  return [high, Number(rest) / 2 ** 400];
}
