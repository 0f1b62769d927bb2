/**
 * State of one V1 pool. `tokens` keeps what the pool has recorded; `held` is what the token
 * contracts say the pool owns. The two part when a token rebases or is donated, until `gulp`.
 *
 * Accounts outside the pool have no balance of underlying tokens here: they are taken to own what
 * they pay, and each movement stands in the events as a `Transfer`.
 *
 * @module
 */
import { revertNoData } from '../../errors.ts';
import { MIN_FEE } from '../constants.ts';
import { requireV1, revertV1 } from '../errors.ts';
import { NO_SHARES, type Shares, recordTransfer } from '../shares.ts';
import type { Address, V1Event } from '../types.ts';

/** What the pool has recorded about one bound token. */
export interface TokenRecord {
  readonly token: Address;
  /** Denormalised weight, 1e18 .. 50e18. */
  readonly denorm: bigint;
  /** Raw units. */
  readonly balance: bigint;
}

/** State of a V1 pool; balances raw, weights with 18 decimals. */
export interface PoolState {
  readonly address: Address;
  readonly factory: Address;
  readonly controller: Address;
  readonly publicSwap: boolean;
  readonly finalized: boolean;
  /** 18 decimals, 1e12 .. 1e17. */
  readonly swapFee: bigint;
  /** Sum of the denormalised weights, at most 50e18. */
  readonly totalWeight: bigint;
  /** In the contract's order: order of binding, until an unbind moves the last one into the gap. */
  readonly tokens: readonly TokenRecord[];
  /** What the pool really owns of each token, raw units. */
  readonly held: Readonly<Record<Address, bigint>>;
  readonly shares: Shares;
}

/** A pool as the factory makes it: no tokens, closed, fee 0.0001 %. */
export function newPool(init: {
  address: Address;
  factory: Address;
  controller: Address;
}): PoolState {
  return {
    ...init,
    publicSwap: false,
    finalized: false,
    swapFee: MIN_FEE,
    totalWeight: 0n,
    tokens: [],
    held: {},
    shares: NO_SHARES,
  };
}

/** @throws {Revert} ERR_NOT_BOUND. */
export function indexOf(pool: PoolState, token: Address): number {
  const index = pool.tokens.findIndex((record) => record.token === token);
  return index < 0 ? revertV1('ERR_NOT_BOUND') : index;
}

/** @throws {Revert} ERR_NOT_BOUND. */
export function recordOf(pool: PoolState, token: Address): TokenRecord {
  return pool.tokens[indexOf(pool, token)]!;
}

/** Whether the pool has the token. */
export function isBound(pool: PoolState, token: Address): boolean {
  return pool.tokens.some((record) => record.token === token);
}

/** What the pool really owns of a token, recorded or not. */
export function heldOf(pool: PoolState, token: Address): bigint {
  return Object.hasOwn(pool.held, token) ? pool.held[token]! : 0n;
}

/** The pool with one record replaced. */
export function withRecord(pool: PoolState, index: number, record: TokenRecord): PoolState {
  return { ...pool, tokens: pool.tokens.with(index, record) };
}

/** The pool after `from` paid in underlying tokens. Records are untouched. */
export function pullUnderlying(
  pool: PoolState,
  { token, from, amount }: { token: Address; from: Address; amount: bigint },
  events: V1Event[],
): PoolState {
  recordTransfer(events, { contract: token, from, to: pool.address, amount });
  return { ...pool, held: { ...pool.held, [token]: heldOf(pool, token) + amount } };
}

/**
 * The pool after it paid out underlying tokens. Records are untouched.
 *
 * @throws {Revert} NO_DATA when it owns less than it records, as after an ungulped negative rebase.
 */
export function pushUnderlying(
  pool: PoolState,
  { token, to, amount }: { token: Address; to: Address; amount: bigint },
  events: V1Event[],
): PoolState {
  const held = heldOf(pool, token);
  if (held < amount) revertNoData('The pool owns less of the token than it must pay; gulp it.');
  recordTransfer(events, { contract: token, from: pool.address, to, amount });
  return { ...pool, held: { ...pool.held, [token]: held - amount } };
}

/** Guards of the calls that only the controller of a pool under construction may make. */
export function requireController(pool: PoolState, sender: Address): void {
  requireV1(sender === pool.controller, 'ERR_NOT_CONTROLLER');
}

export function requireNotFinalized(pool: PoolState): void {
  requireV1(!pool.finalized, 'ERR_IS_FINALIZED');
}

export function requireFinalized(pool: PoolState): void {
  requireV1(pool.finalized, 'ERR_NOT_FINALIZED');
}

/** `LOG_CALL` as the pool emits it. */
export function logCall(pool: PoolState, caller: Address, call: PoolCall): V1Event {
  return { contract: pool.address, type: 'LOG_CALL', sig: POOL_SELECTORS[call], caller, call };
}

/** A call of a V1 pool and who makes it. */
export type PoolCall = keyof typeof POOL_SELECTORS;

/** First four bytes of the Keccak hash of each call's signature. */
export const POOL_SELECTORS = {
  setSwapFee: '0x34e19907',
  setController: '0x92eefe9b',
  setPublicSwap: '0x49b59552',
  finalize: '0x4bb278f3',
  bind: '0xe4e1e538',
  rebind: '0x3fdddaa2',
  unbind: '0xcf5e7bd3',
  gulp: '0x8c28cbe8',
  joinPool: '0x4f69c0d4',
  exitPool: '0xb02f0b73',
  swapExactAmountIn: '0x8201aa3f',
  swapExactAmountOut: '0x7c5e9ea4',
  joinswapExternAmountIn: '0x5db34277',
  joinswapPoolAmountOut: '0x6d06dfa0',
  exitswapPoolAmountIn: '0x46ab38f1',
  exitswapExternAmountOut: '0x02c96748',
} as const;
