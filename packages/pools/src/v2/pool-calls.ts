/**
 * Calls that accounts make to a pool itself: fees, ramps, switches, targets, caches, recovery mode.
 *
 * @module
 */
import { revert } from '../errors.ts';
import { POOL_KINDS, rulesOf } from './kinds.ts';
import { MANAGED_CALLS, updateManagedWeights } from './managed-calls.ts';
import type { PoolOperation } from './operations.ts';
import { requireOwner, requireSwapFee, unsupported } from './pool-authority.ts';
import { ampAt, startAmp, stopAmp } from './pools/amp.ts';
import { composableBalances, composableScales } from './pools/composable.ts';
import { settleComposable, withBasis } from './pools/composable-fees.ts';
import { requireWithinTargets, withTargets } from './pools/linear.ts';
import { onJoin } from './pools/index.ts';
import { collectAumFee } from './pools/managed.ts';
import { collectedFees } from './pools/management-fees.ts';
import { cacheInvariantAndSupply } from './pools/price-oracle.ts';
import { refreshed } from './pools/rates.ts';
import { plainScale, totalsOf, upscaleAll, virtualSupplyOf, without } from './pools/scaling.ts';
import { requireNotPaused, unpausedByTime } from './pools/shared.ts';
import { stableScales } from './pools/stable.ts';
import { forgiveWeightedFees, weightedFees } from './pools/weighted-fees.ts';
import { scheduleOf, weightsOf } from './pools/weights.ts';
import type { Address, Pool, RateCache } from './state.ts';
import { poolOf, requireAuthorized, setPool, type Transaction } from './transaction.ts';
import { increaseCash } from './vault/balances.ts';
import { applyMoves, pullIn } from './vault/ledger.ts';
import { exit } from './vault/liquidity.ts';

type Calls = {
  readonly [D in PoolOperation['do']]: (
    tx: Transaction,
    pool: Pool,
    operation: Extract<PoolOperation, { do: D }>,
  ) => unknown;
};

