/**
 * Which metrics an experiment gives.
 *
 * @module
 */
import { type MetricName, METRICS, TOKEN_METRICS } from '../metrics/recorder.ts';
import type { Simulation } from '../loop/simulation.ts';
import type { Experiment } from './schema.ts';

/** Metrics that the core mode gives, in the order of the table. */
const CORE: ReadonlySet<MetricName> = new Set([
  'startValue',
  'value',
  'holdValue',
  'impermanentLoss',
  'rebalancingValue',
  'lvr',
  'grossLvr',
  'fees',
  'protocolFees',
  'volume',
  'trades',
  'arbitrageProfit',
  'gasSpent',
  'sharePrice',
  'lpReturn',
]);

/** Names of the metrics that an experiment gives. */
export function metricsOf({ output, pool }: Experiment): string[] {
  if (output.metrics === 'core') return METRICS.filter((name) => CORE.has(name));
  const perToken = TOKEN_METRICS.flatMap((name) =>
    pool.tokens.map((symbol) => `${name}.${symbol}`),
  );
  return [...METRICS, ...perToken];
}

/** The metrics of a run under their names. */
export function namedMetrics(
  { pool }: Experiment,
  { metrics }: Simulation,
): Readonly<Record<string, number>> {
  const { byToken } = metrics;
  const perToken = TOKEN_METRICS.flatMap((name) =>
    pool.tokens.map((symbol, i) => [`${name}.${symbol}`, byToken[name][i]!] as const),
  );
  return { ...metrics.result(), ...Object.fromEntries(perToken) };
}
