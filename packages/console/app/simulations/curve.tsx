/**
 * The mean of an experiment while it runs: it settles as runs are done.
 *
 * @module
 */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { formatFigure } from './figures.ts';
import type { Experiment } from './client.ts';

const HEIGHT = 180;

export function Curve({
  experiment: { name, curve },
}: {
  readonly experiment: Experiment;
}): JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  useEffect(() => {
    const element = host.current!;
    const draw = (): void => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsOf(element), [[], []], element);
    };
    draw();
    const resize = new ResizeObserver(() =>
      plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }),
    );
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    resize.observe(element);
    scheme.addEventListener('change', draw);
    return () => {
      resize.disconnect();
      scheme.removeEventListener('change', draw);
      plot.current?.destroy();
    };
  }, [name]);
  useEffect(() => {
    plot.current?.setData([curve.map(([done]) => done), curve.map(([, mean]) => mean)]);
  }, [curve]);
  return (
    <div
      class="curve"
      ref={host}
      role="img"
      aria-label={`Mean end value of ${name} against the runs done`}
    />
  );
}

function optionsOf(host: HTMLElement): uPlot.Options {
  const style = getComputedStyle(host);
  const axis = {
    stroke: style.getPropertyValue('--quiet'),
    grid: { stroke: style.getPropertyValue('--line'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: host.clientWidth,
    height: HEIGHT,
    padding: [8, 8, 0, 0],
    scales: { x: { time: false } },
    legend: { live: true },
    axes: [
      { ...axis, label: 'runs done', labelSize: 20, size: 30 },
      {
        ...axis,
        label: 'mean end value, quote',
        labelSize: 20,
        size: 74,
        values: (_plot, splits) => splits.map(formatFigure),
      },
    ],
    series: [
      { label: 'runs done' },
      {
        label: 'mean end value, quote',
        stroke: style.getPropertyValue('--accent'),
        width: 2,
        points: { show: false },
        value: (_plot, value) => formatFigure(value),
      },
    ],
  };
}
