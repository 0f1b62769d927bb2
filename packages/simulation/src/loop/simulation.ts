/**
 * The loop. A step is: time and block advance, a row of prices, controllers before, recorded actions,
 * agents in order, controllers after, metrics. What a pool refuses never stops a run; an exception of
 * user code does, with what is needed to see it again.
 *
 * @module
 */
import { type Surrounding, type SurroundingAgent } from '../agents/traders.ts';
import { valueOf } from '../agents/providers.ts';
import { UserCodeError } from '../errors.ts';
import {
  type InvariantFall,
  invariantPerShare,
  MetricsRecorder,
  type RunMetrics,
} from '../metrics/recorder.ts';
import type { SimPool } from '../pools/sim-pool.ts';
import type { Market } from '../prices/market.ts';
import type { Stream } from '../random/stream.ts';
import type { RecordedFlow } from './recorded-flow.ts';
import type {
  Agent,
  AgentContext,
  Controller,
  Decision,
  DecisionRow,
  Observation,
  Order,
  OrderResult,
  Trade,
  View,
} from './types.ts';

export interface SimulationOptions {
  readonly pool: SimPool;
  readonly market: Market;
  readonly agents: readonly {
    readonly agent: Agent;
    readonly stream: Stream;
    readonly wallet: Float64Array | 'infinite';
  }[];
  readonly controllers: readonly Controller[];
  readonly recorded: RecordedFlow | null;
  /** Draws the agents' order each step; null keeps the order of the configuration. */
  readonly orderStream: Stream | null;
  readonly startTime: number;
  readonly stepSeconds: number;
  readonly stepsPerYear: number;
  readonly blockSeconds: number;
  /** Whether every change of the pool is checked for a fall of the invariant per share. */
  readonly guardInvariant: boolean;
  /** Named in errors. */
  readonly seed: string;
  readonly run: number;
  readonly onTrade?: (trade: Trade) => void;
  readonly onDecision?: (decision: DecisionRow) => void;
  readonly onRebase?: (rebase: RebaseRow) => void;
}

/** What a rebase did. */
export interface RebaseRow {
  readonly step: number;
  readonly factor: number;
  readonly take: string;
  readonly spotBefore: number;
  readonly spotAfter: number;
  /** Change of the pool's price that the rebase made, as a fraction. */
  readonly drift: number;
  readonly weights: readonly number[];
  readonly lpValue: number;
  readonly holdValue: number;
  /** Profit of arbitrageurs up to the rebase, for differences between rows. */
  readonly arbitrageProfit: number;
}

const ARBITRAGE = /^arb/;
/** A closed-form arbitrageur of more than two tokens may go on so often in a step. */
const REPEATS_MAX = 12;
const TRADES_SHOWN = 16;

