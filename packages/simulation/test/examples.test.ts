/** The studies under `examples/simulation`, made short: what their pages claim holds. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import {
  loadExperiment,
  lvrRate,
  type MetricName,
  METRICS,
  planOf,
  runPlan,
  withValue,
} from '@balancer/simulation';
import { madeUpPrices } from '../../../examples/simulation/data/make.ts';
import { eachRow } from '../src/tables/tables.ts';
import { scratchFolder } from './files.ts';

const folder = fileURLToPath(new URL('../../../examples/simulation', import.meta.url));

/** Means of the metrics by point. */
async function study(
  file: string,
  short: Readonly<Record<string, unknown>>,
): Promise<Record<MetricName, number>[]> {
  const path = join(folder, file);
  let { experiment } = await loadExperiment(path);
  for (const [key, value] of Object.entries(short)) experiment = withValue(experiment, key, value);
  const plan = planOf(experiment, dirname(path));
  const out = scratchFolder();
  const { counts } = await runPlan(plan, { out, workers: 0 });
  expect(counts).toMatchObject({ runs: plan.jobs, errors: 0 });
  const sums = plan.points.map(() => METRICS.map(() => 0));
  await eachRow(out, 'runs', (fields) => {
    plan.metrics.forEach(
      (_name, i) =>
        (sums[Number(fields[1])]![i]! +=
          Number(fields[4 + plan.parameters.length + i]) / experiment.runs),
    );
  });
  return sums.map(
    (row) =>
      Object.fromEntries(METRICS.map((name, i) => [name, row[i]!])) as Record<MetricName, number>,
  );
}

describe('the studies', () => {
  test('are all here, with a page each', () => {
    const tested = ['bootstrapping', 'data', 'elastic-rebase', 'fee-80-20', 'learners'];
    expect(readdirSync(folder).toSorted()).toEqual(tested);
    for (const name of tested)
      expect(readFileSync(join(folder, name, 'README.md'), 'utf8')).toContain('balancer sim ');
  });

  test('fee-80-20: LVR is that of theory at every fee, and neither the least nor the highest fee is the best', async () => {
    const points = await study('fee-80-20/experiment.toml', {
      runs: 3,
      'time.steps': 4320,
      sweep: { 'pool.swapFee': [0.0001, 0.003, 0.02] },
      'output.every': 0,
    });
    const theory =
      lvrRate(
        [0.8, 0.2],
        [
          [0.64, 0],
          [0, 0],
        ],
      ) *
      10_000_000 *
      (15 / 365);
    for (const { grossLvr } of points) expect(grossLvr / theory).toBeCloseTo(1, 0);
    const [low, middle, high] = points.map(({ lvr }) => -lvr);
    expect(middle).toBeGreaterThan(low!);
    expect(middle).toBeGreaterThan(high!);
  });

  test('elastic-rebase: weights that follow save value; late is as bad as never', async () => {
    const [resync, safe, gulp, late] = await study('elastic-rebase/experiment.toml', {
      runs: 10,
      'output.every': 0,
    });
    expect(safe).toEqual(resync);
    expect(resync!.impermanentLoss).toBeGreaterThan(gulp!.impermanentLoss);
    expect(Math.abs(late!.impermanentLoss - gulp!.impermanentLoss)).toBeLessThan(0.02);
  });

  test('bootstrapping: informed traders keep the price near what the token is worth', async () => {
    const points = await study('bootstrapping/experiment.toml', { runs: 3, 'output.every': 0 });
    const distances = points.map(({ trackingRms }) => trackingRms);
    expect(distances).toEqual(distances.toSorted((a, b) => b - a));
  });

  test('bootstrapping: a fee by volatility does better than the constants', async () => {
    const [constant, volatile] = await study('bootstrapping/fees.toml', {
      runs: 3,
      sweep: { 'controllers.0.a': [0.004, 0], 'controllers.0.b': [0, 0.008] },
    }).then((points) => [points[0]!, points[3]!]);
    expect(volatile!.impermanentLoss).toBeGreaterThan(constant!.impermanentLoss);
  });

  test('data: the file is what its seed makes, and both experiments run on it', async () => {
    expect(readFileSync(join(folder, 'data/prices.csv'), 'utf8')).toBe(madeUpPrices());
    const [recorded] = await study('data/recorded.toml', { 'output.every': 0 });
    expect(recorded!.trades).toBeGreaterThan(500);
    await study('data/bootstrap.toml', { runs: 2, 'output.every': 0 });
  });
});
