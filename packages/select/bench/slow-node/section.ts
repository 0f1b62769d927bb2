/**
 * The simulated section of the benchmark: percentiles per policy, and the figure.
 *
 * @module
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { printTable } from '../report.ts';
import { slowNodeFigure } from './figure.ts';
import {
  LOAD,
  NODE_COUNT,
  PERCENTILES,
  simulate,
  SIMULATED,
  SLOWDOWN,
  type Outcome,
  type SimulatedPolicy,
} from './simulation.ts';

/** From `bench/dist/slow-node/` to the documentation at the root. */
const FIGURES = new URL('../../../../../docs/figures/', import.meta.url);
const P99 = PERCENTILES.indexOf(99);

export async function slowNode({ printsTables }: { printsTables: boolean }): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const policy of Object.keys(SIMULATED) as SimulatedPolicy[]) {
    outcomes.push(await simulate(policy));
  }
  mkdirSync(FIGURES, { recursive: true });
  writeFileSync(new URL('select-slow-node.svg', FIGURES), slowNodeFigure(outcomes));
  if (!printsTables) return outcomes;

  const reference = outcomes.find(({ policy }) => policy === 'roundRobin')!.percentilesMs[P99]!;
  printTable(
    `Simulation: ${NODE_COUNT} nodes, one ${SLOWDOWN} times slower, Poisson arrivals at ` +
      `${LOAD * 100} % of total capacity; ms from arrival to completion\n` +
      `(figure: ${fileURLToPath(new URL('select-slow-node.svg', FIGURES))})`,
    [
      'policy',
      ...PERCENTILES.map((percent) => `p${percent}`),
      'p99 / roundRobin',
      'jobs to the slow node',
    ],
    outcomes.map(({ policy, percentilesMs, slowShare }) => [
      policy,
      ...percentilesMs.map((ms) => ms.toFixed(1)),
      (percentilesMs[P99]! / reference).toFixed(4),
      `${(slowShare * 100).toFixed(2)} %`,
    ]),
  );
  return outcomes;
}
