/**
 * Making things: tokens, rate providers, pools.
 *
 * @module
 */
import { InputError, revert } from '../errors.ts';
import { requireCreatable, requireField } from './creation-checks.ts';
import type { PoolDescription } from './descriptions.ts';
import { type KindRules, POOL_KINDS, type WeightedRules } from './kinds.ts';
import { createOracle } from './oracle.ts';
import { restingAmp } from './pools/amp.ts';
import { checkedTargets } from './pools/linear.ts';
import { createRateCache } from './pools/rates.ts';
import { restingSchedule } from './pools/weights.ts';
import { NO_BALANCE } from './vault/balances.ts';
import {
  type Address,
  type Pool,
  type PoolCommon,
  type PoolId,
  type RateCache,
  type Specialization,
  type Token,
  type WeightedPool,
  type WorldState,
  ZERO_ADDRESS,
} from './state.ts';
import { setPool, type Transaction } from './transaction.ts';

const DAY = 86_400n;

/** An address that no earlier call gave out. */
export function newAddress(tx: Transaction, chosen: Address | undefined): Address {
  if (chosen !== undefined) return chosen;
  const { nextAddress } = tx.state;
  tx.state.nextAddress = nextAddress + 1n;
  return addressOf(nextAddress);
}

/** The address that a counter stands for. */
export function addressOf(counter: bigint): Address {
  return `0x${counter.toString(16).padStart(40, '0')}`;
}

export function createToken(
  tx: Transaction,
  token: Omit<Token, 'address' | 'checks'> & { address?: Address; checks?: 'open' | 'erc20' },
): { token: Address } {
  const { symbol, decimals, checks = 'open' } = token;
  if (!Number.isInteger(decimals) || decimals < 0 || decimals > 18) {
    throw new InputError('decimals', `must be a whole number from 0 to 18; got ${decimals}`);
  }
  const address = newAddress(tx, token.address);
  if (tx.state.tokens.has(address)) {
    throw new InputError('address', `${address} is a token already`);
  }
  addToken(tx, { address, symbol, decimals, checks });
  return { token: address };
}

export function createRateProvider(
  tx: Transaction,
  source: { rate: bigint; address?: Address },
): { provider: Address } {
  const provider = newAddress(tx, source.address);
  tx.state.rates = tx.state.rates.set(provider, source.rate);
  return { provider };
}

/** Deploys a pool and registers it with its tokens. */
export function createPool(tx: Transaction, description: PoolDescription): { pool: PoolId } {
  const rules = POOL_KINDS[description.kind];
  if (rules === undefined) {
    throw new InputError('kind', `must be one of ${Object.keys(POOL_KINDS).join(', ')}`);
  }
  requireApplicable(description, rules);
  const address = newAddress(tx, description.address);
  const sorted = sortedTokens(description, rules);
  const checked = { ...description, ...sorted };
  requireCreatable(checked, rules);
  const common = commonState(tx, checked, rules, address);
  const pool = familyState(tx, checked, rules, common);

  addToken(tx, {
    address,
    symbol: `B-${description.kind}`,
    decimals: 18,
    checks: `pool-${rules.tokenErrors}`,
  });
  setPool(tx, pool);
  const { vault } = tx.state;
  tx.state.vault = { ...vault, nextNonce: vault.nextNonce + 1n };
  const { id, specialization, tokens, assetManagers } = pool;
  tx.events.push(
    { type: 'PoolRegistered', pool: id, address, specialization },
    { type: 'TokensRegistered', pool: id, tokens, assetManagers },
  );
  return { pool: id };
}

