import * as fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { bytesToHex } from '@ethereumjs/util';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { describe, expect, test } from 'vitest';
import { InputError, Revert, v1 } from '@balancer/pools';
import {
  A,
  ALICE,
  B,
  BOB,
  C,
  ONE,
  alice,
  createdCrp,
  codeOf,
  finalPool,
  EIGHTY_TWENTY,
} from './support.ts';

function worldWithPool() {
  const world = v1.createWorld({ block: 1n });
  const pool = world.newPool(ALICE);
  world.call(ALICE, pool, { do: 'bind', token: A, balance: 100n * ONE, denorm: 4n * ONE });
  world.call(ALICE, pool, { do: 'bind', token: B, balance: 50n * ONE, denorm: ONE });
  world.call(ALICE, pool, { do: 'finalize' });
  return { world, pool };
}

function worldWithElasticPool() {
  const world = v1.createWorld({ block: 1n });
  const crp = world.newCrp({
    from: ALICE,
    kind: 'elastic',
    params: {
      constituentTokens: [A, B],
      tokenBalances: [10n ** 12n, 10n ** 9n],
      tokenWeights: [10n * ONE, 10n * ONE],
      swapFee: 10n ** 15n,
    },
  });
  world.call(ALICE, crp, { do: 'createPool', initialSupply: 100n * ONE });
  return { world, crp, pool: world.crp(crp).pool!.address };
}

const swap = { do: 'swapExactAmountIn', tokenIn: A, tokenAmountIn: ONE, tokenOut: B } as const;

describe('a V1 world', () => {
  test('keeps nothing of a call that reverts', () => {
    const { world, pool } = worldWithPool();
    const before = world.state;
    const tooMuch = { ...swap, tokenAmountIn: 51n * ONE };
    expect(codeOf(() => world.call(BOB, pool, tooMuch))).toBe('ERR_MAX_IN_RATIO');
    expect(world.state).toBe(before);
  });

  test('runs dry what it would run, without keeping it', () => {
    const { world, pool } = worldWithPool();
    const before = world.state;
    const dry = world.dryRun({ do: 'call', from: BOB, to: pool, call: swap });
    expect(world.state).toBe(before);
    expect(dry).toEqual(world.call(BOB, pool, swap));
    const refused = world.dryRun({ do: 'call', from: BOB, to: pool, call: { do: 'finalize' } });
    expect(refused).toEqual({ revert: expect.any(Revert) });
  });

  test('snapshots and forks are references to the state', () => {
    const { world, pool } = worldWithPool();
    const snapshot = world.snapshot();
    const fork = world.fork();
    world.call(BOB, pool, swap);
    expect(fork.state).toBe(snapshot);
    world.restore(snapshot);
    expect(world.state).toBe(snapshot);
  });

  test('sends calls of the inner pool past the rights pool, and blocks to it', () => {
    const { world, crp, pool } = worldWithElasticPool();
    const { result } = world.call(BOB, pool, { ...swap, tokenAmountIn: 10n ** 9n });
    expect(world.pool(pool).tokens[1]!.balance).toBe(
      10n ** 9n - BigInt(String(result['tokenAmountOut'])),
    );
    world.call(BOB, pool, { do: 'setPoolTokenBalance', token: A, balance: 11n * 10n ** 11n });
    expect(world.call(BOB, crp, { do: 'safeResync', token: A }).result).toEqual({
      errorReason: null,
    });
    expect(() => world.call(BOB, pool, { do: 'pokeWeights' })).toThrow(/rights pool/);
    expect(() => world.call(BOB, C, swap)).toThrow(InputError);
    world.advance(7n);
    expect(world.state.block).toBe(8n);
  });

  test('survives JSON exactly', () => {
    for (const { world } of [worldWithPool(), worldWithElasticPool()]) {
      const json: unknown = JSON.parse(JSON.stringify(world));
      expect(v1.World.fromJSON(json).state).toEqual(world.state);
    }
  });

  test.each([
    [/world\.v: must be 1/, { v: 2 }],
    [/world\.block: must be an integer/, { block: 5 }],
    [/world\.more: is not known/, { more: 1 }],
    [/world\.factory\.blabs: must be 0x/, { factory: { address: ALICE, blabs: 'bob', pools: [] } }],
  ])('refuses malformed JSON with its path: %s', (message, change) => {
    const json: unknown = JSON.parse(JSON.stringify(worldWithPool().world));
    expect(() => v1.World.fromJSON(Object.assign(Object(json), change))).toThrow(message);
  });
});

