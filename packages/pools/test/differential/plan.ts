/**
 * Random scenarios: which pools there are and which operations are tried in which order. The numbers
 * are fast-check's, so a failing plan is replayed from its seed and shrunk.
 *
 * @module
 */
import { type Arbitrary, array, constant, constantFrom, nat, noBias, record } from 'fast-check';
import type { PoolKind, PoolSpec, Scenario, TokenSpec } from '../evm/scenario.ts';
import { Dice } from './dice.ts';
import { type Operation, operationsOf } from './operations.ts';

/** One operation to try, still without amounts. */
export interface PlannedStep {
  readonly operation: Operation;
  readonly numbers: readonly number[];
}

/** A scenario before its steps are worked out. */
export interface Plan {
  readonly kinds: readonly PoolKind[];
  /** Randomness for tokens, pools and fees. */
  readonly numbers: readonly number[];
  readonly steps: readonly PlannedStep[];
}

/** Without fast-check's bias, which would draw the rarest of every choice most of the time. */
const NUMBER = noBias(nat({ max: 2 ** 32 - 1 }));
const NUMBERS_PER_STEP = 9;
const NUMBERS_PER_WORLD = 64;

/** How many operations a plan has. */
export interface PlanSize {
  readonly minSteps: number;
  readonly maxSteps: number;
}

/** Plans over pools of the given kinds, one pool for each. */
export function planOf(
  kinds: readonly PoolKind[],
  { minSteps, maxSteps }: PlanSize,
): Arbitrary<Plan> {
  const step = record({
    operation: constantFrom(...operationsOf(kinds)),
    numbers: array(NUMBER, { minLength: NUMBERS_PER_STEP, maxLength: NUMBERS_PER_STEP }),
  });
  return record({
    kinds: constant(kinds),
    numbers: array(NUMBER, { minLength: NUMBERS_PER_WORLD, maxLength: NUMBERS_PER_WORLD }),
    steps: array(step, { minLength: minSteps, maxLength: maxSteps, size: 'max' }),
  });
}

const ONE = 10n ** 18n;
const SYMBOLS = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'] as const;
const START_TIME = 1_700_000_000n;

/** Most tokens (own BPT left out) that the suite gives a pool of each kind. */
const TOKENS: Readonly<Record<PoolKind, readonly [number, number]>> = {
  'weighted-1': [2, 5],
  'weighted2tokens-1': [2, 2],
  'weighted-2': [2, 5],
  'weighted-3': [2, 5],
  'lbp-1': [2, 4],
  'lbp-1-no-protocol-fee': [2, 4],
  'investment-1': [2, 5],
  'managed-1': [2, 5],
  'stable-1': [2, 5],
  'stable-2': [2, 5],
  'metastable-1': [2, 2],
  'phantom-1': [2, 4],
  'composable-1': [2, 4],
  'composable-2': [2, 5],
  'composable-3': [2, 5],
  'linear-1': [2, 2],
  'linear-2': [2, 2],
  'linear-3': [2, 2],
};

/** The scenario of a plan, with no steps yet. */
export function scenarioOf(plan: Plan): Scenario {
  const dice = new Dice(plan.numbers);
  const count = Math.max(...plan.kinds.map((kind) => between(dice, TOKENS[kind])));
  const linear = plan.kinds.some((kind) => kind.startsWith('linear'));
  const addresses = Array.from({ length: count + plan.kinds.length }, (_, index) =>
    address(dice, index),
  );
  // A pool registers its tokens in ascending order of address, so symbols are given in that order.
  const tokens: TokenSpec[] = addresses
    .slice(0, count)
    .toSorted()
    .map((found, index) => ({
      sym: SYMBOLS[index]!,
      decimals: linear ? 18 : dice.pick([18, 18, 6, 8, 12, 0]),
      address: found,
    }));
  const managed = dice.onceIn(3);
  const pools = plan.kinds.map((kind, index) =>
    poolOf(dice, {
      kind,
      name: plan.kinds.length === 1 ? 'P' : `P${index + 1}`,
      address: addresses[count + index]!,
      tokens: tokens.slice(0, between(dice, [2, Math.min(count, TOKENS[kind][1])])),
      managed,
    }),
  );
  return {
    tokens,
    pools,
    protocolSwapFee: String(dice.pick([0n, ONE / 10n, ONE / 2n, ONE / 4n + 7n])),
    protocolYieldFee: String(dice.pick([0n, ONE / 2n, (ONE * 29n) / 100n])),
    protocolAumFee: String(dice.pick([0n, (ONE * 21n) / 100n])),
    flashLoanFee: String(dice.pick([0n, ONE / 100n, 900_000_000_000_000n])),
    pauseWindowDuration: '7776000',
    bufferPeriodDuration: '2592000',
    startTime: String(START_TIME),
    startBlock: '1000',
    steps: [],
  };
}

