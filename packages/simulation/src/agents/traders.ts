/**
 * Traders: noise, those who compare venues, those who know or guess the next price, and those who
 * surround others' trades.
 *
 * @module
 */
import type { SimPool } from '../pools/sim-pool.ts';
import type { Agent, AgentContext, Order, View } from '../loop/types.ts';

const NOTHING: readonly Order[] = [];

export interface NoiseOptions {
  readonly name: string;
  readonly gas: number;
  /** Mean number of trades a day. */
  readonly perDay: number;
  /** Mean size and its logarithm's standard deviation, quote. */
  readonly meanSize: number;
  readonly sizeSd: number;
  /** Probability that the first token of a drawn pair is bought, 0.5 for none. */
  readonly bias: number;
  /** Gives up when the effective price is worse than the outside price by this fraction. */
  readonly aversion: number;
  /** Goes to the pool only when it beats a venue with this fee and depth (quote per 100 %). */
  readonly outside: { readonly fee: number; readonly depth: number } | null;
}

/** Poisson arrivals, log-normal sizes, random pairs. With `outside` it is the router. */
export function noiseAgent(options: NoiseOptions): Agent {
  const { name, gas, perDay, meanSize, sizeSd, bias, aversion, outside } = options;
  const logMean = Math.log(meanSize) - (sizeSd * sizeSd) / 2;
  const act = ({ pool, prices }: View, { stream, stepSeconds }: AgentContext): readonly Order[] => {
    const arrivals = stream.poisson((perDay * stepSeconds) / 86_400);
    if (arrivals === 0) return NOTHING;
    const orders: Order[] = [];
    for (let i = 0; i < arrivals; i++) {
      const size = Math.exp(logMean + sizeSd * stream.normal());
      const [first, second] = drawPair(prices.length, stream);
      const isBuyingFirst = stream.uniform() < bias;
      const [tokenIn, tokenOut] = isBuyingFirst ? [second, first] : [first, second];
      const amountIn = size / prices[tokenIn]!;
      const value = pool.quote(tokenIn, tokenOut, amountIn) * prices[tokenOut]!;
      const cost = 1 - value / size;
      const elsewhere = outside === null ? Infinity : outside.fee + size / outside.depth;
      if (cost <= aversion && cost < elsewhere)
        orders.push({ do: 'swap', tokenIn, tokenOut, amountIn });
    }
    return orders;
  };
  return { name, gas, act };
}

function drawPair(count: number, stream: AgentContext['stream']): [number, number] {
  if (count === 2) return [0, 1];
  const first = stream.below(count);
  const second = stream.below(count - 1);
  return first < (second < first ? second : second + 1)
    ? [first, second < first ? second : second + 1]
    : [second < first ? second : second + 1, first];
}

export interface InformedOptions {
  readonly name: string;
  readonly gas: number;
  /** Probability of seeing the next price. */
  readonly q: number;
  /** Size of a trade, quote. */
  readonly size: number;
}

/** Trades ahead of the next price when it moves by more than the fee. */
export function informedAgent({ name, gas, q, size }: InformedOptions): Agent {
  const act = (view: View, { stream }: AgentContext): readonly Order[] => {
    if (stream.uniform() >= q) return NOTHING;
    const next = view.nextPrices();
    const { pool, prices } = view;
    let best: Order | null = null;
    let bestGain = gas + view.gasOf('swap');
    for (let tokenIn = 0; tokenIn < prices.length; tokenIn++) {
      for (let tokenOut = 0; tokenOut < prices.length; tokenOut++) {
        if (tokenIn === tokenOut) continue;
        const amountIn = size / prices[tokenIn]!;
        const gain =
          pool.quote(tokenIn, tokenOut, amountIn) * next[tokenOut]! - amountIn * next[tokenIn]!;
        if (gain > bestGain) {
          best = { do: 'swap', tokenIn, tokenOut, amountIn };
          bestGain = gain;
        }
      }
    }
    return best === null ? NOTHING : [best];
  };
  return { name, gas, act };
}

