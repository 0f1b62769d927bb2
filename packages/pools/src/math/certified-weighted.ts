/**
 * The power in a weighted swap, from the balances and weights to the share of the other balance, in
 * pairs of doubles from end to end: of `bigint`s only the inputs are read and the result is written.
 * Every step is a floor or ceiling of the contract (`double-double.ts`); where one is not certain or
 * a swap might revert, this gives up, and the caller computes with `bigint`.
 *
 * @module
 */
import { power } from './certified-pow.ts';
import type { CertifiedSwap } from './certified-product.ts';
import {
  add,
  constant,
  copy,
  difference,
  high,
  increase,
  load,
  subtract,
  takeRegisters,
  wholeOf,
  wholeQuotient,
} from './double-double.ts';

const ONE = constant(10n ** 18n);
const TWO = constant(2n * 10n ** 18n);
const FOUR = constant(4n * 10n ** 18n);

/** Safely below the thirty per cent at which swaps revert; above, the contract's own test decides. */
const BELOW_MAX_RATIO = 0.2999999;
/** One part in this many of a power is added to it, because the contract's may be that much off. */
const GUARD_DIVISOR = 1e14;
const GUARD_MARGIN = 1e-6;

const BALANCE = takeRegisters();
const AMOUNT = takeRegisters();
const EXPONENT = takeRegisters();
const POWER = takeRegisters();
/** What EXPONENT holds. */
const last = { numerator: -1n, denominator: -1n, roundUp: false };

/**
 * complement(powUp(divUp(balance, balance + amount), divDown(numerator, denominator))).
 *
 * @returns 18 decimals; null when it is not certain, or the contract may revert.
 */
export function certifiedShareOut(swap: CertifiedSwap): bigint | null {
  if (!loadBalance(swap)) return null;
  add(AMOUNT, BALANCE, AMOUNT);
  if (!powerOfSwap(swap, false) || difference(POWER, ONE) >= 0) return null;
  subtract(POWER, ONE, POWER);
  return wholeOf(POWER);
}

/**
 * powUp(divUp(balance, balance - amount), divUp(numerator, denominator)) - 1.0.
 *
 * @returns 18 decimals; null when it is not certain, or the contract may revert.
 */
export function certifiedShareIn(swap: CertifiedSwap): bigint | null {
  if (!loadBalance(swap)) return null;
  subtract(AMOUNT, BALANCE, AMOUNT);
  if (!powerOfSwap(swap, true)) return null;
  subtract(POWER, POWER, ONE);
  return wholeOf(POWER);
}

function loadBalance({ balance, amount }: CertifiedSwap): boolean {
  return (
    load(BALANCE, balance) && load(AMOUNT, amount) && high(AMOUNT) < high(BALANCE) * BELOW_MAX_RATIO
  );
}

/** POWER = powUp(BALANCE / AMOUNT, numerator / denominator), the exponent rounded as asked. */
function powerOfSwap(swap: CertifiedSwap, roundUp: boolean): boolean {
  const { numerator, denominator, hasShortcuts } = swap;
  if (!wholeQuotient(POWER, BALANCE, ONE, AMOUNT, true)) return false;
  if (!loadExponent(numerator, denominator, roundUp)) return false;
  if (hasShortcuts) {
    if (difference(EXPONENT, ONE) === 0) return true;
    if (difference(EXPONENT, TWO) === 0) return squareUp();
    if (difference(EXPONENT, FOUR) === 0) return squareUp() && squareUp();
  }
  if (!power(POWER, POWER, EXPONENT)) return false;
  const guard = high(POWER) / GUARD_DIVISOR;
  const whole = Math.floor(guard);
  if (guard - whole < GUARD_MARGIN || guard - whole > 1 - GUARD_MARGIN) return false;
  increase(POWER, whole + 2);
  return true;
}

/**
 * EXPONENT = numerator / denominator, rounded as asked. A pool's weights seldom change, so that of the
 * last swap mostly serves again.
 */
function loadExponent(numerator: bigint, denominator: bigint, roundUp: boolean): boolean {
  if (
    numerator === last.numerator &&
    denominator === last.denominator &&
    roundUp === last.roundUp
  ) {
    return true;
  }
  last.numerator = -1n;
  if (!load(BALANCE, numerator) || !load(AMOUNT, denominator)) return false;
  if (numerator === denominator) copy(EXPONENT, ONE);
  else if (!wholeQuotient(EXPONENT, BALANCE, ONE, AMOUNT, roundUp)) return false;
  last.numerator = numerator;
  last.denominator = denominator;
  last.roundUp = roundUp;
  return true;
}

/** POWER = ceil(POWER^2 / 10^18). */
function squareUp(): boolean {
  return wholeQuotient(POWER, POWER, POWER, ONE, true);
}
