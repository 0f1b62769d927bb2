import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  actionFields,
  actionLine,
  ACTION_COLUMNS,
  type Action,
  CsvParser,
  formatDecimal,
  formatRow,
  importFile,
  importPrices,
  type ImportOptions,
  parseDecimal,
  profileOf,
  formatRecordProblem,
  splitRow,
  toRaw,
  toUnits,
} from '@balancer/simulation';
import { scratchFile } from '../files.ts';

const HEADER = ACTION_COLUMNS.join(',');
const STATE = {
  kind: 'weighted-3',
  t: 100,
  swapFee: '0.003',
  tokens: [
    {
      symbol: 'WETH',
      address: '0xAA',
      decimals: 18,
      balance: '1000000000000000000000',
      weight: '0.8',
    },
    { symbol: 'USDC', address: '0xBB', decimals: 6, balance: '500000000000', weight: '0.2' },
  ],
};

async function load(name: string, content: string, options: Partial<ImportOptions> = {}) {
  const state = scratchFile('state.json', JSON.stringify(STATE));
  const { recording, problems } = await importFile(scratchFile(name, content), {
    format: 'csv',
    state,
    ...options,
  });
  return { ...recording, lines: problems.list.map(formatRecordProblem), problems };
}

describe('decimal amounts', () => {
  test('become raw by text alone, 18 digits exactly', () => {
    expect(parseDecimal('20.021734699893455844', 18)).toEqual({ raw: 20_021_734_699_893_455_844n });
    expect(parseDecimal('123456789012345678.123456789012345678', 18)).toEqual({
      raw: 123_456_789_012_345_678_123_456_789_012_345_678n,
    });
    expect(parseDecimal('1e-7', 8)).toEqual({ raw: 10n });
    expect(parseDecimal('-0.5', 6)).toEqual({ raw: -500_000n });
  });

  test('with more digits than decimals are refused, unless those are zeros', () => {
    expect(parseDecimal('1.1234567', 6)).toEqual({
      wrong: expect.stringContaining("more than the token's 6 decimals"),
    });
    expect(parseDecimal('1.1000000', 6)).toEqual({ raw: 1_100_000n });
  });

  test('round-trip', () => {
    fc.assert(
      fc.property(fc.bigInt(), fc.nat(36), (raw, decimals) => {
        expect(parseDecimal(formatDecimal(raw, decimals), decimals)).toEqual({ raw });
      }),
    );
  });

  test('as numbers stay within a rounding', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e12, noNaN: true }), (units) => {
        expect(Math.abs(toUnits(toRaw(units, 18), 18) / units - 1)).toBeLessThan(1e-11);
      }),
    );
  });
});

describe('CSV', () => {
  test('reads back what it writes, in pieces of any size', () => {
    const field = fc.string().map((text) => text.replaceAll('\r', ''));
    fc.assert(
      fc.property(
        fc.array(fc.array(field, { minLength: 2, maxLength: 4 }), { maxLength: 5 }),
        fc.integer({ min: 1, max: 7 }),
        (rows, size) => {
          const text = rows.map((row) => `${formatRow(row)}\n`).join('');
          const read: string[][] = [];
          const parser = new CsvParser((fields) => read.push([...fields]), ',');
          for (let i = 0; i < text.length; i += size) parser.push(text.slice(i, i + size));
          parser.end();
          expect(read).toEqual(
            rows.map((row) => splitRow(formatRow(row), ',')).filter((row) => row.length > 1),
          );
          expect(read).toEqual(
            rows
              .filter((row) => formatRow(row) !== '')
              .map((row) =>
                [...row].map((text, i) =>
                  i === 0 && text.startsWith('\uFEFF') ? text.slice(1) : text,
                ),
              ),
          );
        },
      ),
    );
  });

  test('names the line of a quote that is never closed', async () => {
    const { lines } = await load('a.csv', `${HEADER}\n1,"2\n3\n`);
    expect(lines[0]).toMatch(/^a\.csv:2: a quote is not closed/);
  });
});

