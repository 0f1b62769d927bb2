import { describe, expect, test } from 'vitest';
import { v1, v2 } from '@balancer/pools';
import { parseUnits } from '../../src/pools/units.ts';
import { pool, run } from './run.ts';

const WEIGHTED = {
  kind: 'weighted-3',
  swapFee: '0.003',
  tokens: [
    { symbol: 'WETH', decimals: 18, balance: '1000', weight: '0.8' },
    { symbol: 'DAI', decimals: 18, balance: '500000', weight: '0.2' },
  ],
};
const COMPOSABLE = {
  kind: 'composable-3',
  swapFee: '0.0004',
  amp: '200',
  tokens: [
    { symbol: 'wstETH', decimals: 18, balance: '1000', rate: '1.15' },
    { symbol: 'WETH', decimals: 18, balance: '1100' },
  ],
};
/** Past its upper target, so that nominal and real balances differ. */
const LINEAR = {
  kind: 'linear-2',
  swapFee: '0.001',
  upperTarget: '1000',
  tokens: [
    { symbol: 'DAI', decimals: 18, balance: '1500' },
    { symbol: 'aDAI', decimals: 18, balance: '2000', rate: '1.1' },
  ],
};
const LINEAR_PAIRS = [
  ['DAI', 'aDAI'],
  ['DAI', 'BPT'],
  ['aDAI', 'DAI'],
  ['aDAI', 'BPT'],
  ['BPT', 'DAI'],
  ['BPT', 'aDAI'],
] as const;
/** Pools that swap their own token. */
const SHARE_KINDS = [
  ['composable-1', COMPOSABLE],
  ['composable-3', COMPOSABLE],
  ['phantom-1', COMPOSABLE],
  [
    'managed-1',
    {
      ...WEIGHTED,
      tokens: WEIGHTED.tokens
        .with(0, { ...WEIGHTED.tokens[0]!, symbol: 'wstETH' })
        .with(1, { ...WEIGHTED.tokens[1]!, symbol: 'WETH' }),
    },
  ],
] as const;
const SHARE_PAIRS = [
  ['wstETH', 'BPT'],
  ['WETH', 'BPT'],
  ['BPT', 'wstETH'],
  ['BPT', 'WETH'],
] as const;
const V1_POOL = {
  kind: 'v1',
  swapFee: '0.003',
  tokens: [
    { symbol: 'DAI', decimals: 18, balance: '500000', weight: '10' },
    { symbol: 'USDC', decimals: 6, balance: '2000000', weight: '40' },
  ],
};

function withoutRate({ symbol, decimals, balance }: (typeof COMPOSABLE.tokens)[number]) {
  return { symbol, decimals, balance };
}

