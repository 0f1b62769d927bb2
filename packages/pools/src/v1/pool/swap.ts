/**
 * Trades of a V1 pool. Each is priced on recorded balances, checked against the trader's limits,
 * and must not lower the spot price it leaves behind.
 *
 * @module
 */
import { MAX_UINT256, requireUint } from '../../uint.ts';
import { MAX_IN_RATIO, MAX_OUT_RATIO } from '../constants.ts';
import { requireV1 } from '../errors.ts';
import { type TradeSides, inGivenOut, outGivenIn, spotPrice } from '../math.ts';
import { badd, bdiv, bmul, bsub } from '../num.ts';
import type { Address, Env, Outcome, V1Event } from '../types.ts';
import { type PoolState, indexOf, logCall, pullUnderlying, pushUnderlying } from './state.ts';

/** A swap of an exact amount in; raw units, prices with 18 decimals. */
export interface SwapExactAmountIn {
  readonly tokenIn: Address;
  readonly tokenAmountIn: bigint;
  readonly tokenOut: Address;
  /** 0 when left out. */
  readonly minAmountOut?: bigint;
  /** Highest acceptable spot price before and after, 18 decimals; unlimited when left out. */
  readonly maxPrice?: bigint;
}

/** A swap of an exact amount out; raw units, prices with 18 decimals. */
export interface SwapExactAmountOut {
  readonly tokenIn: Address;
  /** Unlimited when left out. */
  readonly maxAmountIn?: bigint;
  readonly tokenOut: Address;
  readonly tokenAmountOut: bigint;
  /** Highest acceptable spot price before and after, 18 decimals; unlimited when left out. */
  readonly maxPrice?: bigint;
}

/**
 * Swaps an exact amount in.
 *
 * @returns The amount out (raw units) and the spot price afterwards, fee included.
 * @throws {Revert} ERR_NOT_BOUND, ERR_SWAP_NOT_PUBLIC, ERR_MAX_IN_RATIO, ERR_BAD_LIMIT_PRICE,
 * ERR_LIMIT_OUT, ERR_MATH_APPROX, ERR_LIMIT_PRICE, arithmetic reverts.
 */
export function swapExactAmountIn(
  pool: PoolState,
  input: SwapExactAmountIn,
  env: Env,
): Outcome<PoolState, { readonly tokenAmountOut: bigint; readonly spotPriceAfter: bigint }> {
  const amountIn = requireUint(input.tokenAmountIn, 'tokenAmountIn');
  const minAmountOut = requireUint(input.minAmountOut ?? 0n, 'minAmountOut');
  const sides = openTrade(pool, input);
  requireV1(amountIn <= bmul(sides.balanceIn, MAX_IN_RATIO), 'ERR_MAX_IN_RATIO');
  const priceBefore = requirePrice(sides, input);

  const amountOut = outGivenIn(sides, amountIn);
  requireV1(amountOut >= minAmountOut, 'ERR_LIMIT_OUT');

  const trade = { ...input, amountIn, amountOut };
  const { state, spotPriceAfter, events } = settleTrade(pool, trade, priceBefore, env);
  events.unshift(logCall(pool, env.sender, 'swapExactAmountIn'));
  return { state, result: { tokenAmountOut: amountOut, spotPriceAfter }, events };
}

/**
 * Swaps for an exact amount out.
 *
 * @returns The amount in (raw units) and the spot price afterwards, fee included.
 * @throws {Revert} ERR_NOT_BOUND, ERR_SWAP_NOT_PUBLIC, ERR_MAX_OUT_RATIO, ERR_BAD_LIMIT_PRICE,
 * ERR_LIMIT_IN, ERR_MATH_APPROX, ERR_LIMIT_PRICE, arithmetic reverts.
 */
