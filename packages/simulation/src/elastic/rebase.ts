/**
 * Rebases of elastic tokens, and what a pool does about them.
 *
 * When the balance of a token changes by a factor f, weights that keep every price are w sqrt(f) for
 * the token and w / sqrt(f) for the others. Without them the pool's price moves by f, and arbitrage
 * takes the difference from the liquidity providers.
 *
 * @module
 */
import { SimulationError } from '../errors.ts';

/** How a pool takes up a rebase; `none` leaves it to a controller. */
export type ResyncMode = 'resync' | 'safeResync' | 'gulpOnly' | 'late' | 'none';

/** Supply policy: no rebase inside the band, else a part of the deviation, capped. */
export interface RebasePolicy {
  /** Price of one token that the supply aims at, quote. */
  readonly target: number;
  /** The deviation is made up for over so many rebases. */
  readonly lag: number;
  /** Fraction around the target without a rebase. */
  readonly band: number;
  /** Largest change of the supply per rebase, as a fraction. */
  readonly cap: number;
}

export const DEFAULT_REBASE_POLICY: RebasePolicy = { target: 1, lag: 10, band: 0.05, cap: 0.1 };

/** Factor by which the supply changes at this price. */
export function rebaseFactor(price: number, policy: RebasePolicy): number {
  const deviation = price / policy.target - 1;
  if (Math.abs(deviation) <= policy.band) return 1;
  return 1 + Math.min(policy.cap, Math.max(-policy.cap, deviation / policy.lag));
}

/**
 * Denormalised weights after a rebase that keep every spot price; float twin of the elastic pool's.
 *
 * @throws {SimulationError} When the factor is not above 0.
 */
export function resyncedDenorms(
  denorms: ArrayLike<number>,
  index: number,
  factor: number,
): Float64Array {
  if (!(factor > 0)) throw new SimulationError(`rebase: factor must be above 0; got ${factor}`);
  const root = Math.sqrt(factor);
  return Float64Array.from(denorms, (denorm, i) => (i === index ? denorm * root : denorm / root));
}
