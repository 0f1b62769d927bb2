/**
 * What goes round in the loop: the view that agents have, what they order, and what came of it.
 *
 * @module
 */
import type { Stream } from '../random/stream.ts';
import type { SimPool, VaultSwap } from '../pools/sim-pool.ts';

/** What an agent wants done, in whole tokens and pool tokens; tokens are indexes. */
export type Order =
  | {
      readonly do: 'swap';
      readonly tokenIn: number;
      readonly tokenOut: number;
      readonly amountIn: number;
      readonly minOut?: number;
    }
  | {
      readonly do: 'swapOut';
      readonly tokenIn: number;
      readonly tokenOut: number;
      readonly amountOut: number;
      readonly maxIn?: number;
    }
  | { readonly do: 'join'; readonly shares: number }
  | { readonly do: 'exit'; readonly shares: number }
  | { readonly do: 'joinSwap'; readonly token: number; readonly amount: number }
  | { readonly do: 'exitSwap'; readonly token: number; readonly shares: number }
  /** Exact amounts out of the Vault in one transaction, raw units: V2 pools in exact mode. */
  | { readonly do: 'vaultBatch'; readonly steps: readonly VaultSwap[] }
  /** All or nothing. */
  | { readonly do: 'batch'; readonly orders: readonly Order[] }
  | { readonly do: 'gulp'; readonly token: number }
  | {
      readonly do: 'rebase';
      readonly token: number;
      readonly factor: number;
      readonly take: 'resync' | 'safeResync' | 'gulp' | 'later';
    }
  | { readonly do: 'none' };

/** What came of an order. */
export interface OrderResult {
  readonly order: Order;
  /** Code of the revert, `NO_FUNDS`, or null when it was done. */
  readonly refused: string | null;
  /** Change of the agent's tokens. */
  readonly tokens: Float64Array;
  /** Change of its pool tokens. */
  readonly shares: number;
  /** Value of the change at outside prices, quote, before gas. */
  readonly profit: number;
}

/** A trade that was made. */
export interface Trade {
  readonly step: number;
  readonly agent: string;
  readonly tokenIn: number;
  readonly tokenOut: number;
  readonly amountIn: number;
  readonly amountOut: number;
  /** Of the trader at outside prices, quote, before gas. */
  readonly profit: number;
}

/** What an agent may look at. Arrays are the loop's own: copy what is to be kept, write nothing. */
export interface View {
  readonly step: number;
  /** Unix seconds. */
  readonly time: number;
  readonly pool: SimPool;
  /** Outside prices in the quote currency, one per token. */
  readonly prices: Float64Array;
  /** Outside prices of the next step, which only an informed agent should ask for. */
  nextPrices(): Float64Array;
  /** What the gas of an order costs now, quote; 0 where the experiment has no `[gas]`. */
  gasOf(order: Order['do']): number;
  readonly lastTrades: readonly Trade[];
}

/** What belongs to one agent. */
export interface AgentContext {
  readonly stream: Stream;
  /** Own tokens, and own pool tokens in the last entry. */
  readonly wallet: Float64Array;
  readonly isInfinite: boolean;
  /** What it brought by joins, less what it took by exits: what it would have had it held. */
  readonly provided: Float64Array;
  /** Plain data that the agent keeps from step to step; it is saved and restored with the run. */
  memory: Record<string, unknown>;
  /** Seconds of a step, and steps of a year. */
  readonly stepSeconds: number;
  readonly stepsPerYear: number;
}

export interface Agent {
  readonly name: string;
  /** Cost of each order beside its gas, quote. */
  readonly gas: number;
  /** Acts before recorded actions, whatever the order of the configuration: what keeps to a schedule. */
  readonly isScheduled?: boolean;
  init?(context: AgentContext, view: View): void;
  act(view: View, context: AgentContext): readonly Order[];
  after?(result: OrderResult, context: AgentContext): void;
}

/** What a controller sees: present and past, never the future. */
export interface Observation {
  readonly step: number;
  readonly time: number;
  readonly prices: Float64Array;
  readonly balances: Float64Array;
  /** What the pool holds of each token, taken up or not. */
  readonly held: Float64Array;
  readonly weights: Float64Array;
  readonly swapFee: number;
  readonly amp: number;
  readonly stepSeconds: number;
  readonly stepsPerYear: number;
}

/** What a controller wants changed; null is nothing. */
export type Decision =
  | { readonly set: 'fee'; readonly fee: number }
  | { readonly set: 'weights'; readonly weights: Float64Array; readonly seconds: number }
  | { readonly set: 'amp'; readonly amp: number; readonly seconds: number }
  /** Takes up a rebase of a token and moves the weights with it; elastic pools only. */
  | { readonly set: 'resync'; readonly token: number; readonly isSafe: boolean }
  | null;

export interface Controller {
  readonly name: string;
  /** Steps between decisions. */
  readonly every: number;
  readonly phase: 'before' | 'after';
  memory: Record<string, unknown>;
  decide(observation: Observation): Decision;
}

/** One logged decision. */
export interface DecisionRow {
  readonly step: number;
  readonly controller: string;
  readonly observed: readonly number[];
  readonly decided: readonly number[];
  readonly applied: readonly number[];
  readonly refused: string | null;
}
