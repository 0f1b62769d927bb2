/**
 * What contracts answer without changing anything.
 *
 * @module
 */
import { revert } from '../errors.ts';
import { rulesOf } from './kinds.ts';
import {
  getLatest,
  getPastAccumulator,
  getSample,
  getTimeWeightedAverage,
  type OracleVariable,
} from './oracle.ts';
import { unsupported } from './pool-authority.ts';
import { ampAt, isAmpUpdating } from './pools/amp.ts';
import { boundPrices, boundsOf } from './pools/circuit-breakers.ts';
import { composableActualSupply, composableRate } from './pools/composable.ts';
import { linearBalances, linearRate, linearScales } from './pools/linear.ts';
import {
  managedActualSupply,
  managedSwapFee,
  managedVirtualSupply,
  managedWeights,
} from './pools/managed.ts';
import { collectedFees, hasManagementFees } from './pools/management-fees.ts';
import { phantomSupply, premintedSupply } from './pools/phantom.ts';
import { plainScale, totalsOf, upscaleAll, virtualSupplyOf } from './pools/scaling.ts';
import { stableRate } from './pools/stable.ts';
import { weightedFees } from './pools/weighted-fees.ts';
import { plainWeightAt, weightsOf } from './pools/weights.ts';
import type { LinearPool } from '../math/linear.ts';
import * as weighted from '../math/weighted.ts';
import type {
  Address,
  Oracle,
  OracleSample,
  Pool,
  PoolId,
  TokenBalance,
  WorldState,
} from './state.ts';
import { envOf, type Hooks, poolOf } from './transaction.ts';

export { allowanceOf, balanceOf } from './vault/ledger.ts';
export { internalBalanceOf } from './vault/money.ts';

/** The pool. @throws {Revert} BAL#500. */
export function getPool(state: WorldState, id: PoolId): Pool {
  return poolOf(state, id);
}

/** Registered tokens, raw totals (cash and managed), and the last block in which one changed. */
export function getPoolTokens(
  state: WorldState,
  id: PoolId,
): { tokens: readonly Address[]; balances: readonly bigint[]; lastChangeBlock: bigint } {
  const pool = poolOf(state, id);
  return {
    tokens: pool.tokens,
    balances: totalsOf(pool),
    lastChangeBlock: lastChangeBlockOf(pool),
  };
}

/** Cash, managed and last change of one token, and its asset manager. @throws BAL#500, BAL#521. */
export function getPoolTokenInfo(
  state: WorldState,
  id: PoolId,
  token: Address,
): TokenBalance & { readonly assetManager: Address } {
  const pool = poolOf(state, id);
  const index = pool.tokens.indexOf(token);
  if (index < 0) revert(521);
  const balance = pool.balances[index]!;
  const lastChangeBlock =
    pool.specialization === 'two-token' ? lastChangeBlockOf(pool) : balance.lastChangeBlock;
  return { ...balance, lastChangeBlock, assetManager: pool.assetManagers[index]! };
}

/** Weights now, without the pool's own token; 18 decimals. */
export function getWeights(state: WorldState, id: PoolId): readonly bigint[] {
  const pool = poolOf(state, id);
  if (pool.family === 'weighted') return weightsOf(pool, state.time);
  if (pool.family === 'managed') return managedWeights(pool, state.time);
  return unsupported(pool, 'weights');
}

/** Swap fee now; 18 decimals. */
export function getSwapFee(state: WorldState, id: PoolId): bigint {
  const pool = poolOf(state, id);
  return pool.family === 'managed' ? managedSwapFee(pool, state.time) : pool.swapFee;
}

/** Amplification now, with three decimals. */
export function getAmp(
  state: WorldState,
  id: PoolId,
): { value: bigint; isUpdating: boolean; precision: bigint } {
  const pool = poolOf(state, id);
  if (pool.family !== 'stable' && pool.family !== 'composable') {
    return unsupported(pool, 'amplification');
  }
  return {
    value: ampAt(pool.amp, state.time),
    isUpdating: isAmpUpdating(pool.amp, state.time),
    precision: 1000n,
  };
}

/** Value of a pool token in the pool's unit, with remembered rates; 18 decimals. */
export function getRate(state: WorldState, id: PoolId, hooks: Hooks = {}): bigint {
  const pool = poolOf(state, id);
  switch (pool.family) {
    case 'stable':
      return stableRate(pool, state.time);
    case 'composable':
      return composableRate(pool, state.time);
    case 'linear':
      return linearRate(pool, envOf(state, hooks));
    case 'weighted':
    case 'managed':
    default:
      return unsupported(pool, 'rate');
  }
}

/** What the swaps of a linear pool go by: scaled balances and targets, supply and fee; 18 decimals. */
export function getLinearBalances(state: WorldState, id: PoolId, hooks: Hooks = {}): LinearPool {
  const pool = poolOf(state, id);
  if (pool.family !== 'linear') return unsupported(pool, 'linear balances');
  return linearBalances(pool, linearScales(pool, envOf(state, hooks)));
}

/** The weighted invariant of the balances now; 18 decimals. */
export function getInvariant(state: WorldState, id: PoolId): bigint {
  const pool = poolOf(state, id);
  if (pool.family !== 'weighted') return unsupported(pool, 'weighted invariant');
  const balances = upscaleAll(totalsOf(pool), pool.scalingFactors.map(plainScale));
  const weights = weightsOf(pool, state.time);
  return weighted.invariant({ balances, weights }, rulesOf(pool).revision);
}

