/**
 * Joins and exits of a finalised V1 pool: in all tokens at once by their recorded balances, or in
 * one token, which is a join or exit and a swap of the others' part in one.
 *
 * @module
 */
import { revertNoData } from '../../errors.ts';
import { MAX_UINT256, requireUint } from '../../uint.ts';
import { MAX_IN_RATIO, MAX_OUT_RATIO } from '../constants.ts';
import { requireV1 } from '../errors.ts';
import {
  type SingleSide,
  poolInGivenSingleOut,
  poolOutGivenSingleIn,
  singleInGivenPoolOut,
  singleOutGivenPoolIn,
} from '../math.ts';
import { badd, bdiv, bmul, bsub } from '../num.ts';
import { burnFrom, mintTo } from '../shares.ts';
import type { Address, Env, Outcome, V1Event } from '../types.ts';
import {
  type PoolState,
  type TokenRecord,
  indexOf,
  logCall,
  pullUnderlying,
  pushUnderlying,
  requireFinalized,
  withRecord,
} from './state.ts';

type Step<Result = null> = Outcome<PoolState, Result>;

/** Shares out for a part of every token; raw units. */
export interface JoinPool {
  readonly poolAmountOut: bigint;
  /** One limit per token in the pool's order; the contract ignores more. */
  readonly maxAmountsIn: readonly bigint[];
}

/** Shares in for a part of every token; raw units. */
export interface ExitPool {
  readonly poolAmountIn: bigint;
  /** One limit per token in the pool's order; the contract ignores more. */
  readonly minAmountsOut: readonly bigint[];
}

/** An exact amount of one token in; raw units. */
export interface JoinswapExternAmountIn {
  readonly tokenIn: Address;
  readonly tokenAmountIn: bigint;
  readonly minPoolAmountOut?: bigint;
}

/** Exact shares out for one token; raw units. */
export interface JoinswapPoolAmountOut {
  readonly tokenIn: Address;
  readonly poolAmountOut: bigint;
  readonly maxAmountIn?: bigint;
}

/** Exact shares in for one token; raw units. */
export interface ExitswapPoolAmountIn {
  readonly tokenOut: Address;
  readonly poolAmountIn: bigint;
  readonly minAmountOut?: bigint;
}

/** An exact amount of one token out; raw units. */
export interface ExitswapExternAmountOut {
  readonly tokenOut: Address;
  readonly tokenAmountOut: bigint;
  readonly maxPoolAmountIn?: bigint;
}

/**
 * Mints exactly `poolAmountOut` shares for a proportional part of every token.
 *
 * @throws {Revert} ERR_NOT_FINALIZED, ERR_MATH_APPROX, ERR_LIMIT_IN, arithmetic reverts; NO_DATA
 * when a limit is missing.
 */
export function joinPool(pool: PoolState, input: JoinPool, env: Env): Step {
  const poolAmountOut = requireUint(input.poolAmountOut, 'poolAmountOut');
  requireFinalized(pool);
  const ratio = bdiv(poolAmountOut, pool.shares.totalSupply);
  requireV1(ratio !== 0n, 'ERR_MATH_APPROX');

  const events: V1Event[] = [logCall(pool, env.sender, 'joinPool')];
  const joined = pool.tokens.reduce((state, { token, balance }, index) => {
    const amount = bmul(ratio, balance);
    requireV1(amount !== 0n, 'ERR_MATH_APPROX');
    requireV1(amount <= limitAt(input.maxAmountsIn, index, 'maxAmountsIn'), 'ERR_LIMIT_IN');
    events.push(logJoin(pool, env.sender, token, amount));
    return payIn(state, index, amount, env, events);
  }, pool);
  return { state: mint(joined, poolAmountOut, env, events), result: null, events };
}

/**
 * Burns exactly `poolAmountIn` shares for a proportional part of every token.
 *
 * @throws {Revert} ERR_NOT_FINALIZED, ERR_MATH_APPROX, ERR_INSUFFICIENT_BAL, ERR_LIMIT_OUT,
 * arithmetic reverts; NO_DATA when a limit is missing.
 */