const row = (cells: Partial<Record<(typeof ACTION_COLUMNS)[number], string>>) =>
  formatRow(ACTION_COLUMNS.map((column) => cells[column] ?? ''));
const SWAP = {
  t: '200',
  block: '1',
  tx: '0x1',
  log: '0',
  kind: 'swap',
  tokens: 'USDC WETH',
  amounts: '1000000 -500000000000000',
};

describe('the canonical record', () => {
  test('is read from CSV and from NDJSON alike, sorted by chain position', async () => {
    const second = { ...SWAP, t: '150', tx: '0x2' };
    const csv = await load('a.csv', [HEADER, row(SWAP), row(second)].join('\n'));
    expect(csv.lines).toEqual([]);
    expect(csv.actions.map(({ t }) => t)).toEqual([150, 200]);
    expect(csv.actions[1]).toMatchObject({
      kind: 'swap',
      amounts: [1_000_000n, -500_000_000_000_000n],
    });
    const ndjson = await load('a.ndjson', csv.actions.map(actionLine).join('\n'), {
      format: 'ndjson',
    });
    expect(ndjson.actions).toEqual(csv.actions);
    const again = await load(
      'b.csv',
      [HEADER, ...csv.actions.map((action: Action) => formatRow(actionFields(action)))].join('\n'),
    );
    expect(again.actions).toEqual(csv.actions);
  });

  test('answers a broken file with one line each: file, row, value, mending', async () => {
    const { lines } = await load(
      'broken.csv',
      [
        HEADER,
        row({ ...SWAP, amounts: '12x -5' }),
        row({ ...SWAP, tx: '0x2' }),
        row({ ...SWAP, tx: '0x2' }),
        row({ ...SWAP, tx: '0x3', tokens: 'USDC DAI' }),
        row({ ...SWAP, tx: '0x4', t: '50' }),
        row({ ...SWAP, tx: '0x5', kind: 'swapp' }),
        '1,2,3',
      ].join('\n'),
    );
    expect(lines).toEqual([
      'broken.csv:2: amounts: must be an integer in raw units; got "12x"',
      expect.stringMatching(/^broken\.csv:7: kind: must be one of create, swap, .*; got "swapp"$/),
      'broken.csv:8: has 3 fields, the header has 14; quote fields that hold the separator',
      'broken.csv:4: log: transaction 0x2 has log 0 already in line 3; remove one of the two',
      'broken.csv:5: tokens: "DAI" is no token of the pool; it has WETH, USDC',
      'broken.csv:6: t: 50 is before the initial state at 100; give an earlier state or drop the row',
    ]);
  });

  test('names a missing column and what the header has', async () => {
    const { lines } = await load('a.csv', 'time,kind\n1,swap\n');
    expect(lines[0]).toBe(
      'a.csv:1: t: is missing; the header has time, kind. Add it, or name another column in the mapping',
    );
  });

  test('comes from any CSV through a mapping', async () => {
    const text = 'when;what;coins;how_much\n200;swap;USDC WETH;1.5 -0.001\n';
    const { actions, lines } = await load('x.csv', text, {
      units: 'decimal',
      mapping: { t: 'when', kind: 'what', tokens: 'coins', amounts: 'how_much' },
    });
    expect(lines).toEqual([]);
    expect(actions[0]!.amounts).toEqual([1_500_000n, -1_000_000_000_000_000n]);
  });

  test('warns of amounts that look raw among decimal ones', async () => {
    const rows = ['1.5', '2.5', '1.25', '18298383'].map((amount, i) =>
      row({ ...SWAP, tx: `0x${i}`, amounts: `${amount} -0.001` }),
    );
    const { lines } = await load('a.csv', [HEADER, ...rows].join('\n'), { units: 'decimal' });
    expect(lines).toEqual([
      expect.stringContaining('a.csv:5: amounts: warning: 18298383 USDC looks like raw units'),
    ]);
  });

  test('keeps a hundred findings and counts the rest', async () => {
    const rows = Array.from({ length: 150 }, (_each, i) =>
      row({ ...SWAP, tx: `0x${i}`, amounts: 'x -5' }),
    );
    const { problems } = await load('a.csv', [HEADER, ...rows].join('\n'));
    expect([problems.list.length, problems.dropped]).toEqual([100, 50]);
    expect(() => problems.throwIfAny()).toThrow('(50 more findings omitted)');
  });
});

