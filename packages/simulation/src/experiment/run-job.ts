/**
 * One run of an experiment as a job: what it gives as plain rows.
 *
 * @module
 */
import { valueOf } from '../agents/providers.ts';
import { SimulationError, UserCodeError } from '../errors.ts';
import { runArbedPair } from '../kernels/arbed-pair.ts';
import type { Simulation } from '../loop/simulation.ts';
import { familyOf, isV1, type SimulatedKind } from '../pools/spec.ts';
import { Stream } from '../random/stream.ts';
import { metricsOf, namedMetrics } from './metrics.ts';
import type { Resources } from './resources.ts';
import { YEAR_SECONDS } from './market-of.ts';
import { createSimulation, poolSpecOf } from './scenario.ts';
import type { Experiment } from './schema.ts';

export type Cell = number | string | null;

/** What a run gives; cells are in the order of the tables' columns. */
export interface JobResult {
  readonly run: number;
  readonly metrics: readonly number[];
  readonly steps: readonly (readonly Cell[])[];
  readonly trades: readonly (readonly Cell[])[];
  readonly decisions: readonly (readonly Cell[])[];
  readonly rebases: readonly (readonly Cell[])[];
  readonly falls: readonly (readonly Cell[])[];
  readonly providers: readonly (readonly Cell[])[];
  /** Message of the error that stopped the run, or null. */
  readonly error: string | null;
}

/** Columns of the sampled steps, after `run`. */
export function stepColumns({ pool }: Experiment): string[] {
  const per = (name: string): string[] => pool.tokens.map((symbol) => `${name}.${symbol}`);
  return [
    'step',
    'time',
    'value',
    'holdValue',
    'rebalancingValue',
    'sharePrice',
    'fees',
    'tracking',
    'swapFee',
    ...per('price'),
    ...per('balance'),
    ...per('weight'),
  ];
}

export const TRADE_COLUMNS: readonly string[] = [
  'step',
  'agent',
  'tokenIn',
  'tokenOut',
  'amountIn',
  'amountOut',
  'profit',
];
export const DECISION_COLUMNS: readonly string[] = [
  'step',
  'controller',
  'observed',
  'decided',
  'applied',
  'refused',
];
export const REBASE_COLUMNS: readonly string[] = [
  'step',
  'factor',
  'take',
  'spotBefore',
  'spotAfter',
  'drift',
  'weights',
  'lpValue',
  'holdValue',
  'twinValue',
  'twinHoldValue',
  'arbitrageProfit',
];
/** `gain` is value less the value of holding; tokens taken by exits count in both. */
export const PROVIDER_COLUMNS: readonly string[] = [
  'agent',
  'shares',
  'value',
  'holdValue',
  'gain',
];
export const FALL_COLUMNS: readonly string[] = ['step', 'cause', 'fraction'];

/** Runs one repetition. User code that throws becomes the result's error. */
export function runJob(
  experiment: Experiment,
  resources: Resources,
  runOf: { readonly repetition: number; readonly run: number },
): JobResult {
  const fast = fastMetrics(experiment, resources, runOf.repetition);
  const empty = { steps: [], trades: [], decisions: [], rebases: [], falls: [], providers: [] };
  if (fast !== null) return { run: runOf.run, metrics: fast, ...empty, error: null };
  const { tokens } = experiment.pool;
  const trades: Cell[][] = [];
  const decisions: Cell[][] = [];
  const rebases: Cell[][] = [];
  const steps: Cell[][] = [];
  const names = metricsOf(experiment);
  try {
    const simulation = createSimulation(experiment, resources, runOf, {
      ...(experiment.output.trades && {
        onTrade: (trade) =>
          trades.push([
            trade.step,
            trade.agent,
            tokens[trade.tokenIn]!,
            tokens[trade.tokenOut]!,
            trade.amountIn,
            trade.amountOut,
            trade.profit,
          ]),
      }),
      onDecision: (row) => {
        if (experiment.output.every === 0) return;
        decisions.push([
          row.step,
          row.controller,
          row.observed.join(' '),
          row.decided.join(' '),
          row.applied.join(' '),
          row.refused,
        ]);
      },
      onRebase: (row) =>
        rebases.push([
          row.step,
          row.factor,
          row.take,
          row.spotBefore,
          row.spotAfter,
          row.drift,
          row.weights.join(' '),
          row.lpValue,
          row.holdValue,
          row.twinValue,
          row.twinHoldValue,
          row.arbitrageProfit,
        ]),
    });
    const { every } = experiment.output;
    const total = experiment.time.steps;
    if (every > 0) steps.push(sampleStep(simulation));
    for (let step = 1; step <= total; step++) {
      simulation.advance();
      if (every > 0 && (step % every === 0 || step === total)) steps.push(sampleStep(simulation));
    }
    const result = namedMetrics(experiment, simulation);
    const falls = simulation.falls.map(({ step, cause, fraction }) => [step, cause, fraction]);
    return {
      run: runOf.run,
      metrics: names.map((name) => result[name]!),
      steps,
      trades,
      decisions,
      rebases,
      falls,
      providers: providerRows(simulation),
      error: null,
    };
  } catch (error) {
    if (!(error instanceof UserCodeError)) throw error;
    return { run: runOf.run, metrics: names.map(() => NaN), ...empty, error: error.message };
  }
}

