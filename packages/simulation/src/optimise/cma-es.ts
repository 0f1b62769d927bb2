/**
 * Covariance matrix adaptation on the unit cube. Points are drawn through the Cholesky factor of the
 * covariance, whose inverse also whitens the evolution path; points outside of the cube are moved to
 * its border. A search that has narrowed to nothing starts anew elsewhere with twice the points.
 *
 * Sources: N. Hansen, "The CMA evolution strategy: a tutorial", arXiv:1604.00772; O. Krause, D. R.
 * Arbones, C. Igel, "CMA-ES with optimal covariance update and storage complexity", NIPS 2016;
 * restarts: A. Auger, N. Hansen, "A restart CMA evolution strategy with increasing population size",
 * CEC 2005.
 *
 * @module
 */
import { cholesky } from '../prices/correlation.ts';
import type { Stream } from '../random/stream.ts';
import { byValue, clamped, type Search } from './search.ts';

const SIGMA_START = 0.3;
/** Steps smaller than this change no digit that anybody reads. */
const SIGMA_MIN = 1e-5;

/** Searches for as long as it is asked. */
export function* cmaEs(dimensions: number, stream: Stream): Search {
  let mean = Array.from({ length: dimensions }, () => 0.5);
  for (let population = 4 + Math.floor(3 * Math.log(dimensions)); ; population *= 2) {
    yield* strategy(mean, population, stream);
    mean = mean.map(() => stream.uniform());
  }
}

/** One run from a start until its step size is spent. */
function* strategy(start: readonly number[], population: number, stream: Stream): Search {
  const n = start.length;
  const parents = Math.floor(population / 2);
  const raw = Array.from(
    { length: parents },
    (_each, i) => Math.log((population + 1) / 2) - Math.log(i + 1),
  );
  const total = raw.reduce((sum, weight) => sum + weight, 0);
  const weights = raw.map((weight) => weight / total);
  const effective = 1 / weights.reduce((sum, weight) => sum + weight * weight, 0);
  const cSigma = (effective + 2) / (n + effective + 5);
  const damping = 1 + 2 * Math.max(0, Math.sqrt((effective - 1) / (n + 1)) - 1) + cSigma;
  const cPath = (4 + effective / n) / (n + 4 + (2 * effective) / n);
  const cOne = 2 / ((n + 1.3) ** 2 + effective);
  const cMu = Math.min(
    1 - cOne,
    (2 * (effective - 2 + 1 / effective)) / ((n + 2) ** 2 + effective),
  );
  // Expected length of a standard normal vector.
  const length = Math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n));

  let mean = [...start];
  let sigma = SIGMA_START;
  let covariance: number[][] = start.map((_row, i) => start.map((_column, j) => (i === j ? 1 : 0)));
  let sigmaPath = start.map(() => 0);
  let path = start.map(() => 0);
  for (let generation = 1; sigma > SIGMA_MIN; generation++) {
    const factor = factorOf(covariance);
    const drawn = Array.from({ length: population }, () => {
      const z = start.map(() => stream.normal());
      const y = factor.map((row) => row.reduce((sum, value, k) => sum + value * z[k]!, 0));
      const point = clamped(mean.map((value, d) => value + sigma * y[d]!));
      // What is learnt from is the step that was taken, or the border would pull the search towards it.
      const taken = point.map((value, d) => (value - mean[d]!) / sigma);
      return { y: taken, z: solved(factor, taken), point };
    });
    const values = yield drawn.map(({ point }) => point);
    const best = drawn
      .map((each, i) => ({ ...each, value: values[i] ?? NaN }))
      .toSorted((a, b) => byValue(a.value, b.value))
      .slice(0, parents);
    const weighted = (of: (each: (typeof best)[number]) => readonly number[]): number[] =>
      start.map((_each, d) => best.reduce((sum, each, i) => sum + weights[i]! * of(each)[d]!, 0));
    const stepZ = weighted(({ z }) => z);
    const stepY = weighted(({ y }) => y);
    mean = mean.map((value, d) => value + sigma * stepY[d]!);
    const push = Math.sqrt(cSigma * (2 - cSigma) * effective);
    sigmaPath = sigmaPath.map((value, d) => (1 - cSigma) * value + push * stepZ[d]!);
    const norm = Math.hypot(...sigmaPath);
    const isSlow =
      norm / Math.sqrt(1 - (1 - cSigma) ** (2 * generation)) < (1.4 + 2 / (n + 1)) * length;
    const pull = isSlow ? Math.sqrt(cPath * (2 - cPath) * effective) : 0;
    path = path.map((value, d) => (1 - cPath) * value + pull * stepY[d]!);
    const kept = 1 - cOne - cMu + (isSlow ? 0 : cOne * cPath * (2 - cPath));
    covariance = covariance.map((row, i) =>
      row.map(
        (value, j) =>
          kept * value +
          cOne * path[i]! * path[j]! +
          cMu * best.reduce((sum, { y }, k) => sum + weights[k]! * y[i]! * y[j]!, 0),
      ),
    );
    sigma = Math.min(1, sigma * Math.exp((cSigma / damping) * (norm / length - 1)));
  }
}

/** Lower triangular factor of a covariance: that of its correlations, scaled. */
function factorOf(covariance: readonly (readonly number[])[]): number[][] {
  const deviations = covariance.map((row, i) => Math.sqrt(row[i]!));
  const correlation = covariance.map((row, i) =>
    row.map((_value, j) =>
      i === j
        ? 1
        : (0.5 * (covariance[i]![j]! + covariance[j]![i]!)) / (deviations[i]! * deviations[j]!),
    ),
  );
  return cholesky(correlation).map((row, i) => Array.from(row, (value) => value * deviations[i]!));
}

/** z of L z = y. */
function solved(lower: readonly (readonly number[])[], y: readonly number[]): number[] {
  const z: number[] = [];
  for (const [i, row] of lower.entries()) {
    const known = z.reduce((sum, value, k) => sum + row[k]! * value, 0);
    z.push((y[i]! - known) / row[i]!);
  }
  return z;
}
