import { v2 } from '@balancer/pools';
import { describe, expect, test } from 'vitest';
import {
  ADMIN,
  ALICE,
  BOB,
  CAROL,
  ledgerSum,
  newPool,
  newWorld,
  ONE,
  revertOf,
  type TestPool,
  units,
} from './support.ts';

const swapOf = (pool: TestPool, amount: bigint): Omit<v2.SwapOperation, 'do' | 'from'> => ({
  pool: pool.id,
  kind: 'GIVEN_IN',
  tokenIn: pool.tokens[0]!,
  tokenOut: pool.tokens[1]!,
  amount,
});

describe('money', () => {
  test('pays with internal balance first and transfers the rest', () => {
    const pool = newPool('weighted-3');
    const { world, tokens } = pool;
    const [a, b] = tokens as [string, string];
    const deposit = { kind: 'DEPOSIT_INTERNAL', asset: a, amount: 3n * ONE } as const;
    world.run({ do: 'manageUserBalance', from: BOB, ops: [deposit] });
    const before = v2.balanceOf(world.state, a, BOB);
    const outcome = world.run({
      do: 'swap',
      from: BOB,
      ...swapOf(pool, 5n * ONE),
      fromInternalBalance: true,
      toInternalBalance: true,
    });
    expect(before - v2.balanceOf(world.state, a, BOB)).toBe(2n * ONE);
    expect(v2.internalBalanceOf(world.state, BOB, a)).toBe(0n);
    expect(v2.internalBalanceOf(world.state, BOB, b)).toBe(outcome.result.amountCalculated);
    expect(outcome.events.map(({ type }) => type)).toEqual([
      'Swap',
      'InternalBalanceChanged',
      'InternalBalanceChanged',
    ]);
  });

  test('announces a change of internal balance even by nothing', () => {
    const pool = newPool('weighted-3');
    const { events } = pool.world.run({
      do: 'swap',
      from: BOB,
      ...swapOf(pool, ONE),
      fromInternalBalance: true,
    });
    const [token] = pool.tokens;
    expect(events).toContainEqual({ type: 'InternalBalanceChanged', user: BOB, token, delta: 0n });
  });

  test('wraps ETH on the way in, unwraps it on the way out, and returns the excess', () => {
    const world = newWorld();
    const { weth } = world.state.vault;
    const token = world.createToken({ symbol: 'T', decimals: 18 });
    const sorted = [weth, token].toSorted();
    const weights = [ONE / 2n, ONE / 2n];
    const pool = world.createPool({
      kind: 'weighted-3',
      tokens: sorted,
      weights,
      swapFee: ONE / 1000n,
      owner: ALICE,
    });
    const assets = sorted.map((t) => (t === weth ? v2.ZERO_ADDRESS : t));
    const amounts = [100n * ONE, 100n * ONE];
    world.join({ pool, sender: ALICE, assets, kind: 'INIT', amounts, value: 101n * ONE });
    expect(v2.balanceOf(world.state, v2.ZERO_ADDRESS, ALICE)).toBe(-100n * ONE);
    expect(v2.balanceOf(world.state, weth, world.state.vault.address)).toBe(100n * ONE);

    const swap = { pool, kind: 'GIVEN_IN', amount: ONE } as const;
    world.swap({
      ...swap,
      sender: BOB,
      tokenIn: v2.ZERO_ADDRESS,
      tokenOut: token,
      value: 3n * ONE,
    });
    expect(v2.balanceOf(world.state, v2.ZERO_ADDRESS, BOB)).toBe(-ONE);
    const out = world.swap({ ...swap, sender: CAROL, tokenIn: token, tokenOut: v2.ZERO_ADDRESS });
    expect(v2.balanceOf(world.state, v2.ZERO_ADDRESS, CAROL)).toBe(out);
    // Every ETH in the ledger is one that somebody sent, every WETH one that the Vault wrapped.
    const wrapped = ledgerSum(world.state, weth);
    expect(ledgerSum(world.state, v2.ZERO_ADDRESS)).toBe(-wrapped);
  });

  test('strict tokens refuse what the account does not hold or did not approve', () => {
    const world = newWorld();
    const [a, b] = [0, 1].map((i) =>
      world.createToken({ symbol: `S${i}`, decimals: 18, checks: 'erc20' }),
    ) as [string, string];
    const weights = [ONE / 2n, ONE / 2n];
    const pool = world.createPool({
      kind: 'weighted-3',
      tokens: [a, b],
      weights,
      swapFee: ONE / 1000n,
      owner: ALICE,
    });
    const join = { pool, sender: ALICE, kind: 'INIT', amounts: [ONE, ONE] } as const;
    expect(revertOf(() => world.join(join))).toBe('BAL#416');
    for (const token of [a, b]) world.run({ do: 'mint', token, to: ALICE, amount: 2n * ONE });
    expect(revertOf(() => world.join(join))).toBe('BAL#414');
    const spender = world.state.vault.address;
    for (const token of [a, b]) {
      world.run({ do: 'approve', from: ALICE, token, spender, amount: ONE });
    }
    expect(world.join(join).deltas).toEqual([ONE, ONE]);
    expect(v2.balanceOf(world.state, a, ALICE)).toBe(ONE);
    expect(v2.allowanceOf(world.state, a, ALICE, spender)).toBe(0n);
  });

  test('the tokens of the first pools need an allowance for the Vault, later ones do not', () => {
    const deposit = (pool: TestPool): string =>
      revertOf(() =>
        pool.world.run({
          do: 'manageUserBalance',
          from: ALICE,
          ops: [{ kind: 'DEPOSIT_INTERNAL', asset: pool.bpt, amount: ONE }],
        }),
      );
    expect(deposit(newPool('weighted-1'))).toBe('BAL#407');
    expect(deposit(newPool('weighted-3'))).toBe('no revert');
  });
});

