import { describe, expect, test } from 'vitest';
import { v2 } from '@balancer/pools';
import { pool, run } from './run.ts';

const ONE = 10n ** 18n;
const OWNER = `0x${'1'.repeat(40)}`;
const TRADER = `0x${'2'.repeat(40)}`;
const SYMBOLS = ['A', 'B', 'C'];
const DECIMALS = [18, 6, 8];

const KINDS: readonly v2.PoolKind[] = [
  'weighted-1',
  'weighted-3',
  'weighted2tokens-1',
  'investment-1',
  'managed-1',
  'stable-1',
  'stable-2',
  'metastable-1',
  'composable-1',
  'composable-3',
];

interface Answer {
  readonly [way: string]: unknown;
  readonly shares: string;
  readonly fees: readonly { readonly token: string; readonly amount: string }[];
  readonly priceImpact: number;
  readonly raw: { readonly amounts: readonly string[]; readonly shares: string };
  readonly steps: readonly { readonly name: string; readonly value: string }[];
}

/** A pool that has been traded with, so that it owes the protocol fees. */
function tradedWorld(kind: v2.PoolKind): { world: v2.World; id: v2.PoolId } {
  const rules = v2.POOL_KINDS[kind];
  const { family } = rules;
  const world = v2.createWorld({ time: 1_700_000_000n, block: 1n });
  const { admin } = world.state.vault;
  world.run({
    do: 'setProtocolFees',
    from: admin,
    swap: ONE / 2n,
    yield: ONE / 2n,
    aum: ONE / 10n,
  });
  const count = Math.min(3, rules.maxTokens);
  const tokens = SYMBOLS.slice(0, count).map((symbol, i) =>
    world.createToken({ symbol, decimals: DECIMALS[i]! }),
  );
  const hasRates = family === 'composable' || kind === 'metastable-1';
  const provider = world.createRateProvider({ rate: (ONE * 11n) / 10n });
  const weights = [(ONE * 2n) / 10n, (ONE * (count === 2 ? 8n : 3n)) / 10n, ONE / 2n];
  const id = world.createPool({
    kind,
    tokens,
    owner: OWNER,
    swapFee: ONE / 100n,
    ...(family === 'weighted' || family === 'managed'
      ? { weights: weights.slice(0, count) }
      : { amp: 100n }),
    ...(family === 'managed' && { aumFee: ONE / 10n }),
    ...(hasRates && {
      rateProviders: tokens.map((_, i) => (i === 0 ? provider : null)),
      rateCacheDurations: tokens.map(() => 60n),
    }),
  });
  const amounts = tokens.map((_, i) => BigInt(1000 + 100 * i) * 10n ** BigInt(DECIMALS[i]!));
  world.join({ pool: id, sender: OWNER, kind: 'INIT', amounts });
  const [tokenIn, tokenOut] = tokens as [string, string];
  const swap = { pool: id, sender: TRADER, kind: 'GIVEN_IN' } as const;
  world.swap({ ...swap, tokenIn, tokenOut, amount: 200n * ONE });
  world.run({ do: 'setRate', provider, rate: (ONE * 12n) / 10n });
  world.warp({ seconds: 86_400n, blocks: 10n });
  return { world, id };
}

function answer(world: v2.World, ...args: string[]): Answer {
  const { json, err } = run(pool(JSON.stringify(world)), ...args, '--explain --json');
  expect(err).toBe('');
  return json() as Answer;
}

/** The value of the last step of a name. */
const last = ({ steps }: Answer, name: string): string | undefined =>
  steps.findLast((step) => step.name === name)?.value;

describe.each(KINDS)('an explained join and exit of %s', (kind) => {
  const { world } = tradedWorld(kind);

  test.each(['join', 'exit'])(
    '%s for exact tokens ends at the pool tokens of the engine',
    (way) => {
      for (const amounts of ['A=3.25,B=100.5', 'B=7', 'A=0.000001']) {
        const found = answer(world, `${way} pool.json --amounts ${amounts}`);
        expect(last(found, 'shares')).toBe(found.raw.shares);
      }
    },
  );

  test.each(['join', 'exit'])('%s for pool tokens ends at the amounts of the engine', (way) => {
    const rules = v2.POOL_KINDS[kind];
    if (way === 'exit' || rules.proportionalJoin) {
      const found = answer(world, `${way} pool.json --shares 1.75`);
      const amounts = found.raw.amounts.map((_, i) => last(found, `amount ${SYMBOLS[i]}`));
      expect(amounts).toEqual(found.raw.amounts);
      expect(found.fees).toEqual([]);
    }
    for (const [i, symbol] of SYMBOLS.slice(0, Math.min(3, rules.maxTokens)).entries()) {
      const found = answer(world, `${way} pool.json --shares 1.75 --token ${symbol}`);
      expect(last(found, `amount ${symbol}`)).toBe(found.raw.amounts[i]);
      expect(found.fees.map(({ token }) => token)).toEqual([symbol]);
    }
  });
});