export interface TrendOptions {
  readonly name: string;
  readonly gas: number;
  /** Steps that a trend is measured over, and the return beyond which it is followed. */
  readonly lookback: number;
  readonly threshold: number;
  readonly size: number;
}

/** Buys the first token after it has risen and sells it after it has fallen, against the last. */
export function trendAgent({ name, gas, lookback, threshold, size }: TrendOptions): Agent {
  const act = ({ prices }: View, context: AgentContext): readonly Order[] => {
    const seen = (context.memory['ratios'] ??= []) as number[];
    const last = prices.length - 1;
    seen.push(prices[0]! / prices[last]!);
    if (seen.length <= lookback) return NOTHING;
    const change = seen.at(-1)! / seen.shift()! - 1;
    if (Math.abs(change) < threshold) return NOTHING;
    const [tokenIn, tokenOut] = change > 0 ? [last, 0] : [0, last];
    return [{ do: 'swap', tokenIn, tokenOut, amountIn: size / prices[tokenIn]! }];
  };
  return { name, gas, act };
}

/** Orders around another's. */
export interface Surrounding {
  readonly before: readonly Order[];
  readonly after: readonly Order[];
}

/** An agent that acts on others' orders of the same step. */
export interface SurroundingAgent extends Agent {
  around(order: Order, view: View, context: AgentContext): Surrounding | null;
}

export interface SurroundOptions {
  readonly name: string;
  readonly gas: number;
  /** Swaps below this value are left alone, quote. */
  readonly minSize: number;
  /** Value that it puts in itself, quote. */
  readonly size: number;
}

/** Buys ahead of a large swap in its direction and sells after it. */
export function sandwichAgent({ name, gas, minSize, size }: SurroundOptions): SurroundingAgent {
  return {
    name,
    gas,
    act: () => NOTHING,
    around(order, view) {
      const { pool, prices } = view;
      if (order.do !== 'swap' || order.amountIn * prices[order.tokenIn]! < minSize) return null;
      const { tokenIn, tokenOut } = order;
      const amountIn = size / prices[tokenIn]!;
      const cost = 2 * (gas + view.gasOf('swap'));
      if (!isWorthIt(pool, order, { own: amountIn, prices, cost })) return null;
      const back = pool.quote(tokenIn, tokenOut, amountIn);
      return {
        before: [{ do: 'swap', tokenIn, tokenOut, amountIn }],
        after: [{ do: 'swap', tokenIn: tokenOut, tokenOut: tokenIn, amountIn: back }],
      };
    },
  };
}

/** Tries the whole sandwich on the pool and puts it back. */
function isWorthIt(
  pool: SimPool,
  { tokenIn, tokenOut, amountIn: theirs }: Extract<Order, { do: 'swap' }>,
  {
    own,
    prices,
    cost,
  }: { readonly own: number; readonly prices: Float64Array; readonly cost: number },
): boolean {
  const state = pool.save();
  const bought = pool.swapGivenIn(tokenIn, tokenOut, own);
  pool.swapGivenIn(tokenIn, tokenOut, theirs);
  const returned = pool.swapGivenIn(tokenOut, tokenIn, bought);
  pool.restore(state);
  return (returned - own) * prices[tokenIn]! > cost;
}

/** Joins ahead of a large swap for its fee and leaves after it. */
export function jitAgent({ name, gas, minSize, size }: SurroundOptions): SurroundingAgent {
  return {
    name,
    gas,
    act: () => NOTHING,
    around(order, { pool, prices }) {
      if (order.do !== 'swap' || order.amountIn * prices[order.tokenIn]! < minSize) return null;
      let value = 0;
      for (let i = 0; i < prices.length; i++) value += pool.balances[i]! * prices[i]!;
      const shares = (size / value) * pool.supply;
      return { before: [{ do: 'join', shares }], after: [{ do: 'exit', shares }] };
    },
  };
}