describe('events', () => {
  test('of the pool come before those of the money, the balance change last', () => {
    const world = newWorld();
    const provider = world.createRateProvider({ rate: ONE });
    const pool = newPool('composable-3', {
      world,
      description: { rateProviders: [provider, null] },
    });
    world.warp({ seconds: 1n });
    const request = { kind: 'ALL_TOKENS_IN_FOR_EXACT_BPT_OUT', bpt: ONE } as const;
    const join = { do: 'join', from: BOB, pool: pool.id, request } as const;
    const { events } = world.run({ ...join, fromInternalBalance: true });
    expect(events.map(({ type }) => type)).toEqual([
      'TokenRateCacheUpdated',
      'InternalBalanceChanged',
      'InternalBalanceChanged',
      'PoolBalanceChanged',
    ]);
  });
});

describe('relayers', () => {
  test('act for users that approved them once governance authorized them', () => {
    const pool = newPool('weighted-3');
    const { world } = pool;
    const swap = { do: 'swap', from: CAROL, sender: BOB, ...swapOf(pool, ONE) } as const;
    expect(revertOf(() => world.run(swap))).toBe('BAL#401');
    world.run({ do: 'authorize', from: ADMIN, account: CAROL, allowed: true });
    expect(revertOf(() => world.run(swap))).toBe('BAL#503');
    world.run({ do: 'setRelayerApproval', from: BOB, relayer: CAROL, approved: true });
    const out = world.run(swap).result.amountCalculated;
    expect(v2.balanceOf(world.state, pool.tokens[1]!, BOB)).toBe(out);
    world.run({ do: 'setRelayerApproval', from: BOB, relayer: CAROL, approved: false });
    expect(revertOf(() => world.run(swap))).toBe('BAL#503');
  });
});

describe('flash loans', () => {
  const loanOf = (token: string, amount: bigint): v2.FlashLoanOperation => ({
    do: 'flashLoan',
    from: BOB,
    tokens: [token],
    amounts: [amount],
  });

  test('run a callback between lending and repayment, and pay the collector', () => {
    const seen: bigint[] = [];
    const world = newWorld(
      { protocolFees: { flashLoan: ONE / 100n } },
      {
        onFlashLoan({ tokens, amounts }, call) {
          seen.push(amounts[0]!);
          call({ do: 'transfer', from: BOB, token: tokens[0]!, to: CAROL, amount: 5n });
        },
      },
    );
    const pool = newPool('weighted-3', { world });
    const token = pool.tokens[0]!;
    const { loans } = world.run(loanOf(token, 100n * ONE)).result;
    expect(loans).toEqual([{ token, amount: 100n * ONE, feeAmount: ONE }]);
    expect(seen).toEqual([100n * ONE]);
    expect(v2.balanceOf(world.state, token, world.state.vault.collector)).toBe(ONE);
    expect(v2.balanceOf(world.state, token, CAROL)).toBe(5n);
  });

  test('keep the Vault locked: what the callback tries there reverts and undoes only itself', () => {
    const codes: string[] = [];
    const world = newWorld(
      {},
      {
        onFlashLoan(_, call) {
          codes.push(revertOf(() => call({ do: 'swap', from: BOB, ...swapOf(pool, ONE) })));
        },
      },
    );
    const pool = newPool('weighted-3', { world });
    const before = JSON.stringify(v2.getPoolTokens(world.state, pool.id), String);
    world.run(loanOf(pool.tokens[0]!, ONE));
    expect(codes).toEqual(['BAL#400']);
    expect(JSON.stringify(v2.getPoolTokens(world.state, pool.id), String)).toBe(before);
  });

  test('leave nothing behind when they are not repaid', () => {
    const pool = newPool('weighted-3');
    const before = JSON.stringify(pool.world);
    const loan = { ...loanOf(pool.tokens[0]!, ONE), repayments: [ONE - 1n] };
    expect(revertOf(() => pool.world.run(loan))).toBe('BAL#515');
    expect(JSON.stringify(pool.world)).toBe(before);
  });
});

