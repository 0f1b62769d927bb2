import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { serveEnv } from '../../src/sim/learn.ts';
import { run } from '../../src/sim/run.ts';
import { runHere } from '../support.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'balancer-sim-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const STATE = {
  kind: 'weighted-3',
  swapFee: '0.003',
  tokens: [
    { symbol: 'WETH', decimals: 18, balance: '1000000000000000000000', weight: '0.8' },
    { symbol: 'USDC', decimals: 6, balance: '500000000000', weight: '0.2' },
  ],
};

function recording(...rows: readonly string[]): { file: string; state: string } {
  const at = folder();
  const [file, state] = [join(at, 'swaps.csv'), join(at, 'state.json')];
  writeFileSync(file, ['t,tx,log,kind,tokens,amounts', ...rows, ''].join('\n'));
  writeFileSync(state, JSON.stringify(STATE));
  return { file, state };
}

const SWAP = '100,0x1,0,swap,USDC WETH,1000000000 -497879671950098000';

describe('balancer sim new and run', () => {
  test('write an example, run it, and name the report', async () => {
    const at = folder();
    const file = join(at, 'study.toml');
    expect(await runHere('sim', 'new', file)).toMatchObject({ code: 0 });
    expect(await runHere('sim', 'new', file)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is already there'),
    });
    writeFileSync(file, readFileSync(file, 'utf8').replace('steps = 5_000', 'steps = 200'));
    const out = join(at, 'out');
    const { code, stdout, stderr } = await runHere(
      'sim',
      'run',
      file,
      '--out',
      out,
      '--format',
      'csv',
      '--workers',
      '0',
      '--verify',
      '0.5',
    );
    expect([code, stdout]).toEqual([0, `${join(out, 'report.html')}\n`]);
    expect(stderr).toMatch(
      /verified 100 steps with \d+ orders: balances differ by at most \d\.\d\de-1\d/,
    );
    expect(readFileSync(join(out, 'runs.csv'), 'utf8').trim().split('\n')).toHaveLength(41);
    const one = await runHere('sim', 'run', file, '--run', '3', '--from-step', '150');
    expect(one.stdout).toMatch(/^1[5-9]\d arb\.closedForm-0: .* for .*, profit/);
    expect(await runHere('sim', 'run', file, '--run', '99')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('has runs 0 to 39'),
    });
    expect(await runHere('sim', 'report', out)).toMatchObject({ code: 0 });
    const events = await runHere(
      'sim',
      'run',
      file,
      '--out',
      join(at, 'json'),
      '--json',
      '--no-report',
      '--seed',
      '8',
    );
    expect(JSON.parse(events.stdout.trim().split('\n').at(-1)!)).toMatchObject({
      event: 'end',
      isComplete: true,
    });
    expect(existsSync(join(at, 'json', 'report.html'))).toBe(false);
  });

  test('run several experiments one after the other, up to the first that fails', async () => {
    const at = folder();
    const study = (name: string, steps: number): string => {
      const file = join(at, `${name}.toml`);
      writeFileSync(
        file,
        `name = "${name}"\n[pool]\ntokens = ["A", "B"]\nvalue = 1\nweights = [0.5, 0.5]\n[time]\nsteps = ${steps}\n[price.A]\nprocess = "constant"\n`,
      );
      onTestFinished(() => rmSync(join('out', name), { recursive: true, force: true }));
      return file;
    };
    const names = [1, 2, 3].map((i) => `several-${process.pid}-${i}`);
    const [good, bad, never] = [study(names[0]!, 3), study(names[1]!, 0), study(names[2]!, 3)];
    const done = await runHere('sim', 'run', good, bad, never, '--format', 'csv');
    expect(done).toMatchObject({ code: 2, stderr: expect.stringContaining('time.steps') });
    expect(done.stdout).toBe(`${join('out', names[0]!, 'report.html')}\n`);
    expect(existsSync(join('out', names[2]!))).toBe(false);
    expect(await runHere('sim', 'run', good, never, '--out', at)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--out and --run: go with one experiment'),
    });
  });

  test('exit with 2 and the place of a mistake', async () => {
    const file = join(folder(), 'wrong.toml');
    writeFileSync(
      file,
      'name = "x"\nrnus = 2\n[pool]\ntokens = ["A", "B"]\nvalue = 1\nweights = [0.5, 0.5]\n[time]\nsteps = 1\n[price.A]\nprocess = "constant"\n',
    );
    const { code, stderr } = await runHere('sim', 'run', file);
    expect(code).toBe(2);
    expect(stderr).toContain(':2:1: rnus: unknown key; did you mean "runs"?');
  });
});