export function exitPool(pool: PoolState, input: ExitPool, env: Env): Step {
  const poolAmountIn = requireUint(input.poolAmountIn, 'poolAmountIn');
  requireFinalized(pool);
  const ratio = bdiv(poolAmountIn, pool.shares.totalSupply);
  requireV1(ratio !== 0n, 'ERR_MATH_APPROX');

  const events: V1Event[] = [logCall(pool, env.sender, 'exitPool')];
  const state = pool.tokens.reduce(
    (exited, { token, balance }, index) => {
      const amount = bmul(ratio, balance);
      requireV1(amount !== 0n, 'ERR_MATH_APPROX');
      requireV1(amount >= limitAt(input.minAmountsOut, index, 'minAmountsOut'), 'ERR_LIMIT_OUT');
      events.push(logExit(pool, env.sender, token, amount));
      return payOut(exited, index, amount, env, events);
    },
    burn(pool, poolAmountIn, env, events),
  );
  return { state, result: null, events };
}

/**
 * Pays in an exact amount of one token for shares.
 *
 * @throws {Revert} ERR_NOT_FINALIZED, ERR_NOT_BOUND, ERR_MAX_IN_RATIO, ERR_LIMIT_OUT, arithmetic
 * reverts.
 */
export function joinswapExternAmountIn(
  pool: PoolState,
  input: JoinswapExternAmountIn,
  env: Env,
): Step<{ readonly poolAmountOut: bigint }> {
  const amountIn = requireUint(input.tokenAmountIn, 'tokenAmountIn');
  const minimum = requireUint(input.minPoolAmountOut ?? 0n, 'minPoolAmountOut');
  requireFinalized(pool);
  const index = indexOf(pool, input.tokenIn);
  const record = pool.tokens[index]!;
  requireV1(amountIn <= bmul(record.balance, MAX_IN_RATIO), 'ERR_MAX_IN_RATIO');

  const poolAmountOut = poolOutGivenSingleIn(singleSide(pool, record), amountIn);
  requireV1(poolAmountOut >= minimum, 'ERR_LIMIT_OUT');
  const events: V1Event[] = [
    logCall(pool, env.sender, 'joinswapExternAmountIn'),
    logJoin(pool, env.sender, input.tokenIn, amountIn),
  ];
  const minted = mint(pool, poolAmountOut, env, events);
  return { state: payIn(minted, index, amountIn, env, events), result: { poolAmountOut }, events };
}

/**
 * Mints an exact number of shares for one token.
 *
 * @throws {Revert} ERR_NOT_FINALIZED, ERR_NOT_BOUND, ERR_MATH_APPROX, ERR_LIMIT_IN,
 * ERR_MAX_IN_RATIO, arithmetic reverts.
 */
export function joinswapPoolAmountOut(
  pool: PoolState,
  input: JoinswapPoolAmountOut,
  env: Env,
): Step<{ readonly tokenAmountIn: bigint }> {
  const poolAmountOut = requireUint(input.poolAmountOut, 'poolAmountOut');
  const maximum = requireUint(input.maxAmountIn ?? MAX_UINT256, 'maxAmountIn');
  requireFinalized(pool);
  const index = indexOf(pool, input.tokenIn);
  const record = pool.tokens[index]!;

  const tokenAmountIn = singleInGivenPoolOut(singleSide(pool, record), poolAmountOut);
  requireV1(tokenAmountIn !== 0n, 'ERR_MATH_APPROX');
  requireV1(tokenAmountIn <= maximum, 'ERR_LIMIT_IN');
  requireV1(tokenAmountIn <= bmul(record.balance, MAX_IN_RATIO), 'ERR_MAX_IN_RATIO');
  const events: V1Event[] = [
    logCall(pool, env.sender, 'joinswapPoolAmountOut'),
    logJoin(pool, env.sender, input.tokenIn, tokenAmountIn),
  ];
  const minted = mint(pool, poolAmountOut, env, events);
  const state = payIn(minted, index, tokenAmountIn, env, events);
  return { state, result: { tokenAmountIn }, events };
}

/**
 * Burns an exact number of shares for one token.
 *
 * @throws {Revert} ERR_NOT_FINALIZED, ERR_NOT_BOUND, ERR_LIMIT_OUT, ERR_MAX_OUT_RATIO,
 * ERR_INSUFFICIENT_BAL, arithmetic reverts.
 */
