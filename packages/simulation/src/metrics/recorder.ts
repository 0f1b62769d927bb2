/**
 * Metrics of one run, gathered step by step. Definitions: P outside prices, b balances, V = sum b P.
 *
 * Flows of liquidity providers and rebases are no gain of trading: what they bring counts in the
 * value of holding and of rebalancing at the moment they come.
 *
 * @module
 */
import { valueOf } from '../agents/providers.ts';
import type { SimPool } from '../pools/sim-pool.ts';
import { depth, invariantPerShare } from './pool-measures.ts';

/** Names of the metrics of a run, in the order of result files. */
export const METRICS = [
  'startValue',
  'value',
  'holdValue',
  'impermanentLoss',
  'rebalancingValue',
  'lvr',
  'grossLvr',
  'fees',
  'protocolFees',
  'volume',
  'feeYield',
  'trades',
  'arbitrageProfit',
  'gasSpent',
  'sharePrice',
  'lpReturn',
  'trackingMean',
  'trackingRms',
  'outsideBand',
  'invariantPerShareChange',
  'invariantFalls',
  'maxDrawdown',
  'sharpe',
  'ulcer',
  'depth05',
  'depth1',
  'depth2',
  'markout1',
  'markout10',
  'markout100',
  'slippage',
  'priceImpact',
  'refusedOrders',
  'refusedDecisions',
] as const;
export type MetricName = (typeof METRICS)[number];
export type RunMetrics = Readonly<Record<MetricName, number>>;

/** Metrics that there are of every token, in whole tokens paid in. */
export const TOKEN_METRICS = ['fees', 'protocolFees', 'volume'] as const;
export type TokenMetrics = Readonly<Record<(typeof TOKEN_METRICS)[number], Float64Array>>;

/** A fall of the invariant per pool token beyond rounding. */
export interface InvariantFall {
  readonly step: number;
  readonly cause: string;
  /** Part of it that is gone. */
  readonly fraction: number;
}

const MARKOUTS = [1, 10, 100] as const;
/** Falls below this are rounding of float64 over a swap. */
const FALL_MIN: Readonly<Record<SimPool['mode'], number>> = { float: 1e-12, exact: 1e-12 };
const FALLS_KEPT = 100;

