/**
 * The loop. A step is: time and block advance, a row of prices, controllers before, agents that keep to
 * a schedule, recorded actions, the other agents in order, controllers after, metrics. What a pool refuses never stops a run; an exception of
 * user code does, with what is needed to see it again.
 *
 * @module
 */
import { valueOf } from '../agents/providers.ts';
import { type InvariantFall, MetricsRecorder, type RunMetrics } from '../metrics/recorder.ts';
import type { SimPool } from '../pools/sim-pool.ts';
import type { Market } from '../prices/market.ts';
import type { Stream, StreamState } from '../random/stream.ts';
import { Control } from './control.ts';
import { Execution, type ExecutionOptions } from './execution.ts';
import type { GasMeter } from './gas.ts';
import type { RecordedFlow } from './recorded-flow.ts';
import { LoopView, type RunState, timeOf } from './run-state.ts';
import { type Provider, type SavedAgent, type SeatedAgent, Turns } from './turns.ts';
import type { Controller, Decision, DecisionRow, Order, OrderResult, Trade } from './types.ts';

export interface SimulationOptions extends ExecutionOptions {
  readonly pool: SimPool;
  readonly market: Market;
  readonly agents: readonly SeatedAgent[];
  readonly controllers: readonly Controller[];
  readonly recorded: RecordedFlow | null;
  /** Draws the agents' order each step; null keeps the order of the configuration. */
  readonly orderStream: Stream | null;
  readonly startTime: number;
  readonly stepSeconds: number;
  readonly stepsPerYear: number;
  readonly blockSeconds: number;
  /** What orders cost; nothing when left out. */
  readonly gas?: GasMeter | null;
  /** The same run without rebases, which is advanced along; for what is told of rebases. */
  readonly twin?: Simulation | null;
  /** Named in errors. */
  readonly seed: string;
  readonly run: number;
  readonly onDecision?: (decision: DecisionRow) => void;
}

export class Simulation {
  readonly #options: SimulationOptions;
  readonly #state: RunState;
  readonly #execution: Execution;
  readonly #turns: Turns;
  readonly #control: Control;
  /** Prices of the next step, once somebody has looked at them. */
  readonly #next: Float64Array;
  #hasNext = false;

