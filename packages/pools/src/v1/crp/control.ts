/**
 * Creating a rights pool, and the settings that its owner may change when the rights allow it.
 *
 * @module
 */
import { requireUint } from '../../uint.ts';
import {
  CRP_MAX_SUPPLY,
  CRP_MIN_SUPPLY,
  DEFAULT_ADD_TOKEN_TIME_LOCK,
  DEFAULT_MIN_WEIGHT_CHANGE_PERIOD,
} from '../constants.ts';
import { requireV1 } from '../errors.ts';
import * as bpool from '../pool/index.ts';
import { recordTransfer } from '../shares.ts';
import { type Address, type Env, type V1Event, ZERO_ADDRESS } from '../types.ts';
import {
  type CreatedCrp,
  type CrpState,
  type CrpStep,
  created,
  logCall,
  mintShares,
  onPool,
  requireOwner,
} from './state.ts';

/** Shares to begin with, and the two waiting times in blocks. */
export interface CreatePool {
  /** 100e18 .. 1e27 pool shares, minted to the owner. */
  readonly initialSupply: bigint;
  /** Blocks; 90000 when left out. */
  readonly minimumWeightChangeBlockPeriod?: bigint;
  /** Blocks; 500 when left out. */
  readonly addTokenTimeLockInBlocks?: bigint;
  /** Address of the V1 pool to create; the caller keeps it unique. */
  readonly poolAddress: Address;
}

/**
 * Creates the V1 pool, binds every token and opens swaps.
 *
 * @throws {Revert} ERR_NOT_CONTROLLER, ERR_INCONSISTENT_TOKEN_TIME_LOCK, ERR_IS_CREATED,
 * ERR_INIT_SUPPLY_MIN, ERR_INIT_SUPPLY_MAX, then what binding the tokens throws.
 */
export function createPool(crp: CrpState, input: CreatePool, env: Env): CrpStep {
  const initialSupply = requireUint(input.initialSupply, 'initialSupply');
  const minimumWeightChangeBlockPeriod = requireUint(
    input.minimumWeightChangeBlockPeriod ?? DEFAULT_MIN_WEIGHT_CHANGE_PERIOD,
    'minimumWeightChangeBlockPeriod',
  );
  const addTokenTimeLockInBlocks = requireUint(
    input.addTokenTimeLockInBlocks ?? DEFAULT_ADD_TOKEN_TIME_LOCK,
    'addTokenTimeLockInBlocks',
  );
  requireOwner(crp, env.sender);
  requireV1(
    minimumWeightChangeBlockPeriod >= addTokenTimeLockInBlocks,
    'ERR_INCONSISTENT_TOKEN_TIME_LOCK',
  );
  requireV1(crp.pool === null, 'ERR_IS_CREATED');
  requireV1(initialSupply >= CRP_MIN_SUPPLY, 'ERR_INIT_SUPPLY_MIN');
  requireV1(initialSupply <= CRP_MAX_SUPPLY, 'ERR_INIT_SUPPLY_MAX');

  const { address, factory } = crp;
  const events: V1Event[] = [logCall(crp, env.sender, 'createPool')];
  const bspCap = crp.rights.canChangeCap ? initialSupply : crp.bspCap;
  const capped = { ...crp, bspCap, minimumWeightChangeBlockPeriod, addTokenTimeLockInBlocks };
  const minted = mintShares(capped, { to: env.sender, amount: initialSupply }, events);
  const pool = bpool.newPool({ address: input.poolAddress, factory, controller: address });
  events.push({ contract: factory, type: 'LOG_NEW_POOL', caller: address, pool: pool.address });
  return { state: fillPool({ ...minted, pool }, env, events), result: null, events };
}

function fillPool(crp: CreatedCrp, env: Env, events: V1Event[]): CreatedCrp {
  const { constituentTokens, tokenBalances, tokenWeights, swapFee } = crp.params;
  let filled = crp;
  constituentTokens.forEach((token, i) => {
    const binding = { token, balance: tokenBalances[i]!, denorm: tokenWeights[i]! };
    const amount = binding.balance;
    recordTransfer(events, { contract: token, from: env.sender, to: crp.address, amount });
    const bind = (pool: bpool.PoolState, poolEnv: Env) => bpool.bind(pool, binding, poolEnv);
    filled = onPool(filled, bind, env.block, events);
  });
  const setFee = (pool: bpool.PoolState, poolEnv: Env) =>
    bpool.setSwapFee(pool, { fee: swapFee }, poolEnv);
  return setPoolPublic(onPool(filled, setFee, env.block, events), true, env.block, events);
}

/** Opens or closes the V1 pool's swaps. */
export function setPoolPublic(
  crp: CreatedCrp,
  open: boolean,
  block: bigint,
  events: V1Event[],
): CreatedCrp {
  return onPool(
    crp,
    (pool, env) => bpool.setPublicSwap(pool, { public: open }, env),
    block,
    events,
  );
}

