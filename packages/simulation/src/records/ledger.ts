/**
 * The recorded course of a pool: what was recorded, added up.
 *
 * @module
 */
import { Revert } from '@balancer/pools';
import type { Action } from './action.ts';
import type { InitialState } from './initial-state.ts';
import { type Members, textOf } from './json.ts';

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
  /** The state, to come back to. */
  save(): unknown;
  restore(state: unknown): void;
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

  save(): unknown {
    return new Map(this.#balances);
  }

  restore(state: unknown): void {
    this.#balances.clear();
    for (const [token, balance] of state as ReadonlyMap<string, bigint>)
      this.#balances.set(token, balance);
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

/** Kinds whose amounts come into the pool or leave it. */
export const MOVES: ReadonlySet<Action['kind']> = new Set([
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

/** Words of a call of the chain, as `meta` holds them. */
export type CallWords = Members;

/** The call that an action was, or null. */
export function callOf(meta: Action['meta']): CallWords | null {
  const isCall =
    typeof meta === 'object' && meta !== null && !Array.isArray(meta) && 'call' in meta;
  return isCall ? meta : null;
}
