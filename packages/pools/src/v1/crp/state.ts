/**
 * State of a configurable rights pool: a contract with shares of its own that controls one V1 pool
 * which is never finalised, and lets its owner do only what its rights allow.
 *
 * The V1 pool is part of this state; trades go to it directly. Rights are fixed at construction.
 *
 * @module
 */
import { MAX_UINT256, requireUint } from '../../uint.ts';
import { MAX_BOUND_TOKENS, MAX_FEE, MIN_BOUND_TOKENS, MIN_FEE } from '../constants.ts';
import { requireV1, revertV1 } from '../errors.ts';
import * as bpool from '../pool/index.ts';
import type { PoolState } from '../pool/state.ts';
import { NO_SHARES, type Shares, burnFrom, mintTo, recordTransfer } from '../shares.ts';
import type { Address, Env, Outcome, V1Event } from '../types.ts';

/** What the owner may do. */
export interface Rights {
  readonly canPauseSwapping: boolean;
  readonly canChangeSwapFee: boolean;
  readonly canChangeWeights: boolean;
  readonly canAddRemoveTokens: boolean;
  readonly canWhitelistLPs: boolean;
  readonly canChangeCap: boolean;
}

/** The rights a factory grants when none are named: weights and fee. */
export const DEFAULT_RIGHTS: Rights = {
  canPauseSwapping: false,
  canChangeSwapFee: true,
  canChangeWeights: true,
  canAddRemoveTokens: false,
  canWhitelistLPs: false,
  canChangeCap: false,
};

/** What a rights pool starts with. */
export interface PoolParams {
  readonly constituentTokens: readonly Address[];
  /** Raw units, one per token; taken from the owner by `createPool`. */
  readonly tokenBalances: readonly bigint[];
  /** Denormalised, one per token. */
  readonly tokenWeights: readonly bigint[];
  /** 18 decimals, 1e12 .. 1e17. */
  readonly swapFee: bigint;
}

/** A linear change of weights between two blocks. */
export interface GradualUpdate {
  readonly startBlock: bigint;
  readonly endBlock: bigint;
  readonly startWeights: readonly bigint[];
  readonly endWeights: readonly bigint[];
}

/** A token that waits for its time lock. */
export interface CommittedToken {
  readonly token: Address;
  readonly balance: bigint;
  readonly denorm: bigint;
  readonly commitBlock: bigint;
}

/** State of a rights pool and the V1 pool that it owns. */
export interface CrpState {
  readonly address: Address;
  /** `elastic` pools resynchronise weights to rebases and refuse every other change of weights. */
  readonly kind: 'crp' | 'elastic';
  readonly owner: Address;
  readonly factory: Address;
  readonly rights: Rights;
  readonly params: PoolParams;
  readonly shares: Shares;
  /** Largest total of pool shares. */
  readonly bspCap: bigint;
  readonly minimumWeightChangeBlockPeriod: bigint;
  readonly addTokenTimeLockInBlocks: bigint;
  /** Null when no update runs, or the last one was poked to its end. */
  readonly gradualUpdate: GradualUpdate | null;
  readonly newToken: CommittedToken | null;
  /** Accounts that may join when `canWhitelistLPs`. */
  readonly whitelist: readonly Address[];
  /** The V1 pool; null until `createPool`. */
  readonly pool: PoolState | null;
}

/** A rights pool whose V1 pool exists. */
export interface CreatedCrp extends CrpState {
  readonly pool: PoolState;
}

/** State, result and events of a call of a rights pool. */
export type CrpStep<Result = null> = Outcome<CrpState, Result>;

/**
 * Constructs a rights pool. Nothing moves until `createPool`.
 *
 * @param init.kind - `elastic` needs the right `canChangeWeights`.
 * @throws {Revert} ERR_INVALID_SWAP_FEE, ERR_START_BALANCES_MISMATCH, ERR_START_WEIGHTS_MISMATCH,
 * ERR_TOO_FEW_TOKENS, ERR_TOO_MANY_TOKENS; ERR_NOT_CONFIGURABLE_WEIGHTS for elastic pools.
 */
export function construct(
  init: {
    readonly address: Address;
    readonly factory: Address;
    readonly kind: 'crp' | 'elastic';
    readonly rights: Rights;
    readonly params: PoolParams;
  },
  env: Env,
): CrpState {
  const { kind, rights, params } = init;
  const { constituentTokens, tokenBalances, tokenWeights } = params;
  requireUint(params.swapFee, 'params.swapFee');
  tokenBalances.forEach((balance, i) => requireUint(balance, `params.tokenBalances[${i}]`));
  tokenWeights.forEach((weight, i) => requireUint(weight, `params.tokenWeights[${i}]`));

  requireV1(params.swapFee >= MIN_FEE && params.swapFee <= MAX_FEE, 'ERR_INVALID_SWAP_FEE');
  requireV1(tokenBalances.length === constituentTokens.length, 'ERR_START_BALANCES_MISMATCH');
  requireV1(tokenWeights.length === constituentTokens.length, 'ERR_START_WEIGHTS_MISMATCH');
  requireV1(constituentTokens.length >= MIN_BOUND_TOKENS, 'ERR_TOO_FEW_TOKENS');
  requireV1(constituentTokens.length <= MAX_BOUND_TOKENS, 'ERR_TOO_MANY_TOKENS');
  if (kind === 'elastic') requireV1(rights.canChangeWeights, 'ERR_NOT_CONFIGURABLE_WEIGHTS');

  return {
    ...init,
    owner: env.sender,
    shares: NO_SHARES,
    bspCap: MAX_UINT256,
    minimumWeightChangeBlockPeriod: 0n,
    addTokenTimeLockInBlocks: 0n,
    gradualUpdate: null,
    newToken: null,
    whitelist: [],
    pool: null,
  };
}

