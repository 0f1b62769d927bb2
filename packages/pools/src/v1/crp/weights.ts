/**
 * Weights of a rights pool: one at a time at an unchanged price, or all of them along a straight
 * line between two blocks, which anyone advances by poking.
 *
 * @module
 */
import { requireUint } from '../../uint.ts';
import { CRP_MIN_BALANCE, MAX_TOTAL_WEIGHT, MAX_WEIGHT, MIN_WEIGHT } from '../constants.ts';
import { requireV1 } from '../errors.ts';
import { badd, bdiv, bmul, bsub } from '../num.ts';
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
  rebind,
  recordOf,
  requireOwner,
} from './state.ts';

/** A weight to change at once; 18 decimals. */
export interface UpdateWeight {
  readonly token: Address;
  /** Denormalised, 1e18 .. 50e18. */
  readonly newWeight: bigint;
}

/**
 * Changes one weight without moving a price: the owner pays in, or is paid, tokens in the measure
 * of the weight, and gets, or gives back, pool shares for them.
 *
 * @throws {Revert} ERR_UNSUPPORTED_OPERATION on elastic pools; ERR_NOT_CONTROLLER, ERR_NOT_CREATED,
 * ERR_NOT_CONFIGURABLE_WEIGHTS, ERR_NO_UPDATE_DURING_GRADUAL, ERR_MIN_WEIGHT, ERR_MAX_WEIGHT,
 * ERR_NOT_BOUND, ERR_MIN_BALANCE, ERR_INSUFFICIENT_BAL, ERR_MAX_TOTAL_WEIGHT,
 * ERR_CAP_LIMIT_REACHED.
 */
export function updateWeight(crp: CrpState, input: UpdateWeight, env: Env): CrpStep {
  const { token } = input;
  const newWeight = requireUint(input.newWeight, 'newWeight');
  requireOwner(crp, env.sender);
  const ready = created(crp);
  requireV1(crp.kind !== 'elastic', 'ERR_UNSUPPORTED_OPERATION');
  requireV1(crp.rights.canChangeWeights, 'ERR_NOT_CONFIGURABLE_WEIGHTS');
  requireV1(crp.gradualUpdate === null, 'ERR_NO_UPDATE_DURING_GRADUAL');
  requireV1(newWeight >= MIN_WEIGHT, 'ERR_MIN_WEIGHT');
  requireV1(newWeight <= MAX_WEIGHT, 'ERR_MAX_WEIGHT');

  const { denorm } = recordOf(ready, token);
  const events: V1Event[] = [logCall(crp, env.sender, 'updateWeight')];
  const change = { token, newWeight };
  if (newWeight < denorm) return { state: lower(ready, change, env, events), result: null, events };
  if (newWeight > denorm) return { state: raise(ready, change, env, events), result: null, events };
  return { state: ready, result: null, events };
}

function lower(
  crp: CreatedCrp,
  { token, newWeight }: UpdateWeight,
  env: Env,
  events: V1Event[],
): CreatedCrp {
  const { balance, denorm } = recordOf(crp, token);
  const { shares, tokens } = neutralAmounts(crp, token, denorm - newWeight);
  const left = bsub(balance, tokens);
  requireV1(left >= CRP_MIN_BALANCE, 'ERR_MIN_BALANCE');

  const rebound = rebind(crp, { token, denorm: newWeight, balance: left }, env, events);
  recordTransfer(events, {
    contract: token,
    from: crp.address,
    to: env.sender,
    amount: tokens,
  });
  return burnShares(rebound, { from: env.sender, amount: shares }, events);
}

function raise(
  crp: CreatedCrp,
  { token, newWeight }: UpdateWeight,
  env: Env,
  events: V1Event[],
): CreatedCrp {
  const { balance, denorm } = recordOf(crp, token);
  const added = newWeight - denorm;
  requireV1(crp.pool.totalWeight + added <= MAX_TOTAL_WEIGHT, 'ERR_MAX_TOTAL_WEIGHT');
  const { shares, tokens } = neutralAmounts(crp, token, added);

  recordTransfer(events, {
    contract: token,
    from: env.sender,
    to: crp.address,
    amount: tokens,
  });
  const grown = badd(balance, tokens);
  const rebound = rebind(crp, { token, denorm: newWeight, balance: grown }, env, events);
  return mintShares(rebound, { to: env.sender, amount: shares }, events);
}

/** Shares and tokens that go with a change of weight so that no price moves. */
function neutralAmounts(
  crp: CreatedCrp,
  token: Address,
  change: bigint,
): { shares: bigint; tokens: bigint } {
  const { balance, denorm } = recordOf(crp, token);
  return {
    shares: bmul(crp.shares.totalSupply, bdiv(change, crp.pool.totalWeight)),
    tokens: bmul(balance, bdiv(change, denorm)),
  };
}

/** Weights to move to between two blocks; 18 decimals. */
export interface UpdateWeightsGradually {
  /** Denormalised, one per token in the pool's order. */
  readonly newWeights: readonly bigint[];
  readonly startBlock: bigint;
  readonly endBlock: bigint;
}

