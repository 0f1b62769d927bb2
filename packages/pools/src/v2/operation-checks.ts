/**
 * Run-time checks of operations, for callers whose types the compiler did not see: every member is
 * known and of its type, every amount a `bigint` in range. Nothing is converted.
 *
 * @module
 */
import { InputError } from '../errors.ts';
import { requireUint } from '../uint.ts';
import type { Operation } from './operations.ts';

/** Refuses a value; `place` is where it stands inside what is checked, empty for the thing itself. */
type Check = (value: unknown, place: string) => void;

const uint: Check = (value, place) => void requireUint(value, place);
const int: Check = (value, place) => {
  if (typeof value !== 'bigint') requireUint(value, place);
};
const flag: Check = (value, place) => {
  if (typeof value !== 'boolean') throw new InputError(place, 'must be true or false');
};
const text: Check = (value, place) => {
  if (typeof value !== 'string') throw new InputError(place, 'must be a string');
};
const index: Check = (value, place) => {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) {
    throw new InputError(place, 'must be a whole number from 0 on');
  }
};
const address: Check = hex(/^0x[0-9a-f]{40}$/, 40);
const poolId: Check = hex(/^0x[0-9a-f]{64}$/, 64);

/** Strings that matched a pattern are kept, this many at most: the pattern costs six look-ups. */
const REMEMBERED_MAX = 1024;

function hex(pattern: RegExp, digits: number): Check {
  const matched = new Set<unknown>();
  return (value, place) => {
    if (matched.has(value)) return;
    if (typeof value !== 'string' || !pattern.test(value)) {
      throw new InputError(place, `must be 0x and ${digits} lower-case hex digits`);
    }
    if (matched.size === REMEMBERED_MAX) matched.clear();
    matched.add(value);
  };
}

const OPTIONAL = new Set<Check>();

function optional(check: Check): Check {
  const optionalCheck: Check = (value, place) => {
    if (value !== undefined) check(value, place);
  };
  OPTIONAL.add(optionalCheck);
  return optionalCheck;
}

function nullable(check: Check): Check {
  return (value, place) => {
    if (value !== null) check(value, place);
  };
}

function listOf(check: Check): Check {
  return (value, place) => {
    if (!Array.isArray(value)) throw new InputError(place, 'must be an array');
    let i = 0;
    try {
      for (; i < value.length; i++) check(value[i], '');
    } catch (error) {
      throw located(error, `${place}[${i}]`);
    }
  };
}

function oneOf(...names: readonly string[]): Check {
  return (value, place) => {
    if (!names.includes(value as string)) {
      throw new InputError(place, `must be one of ${names.join(', ')}`);
    }
  };
}

type Shape = Readonly<Record<string, Check>>;

function shaped(shape: Shape): Check {
  const rules = new Map(
    Object.entries(shape).map(([key, check]) => [key, { check, required: +!OPTIONAL.has(check) }]),
  );
  const requiredCount = Object.values(shape).filter((check) => !OPTIONAL.has(check)).length;
  return (value, place) => {
    if (typeof value !== 'object' || value === null) {
      throw new InputError(place, 'must be an object');
    }
    const members = value as Readonly<Record<string, unknown>>;
    try {
      // The members that are there: an operation gives half of those that it might.
      let found = 0;
      for (const key in members) {
        const rule = rules.get(key);
        if (rule === undefined) throw unknownMember(key, shape);
        rule.check(members[key], key);
        found += rule.required;
      }
      if (found < requiredCount) for (const [key, { check }] of rules) check(members[key], key);
    } catch (error) {
      throw located(error, place);
    }
  };
}

function unknownMember(key: string, shape: Shape): InputError {
  return new InputError(key, `is not known here; known: ${Object.keys(shape).join(', ')}`);
}

/** The error with its place put behind `prefix`; paths are built only when something is wrong. */
function located(error: unknown, prefix: string): unknown {
  if (!(error instanceof InputError)) return error;
  const detail = error.message.slice(error.path.length + 2);
  const joint = error.path === '' || error.path.startsWith('[') ? '' : '.';
  return new InputError(`${prefix}${joint}${error.path}`, detail);
}

