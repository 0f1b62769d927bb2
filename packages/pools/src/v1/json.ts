/**
 * V1 states and calls as JSON: integers as decimal strings, addresses as lower-case hex, `"v": 1`.
 *
 * @module
 */
import {
  type Codec,
  array,
  flag,
  hex,
  nullable,
  object,
  oneOf,
  optional,
  record,
  tagged,
  uint,
  versioned,
} from '../json.ts';
import type { CrpState } from './crp/state.ts';
import type { CrpOperation } from './crp/step.ts';
import type { FactoryState } from './factory.ts';
import type { PoolState } from './pool/state.ts';
import type { PoolOperation } from './pool/step.ts';
import type { Shares } from './shares.ts';
import type { Address } from './types.ts';

const ADDRESS = hex(20);
const AMOUNT = uint();

const SHARES: Codec<Shares> = object<Shares>({
  totalSupply: AMOUNT,
  balances: record(AMOUNT),
  allowances: optional(record(record(AMOUNT))),
});

/** State of a V1 pool. */
export const POOL_STATE: Codec<PoolState> = object({
  address: ADDRESS,
  factory: ADDRESS,
  controller: ADDRESS,
  publicSwap: flag,
  finalized: flag,
  swapFee: AMOUNT,
  totalWeight: AMOUNT,
  tokens: array(object({ token: ADDRESS, denorm: AMOUNT, balance: AMOUNT }), { most: 8 }),
  held: record(AMOUNT),
  shares: SHARES,
});

/** State of a factory. */
export const FACTORY_STATE: Codec<FactoryState> = object({
  address: ADDRESS,
  blabs: ADDRESS,
  pools: array(ADDRESS),
});

/** State of a rights pool with the V1 pool inside it. */
export const CRP_STATE: Codec<CrpState> = object({
  address: ADDRESS,
  kind: oneOf('crp', 'elastic'),
  owner: ADDRESS,
  factory: ADDRESS,
  rights: object({
    canPauseSwapping: flag,
    canChangeSwapFee: flag,
    canChangeWeights: flag,
    canAddRemoveTokens: flag,
    canWhitelistLPs: flag,
    canChangeCap: flag,
  }),
  params: object({
    constituentTokens: array(ADDRESS),
    tokenBalances: array(AMOUNT),
    tokenWeights: array(AMOUNT),
    swapFee: AMOUNT,
  }),
  shares: SHARES,
  bspCap: AMOUNT,
  minimumWeightChangeBlockPeriod: AMOUNT,
  addTokenTimeLockInBlocks: AMOUNT,
  gradualUpdate: nullable(
    object({
      startBlock: AMOUNT,
      endBlock: AMOUNT,
      startWeights: array(AMOUNT),
      endWeights: array(AMOUNT),
    }),
  ),
  newToken: nullable(
    object({ token: ADDRESS, balance: AMOUNT, denorm: AMOUNT, commitBlock: AMOUNT }),
  ),
  whitelist: array(ADDRESS),
  pool: nullable(POOL_STATE),
});

/** A V1 pool as a document of its own. */
export function poolToJson(pool: PoolState): string {
  return JSON.stringify(versioned(POOL_STATE).encode(pool));
}

/** @throws {InputError} With the path of what is malformed. */
export function poolFromJson(json: string): PoolState {
  return versioned(POOL_STATE).decode(JSON.parse(json), 'pool');
}

/** A rights pool as a document of its own. */
export function crpToJson(crp: CrpState): string {
  return JSON.stringify(versioned(CRP_STATE).encode(crp));
}

/** @throws {InputError} With the path of what is malformed. */
export function crpFromJson(json: string): CrpState {
  return versioned(CRP_STATE).decode(JSON.parse(json), 'crp');
}

/** A call with its sender; whoever replays it says who sends when `from` is left out. */
export type Sent<Operation> = Operation & { readonly from?: Address };

/** Codecs of what each call carries beside `do` and `from`, checked against the types of the calls. */
type Calls<Operation extends { readonly do: string }> = {
  readonly [Name in Operation['do']]: Members<CallNamed<Operation, Name>>;
};

type CallNamed<Operation, Name> = Operation extends { readonly do: infer Names }
  ? Name extends Names
    ? Omit<Operation, 'do'>
    : never
  : never;

