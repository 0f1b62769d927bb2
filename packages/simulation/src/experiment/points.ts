/**
 * The points of an experiment: the full grid of a sweep, or a sample of many parameters.
 *
 * Source of the Sobol directions: S. Joe, F. Y. Kuo, "Constructing Sobol sequences with better
 * two-dimensional projections", SIAM J. Sci. Comput. 30, 2008 (first eight dimensions).
 *
 * @module
 */
import { SimulationError } from '../errors.ts';
import { Stream } from '../random/stream.ts';
import { canonicalJson, withValue } from './load.ts';
import type { Experiment } from './schema.ts';

export type ParameterValue = number | string | boolean | readonly number[];

/** Values by dotted key. */
export type Parameters = Readonly<Record<string, ParameterValue>>;

/** One point of a sweep. */
export interface Point {
  /** Place in the list, from 0. */
  readonly index: number;
  readonly parameters: Parameters;
  readonly experiment: Experiment;
}

export interface Points {
  readonly points: readonly Point[];
  /** Points of the grid that another one already stands for. */
  readonly duplicates: number;
}

/** All points, each once. @throws {SimulationError} Naming a key that cannot take its value. */
export function pointsOf(experiment: Experiment): Points {
  const grid = gridOf(experiment.sweep);
  const sampled = experiment.sample === undefined ? [{}] : samplesOf(experiment, experiment.sample);
  const seen = new Set<string>();
  const points: Point[] = [];
  let duplicates = 0;
  for (const outer of grid) {
    for (const inner of sampled) {
      const parameters = { ...outer, ...inner };
      const key = canonicalJson(parameters);
      if (seen.has(key)) {
        duplicates++;
        continue;
      }
      seen.add(key);
      points.push(pointAt(experiment, parameters, points.length));
    }
  }
  return { points, duplicates };
}

/** The experiment at one point. @throws {SimulationError} Naming a key that cannot take its value. */
export function pointAt(experiment: Experiment, parameters: Parameters, index: number): Point {
  let changed: Experiment = { ...experiment, sweep: {}, sample: undefined, optimise: undefined };
  for (const [name, value] of Object.entries(parameters)) changed = withValue(changed, name, value);
  return { index, parameters, experiment: changed };
}

/** Least and greatest value of a parameter. */
export type Range = readonly [low: number, high: number];

/**
 * How a parameter goes from its least value (0) to its greatest (1): evenly, or evenly in its
 * logarithm; a parameter that takes integers only is rounded.
 */
export function scaleOf(
  experiment: Experiment,
  key: string,
  { range: [low, high], isLog }: { readonly range: Range; readonly isLog: boolean },
): (share: number) => number {
  const at = (share: number): number =>
    isLog ? low * (high / low) ** share : low + (high - low) * share;
  const between = at(1 / Math.PI);
  const isInteger = !takes(experiment, key, between) && takes(experiment, key, Math.round(between));
  return isInteger ? (share) => Math.round(at(share)) : at;
}

function takes(experiment: Experiment, key: string, value: number): boolean {
  try {
    pointAt(experiment, { [key]: value }, 0);
    return true;
  } catch (error) {
    if (error instanceof SimulationError) return false;
    throw error;
  }
}

function gridOf(sweep: Experiment['sweep']): Record<string, ParameterValue>[] {
  let grid: Record<string, ParameterValue>[] = [{}];
  for (const [key, values] of Object.entries(sweep)) {
    grid = grid.flatMap((point) => values.map((value) => ({ ...point, [key]: value })));
  }
  return grid;
}

function samplesOf(
  experiment: Experiment,
  sample: NonNullable<Experiment['sample']>,
): Record<string, number>[] {
  const keys = Object.keys(sample.ranges);
  const scales = keys.map((key) =>
    scaleOf(experiment, key, { range: sample.ranges[key]!, isLog: sample.log }),
  );
  const unit = unitSamples(sample.method, {
    n: sample.n,
    dimensions: keys.length,
    stream: new Stream(BigInt(experiment.seed), 'sample'),
  });
  return unit.map((row) => Object.fromEntries(keys.map((key, i) => [key, scales[i]!(row[i]!)])));
}

/** Points of the unit cube. */
export function unitSamples(
  method: 'latin' | 'sobol' | 'random',
  {
    n,
    dimensions,
    stream,
  }: { readonly n: number; readonly dimensions: number; readonly stream: Stream },
): number[][] {
  if (method === 'random')
    return Array.from({ length: n }, () =>
      Array.from({ length: dimensions }, () => stream.uniform()),
    );
  if (method === 'sobol') return sobol(n, dimensions);
  // Latin hypercube: each of n strips of each axis holds one point.
  const rows = Array.from({ length: n }, () => Array.from({ length: dimensions }, () => 0));
  for (let d = 0; d < dimensions; d++) {
    const strips = Array.from({ length: n }, (_each, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = stream.below(i + 1);
      [strips[i], strips[j]] = [strips[j]!, strips[i]!];
    }
    strips.forEach((strip, i) => (rows[i]![d] = (strip + stream.uniform()) / n));
  }
  return rows;
}

/** Degree, coefficients and first direction numbers of each dimension after the first. */
const DIRECTIONS: readonly (readonly [
  degree: number,
  coefficients: number,
  first: readonly number[],
])[] = [
  [1, 0, [1]],
  [2, 1, [1, 3]],
  [3, 1, [1, 3, 1]],
  [3, 2, [1, 1, 1]],
  [4, 1, [1, 1, 3, 3]],
  [4, 4, [1, 3, 5, 13]],
  [5, 2, [1, 1, 5, 5, 17]],
];
const BITS = 32;

function sobol(n: number, dimensions: number): number[][] {
  if (dimensions > DIRECTIONS.length + 1) {
    throw new SimulationError(
      `sample.method: sobol covers ${DIRECTIONS.length + 1} parameters; use latin for ${dimensions}`,
    );
  }
  const directions = Array.from({ length: dimensions }, (_each, d) => directionsOf(d));
  const state = new Uint32Array(dimensions);
  return Array.from({ length: n }, (_each, i) => {
    // The origin is skipped: it lies on every axis.
    const bit = Math.trunc(Math.log2(((i + 1) & -(i + 1)) >>> 0));
    return directions.map((direction, d) => {
      state[d] = state[d]! ^ direction[bit]!;
      return state[d] / 2 ** BITS;
    });
  });
}

function directionsOf(dimension: number): Uint32Array {
  const v = new Uint32Array(BITS);
  if (dimension === 0) return v.map((_each, i) => 2 ** (BITS - 1 - i));
  const [degree, coefficients, first] = DIRECTIONS[dimension - 1]!;
  for (let i = 0; i < BITS; i++) {
    if (i < degree) {
      v[i] = first[i]! * 2 ** (BITS - 1 - i);
      continue;
    }
    let value = v[i - degree]! ^ (v[i - degree]! >>> degree);
    for (let k = 1; k < degree; k++) if ((coefficients >> (degree - 1 - k)) & 1) value ^= v[i - k]!;
    v[i] = value;
  }
  return v;
}
