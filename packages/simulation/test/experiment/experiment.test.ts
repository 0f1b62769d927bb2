import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  EXAMPLE_EXPERIMENT,
  pairedDifference,
  parseExperiment,
  type Plan,
  planOf,
  pointsOf,
  readManifest,
  runPlan,
  Stream,
  summarise,
  tailRisk,
  unitSamples,
  withValue,
} from '@balancer/simulation';
import { scratchFile, scratchFolder } from '../files.ts';
import { ARB, experiment, NOISE } from './support.ts';

const SWEEP = `${ARB}${NOISE}[sweep]\n"pool.swapFee" = [0.001, 0.003]\n[output]\nevery = 100\ntrades = true\n`;
const plan = (): Plan => planOf(experiment(SWEEP, 'runs = 5'), '.');
const FILES = ['manifest.json', 'runs.csv', 'steps.csv', 'trades.csv', 'errors.ndjson'];
const bytesOf = (folder: string) => FILES.map((file) => readFileSync(join(folder, file), 'utf8'));

describe('the experiment file', () => {
  test('answers mistakes with their place and the remedy, all at once', () => {
    const text =
      'name = "x"\nsede = 7\n[pool]\nkind = "weigthed-3"\ntokens = ["A", "B"]\nvalue = 10\n[time]\nsteps = 0\n[price.C]\nprocess = "gbm"\nsigma = 1\n[[agents]]\ntype = "nois"\n';
    let message = '';
    try {
      parseExperiment(text, 'x.toml');
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toContain('x.toml:2:1: sede: unknown key; did you mean "seed"?');
    expect(message).toContain('x.toml:8:9: time.steps: must be at least 1');
    expect(message).toMatch(/x\.toml:13:8: agents\[0\]\.type: must be one of "arb\.closedForm"/);
    const again = text
      .replace('sede', 'seed')
      .replace('= 0', '= 1')
      .replace('"nois"', '"noise"\nperDay = 1\nmeanSize = 1');
    expect(() => parseExperiment(again, 'x.toml')).toThrow(
      /x\.toml:4:8: pool\.kind: must be one of v1, v1-elastic, weighted-1.*got weigthed-3\nx\.toml:9:8: price\.C: the pool has no token C; it has A, B/,
    );
  });

  test.each([
    ['"pool.swapFea" = [0.1]', 'sweep."pool.swapFea": "pool.swapFea" = 0.1'],
    ['"pool.swapFee" = [2]', '"pool.swapFee" = 2: pool.swapFee'],
  ])('refuses a sweep over %s', (line, message) => {
    expect(() => experiment(`[sweep]\n${line}\n`)).toThrow(message);
  });

  test.each([
    ['weights = [0.5, 0.4]', 'must have the sum 1; is 0.9'],
    ['weights = [0.5, 0.3, 0.2]', 'must have one entry per token, 2; has 3'],
    ['weights = [0.5, 0.5]\nbalances = [1, 2]', 'needs either value (quote) or balances'],
  ])('refuses a pool with %s', (line, message) => {
    expect(() =>
      parseExperiment(
        `name = "x"\n[pool]\ntokens = ["A", "B"]\nvalue = 1\n${line}\n[time]\nsteps = 1\n[price.A]\nprocess = "constant"\n`,
      ),
    ).toThrow(message);
  });

  test('refuses a correlation that is not positive definite, with the eigenvalue', async () => {
    const config = parseExperiment(
      'name = "x"\ncorrelation = [[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]]\n[pool]\ntokens = ["A", "B", "C"]\nweights = [0.4, 0.3, 0.3]\nvalue = 1\n[time]\nsteps = 1\n[price]\nA = { process = "gbm", sigma = 1 }\nB = { process = "gbm", sigma = 1 }\nC = { process = "gbm", sigma = 1 }\n',
    );
    await expect(runPlan(planOf(config, '.'), { out: scratchFolder() })).rejects.toThrow(
      'least eigenvalue is -0.8',
    );
  });

  test('the example of `sim new` is sound', () => {
    expect(parseExperiment(EXAMPLE_EXPERIMENT).name).toBe('which-fee');
  });
});

describe('points', () => {
  test('a sweep is a full grid, and a duplicate point runs once and is reported', async () => {
    const config = experiment(
      '[sweep]\n"pool.swapFee" = [0.001, 0.002, 0.001]\n"pool.weights" = [[0.5, 0.5], [0.8, 0.2]]\n',
    );
    const { points, duplicates } = pointsOf(config);
    expect([points.length, duplicates]).toEqual([4, 2]);
    expect(points[3]!.experiment.pool).toMatchObject({ swapFee: 0.002, weights: [0.8, 0.2] });
    const out = scratchFolder();
    await runPlan(planOf(config, '.'), { out });
    expect(readManifest(out)).toMatchObject({
      points: 4,
      duplicatePoints: 2,
      jobs: 4,
      counts: { runs: 4 },
    });
  });

  test('samples fill their cube: each strip of a latin square holds one, Sobol points halve every axis', () => {
    const stream = new Stream(1n, 's');
    const latin = unitSamples('latin', { n: 16, dimensions: 3, stream });
    for (let d = 0; d < 3; d++)
      expect(new Set(latin.map((row) => Math.floor(row[d]! * 16))).size).toBe(16);
    const sobol = unitSamples('sobol', { n: 63, dimensions: 8, stream });
    for (let d = 0; d < 8; d++) expect(sobol.filter((row) => row[d]! < 0.5).length).toBe(31);
    expect(sobol[0]).toEqual(Array.from({ length: 8 }, () => 0.5));
    const config = experiment(
      '[sample]\nmethod = "sobol"\nn = 5\nranges = { "pool.swapFee" = [0.001, 0.1] }\nlog = true\n',
    );
    expect(pointsOf(config).points[0]!.experiment.pool.swapFee).toBeCloseTo(0.01, 12);
  });
});

describe('results', () => {
  test('are the same bytes with no, one, two or four workers, and after kills and resumes', async () => {
    const first = scratchFolder();
    await runPlan(plan(), { out: first, workers: 0 });
    const expected = bytesOf(first);
    expect(expected[1]!.split('\n')).toHaveLength(12);
    for (const workers of [1, 2, 4]) {
      const out = scratchFolder();
      await runPlan(plan(), { out, workers });
      expect(bytesOf(out)).toEqual(expected);
    }
    // Stopped after three runs, then killed in the middle of a line, then resumed on threads.
    const out = scratchFolder();
    const controller = new AbortController();
    const outcome = await runPlan(plan(), {
      out,
      workers: 0,
      signal: controller.signal,
      onProgress: ({ done }) => done === 3 && controller.abort(),
    });
    expect(outcome).toMatchObject({ isComplete: false, counts: { runs: 3 } });
    expect(readManifest(out).complete).toBe(false);
    expect(readFileSync(join(out, 'runs.csv'), 'utf8').split('\n')).toHaveLength(5);
    const shards = join(
      out,
      readdirSync(out).find((name) => name.startsWith('.shards-'))!,
    );
    writeFileSync(join(shards, 'shard-3.part'), '{"run":3,"metr');
    const resumed = await runPlan(plan(), { out, workers: 2 });
    expect(resumed).toMatchObject({ isComplete: true, resumed: 3 });
    expect(bytesOf(out)).toEqual(expected);
    expect(existsSync(shards)).toBe(false);
  });

  test('are the same bytes when a worker thread is killed in the middle of a shard', async () => {
    const folder = scratchFolder();
    // The thread that finds the charge takes it away and dies of it, in the middle of its second run.
    writeFileSync(
      join(folder, 'agent.mjs'),
      `import { existsSync, rmSync } from 'node:fs';
const charge = ${JSON.stringify(join(folder, 'charge'))};
let runs = 0;
export const createAgent = () => ({ gas: 0, init: () => void runs++, act: ({ step }, { stream }) => {
  if (step === 50 && runs > 1 && existsSync(charge)) { rmSync(charge); process.exit(9); }
  return stream.uniform() < 0.1 ? [{ do: 'swap', tokenIn: 0, tokenOut: 1, amountIn: 0.01 }] : [];
} });`,
    );
    const config = experiment(
      '[[agents]]\ntype = "module"\nname = "mine"\nfile = "agent.mjs"\n[output]\nevery = 100\ntrades = true\n',
      'runs = 200',
    );
    const [calm, killed] = [join(folder, 'calm'), join(folder, 'killed-run')];
    await runPlan(planOf(config, folder), { out: calm, workers: 0 });
    writeFileSync(join(folder, 'charge'), '');
    const outcome = await runPlan(planOf(config, folder), { out: killed, workers: 2 });
    const { isComplete, counts } = outcome;
    expect(existsSync(join(folder, 'charge'))).toBe(false);
    expect([isComplete, counts.runs, counts.errors]).toEqual([true, 200, 0]);
    expect(bytesOf(killed)).toEqual(bytesOf(calm));
  });

  test('are refused when a file that they rest on has changed since they were begun', async () => {
    const folder = scratchFolder();
    const prices = (last: number): void =>
      writeFileSync(
        join(folder, 'prices.csv'),
        `time,ETH\n1700000000,100\n1700000300,101\n1700000600,${last}\n`,
      );
    prices(102);
    const text = `name = "x"\nruns = 6\n[pool]\ntokens = ["ETH", "CASH"]\nweights = [0.5, 0.5]\nvalue = 1\n[time]\nsteps = 2\n[price.ETH]\nprocess = "historical"\nsource = "prices.csv"\n`;
    const again = () => planOf(parseExperiment(text), folder);
    const out = join(folder, 'out');
    const controller = new AbortController();
    const stopped = await runPlan(again(), {
      out,
      workers: 0,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    expect(stopped.isComplete).toBe(false);
    prices(103);
    await expect(runPlan(again(), { out, workers: 0 })).rejects.toThrow(
      /^prices\.csv: changed since the run began.*put the old contents back, or start anew with: rm -r .*\.shards-/,
    );
    prices(102);
    expect((await runPlan(again(), { out, workers: 0 })).isComplete).toBe(true);
    const whole = join(folder, 'whole');
    await runPlan(again(), { out: whole, workers: 0 });
    expect(readFileSync(join(out, 'runs.csv'), 'utf8')).toBe(
      readFileSync(join(whole, 'runs.csv'), 'utf8'),
    );
    expect(Object.keys(readManifest(out).inputs)).toEqual(['prices.csv']);
  });

  test('of another configuration are never mixed in', async () => {
    const out = scratchFolder();
    const controller = new AbortController();
    await runPlan(plan(), {
      out,
      workers: 0,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await runPlan(planOf(withValue(plan().experiment, 'seed', 8), '.'), { out, workers: 0 });
    expect(readManifest(out)).toMatchObject({ seed: '8', complete: true });
    expect(readdirSync(out).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('where the folder cannot be made are refused with a remedy', async () => {
    const file = scratchFile('taken', '');
    await expect(runPlan(plan(), { out: join(file, 'x'), workers: 0 })).rejects.toThrow(
      'choose another with --out',
    );
  });

  test('of a run with faulty user code are an error with the command that shows it again; the others stand', async () => {
    const folder = scratchFolder();
    writeFileSync(
      join(folder, 'agent.mjs'),
      'export const createAgent = () => ({ gas: 0, act: ({ step }, { stream }) => { if (step === 9 && stream.uniform() < 0.5) throw new Error("bad luck"); return []; } });',
    );
    const config = experiment(
      '[[agents]]\ntype = "module"\nname = "mine"\nfile = "agent.mjs"\n',
      'runs = 8',
    );
    const out = join(folder, 'out');
    const { counts } = await runPlan(planOf(config, folder), { out });
    expect(counts.runs).toBe(8);
    expect(counts.errors).toBeGreaterThan(0);
    expect(counts.errors).toBeLessThan(8);
    expect(readFileSync(join(out, 'errors.ndjson'), 'utf8')).toMatch(
      /mine threw at step 9 of run \d \(seed 7\): bad luck; see it again with/,
    );
  });

  test('can be moved', async () => {
    const [from, to] = [scratchFolder(), scratchFolder()];
    await runPlan(plan(), { out: from, workers: 0 });
    mkdirSync(join(to, 'copy'));
    cpSync(from, join(to, 'copy'), { recursive: true });
    expect(readManifest(join(to, 'copy')).counts.runs).toBe(10);
  });
});

describe('recorded prices and flow', () => {
  test('run side by side with agents, thinned and scaled', async () => {
    const folder = scratchFolder();
    writeFileSync(
      join(folder, 'prices.csv'),
      `timestamp,ETH\n${Array.from({ length: 50 }, (_each, i) => `${1_700_000_000 + i * 300},${100 + i}`).join('\n')}\n`,
    );
    const rows = Array.from(
      { length: 40 },
      (_each, i) => `${1_700_000_100 + i * 300},swap,CASH ETH,1.5 -0.01`,
    );
    writeFileSync(join(folder, 'swaps.csv'), `t,kind,tokens,amounts\n${rows.join('\n')}\n`);
    const state = {
      kind: 'weighted-3',
      swapFee: '0.003',
      tokens: [
        { symbol: 'ETH', decimals: 18, balance: '10', weight: '0.5' },
        { symbol: 'CASH', decimals: 18, balance: '1000', weight: '0.5' },
      ],
      units: 'decimal',
    };
    writeFileSync(join(folder, 'state.json'), JSON.stringify(state));
    const base = `name = "mix"\n[pool]\ntokens = ["ETH", "CASH"]\nweights = [0.5, 0.5]\nbalances = [10, 1000]\n[time]\nsteps = 45\n[price.ETH]\nprocess = "historical"\nsource = "prices.csv"\n[history]\nfile = "swaps.csv"\nstate = "state.json"\nunits = "decimal"\n`;
    const rowOf = async (more: string): Promise<Record<string, number>> => {
      const out = join(folder, 'out');
      await runPlan(planOf(parseExperiment(base + more), folder), { out });
      const [head, row] = readFileSync(join(out, 'runs.csv'), 'utf8')
        .split('\n')
        .map((line) => line.split(','));
      return Object.fromEntries(head!.map((name, i) => [name, Number(row![i])]));
    };
    const whole = await rowOf('');
    expect(whole).toMatchObject({ trades: 40, startValue: 2000 });
    expect(whole['volume']).toBeCloseTo(60, 9);
    expect(whole['holdValue']).toBe(10 * 145 + 1000);
    expect((await rowOf('scale = 2\n'))['volume']).toBeCloseTo(120, 9);
    const thin = (await rowOf('thin = 0.5\n'))['trades']!;
    expect(thin).toBeGreaterThan(8);
    expect(thin).toBeLessThan(32);
    expect((await rowOf('from = 1700003000\n'))['trades']).toBe(30);
    expect((await rowOf(ARB))['trades']).toBeGreaterThan(60);
  });

  test('name a column that the file lacks', async () => {
    const folder = scratchFolder();
    writeFileSync(join(folder, 'prices.csv'), 'timestamp,BTC\n1,2\n2,3\n');
    const config = parseExperiment(
      'name = "x"\n[pool]\ntokens = ["ETH", "CASH"]\nweights = [0.5, 0.5]\nvalue = 1\n[time]\nsteps = 1\n[price.ETH]\nprocess = "historical"\nsource = "prices.csv"\n',
    );
    await expect(runPlan(planOf(config, folder), { out: join(folder, 'out') })).rejects.toThrow(
      'price.ETH: prices.csv has no column ETH; it has BTC',
    );
  });
});

describe('statistics', () => {
  test('of five numbers are those computed by hand', () => {
    const summary = summarise([1, 2, 3, 4, 10]);
    expect(summary).toMatchObject({ count: 5, mean: 4 });
    expect(summary.sd).toBeCloseTo(Math.sqrt(50 / 4), 12);
    expect(summary.quantiles.p50).toBe(3);
    expect(summary.quantiles.p25).toBe(2);
    expect(summary.quantiles.p95).toBeCloseTo(8.8, 12);
    expect(summary.low).toBeGreaterThan(1);
    expect(summary.high).toBeLessThan(10);
    const risk = tailRisk([-10, -5, 0, 5, 10], 0.75);
    expect(risk).toEqual({ valueAtRisk: 5, expectedShortfall: 7.5 });
  });

  test('of runs that share their seeds are paired: the standard error is smaller', async () => {
    const out = scratchFolder();
    await runPlan(
      planOf(experiment(`${ARB}[sweep]\n"pool.swapFee" = [0.001, 0.003]\n`, 'runs = 40'), '.'),
      { out, workers: 0 },
    );
    const rows = readFileSync(join(out, 'runs.csv'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(','));
    const column = rows[0]!.indexOf('value');
    const values = (point: string): number[] =>
      rows
        .slice(1)
        .filter((row) => row[1] === point)
        .map((row) => Number(row[column]));
    const difference = pairedDifference(values('1'), values('0'));
    expect(difference.pairedError).toBeLessThan(difference.unpairedError / 10);
    expect(difference.mean).toBeGreaterThan(0);
  });
});
