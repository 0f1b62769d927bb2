/**
 * The courses that a replay can take with each recorded action: adding what was recorded, or
 * computing it anew on an exact engine.
 *
 * @module
 */
import { Revert, v1 } from '@balancer/pools';
import { SimulationError } from '../errors.ts';
import type { ExactPool } from '../pools/exact.ts';
import type { Action } from '../records/action.ts';
import { type Members, textOf } from '../records/json.ts';
import type { InitialState } from '../records/initial-state.ts';

/** What an action did: signed amounts as the pool sees them, per token of the action, and shares. */
export interface Computed {
  readonly amounts: readonly bigint[];
  readonly shares: bigint | null;
}

export interface Course {
  /** Raw balances by token. */
  balances(): ReadonlyMap<string, bigint>;
  /** Does what the action says. @throws {Revert} And nothing has changed. */
  run(action: Action): Computed;
}

/** Adds the recorded amounts; no mathematics. */
export class LedgerCourse implements Course {
  readonly #balances = new Map<string, bigint>();

  constructor(initial: InitialState | null) {
    for (const { symbol, balance } of initial?.tokens ?? []) this.#balances.set(symbol, balance);
  }

  balances(): ReadonlyMap<string, bigint> {
    return this.#balances;
  }

  run(action: Action): Computed {
    const { kind, tokens, amounts, shares } = action;
    if (MOVES.has(kind)) tokens.forEach((token, i) => this.#add(token, amounts[i]!));
    const bound = boundBalance(action);
    if (bound !== null) this.#balances.set(tokens[0]!, bound);
    return { amounts, shares };
  }

  #add(token: string, amount: bigint): void {
    const balance = (this.#balances.get(token) ?? 0n) + amount;
    if (balance < 0n) {
      throw new Revert(
        'NEGATIVE_BALANCE',
        'NEGATIVE_BALANCE',
        `${token} would fall to ${balance}.`,
      );
    }
    this.#balances.set(token, balance);
  }
}

const MOVES: ReadonlySet<Action['kind']> = new Set([
  'swap',
  'join',
  'exit',
  'joinSwap',
  'exitSwap',
  'transfer',
]);

/** The balance that a `bind` or `rebind` sets, or 0 for an `unbind`. */
function boundBalance({ meta }: Action): bigint | null {
  const call = callOf(meta);
  if (call === null) return null;
  if (call['call'] === 'unbind') return 0n;
  return call['call'] === 'bind' || call['call'] === 'rebind'
    ? BigInt(textOf(call['balance']))
    : null;
}

type CallWords = Members;

function callOf(meta: Action['meta']): CallWords | null {
  const isCall =
    typeof meta === 'object' && meta !== null && !Array.isArray(meta) && 'call' in meta;
  return isCall ? meta : null;
}

/** One account makes every call: who held which share is no part of a pool's mathematics. */
const CALLER: string = `0x${'ca'.repeat(20)}`;
const NO_LIMIT: bigint = (1n << 256n) - 1n;

/** A V1 pool from its initial state, or from its creation. Tokens go by the names of the recording. */
export class V1Course implements Course {
  readonly #mode: 'event' | 'call';
  #pool: v1.pool.PoolState;
  #isFinal = false;

