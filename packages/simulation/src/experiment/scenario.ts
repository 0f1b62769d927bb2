/**
 * Builds the run of an experiment: pool, market, agents, controllers, each with streams of its own.
 *
 * @module
 */
import { closedFormAgent, gridAgent, solverAgent } from '../agents/arbitrageurs.ts';
import { providerAgent, rebaserAgent } from '../agents/providers.ts';
import {
  informedAgent,
  jitAgent,
  noiseAgent,
  sandwichAgent,
  trendAgent,
} from '../agents/traders.ts';
import {
  ampSchedule,
  constantFee,
  estimatedWeights,
  imbalanceFee,
  nativeSchedule,
  pidFee,
  volatilityFee,
  weightDelta,
  weightSchedule,
  weightTarget,
} from '../controllers/controllers.ts';
import { SimulationError } from '../errors.ts';
import { RecordedFlow } from '../loop/recorded-flow.ts';
import { Simulation, type SimulationOptions } from '../loop/simulation.ts';
import type { Agent, Controller } from '../loop/types.ts';
import { ExactSimPool } from '../pools/exact-sim-pool.ts';
import { FloatPool } from '../pools/float-pool.ts';
import type { SimPool } from '../pools/sim-pool.ts';
import { familyOf, isV1, type PoolSpec, type SimulatedKind } from '../pools/spec.ts';
import { cholesky } from '../prices/correlation.ts';
import { Market, type TokenSource } from '../prices/market.ts';
import { garch, gbm, merton, ouLog, regime, type TokenProcess } from '../prices/processes.ts';
import type { PriceTable } from '../prices/price-table.ts';
import { Stream } from '../random/stream.ts';
import { toRaw } from '../records/decimal.ts';
import { exactPoolOf } from '../replay/replay.ts';
import type { Resources } from './resources.ts';
import type { AgentSpec, ControllerSpec, Experiment, PriceSpec } from './schema.ts';

export const YEAR_SECONDS: number = 365 * 86_400;

/** Which run: the streams of repetition r are the same for every point of a sweep. */
export interface RunOf {
  readonly repetition: number;
  readonly run: number;
}

export type ScenarioHooks = Pick<SimulationOptions, 'onTrade' | 'onDecision' | 'onRebase'> & {
  /** In place of the pool that the experiment describes. */
  readonly pool?: SimPool;
};

/** The simulation of one run, before its first step. @throws {SimulationError} */
export function createSimulation(
  experiment: Experiment,
  resources: Resources,
  runOf: RunOf,
  hooks: ScenarioHooks = {},
): Simulation {
  const { pool: poolSpec, time, seed, mode } = experiment;
  const { tokens } = poolSpec;
  const stepSeconds = time.step / 1000;
  const stepsPerYear = YEAR_SECONDS / stepSeconds;
  const label = `run/${runOf.repetition}`;
  const stream = (name: string): Stream => new Stream(BigInt(seed), `${label}/${name}`);
  const market = new Market({
    sources: tokens.map((symbol) =>
      sourceOf(symbol, experiment.price[symbol], resources, 1 / stepsPerYear),
    ),
    start: tokens.map((symbol) => startPriceOf(experiment, resources, symbol)),
    correlation: correlationOf(experiment),
    shocks: experiment.shock.map(({ step, token, factor }) => ({
      step,
      token: tokens.indexOf(token),
      factor,
    })),
    stream: stream('price'),
    startTime: time.start,
    stepSeconds,
  });
  const { pool: given, ...listeners } = hooks;
  return new Simulation({
    pool: given ?? createPool(poolSpecOf(experiment, resources), mode, time.start),
    market,
    agents: experiment.agents.map((spec, i) => {
      const agent = agentOf(spec, i, { experiment, resources });
      return { agent, stream: stream(`agent/${agent.name}`), wallet: walletOf(spec, tokens) };
    }),
    controllers: experiment.controllers.map((spec, i) => controllerOf(spec, i, resources)),
    recorded: recordedOf(experiment, resources, stream('history')),
    orderStream: experiment.shuffle ? stream('order') : null,
    startTime: time.start,
    stepSeconds,
    stepsPerYear,
    blockSeconds: time.block / 1000,
    guardInvariant: experiment.output.guard,
    seed: String(seed),
    run: runOf.run,
    ...listeners,
  });
}

/** A pool in a mode. */
export function createPool(spec: PoolSpec, mode: 'float' | 'exact', startTime: number): SimPool {
  return mode === 'float'
    ? new FloatPool(spec, startTime)
    : new ExactSimPool(exactPoolOf(spec, startTime));
}

