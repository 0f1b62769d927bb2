/**
 * The agents' turns: what an agent orders is done at once and in order, and agents that surround the
 * orders of others get theirs before and after.
 *
 * @module
 */
import type { Surrounding, SurroundingAgent } from '../agents/traders.ts';
import type { Stream, StreamState } from '../random/stream.ts';
import type { Execution } from './execution.ts';
import { callUser, type RunState, timeOf, userError } from './run-state.ts';
import type { Agent, AgentContext, Order, OrderResult, View } from './types.ts';

/** An agent with what belongs to it. */
export interface SeatedAgent {
  readonly agent: Agent;
  readonly stream: Stream;
  readonly wallet: Float64Array | 'infinite';
  /** Unix seconds, from (included) to (excluded); always on when left out. */
  readonly window?: readonly [from: number, to: number];
}

/** A closed-form arbitrageur of more than two tokens may go on so often in a step. */
const REPEATS_MAX = 12;

export class Turns {
  readonly contexts: readonly AgentContext[];
  readonly #agents: readonly SeatedAgent[];
  readonly #state: RunState;
  readonly #execution: Execution;
  readonly #view: View;
  /** Places of the agents with a schedule, and of the others. */
  readonly #scheduled: readonly number[];
  readonly #free: readonly number[];

  constructor(
    agents: readonly SeatedAgent[],
    state: RunState,
    { execution, view }: { readonly execution: Execution; readonly view: View },
  ) {
    this.#agents = agents;
    this.#state = state;
    this.#execution = execution;
    this.#view = view;
    const places = agents.map((_seated, i) => i);
    this.#scheduled = places.filter((i) => agents[i]!.agent.isScheduled === true);
    this.#free = places.filter((i) => agents[i]!.agent.isScheduled !== true);
    const { stepSeconds, stepsPerYear, prices } = state;
    this.contexts = agents.map(({ stream, wallet }) => ({
      stream,
      wallet: wallet === 'infinite' ? new Float64Array(prices.length + 1) : wallet.slice(),
      isInfinite: wallet === 'infinite',
      provided: new Float64Array(prices.length),
      memory: {},
      stepSeconds,
      stepsPerYear,
    }));
    agents.forEach(({ agent }, i) => {
      callUser(state, agent.name, () => agent.init?.(this.contexts[i]!, view));
    });
  }

  /** Every agent without a schedule once. @param order - Draws the order; null keeps that of the configuration. */
  takeAll(order: Stream | null): void {
    const turns = order === null ? this.#free : shuffled(this.#free, order);
    for (const i of turns) this.#take(i);
  }

  /** Those that keep to a schedule, in the order of the configuration. */
  takeScheduled(): void {
    for (const i of this.#scheduled) this.#take(i);
  }

  save(): SavedAgent[] {
    return this.#agents.map(({ stream }, i) => ({
      stream: stream.save(),
      wallet: this.contexts[i]!.wallet.slice(),
      provided: this.contexts[i]!.provided.slice(),
      memory: structuredClone(this.contexts[i]!.memory),
    }));
  }

  restore(saved: readonly SavedAgent[]): void {
    this.#agents.forEach(({ stream }, i) => {
      const { stream: state, wallet, provided, memory } = saved[i]!;
      stream.restore(state);
      this.contexts[i]!.wallet.set(wallet);
      this.contexts[i]!.provided.set(provided);
      this.contexts[i]!.memory = structuredClone(memory);
    });
  }

  /** Agents that have provided liquidity, with their pool tokens and what they brought. */
  providers(): Provider[] {
    return this.#agents.flatMap(({ agent }, i) => {
      const { wallet, provided } = this.contexts[i]!;
      const isOne = provided.some((amount) => amount !== 0);
      return isOne ? [{ agent: agent.name, shares: wallet.at(-1)!, provided }] : [];
    });
  }

  #take(index: number): void {
    const { agent } = this.#agents[index]!;
    if (!this.#isOn(index)) return;
    const context = this.contexts[index]!;
    const repeats =
      agent.name.startsWith('arb.closedForm') && this.#state.prices.length > 2 ? REPEATS_MAX : 1;
    for (let i = 0; i < repeats; i++) {
      let orders: readonly Order[];
      try {
        orders = agent.act(this.#view, context);
      } catch (error) {
        throw userError(this.#state, agent.name, error);
      }
      if (orders.length === 0) return;
      for (const order of orders) this.#surround(order, agent, context);
    }
  }

  /** Lets the agents that surround others' orders do so. */
  #surround(order: Order, agent: Agent, context: AgentContext): void {
    const agents = this.#agents;
    let surrounding: Surrounding | null = null;
    let surrounder = -1;
    if (order.do === 'swap') {
      for (let i = 0; i < agents.length && surrounding === null; i++) {
        const other = agents[i]!.agent;
        if (other === agent || !('around' in other) || !this.#isOn(i)) continue;
        surrounding = callUser(this.#state, other.name, () =>
          (other as SurroundingAgent).around(order, this.#view, this.contexts[i]!),
        );
        surrounder = i;
      }
    }
    const by = (orders: readonly Order[]): void => {
      const { agent: other } = agents[surrounder]!;
      for (const each of orders)
        this.#finish(
          this.#execution.execute(each, other, this.contexts[surrounder]!),
          other,
          this.contexts[surrounder]!,
        );
    };
    if (surrounding !== null) by(surrounding.before);
    this.#finish(this.#execution.execute(order, agent, context), agent, context);
    if (surrounding !== null) by(surrounding.after);
  }

  #isOn(index: number): boolean {
    const { window } = this.#agents[index]!;
    if (window === undefined) return true;
    const time = timeOf(this.#state);
    return time >= window[0] && time < window[1];
  }

  #finish(result: OrderResult, agent: Agent, context: AgentContext): void {
    if (agent.after !== undefined)
      callUser(this.#state, agent.name, () => agent.after!(result, context));
  }
}

/** A provider of liquidity. */
export interface Provider {
  readonly agent: string;
  /** Pool tokens that it has. */
  readonly shares: number;
  /** What it brought less what it took, whole tokens. */
  readonly provided: Float64Array;
}

/** What is kept of an agent from step to step. */
export interface SavedAgent {
  readonly stream: StreamState;
  readonly wallet: Float64Array;
  readonly provided: Float64Array;
  readonly memory: Record<string, unknown>;
}

/** In random order (Fisher and Yates). */
function shuffled(places: readonly number[], stream: Stream): number[] {
  const order = [...places];
  for (let i = order.length - 1; i > 0; i--) {
    const j = stream.below(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
