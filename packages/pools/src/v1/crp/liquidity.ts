/**
 * Joins and exits through a rights pool. Unlike those of a finalised V1 pool, proportional joins
 * are priced one unit against the joiner (supply - 1, balance + 1), exits likewise, and the
 * single-token forms use the supply of the rights pool's own shares.
 *
 * @module
 */
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
import type * as bpool from '../pool/index.ts';
import type { Address, Env, V1Event } from '../types.ts';
import { setPoolPublic } from './control.ts';
import {
  type CrpCall,
  type CreatedCrp,
  type CrpState,
  type CrpStep,
  burnShares,
  created,
  logCall,
  mintShares,
  pullToken,
  pushToken,
  recordOf,
} from './state.ts';

/** One token's part of a join or exit. */
interface Part {
  readonly token: Address;
  readonly amount: bigint;
}

/**
 * Mints exactly `poolAmountOut` shares for a part of every token. Swaps are closed meanwhile.
 *
 * @returns The amounts paid, raw units, in the pool's order.
 * @throws {Revert} ERR_NOT_CREATED, ERR_NOT_ON_WHITELIST, ERR_AMOUNTS_MISMATCH, ERR_MATH_APPROX,
 * ERR_LIMIT_IN, ERR_CAP_LIMIT_REACHED, arithmetic reverts.
 */
export function joinPool(
  crp: CrpState,
  input: bpool.JoinPool,
  env: Env,
): CrpStep<{ readonly amountsIn: readonly bigint[] }> {
  const poolAmountOut = requireUint(input.poolAmountOut, 'poolAmountOut');
  const ready = created(crp);
  const events: V1Event[] = [logCall(crp, env.sender, 'joinPool')];
  const { publicSwap, tokens } = ready.pool;
  const closed = setPoolPublic(ready, false, env.block, events);
  requireWhitelisted(crp, env);

  requireV1(input.maxAmountsIn.length === tokens.length, 'ERR_AMOUNTS_MISMATCH');
  const ratio = bdiv(poolAmountOut, bsub(crp.shares.totalSupply, 1n));
  requireV1(ratio !== 0n, 'ERR_MATH_APPROX');
  const parts = tokens.map(({ token, balance }, i): Part => {
    const amount = bmul(ratio, badd(balance, 1n));
    const maximum = requireUint(input.maxAmountsIn[i], `maxAmountsIn[${i}]`);
    requireV1(amount !== 0n, 'ERR_MATH_APPROX');
    requireV1(amount <= maximum, 'ERR_LIMIT_IN');
    return { token, amount };
  });

  const paid = parts.reduce((state, part) => payIn(state, part, env, events), closed);
  const minted = mintShares(paid, { to: env.sender, amount: poolAmountOut }, events);
  const state = setPoolPublic(minted, publicSwap, env.block, events);
  return { state, result: { amountsIn: parts.map(({ amount }) => amount) }, events };
}

/**
 * Burns exactly `poolAmountIn` shares for a part of every token. Swaps are closed meanwhile.
 *
 * @returns The amounts received, raw units, in the pool's order.
 * @throws {Revert} ERR_NOT_CREATED, ERR_AMOUNTS_MISMATCH, ERR_MATH_APPROX, ERR_LIMIT_OUT,
 * ERR_INSUFFICIENT_BAL, arithmetic reverts.
 */
export function exitPool(
  crp: CrpState,
  input: bpool.ExitPool,
  env: Env,
): CrpStep<{ readonly amountsOut: readonly bigint[] }> {
  const poolAmountIn = requireUint(input.poolAmountIn, 'poolAmountIn');
  const ready = created(crp);
  const events: V1Event[] = [logCall(crp, env.sender, 'exitPool')];
  const { publicSwap, tokens } = ready.pool;
  const closed = setPoolPublic(ready, false, env.block, events);

  requireV1(input.minAmountsOut.length === tokens.length, 'ERR_AMOUNTS_MISMATCH');
  const ratio = bdiv(poolAmountIn, badd(crp.shares.totalSupply, 1n));
  requireV1(ratio !== 0n, 'ERR_MATH_APPROX');
  const parts = tokens.map(({ token, balance }, i): Part => {
    const amount = bmul(ratio, bsub(balance, 1n));
    const minimum = requireUint(input.minAmountsOut[i], `minAmountsOut[${i}]`);
    requireV1(amount !== 0n, 'ERR_MATH_APPROX');
    requireV1(amount >= minimum, 'ERR_LIMIT_OUT');
    return { token, amount };
  });

  const burned = burnShares(closed, { from: env.sender, amount: poolAmountIn }, events);
  const paid = parts.reduce((state, part) => payOut(state, part, env, events), burned);
  const state = setPoolPublic(paid, publicSwap, env.block, events);
  return { state, result: { amountsOut: parts.map(({ amount }) => amount) }, events };
}

