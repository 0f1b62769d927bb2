/**
 * The agents and controllers of an experiment file.
 *
 * @module
 */
import { closedFormAgent, gridAgent, solverAgent } from '../agents/arbitrageurs.ts';
import { attackerAgent } from '../agents/attacker.ts';
import { policyAgent, policyController } from '../agents/policy.ts';
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
  elasticResync,
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
import type { Checkpoint } from '../learn/train.ts';
import type { SeatedAgent } from '../loop/turns.ts';
import type { Agent, Controller } from '../loop/types.ts';
import { familyOf, type SimulatedKind } from '../pools/spec.ts';
import type { Stream } from '../random/stream.ts';
import { readTime } from '../records/formats/prices.ts';
import type { Resources } from './resources.ts';
import type { AgentSpec, ControllerSpec, Experiment } from './schema.ts';

/** All agents in their seats. @param stream - By label. @throws {SimulationError} */
export function agentsOf(
  experiment: Experiment,
  resources: Resources,
  stream: (label: string) => Stream,
): SeatedAgent[] {
  const { tokens } = experiment.pool;
  return experiment.agents.map((spec, i) => {
    const agent = agentOf(spec, i, { experiment, resources });
    const window = windowOf(spec);
    return {
      agent,
      stream: stream(`agent/${agent.name}`),
      wallet: walletOf(spec, tokens),
      ...(window !== null && { window }),
    };
  });
}

/** @throws {SimulationError} */
export function controllersOf(experiment: Experiment, resources: Resources): Controller[] {
  return experiment.controllers.map((spec, i) => controllerOf(spec, i, { experiment, resources }));
}

/** When something is on, unix seconds, from (included) to (excluded); null for always. */
export function windowOf({
  from,
  to,
}: {
  readonly from?: number | string | undefined;
  readonly to?: number | string | undefined;
}): readonly [from: number, to: number] | null {
  if (from === undefined && to === undefined) return null;
  return [
    from === undefined ? -Infinity : secondsOf(from),
    to === undefined ? Infinity : secondsOf(to),
  ];
}

function secondsOf(moment: number | string): number {
  return typeof moment === 'number' ? moment : readTime(moment);
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
    case 'attacker':
      return attackerAgent({ ...spec, name });
    case 'policy':
      return policyAgent({ ...spec, name, checkpoint: checkpointOf(spec.file, resources) });
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

function checkpointOf(file: string, { checkpoints }: Resources): Checkpoint {
  const checkpoint = checkpoints.get(file);
  if (checkpoint === undefined) throw new SimulationError(`${file}: was not read`);
  return checkpoint;
}

function asArbitrageur(name: string): string {
  return name.startsWith('arb') ? name : `arb/${name}`;
}

function controllerOf(
  spec: ControllerSpec,
  index: number,
  { experiment, resources }: Context,
): Controller {
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
    case 'elastic.resync':
      return elasticResync({
        name,
        every: spec.every,
        token: experiment.pool.tokens.indexOf(spec.token),
        isSafe: spec.safe,
      });
    case 'policy':
      return policyController({ ...spec, name, checkpoint: checkpointOf(spec.file, resources) });
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