  constructor(initial: InitialState | null, mode: 'event' | 'call') {
    this.#mode = mode;
    this.#pool = v1.pool.newPool({
      address: `0x${'b1'.repeat(20)}`,
      factory: CALLER,
      controller: CALLER,
    });
    if (initial === null) return;
    for (const { symbol, balance, weight } of initial.tokens) {
      this.#call({ do: 'bind', token: symbol, balance, denorm: weight ?? 10n ** 18n }, 0n);
    }
    this.#call({ do: 'setSwapFee', fee: initial.swapFee }, 0n);
    this.#call({ do: 'finalize' }, 0n);
    this.#isFinal = true;
    const totalSupply = initial.supply ?? this.#pool.shares.totalSupply;
    this.#pool = { ...this.#pool, shares: { totalSupply, balances: { [CALLER]: totalSupply } } };
  }

  get pool(): v1.pool.PoolState {
    return this.#pool;
  }

  balances(): ReadonlyMap<string, bigint> {
    return new Map(this.#pool.tokens.map(({ token, balance }) => [token, balance]));
  }

  run(action: Action): Computed {
    const { tokens } = action;
    const before = this.balances();
    const supply = this.#pool.shares.totalSupply;
    const operation = this.#operationOf(action);
    if (operation !== null) this.#call(operation, BigInt(action.block ?? 0));
    if (!MOVES.has(action.kind)) return { amounts: action.amounts, shares: action.shares };
    const after = this.balances();
    const change = this.#pool.shares.totalSupply - supply;
    return {
      amounts: tokens.map((token) => (after.get(token) ?? 0n) - (before.get(token) ?? 0n)),
      shares: action.shares === null ? null : change,
    };
  }

  #operationOf(action: Action): v1.pool.PoolOperation | null {
    const call = callOf(action.meta);
    if (call !== null && (this.#mode === 'call' || !MOVES.has(action.kind)))
      return this.#chainCall(call, action);
    return eventOperation(action, this.#mode);
  }

  /** A call of the chain, word for word. */
  #chainCall(call: CallWords, action: Action): v1.pool.PoolOperation | null {
    const name = textOf(call['call']);
    if (this.#isFinal && SETUP.has(name)) return null;
    const [paid, taken] = [action.tokens[0], action.tokens.at(-1)];
    const words: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(call)) {
      if (/^\d+$/.test(textOf(value))) words[key] = BigInt(textOf(value));
    }
    if (name === 'joinPool' || name === 'exitPool') {
      const limit = this.#pool.tokens.map(() => (name === 'joinPool' ? NO_LIMIT : 0n));
      Object.assign(words, { maxAmountsIn: limit, minAmountsOut: limit });
    }
    const named = { token: paid, tokenIn: paid, tokenOut: taken };
    const isPublic = words['public'] !== 0n;
    return { ...words, ...named, public: isPublic, do: name } as unknown as v1.pool.PoolOperation;
  }

  #call(operation: v1.pool.PoolOperation, block: bigint): void {
    this.#pool = v1.pool.step(this.#pool, operation, { sender: CALLER, block }).state;
  }
}

/** What an initial state has already done. */
const SETUP = new Set(['bind', 'finalize', 'setPublicSwap']);

/** The call that the amounts of an event stand for, or null when nothing is to be called. */
function eventOperation(action: Action, mode: 'event' | 'call'): v1.pool.PoolOperation | null {
  const { kind, tokens, amounts, shares, limit, given } = action;
  const token = tokens[0] ?? '';
  const amount = absolute(amounts[0] ?? 0n);
  const bound = mode === 'call' ? limit : null;
  switch (kind) {
    case 'swap': {
      const { paid, taken } = sidesOf(action);
      const pair = { tokenIn: tokens[paid]!, tokenOut: tokens[taken]! };
      return given === 'out'
        ? {
            do: 'swapExactAmountOut',
            ...pair,
            tokenAmountOut: -amounts[taken]!,
            ...(bound !== null && { maxAmountIn: bound }),
          }
        : {
            do: 'swapExactAmountIn',
            ...pair,
            tokenAmountIn: amounts[paid]!,
            ...(bound !== null && { minAmountOut: bound }),
          };
    }
    case 'join':
      return {
        do: 'joinPool',
        poolAmountOut: shares ?? 0n,
        maxAmountsIn: amounts.map(() => NO_LIMIT),
      };
    case 'exit':
      return {
        do: 'exitPool',
        poolAmountIn: -(shares ?? 0n),
        minAmountsOut: amounts.map(() => 0n),
      };
    case 'joinSwap':
      return given === 'out'
        ? { do: 'joinswapPoolAmountOut', tokenIn: token, poolAmountOut: shares ?? 0n }
        : { do: 'joinswapExternAmountIn', tokenIn: token, tokenAmountIn: amount };
    case 'exitSwap':
      return given === 'out'
        ? { do: 'exitswapExternAmountOut', tokenOut: token, tokenAmountOut: amount }
        : { do: 'exitswapPoolAmountIn', tokenOut: token, poolAmountIn: -(shares ?? 0n) };
    case 'gulp':
      return { do: 'gulp', token };
    case 'transfer':
      return { do: 'donate', token, amount };
    case 'create':
    case 'weights':
    case 'fee':
    case 'amp':
    case 'price':
    case 'rebase':
      return null;
    default:
      return kind satisfies never;
  }
}