describe('balancer pools quote', () => {
  test('prints amounts, fee, prices and price impact', () => {
    const { code, out } = run(pool(WEIGHTED), 'quote pool.json --in WETH --out DAI --amount 10');
    expect(code).toBe(0);
    expect(out).toContain('in               10 WETH\n');
    expect(out).toMatch(/out {14}19452\.735577880046 DAI\n/);
    expect(out).toContain('fee              0.03 WETH\n');
    expect(out).toContain('spot price       0.0005 WETH per DAI\n');
    expect(out).toMatch(/price impact {5}2\.813 %\n/);
  });

  test.each<readonly [kind: string, description: object, tokenIn: string, tokenOut: string]>([
    ['weighted-3', WEIGHTED, 'WETH', 'DAI'],
    ['weighted-1', { ...WEIGHTED, kind: 'weighted-1' }, 'DAI', 'WETH'],
    ['composable-3', COMPOSABLE, 'wstETH', 'WETH'],
    ['composable-3', COMPOSABLE, 'WETH', 'wstETH'],
    [
      'stable-1',
      { ...COMPOSABLE, kind: 'stable-1', tokens: COMPOSABLE.tokens.map(withoutRate) },
      'WETH',
      'wstETH',
    ],
    ['metastable-1', { ...COMPOSABLE, kind: 'metastable-1' }, 'wstETH', 'WETH'],
    ['lbp-2', { ...WEIGHTED, kind: 'lbp-2' }, 'DAI', 'WETH'],
    ['investment-1', { ...WEIGHTED, kind: 'investment-1' }, 'DAI', 'WETH'],
    ['managed-1', { ...WEIGHTED, kind: 'managed-1' }, 'WETH', 'DAI'],
    ['phantom-1', { ...COMPOSABLE, kind: 'phantom-1' }, 'wstETH', 'WETH'],
    ...SHARE_KINDS.flatMap(([kind, description]) =>
      SHARE_PAIRS.map(([from, to]) => [kind, { ...description, kind }, from, to] as const),
    ),
    ...LINEAR_PAIRS.map(([from, to]) => ['linear-2', LINEAR, from, to] as const),
    ['linear-3', { ...LINEAR, kind: 'linear-3' }, 'aDAI', 'BPT'],
    ['v1', V1_POOL, 'DAI', 'USDC'],
    ['v1', V1_POOL, 'USDC', 'DAI'],
  ])(
    'explains every rounding of %s up to the amount of the engine',
    (_kind, description, tokenIn, tokenOut) => {
      for (const given of ['in', 'out']) {
        const { out } = run(
          pool(description),
          `quote pool.json --in ${tokenIn} --out ${tokenOut}`,
          `--amount 7.25 --given ${given} --explain --json`,
        );
        const raw = /"raw":{"amountIn":"(\d+)","amountOut":"(\d+)"}/.exec(out)!;
        const last =
          /"name":"(\w+)","formula":"[^"]*","value":"(\d+)","rounding":"[^"]*"}\]}\n$/.exec(out)!;
        expect([last[1], last[2]]).toEqual(
          given === 'in' ? ['amountOut', raw[2]] : ['amountIn', raw[1]],
        );
      }
    },
  );

  test.each(['composable-3', 'composable-1', 'phantom-1'] as const)(
    'explains pool tokens of %s when fees are due and a rate is past its time',
    (kind) => {
      const world = v2.createWorld({ time: 1_700_000_000n, block: 1n });
      world.run({
        do: 'setProtocolFees',
        from: world.state.vault.admin,
        swap: 5n * 10n ** 17n,
        yield: 5n * 10n ** 17n,
      });
      const [a, b] = [18, 6].map((decimals, i) =>
        world.createToken({ symbol: 'AB'[i]!, decimals }),
      ) as [string, string];
      const provider = world.createRateProvider({ rate: 1_100_000_000_000_000_000n });
      const owner = `0x${'1'.repeat(40)}`;
      const id = world.createPool({
        kind,
        tokens: [a, b],
        amp: 200n,
        swapFee: 10n ** 15n,
        owner,
        rateProviders: [provider, null],
        rateCacheDurations: [60n, 0n],
        ...(kind === 'phantom-1' ? {} : { yieldExempt: [false, false] }),
      });
      const amounts = [10n ** 22n, 10n ** 10n];
      world.join({ pool: id, sender: owner, kind: 'INIT', amounts });
      const swap = { pool: id, sender: owner, kind: 'GIVEN_IN' } as const;
      world.swap({ ...swap, tokenIn: a, tokenOut: b, amount: 10n ** 21n });
      world.run({ do: 'setRate', provider, rate: 1_150_000_000_000_000_000n });
      world.warp({ seconds: 100n, blocks: 1n });
      for (const [tokenIn, tokenOut] of [
        ['A', 'BPT'],
        ['B', 'BPT'],
        ['BPT', 'A'],
        ['BPT', 'B'],
      ]) {
        for (const given of ['in', 'out']) {
          const { out } = run(
            pool(JSON.stringify(world)),
            `quote pool.json --in ${tokenIn} --out ${tokenOut}`,
            `--amount 3.25 --given ${given} --explain --json`,
          );
          const raw = /"raw":{"amountIn":"(\d+)","amountOut":"(\d+)"}/.exec(out)!;
          const last = /"value":"(\d+)","rounding":"[^"]*"}\]}\n$/.exec(out)!;
          expect(last[1]).toBe(given === 'in' ? raw[2] : raw[1]);
        }
      }
    },
  );

  test('prices pool tokens of a composable pool, with the fee in the other token', () => {
    const { json } = run(
      pool(COMPOSABLE),
      'quote pool.json --in BPT --out WETH --amount 10 --json',
    );
    expect(json()).toMatchObject({
      tokenIn: 'BPT',
      fee: '0.002044191907227605',
      feeToken: 'WETH',
    });
  });

  test.each([
    [1, 'reverted with BAL#304 (MAX_IN_RATIO)', ['--amount', '301']],
    [2, '--amount: must be an unsigned decimal such as 12.5; got "ten"', ['--amount', 'ten']],
    [2, '--amount: may have at most 18 digits', ['--amount', `0.${'1'.repeat(19)}`]],
    [
      2,
      '--in: "XYZ" is no token of this pool; it has WETH, DAI, BPT',
      ['--amount', '1', '--in', 'XYZ'],
    ],
    [2, '--given: must be in or out', ['--amount', '1', '--given', 'both']],
  ])('exits with %i: %s', (code, message, args) => {
    const result = run(
      pool(WEIGHTED),
      'quote',
      'pool.json',
      '--in',
      'WETH',
      '--out',
      'DAI',
      ...args,
    );
    expect(result).toMatchObject({ code, out: '' });
    expect(result.err).toContain(message);
  });
});

