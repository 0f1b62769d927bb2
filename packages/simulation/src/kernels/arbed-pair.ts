/**
 * A weighted pool of two tokens, one under geometric Brownian motion against the other, and an
 * arbitrageur who restores the price after each step: the loop that sweeps run most, with everything
 * in local variables. `Simulation` gives the same numbers for the same scenario, bit for bit.
 *
 * @module
 */
import { float } from '@balancer/pools';
import { powOf } from '../agents/arbitrage.ts';
import type { Stream } from '../random/stream.ts';

/** A pool, its outside price and its arbitrageur. Amounts in whole tokens. */
export interface ArbedPair {
  /** Balance and weight of the token with a price, and of cash. */
  readonly balances: readonly [priced: number, cash: number];
  readonly weights: readonly [priced: number, cash: number];
  readonly swapFee: number;
  readonly startPrice: number;
  /** Per year. */
  readonly mu: number;
  readonly sigma: number;
  readonly stepsPerYear: number;
  readonly steps: number;
  /** Cash that a trade costs its sender, and the least profit after it for which he trades. */
  readonly gas?: number;
  readonly minProfit?: number;
}

/** What is left at the end; all values in cash. */
export interface ArbedPairResult {
  readonly price: number;
  readonly balances: readonly [priced: number, cash: number];
  readonly value: number;
  /** V_0 + sum of b_(t-1) (P_t - P_(t-1)). */
  readonly rebalancingValue: number;
  readonly lvr: number;
  /** Fees in the token paid, at the outside price of the trade. */
  readonly fees: number;
  /** Profit of the arbitrageur at outside prices, before gas. */
  readonly arbitrageProfit: number;
  readonly gasSpent: number;
  readonly volume: number;
  readonly trades: number;
}

/** Normals are drawn so many at a time: enough to pay for the call, few enough for the nearest cache. */
const BLOCK = 1024;
const normals: Float64Array = new Float64Array(BLOCK);

/** Runs all steps. Allocates only the result. */
export function runArbedPair(pair: ArbedPair, prices: Stream): ArbedPairResult {
  const { swapFee, mu, sigma, stepsPerYear, steps, gas = 0, minProfit = 0 } = pair;
  const [w0, w1] = pair.weights;
  let [b0, b1] = pair.balances;
  const dt = 1 / stepsPerYear;
  const drift = (mu - (sigma * sigma) / 2) * dt;
  const scale = sigma * Math.sqrt(dt);
  const kept = 1 - swapFee;
  const isEqual = w0 === w1;
  const exponent0 = w0 / (w0 + w1);
  const exponent1 = w1 / (w0 + w1);
  const threshold = minProfit + gas;

  let price = pair.startPrice;
  const startValue = b0 * price + b1;
  let gains = 0;
  let fees = 0;
  let profitSum = 0;
  let volume = 0;
  let gasSpent = 0;
  let trades = 0;
  for (let start = 0; start < steps; start += BLOCK) {
    const count = Math.min(BLOCK, steps - start);
    prices.fillNormals(normals, count);
    for (let i = 0; i < count; i++) {
      const next = price * Math.exp(drift + scale * normals[i]!);
      gains += b0 * (next - price);
      price = next;

      // Cash in, the priced token out: worth `price` of cash each.
      let k = (kept * price * b0 * w1) / (b1 * w0);
      if (k > 1) {
        const amountIn = (b1 * ((isEqual ? Math.sqrt(k) : powOf(k, exponent0)) - 1)) / kept;
        const growth = (amountIn * kept) / b1;
        const amountOut = isEqual
          ? (b0 * growth) / (1 + growth)
          : float.weighted.outGivenIn({
              balanceIn: b1,
              weightIn: w1,
              balanceOut: b0,
              weightOut: w0,
              amountIn: amountIn * kept,
            });
        const profit = amountOut * price - amountIn;
        if (profit > threshold) {
          b1 += amountIn;
          b0 -= amountOut;
          fees += amountIn * swapFee;
          profitSum += profit;
          volume += amountIn;
          gasSpent += gas;
          trades++;
        }
        continue;
      }
      // The priced token in, cash out: worth 1 / price of the token each.
      k = (kept * (1 / price) * b1 * w0) / (b0 * w1);
      if (k > 1) {
        const amountIn = (b0 * ((isEqual ? Math.sqrt(k) : powOf(k, exponent1)) - 1)) / kept;
        const growth = (amountIn * kept) / b0;
        const amountOut = isEqual
          ? (b1 * growth) / (1 + growth)
          : float.weighted.outGivenIn({
              balanceIn: b0,
              weightIn: w0,
              balanceOut: b1,
              weightOut: w1,
              amountIn: amountIn * kept,
            });
        const profit = amountOut - amountIn * price;
        if (profit > threshold) {
          b0 += amountIn;
          b1 -= amountOut;
          fees += amountIn * price * swapFee;
          profitSum += profit;
          volume += amountIn * price;
          gasSpent += gas;
          trades++;
        }
      }
    }
  }

  const value = b0 * price + b1;
  const rebalancingValue = startValue + gains;
  return {
    price,
    balances: [b0, b1],
    value,
    rebalancingValue,
    lvr: rebalancingValue - value,
    fees,
    arbitrageProfit: profitSum,
    gasSpent,
    volume,
    trades,
  };
}
