/**
 * `report.html`: one file that shows an experiment, without network, and without scripts as tables.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Manifest } from '../experiment/manifest.ts';
import { tailRisk } from '../metrics/statistics.ts';
import type { PointResult, Results } from './collect.ts';
import { type Figure, figuresOf, type HeatMap, heatMapOf } from './figures.ts';
import { escape, formatNumber } from './format.ts';
import { METRIC_COLUMNS, type MetricColumn } from './metric-names.ts';
import { renderOptimisation } from './optimisation.ts';

/** Runs in the table of losses. */
const LOSSES = 10;
/** Runs of a point from which on its tail is told. */
const RISK_RUNS_MIN = 20;
/** Rows of a figure's table; longer ones are thinned, and say so. */
const TABLE_ROWS_MAX = 60;

/** The page. */
export function renderReport(results: Results, file = 'experiment.toml'): string {
  const { manifest, points } = results;
  const figures = figuresOf(results);
  const heatMap = heatMapOf(results);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(manifest.name)} · simulation</title>
<link rel="icon" href="data:,">
<style>${uplotFile('uPlot.min.css')}
${asset('report.css')}</style>
</head>
<body>
<main>
<header>
<h1>${escape(manifest.name)}</h1>
<p class="facts">${factsOf(manifest)
    .map((fact) => `<span>${escape(fact)}</span>`)
    .join('')}</p>
${manifest.complete ? '' : `<p class="alert">Unfinished: ${manifest.counts.runs} of ${manifest.jobs} runs. The same command goes on.</p>`}
${manifest.counts.errors > 0 ? `<p class="alert">${manifest.counts.errors} runs stopped with an error; errors.ndjson has them.</p>` : ''}
</header>
${manifest.optimisation === undefined ? '' : renderOptimisation(manifest.optimisation)}
${headline(points, manifest)}
${pointTable(points)}
${heatMap === null ? '' : renderHeatMap(heatMap)}
${figures.map(renderFigure).join('\n')}
${losses(points, file)}
${configuration(manifest)}
</main>
<script type="application/json" id="figures">${JSON.stringify(figures).replaceAll('<', '\\u003c')}</script>
<script>${uplotFile('uPlot.iife.min.js')}</script>
<script>${asset('report.js')}</script>
</body>
</html>
`;
}

function factsOf({
  mode,
  seed,
  hash,
  points,
  jobs,
  duplicatePoints,
  experiment,
}: Manifest): string[] {
  const { time, pool } = experiment as {
    time: { step: number; steps: number };
    pool: { kind: string; tokens: readonly string[] };
  };
  const days = (time.step * time.steps) / 86_400_000;
  return [
    `${pool.kind} ${pool.tokens.join('/')}`,
    `${formatNumber(jobs)} runs${points > 1 ? ` at ${points} points` : ''} of ${formatNumber(time.steps)} steps, ${formatNumber(days)} days`,
    ...(duplicatePoints > 0 ? [`${duplicatePoints} duplicate points left out`] : []),
    `mode ${mode}`,
    `seed ${seed}`,
    `configuration ${hash}`,
  ];
}

/** The best point by value over holding, in large figures. */
function headline(points: readonly PointResult[], { optimisation }: Manifest): string {
  const best = bestOf(points);
  if (best === null) return '';
  const cards = METRIC_COLUMNS.filter(({ metric }) => best.summaries[metric] !== undefined).slice(
    0,
    6,
  );
  const place = optimisation === undefined ? 'Best point' : 'Best in the test';
  const title = points.length > 1 ? `${place}: ${best.label}` : 'At the end';
  return `<section><h2>${escape(title)}</h2><dl class="cards">${cards
    .map((column) => {
      const summary = best.summaries[column.metric]!;
      const unit = column.unit === '' ? '' : ` <small>${column.unit}</small>`;
      const range =
        summary.count > 1
          ? `<dd class="range">${show(summary.low, column)} to ${show(summary.high, column)}</dd>`
          : '';
      return `<div><dt>${column.name}</dt><dd>${show(summary.mean, column)}${unit}</dd>${range}</div>`;
    })
    .join(
      '',
    )}</dl><p class="note">Means over the runs, with the 95 % interval of the mean.</p></section>`;
}

function bestOf(points: readonly PointResult[]): PointResult | null {
  let best: PointResult | null = null;
  for (const point of points) {
    const value = point.summaries['impermanentLoss']?.mean ?? -Infinity;
    if (best === null || value > (best.summaries['impermanentLoss']?.mean ?? -Infinity))
      best = point;
  }
  return best;
}

function pointTable(points: readonly PointResult[]): string {
  const columns = METRIC_COLUMNS.filter(({ metric }) => points[0]?.summaries[metric] !== undefined);
  const head = columns
    .map(
      ({ name, unit }) =>
        `<th scope="col">${name}${unit === '' ? '' : ` <small>${unit}</small>`}</th>`,
    )
    .join('');
  // Two runs have no tail.
  const hasRisk = points.every(({ runs }) => runs.length >= RISK_RUNS_MIN);
  const rows = points.map(({ label, runs, values, summaries }) => {
    const cells = columns.map((column) => {
      const { mean, sd, low, high, count } = summaries[column.metric]!;
      const title =
        count > 1
          ? ` title="sd ${show(sd, column)}; mean between ${show(low, column)} and ${show(high, column)}"`
          : '';
      return `<td data-value="${mean}"${title}>${show(mean, column)}</td>`;
    });
    if (hasRisk) {
      const { valueAtRisk, expectedShortfall } = tailRisk(values['lpReturn'] ?? []);
      for (const risk of [valueAtRisk, expectedShortfall])
        cells.push(`<td data-value="${risk}">${formatNumber(risk * 100)}</td>`);
    }
    return `<tr><th scope="row">${escape(label)}</th><td data-value="${runs.length}">${runs.length}</td>${cells.join('')}</tr>`;
  });
  const riskHead = hasRisk
    ? '<th scope="col">value at risk <small>%</small></th><th scope="col">expected shortfall <small>%</small></th>'
    : '';
  const riskNote = hasRisk
    ? '<p class="note">Value at risk: the loss of return that a twentieth of the runs exceeds; expected shortfall: the mean of those.</p>'
    : '';
  return `<section><h2>${points.length > 1 ? 'All points' : 'Means over the runs'}</h2>
