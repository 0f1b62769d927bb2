/**
 * The V1 world: a factory, its pools and the rights pools above them, at a block. `step` is a pure
 * function; `World` is the thin mutable layer that keeps the latest state and the events.
 *
 * States share what did not change, so a snapshot is a reference and a fork costs nothing.
 *
 * @module
 */
import { InputError, Revert } from '../errors.ts';
import { type Codec, object, record, uint, versioned } from '../json.ts';
import { requireUint } from '../uint.ts';
import * as crp from './crp/index.ts';
import * as factories from './factory.ts';
import { CRP_STATE, FACTORY_STATE, POOL_STATE } from './json.ts';
import * as bpool from './pool/index.ts';
import type { Address, Outcome, V1Event } from './types.ts';

export interface WorldState {
  readonly block: bigint;
  readonly factory: factories.FactoryState;
  /** Pools that accounts control, by address. Those inside a rights pool are in its state. */
  readonly pools: Readonly<Record<Address, bpool.PoolState>>;
  readonly crps: Readonly<Record<Address, crp.CrpState>>;
}

/** One call in a world; `from` sends it. */
export type WorldOperation =
  | { readonly do: 'advance'; readonly blocks: bigint }
  | { readonly do: 'newPool'; readonly from: Address }
  /** Hands the factory over. */
  | { readonly do: 'setBLabs'; readonly from: Address; readonly blabs: Address }
  /** Pays the factory's shares of a pool to its administrator. */
  | { readonly do: 'collect'; readonly from: Address; readonly pool: Address }
  | {
      readonly do: 'newCrp';
      readonly from: Address;
      readonly kind: 'crp' | 'elastic';
      readonly rights?: crp.Rights;
      readonly params: crp.PoolParams;
    }
  | {
      readonly do: 'call';
      readonly from: Address;
      /** A pool, a rights pool, or the V1 pool inside one. */
      readonly to: Address;
      readonly call: WorldCall;
    };

/** A call of a pool or rights pool; the world chooses where a new V1 pool lives. */
export type WorldCall =
  | Exclude<crp.CrpOperation, { readonly do: 'createPool' }>
  | ({ readonly do: 'createPool' } & Omit<crp.CreatePool, 'poolAddress'>);

type Step = Outcome<WorldState, bpool.CallResult>;

/** A world without pools. `blabs` administers the factory. */
export function newWorldState(init: {
  readonly block: bigint;
  readonly blabs?: Address;
}): WorldState {
  const factory = factories.newFactory(derivedAddress(0n), init.blabs ?? derivedAddress(1n));
  return { block: requireUint(init.block, 'block'), factory, pools: {}, crps: {} };
}

/**
 * Makes one call.
 *
 * @returns The next state, what the call returned (`address` for a new pool) and its events.
 * @throws {Revert} What the call reverts with. @throws {InputError} When `to` is no pool.
 */
export function step(state: WorldState, operation: WorldOperation): Step {
  switch (operation.do) {
    case 'advance': {
      const block = state.block + requireUint(operation.blocks, 'blocks');
      return { state: { ...state, block }, result: {}, events: [] };
    }
    case 'newPool':
      return newPool(state, operation.from);
    case 'newCrp':
      return newCrp(state, operation);
    case 'setBLabs': {
      const env = { sender: operation.from, block: state.block };
      const { state: factory, events } = factories.setBLabs(state.factory, operation, env);
      return { state: { ...state, factory }, result: {}, events };
    }
    case 'collect':
      return collect(state, operation);
    case 'call':
      return call(state, operation);
    default:
      return operation satisfies never;
  }
}

function newPool(state: WorldState, sender: Address): Step {
  const address = nextAddress(state);
  const made = factories.newPool(state.factory, { address }, { sender, block: state.block });
  const pools = { ...state.pools, [address]: made.result.pool };
  const next = { ...state, factory: made.state, pools };
  return { state: next, result: { address }, events: made.events };
}

function collect(
  state: WorldState,
  { from, pool: address }: WorldOperation & { readonly do: 'collect' },
): Step {
  const env = { sender: from, block: state.block };
  const outer = Object.values(state.crps).find((found) => found.pool?.address === address);
  const pool = outer?.pool ?? (Object.hasOwn(state.pools, address) ? state.pools[address]! : null);
  if (pool === null) throw new InputError('pool', `${address} is no pool of this world`);
  const { result, events } = factories.collect(state.factory, { pool }, env);
  if (outer === undefined) {
    const pools = { ...state.pools, [address]: result.pool };
    return { state: { ...state, pools }, result: {}, events };
  }
  const crps = { ...state.crps, [outer.address]: { ...outer, pool: result.pool } };
  return { state: { ...state, crps }, result: {}, events };
}

function newCrp(
  state: WorldState,
  { from, kind, rights, params }: WorldOperation & { readonly do: 'newCrp' },
): Step {
  const address = nextAddress(state);
  const init = {
    address,
    factory: state.factory.address,
    kind,
    rights: rights ?? crp.DEFAULT_RIGHTS,
    params,
  };
  const made = crp.construct(init, { sender: from, block: state.block });
  const crps = { ...state.crps, [address]: made };
  return { state: { ...state, crps }, result: { address }, events: [] };
}

function call(state: WorldState, operation: WorldOperation & { readonly do: 'call' }): Step {
  const { from, to, call: made } = operation;
  const env = { sender: from, block: state.block };
  const rightsPool = Object.hasOwn(state.crps, to) ? state.crps[to] : undefined;
  if (rightsPool !== undefined) {
    return keepCrp(state, crp.step(rightsPool, crpCall(state, made), env));
  }
  const outer = Object.values(state.crps).find(({ pool }) => pool?.address === to);
  if (outer !== undefined) return keepCrp(state, crp.stepInner(outer, poolCall(made), env));

  const pool = Object.hasOwn(state.pools, to) ? state.pools[to] : undefined;
  if (pool === undefined) throw new InputError('to', `${to} is no pool of this world`);
  const outcome = bpool.step(pool, poolCall(made), env);
  return { ...outcome, state: { ...state, pools: { ...state.pools, [to]: outcome.state } } };
}

