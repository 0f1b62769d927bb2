/**
 * Which metrics an experiment gives.
 *
 * @module
 */
import { type MetricName, METRICS } from '../metrics/recorder.ts';
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
export function metricsOf(experiment: Experiment): MetricName[] {
  return METRICS.filter((name) => experiment.output.metrics === 'full' || CORE.has(name));
}
