/**
 * Calls that only managed pools have.
 *
 * @module
 */
import { revert, revertNoData } from '../errors.ts';
import { divDown, mulDown, ONE } from '../math/fixed-point.ts';
import { rulesOf } from './kinds.ts';
import type { PoolOperation } from './operations.ts';
import { createCircuitBreaker } from './pools/circuit-breakers.ts';
import { collectAumFee, managedWeights } from './pools/managed.ts';
import { plainWeightAt, restingSchedule, scheduleOf } from './pools/weights.ts';
import { requireOwner, requireSwapFee } from './pool-authority.ts';
import { requireNotPaused } from './pools/shared.ts';
import { type Address, type ManagedPool, type Pool, ZERO_ADDRESS } from './state.ts';
import { requireVaultNotPaused, setPool, type Transaction } from './transaction.ts';
import { NO_BALANCE } from './vault/balances.ts';
import { applyMoves } from './vault/ledger.ts';
import { max } from '../uint.ts';

type Call<D extends PoolOperation['do']> = Extract<PoolOperation, { do: D }>;

const MAX_AUM_FEE = (95n * ONE) / 100n;

/** Weights of a managed pool from now, or from `startTime`, to `endWeights`. */
export function updateManagedWeights(
  tx: Transaction,
  pool: ManagedPool,
  operation: Call<'updateWeightsGradually'>,
): null {
  requireOwner(tx, pool, operation.from);
  requireNotPaused(pool);
  const { startTime, endTime, endWeights, tokens } = operation;
  const own = pool.tokens.slice(1);
  const named = tokens ?? own;
  if (endWeights.length !== named.length) revert(103);
  if (named.length !== own.length) revert(103);
  if (named.some((token, i) => token !== own[i])) revert(520);

  const { time } = tx.env;
  const startWeights = managedWeights(pool, time);
  const change = { startTime, endTime, start: startWeights, end: endWeights, time };
  const schedule = scheduleOf(change, null);
  setPool(tx, { ...pool, schedule });
  tx.events.push({
    type: 'GradualWeightUpdateScheduled',
    pool: pool.id,
    startTime: schedule.startTime,
    endTime,
    startWeights,
    endWeights,
  });
  return null;
}

