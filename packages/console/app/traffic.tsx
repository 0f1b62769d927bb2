/**
 * Three charts with their figures: new connections, bytes each way, open connections.
 *
 * @module
 */
import type { ComponentChildren, JSX } from 'preact';
import { formatBytes, formatRate, UNKNOWN_FIGURE } from '../src/format.ts';
import { latestOf, rowOf, type Series, type StatisticsHistory } from '../src/history.ts';
import { Chart, type ChartLine, type Column } from './chart.tsx';
import { useDashboard, useHistory } from './context.ts';

const CONNECTIONS: readonly ChartLine[] = [{ color: '--accent' }];
const BYTES: readonly ChartLine[] = [{ color: '--rx' }, { color: '--tx' }];
const OPEN: readonly ChartLine[] = [{ color: '--open' }];

/**
 * @param props.name - Whose traffic, for those who hear the page.
 * @param props.of - Which series of the history.
 */
export function Traffic({
  name,
  of,
}: {
  readonly name: string;
  readonly of: (history: StatisticsHistory) => Series;
}): JSX.Element {
  const history = useHistory();
  const series = of(history);
  const row = useDashboard().cursorRow.value;
  const shown = row === null ? latestOf(series) : rowOf(series, row);
  // Under the pointer, the moment matters more than the peak.
  const atMs = row === null ? undefined : history.times[row];
  const aside = (peak: string): string =>
    atMs === undefined ? `peak ${peak}` : `at ${new Date(atMs).toLocaleTimeString()}`;
  return (
    <div class="traffic">
      <Metric
        label="New connections"
        aside={aside(`${formatRate(peakOf(series.connections))}/s`)}
        chart={
          <Chart
            label={`${name}: new connections per second`}
            lines={CONNECTIONS}
            axisMin={1}
            columns={[series.connections]}
          />
        }
      >
        <Figure value={formatRate(shown.connections)} unit="/s" />
      </Metric>
      <Metric
        label="↑ servers ↓ clients"
        aside={aside(`${formatBytes(peakOf([...series.bytesTx, ...series.bytesRx]))}/s`)}
        chart={
          <Chart
            label={`${name}: bytes per second`}
            lines={BYTES}
            axisMin={1024}
            columns={[series.bytesRx, series.bytesTx]}
          />
        }
      >
        <Figure
          value={formatBytes(shown.bytesTx)}
          unit="/s"
          color="tx"
          title="From clients to servers"
        />
        <Figure
          value={formatBytes(shown.bytesRx)}
          unit="/s"
          color="rx"
          title="From servers to clients"
        />
      </Metric>
      <Metric
        label="Open connections"
        aside={aside(formatRate(peakOf(series.open)))}
        chart={
          <Chart
            label={`${name}: open connections`}
            lines={OPEN}
            axisMin={1}
            columns={[series.open]}
          />
        }
      >
        <Figure value={formatRate(shown.open)} unit="" />
      </Metric>
    </div>
  );
}

function Metric({
  label,
  aside,
  chart,
  children,
}: {
  readonly label: string;
  readonly aside: string;
  readonly chart: JSX.Element;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <div class="metric">
      <div class="readout">
        <span class="label">{label}</span>
        <span class="figures">{children}</span>
        <span class="aside">{aside}</span>
      </div>
      {chart}
    </div>
  );
}

const ARROWS = { tx: '↑', rx: '↓' } as const;

function Figure({
  value,
  unit,
  color,
  title,
}: {
  readonly value: string;
  readonly unit: string;
  readonly color?: 'tx' | 'rx';
  readonly title?: string;
}): JSX.Element {
  return (
    <span class="figure" title={title}>
      {color && (
        <i class={color} aria-label={title}>
          {ARROWS[color]}
        </i>
      )}
      <b>{value}</b>
      {value === UNKNOWN_FIGURE ? '' : unit}
    </span>
  );
}

/** The largest figure that is known; `null` when none is. */
function peakOf(column: Column): number | null {
  return column.reduce<number | null>(
    (peak, value) => (value === null ? peak : Math.max(peak ?? 0, value)),
    null,
  );
}
