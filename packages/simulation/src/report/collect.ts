/**
 * Reads a folder of results back, as far as a report needs it.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { type Manifest, readManifest } from '../experiment/manifest.ts';
import { eachRow, tableFile } from '../tables/tables.ts';
import { quantile, type Summary, summarise } from '../metrics/statistics.ts';

/** One point of a sweep with the metrics of its runs. */
export interface PointResult {
  readonly index: number;
  /** `swapFee = 0.003`, or the experiment's name when nothing was swept. */
  readonly label: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly runs: readonly number[];
  /** Values per metric, in order of run. */
  readonly values: Readonly<Record<string, readonly number[]>>;
  readonly summaries: Readonly<Record<string, Summary>>;
}

/** Quantiles over runs at one sampled step. */
export interface CurvePoint {
  /** Days from the start. */
  readonly days: number;
  readonly low: number;
  readonly middle: number;
  readonly high: number;
}

/** A point that a search has tried. */
export interface TriedPoint {
  readonly fold: number;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  /** The best so far in its fold. */
  readonly best: number;
}

export interface Results {
  readonly manifest: Manifest;
  /** In order; empty where nothing was optimised. */
  readonly evaluations: readonly TriedPoint[];
  readonly points: readonly PointResult[];
  /** Per curve, per point: `relative` (value over holding - 1, %), `tracking` (%), `fees`, `lvr`. */
  readonly curves: Readonly<Record<CurveName, readonly (readonly CurvePoint[])[]>>;
}

export type CurveName = 'value' | 'relative' | 'tracking' | 'fees' | 'lvr';
const CURVES: readonly CurveName[] = ['value', 'relative', 'tracking', 'fees', 'lvr'];

/** Points whose curves are drawn; more lines cannot be told apart. */
export const CURVE_POINTS_MAX = 4;
/** Rows of the runs' table that a report takes up. */
const RUNS_MAX = 200_000;

/** @throws {SimulationError} When the folder holds no results. */
export async function collectResults(out: string): Promise<Results> {
  const manifest = readManifest(out);
  const points = await collectPoints(out, manifest);
  const shown = chosenPoints(points.length);
  const curves = await collectCurves(out, manifest, shown);
  const evaluations = manifest.optimisation === undefined ? [] : await collectEvaluations(out);
  return { manifest, points, curves, evaluations };
}

async function collectEvaluations(out: string): Promise<TriedPoint[]> {
  const evaluations: TriedPoint[] = [];
  let names: readonly string[] = [];
  await eachRow(
    out,
    'evaluations',
    (fields) => {
      const at = (name: string): number => Number(fields[names.indexOf(name)]);
      evaluations.push({
        fold: at('fold'),
        mean: at('mean'),
        low: at('low'),
        high: at('high'),
        best: at('best'),
      });
    },
    (header) => (names = header),
  );
  return evaluations;
}

/** Places of the points whose curves are drawn: spread over all of them, the ends included. */
export function chosenPoints(count: number): number[] {
  if (count <= CURVE_POINTS_MAX) return Array.from({ length: count }, (_each, i) => i);
  return Array.from({ length: CURVE_POINTS_MAX }, (_each, i) =>
    Math.round((i * (count - 1)) / (CURVE_POINTS_MAX - 1)),
  );
}

async function collectPoints(
  out: string,
  { parameters, metrics, name, optimisation }: Manifest,
): Promise<PointResult[]> {
  const points = new Map<
    number,
    { parameters: Record<string, string>; runs: number[]; values: number[][] }
  >();
  const offset = 4 + parameters.length;
  let rows = 0;
  await eachRow(out, 'runs', (fields) => {
    if (rows++ >= RUNS_MAX) return;
    const index = Number(fields[1]);
    let point = points.get(index);
    if (point === undefined) {
      const own = Object.fromEntries(parameters.map((key, i) => [key, fields[4 + i] ?? '']));
      point = { parameters: own, runs: [], values: metrics.map(() => []) };
      points.set(index, point);
    }
    point.runs.push(Number(fields[0]));
    metrics.forEach((_metric, i) =>
      point.values[i]!.push(fields[offset + i] === '' ? NaN : Number(fields[offset + i])),
    );
  });
  return [...points].map(([index, { parameters: own, runs, values }]) => ({
    index,
    label:
      optimisation === undefined
        ? labelOf(own) || name
        : testLabel(index, optimisation.folds.length),
    parameters: own,
    runs,
    values: Object.fromEntries(metrics.map((metric, i) => [metric, values[i]!])),
    summaries: Object.fromEntries(metrics.map((metric, i) => [metric, summarise(values[i]!)])),
  }));
}

/** Of the runs of a test: the file's own values and the chosen ones, fold by fold. */
function testLabel(index: number, folds: number): string {
  const what = index % 2 === 0 ? 'file' : 'chosen';
  return folds > 1 ? `${what}, fold ${Math.floor(index / 2) + 1}` : what;
}

function labelOf(parameters: Readonly<Record<string, string>>): string {
  return Object.entries(parameters)
    .map(([key, value]) => `${key.replace(/^.*\./, '')} ${value}`)
    .join(', ');
}

async function collectCurves(
  out: string,
  manifest: Manifest,
  shown: readonly number[],
): Promise<Results['curves']> {
  const empty = Object.fromEntries(
    CURVES.map((name) => [name, shown.map(() => [])]),
  ) as unknown as Record<CurveName, CurvePoint[][]>;
  if (!existsSync(tableFile(out, 'steps'))) return empty;
  const experiment = manifest.experiment as {
    readonly runs: number;
    readonly time: { readonly step: number };
  };
  const stepDays = experiment.time.step / 86_400_000;
  // Values by curve, point and step.
  const gathered = CURVES.map(() => shown.map(() => new Map<number, number[]>()));
  let columns: readonly string[] | null = null;
  await eachRow(
    out,
    'steps',
    (fields) => {
      const at = (column: string): number => Number(fields[columns!.indexOf(column)]);
      const place = shown.indexOf(Math.floor(Number(fields[0]) / experiment.runs));
      if (place < 0) return;
      const [value, hold] = [at('value'), at('holdValue')];
      const row = [
        value,
        (value / hold - 1) * 100,
        Math.abs(at('tracking')) * 100,
        at('fees'),
        at('rebalancingValue') - value,
      ];
      const step = Number(fields[1]);
      row.forEach((each, i) => {
        const steps = gathered[i]![place]!;
        const list = steps.get(step);
        if (list === undefined) steps.set(step, [each]);
        else list.push(each);
      });
    },
    (names) => (columns = names),
  );
  CURVES.forEach((name, i) => {
    empty[name] = gathered[i]!.map((steps) =>
      Array.from(steps, ([step, list]) => {
        const sorted = list.toSorted((a, b) => a - b);
        return {
          days: step * stepDays,
          low: quantile(sorted, 0.05),
          middle: quantile(sorted, 0.5),
          high: quantile(sorted, 0.95),
        };
      }),
    );
  });
  return empty;
}
