/**
 * Run-time checks of operations, for callers whose types the compiler did not see: every member is
 * known and of its type, every amount a `bigint` in range. Nothing is converted.
 *
 * @module
 */
import { InputError } from '../errors.ts';
import {
  address,
  byKind,
  type Check,
  flag,
  index,
  int,
  listOf,
  nullable,
  oneOf,
  optional,
  poolId,
  type Shape,
  shaped,
  text,
  uint,
} from './checks.ts';
import type { Operation } from './operations.ts';

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
const GIVEN_AMOUNTS: Shape = { kind: text, amounts: listOf(uint) };
const GIVEN_BPT: Shape = { kind: text, bpt: uint };
const GIVEN_ONE: Shape = { ...GIVEN_BPT, index };
const JOIN: Check = byKind({
  INIT: GIVEN_AMOUNTS,
  EXACT_TOKENS_IN_FOR_BPT_OUT: { ...GIVEN_AMOUNTS, minBpt: optional(uint) },
  TOKEN_IN_FOR_EXACT_BPT_OUT: GIVEN_ONE,
  ALL_TOKENS_IN_FOR_EXACT_BPT_OUT: GIVEN_BPT,
  COLLECT_PROTOCOL_FEES: { kind: text },
});
const EXIT: Check = byKind({
  EXACT_BPT_IN_FOR_ONE_TOKEN_OUT: GIVEN_ONE,
  EXACT_BPT_IN_FOR_TOKENS_OUT: GIVEN_BPT,
  BPT_IN_FOR_EXACT_TOKENS_OUT: { ...GIVEN_AMOUNTS, maxBpt: optional(uint) },
  MANAGEMENT_FEE_TOKENS_OUT: { kind: text },
  RECOVERY: GIVEN_BPT,
});
const LIQUIDITY: Shape = {
  do: text,
  from: address,
  pool: poolId,
  sender: optional(address),
  recipient: optional(address),
  assets: optional(listOf(address)),
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
    request: optional(JOIN),
    maxAmountsIn: optional(listOf(uint)),
    fromInternalBalance: optional(flag),
    value: optional(uint),
  }),
  exit: shaped({
    ...LIQUIDITY,
    request: optional(EXIT),
    minAmountsOut: optional(listOf(uint)),
    toInternalBalance: optional(flag),
  }),
  queryJoin: shaped({ ...LIQUIDITY, request: optional(JOIN) }),
  queryExit: shaped({ ...LIQUIDITY, request: optional(EXIT) }),
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
