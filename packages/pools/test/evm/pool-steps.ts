/**
 * Steps that call a pool, a rate provider or a token directly.
 *
 * @module
 */
import { ZERO } from './chain.ts';
import { ADMIN, refreshRegistered } from './deployment.ts';
import type { Outcome } from './scenario.ts';
import type { Handler, StepContext } from './step-context.ts';
import { asFlag, asInteger, decimal, decimals } from './values.ts';

/** A getter of the pool that returns one number under the given name. */
const number =
  (getter: string, field: string): Handler =>
  async ({ pool }) => ({ [field]: decimal((await pool.contract.read(getter))[0]) });

const getWeights: Handler = async ({ pool }) => ({
  weights: decimals((await pool.contract.read('getNormalizedWeights'))[0]),
});

/** A pool function of the acting account with integer arguments taken from the step. */
const call =
  (name: string, ...names: readonly string[]): Handler =>
  async (context) => {
    await context.poolCall(name, ...names.map((field) => context.integer(field)));
    return {};
  };

/** A pool function of the acting account that returns an amount. */
const callForAmount =
  (name: string, ...names: readonly string[]): Handler =>
  async (context) => {
    const args = names.map((field) => context.integer(field));
    const [amount] = await context.poolCall(name, ...args);
    return { amount: decimal(amount) };
  };

/** Names differ between generations of pools: the first that the pool has is called. */
const callEither =
  (functions: readonly string[], ...names: readonly string[]): Handler =>
  async (context) => {
    const { contract } = context.pool;
    const name = functions.find((candidate) => contract.has(candidate)) ?? functions[0]!;
    const token = context.has('token') ? [context.token(context.text('token'))] : [];
    await context.poolCall(name, ...token, ...names.map((field) => context.integer(field)));
    return {};
  };

const tokensChanged: Handler = async (context) => {
  await refreshRegistered(context.d, context.d.tokens, context.pool);
  return getWeights(context);
};

