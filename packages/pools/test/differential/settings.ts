/**
 * Steps that change what a pool or the Vault goes by, or that only ask: rates, ramps, fees, pauses,
 * circuit breakers, oracles.
 *
 * @module
 */
import { ACTORS, type Step } from '../evm/scenario.ts';
import { asInteger, asIntegers, decimal } from '../evm/values.ts';
import { actor, type Situation } from './situation.ts';

const ONE = 10n ** 18n;
const DAY = 86_400n;

export const warp = ({ dice }: Situation): Step => {
  const seconds = dice.pick([
    1n,
    15n,
    120n,
    dice.magnitude(1n, DAY),
    dice.magnitude(DAY, 10n * DAY),
  ]);
  return { do: 'warp', seconds: String(seconds), blocks: String(dice.pick([0, 1, 1, 10])) };
};

export const setRate = (situation: Situation): Step => {
  const { dice, pool } = situation;
  const rated = pool.spec.tokens.filter((_, index) => BigInt(pool.spec.rates?.[index] ?? 0) > 0n);
  if (rated.length === 0) return read(situation);
  const rate = dice.part(ONE, 0.95, 1.4);
  return { do: 'setRate', pool: pool.spec.name, token: dice.pick(rated), rate: String(rate) };
};

export const rateCache = ({ dice, pool }: Situation): Step => {
  const token = dice.pick(pool.spec.tokens);
  const { name } = pool.spec;
  if (!dice.onceIn(3)) return { do: 'updateRateCache', pool: name, token, ...actor(dice) };
  const duration = String(dice.pick([0, 60, 3600, 86_400]));
  // carol may act for others, which the engine reads as acting for governance too.
  const who = dice.onceIn(8) ? ({ from: 'bob' } as const) : {};
  return { do: 'setRateCacheDuration', pool: name, token, duration, ...who };
};

export const ampRamp = ({ dice, pool, time }: Situation): Step => {
  const { name } = pool.spec;
  if (dice.onceIn(5)) return { do: 'stopAmpUpdate', pool: name, ...actor(dice, 8) };
  const now = asInteger(pool.state['amp'] ?? 1000) / 1000n;
  const endAmp = dice.pick([
    (now * 3n) / 2n + 1n,
    now / 2n,
    now * 2n,
    dice.magnitude(1n, 5000n),
    0n,
    5001n,
  ]);
  const duration = dice.pick([DAY, DAY + 1n, DAY - 1n, dice.magnitude(DAY, 5n * DAY)]);
  return {
    do: 'startAmpUpdate',
    pool: name,
    endAmp: String(endAmp),
    endTime: String(time + duration),
    ...actor(dice, 10),
  };
};

export const weightRamp = ({ dice, pool, time }: Situation): Step => {
  const { name, tokens, type } = pool.spec;
  const shares = tokens.map(() => 1 + dice.below(100));
  const sum = BigInt(shares.reduce((a, b) => a + b, 0));
  const free = ONE - (ONE / 100n) * BigInt(tokens.length);
  const rest = shares.slice(1).map((share) => (free * BigInt(share)) / sum + ONE / 100n);
  const first = ONE - rest.reduce((a, b) => a + b, 0n) + (dice.onceIn(15) ? 1n : 0n);
  const endWeights = [first, ...rest].map(String);
  const start = time + dice.pick([0n, -100n, 60n, 3600n]);
  const long = type.startsWith('lbp') ? 1n : DAY;
  const end = start + dice.pick([3600n, 0n, DAY, 3n * DAY, long - 1n, -1n]);
  const common = { pool: name, startTime: String(start), endTime: String(end), endWeights };
  return type === 'managed-1'
    ? { do: 'updateWeightsGraduallyManaged', tokens, ...common, ...actor(dice, 12) }
    : { do: 'updateWeightsGradually', ...common, ...actor(dice, 12) };
};