function keepCrp(state: WorldState, outcome: Outcome<crp.CrpState, bpool.CallResult>): Step {
  const { address, pool } = outcome.state;
  const crps = { ...state.crps, [address]: outcome.state };
  const { factory } = state;
  const known = pool === null || factory.pools.includes(pool.address);
  const pools = known ? factory.pools : [...factory.pools, pool.address];
  return { ...outcome, state: { ...state, crps, factory: { ...factory, pools } } };
}

function crpCall(state: WorldState, made: WorldCall): crp.CrpOperation {
  return made.do === 'createPool' ? { ...made, poolAddress: nextAddress(state) } : made;
}

const CRP_ONLY: ReadonlySet<string> = new Set([
  'createPool',
  'setCap',
  'whitelistLiquidityProvider',
  'removeWhitelistedLiquidityProvider',
  'updateWeight',
  'updateWeightsGradually',
  'pokeWeights',
  'applyAddToken',
  'commitAddToken',
  'removeToken',
  'resyncWeight',
  'safeResync',
  'orchestrate',
]);

function isPoolCall(made: WorldCall): made is bpool.PoolOperation {
  return !CRP_ONLY.has(made.do);
}

function poolCall(made: WorldCall): bpool.PoolOperation {
  if (isPoolCall(made)) return made;
  throw new InputError('call.do', `"${made.do}" is a call of a rights pool, not of a V1 pool`);
}

/** Addresses follow the order of creation, so that a replay finds the same ones. */
function nextAddress(state: WorldState): Address {
  const made = state.factory.pools.length + Object.keys(state.crps).length;
  return derivedAddress(BigInt(made) + 2n);
}

function derivedAddress(index: bigint): Address {
  return `0xb1${index.toString(16).padStart(38, '0')}`;
}

/** What a trial gives: what the call would return and emit, or why it would revert. */
export type DryRun =
  | { readonly result: bpool.CallResult; readonly events: readonly V1Event[] }
  | { readonly revert: Revert };

/** The latest state of a V1 world, and the events since it was created or restored. */
export class World {
  #state: WorldState;

  constructor(state: WorldState) {
    this.#state = state;
  }

  /** The present state, immutable. */
  get state(): WorldState {
    return this.#state;
  }

  /**
   * Makes one call and keeps its state.
   *
   * @throws {Revert} With the world unchanged.
   */
  step(operation: WorldOperation): Omit<Step, 'state'> {
    const { state, result, events } = step(this.#state, operation);
    this.#state = state;
    return { result, events };
  }

  /** Creates an empty V1 pool. @returns Its address. */
  newPool(from: Address): Address {
    return this.#created({ do: 'newPool', from });
  }

  /** Constructs a rights pool. @returns Its address. @throws {Revert} As `crp.construct`. */
  newCrp(init: Omit<WorldOperation & { readonly do: 'newCrp' }, 'do'>): Address {
    return this.#created({ do: 'newCrp', ...init });
  }

  #created(operation: WorldOperation): Address {
    const { address } = this.step(operation).result;
    return typeof address === 'string' ? address : '';
  }

  /**
   * Calls a pool.
   *
   * @throws {Revert} With the world unchanged.
   */
  call(from: Address, to: Address, made: WorldCall): Omit<Step, 'state'> {
    return this.step({ do: 'call', from, to, call: made });
  }

  /** Lets blocks pass. */
  advance(blocks: bigint): void {
    this.step({ do: 'advance', blocks });
  }

  /** A V1 pool, also one inside a rights pool. @throws {InputError} When there is none. */
  pool(address: Address): bpool.PoolState {
    const inner = Object.values(this.#state.crps).find(({ pool }) => pool?.address === address);
    const found = inner?.pool ?? this.#state.pools[address];
    if (found === undefined || found === null) throw new InputError('address', 'is no pool');
    return found;
  }

  /** A rights pool. @throws {InputError} When there is none. */
  crp(address: Address): crp.CrpState {
    const found = this.#state.crps[address];
    if (found === undefined) throw new InputError('address', 'is no rights pool');
    return found;
  }

  /** Runs a call without keeping it. Throws only for malformed input. */
  dryRun(operation: WorldOperation): DryRun {
    try {
      const { result, events } = step(this.#state, operation);
      return { result, events };
    } catch (error) {
      if (error instanceof Revert) return { revert: error };
      throw error;
    }
  }

  /** The present state, in constant time. */
  snapshot(): WorldState {
    return this.#state;
  }

  /** Goes back to a snapshot, in constant time. */
  restore(snapshot: WorldState): void {
    this.#state = snapshot;
  }

  /** An independent world that starts here, in constant time. */
  fork(): World {
    return new World(this.#state);
  }

  toJSON(): unknown {
    return WORLD_STATE.encode(this.#state);
  }

  /** @throws {InputError} With the path of what is malformed. */
  static fromJSON(json: unknown): World {
    return new World(WORLD_STATE.decode(json, 'world'));
  }
}

/** A world without pools. */
export function createWorld(init: { readonly block: bigint; readonly blabs?: Address }): World {
  return new World(newWorldState(init));
}

const WORLD_STATE: Codec<WorldState> = versioned(
  object({
    block: uint(),
    factory: FACTORY_STATE,
    pools: record(POOL_STATE),
    crps: record(CRP_STATE),
  }),
);
