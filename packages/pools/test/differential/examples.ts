/**
 * Differences that the suite once found, as the shortest histories that show them. The bytecode was
 * right in every one.
 *
 * @module
 */
import type { PoolKind, PoolSpec, Scenario, Step } from '../evm/scenario.ts';

export const POOL = 'P';
export const ONE = 10n ** 18n;
const THOUSAND = [String(1000n * ONE), String(1000n * 10n ** 6n)];
export const INIT: Step = { do: 'join', pool: POOL, kind: 'INIT', amounts: THOUSAND };

/** A world with tokens A (18 decimals) and B (6) and one pool of them. */
export function world(
  type: PoolKind,
  steps: readonly Step[],
  pool: Partial<PoolSpec> = {},
): Scenario {
  const weighted = /weighted|lbp|managed/u.test(type);
  return {
    tokens: [
      { sym: 'A', decimals: 18, address: `0x20${'0'.repeat(37)}1` },
      { sym: 'B', decimals: type.startsWith('linear') ? 18 : 6, address: `0x30${'0'.repeat(37)}2` },
    ],
    pools: [
      {
        name: POOL,
        type,
        address: `0x40${'0'.repeat(37)}3`,
        tokens: ['A', 'B'],
        swapFee: String(ONE / 1000n),
        ...(weighted ? { weights: [String(ONE / 2n), String(ONE / 2n)] } : {}),
        ...(/stable|composable|phantom/u.test(type) ? { amp: '100' } : {}),
        ...pool,
      },
    ],
    protocolSwapFee: String(ONE / 2n),
    pauseWindowDuration: '7776000',
    bufferPeriodDuration: '2592000',
    startTime: '1700000000',
    startBlock: '1000',
    steps,
  };
}

/** The same world with the addresses of A and B the other way round, and so their order. */
function swapped(scenario: Scenario): Scenario {
  const [a, b] = scenario.tokens;
  const tokens = [
    { ...b!, address: a!.address },
    { ...a!, address: b!.address },
  ];
  return { ...scenario, tokens };
}

export const LINEAR: Partial<PoolSpec> = {
  main: 'A',
  wrapped: 'B',
  wrappedRate: String(ONE),
  upperTarget: String(2000n * ONE),
};
export const PAUSE: Step = { do: 'setPoolPaused', pool: POOL, paused: true };
const SWAP: Step = {
  do: 'swap',
  pool: POOL,
  kind: 'GIVEN_IN',
  in: 'A',
  out: 'B',
  amount: String(100n * ONE),
};
export const exit = (kind: string, fields: object = {}): Step => ({
  do: 'exit',
  pool: POOL,
  kind,
  bpt: String(ONE),
  ...fields,
});
export const ALL_TOKENS = 'EXACT_BPT_IN_FOR_TOKENS_OUT';