export const feeRamp = ({ dice, pool, time }: Situation): Step => {
  const fee = (): string => String(dice.magnitude(10n ** 12n, ONE - ONE / 20n));
  const startFee = dice.onceIn(2) ? decimal(pool.state['swapFee']) : fee();
  const start = time + dice.pick([0n, -60n, 60n]);
  return {
    do: 'updateSwapFeeGradually',
    pool: pool.spec.name,
    startTime: String(start),
    endTime: String(start + dice.pick([3600n, 0n, DAY, -1n])),
    startFee,
    endFee: fee(),
    ...actor(dice, 12),
  };
};

export const managementFees = ({ dice, pool }: Situation): Step => ({
  do: 'withdrawManagementFees',
  pool: pool.spec.name,
  recipient: dice.pick(ACTORS),
  ...actor(dice, 6),
});

export const setSwapFee = ({ dice, pool }: Situation): Step => {
  const fee = dice.pick([
    10n ** 12n,
    10n ** 17n,
    dice.magnitude(10n ** 12n, 10n ** 17n),
    10n ** 12n - 1n,
    10n ** 17n + 1n,
  ]);
  if (pool.spec.type === 'managed-1') return { do: 'getSwapFee', pool: pool.spec.name };
  return { do: 'setSwapFee', pool: pool.spec.name, fee: String(fee), ...actor(dice, 6) };
};

export const swapEnabled = ({ dice, pool }: Situation): Step => ({
  do: 'setSwapEnabled',
  pool: pool.spec.name,
  enabled: !dice.onceIn(2),
  ...actor(dice, 6),
});

export const read = ({ dice, pool }: Situation): Step => {
  const { name, type, amp, weights } = pool.spec;
  const has: string[] = [];
  if (weights === undefined) has.push('getRate');
  if (weights !== undefined) has.push('getWeights');
  if (weights !== undefined && !type.startsWith('managed')) has.push('getInvariant');
  if (amp !== undefined) has.push('getAmp');
  if (/^(weighted-[23]|composable|managed)/u.test(type)) has.push('getActualSupply');
  if (/^(linear|phantom)/u.test(type)) has.push('getVirtualSupply');
  if (type === 'phantom-1') has.push('getTracedRate');
  return { do: dice.pick(has), pool: name };
};

export const oracle = ({ dice, pool, time }: Situation): Step => {
  const { name } = pool.spec;
  const ago = (): string =>
    String(dice.pick([0n, 1n, dice.magnitude(1n, 10n * DAY), dice.onceIn(10) ? time + 1n : 60n]));
  switch (dice.below(5)) {
    case 0:
      return { do: 'oracleLatest', pool: name, variable: dice.below(3) };
    case 1:
      return { do: 'oracleSample', pool: name, index: String(dice.pick([0, 1, 5, 1023, 1024])) };
    case 2: {
      const queries = [0, 1, 2].map((variable) => ({ variable, ago: ago() }));
      return { do: 'oracleAcc', pool: name, queries };
    }
    case 3: {
      const secs = (): string => String(dice.pick([60n, 1n, 3600n, 0n]));
      const queries = [0, 1, 2].map((variable) => ({ variable, secs: secs(), ago: ago() }));
      return { do: 'oracleTwap', pool: name, queries };
    }
    default:
      return { do: 'oracleMisc', pool: name };
  }
};

export const targets = ({ dice, pool }: Situation): Step => {
  const lower =
    BigInt(dice.pick([0, 100, 1000, 100_000])) * ONE + BigInt(dice.pick([0, 0, 1, 354_224]));
  const upper = lower + BigInt(dice.pick([1_000_000, 1000, 0, -1])) * ONE;
  return {
    do: 'setTargets',
    pool: pool.spec.name,
    lower: String(lower),
    upper: String(upper < 0n ? (1n << 32n) * ONE : upper),
    ...actor(dice, 10),
  };
};

export const wrappedRate = ({ dice, pool }: Situation): Step => ({
  do: 'setWrappedRate',
  pool: pool.spec.name,
  token: pool.spec.wrapped!,
  rate: String(dice.part(ONE, 0.9, 1.6)),
});

export const aum = ({ dice, pool }: Situation): Step => {
  const { name } = pool.spec;
  if (!dice.onceIn(3)) return { do: 'collectAumManagementFees', pool: name, ...actor(dice) };
  const fee = dice.pick([0n, ONE / 50n, (ONE * 95n) / 100n, (ONE * 95n) / 100n + 1n]);
  return { do: 'setManagementAumFee', pool: name, fee: String(fee), ...actor(dice, 8) };
};