const CALLS: Calls = {
  ...MANAGED_CALLS,

  setSwapFee(tx, pool, { from, swapFee }) {
    const rules = POOL_KINDS[pool.kind];
    // Later linear pools look at the targets second, and may change the fee while they are paused.
    const isLaterLinear = pool.family === 'linear' && rules.pausedExit === 'recovery';
    if (pool.family === 'linear' && !isLaterLinear) requireWithinTargets(pool);
    requireOwner(tx, pool, from);
    if (pool.family === 'linear' && isLaterLinear) requireWithinTargets(pool);
    if (!isLaterLinear) requireNotPaused(pool);
    if (pool.family === 'managed') unsupported(pool, 'setSwapFee');
    requireSwapFee(swapFee, rules);
    setPool(tx, { ...pool, swapFee });
    tx.events.push({ type: 'SwapFeePercentageChanged', pool: pool.id, swapFee });
    return null;
  },

  setRecoveryMode(tx, pool, { from, enabled }) {
    requireAuthorized(tx, from);
    if (POOL_KINDS[pool.kind].pausedExit !== 'recovery') unsupported(pool, 'setRecoveryMode');
    // The other kinds set the mode again without complaint.
    const complains = pool.family === 'managed' || pool.family === 'linear';
    if (complains && enabled === pool.recoveryMode) revert(enabled ? 437 : 438);
    const changed = { ...pool, recoveryMode: enabled };
    setPool(tx, enabled ? changed : withoutDebt(tx, changed));
    tx.events.push({ type: 'RecoveryModeStateChanged', pool: pool.id, enabled });
    return null;
  },

  startAmpUpdate(tx, pool, { from, amp, endTime }) {
    const stable = requireAmp(pool, 'startAmpUpdate');
    requireOwner(tx, pool, from);
    const schedule = startAmp(stable.amp, amp, endTime, tx.env.time);
    setPool(tx, { ...stable, amp: schedule });
    tx.events.push({ type: 'AmpUpdateStarted', pool: pool.id, ...schedule });
    return null;
  },

  stopAmpUpdate(tx, pool, { from }) {
    const stable = requireAmp(pool, 'stopAmpUpdate');
    requireOwner(tx, pool, from);
    const schedule = stopAmp(stable.amp, tx.env.time);
    setPool(tx, { ...stable, amp: schedule });
    const currentValue = schedule.endValue;
    tx.events.push({ type: 'AmpUpdateStopped', pool: pool.id, currentValue });
    return null;
  },

  updateWeightsGradually(tx, pool, operation) {
    if (pool.family === 'managed') {
      return updateManagedWeights(tx, pool, operation);
    }
    if (pool.family !== 'weighted' || pool.schedule === null) {
      return unsupported(pool, 'updateWeightsGradually');
    }
    requireOwner(tx, pool, operation.from);
    requireNotPaused(pool);
    const { startTime, endTime, endWeights } = operation;
    if (endWeights.length !== pool.tokens.length) revert(103);
    const { time } = tx.env;
    const start = weightsOf(pool, time);
    const change = { startTime, endTime, start, end: endWeights, time };
    const schedule = scheduleOf(change, rulesOf(pool).gradualWeights);
    setPool(tx, { ...pool, schedule });
    tx.events.push({
      type: 'GradualWeightUpdateScheduled',
      pool: pool.id,
      startTime: schedule.startTime,
      endTime,
      startWeights: start,
      endWeights,
    });
    return null;
  },

  setSwapEnabled(tx, pool, { from, enabled }) {
    if (pool.family !== 'managed' && !(pool.family === 'weighted' && pool.schedule !== null)) {
      unsupported(pool, 'setSwapEnabled');
    }
    requireOwner(tx, pool, from);
    requireNotPaused(pool);
    setPool(tx, { ...pool, swapEnabled: enabled });
    tx.events.push({ type: 'SwapEnabledSet', pool: pool.id, enabled });
    return null;
  },

  withdrawCollectedManagementFees(tx, pool, { from, recipient }) {
    if (pool.family !== 'weighted' || !rulesOf(pool).managementFees) {
      return unsupported(pool, 'withdrawCollectedManagementFees');
    }
    requireOwner(tx, pool, from);
    requireNotPaused(pool);
    const amounts = collectedFees(pool);
    exit(tx, {
      do: 'exit',
      from: pool.address,
      pool: pool.id,
      recipient,
      request: { kind: 'MANAGEMENT_FEE_TOKENS_OUT' },
      minAmountsOut: amounts,
    });
    tx.events.push({
      type: 'ManagementFeesCollected',
      pool: pool.id,
      tokens: pool.tokens,
      amounts,
    });
    return { amounts };
  },

  initializeLinear(tx, pool) {
    if (pool.family !== 'linear') return unsupported(pool, 'initializeLinear');
    const sender = pool.address;
    const outcome = onJoin(
      pool,
      {
        sender,
        recipient: sender,
        kind: 'INIT',
        request: { kind: 'INIT', amounts: [] },
        protocolSwapFee: 0n,
      },
      tx.env,
    );
    const minted = applyMoves(tx, outcome.pool, outcome.moves);
    pullIn(tx, pool.address, sender, outcome.bptAmount);
    const balances = minted.balances.map((balance, i) =>
      increaseCash(balance, outcome.amounts[i]!, tx.env.block),
    );
    setPool(tx, { ...minted, balances });
    tx.events.push({
      type: 'PoolBalanceChanged',
      pool: pool.id,
      liquidityProvider: sender,
      tokens: pool.tokens,
      deltas: outcome.amounts,
      protocolFeeAmounts: outcome.protocolFeeAmounts,
    });
    return null;
  },

  setTargets(tx, pool, { from, lower, upper }) {
    if (pool.family !== 'linear') return unsupported(pool, 'setTargets');
    requireOwner(tx, pool, from);
    const changed = withTargets(pool, lower, upper);
    setPool(tx, changed);
    tx.events.push({
      type: 'TargetsSet',
      pool: pool.id,
      token: pool.tokens[pool.mainIndex]!,
      lowerTarget: lower,
      upperTarget: upper,
    });
    return null;
  },

  updateTokenRateCache(tx, pool, { token }) {
    requireOutsideVault(tx, pool);
    changeRateCache(tx, pool, token, (cache, bits) => refreshed(cache, tx.env, bits));
    return null;
  },

  setTokenRateCacheDuration(tx, pool, { from, token, duration }) {
    // The metastable pool leaves this to governance alone.
    if (pool.family === 'stable') requireAuthorized(tx, from);
    else requireOwner(tx, pool, from);
    changeRateCache(tx, pool, token, (cache, bits) =>
      refreshed({ ...cache, duration }, tx.env, bits),
    );
    return null;
  },

  updateProtocolFeePercentageCache(tx, pool) {
    if (!('feeCache' in pool) || !usesFeeCache(pool)) {
      return unsupported(pool, 'updateProtocolFeePercentageCache');
    }
    requireOutsideVault(tx, pool);
    if (POOL_KINDS[pool.kind].pausedExit === 'recovery') requireNotPaused(pool);
    const { swap, yield: yieldFee, aum } = tx.env.fees;
    const feeCache = { swap, yield: yieldFee, aum };
    // What fell due at the old percentages is paid first.
    setPool(tx, { ...withoutDebt(tx, withFeesPaid(tx, pool)), feeCache } as Pool);
    tx.events.push({ type: 'ProtocolFeePercentageCacheUpdated', pool: pool.id, ...feeCache });
    return null;
  },

  enableOracle(tx, pool, { from }) {
    if (!('oracle' in pool) || pool.oracle === null) return unsupported(pool, 'enableOracle');
    requireOwner(tx, pool, from);
    requireNotPaused(pool);
    const enabled = { ...pool, oracle: { ...pool.oracle, enabled: true } };
    setPool(
      tx,
      pool.totalSupply === 0n ? enabled : cacheInvariantAndSupply(enabled, pool.totalSupply),
    );
    tx.events.push({ type: 'OracleEnabledChanged', pool: pool.id, enabled: true });
    return null;
  },
};