const bySwapKind = oneOf('GIVEN_IN', 'GIVEN_OUT');
const FUNDS: Shape = {
  do: optional(text),
  from: address,
  sender: optional(address),
  recipient: optional(address),
  fromInternalBalance: optional(flag),
  toInternalBalance: optional(flag),
  value: optional(uint),
};
const BATCH: Shape = {
  kind: bySwapKind,
  assets: listOf(address),
  steps: listOf(shaped({ pool: poolId, assetIn: index, assetOut: index, amount: uint })),
};
const LIQUIDITY: Shape = {
  do: text,
  from: address,
  pool: poolId,
  sender: optional(address),
  recipient: optional(address),
  assets: optional(listOf(address)),
  request: optional(
    shaped({
      kind: oneOf(
        'INIT',
        'EXACT_TOKENS_IN_FOR_BPT_OUT',
        'TOKEN_IN_FOR_EXACT_BPT_OUT',
        'ALL_TOKENS_IN_FOR_EXACT_BPT_OUT',
        'COLLECT_PROTOCOL_FEES',
        'EXACT_BPT_IN_FOR_ONE_TOKEN_OUT',
        'EXACT_BPT_IN_FOR_TOKENS_OUT',
        'BPT_IN_FOR_EXACT_TOKENS_OUT',
        'MANAGEMENT_FEE_TOKENS_OUT',
        'RECOVERY',
      ),
      amounts: optional(listOf(uint)),
      bpt: optional(uint),
      index: optional(index),
      minBpt: optional(uint),
      maxBpt: optional(uint),
    }),
  ),
  userData: optional(text),
};
const POOL_CALL: Shape = { do: text, from: address, pool: poolId };
const call = (shape: Shape): Check => shaped({ ...POOL_CALL, ...shape });

const DESCRIPTION: Check = shaped({
  kind: text,
  tokens: listOf(address),
  swapFee: uint,
  owner: address,
  address: optional(address),
  weights: optional(listOf(uint)),
  amp: optional(uint),
  rateProviders: optional(listOf(nullable(address))),
  rateCacheDurations: optional(listOf(uint)),
  yieldExempt: optional(listOf(flag)),
  assetManagers: optional(listOf(address)),
  swapEnabled: optional(flag),
  oracleEnabled: optional(flag),
  upperTarget: optional(uint),
  wrappedRateProvider: optional(address),
  aumFee: optional(uint),
  mustAllowlistLps: optional(flag),
  managementSwapFee: optional(uint),
  pauseWindowDuration: optional(uint),
  bufferPeriodDuration: optional(uint),
});

