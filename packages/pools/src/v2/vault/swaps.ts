/**
 * Swaps and batch swaps: the pool calculates the other amount, the Vault moves balances and money.
 *
 * @module
 */
import { revert } from '../../errors.ts';
import { placeOf } from '../../hex-map.ts';
import type {
  BatchSwapOperation,
  BatchSwapStep,
  QueryBatchSwapOperation,
  SwapOperation,
} from '../operations.ts';
import { onSwap } from '../pools/index.ts';
import type { SwapKind } from '../requests.ts';
import type { Address, Pool, PoolId, TokenBalance } from '../state.ts';
import {
  authenticateFor,
  nonReentrant,
  poolOf,
  requireVaultNotPaused,
  setPool,
  type Transaction,
} from '../transaction.ts';
import { decreaseCash, increaseCash, withBalances } from './balances.ts';
import { applyMoves } from './ledger.ts';
import { closePurse, openPurse, receiveAsset, requireInt256, sendAsset, tokenOf } from './money.ts';

/** Runs one swap. */
export function swap(
  tx: Transaction,
  operation: Omit<SwapOperation, 'do'>,
): { amountCalculated: bigint } {
  return nonReentrant(tx, () => {
    requireVaultNotPaused(tx);
    const { from, kind, tokenIn: assetIn, tokenOut: assetOut, limit } = operation;
    const sender = operation.sender ?? from;
    authenticateFor(tx, from, sender);
    requireDeadline(tx, operation.deadline);
    if (operation.amount === 0n) revert(510);
    const tokenIn = tokenOf(tx.state, assetIn);
    const tokenOut = tokenOf(tx.state, assetOut);
    if (tokenIn === tokenOut) revert(509);

    const { pool, amount } = operation;
    const swapped = swapWithPool(tx, { pool, kind, tokenIn, tokenOut, amount, from: sender });
    const { amountIn, amountOut } = swapped;
    if (limit !== undefined && (kind === 'GIVEN_IN' ? amountOut < limit : amountIn > limit)) {
      revert(507);
    }

    const purse = openPurse(tx, from, operation.value);
    const fromInternalBalance = operation.fromInternalBalance ?? false;
    const toInternalBalance = operation.toInternalBalance ?? false;
    const recipient = operation.recipient ?? sender;
    receiveAsset(tx, purse, assetIn, amountIn, { sender, fromInternalBalance });
    sendAsset(tx, assetOut, amountOut, { recipient, toInternalBalance });
    closePurse(tx, purse);
    return { amountCalculated: kind === 'GIVEN_IN' ? amountOut : amountIn };
  });
}

/** Runs several swaps and moves the net amount of each asset once. */
export function batchSwap(
  tx: Transaction,
  operation: BatchSwapOperation,
): { assetDeltas: readonly bigint[] } {
  return nonReentrant(tx, () => {
    requireVaultNotPaused(tx);
    const { from, assets, limits } = operation;
    const sender = operation.sender ?? from;
    authenticateFor(tx, from, sender);
    requireDeadline(tx, operation.deadline);
    if (limits !== undefined && limits.length !== assets.length) revert(103);

    const assetDeltas = swapWithPools(tx, { ...operation, sender });
    const purse = openPurse(tx, from, operation.value);
    const fromInternalBalance = operation.fromInternalBalance ?? false;
    const toInternalBalance = operation.toInternalBalance ?? false;
    const recipient = operation.recipient ?? sender;
    for (const [i, asset] of assets.entries()) {
      const delta = assetDeltas[i]!;
      if (limits !== undefined && delta > limits[i]!) revert(507);
      if (delta > 0n) receiveAsset(tx, purse, asset, delta, { sender, fromInternalBalance });
      else sendAsset(tx, asset, -delta, { recipient, toInternalBalance });
    }
    closePurse(tx, purse);
    return { assetDeltas };
  });
}

