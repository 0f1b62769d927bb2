/** The command where DuckDB is not installed: a loader hides it from a process of its own. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { EXAMPLE_EXPERIMENT } from '@balancer/simulation';
import { runHere, startProcessWith } from '../support.ts';

const HIDE = `export async function resolve(name, context, next) {
  if (/^(@duckdb|bullmq)/.test(name)) throw Object.assign(new Error('hidden'), { code: 'ERR_MODULE_NOT_FOUND' });
  return next(name, context);
}`;
const hook = (script: string): string => `data:text/javascript,${encodeURIComponent(script)}`;
const nodeOptions = [
  '--import',
  hook(`import { register } from 'node:module'; register(${JSON.stringify(hook(HIDE))});`),
];

test('writes CSV, says once how to get Parquet, and ends with 0; queries and queues say what they need', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'balancer-sim-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'study.toml');
  writeFileSync(file, EXAMPLE_EXPERIMENT.replace('steps = 5_000', 'steps = 50'));
  const out = join(folder, 'out');
  const sim = (...args: readonly string[]) => startProcessWith({ nodeOptions }, 'sim', ...args);

  const run = sim('run', file, '--out', out);
  expect(await run.end()).toBe(0);
  expect(run.output().stderr.match(/npm install @duckdb\/node-api/g)).toHaveLength(1);
  expect(readFileSync(join(out, 'runs.csv'), 'utf8').split('\n')).toHaveLength(42);
  expect(existsSync(join(out, 'report.html'))).toBe(true);

  const query = sim('query', 'select 1', '--out', out);
  const parquet = sim('run', file, '--out', out, '--format', 'parquet');
  const queue = sim('worker', '--redis', 'redis://127.0.0.1:1', '--store', folder);
  expect(await Promise.all([query, parquet, queue].map(async ({ end }) => end()))).toEqual([
    2, 2, 2,
  ]);
  expect(query.output().stderr).toContain(
    'sim query needs DuckDB; install it with: npm install @duckdb/node-api',
  );
  expect(parquet.output().stderr).toContain('--format parquet needs DuckDB');
  expect(queue.output().stderr).toContain('install them with: npm install bullmq ioredis');
});

test('with it, the same command writes Parquet, which `sim query` reads', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'balancer-sim-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'study.toml');
  writeFileSync(file, EXAMPLE_EXPERIMENT.replace('steps = 5_000', 'steps = 50'));
  const out = join(folder, 'out');
  expect(await runHere('sim', 'run', file, '--out', out)).toMatchObject({ code: 0 });
  expect(existsSync(join(out, 'runs.parquet'))).toBe(true);
  const sql = 'select point, count(*) as runs from runs group by point order by point limit 2';
  expect((await runHere('sim', 'query', sql, '--out', out)).stdout).toBe(
    'point  runs\n0      10\n1      10\n',
  );
  expect((await runHere('sim', 'query', sql, '--out', out, '--csv')).stdout).toBe(
    'point,runs\n0,10\n1,10\n',
  );
  expect(JSON.parse((await runHere('sim', 'query', sql, '--out', out, '--json')).stdout)).toEqual([
    { point: 0, runs: 10 },
    { point: 1, runs: 10 },
  ]);
});