export class Simulation {
  readonly pool: SimPool;
  readonly metrics: MetricsRecorder;
  readonly prices: Float64Array;
  readonly #options: SimulationOptions;
  readonly #contexts: readonly AgentContext[];
  readonly #next: Float64Array;
  #hasNext = false;
  #step = 0;
  #lastTrades: Trade[] = [];
  readonly #view: View;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.pool = options.pool;
    const count = options.pool.balances.length;
    this.prices = new Float64Array(count);
    this.#next = new Float64Array(count);
    options.market.start(this.prices);
    this.metrics = new MetricsRecorder(options.pool, this.prices, options.stepsPerYear);
    this.#contexts = options.agents.map(({ stream, wallet }) => ({
      stream,
      wallet: wallet === 'infinite' ? new Float64Array(count + 1) : wallet.slice(),
      isInfinite: wallet === 'infinite',
      memory: {},
      stepSeconds: options.stepSeconds,
      stepsPerYear: options.stepsPerYear,
    }));
    this.#view = new LoopView(this, { next: () => this.#peek(), trades: () => this.#lastTrades });
    options.agents.forEach(({ agent }, i) => {
      this.#guardUser(agent.name, () => agent.init?.(this.#contexts[i]!, this.#view));
    });
  }

  get step(): number {
    return this.#step;
  }

  get time(): number {
    return this.#options.startTime + this.#step * this.#options.stepSeconds;
  }

  get falls(): readonly InvariantFall[] {
    return this.metrics.falls;
  }

  /** Own tokens and pool tokens of an agent, by its place in the configuration. */
  walletOf(agent: number): Float64Array {
    return this.#contexts[agent]!.wallet;
  }

  /** Takes one step. @throws {UserCodeError} */
  advance(): void {
    const { market, stepSeconds, blockSeconds, controllers, recorded, agents } = this.#options;
    this.#step++;
    const blocks = Math.max(1, Math.round(stepSeconds / blockSeconds));
    this.pool.advance(stepSeconds, blocks);
    if (this.#hasNext) {
      this.prices.set(this.#next);
      this.#hasNext = false;
    } else {
      market.next(this.prices);
    }
    this.metrics.prices(this.prices);
    this.#lastTrades = [];
    if (controllers.length > 0) this.#control('before');
    if (recorded !== null) {
      for (const { order, actor } of recorded.due(this.time, this.pool)) {
        this.#execute(order, { name: actor, gas: 0 }, null);
      }
    }
    const { orderStream } = this.#options;
    if (orderStream === null) for (let i = 0; i < agents.length; i++) this.#runAgent(i);
    else for (const i of shuffled(agents.length, orderStream)) this.#runAgent(i);
    if (controllers.length > 0) this.#control('after');
    this.metrics.end(this.#step);
  }

  /** Runs to a step. @returns The metrics there. */
  runTo(step: number): RunMetrics {
    while (this.#step < step) this.advance();
    return this.metrics.result();
  }

  /** Executes orders that come from outside of the agents, such as a learner's. */
  order(order: Order, name = 'external'): OrderResult {
    return this.#execute(order, { name, gas: 0 }, null);
  }

  /** Applies a decision that comes from outside of the controllers. @returns Why it was refused, or null. */
  decide(decision: Decision, name = 'external'): string | null {
    return this.#apply(decision, name);
  }

  /** Everything that the rest of the run depends on. */
  save(): unknown {
    const { market, agents, controllers, recorded, orderStream } = this.#options;
    return {
      step: this.#step,
      pool: this.pool.save(),
      market: market.save(),
      prices: this.prices.slice(),
      next: this.#hasNext ? this.#next.slice() : null,
      metrics: this.metrics.save(),
      agents: agents.map(({ stream }, i) => ({
        stream: stream.save(),
        wallet: this.#contexts[i]!.wallet.slice(),
        memory: structuredClone(this.#contexts[i]!.memory),
      })),
      controllers: controllers.map(({ memory }) => structuredClone(memory)),
      recorded: recorded?.save() ?? null,
      order: orderStream?.save() ?? null,
      lastTrades: [...this.#lastTrades],
    };
  }

  restore(saved: unknown): void {
    const state = saved as SavedSimulation;
    const { market, agents, controllers, recorded, orderStream } = this.#options;
    this.#step = state.step;
    this.pool.restore(state.pool);
    market.restore(state.market);
    this.prices.set(state.prices);
    this.#hasNext = state.next !== null;
    if (state.next !== null) this.#next.set(state.next);
    this.metrics.restore(state.metrics);
    agents.forEach(({ stream }, i) => {
      const agent = state.agents[i]!;
      stream.restore(agent.stream);
      this.#contexts[i]!.wallet.set(agent.wallet);
      this.#contexts[i]!.memory = structuredClone(agent.memory);
    });
    controllers.forEach(
      (controller, i) => (controller.memory = structuredClone(state.controllers[i]!)),
    );
    recorded?.restore(state.recorded);
    if (state.order !== null) orderStream?.restore(state.order);
    this.#lastTrades = [...state.lastTrades];
  }

  #peek(): Float64Array {
    if (!this.#hasNext) {
      this.#options.market.next(this.#next);
      this.#hasNext = true;
    }
    return this.#next;
  }

  #runAgent(index: number): void {
    const { agent } = this.#options.agents[index]!;
    const context = this.#contexts[index]!;
    const repeats =
      agent.name.startsWith('arb.closedForm') && this.prices.length > 2 ? REPEATS_MAX : 1;
    for (let i = 0; i < repeats; i++) {
      let orders: readonly Order[];
      try {
        orders = agent.act(this.#view, context);
      } catch (error) {
        throw this.#userError(agent.name, error);
      }
      if (orders.length === 0) return;
      for (const order of orders) this.#surround(order, agent, context);
    }
  }

  /** Lets the agents that surround others' orders do so. */
  #surround(order: Order, agent: Agent, context: AgentContext): void {
    const { agents } = this.#options;
    let surrounding: Surrounding | null = null;
    let surrounder = -1;
    if (order.do === 'swap') {
      for (let i = 0; i < agents.length && surrounding === null; i++) {
        const other = agents[i]!.agent;
        if (other === agent || !('around' in other)) continue;
        surrounding = this.#guardUser(other.name, () =>
          (other as SurroundingAgent).around(order, this.#view, this.#contexts[i]!),
        );
        surrounder = i;
      }
    }
    const by = (orders: readonly Order[]): void => {
      const { agent: other } = agents[surrounder]!;
      for (const each of orders)
        this.#finish(
          this.#execute(each, other, this.#contexts[surrounder]!),
          other,
          this.#contexts[surrounder]!,
        );
    };
    if (surrounding !== null) by(surrounding.before);
    this.#finish(this.#execute(order, agent, context), agent, context);
    if (surrounding !== null) by(surrounding.after);
  }

  #finish(result: OrderResult, agent: Agent, context: AgentContext): void {
    if (agent.after !== undefined) this.#guardUser(agent.name, () => agent.after!(result, context));
  }

  #execute(
    order: Order,
    by: { readonly name: string; readonly gas: number },
    context: AgentContext | null,
  ): OrderResult {
    const count = this.prices.length;
    const tokens = new Float64Array(count);
    if (order.do === 'batch') return this.#batch(order, by, context);
    const shares = new Float64Array(1);
    const before =
      this.#options.guardInvariant && MAY_NOT_LOSE.has(order.do) ? invariantPerShare(this.pool) : 0;
    const refused = this.#fundsFor(order, context)
      ? this.#perform(order, by, { tokens, shares })
      : 'NO_FUNDS';
    if (refused !== null) this.metrics.refusedOrder();
    else if (before > 0) this.metrics.guard(this.#step, `${by.name}: ${describe(order)}`, before);
    if (context !== null && refused === null) {
      for (let i = 0; i < count; i++) context.wallet[i] = context.wallet[i]! + tokens[i]!;
      context.wallet[count] = context.wallet[count]! + shares[0]!;
    }
    return { order, refused, tokens, shares: shares[0]!, profit: valueOf(tokens, this.prices) };
  }

  /** All orders, or none. Metrics count only what stays. */
  #batch(
    order: Extract<Order, { do: 'batch' }>,
    by: { readonly name: string; readonly gas: number },
    context: AgentContext | null,
  ): OrderResult {
    const saved = {
      pool: this.pool.save(),
      metrics: this.metrics.save(),
      wallet: context?.wallet.slice(),
    };
    const tokens = new Float64Array(this.prices.length);
    let shares = 0;
    for (const each of order.orders) {
      const result = this.#execute(each, by, context);
      if (result.refused !== null) {
        this.pool.restore(saved.pool);
        this.metrics.restore(saved.metrics);
        if (saved.wallet !== undefined) context!.wallet.set(saved.wallet);
        this.metrics.refusedOrder();
        return { order, refused: result.refused, tokens: tokens.fill(0), shares: 0, profit: 0 };
      }
      result.tokens.forEach((amount, i) => (tokens[i] = tokens[i]! + amount));
      shares += result.shares;
    }
    return { order, refused: null, tokens, shares, profit: valueOf(tokens, this.prices) };
  }

  #fundsFor(order: Order, context: AgentContext | null): boolean {
    if (context === null || context.isInfinite) return true;
    const { wallet } = context;
    switch (order.do) {
      case 'swap':
        return wallet[order.tokenIn]! >= order.amountIn;
      case 'swapOut': {
        const state = this.pool.save();
        const amountIn = this.pool.swapGivenOut(order.tokenIn, order.tokenOut, order.amountOut);
        this.pool.restore(state);
        return Number.isNaN(amountIn) || wallet[order.tokenIn]! >= amountIn;
      }
      case 'join':
        return this.pool.balances.every(
          (balance, i) => wallet[i]! >= (balance * order.shares) / this.pool.supply,
        );
      case 'joinSwap':
        return wallet[order.token]! >= order.amount;
      case 'exit':
      case 'exitSwap':
        return wallet.at(-1)! >= order.shares;
      case 'batch':
      case 'gulp':
      case 'rebase':
      case 'none':
        return true;
      default:
        return order satisfies never;
    }
  }

  /** @returns Code of the refusal, or null; writes what the sender gained. */
  #perform(
    order: Exclude<Order, { do: 'batch' }>,
    by: { readonly name: string; readonly gas: number },
    gained: { readonly tokens: Float64Array; readonly shares: Float64Array },
  ): string | null {
    const { pool, metrics } = this;
    const { tokens, shares } = gained;
    switch (order.do) {
      case 'swap':
      case 'swapOut':
        return this.#swap(order, by, tokens);
      case 'join':
      case 'exit': {
        const sign = order.do === 'join' ? 1 : -1;
        const amounts =
          order.do === 'join' ? pool.joinAll(order.shares) : pool.exitAll(order.shares);
        if (amounts === null) return pool.refusal;
        amounts.forEach((amount, i) => {
          tokens[i] = -sign * amount;
          metrics.deposit(i, sign * amount);
        });
        shares[0] = sign * order.shares;
        metrics.gas(by.gas);
        return null;
      }
      case 'joinSwap': {
        const minted = pool.joinSingle(order.token, order.amount);
        if (Number.isNaN(minted)) return pool.refusal;
        tokens[order.token] = -order.amount;
        shares[0] = minted;
        metrics.deposit(order.token, order.amount);
        metrics.gas(by.gas);
        return null;
      }
      case 'exitSwap': {
        const amount = pool.exitSingle(order.token, order.shares);
        if (Number.isNaN(amount)) return pool.refusal;
        tokens[order.token] = amount;
        shares[0] = -order.shares;
        metrics.deposit(order.token, -amount);
        metrics.gas(by.gas);
        return null;
      }
      case 'gulp': {
        const before = pool.balances[order.token]!;
        if (!pool.gulp(order.token)) return pool.refusal;
        metrics.rebased(order.token, 1, pool.balances[order.token]! - before);
        return null;
      }
      case 'rebase':
        return this.#rebase(order);
      case 'none':
        return null;
      default:
        return order satisfies never;
    }
  }

  #swap(
    order: Extract<Order, { do: 'swap' | 'swapOut' }>,
    by: { readonly name: string; readonly gas: number },
    tokens: Float64Array,
  ): string | null {
    const { pool } = this;
    const { tokenIn, tokenOut } = order;
    const spotBefore = pool.spot(tokenIn, tokenOut);
    const state = hasLimit(order) ? pool.save() : null;
    const isExactIn = order.do === 'swap';
    const calculated = isExactIn
      ? pool.swapGivenIn(tokenIn, tokenOut, order.amountIn)
      : pool.swapGivenOut(tokenIn, tokenOut, order.amountOut);
    if (Number.isNaN(calculated)) return pool.refusal;
    const amountIn = isExactIn ? order.amountIn : calculated;
    const amountOut = isExactIn ? calculated : order.amountOut;
    if (
      state !== null &&
      (isExactIn ? amountOut < (order.minOut ?? 0) : amountIn > (order.maxIn ?? Infinity))
    ) {
      pool.restore(state);
      return 'LIMIT';
    }
    tokens[tokenIn] = -amountIn;
    tokens[tokenOut] = amountOut;
    const isArbitrage = ARBITRAGE.test(by.name);
    this.metrics.swap({
      tokenIn,
      tokenOut,
      amountIn,
      amountOut,
      spotBefore,
      isArbitrage,
      gas: by.gas,
    });
    const { onTrade } = this.#options;
    if (onTrade !== undefined || this.#lastTrades.length < TRADES_SHOWN) {
      const profit = amountOut * this.prices[tokenOut]! - amountIn * this.prices[tokenIn]!;
      const trade: Trade = {
        step: this.#step,
        agent: by.name,
        tokenIn,
        tokenOut,
        amountIn,
        amountOut,
        profit,
      };
      if (this.#lastTrades.length < TRADES_SHOWN) this.#lastTrades.push(trade);
      onTrade?.(trade);
    }
    return null;
  }

  #rebase({ token, factor, take }: Extract<Order, { do: 'rebase' }>): string | null {
    const { pool, metrics } = this;
    const other = token === 0 ? this.prices.length - 1 : 0;
    const spotBefore = pool.spot(other, token);
    const before = pool.balances[token]!;
    if (!pool.rebase(token, factor, take)) return pool.refusal;
    metrics.rebased(token, factor, pool.balances[token]! - before);
    const spotAfter = pool.spot(other, token);
    const result = metrics.result();
    this.#options.onRebase?.({
      step: this.#step,
      factor,
      take,
      spotBefore,
      spotAfter,
      drift: spotAfter / spotBefore - 1,
      weights: [...pool.weights],
      lpValue: result.value,
      holdValue: result.holdValue,
      arbitrageProfit: result.arbitrageProfit,
    });
    return null;
  }

  #control(phase: Controller['phase']): void {
    for (const controller of this.#options.controllers) {
      if (controller.phase !== phase || this.#step % controller.every !== 0) continue;
      const observation = this.#observe();
      const decision = this.#guardUser(controller.name, () => controller.decide(observation));
      if (decision === null) continue;
      const refused = this.#apply(decision, controller.name);
      this.#options.onDecision?.({
        step: this.#step,
        controller: controller.name,
        observed: [...this.prices],
        decided: decided(decision),
        applied: applied(decision, this.pool),
        refused,
      });
    }
  }

  #observe(): Observation {
    const { pool, prices } = this;
    const { stepSeconds, stepsPerYear } = this.#options;
    return {
      step: this.#step,
      time: this.time,
      prices: prices.slice(),
      balances: pool.balances.slice(),
      weights: pool.weights.slice(),
      swapFee: pool.swapFee,
      amp: pool.amp,
      stepSeconds,
      stepsPerYear,
    };
  }

  #apply(decision: Decision, _name: string): string | null {
    if (decision === null) return null;
    const { pool } = this;
    const isDone =
      decision.set === 'fee'
        ? pool.setSwapFee(decision.fee)
        : decision.set === 'weights'
          ? pool.setWeights(decision.weights, decision.seconds)
          : pool.setAmp(decision.amp, decision.seconds);
    if (isDone) return null;
    this.metrics.refusedDecision();
    return pool.refusal;
  }

  #guardUser<T>(actor: string, call: () => T): T {
    try {
      return call();
    } catch (error) {
      throw this.#userError(actor, error);
    }
  }

  #userError(actor: string, error: unknown): UserCodeError {
    const { run, seed } = this.#options;
    return new UserCodeError({ step: this.#step, run, actor, seed }, error);
  }
}

