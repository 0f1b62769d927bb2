/**
 * Tabular Q-learning for discrete actions: observations fall into bins, each with a value per action.
 *
 * Source: C. J. C. H. Watkins, P. Dayan, "Q-learning", Machine Learning 8, 1992.
 *
 * @module
 */
import { SimulationError } from '../errors.ts';
import { Stream } from '../random/stream.ts';
import type { Env, ObservationField, Policy } from './env.ts';
import { Discrete, MultiDiscrete, type Space } from './spaces.ts';

export interface QOptions {
  readonly seed: bigint;
  readonly episodes: number;
  /** Milliseconds after which no further episode begins. */
  readonly budgetMs?: number;
  /** Bins of each entry of the observation. */
  readonly bins?: number;
  readonly onEpisode?: (episode: number, total: number) => void;
}

/** Values by state and action; states that were never seen are missing. */
export interface QTable {
  readonly bins: number;
  readonly actions: number;
  readonly values: Readonly<Record<string, readonly number[]>>;
  /** Return of each episode of training. */
  readonly curve: readonly number[];
}

const BINS = 4;
const DISCOUNT = 0.98;
const LEARNING_RATE = 0.2;
const EXPLORATION = { first: 1, last: 0.05 } as const;

/** @throws {SimulationError} For actions that are not discrete. */
export function trainQTable<A>(env: Env<A>, options: QOptions): QTable {
  const { seed, episodes, budgetMs = Infinity, bins = BINS, onEpisode } = options;
  const startedMs = performance.now();
  const actions = actionCount(env.actionSpace);
  const stream = new Stream(seed, 'q-learning');
  const values = new Map<string, Float64Array>();
  const valuesOf = (state: string): Float64Array => {
    let row = values.get(state);
    if (row === undefined) values.set(state, (row = new Float64Array(actions)));
    return row;
  };
  const curve: number[] = [];
  for (let episode = 0; episode < episodes; episode++) {
    if (performance.now() - startedMs > budgetMs) break;
    const share = episodes === 1 ? 1 : episode / (episodes - 1);
    const exploration = EXPLORATION.first + share * (EXPLORATION.last - EXPLORATION.first);
    let { observation } = env.reset({ seed: seed * 1_000_003n + BigInt(episode) });
    let state = stateOf(observation, env.fields, bins);
    let total = 0;
    for (;;) {
      const row = valuesOf(state);
      const action = stream.uniform() < exploration ? stream.below(actions) : greatest(row);
      const result = env.step(actionAt(env.actionSpace, action));
      total += result.reward;
      ({ observation } = result);
      const next = stateOf(observation, env.fields, bins);
      const ahead = result.terminated ? 0 : Math.max(...valuesOf(next));
      row[action] =
        row[action]! + LEARNING_RATE * (result.reward + DISCOUNT * ahead - row[action]!);
      state = next;
      if (result.terminated || result.truncated) break;
    }
    curve.push(total);
    onEpisode?.(episode, total);
  }
  const kept = [...values].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    bins,
    actions,
    values: Object.fromEntries(kept.map(([state, row]) => [state, [...row]])),
    curve,
  };
}

/** Takes the action of the greatest value; in a state that was never seen, a random one. */
export function qPolicy<A>(
  space: Space<A>,
  fields: readonly ObservationField[],
  { bins, values }: QTable,
): Policy<A> {
  return (observation, stream) => {
    const row = values[stateOf(observation, fields, bins)];
    return row === undefined ? space.sample(stream) : actionAt(space, greatest(row));
  };
}

function stateOf(
  observation: Float64Array,
  fields: readonly ObservationField[],
  bins: number,
): string {
  return fields
    .map(({ low, high }, i) => {
      const share = (observation[i]! - low) / (high - low || 1);
      return Math.min(bins - 1, Math.max(0, Math.floor(share * bins)));
    })
    .join('.');
}

function actionCount(space: Space<unknown>): number {
  if (space instanceof Discrete) return space.n;
  if (space instanceof MultiDiscrete)
    return space.sizes.reduce((product, size) => product * size, 1);
  throw new SimulationError('Q-learning needs discrete actions; use the cross-entropy method');
}

/** Action by its number: choices count like digits, the last one fastest. */
function actionAt<A>(space: Space<A>, action: number): A {
  if (space instanceof Discrete) return action as A;
  const { sizes } = space as unknown as MultiDiscrete;
  let rest = action;
  return sizes
    .toReversed()
    .map((size) => {
      const choice = rest % size;
      rest = Math.floor(rest / size);
      return choice;
    })
    .toReversed() as A;
}

function greatest(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
