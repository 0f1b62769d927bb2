/** What only the whole of a recording shows. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  actionsOfPrices,
  formatRecordProblem,
  importFile,
  type ImportOptions,
  loadResources,
  parseExperiment,
  readV1Logs,
  writeActions,
} from '@balancer/simulation';
import { Problems } from '../../src/records/problem.ts';
import { simulationOf } from '../experiment/support.ts';
import { scratchFile, scratchFolder } from '../files.ts';

const STATE = {
  kind: 'weighted-3',
  swapFee: '0.003',
  tokens: [
    { symbol: 'ETH', decimals: 18, balance: '100', weight: '0.5' },
    { symbol: 'DAI', decimals: 18, balance: '1000', weight: '0.5' },
  ],
};

async function check(rows: readonly string[], options: Partial<ImportOptions> = {}) {
  const file = scratchFile('rows.csv', ['t,pool,kind,tokens,amounts', ...rows, ''].join('\n'));
  const state = scratchFile('state.json', JSON.stringify(STATE));
  const { recording, problems } = await importFile(file, { format: 'csv', state, ...options });
  return { actions: recording.actions, lines: problems.list.map(formatRecordProblem) };
}

describe('a recording', () => {
  test('that takes out more than there is names the row', async () => {
    const good = '1,p,swap,DAI ETH,10 -60';
    expect((await check([good])).lines).toEqual([]);
    expect((await check([good, '2,p,swap,DAI ETH,10 -50'])).lines).toEqual([
      'rows.csv:3: amounts: takes out more than is there: ETH would fall to -10. Rows are missing before it, or the initial state is a later one',
    ]);
  });

  test('of several pools is refused until one is chosen', async () => {
    const rows = ['1,0xAA,swap,DAI ETH,10 -1', '2,0xBB,swap,DAI ETH,20 -2'];
    expect((await check(rows)).lines).toEqual([
      'rows.csv:3: pool: the file holds 2 pools: 0xAA, 0xBB; choose one with --pool',
    ]);
    const { actions, lines } = await check(rows, { pool: '0xbb' });
    expect(lines).toEqual([]);
    expect(actions).toMatchObject([{ pool: '0xBB', amounts: [20n, -2n] }]);
  });

  test('is put in order of time, block and log, equal rows as they came', async () => {
    const { actions } = await check(['3,p,gulp,ETH,0', '1,p,gulp,DAI,0', '3,p,gulp,DAI,0']);
    expect(actions.map(({ t, tokens }) => [t, tokens[0]])).toEqual([
      [1, 'DAI'],
      [3, 'ETH'],
      [3, 'DAI'],
    ]);
  });
});

describe('a long file', () => {
  const rows = process.env['BALANCER_TEST_LONG'] === '1' ? 1_000_000 : 60_000;

  test('with one bad number names its row; all others are read', async () => {
    const lines = Array.from({ length: rows }, (_each, i) => `${i},swap,A B,${i + 1} -1`);
    lines[rows - 10] = `${rows - 10},swap,A B,12.5x -1`;
    const file = scratchFile('long.csv', `t,kind,tokens,amounts\n${lines.join('\n')}\n`);
    const { recording, problems } = await importFile(file, { format: 'csv' });
    expect(recording.actions).toHaveLength(rows - 1);
    expect(problems.list.map(formatRecordProblem)).toEqual([
      `long.csv:${rows - 8}: amounts: must be an integer in raw units; got "12.5x"`,
    ]);
  });

  test('with quotes is read like one without', async () => {
    const lines = Array.from({ length: 2000 }, (_each, i) => `${i},swap,A B,"${i + 1} -1"`);
    const plain = scratchFile(
      'a.csv',
      `t,kind,tokens,amounts\n${lines.join('\n').replaceAll('"', '')}\n`,
    );
    const quoted = scratchFile('b.csv', `t,kind,tokens,amounts\n${lines.join('\n')}\n`);
    const [a, b] = [
      await importFile(plain, { format: 'csv' }),
      await importFile(quoted, { format: 'csv' }),
    ];
    expect(b.recording).toEqual(a.recording);
  });
});

describe('price rows', () => {
  test('are prices of an experiment, from the first time at which every token has one', async () => {
    const folder = scratchFolder();
    const rows = ['100,ETH=5', '400,ETH=6 DAI=1', '700,ETH=7', '1000,DAI=2'];
    writeFileSync(
      join(folder, 'prices.csv'),
      `t,kind,prices\n${rows.map((row) => row.replace(',', ',price,')).join('\n')}\n`,
    );
    const { recording } = await importFile(join(folder, 'prices.csv'), { format: 'csv' });
    expect([...recording.prices!.times]).toEqual([400, 700, 1000]);
    const config = parseExperiment(
      'name = "x"\n[pool]\ntokens = ["ETH", "DAI"]\nweights = [0.5, 0.5]\nvalue = 1\n[time]\nstart = 400\nsteps = 2\n[price.ETH]\nprocess = "historical"\nsource = "prices.csv"\nformat = "csv"\n',
    );
    const resources = await loadResources(config, folder);
    expect([...resources.prices.get('prices.csv')!.prices]).toEqual([6, 1, 7, 1, 7, 2]);
    expect((await simulationOf(withoutFiles(config))).step).toBe(0);
    // Written as rows and read again they are the same.
    const again = join(folder, 'again.ndjson');
    await writeActions(again, actionsOfPrices(recording.prices!));
    const { recording: read } = await importFile(again, { format: 'ndjson' });
    expect(read.prices).toEqual(recording.prices);
  });
});

function withoutFiles(config: ReturnType<typeof parseExperiment>) {
  return { ...config, price: { ETH: { process: 'constant' as const, start: 1 } } };
}

describe('logs of a V1 pool', () => {
  const POOL = `0x${'b1'.repeat(20)}`;
  const ZERO = `0x${'0'.repeat(40)}`;
  const at = (log: number, event: object) => ({
    block_number: 1,
    log_index: log,
    block_time: 100,
    tx_hash: '0xt',
    ...event,
  });
  const burn = { event: 'Transfer', from: POOL, to: ZERO, value: '5' };
  const exit = { event: 'LOG_EXIT', caller: '0xc', tokenOut: '0xa', tokenAmountOut: '7' };

  test('report burns that no exit belongs to, and exits without a burn', () => {
    const warnings = (...events: readonly object[]): string[] => {
      const problems = new Problems();
      const rows = events.map((event, i) => at(i, event)) as Parameters<typeof readV1Logs>[0];
      readV1Logs(rows, { file: 'logs.json', pool: POOL, symbols: {} }, problems);
      return problems.list.map(({ message }) => message);
    };
    expect(warnings(burn, exit)).toEqual([]);
    expect(warnings(exit, burn)).toEqual([]);
    expect(warnings(burn)).toEqual([
      'transaction 0xt has a burn of 5 pool shares without an exit; its logs may be incomplete',
    ]);
    expect(warnings(burn, { ...burn, value: '6' }, exit)).toEqual([
      'transaction 0xt has a burn of 5 pool shares without an exit; its logs may be incomplete',
    ]);
    expect(warnings(exit)).toEqual([
      'transaction 0xt has an exit without a burn of pool shares; its logs may be incomplete',
    ]);
  });
});