describe('balancer pools spot', () => {
  test('prints the price as a number, and as an exact fraction in JSON', () => {
    const args = ['spot', 'pool.json', '--in', 'USDC', '--out', 'DAI'];
    expect(run(pool(V1_POOL), ...args).out).toBe('1 USDC per DAI\n');
    expect(run(pool(V1_POOL), ...args, '--json').json()).toMatchObject({ price: 1 });
  });
});

describe('balancer pools join and exit', () => {
  test.each([
    ['join', WEIGHTED, ['--amounts', 'WETH=1,DAI=100']],
    ['join', WEIGHTED, ['--shares', '1']],
    ['join', WEIGHTED, ['--shares', '1', '--token', 'DAI']],
    ['exit', WEIGHTED, ['--amounts', 'DAI=100']],
    ['exit', COMPOSABLE, ['--shares', '1', '--token', 'WETH']],
    ['exit', WEIGHTED, ['--shares', '1']],
    ['join', V1_POOL, ['--amounts', 'DAI=100']],
    ['join', V1_POOL, ['--shares', '1']],
    ['exit', V1_POOL, ['--shares', '1', '--token', 'USDC']],
    ['exit', V1_POOL, ['--amounts', 'USDC=100']],
    ['exit', V1_POOL, ['--shares', '2']],
    ['join', V1_POOL, ['--shares', '1', '--token', 'DAI']],
  ])('%s prices tokens and shares', (way, description, args) => {
    const { code, json, err } = run(pool(description), way, 'pool.json', ...args, '--json');
    expect(err).toBe('');
    expect(code).toBe(0);
    expect(json()).toMatchObject({ shares: expect.stringMatching(/[1-9]/) });
    expect(json()).toHaveProperty(
      way,
      expect.arrayContaining([
        { token: expect.any(String), amount: expect.stringMatching(/[1-9]/) },
      ]),
    );
  });

  test('asks for exactly one of tokens and shares', () => {
    const { code, err } = run(pool(WEIGHTED), 'join', 'pool.json');
    expect([code, err]).toEqual([
      2,
      '--amounts or --shares: exactly one of the two must be given\n',
    ]);
  });

  test('says that a V1 pool takes several tokens only by shares', () => {
    const { code, err } = run(pool(V1_POOL), 'join', 'pool.json', '--amounts', 'DAI=1,USDC=1');
    expect(code).toBe(2);
    expect(err).toContain('V1 pools take several only by shares');
  });
});