<div class="scroll"><table class="sortable"><thead><tr><th scope="col">point</th><th scope="col">runs</th>${head}${riskHead}</tr></thead><tbody>${rows.join('')}</tbody></table></div>${riskNote}</section>`;
}

/** A table whose cells carry their value as a colour too; it needs no table of its own. */
function renderHeatMap({
  title,
  unit,
  rowName,
  columnName,
  rows,
  columns,
  cells,
}: HeatMap): string {
  const values = cells.flat().filter((cell): cell is number => cell !== null);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const share = (value: number): string =>
    (high === low ? 0.5 : (value - low) / (high - low)).toFixed(3);
  const body = rows.map((row, i) => {
    const tds = cells[i]!.map((cell) =>
      cell === null
        ? '<td></td>'
        : `<td style="--share:${share(cell)}" data-value="${cell}">${formatNumber(cell)}</td>`,
    );
    return `<tr><th scope="row">${escape(row)}</th>${tds.join('')}</tr>`;
  });
  return `<section><h2>${title} <small>${unit}</small></h2><div class="scroll"><table class="heat"><thead><tr><th scope="col">${escape(rowName)} \\ ${escape(columnName)}</th>${columns.map((column) => `<th scope="col">${escape(column)}</th>`).join('')}</tr></thead><tbody>${body.join('')}</tbody></table></div>