/** The experiment's pool in raw units. */
export function poolSpecOf(experiment: Experiment, resources: Resources): PoolSpec {
  const { pool, controllers } = experiment;
  const kind = pool.kind as SimulatedKind;
  const family = familyOf(kind);
  const prices = pool.tokens.map((symbol) => startPriceOf(experiment, resources, symbol));
  const given = pool.weights ?? pool.tokens.map(() => 1);
  const total = given.reduce((sum, weight) => sum + weight, 0);
  const normalised = given.map((weight) => weight / total);
  // Denormalised weights of V1 lie between 1 and 50; fractions are scaled to a sum of 40.
  const scale = isV1(kind) && Math.max(...given) <= 1 ? 40 / total : 1;
  const tokens = pool.tokens.map((symbol, i) => {
    const decimals = pool.decimals?.[i] ?? 18;
    const balance = pool.balances?.[i] ?? (pool.value! * normalised[i]!) / prices[i]!;
    const weight = family === 'stable' ? null : toRaw(given[i]! * scale, 18);
    return { symbol, decimals, balance: toRaw(balance, decimals), weight, rate: null };
  });
  return {
    kind,
    tokens,
    swapFee: toRaw(pool.swapFee, 18),
    supply: pool.supply === undefined ? null : toRaw(pool.supply, 18),
    amp: family === 'stable' ? BigInt(pool.amp ?? 100) : null,
    protocolFee: toRaw(pool.protocolFee, 18),
    isControlled: controllers.length > 0,
  };
}

function startPriceOf(experiment: Experiment, resources: Resources, symbol: string): number {
  const spec = experiment.price[symbol];
  if (spec === undefined) return 1;
  if (spec.process !== 'historical') return spec.start;
  const { table, column } = columnOf(spec, symbol, resources);
  const { times, prices, symbols } = table;
  let row = 0;
  while (row + 1 < times.length && times[row + 1]! <= experiment.time.start) row++;
  const price = prices[row * symbols.length + column];
  if (price !== undefined) return price;
  throw new SimulationError(
    `price.${symbol}.source: ${spec.source} has no rows in the experiment's time`,
  );
}

function sourceOf(
  symbol: string,
  spec: PriceSpec | undefined,
  resources: Resources,
  dt: number,
): TokenSource {
  if (spec === undefined || spec.process === 'constant') return { kind: 'constant' };
  if (spec.process === 'historical') {
    return {
      kind: 'historical',
      ...columnOf(spec, symbol, resources),
      interpolate: spec.interpolate,
    };
  }
  if (spec.process === 'bootstrap') {
    return { kind: 'bootstrap', ...columnOf(spec, symbol, resources), meanBlock: spec.meanBlock };
  }
  return { kind: 'process', process: processOf(spec, dt) };
}

function columnOf(
  spec: { readonly source: string; readonly column?: string | undefined },
  symbol: string,
  resources: Resources,
): { table: PriceTable; column: number } {
  const table = resources.prices.get(spec.source);
  if (table === undefined) throw new SimulationError(`${spec.source}: was not read`);
  const name = spec.column ?? symbol;
  const column = table.symbols.indexOf(name);
  if (column >= 0) return { table, column };
  throw new SimulationError(
    `price.${symbol}: ${spec.source} has no column ${name}; it has ${table.symbols.join(', ')}`,
  );
}

type ProcessSpec = Exclude<PriceSpec, { process: 'constant' | 'historical' | 'bootstrap' }>;

function processOf(
  spec: ProcessSpec | Extract<PriceSpec, { process: 'constant' }>,
  dt: number,
): TokenProcess {
  switch (spec.process) {
    case 'constant':
      return gbm({ mu: 0, sigma: 0 }, dt);
    case 'gbm':
      return gbm(spec, dt);
    case 'merton':
      return merton(spec, dt);
    case 'ouLog':
      return ouLog(spec, dt);
    case 'garch':
      return garch(spec, dt);
    case 'regime':
      return regime(
        spec.regimes.map((each) => processOf(each, dt)),
        spec.transition,
      );
    default:
      return spec satisfies never;
  }
}

function correlationOf({ correlation, pool, price }: Experiment): Float64Array[] | null {
  if (correlation === undefined) return null;
  const count = pool.tokens.filter((symbol) => {
    const process = price[symbol]?.process ?? 'constant';
    return process !== 'constant' && process !== 'historical' && process !== 'bootstrap';
  }).length;
  if (correlation.length !== count) {
    throw new SimulationError(
      `correlation: must be ${count} by ${count}, one row per token with a process; has ${correlation.length} rows`,
    );
  }
  return cholesky(correlation);
}

function walletOf(spec: AgentSpec, tokens: readonly string[]): Float64Array | 'infinite' {
  if (!('wallet' in spec) || spec.wallet === 'infinite') return 'infinite';
  const { wallet } = spec;
  return Float64Array.from([...tokens.map((symbol) => wallet[symbol] ?? 0), wallet['shares'] ?? 0]);
}

interface Context {
  readonly experiment: Experiment;
  readonly resources: Resources;
}

