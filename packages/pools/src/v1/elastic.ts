/**
 * The elastic rights pool: a pool for tokens whose supply rebases, so that a change of the balance
 * is not a change of the price.
 *
 * When a rebase takes the recorded balance of token t from b0 to b1, the price is kept by scaling
 * the weight of t by b1/b0 against all others. The pool spreads the change over both sides by the
 * geometric mean: w_t becomes sqrt(w_t * target) with target = w_t * b1 / b0, every other weight is
 * scaled by w_t' / target. The spot price of i in t is (b_t / w_t) / (b_i / w_i); the new ratio
 * w_t' / w_i' is target / w_i, so the factor b1 / b0 of the balance cancels. A rebase by x moves
 * w_t by sqrt(x) only, which keeps weights within 1 .. 50 longer than moving w_t alone.
 *
 * Resynchronise in the transaction of the rebase: a trade between the two sees a wrong price.
 *
 * @module
 */
import { Revert } from '../errors.ts';
import { MAX_TOTAL_WEIGHT, MAX_WEIGHT, MIN_WEIGHT } from './constants.ts';
import {
  type CreatedCrp,
  type CrpState,
  type CrpStep,
  created,
  logCall,
  onPool,
  rebind,
  recordOf,
} from './crp/state.ts';
import { requireV1 } from './errors.ts';
import { bdiv, bmul } from './num.ts';
import * as bpool from './pool/index.ts';
import type { Address, Env, V1Event } from './types.ts';

/**
 * Floor of the square root by Heron's method.
 *
 * @param y - Not negative.
 */
export function isqrt(y: bigint): bigint {
  if (y <= 3n) return y === 0n ? 0n : 1n;
  let root = y;
  for (let next = y / 2n + 1n; next < root; next = (y / next + next) / 2n) root = next;
  return root;
}

/** Weights before a rebase, which token rebased, and its recorded balance before and after. */
export interface Rebase {
  readonly weights: readonly bigint[];
  readonly index: number;
  readonly balanceBefore: bigint;
  readonly balanceAfter: bigint;
}

/**
 * Weights after a rebase that keep every spot price, unchecked.
 *
 * Rounding moves a price by at most 1 / bmul(w, balanceAfter) + 1e-17 relative, w the weight of the
 * rebased token before: about 1e-9 for 100 tokens of 6 decimals at weight 10.
 *
 * @throws {Revert} Arithmetic reverts; ERR_DIV_ZERO when either balance is 0.
 */
export function resyncedWeights({
  weights,
  index,
  balanceBefore,
  balanceAfter,
}: Rebase): readonly bigint[] {
  const weight = weights[index]!;
  if (balanceBefore === balanceAfter) return weights;
  const target = bdiv(bmul(weight, balanceAfter), balanceBefore);
  const resynced = isqrt(bdiv(bmul(weight, target), 1n));
  return weights.map((other, i) => (i === index ? resynced : bdiv(bmul(resynced, other), target)));
}

/**
 * Weights after a rebase, set in list order under the limits of the pool, as `resyncWeight` does.
 *
 * @throws {Revert} As `resyncedWeights`, and ERR_MIN_WEIGHT, ERR_MAX_WEIGHT, ERR_MAX_TOTAL_WEIGHT.
 */
export function resync(rebase: Rebase): readonly bigint[] {
  const weights = resyncedWeights(rebase);
  let total = rebase.weights.reduce((sum, weight) => sum + weight, 0n);
  weights.forEach((weight, i) => {
    const old = rebase.weights[i]!;
    requireV1(weight >= MIN_WEIGHT, 'ERR_MIN_WEIGHT');
    requireV1(weight <= MAX_WEIGHT, 'ERR_MAX_WEIGHT');
    total += weight - old;
    if (weight > old) requireV1(total <= MAX_TOTAL_WEIGHT, 'ERR_MAX_TOTAL_WEIGHT');
  });
  return weights;
}

