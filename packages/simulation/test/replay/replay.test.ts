import { describe, expect, test } from 'vitest';
import {
  type ImportOptions,
  importFile,
  type InitialState,
  type Recording,
  replay,
} from '@balancer/simulation';
import { scratchFile } from '../files.ts';
import { DAI, fullHistory, POOL, V1History, WETH } from './v1-history.ts';

const ETHER = 10n ** 18n;
const SYMBOLS = { [DAI]: 'DAI', [WETH]: 'WETH' };

async function importLogs(history: V1History): Promise<Recording> {
  const path = scratchFile('logs.json', JSON.stringify(history.logs));
  const options: ImportOptions = { format: 'v1-logs', pool: POOL, symbols: SYMBOLS };
  const { recording, problems } = await importFile(path, options);
  expect(problems.list).toEqual([]);
  return recording;
}

const initial: InitialState = {
  kind: 'v1',
  tokens: [
    { symbol: 'DAI', decimals: 18, balance: 10_000_000n * ETHER, weight: 10n * ETHER, rate: null },
    {
      symbol: 'WETH',
      decimals: 18,
      balance: 67_738_636_173_102_396_002_749n,
      weight: 40n * ETHER,
      rate: null,
    },
  ],
  swapFee: 2_500_000_000_000_000n,
  supply: null,
  amp: null,
  protocolFee: 0n,
  isControlled: false,
  t: 0,
  block: null,
  addresses: {},
};

describe('replay of a V1 history', () => {
  test('gives the first mainnet swap of the 80/20 WETH/DAI pool to the last unit', async () => {
    const report = replay(await importLogs(fullHistory()), { mode: 'call' });
    const swap = report.rows.find(({ kind }) => kind === 'swap')!;
    expect(swap.tokens).toEqual(['DAI', 'WETH']);
    expect(swap.computed).toEqual([11_861_328_308_360_999_600_128n, -20_021_734_699_893_455_844n]);
  });

  test('from its creation deviates by 0 in mode call, and ends where the pool ended', async () => {
    const history = fullHistory();
    const recording = await importLogs(history);
    const report = replay(recording, { mode: 'call' });
    expect(report.firstDivergence).toBeNull();
    expect(report.counts).toEqual({ run: 13, skipped: 0, clipped: 0 });
    expect(report.rows.map(({ kind }) => kind)).toEqual([
      'weights',
      'weights',
      'fee',
      'create',
      'swap',
      'swap',
      'join',
      'joinSwap',
      'joinSwap',
      'exitSwap',
      'exitSwap',
      'exit',
      'swap',
    ]);
    const final = Object.fromEntries(
      history.pool.tokens.map(({ token, balance }) => [SYMBOLS[token], balance]),
    );
    expect(report.finalBalances).toEqual(final);
    expect(replay(recording, { mode: 'apply' }).finalBalances).toEqual(final);
    expect(report.recordedBalances).toEqual(final);
  });

  test('in mode event repeats exact-in swaps; an exact-out one is as given', async () => {
    const report = replay(await importLogs(fullHistory()), { mode: 'event' });
    expect(report.firstDivergence).toBeNull();
  });

  test('names the transaction of the first divergence after an unknown donation', async () => {
    const history = new V1History();
    history.call({ do: 'bind', token: DAI, balance: 1000n * ETHER, denorm: 10n * ETHER });
    history.call({ do: 'bind', token: WETH, balance: 1000n * ETHER, denorm: 10n * ETHER });
    history.call({ do: 'finalize' });
    history.call({ do: 'swapExactAmountIn', tokenIn: DAI, tokenAmountIn: ETHER, tokenOut: WETH });
    // A plain transfer of DAI to the pool leaves no log of the pool.
    history.call({ do: 'donate', token: DAI, amount: 50n * ETHER }, true);
    history.call({ do: 'gulp', token: DAI });
    const tx = history.call({
      do: 'swapExactAmountIn',
      tokenIn: DAI,
      tokenAmountIn: ETHER,
      tokenOut: WETH,
    });
    const report = replay(await importLogs(history), { mode: 'call' });
    expect(report.firstDivergence).toMatchObject({ kind: 'swap', tx });
    expect(report.firstDivergence!.relative).toBeGreaterThan(0.04);
    expect(report.totals['WETH']).toBeLessThan(0n);
  });
});

