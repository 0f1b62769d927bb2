/**
 * Joins and exits: the pool says what moves, the Vault checks the limits, moves the money, pays the
 * protocol fee and keeps the balances.
 *
 * @module
 */
import { InputError, revert, revertNoData } from '../../errors.ts';
import { POOL_KINDS } from '../kinds.ts';
import type {
  ExitOperation,
  JoinOperation,
  LiquidityResult,
  QueryExitOperation,
  QueryJoinOperation,
} from '../operations.ts';
import type { LiquidityOutcome } from '../pools/hooks.ts';
import { onExit, onJoin } from '../pools/index.ts';
import { requireNotPaused, unpausedByTime } from '../pools/shared.ts';
import type { ExitRequest, JoinRequest } from '../requests.ts';
import type { Address, Pool } from '../state.ts';
import {
  authenticateFor,
  nonReentrant,
  poolOf,
  requireVaultNotPaused,
  setPool,
  type Transaction,
} from '../transaction.ts';
import { MAX_UINT256 } from '../../uint.ts';
import { decodeExit, decodeJoin, exitKindOf, isRecoveryExit, joinKindOf } from '../user-data.ts';
import { decreaseCash, increaseCash } from './balances.ts';
import { applyMoves } from './ledger.ts';
import { closePurse, openPurse, payFee, receiveAsset, sendAsset, tokenOf } from './money.ts';

export function join(tx: Transaction, operation: JoinOperation): LiquidityResult {
  requireVaultNotPaused(tx);
  return nonReentrant(tx, () => {
    const { from, maxAmountsIn } = operation;
    const pool = poolOf(tx.state, operation.pool);
    const sender = operation.sender ?? from;
    authenticateFor(tx, from, sender);
    const assets = requireAssets(tx, pool, operation.assets, maxAmountsIn);

    const outcome = applied(tx, callJoin(tx, pool, operation, sender));
    const purse = openPurse(tx, from, operation.value);
    const fromInternalBalance = operation.fromInternalBalance ?? false;
    const balances = outcome.pool.balances.map((balance, i) => {
      const amountIn = outcome.amounts[i]!;
      const fee = outcome.protocolFeeAmounts[i]!;
      if (maxAmountsIn !== undefined && amountIn > maxAmountsIn[i]!) revert(506);
      receiveAsset(tx, purse, assets[i]!, amountIn, { sender, fromInternalBalance });
      payFee(tx, pool.tokens[i]!, fee);
      return amountIn >= fee
        ? increaseCash(balance, amountIn - fee, tx.env.block)
        : decreaseCash(balance, fee - amountIn, tx.env.block);
    });
    closePurse(tx, purse);
    return conclude(tx, { ...outcome.pool, balances }, outcome, sender, outcome.amounts);
  });
}

export function exit(tx: Transaction, operation: ExitOperation): LiquidityResult {
  return nonReentrant(tx, () => {
    const { from, minAmountsOut } = operation;
    const pool = poolOf(tx.state, operation.pool);
    const sender = operation.sender ?? from;
    authenticateFor(tx, from, sender);
    const assets = requireAssets(tx, pool, operation.assets, minAmountsOut);

    const outcome = applied(tx, callExit(tx, pool, operation, sender));
    const recipient = operation.recipient ?? sender;
    const toInternalBalance = operation.toInternalBalance ?? false;
    const balances = outcome.pool.balances.map((balance, i) => {
      const amountOut = outcome.amounts[i]!;
      const fee = outcome.protocolFeeAmounts[i]!;
      if (minAmountsOut !== undefined && amountOut < minAmountsOut[i]!) revert(505);
      sendAsset(tx, assets[i]!, amountOut, { recipient, toInternalBalance });
      payFee(tx, pool.tokens[i]!, fee);
      return decreaseCash(balance, amountOut + fee, tx.env.block);
    });
    const deltas = outcome.amounts.map((amount) => -amount);
    return conclude(tx, { ...outcome.pool, balances }, outcome, sender, deltas);
  });
}

/** What a join would give. The caller discards the state. */
export function queryJoin(tx: Transaction, operation: QueryJoinOperation): LiquidityResult {
  const pool = poolOf(tx.state, operation.pool);
  const asked = asQueried(pool, POOL_KINDS[pool.kind].pausedQueries !== 'none');
  const outcome = callJoin(tx, asked, operation, operation.sender ?? operation.from);
  return resultOf(outcome, outcome.amounts);
}

/** What an exit would give, whether or not the sender has the pool tokens. The caller discards the state. */
export function queryExit(tx: Transaction, operation: QueryExitOperation): LiquidityResult {
  const pool = poolOf(tx.state, operation.pool);
  const asked = asQueried(pool, POOL_KINDS[pool.kind].pausedQueries === 'all');
  const outcome = callExit(tx, asked, operation, operation.sender ?? operation.from);
  return resultOf(
    outcome,
    outcome.amounts.map((amount) => -amount),
  );
}

/** The pool as a query finds it. */
function asQueried(pool: Pool, answersPaused: boolean): Pool {
  const asked = answersPaused ? { ...pool, paused: false } : pool;
  if (asked.family !== 'stable') return asked;
  // The metastable pool answers with the rates that it remembers, however old they are.
  const rates = asked.rates.map((cache) =>
    cache === null ? null : Object.assign({}, cache, { expires: MAX_UINT256 }),
  );
  return { ...asked, rates };
}

