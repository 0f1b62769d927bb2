/**
 * The power in a weighted swap where the exponent is 1, 2 or 4 and the contracts since September 2022
 * multiply. It is worth a function of its own: there is so little to compute that loads, stores and
 * calls would cost more than the arithmetic, so everything here stays in local doubles.
 *
 * What a swap needs is not the power but how far it is from 1.0, and that has a shorter way. With the
 * base 1.0 -/+ q, where q = amount / (balance +/- amount), the contract's rounded square is
 * 1.0 -/+ (2 q -/+ ceil(q^2)), the same thing again with another q; upper signs for a given amount in.
 *
 * @module
 */

const TWO_32 = 2 ** 32;
const TWO_64 = 2 ** 64;
/** What is read has fewer bits than two doubles. */
const LOADABLE_BELOW = 1n << 104n;
const MAX_UINT64 = (1n << 64n) - 1n;
/** Safely below the thirty per cent at which swaps revert; above, the contract's own test decides. */
const BELOW_MAX_RATIO = 0.2999999;
/** 10^18 and its two halves of half the digits each, for exact products of doubles. */
const ONE = 1e18;
const ONE_INVERSE = 1 / ONE;
const SPLITTER = 2 ** 27 + 1;
const ONE_HIGH = SPLITTER * ONE - (SPLITTER * ONE - ONE);
const ONE_LOW = ONE - ONE_HIGH;
/** A fraction is certain when it lies further than this from an integer; errors stay below 2^-40. */
const MARGIN = 2 ** -30;

/** The same sixteen bytes as two unsigned integers and as four: how a `bigint` comes in and goes out. */
const WORDS = new BigUint64Array(2);
const HALVES = new Uint32Array(WORDS.buffer);

/** The last balance, as a sum of two doubles. */
const SPLIT = new Float64Array(2);
let lastBalance = 0n;

/** The balance that changes by the given amount, and the weights whose quotient is the exponent. */
export interface CertifiedSwap {
  readonly balance: bigint;
  readonly amount: bigint;
  readonly numerator: bigint;
  readonly denominator: bigint;
  /** Whether the exponents 1, 2 and 4 are products (`FP2`). */
  readonly hasShortcuts: boolean;
}

/**
 * How far the power of a swap is from 1.0, rounded as the contracts do.
 *
 * @param direction - 1 when the amount comes in: floor(1.0 - base^exponent), with the base
 * balance / (balance + amount) and its squares rounded up. -1 when it goes out:
 * ceil(base^exponent - 1.0), with the base balance / (balance - amount).
 * @returns 18 decimals; null for another exponent, when it is not certain, or when the contract may
 * revert.
 */