describe('te-actions', () => {
  const item = (action: object, more: object = {}) => ({
    timestamp: '2020-12-01T00:00:00',
    tx_hash: '0x1',
    block_number: 5,
    swap_fee: '0.0025',
    fiat_currency: 'USD',
    denorms: [
      { token_address: '0xaa', token_symbol: 'WETH', denorm: '40.0' },
      { token_address: '0xbb', token_symbol: 'DAI', denorm: '10.0' },
    ],
    contract_call: [],
    action,
    ...more,
  });
  test('gives the pool and every type of action', async () => {
    const text = JSON.stringify([
      item({
        type: 'pool_creation',
        tokens_in: [
          { amount: '67738.636173102396002749', symbol: 'WETH' },
          { amount: '10000000', symbol: 'DAI' },
        ],
      }),
      item(
        {
          type: 'swap',
          token_in: { amount: '11861.328308360999600128', symbol: 'DAI' },
          token_out: { amount: '20.021734699893455844', symbol: 'WETH' },
        },
        { contract_call: [{ type: 'swapExactAmountIn', inputs: {} }] },
      ),
      item({
        type: 'join',
        tokens_in: [
          { amount: '1', symbol: 'WETH' },
          { amount: '2', symbol: 'DAI' },
        ],
        pool_amount_out: '0.5',
      }),
      item({
        type: 'join_swap',
        token_in: { amount: '1', symbol: 'WETH' },
        pool_amount_out: '0.5',
      }),
      item({
        type: 'exit',
        tokens_out: [
          { amount: '1', symbol: 'WETH' },
          { amount: '2', symbol: 'DAI' },
        ],
        pool_amount_in: '0.5',
      }),
      item({
        type: 'exit_swap',
        token_out: { amount: '1', symbol: 'WETH' },
        pool_amount_in: '0.5',
      }),
      item({ type: 'external_price_update', tokens: { WETH: 600.5, DAI: 1 } }),
      item({ type: 'burn' }),
    ]);
    const { recording, problems } = await importFile(scratchFile('te.json', text), {
      format: 'te-actions',
      decimals: { WETH: 18, DAI: 18 },
    });
    expect(problems.list.map(formatRecordProblem)).toEqual([
      expect.stringContaining('te.json:8: action.type: must be one of pool_creation'),
    ]);
    expect(recording.initial).toMatchObject({
      kind: 'v1',
      swapFee: 2_500_000_000_000_000n,
      tokens: [
        { symbol: 'WETH', balance: 67_738_636_173_102_396_002_749n, weight: 40n * 10n ** 18n },
        { symbol: 'DAI' },
      ],
    });
    expect(recording.actions.map(({ kind }) => kind)).toEqual([
      'swap',
      'join',
      'joinSwap',
      'exit',
      'exitSwap',
      'price',
    ]);
    expect(recording.actions[0]).toMatchObject({
      given: 'in',
      amounts: [11_861_328_308_360_999_600_128n, -20_021_734_699_893_455_844n],
    });
    expect(recording.actions[3]!.shares).toBe(-500_000_000_000_000_000n);
    expect(recording.actions[5]!.prices).toEqual({ WETH: '600.5', DAI: '1' });
  });
});

