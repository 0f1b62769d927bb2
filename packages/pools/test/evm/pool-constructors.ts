/**
 * Constructor arguments of every kind of pool, in the order that its bytecode expects.
 *
 * @module
 */
import type { AbiValue } from './abi.ts';
import { ZERO } from './chain.ts';
import { ACCOUNTS, type PoolKind, type PoolSpec } from './scenario.ts';

/** Pause window and buffer period of pools that ask for no other. */
export const POOL_PAUSE_WINDOW = 7_776_000n;
export const POOL_BUFFER_PERIOD = 2_592_000n;

/** Fee type that managed pools look up with the provider for the protocol's share of the AUM fee. */
const FEE_TYPE_AUM = 3n;

/** What a constructor needs besides the specification. */
export interface ConstructorContext {
  readonly vault: string;
  readonly feeProvider: string;
  readonly weightedMath: string;
  /** Addresses of the pool's tokens and of their rate providers (zero address: none). */
  readonly tokens: readonly string[];
  readonly rateProviders: readonly string[];
}

/** Arguments for the constructor of `spec.type`. The owner is alice. */
export function constructorArguments(spec: PoolSpec, context: ConstructorContext): AbiValue[] {
  return CONSTRUCTORS[spec.type](spec, context);
}

type Arguments = (spec: PoolSpec, context: ConstructorContext) => AbiValue[];

const OWNER = ACCOUNTS.alice;
const NAME = ['Pool', 'POOL'];

const weighted1: Arguments = (spec, { vault, tokens }) => [
  vault,
  ...NAME,
  tokens,
  integers(spec.weights!),
  BigInt(spec.swapFee),
  ...pauseOf(spec),
  OWNER,
];

const weighted2Tokens: Arguments = (spec, { vault, tokens }) => [
  [
    vault,
    ...NAME,
    ...tokens,
    ...integers(spec.weights!),
    BigInt(spec.swapFee),
    ...pauseOf(spec),
    true,
    OWNER,
  ],
];

const weighted2: Arguments = (spec, { vault, feeProvider, tokens, rateProviders }) => [
  [
    ...NAME,
    tokens,
    integers(spec.weights!),
    rateProviders,
    assetManagers(spec),
    BigInt(spec.swapFee),
  ],
  vault,
  feeProvider,
  ...pauseOf(spec),
  OWNER,
];

const lbp: Arguments = (spec, { vault, tokens }) => [
  vault,
  ...NAME,
  tokens,
  integers(spec.weights!),
  BigInt(spec.swapFee),
  ...pauseOf(spec),
  OWNER,
  true,
];

const investment: Arguments = (spec, { vault, tokens }) => [
  [
    vault,
    ...NAME,
    tokens,
    integers(spec.weights!),
    assetManagers(spec),
    BigInt(spec.swapFee),
    ...pauseOf(spec),
    OWNER,
    true,
    BigInt(spec.managementSwapFee ?? 0),
  ],
];

const managed: Arguments = (spec, { vault, feeProvider, weightedMath, tokens }) => [
  [
    ...NAME,
    tokens,
    integers(spec.weights!),
    assetManagers(spec),
    BigInt(spec.swapFee),
    true,
    spec.mustAllowlistLPs ?? false,
    BigInt(spec.aumFee ?? 0),
    FEE_TYPE_AUM,
  ],
  vault,
  feeProvider,
  weightedMath,
  OWNER,
  ...pauseOf(spec),
];

const stable: Arguments = (spec, { vault, tokens }) => [
  vault,
  ...NAME,
  tokens,
  BigInt(spec.amp!),
  BigInt(spec.swapFee),
  ...pauseOf(spec),
  OWNER,
];

const metastable: Arguments = (spec, { vault, tokens, rateProviders }) => [
  [
    vault,
    ...NAME,
    tokens,
    rateProviders,
    durations(spec),
    BigInt(spec.amp!),
    BigInt(spec.swapFee),
    ...pauseOf(spec),
    true,
    OWNER,
  ],
];

const phantom: Arguments = (spec, { vault, tokens, rateProviders }) => [
  [
    vault,
    ...NAME,
    tokens,
    rateProviders,
    durations(spec),
    BigInt(spec.amp!),
    BigInt(spec.swapFee),
    ...pauseOf(spec),
    OWNER,
  ],
];

/** Later versions take one argument more, at the end. */
const composable =
  (...more: AbiValue[]): Arguments =>
  (spec, { vault, feeProvider, tokens, rateProviders }) => [
    [
      vault,
      feeProvider,
      ...NAME,
      tokens,
      rateProviders,
      durations(spec),
      spec.tokens.map((_, index) => spec.exempt?.[index] ?? false),
      BigInt(spec.amp!),
      BigInt(spec.swapFee),
      ...pauseOf(spec),
      OWNER,
      ...more,
    ],
  ];

const linear: Arguments = (spec, { vault, tokens }) => {
  const main = tokens[spec.tokens.indexOf(spec.main!)]!;
  const wrapped = tokens[spec.tokens.indexOf(spec.wrapped!)]!;
  const upperTarget = BigInt(spec.upperTarget!);
  return [
    vault,
    ...NAME,
    main,
    wrapped,
    upperTarget,
    BigInt(spec.swapFee),
    ...pauseOf(spec),
    OWNER,
  ];
};

const linear3: Arguments = (spec, context) => {
  const [vault, name, symbol, main, wrapped, ...rest] = linear(spec, context);
  return [[vault!, name!, symbol!, main!, wrapped!, ZERO, ...rest, '']];
};

const CONSTRUCTORS: Readonly<Record<PoolKind, Arguments>> = {
  'weighted-1': weighted1,
  'weighted2tokens-1': weighted2Tokens,
  'weighted-2': weighted2,
  'weighted-3': (spec, context) => [...weighted2(spec, context), ''],
  'lbp-1': lbp,
  'lbp-1-no-protocol-fee': lbp,
  'investment-1': investment,
  'managed-1': managed,
  'stable-1': stable,
  'stable-2': stable,
  'metastable-1': metastable,
  'phantom-1': phantom,
  'composable-1': composable(),
  'composable-2': composable(''),
  'composable-3': composable(''),
  'linear-1': linear,
  'linear-2': linear,
  'linear-3': linear3,
};

function pauseOf({ pauseWindow, bufferPeriod }: PoolSpec): bigint[] {
  return [BigInt(pauseWindow ?? POOL_PAUSE_WINDOW), BigInt(bufferPeriod ?? POOL_BUFFER_PERIOD)];
}

function integers(texts: readonly string[]): bigint[] {
  return texts.map(BigInt);
}

function durations(spec: PoolSpec): bigint[] {
  return spec.tokens.map((_, index) => BigInt(spec.durations?.[index] ?? 0));
}

function assetManagers(spec: PoolSpec): string[] {
  return spec.tokens.map((_, index) => spec.assetManagers?.[index] ?? ZERO);
}
