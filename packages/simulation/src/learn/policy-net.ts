/**
 * Policies as small networks: normalised observations, at most one hidden layer of tanh units, and a
 * head for the kind of action. Without a hidden layer they are linear.
 *
 * @module
 */
import { SimulationError } from '../errors.ts';
import type { ObservationField, Policy } from './env.ts';
import { Box, Discrete, MultiDiscrete, type Space } from './spaces.ts';

/** Shape of a network. */
export interface NetShape {
  readonly inputs: number;
  /** 0 for none. */
  readonly hidden: number;
  readonly outputs: number;
}

/** Brings each entry of an observation to about -1 to 1. */
export interface Normaliser {
  readonly middle: readonly number[];
  readonly half: readonly number[];
}

/** Weights of a network, layer by layer, row by row, the bias of a row at its end. */
export function weightCount({ inputs, hidden, outputs }: NetShape): number {
  return hidden === 0 ? outputs * (inputs + 1) : hidden * (inputs + 1) + outputs * (hidden + 1);
}

export function normaliserOf(fields: readonly ObservationField[]): Normaliser {
  return {
    middle: fields.map(({ low, high }) => (low + high) / 2),
    half: fields.map(({ low, high }) => (high - low) / 2 || 1),
  };
}

/** Outputs that a space of actions needs. @throws {SimulationError} For a space without a head. */
export function outputsOf(space: Space<unknown>): number {
  if (space instanceof Box) return space.low.length;
  if (space instanceof Discrete) return space.n;
  if (space instanceof MultiDiscrete) return space.sizes.reduce((sum, size) => sum + size, 0);
  throw new SimulationError('this learner acts in Box, Discrete and MultiDiscrete spaces');
}

/** The network as a policy on a space: a point of a box, or the greatest output of each choice. */
export function netPolicy<A>(
  space: Space<A>,
  {
    shape,
    weights,
    normaliser,
  }: {
    readonly shape: NetShape;
    readonly weights: readonly number[];
    readonly normaliser: Normaliser;
  },
): Policy<A> {
  const input = new Float64Array(shape.inputs);
  const hidden = new Float64Array(shape.hidden);
  const output = new Float64Array(shape.outputs);
  return (observation) => {
    for (let i = 0; i < input.length; i++)
      input[i] = (observation[i]! - normaliser.middle[i]!) / normaliser.half[i]!;
    if (shape.hidden === 0) layer(weights, 0, input, output);
    else {
      layer(weights, 0, input, hidden);
      for (let i = 0; i < hidden.length; i++) hidden[i] = Math.tanh(hidden[i]!);
      layer(weights, shape.hidden * (shape.inputs + 1), hidden, output);
    }
    return actionOf(space, output);
  };
}

/** Biases of the head for a constant action; all other weights are 0. */
export function constantWeights<A>(space: Space<A>, shape: NetShape, action: A): number[] {
  const weights = Array.from({ length: weightCount(shape) }, () => 0);
  const width = (shape.hidden === 0 ? shape.inputs : shape.hidden) + 1;
  const first = weights.length - shape.outputs * width;
  biasesOf(space, action).forEach((bias, i) => (weights[first + i * width + width - 1] = bias));
  return weights;
}

function biasesOf<A>(space: Space<A>, action: A): number[] {
  if (space instanceof Box) {
    return Array.from(action as Float64Array, (value, i) => {
      const share = (value - space.low[i]!) / (space.high[i]! - space.low[i]!);
      const inside = Math.min(1 - 1e-6, Math.max(1e-6, share));
      return Math.log(inside / (1 - inside));
    });
  }
  const [sizes, choices] =
    space instanceof Discrete
      ? [[space.n], [action as number]]
      : [(space as unknown as MultiDiscrete).sizes, action as readonly number[]];
  return sizes.flatMap((size, i) =>
    Array.from({ length: size }, (_each, k) => (k === choices[i] ? 1 : 0)),
  );
}

function actionOf<A>(space: Space<A>, output: Float64Array): A {
  if (space instanceof Box) {
    return Float64Array.from(space.low, (low, i) => {
      const share = 1 / (1 + Math.exp(-output[i]!));
      return low + share * (space.high[i]! - low);
    }) as A;
  }
  const sizes = space instanceof Discrete ? [space.n] : (space as unknown as MultiDiscrete).sizes;
  let first = 0;
  const choices = sizes.map((size) => {
    let best = 0;
    for (let k = 1; k < size; k++) if (output[first + k]! > output[first + best]!) best = k;
    first += size;
    return best;
  });
  return (space instanceof Discrete ? choices[0] : choices) as A;
}

function layer(
  weights: readonly number[],
  offset: number,
  input: Float64Array,
  output: Float64Array,
): void {
  const width = input.length + 1;
  for (let row = 0; row < output.length; row++) {
    const start = offset + row * width;
    let sum = weights[start + input.length]!;
    for (let i = 0; i < input.length; i++) sum += weights[start + i]! * input[i]!;
    output[row] = sum;
  }
}