type Members<Call> = {
  readonly [Key in keyof Call]-?: object extends Pick<Call, Key>
    ? Codec<Call[Key] | undefined>
    : Codec<Call[Key]>;
};

function poolCalls(address: Codec<Address>): Calls<PoolOperation> {
  const token = { token: address };
  const pair = { tokenIn: address, tokenOut: address };
  const binding = { token: address, balance: AMOUNT, denorm: AMOUNT };
  const limit = optional(AMOUNT);
  const approval = { spender: address, amount: AMOUNT };
  return {
    bind: binding,
    rebind: binding,
    unbind: token,
    gulp: token,
    donate: { token: address, amount: AMOUNT },
    setPoolTokenBalance: { token: address, balance: AMOUNT },
    setSwapFee: { fee: AMOUNT },
    setPublicSwap: { public: flag },
    setController: { controller: address },
    transferShares: { to: address, amount: AMOUNT },
    transferSharesFrom: { owner: address, to: address, amount: AMOUNT },
    approveShares: approval,
    increaseShareApproval: approval,
    decreaseShareApproval: approval,
    finalize: {},
    swapExactAmountIn: { ...pair, tokenAmountIn: AMOUNT, minAmountOut: limit, maxPrice: limit },
    swapExactAmountOut: { ...pair, tokenAmountOut: AMOUNT, maxAmountIn: limit, maxPrice: limit },
    joinPool: { poolAmountOut: AMOUNT, maxAmountsIn: array(AMOUNT) },
    exitPool: { poolAmountIn: AMOUNT, minAmountsOut: array(AMOUNT) },
    joinswapExternAmountIn: { tokenIn: address, tokenAmountIn: AMOUNT, minPoolAmountOut: limit },
    joinswapPoolAmountOut: { tokenIn: address, poolAmountOut: AMOUNT, maxAmountIn: limit },
    exitswapPoolAmountIn: { tokenOut: address, poolAmountIn: AMOUNT, minAmountOut: limit },
    exitswapExternAmountOut: { tokenOut: address, tokenAmountOut: AMOUNT, maxPoolAmountIn: limit },
    getSpotPrice: pair,
    getSpotPriceSansFee: pair,
    getNormalizedWeight: token,
  };
}

function crpCalls(address: Codec<Address>): Calls<CrpOperation> {
  const token = { token: address };
  const provider = { provider: address };
  return {
    ...poolCalls(address),
    createPool: {
      initialSupply: AMOUNT,
      minimumWeightChangeBlockPeriod: optional(AMOUNT),
      addTokenTimeLockInBlocks: optional(AMOUNT),
      poolAddress: address,
    },
    setCap: { cap: AMOUNT },
    whitelistLiquidityProvider: provider,
    removeWhitelistedLiquidityProvider: provider,
    updateWeight: { token: address, newWeight: AMOUNT },
    updateWeightsGradually: { newWeights: array(AMOUNT), startBlock: AMOUNT, endBlock: AMOUNT },
    pokeWeights: {},
    commitAddToken: { token: address, balance: AMOUNT, denorm: AMOUNT },
    applyAddToken: {},
    removeToken: token,
    resyncWeight: token,
    safeResync: token,
    orchestrate: {
      rebases: array(object({ token: address, factor: AMOUNT })),
      resyncs: array(address),
    },
  };
}

/** Codec of the calls of a V1 pool. @param address - How accounts and tokens are written. */
export function poolOperation(address: Codec<Address> = ADDRESS): Codec<Sent<PoolOperation>> {
  return sent<PoolOperation>(poolCalls(address), address);
}

/** Codec of the calls of a rights pool. @param address - How accounts and tokens are written. */
export function crpOperation(address: Codec<Address> = ADDRESS): Codec<Sent<CrpOperation>> {
  return sent<CrpOperation>(crpCalls(address), address);
}

function sent<Operation extends { readonly do: string }>(
  calls: Calls<Operation>,
  address: Codec<Address>,
): Codec<Sent<Operation>> {
  const variants = Object.entries<object>(calls).map(([name, members]) => [
    name,
    object({ do: oneOf(name), ...members, from: optional(address) }),
  ]);
  return tagged('do', Object.fromEntries(variants));
}