/** Steps by name. */
export const POOL_STEPS: Readonly<Record<string, Handler>> = {
  getRate: number('getRate', 'rate'),
  /** What a trace says a pool token stands for; only phantom pools have the same rate. */
  getTracedRate: number('getRate', 'rate'),
  getSwapFee: number('getSwapFeePercentage', 'fee'),
  getInvariant: number('getInvariant', 'invariant'),
  getActualSupply: number('getActualSupply', 'supply'),
  getVirtualSupply: number('getVirtualSupply', 'supply'),
  getWeights,
  async getAmp({ pool }) {
    const [value, isUpdating] = await pool.contract.read('getAmplificationParameter');
    return { value: decimal(value), isUpdating: asFlag(isUpdating) };
  },

  async setRate(context) {
    const provider = context.pool.rateProviders.get(context.text('token'))!;
    await provider.send(ADMIN, 'setRate', [context.integer('rate')]);
    return {};
  },
  async setWrappedRate(context) {
    const token = context.d.tokens.get(context.text('token'))!;
    await token.send(ADMIN, 'setRate', [context.integer('rate')]);
    return {};
  },
  updateRateCache: callEither(['updatePriceRateCache', 'updateTokenRateCache']),
  setRateCacheDuration: callEither(
    ['setPriceRateCacheDuration', 'setTokenRateCacheDuration'],
    'duration',
  ),
  updateProtocolFeeCache: callEither([
    'updateCachedProtocolSwapFeePercentage',
    'updateProtocolFeePercentageCache',
  ]),

  setSwapFee: call('setSwapFeePercentage', 'fee'),
  startAmpUpdate: call('startAmplificationParameterUpdate', 'endAmp', 'endTime'),
  stopAmpUpdate: call('stopAmplificationParameterUpdate'),
  initializeLinear: call('initialize'),
  setTargets: call('setTargets', 'lower', 'upper'),
  updateSwapFeeGradually: call(
    'updateSwapFeeGradually',
    'startTime',
    'endTime',
    'startFee',
    'endFee',
  ),
  setManagementAumFee: call('setManagementAumFeePercentage', 'fee'),
  collectAumManagementFees: callForAmount('collectAumManagementFees'),

  async withdrawManagementFees(context) {
    await context.poolCall('withdrawCollectedManagementFees', context.account('recipient'));
    return {};
  },
  async updateWeightsGradually(context) {
    const { startTime, endTime, endWeights } = weightUpdate(context);
    await context.poolCall('updateWeightsGradually', startTime, endTime, endWeights);
    return getWeights(context);
  },
  async updateWeightsGraduallyManaged(context) {
    const { startTime, endTime, endWeights } = weightUpdate(context);
    const tokens = context.tokens('tokens');
    await context.poolCall('updateWeightsGradually', startTime, endTime, tokens, endWeights);
    return getWeights(context);
  },
  async addToken(context) {
    await context.poolCall(
      'addToken',
      context.token(context.text('token')),
      ZERO,
      context.integer('weight'),
      context.integer('mintAmount'),
      context.from,
    );
    return tokensChanged(context);
  },
  async removeToken(context) {
    const token = context.token(context.text('token'));
    await context.poolCall('removeToken', token, context.integer('burnAmount'), context.from);
    return tokensChanged(context);
  },
  async setCircuitBreakers(context) {
    await context.poolCall(
      'setCircuitBreakers',
      context.tokens('tokens'),
      context.integers('bptPrices'),
      context.integers('lower'),
      context.integers('upper'),
    );
    return {};
  },
  async getCircuitBreaker(context) {
    const token = context.token(context.text('token'));
    const values = await context.pool.contract.read('getCircuitBreakerState', [token]);
    return fields(
      [
        'bptPrice',
        'referenceWeight',
        'lowerBound',
        'upperBound',
        'lowerBptPriceBound',
        'upperBptPriceBound',
      ],
      values,
    );
  },
  async setSwapEnabled(context) {
    await context.poolCall('setSwapEnabled', context.flag('enabled'));
    return {};
  },
  async setMustAllowlistLPs(context) {
    await context.poolCall('setMustAllowlistLPs', context.flag('must'));
    return {};
  },
  async addAllowedAddress(context) {
    await context.poolCall('addAllowedAddress', context.account('member'));
    return {};
  },
  async removeAllowedAddress(context) {
    await context.poolCall('removeAllowedAddress', context.account('member'));
    return {};
  },
  async setPoolPaused(context) {
    const { contract } = context.pool;
    const paused = context.flag('paused');
    if (contract.has('setPaused')) await context.adminCall(contract, 'setPaused', paused);
    else await context.adminCall(contract, paused ? 'pause' : 'unpause');
    return {};
  },
  async setRecoveryMode(context) {
    const name = context.flag('enabled') ? 'enableRecoveryMode' : 'disableRecoveryMode';
    await context.adminCall(context.pool.contract, name);
    return {};
  },

  async oracleLatest(context) {
    const [value] = await context.pool.contract.read('getLatest', [context.integer('variable')]);
    return { value: decimal(value) };
  },
  async oracleTwap(context) {
    const queries = context.entries('queries').map((q) => integers(q, 'variable', 'secs', 'ago'));
    const [values] = await context.pool.contract.read('getTimeWeightedAverage', [queries]);
    return { values: decimals(values) };
  },
  async oracleAcc(context) {
    const queries = context.entries('queries').map((q) => integers(q, 'variable', 'ago'));
    const [values] = await context.pool.contract.read('getPastAccumulators', [queries]);
    return { values: decimals(values) };
  },
  async oracleSample(context) {
    const sample = await context.pool.contract.read('getSample', [context.integer('index')]);
    return { sample: sample.map(decimal) };
  },
  async oracleMisc({ pool: { contract } }) {
    const getter = contract.has('getMiscData') ? 'getMiscData' : 'getOracleMiscData';
    const [logInvariant, logTotalSupply, sampleCreationTimestamp, index, enabled, swapFee] =
      await contract.read(getter);
    const names = ['logInvariant', 'logTotalSupply', 'sampleCreationTimestamp', 'index'];
    return {
      ...fields(names, [logInvariant, logTotalSupply, sampleCreationTimestamp, index]),
      enabled: asFlag(enabled),
      ...(swapFee === undefined ? {} : { swapFee: decimal(swapFee) }),
    };
  },
};

function weightUpdate(context: StepContext): {
  readonly startTime: bigint;
  readonly endTime: bigint;
  readonly endWeights: readonly bigint[];
} {
  return {
    startTime: context.integer('startTime'),
    endTime: context.integer('endTime'),
    endWeights: context.integers('endWeights'),
  };
}

function integers(record: Readonly<Record<string, unknown>>, ...names: string[]): bigint[] {
  return names.map((name) => asInteger(record[name]));
}

function fields(names: readonly string[], values: readonly unknown[]): Outcome {
  return Object.fromEntries(names.map((name, index) => [name, decimal(values[index])]));
}