export function exitswapPoolAmountIn(
  pool: PoolState,
  input: ExitswapPoolAmountIn,
  env: Env,
): Step<{ readonly tokenAmountOut: bigint }> {
  const poolAmountIn = requireUint(input.poolAmountIn, 'poolAmountIn');
  const minimum = requireUint(input.minAmountOut ?? 0n, 'minAmountOut');
  requireFinalized(pool);
  const index = indexOf(pool, input.tokenOut);
  const record = pool.tokens[index]!;

  const tokenAmountOut = singleOutGivenPoolIn(singleSide(pool, record), poolAmountIn);
  requireV1(tokenAmountOut >= minimum, 'ERR_LIMIT_OUT');
  requireV1(tokenAmountOut <= bmul(record.balance, MAX_OUT_RATIO), 'ERR_MAX_OUT_RATIO');
  const events: V1Event[] = [
    logCall(pool, env.sender, 'exitswapPoolAmountIn'),
    logExit(pool, env.sender, input.tokenOut, tokenAmountOut),
  ];
  const burned = burn(pool, poolAmountIn, env, events);
  const state = payOut(burned, index, tokenAmountOut, env, events);
  return { state, result: { tokenAmountOut }, events };
}

/**
 * Takes out an exact amount of one token for shares.
 *
 * @throws {Revert} ERR_NOT_FINALIZED, ERR_NOT_BOUND, ERR_MAX_OUT_RATIO, ERR_MATH_APPROX,
 * ERR_LIMIT_IN, ERR_INSUFFICIENT_BAL, arithmetic reverts.
 */
export function exitswapExternAmountOut(
  pool: PoolState,
  input: ExitswapExternAmountOut,
  env: Env,
): Step<{ readonly poolAmountIn: bigint }> {
  const amountOut = requireUint(input.tokenAmountOut, 'tokenAmountOut');
  const maximum = requireUint(input.maxPoolAmountIn ?? MAX_UINT256, 'maxPoolAmountIn');
  requireFinalized(pool);
  const index = indexOf(pool, input.tokenOut);
  const record = pool.tokens[index]!;
  requireV1(amountOut <= bmul(record.balance, MAX_OUT_RATIO), 'ERR_MAX_OUT_RATIO');

  const poolAmountIn = poolInGivenSingleOut(singleSide(pool, record), amountOut);
  requireV1(poolAmountIn !== 0n, 'ERR_MATH_APPROX');
  requireV1(poolAmountIn <= maximum, 'ERR_LIMIT_IN');
  const events: V1Event[] = [
    logCall(pool, env.sender, 'exitswapExternAmountOut'),
    logExit(pool, env.sender, input.tokenOut, amountOut),
  ];
  const burned = burn(pool, poolAmountIn, env, events);
  return { state: payOut(burned, index, amountOut, env, events), result: { poolAmountIn }, events };
}

function singleSide(pool: PoolState, { balance, denorm }: TokenRecord): SingleSide {
  const { totalWeight, swapFee, shares } = pool;
  return { balance, weight: denorm, supply: shares.totalSupply, totalWeight, swapFee };
}

/** Limit of one token. @throws {Revert} NO_DATA past the end, where the contract's array ends. */
function limitAt(limits: readonly bigint[], index: number, name: string): bigint {
  if (index >= limits.length) revertNoData(`Give one limit per token in ${name}.`);
  return requireUint(limits[index], `${name}[${index}]`);
}

function payIn(
  pool: PoolState,
  index: number,
  amount: bigint,
  { sender }: Env,
  events: V1Event[],
): PoolState {
  const record = pool.tokens[index]!;
  const recorded = withRecord(pool, index, { ...record, balance: badd(record.balance, amount) });
  return pullUnderlying(recorded, { token: record.token, from: sender, amount }, events);
}

function payOut(
  pool: PoolState,
  index: number,
  amount: bigint,
  { sender }: Env,
  events: V1Event[],
): PoolState {
  const record = pool.tokens[index]!;
  const recorded = withRecord(pool, index, { ...record, balance: bsub(record.balance, amount) });
  return pushUnderlying(recorded, { token: record.token, to: sender, amount }, events);
}

function mint(pool: PoolState, amount: bigint, { sender }: Env, events: V1Event[]): PoolState {
  const to = { contract: pool.address, to: sender, amount };
  return { ...pool, shares: mintTo(pool.shares, to, events) };
}

function burn(pool: PoolState, amount: bigint, { sender }: Env, events: V1Event[]): PoolState {
  const from = { contract: pool.address, from: sender, amount };
  return { ...pool, shares: burnFrom(pool.shares, from, events) };
}

function logJoin(pool: PoolState, caller: Address, tokenIn: Address, amount: bigint): V1Event {
  return {
    contract: pool.address,
    type: 'LOG_JOIN',
    caller,
    tokenIn,
    tokenAmountIn: amount,
  };
}

function logExit(pool: PoolState, caller: Address, tokenOut: Address, amount: bigint): V1Event {
  return {
    contract: pool.address,
    type: 'LOG_EXIT',
    caller,
    tokenOut,
    tokenAmountOut: amount,
  };
}
