/**
 * Learners in plain TypeScript: the best of constant actions, and the cross-entropy method on linear or
 * one-hidden-layer policies that starts from it.
 *
 * Source: P.-T. de Boer, D. P. Kroese, S. Mannor, R. Y. Rubinstein, "A tutorial on the cross-entropy
 * method", Annals of Operations Research 134, 2005.
 *
 * @module
 */
import { summarise, type Summary } from '../metrics/statistics.ts';
import { Stream } from '../random/stream.ts';
import { type Env, episodeReturn, type Policy } from './env.ts';
import {
  constantWeights,
  type NetShape,
  netPolicy,
  type Normaliser,
  normaliserOf,
  outputsOf,
  weightCount,
} from './policy-net.ts';
import { qPolicy, type QTable } from './q-learning.ts';
import { Box, Discrete, MultiDiscrete, type Space } from './spaces.ts';

interface CheckpointBase {
  readonly format: 'simulation-policy/2';
  readonly env: string;
  readonly seed: string;
  /** Of the environment's settings; a policy is worth little in another one. */
  readonly configHash: string;
  /** Return of each generation's best, or of each episode, on the seeds of training. */
  readonly curve: readonly number[];
}

/** What training leaves: a network, or a table. */
export type Checkpoint = CheckpointBase &
  (
    | {
        readonly kind: 'network';
        readonly shape: NetShape;
        readonly weights: readonly number[];
        readonly normaliser: Normaliser;
        /** The best constant action on the seeds of training. */
        readonly constant: unknown;
      }
    | { readonly kind: 'q-table'; readonly table: QTable }
  );

/** Mean returns of networks over seeds first, first + 1, ...; every one of them meets the same. */
export type ScoreNets = (
  nets: readonly (readonly number[])[],
  seeds: SeedRange,
) => Promise<readonly number[]>;

export interface SeedRange {
  readonly first: bigint;
  readonly count: number;
}

export interface TrainOptions {
  readonly seed: bigint;
  readonly generations: number;
  readonly population: number;
  /** Markets that every candidate of a generation meets. */
  readonly episodes: number;
  /** Units of the hidden layer; 0, the default, is a linear policy. */
  readonly hidden?: number;
  /** Milliseconds after which no further generation begins; none when left out. */
  readonly budgetMs?: number;
  /** Who runs the episodes; the calling thread when left out. */
  readonly score?: ScoreNets;
  readonly onGeneration?: (generation: number, best: number) => void;
}

/** What training a network gives. */
export interface TrainedNet {
  readonly shape: NetShape;
  readonly weights: readonly number[];
  readonly normaliser: Normaliser;
  readonly constant: unknown;
  readonly curve: readonly number[];
}

const CONSTANTS = 16;
const COMBINATIONS_MAX = 64;
const ELITE_SHARE = 0.2;
const START_SD = 0.6;
/** Keeps the search from freezing early. */
const SD_FLOOR = 0.03;
/** Steps of a lattice per dimension: 16 points that fill a box evenly, each level once per dimension. */
const LATTICE = [1, 5, 7, 3, 9, 11, 13, 15] as const;

/** Always the same action. */
export function constantPolicy<A>(action: A): Policy<A> {
  return () => action;
}

/** The constant actions that learners are measured against: 16 points of a box, all choices of few. */
export function constantActions<A>(space: Space<A>): A[] {
  if (space instanceof Box) {
    return Array.from(
      { length: CONSTANTS },
      (_each, i) =>
        Float64Array.from(space.low, (low, d) => {
          const share = ((i * LATTICE[d % LATTICE.length]! + 0.5) / CONSTANTS) % 1;
          return low + share * (space.high[d]! - low);
        }) as A,
    );
  }
  if (space instanceof Discrete)
    return Array.from({ length: Math.min(COMBINATIONS_MAX, space.n) }, (_each, i) => i as A);
  if (space instanceof MultiDiscrete) {
    let all: number[][] = [[]];
    for (const size of space.sizes)
      all = all.flatMap((each) => Array.from({ length: size }, (_none, k) => [...each, k]));
    return all.slice(0, COMBINATIONS_MAX) as A[];
  }
  return [];
}

/** Mean return over seeds first, first + 1, ... */
export function meanReturn<A>(env: Env<A>, policy: Policy<A>, seeds: SeedRange): number {
  return returnsOf(env, policy, seeds).reduce((sum, value) => sum + value, 0) / seeds.count;
}

export function returnsOf<A>(
  env: Env<A>,
  policy: Policy<A>,
  { first, count }: SeedRange,
): number[] {
  return Array.from({ length: count }, (_each, i) => {
    const seed = first + BigInt(i);
    return episodeReturn(env, policy, { seed, stream: new Stream(seed, 'policy') });
  });
}

