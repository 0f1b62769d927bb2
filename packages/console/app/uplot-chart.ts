/**
 * Charts by uPlot, drawn only while they are on the screen: a page with fifty backends has more than
 * a hundred of them.
 *
 * @module
 */
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { ChartHandle, ChartOptions, Column } from './chart.tsx';

/** Seconds on the time axis: it grows with the history, up to all that the history keeps. */
const WINDOW_SECONDS = { min: 30, max: 300 } as const;

/** Room above the highest point, so that the line is not cut. */
const HEADROOM = 1.1;

export function createUplotChart(host: HTMLElement, options: ChartOptions): ChartHandle {
  let data: uPlot.AlignedData = [[], ...options.lines.map(() => [])];
  let plot: uPlot | null = null;
  let isOnScreen = false;
  let isStale = true;

  const redraw = (): void => {
    if (!isOnScreen || !isStale) return;
    isStale = false;
    plot ??= new uPlot(plotOptions(host, options), data, host);
    plot.setData(data);
  };
  const rebuild = (): void => {
    plot?.destroy();
    plot = null;
    isStale = true;
    redraw();
  };
  const screen = new IntersectionObserver(([entry]) => {
    isOnScreen = entry?.isIntersecting ?? false;
    redraw();
  });
  const resize = new ResizeObserver(() => plot?.setSize(sizeOf(host)));
  // Colours are read once from the style sheet, which has others for the dark.
  const scheme = matchMedia('(prefers-color-scheme: dark)');
  screen.observe(host);
  resize.observe(host);
  scheme.addEventListener('change', rebuild);

  return {
    draw(timesMs, columns) {
      data = [timesMs.map((timeMs) => timeMs! / 1000), ...columns.map(mutable)];
      isStale = true;
      redraw();
    },
    destroy() {
      screen.disconnect();
      resize.disconnect();
      scheme.removeEventListener('change', rebuild);
      plot?.destroy();
    },
  };
}

function plotOptions(host: HTMLElement, { lines, axisMin, onCursor }: ChartOptions): uPlot.Options {
  const style = getComputedStyle(host);
  return {
    ...sizeOf(host),
    // The host's own width is all there is: no axes, no legend, no room around.
    padding: [2, 0, 0, 0],
    legend: { show: false },
    axes: [{ show: false }, { show: false }],
    scales: {
      x: { time: true, range: (_plot, min, max) => timeRange(min, max) },
      y: { range: (_plot, _min, max) => [0, Math.max(max ?? 0, axisMin) * HEADROOM] },
    },
    cursor: {
      y: false,
      drag: { x: false, y: false },
      sync: { key: 'balancer' },
      points: { size: 6 },
    },
    series: [
      {},
      ...lines.map(({ color }) => ({
        stroke: style.getPropertyValue(color),
        fill: style.getPropertyValue(`${color}-fill`),
        width: 1.5,
        points: { show: false },
        spanGaps: false,
      })),
    ],
    // Without a pointer the cursor is left of the chart, yet on its first row.
    hooks: { setCursor: [({ cursor }) => onCursor((cursor.left ?? -1) < 0 ? null : cursor.idx!)] },
  };
}

function timeRange(first: number, last: number): [number, number] {
  const seconds = Math.min(Math.max(last - first, WINDOW_SECONDS.min), WINDOW_SECONDS.max);
  return [last - seconds, last];
}

function sizeOf(host: HTMLElement): { width: number; height: number } {
  return { width: host.clientWidth, height: host.clientHeight };
}

/** uPlot's types ask for arrays that it could write to; it does not. */
function mutable(column: Column): (number | null)[] {
  return column as (number | null)[];
}
