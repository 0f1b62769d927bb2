import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { v2 } from '@balancer/pools';
import { type AttackStep, searchAttack, Stream } from '@balancer/simulation';

const OWNER = `0x${'a'.repeat(40)}`;

interface CliffFile {
  readonly cases: readonly [
    {
      readonly in: {
        readonly pool: { readonly rates: readonly string[] };
        readonly steps: readonly {
          readonly steps?: readonly { in: number; out: number; amount: string }[];
          readonly assets?: readonly string[];
        }[];
      };
    },
  ];
}
const cliff = JSON.parse(
  readFileSync(
    fileURLToPath(new URL('../../../pools/test/vectors/pools-cliff.json', import.meta.url)),
    'utf8',
  ),
) as CliffFile;

/** The pool of the recorded cliff: two tokens, one with a rate, amplification 100, fee 0.01 %. */
function cliffPool(): { state: v2.WorldState; pool: v2.PoolId } {
  const world = v2.createWorld({ time: 1_700_000_000n, block: 1000n });
  const tokens = ['A', 'B'].map((symbol) => world.createToken({ symbol, decimals: 18 }));
  const provider = world.createRateProvider({ rate: 1_058_132_408_689_971_699n });
  const pool = world.createPool({
    kind: 'composable-3',
    tokens,
    amp: 100n,
    swapFee: 10n ** 14n,
    owner: OWNER,
    rateProviders: [null, provider],
    rateCacheDurations: [0n, 0n],
  });
  world.join({
    pool,
    sender: OWNER,
    kind: 'INIT',
    amounts: [7810n * 10n ** 18n, 5329n * 10n ** 18n],
  });
  return { state: world.state, pool };
}

function weightedPool(): { state: v2.WorldState; pool: v2.PoolId } {
  const world = v2.createWorld({ time: 1n, block: 1n });
  const tokens = ['A', 'B'].map((symbol) => world.createToken({ symbol, decimals: 18 }));
  const half = 5n * 10n ** 17n;
  const pool = world.createPool({
    kind: 'weighted-3',
    tokens,
    weights: [half, half],
    swapFee: 10n ** 14n,
    owner: OWNER,
  });
  world.join({ pool, sender: OWNER, kind: 'INIT', amounts: [10n ** 7n, 10n ** 7n] });
  return { state: world.state, pool };
}

describe('searchAttack', () => {
  test('after the recorded exits to dust finds steps that lower the invariant per share', () => {
    const { state, pool } = cliffPool();
    const { tokens } = v2.getPoolTokens(state, pool);
    const address = v2.getPool(state, pool).address;
    const own = tokens.indexOf(address);
    // The recording counts A, B, P; the pool's list has its own order.
    const [a, b] = tokens.flatMap((_token, i) => (i === own ? [] : [i]));
    const exits = cliff.cases[0].in.steps[1]!.steps!.filter(({ in: paid }) => paid === 2);
    const prefix = exits.map(({ out, amount }): AttackStep => ({
      assetIn: own,
      assetOut: out === 0 ? a! : b!,
      amount: BigInt(amount),
    }));
    const result = searchAttack({
      state,
      pool,
      sender: OWNER,
      stream: new Stream(7n, 'attack'),
      budget: 400,
      prefix,
    });
    expect(result.fraction).toBeGreaterThan(1e-6);
    expect(result.drops.length).toBeGreaterThan(0);
    expect(result.steps.length).toBeGreaterThan(prefix.length);
    // Each drop names the change of the pool inside the batch.
    expect(result.drops.every(({ index }) => index >= prefix.length)).toBe(true);
  });

  test('finds the cliff by itself, from the full pool', () => {
    const { state, pool } = cliffPool();
    const result = searchAttack({
      state,
      pool,
      sender: OWNER,
      stream: new Stream(1n, 'attack'),
      budget: 400,
    });
    expect(result.fraction).toBeGreaterThan(1e-6);
  });

  test('finds nothing on a weighted pool, not even one of a few units', () => {
    const { state, pool } = weightedPool();
    const result = searchAttack({
      state,
      pool,
      sender: OWNER,
      stream: new Stream(7n, 'attack'),
      budget: 1500,
    });
    expect(result).toMatchObject({ steps: [], fraction: 0, drops: [] });
    expect(result.tried).toBeGreaterThanOrEqual(1500);
  });
});
