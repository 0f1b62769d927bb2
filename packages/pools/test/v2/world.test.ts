import { InputError, Revert, v2 } from '@balancer/pools';
import { describe, expect, test } from 'vitest';
import { ALICE, newPool, newWorld, ONE, swapIn } from './support.ts';

function messageOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  return 'accepted';
}

describe('bad input', () => {
  const pool = newPool('weighted-3');
  const swap = {
    pool: pool.id,
    sender: ALICE,
    kind: 'GIVEN_IN',
    tokenIn: pool.tokens[0]!,
    tokenOut: pool.tokens[1]!,
    amount: ONE,
  } as const;

  test('a number instead of a bigint is refused with its place', () => {
    const amount = 5 as unknown as bigint;
    expect(messageOf(() => pool.world.swap({ ...swap, amount }))).toBe(
      'swap.amount: must be a bigint (write 1n, not 1); got the number 5',
    );
    const limits = [5] as unknown as bigint[];
    const steps = [{ pool: pool.id, assetIn: 0, assetOut: 1, amount: 1n }];
    const batch = { sender: ALICE, kind: 'GIVEN_IN', assets: pool.tokens, steps, limits } as const;
    expect(messageOf(() => pool.world.batchSwap(batch))).toBe(
      'batchSwap.limits[0]: must be a bigint (write 1n, not 1); got the number 5',
    );
  });

  test.each([
    [
      'an unknown member',
      { recipent: ALICE },
      /^swap\.recipent: is not known here; known: do, from/,
    ],
    ['a negative amount', { amount: -1n }, /^swap\.amount: must be from 0 to 2\^256 - 1; got -1$/],
    ['an amount past 256 bits', { amount: 1n << 256n }, /^swap\.amount: must be from 0/],
    [
      'an upper-case address',
      { tokenIn: `0x${'A'.repeat(40)}` },
      /^swap\.tokenIn: must be 0x and 40/,
    ],
    ['a kind that is none', { kind: 'GIVEN' }, /^swap\.kind: must be one of GIVEN_IN, GIVEN_OUT/],
  ])('%s is refused with its path', (_, change, message) => {
    expect(messageOf(() => pool.world.swap({ ...swap, ...change } as never))).toMatch(message);
  });

  test.each([
    ['join.request.amounts: must be an array', { kind: 'INIT' }],
    [
      'join.request.bpt: is not known here; known: kind, amounts',
      { kind: 'INIT', amounts: [1n, 1n], bpt: 1n },
    ],
    ['join.request.kind: must be one of INIT', { kind: 'RECOVERY', bpt: 1n }],
  ])('a request is what its kind needs: %s', (message, request) => {
    const { world, id } = newPool('weighted-3', { initialize: false });
    const call = { do: 'join', from: ALICE, pool: id, request: request as v2.JoinRequest } as const;
    expect(() => world.run(call)).toThrow(message);
  });

  test('an operation that is none is refused', () => {
    expect(messageOf(() => pool.world.run({ do: 'steal' } as never))).toMatch(
      /^do: must be one of/,
    );
  });

  test('a description with a field of another kind is refused', () => {
    const { world, tokens } = newPool('weighted-3');
    const description = { kind: 'stable-1', tokens, swapFee: ONE / 1000n, owner: ALICE } as const;
    expect(messageOf(() => world.createPool({ ...description, weights: [ONE] }))).toBe(
      'weights: does not apply to stable-1 pools',
    );
    expect(messageOf(() => world.createPool(description))).toBe(
      'amp: is needed for stable-1 pools',
    );
  });
});

describe('a revert', () => {
  test('carries code, name and a sentence, and leaves the world as it was', () => {
    const pool = newPool('weighted-3');
    const before = JSON.stringify(pool.world);
    let caught: unknown;
    try {
      swapIn(pool, 0, 1, 400n * ONE);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(Revert);
    const { code, name, text } = caught as Revert;
    expect({ code, name, text }).toEqual({
      code: 'BAL#304',
      name: 'MAX_IN_RATIO',
      text: 'Swap in at most 30 % of the balance of the token in.',
    });
    expect(JSON.stringify(pool.world)).toBe(before);
  });

  test('comes out of a dry run as a value', () => {
    const pool = newPool('weighted-3');
    const { world, tokens, id } = pool;
    const [tokenIn, tokenOut] = tokens as [string, string];
    const swap = {
      do: 'swap',
      from: ALICE,
      pool: id,
      kind: 'GIVEN_IN',
      tokenIn,
      tokenOut,
    } as const;
    const dry = world.dryRun({ ...swap, amount: 400n * ONE });
    expect('revert' in dry && dry.revert.code).toBe('BAL#304');
    const good = world.dryRun({ ...swap, amount: ONE });
    expect('result' in good && good.result.amountCalculated).toBe(swapIn(pool, 0, 1, ONE));
  });
});

describe('JSON', () => {
  const json = JSON.parse(JSON.stringify(newPool('composable-3').world)) as Record<string, never>;
  const [poolId] = Object.keys(json['pools']!);

  test('states its version', () => {
    expect(json['v']).toBe(1);
    expect(messageOf(() => v2.worldFromJson({ ...json, v: 2 }))).toBe('world.v: must be 1; got 2');
  });

  test.each([
    [
      'an unknown member',
      (w: never) => ({ ...(w as object), tim: '1' }),
      'world.tim: is not known',
    ],
    [
      'a missing member',
      (w: never) => ({ ...(w as object), time: undefined }),
      'world.time: must be',
    ],
    [
      'a number',
      (w: never) => ({ ...(w as object), time: 5 }),
      'world.time: must be an integer as',
    ],
    ['leading zeros', (w: never) => ({ ...(w as object), time: '05' }), 'world.time: must be an'],
    ['a list', () => [], 'world: must be an object'],
  ])('%s is refused with its path', (_, change, message) => {
    expect(messageOf(() => v2.worldFromJson(change(json as never)))).toContain(message);
  });

  test('a pool whose lists do not line up is refused', () => {
    const pool = { ...(json['pools']![poolId!] as object), balances: [] };
    const broken = { ...json, pools: { [poolId!]: pool } };
    expect(messageOf(() => v2.worldFromJson(broken))).toBe(
      `world.pools.${poolId}.balances: must have 3 entries, one per token`,
    );
  });
});

describe('derived addresses', () => {
  test('come out alike in worlds that are made alike', () => {
    const make = (): string[] => {
      const world = newWorld();
      return [
        world.createToken({ symbol: 'A', decimals: 6 }),
        world.createRateProvider({ rate: 1n }),
      ];
    };
    expect(make()).toEqual(make());
  });
});
