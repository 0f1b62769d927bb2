/**
 * The two iterations of stable pools in pairs of doubles (`double-double.ts`): D round by round with
 * every floor of the contract, and a balance by the root at which the contract's rounds end. Where a
 * value leaves the range, or a result is too close to an integer to tell, they give up, and the
 * caller computes with `bigint`.
 *
 * @module
 */
import {
  add,
  ceil,
  constant,
  constants,
  copy,
  difference,
  divide,
  floor,
  high,
  increase,
  load,
  multiply,
  type Register,
  set,
  subtract,
  takeRegisters,
  wholeOf,
  wholeQuotient,
} from './double-double.ts';

const MAX_TOKENS = 8;
const MAX_ROUNDS = 255;
/** Amplification is kept in thousandths. */
const AMP_PRECISION = 1000;
const MAX_AMP_TIMES_COUNT = 2 ** 30;
/** Whole numbers below this are exact in pairs when they are multiplied by a few and added. */
const MAX_WHOLE = 2 ** 97;
/** And below this when one of those is added. */
const MAX_TERM = 2 ** 103;
/** More than the relative error of six products or quotients. */
const CHAIN_ERROR = 2 ** -97;
/** From this slope of the polynomial on, the rounds of the contract end at its root. */
const MIN_SLOPE = 128;
/** Polynomials with greater constant terms might leave 256 bits on the contract's way. */
const MAX_CONSTANT_PER_INVARIANT = 2 ** 100;
/** A root that is nearer below an integer than this over the slope may end above it. */
const MIN_DISTANCE = 8;

const ONE = constant(1n);
const THOUSAND = constant(1000n);
/** Whole numbers from 0 to one more than the greatest count. */
const WHOLES = constants(Array.from({ length: MAX_TOKENS + 2 }, (_, n) => [BigInt(n), 1n]));

/** Balances times their number, and the sum of the plain balances. */
const MULTIPLES = takeRegisters(MAX_TOKENS);
const SUM = takeRegisters();
/** Amplification times the number of balances, the same less 1.0, and the first times the sum. */
const AMP_TIMES_COUNT = takeRegisters();
const LESS_AMP = takeRegisters();
const AMP_TIMES_SUM = takeRegisters();
const AMP_UNITS = takeRegisters();

const D = takeRegisters();
const NEXT = takeRegisters();
const PRODUCT = takeRegisters();
const NUMERATOR = takeRegisters();
const DENOMINATOR = takeRegisters();
const BALANCE = takeRegisters();
const LINEAR = takeRegisters();
const CONSTANT = takeRegisters();

/**
 * D as pools of 2021 iterate it.
 *
 * @returns null when it is not certain, or the contract may revert.
 */
export function certifiedInvariant2021(
  amp: bigint,
  balances: readonly bigint[],
  roundUp: boolean,
): bigint | null {
  const count = balances.length;
  if (!loadPool(amp, balances)) return null;
  multiply(AMP_TIMES_SUM, AMP_TIMES_COUNT, SUM);
  divide(AMP_TIMES_SUM, AMP_TIMES_SUM, THOUSAND);
  copy(D, SUM);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    if (!productOverPowers(count, roundUp)) return null;
    if (!inThousandths(DENOMINATOR, PRODUCT, LESS_AMP, !roundUp)) return null;
    multiply(NUMERATOR, D, WHOLES + 2 * (count + 1));
    add(DENOMINATOR, DENOMINATOR, NUMERATOR);

    // The numerator is too long to be exact. That its second part is rounded matters in small pools
    // only; there the margin makes this give up.
    multiply(NEXT, D, D);
    multiply(NEXT, NEXT, WHOLES + 2 * count);
    multiply(NUMERATOR, AMP_TIMES_SUM, PRODUCT);
    add(NUMERATOR, NUMERATOR, NEXT);
    divide(NEXT, NUMERATOR, DENOMINATOR);
    const margin = high(NEXT) * CHAIN_ERROR + 2 / high(DENOMINATOR);
    if (!(roundUp ? ceil(NEXT, margin) : floor(NEXT, margin))) return null;
    if (Math.abs(difference(NEXT, D)) <= 1) return wholeOf(NEXT);
    copy(D, NEXT);
  }
  return null;
}

/**
 * D as pools from June 2022 on iterate it, rounded down.
 *
 * @returns null when it is not certain, or the contract may revert.
 */
export function certifiedInvariant2022(amp: bigint, balances: readonly bigint[]): bigint | null {
  const count = balances.length;
  if (!loadPool(amp, balances)) return null;
  if (!inThousandths(AMP_TIMES_SUM, SUM, AMP_TIMES_COUNT, false)) return null;
  copy(D, SUM);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    copy(PRODUCT, D);
    for (let j = 0; j < 2 * count; j += 2) {
      if (!wholeQuotient(PRODUCT, PRODUCT, D, MULTIPLES + j, false)) return null;
    }
    if (!inThousandths(DENOMINATOR, D, LESS_AMP, false)) return null;
    multiply(NUMERATOR, PRODUCT, WHOLES + 2 * (count + 1));
    add(DENOMINATOR, DENOMINATOR, NUMERATOR);
    multiply(NUMERATOR, PRODUCT, WHOLES + 2 * count);
    add(NUMERATOR, NUMERATOR, AMP_TIMES_SUM);
    if (!wholeQuotient(NEXT, NUMERATOR, D, DENOMINATOR, false)) return null;
    if (Math.abs(difference(NEXT, D)) <= 1) return wholeOf(NEXT);
    copy(D, NEXT);
  }
  return null;
}

