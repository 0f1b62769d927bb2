/**
 * Builds the run of an experiment: pool, market, agents, controllers, each with streams of its own.
 *
 * @module
 */
import { RecordedFlow } from '../loop/recorded-flow.ts';
import { Simulation, type SimulationOptions } from '../loop/simulation.ts';
import { ExactSimPool } from '../pools/exact-sim-pool.ts';
import { FloatPool } from '../pools/float-pool.ts';
import type { SimPool } from '../pools/sim-pool.ts';
import { familyOf, isV1, type PoolSpec, type SimulatedKind } from '../pools/spec.ts';
import { Stream } from '../random/stream.ts';
import { toRaw } from '../records/decimal.ts';
import { exactPoolOf } from '../replay/replay.ts';
import { agentsOf, controllersOf, windowOf } from './actors.ts';
import { gasOf, marketOf, startPriceOf, YEAR_SECONDS } from './market-of.ts';
import type { Resources } from './resources.ts';
import type { Experiment } from './schema.ts';

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
  const { time, seed, mode } = experiment;
  const stepSeconds = time.step / 1000;
  const stream = (name: string): Stream =>
    new Stream(BigInt(seed), `run/${runOf.repetition}/${name}`);
  const { pool: given, ...listeners } = hooks;
  return new Simulation({
    pool: given ?? createPool(poolSpecOf(experiment, resources), mode, time.start),
    market: marketOf(experiment, resources, stream('price')),
    agents: agentsOf(experiment, resources, stream),
    controllers: controllersOf(experiment, resources),
    recorded: recordedOf(experiment, resources, stream('history')),
    orderStream: experiment.shuffle ? stream('order') : null,
    startTime: time.start,
    stepSeconds,
    stepsPerYear: YEAR_SECONDS / stepSeconds,
    blockSeconds: time.block / 1000,
    gas: gasOf(experiment, resources),
    twin: hooks.onRebase === undefined ? null : twinOf(experiment, resources, runOf),
    guardInvariant: experiment.output.guard,
    seed: String(seed),
    run: runOf.run,
    ...listeners,
  });
}

/** The run without rebases; null where there are none. It draws what the run draws. */
function twinOf(experiment: Experiment, resources: Resources, runOf: RunOf): Simulation | null {
  // Names come from places, and draws from names: both must stay when rebasers are taken out.
  const agents = experiment.agents
    .map((spec, i) => ({ ...spec, name: spec.name ?? `${spec.type}-${i}` }))
    .filter(({ type }) => type !== 'rebaser');
  if (agents.length === experiment.agents.length) return null;
  const controllers = experiment.controllers.filter(({ type }) => type !== 'elastic.resync');
  return createSimulation({ ...experiment, agents, controllers }, resources, runOf);
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
  const raw = pool.weights ?? pool.tokens.map(() => 1);
  const total = raw.reduce((sum, weight) => sum + weight, 0);
  const normalised = raw.map((weight) => weight / total);
  // Denormalised weights of V1 lie between 1 and 50; fractions are scaled to a sum of 40.
  const scale = isV1(kind) && Math.max(...raw) <= 1 ? 40 / total : 1;
  const tokens = pool.tokens.map((symbol, i) => {
    const decimals = pool.decimals?.[i] ?? 18;
    const balance = pool.balances?.[i] ?? (pool.value! * normalised[i]!) / prices[i]!;
    const weight = family === 'stable' ? null : toRaw(raw[i]! * scale, 18);
    const given = pool.rates?.[i];
    const rate = given === undefined ? null : toRaw(given, 18);
    return { symbol, decimals, balance: toRaw(balance, decimals), weight, rate };
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
    from: windowOf(history)?.[0] ?? -Infinity,
    to: windowOf(history)?.[1] ?? Infinity,
    stream,
  });
}
