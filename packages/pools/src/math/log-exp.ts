/**
 * Natural exponential, logarithm and power on 18-decimal fixed-point numbers, by the decomposition
 * that the contracts use: powers of e with exponents 2^7, 2^6, ... 2^-4 are multiplied or divided
 * out, and what is left is small enough for a short Taylor series. Divisions truncate toward zero,
 * as both the EVM and `bigint` do, so each line is one line of the contract.
 *
 * @see `LogExpMath` in balancer-v2-monorepo, pkg/solidity-utils/contracts/math.
 * @module
 */
import { revert } from '../errors.ts';
import { certifiedPow } from './certified-pow.ts';

const E18 = 10n ** 18n;
const E20 = 10n ** 20n;
const E36 = 10n ** 36n;

/** exp is defined from -41 to 130: outside, the result leaves 256 bits or vanishes. */
const MIN_EXPONENT = -41n * E18;
const MAX_EXPONENT = 130n * E18;

/** Between these bounds ln uses 36 decimals, because there the result is close to zero. */
const LN_36_LOWER_BOUND = E18 - 10n ** 17n;
const LN_36_UPPER_BOUND = E18 + 10n ** 17n;

/** Bases that swaps have; `certifiedPow` is made for them. */
const MIN_CERTIFIED_BASE = E18 / 2n;
const MAX_CERTIFIED_BASE = 2n * E18;

const MAX_BASE = 1n << 255n;
const MAX_POWER = (1n << 254n) / E20;

// x_i = 2^(7-i), a_i = e^(x_i). The first two a_i have no decimals, the others and their x_i have 20.
const X0 = 128000000000000000000n;
const A0 = 38877084059945950922200000000000000000000000000000000000n;
const X1 = 64000000000000000000n;
const A1 = 6235149080811616882910000000n;
const X2 = 3200000000000000000000n;
const A2 = 7896296018268069516100000000000000n;
const X3 = 1600000000000000000000n;
const A3 = 888611052050787263676000000n;
const X4 = 800000000000000000000n;
const A4 = 298095798704172827474000n;
const X5 = 400000000000000000000n;
const A5 = 5459815003314423907810n;
const X6 = 200000000000000000000n;
const A6 = 738905609893065022723n;
const X7 = 100000000000000000000n;
const A7 = 271828182845904523536n;
const X8 = 50000000000000000000n;
const A8 = 164872127070012814685n;
const X9 = 25000000000000000000n;
const A9 = 128402541668774148407n;
const X10 = 12500000000000000000n;
const A10 = 113314845306682631683n;
const X11 = 6250000000000000000n;
const A11 = 106449445891785942956n;

/**
 * e^x.
 *
 * @param x - Exponent, 18 decimals, signed.
 * @returns The power, 18 decimals.
 * @throws {Revert} BAL#009 outside of -41..130.
 */
export function exp(x: bigint): bigint {
  if (x < MIN_EXPONENT || x > MAX_EXPONENT) revert(9);
  return x < 0n ? (E18 * E18) / expPositive(-x) : expPositive(x);
}

function expPositive(exponent: bigint): bigint {
  let x = exponent;
  let first = 1n;
  if (x >= X0) {
    x -= X0;
    first = A0;
  } else if (x >= X1) {
    x -= X1;
    first = A1;
  }

  x *= 100n;
  let product = E20;
  if (x >= X2) [x, product] = [x - X2, (product * A2) / E20];
  if (x >= X3) [x, product] = [x - X3, (product * A3) / E20];
  if (x >= X4) [x, product] = [x - X4, (product * A4) / E20];
  if (x >= X5) [x, product] = [x - X5, (product * A5) / E20];
  if (x >= X6) [x, product] = [x - X6, (product * A6) / E20];
  if (x >= X7) [x, product] = [x - X7, (product * A7) / E20];
  if (x >= X8) [x, product] = [x - X8, (product * A8) / E20];
  if (x >= X9) [x, product] = [x - X9, (product * A9) / E20];

  let sum = E20 + x;
  let term = x;
  for (let n = 2n; n <= 12n; n++) {
    term = (term * x) / E20 / n;
    sum += term;
  }
  return (((product * sum) / E20) * first) / 100n;
}

/**
 * Natural logarithm.
 *
 * @param a - 18 decimals, greater than zero.
 * @returns ln(a), 18 decimals, signed.
 * @throws {Revert} BAL#100 when a <= 0.
 */
