/**
 * Statistics over runs.
 *
 * Source of the interval: B. Efron, R. Tibshirani, "An Introduction to the Bootstrap", 1993
 * (percentile interval of the mean).
 *
 * @module
 */
import { Stream } from '../random/stream.ts';

export interface Summary {
  readonly count: number;
  readonly mean: number;
  /** Of the sample, with n - 1. */
  readonly sd: number;
  readonly quantiles: Readonly<Record<'p1' | 'p5' | 'p25' | 'p50' | 'p75' | 'p95' | 'p99', number>>;
  /** 95 % interval of the mean. */
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 400;
/** Above this the mean is normal to far more digits than anyone reads. */
const BOOTSTRAP_COUNT_MAX = 5000;

/** Mean, spread, quantiles and the interval of the mean of finite values. */
export function summarise(values: readonly number[]): Summary {
  const finite = values.filter(Number.isFinite).toSorted((a, b) => a - b);
  const count = finite.length;
  const mean = finite.reduce((sum, value) => sum + value, 0) / count;
  const sd =
    count > 1
      ? Math.sqrt(finite.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1))
      : 0;
  const [low, high] = intervalOfMean(finite, mean, sd);
  const at = (p: number): number => quantile(finite, p);
  return {
    count,
    mean,
    sd,
    quantiles: {
      p1: at(0.01),
      p5: at(0.05),
      p25: at(0.25),
      p50: at(0.5),
      p75: at(0.75),
      p95: at(0.95),
      p99: at(0.99),
    },
    low,
    high,
  };
}

/** Quantile of sorted values, linear between neighbours. */
export function quantile(sorted: readonly number[], p: number): number {
  if (sorted.length === 0) return NaN;
  const place = p * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (sorted[above]! - sorted[below]!) * (place - below);
}

function intervalOfMean(values: readonly number[], mean: number, sd: number): [number, number] {
  const count = values.length;
  if (count < 2) return [mean, mean];
  if (count > BOOTSTRAP_COUNT_MAX) {
    const half = (1.96 * sd) / Math.sqrt(count);
    return [mean - half, mean + half];
  }
  const stream = new Stream(BigInt(count), 'bootstrap');
  const means = Array.from({ length: RESAMPLES }, () => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += values[stream.below(count)]!;
    return sum / count;
  }).toSorted((a, b) => a - b);
  return [quantile(means, 0.025), quantile(means, 0.975)];
}

/** Difference of two series of runs that share their seeds, a minus b. */
export interface PairedDifference {
  readonly mean: number;
  /** Standard error of the mean difference. */
  readonly pairedError: number;
  /** What it would be if the runs were independent. */
  readonly unpairedError: number;
}

/** Compares run by run: what both have in common does not count as noise. */
export function pairedDifference(a: readonly number[], b: readonly number[]): PairedDifference {
  const differences = a.map((value, i) => value - b[i]!);
  const error = (values: readonly number[]): number =>
    summariseSpread(values) / Math.sqrt(values.length);
  return {
    mean: differences.reduce((sum, value) => sum + value, 0) / differences.length,
    pairedError: error(differences),
    unpairedError: Math.hypot(error(a), error(b)),
  };
}

function summariseSpread(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(
    values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1),
  );
}

/** Value at risk and expected shortfall: the loss at the (1 - level) quantile and the mean beyond it. */
export function tailRisk(
  values: readonly number[],
  level = 0.95,
): { readonly valueAtRisk: number; readonly expectedShortfall: number } {
  const sorted = values.toSorted((a, b) => a - b);
  const cut = quantile(sorted, 1 - level);
  const tail = sorted.filter((value) => value <= cut);
  return {
    valueAtRisk: -cut,
    expectedShortfall: -tail.reduce((sum, value) => sum + value, 0) / tail.length,
  };
}