describe('balancer sim check, import and fit', () => {
  test('print a profile; errors are one line each and exit 1', async () => {
    const { file, state } = recording(SWAP);
    const good = await runHere('sim', 'check', file, '--state', state);
    expect(good).toMatchObject({ code: 0, stdout: expect.stringContaining('swap       1') });
    expect(good.stdout).toContain('volume  1000 USDC');
    const bad = recording(SWAP, SWAP, 'x,0x2,0,swap,USDC WETH,1 -1');
    const { code, stderr } = await runHere('sim', 'check', bad.file, '--state', bad.state);
    expect(code).toBe(1);
    expect(stderr.trim().split('\n')).toEqual([
      'swaps.csv:4: t: must be an integer; got "x"',
      'swaps.csv:3: log: transaction 0x1 has log 0 already in line 2; remove one of the two',
    ]);
  });

  test('convert to the canonical format and back', async () => {
    const { file, state } = recording(SWAP);
    const out = join(folder(), 'a.ndjson');
    expect(await runHere('sim', 'import', file, '--state', state, '--out', out)).toMatchObject({
      code: 0,
    });
    expect(JSON.parse(readFileSync(out, 'utf8'))).toMatchObject({
      kind: 'swap',
      amounts: ['1000000000', '-497879671950098000'],
    });
    expect(await runHere('sim', 'check', out, '--format', 'ndjson')).toMatchObject({ code: 0 });
    expect(await runHere('sim', 'check', out, '--format', 'xml')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--format: must be one of csv'),
    });
  });

  test('read any CSV through a mapping, one pool of several, and bars of several tokens', async () => {
    const place = folder();
    const write = (name: string, text: string): string => {
      writeFileSync(join(place, name), text);
      return join(place, name);
    };
    const out = join(place, 'out.csv');
    const trades = write(
      'trades.csv',
      'when,what,who,coins,sizes\n100,swap,p1,USDC WETH,5 -2\n200,swap,p2,USDC WETH,7 -3\n',
    );
    const mapping = write(
      'columns.toml',
      't = "when"\nkind = "what"\npool = "who"\ntokens = "coins"\namounts = "sizes"\n',
    );
    const args = ['sim', 'import', trades, '--mapping', mapping, '--out', out];
    expect(await runHere(...args)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(
        'trades.csv:3: pool: the file holds 2 pools: p1, p2; choose one with --pool',
      ),
    });
    expect(await runHere(...args, '--pool', 'P2')).toMatchObject({ code: 0 });
    expect(readFileSync(out, 'utf8').trim().split('\n')[1]).toContain('p2,swap,,,USDC WETH,7 -3');
    const wrong = write('wrong.toml', 'tt = "when"\n');
    expect(await runHere('sim', 'check', trades, '--mapping', wrong)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('wrong.toml:1:1: tt: unknown key; did you mean "t"?'),
    });
    const bars = (name: string, price: number): string =>
      write(
        name,
        `time;open;high;low;close\n100;${price};${price};${price};${price * 2}\n400;9;9;9;9\n`,
      );
    const prices = [bars('WETH.csv', 2), bars('DAI.csv', 1)];
    const joined = ['sim', 'import', ...prices, '--format', 'ohlc', '--out', out];
    expect(await runHere(...joined, '--bar', 'close')).toMatchObject({ code: 0 });
    expect(readFileSync(out, 'utf8')).toMatch(/^100,.*,price,.*,WETH=4 DAI=2,$/m);
    expect(await runHere(...joined, '--bar', 'last')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--bar: must be mid, close or hlc3; got last'),
    });
  });

  test('estimate the flow of a recording', async () => {
    const rows = Array.from(
      { length: 25 },
      (_each, i) => `${i * 3600},0x${i},0,swap,USDC WETH,${(i + 1) * 1e6} -1000`,
    );
    const { file, state } = recording(...rows);
    const { stdout } = await runHere('sim', 'fit', file, '--state', state);
    expect(stdout).toContain('perDay = 25.0000');
    expect(stdout).toContain('meanSize = 13.0000 # USDC');
    expect(stdout).toContain('bias = 1.00000');
    const prices = join(folder(), 'p.csv');
    writeFileSync(
      prices,
      `timestamp,A\n${Array.from({ length: 100 }, (_each, i) => `${i * 300},${Math.exp(i % 2 ? 0.01 : 0)}`).join('\n')}\n`,
    );
    // A step of 1 % every five minutes is a volatility of 0.01 sqrt(105 120).
    expect((await runHere('sim', 'fit', prices, '--format', 'series')).stdout).toMatch(
      /sigma = 3\.24/,
    );
  });
});

describe('balancer sim replay', () => {
  test('finds no deviation in what the engine itself would do, and one with another fee', async () => {
    const { file, state } = recording(SWAP);
    expect(await runHere('sim', 'replay', file, '--state', state)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('deviation 0\n'),
    });
    const other = await runHere(
      'sim',
      'replay',
      file,
      '--state',
      state,
      '--what-if-fee',
      '0.006',
      '--from',
      '0',
      '--json',
    );
    const report = JSON.parse(other.stdout) as { rows: { computed: string[] }[] };
    expect(Number(report.rows[0]!.computed[1]) / -497879671950098000).toBeCloseTo(0.994 / 0.997, 5);
    expect(
      await runHere('sim', 'replay', file, '--state', state, '--what-if-fee', '0.006'),
    ).toMatchObject({ code: 2, stderr: expect.stringContaining('--from: give the unix second') });
    expect((await runHere('sim', 'replay', file, '--state', state, '--rows')).stdout).toContain(
      '0,100,0x1,swap,USDC WETH',
    );
    const changed = await runHere(
      'sim',
      'replay',
      file,
      '--state',
      state,
      '--from',
      '0',
      '--json',
      '--what-if-weights',
      'WETH=0.3,USDC=0.2',
      '--what-if-token',
      'DAI=1000:0.5',
    );
    const { finalBalances } = JSON.parse(changed.stdout) as {
      finalBalances: Record<string, string>;
    };
    expect(finalBalances['DAI']).toBe('1000000000000000000000');
    expect(
      await runHere(
        'sim',
        'replay',
        file,
        '--state',
        state,
        '--from',
        '0',
        '--what-if-token',
        'DAI',
      ),
    ).toMatchObject({ code: 2, stderr: expect.stringContaining('must be SYMBOL=balance:weight') });
  });
});

