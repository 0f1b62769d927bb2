/**
 * What learners see of a pool of two tokens, and what their actions mean: the same in an environment
 * and in an experiment, so that a policy can be taken from one to the other.
 *
 * @module
 */
import type { Decision, Order } from '../loop/types.ts';
import type { SimPool } from '../pools/sim-pool.ts';
import type { ObservationField } from './env.ts';

/** Weight of the newest return in the estimate of the volatility. */
const EWMA = 0.02;
const FEE_MIN = 0.0001;
const FEE_MAX = 0.05;
const WEIGHT_MIN = 0.05;

/** Parts of a balance that the arbitrage environment trades. */
export const ARBITRAGE_SIZES = [0, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05] as const;

/** What learners see; each entry is clipped to its range. */
export const POOL_FIELDS: readonly ObservationField[] = [
  { name: 'volatility', unit: 'estimate a year', low: 0, high: 5 },
  { name: 'lastReturn', unit: 'log return of the last action period, times 20', low: -5, high: 5 },
  { name: 'distance', unit: 'log of pool price over outside price, times 100', low: -10, high: 10 },
  { name: 'fee', unit: 'log of the fee, 0 at 0.01 %, 1 at 5 %', low: 0, high: 1 },
  { name: 'weight', unit: 'weight of the first token', low: 0, high: 1 },
  { name: 'time', unit: 'part of the episode', low: 0, high: 1 },
];

/** What an observer asks of a pool. */
export type ObservedPool = Pick<SimPool, 'spot' | 'swapFee' | 'weights'>;

/** State of an observer, plain numbers. */
export interface PoolObserver {
  /** Estimated variance of a step's log return. */
  variance: number;
  /** Price of the first token in the last one: now, and at the last action. */
  price: number;
  priceAtAction: number;
}

/** @param volatility - First estimate, a year. */
export function poolObserver(
  price: number,
  { volatility, stepsPerYear }: { readonly volatility: number; readonly stepsPerYear: number },
): PoolObserver {
  return { variance: (volatility * volatility) / stepsPerYear, price, priceAtAction: price };
}

/** Takes up the price of a step. */
export function observePrice(observer: PoolObserver, price: number): void {
  const r = Math.log(price / observer.price);
  observer.variance += EWMA * (r * r - observer.variance);
  observer.price = price;
}

/** The observation now; the next one measures its return from here. */
export function observePool(
  observer: PoolObserver,
  {
    pool,
    stepsPerYear,
    time,
  }: { readonly pool: ObservedPool; readonly stepsPerYear: number; readonly time: number },
): Float64Array {
  const { variance, price, priceAtAction } = observer;
  observer.priceAtAction = price;
  const raw = [
    Math.sqrt(variance * stepsPerYear),
    Math.log(price / priceAtAction) * 20,
    Math.log(pool.spot(1, 0) / price) * 100,
    Math.log(pool.swapFee / FEE_MIN) / Math.log(FEE_MAX / FEE_MIN),
    pool.weights[0]!,
    time,
  ];
  return Float64Array.from(raw, (value, i) =>
    Math.min(POOL_FIELDS[i]!.high, Math.max(POOL_FIELDS[i]!.low, value)),
  );
}

/** @param level - 0 for a fee of 0.01 % to 1 for 5 %, on a log scale. */
export function feeDecision(level: number): Decision {
  return { set: 'fee', fee: FEE_MIN * (FEE_MAX / FEE_MIN) ** level };
}

/** @param change - Of the first token's weight. */
export function weightDecision(pool: Pick<SimPool, 'weights'>, change: number): Decision {
  const weight = Math.min(1 - WEIGHT_MIN, Math.max(WEIGHT_MIN, pool.weights[0]! + change));
  return { set: 'weights', weights: Float64Array.of(weight, 1 - weight), seconds: 0 };
}

/** @param action - Which token is paid, and the place of its size. @returns Null for size 0. */
export function arbitrageOrder(
  pool: Pick<SimPool, 'balances'>,
  [tokenIn, size]: readonly number[],
): Order | null {
  const share = ARBITRAGE_SIZES[size!]!;
  if (share === 0) return null;
  const amountIn = pool.balances[tokenIn!]! * share;
  return { do: 'swap', tokenIn: tokenIn!, tokenOut: 1 - tokenIn!, amountIn };
}
