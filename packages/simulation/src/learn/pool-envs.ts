/**
 * Environments on a pool of two tokens under volatile prices: `fee-control` sets the fee,
 * `weights-control` moves the weights, `arbitrage` trades. All read the same observation.
 *
 * @module
 */
import { valueOf } from '../agents/providers.ts';
import { closedFormAgent } from '../agents/arbitrageurs.ts';
import { noiseAgent } from '../agents/traders.ts';
import { Simulation } from '../loop/simulation.ts';
import { FloatPool } from '../pools/float-pool.ts';
import type { SimulatedKind } from '../pools/spec.ts';
import { Market } from '../prices/market.ts';
import { gbm, regime } from '../prices/processes.ts';
import { Stream } from '../random/stream.ts';
import { toRaw } from '../records/decimal.ts';
import { type Env, EnvGuard, type ResetOptions, type StepResult } from './env.ts';
import {
  ARBITRAGE_SIZES,
  arbitrageOrder,
  feeDecision,
  observePool,
  observePrice,
  POOL_FIELDS,
  type PoolObserver,
  poolObserver,
  weightDecision,
} from './pool-observer.ts';
import { Box, MultiDiscrete, type Space } from './spaces.ts';

export interface PoolEnvOptions {
  /** Steps of five minutes in an episode, and steps of the loop between two actions. */
  readonly steps: number;
  readonly every: number;
  /** Volatilities a year of the calm and the wild market, and the probability of leaving each. */
  readonly calm: number;
  readonly wild: number;
  readonly value: number;
}

export const DEFAULT_POOL_ENV: PoolEnvOptions = {
  steps: 2016,
  every: 12,
  calm: 0.4,
  wild: 2.5,
  value: 1_000_000,
};

/** Rewards are in ten-thousandths. */
const REWARD_SCALE = 1e4;
/** Cost of turning a weight over, a share of the value that moves. */
const TURNOVER_COST = 0.001;
const STEP_SECONDS = 300;
const STEPS_PER_YEAR = (365 * 86_400) / STEP_SECONDS;
/** What the kinds of environments differ in. */
interface Task<A> {
  readonly kind: SimulatedKind;
  readonly hasArbitrageur: boolean;
  readonly actionSpace: Space<A>;
  /** Acts; returns a reward of its own, or what the action costs, in parts of the pool's first value. */
  act(simulation: Simulation, action: A): { readonly own: number } | { readonly cost: number };
  /** What the reward is the change of, in parts of the pool's first value. */
  level(simulation: Simulation, value: number): number;
}

class PoolEnv<A> implements Env<A> {
  readonly observationSpace: Box = new Box(
    POOL_FIELDS.map(({ low }) => low),
    POOL_FIELDS.map(({ high }) => high),
  );
  readonly actionSpace: Space<A>;
  readonly fields = POOL_FIELDS;
  readonly #task: Task<A>;
  readonly #options: PoolEnvOptions;
  readonly #guard = new EnvGuard();
  #simulation: Simulation | null = null;
  #observer: PoolObserver | null = null;
  #level = 0;

  constructor(task: Task<A>, options: PoolEnvOptions) {
    this.#task = task;
    this.#options = options;
    this.actionSpace = task.actionSpace;
  }