describe('te-state', () => {
  test.each([false, true])('is read, with __type__ members: %s', async (typed) => {
    const value = (text: string) => (typed ? { __type__: 'Decimal', value: text } : text);
    const token = (weight: string, balance: string) => ({
      ...(typed && { __type__: 'Token' }),
      weight: value(weight),
      denorm_weight: value(weight),
      balance: value(balance),
      bound: true,
    });
    const text = JSON.stringify({
      pool: {
        tokens: {
          ...(typed && { __type__: 'dict' }),
          WETH: token('40', '67738.5'),
          DAI: token('10', '10000000'),
        },
        generated_fees: 0,
        pool_shares: value('100'),
        swap_fee: value('0.0025'),
      },
      action_type: 'pool_creation',
      change_datetime: '2020-12-01T00:00:00',
      token_prices: {},
    });
    const { recording } = await importFile(scratchFile('state.json', text), { format: 'te-state' });
    expect(recording.initial).toMatchObject({
      kind: 'v1',
      supply: 100n * 10n ** 18n,
      tokens: [{ symbol: 'WETH', balance: 67_738_500_000_000_000_000_000n }, { symbol: 'DAI' }],
    });
  });
});

describe('prices', () => {
  test('come from bars of one token a file, joined on their times', async () => {
    const eth = scratchFile(
      'WETH.csv',
      'time;open;high;low;close;Volume\n2021-01-01T00:00:00Z;100;130;90;110;1\n2021-01-01T00:05:00Z;110;120;100;120;1\n',
    );
    const btc = scratchFile(
      'BTC.csv',
      'time,open,high,low,close\n1609459200,10,10,10,20\n1609459500,20,20,20,30\n1609459800,1,1,1,1\n',
    );
    const table = await importPrices([eth, btc], { format: 'ohlc' });
    expect(table.symbols).toEqual(['WETH', 'BTC']);
    expect([...table.times]).toEqual([1_609_459_200, 1_609_459_500]);
    expect([...table.prices]).toEqual([105, 15, 115, 25]);
    const typical = await importPrices([eth], { format: 'ohlc', barPrice: 'hlc3', symbol: 'ETH' });
    expect(typical.symbols).toEqual(['ETH']);
    expect(typical.prices[0]).toBe(110);
  });

  test('come from series in JSON and CSV, and gaps are told', async () => {
    const json = await importPrices([scratchFile('s.json', '[[0, 1.5], [60, 1.6]]')], {
      format: 'series',
      symbol: 'X',
    });
    expect([...json.prices]).toEqual([1.5, 1.6]);
    const text = `timestamp,A,B\n${[0, 60, 120, 180, 900].map((t) => `${t},1,2`).join('\n')}`;
    const { problems } = await importFile(scratchFile('g.csv', text), { format: 'series' });
    expect(problems.list.map(formatRecordProblem)).toEqual([
      'g.csv: prices: warning: 11 rows are missing after 1970-01-01T00:03:00.000Z; the last price is held',
    ]);
  });

  test('refuse what is no price or goes back in time', async () => {
    const { problems } = await importFile(
      scratchFile('p.csv', 'timestamp,A\n0,1\n60,-1\n30,x\n30,2\nyesterday,1\n30,3'),
      { format: 'series' },
    );
    expect(problems.list.map(formatRecordProblem)).toEqual([
      'p.csv:3: A: must be a price above 0; got "-1"',
      'p.csv:4: A: must be a price above 0; got "x"',
      'p.csv:6: time: must be a time, ISO 8601 or unix seconds; got "yesterday"',
      'p.csv:7: time: must be after the row before it; sort the rows by time and drop doubles',
    ]);
  });
});