export class MetricsRecorder {
  readonly falls: InvariantFall[] = [];
  readonly #pool: SimPool;
  readonly #stepsPerYear: number;
  readonly #protocolShare: number;
  readonly #count: number;
  /** Balances and prices after the last step. */
  readonly #balances: Float64Array;
  readonly #prices: Float64Array;
  /** What a holder of the first balances would have, flows included. */
  readonly #held: Float64Array;
  readonly #startInvariant: number;
  readonly #startSharePrice: number;
  readonly #startValue: number;
  /** Net tokens that traders took, per step, for the markouts. */
  readonly #flows: Float64Array;
  readonly #flow: Float64Array;
  /** By token, whole tokens. */
  readonly #byToken: TokenMetrics;
  readonly #sums = {
    gains: 0,
    fees: 0,
    protocolFees: 0,
    volume: 0,
    trades: 0,
    arbitrage: 0,
    gas: 0,
    meanValue: 0,
    tracking: 0,
    trackingSquares: 0,
    outside: 0,
    peak: 0,
    drawdown: 0,
    drawdownSquares: 0,
    returns: 0,
    returnSquares: 0,
    falls: 0,
    slippage: 0,
    impact: 0,
    refusedOrders: 0,
    refusedDecisions: 0,
    markouts: [0, 0, 0],
    steps: 0,
    lastSharePrice: 0,
  };

  constructor(pool: SimPool, prices: Float64Array, stepsPerYear: number) {
    this.#pool = pool;
    this.#stepsPerYear = stepsPerYear;
    this.#protocolShare = Number(pool.spec.protocolFee) / 1e18;
    this.#count = prices.length;
    this.#balances = pool.balances.slice();
    this.#prices = prices.slice();
    this.#held = pool.balances.slice();
    this.#startInvariant = invariantPerShare(pool);
    this.#startValue = valueOf(pool.balances, prices);
    this.#startSharePrice = this.#startValue / pool.supply;
    this.#flows = new Float64Array((MARKOUTS.at(-1)! + 1) * this.#count);
    this.#flow = new Float64Array(this.#count);
    const perToken = (): Float64Array => new Float64Array(this.#count);
    this.#byToken = { fees: perToken(), protocolFees: perToken(), volume: perToken() };
    this.#sums.peak = this.#startSharePrice;
    this.#sums.lastSharePrice = this.#startSharePrice;
  }

  /** After new prices, before anything else in the step. */
  prices(prices: Float64Array): void {
    const { balances } = this.#pool;
    let gain = 0;
    for (let i = 0; i < this.#count; i++) {
      gain += balances[i]! * (prices[i]! - this.#prices[i]!);
      this.#prices[i] = prices[i]!;
      this.#flow[i] = 0;
    }
    this.#sums.gains += gain;
  }

  /** A swap that was made. `spotBefore` is without fee. */
  swap(trade: {
    readonly tokenIn: number;
    readonly tokenOut: number;
    readonly amountIn: number;
    readonly amountOut: number;
    readonly spotBefore: number;
    readonly isArbitrage: boolean;
  }): void {
    const { tokenIn, tokenOut, amountIn, amountOut, spotBefore, isArbitrage } = trade;
    const sums = this.#sums;
    const value = amountIn * this.#prices[tokenIn]!;
    const fee = value * this.#pool.swapFee;
    sums.fees += fee;
    sums.protocolFees += fee * this.#protocolShare;
    sums.volume += value;
    const { fees, protocolFees, volume } = this.#byToken;
    const feeAmount = amountIn * this.#pool.swapFee;
    fees[tokenIn] = fees[tokenIn]! + feeAmount;
    protocolFees[tokenIn] = protocolFees[tokenIn]! + feeAmount * this.#protocolShare;
    volume[tokenIn] = volume[tokenIn]! + amountIn;
    sums.trades++;
    if (isArbitrage) sums.arbitrage += amountOut * this.#prices[tokenOut]! - value;
    this.#flow[tokenIn] = this.#flow[tokenIn]! - amountIn;
    this.#flow[tokenOut] = this.#flow[tokenOut]! + amountOut;
    if (amountOut > 0) sums.slippage += amountIn / amountOut / spotBefore - 1;
    sums.impact += this.#pool.spot(tokenIn, tokenOut) / spotBefore - 1;
  }

  /** Tokens that providers brought (+) or took (-), or that a rebase made. */
  deposit(token: number, amount: number): void {
    this.#held[token] = this.#held[token]! + amount;
    this.#sums.gains += amount * this.#prices[token]!;
  }

  /** A rebase reaches everybody's tokens: those of the pool now, those of the holder as well. */
  rebased(token: number, factor: number, change: number): void {
    this.#held[token] = this.#held[token]! * factor;
    this.#sums.gains += change * this.#prices[token]!;
  }

  gas(cost: number): void {
    this.#sums.gas += cost;
  }

  refusedOrder(): void {
    this.#sums.refusedOrders++;
  }

  refusedDecision(): void {
    this.#sums.refusedDecisions++;
  }

  /** Compares the invariant per share around a change that may not lower it. */
  guard(step: number, cause: string, before: number): void {
    const after = invariantPerShare(this.#pool);
    const fraction = 1 - after / before;
    if (fraction > FALL_MIN[this.#pool.mode]) this.fall({ step, cause, fraction });
  }

  /** Notes a fall of the invariant per share. */
  fall(fall: InvariantFall): void {
    this.#sums.falls++;
    if (this.falls.length < FALLS_KEPT) this.falls.push(fall);
  }

  /** After everything else in the step. */
  end(step: number): void {
    const sums = this.#sums;
    const pool = this.#pool;
    const count = this.#count;
    const ring = this.#flows.length / count;
    this.#flows.set(this.#flow, (step % ring) * count);
    for (let k = 0; k < MARKOUTS.length; k++) {
      const from = step - MARKOUTS[k]!;
      if (from < 1) continue;
      const row = (from % ring) * count;
      for (let i = 0; i < count; i++)
        sums.markouts[k] = sums.markouts[k]! + this.#flows[row + i]! * this.#prices[i]!;
    }
    const value = valueOf(pool.balances, this.#prices);
    const sharePrice = value / pool.supply;
    sums.meanValue += value;
    sums.steps++;
    sums.peak = Math.max(sums.peak, sharePrice);
    const drawdown = 1 - sharePrice / sums.peak;
    sums.drawdown = Math.max(sums.drawdown, drawdown);
    sums.drawdownSquares += drawdown * drawdown;
    const r = Math.log(sharePrice / sums.lastSharePrice);
    sums.lastSharePrice = sharePrice;
    sums.returns += r;
    sums.returnSquares += r * r;
    const off = this.tracking();
    sums.tracking += off;
    sums.trackingSquares += off * off;
    // A distance of exactly the fee is where an arbitrageur stops; rounding must not count it.
    if (Math.abs(off) > -Math.log1p(-pool.swapFee) + 1e-9) sums.outside++;
  }

  /** log of the pool's price of the first token in the last over the outside one. */
  tracking(): number {
    const last = this.#count - 1;
    return Math.log((this.#pool.spot(last, 0) * this.#prices[last]!) / this.#prices[0]!);
  }

  holdValue(): number {
    return valueOf(this.#held, this.#prices);
  }

  /** V_0 + sum of b (P_t - P_(t-1)), and what providers brought. */
  rebalancingValue(): number {
    return this.#startValue + this.#sums.gains;
  }

  /** By token, as of now. Read only. */
  get byToken(): TokenMetrics {
    return this.#byToken;
  }

  /** The metrics as of now. */
  result(): RunMetrics {
    const sums = this.#sums;
    const pool = this.#pool;
    const value = valueOf(pool.balances, this.#prices);
    const hold = this.holdValue();
    const steps = Math.max(1, sums.steps);
    const years = steps / this.#stepsPerYear;
    const variance = Math.max(0, sums.returnSquares / steps - (sums.returns / steps) ** 2);
    const rebalancingValue = this.rebalancingValue();
    const lvr = rebalancingValue - value;
    return {
      startValue: this.#startValue,
      value,
      holdValue: hold,
      impermanentLoss: value / hold - 1,
      rebalancingValue,
      lvr,
      grossLvr: lvr + sums.fees,
      fees: sums.fees,
      protocolFees: sums.protocolFees,
      volume: sums.volume,
      feeYield: sums.fees / (sums.meanValue / steps) / years,
      trades: sums.trades,
      arbitrageProfit: sums.arbitrage,
      gasSpent: sums.gas,
      sharePrice: value / pool.supply,
      lpReturn: value / pool.supply / this.#startSharePrice - 1,
      trackingMean: sums.tracking / steps,
      trackingRms: Math.sqrt(sums.trackingSquares / steps),
      outsideBand: sums.outside / steps,
      invariantPerShareChange: invariantPerShare(pool) / this.#startInvariant - 1,
      invariantFalls: sums.falls,
      maxDrawdown: sums.drawdown,
      sharpe:
        variance === 0
          ? 0
          : (sums.returns / steps / Math.sqrt(variance)) * Math.sqrt(this.#stepsPerYear),
      ulcer: Math.sqrt(sums.drawdownSquares / steps),
      depth05: depth(pool, this.#prices, 0.005),
      depth1: depth(pool, this.#prices, 0.01),
      depth2: depth(pool, this.#prices, 0.02),
      markout1: sums.markouts[0]!,
      markout10: sums.markouts[1]!,
      markout100: sums.markouts[2]!,
      slippage: sums.trades === 0 ? 0 : sums.slippage / sums.trades,
      priceImpact: sums.trades === 0 ? 0 : sums.impact / sums.trades,
      refusedOrders: sums.refusedOrders,
      refusedDecisions: sums.refusedDecisions,
    };
  }

  save(): unknown {
    return structuredClone({
      sums: this.#sums,
      balances: this.#balances,
      prices: this.#prices,
      held: this.#held,
      flows: this.#flows,
      flow: this.#flow,
      byToken: this.#byToken,
      falls: this.falls,
    });
  }

  restore(saved: unknown): void {
    const state = structuredClone(saved) as {
      sums: Record<string, unknown>;
      balances: Float64Array;
      prices: Float64Array;
      held: Float64Array;
      flows: Float64Array;
      flow: Float64Array;
      byToken: TokenMetrics;
      falls: InvariantFall[];
    };
    Object.assign(this.#sums, state.sums);
    this.#balances.set(state.balances);
    this.#prices.set(state.prices);
    this.#held.set(state.held);
    this.#flows.set(state.flows);
    this.#flow.set(state.flow);
    for (const name of TOKEN_METRICS) this.#byToken[name].set(state.byToken[name]);
    this.falls.splice(0, this.falls.length, ...state.falls);
  }
}
