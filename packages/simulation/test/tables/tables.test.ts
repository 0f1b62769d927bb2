import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  type Action,
  importFile,
  parseExperiment,
  planOf,
  queryResults,
  runPlan,
  type TableFormat,
  writeActions,
  writeReport,
} from '@balancer/simulation';
import { eachRow } from '../../src/tables/tables.ts';
import { ARB, experiment, NOISE } from '../experiment/support.ts';
import { scratchFolder } from '../files.ts';

const FEE =
  '[[controllers]]\ntype = "fee.volatility"\nevery = 100\na = 0.001\nb = 0.5\nhalfLife = 20\nmax = 0.2\n';
const STUDY = `${ARB}${NOISE}${FEE}[sweep]\n"pool.weights" = [[0.5, 0.5], [0.8, 0.2]]\n[output]\nevery = 50\ntrades = true\n`;
const TABLES = ['runs', 'steps', 'trades', 'decisions'] as const;

async function resultsIn(format: TableFormat, workers = 0): Promise<string> {
  const out = scratchFolder();
  await runPlan(planOf(experiment(STUDY, 'runs = 3'), '.'), { out, format, workers });
  return out;
}

async function rowsOf(out: string, table: (typeof TABLES)[number]): Promise<unknown[]> {
  const rows: unknown[] = [];
  const add = (fields: readonly string[]): void => void rows.push(fields);
  await eachRow(out, table, add, add);
  return rows;
}

describe('Parquet', () => {
  test('holds the same rows as CSV, and the report of both is the same', async () => {
    const [csv, parquet] = [await resultsIn('csv'), await resultsIn('parquet')];
    for (const table of TABLES) {
      expect(existsSync(join(parquet, `${table}.csv`))).toBe(false);
      const rows = await rowsOf(csv, table);
      expect(rows.length).toBeGreaterThan(6);
      expect(await rowsOf(parquet, table)).toEqual(rows);
    }
    const [a, b] = [await writeReport(csv), await writeReport(parquet)];
    expect(readFileSync(a, 'utf8')).toBe(readFileSync(b, 'utf8'));
  });

  test('is the same bytes whatever the number of workers', async () => {
    const [one, two] = [await resultsIn('parquet'), await resultsIn('parquet', 2)];
    for (const table of TABLES) {
      const file = `${table}.parquet`;
      expect(readFileSync(join(one, file)).equals(readFileSync(join(two, file)))).toBe(true);
    }
  });

  test('replaces CSV of an earlier run, and CSV replaces Parquet', async () => {
    const out = scratchFolder();
    const run = async (format: TableFormat) =>
      runPlan(planOf(experiment(ARB), '.'), { out, format });
    for (const [format, other] of [
      ['csv', 'parquet'],
      ['parquet', 'csv'],
      ['csv', 'parquet'],
    ] as const) {
      await run(format);
      expect([
        existsSync(join(out, `runs.${format}`)),
        existsSync(join(out, `runs.${other}`)),
      ]).toEqual([true, false]);
    }
  });

  test('gives prices to an experiment as CSV does', async () => {
    const folder = scratchFolder();
    const rows = Array.from(
      { length: 60 },
      (_each, i) => `${1_700_000_000 + i * 300},${100 + 3 * Math.sin(i)}`,
    );
    writeFileSync(join(folder, 'prices.csv'), `timestamp,ETH\n${rows.join('\n')}\n`);
    const { csvToParquet } = await import('@balancer/simulation');
    await csvToParquet(join(folder, 'prices.csv'), join(folder, 'prices.parquet'), [
      { name: 'timestamp', type: 'BIGINT' },
      { name: 'ETH', type: 'DOUBLE' },
    ]);
    const runsWith = async (source: string): Promise<string> => {
      const config = parseExperiment(
        `name = "x"\n[pool]\ntokens = ["ETH", "CASH"]\nweights = [0.5, 0.5]\nvalue = 2000\n[time]\nsteps = 50\n[price.ETH]\nprocess = "historical"\nsource = "${source}"\n${ARB}`,
      );
      const out = join(folder, `out-${source}`);
      await runPlan(planOf(config, folder), { out });
      return readFileSync(join(out, 'runs.csv'), 'utf8');
    };
    expect(await runsWith('prices.parquet')).toBe(await runsWith('prices.csv'));
  });

  test('that is none is an error with the file', async () => {
    const file = join(scratchFolder(), 'x.parquet');
    writeFileSync(file, 'no parquet');
    await expect(importFile(file, { format: 'csv' })).rejects.toThrow(
      /x\.parquet: cannot be read as Parquet: /,
    );
  });
});