const CHECKS: { readonly [D in Operation['do']]: Check } = {
  swap: shaped({
    ...FUNDS,
    pool: poolId,
    kind: bySwapKind,
    tokenIn: address,
    tokenOut: address,
    amount: uint,
    limit: optional(uint),
    deadline: optional(uint),
  }),
  batchSwap: shaped({
    ...FUNDS,
    ...BATCH,
    limits: optional(listOf(int)),
    deadline: optional(uint),
  }),
  queryBatchSwap: shaped({ do: text, from: address, ...BATCH }),
  join: shaped({
    ...LIQUIDITY,
    maxAmountsIn: optional(listOf(uint)),
    fromInternalBalance: optional(flag),
    value: optional(uint),
  }),
  exit: shaped({
    ...LIQUIDITY,
    minAmountsOut: optional(listOf(uint)),
    toInternalBalance: optional(flag),
  }),
  queryJoin: shaped(LIQUIDITY),
  queryExit: shaped(LIQUIDITY),
  manageUserBalance: shaped({
    do: text,
    from: address,
    ops: listOf(
      shaped({
        kind: oneOf(
          'DEPOSIT_INTERNAL',
          'WITHDRAW_INTERNAL',
          'TRANSFER_INTERNAL',
          'TRANSFER_EXTERNAL',
        ),
        asset: address,
        amount: uint,
        sender: optional(address),
        recipient: optional(address),
      }),
    ),
    value: optional(uint),
  }),
  flashLoan: shaped({
    do: text,
    from: address,
    recipient: optional(address),
    tokens: listOf(address),
    amounts: listOf(uint),
    repayments: optional(listOf(uint)),
  }),
  managePoolBalance: shaped({
    do: text,
    from: address,
    ops: listOf(
      shaped({
        kind: oneOf('WITHDRAW', 'DEPOSIT', 'UPDATE'),
        pool: poolId,
        token: address,
        amount: uint,
      }),
    ),
  }),

  registerTokens: shaped({
    do: text,
    from: address,
    pool: poolId,
    tokens: listOf(address),
    assetManagers: optional(listOf(address)),
  }),

  warp: shaped({ do: text, seconds: optional(uint), blocks: optional(uint) }),
  createToken: shaped({
    do: text,
    symbol: text,
    decimals: index,
    address: optional(address),
    checks: optional(oneOf('open', 'erc20')),
  }),
  createRateProvider: shaped({ do: text, rate: uint, address: optional(address) }),
  setRate: shaped({ do: text, provider: address, rate: uint }),
  createPool: shaped({ do: text, pool: DESCRIPTION }),
  mint: shaped({ do: text, token: address, to: address, amount: uint }),
  transfer: shaped({ do: text, from: address, token: address, to: address, amount: uint }),
  approve: shaped({ do: text, from: address, token: address, spender: address, amount: uint }),

  setRelayerApproval: shaped({
    do: text,
    from: address,
    sender: optional(address),
    relayer: address,
    approved: flag,
  }),
  authorize: shaped({ do: text, from: address, account: address, allowed: flag }),
  setProtocolFees: shaped({
    do: text,
    from: address,
    swap: optional(uint),
    yield: optional(uint),
    aum: optional(uint),
    flashLoan: optional(uint),
  }),
  setPaused: shaped({ do: text, from: address, pool: optional(poolId), paused: flag }),

  setSwapFee: call({ swapFee: uint }),
  setRecoveryMode: call({ enabled: flag }),
  startAmpUpdate: call({ amp: uint, endTime: uint }),
  stopAmpUpdate: call({}),
  updateWeightsGradually: call({
    startTime: uint,
    endTime: uint,
    endWeights: listOf(uint),
    tokens: optional(listOf(address)),
  }),
  updateSwapFeeGradually: call({ startTime: uint, endTime: uint, startFee: uint, endFee: uint }),
  setSwapEnabled: call({ enabled: flag }),
  setJoinExitEnabled: call({ enabled: flag }),
  setMustAllowlistLps: call({ enabled: flag }),
  addAllowedAddress: call({ member: address }),
  removeAllowedAddress: call({ member: address }),
  setManagementAumFee: call({ aumFee: uint }),
  collectAumManagementFees: call({}),
  withdrawCollectedManagementFees: call({ recipient: address }),
  setCircuitBreakers: call({
    tokens: listOf(address),
    bptPrices: listOf(uint),
    lower: listOf(uint),
    upper: listOf(uint),
  }),
  addToken: call({
    token: address,
    assetManager: optional(address),
    weight: uint,
    mintAmount: optional(uint),
    recipient: optional(address),
  }),
  removeToken: call({ token: address, burnAmount: optional(uint), sender: optional(address) }),
  initializeLinear: call({}),
  setTargets: call({ lower: uint, upper: uint }),
  updateTokenRateCache: call({ token: address }),
  setTokenRateCacheDuration: call({ token: address, duration: uint }),
  updateProtocolFeePercentageCache: call({}),
  enableOracle: call({}),
};

/** @throws {InputError} When the operation is not one, or has a member that is missing or wrong. */
export function requireOperation(operation: Operation): void {
  const name: unknown = (operation as Partial<Operation> | null)?.do;
  if (typeof name !== 'string' || !Object.hasOwn(CHECKS, name)) {
    throw new InputError('do', `must be one of ${Object.keys(CHECKS).join(', ')}`);
  }
  requireMembers(operation.do, operation);
}

/** `requireOperation` for an operation whose name stands beside it. */
export function requireMembers(name: Operation['do'], members: object): void {
  CHECKS[name](members, name);
}
