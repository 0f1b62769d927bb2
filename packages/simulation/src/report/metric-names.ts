/**
 * Metrics as people read them.
 *
 * @module
 */

/** A metric with its name, its unit, and what a value is multiplied by to have it. */
export interface MetricColumn {
  readonly metric: string;
  readonly name: string;
  readonly unit: string;
  readonly factor: number;
}

/** Those that a report shows, in reading order. */
export const METRIC_COLUMNS: readonly MetricColumn[] = [
  { metric: 'impermanentLoss', name: 'value over holding', unit: '%', factor: 100 },
  { metric: 'lpReturn', name: 'return', unit: '%', factor: 100 },
  { metric: 'fees', name: 'fees', unit: 'quote', factor: 1 },
  { metric: 'grossLvr', name: 'gross LVR', unit: 'quote', factor: 1 },
  { metric: 'lvr', name: 'LVR after fees', unit: 'quote', factor: 1 },
  { metric: 'arbitrageProfit', name: 'arbitrage profit', unit: 'quote', factor: 1 },
  { metric: 'volume', name: 'volume', unit: 'quote', factor: 1 },
  { metric: 'trades', name: 'trades', unit: '', factor: 1 },
  { metric: 'maxDrawdown', name: 'worst drawdown', unit: '%', factor: 100 },
  { metric: 'trackingRms', name: 'tracking error', unit: '%', factor: 100 },
];

/** Any metric: by its readable name, or as the tables call it. */
export function metricColumn(metric: string): MetricColumn {
  const known = METRIC_COLUMNS.find((column) => column.metric === metric);
  return known ?? { metric, name: metric, unit: '', factor: 1 };
}

/** `name, unit`. */
export function withUnit({ name, unit }: { readonly name: string; readonly unit: string }): string {
  return unit === '' ? name : `${name}, ${unit}`;
}
