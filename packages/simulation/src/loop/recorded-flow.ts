/**
 * Recorded actions as flow of a run: in their windows, thinned and scaled.
 *
 * @module
 */
import type { SimPool } from '../pools/sim-pool.ts';
import { SimulationError } from '../errors.ts';
import type { Stream, StreamState } from '../random/stream.ts';
import type { Action } from '../records/action.ts';
import { toUnits } from '../records/decimal.ts';
import type { Order } from './types.ts';

export interface RecordedFlowOptions {
  readonly actions: readonly Action[];
  readonly symbols: readonly string[];
  readonly decimals: readonly number[];
  /** Keeps each action with this probability. */
  readonly thin: number;
  /** Multiplies sizes. */
  readonly scale: number;
  /** Unix seconds; only actions in [from, to) run. */
  readonly from: number;
  readonly to: number;
  readonly stream: Stream;
}

export interface RecordedOrder {
  readonly order: Order;
  readonly actor: string;
}

export class RecordedFlow {
  readonly #options: RecordedFlowOptions;
  #next = 0;

  constructor(options: RecordedFlowOptions) {
    this.#options = options;
  }

  /** Orders of the actions up to a time, in chain order, each once. */
  due(time: number, pool: SimPool): RecordedOrder[] {
    const { actions, from, to, thin, stream } = this.#options;
    const orders: RecordedOrder[] = [];
    for (; this.#next < actions.length && actions[this.#next]!.t <= time; this.#next++) {
      const action = actions[this.#next]!;
      if (action.t < from || action.t >= to) continue;
      // Every action takes its draw, so that another window shifts nobody's.
      const isKept = thin >= 1 || stream.uniform() < thin;
      const order = isKept ? this.#orderOf(action, pool) : null;
      if (order !== null) orders.push({ order, actor: 'history' });
    }
    return orders;
  }

  save(): unknown {
    return { next: this.#next, stream: this.#options.stream.save() };
  }

  restore(saved: unknown): void {
    const state = saved as { readonly next: number; readonly stream: StreamState };
    this.#next = state.next;
    this.#options.stream.restore(state.stream);
  }

  #orderOf(action: Action, pool: SimPool): Order | null {
    const { scale, decimals } = this.#options;
    const units = action.amounts.map((amount, i) => {
      const token = this.#indexOf(action, i);
      return token < 0 ? 0 : Math.abs(toUnits(amount, decimals[token]!)) * scale;
    });
    const shares = action.shares === null ? null : Math.abs(toUnits(action.shares, 18)) * scale;
    const first = this.#indexOf(action, 0);
    const byFirst = first < 0 ? 0 : (units[0]! / pool.balances[first]!) * pool.supply;
    switch (action.kind) {
      case 'swap': {
        const paid = action.amounts[0]! > 0n ? 0 : 1;
        const [tokenIn, tokenOut] = [this.#indexOf(action, paid), this.#indexOf(action, 1 - paid)];
        return action.given === 'out'
          ? { do: 'swapOut', tokenIn, tokenOut, amountOut: units[1 - paid]! }
          : { do: 'swap', tokenIn, tokenOut, amountIn: units[paid]! };
      }
      case 'join':
        return { do: 'join', shares: shares ?? byFirst };
      case 'exit':
        return { do: 'exit', shares: shares ?? byFirst };
      case 'joinSwap':
        return { do: 'joinSwap', token: first, amount: units[0]! };
      case 'exitSwap':
        return shares === null ? null : { do: 'exitSwap', token: first, shares };
      case 'gulp':
        return { do: 'gulp', token: first };
      case 'rebase':
        return {
          do: 'rebase',
          token: first,
          factor: toUnits(action.amounts[0]!, 18),
          take: 'gulp',
        };
      case 'create':
      case 'weights':
      case 'fee':
      case 'amp':
      case 'price':
      case 'transfer':
        return null;
      default:
        return action.kind satisfies never;
    }
  }

  #indexOf(action: Action, place: number): number {
    const token = action.tokens[place];
    const index = this.#options.symbols.indexOf(token ?? '');
    if (index >= 0 || token === undefined || action.kind === 'fee' || action.kind === 'amp')
      return index;
    throw new SimulationError(
      `history: "${token}" is no token of the pool; it has ${this.#options.symbols.join(', ')}`,
    );
  }
}