/**
 * Trains a network with the cross-entropy method. All candidates of a generation meet the same markets;
 * the search starts at the best constant, so it never has less to show than that.
 */
export async function trainNet<A>(env: Env<A>, options: TrainOptions): Promise<TrainedNet> {
  const { seed, generations, population, episodes, hidden = 0, budgetMs = Infinity } = options;
  const startedMs = performance.now();
  const stream = new Stream(seed, 'train');
  const seeds: SeedRange = { first: seed * 1_000_003n, count: episodes };
  const shape: NetShape = {
    inputs: env.fields.length,
    hidden,
    outputs: outputsOf(env.actionSpace),
  };
  const normaliser = normaliserOf(env.fields);
  const score = options.score ?? scoreHere(env, { shape, normaliser });

  const constants = constantActions(env.actionSpace);
  const nets = constants.map((action) => constantWeights(env.actionSpace, shape, action));
  const constantScores = await score(nets, seeds);
  const best = constantScores.indexOf(Math.max(...constantScores));
  let mean = nets[best]!;
  let sd = mean.map(() => START_SD);
  let champion = { weights: mean, score: constantScores[best]! };
  const curve: number[] = [];
  const elites = Math.max(2, Math.round(population * ELITE_SHARE));
  for (let generation = 0; generation < generations; generation++) {
    if (performance.now() - startedMs > budgetMs) break;
    const drawn = Array.from({ length: population }, () =>
      mean.map((value, i) => value + sd[i]! * stream.normal()),
    );
    const scores = await score(drawn, seeds);
    const elite = drawn
      .map((weights, i) => ({ weights, score: scores[i]! }))
      .toSorted((a, b) => b.score - a.score)
      .slice(0, elites);
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
    if (elite[0]!.score > champion.score) champion = elite[0]!;
    curve.push(champion.score);
    options.onGeneration?.(generation, champion.score);
  }
  // The mean of the elites rests on more markets than its luckiest member; markets that neither has
  // met decide, between them and the constant.
  const finalists = [mean, champion.weights, nets[best]!];
  const fresh = { first: seeds.first + BigInt(episodes), count: 2 * episodes };
  const finals = await score(finalists, fresh);
  const weights = finalists[finals.indexOf(Math.max(...finals))]!;
  return { shape, weights, normaliser, constant: plainAction(constants[best]), curve };
}

/** Scores in the calling thread. */
export function scoreHere<A>(
  env: Env<A>,
  { shape, normaliser }: { readonly shape: NetShape; readonly normaliser: Normaliser },
): ScoreNets {
  return async (nets, seeds) =>
    nets.map((weights) =>
      meanReturn(env, netPolicy(env.actionSpace, { shape, weights, normaliser }), seeds),
    );
}

/** The policy of a checkpoint. */
export function checkpointPolicy<A>(env: Env<A>, checkpoint: Checkpoint): Policy<A> {
  return checkpoint.kind === 'network'
    ? netPolicy(env.actionSpace, checkpoint)
    : qPolicy(env.actionSpace, env.fields, checkpoint.table);
}

/** Whether a checkpoint's sizes are those of an environment. */
export function fitsEnv<A>(env: Env<A>, checkpoint: Checkpoint): boolean {
  if (checkpoint.kind === 'q-table') return true;
  const { shape, weights } = checkpoint;
  return (
    shape.inputs === env.fields.length &&
    shape.outputs === outputsOf(env.actionSpace) &&
    weights.length === weightCount(shape)
  );
}

/** A policy beside its baselines, on markets that it has not seen. */
export interface Evaluation {
  readonly policy: Summary;
  readonly random: Summary;
  /** The constant that does best on these very markets. */
  readonly bestConstant: Summary & { readonly action: unknown };
}

/** Runs held-out seeds. */
export function evaluate<A>(env: Env<A>, policy: Policy<A>, seeds: SeedRange): Evaluation {
  const constants = constantActions(env.actionSpace).map((action) => ({
    ...summarise(returnsOf(env, constantPolicy(action), seeds)),
    action: plainAction(action),
  }));
  return {
    policy: summarise(returnsOf(env, policy, seeds)),
    random: summarise(
      returnsOf(env, (_observation, stream) => env.actionSpace.sample(stream), seeds),
    ),
    bestConstant: constants.reduce((a, b) => (a.mean >= b.mean ? a : b)),
  };
}

/** An action as JSON holds it. */
export function plainAction(action: unknown): unknown {
  return action instanceof Float64Array ? [...action] : action;
}
