/**
 * The outcome as a figure for the documentation: a row per policy with its percentiles on a
 * logarithmic axis. One static figure of lines, dots and text, so it is written as SVG directly; it
 * follows the reader's light or dark setting.
 *
 * @module
 */
import { LOAD, NODE_COUNT, PERCENTILES, SLOWDOWN, type Outcome } from './simulation.ts';

const WIDTH = 760;
const ROW = 34;
const LEFT = 140;
const RIGHT = 104;
const TOP = 84;
const BOTTOM = 54;
const AXIS_MS_MIN = 5;
/** Percentile that the rows are ordered by and that carries its value. */
const LABELLED = 99;

const STYLE = `
  .figure { color-scheme: light dark; font: 13px system-ui, sans-serif; fill: #24292f; }
  .title { font-size: 15px; font-weight: 600; }
  .quiet { fill: #57606a; font-size: 12px; }
  .grid { stroke: #d0d7de; stroke-width: 1; }
  .range { stroke: #8c959f; stroke-width: 2; }
  .dot { fill: #8c959f; }
  .main { fill: #0969da; }
  .value { fill: #0969da; font-weight: 600; }
  @media (prefers-color-scheme: dark) {
    .figure { fill: #e6edf3; }
    .quiet { fill: #9198a1; }
    .grid { stroke: #3d444d; }
    .range { stroke: #656c76; }
    .dot { fill: #7d8590; }
    .main, .value { fill: #4493f8; }
  }`;

export function slowNodeFigure(outcomes: readonly Outcome[]): string {
  const rows = outcomes.toSorted((a, b) => labelledMs(b) - labelledMs(a));
  const height = TOP + rows.length * ROW + BOTTOM;
  const maxMs = Math.max(...rows.flatMap(({ percentilesMs }) => percentilesMs));
  const decades = Math.ceil(Math.log10(maxMs / AXIS_MS_MIN));
  const x = (ms: number): number =>
    LEFT + (Math.log10(ms / AXIS_MS_MIN) / decades) * (WIDTH - LEFT - RIGHT);

  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title" class="figure">`,
    `<style>${STYLE}\n</style>`,
    text({ x: 16, y: 26, className: 'title', id: 'title' }, 'One slow server among twenty'),
    text(
      { x: 16, y: 46, className: 'quiet' },
      `Time from arrival to completion. ${NODE_COUNT} nodes, one ${SLOWDOWN} times slower, ` +
        `${LOAD * 100} % of total capacity`,
    ),
    ...axis(x, { height, maxMs }),
    ...rows.flatMap((outcome, row) =>
      rowOf(outcome, TOP + row * ROW + ROW / 2, { x, namesDots: outcome === roomiest(rows, x) }),
    ),
    '</svg>\n',
  ].join('\n');
}

function axis(
  x: (ms: number) => number,
  { height, maxMs }: { height: number; maxMs: number },
): string[] {
  const bottom = height - BOTTOM;
  const ticks: number[] = [];
  for (let ms = 10; ms <= maxMs; ms *= 10) ticks.push(ms);
  return [
    ...ticks.flatMap((ms) => [
      `<line class="grid" x1="${round(x(ms))}" x2="${round(x(ms))}" y1="${TOP}" y2="${bottom}"/>`,
      text({ x: x(ms), y: bottom + 18, anchor: 'middle', className: 'quiet' }, duration(ms)),
    ]),
    text(
      { x: (LEFT + WIDTH - RIGHT) / 2, y: bottom + 40, anchor: 'middle', className: 'quiet' },
      'response time, logarithmic scale',
    ),
  ];
}

function rowOf(
  { policy, percentilesMs }: Outcome,
  y: number,
  { x, namesDots }: { x: (ms: number) => number; namesDots: boolean },
): string[] {
  const last = percentilesMs.at(-1)!;
  const marks = percentilesMs.map((ms, i) => {
    const isMain = PERCENTILES[i] === LABELLED;
    const radius = isMain ? 5.5 : 4;
    return `<circle class="${isMain ? 'main' : 'dot'}" cx="${round(x(ms))}" cy="${y}" r="${radius}"/>`;
  });
  const names = namesDots
    ? percentilesMs.map((ms, i) =>
        text({ x: x(ms), y: y - 10, anchor: 'middle', className: 'quiet' }, `p${PERCENTILES[i]}`),
      )
    : [];
  const value = percentilesMs[PERCENTILES.indexOf(LABELLED)]!;
  return [
    text({ x: LEFT - 16, y: y + 4, anchor: 'end' }, policy),
    `<line class="range" x1="${round(x(percentilesMs[0]!))}" x2="${round(x(last))}" y1="${y}" y2="${y}"/>`,
    ...marks,
    ...names,
    text({ x: x(last) + 12, y: y + 4, className: 'value' }, `p${LABELLED} ${duration(value)}`),
  ];
}

function text(
  at: { x: number; y: number; anchor?: 'middle' | 'end'; className?: string; id?: string },
  content: string,
): string {
  const anchor = at.anchor === undefined ? '' : ` text-anchor="${at.anchor}"`;
  const className = at.className === undefined ? '' : ` class="${at.className}"`;
  const id = at.id === undefined ? '' : ` id="${at.id}"`;
  return `<text x="${round(at.x)}" y="${at.y}"${anchor}${className}${id}>${content}</text>`;
}

/** The row whose dots stand furthest apart: there is room for their names. */
function roomiest(rows: readonly Outcome[], x: (ms: number) => number): Outcome {
  const leastGap = ({ percentilesMs }: Outcome): number =>
    Math.min(...percentilesMs.slice(1).map((ms, i) => x(ms) - x(percentilesMs[i]!)));
  return rows.reduce((best, row) => (leastGap(row) > leastGap(best) ? row : best));
}

function labelledMs({ percentilesMs }: Outcome): number {
  return percentilesMs[PERCENTILES.indexOf(LABELLED)]!;
}

function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return `${ms < 10_000 ? Number((ms / 1000).toFixed(1)) : Math.round(ms / 1000)} s`;
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}
