/**
 * Circuit breakers of managed pools: bounds on the price of pool tokens in one token, which follow
 * the token's weight.
 *
 * @module
 */
import { revert } from '../../errors.ts';
import { complement, FP2, mulDown, mulUp, ONE } from '../../math/fixed-point.ts';
import { compress, decompress } from '../../math/compression.ts';
import { divDown as quotientDown, divUp as quotientUp, mul } from '../../uint.ts';
import type { CircuitBreaker } from '../state.ts';

/** Bounds keep 16 bits, taken 48 bits up. */
const BOUND_SHIFT = 48n;
const MIN_BOUND = ONE / 10n;
const MAX_BOUND = ONE * 10n;

/**
 * @param breaker.bptPrice - Already scaled down by the token's factor.
 * @throws {Revert} BAL#355 for bounds other than lower 0 or 0.1..1, upper 0 or lower..10.
 */
export function createCircuitBreaker(breaker: {
  readonly bptPrice: bigint;
  readonly weight: bigint;
  readonly lower: bigint;
  readonly upper: bigint;
}): CircuitBreaker {
  const { bptPrice, weight, lower, upper } = breaker;
  if (lower !== 0n && (lower < MIN_BOUND || lower > ONE)) revert(355);
  if (upper !== 0n && (upper < lower || upper > MAX_BOUND)) revert(355);
  const adjustedLower = lowerRatio(lower, weight);
  const adjustedUpper = upperRatio(upper, weight);
  return {
    bptPrice,
    referenceWeight: weight,
    lowerBound: lower >> BOUND_SHIFT,
    upperBound: upper >> BOUND_SHIFT,
    adjustedLowerBound: compress(adjustedLower, 32, MAX_BOUND),
    adjustedUpperBound: compress(adjustedUpper, 32, MAX_BOUND),
  };
}

/** The bounds as the pool reports them, 18 decimals; 0 where a side is off. */
export function boundsOf(breaker: CircuitBreaker): { lower: bigint; upper: bigint } {
  return {
    lower: breaker.lowerBound << BOUND_SHIFT,
    upper: breaker.upperBound << BOUND_SHIFT,
  };
}

/** Prices at which the breaker trips at a weight; 0 where a side is off. */
export function boundPrices(
  breaker: CircuitBreaker,
  weight: bigint,
): { lower: bigint; upper: bigint } {
  const { lower, upper } = boundsOf(breaker);
  const isReference = weight === breaker.referenceWeight;
  const lowerBoundRatio = isReference
    ? decompress(breaker.adjustedLowerBound, 32, MAX_BOUND)
    : lowerRatio(lower, weight);
  const upperBoundRatio = isReference
    ? decompress(breaker.adjustedUpperBound, 32, MAX_BOUND)
    : upperRatio(upper, weight);
  return {
    lower: lower === 0n ? 0n : mulUp(breaker.bptPrice, lowerBoundRatio),
    upper: upper === 0n ? 0n : mulDown(breaker.bptPrice, upperBoundRatio),
  };
}

/** Which sides to test: a token coming in can only fall in price, one going out only rise. */
export type BreakerSide = 'lower' | 'upper' | 'both';

/**
 * @param token.balance - Scaled, after the operation.
 * @throws {Revert} BAL#356 when the price of pool tokens leaves the bounds.
 */
export function requireNotTripped(
  breaker: CircuitBreaker | null,
  side: BreakerSide,
  token: { readonly supply: bigint; readonly balance: bigint; readonly weight: bigint },
): void {
  if (breaker === null) return;
  const { supply, balance, weight } = token;
  const prices = boundPrices(breaker, weight);
  const value = mul(supply, weight);
  if (side !== 'upper' && prices.lower !== 0n && quotientDown(value, balance) < prices.lower) {
    revert(356);
  }
  if (side !== 'lower' && prices.upper !== 0n && quotientUp(value, balance) > prices.upper) {
    revert(356);
  }
}

function lowerRatio(bound: bigint, weight: bigint): bigint {
  return FP2.powUp(bound, complement(weight));
}

function upperRatio(bound: bigint, weight: bigint): bigint {
  return FP2.powDown(bound, complement(weight));
}
