/**
 * Pools of a few units and pools of more tokens than there are: histories in which the last digit of a
 * ratio, an invariant or a logarithm shows, which at usual sizes would be lost.
 *
 * @module
 */
import type { Scenario, Step } from '../evm/scenario.ts';
import { ALL_TOKENS, exit, INIT, ONE, POOL, world } from './examples.ts';

const DAY = 86_400n;
const START = 1_700_000_000n;
const SEVENTHS = [String((ONE * 3n) / 7n), String(ONE - (ONE * 3n) / 7n)];
const RATES = { rates: ['1123456789012345679', '1076543210987654321'], durations: ['0', '0'] };
const HIGH_FEE = '98765432109876543';

/** The same history with 18 decimals for every token. */
function fine(scenario: Scenario): Scenario {
  return { ...scenario, tokens: scenario.tokens.map((token) => ({ ...token, decimals: 18 })) };
}

const init = (a: string, b: string): Step => ({ ...INIT, amounts: [a, b] });
const swap = (tokenIn: string, tokenOut: string, amount: string): Step => ({
  do: 'swap',
  pool: POOL,
  kind: 'GIVEN_IN',
  in: tokenIn,
  out: tokenOut,
  amount,
});
const setRate = (token: string, rate: string): Step => ({ do: 'setRate', pool: POOL, token, rate });
const tokensIn = (a: string, b: string): Step => ({
  do: 'join',
  pool: POOL,
  kind: 'EXACT_TOKENS_IN_FOR_BPT_OUT',
  amounts: [a, b],
});
const TINY_EXIT = exit(ALL_TOKENS, { bpt: '1000' });

/** A stable pool of dust while its amplification has a fraction, without which nothing is rounded. */
function dust(type: 'stable-1' | 'stable-2'): Scenario {
  const quotes = [
    [11, 16, 6],
    [14, 13, 6],
    [3, 4, 3],
    [16, 11, 6],
    [4, 3, 1],
    [34, 25, 6],
    [27, 38, 5],
    [1584, 1526, 4],
    [26, 16, 5],
    [943, 890, 3],
  ].map(([a, b, amount]) => ({
    kind: 'GIVEN_OUT',
    in: 0,
    out: 1,
    amount: String(amount),
    balances: [String(a), String(b)],
  }));
  const later: Step[] = [
    { do: 'warp', seconds: '12347', blocks: '1' },
    { do: 'quotes', pool: POOL, quotes },
  ];
  const endTime = String(START + 3n * DAY);
  return fine(
    world(type, [
      init(String(ONE), String(ONE)),
      { do: 'startAmpUpdate', pool: POOL, endAmp: '197', endTime },
      ...[later, later, later, later].flat(),
    ]),
  );
}

/** An investment pool of many tokens, whose owner gets the whole of the swap fees. */
function giant(steps: readonly Step[]): Scenario {
  const pool = { weights: SEVENTHS, managementSwapFee: String(ONE), swapFee: HIGH_FEE };
  return fine(world('investment-1', steps, pool));
}

/** A composable pool whose rates grow after a swap, so that fees and yield are both due. */
function growing(balances: readonly [string, string], amount: string, rate: string): Scenario {
  const steps: Step[] = [
    init(...balances),
    swap('A', 'B', amount),
    setRate('A', rate),
    { do: 'warp', seconds: '10', blocks: '1' },
    TINY_EXIT,
  ];
  const pool = { swapFee: HIGH_FEE, exempt: [false, false], ...RATES };
  return { ...fine(world('composable-3', steps, pool)), protocolYieldFee: String(ONE / 2n) };
}

/** What the oracle of a pool of this size says after two swaps. */
function oracle(type: 'weighted2tokens-1' | 'metastable-1', a: string, b: string): Scenario {
  const ask = [0, 1, 2].map((variable): Step => ({ do: 'oracleLatest', pool: POOL, variable }));
  const later: Step = { do: 'warp', seconds: '200', blocks: '1' };
  const steps = [
    init(a, b),
    later,
    swap('A', 'B', '17'),
    ...ask,
    later,
    swap('B', 'A', '13'),
    ...ask,
  ];
  return fine(
    world(type, steps, type === 'metastable-1' ? { ...RATES, amp: '5' } : { weights: SEVENTHS }),
  );
}

/** Powers whose logarithm is large, and near a boundary, so that its last digits show. */
const POWERS = [
  ['1522431869477517346', '170386929276929056000'],
  ['80724516062881871154105639003543', '2700596143325674000'],
  ['83649424362673202683691742013959', '2608398745443883000'],
  ['9176086145774551480040547', '5009221398344510000'],
  ['9076671821646777556451785', '5268493587546261000'],
  ['1000000000004853314', '19064199837257000000000000000000'],
  ['1000000000005955079', '15032109146251000000000000000000'],
  ['1000000000002043567', '44310349325349000000000000000000'],
  ['1000000000007015118', '12713299694316000000000000000000'],
].map(([base, exponent]) => ({ base, exponent }));
/** Joins and exits of one token so large that the eighteenth digit of a ratio shows. */
const SINGLE_TOKENS = [
  {
    formula: 'calcBptOutGivenExactTokenIn',
    args: [
      '11433197699362910000000209423107',
      '79256017487541548',
      '4704337824972961037330086169860',
      '6033150994550636198808082',
      '18072807250577638',
    ],
  },
  {
    formula: 'calcBptInGivenExactTokenOut',
    args: [
      '1183022996565478000000790233607',
      '850831848230405059',
      '579520377189551314992387106996',
      '5071307133299073000881806643',
      '45143549822957648',
    ],
  },
];