/** The deltas that a batch would give. The caller discards the state. */
export function queryBatchSwap(
  tx: Transaction,
  operation: QueryBatchSwapOperation,
): { assetDeltas: readonly bigint[] } {
  return { assetDeltas: swapWithPools(tx, { ...operation, sender: operation.from }) };
}

function swapWithPools(
  tx: Transaction,
  batch: {
    readonly kind: SwapKind;
    readonly assets: readonly Address[];
    readonly steps: readonly BatchSwapStep[];
    readonly sender: Address;
  },
): bigint[] {
  const { kind, assets, sender } = batch;
  const deltas = assets.map(() => 0n);
  let previousToken: Address | null = null;
  let previousAmount = 0n;
  for (const { pool, assetIn, assetOut, amount } of batch.steps) {
    if (assetIn >= assets.length || assetOut >= assets.length) revert(100);
    const tokenIn = tokenOf(tx.state, assets[assetIn]!);
    const tokenOut = tokenOf(tx.state, assets[assetOut]!);
    if (tokenIn === tokenOut) revert(509);
    if (amount === 0n) {
      if (previousToken === null) revert(510);
      if (previousToken !== (kind === 'GIVEN_IN' ? tokenIn : tokenOut)) revert(511);
    }

    const given = amount === 0n ? previousAmount : amount;
    const swapped = swapWithPool(tx, {
      pool,
      kind,
      tokenIn,
      tokenOut,
      amount: given,
      from: sender,
    });
    previousAmount = kind === 'GIVEN_IN' ? swapped.amountOut : swapped.amountIn;
    previousToken = kind === 'GIVEN_IN' ? tokenOut : tokenIn;
    deltas[assetIn] = deltas[assetIn]! + requireInt256(swapped.amountIn);
    deltas[assetOut] = deltas[assetOut]! - requireInt256(swapped.amountOut);
  }
  return deltas;
}

interface PoolSwap {
  readonly pool: PoolId;
  readonly kind: SwapKind;
  readonly tokenIn: Address;
  readonly tokenOut: Address;
  readonly amount: bigint;
  readonly from: Address;
}

function swapWithPool(tx: Transaction, request: PoolSwap): { amountIn: bigint; amountOut: bigint } {
  const { kind, tokenIn, tokenOut, amount, from } = request;
  const pool = poolOf(tx.state, request.pool);
  const indexIn = placeOf(pool.tokens, tokenIn);
  const indexOut = placeOf(pool.tokens, tokenOut);
  if (indexIn < 0 || indexOut < 0) revert(521);

  const outcome = onSwap(pool, { kind, indexIn, indexOut, amount, from }, tx.env);
  const amountIn = kind === 'GIVEN_IN' ? amount : outcome.amount;
  const amountOut = kind === 'GIVEN_IN' ? outcome.amount : amount;
  const moved = applyMoves(tx, outcome.pool, outcome.moves);
  const balances = swappedBalances(moved, { indexIn, indexOut, amountIn, amountOut }, tx.env.block);
  setPool(tx, withBalances(moved, balances));
  if (outcome.events !== undefined) tx.events.push(...outcome.events);
  tx.events.push({ type: 'Swap', pool: pool.id, tokenIn, tokenOut, amountIn, amountOut });
  return { amountIn, amountOut };
}

function swappedBalances(
  pool: Pool,
  swapped: { indexIn: number; indexOut: number; amountIn: bigint; amountOut: bigint },
  block: bigint,
): readonly TokenBalance[] {
  const { indexIn, indexOut, amountIn, amountOut } = swapped;
  const balances = pool.balances.slice();
  balances[indexIn] = increaseCash(balances[indexIn]!, amountIn, block);
  balances[indexOut] = decreaseCash(balances[indexOut]!, amountOut, block);
  return balances;
}

function requireDeadline(tx: Transaction, deadline: bigint | undefined): void {
  if (deadline !== undefined && tx.state.time > deadline) revert(508);
}
