/**
 * What the parts of the loop share: the pool, the prices of the step, the metrics, and where the run is.
 *
 * @module
 */
import { UserCodeError } from '../errors.ts';
import type { MetricsRecorder } from '../metrics/recorder.ts';
import type { SimPool } from '../pools/sim-pool.ts';
import type { Trade, View } from './types.ts';

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
  readonly run: number;
  readonly seed: string;
}

/** Unix seconds of the present step. */
export function timeOf({ startTime, stepSeconds, step }: RunState): number {
  return startTime + step * stepSeconds;
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
  get lastTrades(): readonly Trade[] {
    return this.#state.lastTrades;
  }
}