export function certifiedProduct(swap: CertifiedSwap, direction: 1 | -1): bigint | null {
  const { balance, amount, numerator, denominator } = swap;
  if (!swap.hasShortcuts) return null;
  const exponent = numerator === denominator ? 1 : productExponent(numerator, denominator);
  if (exponent === 0) return null;

  // Each as a sum of two doubles: 40 upper bits, 32 and 32.
  if (balance !== lastBalance && !splitBalance(balance)) return null;
  const balanceHigh = SPLIT[0]!;
  const balanceLow = SPLIT[1]!;
  let amountUpper = 0;
  WORDS[0] = amount;
  if (amount > MAX_UINT64) {
    if (amount >= LOADABLE_BELOW) return null;
    WORDS[1] = amount >> 64n;
    amountUpper = (HALVES[3]! * TWO_32 + HALVES[2]!) * TWO_64;
  } else if (amount < 0n) return null;
  const amountTop = HALVES[1]! * TWO_32;
  const amountRest = HALVES[0]!;
  const amountLower = amountTop + amountRest;
  const amountHigh = amountUpper + amountLower;
  const amountLow =
    amountLower - (amountHigh - amountUpper) + (amountTop - amountLower + amountRest);
  if (!(amountHigh < balanceHigh * BELOW_MAX_RATIO)) return null;

  // divisor = balance +/- amount
  const change = direction * amountHigh;
  const sum = balanceHigh + change;
  const sumRest = change - (sum - balanceHigh) + (balanceLow + direction * amountLow);
  const divisor = sum + sumRest;
  const divisorLow = sum - divisor + sumRest;
  const inverse = 1 / divisor;
  const divisorSplit = SPLITTER * divisor;
  const divisor1 = divisorSplit - (divisorSplit - divisor);
  const divisor2 = divisor - divisor1;

  // The dividend, 1.0 amount, is dividend + dividendError, exactly but for the last of 106 bits.
  const amountSplit = SPLITTER * amountHigh;
  const amount1 = amountSplit - (amountSplit - amountHigh);
  const amount2 = amountHigh - amount1;
  const dividend = amountHigh * ONE;
  const dividendError =
    amount2 * ONE_LOW -
    (dividend - amount1 * ONE_HIGH - amount2 * ONE_HIGH - amount1 * ONE_LOW) +
    amountLow * ONE;

  // q: a first quotient, and what it leaves over divided once more.
  let quotient = dividend * inverse;
  let product = quotient * divisor;
  let split = SPLITTER * quotient;
  let part1 = split - (split - quotient);
  let part2 = quotient - part1;
  let error = part2 * divisor2 - (product - part1 * divisor1 - part2 * divisor1 - part1 * divisor2);
  let left = dividend - product + (dividendError - error - quotient * divisorLow);
  let whole = Math.floor(quotient);
  let rest = quotient - whole + left * inverse;
  let wholeRest = Math.floor(rest);
  let fraction = rest - wholeRest;
  if (!(fraction > MARGIN && fraction < 1 - MARGIN)) return null;
  if (direction < 0) wholeRest++;
  let high = whole + wholeRest;
  let low = whole - high + wholeRest;

  for (let power = 1; power < exponent; power *= 2) {
    // q' = 2 q -/+ ceil(q^2 / 1.0)
    const square = high * high;
    split = SPLITTER * high;
    part1 = split - (split - high);
    part2 = high - part1;
    const squareError =
      part2 * part2 - (square - part1 * part1 - 2 * part1 * part2) + 2 * high * low;
    quotient = square * ONE_INVERSE;
    product = quotient * ONE;
    split = SPLITTER * quotient;
    part1 = split - (split - quotient);
    part2 = quotient - part1;
    error = part2 * ONE_LOW - (product - part1 * ONE_HIGH - part2 * ONE_HIGH - part1 * ONE_LOW);
    left = square - product + (squareError - error);
    whole = Math.floor(quotient);
    rest = quotient - whole + left * ONE_INVERSE;
    wholeRest = Math.floor(rest);
    fraction = rest - wholeRest;
    if (!(fraction > MARGIN && fraction < 1 - MARGIN)) return null;
    const upper = 2 * high - direction * whole;
    const upperRest = -direction * whole - (upper - 2 * high);
    const lower = upperRest + 2 * low - direction * (wholeRest + 1);
    high = upper + lower;
    low = upper - high + lower;
  }

  // Carries, upwards or downwards: the low part has either sign.
  const middle = Math.floor(high / TWO_32);
  const bottom = high - middle * TWO_32 + low;
  const carry = Math.floor(bottom / TWO_32);
  HALVES[0] = bottom - carry * TWO_32;
  HALVES[1] = middle + carry;
  return WORDS[0];
}

/**
 * Puts a balance into SPLIT. A pool is mostly asked again at the balances of the last time, for another
 * amount, and reading one costs a sixth of a swap.
 *
 * @returns False when it is out of range.
 */
function splitBalance(balance: bigint): boolean {
  let upper = 0;
  WORDS[0] = balance;
  if (balance > MAX_UINT64) {
    if (balance >= LOADABLE_BELOW) return false;
    WORDS[1] = balance >> 64n;
    upper = (HALVES[3]! * TWO_32 + HALVES[2]!) * TWO_64;
  } else if (balance < 0n) return false;
  const top = HALVES[1]! * TWO_32;
  const rest = HALVES[0]!;
  const lower = top + rest;
  const high = upper + lower;
  SPLIT[0] = high;
  SPLIT[1] = lower - (high - upper) + (top - lower + rest);
  lastBalance = balance;
  return true;
}

/** 2 or 4 when that is numerator / denominator, or else 0. */
function productExponent(numerator: bigint, denominator: bigint): 0 | 2 | 4 {
  // Weights are at most 1.0, so of the quotients that round to 2.0 or 4.0 only the exact ones occur.
  if (numerator > MAX_UINT64 || denominator > MAX_UINT64) return 0;
  WORDS[0] = numerator;
  WORDS[1] = denominator;
  const upper = HALVES[1]!;
  const lower = HALVES[0]!;
  // Both sides of each sum are exact, and so the sum is zero only when they cancel.
  if ((upper - 2 * HALVES[3]!) * TWO_32 + (lower - 2 * HALVES[2]!) === 0) return 2;
  if ((upper - 4 * HALVES[3]!) * TWO_32 + (lower - 4 * HALVES[2]!) === 0) return 4;
  return 0;
}
