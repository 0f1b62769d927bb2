/**
 * A small chart of some columns of the history.
 *
 * @module
 */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { useDashboard } from './context.ts';

/** Figures over time; `null` is a break in the line. */
export type Column = readonly (number | null)[];

export interface ChartLine {
  /** Custom property of the style sheet that holds the colour; with `-fill` the area's. */
  readonly color: string;
}

export interface ChartOptions {
  readonly lines: readonly ChartLine[];
  /** The axis reaches at least this far, so that noise near 0 looks like noise near 0. */
  readonly axisMin: number;
  /** Called with the row under the pointer of this or any other chart, `null` without one. */
  readonly onCursor: (row: number | null) => void;
}

/** A drawn chart. */
export interface ChartHandle {
  /** @param timesMs - One per row. */
  draw(timesMs: Column, columns: readonly Column[]): void;
  destroy(): void;
}

/** Draws into `host` with its width and height. */
export type CreateChart = (host: HTMLElement, options: ChartOptions) => ChartHandle;

export interface ChartProps {
  readonly label: string;
  readonly lines: readonly ChartLine[];
  readonly axisMin: number;
  readonly columns: readonly Column[];
}

/** Follows the history: draws again with each reading, and not with every move of the pointer. */
export function Chart({ label, lines, axisMin, columns }: ChartProps): JSX.Element {
  const { live, createChart, cursorRow } = useDashboard();
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<ChartHandle>(null);
  useEffect(() => {
    const onCursor = (row: number | null): void => void (cursorRow.value = row);
    chart.current = createChart(host.current!, { lines, axisMin, onCursor });
    return () => chart.current?.destroy();
  }, [createChart]);
  useEffect(() => chart.current?.draw(live.history.times, columns), [live.reading.value]);
  return <div class="chart" ref={host} role="img" aria-label={`${label}, last five minutes`} />;
}
