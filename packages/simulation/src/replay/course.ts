/**
 * The courses that a replay can take with each recorded action: adding what was recorded, or
 * computing it anew on an exact engine.
 *
 * @module
 */
import { v1 } from '@balancer/pools';
import { SimulationError } from '../errors.ts';
import type { ExactPool } from '../pools/exact.ts';
import { isV1 } from '../pools/spec.ts';
import type { Action } from '../records/action.ts';
import type { InitialState } from '../records/initial-state.ts';
import { members, textOf } from '../records/json.ts';
import { callOf, type CallWords, type Computed, type Course, MOVES } from '../records/ledger.ts';

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

  save(): unknown {
    return this.#pool;
  }

  restore(state: unknown): void {
    this.#pool = state as v1.pool.PoolState;
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

/** Blocks do not matter to pools but for their number; a record may lack it. */
const BLOCK_SECONDS = 12;

/** Any pool on an exact engine, by the amounts of events. */
export class PoolCourse implements Course {
  readonly pool: ExactPool;
  readonly #symbols: readonly string[];
  /** Unix seconds of the pool's clock. */
  #time: number;

  constructor(pool: ExactPool, startTime: number) {
    this.pool = pool;
    this.#time = startTime;
    this.#symbols = pool.spec.tokens.map(({ symbol }) => symbol);
  }

  balances(): ReadonlyMap<string, bigint> {
    const balances = this.pool.balances();
    return new Map(this.#symbols.map((symbol, i) => [symbol, balances[i]!]));
  }

  run(action: Action): Computed {
    this.#passTo(action.t);
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
        if (shares === null && !isV1(this.pool.spec.kind)) {
          this.pool.joinAmounts(this.#perToken(action));
          return { amounts, shares };
        }
        const minted = shares ?? this.#sharesOf(action);
        return { amounts: this.#inOrder(tokens, this.pool.joinAll(minted), 1n), shares };
      }
      case 'exit': {
        if (shares === null && !isV1(this.pool.spec.kind)) {
          this.pool.exitAmounts(this.#perToken(action));
          return { amounts, shares };
        }
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
      case 'weights':
        // Calls of V1 owners set one weight each; those of V2 start a schedule of all of them.
        if (tokens.length === this.#symbols.length && callOf(action.meta) === null)
          this.pool.setWeights(this.#perToken(action), this.#secondsLeft(action));
        return { amounts, shares };
      case 'amp':
        this.pool.setAmp(amounts[0]! / 10n ** 18n, this.#secondsLeft(action));
        return { amounts, shares };
      case 'create':
      case 'price':
      case 'transfer':
        return { amounts, shares };
      default:
        return kind satisfies never;
    }
  }

  save(): unknown {
    return { pool: this.pool.save(), time: this.#time };
  }

  restore(state: unknown): void {
    const saved = state as { readonly pool: unknown; readonly time: number };
    this.pool.restore(saved.pool);
    this.#time = saved.time;
  }

  /** Lets the pool's time go on: schedules move with it. */
  #passTo(time: number): void {
    if (time <= this.#time) return;
    const seconds = time - this.#time;
    this.pool.advance(seconds, Math.max(1, Math.round(seconds / BLOCK_SECONDS)));
    this.#time = time;
  }

  /** Seconds until the schedule of an update ends; 0 where the record does not say. */
  #secondsLeft({ meta, t }: Action): number {
    const { endTimestamp } = members(meta);
    return endTimestamp === undefined ? 0 : Math.max(0, Number(endTimestamp) - t);
  }

  /** Amounts of an action by the pool's tokens, without sign. */
  #perToken({ tokens, amounts }: Action): bigint[] {
    return this.#symbols.map((symbol) => absolute(amounts[tokens.indexOf(symbol)] ?? 0n));
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