describe('states as JSON', () => {
  test('round trip for pools and rights pools, with every optional part', () => {
    const pool = finalPool(EIGHTY_TWENTY);
    expect(v1.poolFromJson(v1.poolToJson(pool))).toEqual(pool);
    const weights = { newWeights: [ONE, ONE], startBlock: 1n, endBlock: 2000n };
    const planned = v1.crp.updateWeightsGradually(createdCrp(), weights, alice).state;
    expect(v1.crpFromJson(v1.crpToJson(planned))).toEqual(planned);
  });
});

describe('the factory', () => {
  const factory = v1.factory.newFactory(A, ALICE);

  test('numbers its pools, and only its administrator hands it over', () => {
    const { state, result, events } = v1.factory.newPool(factory, { address: B }, alice);
    expect(result.pool.controller).toBe(ALICE);
    expect(events).toEqual([{ contract: A, type: 'LOG_NEW_POOL', caller: ALICE, pool: B }]);
    expect(v1.factory.isBPool(state, B)).toBe(true);
    const handed = v1.factory.setBLabs(state, { blabs: BOB }, alice).state;
    expect(codeOf(() => v1.factory.setBLabs(handed, { blabs: ALICE }, alice))).toBe(
      'ERR_NOT_BLABS',
    );
  });
});

describe('selectors in call logs', () => {
  const SIGNATURES: Record<string, string> = {
    setSwapFee: 'uint256',
    setController: 'address',
    setPublicSwap: 'bool',
    bind: 'address,uint256,uint256',
    rebind: 'address,uint256,uint256',
    unbind: 'address',
    gulp: 'address',
    joinPool: 'uint256,uint256[]',
    exitPool: 'uint256,uint256[]',
    swapExactAmountIn: 'address,uint256,address,uint256,uint256',
    swapExactAmountOut: 'address,uint256,address,uint256,uint256',
    joinswapExternAmountIn: 'address,uint256,uint256',
    joinswapPoolAmountOut: 'address,uint256,uint256',
    exitswapPoolAmountIn: 'address,uint256,uint256',
    exitswapExternAmountOut: 'address,uint256,uint256',
    setCap: 'uint256',
    createPool: 'uint256,uint256,uint256',
    updateWeight: 'address,uint256',
    updateWeightsGradually: 'uint256[],uint256,uint256',
    commitAddToken: 'address,uint256,uint256',
    removeToken: 'address',
    whitelistLiquidityProvider: 'address',
    removeWhitelistedLiquidityProvider: 'address',
    resyncWeight: 'address',
  };

  test.each(Object.entries({ ...v1.pool.POOL_SELECTORS, ...v1.crp.CRP_SELECTORS }))(
    'of %s is the hash of its signature',
    (name, selector) => {
      const signature = new TextEncoder().encode(`${name}(${SIGNATURES[name] ?? ''})`);
      expect(selector).toBe(bytesToHex(keccak_256(signature).subarray(0, 4)));
    },
  );
});

test('every V1 revert code has a test that provokes it', () => {
  const files = ['num', 'pool', 'shares', 'crp', 'elastic', 'world'].map((name) =>
    readFileSync(new URL(`${name}.test.ts`, import.meta.url), 'utf8'),
  );
  const provoked = files.join('\n');
  expect(v1.V1_ERROR_CODES.filter((code) => !provoked.includes(`'${code}'`))).toEqual([]);
});

test('random calls never change a state they were given', () => {
  const call = fc.constantFrom<v1.WorldCall>(
    swap,
    { do: 'joinPool', poolAmountOut: ONE, maxAmountsIn: [100n * ONE, 100n * ONE] },
    { do: 'exitPool', poolAmountIn: ONE, minAmountsOut: [0n, 0n] },
    { do: 'joinswapExternAmountIn', tokenIn: A, tokenAmountIn: ONE },
    { do: 'exitswapPoolAmountIn', tokenOut: B, poolAmountIn: ONE },
    { do: 'donate', token: A, amount: ONE },
    { do: 'gulp', token: A },
  );
  fc.assert(
    fc.property(fc.array(call, { maxLength: 12 }), (calls) => {
      const { world, pool } = worldWithPool();
      const start = world.snapshot();
      const written = JSON.stringify(world);
      for (const made of calls) world.dryRun({ do: 'call', from: ALICE, to: pool, call: made });
      for (const made of calls) {
        const outcome = world.dryRun({ do: 'call', from: ALICE, to: pool, call: made });
        if ('result' in outcome) world.call(ALICE, pool, made);
      }
      world.restore(start);
      expect(JSON.stringify(world)).toBe(written);
    }),
  );
});
