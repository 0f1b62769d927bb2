/**
 * Trained policies in a run: one of `arbitrage` trades, those of `fee-control` and `weights-control`
 * decide.
 *
 * @module
 */
import { SimulationError } from '../errors.ts';
import { createEnv, type EnvName } from '../learn/envs.ts';
import type { Env, Policy } from '../learn/env.ts';
import {
  arbitrageOrder,
  feeDecision,
  type ObservedPool,
  observePool,
  observePrice,
  type PoolObserver,
  poolObserver,
  weightDecision,
} from '../learn/pool-observer.ts';
import { type Checkpoint, checkpointPolicy, fitsEnv } from '../learn/train.ts';
import type { Agent, AgentContext, Controller, Observation, View } from '../loop/types.ts';
import { Stream } from '../random/stream.ts';

export interface PolicyOptions {
  readonly name: string;
  readonly checkpoint: Checkpoint;
  /** Steps between actions. */
  readonly every: number;
  /** Steps after which the policy sees a new episode begin. */
  readonly episode: number;
}

/** Volatility a year that is assumed before prices have shown theirs: that of a calm market in training. */
const VOLATILITY_FIRST = 0.4;

/** Trades as a checkpoint of `arbitrage` says. @throws {SimulationError} For one of another environment. */
export function policyAgent(options: PolicyOptions & { readonly gas: number }): Agent {
  const { name, gas, every, episode } = options;
  const policy = policyOf<number[]>(options, ['arbitrage']);
  return {
    name,
    gas,
    act(view: View, { memory, stream, stepsPerYear }: AgentContext) {
      const { step, pool } = view;
      const observer = observed(memory, priceOf(view), stepsPerYear);
      if (step % every !== 0) return [];
      const time = (step % episode) / episode;
      const order = arbitrageOrder(
        pool,
        policy(observePool(observer, { pool, stepsPerYear, time }), stream),
      );
      return order === null ? [] : [order];
    },
  };
}

/** Sets fee or weights as a checkpoint says. @throws {SimulationError} For one that does neither. */
export function policyController(options: PolicyOptions): Controller {
  const { name, every, episode, checkpoint } = options;
  const policy = policyOf<Float64Array>(options, ['fee-control', 'weights-control']);
  // Policies of boxes and tables draw nothing; the interface wants a stream.
  const stream = new Stream(0n, name);
  const made: Controller = {
    name,
    // Prices are taken up every step, decisions come every so many.
    every: 1,
    phase: 'before',
    memory: {},
    decide(observation: Observation) {
      const { step, stepsPerYear } = observation;
      const observer = observed(made.memory, priceOf(observation), stepsPerYear);
      if (step % every !== 0) return null;
      const pool = asPool(observation);
      const time = (step % episode) / episode;
      const [value] = policy(observePool(observer, { pool, stepsPerYear, time }), stream);
      return checkpoint.env === 'fee-control'
        ? feeDecision(value!)
        : weightDecision(observation, value!);
    },
  };
  return made;
}

function policyOf<A>(
  { name, checkpoint }: PolicyOptions,
  environments: readonly EnvName[],
): Policy<A> {
  if (!(environments as readonly string[]).includes(checkpoint.env)) {
    throw new SimulationError(
      `${name}: takes a policy of ${environments.join(' or ')}; this one is of ${checkpoint.env}`,
    );
  }
  const env = createEnv(checkpoint.env) as Env<A>;
  if (!fitsEnv(env, checkpoint))
    throw new SimulationError(
      `${name}: its sizes are not those of ${checkpoint.env}; train it again`,
    );
  return checkpointPolicy(env, checkpoint);
}

/** The observer in a memory, with the price of the step taken up. */
function observed(
  memory: Record<string, unknown>,
  price: number,
  stepsPerYear: number,
): PoolObserver {
  memory['observer'] ??= poolObserver(price, { volatility: VOLATILITY_FIRST, stepsPerYear });
  const observer = memory['observer'] as PoolObserver;
  observePrice(observer, price);
  return observer;
}

function priceOf({ prices }: { readonly prices: Float64Array }): number {
  return prices[0]! / prices.at(-1)!;
}

/** What observers ask of a pool, from an observation of a weighted one. */
function asPool({ balances, weights, swapFee }: Observation): ObservedPool {
  const spot = (tokenIn: number, tokenOut: number): number =>
    balances[tokenIn]! / weights[tokenIn]! / (balances[tokenOut]! / weights[tokenOut]!);
  return { swapFee, weights, spot };
}