/** By what they show. */
export const SIZES: Readonly<Record<string, Scenario>> = {
  'the last digits of logarithms and ratios': world('managed-1', [
    INIT,
    { do: 'powers', pool: POOL, quotes: [...POWERS, ...SINGLE_TOKENS] },
  ]),
  'dust in a stable pool of 2021 on its way to another amplification': dust('stable-1'),
  'dust in a stable pool of 2022 on its way to another amplification': dust('stable-2'),
  'the rate of a stable pool of dust': fine(
    world('stable-1', [
      init('559710181341', '6411324352'),
      swap('A', 'B', '62190020149'),
      { do: 'getRate', pool: POOL },
    ]),
  ),
  'the rate of a phantom pool of dust': fine(
    world(
      'phantom-1',
      [
        init('4510918119', '7106909172'),
        swap('A', 'B', '501213124'),
        { do: 'getRate', pool: POOL },
      ],
      RATES,
    ),
  ),
  'the fee on a join of a composable pool of dust': fine(
    world('composable-3', [init('52518325', '12622323'), tokensIn('13870123', '0')], {
      swapFee: HIGH_FEE,
      ...RATES,
    }),
  ),
  'the yield of a composable pool': growing(
    ['142357356660947957', '42646952976761359274'],
    '15817484073438661',
    '1209926079676174108',
  ),
  'the yield of a larger composable pool': growing(
    ['295634340924097568310', '198529739968354852526'],
    '32848260102677507590',
    '1222402567683576617',
  ),
  'the balances of a composable pool at its old rates': growing(
    ['3072929314710751', '115459501469614375419'],
    '341436590523416',
    '1222119920324570999',
  ),
  'the rates of a weighted pool': {
    ...fine(
      world(
        'weighted-3',
        [
          init('955927894563826924375184', '961047872354405187877'),
          setRate('A', '1208275984741243381'),
          setRate('B', '1111153671039428934'),
          TINY_EXIT,
        ],
        { weights: SEVENTHS, rates: RATES.rates },
      ),
    ),
    protocolYieldFee: String(ONE / 2n),
  },
  'the greatest amount that a swap takes in, but for one unit': fine(
    world('weighted-3', [
      init('23562320663008980007', '23562320663008980007'),
      swap('A', 'B', '7075771970873567571'),
    ]),
  ),
  'the ratios of a giant join': fine(
    world(
      'weighted-3',
      [
        init('92860091588228480000705696088', '16356523103268080000000191501873'),
        tokensIn('25252016630891062465800953117', '1357164495961732239843936481567'),
      ],
      { weights: SEVENTHS, swapFee: HIGH_FEE },
    ),
  ),
  'the protocol fee of a giant pool after many swaps': fine(
    world(
      'weighted-1',
      [
        init('127989357368260300000420758407', '5886252154498373000000196854252'),
        ...[
          '18879940230256624985081647600',
          '855576521834914982849209444056',
          '20182626020710010411049720633',
          '960355530296347665220948957842',
          '20582342031334739426623750775',
          '987193849904765760927465368766',
          '21651161060387974375060177808',
          '990016354902864966767949472364',
          '18723911348444198323338606490',
        ].map((amount, i) => (i % 2 === 0 ? swap('A', 'B', amount) : swap('B', 'A', amount))),
        exit(ALL_TOKENS, { bpt: '1000000' }),
      ],
      { weights: SEVENTHS, swapFee: HIGH_FEE },
    ),
  ),
  'the fees of a giant join': giant([
    init('587009203494846600000745023605', '23366147396152210000243793572'),
    tokensIn('256487033860504703892396228762', '1357341114506652213417192573'),
  ]),
  'the fees of a giant exit': giant([
    init('25567972645928260000228770399', '8620535473588500000554894633'),
    {
      do: 'exit',
      pool: POOL,
      kind: 'BPT_IN_FOR_EXACT_TOKENS_OUT',
      amounts: ['1553424646505936323153906739', '110781794487176979250315203'],
    },
  ]),
  'the fee of a giant exit to one token': giant([
    init('26708274528338580476459912', '5422449695263334294147208'),
    exit('EXACT_BPT_IN_FOR_ONE_TOKEN_OUT', { bpt: '2752021344555943630', index: 0 }),
  ]),
  // One or two of each formula's roundings show at each size.
  'prices of a two-token pool of dust': oracle('weighted2tokens-1', '1000', '1000000000000'),
  'prices of a two-token pool of dust on one side': oracle(
    'weighted2tokens-1',
    '1000',
    '100000000000000000000',
  ),
  'prices of a two-token pool of dust on the other side': oracle(
    'weighted2tokens-1',
    '100000000000000000000',
    '1000',
  ),
  'prices of a metastable pool of dust': oracle('metastable-1', '1234567890', '4567890123'),
  'prices of a metastable pool of more dust': oracle('metastable-1', '7654321098', '2345678901'),
  'prices of a metastable pool of less dust': oracle('metastable-1', '1234567', '3456789'),
};