/**
 * @throws {Revert} ERR_NOT_CONTROLLER, ERR_NOT_CREATED, ERR_NOT_CONFIGURABLE_SWAP_FEE, ERR_MIN_FEE,
 * ERR_MAX_FEE.
 */
export function setSwapFee(crp: CrpState, input: { readonly fee: bigint }, env: Env): CrpStep {
  requireOwner(crp, env.sender);
  const ready = created(crp);
  requireV1(crp.rights.canChangeSwapFee, 'ERR_NOT_CONFIGURABLE_SWAP_FEE');
  const events: V1Event[] = [logCall(crp, env.sender, 'setSwapFee')];
  const set = (pool: bpool.PoolState, poolEnv: Env) => bpool.setSwapFee(pool, input, poolEnv);
  return { state: onPool(ready, set, env.block, events), result: null, events };
}

/** @throws {Revert} ERR_NOT_CONTROLLER, ERR_NOT_CREATED, ERR_NOT_PAUSABLE_SWAP. */
export function setPublicSwap(
  crp: CrpState,
  input: { readonly public: boolean },
  env: Env,
): CrpStep {
  requireOwner(crp, env.sender);
  const ready = created(crp);
  requireV1(crp.rights.canPauseSwapping, 'ERR_NOT_PAUSABLE_SWAP');
  const events: V1Event[] = [logCall(crp, env.sender, 'setPublicSwap')];
  const state = setPoolPublic(ready, input.public, env.block, events);
  return { state, result: null, events };
}

/**
 * Sets the largest total of pool shares. A cap below the present supply only stops joins.
 *
 * @throws {Revert} ERR_NOT_CREATED, ERR_NOT_CONTROLLER, ERR_CANNOT_CHANGE_CAP.
 */
export function setCap(crp: CrpState, input: { readonly cap: bigint }, env: Env): CrpStep {
  const bspCap = requireUint(input.cap, 'cap');
  const ready = created(crp);
  requireOwner(crp, env.sender);
  requireV1(crp.rights.canChangeCap, 'ERR_CANNOT_CHANGE_CAP');
  const events: V1Event[] = [
    logCall(crp, env.sender, 'setCap'),
    {
      contract: crp.address,
      type: 'CapChanged',
      caller: env.sender,
      oldCap: crp.bspCap,
      newCap: bspCap,
    },
  ];
  return { state: { ...ready, bspCap }, result: null, events };
}

/** Hands the pool over. @throws {Revert} ERR_NOT_CONTROLLER, ERR_INVALID_ADDRESS. */
export function setController(
  crp: CrpState,
  input: { readonly controller: Address },
  env: Env,
): CrpStep {
  requireOwner(crp, env.sender);
  requireV1(input.controller !== ZERO_ADDRESS, 'ERR_INVALID_ADDRESS');
  const change = { previousOwner: crp.owner, newOwner: input.controller };
  return {
    state: { ...crp, owner: input.controller },
    result: null,
    events: [{ contract: crp.address, type: 'OwnershipTransferred', ...change }],
  };
}

/** @throws {Revert} ERR_NOT_CONTROLLER, ERR_CANNOT_WHITELIST_LPS, ERR_INVALID_ADDRESS. */
export function whitelistLiquidityProvider(
  crp: CrpState,
  input: { readonly provider: Address },
  env: Env,
): CrpStep {
  const { provider } = input;
  requireOwner(crp, env.sender);
  requireV1(crp.rights.canWhitelistLPs, 'ERR_CANNOT_WHITELIST_LPS');
  requireV1(provider !== ZERO_ADDRESS, 'ERR_INVALID_ADDRESS');
  const whitelist = crp.whitelist.includes(provider) ? crp.whitelist : [...crp.whitelist, provider];
  return {
    state: { ...crp, whitelist },
    result: null,
    events: [logCall(crp, env.sender, 'whitelistLiquidityProvider')],
  };
}

/** @throws {Revert} ERR_NOT_CONTROLLER, ERR_CANNOT_WHITELIST_LPS, ERR_LP_NOT_WHITELISTED. */
export function removeWhitelistedLiquidityProvider(
  crp: CrpState,
  input: { readonly provider: Address },
  env: Env,
): CrpStep {
  requireOwner(crp, env.sender);
  requireV1(crp.rights.canWhitelistLPs, 'ERR_CANNOT_WHITELIST_LPS');
  requireV1(crp.whitelist.includes(input.provider), 'ERR_LP_NOT_WHITELISTED');
  return {
    state: { ...crp, whitelist: crp.whitelist.filter((account) => account !== input.provider) },
    result: null,
    events: [logCall(crp, env.sender, 'removeWhitelistedLiquidityProvider')],
  };
}
