/**
 * Executes orders: wallets, refusals, batches that are all or nothing, and what metrics are told.
 *
 * @module
 */
import { valueOf } from '../agents/providers.ts';
import { invariantPerShare } from '../metrics/recorder.ts';
import type { RunState } from './run-state.ts';
import type { AgentContext, Order, OrderResult, Trade } from './types.ts';

export interface ExecutionOptions {
  /** Whether every change of the pool is checked for a fall of the invariant per share. */
  readonly guardInvariant: boolean;
  readonly onTrade?: (trade: Trade) => void;
  readonly onRebase?: (rebase: RebaseRow) => void;
}

/** Who an order comes from. */
export interface Sender {
  readonly name: string;
  /** Cost of each order, quote. */
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
  readonly lpValue: number;
  readonly holdValue: number;
  /** Profit of arbitrageurs up to the rebase, for differences between rows. */
  readonly arbitrageProfit: number;
}

const ARBITRAGE = /^arb/;
const TRADES_SHOWN = 16;

export class Execution {
  readonly #state: RunState;
  readonly #options: ExecutionOptions;

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
    if (order.do === 'batch') return this.#batch(order, by, context);
    const { pool, metrics, prices, step } = this.#state;
    const count = prices.length;
    const tokens = new Float64Array(count);
    const shares = new Float64Array(1);
    const before =
      this.#options.guardInvariant && MAY_NOT_LOSE.has(order.do) ? invariantPerShare(pool) : 0;
    const refused = this.#fundsFor(order, context)
      ? this.#perform(order, by, { tokens, shares })
      : 'NO_FUNDS';
    if (refused !== null) metrics.refusedOrder();
    else if (before > 0) metrics.guard(step, `${by.name}: ${JSON.stringify(order)}`, before);
    if (context !== null && refused === null) {
      for (let i = 0; i < count; i++) context.wallet[i] = context.wallet[i]! + tokens[i]!;
      context.wallet[count] = context.wallet[count]! + shares[0]!;
    }
    return { order, refused, tokens, shares: shares[0]!, profit: valueOf(tokens, prices) };
  }

  /** All orders, or none. Metrics count only what stays. */
  #batch(
    order: Extract<Order, { do: 'batch' }>,
    by: Sender,
    context: AgentContext | null,
  ): OrderResult {
    const { pool, metrics, prices } = this.#state;
    const saved = { pool: pool.save(), metrics: metrics.save(), wallet: context?.wallet.slice() };
    const tokens = new Float64Array(prices.length);
    let shares = 0;
    for (const each of order.orders) {
      const result = this.execute(each, by, context);
      if (result.refused !== null) {
        pool.restore(saved.pool);
        metrics.restore(saved.metrics);
        if (saved.wallet !== undefined) context!.wallet.set(saved.wallet);
        metrics.refusedOrder();
        return { order, refused: result.refused, tokens: tokens.fill(0), shares: 0, profit: 0 };
      }
      result.tokens.forEach((amount, i) => (tokens[i] = tokens[i]! + amount));
      shares += result.shares;
    }
    return { order, refused: null, tokens, shares, profit: valueOf(tokens, prices) };
  }

  #fundsFor(order: Order, context: AgentContext | null): boolean {
    if (context === null || context.isInfinite) return true;
    const { wallet } = context;
    const { pool } = this.#state;
    switch (order.do) {
      case 'swap':
        return wallet[order.tokenIn]! >= order.amountIn;
      case 'swapOut': {
        const state = pool.save();
        const amountIn = pool.swapGivenOut(order.tokenIn, order.tokenOut, order.amountOut);
        pool.restore(state);
        return Number.isNaN(amountIn) || wallet[order.tokenIn]! >= amountIn;
      }
      case 'join':
        return pool.balances.every(
          (balance, i) => wallet[i]! >= (balance * order.shares) / pool.supply,
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
    by: Sender,
    gained: { readonly tokens: Float64Array; readonly shares: Float64Array },
  ): string | null {
    const { pool, metrics } = this.#state;
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
    by: Sender,
    tokens: Float64Array,
  ): string | null {
    const { pool } = this.#state;
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
    this.#state.metrics.swap({
      tokenIn,
      tokenOut,
      amountIn,
      amountOut,
      spotBefore,
      isArbitrage,
      gas: by.gas,
    });
    const { onTrade } = this.#options;
    if (onTrade !== undefined || this.#state.lastTrades.length < TRADES_SHOWN) {
      const profit =
        amountOut * this.#state.prices[tokenOut]! - amountIn * this.#state.prices[tokenIn]!;
      const trade: Trade = {
        step: this.#state.step,
        agent: by.name,
        tokenIn,
        tokenOut,
        amountIn,
        amountOut,
        profit,
      };
      if (this.#state.lastTrades.length < TRADES_SHOWN) this.#state.lastTrades.push(trade);
      onTrade?.(trade);
    }
    return null;
  }

  #rebase({ token, factor, take }: Extract<Order, { do: 'rebase' }>): string | null {
    const { pool, metrics } = this.#state;
    const other = token === 0 ? this.#state.prices.length - 1 : 0;
    const spotBefore = pool.spot(other, token);
    const before = pool.balances[token]!;
    if (!pool.rebase(token, factor, take)) return pool.refusal;
    metrics.rebased(token, factor, pool.balances[token]! - before);
    const spotAfter = pool.spot(other, token);
    const result = metrics.result();
    this.#options.onRebase?.({
      step: this.#state.step,
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
