/**
 * Reads an experiment file, and checks what only the whole can tell.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { type ConfigReport, type ConfigRules, loadConfigFile, parseConfig, z } from '@balancer/kit';
import { SimulationError } from '../errors.ts';
import { familyOf, hasMovableWeights, isV1, type SimulatedKind } from '../pools/spec.ts';
import { windowsOf } from '../optimise/windows.ts';
import type { TimeWindow } from './resources.ts';
import { metricsOf } from './metrics.ts';
import { type Experiment, EXPERIMENT } from './schema.ts';

/** An experiment and where its files are relative to. */
export interface LoadedExperiment {
  readonly experiment: Experiment;
  readonly folder: string;
  readonly warnings: readonly string[];
}

/** @throws {ConfigFileError} With every problem, at its line. */
export async function loadExperiment(file: string): Promise<LoadedExperiment> {
  const { value, warnings } = await loadConfigFile(file, rules(process.env));
  return {
    experiment: value,
    folder: dirname(resolve(file)),
    warnings: warnings.map(({ message }) => message),
  };
}

/** @throws {ConfigFileError} With every problem, at its line. */
export function parseExperiment(text: string, file = 'experiment.toml'): Experiment {
  return parseConfig(text, file, rules({})).value;
}

/** The experiment with a dotted key set to another value. @throws {SimulationError} Naming the key. */
export function withValue(experiment: Experiment, key: string, value: unknown): Experiment {
  const raw = structuredClone(z.encode(EXPERIMENT, experiment)) as unknown as Record<
    string,
    unknown
  >;
  const parts = key.split('.');
  let target: Record<string, unknown> = raw;
  for (const [i, part] of parts.slice(0, -1).entries()) {
    const next = target[part];
    if (typeof next !== 'object' || next === null) {
      throw new SimulationError(
        `"${key}": the experiment has no ${parts.slice(0, i + 1).join('.')}`,
      );
    }
    target = next as Record<string, unknown>;
  }
  target[parts.at(-1)!] = value;
  const parsed = EXPERIMENT.safeParse(raw);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw new SimulationError(`"${key}" = ${JSON.stringify(value)}: ${path.join('.')}: ${message}`);
  }
  return parsed.data;
}

/** Hash of everything that decides the results. */
export function hashOf(experiment: Experiment): string {
  return createHash('sha256').update(canonicalJson(experiment)).digest('hex').slice(0, 16);
}

/** JSON with sorted keys. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}

function rules(environment: Readonly<Record<string, string | undefined>>): ConfigRules<Experiment> {
  return { schema: EXPERIMENT, environment, check };
}

/** Cross references and combinations. */
function check(experiment: Experiment, report: ConfigReport): void {
  const { pool } = experiment;
  // What the schema refused is absent here, whatever the types say.
  if (pool?.tokens === undefined) return;
  const { tokens } = pool;
  checkPool(experiment, report);
  checkGas(experiment, report);
  checkActors(experiment, report);
  for (const symbol of Object.keys(experiment.price ?? {})) {
    if (!tokens.includes(symbol))
      report.problem(
        ['price', symbol],
        `the pool has no token ${symbol}; it has ${tokens.join(', ')}`,
      );
  }
  if (Object.keys(experiment.price ?? {}).length === 0) {
    report.problem(['price'], `give at least one token a price: [price.${tokens[0]}]`);
  }
  for (const [i, shock] of (experiment.shock ?? []).entries()) {
    if (!tokens.includes(shock.token))
      report.problem(['shock', i, 'token'], `the pool has no token ${shock.token}`);
  }
  const names = new Set<string>();
  for (const [i, agent] of (experiment.agents ?? []).entries()) {
    const name = agent.name ?? `${agent.type}-${i}`;
    if (names.has(name))
      report.problem(['agents', i, 'name'], `"${name}" is already the name of another agent`);
    names.add(name);
    if ('token' in agent && agent.token !== undefined && !tokens.includes(agent.token)) {
      report.problem(
        ['agents', i, 'token'],
        `the pool has no token ${agent.token}; it has ${tokens.join(', ')}`,
      );
    }
  }
  for (const key of Object.keys(experiment.sweep ?? {}))
    tryKey(experiment, ['sweep', key], key, report);
  for (const key of Object.keys(experiment.optimise?.ranges ?? {}))
    tryKey(experiment, ['optimise', 'ranges', key], key, report);
  for (const key of Object.keys(experiment.sample?.ranges ?? {}))
    tryKey(experiment, ['sample', 'ranges', key], key, report);
  const { optimise, output, time } = experiment;
  if (optimise?.ranges !== undefined && output !== undefined && time !== undefined)
    checkOptimise(experiment, optimise, report);
}