/**
 * Plans a linear change of all weights; a plan replaces the one before it.
 *
 * @throws {Revert} ERR_UNSUPPORTED_OPERATION on elastic pools; ERR_NOT_CONTROLLER, ERR_NOT_CREATED,
 * ERR_NOT_CONFIGURABLE_WEIGHTS, ERR_PENDING_TOKEN_ADD, ERR_GRADUAL_UPDATE_TIME_TRAVEL,
 * ERR_SUB_UNDERFLOW (end before start), ERR_WEIGHT_CHANGE_TIME_BELOW_MIN,
 * ERR_START_WEIGHTS_MISMATCH, ERR_WEIGHT_ABOVE_MAX, ERR_WEIGHT_BELOW_MIN, ERR_MAX_TOTAL_WEIGHT.
 */
export function updateWeightsGradually(
  crp: CrpState,
  input: UpdateWeightsGradually,
  env: Env,
): CrpStep {
  const plannedStart = requireUint(input.startBlock, 'startBlock');
  const endBlock = requireUint(input.endBlock, 'endBlock');
  input.newWeights.forEach((weight, i) => requireUint(weight, `newWeights[${i}]`));
  requireOwner(crp, env.sender);
  const ready = created(crp);
  requireV1(crp.kind !== 'elastic', 'ERR_UNSUPPORTED_OPERATION');
  requireV1(crp.rights.canChangeWeights, 'ERR_NOT_CONFIGURABLE_WEIGHTS');
  requireV1(crp.newToken === null, 'ERR_PENDING_TOKEN_ADD');

  requireV1(env.block < endBlock, 'ERR_GRADUAL_UPDATE_TIME_TRAVEL');
  const startBlock = env.block > plannedStart ? env.block : plannedStart;
  const period = bsub(endBlock, startBlock);
  requireV1(period >= crp.minimumWeightChangeBlockPeriod, 'ERR_WEIGHT_CHANGE_TIME_BELOW_MIN');
  requireWeights(ready, input.newWeights);

  const startWeights = ready.pool.tokens.map(({ denorm }) => denorm);
  const gradualUpdate = { startBlock, endBlock, startWeights, endWeights: [...input.newWeights] };
  return {
    state: { ...ready, gradualUpdate },
    result: null,
    events: [logCall(crp, env.sender, 'updateWeightsGradually')],
  };
}

function requireWeights(crp: CreatedCrp, weights: readonly bigint[]): void {
  requireV1(weights.length === crp.pool.tokens.length, 'ERR_START_WEIGHTS_MISMATCH');
  let sum = 0n;
  for (const weight of weights) {
    requireV1(weight <= MAX_WEIGHT, 'ERR_WEIGHT_ABOVE_MAX');
    requireV1(weight >= MIN_WEIGHT, 'ERR_WEIGHT_BELOW_MIN');
    sum += weight;
    requireV1(sum <= MAX_TOTAL_WEIGHT, 'ERR_MAX_TOTAL_WEIGHT');
  }
}

/**
 * Moves every weight to where the plan wants it in this block. Anyone may call it; without a plan
 * it does nothing.
 *
 * @throws {Revert} ERR_UNSUPPORTED_OPERATION on elastic pools; ERR_NOT_CREATED,
 * ERR_NOT_CONFIGURABLE_WEIGHTS, ERR_CANT_POKE_YET; ERR_MAX_TOTAL_WEIGHT when the order of tokens
 * passes the sum of 50 on the way.
 */
export function pokeWeights(crp: CrpState, env: Env): CrpStep {
  const ready = created(crp);
  requireV1(crp.kind !== 'elastic', 'ERR_UNSUPPORTED_OPERATION');
  requireV1(crp.rights.canChangeWeights, 'ERR_NOT_CONFIGURABLE_WEIGHTS');
  const events: V1Event[] = [logCall(crp, env.sender, 'pokeWeights')];
  const update = crp.gradualUpdate;
  if (update === null) return { state: ready, result: null, events };
  requireV1(env.block >= update.startBlock, 'ERR_CANT_POKE_YET');

  let poked = ready;
  ready.pool.tokens.forEach(({ token }, i) => {
    const [start, end] = [update.startWeights[i]!, update.endWeights[i]!];
    if (start === end) return;
    const denorm = weightAt({ start, end }, update, env.block);
    poked = rebind(poked, { token, denorm }, env, events);
  });
  const finished = env.block >= update.endBlock;
  return { state: { ...poked, gradualUpdate: finished ? null : update }, result: null, events };
}

/**
 * Weight of one token on its way, at a block at or after the start. Monotone in the block. Block
 * counts enter the fixed-point operations as plain integers.
 */
export function weightAt(
  { start, end }: { readonly start: bigint; readonly end: bigint },
  { startBlock, endBlock }: { readonly startBlock: bigint; readonly endBlock: bigint },
  block: bigint,
): bigint {
  const elapsed = (block < endBlock ? block : endBlock) - startBlock;
  const period = endBlock - startBlock;
  return end < start
    ? bsub(start, bmul(elapsed, bdiv(start - end, period)))
    : badd(start, bmul(elapsed, bdiv(end - start, period)));
}