export const breakers = ({ dice, pool }: Situation): Step => {
  const { name, tokens } = pool.spec;
  const token = dice.pick(tokens);
  if (dice.onceIn(3)) return { do: 'getCircuitBreaker', pool: name, token };
  const weights = asIntegers(pool.state['weights']);
  const balance = pool.balances[pool.registered.indexOf(token)] ?? 0n;
  const weight = weights[tokens.indexOf(token)] ?? 0n;
  const supply = pool.supply;
  // The pool prices BPT in scaled tokens; raw units off by the decimals only trip the breaker sooner.
  const price = balance === 0n ? ONE : (supply * weight) / balance;
  return {
    do: 'setCircuitBreakers',
    pool: name,
    tokens: [token],
    bptPrices: [String(dice.part(price, 0.8, 1.2))],
    lower: [String(dice.pick([(ONE * 9n) / 10n, ONE / 2n, 0n, ONE / 20n, ONE + 1n]))],
    upper: [String(dice.pick([(ONE * 11n) / 10n, 2n * ONE, 0n, 10n * ONE, 11n * ONE]))],
    ...actor(dice, 12),
  };
};

export const tokenChange = (situation: Situation): Step => {
  const { dice, pool, scenario } = situation;
  const present = pool.registered;
  const absent = scenario.tokens.map(({ sym }) => sym).filter((sym) => !present.includes(sym));
  const { name } = pool.spec;
  if (absent.length > 0 && !dice.onceIn(3)) {
    const weight = dice.pick([ONE / 100n, ONE / 4n, ONE / 200n, ONE / 2n]);
    return {
      do: 'addToken',
      pool: name,
      token: dice.pick(absent),
      weight: String(weight),
      mintAmount: String(dice.pick([0n, ONE])),
      ...actor(dice, 10),
    };
  }
  // A token can go only when the pool has none of it, which is so right after it was added.
  const empty = present.filter((_, index) => pool.balances[index] === 0n);
  const token = dice.pick(empty.length > 0 ? empty : present);
  return { do: 'removeToken', pool: name, token, burnAmount: '0', ...actor(dice, 10) };
};

export const allowlist = ({ dice, pool }: Situation): Step => {
  const { name } = pool.spec;
  const member = dice.pick(ACTORS);
  switch (dice.below(3)) {
    case 0:
      return { do: 'setMustAllowlistLPs', pool: name, must: dice.onceIn(3), ...actor(dice, 10) };
    case 1:
      return { do: 'addAllowedAddress', pool: name, member, ...actor(dice, 10) };
    default:
      return { do: 'removeAllowedAddress', pool: name, member, ...actor(dice, 10) };
  }
};

export const pause = ({ dice, pool }: Situation): Step => {
  const paused = dice.onceIn(3);
  if (dice.onceIn(3)) return { do: 'setPaused', paused };
  return { do: 'setPoolPaused', pool: pool.spec.name, paused };
};

export const recovery = ({ dice, pool }: Situation): Step => ({
  do: 'setRecoveryMode',
  pool: pool.spec.name,
  enabled: dice.onceIn(3),
});

export const protocolFee = ({ dice, pool }: Situation): Step => {
  const { name, type } = pool.spec;
  if (dice.onceIn(3) && /^(weighted-[23]|composable|managed|phantom)/u.test(type)) {
    return { do: 'updateProtocolFeeCache', pool: name, ...actor(dice) };
  }
  const fee = dice.pick(['SWAP', 'SWAP', 'YIELD', 'AUM', 'FLASH_LOAN']);
  // Past the maxima of yield and management fees the provider reverts with a sentence, not a code.
  const greatest = fee === 'SWAP' ? 1.01 : 1;
  const value = fee === 'FLASH_LOAN' ? dice.part(ONE / 100n) : dice.part(ONE / 2n, 1e-3, greatest);
  return { do: 'setProtocolFee', type: fee, value: String(value) };
};