/** @throws {Revert} ERR_NOT_CONTROLLER. */
export function requireOwner(crp: CrpState, sender: Address): void {
  requireV1(sender === crp.owner, 'ERR_NOT_CONTROLLER');
}

/** The pool with its V1 pool. @throws {Revert} ERR_NOT_CREATED. */
export function created(crp: CrpState): CreatedCrp {
  const { pool } = crp;
  return pool === null ? revertV1('ERR_NOT_CREATED') : { ...crp, pool };
}

/** Mints pool shares to `to`. @throws {Revert} ERR_CAP_LIMIT_REACHED. */
export function mintShares<T extends CrpState>(
  crp: T,
  { to, amount }: { to: Address; amount: bigint },
  events: V1Event[],
): T {
  const shares = mintTo(crp.shares, { contract: crp.address, to, amount }, events);
  requireV1(shares.totalSupply <= crp.bspCap, 'ERR_CAP_LIMIT_REACHED');
  return { ...crp, shares };
}

/** Burns pool shares of `from`. @throws {Revert} ERR_INSUFFICIENT_BAL. */
export function burnShares<T extends CrpState>(
  crp: T,
  { from, amount }: { from: Address; amount: bigint },
  events: V1Event[],
): T {
  const shares = burnFrom(crp.shares, { contract: crp.address, from, amount }, events);
  return { ...crp, shares };
}

/** Runs a call of the V1 pool as its controller and keeps its events. */
export function onPool(
  crp: CreatedCrp,
  call: (pool: PoolState, env: Env) => Outcome<PoolState, unknown>,
  block: bigint,
  events: V1Event[],
): CreatedCrp {
  const step = call(crp.pool, { sender: crp.address, block });
  events.push(...step.events);
  return { ...crp, pool: step.state };
}

/** Rebinds a token; without `balance` at the balance that the pool has recorded. */
export function rebind(
  crp: CreatedCrp,
  { token, denorm, balance }: { token: Address; denorm: bigint; balance?: bigint },
  env: Env,
  events: V1Event[],
): CreatedCrp {
  const target = { token, denorm, balance: balance ?? bpool.getBalance(crp.pool, token) };
  return onPool(crp, (pool, poolEnv) => bpool.rebind(pool, target, poolEnv), env.block, events);
}

/** Takes tokens of `from` through the rights pool into the V1 pool. */
export function pullToken(
  crp: CreatedCrp,
  { token, amount }: { token: Address; amount: bigint },
  env: Env,
  events: V1Event[],
): CreatedCrp {
  const { balance, denorm } = recordOf(crp, token);
  recordTransfer(events, { contract: token, from: env.sender, to: crp.address, amount });
  return rebind(crp, { token, denorm, balance: balance + amount }, env, events);
}

/** Pays tokens of the V1 pool through the rights pool to `to`. */
export function pushToken(
  crp: CreatedCrp,
  { token, amount }: { token: Address; amount: bigint },
  env: Env,
  events: V1Event[],
): CreatedCrp {
  const { balance, denorm } = recordOf(crp, token);
  const left = amount > balance ? revertV1('ERR_SUB_UNDERFLOW') : balance - amount;
  const paid = rebind(crp, { token, denorm, balance: left }, env, events);
  recordTransfer(events, { contract: token, from: crp.address, to: env.sender, amount });
  return paid;
}

/** What the V1 pool has recorded about a token. @throws {Revert} ERR_NOT_BOUND. */
export function recordOf(crp: CreatedCrp, token: Address): bpool.TokenRecord {
  return crp.pool.tokens.find((record) => record.token === token) ?? revertV1('ERR_NOT_BOUND');
}

/** `LogCall` as a rights pool emits it. */
export function logCall(crp: CrpState, caller: Address, call: CrpCall): V1Event {
  return { contract: crp.address, type: 'LogCall', sig: CRP_SELECTORS[call], caller, call };
}

/** A call of a rights pool and who makes it. */
export type CrpCall = keyof typeof CRP_SELECTORS;

/** First four bytes of the Keccak hash of each call's signature; createPool is the long form. */
export const CRP_SELECTORS = {
  setSwapFee: '0x34e19907',
  setPublicSwap: '0x49b59552',
  setCap: '0x47786d37',
  createPool: '0xc3391d27',
  updateWeight: '0x9776e94b',
  updateWeightsGradually: '0x246bc19b',
  pokeWeights: '0xe211b875',
  commitAddToken: '0x4c20d209',
  applyAddToken: '0xc275d81b',
  removeToken: '0x5fa7b584',
  whitelistLiquidityProvider: '0xc83a1c2d',
  removeWhitelistedLiquidityProvider: '0xe2762d4b',
  joinPool: '0x4f69c0d4',
  exitPool: '0xb02f0b73',
  joinswapExternAmountIn: '0x5db34277',
  joinswapPoolAmountOut: '0x6d06dfa0',
  exitswapPoolAmountIn: '0x46ab38f1',
  exitswapExternAmountOut: '0x02c96748',
  resyncWeight: '0x0f93ab47',
} as const;