describe('balancer pools on a JSON state', () => {
  test('finds the only pool of a V2 world, and asks when there are two', () => {
    const world = v2.createWorld({ time: 1n, block: 1n });
    const [a, b] = ['A', 'B'].map((symbol) => world.createToken({ symbol, decimals: 18 }));
    const half = 5n * 10n ** 17n;
    const create = () => {
      const owner = `0x${'1'.repeat(40)}`;
      const created = world.createPool({
        kind: 'weighted-3',
        tokens: [a!, b!],
        weights: [half, half],
        swapFee: 10n ** 15n,
        owner,
      });
      const amounts = [10n ** 20n, 10n ** 20n];
      world.join({ pool: created, sender: owner, kind: 'INIT', amounts });
      return created;
    };
    const first = create();
    const args = ['spot', 'pool.json', '--in', 'A', '--out', 'B'];
    expect(run(pool(JSON.stringify(world)), ...args).out).toBe('1 A per B\n');
    create();
    expect(run(pool(JSON.stringify(world)), ...args)).toMatchObject({ code: 2 });
    expect(run(pool(JSON.stringify(world)), ...args, '--pool', first)).toMatchObject({ code: 0 });
  });

  test('reads the pool of a V1 world', () => {
    const world = v1.createWorld({ block: 1n });
    const owner = `0x${'1'.repeat(40)}`;
    const tokens = [`0x${'2'.repeat(40)}`, `0x${'3'.repeat(40)}`];
    const address = world.newPool(owner);
    for (const token of tokens) {
      world.call(owner, address, { do: 'bind', token, balance: 10n ** 20n, denorm: 10n ** 18n });
    }
    world.call(owner, address, { do: 'finalize' });
    const args = ['spot', 'pool.json', '--in', tokens[0]!, '--out', tokens[1]!];
    expect(run(pool(JSON.stringify(world)), ...args)).toMatchObject({ code: 0 });
  });

  test.each([
    ['pool.json: is not JSON', '{'],
    ['pool.json.kind: must be one of', { ...WEIGHTED, kind: 'weighted' }],
    ['pool.json.more: is not known here', { ...WEIGHTED, more: 1 }],
    [
      'pool.json.tokens[0].balance: must be an unsigned decimal',
      { ...WEIGHTED, tokens: [{ ...WEIGHTED.tokens[0], balance: '-1' }, WEIGHTED.tokens[1]] },
    ],
    ['world.v: must be 1', { v: 2, vault: {} }],
  ])('refuses malformed input with its path: %s', (message, description) => {
    const { code, err } = run(pool(description), 'spot', 'pool.json', '--in', 'A', '--out', 'B');
    expect(code).toBe(2);
    expect(err).toContain(message);
  });

  test('says which file cannot be read', () => {
    const { code, err } = run({}, 'spot', 'none.json', '--in', 'A', '--out', 'B');
    expect([code, err]).toEqual([2, 'none.json: cannot be read: no such file\n']);
  });
});

const files = (steps: unknown) => ({ 'pool.json': COMPOSABLE, 'steps.json': steps });

interface TracedSwap {
  readonly in: { readonly token: string; readonly amount: string };
  readonly out: { readonly token: string; readonly amount: string };
  readonly steps: readonly { readonly value: string }[];
}