export function ln(a: bigint): bigint {
  if (a <= 0n) revert(100);
  return isNearOne(a) ? ln36(a) / E18 : ln20(a);
}

/**
 * Logarithm of `a` to base `base`, all with 18 decimals.
 */
export function log(a: bigint, base: bigint): bigint {
  const lnBase = isNearOne(base) ? ln36(base) : ln20(base) * E18;
  const lnArgument = isNearOne(a) ? ln36(a) : ln20(a) * E18;
  return (lnArgument * E18) / lnBase;
}

/**
 * x^y with a relative error below 10^-14; callers round by adding or subtracting that bound.
 *
 * @param x - Base, 18 decimals, unsigned.
 * @param y - Exponent, 18 decimals, unsigned.
 * @returns The power, 18 decimals. 0^0 is 1.
 * @throws {Revert} BAL#006, BAL#007, BAL#008 when base, exponent or y * ln(x) are out of bounds.
 */
export function pow(x: bigint, y: bigint): bigint {
  if (y === 0n) return E18;
  if (x === 0n) return 0n;
  if (x >= MIN_CERTIFIED_BASE && x <= MAX_CERTIFIED_BASE) {
    const power = certifiedPow(x, y);
    if (power !== null) return power;
  }
  return powByBigint(x, y);
}

/**
 * `pow` by the contract's own steps, whatever the base. `pow` takes this way where no shorter one
 * is certain to end at the same integer.
 */
export function powByBigint(x: bigint, y: bigint): bigint {
  if (y === 0n) return E18;
  if (x === 0n) return 0n;
  if (x < 0n || x >= MAX_BASE) revert(6);
  if (y >= MAX_POWER) revert(7);

  let exponent: bigint;
  if (isNearOne(x)) {
    const l = ln36(x);
    exponent = (l / E18) * y + ((l % E18) * y) / E18;
  } else {
    exponent = ln20(x) * y;
  }
  exponent /= E18;
  if (exponent < MIN_EXPONENT || exponent > MAX_EXPONENT) revert(8);
  return exp(exponent);
}

function isNearOne(x: bigint): boolean {
  return x > LN_36_LOWER_BOUND && x < LN_36_UPPER_BOUND;
}

function ln20(argument: bigint): bigint {
  if (argument < E18) return -ln20((E18 * E18) / argument);

  let a = argument;
  let sum = 0n;
  if (a >= A0 * E18) [a, sum] = [a / A0, sum + X0];
  if (a >= A1 * E18) [a, sum] = [a / A1, sum + X1];

  sum *= 100n;
  a *= 100n;
  if (a >= A2) [a, sum] = [(a * E20) / A2, sum + X2];
  if (a >= A3) [a, sum] = [(a * E20) / A3, sum + X3];
  if (a >= A4) [a, sum] = [(a * E20) / A4, sum + X4];
  if (a >= A5) [a, sum] = [(a * E20) / A5, sum + X5];
  if (a >= A6) [a, sum] = [(a * E20) / A6, sum + X6];
  if (a >= A7) [a, sum] = [(a * E20) / A7, sum + X7];
  if (a >= A8) [a, sum] = [(a * E20) / A8, sum + X8];
  if (a >= A9) [a, sum] = [(a * E20) / A9, sum + X9];
  if (a >= A10) [a, sum] = [(a * E20) / A10, sum + X10];
  if (a >= A11) [a, sum] = [(a * E20) / A11, sum + X11];

  // ln(a) = 2 artanh(z) with z = (a - 1) / (a + 1), a series in odd powers of z.
  const z = ((a - E20) * E20) / (a + E20);
  const zSquared = (z * z) / E20;
  let power = z;
  let series = z;
  for (let divisor = 3n; divisor <= 11n; divisor += 2n) {
    power = (power * zSquared) / E20;
    series += power / divisor;
  }
  return (sum + 2n * series) / 100n;
}

function ln36(argument: bigint): bigint {
  const x = argument * E18;
  const z = ((x - E36) * E36) / (x + E36);
  const zSquared = (z * z) / E36;
  let power = z;
  let series = z;
  for (let divisor = 3n; divisor <= 15n; divisor += 2n) {
    power = (power * zSquared) / E36;
    series += power / divisor;
  }
  return series * 2n;
}