/** Any pool on an exact engine, by the amounts of events. */
export class PoolCourse implements Course {
  readonly pool: ExactPool;
  readonly #symbols: readonly string[];

  constructor(pool: ExactPool) {
    this.pool = pool;
    this.#symbols = pool.spec.tokens.map(({ symbol }) => symbol);
  }

  balances(): ReadonlyMap<string, bigint> {
    const balances = this.pool.balances();
    return new Map(this.#symbols.map((symbol, i) => [symbol, balances[i]!]));
  }

  run(action: Action): Computed {
    const { kind, tokens, amounts, shares, given } = action;
    const token = this.#indexOf(tokens[0] ?? '', kind);
    switch (kind) {
      case 'swap': {
        const { paid, taken } = sidesOf(action);
        const isOut = given === 'out';
        const swapped = this.pool.swap({
          tokenIn: this.#indexOf(tokens[paid]!, kind),
          tokenOut: this.#indexOf(tokens[taken]!, kind),
          given: isOut ? 'out' : 'in',
          amount: isOut ? -amounts[taken]! : amounts[paid]!,
        });
        const computed =
          paid === 0
            ? [swapped.amountIn, -swapped.amountOut]
            : [-swapped.amountOut, swapped.amountIn];
        return { amounts: computed, shares };
      }
      case 'join': {
        const minted = shares ?? this.#sharesOf(action);
        return { amounts: this.#inOrder(tokens, this.pool.joinAll(minted), 1n), shares };
      }
      case 'exit': {
        const burned = shares === null ? this.#sharesOf(action) : -shares;
        return { amounts: this.#inOrder(tokens, this.pool.exitAll(burned), -1n), shares };
      }
      case 'joinSwap': {
        const done = this.pool.joinSingle(
          given === 'out' && shares !== null
            ? { token, given: 'shares', shares }
            : { token, given: 'amount', amount: absolute(amounts[0]!) },
        );
        return { amounts: [done.amount], shares: shares === null ? null : done.shares };
      }
      case 'exitSwap': {
        const done = this.pool.exitSingle(
          given === 'out' || shares === null
            ? { token, given: 'amount', amount: absolute(amounts[0]!) }
            : { token, given: 'shares', shares: -shares },
        );
        return { amounts: [-done.amount], shares: shares === null ? null : -done.shares };
      }
      case 'rebase':
        this.pool.rebase(token, amounts[0]!);
        return { amounts, shares };
      case 'gulp':
        this.pool.gulp(token);
        return { amounts, shares };
      case 'fee':
        this.pool.setSwapFee(amounts[0]!);
        return { amounts, shares };
      case 'create':
      case 'weights':
      case 'amp':
      case 'price':
      case 'transfer':
        return { amounts, shares };
      default:
        return kind satisfies never;
    }
  }

  /** Pool tokens that stand for the amount of the first token, when the record does not say. */
  #sharesOf({ tokens, amounts, kind }: Action): bigint {
    const balance = this.pool.balances()[this.#indexOf(tokens[0]!, kind)]!;
    return (absolute(amounts[0]!) * this.pool.supply()) / balance;
  }

  #inOrder(tokens: readonly string[], amounts: readonly bigint[], sign: bigint): bigint[] {
    return tokens.map((token) => sign * amounts[this.#symbols.indexOf(token)]!);
  }

  #indexOf(token: string, kind: Action['kind']): number {
    const index = this.#symbols.indexOf(token);
    if (index >= 0 || !MOVES.has(kind)) return index;
    throw new SimulationError(
      `"${token}" is no token of the pool; it has ${this.#symbols.join(', ')}`,
    );
  }
}

/** Which of the two tokens of a swap comes in. */
export function sidesOf({ amounts }: Action): { readonly paid: 0 | 1; readonly taken: 0 | 1 } {
  return amounts[0]! > 0n ? { paid: 0, taken: 1 } : { paid: 1, taken: 0 };
}

function absolute(value: bigint): bigint {
  return value < 0n ? -value : value;
}