function commonState(
  tx: Transaction,
  description: PoolDescription,
  rules: KindRules,
  address: Address,
): PoolCommon {
  const { kind, tokens, swapFee, owner } = description;
  const specialization = specializationOf(rules, tokens.length);
  const registered = registeredTokens(rules, tokens, address);
  const managers = description.assetManagers ?? tokens.map(() => ZERO_ADDRESS);
  const managerOf = (token: Address): Address => managers[tokens.indexOf(token)] ?? ZERO_ADDRESS;
  const pauseWindowEnd = tx.state.time + (description.pauseWindowDuration ?? 90n * DAY);
  const bufferPeriod = description.bufferPeriodDuration ?? 30n * DAY;
  return {
    id: poolIdOf(address, specialization, tx.state.vault.nextNonce),
    address,
    kind,
    specialization,
    owner,
    tokens: registered,
    balances: registered.map(() => NO_BALANCE),
    assetManagers: registered.map(managerOf),
    scalingFactors: registered.map((token) =>
      token === address ? 1n : 10n ** BigInt(18 - decimalsOf(tx.state, token)),
    ),
    totalSupply: 0n,
    swapFee,
    paused: false,
    pauseWindowEnd,
    bufferPeriodEnd: pauseWindowEnd + bufferPeriod,
    recoveryMode: false,
  };
}

function familyState(
  tx: Transaction,
  description: PoolDescription,
  rules: KindRules,
  common: PoolCommon,
): Pool {
  const { time, vault } = tx.state;
  const { tokens } = description;
  const { swap, yield: yieldFee, aum } = vault.fees;
  const feeCache = { swap, yield: yieldFee, aum };
  switch (rules.family) {
    case 'weighted': {
      const weights = requireField(description, 'weights');
      const gradual = rules.gradualWeights;
      return {
        ...common,
        family: 'weighted',
        weights: gradual === null ? weights : null,
        schedule: gradual === null ? null : restingSchedule(weights, time, gradual),
        swapEnabled: description.swapEnabled ?? true,
        lastInvariant: 0n,
        rateProviders: description.rateProviders ?? [],
        athRateProduct: 0n,
        feeCache,
        oracle: rules.oracle ? createOracle(description.oracleEnabled ?? true) : null,
        ...managementOf(description, rules),
      };
    }
    case 'stable':
      return {
        ...common,
        family: 'stable',
        amp: restingAmp(requireField(description, 'amp')),
        lastAmp: 0n,
        lastInvariant: 0n,
        rates: rateCaches(tx, description, rules.rateBits),
        oracle: rules.oracle ? createOracle(description.oracleEnabled ?? true) : null,
      };
    case 'composable': {
      const rates = rateCaches(tx, description, rules.rateBits);
      const yieldExempt = description.yieldExempt ?? tokens.map(() => false);
      return {
        ...common,
        family: 'composable',
        bptIndex: common.tokens.indexOf(common.address),
        amp: restingAmp(requireField(description, 'amp')),
        lastAmp: 0n,
        lastInvariant: 0n,
        rates,
        yieldExempt,
        feeCache,
        dueFeeBpt: 0n,
      };
    }
    case 'linear': {
      const [main, wrapped] = tokens;
      return {
        ...common,
        family: 'linear',
        mainIndex: common.tokens.indexOf(main!),
        wrappedIndex: common.tokens.indexOf(wrapped!),
        bptIndex: common.tokens.indexOf(common.address),
        ...checkedTargets(0n, requireField(description, 'upperTarget'), rules),
        wrappedRateProvider: description.wrappedRateProvider ?? null,
      };
    }
    case 'managed':
    default: {
      const weights = requireField(description, 'weights');
      const { swapFee, aumFee = 0n } = description;
      return {
        ...common,
        family: 'managed',
        schedule: restingSchedule(weights, time, null),
        feeSchedule: { startTime: time, endTime: time, start: swapFee, end: swapFee },
        aumFee,
        // The first join starts the clock.
        lastAumCollection: 0n,
        feeCache,
        swapEnabled: description.swapEnabled ?? true,
        joinExitEnabled: true,
        mustAllowlistLps: description.mustAllowlistLps ?? false,
        allowlist: [],
        circuitBreakers: tokens.map(() => null),
      };
    }
  }
}

function managementOf(
  { managementSwapFee = 0n, tokens }: PoolDescription,
  { managementFees }: WeightedRules,
): Pick<WeightedPool, 'managementSwapFee' | 'managementFees'> {
  return { managementSwapFee, managementFees: managementFees ? tokens.map(() => 0n) : [] };
}