/** One object for the whole run: a new one per agent and step would be most of the garbage. */
class LoopView implements View {
  readonly pool: SimPool;
  readonly prices: Float64Array;
  readonly nextPrices: () => Float64Array;
  readonly #simulation: Simulation;
  readonly #trades: () => readonly Trade[];

  constructor(
    simulation: Simulation,
    read: { readonly next: () => Float64Array; readonly trades: () => readonly Trade[] },
  ) {
    this.#simulation = simulation;
    this.#trades = read.trades;
    this.nextPrices = read.next;
    this.pool = simulation.pool;
    this.prices = simulation.prices;
  }

  get step(): number {
    return this.#simulation.step;
  }
  get time(): number {
    return this.#simulation.time;
  }
  get lastTrades(): readonly Trade[] {
    return this.#trades();
  }
}

interface SavedSimulation {
  readonly step: number;
  readonly pool: unknown;
  readonly market: unknown;
  readonly prices: Float64Array;
  readonly next: Float64Array | null;
  readonly metrics: unknown;
  readonly agents: readonly {
    readonly stream: ReturnType<Stream['save']>;
    readonly wallet: Float64Array;
    readonly memory: Record<string, unknown>;
  }[];
  readonly controllers: readonly Record<string, unknown>[];
  readonly recorded: unknown;
  readonly order: ReturnType<Stream['save']> | null;
  readonly lastTrades: readonly Trade[];
}

/** Orders that must leave every pool token worth at least as much invariant. */
const MAY_NOT_LOSE: ReadonlySet<Order['do']> = new Set([
  'swap',
  'swapOut',
  'join',
  'exit',
  'joinSwap',
  'exitSwap',
]);

function hasLimit(order: Extract<Order, { do: 'swap' | 'swapOut' }>): boolean {
  return order.do === 'swap' ? order.minOut !== undefined : order.maxIn !== undefined;
}

function describe(order: Order): string {
  return JSON.stringify(order);
}

function decided(decision: NonNullable<Decision>): number[] {
  if (decision.set === 'fee') return [decision.fee];
  return decision.set === 'weights' ? [...decision.weights] : [decision.amp];
}

function applied(decision: NonNullable<Decision>, pool: SimPool): number[] {
  if (decision.set === 'fee') return [pool.swapFee];
  return decision.set === 'weights' ? [...pool.weights] : [pool.amp];
}

/** 0 .. count - 1 in random order (Fisher and Yates). */
function shuffled(count: number, stream: Stream): number[] {
  const order = Array.from({ length: count }, (_each, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = stream.below(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
