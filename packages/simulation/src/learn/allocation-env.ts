/**
 * `lp-allocation`: wealth is spread over two pools and cash. The first pool trades a calm token at a
 * low fee, the second a wild one at a high fee; moving wealth costs a share of what moves.
 *
 * @module
 */
import type { Simulation } from '../loop/simulation.ts';
import {
  type Env,
  EnvGuard,
  type ObservationField,
  type ResetOptions,
  type StepResult,
} from './env.ts';
import { DEFAULT_POOL_ENV, marketAndPool, type PoolEnvOptions } from './pool-envs.ts';
import { Box } from './spaces.ts';

/** Cost of moving wealth, a share of what moves. */
const MOVING_COST = 0.001;
const POOLS = [
  { fee: 0.001, calm: 0.3, wild: 0.6 },
  { fee: 0.01, calm: 0.6, wild: 2.5 },
] as const;
/** Weight of the newest period in the estimates. */
const EWMA = 0.2;

/** What the learner sees; each entry is clipped to its range. */
export const ALLOCATION_FIELDS: readonly ObservationField[] = [
  ...POOLS.flatMap((_pool, i) => [
    {
      name: `return${i}`,
      unit: 'estimate of the log return of a period, times 1000',
      low: -10,
      high: 10,
    },
    { name: `spread${i}`, unit: 'estimate of its size, times 1000', low: 0, high: 20 },
    { name: `share${i}`, unit: 'share of the wealth', low: 0, high: 1 },
  ]),
  { name: 'time', unit: 'part of the episode', low: 0, high: 1 },
];

interface Estimate {
  mean: number;
  size: number;
}

/**
 * Action: weight of each pool, then of cash; only their proportions count, and all 0 is cash. Reward:
 * log of the growth of wealth, in thousandths.
 */
export function allocationEnv(options: PoolEnvOptions = DEFAULT_POOL_ENV): Env<Float64Array> {
  return new AllocationEnv(options);
}

class AllocationEnv implements Env<Float64Array> {
  readonly observationSpace: Box = new Box(
    ALLOCATION_FIELDS.map(({ low }) => low),
    ALLOCATION_FIELDS.map(({ high }) => high),
  );
  readonly actionSpace: Box = new Box([0, 0, 0], [1, 1, 1]);
  readonly fields = ALLOCATION_FIELDS;
  readonly #options: PoolEnvOptions;
  readonly #guard = new EnvGuard();
  #pools: Simulation[] = [];
  #estimates: Estimate[] = [];
  #shares: number[] = [];

  constructor(options: PoolEnvOptions) {
    this.#options = options;
  }

  reset({ seed }: ResetOptions): ReturnType<Env<Float64Array>['reset']> {
    this.#guard.started();
    this.#pools = POOLS.map(({ fee, calm, wild }, i) => {
      const pool = marketAndPool(
        seed,
        { kind: 'weighted-3', hasArbitrageur: true },
        { ...this.#options, calm, wild },
        `run/0/pool/${i}`,
      );
      pool.decide({ set: 'fee', fee });
      return pool;
    });
    this.#estimates = POOLS.map(() => ({ mean: 0, size: 0 }));
    this.#shares = POOLS.map(() => 0);
    return { observation: this.#observe(), info: {} };
  }

  step(action: Float64Array): StepResult {
    this.#guard.requireStep(this.actionSpace, action);
    const total = action.reduce((sum, weight) => sum + weight, 0);
    const wanted = POOLS.map((_pool, i) => (total === 0 ? 0 : action[i]! / total));
    const moved = wanted.reduce((sum, share, i) => sum + Math.abs(share - this.#shares[i]!), 0);
    const { every, steps } = this.#options;
    const growths = this.#pools.map((pool, i) => {
      const before = pool.metrics.result().sharePrice;
      const until = Math.min(steps, pool.step + every);
      while (pool.step < until) pool.advance();
      const growth = pool.metrics.result().sharePrice / before;
      const estimate = this.#estimates[i]!;
      const change = Math.log(growth) * 1000;
      estimate.mean += EWMA * (change - estimate.mean);
      estimate.size += EWMA * (Math.abs(change) - estimate.size);
      return growth;
    });
    const cash = 1 - wanted.reduce((sum, share) => sum + share, 0);
    const kept = 1 - MOVING_COST * moved;
    const grown = wanted.map((share, i) => share * growths[i]!);
    const growth = cash + grown.reduce((sum, value) => sum + value, 0);
    this.#shares = grown.map((value) => value / growth);
    const truncated = this.#pools[0]!.step >= steps;
    if (truncated) this.#guard.ended();
    return {
      observation: this.#observe(),
      reward: Math.log(kept * growth) * 1000,
      terminated: false,
      truncated,
      info: { step: this.#pools[0]!.step },
    };
  }

  close(): void {
    this.#guard.close();
    this.#pools = [];
  }

  #observe(): Float64Array {
    const raw = [
      ...this.#estimates.flatMap(({ mean, size }, i) => [mean, size, this.#shares[i]!]),
      this.#pools[0]!.step / this.#options.steps,
    ];
    return Float64Array.from(raw, (value, i) => {
      const { low, high } = ALLOCATION_FIELDS[i]!;
      return Math.min(high, Math.max(low, value));
    });
  }
}
