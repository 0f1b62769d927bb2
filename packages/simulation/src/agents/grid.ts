/**
 * The arbitrageur of a published agent study of V1 pools: it picks the pair that is furthest off,
 * tries trades of 1000, 2000, ... of quote value, and makes the best one if it pays twice its cost.
 *
 * Source: TokenEngineeringCommunity, BalancerPools_Model, branch arb_agent_weightchange (its rules,
 * restated in section 6.1 of the simulation contract).
 *
 * @module
 */
import { float } from '@balancer/pools';

export interface GridRules {
  /** Cost of a transaction, quote. */
  readonly txCost: number;
  /** Sizes tried: min, min + granularity, ... below max, quote. */
  readonly minLiquidity: number;
  readonly maxLiquidity: number;
  readonly granularity: number;
  /** `delta` moves the weights with each trade. */
  readonly weightChange: 'none' | 'delta';
}

/** Balances and denormalised weights; written in place. */
export interface GridPool {
  readonly balances: Float64Array;
  readonly denorms: Float64Array;
  readonly swapFee: number;
  /** Fees paid so far, in the token paid; written in place. */
  readonly generatedFees: Float64Array;
}

export interface GridTrade {
  readonly tokenIn: number;
  readonly tokenOut: number;
  readonly amountIn: number;
  readonly amountOut: number;
  /** After the cost of the transaction, quote. */
  readonly profit: number;
}

const DENORM_MIN = 1;
const DENORM_MAX = 50;
const DENORM_SUM_MAX = 50;

/** The trade that the agent makes at these outside prices, or null. Changes nothing. */
export function findGridTrade(
  pool: GridPool,
  prices: ArrayLike<number>,
  rules: GridRules,
): GridTrade | null {
  const pair = furthestPair(pool, prices);
  return pair < 0 ? null : bestSize(pool, prices, { pair, rules });
}

/** Makes a trade, and the change of weights that belongs to it. */
export function applyGridTrade(
  pool: GridPool,
  trade: GridTrade,
  weightChange: GridRules['weightChange'],
): void {
  const { balances, denorms, swapFee, generatedFees } = pool;
  const { tokenIn: x, tokenOut: y, amountIn, amountOut } = trade;
  const before = balances[y]!;
  balances[x] = balances[x]! + amountIn;
  balances[y] = before - amountOut;
  generatedFees[x] = generatedFees[x]! + amountIn * swapFee;
  if (weightChange === 'none') return;

  const oldX = denorms[x]!;
  const oldY = denorms[y]!;
  const newY = oldY * (1 - (balances[y] - before) / before);
  const newX = oldX + (oldY - newY);
  let sum = newX + newY - oldX - oldY;
  for (const denorm of denorms) sum += denorm;
  const isAllowed = (denorm: number): boolean => denorm >= DENORM_MIN && denorm <= DENORM_MAX;
  // Rounding of the sum must not count as too much.
  if (!isAllowed(newX) || !isAllowed(newY) || sum > DENORM_SUM_MAX * (1 + 1e-12)) return;
  denorms[x] = newX;
  denorms[y] = newY;
}

/** `x * count + y` of the pair with the least price[x] / v among those that pay; -1 for none. */
function furthestPair({ balances, denorms, swapFee }: GridPool, prices: ArrayLike<number>): number {
  const count = balances.length;
  const kept = 1 - swapFee;
  let best = -1;
  let bestRatio = Infinity;
  for (let x = 0; x < count; x++) {
    const side = balances[x]! / denorms[x]!;
    for (let y = 0; y < count; y++) {
      if (x === y) continue;
      const spot = side / (balances[y]! / denorms[y]!) / kept;
      const v = prices[y]! / spot;
      const ratio = prices[x]! / v;
      if (prices[x]! < v && ratio < bestRatio) {
        bestRatio = ratio;
        best = x * count + y;
      }
    }
  }
  return best;
}

/**
 * The best size of the grid, the first of equals. Profit is concave in the size, so the best of the
 * grid is next to the best of all sizes, which has a closed form: four prices instead of a hundred.
 */
function bestSize(
  pool: GridPool,
  prices: ArrayLike<number>,
  { pair, rules }: { readonly pair: number; readonly rules: GridRules },
): GridTrade | null {
  const { balances, denorms, swapFee } = pool;
  const x = Math.floor(pair / balances.length);
  const y = pair % balances.length;
  const [bx, by, wx, wy] = [balances[x]!, balances[y]!, denorms[x]!, denorms[y]!];
  const [px, py] = [prices[x]!, prices[y]!];
  const { txCost, minLiquidity, maxLiquidity, granularity } = rules;
  const kept = 1 - swapFee;
  const k = (kept * py * by * wx) / (px * bx * wy);
  const ideal = ((bx * (k ** (wy / (wx + wy)) - 1)) / kept) * px;
  const lastIndex = Math.ceil((maxLiquidity - minLiquidity) / granularity) - 1;
  // Amounts of half the balance and more are dropped, so the search must not start beyond them.
  const allowed = Math.min(ideal, (bx / 2) * px);
  const around = Math.floor((allowed - minLiquidity) / granularity);
  const from = Math.max(0, Math.min(around - 1, lastIndex));
  const to = Math.min(lastIndex, Math.max(around + 2, 0));
  let best: GridTrade | null = null;
  for (let index = from; index <= to; index++) {
    const amountIn = (minLiquidity + index * granularity) / px;
    if (amountIn >= bx / 2) break;
    const amountOut = float.v1.outGivenIn({
      balanceIn: bx,
      weightIn: wx,
      balanceOut: by,
      weightOut: wy,
      amountIn,
      swapFee,
    });
    const profit = (py - (amountIn / amountOut) * px) * amountOut - txCost;
    if (profit >= 2 * txCost && profit > (best?.profit ?? -Infinity)) {
      best = { tokenIn: x, tokenOut: y, amountIn, amountOut, profit };
    }
  }
  return best;
}

/** What a run of the agent alone gives. */
export interface GridRun {
  readonly trades: readonly (GridTrade & { readonly step: number })[];
  readonly cumulativeProfit: number;
  /** Profit before the costs of transactions. */
  readonly cumulativeRevenue: number;
}

/**
 * Runs the agent over rows of outside prices, from row 1 on.
 *
 * @param rows - Prices row after row, one per token.
 */
export function runGrid(
  pool: GridPool,
  rows: Float64Array,
  options: { readonly rules: GridRules; readonly steps: number },
): GridRun {
  const { rules, steps } = options;
  const count = pool.balances.length;
  const trades: (GridTrade & { step: number })[] = [];
  let cumulativeProfit = 0;
  let cumulativeRevenue = 0;
  const prices = new Float64Array(count);
  for (let step = 1; step <= steps; step++) {
    for (let i = 0; i < count; i++) prices[i] = rows[step * count + i]!;
    const trade = findGridTrade(pool, prices, rules);
    if (trade === null) continue;
    applyGridTrade(pool, trade, rules.weightChange);
    cumulativeProfit += trade.profit;
    cumulativeRevenue += trade.profit + rules.txCost;
    trades.push({ step, ...trade });
  }
  return { trades, cumulativeProfit, cumulativeRevenue };
}