describe('prices of joins and exits', () => {
  const { world } = tradedWorld('weighted-3');
  const impactOf = (...args: string[]): number => answer(world, ...args).priceImpact;

  test('a proportional join has next to no price impact, one in a single token has', () => {
    expect(Math.abs(impactOf('join pool.json --shares 1'))).toBeLessThan(1e-4);
    expect(impactOf('join pool.json --shares 100 --token A')).toBeGreaterThan(0.05);
    expect(impactOf('exit pool.json --shares 100 --token A')).toBeGreaterThan(0.05);
  });

  test('amounts, shares, fee and prices are printed for people', () => {
    const { out, code } = run(
      pool(JSON.stringify(world)),
      'join pool.json --shares 100 --token A --explain',
    );
    expect(code).toBe(0);
    expect(out).toMatch(/^pool {13}weighted-3\nin {15}[0-9.]+ A\nin {15}0 B\nin {15}0 C\n/);
    expect(out).toMatch(/\nfee {14}[0-9.]+ A\nspot price {7}[0-9.]+ A per BPT\n/);
    expect(out).toMatch(/\neffective price {2}[0-9.]+ A per BPT\nprice impact {5}[0-9.]+ %\n/);
    expect(out).toMatch(/\n {2}balance A = scaled balance = \d+ \(down\)\n/);
  });
});

describe('joins and exits refuse', () => {
  const { world } = tradedWorld('weighted-3');

  test.each([
    ['--amounts: A is given twice', '--amounts A=1,A=2'],
    ['--amounts: must be SYMBOL=decimal, separated by commas; got "A"', '--amounts A'],
    ['--amounts: must be SYMBOL=decimal, separated by commas; got "A=1=2"', '--amounts A=1=2'],
    ['--amounts A: must be an unsigned decimal such as 12.5; got "-1"', '--amounts A=-1'],
    ['--amounts: must be a token other than the pool token', '--amounts BPT=1'],
    ['--token: must be a token other than the pool token', '--shares 1 --token BPT'],
    ['--token: goes with --shares', '--amounts A=1 --token A'],
    ['--shares: may have at most 18 digits', '--shares 0.1234567890123456789'],
  ])('%s', (message, args) => {
    const { code, err, out } = run(pool(JSON.stringify(world)), `join pool.json ${args}`);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(message);
  });

  test('a swap of the pool token where the pool has none', () => {
    const args = 'quote pool.json --in A --out BPT --amount 1';
    const { code, err } = run(pool(JSON.stringify(world)), args);
    expect([code, err]).toEqual([2, 'BPT: is not swapped by weighted-3 pools: use join or exit\n']);
  });
});

describe('an explained join and exit of a V1 pool', () => {
  const description = {
    kind: 'v1',
    swapFee: '0.003',
    tokens: [
      { symbol: 'A', decimals: 18, balance: '500000', weight: '10' },
      { symbol: 'B', decimals: 6, balance: '2000000', weight: '40' },
    ],
  };

  test.each([
    ['join', '--amounts A=100', 'shares'],
    ['exit', '--amounts B=100', 'shares'],
    ['join', '--shares 1 --token B', 'amount B'],
    ['exit', '--shares 1 --token A', 'amount A'],
    ['join', '--shares 2', 'amount B'],
    ['exit', '--shares 2', 'amount B'],
  ])('%s %s ends at what the engine gives', (way, args, name) => {
    const { json } = run(pool(description), `${way} pool.json ${args} --explain --json`);
    const found = json() as Answer;
    const [a, b] = found.raw.amounts;
    const given = { shares: found.raw.shares, 'amount A': a, 'amount B': b };
    expect(last(found, name)).toBe(given[name as keyof typeof given]);
    expect(found.fees).toHaveLength(args.includes('--token') || args.includes('=') ? 1 : 0);
  });

  test('shares have a spot price, and are not swapped', () => {
    const { out } = run(pool(description), 'spot pool.json --in A --out BPT');
    expect(out).toBe('25000 A per BPT\n');
    const { code, err } = run(pool(description), 'quote pool.json --in A --out BPT --amount 1');
    expect([code, err]).toEqual([2, 'BPT: is not swapped by V1 pools: use join or exit\n']);
  });
});

describe('a phantom pool after an emergency exit', () => {
  const { world, id } = tradedWorld('phantom-1');
  const { admin } = world.state.vault;
  const pause = (paused: boolean): void => {
    world.run({ do: 'setPaused', from: admin, pool: id, paused });
  };
  pause(true);
  world.exit({
    pool: id,
    sender: OWNER,
    request: { kind: 'EXACT_BPT_IN_FOR_TOKENS_OUT', bpt: 1000n * ONE },
  });

  test('is explained while it is paused: shares of what is in circulation', () => {
    const found = answer(world, 'exit pool.json --shares 5');
    const amounts = found.raw.amounts.map((_, i) => last(found, `amount ${SYMBOLS[i]}`));
    expect(amounts).toEqual(found.raw.amounts);
  });

  test.each([
    ['A', 'BPT'],
    ['BPT', 'B'],
  ])('swaps of %s for %s go by the pool tokens that were minted once', (tokenIn, tokenOut) => {
    pause(false);
    for (const given of ['in', 'out']) {
      const args = `quote pool.json --in ${tokenIn} --out ${tokenOut} --amount 2.5 --given ${given}`;
      const found = run(pool(JSON.stringify(world)), `${args} --explain --json`).json() as {
        readonly raw: { readonly amountIn: string; readonly amountOut: string };
        readonly steps: readonly { readonly value: string }[];
      };
      const { amountIn, amountOut } = found.raw;
      expect(found.steps.at(-1)!.value).toBe(given === 'in' ? amountOut : amountIn);
    }
    pause(true);
  });
});
