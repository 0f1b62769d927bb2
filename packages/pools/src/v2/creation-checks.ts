/**
 * What the constructors of pools refuse, in the order of each family's constructors. A description
 * with two faults reverts with the code that the bytecode finds first.
 *
 * @module
 */
import { InputError, revert } from '../errors.ts';
import type { PoolDescription } from './descriptions.ts';
import type { KindRules, StableRules, WeightedRules } from './kinds.ts';
import { requireSwapFee } from './pool-authority.ts';
import { requireAmp } from './pools/amp.ts';
import { checkedTargets } from './pools/linear.ts';
import { requireWeights } from './pools/weights.ts';
import { ZERO_ADDRESS } from './state.ts';

const DAY = 86_400n;
const MAX_PAUSE_WINDOW = 4n * 365n * DAY;
const MAX_BUFFER_PERIOD = 180n * DAY;
/** Most that the managers of a pool may take of its value in a year, 18 decimals. */
const MAX_AUM_FEE = 95n * 10n ** 16n;
const MAX_MANAGEMENT_SWAP_FEE = 10n ** 18n;

/**
 * Refuses what the constructor of the pool's kind refuses.
 *
 * @param description - Tokens by address, and so all that is listed per token.
 * @throws {Revert} BAL#101, 103, 200 to 203, 210, 300 to 303, 308, 309, 333, 338, 341, 352, 353, 404,
 * 405 and 522. @throws {InputError} When something that the kind needs is missing.
 */
export function requireCreatable(description: PoolDescription, rules: KindRules): void {
  switch (rules.family) {
    case 'weighted':
      requirePauseWindow(description);
      requireTokens(description, rules, !rules.oracle);
      requireSwapFee(description.swapFee, rules);
      requireRegistrable(description);
      requireWeightPerToken(description);
      requireWeights(requireField(description, 'weights'));
      requireManagementFee(description, rules);
      return;
    case 'stable':
      requirePauseWindow(description);
      requireTokens(description, { ...rules, maxTokens: rules.baseMaxTokens });
      requireSwapFee(description.swapFee, rules);
      requireRegistrable(description);
      if (rules.tooManyTokens === 303) requireFewTokens(description, rules);
      requireAmp(requireField(description, 'amp'));
      if (rules.tooManyTokens !== 303) requireFewTokens(description, rules);
      return;
    case 'composable':
      requirePauseWindow(description);
      // The pool's own token counts as one here, so too few are noticed later.
      requireTokens(description, { ...rules, minTokens: 0 });
      requireSwapFee(description.swapFee, rules);
      requireRegistrable(description);
      requireAmp(requireField(description, 'amp'));
      if (description.tokens.length < rules.minTokens) revert(200);
      requireRatesOfExempt(description);
      return;
    case 'linear':
      requirePauseWindow(description);
      requireTokens(description, rules, false);
      checkedTargets(0n, requireField(description, 'upperTarget'), rules);
      requireSwapFee(description.swapFee, rules);
      requireRegistrable(description);
      return;
    case 'managed':
    default:
      requireAscending(description);
      requirePauseWindow(description);
      requireTokens(description, rules, false);
      requireRegistrable(description);
      requireWeightPerToken(description);
      if ((description.aumFee ?? 0n) > MAX_AUM_FEE) revert(352);
      requireWeights(requireField(description, 'weights'));
      requireSwapFee(description.swapFee, rules);
  }
}

/** What a kind cannot do without. @throws {InputError} */
export function requireField<K extends keyof PoolDescription>(
  description: PoolDescription,
  key: K,
): NonNullable<PoolDescription[K]> {
  const value = description[key];
  if (value === undefined || value === null) {
    throw new InputError(key, `is needed for ${description.kind} pools`);
  }
  return value;
}

function requirePauseWindow(description: PoolDescription): void {
  const { pauseWindowDuration = 0n, bufferPeriodDuration = 0n } = description;
  if (pauseWindowDuration > MAX_PAUSE_WINDOW) revert(404);
  if (bufferPeriodDuration > MAX_BUFFER_PERIOD) revert(405);
}

function requireTokens(
  description: PoolDescription,
  { minTokens, maxTokens }: Pick<KindRules, 'minTokens' | 'maxTokens'>,
  ascending = true,
): void {
  const { length } = description.tokens;
  if (length < minTokens) revert(200);
  if (length > maxTokens) revert(201);
  if (ascending) requireAscending(description);
}

/** Tokens come sorted, so that only one listed twice is out of order. */
function requireAscending({ tokens }: PoolDescription): void {
  if (new Set(tokens).size !== tokens.length) revert(101);
}

/** What the Vault says when the pool registers its tokens. */
function requireRegistrable({ tokens }: PoolDescription): void {
  if (tokens.includes(ZERO_ADDRESS)) revert(309);
  if (new Set(tokens).size !== tokens.length) revert(522);
}

function requireFewTokens(description: PoolDescription, rules: StableRules): void {
  if (description.tokens.length > rules.maxTokens) revert(rules.tooManyTokens);
}

function requireWeightPerToken(description: PoolDescription): void {
  const weights = requireField(description, 'weights');
  if (weights.length !== description.tokens.length) revert(103);
}

function requireManagementFee(
  { kind, managementSwapFee = 0n }: PoolDescription,
  { managementFees }: WeightedRules,
): void {
  if (!managementFees && managementSwapFee > 0n) {
    throw new InputError('managementSwapFee', `does not apply to ${kind} pools`);
  }
  if (managementSwapFee > MAX_MANAGEMENT_SWAP_FEE) revert(338);
}

function requireRatesOfExempt({ yieldExempt, rateProviders }: PoolDescription): void {
  const lacks = (exempt: boolean, i: number): boolean =>
    exempt && (rateProviders?.[i] ?? null) === null;
  if (yieldExempt?.some(lacks)) revert(341);
}