function rateCaches(
  tx: Transaction,
  description: PoolDescription,
  bits: number,
): (RateCache | null)[] {
  const { tokens, rateProviders, rateCacheDurations } = description;
  return tokens.map((_, i) => {
    const provider = rateProviders?.[i] ?? null;
    if (provider === null) return null;
    return createRateCache(provider, rateCacheDurations?.[i] ?? 0n, tx.env, bits);
  });
}

/**
 * Tokens by address, with everything that is listed per token in the same order. Weights that are too
 * many or too few stay as they are, because constructors look at other things before.
 */
function sortedTokens(description: PoolDescription, rules: KindRules): Partial<PoolDescription> {
  // The tokens of a linear pool have roles; they are found by address after registration.
  if (rules.family === 'linear') return {};
  const { tokens } = description;
  const order = tokens.map((_, i) => i).toSorted((a, b) => (tokens[a]! < tokens[b]! ? -1 : 1));
  const sort = (key: keyof PoolDescription): Partial<PoolDescription> => {
    const list = description[key] as readonly unknown[] | undefined;
    if (list === undefined) return {};
    if (list.length !== tokens.length) return key === 'weights' ? {} : revert(103);
    return { [key]: order.map((i) => list[i]) };
  };
  return {
    ...sort('tokens'),
    ...sort('weights'),
    ...sort('rateProviders'),
    ...sort('rateCacheDurations'),
    ...sort('yieldExempt'),
    ...sort('assetManagers'),
  };
}

function registeredTokens(
  rules: KindRules,
  tokens: readonly Address[],
  address: Address,
): readonly Address[] {
  switch (rules.family) {
    case 'weighted':
    case 'stable':
      return tokens;
    case 'composable':
      return [...tokens, address].toSorted();
    case 'linear':
      return rules.bptFirst ? [address, ...tokens.toSorted()] : [...tokens, address].toSorted();
    case 'managed':
    default:
      return [address, ...tokens];
  }
}

function specializationOf(rules: KindRules, count: number): Specialization {
  switch (rules.specialization) {
    case 'general':
      return count === 2 ? 'two-token' : 'general';
    case 'minimal':
      return count === 2 ? 'two-token' : 'minimal';
    case 'general-always':
      return 'general';
    case 'minimal-always':
    default:
      return 'minimal';
  }
}

const SPECIALIZATION_NUMBERS = { general: 0, minimal: 1, 'two-token': 2 } as const;

function poolIdOf(address: Address, specialization: Specialization, nonce: bigint): PoolId {
  const number = SPECIALIZATION_NUMBERS[specialization];
  return `${address}${number.toString(16).padStart(4, '0')}${nonce.toString(16).padStart(20, '0')}`;
}

/** Which fields a family understands beyond those that all do. */
const FAMILY_FIELDS: Readonly<Record<KindRules['family'], readonly (keyof PoolDescription)[]>> = {
  weighted: ['weights', 'rateProviders', 'swapEnabled', 'oracleEnabled', 'managementSwapFee'],
  stable: ['amp', 'rateProviders', 'rateCacheDurations', 'oracleEnabled'],
  composable: ['amp', 'rateProviders', 'rateCacheDurations', 'yieldExempt'],
  linear: ['upperTarget', 'wrappedRateProvider'],
  managed: ['weights', 'aumFee', 'swapEnabled', 'mustAllowlistLps'],
};
const SPECIAL_FIELDS = new Set(Object.values(FAMILY_FIELDS).flat());

function requireApplicable(description: PoolDescription, rules: KindRules): void {
  for (const key of Object.keys(description) as (keyof PoolDescription)[]) {
    if (description[key] === undefined || !SPECIAL_FIELDS.has(key)) continue;
    if (!FAMILY_FIELDS[rules.family].includes(key)) {
      throw new InputError(key, `does not apply to ${description.kind} pools`);
    }
  }
}

function decimalsOf(state: WorldState, address: Address): number {
  const token = state.tokens.get(address);
  if (token === undefined) throw new InputError('tokens', `${address} is no token of this world`);
  return token.decimals;
}

function addToken(tx: Transaction, token: Token): void {
  tx.state.tokens = tx.state.tokens.set(token.address, token);
}
