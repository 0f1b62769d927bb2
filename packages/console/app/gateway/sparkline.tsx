/**
 * A small picture of the load of one server over the last half hour.
 *
 * @module
 */
import type { JSX } from 'preact';

const WIDTH = 120;
const HEIGHT = 28;
/** Samples of a whole picture; a shorter history begins further right. */
const COUNT = 120;

export interface SparklineProps {
  /** Oldest first; null where there was no load. */
  readonly samples: readonly (number | null)[];
  /** What the full height stands for, the same for all servers, so that they can be compared. */
  readonly max: number;
  readonly label: string;
}

export function Sparkline({ samples, max, label }: SparklineProps): JSX.Element {
  const lines = linesOf(samples, max);
  return (
    <svg
      class="sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      {lines.map((points) => (
        <path key={points[0]!.x} class="area" d={areaOf(points)} />
      ))}
      {lines.map((points) => (
        <path
          key={points[0]!.x}
          class="line"
          d={lineOf(points)}
          vector-effect="non-scaling-stroke"
        />
      ))}
    </svg>
  );
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** A gap ends a line. */
function linesOf(samples: readonly (number | null)[], max: number): Point[][] {
  const lines: Point[][] = [];
  let line: Point[] = [];
  const shown = samples.slice(-COUNT);
  for (const [i, value] of shown.entries()) {
    if (value === null) {
      line = [];
      continue;
    }
    if (line.length === 0) lines.push(line);
    const x = WIDTH * (1 - (shown.length - 1 - i) / (COUNT - 1));
    line.push({ x, y: HEIGHT - 1 - (HEIGHT - 3) * (max === 0 ? 0 : value / max) });
  }
  return lines;
}

function lineOf(points: readonly Point[]): string {
  // One sample alone is a short stroke, not nothing.
  const all = points.length === 1 ? [points[0]!, { ...points[0]!, x: points[0]!.x - 1 }] : points;
  return all.map(({ x, y }, i) => `${i === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');
}

function areaOf(points: readonly Point[]): string {
  const first = points[0]!;
  const last = points.at(-1)!;
  return `${lineOf(points)}L${last.x.toFixed(1)} ${HEIGHT}L${first.x.toFixed(1)} ${HEIGHT}Z`;
}
