import { math, v2 } from '@balancer/pools';
import { describe, expect, test } from 'vitest';
import { call, create, exit, join, managed, paused, proportional } from './calls.ts';
import {
  ADMIN,
  ALICE,
  BOB,
  DAY,
  newLinear,
  newPool,
  newTokens,
  newWorld,
  ONE,
  revertOf,
  START,
  swapIn,
  swapOut,
  units,
} from './support.ts';

const { fixedPoint, logExp, weighted, stable } = math;
const HUGE = (1n << 256n) - 1n;
const WEEK = 7n * DAY;
const [TOKEN] = newTokens(newWorld(), [18]);
const twice = { tokens: [TOKEN!, TOKEN!] };

const CASES: readonly (readonly [code: number, situation: string, run: () => unknown])[] = [
  [0, 'a sum past 256 bits', () => fixedPoint.add(HUGE, 1n)],
  [1, 'more out than there is', () => fixedPoint.sub(1n, 2n)],
  [3, 'a product past 256 bits', () => fixedPoint.mulDown(HUGE, 2n)],
  [4, 'a division by zero', () => fixedPoint.divDown(1n, 0n)],
  [5, 'a dividend past 256 bits', () => fixedPoint.divUp(HUGE, 1n)],
  [6, 'a power of too large a base', () => logExp.pow(1n << 255n, ONE)],
  [7, 'a power with too large an exponent', () => logExp.pow(2n * ONE, 1n << 254n)],
  [8, 'a power past the range of exp', () => logExp.pow(2n * ONE, 200n * ONE)],
  [9, 'exp past its range', () => logExp.exp(131n * ONE)],
  [100, 'the logarithm of zero', () => logExp.ln(0n)],
  [
    100,
    'an index past the tokens',
    () => join(newPool('weighted-3'), { kind: 'TOKEN_IN_FOR_EXACT_BPT_OUT', bpt: ONE, index: 2 }),
  ],
  [101, 'a token listed twice', () => create('weighted-3', twice)],
  [
    102,
    'a flash loan of unsorted tokens',
    () => {
      const { world, tokens } = newPool('weighted-3');
      world.run({ do: 'flashLoan', from: ALICE, tokens: tokens.toReversed(), amounts: [1n, 1n] });
    },
  ],
  [
    103,
    'amounts that do not line up',
    () => join(newPool('weighted-3'), { kind: 'EXACT_TOKENS_IN_FOR_BPT_OUT', amounts: [ONE] }),
  ],
  [
    104,
    'a flash loan of the zero token',
    () =>
      newWorld().run({ do: 'flashLoan', from: ALICE, tokens: [v2.ZERO_ADDRESS], amounts: [1n] }),
  ],
  [200, 'a pool of one token', () => newPool('weighted-3', { decimals: [18] })],
  [201, 'a pool of too many tokens', () => newPool('stable-2', { decimals: Array(6).fill(18) })],
  [
    202,
    'too high a swap fee',
    () => call(newPool('weighted-3'), { do: 'setSwapFee', swapFee: ONE / 10n + 1n }),
  ],
  [203, 'too low a swap fee', () => create('weighted-3', { swapFee: 1n })],
  [
    204,
    'too small a first join',
    () => newPool('weighted-3', { amounts: [10n, 10n], decimals: [18, 18] }),
  ],
  [
    206,
    'a join before INIT',
    () =>
      join(newPool('weighted-3', { initialize: false }), {
        kind: 'EXACT_TOKENS_IN_FOR_BPT_OUT',
        amounts: [ONE, ONE],
      }),
  ],
  [
    207,
    'more pool tokens than maxBpt',
    () =>
      exit(newPool('weighted-3'), {
        kind: 'BPT_IN_FOR_EXACT_TOKENS_OUT',
        amounts: [ONE, 0n],
        maxBpt: 1n,
      }),
  ],
  [
    208,
    'fewer pool tokens than minBpt',
    () =>
      join(newPool('weighted-3'), {
        kind: 'EXACT_TOKENS_IN_FOR_BPT_OUT',
        amounts: [ONE, 0n],
        minBpt: 10n ** 24n,
      }),
  ],
  [
    210,
    'a metastable pool of three tokens',
    () => newPool('metastable-1', { decimals: [18, 18, 18] }),
  ],
  [300, 'an amplification of zero', () => create('stable-1', { amp: 0n })],
  [301, 'too high an amplification', () => create('stable-1', { amp: 5001n })],
  [
    302,
    'a weight below 1 %',
    () => create('weighted-3', { weights: [ONE / 1000n, ONE - ONE / 1000n] }),
  ],
  [
    303,
    'a stable pool of 2021 with six tokens',
    () => newPool('stable-1', { decimals: Array(6).fill(18) }),
  ],
  [304, 'too much in', () => swapIn(newPool('weighted-3'), 0, 1, 301n * ONE)],
  [305, 'too much out', () => swapOut(newPool('weighted-3'), 0, 1, units(301n, 6))],
  [
    306,
    'too many pool tokens for one token',
    () =>
      exit(newPool('weighted-3'), {
        kind: 'EXACT_BPT_IN_FOR_ONE_TOKEN_OUT',
        bpt: 700n * ONE,
        index: 0,
      }),
  ],
  [
    307,
    'too many pool tokens from one token',
    () =>
      join(newPool('weighted-3'), {
        kind: 'TOKEN_IN_FOR_EXACT_BPT_OUT',
        bpt: 5000n * ONE,
        index: 0,
      }),
  ],
  [
    308,
    'weights that do not sum to 1.0',
    () => create('weighted-3', { weights: [ONE / 2n, ONE / 3n] }),
  ],
  [
    309,
    'the zero address as token',
    () => {
      const world = newWorld();
      const tokens = [v2.ZERO_ADDRESS, ...newTokens(world, [18])];
      world.createPool({
        kind: 'weighted-3',
        tokens,
        weights: [ONE / 2n, ONE / 2n],
        swapFee: ONE / 1000n,
        owner: ALICE,
      });
    },
  ],
  [
    310,
    'INIT of a live pool',
    () => join(newPool('weighted-3'), { kind: 'INIT', amounts: [ONE, ONE] }),
  ],
  [311, 'a first join without one token', () => newPool('weighted-3', { amounts: [ONE, 0n] })],
  [
    317,
    'an amplification change of less than a day',
    () => call(newPool('stable-1'), { do: 'startAmpUpdate', amp: 201n, endTime: START + DAY - 1n }),
  ],
  [
    318,
    'a second amplification change',
    () => {
      const pool = newPool('stable-1');
      call(pool, { do: 'startAmpUpdate', amp: 201n, endTime: START + DAY });
      call(pool, { do: 'startAmpUpdate', amp: 202n, endTime: START + WEEK });
    },
  ],
  [
    319,
    'an amplification that grows too fast',
    () => call(newPool('stable-1'), { do: 'startAmpUpdate', amp: 401n, endTime: START + DAY }),
  ],
  [
    320,
    'stopping no amplification change',
    () => call(newPool('stable-1'), { do: 'stopAmpUpdate' }),
  ],
  [
    321,
    'a stable invariant that does not converge (later)',
    () => stable.invariant({ amp: 5_000_000n, balances: [693245994n, 6n, 14n, 5661398n] }, math.S2),
  ],
  [
    326,
    'a gradual change that ends before it starts',
    () =>
      call(newPool('lbp-1'), {
        do: 'updateWeightsGradually',
        startTime: START + 9n,
        endTime: START + 8n,
        endWeights: [ONE / 2n, ONE / 2n],
      }),
  ],
  [
    327,
    'a swap while swaps are disabled',
    () => swapIn(newPool('lbp-1', { description: { swapEnabled: false } }), 0, 1, ONE),
  ],
  [
    328,
    'a join of a bootstrapping pool by another account',
    () => join(newPool('lbp-1'), { kind: 'EXACT_TOKENS_IN_FOR_BPT_OUT', amounts: [ONE, 0n] }, BOB),
  ],
  [
    329,
    'a rate past its field',
    () => {
      const world = newWorld();
      const provider = world.createRateProvider({ rate: 1n << 96n });
      newPool('composable-3', { world, description: { rateProviders: [provider, null] } });
    },
  ],
  [
    330,
    'a single-token join while swaps are disabled',
    () => {
      const pool = managed();
      call(pool, { do: 'setSwapEnabled', enabled: false });
      join(pool, { kind: 'TOKEN_IN_FOR_EXACT_BPT_OUT', bpt: ONE, index: 0 });
    },
  ],
  [
    331,
    'a weight change of an investment pool in less than a day',
    () =>
      call(newPool('investment-1'), {
        do: 'updateWeightsGradually',
        startTime: START,
        endTime: START + DAY - 1n,
        endWeights: [ONE / 2n, ONE / 2n],
      }),
  ],
  [
    333,
    'too high a target',
    () => call(newLinear('linear-3'), { do: 'setTargets', lower: 0n, upper: (1n << 32n) * ONE }),
  ],
  [
    334,
    'a join of a linear pool',
    () => join(newLinear(), { kind: 'EXACT_TOKENS_IN_FOR_BPT_OUT', amounts: [1n, 1n] }),
  ],
  [
    335,
    'targets while a fee is due',
    () => {
      const pool = newLinear();
      pool.world.swap({
        pool: pool.id,
        sender: ALICE,
        kind: 'GIVEN_IN',
        tokenIn: pool.tokens[0]!,
        tokenOut: pool.bpt,
        amount: units(2000n, 6),
      });
      call(pool, { do: 'setTargets', lower: 0n, upper: 3000n * ONE });
    },
  ],
  [
    340,
    'a second first join of a phantom pool',
    () => join(newPool('phantom-1'), { kind: 'INIT', amounts: [ONE, ONE] }),
  ],
  [
    431,
    'an exit of a phantom pool that is not paused',
    () => exit(newPool('phantom-1'), proportional),
  ],
  [
    341,
    'an exempt token without rate',
    () => create('composable-3', { yieldExempt: [true, false] }),
  ],
  [
    343,
    'targets that leave the balance out',
    () => call(newLinear(), { do: 'setTargets', lower: ONE, upper: 2n * ONE }),
  ],
  [
    348,
    'a new token during a weight change',
    () => {
      const pool = managed();
      call(pool, {
        do: 'updateWeightsGradually',
        startTime: START,
        endTime: START + 10n,
        endWeights: [ONE / 2n, ONE / 4n, ONE / 4n],
      });
      call(pool, { do: 'addToken', token: newTokens(pool.world, [18])[0]!, weight: ONE / 10n });
    },
  ],
  [
    349,
    'a new token before a weight change',
    () => {
      const pool = managed();
      call(pool, {
        do: 'updateWeightsGradually',
        startTime: START + 5n,
        endTime: START + 10n,
        endWeights: [ONE / 2n, ONE / 4n, ONE / 4n],
      });
      call(pool, { do: 'addToken', token: newTokens(pool.world, [18])[0]!, weight: ONE / 10n });
    },
  ],
  [
    350,
    'a new token with all of the weight',
    () => {
      const pool = managed();
      call(pool, { do: 'addToken', token: newTokens(pool.world, [18])[0]!, weight: ONE });
    },
  ],
  [
    352,
    'too high a management fee',
    () => call(managed(), { do: 'setManagementAumFee', aumFee: ONE }),
  ],
  [
    353,
    'targets of fractions',
    () => call(newLinear('linear-3'), { do: 'setTargets', lower: 0n, upper: ONE + 1n }),
  ],
  [
    354,
    "adding the pool's own token",
    () => {
      const pool = managed();
      call(pool, { do: 'addToken', token: pool.bpt, weight: ONE / 10n });
    },
  ],
  [
    355,
    'a circuit breaker above 1',
    () => {
      const pool = managed();
      call(pool, {
        do: 'setCircuitBreakers',
        tokens: [pool.tokens[0]!],
        bptPrices: [ONE],
        lower: [2n * ONE],
        upper: [0n],
      });
    },
  ],
  [
    356,
    'a swap past a circuit breaker',
    () => {
      const pool = managed();
      const bptPrice = 10n ** 6n;
      call(pool, {
        do: 'setCircuitBreakers',
        tokens: [pool.tokens[0]!],
        bptPrices: [bptPrice],
        lower: [0n],
        upper: [ONE],
      });
      swapIn(pool, 1, 0, units(1n, 6));
    },
  ],
  [
    358,
    'a join while joins are disabled',
    () => {
      const pool = managed();
      call(pool, { do: 'setJoinExitEnabled', enabled: false });
      join(pool, { kind: 'ALL_TOKENS_IN_FOR_EXACT_BPT_OUT', bpt: ONE });
    },
  ],
];