/**
 * The balance of token `index` at which the contract's iteration ends.
 *
 * The iteration is Newton's for g(y) = y^2 + (b - D) y - c and comes from above. With r the root and
 * M = 2 r + b - D its slope there, one round takes y to ceil(r + (y - r)^2 / (2 y + b - D)), so it
 * ends at ceil(r), unless r lies within 4 / M below an integer, where the end depends on the way
 * there. The argument needs M of some size, which pools of a few units lack.
 *
 * @returns null when it is not certain, or the contract may revert.
 */
export function certifiedBalance(
  amp: bigint,
  balances: readonly bigint[],
  d: bigint,
  index: number,
): bigint | null {
  if (!loadPool(amp, balances) || !load(D, d) || !load(BALANCE, balances[index]!)) return null;
  if (!(high(D) < MAX_WHOLE) || !productOverPowers(balances.length, false)) return null;

  // b - D, a whole number of either sign.
  if (!wholeQuotient(LINEAR, D, ONE, AMP_TIMES_COUNT, false)) return null;
  multiply(LINEAR, LINEAR, THOUSAND);
  add(LINEAR, LINEAR, SUM);
  subtract(LINEAR, LINEAR, BALANCE);
  subtract(LINEAR, LINEAR, D);

  multiply(CONSTANT, D, D);
  divide(CONSTANT, CONSTANT, PRODUCT);
  divide(CONSTANT, CONSTANT, AMP_TIMES_COUNT);
  if (!ceil(CONSTANT, high(CONSTANT) * CHAIN_ERROR)) return null;
  multiply(CONSTANT, CONSTANT, THOUSAND);
  multiply(CONSTANT, CONSTANT, BALANCE);
  const c = high(CONSTANT);
  if (!(c < high(D) * MAX_CONSTANT_PER_INVARIANT)) return null;

  // The root in doubles, then one step of Newton's method, whose own error the square takes off.
  const half = high(LINEAR) / 2;
  const root = Math.sqrt(half * half + c);
  const guess = half > 0 ? c / (root + half) : root - half;
  const slope = guess + guess + high(LINEAR);
  if (!(slope >= MIN_SLOPE)) return null;
  set(NEXT, guess);
  add(LINEAR, LINEAR, NEXT);
  multiply(LINEAR, LINEAR, NEXT);
  const step = difference(CONSTANT, LINEAR) / slope;
  increase(NEXT, step - (step * step) / slope);
  return ceil(NEXT, guess * CHAIN_ERROR + MIN_DISTANCE / slope) ? wholeOf(NEXT) : null;
}

/** Reads amplification and balances. @returns False when they are out of range. */
function loadPool(amp: bigint, balances: readonly bigint[]): boolean {
  const count = balances.length;
  if (count < 2 || count > MAX_TOKENS || !load(AMP_TIMES_COUNT, amp)) return false;
  const ampTimesCount = high(AMP_TIMES_COUNT) * count;
  if (!(ampTimesCount > AMP_PRECISION && ampTimesCount < MAX_AMP_TIMES_COUNT)) return false;
  set(AMP_TIMES_COUNT, ampTimesCount);
  set(LESS_AMP, ampTimesCount - AMP_PRECISION);
  set(SUM, 0);
  for (let i = 0; i < count; i++) {
    const multiple: Register = MULTIPLES + 2 * i;
    if (!load(multiple, balances[i]!)) return false;
    add(SUM, SUM, multiple);
    multiply(multiple, multiple, WHOLES + 2 * count);
  }
  return high(SUM) < MAX_WHOLE;
}

/** to = whole amp / 1000, rounded as asked; no rounding, and a longer range, for whole amplifications. */
function inThousandths(to: Register, whole: Register, amp: Register, roundUp: boolean): boolean {
  const units = high(amp) / AMP_PRECISION;
  if (!Number.isInteger(units)) return wholeQuotient(to, whole, amp, THOUSAND, roundUp);
  set(AMP_UNITS, units);
  multiply(to, whole, AMP_UNITS);
  return high(to) < MAX_TERM;
}

/** PRODUCT = the product of the multiples, divided by D after each of them but the first. */
function productOverPowers(count: number, roundUp: boolean): boolean {
  copy(PRODUCT, MULTIPLES);
  for (let j = 2; j < 2 * count; j += 2) {
    if (!wholeQuotient(PRODUCT, PRODUCT, MULTIPLES + j, D, roundUp)) return false;
  }
  return true;
}
