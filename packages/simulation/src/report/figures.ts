/**
 * What a report shows, as data: figures with their units, and the table behind each.
 *
 * @module
 */
import { quantile } from '../metrics/statistics.ts';
import { metricColumn } from './metric-names.ts';
import { chosenPoints, type CurveName, type PointResult, type Results } from './collect.ts';

export interface FigureSeries {
  readonly name: string;
  readonly values: readonly (number | null)[];
  /** Ends of the interval around the values; null where there is none. */
  readonly low: readonly (number | null)[] | null;
  readonly high: readonly (number | null)[] | null;
}

export interface Figure {
  readonly title: string;
  /** What is drawn, and what the band is. */
  readonly caption: string;
  readonly kind: 'line' | 'steps';
  readonly xName: string;
  readonly xUnit: string;
  readonly isLogX: boolean;
  /** Position on the axis; evenly spaced where labels are given; edges of the bins of `steps`. */
  readonly x: readonly number[];
  readonly xLabels: readonly string[] | null;
  readonly yName: string;
  readonly yUnit: string;
  readonly series: readonly FigureSeries[];
}

/** Two swept parameters as a grid of means. */
export interface HeatMap {
  readonly title: string;
  readonly unit: string;
  readonly rowName: string;
  readonly columnName: string;
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly cells: readonly (readonly (number | null)[])[];
}

/** Bins of a distribution: by the rule of Rice, within these bounds. */
const BINS_MIN = 6;
const BINS_MAX = 24;

/** The figures that the results are good for, in reading order. */
export function figuresOf(results: Results): Figure[] {
  const { manifest, points } = results;
  const shown = chosenPoints(points.length).map((i) => points[i]!);
  const figures: Figure[] = searchFigures(results);
  const isSweep = manifest.optimisation === undefined;
  if (isSweep && manifest.parameters.length === 1 && points.length > 1)
    figures.push(...sweepFigures(points, manifest.parameters[0]!));
  if (points.some(({ runs }) => runs.length > 1)) figures.push(distribution(shown));
  const curve = (
    name: CurveName,
    title: string,
    caption: string,
    y: readonly [name: string, unit: string],
  ): void => {
    if (results.curves[name][0]?.length)
      figures.push(curveFigure(results, shown, { name, title, caption, y }));
  };
  const band = 'Median of the runs; the band holds the middle 90 %.';
  curve('value', 'Value of the pool', band, ['value', 'quote']);
  curve('relative', 'Against holding the first balances', band, ['value over holding', '%']);
  curve('fees', 'Fees earned', band, ['fees', 'quote']);
  curve('lvr', 'Loss versus rebalancing, after fees', band, ['LVR', 'quote']);
  curve('tracking', 'Distance of the pool price from the outside price', band, ['distance', '%']);
  return figures;
}

/** Means of a metric over two swept parameters, or null. */
export function heatMapOf({ manifest, points }: Results): HeatMap | null {
  const [rowName, columnName] = manifest.parameters;
  if (manifest.parameters.length !== 2 || rowName === undefined || columnName === undefined)
    return null;
  if (manifest.optimisation !== undefined) return null;
  const unique = (name: string): string[] => [
    ...new Set(points.map(({ parameters }) => parameters[name]!)),
  ];
  const [rows, columns] = [unique(rowName), unique(columnName)];
  if (rows.length * columns.length > 400) return null;
  const cells = rows.map((row) =>
    columns.map((column) => {
      const point = points.find(
        ({ parameters }) => parameters[rowName] === row && parameters[columnName] === column,
      );
      const mean = point?.summaries['impermanentLoss']?.mean;
      return mean === undefined ? null : mean * 100;
    }),
  );
  return {
    title: 'Value over holding, mean of the runs',
    unit: '%',
    rowName,
    columnName,
    rows,
    columns,
    cells,
  };
}

/** What each evaluation of a search gave, and the best so far; one figure for each fold. */
function searchFigures({ manifest, evaluations }: Results): Figure[] {
  const { optimisation } = manifest;
  if (optimisation === undefined) return [];
  const column = metricColumn(optimisation.metric);
  const shown = (value: number): number => value * column.factor;
  const folds = [...new Set(evaluations.map(({ fold }) => fold))];
  return folds.map((fold) => {
    const own = evaluations.filter((each) => each.fold === fold);
    return {
      title: `Search: ${column.name} by evaluation${folds.length > 1 ? `, fold ${fold + 1}` : ''}`,
      caption:
        "Mean of the runs of each point that was tried, the first one the file's own; the band is the 95 % interval of the mean.",
      kind: 'line',
      xName: 'evaluation',
      xUnit: '',
      isLogX: false,
      x: own.map((_each, i) => i),
      xLabels: null,
      yName: column.name,
      yUnit: column.unit,
      series: [
        {
          name: 'tried',
          values: own.map(({ mean }) => shown(mean)),
          low: own.map(({ low }) => shown(low)),
          high: own.map(({ high }) => shown(high)),
        },
        { name: 'best so far', values: own.map(({ best }) => shown(best)), low: null, high: null },
      ],
    };
  });
}

