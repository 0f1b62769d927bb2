/**
 * A world: the Vault, tokens, accounts and pools at one moment. The class is a thin mutable cell
 * around an immutable state; everything it does is `step`.
 *
 * @module
 */
import { InputError, Revert } from '../errors.ts';
import { HexMap } from '../hex-map.ts';
import { requireUint } from '../uint.ts';
import { worldFromJson, worldToJson } from './codec.ts';
import { addressOf } from './create.ts';
import type { PoolDescription } from './descriptions.ts';
import type { WorldEvent } from './events.ts';
import { requireFees } from './governance.ts';
import type { Json } from '../json.ts';
import type {
  BatchSwapOperation,
  ExitOperation,
  JoinOperation,
  LiquidityResult,
  Operation,
  ResultOf,
  SwapOperation,
} from './operations.ts';
import type { ExitRequest, JoinRequest } from './requests.ts';
import { step, type StepOutcome, stepSwap, type SwapCall } from './step.ts';
import {
  type Address,
  type PoolId,
  type ProtocolFees,
  type Token,
  type WorldState,
  ZERO_ADDRESS,
} from './state.ts';
import type { Hooks } from './transaction.ts';

const DAY = 86_400n;
/** Derived addresses count from here, so that they sort in the order of creation. */
const FIRST_ADDRESS = 1n << 152n;

/** What a world starts with. */
export interface WorldOptions {
  /** Seconds since the epoch. */
  readonly time: bigint;
  readonly block: bigint;
  /** Percentages with 18 decimals; 0 when left out. */
  readonly protocolFees?: Partial<ProtocolFees>;
  /** Seconds in which the Vault can be paused; default 90 days. */
  readonly pauseWindowDuration?: bigint;
  /** Seconds after that in which it can be unpaused; default 30 days. */
  readonly bufferPeriodDuration?: bigint;
  /** May do what governance may; derived when left out. */
  readonly admin?: Address;
  readonly vault?: Address;
  readonly weth?: Address;
  readonly collector?: Address;
}

/** The state of a world without pools. @throws {Revert} BAL#404, BAL#405, BAL#600, BAL#601. */
export function createState(options: WorldOptions): WorldState {
  const time = requireUint(options.time, 'time');
  const block = requireUint(options.block, 'block');
  const fees = { swap: 0n, yield: 0n, aum: 0n, flashLoan: 0n, ...options.protocolFees };
  requireFees(fees);
  const pauseWindowEnd = time + (options.pauseWindowDuration ?? 90n * DAY);
  const vault = {
    address: options.vault ?? addressOf(FIRST_ADDRESS),
    weth: options.weth ?? addressOf(FIRST_ADDRESS + 1n),
    collector: options.collector ?? addressOf(FIRST_ADDRESS + 2n),
    admin: options.admin ?? addressOf(FIRST_ADDRESS + 3n),
    authorized: HexMap.empty<true>(),
    fees,
    paused: false,
    pauseWindowEnd,
    bufferPeriodEnd: pauseWindowEnd + (options.bufferPeriodDuration ?? 30n * DAY),
    nextNonce: 0n,
    internalBalances: HexMap.empty<HexMap<bigint>>(),
    relayers: HexMap.empty<HexMap<true>>(),
  };
  const eth = { address: ZERO_ADDRESS, symbol: 'ETH', decimals: 18, checks: 'open' } as const;
  const weth = { address: vault.weth, symbol: 'WETH', decimals: 18, checks: 'open' } as const;
  return {
    time,
    block,
    nextAddress: FIRST_ADDRESS + 4n,
    tokens: HexMap.from<Token>([
      [eth.address, eth],
      [weth.address, weth],
    ]),
    ledger: HexMap.empty(),
    allowances: HexMap.empty(),
    rates: HexMap.empty(),
    vault,
    pools: HexMap.empty(),
  };
}

/** A world without pools. */
export function createWorld(options: WorldOptions, hooks: Hooks = {}): World {
  return new World(createState(options), hooks);
}

/** What an operation would do: its result, or its revert. */
export type DryRun<O extends Operation> =
  | { readonly result: ResultOf<O['do']>; readonly events: readonly WorldEvent[] }
  | { readonly revert: Revert };

/** An operation without its name; `sender` alone is enough when it calls for itself. */
type Call<O extends { readonly do: string; readonly from: Address }> = Omit<O, 'do' | 'from'> & {
  readonly from?: Address;
};

/** A join or an exit whose request is given in place, as an object, or as bytes. */
type LiquidityCall<O extends JoinOperation | ExitOperation, R> = Omit<
  Call<O>,
  'request' | 'userData'
