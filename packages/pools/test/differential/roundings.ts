/**
 * Histories made so that one rounding shows which random ones seldom meet: amounts that are no round
 * numbers where a pool shares out, prices of a few units at a circuit breaker, an amplification at the
 * edge of what a day may bring.
 *
 * @module
 */
import type { Scenario, Step } from '../evm/scenario.ts';
import { ALL_TOKENS, exit, INIT, LINEAR, ONE, PAUSE, POOL, world } from './examples.ts';

const DAY = 86_400n;
const START = 1_700_000_000n;
const ODD_BALANCES = ['1234567890123456789013', '987654321'];
const ODD_BPT = '123456789012345678';
const ODD_INIT: Step = { ...INIT, amounts: ODD_BALANCES };
const RATES = { rates: ['1123456789012345679', '1076543210987654321'], durations: ['0', '0'] };
const RECOVERY: Step = { do: 'setRecoveryMode', pool: POOL, enabled: true };
const swap = (tokenIn: string, tokenOut: string, amount: string, kind = 'GIVEN_IN'): Step => ({
  do: 'swap',
  pool: POOL,
  kind,
  in: tokenIn,
  out: tokenOut,
  amount,
});
const join = (kind: string, fields: object): Step => ({ do: 'join', pool: POOL, kind, ...fields });
const ramp = (amp: bigint, duration: bigint): Step => ({
  do: 'startAmpUpdate',
  pool: POOL,
  endAmp: String(amp),
  endTime: String(START + duration),
});

/** A managed pool whose token A costs a few units, and its breaker: between them one rounding decides. */
function cheapToken(
  breaker: { lower: bigint; upper: bigint; price: bigint },
  steps: Step[],
): Scenario {
  return world(
    'managed-1',
    [
      { ...INIT, amounts: [String(10n ** 22n), '1'] },
      {
        do: 'setCircuitBreakers',
        pool: POOL,
        tokens: ['A'],
        bptPrices: [String(breaker.price)],
        lower: [String(breaker.lower)],
        upper: [String(breaker.upper)],
      },
      { do: 'getCircuitBreaker', pool: POOL, token: 'A' },
      ...steps,
    ],
    {
      weights: [String(ONE / 100n), String((ONE * 99n) / 100n)],
      aumFee: '0',
      mustAllowlistLPs: false,
    },
  );
}