export const MANAGED_CALLS = {
  updateSwapFeeGradually(
    tx: Transaction,
    pool: Pool,
    operation: Call<'updateSwapFeeGradually'>,
  ): null {
    const managed = requireManaged(pool, 'updateSwapFeeGradually');
    requireOwner(tx, pool, operation.from);
    requireNotPaused(pool);
    const { endTime, startFee, endFee } = operation;
    requireSwapFee(startFee, rulesOf(managed));
    requireSwapFee(endFee, rulesOf(managed));
    const startTime = max(tx.env.time, operation.startTime);
    if (startTime > endTime) revert(326);
    const feeSchedule = { startTime, endTime, start: startFee, end: endFee };
    setPool(tx, { ...managed, feeSchedule });
    tx.events.push({
      type: 'GradualSwapFeeUpdateScheduled',
      pool: pool.id,
      startTime,
      endTime,
      startSwapFee: startFee,
      endSwapFee: endFee,
    });
    return null;
  },

  setJoinExitEnabled(tx: Transaction, pool: Pool, operation: Call<'setJoinExitEnabled'>): null {
    const managed = requireManaged(pool, 'setJoinExitEnabled');
    requireOwner(tx, pool, operation.from);
    requireNotPaused(pool);
    const { enabled } = operation;
    setPool(tx, { ...managed, joinExitEnabled: enabled });
    tx.events.push({ type: 'JoinExitEnabledSet', pool: pool.id, enabled });
    return null;
  },

  setMustAllowlistLps(tx: Transaction, pool: Pool, operation: Call<'setMustAllowlistLps'>): null {
    const managed = requireManaged(pool, 'setMustAllowlistLps');
    requireOwner(tx, pool, operation.from);
    requireNotPaused(pool);
    const { enabled } = operation;
    setPool(tx, { ...managed, mustAllowlistLps: enabled });
    tx.events.push({ type: 'MustAllowlistLPsSet', pool: pool.id, enabled });
    return null;
  },

  addAllowedAddress(tx: Transaction, pool: Pool, operation: Call<'addAllowedAddress'>): null {
    const managed = requireManaged(pool, 'addAllowedAddress');
    requireOwner(tx, pool, operation.from);
    requireNotPaused(pool);
    const { member } = operation;
    if (managed.allowlist.includes(member)) revert(432);
    setPool(tx, { ...managed, allowlist: [...managed.allowlist, member] });
    tx.events.push({ type: 'AllowlistAddressAdded', pool: pool.id, member });
    return null;
  },

  removeAllowedAddress(tx: Transaction, pool: Pool, operation: Call<'removeAllowedAddress'>): null {
    const managed = requireManaged(pool, 'removeAllowedAddress');
    requireOwner(tx, pool, operation.from);
    requireNotPaused(pool);
    const { member } = operation;
    if (!managed.allowlist.includes(member)) revert(433);
    setPool(tx, { ...managed, allowlist: managed.allowlist.filter((other) => other !== member) });
    tx.events.push({ type: 'AllowlistAddressRemoved', pool: pool.id, member });
    return null;
  },

  setManagementAumFee(tx: Transaction, pool: Pool, operation: Call<'setManagementAumFee'>): null {
    const managed = requireManaged(pool, 'setManagementAumFee');
    requireOwner(tx, pool, operation.from);
    requireNotPaused(pool);
    const { aumFee } = operation;
    if (aumFee > MAX_AUM_FEE) revert(352);
    const collected = managed.totalSupply === 0n ? managed : collect(tx, managed).pool;
    setPool(tx, { ...collected, aumFee });
    tx.events.push({ type: 'ManagementAumFeePercentageChanged', pool: pool.id, aumFee });
    return null;
  },

  collectAumManagementFees(tx: Transaction, pool: Pool): { amount: bigint } {
    const managed = requireManaged(pool, 'collectAumManagementFees');
    requireNotPaused(pool);
    if (managed.totalSupply === 0n) revert(206);
    const collected = collect(tx, managed);
    setPool(tx, collected.pool);
    return { amount: collected.amount };
  },

  setCircuitBreakers(tx: Transaction, pool: Pool, operation: Call<'setCircuitBreakers'>): null {
    const managed = requireManaged(pool, 'setCircuitBreakers');
    requireOwner(tx, pool, operation.from);
    requireNotPaused(pool);
    const { tokens, bptPrices, lower, upper } = operation;
    for (const list of [bptPrices, lower, upper]) if (list.length !== tokens.length) revert(103);

    let { circuitBreakers } = managed;
    for (const [i, token] of tokens.entries()) {
      const index = indexOf(managed, token);
      const breaker = createCircuitBreaker({
        bptPrice: bptPrices[i]! / managed.scalingFactors[index + 1]!,
        weight: plainWeightAt(managed.schedule, index, tx.env.time),
        lower: lower[i]!,
        upper: upper[i]!,
      });
      if (breaker.bptPrice >> 96n !== 0n) revert(436);
      circuitBreakers = circuitBreakers.with(index, breaker);
      tx.events.push({
        type: 'CircuitBreakerSet',
        pool: pool.id,
        token,
        bptPrice: bptPrices[i]!,
        lowerBound: lower[i]!,
        upperBound: upper[i]!,
      });
    }
    setPool(tx, { ...managed, circuitBreakers });
    return null;
  },

  addToken(tx: Transaction, pool: Pool, operation: Call<'addToken'>): null {
    const managed = requireManaged(pool, 'addToken');
    requireOwner(tx, pool, operation.from);
    requireNotPaused(pool);
    if (managed.totalSupply === 0n) revert(206);
    const { token, weight, assetManager = ZERO_ADDRESS, mintAmount = 0n } = operation;
    const { pool: collected } = collect(tx, managed);
    if (token === pool.address) revert(354);
    requireNoWeightChange(tx, managed);
    requireVaultNotPaused(tx);
    if (token === ZERO_ADDRESS) revert(309);
    if (managed.tokens.includes(token)) revert(522);
    if (managed.tokens.length > rulesOf(managed).maxTokens) revert(201);
    if (weight >= ONE) revert(350);

    const others = managedWeights(managed, tx.env.time).map((w) => mulDown(w, ONE - weight));
    const weights = [...others, ONE - sumOf(others)];
    const decimals = tx.state.tokens.get(token)?.decimals ?? revertNoData('No such token.');
    const grown = {
      ...collected,
      tokens: [...collected.tokens, token],
      balances: [...collected.balances, NO_BALANCE],
      assetManagers: [...collected.assetManagers, assetManager],
      scalingFactors: [...collected.scalingFactors, 10n ** BigInt(18 - decimals)],
      circuitBreakers: [...collected.circuitBreakers, null],
      schedule: restingAt(tx, weights),
    };
    const recipient = operation.recipient ?? operation.from;
    setPool(tx, applyMoves(tx, grown, movesOf(recipient, mintAmount)));
    const tokens = [token];
    tx.events.push({
      type: 'TokensRegistered',
      pool: pool.id,
      tokens,
      assetManagers: [assetManager],
    });
    tx.events.push({ type: 'TokenAdded', pool: pool.id, token, weight });
    return null;
  },

  removeToken(tx: Transaction, pool: Pool, operation: Call<'removeToken'>): null {
    const managed = requireManaged(pool, 'removeToken');
    requireOwner(tx, pool, operation.from);
    requireNotPaused(pool);
    if (managed.totalSupply === 0n) revert(206);
    const { token, burnAmount = 0n } = operation;
    const { pool: collected } = collect(tx, managed);
    if (managed.tokens.length - 2 < rulesOf(managed).minTokens) revert(200);
    if (token === pool.address) revert(354);
    requireNoWeightChange(tx, managed);
    requireVaultNotPaused(tx);
    const index = indexOf(managed, token);
    const { cash, managed: withManager } = managed.balances[index + 1]!;
    if (cash !== 0n || withManager !== 0n) revert(525);

    const current = managedWeights(managed, tx.env.time);
    const removed = current[index]!;
    const weights = withoutSwapped(current, index).map((w) => divDown(w, ONE - removed));
    weights[weights.length - 1] = weights.at(-1)! + ONE - sumOf(weights);
    const shrunk = {
      ...collected,
      tokens: withoutSwapped(collected.tokens, index + 1),
      balances: withoutSwapped(collected.balances, index + 1),
      assetManagers: withoutSwapped(collected.assetManagers, index + 1),
      scalingFactors: withoutSwapped(collected.scalingFactors, index + 1),
      circuitBreakers: withoutSwapped(collected.circuitBreakers, index),
      schedule: restingAt(tx, weights),
    };
    const sender = operation.sender ?? operation.from;
    setPool(tx, applyMoves(tx, shrunk, movesOf(sender, -burnAmount)));
    tx.events.push({ type: 'TokensDeregistered', pool: pool.id, tokens: [token] });
    tx.events.push({ type: 'TokenRemoved', pool: pool.id, token });
    return null;
  },
};