describe('a revert with the code of the contracts', () => {
  test.each(CASES)('BAL#%i: %s', (code, _, run) => {
    expect(revertOf(run)).toBe(`BAL#${String(code).padStart(3, '0')}`);
  });

  test.each([
    [
      'a proportional join of a pool of 2021',
      () => join(newPool('weighted-1'), { kind: 'ALL_TOKENS_IN_FOR_EXACT_BPT_OUT', bpt: ONE }),
    ],
    [
      'a recovery exit of a pool of 2021',
      () => exit(newPool('weighted-1'), { kind: 'RECOVERY', bpt: ONE }),
    ],
    [
      'bytes that do not decode',
      () => {
        const { world, id } = newPool('weighted-3');
        world.join({ pool: id, sender: ALICE, userData: '0x' });
      },
    ],
    [
      'a function that the pool does not have',
      () => call(newPool('weighted-3'), { do: 'stopAmpUpdate' }),
    ],
  ])('NO_DATA: %s', (_, run) => {
    expect(revertOf(run)).toBe('NO_DATA');
  });

  test('the invariant of 2021 has a code of its own for not converging', () => {
    const balances = [47817n, 96n, 96612n, 4n, 8227010531n];
    expect(revertOf(() => stable.invariant({ amp: 1000n, balances }, math.S1))).toBe('BAL#322');
  });

  test('a paused pool of 2021 still pays proportional exits, a later one recovery exits', () => {
    expect(revertOf(() => exit(paused('weighted-1'), proportional))).toBe('no revert');
    const pool = paused('weighted-3');
    call(pool, { do: 'setRecoveryMode', enabled: true }, ADMIN);
    expect(revertOf(() => exit(pool, { kind: 'RECOVERY', bpt: ONE }))).toBe('no revert');
  });

  test('weighted mathematics keeps its reverts outside of the Vault', () => {
    const token = { balance: ONE, weight: ONE / 2n, supply: ONE, swapFee: 0n };
    const out = (): unknown => weighted.tokenOutGivenExactBptIn({ ...token, bptIn: ONE }, math.W2);
    expect(revertOf(out)).toBe('BAL#306');
  });
});