/**
 * Takes up the rebased balance of a token and moves all weights so that no price changes. Anyone
 * may call it; share supply and the other balances stay.
 *
 * @throws {Revert} ERR_NOT_CREATED, ERR_NOT_BOUND; ERR_MIN_WEIGHT, ERR_MAX_WEIGHT,
 * ERR_MIN_BALANCE, ERR_MAX_TOTAL_WEIGHT when the pool cannot follow; ERR_UNSUPPORTED_OPERATION when
 * the pool is not elastic.
 */
export function resyncWeight(crp: CrpState, input: { readonly token: Address }, env: Env): CrpStep {
  const { token } = input;
  const ready = created(crp);
  requireV1(crp.kind === 'elastic', 'ERR_UNSUPPORTED_OPERATION');
  const { balance: balanceBefore } = recordOf(ready, token);
  const events: V1Event[] = [logCall(crp, env.sender, 'resyncWeight')];
  const gulped = gulpToken(ready, token, env, events);
  const { balance: balanceAfter } = recordOf(gulped, token);
  if (balanceBefore === balanceAfter) return { state: gulped, result: null, events };

  const weights = gulped.pool.tokens.map(({ denorm }) => denorm);
  const index = gulped.pool.tokens.findIndex((record) => record.token === token);
  const resynced = resyncedWeights({ weights, index, balanceBefore, balanceAfter });
  const state = gulped.pool.tokens.reduce(
    (bound, record, i) => rebind(bound, { token: record.token, denorm: resynced[i]! }, env, events),
    gulped,
  );
  return { state, result: null, events };
}

/**
 * Tries `resyncWeight`; when that reverts, takes up the balance only and reports why. The price is
 * then off, and arbitrage takes the difference from the liquidity providers.
 *
 * @returns The revert code, or null when the weights followed.
 * @throws {Revert} ERR_NOT_CREATED, ERR_NOT_BOUND.
 */
export function safeResync(
  crp: CrpState,
  input: { readonly token: Address },
  env: Env,
): CrpStep<{ readonly errorReason: string | null }> {
  try {
    const { state, events } = resyncWeight(crp, input, env);
    return { state, events, result: { errorReason: null } };
  } catch (error) {
    if (!(error instanceof Revert)) throw error;
    const reason = error.code;
    const events: V1Event[] = [];
    const state = gulpToken(created(crp), input.token, env, events);
    events.push({ contract: crp.address, type: 'ErrorReason', reason });
    return { state, events, result: { errorReason: reason } };
  }
}

function gulpToken(crp: CreatedCrp, token: Address, env: Env, events: V1Event[]): CreatedCrp {
  return onPool(crp, (pool, poolEnv) => bpool.gulp(pool, { token }, poolEnv), env.block, events);
}

/** A rebase of one token: the factor by which every holder's balance changes, 18 decimals. */
export interface RebaseCall {
  readonly token: Address;
  readonly factor: bigint;
}

/**
 * Runs rebases and the resynchronisations that belong to them as one transaction, as the
 * orchestrator of an elastic token does: no trade can come between.
 *
 * @param input.rebases - Applied to what the pool owns, rounded down to raw units.
 * @param input.resyncs - Tokens to pass to `safeResync` afterwards, in order.
 * @returns One error reason, or null, per resynchronised token.
 * @throws {Revert} ERR_NOT_CREATED, ERR_NOT_BOUND.
 */
export function orchestrate(
  crp: CrpState,
  input: { readonly rebases: readonly RebaseCall[]; readonly resyncs: readonly Address[] },
  env: Env,
): CrpStep<{ readonly errorReasons: readonly (string | null)[] }> {
  const rebased = input.rebases.reduce(rebaseHeld, created(crp));
  const events: V1Event[] = [];
  const errorReasons: (string | null)[] = [];
  let state: CrpState = rebased;
  for (const token of input.resyncs) {
    const step = safeResync(state, { token }, env);
    state = step.state;
    events.push(...step.events);
    errorReasons.push(step.result.errorReason);
  }
  return { state, result: { errorReasons }, events };
}

function rebaseHeld(crp: CreatedCrp, { token, factor }: RebaseCall): CreatedCrp {
  const balance = (bpool.heldOf(crp.pool, token) * factor) / 10n ** 18n;
  return { ...crp, pool: bpool.setHeld(crp.pool, { token, balance }).state };
}