/** Whether `callPool` handles the operation. */
export function isPoolOperation(operation: { readonly do: string }): operation is PoolOperation {
  return Object.hasOwn(CALLS, operation.do);
}

/** Runs a call of a pool. @throws {Revert} BAL#500 for an unknown pool, and what the call reverts. */
export function callPool(tx: Transaction, operation: PoolOperation): unknown {
  const pool = unpausedByTime(poolOf(tx.state, operation.pool), tx.env.time);
  const call = CALLS[operation.do] as (tx: Transaction, pool: Pool, op: PoolOperation) => unknown;
  return call(tx, pool, operation);
}

function requireAmp(pool: Pool, call: string): Extract<Pool, { amp: unknown }> {
  return pool.family === 'stable' || pool.family === 'composable' ? pool : unsupported(pool, call);
}

function usesFeeCache(pool: Pool): boolean {
  const rules = POOL_KINDS[pool.kind];
  return rules.family !== 'weighted' || rules.protocolFees === 'bpt';
}

/** Later pools refuse calls that would read the Vault in the middle of an operation. */
function requireOutsideVault(tx: Transaction, pool: Pool): void {
  const rules = POOL_KINDS[pool.kind];
  if (rules.family === 'composable' && rules.guardsReentrancy && tx.entered) revert(400);
}

/** The pool after it has minted what it owes the protocol by now. */
function withFeesPaid(tx: Transaction, pool: Pool): Pool {
  if (pool.totalSupply === 0n) return pool;
  const { env } = tx;
  if (pool.family === 'managed') {
    const collected = collectAumFee(pool, env);
    return applyMoves(tx, collected.pool, collected.moves);
  }
  if (pool.family === 'weighted') {
    const balances = upscaleAll(totalsOf(pool), pool.scalingFactors.map(plainScale));
    const weights = weightsOf(pool, env.time);
    const settled = weightedFees(rulesOf(pool)).settle(pool, balances, weights, env.fees.swap, env);
    return applyMoves(tx, settled.pool, settled.moves);
  }
  if (pool.family !== 'composable' || rulesOf(pool).phantom) return pool;
  const balances = composableBalances(pool, composableScales(pool));
  const settled = settleComposable(pool, balances, virtualSupplyOf(pool), env.time);
  return applyMoves(tx, pool, [{ account: env.collector, amount: settled.fee }]);
}

/** The pool owing the protocol nothing as of now. */
function withoutDebt(tx: Transaction, pool: Pool): Pool {
  const { time } = tx.env;
  if (pool.totalSupply === 0n) return pool;
  if (pool.family === 'weighted') {
    const balances = upscaleAll(totalsOf(pool), pool.scalingFactors.map(plainScale));
    return forgiveWeightedFees(pool, balances, weightsOf(pool, time), tx.env);
  }
  if (pool.family === 'managed') return { ...pool, lastAumCollection: time };
  if (pool.family === 'linear') return pool;
  if (pool.family === 'composable' && rulesOf(pool).phantom) return pool;
  const amp = ampAt(pool.amp, time);
  if (pool.family === 'stable') {
    const balances = upscaleAll(totalsOf(pool), stableScales(pool));
    const lastInvariant = rulesOf(pool).revision.invariant(amp, balances, false);
    return { ...pool, lastAmp: amp, lastInvariant };
  }
  const balances = composableBalances(pool, composableScales(pool));
  return withBasis(pool, amp, rulesOf(pool).revision.invariant(amp, balances, false));
}

function changeRateCache(
  tx: Transaction,
  pool: Pool,
  token: Address,
  change: (cache: RateCache, bits: number) => RateCache,
): void {
  if (pool.family !== 'stable' && pool.family !== 'composable') {
    unsupported(pool, 'token rate caches');
  }
  const isComposable = pool.family === 'composable';
  const tokens = isComposable ? without(pool.tokens, pool.bptIndex) : pool.tokens;
  const index = tokens.indexOf(token);
  if (index < 0) revert(309);
  const cache = pool.rates[index] ?? null;
  if (cache === null) return revert(isComposable ? 341 : 309);
  const changed = change(cache, rulesOf<'stable' | 'composable'>(pool).rateBits);
  setPool(tx, { ...pool, rates: pool.rates.with(index, changed) });
  tx.events.push({ type: 'TokenRateCacheUpdated', pool: pool.id, token, rate: changed.rate });
}
