/**
 * How weighted pools pay the protocol its share of swap fees and yield, around each join and exit:
 * the generation of 2021 in one of its tokens, the later one in freshly minted pool tokens.
 *
 * @module
 */
import { divDown, mulDown, ONE } from '../../math/fixed-point.ts';
import { bptForOwnership, dueFees, ownership } from '../../math/protocol-fees.ts';
import * as weighted from '../../math/weighted.ts';
import { rulesOf, type WeightedRules } from '../kinds.ts';
import type { WeightedPool } from '../state.ts';
import type { BptMove, PoolEnv } from './hooks.ts';
import { single, subAll, zeros } from './shared.ts';

/** The pool when the fees of the past are settled: what the join or exit itself starts from. */
export interface SettledPool {
  readonly pool: WeightedPool;
  /** Scaled. */
  readonly balances: readonly bigint[];
  readonly weights: readonly bigint[];
  readonly supply: bigint;
  readonly invariant: bigint;
  /** Scaled amounts that leave for the fee collector. */
  readonly dueAmounts: readonly bigint[];
  readonly moves: readonly BptMove[];
}

/** One way of paying. */
export interface WeightedFees {
  readonly settle: (
    pool: WeightedPool,
    balances: readonly bigint[],
    weights: readonly bigint[],
    protocolSwapFee: bigint,
    env: PoolEnv,
  ) => SettledPool;
  /** Sets the basis of the next settlement, from the balances and supply after the operation. */
  readonly conclude: (
    settled: SettledPool,
    balances: readonly bigint[],
    supply: bigint,
    env: PoolEnv,
  ) => { readonly pool: WeightedPool; readonly moves: readonly BptMove[] };
  /** The basis after the first join. */
  readonly initialize: (
    pool: WeightedPool,
    invariant: bigint,
    weights: readonly bigint[],
    env: PoolEnv,
  ) => WeightedPool;
}

const UNSETTLED = { invariant: 0n, moves: [] } as const;

const NO_FEES: WeightedFees = {
  settle: (pool, balances, weights) => ({
    ...UNSETTLED,
    pool,
    balances,
    weights,
    supply: pool.totalSupply,
    dueAmounts: zeros(balances.length),
  }),
  conclude: ({ pool }) => ({ pool, moves: [] }),
  initialize: (pool) => pool,
};

/** 2021: the token with the largest weight pays, measured by the growth of the invariant. */
const TOKEN_FEES: WeightedFees = {
  settle(pool, balances, weights, protocolFee) {
    const { revision } = rulesOf(pool);
    const currentInvariant = weighted.invariant({ balances, weights }, revision);
    const index = indexOfGreatest(weights);
    const due =
      protocolFee === 0n
        ? 0n
        : weighted.dueTokenProtocolSwapFee(
            {
              balance: balances[index]!,
              weight: weights[index]!,
              previousInvariant: pool.lastInvariant,
              currentInvariant,
              protocolFee,
            },
            revision,
          );
    const dueAmounts = single(balances.length, index, due);
    return {
      ...UNSETTLED,
      pool,
      balances: subAll(balances, dueAmounts),
      weights,
      supply: pool.totalSupply,
      dueAmounts,
    };
  },
  conclude(settled, balances) {
    const { pool, weights } = settled;
    const lastInvariant = weighted.invariant({ balances, weights }, rulesOf(pool).revision);
    return { pool: { ...pool, lastInvariant }, moves: [] };
  },
  initialize: (pool, lastInvariant) => ({ ...pool, lastInvariant }),
};

/** Later: pool tokens are minted, for the growth since the last operation and for its own fees. */
const BPT_FEES: WeightedFees = {
  settle(pool, balances, weights, _protocolFee, env) {
    const { revision } = rulesOf(pool);
    const invariant = weighted.invariant({ balances, weights }, revision);
    const cached = cachedFees(pool);
    let share = ownership(divDown(invariant, pool.lastInvariant), ONE, cached.swap);

    let { athRateProduct } = pool;
    if (hasRates(pool)) {
      const product = rateProduct(pool, weights, env);
      if (product > athRateProduct) {
        share += ownership(divDown(product, athRateProduct), ONE, cached.yield);
        athRateProduct = product;
      }
    }
    const fee = bptForOwnership(pool.totalSupply, share);
    return {
      pool: athRateProduct === pool.athRateProduct ? pool : { ...pool, athRateProduct },
      balances,
      weights,
      supply: pool.totalSupply + fee,
      invariant,
      dueAmounts: zeros(balances.length),
      moves: mintedTo(env, fee),
    };
  },
  conclude(settled, balances, supply, env) {
    const { pool, weights } = settled;
    const lastInvariant = weighted.invariant({ balances, weights }, rulesOf(pool).revision);
    const { swap } = cachedFees(pool);
    const fee =
      swap === 0n
        ? 0n
        : dueFees({
            growth: divDown(lastInvariant, settled.invariant),
            previousSupply: settled.supply,
            supply,
            fee: swap,
          });
    return { pool: { ...pool, lastInvariant }, moves: mintedTo(env, fee) };
  },
  initialize: (pool, lastInvariant, weights, env) => ({
    ...pool,
    lastInvariant,
    athRateProduct: hasRates(pool) ? rateProduct(pool, weights, env) : 0n,
  }),
};

const FEES = { none: NO_FEES, token: TOKEN_FEES, waived: TOKEN_FEES, bpt: BPT_FEES };

/** The way of paying of a kind. */
export function weightedFees(rules: WeightedRules): WeightedFees {
  return FEES[rules.protocolFees];
}

/** After recovery mode the pool owes nothing: growth counts from now on. */
export function forgiveWeightedFees(
  pool: WeightedPool,
  balances: readonly bigint[],
  weights: readonly bigint[],
  env: PoolEnv,
): WeightedPool {
  const rules = rulesOf(pool);
  if (rules.protocolFees !== 'bpt') return pool;
  const lastInvariant = weighted.invariant({ balances, weights }, rules.revision);
  const product = hasRates(pool) ? rateProduct(pool, weights, env) : 0n;
  const athRateProduct = product > pool.athRateProduct ? product : pool.athRateProduct;
  return { ...pool, lastInvariant, athRateProduct };
}

function hasRates(pool: WeightedPool): boolean {
  return pool.rateProviders.some((provider) => provider !== null);
}

function rateProduct(pool: WeightedPool, weights: readonly bigint[], env: PoolEnv): bigint {
  const { powDown } = rulesOf(pool).revision.fixedPoint;
  return pool.rateProviders.reduce(
    (product, provider, i) =>
      provider === null ? product : mulDown(product, powDown(env.rateOf(provider), weights[i]!)),
    ONE,
  );
}

function cachedFees(pool: WeightedPool): { swap: bigint; yield: bigint } {
  return pool.recoveryMode ? { swap: 0n, yield: 0n } : pool.feeCache;
}

function mintedTo(env: PoolEnv, amount: bigint): BptMove[] {
  return amount === 0n ? [] : [{ account: env.collector, amount }];
}

/** First index of the greatest value. */
export function indexOfGreatest(values: readonly bigint[]): number {
  let greatest = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[greatest]!) greatest = i;
  return greatest;
}