describe('subgraph-v2', () => {
  test('gives the pool, swaps, joins and prices of its pages', async () => {
    const page = {
      data: {
        swaps: [
          {
            id: '0x1-1',
            caller: '0xc',
            tokenIn: '0xBB',
            tokenInSym: 'USDC',
            tokenOut: '0xAA',
            tokenOutSym: 'WETH',
            tokenAmountIn: '1000.5',
            tokenAmountOut: '0.5',
            valueUSD: '1000',
            poolId: { id: '0xp' },
            userAddress: { id: '0xu' },
            timestamp: 200,
            tx: '0x1',
          },
        ],
        joinExits: [
          {
            id: 'j',
            type: 'Join',
            sender: '0xs',
            amounts: ['1', '2000'],
            valueUSD: '1',
            pool: { id: '0xp' },
            user: { id: '0xu' },
            timestamp: 150,
            tx: '0x2',
          },
        ],
        pool: {
          poolType: 'Weighted',
          swapFee: '0.003',
          totalShares: '1000',
          totalWeight: '1',
          tokensList: ['0xAA', '0xBB'],
          tokens: [
            {
              address: '0xAA',
              symbol: 'WETH',
              balance: '1000',
              weight: '0.8',
              priceRate: '1',
              decimals: 18,
            },
            {
              address: '0xBB',
              symbol: 'USDC',
              balance: '500000',
              weight: '0.2',
              priceRate: '1',
              decimals: 6,
            },
          ],
        },
        tokenPrices: [
          { asset: '0xAA', price: '2000', timestamp: 100 },
          { asset: '0xBB', price: '1', timestamp: 100 },
          { asset: '0xAA', price: '2010', timestamp: 200 },
        ],
      },
    };
    const { recording, problems } = await importFile(
      scratchFile('pages.json', JSON.stringify([page])),
      { format: 'subgraph-v2' },
    );
    expect(problems.list).toEqual([]);
    expect(recording.initial).toMatchObject({ kind: 'weighted-1', supply: 1000n * 10n ** 18n });
    expect(recording.actions).toMatchObject([
      { kind: 'join', amounts: [10n ** 18n, 2_000_000_000n] },
      {
        kind: 'swap',
        tokens: ['USDC', 'WETH'],
        amounts: [1_000_500_000n, -500_000_000_000_000_000n],
      },
    ]);
    expect([...recording.prices!.prices]).toEqual([2000, 1, 2010, 1]);
  });
});

describe('dune', () => {
  test('gives swaps and balance changes of the Vault', async () => {
    const swaps =
      'poolId,tokenIn,tokenOut,amountIn,amountOut,evt_block_number,evt_block_time,evt_index,evt_tx_hash\n0xp,0xbb,0xaa,1000000,5000,7,2023-01-01 00:00:00.000 UTC,3,0x1\n';
    const one = await load('d.csv', swaps, { format: 'dune' });
    expect(one.lines).toEqual([]);
    expect(one.actions[0]).toMatchObject({
      t: 1_672_531_200,
      block: 7,
      log: 3,
      kind: 'swap',
      tokens: ['USDC', 'WETH'],
      amounts: [1_000_000n, -5000n],
    });
    const changes =
      'poolId,deltas,tokens,protocolFeeAmounts,liquidityProvider,evt_block_number,evt_block_time,evt_index,evt_tx_hash\n0xp,[5000 1000],"[0xaa 0xbb]",[0 0],0xl,8,2023-01-01 00:01:00,1,0x2\n0xp,"[-5,-6]","[0xaa,0xbb]",[0 0],0xl,9,2023-01-01 00:02:00,1,0x3\n';
    const two = await load('c.csv', changes, { format: 'dune' });
    expect(two.actions).toMatchObject([
      { kind: 'join', amounts: [5000n, 1000n], actor: '0xl' },
      { kind: 'exit', amounts: [-5n, -6n] },
    ]);
  });
});

describe('profileOf', () => {
  test('counts rows, span and volume', async () => {
    const recording = await load('a.csv', [HEADER, row(SWAP)].join('\n'));
    expect(profileOf(recording)).toEqual({
      rows: 1,
      kinds: { swap: 1 },
      from: 200,
      to: 200,
      volume: { USDC: 1 },
      priceRows: 0,
    });
  });
});
