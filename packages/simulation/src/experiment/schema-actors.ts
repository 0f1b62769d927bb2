/**
 * Agents and controllers in the experiment file.
 *
 * @module
 */
import { duration, z } from '@balancer/kit';
import { count, fraction, positive, window } from './schema-values.ts';

const wallet = z
  .union([z.literal('infinite'), z.record(z.string(), z.number().min(0))])
  .default('infinite');
const named = {
  name: z.string().min(1).optional(),
  gas: z.number().min(0).default(0),
  wallet,
  ...window,
};
const arb = { ...named, minProfit: z.number().min(0).default(0) };
const noise = {
  ...named,
  perDay: z.number().min(0),
  meanSize: positive,
  sizeSd: z.number().min(0).default(1),
  bias: fraction.default(0.5),
  aversion: fraction.default(0.05),
};
const policy = {
  file: z.string(),
  every: z.int().min(1).default(12),
  episode: z.int().min(1).default(2016),
};
const surround = { ...named, minSize: positive, size: positive };
/** One agent. */
export const AGENT = z.discriminatedUnion('type', [
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
    ...window,
    token: z.string(),
    target: positive.default(1),
    lag: positive.default(10),
    band: z.number().min(0).default(0.05),
    cap: z.number().min(0).max(0.9).default(0.1),
    factors: z.array(positive).optional(),
    every: duration({ minMs: 1000 }).default(86_400_000),
    resync: z.enum(['resync', 'safeResync', 'gulpOnly', 'late', 'none']).default('resync'),
    lateSteps: z.int().min(1).default(1),
  }),
  z.strictObject({
    type: z.literal('attacker'),
    ...named,
    every: z.int().min(1).default(100),
    budget: z.int().min(1).max(1_000_000).default(400),
    minProfit: z.number().min(0).default(0),
  }),
  /** A checkpoint of `sim train arbitrage`. */
  z.strictObject({ type: z.literal('policy'), ...named, ...policy }),
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
/** One controller. */
export const CONTROLLER = z.discriminatedUnion('type', [
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
  z.strictObject({
    type: z.literal('elastic.resync'),
    name: z.string().optional(),
    every,
    token: z.string(),
    /** Takes the balance up alone where the weights would leave their bounds. */
    safe: z.boolean().default(false),
  }),
  /** A checkpoint of `sim train fee-control` or `weights-control`. */
  z.strictObject({ type: z.literal('policy'), name: z.string().optional(), ...policy }),
  /** A file that exports `createController(options)`. */
  z.strictObject({
    type: z.literal('module'),
    name: z.string().optional(),
    file: z.string(),
    options: z.record(z.string(), z.unknown()).default({}),
  }),
]);
