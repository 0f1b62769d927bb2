/**
 * What an operation did to each pool, step by step, and whether a step made the pool's owners poorer.
 *
 * Scaling rounds down what a pool gives; with token rates and balances of a few units, an exact-out
 * swap can be priced on an amount one unit short, so that the invariant per pool token falls. Many
 * such steps in one batch drained pools in November 2025; `invariantDrop` finds them.
 *
 * @module
 */
import * as stable from '../math/stable.ts';
import * as weighted from '../math/weighted.ts';
import type { WorldEvent } from './events.ts';
import { rulesOf } from './kinds.ts';
import type { Operation, ResultOf } from './operations.ts';
import { ampAt } from './pools/amp.ts';
import { composableBalances, composableScales } from './pools/composable.ts';
import { invariant as linearInvariant } from '../math/linear.ts';
import { linearBalances, linearScales } from './pools/linear.ts';
import { managedActualSupply, managedWeights } from './pools/managed.ts';
import { premintedSupply } from './pools/phantom.ts';
import { plainScale, totalsOf, upscaleAll, virtualSupplyOf } from './pools/scaling.ts';
import { stableScales } from './pools/stable.ts';
import { weightsOf } from './pools/weights.ts';
import type { Pool, PoolId, WorldState } from './state.ts';
import { step } from './step.ts';
import { envOf, type Hooks } from './transaction.ts';

/**
 * Invariant, and the pool tokens that share it as the pool's own swaps and rate count them; both with
 * 18 decimals.
 */
export interface PoolValue {
  readonly invariant: bigint;
  readonly supply: bigint;
}

/** One change of one pool inside an operation. */
export interface TracedStep {
  /** Place among the pool changes of the operation, from 0. */
  readonly index: number;
  readonly pool: PoolId;
  readonly before: PoolValue;
  readonly after: PoolValue;
}

export interface TraceReport<O extends Operation = Operation> {
  readonly state: WorldState;
  readonly result: ResultOf<O['do']>;
  readonly events: readonly WorldEvent[];
  readonly steps: readonly TracedStep[];
}

/** Applies an operation as `step` does, and reports the value of each pool around each change. */
export function trace<const O extends Operation>(
  state: WorldState,
  operation: O,
  hooks: Hooks = {},
): TraceReport<O> {
  const steps: TracedStep[] = [];
  const outcome = step(state, operation, {
    ...hooks,
    onPoolChange(before, after) {
      hooks.onPoolChange?.(before, after);
      if (before === undefined || before.totalSupply === 0n) return;
      steps.push({
        index: steps.length,
        pool: after.id,
        before: poolValue(before, state, hooks),
        after: poolValue(after, state, hooks),
      });
    },
  });
  return { ...outcome, steps };
}

/** A step after which a pool token stands for less. */
export interface InvariantDrop extends TracedStep {
  /** How much of the invariant per pool token is gone: 0.01 for 1 %. */
  readonly fraction: number;
}

/**
 * Steps of a report that lower the invariant per pool token by more than rounding can.
 *
 * @param tolerance - Units of the invariant (10^-18) that a step may lose; the iteration that solves
 * for it stops within 1.
 */
export function invariantDrop(
  report: { readonly steps: readonly TracedStep[] },
  tolerance = 2n,
): InvariantDrop[] {
  return report.steps.flatMap((traced) => {
    const { before, after } = traced;
    const expected = before.invariant * after.supply;
    const actual = (after.invariant + tolerance) * before.supply;
    if (actual >= expected) return [];
    const lost = expected - after.invariant * before.supply;
    return [{ ...traced, fraction: Number((lost * 10n ** 18n) / expected) / 1e18 }];
  });
}

/** Invariant and supply of a pool at the time of a state. */
export function poolValue(pool: Pool, state: WorldState, hooks: Hooks = {}): PoolValue {
  const { time } = state;
  switch (pool.family) {
    case 'weighted':
      return {
        invariant: weightedInvariant(
          pool,
          totalsOf(pool),
          pool.scalingFactors,
          weightsOf(pool, time),
        ),
        supply: pool.totalSupply,
      };
    case 'managed':
      return {
        invariant: weightedInvariant(
          pool,
          totalsOf(pool).slice(1),
          pool.scalingFactors.slice(1),
          managedWeights(pool, time),
        ),
        supply: managedActualSupply(pool, time),
      };
    case 'stable': {
      const balances = upscaleAll(totalsOf(pool), stableScales(pool));
      const amp = ampAt(pool.amp, time);
      return {
        invariant: stable.invariant({ amp, balances }, rulesOf(pool).revision),
        supply: pool.totalSupply,
      };
    }
    case 'composable': {
      const balances = composableBalances(pool, composableScales(pool));
      const amp = ampAt(pool.amp, time);
      return {
        invariant: stable.invariant({ amp, balances }, rulesOf(pool).revision),
        supply: rulesOf(pool).phantom ? premintedSupply(pool) : virtualSupplyOf(pool),
      };
    }
    case 'linear':
    default: {
      const at = linearBalances(pool, linearScales(pool, envOf(state, hooks)));
      return { invariant: linearInvariant(at), supply: at.bptSupply };
    }
  }
}

function weightedInvariant(
  pool: Extract<Pool, { family: 'weighted' | 'managed' }>,
  totals: readonly bigint[],
  factors: readonly bigint[],
  weights: readonly bigint[],
): bigint {
  const balances = upscaleAll(totals, factors.map(plainScale));
  return weighted.invariant({ balances, weights }, rulesOf(pool).revision);
}