function collect(tx: Transaction, pool: ManagedPool): { pool: ManagedPool; amount: bigint } {
  const { pool: collected, amount, moves } = collectAumFee(pool, tx.env);
  if (amount > 0n) {
    const bptAmount = moves.at(-1)!.amount;
    tx.events.push({ type: 'ManagementAumFeeCollected', pool: pool.id, bptAmount });
  }
  return { pool: applyMoves(tx, collected, moves), amount };
}

function requireManaged(pool: Pool, call: string): ManagedPool {
  if (pool.family === 'managed') return pool;
  return revertNoData(`${pool.kind} pools have no ${call}.`);
}

/** @throws {Revert} BAL#349 before the start of a weight change, BAL#348 during it. */
function requireNoWeightChange(tx: Transaction, pool: ManagedPool): void {
  const { startTime, endTime } = pool.schedule;
  const { time } = tx.env;
  if (time < endTime) revert(time < startTime ? 349 : 348);
}

/** Index without the pool's own token. @throws {Revert} BAL#309. */
function indexOf(pool: ManagedPool, token: Address): number {
  const index = pool.tokens.indexOf(token);
  return index < 1 ? revert(309) : index - 1;
}

function restingAt(tx: Transaction, weights: readonly bigint[]): ManagedPool['schedule'] {
  const { time } = tx.env;
  scheduleOf({ startTime: time, endTime: time, start: weights, end: weights, time }, null);
  return restingSchedule(weights, time, null);
}

/** The last entry moves into the gap, as the Vault's token sets do. */
function withoutSwapped<T>(values: readonly T[], index: number): T[] {
  const rest = values.slice(0, -1);
  if (index < rest.length) rest[index] = values.at(-1)!;
  return rest;
}

function movesOf(account: Address, amount: bigint): { account: Address; amount: bigint }[] {
  return amount === 0n ? [] : [{ account, amount }];
}

function sumOf(values: readonly bigint[]): bigint {
  return values.reduce((sum, value) => sum + value, 0n);
}
