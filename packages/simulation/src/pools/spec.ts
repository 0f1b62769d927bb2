/**
 * A pool as experiments, recordings and what-ifs describe it: raw amounts, 18-decimal weights and
 * fees, whatever the mode of the run.
 *
 * @module
 */
import { v2 } from '@balancer/pools';
import { SimulationError } from '../errors.ts';

/** `v1` is a pool of the first version, `v1-elastic` one whose weights follow rebases. */
export type SimulatedKind = v2.PoolKind | 'v1' | 'v1-elastic';

export interface PoolToken {
  readonly symbol: string;
  readonly decimals: number;
  /** Raw units. */
  readonly balance: bigint;
  /** Weighted: 18 decimals, sum 1. V1: denormalised, 1e18 to 50e18. Null for stable pools. */
  readonly weight: bigint | null;
  /** Rate of the token, 18 decimals; null for 1. */
  readonly rate: bigint | null;
}

export interface PoolSpec {
  readonly kind: SimulatedKind;
  readonly tokens: readonly PoolToken[];
  /** 18 decimals. */
  readonly swapFee: bigint;
  /** Pool tokens; null for what the contract mints to the first one. */
  readonly supply: bigint | null;
  /** Stable pools: amplification without precision. */
  readonly amp: bigint | null;
  /** Share of the swap fees that the protocol takes, 18 decimals. */
  readonly protocolFee: bigint;
  /** Whether an owner changes weights or fee while the pool runs. */
  readonly isControlled: boolean;
}

export type PoolFamily = 'weighted' | 'stable';

/** Which formulas a kind follows. @throws {SimulationError} For kinds that runs do not cover. */
export function familyOf(kind: SimulatedKind): PoolFamily {
  if (isV1(kind)) return 'weighted';
  const rules = v2.POOL_KINDS[kind];
  if (rules === undefined) {
    const known = ['v1', 'v1-elastic', ...Object.keys(v2.POOL_KINDS)];
    throw new SimulationError(`pool.kind: must be one of ${known.join(', ')}; got ${kind}`);
  }
  switch (rules.family) {
    case 'weighted':
    case 'managed':
      return 'weighted';
    case 'stable':
    case 'composable':
      return 'stable';
    case 'linear':
    default:
      throw new SimulationError(
        `pool.kind: ${kind} has no swap between two priced tokens to simulate; use a weighted or stable kind`,
      );
  }
}

export function isV1(kind: SimulatedKind): kind is 'v1' | 'v1-elastic' {
  return kind === 'v1' || kind === 'v1-elastic';
}

/** Whether the owner of such a pool can move its weights. */
export function hasMovableWeights(kind: SimulatedKind): boolean {
  if (isV1(kind)) return true;
  const rules = v2.POOL_KINDS[kind];
  return (
    rules.family === 'managed' || (rules.family === 'weighted' && rules.gradualWeights !== null)
  );
}
