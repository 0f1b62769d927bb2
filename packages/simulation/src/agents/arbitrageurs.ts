/**
 * Arbitrageurs: by closed form, by search on any pool, and by the reference study's grid.
 *
 * @module
 */
import type { Agent, AgentContext, Order, View } from '../loop/types.ts';
import { closedFormAmountIn } from './arbitrage.ts';
import { findGridTrade, type GridRules } from './grid.ts';

export interface ArbitrageurOptions {
  readonly name: string;
  /** Cost of a trade beside its gas, and the least profit after it, quote. */
  readonly gas: number;
  readonly minProfit: number;
}

/** Trades smaller than this part of a balance are rounding. */
const DUST = 1e-12;
const NOTHING: readonly Order[] = [];

interface Candidate {
  readonly tokenIn: number;
  readonly tokenOut: number;
  readonly amountIn: number;
  readonly profit: number;
}

function ordersOf(best: Candidate | null): readonly Order[] {
  if (best === null) return NOTHING;
  const { tokenIn, tokenOut, amountIn } = best;
  return [{ do: 'swap', tokenIn, tokenOut, amountIn }];
}

/** All pairs by closed form; the best one is traded, then the best of what is left. */
export function closedFormAgent({ name, gas, minProfit }: ArbitrageurOptions): Agent {
  const act = (view: View): readonly Order[] => {
    const { pool, prices } = view;
    const threshold = minProfit + gas + view.gasOf('swap');
    const count = prices.length;
    let best: Candidate | null = null;
    for (let tokenIn = 0; tokenIn < count; tokenIn++) {
      for (let tokenOut = 0; tokenOut < count; tokenOut++) {
        if (tokenIn === tokenOut) continue;
        const pair = {
          balanceIn: pool.balances[tokenIn]!,
          weightIn: pool.weights[tokenIn]!,
          balanceOut: pool.balances[tokenOut]!,
          weightOut: pool.weights[tokenOut]!,
          swapFee: pool.swapFee,
          price: prices[tokenOut]! / prices[tokenIn]!,
        };
        const amountIn = closedFormAmountIn(pair);
        if (!(amountIn > pair.balanceIn * DUST)) continue;
        const amountOut = pool.quote(tokenIn, tokenOut, amountIn);
        const profit = amountOut * prices[tokenOut]! - amountIn * prices[tokenIn]!;
        if (profit > threshold && profit > (best?.profit ?? 0))
          best = { tokenIn, tokenOut, amountIn, profit };
      }
    }
    return ordersOf(best);
  };
  return { name, gas, act };
}

export interface SolverOptions extends ArbitrageurOptions {
  /** Most quote value in per step; unlimited when left out. */
  readonly volumeMax?: number | undefined;
}

const GOLDEN = (Math.sqrt(5) - 1) / 2;
/** Sections until the interval is a hundredth of a percent of a balance; Newton does the rest. */
const SECTIONS = 20;
const NEWTON_ROUNDS = 4;
/** Step of the numerical derivatives, as a part of the amount. */
const DIFFERENCE = 1e-4;

/** Any pool: a golden section brackets the best amount, Newton's method on the marginal profit ends it. */
export function solverAgent({ name, gas, minProfit, volumeMax = Infinity }: SolverOptions): Agent {
  const act = (view: View): readonly Order[] => {
    const { pool, prices } = view;
    const threshold = minProfit + gas + view.gasOf('swap');
    let best: Candidate | null = null;
    for (let tokenIn = 0; tokenIn < prices.length; tokenIn++) {
      for (let tokenOut = 0; tokenOut < prices.length; tokenOut++) {
        if (tokenIn === tokenOut) continue;
        const [priceIn, priceOut] = [prices[tokenIn]!, prices[tokenOut]!];
        if (pool.spot(tokenIn, tokenOut) / (1 - pool.swapFee) >= priceOut / priceIn) continue;
        const profitOf = (amount: number): number => {
          const amountOut = pool.quote(tokenIn, tokenOut, amount);
          return Number.isNaN(amountOut) ? -Infinity : amountOut * priceOut - amount * priceIn;
        };
        const most = Math.min(pool.balances[tokenIn]! * 0.3, volumeMax / priceIn);
        const amountIn = bestAmount(profitOf, most);
        const profit = profitOf(amountIn);
        if (profit > threshold && profit > (best?.profit ?? 0))
          best = { tokenIn, tokenOut, amountIn, profit };
      }
    }
    return ordersOf(best);
  };
  return { name, gas, act };
}

/** The amount from 0 to `most` with the greatest profit, of a concave profit. */
export function bestAmount(profitOf: (amount: number) => number, most: number): number {
  let [low, high] = [0, most];
  let left = high - GOLDEN * (high - low);
  let right = low + GOLDEN * (high - low);
  let [profitLeft, profitRight] = [profitOf(left), profitOf(right)];
  for (let i = 0; i < SECTIONS; i++) {
    if (profitLeft < profitRight) {
      low = left;
      [left, profitLeft] = [right, profitRight];
      right = low + GOLDEN * (high - low);
      profitRight = profitOf(right);
    } else {
      high = right;
      [right, profitRight] = [left, profitLeft];
      left = high - GOLDEN * (high - low);
      profitLeft = profitOf(left);
    }
  }
  let amount = (low + high) / 2;
  for (let i = 0; i < NEWTON_ROUNDS; i++) {
    const h = amount * DIFFERENCE;
    const [before, here, after] = [profitOf(amount - h), profitOf(amount), profitOf(amount + h)];
    const curvature = (after - 2 * here + before) / (h * h);
    const next = amount - (after - before) / (2 * h) / curvature;
    if (!(curvature < 0) || !(next > 0 && next <= most) || !(profitOf(next) >= here)) break;
    amount = next;
  }
  return amount;
}

/** The reference study's agent as one of many; a change of weights is the controller `weights.delta`. */
export function gridAgent({
  name,
  rules,
}: {
  readonly name: string;
  readonly rules: GridRules;
}): Agent {
  const act = ({ pool, prices }: View, _context: AgentContext): readonly Order[] => {
    const { balances, weights, swapFee } = pool;
    const trade = findGridTrade(
      { balances, denorms: weights, swapFee, generatedFees: EMPTY },
      prices,
      rules,
    );
    if (trade === null) return NOTHING;
    const { tokenIn, tokenOut, amountIn } = trade;
    return [{ do: 'swap', tokenIn, tokenOut, amountIn }];
  };
  return { name, gas: rules.txCost, act };
}

const EMPTY = new Float64Array(0);