interface PoolChoice {
  readonly kind: PoolKind;
  readonly name: string;
  readonly address: string;
  readonly tokens: readonly TokenSpec[];
  readonly managed: boolean;
}

// oxlint-disable-next-line consistent-return -- the switch names every kind
function poolOf(dice: Dice, choice: PoolChoice): PoolSpec {
  const { kind, name, tokens, managed } = choice;
  const syms = tokens.map((token) => token.sym);
  const common = {
    name,
    type: kind,
    address: choice.address,
    tokens: syms,
    swapFee: String(swapFee(dice)),
  };
  const rates = tokens.map(() => (dice.onceIn(2) ? dice.part(ONE, 1, 1.2) : 0n));
  const durations = rates.map((rate) => (rate === 0n ? 0n : dice.pick([0n, 60n, 3600n, 86_400n])));
  const withRates = { rates: rates.map(String), durations: durations.map(String) };
  const amp = String(dice.pick([1n, 5000n, 100n, dice.magnitude(1n, 5000n)]));
  const assetManagers = managed ? { assetManagers: tokens.map(() => MANAGER) } : {};
  switch (kind) {
    case 'weighted-1':
    case 'weighted2tokens-1':
    case 'lbp-1':
    case 'lbp-1-no-protocol-fee':
      return { ...common, weights: weights(dice, tokens.length) };
    case 'weighted-2':
    case 'weighted-3':
      return {
        ...common,
        ...assetManagers,
        weights: weights(dice, tokens.length),
        rates: withRates.rates,
      };
    case 'investment-1':
      return {
        ...common,
        weights: weights(dice, tokens.length),
        managementSwapFee: String(dice.pick([0n, ONE / 2n, dice.part(ONE), ONE])),
      };
    case 'managed-1':
      return {
        ...common,
        weights: weights(dice, tokens.length),
        aumFee: String(dice.pick([0n, ONE / 100n, ONE / 24n])),
        mustAllowlistLPs: false,
      };
    case 'stable-1':
    case 'stable-2':
      return { ...common, amp };
    case 'metastable-1':
    case 'phantom-1':
      return { ...common, ...withRates, amp };
    case 'composable-1':
    case 'composable-2':
    case 'composable-3':
      return {
        ...common,
        ...withRates,
        amp,
        exempt: rates.map((rate) => rate !== 0n && dice.onceIn(3)),
      };
    case 'linear-1':
    case 'linear-2':
    case 'linear-3': {
      const [first, second] = dice.onceIn(2) ? [syms[1]!, syms[0]!] : [syms[0]!, syms[1]!];
      return {
        ...common,
        main: first,
        wrapped: second,
        wrappedRate: String(dice.part(ONE, 1, 1.5)),
        upperTarget: String(
          dice.pick([0n, 1000n, 1_000_000n]) * ONE +
            (kind === 'linear-3' ? 0n : dice.pick([0n, 7n])),
        ),
      };
    }
  }
}

/** alice, who owns the pools, also manages their assets where there is a manager. */
const MANAGER = '0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1';

/** From the least to the greatest fee, both included. */
function swapFee(dice: Dice): bigint {
  return dice.pick([
    3_000_000_000_000_000n,
    1_000_000_000_000n,
    100_000_000_000_000_000n,
    dice.magnitude(1_000_000_000_000n, 100_000_000_000_000_000n),
  ]);
}

/** Weights of at least one per cent that sum to one, in whole per cents or with all 18 digits. */
function weights(dice: Dice, count: number): string[] {
  const unit = ONE / 100n;
  const rough = dice.onceIn(2);
  const shares = Array.from({ length: count }, () => 1 + dice.below(100));
  const sum = shares.reduce((a, b) => a + b, 0);
  const free = ONE - unit * BigInt(count);
  const extra = shares.map((share) => {
    const exact = (free * BigInt(share)) / BigInt(sum);
    return rough ? exact : (exact / unit) * unit;
  });
  const first = free - extra.slice(1).reduce((a, b) => a + b, 0n);
  return [first, ...extra.slice(1)].map((value) => String(value + unit));
}

function between(dice: Dice, [low, high]: readonly [number, number]): number {
  return low + dice.below(high - low + 1);
}

function address(dice: Dice, index: number): string {
  // The top byte orders the addresses; the index keeps them apart.
  const top = (16 + dice.below(224)).toString(16).padStart(2, '0');
  return `0x${top}${'0'.repeat(34)}${(0x1000 + index).toString(16)}`;
}