/** What liquidity providers have at the end, and would have had they held what they brought. */
function providerRows(simulation: Simulation): Cell[][] {
  const { pool, prices } = simulation;
  const sharePrice = valueOf(pool.balances, prices) / pool.supply;
  return simulation.providers().map(({ agent, shares, provided }) => {
    const [value, holdValue] = [shares * sharePrice, valueOf(provided, prices)];
    return [agent, shares, value, holdValue, value - holdValue];
  });
}

function sampleStep({ step, time, pool, prices, metrics }: Simulation): Cell[] {
  const value = valueOf(pool.balances, prices);
  const result = metrics.result();
  return [
    step,
    time,
    value,
    metrics.holdValue(),
    metrics.rebalancingValue(),
    value / pool.supply,
    result.fees,
    metrics.tracking(),
    pool.swapFee,
    ...prices,
    ...pool.balances,
    ...pool.weights,
  ];
}

/**
 * The metrics from the fused kernel, where the experiment is of its shape: a weighted pool of two
 * tokens, the first under geometric Brownian motion against cash, arbitraged by closed form alone.
 */
function fastMetrics(
  experiment: Experiment,
  resources: Resources,
  repetition: number,
): number[] | null {
  const { pool, price, agents, output, time } = experiment;
  const [first, second] = pool.tokens;
  const process = price[first!];
  const agent = agents[0];
  const fits =
    experiment.mode === 'float' &&
    output.metrics === 'core' &&
    output.every === 0 &&
    !output.trades &&
    !output.guard &&
    pool.tokens.length === 2 &&
    pool.protocolFee === 0 &&
    price[second!] === undefined &&
    process?.process === 'gbm' &&
    agents.length === 1 &&
    agent?.type === 'arb.closedForm' &&
    agent.wallet === 'infinite' &&
    !experiment.shuffle &&
    experiment.controllers.length === 0 &&
    experiment.history === undefined &&
    experiment.gas === undefined &&
    agent.from === undefined &&
    agent.to === undefined &&
    experiment.shock.length === 0 &&
    experiment.correlation === undefined &&
    familyOf(pool.kind as SimulatedKind) === 'weighted' &&
    !isV1(pool.kind as SimulatedKind);
  if (!fits) return null;
  const spec = poolSpecOf(experiment, resources);
  const units = spec.tokens.map(({ balance, decimals }) => Number(balance) / 10 ** decimals);
  const raw = spec.tokens.map(({ weight }) => Number(weight) / 1e18);
  const sum = raw[0]! + raw[1]!;
  const supply = spec.supply === null ? 100 : Number(spec.supply) / 1e18;
  const result = runArbedPair(
    {
      balances: [units[0]!, units[1]!],
      weights: [raw[0]! / sum, raw[1]! / sum],
      swapFee: Number(spec.swapFee) / 1e18,
      startPrice: process.start,
      mu: process.mu,
      sigma: process.sigma,
      stepsPerYear: YEAR_SECONDS / (time.step / 1000),
      steps: time.steps,
      gas: agent.gas,
      minProfit: agent.minProfit,
    },
    new Stream(BigInt(experiment.seed), `run/${repetition}/price`),
  );
  const startValue = units[0]! * process.start + units[1]!;
  const holdValue = units[0]! * result.price + units[1]!;
  const values: Partial<Record<string, number>> = {
    startValue,
    value: result.value,
    holdValue,
    impermanentLoss: result.value / holdValue - 1,
    rebalancingValue: result.rebalancingValue,
    lvr: result.lvr,
    grossLvr: result.lvr + result.fees,
    fees: result.fees,
    protocolFees: 0,
    volume: result.volume,
    trades: result.trades,
    arbitrageProfit: result.arbitrageProfit,
    gasSpent: result.gasSpent,
    sharePrice: result.value / supply,
    lpReturn: result.value / supply / (startValue / supply) - 1,
  };
  return metricsOf(experiment).map((name) => {
    const value = values[name];
    if (value === undefined) throw new SimulationError(`the kernel has no ${name}`);
    return value;
  });
}