  reset({ seed }: ResetOptions): ReturnType<Env<A>['reset']> {
    this.#guard.started();
    this.#simulation = marketAndPool(seed, this.#task, this.#options);
    this.#observer = poolObserver(priceOf(this.#simulation), {
      volatility: this.#options.calm,
      stepsPerYear: STEPS_PER_YEAR,
    });
    this.#level = this.#task.level(this.#simulation, this.#options.value);
    return { observation: this.#observe(this.#simulation), info: {} };
  }

  step(action: A): StepResult {
    this.#guard.requireStep(this.actionSpace, action);
    const simulation = this.#simulation!;
    const { steps, every, value } = this.#options;
    const done = this.#task.act(simulation, action);
    for (let i = 0; i < every && simulation.step < steps; i++) {
      simulation.advance();
      observePrice(this.#observer!, priceOf(simulation));
    }
    const level = this.#task.level(simulation, value);
    const reward = 'own' in done ? done.own : (level - this.#level - done.cost) * REWARD_SCALE;
    this.#level = level;
    const truncated = simulation.step >= steps;
    if (truncated) this.#guard.ended();
    return {
      observation: this.#observe(simulation),
      reward,
      terminated: false,
      truncated,
      info: { step: simulation.step },
    };
  }

  close(): void {
    this.#guard.close();
    this.#simulation = null;
  }

  #observe({ pool, step }: Simulation): Float64Array {
    const time = step / this.#options.steps;
    return observePool(this.#observer!, { pool, stepsPerYear: STEPS_PER_YEAR, time });
  }
}

/** Value of the pool beside that of holding its first balances. */
function advantage({ pool, prices, metrics }: Simulation, value: number): number {
  return (valueOf(pool.balances, prices) - metrics.holdValue()) / value;
}

/** Value of the pool beside its first: nobody joins or leaves, so it is that of a pool token too. */
function growth({ pool, prices }: Simulation, value: number): number {
  return valueOf(pool.balances, prices) / value;
}

/** Outside price of the first token in the last one. */
function priceOf({ prices }: Simulation): number {
  return prices[0]! / prices.at(-1)!;
}

/** A pool of two tokens, half and half, with its market. @param label - Of its streams. */
export function marketAndPool(
  seed: bigint,
  task: { readonly kind: SimulatedKind; readonly hasArbitrageur: boolean },
  { calm, wild, value }: PoolEnvOptions,
  label = 'run/0',
): Simulation {
  const dt = 1 / STEPS_PER_YEAR;
  const process = regime(
    [gbm({ mu: 0, sigma: calm }, dt), gbm({ mu: 0, sigma: wild }, dt)],
    [
      [0.998, 0.002],
      [0.008, 0.992],
    ],
  );
  const market = new Market({
    sources: [{ kind: 'process', process }, { kind: 'constant' }],
    start: [1, 1],
    correlation: null,
    shocks: [],
    stream: new Stream(seed, `${label}/price`),
    startTime: 0,
    stepSeconds: STEP_SECONDS,
  });
  const token = (symbol: string) => ({
    symbol,
    decimals: 18,
    balance: toRaw(value / 2, 18),
    weight: 10n ** 18n / 2n,
    rate: null,
  });
  const spec = {
    kind: task.kind,
    tokens: [token('TOKEN'), token('CASH')],
    swapFee: toRaw(0.003, 18),
    supply: null,
    amp: null,
    protocolFee: 0n,
    isControlled: true,
  };
  const noise = noiseAgent({
    name: 'noise',
    gas: 0,
    perDay: 300,
    meanSize: value / 2500,
    sizeSd: 1,
    bias: 0.5,
    aversion: 1,
    outside: { fee: 0.006, depth: value * 20 },
  });
  const agents = [
    ...(task.hasArbitrageur
      ? [
          {
            agent: closedFormAgent({ name: 'arb.closedForm', gas: 2, minProfit: 0 }),
            stream: new Stream(seed, `${label}/agent/arb`),
            wallet: 'infinite' as const,
          },
        ]
      : []),
    { agent: noise, stream: new Stream(seed, `${label}/agent/noise`), wallet: 'infinite' as const },
  ];
  return new Simulation({
    pool: new FloatPool(spec, 0),
    market,
    agents,
    controllers: [],
    recorded: null,
    orderStream: null,
    startTime: 0,
    stepSeconds: STEP_SECONDS,
    stepsPerYear: STEPS_PER_YEAR,
    blockSeconds: 12,
    guardInvariant: false,
    seed: String(seed),
    run: 0,
  });
}

/** Action: one number, 0 for a fee of 0.01 % to 1 for 5 %, on a log scale. Reward: change of value over holding. */
export function feeControlEnv(options: PoolEnvOptions = DEFAULT_POOL_ENV): Env<Float64Array> {
  return new PoolEnv(
    {
      kind: 'weighted-3',
      hasArbitrageur: true,
      actionSpace: new Box([0], [1]),
      act(simulation, [level]) {
        simulation.decide(feeDecision(level!));
        return { cost: 0 };
      },
      level: advantage,
    },
    options,
  );
}

/**
 * Action: step of the first token's weight, from -0.02 to 0.02. Reward: change of the value of a pool
 * token, minus what turning the weight over costs, in ten-thousandths.
 */
export function weightsControlEnv(options: PoolEnvOptions = DEFAULT_POOL_ENV): Env<Float64Array> {
  return new PoolEnv(
    {
      kind: 'managed-2',
      hasArbitrageur: true,
      actionSpace: new Box([-0.02], [0.02]),
      act(simulation, [change]) {
        const before = simulation.pool.weights[0]!;
        simulation.decide(weightDecision(simulation.pool, change!));
        return { cost: TURNOVER_COST * Math.abs(simulation.pool.weights[0]! - before) };
      },
      level: growth,
    },
    options,
  );
}

const ARBITRAGE_GAS = 2;

/** Action: which token is paid, and how much of its balance. Reward: profit minus gas, in ten-thousandths of the pool. */
export function arbitrageEnv(options: PoolEnvOptions = DEFAULT_POOL_ENV): Env<number[]> {
  return new PoolEnv(
    {
      kind: 'weighted-3',
      hasArbitrageur: false,
      actionSpace: new MultiDiscrete([2, ARBITRAGE_SIZES.length]),
      act(simulation, action) {
        const order = arbitrageOrder(simulation.pool, action);
        if (order === null) return { own: 0 };
        const { profit, refused } = simulation.order(order, 'arb.learner');
        const gain = refused === null ? profit - ARBITRAGE_GAS : 0;
        return { own: (gain / options.value) * REWARD_SCALE };
      },
      level: advantage,
    },
    options,
  );
}