/** All pool tokens that exist, those that lie in the Vault for later included. */
export function getTotalSupply(state: WorldState, id: PoolId): bigint {
  return poolOf(state, id).totalSupply;
}

/** Pool tokens in circulation. */
export function getVirtualSupply(state: WorldState, id: PoolId): bigint {
  const pool = poolOf(state, id);
  switch (pool.family) {
    case 'composable':
      return rulesOf(pool).phantom ? phantomSupply(pool) : virtualSupplyOf(pool);
    case 'linear':
      return virtualSupplyOf(pool);
    case 'managed':
      return managedVirtualSupply(pool);
    case 'weighted':
    case 'stable':
    default:
      return pool.totalSupply;
  }
}

/**
 * What the pool tokens of swaps, joins and exits are shares of: those in circulation and those due as
 * fees. Phantom pools go on counting what emergency exits burned, as their swaps and rate do.
 */
export function getActualSupply(state: WorldState, id: PoolId, hooks: Hooks = {}): bigint {
  const pool = poolOf(state, id);
  switch (pool.family) {
    case 'composable':
      return rulesOf(pool).phantom
        ? premintedSupply(pool)
        : composableActualSupply(pool, state.time);
    case 'managed':
      return managedActualSupply(pool, state.time);
    case 'weighted': {
      if (rulesOf(pool).protocolFees !== 'bpt') return pool.totalSupply;
      const env = envOf(state, hooks);
      const balances = upscaleAll(totalsOf(pool), pool.scalingFactors.map(plainScale));
      const weights = weightsOf(pool, state.time);
      return weightedFees(rulesOf(pool)).settle(pool, balances, weights, env.fees.swap, env).supply;
    }
    case 'stable':
    case 'linear':
    default:
      return getVirtualSupply(state, id);
  }
}

/** Raw amounts put aside for the owner of an investment pool, registered order. */
export function getCollectedManagementFees(state: WorldState, id: PoolId): readonly bigint[] {
  const pool = poolOf(state, id);
  return pool.family === 'weighted' && hasManagementFees(pool)
    ? collectedFees(pool)
    : unsupported(pool, 'management fees');
}

/** Circuit breaker of a token; prices raw, bounds and weight with 18 decimals, 0 where off. */
export interface CircuitBreakerView {
  readonly bptPrice: bigint;
  readonly referenceWeight: bigint;
  readonly lowerBound: bigint;
  readonly upperBound: bigint;
  readonly lowerBptPriceBound: bigint;
  readonly upperBptPriceBound: bigint;
}

export function getCircuitBreaker(
  state: WorldState,
  id: PoolId,
  token: Address,
): CircuitBreakerView {
  const pool = poolOf(state, id);
  if (pool.family !== 'managed') return unsupported(pool, 'circuit breakers');
  const index = pool.tokens.indexOf(token) - 1;
  if (index < 0) revert(309);
  const breaker = pool.circuitBreakers[index] ?? null;
  if (breaker === null) {
    return {
      bptPrice: 0n,
      referenceWeight: 0n,
      lowerBound: 0n,
      upperBound: 0n,
      lowerBptPriceBound: 0n,
      upperBptPriceBound: 0n,
    };
  }
  const factor = pool.scalingFactors[index + 1]!;
  const bounds = boundsOf(breaker);
  const prices = boundPrices(breaker, plainWeightAt(pool.schedule, index, state.time));
  return {
    bptPrice: breaker.bptPrice * factor,
    referenceWeight: breaker.referenceWeight,
    lowerBound: bounds.lower,
    upperBound: bounds.upper,
    lowerBptPriceBound: prices.lower * factor,
    upperBptPriceBound: prices.upper * factor,
  };
}

/** Newest value of the oracle, 18 decimals. @throws {Revert} BAL#313. */
export function getOracleLatest(state: WorldState, id: PoolId, variable: OracleVariable): bigint {
  return getLatest(oracleOf(state, id), variable);
}

/** Geometric means over past windows, 18 decimals. @throws {Revert} BAL#312 to BAL#316. */
export function getOracleAverages(
  state: WorldState,
  id: PoolId,
  queries: readonly { variable: OracleVariable; secs: bigint; ago: bigint }[],
): bigint[] {
  const oracle = oracleOf(state, id);
  return queries.map((query) => getTimeWeightedAverage(oracle, query, state.time));
}

/** Integrals of logarithms up to past moments. @throws {Revert} BAL#312, BAL#313, BAL#314. */
export function getOracleAccumulators(
  state: WorldState,
  id: PoolId,
  queries: readonly { variable: OracleVariable; ago: bigint }[],
): bigint[] {
  const oracle = oracleOf(state, id);
  return queries.map(({ variable, ago }) => getPastAccumulator(oracle, variable, ago, state.time));
}

/** One sample of the ring. @throws {Revert} BAL#315. */
export function getOracleSample(state: WorldState, id: PoolId, index: number): OracleSample {
  return getSample(oracleOf(state, id), index);
}

/** The oracle's own state. */
export function oracleOf(state: WorldState, id: PoolId): Oracle {
  const pool = poolOf(state, id);
  const oracle = pool.family === 'weighted' || pool.family === 'stable' ? pool.oracle : null;
  return oracle ?? unsupported(pool, 'oracle');
}

function lastChangeBlockOf(pool: Pool): bigint {
  return pool.balances.reduce(
    (latest, { lastChangeBlock }) => (lastChangeBlock > latest ? lastChangeBlock : latest),
    0n,
  );
}
