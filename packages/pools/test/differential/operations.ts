/**
 * Which operations are worth trying on which kinds of pool, and how often.
 *
 * @module
 */
import type { PoolKind } from '../evm/scenario.ts';

/** What a step of a plan may do, the simplest first; the details are drawn from its numbers. */
export const OPERATIONS = [
  'swap',
  'join',
  'exit',
  'batchSwap',
  'query',
  'quotes',
  'liquidityQuotes',
  'powers',
  'warp',
  'setRate',
  'rateCache',
  'ampRamp',
  'weightRamp',
  'feeRamp',
  'swapFee',
  'swapEnabled',
  'read',
  'oracle',
  'targets',
  'wrappedRate',
  'aum',
  'breakers',
  'tokens',
  'allowlist',
  'pause',
  'recovery',
  'protocolFee',
  'userBalance',
  'flashLoan',
  'poolBalance',
  'relayer',
  'managementFees',
] as const;

/** One of them. */
export type Operation = (typeof OPERATIONS)[number];

/** How many times each operation stands in the list that a plan draws from. */
type Frequencies = Partial<Record<Operation, number>>;

const EVERY_POOL: Frequencies = {
  swap: 16,
  join: 8,
  exit: 8,
  batchSwap: 3,
  query: 2,
  quotes: 6,
  liquidityQuotes: 5,
  warp: 5,
  swapFee: 1,
  pause: 1,
  protocolFee: 1,
  userBalance: 2,
  flashLoan: 1,
  relayer: 1,
  read: 2,
};

const BY_KIND: Readonly<Record<PoolKind, Frequencies>> = {
  'weighted-1': {},
  'weighted2tokens-1': { oracle: 4, warp: 6 },
  'weighted-2': { setRate: 3, recovery: 1, poolBalance: 2 },
  'weighted-3': { setRate: 3, recovery: 1, poolBalance: 2 },
  'lbp-1': { weightRamp: 4, swapEnabled: 1 },
  'lbp-1-no-protocol-fee': { weightRamp: 4, swapEnabled: 1 },
  'investment-1': { weightRamp: 3, swapEnabled: 1, managementFees: 3 },
  'managed-1': {
    powers: 4,
    weightRamp: 2,
    feeRamp: 2,
    swapEnabled: 1,
    aum: 3,
    breakers: 3,
    tokens: 2,
    allowlist: 1,
    recovery: 1,
  },
  'stable-1': { ampRamp: 3 },
  'stable-2': { ampRamp: 3, recovery: 1 },
  'metastable-1': { ampRamp: 2, setRate: 3, rateCache: 2, oracle: 4, warp: 6 },
  'phantom-1': { ampRamp: 2, setRate: 3, rateCache: 2 },
  'composable-1': { ampRamp: 2, setRate: 3, rateCache: 2, recovery: 1 },
  'composable-2': { ampRamp: 2, setRate: 3, rateCache: 2, recovery: 1 },
  'composable-3': { ampRamp: 2, setRate: 3, rateCache: 2, recovery: 1 },
  'linear-1': { targets: 3, wrappedRate: 3, swap: 24, join: 1, exit: 1 },
  'linear-2': { targets: 3, wrappedRate: 3, swap: 24, join: 1, exit: 1 },
  'linear-3': { targets: 3, wrappedRate: 3, swap: 24, join: 1, exit: 1, recovery: 1 },
};

/** Whether an operation means anything for a kind of pool. */
export function supports(kind: PoolKind, operation: Operation): boolean {
  return operation in EVERY_POOL || operation in BY_KIND[kind];
}

/** The list that plans over pools of these kinds draw from; the simplest operation comes first. */
export function operationsOf(kinds: readonly PoolKind[]): readonly Operation[] {
  const frequencies: Frequencies = { ...EVERY_POOL };
  for (const kind of kinds) Object.assign(frequencies, BY_KIND[kind]);
  return OPERATIONS.flatMap((operation) =>
    Array.from({ length: frequencies[operation] ?? 0 }, () => operation),
  );
}