describe('balancer pools trace', () => {
  test('shows what a pool token stands for after each change', () => {
    const steps = [
      { do: 'swap', in: 'WETH', out: 'wstETH', amount: '10' },
      { do: 'warp', seconds: '60' },
      {
        do: 'batchSwap',
        given: 'out',
        steps: [
          { in: 'BPT', out: 'WETH', amount: '1' },
          { in: 'WETH', out: 'wstETH', amount: '2' },
        ],
      },
    ];
    const { code, out } = run(files(steps), 'trace', 'pool.json', 'steps.json');
    expect(out).toContain('3 changes, 0 lower the invariant per share\n');
    expect(out).toMatch(
      /^\[0\] in 10 WETH, out 8\.\d+ wstETH, invariant [0-9.]+, shares [0-9.]+, per share \+/,
    );
    expect(code).toBe(0);
  });

  test('shows what a share of a V1 pool stands for after swaps, joins and exits', () => {
    const steps = [
      { do: 'swap', in: 'DAI', out: 'USDC', amount: '10000' },
      { do: 'swap', in: 'DAI', out: 'USDC', amount: '5', given: 'out' },
      { do: 'swap', in: 'DAI', out: 'BPT', amount: '100' },
      { do: 'swap', in: 'DAI', out: 'BPT', amount: '0.5', given: 'out' },
      { do: 'swap', in: 'BPT', out: 'USDC', amount: '1' },
      { do: 'swap', in: 'BPT', out: 'USDC', amount: '7', given: 'out' },
    ];
    const { code, out } = run(
      { 'pool.json': V1_POOL, 's.json': steps },
      'trace',
      'pool.json',
      's.json',
    );
    expect(out).toContain('6 changes, 0 lower the invariant per share\n');
    // Six swaps with a fee: each leaves the shares worth more.
    expect(out.match(/per share \+/g)).toHaveLength(6);
    expect(code).toBe(0);
  });

  test.each([
    ['a composable pool', COMPOSABLE, ['wstETH', 'WETH']],
    ['a V1 pool', V1_POOL, ['DAI', 'USDC']],
  ] as const)('explains every swap of %s, in the state that it meets', (_, description, [a, b]) => {
    const swaps = [
      { do: 'swap', in: a, out: b, amount: '10' },
      { do: 'swap', in: b, out: a, amount: '2', given: 'out' },
      { do: 'swap', in: a, out: 'BPT', amount: '1' },
      { do: 'swap', in: 'BPT', out: b, amount: '0.1', given: 'out' },
    ];
    const made = { 'pool.json': description, 's.json': swaps };
    const { json } = run(made, 'trace', 'pool.json', 's.json', '--explain', '--json');
    const { steps } = json() as { steps: TracedSwap[] };
    expect(steps).toHaveLength(4);
    const decimals = (token: string): number => (token === 'USDC' ? 6 : 18);
    for (const [i, { in: paid, out, steps: explained }] of steps.entries()) {
      const { token, amount } = swaps[i]!.given === 'out' ? paid : out;
      const last = BigInt(explained.at(-1)!.value);
      expect(parseUnits(amount, decimals(token), token)).toBe(last);
    }
  });

  test('runs no batches on V1 pools', () => {
    const steps = [{ do: 'warp', seconds: '1' }];
    const { code, err } = run(
      { 'pool.json': V1_POOL, 's.json': steps },
      'trace',
      'pool.json',
      's.json',
    );
    expect([code, err]).toEqual([
      2,
      '[0].do: must be swap: V1 pools know no batches and no time\n',
    ]);
  });

  test('names the malformed operation', () => {
    const { code, err } = run(
      files([{ do: 'swap', in: 'WETH' }]),
      'trace',
      'pool.json',
      'steps.json',
    );
    expect(code).toBe(2);
    expect(err).toContain('steps.json[0].out: must be a string; got nothing');
  });
});

const recorded = (out: string) => ({
  format: 'pools-vectors/1',
  title: 't',
  source: 's',
  units: 'u',
  count: 1,
  cases: [{ id: 'a', op: 'bnum.bmul', in: { a: '2000000000000000000', b: '3' }, out }],
});

describe('balancer pools verify', () => {
  test('exits with 0 when every recorded call agrees, 1 when one differs', () => {
    expect(run({ 'f.json': recorded('6') }, 'verify', 'f.json')).toMatchObject({ code: 0 });
    const differs = run({ 'f.json': recorded('7') }, 'verify', 'f.json');
    expect(differs.code).toBe(1);
    expect(differs.out).toContain(
      'a (bnum.bmul) differs at out\n    expected "7"\n    computed "6"\n',
    );
  });

  test('prints reports as JSON', () => {
    const { json } = run({ 'f.json': recorded('7') }, 'verify', 'f.json', '--json');
    expect(json()).toMatchObject([{ cases: 1, differences: [{ caseId: 'a', path: 'out' }] }]);
  });

  test('reports every file, also when one of them is malformed', () => {
    const files = { 'a.json': { ...recorded('6'), count: 3 }, 'b.json': recorded('6') };
    const { code, out, err } = run(files, 'verify', 'a.json', 'b.json');
    expect(code).toBe(2);
    expect(out).toContain('b.json: 1 of 1 cases agree\n');
    expect(err).toBe('a.json.count: says 3, the file has 1\n');
  });

  test('says where a record is malformed', () => {
    const broken = recorded('6');
    const steps = [{ do: 'join', pool: 'P', kind: 'INIT' }];
    broken.cases = [{ id: 's', op: 'vault.scenario', in: { steps }, out: '' } as never];
    const { code, out } = run({ 'f.json': broken }, 'verify', 'f.json');
    expect(code).toBe(2);
    expect(out).toContain('malformed: s.in.startTime: must be an integer as a decimal string');
  });

  test('reads folders, and says when one holds no recorded calls', () => {
    expect(run({ 'none/x.json': '{}' }, 'verify', 'none/')).toMatchObject({ code: 2 });
  });
});
