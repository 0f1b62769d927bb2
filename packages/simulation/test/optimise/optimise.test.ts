import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  type Experiment,
  inlineRunner,
  parseExperiment,
  planOf,
  readManifest,
  runPlan,
  writeReport,
} from '@balancer/simulation';
import { scratchFolder } from '../files.ts';
import { ARB, experiment, NOISE } from '../experiment/support.ts';

const optimise = (method: string, more = ''): string =>
  `${ARB}${NOISE}[optimise]\nmetric = "fees"\nmethod = "${method}"\nbudget = 12\nlog = true\nranges = { "pool.swapFee" = [0.0001, 0.1] }\n${more}`;
const FILES = ['manifest.json', 'evaluations.csv', 'runs.csv', 'errors.ndjson'];
const bytesOf = (out: string): string[] =>
  FILES.map((file) => readFileSync(join(out, file), 'utf8'));
const rowsOf = (out: string): Record<string, string>[] => {
  const [head, ...rows] = readFileSync(join(out, 'evaluations.csv'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(','));
  return rows.map((row) => Object.fromEntries(head!.map((name, i) => [name, row[i]!])));
};

describe('[optimise]', () => {
  test.each(['grid', 'nelder-mead', 'cmaes'])(
    '%s finds a better fee than the file has, and tests it on runs that the search has not seen',
    async (method) => {
      const out = scratchFolder();
      const outcome = await runPlan(planOf(experiment(optimise(method), 'runs = 4'), '.'), { out });
      expect(outcome).toMatchObject({ isComplete: true, done: outcome.total });
      const { optimisation, counts } = readManifest(out);
      const [fold] = optimisation!.folds;
      const rows = rowsOf(out);
      expect(rows).toHaveLength(fold!.evaluations);
      expect(fold!.evaluations).toBeLessThanOrEqual(13);
      const best = Math.max(...rows.map(({ mean }) => Number(mean)));
      expect(fold!.bestTrain.mean).toBe(best);
      expect(fold!.bestTrain.mean).toBeGreaterThan(fold!.baselineTrain.mean);
      expect(fold!.baseline).toEqual({ 'pool.swapFee': 0.003 });
      // Two points of four runs: the file's own value and the best, on repetitions 4 to 7.
      expect(counts.runs).toBe(8);
      const runs = readFileSync(join(out, 'runs.csv'), 'utf8').trim().split('\n').slice(1);
      expect(runs.map((row) => row.split(',')[2]).join('')).toBe('45674567');
      const fees = runs.map((row) => Number(row.split(',')[12]));
      expect(fees.slice(4).reduce((a, b) => a + b) / 4).toBeCloseTo(fold!.bestTest.mean, 9);
    },
  );

  test('the least is found where the goal is min', async () => {
    const out = scratchFolder();
    await runPlan(planOf(experiment(optimise('grid', 'goal = "min"\n')), '.'), { out });
    const [fold] = readManifest(out).optimisation!.folds;
    expect(fold!.bestTrain.mean).toBe(Math.min(...rowsOf(out).map(({ mean }) => Number(mean))));
  });

  test('gives the same bytes with threads, and after a stop in the middle of the search', async () => {
    const plan = planOf(experiment(optimise('cmaes'), 'runs = 4'), '.');
    const first = scratchFolder();
    await runPlan(plan, { out: first, workers: 0 });
    const expected = bytesOf(first);
    const threads = scratchFolder();
    await runPlan(plan, { out: threads, workers: 2 });
    expect(bytesOf(threads)).toEqual(expected);
    const stopped = scratchFolder();
    const controller = new AbortController();
    const half = await runPlan(plan, {
      out: stopped,
      workers: 0,
      signal: controller.signal,
      onProgress: ({ done }) => done === 21 && controller.abort(),
    });
    expect(half).toMatchObject({ isComplete: false, done: 21 });
    expect(readManifest(stopped)).toMatchObject({ complete: false, optimisation: { folds: [] } });
    expect(await runPlan(plan, { out: stopped, workers: 0 })).toMatchObject({ isComplete: true });
    expect(bytesOf(stopped)).toEqual(expected);
  });

  test('a parameter that takes integers only is tried at integers', async () => {
    const out = scratchFolder();
    const config = experiment(
      `${ARB}[[controllers]]\ntype = "fee.volatility"\na = 0.001\nb = 0.002\nhalfLife = 10\n[optimise]\nmetric = "fees"\nmethod = "grid"\nbudget = 4\nranges = { "controllers.0.every" = [1, 8] }\n`,
    );
    await runPlan(planOf(config, '.'), { out });
    expect(rowsOf(out).map((row) => row['controllers.0.every'])).toEqual(['1', '3', '6', '8']);
  });

  test('its report shows the search and the test beside the file', async () => {
    const out = scratchFolder();
    await runPlan(planOf(experiment(optimise('grid'), 'runs = 4'), '.'), { out });
    const page = readFileSync(await writeReport(out), 'utf8');
    expect(page).toContain('What the search found');
    expect(page).toContain('Search: fees by evaluation');
  });
});

describe('walking forward', () => {
  const START = 1_700_000_000;
  const row = (i: number, price: number | string): string => `${START + i * 300},${price}`;
  const prices = (from: number, to: number, wave: number): string[] =>
    Array.from({ length: to - from }, (_each, i) =>
      row(from + i, 100 + 5 * Math.sin((from + i) / wave)),
    );
  const config = (): Experiment =>
    parseExperiment(`
name = "walk"
[pool]
tokens = ["ETH", "CASH"]
weights = [0.5, 0.5]
value = 2000
[time]
steps = 10
[price.ETH]
process = "historical"
source = "prices.csv"
${ARB}[optimise]
metric = "fees"
method = "grid"
budget = 5
ranges = { "pool.swapFee" = [0.001, 0.02] }
train = [[${START}, ${START + 60_000}], [${START + 60_000}, ${START + 90_000}]]
test = [[${START + 90_000}, ${START + 120_000}], [${START + 120_000}, ${START + 150_000}]]
`);

  test('reads no row of a test before every search has ended', async () => {
    const folder = scratchFolder();
    const file = join(folder, 'prices.csv');
    const write = (tests: readonly string[]): void =>
      writeFileSync(file, ['timestamp,ETH', ...prices(0, 300, 3), ...tests, ''].join('\n'));
    // Rows that nobody could read stand where the tests are, until the last point has been tried.
    write(Array.from({ length: 200 }, (_each, i) => row(300 + i, 'sealed')));
    const out = join(folder, 'out');
    const runner = inlineRunner();
    let trained = 0;
    await runPlan(planOf(config(), folder), {
      out,
      runner: {
        ...runner,
        run: async (plan, shards) => {
          if (plan.source.firstRepetition === 1) write(prices(300, 500, 9));
          else trained += plan.jobs;
          await runner.run(plan, shards);
        },
      },
    });
    expect(trained).toBe(12);
    const { folds } = readManifest(out).optimisation!;
    expect(folds.map(({ test: window }) => window![0] - START)).toEqual([90_000, 120_000]);
    for (const { evaluations, bestTest } of folds) {
      expect(evaluations).toBe(6);
      expect(bestTest.mean).toBeGreaterThan(0);
    }
  });

  test('chooses the same whatever the tests hold', async () => {
    const bests = await Promise.all(
      [9, 40].map(async (wave) => {
        const folder = scratchFolder();
        mkdirSync(join(folder, 'out'));
        writeFileSync(
          join(folder, 'prices.csv'),
          ['timestamp,ETH', ...prices(0, 300, 3), ...prices(300, 500, wave), ''].join('\n'),
        );
        await runPlan(planOf(config(), folder), { out: join(folder, 'out'), workers: 0 });
        return readManifest(join(folder, 'out')).optimisation!.folds;
      }),
    );
    const [a, b] = bests.map((folds) => folds.map(({ best, bestTrain }) => ({ best, bestTrain })));
    expect(a).toEqual(b);
    expect(bests[0]![0]!.bestTest).not.toEqual(bests[1]![0]!.bestTest);
  });

  test.each([
    [
      'test = [1700000000, 1700090000]',
      'must begin when its train has ended, at 1700060000; begins at 1700000000',
    ],
    ['test = [1700060000, 1700060100]', 'must be longer than a step, 300 s'],
    [
      'test = [[1700060000, 1700070000], [1700070000, 1700080000]]',
      'must have one window for each of train, 1; has 2',
    ],
    ['', 'needs train and test together'],
    [
      'test = [1700060000, 1700070000]\n[sweep]\n"pool.swapFee" = [0.001]',
      'does not go with sweep or sample',
    ],
  ])('refuses %s', (line, message) => {
    const base = `name = "x"\n[pool]\ntokens = ["ETH", "CASH"]\nweights = [0.5, 0.5]\nvalue = 1\n[time]\nsteps = 1\n[price.ETH]\nprocess = "historical"\nsource = "p.csv"\n[optimise]\nmetric = "fees"\nbudget = 2\nranges = { "pool.swapFee" = [0.001, 0.02] }\ntrain = [1700000000, 1700060000]\n`;
    expect(() => parseExperiment(`${base}${line}\n`)).toThrow(message);
  });

  test('refuses ranges that are none, metrics that are not given, and windows without recorded data', () => {
    const wrong = (text: string) => () => experiment(`[optimise]\nbudget = 3\n${text}\n`);
    expect(wrong('metric = "fees"\nranges = { "pool.swapFee" = [0.02, 0.01] }')).toThrow(
      'must be [least, greatest]; got [0.02, 0.01]',
    );
    expect(wrong('metric = "fees"\nlog = true\nranges = { "pool.swapFee" = [0, 0.01] }')).toThrow(
      'starts above 0; got 0',
    );
    expect(wrong('metric = "luck"\nranges = { "pool.swapFee" = [0, 0.01] }')).toThrow(
      'optimise.metric: must be one of startValue',
    );
    expect(
      wrong(
        'metric = "ulcer"\nranges = { "pool.swapFee" = [0, 0.01] }\n[output]\nmetrics = "core"',
      ),
    ).toThrow('got "ulcer"');
    expect(
      wrong(
        'metric = "fees"\nranges = { "pool.swapFee" = [0, 0.01] }\ntrain = [0, 1000]\ntest = [1000, 2000]',
      ),
    ).toThrow('needs recorded prices or actions');
  });
});
