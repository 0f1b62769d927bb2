/**
 * The experiment file: what it may hold.
 *
 * @module
 */
import { duration, z } from '@balancer/kit';
import { MAPPING } from '../records/mapping.ts';
import { AGENT, CONTROLLER } from './schema-actors.ts';
import { count, fraction, positive, window } from './schema-values.ts';

const POOL = z.strictObject({
  /** `v1`, `v1-elastic`, or a kind of the V2 engine such as `weighted-3`. */
  kind: z.string().default('weighted-3'),
  tokens: z.array(z.string().min(1)).min(2).max(8),
  /** Sum 1; V1 pools take denormalised ones from 1 to 50 too. */
  weights: z.array(positive).optional(),
  /** Value at the start, quote; or `balances` in whole tokens. */
  value: positive.optional(),
  balances: z.array(positive).optional(),
  swapFee: z.number().min(0).max(0.95).default(0.003),
  supply: positive.optional(),
  amp: z.int().min(1).max(5000).optional(),
  decimals: z.array(z.int().min(0).max(18)).optional(),
  protocolFee: z.number().min(0).max(0.5).default(0),
  /** Of stable pools that count tokens by their rates. */
  rates: z.array(positive).optional(),
});

const TIME = z.strictObject({
  step: duration({ minMs: 1000 }).default(300_000),
  steps: z.int().min(1).max(100_000_000),
  /** Unix seconds of the start. */
  start: count.default(1_700_000_000),
  block: duration({ minMs: 1000 }).default(12_000),
});

const start = positive.default(1);
const mu = z.number().default(0);
const sigma = z.number().min(0);
const SIMPLE_PROCESSES = [
  z.strictObject({ process: z.literal('constant'), start }),
  z.strictObject({ process: z.literal('gbm'), start, mu, sigma }),
  z.strictObject({
    process: z.literal('merton'),
    start,
    mu,
    sigma,
    lambda: z.number().min(0),
    jumpMean: z.number(),
    jumpSd: z.number().min(0),
  }),
  z.strictObject({ process: z.literal('ouLog'), start, mean: positive, kappa: positive, sigma }),
  z.strictObject({
    process: z.literal('garch'),
    start,
    mu,
    omega: positive,
    alpha: z.number().min(0),
    beta: z.number().min(0),
  }),
] as const;
/** Of a file of prices: columns of times and prices, bars of one token, or the `price` rows of a recording. */
const PRICE_FORMAT = z
  .enum(['series', 'ohlc', 'csv', 'ndjson', 'te-actions', 'subgraph-v2'])
  .default('series');
const PRICE = z.discriminatedUnion('process', [
  ...SIMPLE_PROCESSES,
  z.strictObject({
    process: z.literal('regime'),
    start,
    regimes: z.array(z.discriminatedUnion('process', [...SIMPLE_PROCESSES])).min(1),
    transition: z.array(z.array(fraction)),
  }),
  z.strictObject({
    process: z.literal('historical'),
    source: z.string(),
    column: z.string().optional(),
    format: PRICE_FORMAT,
    interpolate: z.enum(['hold', 'linear']).default('hold'),
  }),
  z.strictObject({
    process: z.literal('bootstrap'),
    start,
    source: z.string(),
    column: z.string().optional(),
    format: PRICE_FORMAT,
    meanBlock: z.number().min(1),
  }),
]);

const HISTORY = z.strictObject({
  file: z.string(),
  format: z.enum(['csv', 'ndjson', 'te-actions', 'v1-logs', 'subgraph-v2', 'dune']).default('csv'),
  /** Pool of which a file of several is read; address of a V1 pool. */
  pool: z.string().optional(),
  /** The file's name of each column of the canonical record. */
  mapping: MAPPING.optional(),
  state: z.string().optional(),
  units: z.enum(['raw', 'decimal']).default('raw'),
  scale: positive.default(1),
  thin: fraction.default(1),
  ...window,
});

const GAS = z.strictObject({
  /** Price of a unit of gas: a number, or recorded ones. */
  gwei: positive.optional(),
  source: z.string().optional(),
  column: z.string().default('gwei'),
  /** Price of ether, quote; or the token of the pool that is ether. */
  ether: positive.optional(),
  token: z.string().optional(),
  /** Units, in place of those of the table. */
  units: z
    .strictObject({ swap: count, join: count, exit: count, hop: count })
    .partial()
    .default({}),
});

const SCALARS = z.union([z.number(), z.string(), z.boolean(), z.array(z.number())]);

/** Unix seconds, from (included) to (excluded). */
const timeWindow = z.tuple([count, count]);
const windows = z.union([timeWindow, z.array(timeWindow).min(1)]);

/** The whole file. */
export const EXPERIMENT = z.strictObject({
  name: z
    .string()
    .regex(
      /^[A-Za-z0-9._-]{1,64}$/,
      'must be 1 to 64 letters, digits, dots, dashes or underscores',
    ),
  seed: z.union([z.int(), z.string().regex(/^-?\d+$/, 'must be an integer')]).default(1),
  mode: z.enum(['float', 'exact']).default('float'),
  runs: z.int().min(1).max(10_000_000).default(1),
  shuffle: z.boolean().default(false),
  pool: POOL,
  time: TIME,
  price: z.record(z.string(), PRICE).default({}),
  /** Over the tokens with a process, in the pool's order. */
  correlation: z.array(z.array(z.number())).optional(),
  shock: z
    .array(z.strictObject({ step: z.int().min(1), token: z.string(), factor: positive }))
    .default([]),
  agents: z.array(AGENT).default([]),
  controllers: z.array(CONTROLLER).default([]),
  history: HISTORY.optional(),
  /** What transactions cost beside each agent's own `gas`. */
  gas: GAS.optional(),
  /** Full grid over dotted keys of this file. */
  sweep: z.record(z.string(), z.array(SCALARS).min(1)).default({}),
  sample: z
    .strictObject({
      method: z.enum(['latin', 'sobol', 'random']),
      n: z.int().min(1).max(1_000_000),
      /** Least and greatest value of each dotted key. */
      ranges: z.record(z.string(), z.tuple([z.number(), z.number()])),
      log: z.boolean().default(false),
    })
    .optional(),
  optimise: z
    .strictObject({
      metric: z.string(),
      goal: z.enum(['max', 'min']).default('max'),
      method: z.enum(['cmaes', 'grid', 'nelder-mead']).default('nelder-mead'),
      /** Points that are tried, each with all runs; in every fold. */
      budget: z.int().min(1).max(100_000),
      /** Least and greatest value of each dotted key. */
      ranges: z.record(z.string(), z.tuple([z.number(), z.number()])),
      log: z.boolean().default(false),
      /** Of recorded data; one window, or several to walk forward. Read one after the other: a test comes last. */
      train: windows.optional(),
      test: windows.optional(),
    })
    .optional(),
  output: z
    .strictObject({
      every: z.int().min(0).default(0),
      trades: z.boolean().default(false),
      /** `core` leaves out tracking, depth, markouts and risk, and may use a faster kernel. */
      metrics: z.enum(['full', 'core']).default('full'),
      /** Checks each change for a fall of the invariant per pool token. */
      guard: z.boolean().default(false),
    })
    .prefault({}),
});

/** A checked experiment, with its defaults; durations in milliseconds. */
export type Experiment = z.output<typeof EXPERIMENT>;
export type AgentSpec = Experiment['agents'][number];
export type ControllerSpec = Experiment['controllers'][number];
export type PriceSpec = Experiment['price'][string];