export function swapExactAmountOut(
  pool: PoolState,
  input: SwapExactAmountOut,
  env: Env,
): Outcome<PoolState, { readonly tokenAmountIn: bigint; readonly spotPriceAfter: bigint }> {
  const amountOut = requireUint(input.tokenAmountOut, 'tokenAmountOut');
  const maxAmountIn = requireUint(input.maxAmountIn ?? MAX_UINT256, 'maxAmountIn');
  const sides = openTrade(pool, input);
  requireV1(amountOut <= bmul(sides.balanceOut, MAX_OUT_RATIO), 'ERR_MAX_OUT_RATIO');
  const priceBefore = requirePrice(sides, input);

  const amountIn = inGivenOut(sides, amountOut);
  requireV1(amountIn <= maxAmountIn, 'ERR_LIMIT_IN');

  const trade = { ...input, amountIn, amountOut };
  const { state, spotPriceAfter, events } = settleTrade(pool, trade, priceBefore, env);
  events.unshift(logCall(pool, env.sender, 'swapExactAmountOut'));
  return { state, result: { tokenAmountIn: amountIn, spotPriceAfter }, events };
}

interface Pair {
  readonly tokenIn: Address;
  readonly tokenOut: Address;
}

/** Both sides of a trade in this pool. @throws {Revert} ERR_NOT_BOUND. */
export function tradeSides(pool: PoolState, { tokenIn, tokenOut }: Pair): TradeSides {
  const sideIn = pool.tokens[indexOf(pool, tokenIn)]!;
  const sideOut = pool.tokens[indexOf(pool, tokenOut)]!;
  return {
    balanceIn: sideIn.balance,
    weightIn: sideIn.denorm,
    balanceOut: sideOut.balance,
    weightOut: sideOut.denorm,
    swapFee: pool.swapFee,
  };
}

function openTrade(pool: PoolState, pair: Pair): TradeSides {
  const sides = tradeSides(pool, pair);
  requireV1(pool.publicSwap, 'ERR_SWAP_NOT_PUBLIC');
  return sides;
}

function requirePrice(sides: TradeSides, { maxPrice }: { readonly maxPrice?: bigint }): bigint {
  const price = spotPrice(sides);
  if (maxPrice !== undefined) {
    requireV1(price <= requireUint(maxPrice, 'maxPrice'), 'ERR_BAD_LIMIT_PRICE');
  }
  return price;
}

interface Trade extends Pair {
  readonly amountIn: bigint;
  readonly amountOut: bigint;
  readonly maxPrice?: bigint;
}

/** Books a priced trade, with the checks that need the balances after it. */
function settleTrade(
  pool: PoolState,
  trade: Trade,
  priceBefore: bigint,
  { sender }: Env,
): { state: PoolState; spotPriceAfter: bigint; events: V1Event[] } {
  const { tokenIn, tokenOut, amountIn, amountOut } = trade;
  const booked = bookTrade(pool, trade);
  const spotPriceAfter = spotPrice(tradeSides(booked, trade));
  requireV1(spotPriceAfter >= priceBefore, 'ERR_MATH_APPROX');
  if (trade.maxPrice !== undefined) requireV1(spotPriceAfter <= trade.maxPrice, 'ERR_LIMIT_PRICE');
  requireV1(priceBefore <= bdiv(amountIn, amountOut), 'ERR_MATH_APPROX');

  const events: V1Event[] = [
    {
      contract: pool.address,
      type: 'LOG_SWAP',
      caller: sender,
      tokenIn,
      tokenOut,
      tokenAmountIn: amountIn,
      tokenAmountOut: amountOut,
    },
  ];
  const pulled = pullUnderlying(booked, { token: tokenIn, from: sender, amount: amountIn }, events);
  const paid = { token: tokenOut, to: sender, amount: amountOut };
  return { state: pushUnderlying(pulled, paid, events), spotPriceAfter, events };
}

// One side after the other: a swap of a token against itself writes the same record twice.
function bookTrade(pool: PoolState, { tokenIn, tokenOut, amountIn, amountOut }: Trade): PoolState {
  const tokens = [...pool.tokens];
  const indexIn = indexOf(pool, tokenIn);
  const recordIn = tokens[indexIn]!;
  tokens[indexIn] = { ...recordIn, balance: badd(recordIn.balance, amountIn) };
  const indexOut = indexOf(pool, tokenOut);
  const recordOut = tokens[indexOut]!;
  tokens[indexOut] = { ...recordOut, balance: bsub(recordOut.balance, amountOut) };
  return { ...pool, tokens };
}