/** By what they show. */
export const EXAMPLES: Readonly<Record<string, Scenario>> = {
  'a refresh of the cached protocol fees first mints what is due': world('weighted-3', [
    INIT,
    SWAP,
    { do: 'setProtocolFee', type: 'SWAP', value: String(ONE / 4n) },
    { do: 'updateProtocolFeeCache', pool: POOL },
    exit(ALL_TOKENS),
  ]),
  'pools of late 2021 refuse to burn too much with BAL#417': world('lbp-1', [
    INIT,
    exit(ALL_TOKENS, { from: 'bob' }),
  ]),
  'a paused pool refuses a join before it reads its kind': world('stable-1', [
    INIT,
    PAUSE,
    { ...INIT, kind: 'EXACT_TOKENS_IN_FOR_BPT_OUT', rawKind: 9 },
    exit('EXACT_BPT_IN_FOR_ONE_TOKEN_OUT', { index: 0, rawKind: 9 }),
  ]),
  'recovery mode may be set to what it is': world('composable-3', [
    INIT,
    { do: 'setRecoveryMode', pool: POOL, enabled: false },
    { do: 'setRecoveryMode', pool: POOL, enabled: true },
    { do: 'setRecoveryMode', pool: POOL, enabled: true },
  ]),
  'later weighted pools know a fourth exit that they do not serve': world('weighted-3', [
    INIT,
    exit(ALL_TOKENS, { rawKind: 3 }),
    { do: 'join', pool: POOL, kind: 'ALL_TOKENS_IN_FOR_EXACT_BPT_OUT', bpt: '1', rawKind: 4 },
  ]),
  'a query needs no pool tokens and knows no recovery exit': world('weighted-3', [
    INIT,
    { ...exit(ALL_TOKENS, { from: 'bob' }), do: 'queryExit' },
    { ...exit('RECOVERY'), do: 'queryExit' },
  ]),
  'queries of some pools go on while they are paused': world('weighted2tokens-1', [
    INIT,
    PAUSE,
    { ...INIT, do: 'queryJoin', kind: 'EXACT_TOKENS_IN_FOR_BPT_OUT' },
  ]),
  'the actual supply of a weighted pool counts fees that are due': world('weighted-3', [
    INIT,
    SWAP,
    { do: 'getActualSupply', pool: POOL },
  ]),
  'a linear pool without recovery mode pays out while it is paused': world(
    'linear-2',
    [
      { do: 'initializeLinear', pool: POOL },
      { ...SWAP, out: POOL },
      exit('EXACT_BPT_IN_FOR_ONE_TOKEN_OUT', { index: 0 }),
      PAUSE,
      exit('EXACT_BPT_IN_FOR_ONE_TOKEN_OUT', { index: 0 }),
    ],
    LINEAR,
  ),
  'targets of early linear pools have 96 bits and may be fractions': world(
    'linear-2',
    [
      { do: 'initializeLinear', pool: POOL },
      { do: 'setTargets', pool: POOL, lower: '0', upper: String((1n << 33n) * ONE + 1n) },
    ],
    LINEAR,
  ),
  'a managed pool accrues no fee in recovery mode': world(
    'managed-1',
    [
      INIT,
      { do: 'setRecoveryMode', pool: POOL, enabled: true },
      { do: 'warp', seconds: '864000', blocks: '1' },
      { do: 'collectAumManagementFees', pool: POOL },
      { do: 'setRecoveryMode', pool: POOL, enabled: false },
      { do: 'collectAumManagementFees', pool: POOL },
    ],
    { aumFee: String(ONE / 100n) },
  ),
  'a live pool reads no further than the kind of an INIT join': world('composable-3', [
    INIT,
    { ...INIT, amounts: ['1'] },
  ]),
  'a paused pool of 2021 refuses an exit before it reads its amounts': world('lbp-1', [
    INIT,
    PAUSE,
    exit('EXACT_BPT_IN_FOR_ONE_TOKEN_OUT', { index: 0, rawKind: 2 }),
  ]),
  'the first composable pools round their fee down twice': world(
    'composable-1',
    [
      INIT,
      SWAP,
      { do: 'warp', seconds: '10', blocks: '1' },
      exit('EXACT_BPT_IN_FOR_ONE_TOKEN_OUT'),
    ],
    { swapFee: String(ONE / 100n) },
  ),
  'a phantom pool swaps at the rate that it remembers and remembers no invariant': world(
    'phantom-1',
    [
      INIT,
      SWAP,
      { do: 'setRate', pool: POOL, token: 'A', rate: String((ONE * 12n) / 10n) },
      { do: 'warp', seconds: '10', blocks: '1' },
      SWAP,
      SWAP,
      { do: 'getRate', pool: POOL },
      exit(ALL_TOKENS, { rawKind: 0 }),
      { ...INIT, kind: 'ALL_TOKENS_IN_FOR_EXACT_BPT_OUT', rawKind: 1 },
      PAUSE,
      exit(ALL_TOKENS, { rawKind: 0 }),
    ],
    { rates: [String(ONE), '0'], durations: ['0', '0'] },
  ),
  'a composable pool looks at its balances with old rates first': swapped(
    world(
      'composable-2',
      [
        { ...INIT, amounts: THOUSAND.toReversed() },
        { do: 'setRate', pool: POOL, token: 'A', rate: String((ONE * 13n) / 10n) },
        { do: 'warp', seconds: '100', blocks: '1' },
        {
          do: 'quotes',
          pool: POOL,
          quotes: [
            {
              kind: 'GIVEN_IN',
              in: 2,
              out: 1,
              amount: String(ONE),
              balances: ['7', '1', String(2n ** 111n - 2000n * ONE)],
            },
          ],
        },
      ],
      { amp: '5000', tokens: ['B', 'A'], rates: ['0', String(ONE)], durations: ['0', '60'] },
    ),
  ),
  'a phantom pool remembers rates of up to 128 bits': world(
    'phantom-1',
    [
      INIT,
      { do: 'setRate', pool: POOL, token: 'A', rate: String(2n ** 97n) },
      { do: 'updateRateCache', pool: POOL, token: 'A' },
      { do: 'setRate', pool: POOL, token: 'A', rate: String(2n ** 128n) },
      { do: 'updateRateCache', pool: POOL, token: 'A' },
      { do: 'warp', seconds: '100', blocks: '1' },
      SWAP,
    ],
    { rates: [String(ONE), '0'], durations: ['60', '0'] },
  ),
  'swaps and the rate of a phantom pool never see that pool tokens were burned': world(
    'phantom-1',
    [
      INIT,
      SWAP,
      PAUSE,
      exit(ALL_TOKENS, { bpt: String(100n * ONE), rawKind: 0 }),
      { do: 'getRate', pool: POOL },
      { do: 'getTracedRate', pool: POOL },
      { do: 'getVirtualSupply', pool: POOL },
      exit(ALL_TOKENS, { bpt: String(100n * ONE), rawKind: 0 }),
      { ...PAUSE, paused: false },
      SWAP,
      { do: 'getTracedRate', pool: POOL },
      { ...SWAP, out: POOL },
      { ...SWAP, in: POOL, out: 'A' },
      { do: 'getRate', pool: POOL },
      { do: 'getTracedRate', pool: POOL },
    ],
    { rates: [String(ONE), '0'], durations: ['0', '0'] },
  ),
  'a stable pool computes its invariant before it looks at the pool tokens given': world(
    'phantom-1',
    [
      INIT,
      {
        do: 'quotes',
        pool: POOL,
        // So few units that the invariant does not settle, and more pool tokens than there are.
        quotes: [
          {
            kind: 'GIVEN_IN',
            in: 2,
            out: 1,
            amount: String(10n ** 30n),
            balances: ['2', '1', String((1n << 112n) - 1n - 2000n * ONE)],
          },
        ],
      },
    ],
    { rates: [String(ONE), '0'], durations: ['0', '0'], amp: '5000' },
  ),
  'swaps of early linear pools never see that pool tokens were burned': world(
    'linear-2',
    [
      { do: 'initializeLinear', pool: POOL },
      { ...SWAP, out: POOL },
      { ...SWAP, in: 'B', out: POOL },
      PAUSE,
      exit('EXACT_BPT_IN_FOR_ONE_TOKEN_OUT', { index: 0 }),
      { ...PAUSE, paused: false },
      { ...SWAP, out: POOL },
    ],
    LINEAR,
  ),
  'a linear pool checks its targets before its owner, later ones after': world(
    'linear-1',
    [
      { do: 'initializeLinear', pool: POOL },
      { ...SWAP, amount: String(3000n * ONE), out: POOL },
      { do: 'setSwapFee', pool: POOL, fee: String(ONE / 50n), from: 'bob' },
    ],
    LINEAR,
  ),
  'later linear pools refuse every exit alike': world(
    'linear-3',
    [
      { do: 'initializeLinear', pool: POOL },
      { ...SWAP, amount: String(3000n * ONE), out: POOL },
      { do: 'setSwapFee', pool: POOL, fee: String(ONE / 50n), from: 'bob' },
      exit(ALL_TOKENS, { rawKind: 7 }),
      PAUSE,
      { do: 'setSwapFee', pool: POOL, fee: String(ONE / 50n) },
      exit(ALL_TOKENS, { rawKind: 7 }),
    ],
    LINEAR,
  ),
  'a pool without protocol fee keeps the accounts and asks for it in queries': world(
    'lbp-1-no-protocol-fee',
    [INIT, SWAP, { ...exit(ALL_TOKENS), do: 'queryExit' }, exit(ALL_TOKENS)],
  ),
  'an investment pool takes the fees put aside out of the balances before it refuses a swap': world(
    'investment-1',
    [
      INIT,
      SWAP,
      { do: 'setSwapEnabled', pool: POOL, enabled: false },
      {
        do: 'quotes',
        pool: POOL,
        quotes: [
          { kind: 'GIVEN_IN', in: 0, out: 1, amount: '0', balances: ['1', '1000'] },
          { kind: 'GIVEN_OUT', in: 1, out: 0, amount: '0', balances: ['1', '1000'] },
          { kind: 'GIVEN_IN', in: 0, out: 1, amount: '0', balances: THOUSAND },
        ],
      },
    ],
    { managementSwapFee: String(ONE), weights: [String(ONE / 2n), String(ONE / 2n)] },
  ),
  'a metastable pool knows no cache for a token without rate': world('metastable-1', [
    INIT,
    { do: 'updateRateCache', pool: POOL, token: 'A' },
  ]),
};
