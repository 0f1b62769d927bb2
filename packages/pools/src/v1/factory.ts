/**
 * The V1 factory: it numbers the pools it made, and its administrator ("blabs") may change hands.
 * Exit fees, which are zero, would collect here.
 *
 * @module
 */
import { type PoolState, newPool as emptyPool } from './pool/state.ts';
import { requireV1 } from './errors.ts';
import { moveShares, sharesOf } from './shares.ts';
import type { Address, Env, Outcome, V1Event } from './types.ts';

/** State of the V1 factory. */
export interface FactoryState {
  readonly address: Address;
  readonly blabs: Address;
  /** Pools in order of creation. */
  readonly pools: readonly Address[];
}

/** A factory without pools, administered by `blabs`. */
export function newFactory(address: Address, blabs: Address): FactoryState {
  return { address, blabs, pools: [] };
}

/**
 * Creates a pool that the sender controls.
 *
 * @param input.address - Where the pool shall live; the caller keeps it unique.
 */
export function newPool(
  factory: FactoryState,
  input: { readonly address: Address },
  env: Env,
): Outcome<FactoryState, { readonly pool: PoolState }> {
  const { address } = input;
  const pool = emptyPool({ address, factory: factory.address, controller: env.sender });
  return {
    state: { ...factory, pools: [...factory.pools, address] },
    result: { pool },
    events: [
      { contract: factory.address, type: 'LOG_NEW_POOL', caller: env.sender, pool: address },
    ],
  };
}

/** Hands the administration over. @throws {Revert} ERR_NOT_BLABS. */
export function setBLabs(
  factory: FactoryState,
  input: { readonly blabs: Address },
  env: Env,
): Outcome<FactoryState, null> {
  const { blabs } = input;
  requireV1(env.sender === factory.blabs, 'ERR_NOT_BLABS');
  return {
    state: { ...factory, blabs },
    result: null,
    events: [{ contract: factory.address, type: 'LOG_BLABS', caller: env.sender, blabs }],
  };
}

/**
 * Pays the pool shares that the factory holds to its administrator.
 *
 * @returns The pool without them. @throws {Revert} ERR_NOT_BLABS.
 */
export function collect(
  factory: FactoryState,
  { pool }: { readonly pool: PoolState },
  env: Env,
): Outcome<FactoryState, { readonly pool: PoolState }> {
  const { address, blabs } = factory;
  requireV1(env.sender === blabs, 'ERR_NOT_BLABS');
  const events: V1Event[] = [];
  const amount = sharesOf(pool.shares, address);
  const move = { contract: pool.address, from: address, to: blabs, amount };
  const shares = moveShares(pool.shares, move, events);
  return { state: factory, result: { pool: { ...pool, shares } }, events };
}

/** Whether this factory made the pool. */
export function isBPool(factory: FactoryState, pool: Address): boolean {
  return factory.pools.includes(pool);
}
