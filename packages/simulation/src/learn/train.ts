/**
 * Learners in plain TypeScript: the best of constant actions, and the cross-entropy method on linear
 * policies that starts from it.
 *
 * Source: P.-T. de Boer, D. P. Kroese, S. Mannor, R. Y. Rubinstein, "A tutorial on the cross-entropy
 * method", Annals of Operations Research 134, 2005.
 *
 * @module
 */
import { summarise, type Summary } from '../metrics/statistics.ts';
import { Stream } from '../random/stream.ts';
import { type Env, episodeReturn, type Policy } from './env.ts';

/** A policy of one number in [0, 1]: a logistic function of the weighted observation. */
export interface LinearPolicy {
  /** One weight per entry of the observation, then the bias. */
  readonly weights: readonly number[];
}

export interface Checkpoint extends LinearPolicy {
  readonly format: 'simulation-policy/1';
  readonly env: string;
  readonly seed: string;
  /** Best mean return of each generation, on the seeds of training. */
  readonly curve: readonly number[];
  /** The best constant action on those seeds. */
  readonly constant: number;
}

export interface TrainOptions {
  readonly env: string;
  readonly seed: bigint;
  readonly generations: number;
  readonly population: number;
  /** Markets that every candidate of a generation meets. */
  readonly episodes: number;
  /** Milliseconds after which no further generation begins; none when left out. */
  readonly budgetMs?: number;
  readonly onGeneration?: (generation: number, best: number) => void;
}

const CONSTANTS = 16;
const ELITE_SHARE = 0.2;
const START_SD = 0.6;
/** Keeps the search from freezing early. */
const SD_FLOOR = 0.03;

/** The policy as a function. */
export function linearPolicy({ weights }: LinearPolicy): Policy<Float64Array> {
  return (observation) => {
    let sum = weights.at(-1)!;
    for (let i = 0; i < observation.length; i++) sum += weights[i]! * observation[i]!;
    return Float64Array.of(1 / (1 + Math.exp(-sum)));
  };
}

/** Always the same action. */
export function constantPolicy(level: number): Policy<Float64Array> {
  return () => Float64Array.of(level);
}

/** Levels of the constant policies that learners are measured against. */
export const CONSTANT_LEVELS: readonly number[] = Array.from(
  { length: CONSTANTS },
  (_each, i) => (i + 0.5) / CONSTANTS,
);

/** Mean return over seeds first, first + 1, ... */
export function meanReturn(
  env: Env<Float64Array>,
  policy: Policy<Float64Array>,
  seeds: { readonly first: bigint; readonly count: number },
): number {
  return returnsOf(env, policy, seeds).reduce((sum, value) => sum + value, 0) / seeds.count;
}

export function returnsOf(
  env: Env<Float64Array>,
  policy: Policy<Float64Array>,
  { first, count }: { readonly first: bigint; readonly count: number },
): number[] {
  return Array.from({ length: count }, (_each, i) => {
    const seed = first + BigInt(i);
    return episodeReturn(env, policy, { seed, stream: new Stream(seed, 'policy') });
  });
}

/**
 * Trains a linear policy with the cross-entropy method. All candidates of a generation meet the same
 * markets; the search starts at the best constant, so it never has less to show than that.
 */
export function trainLinear(env: Env<Float64Array>, options: TrainOptions): Checkpoint {
  const { seed, generations, population, episodes, budgetMs = Infinity, onGeneration } = options;
  const startedMs = performance.now();
  const stream = new Stream(seed, 'train');
  const seeds = { first: seed * 1_000_003n, count: episodes };
  const scored = CONSTANT_LEVELS.map((level) => ({
    level,
    score: meanReturn(env, constantPolicy(level), seeds),
  }));
  const best = scored.reduce((a, b) => (a.score >= b.score ? a : b));
  const size = env.fields.length + 1;
  let mean = Array.from({ length: size }, (_each, i) =>
    i === size - 1 ? Math.log(best.level / (1 - best.level)) : 0,
  );
  let sd = mean.map(() => START_SD);
  let champion = { weights: mean, score: best.score };
  const curve: number[] = [];
  const elites = Math.max(2, Math.round(population * ELITE_SHARE));
  for (let generation = 0; generation < generations; generation++) {
    if (performance.now() - startedMs > budgetMs) break;
    const candidates = Array.from({ length: population }, () => {
      const weights = mean.map((value, i) => value + sd[i]! * stream.normal());
      return { weights, score: meanReturn(env, linearPolicy({ weights }), seeds) };
    }).toSorted((a, b) => b.score - a.score);
    const elite = candidates.slice(0, elites);
    mean = mean.map(
      (_value, i) => elite.reduce((sum, { weights }) => sum + weights[i]!, 0) / elites,
    );
    sd = sd.map((_value, i) =>
      Math.max(
        SD_FLOOR,
        Math.sqrt(
          elite.reduce((sum, { weights }) => sum + (weights[i]! - mean[i]!) ** 2, 0) / elites,
        ),
      ),
    );
    if (candidates[0]!.score > champion.score) champion = candidates[0]!;
    curve.push(champion.score);
    onGeneration?.(generation, champion.score);
  }
  // The mean of the elites rests on more markets than its luckiest member.
  const settled = {
    weights: mean,
    score: meanReturn(env, linearPolicy({ weights: mean }), {
      first: seeds.first + BigInt(episodes),
      count: episodes,
    }),
  };
  const lucky = meanReturn(env, linearPolicy(champion), {
    first: seeds.first + BigInt(episodes),
    count: episodes,
  });
  const { weights } = settled.score >= lucky ? settled : champion;
  return {
    format: 'simulation-policy/1',
    env: options.env,
    seed: String(seed),
    weights,
    curve,
    constant: best.level,
  };
}

/** A policy beside its baselines, on markets that it has not seen. */
export interface Evaluation {
  readonly policy: Summary;
  readonly random: Summary;
  /** The constant that does best on these very markets. */
  readonly bestConstant: Summary & { readonly level: number };
}

/** Runs held-out seeds. */
export function evaluate(
  env: Env<Float64Array>,
  checkpoint: LinearPolicy,
  seeds: { readonly first: bigint; readonly count: number },
): Evaluation {
  const constants = CONSTANT_LEVELS.map((level) => ({
    ...summarise(returnsOf(env, constantPolicy(level), seeds)),
    level,
  }));
  return {
    policy: summarise(returnsOf(env, linearPolicy(checkpoint), seeds)),
    random: summarise(
      returnsOf(env, (_observation, stream) => env.actionSpace.sample(stream), seeds),
    ),
    bestConstant: constants.reduce((a, b) => (a.mean >= b.mean ? a : b)),
  };
}
