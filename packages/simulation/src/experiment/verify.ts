/**
 * A float run checked by the exact engine: every order goes to both, and their balances are compared.
 *
 * @module
 */
import { ExactSimPool } from '../pools/exact-sim-pool.ts';
import { FloatPool } from '../pools/float-pool.ts';
import type { SimPool } from '../pools/sim-pool.ts';
import type { PoolFamily, PoolSpec } from '../pools/spec.ts';
import { exactPoolOf } from '../replay/replay.ts';
import type { Resources } from './resources.ts';
import { createSimulation, poolSpecOf } from './scenario.ts';
import type { Experiment } from './schema.ts';

export interface Verification {
  readonly steps: number;
  readonly orders: number;
  /** Greatest relative difference of a balance. */
  readonly greatest: number;
  /** Step of it. */
  readonly step: number;
}

/** Runs a share of the steps of the first run in both modes. @throws {SimulationError} */
export function verify(experiment: Experiment, resources: Resources, share: number): Verification {
  const steps = Math.max(1, Math.ceil(share * experiment.time.steps));
  const pool = new MirroredPool(poolSpecOf(experiment, resources), experiment.time.start);
  const simulation = createSimulation(
    { ...experiment, mode: 'float' },
    resources,
    { repetition: 0, run: 0 },
    { pool },
  );
  let greatest = 0;
  let at = 0;
  for (let step = 1; step <= steps; step++) {
    simulation.advance();
    const difference = pool.difference();
    if (difference > greatest) [greatest, at] = [difference, step];
  }
  return { steps, orders: pool.orders, greatest, step: at };
}

/** The float pool, with an exact one that gets the same calls. */
class MirroredPool implements SimPool {
  readonly mode = 'float';
  readonly #float: FloatPool;
  readonly #exact: ExactSimPool;
  orders = 0;

  constructor(spec: PoolSpec, startTime: number) {
    this.#float = new FloatPool(spec, startTime);
    this.#exact = new ExactSimPool(exactPoolOf(spec, startTime));
  }

  /** Greatest relative difference of the balances now. */
  difference(): number {
    return this.balances.reduce(
      (most, balance, i) => Math.max(most, Math.abs(balance / this.#exact.balances[i]! - 1)),
      0,
    );
  }

  get spec(): PoolSpec {
    return this.#float.spec;
  }
  get family(): PoolFamily {
    return this.#float.family;
  }
  get balances(): Float64Array {
    return this.#float.balances;
  }
  get held(): Float64Array {
    return this.#float.held;
  }
  get weights(): Float64Array {
    return this.#float.weights;
  }
  get swapFee(): number {
    return this.#float.swapFee;
  }
  get amp(): number {
    return this.#float.amp;
  }
  get supply(): number {
    return this.#float.supply;
  }
  get refusal(): string | null {
    return this.#float.refusal;
  }

  swapGivenIn(tokenIn: number, tokenOut: number, amountIn: number): number {
    this.orders++;
    this.#exact.swapGivenIn(tokenIn, tokenOut, amountIn);
    return this.#float.swapGivenIn(tokenIn, tokenOut, amountIn);
  }
  swapGivenOut(tokenIn: number, tokenOut: number, amountOut: number): number {
    this.orders++;
    this.#exact.swapGivenOut(tokenIn, tokenOut, amountOut);
    return this.#float.swapGivenOut(tokenIn, tokenOut, amountOut);
  }
  quote(tokenIn: number, tokenOut: number, amountIn: number): number {
    return this.#float.quote(tokenIn, tokenOut, amountIn);
  }
  spot(tokenIn: number, tokenOut: number): number {
    return this.#float.spot(tokenIn, tokenOut);
  }
  /** Pool tokens are compared as shares of the supply, which the two modes count from other starts. */
  joinAll(shares: number): Float64Array | null {
    this.orders++;
    this.#exact.joinAll((shares / this.supply) * this.#exact.supply);
    return this.#float.joinAll(shares);
  }
  exitAll(shares: number): Float64Array | null {
    this.orders++;
    this.#exact.exitAll((shares / this.supply) * this.#exact.supply);
    return this.#float.exitAll(shares);
  }
  joinSingle(token: number, amount: number): number {
    this.orders++;
    this.#exact.joinSingle(token, amount);
    return this.#float.joinSingle(token, amount);
  }
  exitSingle(token: number, shares: number): number {
    this.orders++;
    this.#exact.exitSingle(token, (shares / this.supply) * this.#exact.supply);
    return this.#float.exitSingle(token, shares);
  }
  /** Raw units mean nothing to the float pool, which refuses them. */
  vaultBatch(): null {
    return this.#float.vaultBatch();
  }
  setSwapFee(fee: number): boolean {
    this.#exact.setSwapFee(fee);
    return this.#float.setSwapFee(fee);
  }
  setWeights(weights: ArrayLike<number>, seconds: number): boolean {
    this.#exact.setWeights(weights, seconds);
    return this.#float.setWeights(weights, seconds);
  }
  setAmp(amp: number, seconds: number): boolean {
    this.#exact.setAmp(amp, seconds);
    return this.#float.setAmp(amp, seconds);
  }
  rebase(token: number, factor: number, take: 'resync' | 'safeResync' | 'gulp' | 'later'): boolean {
    this.#exact.rebase(token, factor, take);
    return this.#float.rebase(token, factor, take);
  }
  gulp(token: number): boolean {
    this.#exact.gulp(token);
    return this.#float.gulp(token);
  }
  advance(seconds: number, blocks: number): void {
    this.#exact.advance(seconds, blocks);
    this.#float.advance(seconds);
  }
  save(): unknown {
    return { float: this.#float.save(), exact: this.#exact.save() };
  }
  restore(state: unknown): void {
    const saved = state as { readonly float: unknown; readonly exact: unknown };
    this.#float.restore(saved.float);
    this.#exact.restore(saved.exact);
  }
}
