/**
 * The power in a weighted swap, from the balances and weights to the share of the other balance, in
 * pairs of doubles from end to end: of `bigint`s only the inputs are read and the result is written.
 * Every step is a floor or ceiling of the contract, told from its approximation or given up
 * (`double-double.ts`); what is given up the caller computes with `bigint`.
 *
 * @module
 */
import { power } from './certified-pow.ts';
import {
  add,
  addNumber,
  ceilR,
  divide,
  load,
  multiply,
  pairOfQuotient,
  R as RESULT,
  wholeOfR,
  wholeQuotient,
} from './double-double.ts';

/** Aliased, because V8 takes a constant of the module itself for one and an import not. */
const R = RESULT;

/** Numbers with 18 decimals, exact as doubles. */
const ONE = 1e18;
const TWO = 2e18;
const FOUR = 4e18;
const [ONE_INVERSE, ONE_INVERSE_LOW] = pairOfQuotient(1n, 10n ** 18n);

/** Safely below the thirty per cent at which swaps revert; above, the contract's own test decides. */
const BELOW_MAX_RATIO = 0.2999999;
/** Bases for which `power` is made. */
const MAX_BASE = 2 * ONE;
/** More than the error of a product and a quotient, below this value. */
const MARGIN = 2 ** -30;
const MAX_VALUE = 2 ** 64;
/** One part in this many of a power is added to it, because the contract's may be that much off. */
const GUARD_DIVISOR = 1e14;
const GUARD_MARGIN = 1e-6;

/** The balance that changes by the given amount, and the weights whose quotient is the exponent. */
export interface CertifiedSwap {
  readonly balance: bigint;
  readonly amount: bigint;
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/**
 * complement(powUp(divUp(balance, balance + amount), divDown(numerator, denominator))).
 *
 * @param hasShortcuts - Whether the exponents 1, 2 and 4 are products (`FP2`).
 * @returns 18 decimals; null when it cannot be certified, or the contract may revert.
 */
export function certifiedShareOut(swap: CertifiedSwap, hasShortcuts: boolean): bigint | null {
  if (!powerOfSwap(swap, 'grows', hasShortcuts)) return null;
  add(ONE, 0, -R[0]!, -R[1]!);
  return R[0]! > 0 ? wholeOfR() : null;
}

/**
 * powUp(divUp(balance, balance - amount), divUp(numerator, denominator)) - 1.0.
 *
 * @param hasShortcuts - Whether the exponents 1, 2 and 4 are products (`FP2`).
 * @returns 18 decimals; null when it cannot be certified, or the contract may revert.
 */
export function certifiedShareIn(swap: CertifiedSwap, hasShortcuts: boolean): bigint | null {
  if (!powerOfSwap(swap, 'shrinks', hasShortcuts)) return null;
  add(R[0]!, R[1]!, -ONE, 0);
  return R[0]! > 0 ? wholeOfR() : null;
}

function powerOfSwap(
  swap: CertifiedSwap,
  balanceThat: 'grows' | 'shrinks',
  hasShortcuts: boolean,
): boolean {
  const { numerator, denominator } = swap;
  if (!load(swap.amount)) return false;
  const sign = balanceThat === 'grows' ? 1 : -1;
  const changeHigh = sign * R[0]!;
  const changeLow = sign * R[1]!;
  if (!load(swap.balance)) return false;
  const high = R[0]!;
  const low = R[1]!;
  // An amount of zero, or a balance of zero, fails here or at the ceiling of exactly 1.0.
  if (!(sign * changeHigh < high * BELOW_MAX_RATIO)) return false;

  add(high, low, changeHigh, changeLow);
  const afterHigh = R[0]!;
  const afterLow = R[1]!;
  multiply(high, low, ONE, 0);
  divide(R[0]!, R[1]!, afterHigh, afterLow);
  if (!ceilR(MARGIN)) return false;
  const baseHigh = R[0]!;
  const baseLow = R[1]!;
  if (numerator === denominator) {
    R[0] = ONE;
    R[1] = 0;
  } else if (!quotientOfWeights(numerator, denominator, balanceThat === 'shrinks')) {
    return false;
  }
  return powUp(baseHigh, baseLow, R[0]!, R[1]!, hasShortcuts);
}

/** R = a / b with 18 decimals. */
function quotientOfWeights(a: bigint, b: bigint, roundUp: boolean): boolean {
  if (!load(a)) return false;
  const high = R[0]!;
  const low = R[1]!;
  return load(b) && wholeQuotient(high, low, ONE, 0, R[0]!, R[1]!, roundUp);
}

/** R = base^exponent with the guard that makes it an upper bound, as `FixedPoint.powUp`. */
function powUp(
  baseHigh: number,
  baseLow: number,
  exponentHigh: number,
  exponentLow: number,
  hasShortcuts: boolean,
): boolean {
  if (hasShortcuts && exponentLow === 0) {
    R[0] = baseHigh;
    R[1] = baseLow;
    if (exponentHigh === ONE) return true;
    if (exponentHigh === TWO) return squareUp();
    if (exponentHigh === FOUR) return squareUp() && squareUp();
  }
  if (baseHigh >= MAX_BASE || !power(baseHigh, baseLow, exponentHigh, exponentLow)) return false;
  const guard = R[0]! / GUARD_DIVISOR;
  const whole = Math.floor(guard);
  if (guard - whole < GUARD_MARGIN || guard - whole > 1 - GUARD_MARGIN) return false;
  addNumber(whole + 2);
  return true;
}

/** R = ceil(R^2 / 10^18). */
function squareUp(): boolean {
  multiply(R[0]!, R[1]!, R[0]!, R[1]!);
  multiply(R[0]!, R[1]!, ONE_INVERSE, ONE_INVERSE_LOW);
  return R[0]! < MAX_VALUE && ceilR(MARGIN);
}
