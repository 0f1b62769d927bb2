import { beforeAll, describe, expect, test } from 'vitest';
import { Revert } from '../../src/errors.ts';
import { EvmRevert } from '../evm/chain.ts';
import type { PoolKind, PoolSpec, Scenario } from '../evm/scenario.ts';
import { Campaign } from './campaign.ts';
import { EngineDriver } from './engine-driver.ts';
import { LINEAR, ONE, world } from './examples.ts';

type Change = Partial<PoolSpec>;
type Faults = Readonly<Record<string, Change>>;

const TOKENS = Array.from({ length: 51 }, (_, i) => ({
  sym: `T${i}`,
  decimals: 18,
  address: `0x21${(i + 1).toString(16).padStart(38, '0')}`,
}));
const DAY = 86_400;

/** What no pool is made of. */
const ANY: Faults = {
  'a fee below the least': { swapFee: String(10n ** 12n - 1n) },
  'a fee above the greatest': { swapFee: String(ONE) },
  'a pause window of five years': { pauseWindow: String(5 * 365 * DAY) },
  'a buffer period of a year': { bufferPeriod: String(365 * DAY) },
};
const WEIGHTED: Faults = {
  'a weight below one per cent': { weights: [String(ONE / 1000n), String(ONE - ONE / 1000n)] },
  'weights that do not sum to 1.0': { weights: [String(ONE / 2n), String(ONE / 2n - 1n)] },
  'a weight too few': { weights: [String(ONE)] },
};
const AMPLIFIED: Faults = {
  'an amplification of zero': { amp: '0' },
  'an amplification above the greatest': { amp: '5001' },
};
const RATED: Faults = {
  'a rate past 96 bits': { rates: [String(2n ** 96n), '0'] },
  'a rate past 128 bits': { rates: [String(2n ** 128n), '0'] },
};
const TWICE: Faults = { 'a token twice': { tokens: ['A', 'A'] } };

/** Faults of every kind beside those of any, and how many tokens it is tried with. */
const KINDS: Readonly<Partial<Record<PoolKind, readonly [Faults, ...number[]]>>> = {
  'weighted-1': [{ ...WEIGHTED, ...TWICE }, 1, 8, 9],
  'weighted2tokens-1': [{ ...without(WEIGHTED, 'a weight too few'), ...TWICE }],
  'weighted-2': [{ ...WEIGHTED, ...TWICE }, 1, 8, 9],
  'weighted-3': [{ ...WEIGHTED, ...TWICE }, 1, 8, 9],
  'lbp-1': [{ ...WEIGHTED, ...TWICE }, 1, 4, 5],
  'lbp-1-no-protocol-fee': [{ ...WEIGHTED, ...TWICE }, 1, 4, 5],
  'investment-1': [
    { ...WEIGHTED, ...TWICE, 'all swap fees and more': { managementSwapFee: String(ONE + 1n) } },
    1,
    50,
    51,
  ],
  'managed-1': [
    { ...WEIGHTED, ...TWICE, 'a fee of 96 % a year': { aumFee: String((ONE * 96n) / 100n) } },
    1,
    50,
    51,
  ],
  'stable-1': [{ ...AMPLIFIED, ...TWICE }, 1, 5, 6, 9],
  'stable-2': [{ ...AMPLIFIED, ...TWICE }, 1, 5, 6],
  'metastable-1': [{ ...AMPLIFIED, ...RATED, ...TWICE }, 1, 3, 6],
  'phantom-1': [{ ...AMPLIFIED, ...RATED, ...TWICE }, 1, 4, 5],
  ...Object.fromEntries(
    (['composable-1', 'composable-2', 'composable-3'] as const).map((kind) => {
      const exempt = { exempt: [true, false], rates: ['0', '0'] };
      return [kind, [{ ...AMPLIFIED, ...RATED, ...TWICE, 'an exempt token': exempt }, 1, 5, 6]];
    }),
  ),
  ...Object.fromEntries(
    (['linear-1', 'linear-2', 'linear-3'] as const).map((kind) => {
      const fraction = { upperTarget: String(ONE / 2n) };
      const greatest = { upperTarget: String(2n ** 32n * ONE) };
      return [kind, [{ 'a target of a fraction': fraction, 'too high a target': greatest }]];
    }),
  ),
};

/** With two faults, the one that the bytecode finds first counts. */
function casesOf(kind: PoolKind, [own, ...counts]: readonly [Faults, ...number[]]) {
  const byCount = counts.map((count) => [`${count} tokens`, manyTokens(kind, count)] as const);
  const single: (readonly [string, Change])[] = [...Object.entries({ ...ANY, ...own }), ...byCount];
  const pairs = single.flatMap(([first, a], i) =>
    single
      .slice(i + 1)
      .filter(([, b]) => Object.keys(b).every((key) => !(key in a)))
      .map(([second, b]) => [`${first} and ${second}`, { ...a, ...b }] as const),
  );
  return [...single, ...pairs];
}

describe('creating a pool beside the deployed bytecode', () => {
  let campaign: Campaign;
  beforeAll(async () => {
    campaign = await Campaign.create();
  });

  test.each(Object.keys(KINDS) as PoolKind[])(
    'agrees on what is refused: %s',
    async (kind) => {
      const answers: Record<string, string> = {};
      const expected: Record<string, string> = {};
      for (const [name, change] of casesOf(kind, KINDS[kind]!)) {
        const made = world(kind, [], { ...usual(kind), ...change });
        const used = TOKENS.filter(({ sym }) => change.tokens?.includes(sym));
        const scenario = { ...made, tokens: [...made.tokens, ...used] };
        // oxlint-disable-next-line no-await-in-loop -- one chain makes one pool after the other
        expected[name] = await bytecode(campaign, scenario);
        answers[name] = engine(scenario);
      }
      expect(answers).toEqual(expected);
    },
    300_000,
  );
});

async function bytecode(campaign: Campaign, scenario: Scenario): Promise<string> {
  try {
    await campaign.recordScenario(scenario);
    return 'created';
  } catch (error) {
    if (error instanceof EvmRevert) return error.code;
    throw error;
  }
}

function engine(scenario: Scenario): string {
  try {
    new EngineDriver(scenario).state();
    return 'created';
  } catch (error) {
    if (error instanceof Revert) return error.code;
    throw error;
  }
}

/** What the kind needs besides what all pools do. */
function usual(kind: PoolKind): Change {
  if (kind.startsWith('linear')) return LINEAR;
  if (kind === 'investment-1') return { weights: weightsOf(2) };
  return hasRates(kind) ? { rates: ['0', '0'], durations: ['0', '0'] } : {};
}

function manyTokens(kind: PoolKind, count: number): Change {
  const tokens = TOKENS.slice(0, count).map(({ sym }) => sym);
  const zeros = tokens.map(() => '0');
  return {
    tokens,
    ...(/weighted|lbp|investment|managed/u.test(kind) && { weights: weightsOf(count) }),
    ...(hasRates(kind) && { rates: zeros, durations: zeros }),
  };
}

function hasRates(kind: PoolKind): boolean {
  return /metastable|phantom|composable/u.test(kind);
}

function weightsOf(count: number): string[] {
  const each = ONE / BigInt(count);
  const first = ONE - each * BigInt(count - 1);
  return Array.from({ length: count }, (_, i) => String(i === 0 ? first : each));
}

function without(faults: Faults, name: string): Faults {
  return Object.fromEntries(Object.entries(faults).filter(([key]) => key !== name));
}