/**
 * Pays in an exact amount of one token for shares.
 *
 * @throws {Revert} ERR_NOT_CREATED, ERR_NOT_ON_WHITELIST, ERR_NOT_BOUND, ERR_MAX_IN_RATIO,
 * ERR_LIMIT_OUT, ERR_CAP_LIMIT_REACHED, arithmetic reverts.
 */
export function joinswapExternAmountIn(
  crp: CrpState,
  input: bpool.JoinswapExternAmountIn,
  env: Env,
): CrpStep<{ readonly poolAmountOut: bigint }> {
  const amount = requireUint(input.tokenAmountIn, 'tokenAmountIn');
  const minimum = requireUint(input.minPoolAmountOut ?? 0n, 'minPoolAmountOut');
  const ready = created(crp);
  requireWhitelisted(crp, env);
  const side = singleSide(ready, input.tokenIn);
  requireV1(amount <= bmul(side.balance, MAX_IN_RATIO), 'ERR_MAX_IN_RATIO');

  const poolAmountOut = poolOutGivenSingleIn(side, amount);
  requireV1(poolAmountOut >= minimum, 'ERR_LIMIT_OUT');
  const part = { token: input.tokenIn, amount };
  const call = { call: 'joinswapExternAmountIn', part, shares: poolAmountOut } as const;
  return { ...singleJoin(ready, call, env), result: { poolAmountOut } };
}

/**
 * Mints an exact number of shares for one token.
 *
 * @throws {Revert} ERR_NOT_CREATED, ERR_NOT_ON_WHITELIST, ERR_NOT_BOUND, ERR_MATH_APPROX,
 * ERR_LIMIT_IN, ERR_MAX_IN_RATIO, ERR_CAP_LIMIT_REACHED, arithmetic reverts.
 */
export function joinswapPoolAmountOut(
  crp: CrpState,
  input: bpool.JoinswapPoolAmountOut,
  env: Env,
): CrpStep<{ readonly tokenAmountIn: bigint }> {
  const poolAmountOut = requireUint(input.poolAmountOut, 'poolAmountOut');
  const maximum = requireUint(input.maxAmountIn ?? MAX_UINT256, 'maxAmountIn');
  const ready = created(crp);
  requireWhitelisted(crp, env);
  const side = singleSide(ready, input.tokenIn);

  const tokenAmountIn = singleInGivenPoolOut(side, poolAmountOut);
  requireV1(tokenAmountIn !== 0n, 'ERR_MATH_APPROX');
  requireV1(tokenAmountIn <= maximum, 'ERR_LIMIT_IN');
  requireV1(tokenAmountIn <= bmul(side.balance, MAX_IN_RATIO), 'ERR_MAX_IN_RATIO');
  const part = { token: input.tokenIn, amount: tokenAmountIn };
  const call = { call: 'joinswapPoolAmountOut', part, shares: poolAmountOut } as const;
  return { ...singleJoin(ready, call, env), result: { tokenAmountIn } };
}

/**
 * Burns an exact number of shares for one token.
 *
 * @throws {Revert} ERR_NOT_CREATED, ERR_NOT_BOUND, ERR_LIMIT_OUT, ERR_MAX_OUT_RATIO,
 * ERR_INSUFFICIENT_BAL, arithmetic reverts.
 */
export function exitswapPoolAmountIn(
  crp: CrpState,
  input: bpool.ExitswapPoolAmountIn,
  env: Env,
): CrpStep<{ readonly tokenAmountOut: bigint }> {
  const poolAmountIn = requireUint(input.poolAmountIn, 'poolAmountIn');
  const minimum = requireUint(input.minAmountOut ?? 0n, 'minAmountOut');
  const ready = created(crp);
  const side = singleSide(ready, input.tokenOut);

  const tokenAmountOut = singleOutGivenPoolIn(side, poolAmountIn);
  requireV1(tokenAmountOut >= minimum, 'ERR_LIMIT_OUT');
  requireV1(tokenAmountOut <= bmul(side.balance, MAX_OUT_RATIO), 'ERR_MAX_OUT_RATIO');
  const part = { token: input.tokenOut, amount: tokenAmountOut };
  const call = { call: 'exitswapPoolAmountIn', part, shares: poolAmountIn } as const;
  return { ...singleExit(ready, call, env), result: { tokenAmountOut } };
}

