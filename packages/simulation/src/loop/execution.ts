/**
 * Executes orders: wallets, refusals, batches that are all or nothing, and what metrics are told.
 *
 * @module
 */
import { valueOf } from '../agents/providers.ts';
import { invariantPerShare } from '../metrics/pool-measures.ts';
import { hasFunds } from './funds.ts';
import { gasCost, type RunState } from './run-state.ts';
import type { AgentContext, Order, OrderResult, Trade } from './types.ts';

export interface ExecutionOptions {
  /** Whether every change of the pool is checked for a fall of the invariant per share. */
  readonly guardInvariant: boolean;
  readonly onTrade?: (trade: Trade) => void;
  /** Told of a rebase, or of what a pool takes up of one, at the end of its step. */
  readonly onRebase?: (rebase: RebaseRow) => void;
}

/** Who an order comes from. */
export interface Sender {
  readonly name: string;
  /** Cost of each order beside its gas, quote. */
  readonly gas: number;
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
  /** Of the pool and of holding its first tokens, at the end of the step, quote. */
  readonly lpValue: number;
  readonly holdValue: number;
  /** The same of a run without rebases that draws the same; null where there is none. */
  readonly twinValue: number | null;
  readonly twinHoldValue: number | null;
  /** Profit of arbitrageurs from the rebase until the next step, quote. */
  readonly arbitrageProfit: number;
}

/** A rebase whose step has not ended. */
type OpenRebase = Pick<
  RebaseRow,
  'step' | 'factor' | 'take' | 'spotBefore' | 'spotAfter' | 'weights'
> & {
  readonly profitBefore: number;
};

/** What comes of one order besides its refusal. */
interface Gained {
  readonly tokens: Float64Array;
  readonly shares: Float64Array;
}

const ARBITRAGE = /^arb/;
const TRADES_SHOWN = 16;

export class Execution {
  readonly #state: RunState;
  readonly #options: ExecutionOptions;
  /** Trades of the batch under way, told when it is done; null outside of batches. */
  #held: Trade[] | null = null;
  #rebases: OpenRebase[] = [];

  constructor(state: RunState, options: ExecutionOptions) {
    this.#state = state;
    this.#options = options;
  }

  /**
   * Does what an order says, or leaves everything as it was.
   *
   * @param context - Whose wallet pays; null where nobody's does.
   */
  execute(order: Order, by: Sender, context: AgentContext | null): OrderResult {
    const result =
      order.do === 'batch' ? this.#batch(order, by, context) : this.#one(order, by, context, '');
    if (result.refused === null) this.#state.metrics.gas(gasCost(this.#state, order));
    return result;
  }