function callJoin(
  tx: Transaction,
  pool: Pool,
  operation: JoinOperation | QueryJoinOperation,
  sender: Address,
): LiquidityOutcome {
  const join = {
    sender,
    recipient: operation.recipient ?? sender,
    protocolSwapFee: protocolSwapFeeOf(tx, pool, operation.do === 'queryJoin'),
    // Bytes are read where the pool reads them: what it checks before reverts before they do.
    get kind(): JoinRequest['kind'] {
      const { request, userData } = requireRequest(operation);
      return request?.kind ?? joinKindOf(pool, userData!);
    },
    get request(): JoinRequest {
      const { request, userData } = requireRequest(operation);
      return request ?? decodeJoin(pool, userData!);
    },
  };
  return onJoin(pool, join, tx.env);
}

function callExit(
  tx: Transaction,
  pool: Pool,
  operation: ExitOperation | QueryExitOperation,
  sender: Address,
): LiquidityOutcome {
  const { request: typed, userData } = requireRequest(operation);
  const isQuery = operation.do === 'queryExit';
  const exit = {
    sender,
    recipient: operation.recipient ?? sender,
    protocolSwapFee: protocolSwapFeeOf(tx, pool, isQuery),
    // Queries know no recovery exit, and take its number for that of a kind which they do not have.
    isRecovery:
      !isQuery &&
      (typed === undefined ? isRecoveryExit(pool, userData!) : asksRecovery(pool, typed)),
    get kind(): ExitRequest['kind'] {
      return typed?.kind ?? exitKindOf(unpausedByTime(pool, tx.env.time), userData!);
    },
    get request(): ExitRequest {
      const current = unpausedByTime(pool, tx.env.time);
      const request = typed ?? decodeExit(current, userData!);
      return isQuery && request.kind === 'RECOVERY' ? refuseQuery(current) : request;
    },
  };
  return onExit(pool, exit, tx.env);
}

/** Where nothing is taken, in recovery mode or ever, only the real call knows it and not the query. */
function protocolSwapFeeOf(tx: Transaction, pool: Pool, isQuery: boolean): bigint {
  const rules = POOL_KINDS[pool.kind];
  const isWaived =
    pool.recoveryMode || (rules.family === 'weighted' && rules.protocolFees === 'waived');
  return isWaived && !isQuery ? 0n : tx.env.fees.swap;
}

/** Pools answer no queries about the recovery exit. */
function refuseQuery(pool: Pool): never {
  const rules = POOL_KINDS[pool.kind];
  if (rules.pausedExit === 'recovery') {
    requireNotPaused(pool);
    if (rules.family === 'linear') revert(rules.unhandled);
  }
  return revertNoData('Try the recovery exit itself in a dry run; it cannot be queried.');
}

/** The pool's own events and mints come first, before any money moves. */
function applied(tx: Transaction, outcome: LiquidityOutcome): LiquidityOutcome {
  if (outcome.events !== undefined) tx.events.push(...outcome.events);
  return { ...outcome, pool: applyMoves(tx, outcome.pool, outcome.moves) };
}

function asksRecovery(pool: Pool, request: ExitRequest): boolean {
  return request.kind === 'RECOVERY' && POOL_KINDS[pool.kind].pausedExit === 'recovery';
}

function requireRequest<R>(operation: { readonly request?: R; readonly userData?: string }): {
  readonly request?: R;
  readonly userData?: string;
} {
  const { request, userData } = operation;
  if ((request === undefined) === (userData === undefined)) {
    throw new InputError('request', 'must be given, or userData, but not both');
  }
  return operation;
}

/** @throws {Revert} BAL#103, BAL#527, BAL#520 when assets or limits do not line up with the pool. */
function requireAssets(
  tx: Transaction,
  pool: Pool,
  assets: readonly Address[] | undefined,
  limits: readonly bigint[] | undefined,
): readonly Address[] {
  const given = assets ?? pool.tokens;
  if (limits !== undefined && limits.length !== given.length) revert(103);
  if (given.length !== pool.tokens.length) revert(103);
  if (given.length === 0) revert(527);
  if (given.some((asset, i) => tokenOf(tx.state, asset) !== pool.tokens[i])) revert(520);
  return given;
}

function conclude(
  tx: Transaction,
  pool: Pool,
  outcome: LiquidityOutcome,
  liquidityProvider: Address,
  deltas: readonly bigint[],
): LiquidityResult {
  setPool(tx, pool);
  tx.events.push({
    type: 'PoolBalanceChanged',
    pool: pool.id,
    liquidityProvider,
    tokens: pool.tokens,
    deltas,
    protocolFeeAmounts: outcome.protocolFeeAmounts,
  });
  return resultOf(outcome, deltas);
}

function resultOf(outcome: LiquidityOutcome, deltas: readonly bigint[]): LiquidityResult {
  const { protocolFeeAmounts, bptAmount } = outcome;
  return { deltas, protocolFeeAmounts, bptAmount };
}
