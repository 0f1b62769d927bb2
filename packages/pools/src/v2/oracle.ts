/**
 * The price oracle of two-token pools of 2021: a ring of 1024 samples, each with the logarithms of
 * pair price, pool token price and invariant, and their integrals over time.
 *
 * Logarithms have four decimals, which is why every price read back is off by up to 0.005 %.
 *
 * @see `PoolPriceOracle`, `LogCompression` and `Samples` in balancer-v2-monorepo.
 * @module
 */
import { revert } from '../errors.ts';
import { exp, ln } from '../math/log-exp.ts';
import type { Oracle, OracleSample } from './state.ts';
import { HexMap } from '../hex-map.ts';

/** Entries of the ring. */
export const ORACLE_SIZE = 1024;
/** A sample gathers data for two minutes before the next one starts. */
const MAX_SAMPLE_DURATION = 120n;
/** Span that a full ring is sure to cover: 34 hours. */
export const LARGEST_SAFE_QUERY_WINDOW = 122_400n;

const LOG_SCALE = 10n ** 14n;
const HALF_LOG_SCALE = LOG_SCALE / 2n;

const EMPTY_SAMPLE: OracleSample = {
  logPairPrice: 0n,
  accLogPairPrice: 0n,
  logBptPrice: 0n,
  accLogBptPrice: 0n,
  logInvariant: 0n,
  accLogInvariant: 0n,
  timestamp: 0n,
};

/** What a query is about. */
export type OracleVariable = 'PAIR_PRICE' | 'BPT_PRICE' | 'INVARIANT';

const FIELDS = {
  PAIR_PRICE: ['logPairPrice', 'accLogPairPrice'],
  BPT_PRICE: ['logBptPrice', 'accLogBptPrice'],
  INVARIANT: ['logInvariant', 'accLogInvariant'],
} as const;

/** An oracle without samples. */
export function createOracle(enabled: boolean): Oracle {
  return {
    enabled,
    index: 0,
    sampleCreation: 0n,
    logInvariant: 0n,
    logTotalSupply: 0n,
    samples: HexMap.empty(),
  };
}

/** ln of an 18-decimal value, in four decimals, rounded half away from zero. */
export function toLowResLog(value: bigint): bigint {
  const log = ln(value);
  return (log > 0n ? log + HALF_LOG_SCALE : log - HALF_LOG_SCALE) / LOG_SCALE;
}

/** The value of a four-decimal logarithm. */
export function fromLowResLog(log: bigint): bigint {
  return exp(log * LOG_SCALE);
}

/** Logs of one moment. */
export interface OracleReading {
  readonly logPairPrice: bigint;
  readonly logBptPrice: bigint;
}

/** The oracle after one more reading, whose invariant is the one of the last join or exit. */
export function withReading(oracle: Oracle, reading: OracleReading, time: bigint): Oracle {
  const { logPairPrice, logBptPrice } = reading;
  const { logInvariant } = oracle;
  const latest = sampleAt(oracle, oracle.index);
  const elapsed = time - latest.timestamp;
  const sample: OracleSample = {
    logPairPrice,
    accLogPairPrice: BigInt.asIntN(53, latest.accLogPairPrice + logPairPrice * elapsed),
    logBptPrice,
    accLogBptPrice: BigInt.asIntN(53, latest.accLogBptPrice + logBptPrice * elapsed),
    logInvariant,
    accLogInvariant: BigInt.asIntN(53, latest.accLogInvariant + logInvariant * elapsed),
    timestamp: time,
  };
  const startsSample = time - oracle.sampleCreation >= MAX_SAMPLE_DURATION;
  const index = startsSample ? (oracle.index + 1) % ORACLE_SIZE : oracle.index;
  return {
    ...oracle,
    index,
    sampleCreation: startsSample ? time : oracle.sampleCreation,
    samples: oracle.samples.set(keyOf(index), sample),
  };
}

/** The sample at an index of the ring; zeros where none was written. @throws {Revert} BAL#315. */
export function getSample(oracle: Oracle, index: number): OracleSample {
  if (index >= ORACLE_SIZE) revert(315);
  return sampleAt(oracle, index);
}

/** The newest value. @throws {Revert} BAL#313 before the first sample. */
export function getLatest(oracle: Oracle, variable: OracleVariable): bigint {
  const sample = sampleAt(oracle, oracle.index);
  if (sample.timestamp === 0n) revert(313);
  return fromLowResLog(sample[FIELDS[variable][0]]);
}

/**
 * Integral of the logarithm from the epoch of the oracle to `ago` seconds before `time`.
 *
 * @throws {Revert} BAL#312 before the epoch, BAL#313 when the ring is not full, BAL#314 when the
 * moment is older than the ring.
 */
export function getPastAccumulator(
  oracle: Oracle,
  variable: OracleVariable,
  ago: bigint,
  time: bigint,
): bigint {
  if (ago > time) revert(312);
  const moment = time - ago;
  const [instant, accumulator] = FIELDS[variable];
  const latest = sampleAt(oracle, oracle.index);
  if (latest.timestamp === 0n) revert(313);
  if (latest.timestamp <= moment) {
    return latest[accumulator] + latest[instant] * (moment - latest.timestamp);
  }

  const oldestIndex = (oracle.index + 1) % ORACLE_SIZE;
  const oldest = sampleAt(oracle, oldestIndex);
  if (oldest.timestamp === 0n) revert(313);
  if (oldest.timestamp > moment) revert(314);

  const [previous, next] = neighbours(oracle, oldestIndex, moment);
  if (previous.timestamp === moment) return previous[accumulator];
  const growth = next[accumulator] - previous[accumulator];
  const elapsed = moment - previous.timestamp;
  return previous[accumulator] + (growth * elapsed) / (next.timestamp - previous.timestamp);
}

/** Geometric mean over `secs` seconds that ended `ago` seconds before `time`. @throws BAL#316. */
export function getTimeWeightedAverage(
  oracle: Oracle,
  query: { readonly variable: OracleVariable; readonly secs: bigint; readonly ago: bigint },
  time: bigint,
): bigint {
  const { variable, secs, ago } = query;
  if (secs === 0n) revert(316);
  const begin = getPastAccumulator(oracle, variable, ago + secs, time);
  const end = getPastAccumulator(oracle, variable, ago, time);
  return fromLowResLog((end - begin) / secs);
}

/** The newest sample at or before the moment, and the one after it. */
function neighbours(
  oracle: Oracle,
  oldestIndex: number,
  moment: bigint,
): readonly [OracleSample, OracleSample] {
  const at = (age: number): OracleSample => sampleAt(oracle, (oldestIndex + age) % ORACLE_SIZE);
  let low = 0;
  let high = ORACLE_SIZE - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (at(middle).timestamp <= moment) low = middle;
    else high = middle;
  }
  return [at(low), at(high)];
}

function sampleAt(oracle: Oracle, index: number): OracleSample {
  return oracle.samples.get(keyOf(index)) ?? EMPTY_SAMPLE;
}

function keyOf(index: number): string {
  return index.toString(16).padStart(3, '0');
}
