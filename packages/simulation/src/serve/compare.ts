/**
 * Two points of experiments side by side, metric by metric. Where their runs share seeds the
 * difference is paired: what both have in common is no noise.
 *
 * @module
 */
import { pairedDifference } from '../metrics/statistics.ts';
import type { PointResult, Results } from '../report/collect.ts';

export interface ComparedMetric {
  readonly metric: string;
  readonly a: number;
  readonly b: number;
  /** b minus a, with its 95 % interval. */
  readonly difference: number;
  readonly low: number;
  readonly high: number;
}

export interface Comparison {
  readonly a: string;
  readonly b: string;
  readonly isPaired: boolean;
  readonly metrics: readonly ComparedMetric[];
}

/** Compares one point of each. Metrics that only one of them has are left out. */
export function comparePoints(
  a: { readonly results: Results; readonly point: PointResult },
  b: { readonly results: Results; readonly point: PointResult },
): Comparison {
  const isPaired =
    a.results.manifest.seed === b.results.manifest.seed &&
    a.point.runs.length === b.point.runs.length;
  const metrics = a.results.manifest.metrics.flatMap((metric): ComparedMetric[] => {
    const [left, right] = [a.point.values[metric], b.point.values[metric]];
    if (left === undefined || right === undefined) return [];
    const means = [a.point.summaries[metric]!.mean, b.point.summaries[metric]!.mean] as const;
    const difference = means[1] - means[0];
    const half = 1.96 * errorOf(left, right, isPaired);
    return [
      {
        metric,
        a: means[0],
        b: means[1],
        difference,
        low: difference - half,
        high: difference + half,
      },
    ];
  });
  return { a: a.point.label, b: b.point.label, isPaired, metrics };
}

function errorOf(a: readonly number[], b: readonly number[], isPaired: boolean): number {
  if (a.length < 2 || b.length < 2) return 0;
  if (isPaired) return pairedDifference(b, a).pairedError;
  return Math.hypot(
    pairedDifference(
      a,
      a.map(() => 0),
    ).pairedError,
    pairedDifference(
      b,
      b.map(() => 0),
    ).pairedError,
  );
}
