import { v2 } from '@balancer/pools';
import { describe, expect, test } from 'vitest';
import { batch, call, create, exit, join, managed, paused, proportional } from './calls.ts';
import {
  ADMIN,
  ALICE,
  BOB,
  CAROL,
  DAY,
  newLinear,
  newPool,
  newTokens,
  newWorld,
  ONE,
  revertOf,
  START,
  swapIn,
  units,
} from './support.ts';

const CASES: readonly (readonly [code: number, situation: string, run: () => unknown])[] = [
  [
    401,
    'a change by another account',
    () => call(newPool('weighted-3'), { do: 'setSwapFee', swapFee: ONE / 100n }, BOB),
  ],
  [402, 'a swap of a paused pool', () => swapIn(paused('weighted-1'), 0, 1, ONE)],
  [402, 'an exit of a paused later pool', () => exit(paused('weighted-3'), proportional)],
  [
    402,
    'a single-token exit of a paused pool of 2021',
    () =>
      exit(paused('weighted-1'), { kind: 'EXACT_BPT_IN_FOR_ONE_TOKEN_OUT', bpt: ONE, index: 0 }),
  ],
  [
    403,
    'a pause after the window',
    () => {
      const pool = newPool('weighted-3');
      pool.world.warp({ seconds: 90n * DAY });
      pool.world.run({ do: 'setPaused', from: ADMIN, pool: pool.id, paused: true });
    },
  ],
  [
    404,
    'a pause window of five years',
    () => create('weighted-3', { pauseWindowDuration: 5n * 365n * DAY }),
  ],
  [
    405,
    'a buffer period of a year',
    () => create('weighted-3', { bufferPeriodDuration: 365n * DAY }),
  ],
  [
    406,
    'an exit of the first pools by an account without pool tokens',
    () => exit(newPool('weighted-1'), proportional, BOB),
  ],
  [
    409,
    'a transfer to nobody',
    () => {
      const { world, bpt } = newPool('weighted-3');
      world.run({ do: 'transfer', from: ALICE, token: bpt, to: v2.ZERO_ADDRESS, amount: 1n });
    },
  ],
  [
    416,
    'a transfer of more pool tokens than there are',
    () => {
      const { world, bpt } = newPool('weighted-3');
      world.run({ do: 'transfer', from: BOB, token: bpt, to: CAROL, amount: 1n });
    },
  ],
  [
    425,
    'an unpause after the buffer period',
    () => {
      const pool = paused('weighted-3');
      pool.world.warp({ seconds: 121n * DAY });
      pool.world.run({ do: 'setPaused', from: ADMIN, pool: pool.id, paused: false });
    },
  ],
  [
    432,
    'listing an account twice',
    () => {
      const pool = managed();
      call(pool, { do: 'addAllowedAddress', member: BOB });
      call(pool, { do: 'addAllowedAddress', member: BOB });
    },
  ],
  [
    433,
    'a join by an account that is not listed',
    () => {
      const pool = managed();
      call(pool, { do: 'setMustAllowlistLps', enabled: true });
      join(pool, { kind: 'ALL_TOKENS_IN_FOR_EXACT_BPT_OUT', bpt: ONE });
    },
  ],
  [
    434,
    'an exit by an account without pool tokens',
    () => exit(newPool('weighted-3'), proportional, BOB),
  ],
  [
    436,
    'a circuit breaker price past its field',
    () => {
      const pool = managed();
      call(pool, {
        do: 'setCircuitBreakers',
        tokens: [pool.tokens[0]!],
        bptPrices: [1n << 97n],
        lower: [0n],
        upper: [0n],
      });
    },
  ],
  [
    437,
    'recovery mode twice',
    () => {
      const pool = managed();
      call(pool, { do: 'setRecoveryMode', enabled: true }, ADMIN);
      call(pool, { do: 'setRecoveryMode', enabled: true }, ADMIN);
    },
  ],
  [
    438,
    'a recovery exit outside of recovery mode',
    () => exit(newPool('weighted-3'), { kind: 'RECOVERY', bpt: ONE }),
  ],
  [500, 'an unknown pool', () => batch(newPool('weighted-3'), { pool: `0x${'9'.repeat(64)}` })],
  [
    502,
    'an asset manager that is none',
    () => {
      const { world, id, tokens } = newPool('weighted-3');
      world.run({
        do: 'managePoolBalance',
        from: BOB,
        ops: [{ kind: 'WITHDRAW', pool: id, token: tokens[0]!, amount: 1n }],
      });
    },
  ],
  [
    505,
    'an exit below its minimum',
    () => {
      const { world, id } = newPool('weighted-3');
      world.exit({ pool: id, sender: ALICE, ...proportional, minAmountsOut: [ONE * 9n, 0n] });
    },
  ],
  [
    506,
    'a join above its maximum',
    () => {
      const { world, id } = newPool('weighted-3');
      world.join({
        pool: id,
        sender: ALICE,
        kind: 'ALL_TOKENS_IN_FOR_EXACT_BPT_OUT',
        bpt: ONE,
        maxAmountsIn: [1n, 1n],
      });
    },
  ],
  [
    507,
    'a swap below its limit',
    () => {
      const { world, id, tokens } = newPool('weighted-3');
      world.swap({
        pool: id,
        sender: ALICE,
        kind: 'GIVEN_IN',
        tokenIn: tokens[0]!,
        tokenOut: tokens[1]!,
        amount: ONE,
        limit: units(2n, 6),
      });
    },
  ],
  [
    508,
    'a swap after its deadline',
    () => {
      const { world, id, tokens } = newPool('weighted-3');
      world.swap({
        pool: id,
        sender: ALICE,
        kind: 'GIVEN_IN',
        tokenIn: tokens[0]!,
        tokenOut: tokens[1]!,
        amount: ONE,
        deadline: START - 1n,
      });
    },
  ],
  [509, 'a swap of a token for itself', () => swapIn(newPool('weighted-3'), 0, 0, ONE)],
  [510, 'a swap of nothing', () => swapIn(newPool('weighted-3'), 0, 1, 0n)],
  [
    520,
    'a join with other assets',
    () => {
      const { world, id, tokens } = newPool('weighted-3');
      world.join({
        pool: id,
        sender: ALICE,
        assets: tokens.toReversed(),
        kind: 'ALL_TOKENS_IN_FOR_EXACT_BPT_OUT',
        bpt: ONE,
      });
    },
  ],
  [
    521,
    "a swap of another pool's token",
    () => {
      const pool = newPool('weighted-3');
      const [other] = newTokens(pool.world, [18]);
      swapIn({ ...pool, tokens: [pool.tokens[0]!, other!] }, 0, 1, ONE);
    },
  ],
  [
    522,
    'a token registered twice',
    () => {
      const pool = managed();
      call(pool, { do: 'addToken', token: pool.tokens[0]!, weight: ONE / 10n });
    },
  ],
  [
    525,
    'removing a token that the pool holds',
    () => {
      const pool = managed();
      call(pool, { do: 'removeToken', token: pool.tokens[0]! });
    },
  ],
  [
    526,
    'a balance past 112 bits',
    () => newPool('stable-1', { decimals: [18, 18], amounts: [1n << 112n, 1n << 112n] }),
  ],
  [
    528,
    'a flash loan of more than there is',
    () => {
      const { world, tokens } = newPool('weighted-3');
      world.run({ do: 'flashLoan', from: ALICE, tokens: [tokens[0]!], amounts: [1001n * ONE] });
    },
  ],
  [600, 'too high a protocol swap fee', () => newWorld({ protocolFees: { swap: ONE } })],
  [601, 'too high a flash loan fee', () => newWorld({ protocolFees: { flashLoan: ONE } })],
  [
    602,
    'a flash loan without its fee',
    () => {
      const world = newWorld({ protocolFees: { flashLoan: ONE / 100n } });
      const { tokens } = newPool('weighted-3', { world });
      world.run({
        do: 'flashLoan',
        from: ALICE,
        tokens: [tokens[0]!],
        amounts: [ONE],
        repayments: [ONE],
      });
    },
  ],
  [
    603,
    'too high a protocol share of management fees',
    () => newWorld({ protocolFees: { aum: ONE } }),
  ],
  [998, 'an exit of a later linear pool', () => exit(newLinear('linear-3'), proportional)],
];

describe('a revert with the code of the contracts', () => {
  test.each(CASES)('BAL#%i: %s', (code, _, run) => {
    expect(revertOf(run)).toBe(`BAL#${String(code).padStart(3, '0')}`);
  });
});
