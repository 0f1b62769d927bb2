/**
 * A world as JSON and back, exactly: integers as decimal strings, `"v": 1`, unknown members refused
 * with their path.
 *
 * @module
 */
import { HexMap } from '../hex-map.ts';
import * as json from '../json.ts';
import { type PoolKind, POOL_KINDS } from './kinds.ts';
import type {
  Address,
  AmpSchedule,
  CircuitBreaker,
  ComposablePool,
  FeeCache,
  FeeSchedule,
  LinearPool,
  ManagedPool,
  Oracle,
  OracleSample,
  Pool,
  PoolCommon,
  ProtocolFees,
  RateCache,
  StablePool,
  Token,
  TokenBalance,
  VaultState,
  WeightedPool,
  WeightSchedule,
  WorldState,
} from './state.ts';
import { InputError } from '../errors.ts';
import { totalOf } from './pools/scaling.ts';

const { array, count, flag, int, mapped, nullable, object, oneOf, record, text, uint } = json;
const address: json.Codec<Address> = json.hex(20);
const addresses = array(address);
const amount = uint();

/** A map as an object with sorted keys. */
function hexMap<T>(item: json.Codec<T>, keyPattern = /^0x[0-9a-f]{40}$/): json.Codec<HexMap<T>> {
  return mapped(
    record(item),
    (map) => Object.fromEntries(map.entries()),
    (members, path) => {
      for (const key of Object.keys(members)) {
        if (!keyPattern.test(key))
          throw new InputError(`${path}.${key}`, 'is no hex key of this map');
      }
      return HexMap.from(Object.entries(members));
    },
  );
}

/** A set as an array. */
const addressSet: json.Codec<HexMap<true>> = mapped(
  addresses,
  (set) => set.entries().map(([key]) => key),
  (keys) => HexMap.from(keys.map((key) => [key, true] as const)),
);

const token: json.Codec<Token> = object<Token>({
  address,
  symbol: text,
  decimals: count(18),
  checks: oneOf('open', 'erc20', 'pool-first', 'pool-2021', 'pool-later'),
});

const tokenBalance: json.Codec<TokenBalance> = object<TokenBalance>({
  cash: uint(112),
  managed: uint(112),
  lastChangeBlock: amount,
});

const protocolFees: json.Codec<ProtocolFees> = object<ProtocolFees>({
  swap: amount,
  yield: amount,
  aum: amount,
  flashLoan: amount,
});

const feeCache: json.Codec<FeeCache> = object<FeeCache>({
  swap: amount,
  yield: amount,
  aum: amount,
});

const weightSchedule: json.Codec<WeightSchedule> = object<WeightSchedule>({
  startTime: amount,
  endTime: amount,
  start: array(amount),
  end: array(amount),
});

const ampSchedule: json.Codec<AmpSchedule> = object<AmpSchedule>({
  startValue: amount,
  endValue: amount,
  startTime: amount,
  endTime: amount,
});

const feeSchedule: json.Codec<FeeSchedule> = object<FeeSchedule>({
  startTime: amount,
  endTime: amount,
  start: amount,
  end: amount,
});

const rateCache: json.Codec<RateCache> = object<RateCache>({
  provider: address,
  rate: amount,
  oldRate: amount,
  duration: amount,
  expires: amount,
});

const circuitBreaker: json.Codec<CircuitBreaker> = object<CircuitBreaker>({
  bptPrice: amount,
  referenceWeight: amount,
  lowerBound: amount,
  upperBound: amount,
  adjustedLowerBound: amount,
  adjustedUpperBound: amount,
});

const oracleSample: json.Codec<OracleSample> = object<OracleSample>({
  logPairPrice: int(22),
  accLogPairPrice: int(53),
  logBptPrice: int(22),
  accLogBptPrice: int(53),
  logInvariant: int(22),
  accLogInvariant: int(53),
  timestamp: amount,
});

const oracle: json.Codec<Oracle> = object<Oracle>({
  enabled: flag,
  index: count(1023),
  sampleCreation: amount,
  logInvariant: int(22),
  logTotalSupply: int(22),
  samples: hexMap(oracleSample, /^[0-3][0-9a-f]{2}$/),
});