describe('balancer sim train, evaluate and env', () => {
  test('train a checkpoint, and measure it beside its baselines', async () => {
    const out = join(folder(), 'policy.json');
    expect(
      await runHere('sim', 'train', 'fee-control', '--seconds', '0', '--out', out),
    ).toMatchObject({ code: 0, stdout: `${out}\n` });
    expect(JSON.parse(readFileSync(out, 'utf8'))).toMatchObject({
      format: 'simulation-policy/2',
      env: 'fee-control',
      seed: '7',
    });
    const { stdout } = await runHere('sim', 'evaluate', out, '--episodes', '2');
    expect(stdout).toMatch(/policy +-?[\d.]+ +\(.*\)\nconstant 0\.\d+ .*\nrandom /);
    expect(await runHere('sim', 'train', 'luck')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('luck: must be one of fee-control, weights-control'),
    });
    writeFileSync(out, '{}');
    expect(await runHere('sim', 'evaluate', out)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is no checkpoint'),
    });
  });

  test('speak JSON lines, and say what was wrong without ending', async () => {
    const lines = [
      '{"do":"step","action":[0.5]}',
      '{"do":"reset","seed":3}',
      '{"do":"step","action":[7]}',
      '{"do":"step","action":[0.5]}',
      'what',
      '{"do":"close"}',
      '{"do":"reset"}',
    ];
    const stdin = new PassThrough();
    let stdout = '';
    const io = {
      stdin: stdin as unknown as NodeJS.ReadStream,
      stdout: { write: (text: string) => (stdout += text) },
      stderr: { write: () => undefined },
      environment: {},
      signals: new EventEmitter(),
    };
    stdin.write(`${lines.join('\n')}\n`);
    expect(await serveEnv('fee-control', io)).toBe(0);
    const answers = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(answers).toMatchObject([
      { error: 'the episode has not begun; call reset' },
      { observation: expect.arrayContaining([0.5]) },
      { error: expect.stringContaining('is not in the action space') },
      { reward: expect.any(Number), truncated: false },
      { error: expect.stringContaining('is not valid JSON') },
      { closed: true },
    ]);
  });
});

describe('balancer sim bench', () => {
  test('prints a figure beside its plain loop; --json is a line each; a name that is none is refused', async () => {
    const text = await runHere('sim', 'bench', 'normals', '--quick');
    expect(text.code).toBe(0);
    expect(text.stdout).toMatch(/^Normals a second\?.* Aim: 15\.0 M\/s/);
    expect(text.stdout).toContain('ours is');
    const json = await runHere('sim', 'bench', 'normals', '--quick', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ name: 'normals', goal: 15e6 });
    expect(await runHere('sim', 'bench', 'speed')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('speed: must be one of normals'),
    });
  });
});

describe('Ctrl-C', () => {
  test('finishes the run under way, leaves valid partial results, and prints the command that goes on', async () => {
    const at = folder();
    const file = join(at, 'study.toml');
    await runHere('sim', 'new', file);
    writeFileSync(file, readFileSync(file, 'utf8').replace('steps = 5_000', 'steps = 500'));
    const out = join(at, 'out');
    const signals = new EventEmitter();
    let stderr = '';
    const io = {
      stdin: new PassThrough() as unknown as NodeJS.ReadStream,
      // The first progress event is the moment of the interrupt.
      stdout: { write: () => signals.emit('SIGINT') },
      stderr: { write: (text: string) => (stderr += text) },
      environment: {},
      signals,
    };
    const flags = { out, workers: 0, report: true, json: true, format: 'csv' };
    expect(await run(file, flags, io)).toBe(130);
    expect(stderr).toMatch(
      new RegExp(`\\d+ of 40 runs are left; go on with: balancer sim run ${file} --out ${out}\n`),
    );
    expect(readFileSync(join(out, 'runs.csv'), 'utf8').trim().split('\n')).toHaveLength(2);
    expect(JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8'))).toMatchObject({
      complete: false,
    });
    expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain('Unfinished: 1 of 40 runs');
    expect(
      await runHere('sim', 'run', file, '--out', out, '--workers', '0', '--format', 'csv'),
    ).toMatchObject({
      code: 0,
    });
    expect(readFileSync(join(out, 'runs.csv'), 'utf8').trim().split('\n')).toHaveLength(41);
  });
});
