/**
 * An exact pool behind the loop's face. What agents decide in `number` is rounded to raw units once,
 * on the way in; everything after that is the engine's.
 *
 * @module
 */
import { Revert } from '@balancer/pools';
import { toRaw, toUnits } from '../records/decimal.ts';
import type { ExactPool } from './exact.ts';
import type { SimPool, VaultBatchResult, VaultSwap } from './sim-pool.ts';
import { ratesOf, stableSpot } from './rates.ts';
import { familyOf, isV1, type PoolFamily, type PoolSpec } from './spec.ts';

const ONE: bigint = 10n ** 18n;
const SHARE_DECIMALS = 18;

export class ExactSimPool implements SimPool {
  readonly mode = 'exact';
  readonly engine: ExactPool;
  readonly spec: PoolSpec;
  readonly family: PoolFamily;
  readonly balances: Float64Array;
  readonly held: Float64Array;
  readonly weights: Float64Array;
  readonly #decimals: readonly number[];
  readonly #rates: Float64Array;
  refusal: string | null = null;

  constructor(engine: ExactPool) {
    this.engine = engine;
    this.spec = engine.spec;
    this.family = familyOf(engine.spec.kind);
    this.#decimals = engine.spec.tokens.map(({ decimals }) => decimals);
    this.#rates = ratesOf(engine.spec);
    this.balances = new Float64Array(engine.tokenCount);
    this.held = new Float64Array(engine.tokenCount);
    this.weights = new Float64Array(engine.tokenCount).fill(1 / engine.tokenCount);
    this.#read();
    this.#readWeights();
  }

  get swapFee(): number {
    return Number(this.engine.swapFee()) / 1e18;
  }
  get amp(): number {
    return Number(this.engine.amp()) / 1000;
  }
  get supply(): number {
    return toUnits(this.engine.supply(), SHARE_DECIMALS);
  }

