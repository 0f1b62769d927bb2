/**
 * What the controller of a V1 pool does to it, and `gulp`, which anyone may do.
 *
 * The order of the checks is the contract's and differs from call to call; a caller who breaks two
 * rules at once sees the one that the contract tests first.
 *
 * @module
 */
import { requireUint } from '../../uint.ts';
import {
  INIT_POOL_SUPPLY,
  MAX_BOUND_TOKENS,
  MAX_FEE,
  MAX_TOTAL_WEIGHT,
  MAX_WEIGHT,
  MIN_BALANCE,
  MIN_BOUND_TOKENS,
  MIN_FEE,
  MIN_WEIGHT,
} from '../constants.ts';
import { requireV1 } from '../errors.ts';
import { badd, bsub } from '../num.ts';
import { mintTo } from '../shares.ts';
import type { Address, Env, Outcome, V1Event } from '../types.ts';
import {
  type PoolState,
  heldOf,
  indexOf,
  isBound,
  logCall,
  pullUnderlying,
  pushUnderlying,
  requireController,
  requireNotFinalized,
  withRecord,
} from './state.ts';

type Step<Result = null> = Outcome<PoolState, Result>;

/** A token, the balance the pool shall record (raw units) and its denormalised weight. */
export interface Binding {
  readonly token: Address;
  readonly balance: bigint;
  readonly denorm: bigint;
}

/** @throws {Revert} ERR_IS_FINALIZED, ERR_NOT_CONTROLLER, ERR_MIN_FEE, ERR_MAX_FEE. */
export function setSwapFee(pool: PoolState, input: { readonly fee: bigint }, env: Env): Step {
  const swapFee = requireUint(input.fee, 'fee');
  requireNotFinalized(pool);
  requireController(pool, env.sender);
  requireV1(swapFee >= MIN_FEE, 'ERR_MIN_FEE');
  requireV1(swapFee <= MAX_FEE, 'ERR_MAX_FEE');
  return done({ ...pool, swapFee }, logCall(pool, env.sender, 'setSwapFee'));
}

/** @throws {Revert} ERR_IS_FINALIZED, ERR_NOT_CONTROLLER. */
export function setPublicSwap(
  pool: PoolState,
  input: { readonly public: boolean },
  env: Env,
): Step {
  requireNotFinalized(pool);
  requireController(pool, env.sender);
  return done({ ...pool, publicSwap: input.public }, logCall(pool, env.sender, 'setPublicSwap'));
}

/** @throws {Revert} ERR_NOT_CONTROLLER. */
export function setController(
  pool: PoolState,
  input: { readonly controller: Address },
  env: Env,
): Step {
  requireController(pool, env.sender);
  return done(
    { ...pool, controller: input.controller },
    logCall(pool, env.sender, 'setController'),
  );
}

/**
 * Adds a token and takes its balance from the controller.
 *
 * @throws {Revert} ERR_NOT_CONTROLLER, ERR_IS_BOUND, ERR_IS_FINALIZED, ERR_MAX_TOKENS, then as
 * `rebind`.
 */
export function bind(pool: PoolState, input: Binding, env: Env): Step {
  requireController(pool, env.sender);
  requireV1(!isBound(pool, input.token), 'ERR_IS_BOUND');
  requireNotFinalized(pool);
  requireV1(pool.tokens.length < MAX_BOUND_TOKENS, 'ERR_MAX_TOKENS');

  const record = { token: input.token, denorm: 0n, balance: 0n };
  const { state, events } = rebind({ ...pool, tokens: [...pool.tokens, record] }, input, env);
  // The contract's bind calls its own rebind, which logs again under the selector of the bind.
  const logged = logCall(pool, env.sender, 'bind');
  return { state, result: null, events: [logged, logged, ...events.slice(1)] };
}

/**
 * Sets weight and balance of a bound token; the difference in balance moves between the pool and
 * the controller.
 *
 * @throws {Revert} ERR_NOT_CONTROLLER, ERR_NOT_BOUND, ERR_IS_FINALIZED, ERR_MIN_WEIGHT,
 * ERR_MAX_WEIGHT, ERR_MIN_BALANCE, ERR_MAX_TOTAL_WEIGHT; NO_DATA when the pool owns too little.
 */