function agentOf(spec: AgentSpec, index: number, { experiment, resources }: Context): Agent {
  const { tokens } = experiment.pool;
  const name = spec.name ?? `${spec.type}-${index}`;
  switch (spec.type) {
    case 'arb.closedForm':
      if (familyOf(experiment.pool.kind as SimulatedKind) === 'stable') {
        throw new SimulationError(
          `agents[${index}].type: arb.closedForm is for weighted pools; use arb.solver`,
        );
      }
      // The loop lets this agent go on within a step; it is known by its name.
      return closedFormAgent({
        ...spec,
        name: name.startsWith('arb.closedForm') ? name : `arb.closedForm/${name}`,
      });
    case 'arb.solver':
      return solverAgent({ ...spec, name: asArbitrageur(name) });
    case 'arb.grid':
      return gridAgent({ name: asArbitrageur(name), rules: { ...spec, weightChange: 'none' } });
    case 'noise':
      return noiseAgent({ ...spec, name, outside: null });
    case 'router':
      return noiseAgent({
        ...spec,
        name,
        outside: { fee: spec.outsideFee, depth: spec.outsideDepth },
      });
    case 'lp':
      return providerAgent({
        name,
        gas: spec.gas,
        size: spec.size,
        token: spec.token === undefined ? null : tokens.indexOf(spec.token),
        joinAt: spec.joinAt,
        exitAt: spec.exitAt ?? null,
        drawdown: spec.drawdown ?? null,
        minYield: spec.minYield ?? null,
      });
    case 'trend':
      return trendAgent({ ...spec, name });
    case 'informed':
      return informedAgent({ ...spec, name });
    case 'jit':
      return jitAgent({ ...spec, name });
    case 'sandwich':
      return sandwichAgent({ ...spec, name });
    case 'rebaser':
      return rebaserAgent({
        name,
        token: tokens.indexOf(spec.token),
        policy: { target: spec.target, lag: spec.lag, band: spec.band, cap: spec.cap },
        factors: spec.factors ?? null,
        everySeconds: spec.every / 1000,
        mode: spec.resync,
        lateSteps: spec.lateSteps,
      });
    case 'module': {
      const { createAgent } = resources.modules.get(spec.file) ?? {};
      if (createAgent === undefined)
        throw new SimulationError(`agents[${index}].file: ${spec.file} exports no createAgent`);
      return { ...createAgent(spec.options), name };
    }
    default:
      return spec satisfies never;
  }
}

function asArbitrageur(name: string): string {
  return name.startsWith('arb') ? name : `arb/${name}`;
}

function controllerOf(spec: ControllerSpec, index: number, resources: Resources): Controller {
  const name = spec.name ?? `${spec.type}-${index}`;
  switch (spec.type) {
    case 'weights.schedule': {
      const sum = spec.end.reduce((total, weight) => total + weight, 0);
      const options = {
        name,
        every: spec.every,
        end: spec.end.map((weight) => weight / sum),
        seconds: spec.over / 1000,
      };
      return spec.shape === 'native'
        ? nativeSchedule(options)
        : weightSchedule({ ...options, shape: spec.shape });
    }
    case 'weights.delta':
      return weightDelta({ ...spec, name });
    case 'weights.momentum':
    case 'weights.antiMomentum':
    case 'weights.meanReversion':
    case 'weights.minVariance':
      return estimatedWeights(spec.type.slice('weights.'.length) as 'momentum', { ...spec, name });
    case 'weights.target':
      return weightTarget({ ...spec, name });
    case 'fee.constant':
      return constantFee({ ...spec, name });
    case 'fee.volatility':
      return volatilityFee({ ...spec, name });
    case 'fee.imbalance':
      return imbalanceFee({ ...spec, name });
    case 'fee.pid':
      return pidFee({ ...spec, name });
    case 'amp.schedule':
      return ampSchedule({
        name,
        every: spec.every,
        amp: spec.amp,
        seconds: spec.over / 1000,
        at: spec.at,
      });
    case 'module': {
      const { createController } = resources.modules.get(spec.file) ?? {};
      if (createController === undefined)
        throw new SimulationError(
          `controllers[${index}].file: ${spec.file} exports no createController`,
        );
      return Object.assign(createController(spec.options), { name });
    }
    default:
      return spec satisfies never;
  }
}

function recordedOf(
  { history, pool }: Experiment,
  { history: recording }: Resources,
  stream: Stream,
): RecordedFlow | null {
  if (history === undefined || recording === null) return null;
  return new RecordedFlow({
    actions: recording.actions,
    symbols: pool.tokens,
    decimals: pool.tokens.map((_symbol, i) => pool.decimals?.[i] ?? 18),
    thin: history.thin,
    scale: history.scale,
    from: history.from ?? -Infinity,
    to: history.to ?? Infinity,
    stream,
  });
}