const COMMON = {
  id: json.hex(32),
  address,
  kind: oneOf<PoolKind>(...(Object.keys(POOL_KINDS) as PoolKind[])),
  specialization: oneOf('general', 'minimal', 'two-token'),
  owner: address,
  tokens: addresses,
  balances: array(tokenBalance),
  assetManagers: addresses,
  scalingFactors: array(amount),
  totalSupply: amount,
  swapFee: amount,
  paused: flag,
  pauseWindowEnd: amount,
  bufferPeriodEnd: amount,
  recoveryMode: flag,
} satisfies { [K in keyof PoolCommon]: json.Codec<PoolCommon[K]> };

const pool: json.Codec<Pool> = mapped(
  json.tagged<Pool>('family', {
    weighted: object<WeightedPool>({
      family: json.literal('weighted'),
      ...COMMON,
      weights: nullable(array(amount)),
      schedule: nullable(weightSchedule),
      swapEnabled: flag,
      lastInvariant: amount,
      rateProviders: array(nullable(address)),
      athRateProduct: amount,
      feeCache,
      oracle: nullable(oracle),
      managementSwapFee: amount,
      managementFees: array(amount),
    }),
    stable: object<StablePool>({
      family: json.literal('stable'),
      ...COMMON,
      amp: ampSchedule,
      lastAmp: amount,
      lastInvariant: amount,
      rates: array(nullable(rateCache)),
      oracle: nullable(oracle),
    }),
    composable: object<ComposablePool>({
      family: json.literal('composable'),
      ...COMMON,
      bptIndex: count(),
      amp: ampSchedule,
      lastAmp: amount,
      lastInvariant: amount,
      rates: array(nullable(rateCache)),
      yieldExempt: array(flag),
      feeCache,
      dueFeeBpt: amount,
    }),
    linear: object<LinearPool>({
      family: json.literal('linear'),
      ...COMMON,
      mainIndex: count(2),
      wrappedIndex: count(2),
      bptIndex: count(2),
      lowerTarget: amount,
      upperTarget: amount,
      wrappedRateProvider: nullable(address),
    }),
    managed: object<ManagedPool>({
      family: json.literal('managed'),
      ...COMMON,
      schedule: weightSchedule,
      feeSchedule,
      aumFee: amount,
      lastAumCollection: amount,
      feeCache,
      swapEnabled: flag,
      joinExitEnabled: flag,
      mustAllowlistLps: flag,
      allowlist: addresses,
      circuitBreakers: array(nullable(circuitBreaker)),
    }),
  }),
  (value) => value,
  requireConsistent,
);

const vault: json.Codec<VaultState> = object<VaultState>({
  address,
  weth: address,
  collector: address,
  admin: address,
  authorized: addressSet,
  fees: protocolFees,
  paused: flag,
  pauseWindowEnd: amount,
  bufferPeriodEnd: amount,
  nextNonce: uint(80),
  internalBalances: hexMap(hexMap(amount)),
  relayers: hexMap(addressSet),
});

const world: json.Codec<WorldState> = json.versioned(
  object<WorldState>({
    time: amount,
    block: amount,
    nextAddress: uint(160),
    tokens: hexMap(token),
    ledger: hexMap(hexMap(int())),
    allowances: hexMap(hexMap(hexMap(amount))),
    rates: hexMap(amount),
    vault,
    pools: hexMap(pool, /^0x[0-9a-f]{64}$/),
  }),
);

/** The world as plain JSON. */
export function worldToJson(state: WorldState): json.Json {
  return world.encode(state);
}

/** @throws {InputError} With the path of what is malformed, unknown or of another version. */
export function worldFromJson(value: unknown): WorldState {
  return world.decode(value, 'world');
}

/** Arrays that list something per token line up, and the family is the kind's. */
function requireConsistent(value: Pool, path: string): Pool {
  const { kind, family, tokens } = value;
  if (POOL_KINDS[kind].family !== family) {
    throw new InputError(
      `${path}.family`,
      `${kind} pools are of the family ${POOL_KINDS[kind].family}`,
    );
  }
  for (const key of ['balances', 'assetManagers', 'scalingFactors'] as const) {
    if (value[key].length !== tokens.length) {
      throw new InputError(`${path}.${key}`, `must have ${tokens.length} entries, one per token`);
    }
  }
  value.balances.forEach((balance, i) => {
    if (totalOf(balance) >> 112n !== 0n) {
      throw new InputError(`${path}.balances[${i}]`, 'cash plus managed must be below 2^112');
    }
  });
  return value;
}
