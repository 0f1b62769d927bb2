import { describe, expect, test } from 'vitest';
import {
  type Controller,
  type DecisionRow,
  estimatedWeights,
  imbalanceFee,
  type Observation,
  parseExperiment,
  pidFee,
  volatilityFee,
  weightDelta,
  weightSchedule,
  weightTarget,
} from '@balancer/simulation';
import { ARB, experiment, simulationOf } from '../experiment/support.ts';

const observation = (step: number, price: number): Observation => ({
  step,
  time: step * 300,
  prices: Float64Array.of(price, 1),
  balances: Float64Array.of(10, 1000 + step),
  held: Float64Array.of(10, 1000 + step),
  weights: Float64Array.of(0.5, 0.5),
  swapFee: 0.003,
  amp: 0,
  stepSeconds: 300,
  stepsPerYear: 105_120,
});

const common = { name: 'c', every: 1 };
const estimator = { ...common, halfLife: 10, speed: 0.02, floor: 0.05, strength: 1 };
const bounds = { min: 0.0005, max: 0.05 };
const makers: readonly (readonly [string, () => Controller])[] = [
  [
    'weights.schedule',
    () => weightSchedule({ ...common, end: [0.9, 0.1], seconds: 30_000, shape: 'exponential' }),
  ],
  ['weights.delta', () => weightDelta(common)],
  ['weights.momentum', () => estimatedWeights('momentum', estimator)],
  ['weights.antiMomentum', () => estimatedWeights('antiMomentum', estimator)],
  ['weights.meanReversion', () => estimatedWeights('meanReversion', estimator)],
  ['weights.minVariance', () => estimatedWeights('minVariance', estimator)],
  [
    'weights.target',
    () => weightTarget({ ...common, target: [0.7, 0.3], band: 0.01, speed: 0.1, floor: 0 }),
  ],
  [
    'fee.volatility',
    () => volatilityFee({ ...common, ...bounds, a: 0.001, b: 0.01, halfLife: 10 }),
  ],
  ['fee.imbalance', () => imbalanceFee({ ...common, ...bounds, base: 0.001, slope: 0.1 })],
  [
    'fee.pid',
    () => pidFee({ ...common, ...bounds, target: 0.5, base: 0.003, kp: 0.1, ki: 0.01, kd: 0.1 }),
  ],
];

describe.each(makers)('%s', (_name, make) => {
  test('decides the same whatever the future holds', () => {
    const [one, other] = [make(), make()];
    expect(one.name).toBe(other.name);
    for (let step = 1; step <= 100; step++) {
      // The same past up to step 60, another future from there.
      const price = 100 + Math.sin(step);
      const changed = step > 60 ? price * 2 : price;
      const [a, b] = [
        one.decide(observation(step, price)),
        other.decide(observation(step, changed)),
      ];
      if (step <= 60) expect(b).toEqual(a);
    }
  });

  test('keeps within its bounds', () => {
    const controller = make();
    for (let step = 1; step <= 200; step++) {
      const decision = controller.decide(observation(step, 100 * Math.exp(Math.sin(step))));
      if (decision?.set === 'fee') {
        expect(decision.fee).toBeGreaterThanOrEqual(bounds.min);
        expect(decision.fee).toBeLessThanOrEqual(bounds.max);
      } else if (decision?.set === 'weights') {
        expect(decision.weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
      }
    }
  });
});

describe('controllers in a run', () => {
  test('a step of the weights beyond the bounds of the pool is refused and logged, and the run goes on', async () => {
    for (const mode of ['float', 'exact']) {
      const decisions: DecisionRow[] = [];
      const config = parseExperiment(
        `name = "x"\nmode = "${mode}"\n[pool]\nkind = "v1"\ntokens = ["ETH", "CASH"]\nweights = [25, 25]\nvalue = 2000\n[time]\nsteps = 40\n[price.ETH]\nprocess = "constant"\nstart = 100\n[[controllers]]\ntype = "weights.schedule"\nend = [0.999, 0.001]\nover = "2h"\n`,
      );
      const simulation = await simulationOf(config, { onDecision: (row) => decisions.push(row) });
      const metrics = simulation.runTo(40);
      const refused = decisions.filter(({ refused }) => refused !== null);
      expect(refused[0]).toMatchObject({
        refused: 'ERR_MIN_WEIGHT',
        controller: 'weights.schedule-0',
      });
      expect(metrics.refusedDecisions).toBe(refused.length);
      expect(Math.min(...simulation.pool.weights)).toBeGreaterThanOrEqual(0.02 - 1e-9);
      expect(simulation.step).toBe(40);
    }
  });

  test('a bootstrapping pool without trades falls from 99/1 to 50/50, at the weights of the engine at every step', async () => {
    const config = (mode: string) =>
      parseExperiment(
        `name = "lbp"\nmode = "${mode}"\n[pool]\nkind = "lbp-2"\ntokens = ["NEW", "USDC"]\nweights = [0.99, 0.01]\nbalances = [1000000, 50000]\n[time]\nstep = "1h"\nsteps = 72\n[price.NEW]\nprocess = "constant"\n[[controllers]]\ntype = "weights.schedule"\nend = [0.5, 0.5]\nover = "71h"\nshape = "native"\n`,
      );
    const [float, exact] = [
      await simulationOf(config('float')),
      await simulationOf(config('exact')),
    ];
    let last = Infinity;
    for (let step = 1; step <= 72; step++) {
      float.advance();
      exact.advance();
      // The engine keeps end weights in 16 bits.
      expect(float.pool.weights[0]).toBeCloseTo(exact.pool.weights[0]!, 4);
      const price = exact.pool.spot(1, 0);
      expect(price).toBeLessThanOrEqual(last);
      last = price;
    }
    expect(exact.pool.weights[0]).toBeCloseTo(0.5, 4);
    expect(last).toBeCloseTo(0.05, 4);
  });

  test('a volatility fee follows the volatility of the market', async () => {
    const simulation = await simulationOf(
      experiment(
        `${ARB}[[controllers]]\ntype = "fee.volatility"\na = 0\nb = 0.01\nhalfLife = 200\nmax = 0.05\n`,
      ),
    );
    simulation.runTo(500);
    // 0.01 times a volatility of 0.8, of which 200 steps tell within a tenth.
    expect(simulation.pool.swapFee).toBeGreaterThan(0.0064);
    expect(simulation.pool.swapFee).toBeLessThan(0.0096);
  });
});