  /** Tells of the rebases of the step. @param twin - The run without them, at the end of the same step. */
  endStep(twin: { readonly value: number; readonly holdValue: number } | null): void {
    if (this.#rebases.length === 0) return;
    const { value, holdValue, arbitrageProfit } = this.#state.metrics.result();
    for (const { profitBefore, ...rebase } of this.#rebases) {
      this.#options.onRebase?.({
        ...rebase,
        drift: rebase.spotAfter / rebase.spotBefore - 1,
        lpValue: value,
        holdValue,
        twinValue: twin?.value ?? null,
        twinHoldValue: twin?.holdValue ?? null,
        arbitrageProfit: arbitrageProfit - profitBefore,
      });
    }
    this.#rebases = [];
  }

  /** @param place - Where in a batch the order stands, for what is told of it. */
  #one(
    order: Exclude<Order, { do: 'batch' }>,
    by: Sender,
    context: AgentContext | null,
    place: string,
  ): OrderResult {
    const { pool, metrics, prices, step } = this.#state;
    const count = prices.length;
    const gained = { tokens: new Float64Array(count), shares: new Float64Array(1) };
    const before =
      this.#options.guardInvariant && MAY_NOT_LOSE.has(order.do) ? invariantPerShare(pool) : 0;
    const refused = hasFunds(order, pool, context) ? this.#perform(order, by, gained) : 'NO_FUNDS';
    if (refused !== null) metrics.refusedOrder();
    else if (before > 0)
      metrics.guard(step, `${by.name}${place}: ${JSON.stringify(order)}`, before);
    const { tokens, shares } = gained;
    if (context !== null && refused === null) {
      if (PROVIDES.has(order.do))
        tokens.forEach((amount, i) => (context.provided[i] = context.provided[i]! - amount));
      for (let i = 0; i < count; i++) context.wallet[i] = context.wallet[i]! + tokens[i]!;
      context.wallet[count] = context.wallet[count]! + shares[0]!;
    }
    return { order, refused, tokens, shares: shares[0]!, profit: valueOf(tokens, prices) };
  }

  /** All orders, or none. What is refused leaves no trace but its count. */
  #batch(
    order: Extract<Order, { do: 'batch' }>,
    by: Sender,
    context: AgentContext | null,
  ): OrderResult {
    const { pool, metrics, prices } = this.#state;
    const saved = {
      pool: pool.save(),
      metrics: metrics.save(),
      wallet: context?.wallet.slice(),
      provided: context?.provided.slice(),
    };
    const outer = this.#held;
    const rebases = this.#rebases.length;
    this.#held = [];
    const tokens = new Float64Array(prices.length);
    let shares = 0;
    for (const [i, each] of order.orders.entries()) {
      const place = ` (batch, order ${i + 1} of ${order.orders.length})`;
      const result =
        each.do === 'batch' ? this.#batch(each, by, context) : this.#one(each, by, context, place);
      if (result.refused !== null) {
        pool.restore(saved.pool);
        metrics.restore(saved.metrics);
        if (saved.wallet !== undefined) context!.wallet.set(saved.wallet);
        if (saved.provided !== undefined) context!.provided.set(saved.provided);
        this.#held = outer;
        this.#rebases.length = rebases;
        metrics.refusedOrder();
        return { order, refused: result.refused, tokens: tokens.fill(0), shares: 0, profit: 0 };
      }
      result.tokens.forEach((amount, token) => (tokens[token] = tokens[token]! + amount));
      shares += result.shares;
    }
    const done = this.#held;
    this.#held = outer;
    for (const trade of done) this.#tell(trade);
    return { order, refused: null, tokens, shares, profit: valueOf(tokens, prices) };
  }

  /** @returns Code of the refusal, or null; writes what the sender gained. */
  #perform(
    order: Exclude<Order, { do: 'batch' }>,
    by: Sender,
    { tokens, shares }: Gained,
  ): string | null {
    const { pool, metrics } = this.#state;
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
      case 'vaultBatch':
        return this.#vaultBatch(order, by, { tokens, shares });
      case 'gulp': {
        const isDone = this.#taking(order.token, { factor: 1, take: 'gulp' }, () =>
          pool.gulp(order.token),
        );
        return isDone ? null : pool.refusal;
      }
      case 'rebase': {
        const isDone = this.#taking(order.token, order, () =>
          pool.rebase(order.token, order.factor, order.take),
        );
        return isDone ? null : pool.refusal;
      }
      case 'none':
        return null;
      default:
        return order satisfies never;
    }
  }

  #swap(
    order: Extract<Order, { do: 'swap' | 'swapOut' }>,
    by: Sender,
    tokens: Float64Array,
  ): string | null {
    const { pool, metrics, step, prices } = this.#state;
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
    metrics.swap({ tokenIn, tokenOut, amountIn, amountOut, spotBefore, isArbitrage });
    metrics.gas(by.gas);
    if (this.#options.onTrade !== undefined || this.#state.lastTrades.length < TRADES_SHOWN) {
      const profit = amountOut * prices[tokenOut]! - amountIn * prices[tokenIn]!;
      this.#tell({ step, agent: by.name, tokenIn, tokenOut, amountIn, amountOut, profit });
    }
    return null;
  }

  /** Swaps of the Vault in one transaction, the pool's own token included. */
  #vaultBatch(
    { steps }: Extract<Order, { do: 'vaultBatch' }>,
    by: Sender,
    { tokens, shares }: Gained,
  ): string | null {
    const { pool, metrics, step } = this.#state;
    const done = pool.vaultBatch(steps);
    if (done === null) return pool.refusal;
    done.tokens.forEach((amount, i) => {
      tokens[i] = amount;
      metrics.deposit(i, -amount);
    });
    shares[0] = done.shares;
    metrics.gas(by.gas);
    for (const { index, fraction } of done.falls) {
      const cause = `${by.name}: step ${index + 1} of a batch of ${steps.length}: ${describe(steps[index])}`;
      metrics.fall({ step, cause, fraction });
    }
    return null;
  }

  /** Does what changes the pool's own balance of a token, and notes it where it did. */
  #taking(
    token: number,
    { factor, take }: { readonly factor: number; readonly take: string },
    change: () => boolean,
  ): boolean {
    const { pool, metrics, prices, step } = this.#state;
    const other = token === 0 ? prices.length - 1 : 0;
    const spotBefore = pool.spot(other, token);
    const before = pool.balances[token]!;
    if (!change()) return false;
    const taken = pool.balances[token]! - before;
    metrics.rebased(token, factor, taken);
    if (factor === 1 && taken === 0) return true;
    const profitBefore = metrics.result().arbitrageProfit;
    const spotAfter = pool.spot(other, token);
    const weights = [...pool.weights];
    this.#rebases.push({ step, factor, take, spotBefore, spotAfter, weights, profitBefore });
    return true;
  }

  /** Tells of a trade, or keeps it until its batch is done. */
  #tell(trade: Trade): void {
    if (this.#held !== null) {
      this.#held.push(trade);
      return;
    }
    const { lastTrades } = this.#state;
    if (lastTrades.length < TRADES_SHOWN) lastTrades.push(trade);
    this.#options.onTrade?.(trade);
  }
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

/** Orders that give tokens to the pool for its own, or take them back. */
const PROVIDES: ReadonlySet<Order['do']> = new Set([
  'join',
  'exit',
  'joinSwap',
  'exitSwap',
  'vaultBatch',
]);

function hasLimit(order: Extract<Order, { do: 'swap' | 'swapOut' }>): boolean {
  return order.do === 'swap' ? order.minOut !== undefined : order.maxIn !== undefined;
}

function describe(step: Extract<Order, { do: 'vaultBatch' }>['steps'][number] | undefined): string {
  return step === undefined
    ? 'the fees that the batch pays'
    : `${step.amount} units of asset ${step.assetOut} for asset ${step.assetIn}`;
}