> &
  (R | { readonly request: R } | { readonly userData: string });

const REQUEST_KEYS = new Set(['kind', 'amounts', 'bpt', 'index', 'minBpt', 'maxBpt']);

export class World {
  #state: WorldState;
  readonly hooks: Hooks;

  constructor(state: WorldState, hooks: Hooks = {}) {
    this.#state = state;
    this.hooks = hooks;
  }

  /** The state now. It never changes; the next operation puts another one in its place. */
  get state(): WorldState {
    return this.#state;
  }

  /** Applies an operation. @throws {Revert} and the world is as before. */
  run<const O extends Operation>(operation: O): StepOutcome<O> {
    const outcome = step(this.#state, operation, this.hooks);
    this.#state = outcome.state;
    return outcome;
  }

  /** Runs an operation and changes nothing. */
  dryRun<const O extends Operation>(operation: O): DryRun<O> {
    try {
      const { result, events } = step(this.#state, operation, this.hooks);
      return { result, events };
    } catch (error) {
      if (error instanceof Revert) return { revert: error };
      throw error;
    }
  }

  createToken(token: {
    symbol: string;
    decimals: number;
    address?: Address;
    checks?: 'open' | 'erc20';
  }): Address {
    return this.run({ do: 'createToken', ...token }).result.token;
  }

  createRateProvider(source: { rate: bigint; address?: Address }): Address {
    return this.run({ do: 'createRateProvider', ...source }).result.provider;
  }

  createPool(pool: PoolDescription): PoolId {
    return this.run({ do: 'createPool', pool }).result.pool;
  }

  /** @returns The amount calculated: out for GIVEN_IN, in for GIVEN_OUT. */
  swap(call: Call<SwapOperation>): bigint {
    const from = callerOf(call);
    const outcome = stepSwap(
      this.#state,
      // Copying an object and adding a member costs V8 as much as the rest of a swap.
      call.from === from ? (call as SwapCall) : { ...call, from },
      this.hooks,
    );
    this.#state = outcome.state;
    return outcome.result.amountCalculated;
  }

  /** @returns Net amounts per asset, positive into the Vault. */
  batchSwap(call: Call<BatchSwapOperation>): readonly bigint[] {
    const operation = { do: 'batchSwap', ...call, from: callerOf(call) } as const;
    return this.run(operation).result.assetDeltas;
  }

  /** The request stands in the call itself: `{pool, sender, kind: 'INIT', amounts}`. */
  join(call: LiquidityCall<JoinOperation, JoinRequest>): LiquidityResult {
    return this.run({ do: 'join', ...withRequest(call) } as JoinOperation).result;
  }

  /** The request stands in the call itself, as in `join`. */
  exit(call: LiquidityCall<ExitOperation, ExitRequest>): LiquidityResult {
    return this.run({ do: 'exit', ...withRequest(call) } as ExitOperation).result;
  }

  /** Lets time pass. */
  warp(span: { seconds?: bigint; blocks?: bigint }): void {
    this.run({ do: 'warp', ...span });
  }

  /** The state to come back to; costs nothing. */
  snapshot(): WorldState {
    return this.#state;
  }

  restore(snapshot: WorldState): void {
    this.#state = snapshot;
  }

  /** An independent world that starts from here. */
  fork(hooks: Hooks = this.hooks): World {
    return new World(this.#state, hooks);
  }

  toJSON(): Json {
    return worldToJson(this.#state);
  }

  /** @throws {InputError} With the path of what is malformed. */
  static fromJSON(json: unknown, hooks: Hooks = {}): World {
    return new World(worldFromJson(json), hooks);
  }
}

function callerOf(call: { readonly from?: Address; readonly sender?: Address }): Address {
  const caller = call.from ?? call.sender;
  if (caller === undefined) throw new InputError('sender', 'must be given, or from');
  return caller;
}

/** Gathers the members of a request that stand beside those of the call. */
function withRequest(call: {
  readonly from?: Address;
  readonly sender?: Address;
}): Record<string, unknown> {
  const from = callerOf(call);
  if ('request' in call || 'userData' in call) return { ...call, from };
  const entries = Object.entries(call);
  return {
    ...Object.fromEntries(entries.filter((entry) => !isRequest(entry))),
    from,
    request: Object.fromEntries(entries.filter(isRequest)),
  };
}

function isRequest([key]: readonly [string, unknown]): boolean {
  return REQUEST_KEYS.has(key);
}