function checkOptimise(
  experiment: Experiment,
  { metric, ranges, log, train, test, budget, method }: NonNullable<Experiment['optimise']>,
  report: ConfigReport,
): void {
  const wrong = (key: string, message: string): void => report.problem(['optimise', key], message);
  const given = metricsOf(experiment) as readonly string[];
  if (!given.includes(metric))
    wrong('metric', `must be one of ${given.join(', ')}; got "${metric}"`);
  const keys = Object.keys(ranges ?? {});
  if (keys.length === 0)
    wrong('ranges', 'needs at least one parameter: { "pool.swapFee" = [0.001, 0.01] }');
  for (const key of keys) {
    const [low, high] = ranges[key]!;
    if (low >= high) wrong('ranges', `${key}: must be [least, greatest]; got [${low}, ${high}]`);
    else if (log && low <= 0)
      wrong('ranges', `${key}: a logarithmic range starts above 0; got ${low}`);
  }
  if (method === 'grid' && budget < 2 ** keys.length)
    wrong(
      'budget',
      `a grid over ${keys.length} parameters needs at least ${2 ** keys.length}; got ${budget}`,
    );
  if (Object.keys(experiment.sweep ?? {}).length > 0 || experiment.sample !== undefined)
    report.problem(['optimise'], 'does not go with sweep or sample; keep one of them');
  if ((train === undefined) !== (test === undefined)) {
    report.problem(['optimise'], 'needs train and test together, or neither of them');
  } else if (train !== undefined && test !== undefined) {
    checkWindows({ train: windowsOf(train), test: windowsOf(test) }, experiment, wrong);
  }
}

function checkWindows(
  { train, test }: Readonly<Record<'train' | 'test', readonly TimeWindow[]>>,
  { time, price, history }: Experiment,
  wrong: (key: string, message: string) => void,
): void {
  if (train.length !== test.length) {
    return wrong(
      'test',
      `must have one window for each of train, ${train.length}; has ${test.length}`,
    );
  }
  for (const [key, windows] of Object.entries({ train, test })) {
    for (const [from, to] of windows) {
      if (to - from <= time.step / 1000)
        wrong(key, `[${from}, ${to}] must be longer than a step, ${time.step / 1000} s`);
    }
  }
  train.forEach(([, to], i) => {
    const [from] = test[i]!;
    if (from < to)
      wrong('test', `must begin when its train has ended, at ${to}; begins at ${from}`);
  });
  const isRecorded = history !== undefined || Object.values(price).some((spec) => 'source' in spec);
  if (!isRecorded)
    wrong(
      'train',
      'needs recorded prices or actions; leave train and test out, and unseen repetitions are the test',
    );
}