describe('a canonical recording', () => {
  const action = (amount: bigint, more: Partial<Action> = {}): Action => ({
    t: 100,
    block: 7,
    tx: '0x1',
    log: 3,
    pool: 'p',
    kind: 'swap',
    actor: 'a',
    given: 'in',
    tokens: ['A', 'B'],
    amounts: [amount, -5n],
    shares: null,
    limit: null,
    prices: null,
    meta: null,
    ...more,
  });
  const typesOf = async (file: string): Promise<Record<string, unknown>> => {
    const { rows } = await queryResults(
      file,
      `describe select * from read_parquet('${join(file, 'a.parquet')}')`,
    );
    return Object.fromEntries(rows.map(([name, type]) => [String(name), type]));
  };

  test.each([
    ['DECIMAL(38,0)[]', 10n ** 38n - 1n],
    ['VARCHAR[]', 10n ** 38n],
  ])('comes back from Parquet whole; amounts are %s up to there', async (type, amount) => {
    const folder = scratchFolder();
    // A folder of results beside it, so that there is something to ask.
    await runPlan(planOf(experiment(ARB), '.'), { out: folder });
    const actions = [
      action(amount, { shares: 10n ** 30n, meta: { note: 'a "quoted", one' } }),
      action(1n, {
        t: 200,
        log: 4,
        kind: 'price',
        tokens: [],
        amounts: [],
        prices: { A: '1.5', B: '2' },
      }),
    ];
    const file = join(folder, 'a.parquet');
    await writeActions(file, actions);
    const { recording, problems } = await importFile(file, { format: 'csv' });
    expect(problems.list).toEqual([]);
    expect(recording.actions).toEqual(actions);
    expect(await typesOf(folder)).toMatchObject({
      t: 'BIGINT',
      log: 'INTEGER',
      amounts: type,
      shares: 'DECIMAL(38,0)',
      tokens: 'VARCHAR[]',
      prices: 'MAP(VARCHAR, VARCHAR)',
    });
  });

  test.each(['a.csv', 'a.ndjson'])('comes back from %s', async (name) => {
    const file = join(scratchFolder(), name);
    const actions = [action(2n ** 200n, { limit: 3n, given: null })];
    await writeActions(file, actions);
    const format = name.endsWith('csv') ? 'csv' : 'ndjson';
    expect((await importFile(file, { format })).recording.actions).toEqual(actions);
  });

  test('leaves no part of a file behind that cannot be written', async () => {
    const folder = scratchFolder();
    await expect(writeActions(join(folder, 'no', 'a.csv'), [])).rejects.toThrow(
      'cannot be written',
    );
    await expect(writeActions(join(folder, 'no', 'a.parquet'), [action(1n)])).rejects.toThrow(
      'cannot be written',
    );
  });
});

describe('questions in SQL', () => {
  test.each(['csv', 'parquet'] as const)('are answered from %s', async (format) => {
    const out = await resultsIn(format);
    const { columns, rows } = await queryResults(
      out,
      'select point, count(*) as n, min(repetition) as first from runs join steps using (run) group by point order by point',
    );
    expect(columns).toEqual(['point', 'n', 'first']);
    expect(rows).toEqual([
      [0, 33, 0],
      [1, 33, 0],
    ]);
  });

  test('that are wrong name the tables there are', async () => {
    const out = await resultsIn('csv');
    await expect(queryResults(out, 'select * from rnus')).rejects.toThrow(
      /rnus.*\nThe tables are runs, steps, trades, decisions/s,
    );
    await expect(queryResults(scratchFolder(), 'select 1')).rejects.toThrow('holds no tables');
  });
});