/** By what they show. */
export const ROUNDINGS: Readonly<Record<string, Scenario>> = {
  'shares of a recovery exit': world('weighted-3', [
    ODD_INIT,
    RECOVERY,
    exit('RECOVERY', { bpt: ODD_BPT }),
    exit('RECOVERY', { bpt: '7777777777777777777' }),
    exit('RECOVERY', { bpt: '31' }),
  ]),
  'shares of a recovery exit beside pool tokens of nobody': world(
    'composable-3',
    [ODD_INIT, RECOVERY, exit('RECOVERY', { bpt: ODD_BPT }), exit('RECOVERY', { bpt: '31' })],
    RATES,
  ),
  'shares of a paused linear pool': world(
    'linear-2',
    [
      { do: 'initializeLinear', pool: POOL },
      swap('A', POOL, '1234567890123456789013'),
      swap('B', POOL, '987654321098765432109'),
      PAUSE,
      exit('EXACT_BPT_IN_FOR_ONE_TOKEN_OUT', { bpt: ODD_BPT, index: 0 }),
      exit('EXACT_BPT_IN_FOR_ONE_TOKEN_OUT', { bpt: '7777777777777777777', index: 0 }),
      exit('EXACT_BPT_IN_FOR_ONE_TOKEN_OUT', { bpt: '31', index: 0 }),
    ],
    { ...LINEAR, wrappedRate: '1123456789012345679' },
  ),
  'shares of a paused phantom pool': world(
    'phantom-1',
    [
      ODD_INIT,
      swap('A', 'B', '12345678901234567890'),
      PAUSE,
      exit(ALL_TOKENS, { bpt: ODD_BPT, rawKind: 0 }),
      exit(ALL_TOKENS, { bpt: '7777777777777777777', rawKind: 0 }),
      exit(ALL_TOKENS, { bpt: '31', rawKind: 0 }),
    ],
    RATES,
  ),
  'amplifications that grow too fast by a part of a unit': world('stable-1', [
    INIT,
    ramp(250n, DAY),
    ramp(200n, DAY),
  ]),
  'amplifications that shrink too fast by a part of a unit': world('stable-1', [
    INIT,
    ramp(40n, DAY),
    ramp(50n, DAY),
  ]),
  'an amplification on its way up': world('stable-1', [
    INIT,
    ramp(151n, 3n * DAY),
    { do: 'warp', seconds: '12345', blocks: '1' },
    { do: 'getAmp', pool: POOL },
  ]),
  'an amplification on its way down': world('stable-1', [
    INIT,
    ramp(67n, 3n * DAY),
    { do: 'warp', seconds: '12345', blocks: '1' },
    { do: 'getAmp', pool: POOL },
  ]),
  'first amounts of a metastable pool': world('metastable-1', [ODD_INIT], RATES),
  'first amounts and pool tokens of a composable pool': world('composable-3', [ODD_INIT], RATES),
  'first amounts and pool tokens of a phantom pool': world('phantom-1', [ODD_INIT], RATES),
  'fees put aside by an investment pool': world(
    'investment-1',
    [
      ODD_INIT,
      swap('A', 'B', '12345678901234567891'),
      swap('B', 'A', '98765431'),
      join('EXACT_TOKENS_IN_FOR_BPT_OUT', { amounts: ['12345678901234567891', '1'] }),
      join('EXACT_TOKENS_IN_FOR_BPT_OUT', { amounts: ['77', '9876543'] }),
      join('TOKEN_IN_FOR_EXACT_BPT_OUT', { bpt: ODD_BPT, index: 0 }),
      join('TOKEN_IN_FOR_EXACT_BPT_OUT', { bpt: '987654321098765', index: 0 }),
      exit('BPT_IN_FOR_EXACT_TOKENS_OUT', { amounts: ['1234567890123456789', '3'] }),
      exit('EXACT_BPT_IN_FOR_ONE_TOKEN_OUT', { bpt: ODD_BPT, index: 0 }),
      exit('EXACT_BPT_IN_FOR_ONE_TOKEN_OUT', { bpt: '987654321098765', index: 0 }),
    ],
    {
      weights: [String((ONE * 3n) / 7n), String(ONE - (ONE * 3n) / 7n)],
      managementSwapFee: '333333333333333333',
      swapFee: '12345678901234567',
    },
  ),
  'bounds of a circuit breaker that follow the weight': world(
    'managed-1',
    [
      ODD_INIT,
      {
        do: 'setCircuitBreakers',
        pool: POOL,
        tokens: ['A', 'B'],
        bptPrices: ['12345678901234567891', '98765432109876543219'],
        lower: ['876543210987654321', '765432109876543210'],
        upper: ['1876543210987654321', '1765432109876543210'],
      },
      { do: 'getCircuitBreaker', pool: POOL, token: 'A' },
      { do: 'getCircuitBreaker', pool: POOL, token: 'B' },
      {
        do: 'updateWeightsGraduallyManaged',
        pool: POOL,
        tokens: ['A', 'B'],
        startTime: String(START),
        endTime: String(START + 10n * DAY),
        endWeights: [String((ONE * 7n) / 10n), String((ONE * 3n) / 10n)],
      },
      ...[1, 2, 3, 4].flatMap((): Step[] => [
        { do: 'warp', seconds: '123457', blocks: '1' },
        { do: 'getCircuitBreaker', pool: POOL, token: 'A' },
        { do: 'getCircuitBreaker', pool: POOL, token: 'B' },
      ]),
    ],
    { aumFee: '0', mustAllowlistLPs: false },
  ),
  // Pool tokens in circulation: 2 517 850 823 580; of weight 0.01. A balance of 1.1e22 makes the price
  // 2 288 955.29, which counts as 2 288 955.
  'a price below the lower bound of a circuit breaker by a part of a unit': cheapToken(
    { price: 2_288_956n, lower: ONE, upper: 0n },
    [swap('A', 'B', String(10n ** 21n))],
  ),
  'a price above the lower bound of a circuit breaker by a part of a unit': cheapToken(
    { price: 2_288_955n, lower: ONE, upper: 0n },
    [swap('A', 'B', String(10n ** 21n))],
  ),
  // Of 9.5e21 it is 2 650 369.29, which counts as 2 650 370 here.
  'a price above the upper bound of a circuit breaker by a part of a unit': cheapToken(
    { price: 2_650_370n, lower: 0n, upper: ONE },
    [swap('B', 'A', String(5n * 10n ** 20n), 'GIVEN_OUT')],
  ),
  'a price below the upper bound of a circuit breaker by a part of a unit': cheapToken(
    { price: 2_650_371n, lower: 0n, upper: ONE },
    [swap('B', 'A', String(5n * 10n ** 20n), 'GIVEN_OUT')],
  ),
  'targets of a linear pool that are no whole tokens': world(
    'linear-2',
    [
      { do: 'initializeLinear', pool: POOL },
      swap('A', POOL, '888888888888888888888'),
      {
        do: 'setTargets',
        pool: POOL,
        lower: '777777777777777777777',
        upper: '999999999999999999999',
      },
      ...['123456789012345678901', '456789012345678901234', '345678901234567890123'].flatMap(
        (amount): Step[] => [
          swap('A', POOL, amount),
          swap('B', POOL, amount, 'GIVEN_OUT'),
          swap('A', POOL, '12345678901234567891', 'GIVEN_OUT'),
          swap('A', 'B', '1234567890123456789', 'GIVEN_OUT'),
          swap('A', 'B', '2345678901234567891', 'GIVEN_OUT'),
          swap('B', 'A', '3456789012345678912'),
          swap(POOL, 'A', '4567890123456789123'),
        ],
      ),
      // Below the lower target.
      ...['834567890123456789012', '145678901234567890123', '99999999999999999999'].flatMap(
        (amount): Step[] => [
          swap('B', 'A', amount),
          swap(POOL, 'A', '34567890123456789123'),
          swap('A', POOL, '2345678901234567891', 'GIVEN_OUT'),
          swap('A', 'B', '1234567890123456789', 'GIVEN_OUT'),
        ],
      ),
    ],
    { ...LINEAR, swapFee: '12345678901234567', wrappedRate: '1123456789012345679' },
  ),
  'swaps of pool tokens of a managed pool': world(
    'managed-1',
    [
      ODD_INIT,
      swap(POOL, 'B', '852839286609171430'),
      swap('B', POOL, '1573018557867506241', 'GIVEN_OUT'),
    ],
    { aumFee: '0', mustAllowlistLPs: false },
  ),
  'an oracle while the amplification has a fraction': world(
    'metastable-1',
    [
      { ...INIT, amounts: ['1234567890123456789013', '12345678901'] },
      ramp(9n, 3n * DAY),
      { do: 'warp', seconds: '40459', blocks: '1' },
      swap('A', 'B', '123456789012345678901'),
      { do: 'warp', seconds: '200', blocks: '1' },
      swap('A', 'B', '12345678901234567890'),
      { do: 'oracleLatest', pool: POOL, variable: 0 },
    ],
    { ...RATES, amp: '5' },
  ),
  'weights of a managed pool that gets a token and gives it back': {
    ...world(
      'managed-1',
      [
        ODD_INIT,
        {
          do: 'addToken',
          pool: POOL,
          token: 'C',
          weight: '234567890123456789',
          mintAmount: '0',
        },
        { do: 'removeToken', pool: POOL, token: 'C', burnAmount: '0' },
      ],
      {
        weights: [String((ONE * 3n) / 7n), String(ONE - (ONE * 3n) / 7n)],
        aumFee: '0',
        mustAllowlistLPs: false,
      },
    ),
    tokens: [
      ...world('managed-1', []).tokens,
      { sym: 'C', decimals: 18, address: `0x50${'0'.repeat(37)}4` },
    ],
  },
};

/** One more, with so many swaps that the oracle's ring is full. */
export const FULL_RING: Scenario = world('weighted2tokens-1', [
  ODD_INIT,
  { do: 'pump', ...pump('130', 1030) },
  // Two updates of each sample, so that what it adds up is no multiple of its span.
  { do: 'pump', ...pump('67', 13) },
  {
    do: 'oracleAcc',
    pool: POOL,
    queries: [50, 111, 150, 189, 222, 333, 444].flatMap((ago) =>
      [0, 1, 2].map((variable) => ({ variable, ago: String(ago) })),
    ),
  },
]);

function pump(seconds: string, count: number): Omit<Step, 'do'> {
  return {
    pool: POOL,
    count: String(count),
    seconds,
    blocks: '1',
    amountA: '234567890123456789013',
    amountB: '187654321',
  };
}
