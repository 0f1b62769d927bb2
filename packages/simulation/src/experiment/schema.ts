/**
 * The experiment file: what it may hold.
 *
 * @module
 */
import { duration, z } from '@balancer/kit';

const fraction = z.number().min(0).max(1);
const positive = z.number().positive();
const count = z.int().min(0);

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
    interpolate: z.enum(['hold', 'linear']).default('hold'),
  }),
  z.strictObject({
    process: z.literal('bootstrap'),
    start,
    source: z.string(),
    column: z.string().optional(),
    meanBlock: z.number().min(1),
  }),
]);

const wallet = z
  .union([z.literal('infinite'), z.record(z.string(), z.number().min(0))])
  .default('infinite');
const named = { name: z.string().min(1).optional(), gas: z.number().min(0).default(0), wallet };
const arb = { ...named, minProfit: z.number().min(0).default(0) };
const noise = {
  ...named,
  perDay: z.number().min(0),
  meanSize: positive,
  sizeSd: z.number().min(0).default(1),
  bias: fraction.default(0.5),
  aversion: fraction.default(0.05),
};
const surround = { ...named, minSize: positive, size: positive };
const AGENT = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('arb.closedForm'), ...arb }),
  z.strictObject({ type: z.literal('arb.solver'), ...arb, volumeMax: positive.optional() }),
  z.strictObject({
    type: z.literal('arb.grid'),
    ...named,
    txCost: z.number().min(0),
    minLiquidity: positive,
    maxLiquidity: positive,
    granularity: positive,
  }),
  z.strictObject({ type: z.literal('noise'), ...noise }),
  z.strictObject({
    type: z.literal('router'),
    ...noise,
    outsideFee: fraction,
    outsideDepth: positive,
  }),
  z.strictObject({
    type: z.literal('lp'),
    ...named,
    size: positive,
    token: z.string().optional(),
    joinAt: count.default(1),
    exitAt: count.optional(),
    drawdown: fraction.optional(),
    minYield: z.number().optional(),
  }),
  z.strictObject({
    type: z.literal('trend'),
    ...named,
    lookback: z.int().min(1),
    threshold: z.number().min(0),
    size: positive,
  }),
  z.strictObject({ type: z.literal('informed'), ...named, q: fraction, size: positive }),
  z.strictObject({ type: z.literal('jit'), ...surround }),
  z.strictObject({ type: z.literal('sandwich'), ...surround }),
  z.strictObject({
    type: z.literal('rebaser'),
    name: z.string().min(1).optional(),
    token: z.string(),
    target: positive.default(1),
    lag: positive.default(10),
    band: z.number().min(0).default(0.05),
    cap: z.number().min(0).max(0.9).default(0.1),
    factors: z.array(positive).optional(),
    every: duration({ minMs: 1000 }).default(86_400_000),
    resync: z.enum(['resync', 'safeResync', 'gulpOnly', 'late']).default('resync'),
    lateSteps: z.int().min(1).default(1),
  }),
  /** A file that exports `createAgent(options)`. */
  z.strictObject({
    type: z.literal('module'),
    ...named,
    file: z.string(),
    options: z.record(z.string(), z.unknown()).default({}),
  }),
]);

const every = z.int().min(1).default(1);
const bounds = { min: fraction.default(1e-6), max: fraction.default(0.1) };
const estimator = {
  name: z.string().optional(),
  every,
  halfLife: positive,
  speed: positive.default(0.01),
  floor: fraction.default(0.02),
  strength: z.number().default(1),
};
const CONTROLLER = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('weights.schedule'),
    name: z.string().optional(),
    every,
    end: z.array(positive),
    over: duration({ minMs: 1000 }),
    shape: z.enum(['linear', 'exponential', 'native']).default('linear'),
  }),
  z.strictObject({ type: z.literal('weights.delta'), name: z.string().optional(), every }),
  z.strictObject({ type: z.literal('weights.momentum'), ...estimator }),
  z.strictObject({ type: z.literal('weights.antiMomentum'), ...estimator }),
  z.strictObject({ type: z.literal('weights.meanReversion'), ...estimator }),
  z.strictObject({ type: z.literal('weights.minVariance'), ...estimator }),
  z.strictObject({
    type: z.literal('weights.target'),
    name: z.string().optional(),
    every,
    target: z.array(positive),
    band: fraction,
    speed: positive.default(1),
    floor: fraction.default(0),
  }),
  z.strictObject({
    type: z.literal('fee.constant'),
    name: z.string().optional(),
    every,
    fee: fraction,
  }),
  z.strictObject({
    type: z.literal('fee.volatility'),
    name: z.string().optional(),
    every,
    ...bounds,
    a: z.number(),
    b: z.number(),
    halfLife: positive,
  }),
  z.strictObject({
    type: z.literal('fee.imbalance'),
    name: z.string().optional(),
    every,
    ...bounds,
    base: fraction,
    slope: z.number(),
  }),
  z.strictObject({
    type: z.literal('fee.pid'),
    name: z.string().optional(),
    every,
    ...bounds,
    target: fraction,
    base: fraction,
    kp: z.number(),
    ki: z.number().default(0),
    kd: z.number().default(0),
  }),
  z.strictObject({
    type: z.literal('amp.schedule'),
    name: z.string().optional(),
    every,
    amp: z.int().min(1).max(5000),
    over: duration({ minMs: 1000 }),
    at: count.default(1),
  }),
  /** A file that exports `createController(options)`. */
  z.strictObject({
    type: z.literal('module'),
    name: z.string().optional(),
    file: z.string(),
    options: z.record(z.string(), z.unknown()).default({}),
  }),
]);

const HISTORY = z.strictObject({
  file: z.string(),
  format: z.enum(['csv', 'ndjson', 'te-actions', 'v1-logs', 'subgraph-v2', 'dune']).default('csv'),
  state: z.string().optional(),
  units: z.enum(['raw', 'decimal']).default('raw'),
  scale: positive.default(1),
  thin: fraction.default(1),
  /** Unix seconds. */
  from: count.optional(),
  to: count.optional(),
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
