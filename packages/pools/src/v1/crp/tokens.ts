/**
 * Adding and removing tokens of a rights pool. Adding takes two calls with a time lock between
 * them, so that liquidity providers see it coming.
 *
 * @module
 */
import { requireUint } from '../../uint.ts';
import { CRP_MIN_BALANCE, MAX_TOTAL_WEIGHT, MAX_WEIGHT, MIN_WEIGHT } from '../constants.ts';
import { requireV1, revertV1 } from '../errors.ts';
import { badd, bdiv, bmul, bsub } from '../num.ts';
import * as bpool from '../pool/index.ts';
import { recordTransfer } from '../shares.ts';
import type { Address, Env, V1Event } from '../types.ts';
import {
  type CreatedCrp,
  type CrpState,
  type CrpStep,
  burnShares,
  created,
  logCall,
  mintShares,
  onPool,
  recordOf,
  requireOwner,
} from './state.ts';

/**
 * Announces a token.
 *
 * @throws {Revert} ERR_NOT_CONTROLLER, ERR_NOT_CREATED, ERR_CANNOT_ADD_REMOVE_TOKENS,
 * ERR_NO_UPDATE_DURING_GRADUAL, ERR_IS_BOUND, ERR_WEIGHT_ABOVE_MAX, ERR_WEIGHT_BELOW_MIN,
 * ERR_MAX_TOTAL_WEIGHT, ERR_BALANCE_BELOW_MIN.
 */
export function commitAddToken(crp: CrpState, input: bpool.Binding, env: Env): CrpStep {
  const { token } = input;
  const denorm = requireUint(input.denorm, 'denorm');
  const balance = requireUint(input.balance, 'balance');
  const ready = requireTokenRights(crp, env);
  requireV1(crp.gradualUpdate === null, 'ERR_NO_UPDATE_DURING_GRADUAL');

  requireV1(!bpool.isBound(ready.pool, token), 'ERR_IS_BOUND');
  requireV1(denorm <= MAX_WEIGHT, 'ERR_WEIGHT_ABOVE_MAX');
  requireV1(denorm >= MIN_WEIGHT, 'ERR_WEIGHT_BELOW_MIN');
  requireV1(badd(ready.pool.totalWeight, denorm) <= MAX_TOTAL_WEIGHT, 'ERR_MAX_TOTAL_WEIGHT');
  requireV1(balance >= CRP_MIN_BALANCE, 'ERR_BALANCE_BELOW_MIN');

  const contract = crp.address;
  const pool = ready.pool.address;
  return {
    state: { ...ready, newToken: { token, balance, denorm, commitBlock: env.block } },
    result: null,
    events: [
      logCall(crp, env.sender, 'commitAddToken'),
      { contract, type: 'NewTokenCommitted', token, pool, caller: env.sender },
    ],
  };
}

/**
 * Binds the announced token; the owner pays its balance and gets shares in the measure of its
 * weight.
 *
 * @throws {Revert} ERR_NOT_CONTROLLER, ERR_NOT_CREATED, ERR_CANNOT_ADD_REMOVE_TOKENS,
 * ERR_NO_TOKEN_COMMIT, ERR_TIMELOCK_STILL_COUNTING, ERR_CAP_LIMIT_REACHED, reverts of `bind`.
 */
export function applyAddToken(crp: CrpState, env: Env): CrpStep {
  const ready = requireTokenRights(crp, env);
  const committed = crp.newToken ?? revertV1('ERR_NO_TOKEN_COMMIT');
  const waited = bsub(env.block, committed.commitBlock);
  requireV1(waited >= crp.addTokenTimeLockInBlocks, 'ERR_TIMELOCK_STILL_COUNTING');

  const { token, balance, denorm } = committed;
  const minted = sharesForWeight(ready, denorm);
  const events: V1Event[] = [logCall(crp, env.sender, 'applyAddToken')];
  recordTransfer(events, { contract: token, from: env.sender, to: crp.address, amount: balance });
  const bind = (pool: bpool.PoolState, poolEnv: Env) =>
    bpool.bind(pool, { token, balance, denorm }, poolEnv);
  const bound = onPool({ ...ready, newToken: null }, bind, env.block, events);
  const state = mintShares(bound, { to: env.sender, amount: minted }, events);
  return { state, result: null, events };
}

/**
 * Unbinds a token and pays its balance to the owner for shares in the measure of its weight.
 *
 * @throws {Revert} ERR_NOT_CONTROLLER, ERR_NOT_CREATED, ERR_CANNOT_ADD_REMOVE_TOKENS,
 * ERR_REMOVE_WITH_ADD_PENDING, ERR_NO_UPDATE_DURING_GRADUAL, ERR_NOT_BOUND, ERR_INSUFFICIENT_BAL.
 */
export function removeToken(crp: CrpState, input: { readonly token: Address }, env: Env): CrpStep {
  const { token } = input;
  const ready = requireTokenRights(crp, env);
  requireV1(crp.newToken === null, 'ERR_REMOVE_WITH_ADD_PENDING');
  requireV1(crp.gradualUpdate === null, 'ERR_NO_UPDATE_DURING_GRADUAL');

  const { denorm, balance } = recordOf(ready, token);
  const burned = sharesForWeight(ready, denorm);
  const events: V1Event[] = [logCall(crp, env.sender, 'removeToken')];
  const unbind = (pool: bpool.PoolState, poolEnv: Env) => bpool.unbind(pool, { token }, poolEnv);
  const unbound = onPool(ready, unbind, env.block, events);
  recordTransfer(events, { contract: token, from: crp.address, to: env.sender, amount: balance });
  const state = burnShares(unbound, { from: env.sender, amount: burned }, events);
  return { state, result: null, events };
}

function requireTokenRights(crp: CrpState, env: Env): CreatedCrp {
  requireOwner(crp, env.sender);
  const ready = created(crp);
  requireV1(crp.rights.canAddRemoveTokens, 'ERR_CANNOT_ADD_REMOVE_TOKENS');
  return ready;
}

/** Shares that stand for a weight: supply * weight / total weight. */
function sharesForWeight(crp: CreatedCrp, denorm: bigint): bigint {
  return bdiv(bmul(crp.shares.totalSupply, denorm), crp.pool.totalWeight);
}