  swapGivenIn(tokenIn: number, tokenOut: number, amountIn: number): number {
    const amount = this.#raw(tokenIn, amountIn);
    return this.#try(() =>
      this.#units(tokenOut, this.engine.swap({ tokenIn, tokenOut, given: 'in', amount }).amountOut),
    );
  }

  swapGivenOut(tokenIn: number, tokenOut: number, amountOut: number): number {
    const amount = this.#raw(tokenOut, amountOut);
    return this.#try(() =>
      this.#units(tokenIn, this.engine.swap({ tokenIn, tokenOut, given: 'out', amount }).amountIn),
    );
  }

  quote(tokenIn: number, tokenOut: number, amountIn: number): number {
    const state = this.engine.save();
    const amountOut = this.swapGivenIn(tokenIn, tokenOut, amountIn);
    this.engine.restore(state);
    this.#read();
    return amountOut;
  }

  spot(indexIn: number, indexOut: number): number {
    const { balances, weights, amp } = this;
    if (this.family === 'stable')
      return stableSpot(amp, balances, this.#rates, { indexIn, indexOut });
    return balances[indexIn]! / weights[indexIn]! / (balances[indexOut]! / weights[indexOut]!);
  }

  joinAll(shares: number): Float64Array | null {
    return this.#tryAll(() => this.engine.joinAll(toRaw(shares, SHARE_DECIMALS)));
  }

  exitAll(shares: number): Float64Array | null {
    return this.#tryAll(() => this.engine.exitAll(toRaw(shares, SHARE_DECIMALS)));
  }

  joinSingle(token: number, units: number): number {
    const amount = this.#raw(token, units);
    return this.#try(() =>
      toUnits(this.engine.joinSingle({ token, given: 'amount', amount }).shares, SHARE_DECIMALS),
    );
  }

  exitSingle(token: number, shares: number): number {
    const raw = toRaw(shares, SHARE_DECIMALS);
    return this.#try(() =>
      this.#units(token, this.engine.exitSingle({ token, given: 'shares', shares: raw }).amount),
    );
  }

  setSwapFee(fee: number): boolean {
    return this.#attempt(() => this.engine.setSwapFee(BigInt(Math.round(fee * 1e18))));
  }

  setWeights(weights: ArrayLike<number>, seconds: number): boolean {
    return this.#attempt(() => this.engine.setWeights(this.#rawWeights(weights), seconds));
  }

  setAmp(amp: number, seconds: number): boolean {
    return this.#attempt(() => this.engine.setAmp(BigInt(Math.round(amp)), seconds));
  }

  rebase(token: number, factor: number, take: 'resync' | 'safeResync' | 'gulp' | 'later'): boolean {
    const before = this.engine.save();
    const isDone = this.#attempt(() => {
      this.engine.rebase(token, toRaw(factor, SHARE_DECIMALS));
      if (take === 'resync') this.engine.resync(token);
      else if (take === 'safeResync') this.engine.safeResync(token);
      else if (take === 'gulp') this.engine.gulp(token);
    });
    if (!isDone) {
      this.engine.restore(before);
      this.#read();
    }
    return isDone;
  }

  gulp(token: number): boolean {
    return this.#attempt(() => this.engine.gulp(token));
  }

  vaultBatch(steps: readonly VaultSwap[]): VaultBatchResult | null {
    let result: VaultBatchResult | null = null;
    this.#try(() => {
      const { amounts, shares, falls } = this.engine.vaultBatch(steps);
      const tokens = Float64Array.from(amounts, (amount, i) => this.#units(i, amount));
      result = { tokens, shares: toUnits(shares, SHARE_DECIMALS), falls };
      return 0;
    });
    return result;
  }

  advance(seconds: number, blocks: number): void {
    this.engine.advance(seconds, blocks);
    this.#readWeights();
  }

  save(): unknown {
    return this.engine.save();
  }

  restore(state: unknown): void {
    this.engine.restore(state);
    this.#read();
    this.#readWeights();
  }

  /** Weights as the kind's owner sets them: denormalised with the present sum, or 18 decimals of sum 1. */
  #rawWeights(weights: ArrayLike<number>): bigint[] {
    if (isV1(this.spec.kind)) {
      const total = this.engine.weights().reduce((sum, weight) => sum + weight, 0n);
      return Array.from(weights, (weight) => (total * BigInt(Math.round(weight * 1e18))) / ONE);
    }
    const raw = Array.from(weights, (weight) => BigInt(Math.round(weight * 1e18)));
    const rest = ONE - raw.reduce((sum, weight) => sum + weight, 0n);
    // The engine wants a sum of exactly 1; the rounding goes to the largest.
    const largest = raw.indexOf(raw.reduce((a, b) => (a > b ? a : b)));
    return raw.with(largest, raw[largest]! + rest);
  }

  #try(call: () => number): number {
    try {
      const result = call();
      this.refusal = null;
      this.#read();
      return result;
    } catch (error) {
      return this.#refused(error);
    }
  }

  #tryAll(call: () => readonly bigint[]): Float64Array | null {
    try {
      const amounts = call();
      this.refusal = null;
      this.#read();
      return Float64Array.from(amounts, (amount, i) => this.#units(i, amount));
    } catch (error) {
      this.#refused(error);
      return null;
    }
  }

  #attempt(call: () => void): boolean {
    const result = this.#try(() => {
      call();
      return 0;
    });
    this.#readWeights();
    return result === 0;
  }

  #refused(error: unknown): number {
    if (!(error instanceof Revert)) throw error;
    this.refusal = error.code;
    return NaN;
  }

  #read(): void {
    this.engine.balances().forEach((balance, i) => (this.balances[i] = this.#units(i, balance)));
    this.engine.held().forEach((held, i) => (this.held[i] = this.#units(i, held)));
  }

  #readWeights(): void {
    const weights = this.engine.weights();
    if (weights.length === 0) return;
    const total = Number(weights.reduce((sum, weight) => sum + weight, 0n));
    weights.forEach((weight, i) => (this.weights[i] = Number(weight) / total));
  }

  #raw(token: number, units: number): bigint {
    return units > 0 ? toRaw(units, this.#decimals[token]!) : 0n;
  }

  #units(token: number, raw: bigint): number {
    return toUnits(raw, this.#decimals[token]!);
  }
}