const swap = (t: number, tokens: [string, string], paid: bigint, taken: bigint) => ({
  t,
  block: t,
  tx: `0x${t}`,
  log: 0,
  pool: 'p',
  kind: 'swap' as const,
  actor: '',
  given: 'in' as const,
  tokens,
  amounts: [paid, -taken],
  shares: null,
  limit: null,
  prices: null,
  meta: null,
});

describe('what-if replay', () => {
  const recording: Recording = { initial, prices: null, actions: [] };
  // The recording is what the pool itself does.
  const amounts = [500n, 2000n, 1500n].map((units) => units * ETHER);
  const actions = amounts.map((amount, i) => swap(i + 1, ['DAI', 'WETH'], amount, 1n));
  const actual = replay({ ...recording, actions }, { mode: 'event' });
  const clean: Recording = {
    ...recording,
    actions: actions.map((action, i) => ({ ...action, amounts: [...actual.rows[i]!.computed] })),
  };

  test('with the fee doubled from t on is the recording before t, and not after', () => {
    const report = replay(clean, {
      mode: 'event',
      whatIf: { from: 2, change: { swapFee: 5_000_000_000_000_000n }, carry: 'absolute' },
    });
    expect(report.rows[0]!.absolute).toBe(0n);
    expect(report.rows[1]!.absolute).toBeGreaterThan(0n);
    // A doubled fee keeps another 0.25 % of what comes in.
    expect(Number(report.rows[1]!.computed[1]) / Number(report.rows[1]!.recorded[1])).toBeCloseTo(
      0.995 / 0.9975,
      4,
    );
  });

  test('in relative mode trades ten times as much on a pool ten times as large', () => {
    const report = replay(clean, {
      mode: 'event',
      whatIf: { from: 1, change: { scale: 10 }, carry: 'relative' },
    });
    report.rows.forEach((row) => {
      expect(row.computed[0]).toBe(10n * row.recorded[0]!);
      // V1 cuts its power series at 1e-10 of the balance.
      expect(
        Math.abs(Number(row.computed[1]! - 10n * row.recorded[1]!)) / Number(row.recorded[1]!),
      ).toBeLessThan(1e-5);
    });
  });

  test('by price moves the spot of another pool as far as the recording did', () => {
    const report = replay(clean, {
      mode: 'event',
      whatIf: { from: 1, change: { kind: 'weighted-3', scale: 2 }, carry: 'price' },
    });
    const [row] = report.rows;
    const [recordedIn, recordedOut] = [10_000_000n * ETHER, 67_738_636_173_102_396_002_749n];
    const factor = (bi: bigint, bo: bigint, [i, o]: readonly bigint[]): number =>
      (Number(bi + i!) / Number(bi)) * (Number(bo) / Number(bo + o!));
    expect(factor(2n * recordedIn, 2n * recordedOut, row!.computed)).toBeCloseTo(
      factor(recordedIn, recordedOut, row!.recorded),
      12,
    );
  });

  test('skips, clips or fails on an action that reverts', () => {
    const huge = { ...recording, actions: [swap(1, ['DAI', 'WETH'], 6_000_000n * ETHER, 1n)] };
    expect(replay(huge, { mode: 'event' })).toMatchObject({
      counts: { run: 0, skipped: 1 },
      rows: [{ revert: 'ERR_MAX_IN_RATIO' }],
    });
    const clipped = replay(huge, { mode: 'event', onRevert: 'clip' });
    // 6 M are more than half of the 10 M in the pool, to a millionth of them.
    expect(clipped.rows[0]).toMatchObject({ outcome: 'clipped', revert: 'ERR_MAX_IN_RATIO' });
    expect(Number(clipped.rows[0]!.computed[0]! / ETHER)).toBeGreaterThan(5_000_000 - 6);
    expect(clipped.rows[0]!.computed[0]).toBeLessThanOrEqual(5_000_000n * ETHER);
    expect(() => replay(huge, { mode: 'event', onRevert: 'fail' })).toThrow(
      'action 0 (swap, transaction 0x1) reverts with ERR_MAX_IN_RATIO',
    );
  });

  test('refuses a recording that takes out more than was ever there', () => {
    const wrong = { ...recording, actions: [swap(1, ['DAI', 'WETH'], 1n, 1n << 90n)] };
    expect(() => replay(wrong, { mode: 'apply', onRevert: 'fail' })).toThrow(
      'takes more than was ever recorded',
    );
  });
});