<p class="note">Darker is higher, from ${formatNumber(low)} to ${formatNumber(high)} ${unit}.</p></section>`;
}

function renderFigure(figure: Figure, index: number): string {
  const { title, caption, kind, x, xLabels, xName, xUnit, yName, yUnit, series } = figure;
  const every = Math.ceil(x.length / TABLE_ROWS_MAX);
  const hasBand = series.some(({ low }) => low !== null);
  const head = series
    .map(
      ({ name }) =>
        `<th scope="col">${escape(name)}</th>${hasBand ? '<th scope="col">low</th><th scope="col">high</th>' : ''}`,
    )
    .join('');
  const isBins = kind === 'steps';
  const rows = x.flatMap((value, i) => {
    if (isBins && i === x.length - 1) return [];
    const place = isBins
      ? `${formatNumber(value)} to ${formatNumber(x[i + 1]!)}`
      : (xLabels?.[i] ?? formatNumber(value));
    if (i % every !== 0 && i !== x.length - 1) return [];
    const cells = series.map(({ values, low, high }) =>
      [values, ...(hasBand ? [low, high] : [])]
        .map(
          (list) =>
            `<td>${list?.[i] === null || list?.[i] === undefined ? '' : formatNumber(list[i])}</td>`,
        )
        .join(''),
    );
    return [`<tr><th scope="row">${escape(place)}</th>${cells.join('')}</tr>`];
  });
  const thinned =
    every > 1 ? `<p class="note">Every ${every}th row; the table of steps has all.</p>` : '';
  const unit = (text: string): string => (text === '' ? '' : `, ${text}`);
  return `<section class="figure"><h2>${escape(title)}</h2><p class="note">${escape(caption)}</p>
<div class="plot" data-figure="${index}" role="img" aria-label="${escape(`${title}: ${yName}${unit(yUnit)} over ${xName}${unit(xUnit)}; the table below holds the values`)}"></div>
<details><summary>Table: ${escape(`${yName}${unit(yUnit)} over ${xName}${unit(xUnit)}`)}</summary><div class="scroll"><table><thead><tr><th scope="col">${escape(xName)}${xUnit === '' ? '' : ` <small>${xUnit}</small>`}</th>${head}</tr></thead><tbody>${rows.join('')}</tbody></table></div>${thinned}</details></section>`;
}

function losses(points: readonly PointResult[], file: string): string {
  const worst = points
    .flatMap(({ label, runs, values }) =>
      runs.map((run, i) => ({
        run,
        label,
        relative: values['impermanentLoss']?.[i] ?? NaN,
        value: values['value']?.[i] ?? NaN,
      })),
    )
    .filter(({ relative }) => Number.isFinite(relative))
    .toSorted((a, b) => a.relative - b.relative)
    .slice(0, LOSSES);
  const rows = worst.map(
    ({ run, label, relative, value }) =>
      `<tr><td>${run}</td><th scope="row">${escape(label)}</th><td>${formatNumber(relative * 100)}</td><td>${formatNumber(value)}</td><td class="code">balancer sim run ${escape(file)} --run ${run}</td></tr>`,
  );
  return `<section><h2>Worst runs</h2><div class="scroll"><table><thead><tr><th scope="col">run</th><th scope="col" class="text">point</th><th scope="col">value over holding <small>%</small></th><th scope="col">value <small>quote</small></th><th scope="col" class="text">see it again</th></tr></thead><tbody>${rows.join('')}</tbody></table></div></section>`;
}

function configuration(manifest: Manifest): string {
  return `<section><h2>Configuration</h2><details><summary>As it ran, with every default</summary><pre>${escape(JSON.stringify(manifest.experiment, null, 2))}</pre></details></section>`;
}

function show(value: number, { factor }: MetricColumn): string {
  return formatNumber(value * factor);
}

/** Files of this package, which lie beside `src` and `dist`. */
function asset(name: string): string {
  return readFileSync(new URL(`../../assets/${name}`, import.meta.url), 'utf8');
}

function uplotFile(name: string): string {
  const path = createRequire(import.meta.url).resolve(`uplot/dist/${name}`);
  return readFileSync(path, 'utf8');
}
