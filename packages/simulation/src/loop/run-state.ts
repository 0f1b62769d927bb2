/**
 * What the parts of the loop share: the pool, the prices of the step, the metrics, and where the run is.
 *
 * @module
 */
import { UserCodeError } from '../errors.ts';
import type { MetricsRecorder } from '../metrics/recorder.ts';
import type { SimPool } from '../pools/sim-pool.ts';
import type { GasMeter } from './gas.ts';
import type { Order, Trade, View } from './types.ts';

export interface RunState {
  readonly pool: SimPool;
  readonly metrics: MetricsRecorder;
  /** Outside prices of the step, written in place. */
  readonly prices: Float64Array;
  step: number;
  /** The first trades of the step. */
  lastTrades: Trade[];
  readonly startTime: number;
  readonly stepSeconds: number;
  readonly stepsPerYear: number;
  /** Null where gas costs nothing. */
  readonly gas: GasMeter | null;
  readonly run: number;
  readonly seed: string;
}

/** Unix seconds of the present step. */
export function timeOf({ startTime, stepSeconds, step }: RunState): number {
  return startTime + step * stepSeconds;
}

/** What the gas of an order costs now, quote. */
export function gasCost(state: RunState, order: Order): number {
  return state.gas === null ? 0 : state.gas.costOf(order, timeOf(state), state.prices);
}

/** Calls code of the user. @throws {UserCodeError} In place of anything that it throws. */
export function callUser<T>(state: RunState, actor: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw userError(state, actor, error);
  }
}

export function userError(
  { step, run, seed }: RunState,
  actor: string,
  error: unknown,
): UserCodeError {
  return new UserCodeError({ step, run, actor, seed }, error);
}

/** One object for the whole run: a new one per agent and step would be most of the garbage. */
export class LoopView implements View {
  readonly pool: SimPool;
  readonly prices: Float64Array;
  readonly nextPrices: () => Float64Array;
  readonly #state: RunState;

  constructor(state: RunState, nextPrices: () => Float64Array) {
    this.#state = state;
    this.nextPrices = nextPrices;
    this.pool = state.pool;
    this.prices = state.prices;
  }

  get step(): number {
    return this.#state.step;
  }
  get time(): number {
    return timeOf(this.#state);
  }
  gasOf(order: Order['do']): number {
    return this.#state.gas === null ? 0 : gasCost(this.#state, ORDERS[order]);
  }
  get lastTrades(): readonly Trade[] {
    return this.#state.lastTrades;
  }
}

/** One of each kind, to ask what its gas costs. */
const ORDERS: Readonly<Record<Order['do'], Order>> = {
  swap: { do: 'swap', tokenIn: 0, tokenOut: 1, amountIn: 0 },
  swapOut: { do: 'swapOut', tokenIn: 0, tokenOut: 1, amountOut: 0 },
  join: { do: 'join', shares: 0 },
  exit: { do: 'exit', shares: 0 },
  joinSwap: { do: 'joinSwap', token: 0, amount: 0 },
  exitSwap: { do: 'exitSwap', token: 0, shares: 0 },
  vaultBatch: { do: 'vaultBatch', steps: [{ assetIn: 0, assetOut: 1, amount: 0n }] },
  batch: { do: 'batch', orders: [] },
  gulp: { do: 'gulp', token: 0 },
  rebase: { do: 'rebase', token: 0, factor: 1, take: 'gulp' },
  none: { do: 'none' },
};