/**
 * Takes out an exact amount of one token for shares.
 *
 * @throws {Revert} ERR_NOT_CREATED, ERR_NOT_BOUND, ERR_MAX_OUT_RATIO, ERR_MATH_APPROX,
 * ERR_LIMIT_IN, ERR_INSUFFICIENT_BAL, arithmetic reverts.
 */
export function exitswapExternAmountOut(
  crp: CrpState,
  input: bpool.ExitswapExternAmountOut,
  env: Env,
): CrpStep<{ readonly poolAmountIn: bigint }> {
  const amount = requireUint(input.tokenAmountOut, 'tokenAmountOut');
  const maximum = requireUint(input.maxPoolAmountIn ?? MAX_UINT256, 'maxPoolAmountIn');
  const ready = created(crp);
  const side = singleSide(ready, input.tokenOut);
  requireV1(amount <= bmul(side.balance, MAX_OUT_RATIO), 'ERR_MAX_OUT_RATIO');

  const poolAmountIn = poolInGivenSingleOut(side, amount);
  requireV1(poolAmountIn !== 0n, 'ERR_MATH_APPROX');
  requireV1(poolAmountIn <= maximum, 'ERR_LIMIT_IN');
  const part = { token: input.tokenOut, amount };
  const call = { call: 'exitswapExternAmountOut', part, shares: poolAmountIn } as const;
  return { ...singleExit(ready, call, env), result: { poolAmountIn } };
}

interface SingleCall {
  readonly call: CrpCall;
  readonly part: Part;
  /** Pool shares minted or burned. */
  readonly shares: bigint;
}

function singleJoin(crp: CreatedCrp, { call, part, shares }: SingleCall, env: Env): CrpStep {
  const { token, amount } = part;
  const events = [logCall(crp, env.sender, call), logJoin(crp, env.sender, part)];
  const minted = mintShares(crp, { to: env.sender, amount: shares }, events);
  const state = pullToken(minted, { token, amount }, env, events);
  return { state, result: null, events };
}

function singleExit(crp: CreatedCrp, { call, part, shares }: SingleCall, env: Env): CrpStep {
  const { token, amount } = part;
  const events = [logCall(crp, env.sender, call), logExit(crp, env.sender, part)];
  const burned = burnShares(crp, { from: env.sender, amount: shares }, events);
  const state = pushToken(burned, { token, amount }, env, events);
  return { state, result: null, events };
}

function payIn(crp: CreatedCrp, part: Part, env: Env, events: V1Event[]): CreatedCrp {
  events.push(logJoin(crp, env.sender, part));
  return pullToken(crp, part, env, events);
}

function payOut(crp: CreatedCrp, part: Part, env: Env, events: V1Event[]): CreatedCrp {
  events.push(logExit(crp, env.sender, part));
  return pushToken(crp, part, env, events);
}

function requireWhitelisted(crp: CrpState, { sender }: Env): void {
  const allowed = !crp.rights.canWhitelistLPs || crp.whitelist.includes(sender);
  requireV1(allowed, 'ERR_NOT_ON_WHITELIST');
}

/** @throws {Revert} ERR_NOT_BOUND. */
function singleSide(crp: CreatedCrp, token: Address): SingleSide {
  const { balance, denorm } = recordOf(crp, token);
  const { totalWeight, swapFee } = crp.pool;
  return { balance, weight: denorm, supply: crp.shares.totalSupply, totalWeight, swapFee };
}

function logJoin(crp: CrpState, caller: Address, { token, amount }: Part): V1Event {
  const paid = { tokenIn: token, tokenAmountIn: amount };
  return { contract: crp.address, type: 'LogJoin', caller, ...paid };
}

function logExit(crp: CrpState, caller: Address, { token, amount }: Part): V1Event {
  const paid = { tokenOut: token, tokenAmountOut: amount };
  return { contract: crp.address, type: 'LogExit', caller, ...paid };
}
