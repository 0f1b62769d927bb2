/**
 * Searches in the unit cube: each is a procedure that yields rounds of points and is sent their
 * values, so that evaluations may run anywhere. Values are to be as great as possible; NaN counts as
 * worse than anything.
 *
 * @module
 */
import { SimulationError } from '../errors.ts';

/** Coordinates from 0 to 1. */
export type UnitPoint = readonly number[];

/** Yields the points of a round and gets their values, in the same order. */
export type Search = Generator<readonly UnitPoint[], void, readonly number[]>;

/** Every combination of evenly spaced levels, as many per axis as the budget allows, in one round. */
export function* gridSearch(dimensions: number, budget: number): Search {
  // The root is taken in floats: 1000 points in three dimensions are ten levels and not nine.
  const levels = Math.floor(budget ** (1 / dimensions) + 1e-9);
  if (levels < 2) {
    throw new SimulationError(
      `optimise.budget: a grid over ${dimensions} parameters needs at least ${2 ** dimensions}; got ${budget}`,
    );
  }
  let points: number[][] = [[]];
  for (let d = 0; d < dimensions; d++) {
    points = points.flatMap((point) =>
      Array.from({ length: levels }, (_each, i) => [...point, i / (levels - 1)]),
    );
  }
  yield points;
}

/** Compares values, the best first: greater ones, then NaN. */
export function byValue(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return b - a;
}

/** The nearest point of the cube. */
export function clamped(point: readonly number[]): number[] {
  return point.map((value) => Math.min(1, Math.max(0, value)));
}