function checkPool({ pool, controllers }: Experiment, report: ConfigReport): void {
  const { tokens, weights, balances, value, decimals, rates } = pool;
  if (new Set(tokens).size !== tokens.length)
    report.problem(['pool', 'tokens'], 'names a token twice');
  let kind: SimulatedKind | null = null;
  try {
    kind = pool.kind as SimulatedKind;
    const family = familyOf(kind);
    if (family === 'weighted' && weights === undefined && !isV1(kind)) {
      report.problem(['pool'], 'weights: missing; must be one number per token, of sum 1');
    }
    if (family === 'stable' && weights !== undefined)
      report.problem(['pool', 'weights'], `${kind} pools have none; remove it`);
  } catch (error) {
    if (!(error instanceof SimulationError)) throw error;
    report.problem(['pool', 'kind'], error.message.replace(/^pool\.kind: /, ''));
    return;
  }
  for (const [name, list] of Object.entries({ weights, balances, decimals, rates })) {
    if (list !== undefined && list.length !== tokens.length) {
      report.problem(
        ['pool', name],
        `must have one entry per token, ${tokens.length}; has ${list.length}`,
      );
    }
  }
  if (rates !== undefined && familyOf(kind) === 'weighted')
    report.problem(['pool', 'rates'], `${kind} pools have none; remove it`);
  const sum = weights?.reduce((total, weight) => total + weight, 0) ?? 1;
  if (!isV1(kind) && Math.abs(sum - 1) > 1e-9)
    report.problem(['pool', 'weights'], `must have the sum 1; is ${sum}`);
  if ((balances === undefined) === (value === undefined)) {
    report.problem(['pool'], 'needs either value (quote) or balances (whole tokens)');
  }
  for (const [i, controller] of (controllers ?? []).entries()) {
    if (controller.type.startsWith('weights.') && !hasMovableWeights(kind)) {
      report.problem(
        ['controllers', i, 'type'],
        `the weights of a ${kind} pool do not move; use lbp-2, managed-2 or v1`,
      );
    }
  }
}

function checkGas({ gas, pool }: Experiment, report: ConfigReport): void {
  if (gas === undefined) return;
  if ((gas.gwei === undefined) === (gas.source === undefined))
    report.problem(['gas'], 'needs either gwei, a number, or source, a file of prices');
  if ((gas.ether === undefined) === (gas.token === undefined))
    report.problem(['gas'], 'needs either ether, its price, or token, the token that is ether');
  if (gas.token !== undefined && !pool.tokens.includes(gas.token))
    report.problem(['gas', 'token'], `the pool has no token ${gas.token}`);
}

/** What only some pools can give to agents and controllers. */
function checkActors({ pool, mode, agents, controllers }: Experiment, report: ConfigReport): void {
  const { kind, tokens } = pool;
  for (const [i, { type }] of (agents ?? []).entries()) {
    if (type === 'attacker' && (mode !== 'exact' || isV1(kind as SimulatedKind)))
      report.problem(['agents', i, 'type'], 'attacker needs a V2 pool and mode = "exact"');
    if (type === 'policy' && tokens.length !== 2)
      report.problem(['agents', i, 'type'], 'policies act on pools of two tokens');
  }
  for (const [i, spec] of (controllers ?? []).entries()) {
    if (spec.type === 'policy' && tokens.length !== 2)
      report.problem(['controllers', i, 'type'], 'policies act on pools of two tokens');
    if (spec.type !== 'elastic.resync') continue;
    if (kind !== 'v1-elastic')
      report.problem(['controllers', i, 'type'], 'elastic.resync needs a pool of kind v1-elastic');
    if (!tokens.includes(spec.token))
      report.problem(['controllers', i, 'token'], `the pool has no token ${spec.token}`);
  }
}

function tryKey(
  experiment: Experiment,
  path: readonly string[],
  key: string,
  report: ConfigReport,
): void {
  const values =
    experiment.sweep?.[key] ??
    experiment.optimise?.ranges[key] ??
    experiment.sample?.ranges[key] ??
    [];
  for (const value of values) {
    try {
      withValue({ ...experiment, sweep: {}, optimise: undefined, sample: undefined }, key, value);
    } catch (error) {
      if (!(error instanceof SimulationError)) throw error;
      report.problem([...path], error.message);
      return;
    }
  }
}
