import { describe, expect, test } from 'vitest';
import { math } from '@balancer/pools';

const { ONE, W1, W2, S1, S2, weighted, stable, fixedPoint, logExp, FP1, FP2 } = math;

const PAIR = {
  balanceIn: 100n * ONE,
  weightIn: ONE / 2n,
  balanceOut: 200n * ONE,
  weightOut: ONE / 2n,
};
const TOKEN = { balance: 100n * ONE, weight: ONE / 2n, supply: 50n * ONE, swapFee: ONE / 100n };
const BALANCES = { amp: 200_000n, balances: [100n * ONE, 110n * ONE] };
const STABLE_PAIR = { ...BALANCES, indexIn: 0, indexOut: 1 };

type Inputs = Readonly<Record<string, unknown>>;

/** Formulas with inputs all of which they use. */
const FORMULAS: readonly (readonly [
  name: string,
  run: (inputs: never) => bigint,
  inputs: Inputs,
])[] = [
  ...[W1, W2].flatMap((revision) => [
    [
      `${revision.name} outGivenIn`,
      (swap: Parameters<typeof weighted.outGivenIn>[0]) => weighted.outGivenIn(swap, revision),
      { ...PAIR, amountIn: 3n * ONE },
    ] as const,
    [
      `${revision.name} inGivenOut`,
      (swap: Parameters<typeof weighted.inGivenOut>[0]) => weighted.inGivenOut(swap, revision),
      { ...PAIR, amountOut: 3n * ONE },
    ] as const,
    [
      `${revision.name} invariant`,
      (pool: Parameters<typeof weighted.invariant>[0]) => weighted.invariant(pool, revision),
      { balances: [100n * ONE, 200n * ONE], weights: [ONE / 2n, ONE / 2n] },
    ] as const,
    [
      `${revision.name} tokenInGivenExactBptOut`,
      (join: Parameters<typeof weighted.tokenInGivenExactBptOut>[0]) =>
        weighted.tokenInGivenExactBptOut(join, revision),
      { ...TOKEN, bptOut: ONE },
    ] as const,
  ]),
  ...[S1, S2].flatMap((revision) => [
    [
      `${revision.name} outGivenIn`,
      (swap: Parameters<typeof stable.outGivenIn>[0]) => stable.outGivenIn(swap, revision),
      { ...STABLE_PAIR, amountIn: ONE },
    ] as const,
    [
      `${revision.name} invariant`,
      (pool: Parameters<typeof stable.invariant>[0]) => stable.invariant(pool, revision),
      BALANCES,
    ] as const,
  ]),
  ...(['mulDown', 'mulUp', 'divDown', 'divUp', 'add', 'sub'] as const).map(
    (name) =>
      [
        name,
        ({ a, b }: { a: bigint; b: bigint }) => fixedPoint[name](a, b),
        { a: 5n * ONE, b: 3n * ONE },
      ] as const,
  ),
  ...[FP1, FP2].flatMap((fixed) =>
    [ONE, 2n * ONE, ONE / 3n].map(
      (b) =>
        [
          `${fixed.name} powUp to ${b}`,
          (power: { a: bigint; b: bigint }) => fixed.powUp(power.a, power.b),
          { a: ONE / 2n, b },
        ] as const,
    ),
  ),
  ['pow', ({ a, b }: { a: bigint; b: bigint }) => logExp.pow(a, b), { a: ONE / 2n, b: ONE / 3n }],
];

/** The inputs with one `bigint` made a number, for each of them, and with all of them made numbers. */
function withNumbers(inputs: Inputs): Inputs[] {
  const numbered = (value: unknown): unknown =>
    Array.isArray(value) ? value.map(numbered) : typeof value === 'bigint' ? Number(value) : value;
  const one = Object.keys(inputs).filter((key) => typeof inputs[key] !== 'number');
  return [
    ...one.map((key) => ({ ...inputs, [key]: numbered(inputs[key]) })),
    Object.fromEntries(Object.entries(inputs).map(([key, value]) => [key, numbered(value)])),
  ];
}

describe('a formula given a number for a bigint', () => {
  test.each(FORMULAS)('%s refuses it', (_, run, inputs) => {
    const call = run as (given: Inputs) => bigint;
    expect(typeof call(inputs)).toBe('bigint');
    for (const given of withNumbers(inputs)) {
      expect(() => call(given)).toThrow(TypeError);
    }
  });
});