describe('a rate provider that enters the Vault', () => {
  test('is refused', () => {
    const codes: string[] = [];
    const hooks: v2.Hooks = {
      rateOf(_provider, _state, call) {
        codes.push(revertOf(() => call({ do: 'swap', from: BOB, ...swapOf(pool, ONE) })));
        return ONE;
      },
    };
    const world = newWorld();
    const provider = world.createRateProvider({ rate: ONE });
    const pool = newPool('composable-3', {
      world,
      description: { rateProviders: [provider, null], rateCacheDurations: [10n, 0n] },
    });
    world.warp({ seconds: 11n });
    world.fork(hooks).run({ do: 'swap', from: BOB, ...swapOf(pool, ONE) });
    expect(codes).toEqual(['BAL#400']);
  });
});

describe('asset managers', () => {
  test('gains enter the pool through its totals, cash limits what it can pay', () => {
    const pool = newPool('weighted-3', {
      description: { assetManagers: [CAROL, v2.ZERO_ADDRESS] },
    });
    const { world, id } = pool;
    const token = pool.tokens[0]!;
    const manage = (kind: 'WITHDRAW' | 'DEPOSIT' | 'UPDATE', amount: bigint): unknown =>
      world.run({ do: 'managePoolBalance', from: CAROL, ops: [{ kind, pool: id, token, amount }] });
    manage('WITHDRAW', units(900n, 18));
    world.warp({ seconds: 60n, blocks: 5n });
    manage('UPDATE', units(1000n, 18));
    const info = v2.getPoolTokenInfo(world.state, id, token);
    expect(info).toEqual({
      cash: units(100n, 18),
      managed: units(1000n, 18),
      lastChangeBlock: 1005n,
      assetManager: CAROL,
    });
    expect(v2.getPoolTokens(world.state, id).balances[0]).toBe(units(1100n, 18));
    const bpt = v2.balanceOf(world.state, pool.bpt, ALICE) / 2n;
    const exit = { kind: 'EXACT_BPT_IN_FOR_TOKENS_OUT', bpt } as const;
    expect(revertOf(() => world.exit({ pool: id, sender: ALICE, ...exit }))).toBe('BAL#001');
    manage('DEPOSIT', units(500n, 18));
    expect(world.exit({ pool: id, sender: ALICE, ...exit }).deltas[0]).toBeLessThan(
      -units(549n, 18),
    );
  });
});

describe('joins and exits as bytes', () => {
  test.each(['weighted-3', 'stable-1', 'composable-3', 'managed-1'] as const)(
    'mean the same as the typed request in a %s pool',
    (kind) => {
      const { world, id, decimals } = newPool(kind);
      const pool = v2.getPool(world.state, id);
      const amounts = decimals.map((d) => units(7n, d));
      const joins: v2.JoinRequest[] = [
        { kind: 'EXACT_TOKENS_IN_FOR_BPT_OUT', amounts, minBpt: 1n },
        { kind: 'TOKEN_IN_FOR_EXACT_BPT_OUT', bpt: ONE, index: 1 },
      ];
      const exits: v2.ExitRequest[] = [
        { kind: 'EXACT_BPT_IN_FOR_ONE_TOKEN_OUT', bpt: ONE, index: 1 },
        { kind: 'EXACT_BPT_IN_FOR_TOKENS_OUT', bpt: ONE },
        { kind: 'BPT_IN_FOR_EXACT_TOKENS_OUT', amounts, maxBpt: 10n ** 30n },
      ];
      for (const request of joins) {
        const userData = v2.encodeJoin(pool, request);
        expect(v2.decodeJoin(pool, userData)).toEqual(request);
        const fork = world.fork();
        expect(fork.join({ pool: id, sender: ALICE, userData })).toEqual(
          world.fork().join({ pool: id, sender: ALICE, request }),
        );
      }
      for (const request of exits) {
        const userData = v2.encodeExit(pool, request);
        expect(v2.decodeExit(pool, userData)).toEqual(request);
        expect(world.fork().exit({ pool: id, sender: ALICE, userData })).toEqual(
          world.fork().exit({ pool: id, sender: ALICE, request }),
        );
      }
    },
  );

  test('a query is what the operation gives, and changes nothing', () => {
    const { world, id, decimals } = newPool('weighted-3');
    const amounts = decimals.map((d) => units(7n, d));
    const request = { kind: 'EXACT_TOKENS_IN_FOR_BPT_OUT', amounts } as const;
    const before = JSON.stringify(world);
    const queried = world.run({ do: 'queryJoin', from: ALICE, pool: id, request }).result;
    expect(JSON.stringify(world)).toBe(before);
    expect(world.join({ pool: id, sender: ALICE, request })).toEqual(queried);
    const exit = { kind: 'EXACT_BPT_IN_FOR_TOKENS_OUT', bpt: ONE } as const;
    const queriedExit = world.run({ do: 'queryExit', from: ALICE, pool: id, request: exit }).result;
    expect(world.exit({ pool: id, sender: ALICE, request: exit })).toEqual(queriedExit);
  });
});