function sweepFigures(points: readonly PointResult[], parameter: string): Figure[] {
  const values = points.map(({ parameters }) => Number(parameters[parameter]));
  const isNumeric = values.every(Number.isFinite);
  const order = points.map((_point, i) => i);
  if (isNumeric) order.sort((a, b) => values[a]! - values[b]!);
  const isLogX =
    isNumeric && Math.min(...values) > 0 && Math.max(...values) / Math.min(...values) >= 10;
  const series = (metric: string, name: string, factor = 1): FigureSeries => {
    const summaries = order.map((i) => points[i]!.summaries[metric]);
    return {
      name,
      values: summaries.map((summary) => (summary === undefined ? null : summary.mean * factor)),
      low: summaries.map((summary) => (summary === undefined ? null : summary.low * factor)),
      high: summaries.map((summary) => (summary === undefined ? null : summary.high * factor)),
    };
  };
  const common = {
    kind: 'line',
    caption: 'Mean of the runs; the band is the 95 % interval of the mean.',
    xName: parameter,
    xUnit: '',
    isLogX,
    x: isNumeric ? order.map((i) => values[i]!) : order.map((_each, i) => i),
    xLabels: isNumeric ? null : order.map((i) => points[i]!.parameters[parameter]!),
  } as const;
  return [
    {
      ...common,
      title: `Value over holding, by ${parameter}`,
      yName: 'value over holding',
      yUnit: '%',
      series: [series('impermanentLoss', 'value over holding', 100)],
    },
    {
      ...common,
      title: `Fees and LVR, by ${parameter}`,
      yName: 'amount',
      yUnit: 'quote',
      series: [
        series('fees', 'fees'),
        series('grossLvr', 'gross LVR'),
        series('lvr', 'LVR after fees'),
      ],
    },
  ];
}

/** Runs per bin of value over holding. */
function distribution(points: readonly PointResult[]): Figure {
  const lists = points.map(({ values }) =>
    (values['impermanentLoss'] ?? []).filter(Number.isFinite).map((value) => value * 100),
  );
  const all = lists.flat().toSorted((a, b) => a - b);
  // The outermost half percent on each side may stretch an axis tenfold; they count in the end bins.
  const [low, high] = [quantile(all, 0.005), quantile(all, 0.995)];
  const runs = Math.max(...lists.map((list) => list.length));
  const binCount = Math.min(BINS_MAX, Math.max(BINS_MIN, Math.ceil(2 * Math.cbrt(runs))));
  const width = (high - low) / binCount || 1;
  const counts = lists.map((list) => {
    const bins = Array.from({ length: binCount }, () => 0);
    for (const value of list) {
      const bin = Math.min(binCount - 1, Math.max(0, Math.floor((value - low) / width)));
      bins[bin] = bins[bin]! + 1;
    }
    return bins.map((count) => (count / Math.max(1, list.length)) * 100);
  });
  return {
    title: 'Distribution of value over holding at the end',
    caption: `Share of the runs in each of ${binCount} bins; the end bins hold everything beyond them.`,
    kind: 'steps',
    xName: 'value over holding',
    xUnit: '%',
    isLogX: false,
    // Edges of the bins: a step holds from one to the next.
    x: Array.from({ length: binCount + 1 }, (_each, i) => low + i * width),
    xLabels: null,
    yName: 'runs',
    yUnit: '%',
    series: points.map(({ label }, i) => ({
      name: label,
      values: [...counts[i]!, counts[i]!.at(-1)!],
      low: null,
      high: null,
    })),
  };
}

function curveFigure(
  { curves }: Results,
  shown: readonly PointResult[],
  what: {
    readonly name: CurveName;
    readonly title: string;
    readonly caption: string;
    readonly y: readonly [string, string];
  },
): Figure {
  const lines = curves[what.name];
  return {
    title: what.title,
    caption: what.caption,
    kind: 'line',
    xName: 'time',
    xUnit: 'days',
    isLogX: false,
    x: lines[0]!.map(({ days }) => days),
    xLabels: null,
    yName: what.y[0],
    yUnit: what.y[1],
    series: lines.map((line, i) => ({
      name: shown[i]!.label,
      values: line.map(({ middle }) => middle),
      low: line.map(({ low }) => low),
      high: line.map(({ high }) => high),
    })),
  };
}