export function rebind(pool: PoolState, input: Binding, env: Env): Step {
  const { token } = input;
  const denorm = requireUint(input.denorm, 'denorm');
  const balance = requireUint(input.balance, 'balance');
  requireController(pool, env.sender);
  const index = indexOf(pool, token);
  requireNotFinalized(pool);
  requireV1(denorm >= MIN_WEIGHT, 'ERR_MIN_WEIGHT');
  requireV1(denorm <= MAX_WEIGHT, 'ERR_MAX_WEIGHT');
  requireV1(balance >= MIN_BALANCE, 'ERR_MIN_BALANCE');

  const old = pool.tokens[index]!;
  const totalWeight = pool.totalWeight - old.denorm + denorm;
  if (denorm > old.denorm) requireV1(totalWeight <= MAX_TOTAL_WEIGHT, 'ERR_MAX_TOTAL_WEIGHT');

  const events: V1Event[] = [logCall(pool, env.sender, 'rebind')];
  const recorded = withRecord({ ...pool, totalWeight }, index, { token, denorm, balance });
  return { state: settle(recorded, old.balance, input, env, events), result: null, events };
}

/** Moves what the record of a rebound token gained or lost. */
function settle(
  pool: PoolState,
  oldBalance: bigint,
  { token, balance }: Binding,
  { sender }: Env,
  events: V1Event[],
): PoolState {
  if (balance > oldBalance) {
    return pullUnderlying(pool, { token, from: sender, amount: balance - oldBalance }, events);
  }
  if (balance < oldBalance) {
    return pushUnderlying(pool, { token, to: sender, amount: oldBalance - balance }, events);
  }
  return pool;
}

/**
 * Removes a token, pays its recorded balance to the controller and moves the last token of the list
 * into its place.
 *
 * @throws {Revert} ERR_NOT_CONTROLLER, ERR_NOT_BOUND, ERR_IS_FINALIZED; NO_DATA when the pool owns
 * less than it recorded.
 */
export function unbind(pool: PoolState, input: { readonly token: Address }, env: Env): Step {
  requireController(pool, env.sender);
  const index = indexOf(pool, input.token);
  requireNotFinalized(pool);

  const { token, denorm, balance } = pool.tokens[index]!;
  const last = pool.tokens.at(-1)!;
  const tokens = pool.tokens.with(index, last).slice(0, -1);
  const unbound = { ...pool, tokens, totalWeight: bsub(pool.totalWeight, denorm) };
  const events: V1Event[] = [logCall(pool, env.sender, 'unbind')];
  const state = pushUnderlying(unbound, { token, to: env.sender, amount: balance }, events);
  return { state, result: null, events };
}

/**
 * Records what the pool really owns of a token. Anyone may call it.
 *
 * @throws {Revert} ERR_NOT_BOUND.
 */
export function gulp(pool: PoolState, input: { readonly token: Address }, env: Env): Step {
  const index = indexOf(pool, input.token);
  const record = { ...pool.tokens[index]!, balance: heldOf(pool, input.token) };
  return done(withRecord(pool, index, record), logCall(pool, env.sender, 'gulp'));
}

/**
 * Opens the pool for good: swaps and joins are public, the controller loses its calls and gets
 * 100 pool shares.
 *
 * @throws {Revert} ERR_NOT_CONTROLLER, ERR_IS_FINALIZED, ERR_MIN_TOKENS.
 */
export function finalize(pool: PoolState, env: Env): Step {
  requireController(pool, env.sender);
  requireNotFinalized(pool);
  requireV1(pool.tokens.length >= MIN_BOUND_TOKENS, 'ERR_MIN_TOKENS');

  const events: V1Event[] = [logCall(pool, env.sender, 'finalize')];
  const mint = { contract: pool.address, to: env.sender, amount: INIT_POOL_SUPPLY };
  const shares = mintTo(pool.shares, mint, events);
  return { state: { ...pool, finalized: true, publicSwap: true, shares }, result: null, events };
}

/**
 * Sets what the pool really owns of a token, as a rebase does. Records follow at the next `gulp`.
 *
 * @throws {Revert} ERR_NOT_BOUND.
 */
export function setHeld(
  pool: PoolState,
  input: { readonly token: Address; readonly balance: bigint },
): Step {
  indexOf(pool, input.token);
  const balance = requireUint(input.balance, 'balance');
  return done({ ...pool, held: { ...pool.held, [input.token]: balance } });
}

/**
 * Gives the pool tokens outside of any call of its own. Records follow at the next `gulp`.
 *
 * @throws {Revert} ERR_ADD_OVERFLOW, which stands for the token's own check.
 */
export function donate(
  pool: PoolState,
  input: { readonly token: Address; readonly amount: bigint },
  env: Env,
): Step {
  const { token } = input;
  const amount = requireUint(input.amount, 'amount');
  badd(heldOf(pool, token), amount);
  const events: V1Event[] = [];
  const state = pullUnderlying(pool, { token, from: env.sender, amount }, events);
  return { state, result: null, events };
}

function done(state: PoolState, ...events: readonly V1Event[]): Step {
  return { state, result: null, events };
}