  constructor(options: SimulationOptions) {
    const { pool, market, startTime, stepSeconds, stepsPerYear, run, seed, gas = null } = options;
    this.#options = options;
    const prices = new Float64Array(pool.balances.length);
    this.#next = new Float64Array(prices.length);
    market.start(prices);
    const metrics = new MetricsRecorder(pool, prices, stepsPerYear);
    const clock = { step: 0, startTime, stepSeconds, stepsPerYear };
    this.#state = { pool, metrics, prices, lastTrades: [], ...clock, gas, run, seed };
    this.#execution = new Execution(this.#state, options);
    this.#control = new Control(options.controllers, this.#state, {
      onDecision: options.onDecision,
      execute: (order) => this.order(order, 'controller').refused,
    });
    const view = new LoopView(this.#state, () => this.#peek());
    this.#turns = new Turns(options.agents, this.#state, { execution: this.#execution, view });
  }

  get pool(): SimPool {
    return this.#state.pool;
  }

  get metrics(): MetricsRecorder {
    return this.#state.metrics;
  }

  /** Outside prices of the present step. */
  get prices(): Float64Array {
    return this.#state.prices;
  }

  get step(): number {
    return this.#state.step;
  }

  /** Unix seconds. */
  get time(): number {
    return timeOf(this.#state);
  }

  get falls(): readonly InvariantFall[] {
    return this.metrics.falls;
  }

  /** Own tokens and pool tokens of an agent, by its place in the configuration. */
  walletOf(agent: number): Float64Array {
    return this.#turns.contexts[agent]!.wallet;
  }

  /** Agents that have provided liquidity. */
  providers(): Provider[] {
    return this.#turns.providers();
  }

  /** Takes one step. @throws {UserCodeError} */
  advance(): void {
    const { stepSeconds, blockSeconds, controllers, recorded, orderStream, twin } = this.#options;
    const state = this.#state;
    twin?.advance();
    state.step++;
    const blocks = Math.max(1, Math.round(stepSeconds / blockSeconds));
    state.pool.advance(stepSeconds, blocks);
    this.#nextRow();
    state.metrics.prices(state.prices);
    state.lastTrades = [];
    if (controllers.length > 0) this.#control.decide('before');
    this.#turns.takeScheduled();
    if (recorded !== null) {
      for (const { order, actor } of recorded.due(this.time, state.pool)) this.order(order, actor);
    }
    this.#turns.takeAll(orderStream);
    if (controllers.length > 0) this.#control.decide('after');
    this.#execution.endStep(twin == null ? null : twin.#worth());
    state.metrics.end(state.step);
  }

  /** Runs to a step. @returns The metrics there. */
  runTo(step: number): RunMetrics {
    while (this.step < step) this.advance();
    return this.metrics.result();
  }

  /** Executes an order that comes from outside of the agents, such as a learner's. */
  order(order: Order, name = 'external'): OrderResult {
    return this.#execution.execute(order, { name, gas: 0 }, null);
  }

  /** Applies a decision that comes from outside of the controllers. @returns Why it was refused, or null. */
  decide(decision: Decision): string | null {
    return this.#control.apply(decision);
  }

  /** Everything that the rest of the run depends on. */
  save(): unknown {
    const { market, recorded, orderStream } = this.#options;
    const { step, pool, prices, metrics, lastTrades } = this.#state;
    const saved: SavedSimulation = {
      step,
      pool: pool.save(),
      market: market.save(),
      prices: prices.slice(),
      next: this.#hasNext ? this.#next.slice() : null,
      metrics: metrics.save(),
      agents: this.#turns.save(),
      controllers: this.#control.save(),
      recorded: recorded?.save() ?? null,
      order: orderStream?.save() ?? null,
      lastTrades: [...lastTrades],
      twin: this.#options.twin?.save() ?? null,
    };
    return saved;
  }

  restore(saved: unknown): void {
    const { market, recorded, orderStream } = this.#options;
    const from = saved as SavedSimulation;
    const state = this.#state;
    state.step = from.step;
    state.pool.restore(from.pool);
    market.restore(from.market);
    state.prices.set(from.prices);
    this.#hasNext = from.next !== null;
    if (from.next !== null) this.#next.set(from.next);
    state.metrics.restore(from.metrics);
    this.#turns.restore(from.agents);
    this.#control.restore(from.controllers);
    recorded?.restore(from.recorded);
    if (from.order !== null) orderStream?.restore(from.order);
    state.lastTrades = [...from.lastTrades];
    this.#options.twin?.restore(from.twin);
  }

  #worth(): { readonly value: number; readonly holdValue: number } {
    const { pool, prices, metrics } = this.#state;
    return { value: valueOf(pool.balances, prices), holdValue: metrics.holdValue() };
  }

  #nextRow(): void {
    if (this.#hasNext) {
      this.prices.set(this.#next);
      this.#hasNext = false;
    } else {
      this.#options.market.next(this.prices);
    }
  }

  #peek(): Float64Array {
    if (!this.#hasNext) {
      this.#options.market.next(this.#next);
      this.#hasNext = true;
    }
    return this.#next;
  }
}

interface SavedSimulation {
  readonly step: number;
  readonly pool: unknown;
  readonly market: unknown;
  readonly prices: Float64Array;
  readonly next: Float64Array | null;
  readonly metrics: unknown;
  readonly agents: readonly SavedAgent[];
  readonly controllers: readonly Record<string, unknown>[];
  readonly recorded: unknown;
  readonly order: StreamState | null;
  readonly lastTrades: readonly Trade[];
  readonly twin: unknown;
}
