import { describe, expect, test } from 'vitest';
import {
  type Agent,
  createSimulation,
  depth,
  impermanentLoss,
  loadResources,
  type Order,
  parseExperiment,
  runJob,
  type Simulation,
  type Trade,
  UserCodeError,
  verify,
  withValue,
} from '@balancer/simulation';
import { ARB, experiment, NOISE, simulationOf } from '../experiment/support.ts';

const none = await loadResources(experiment(), '.');

describe('the loop', () => {
  test('gives what the fused kernel gives, bit for bit', () => {
    for (const weights of ['[0.5, 0.5]', '[0.8, 0.2]']) {
      const core = withValue(
        experiment(`${ARB}gas = 0.01\n[output]\nmetrics = "core"`),
        'pool.weights',
        JSON.parse(weights),
      );
      const fast = runJob(core, none, { repetition: 3, run: 3 });
      // A sampled step is more than the kernel can do, so the loop runs.
      const slow = runJob(withValue(core, 'output.every', 500), none, { repetition: 3, run: 3 });
      expect(slow.steps.length).toBeGreaterThan(0);
      expect(fast.metrics).toEqual(slow.metrics);
    }
  });

  test('loses to rebalancing what the arbitrageur gains', async () => {
    const metrics = (await simulationOf(experiment(ARB))).runTo(500);
    expect(metrics.trades).toBeGreaterThan(50);
    expect(metrics.lvr).toBeCloseTo(metrics.arbitrageProfit, 9);
    expect(metrics.grossLvr).toBeCloseTo(metrics.lvr + metrics.fees, 12);
    expect(metrics.holdValue).toBeCloseTo(metrics.value / (1 + metrics.impermanentLoss), 9);
  });

  test('without fee has the impermanent loss of the formula', async () => {
    const config = withValue(experiment(ARB), 'pool.swapFee', 0);
    const simulation = await simulationOf(config);
    const metrics = simulation.runTo(500);
    expect(metrics.impermanentLoss).toBeCloseTo(
      impermanentLoss([0.5, 0.5], [simulation.prices[0]! / 100, 1]),
      9,
    );
  });

  test('keeps the draws of all others when an agent is added', async () => {
    const trades = async (more: string): Promise<Trade[]> => {
      const seen: Trade[] = [];
      const simulation = await simulationOf(experiment(more), {
        onTrade: (trade) => seen.push(trade),
      });
      simulation.runTo(500);
      return seen.filter(({ agent }) => agent === 'noise-0');
    };
    // Whoever never gives up trades at every arrival.
    const calm = `${NOISE}aversion = 1\n`;
    const alone = await trades(calm);
    const together = await trades(
      `${calm}[[agents]]\ntype = "noise"\nname = "late"\nperDay = 50\nmeanSize = 1\n`,
    );
    expect(alone.length).toBeGreaterThan(50);
    expect(together.map(({ step, amountIn }) => [step, amountIn])).toEqual(
      alone.map(({ step, amountIn }) => [step, amountIn]),
    );
  });

  test('forks: a run that goes on from a saved step is the run', async () => {
    const config = experiment(
      `${ARB}${NOISE}[[agents]]\ntype = "informed"\nq = 0.3\nsize = 5\n[[controllers]]\ntype = "fee.volatility"\na = 0.001\nb = 0.002\nhalfLife = 20\n`,
    );
    const whole = await simulationOf(config);
    const forked = await simulationOf(config);
    forked.runTo(200);
    const saved = forked.save();
    forked.runTo(350);
    forked.restore(saved);
    expect(forked.step).toBe(200);
    expect(forked.runTo(500)).toEqual(whole.runTo(500));
  });

  test('is the same in exact mode to within the rounding of float64', async () => {
    const float = (await simulationOf(experiment(ARB))).runTo(200);
    const exact = (await simulationOf(experiment(ARB, 'mode = "exact"'))).runTo(200);
    expect(exact.trades).toBe(float.trades);
    expect(Math.abs(exact.value / float.value - 1)).toBeLessThan(1e-10);
  });
});

describe('verify', () => {
  test('finds exact and float balances within 1e-9 over 10 000 steps, 1e-6 for V1', () => {
    const long = withValue(experiment(`${ARB}${NOISE}`), 'time.steps', 10_000);
    const checked = verify(long, none, 1);
    expect(checked.orders).toBeGreaterThan(3000);
    expect(checked.greatest).toBeLessThan(1e-9);
    const first = verify(withValue(long, 'pool.kind', 'v1'), none, 1);
    expect(first.orders).toBeGreaterThan(3000);
    expect(first.greatest).toBeLessThan(1e-6);
  });
});

describe('orders', () => {
  const bare = async (more = ''): Promise<Simulation> => simulationOf(experiment(more));

  test('of an agent without funds are refused and counted', async () => {
    const simulation = await bare(
      '[[agents]]\ntype = "trend"\nlookback = 1\nthreshold = 0\nsize = 5\nwallet = { CASH = 12, ETH = 0.1 }\n',
    );
    const metrics = simulation.runTo(60);
    expect(metrics.refusedOrders).toBeGreaterThan(0);
    expect(Math.min(...simulation.walletOf(0))).toBeGreaterThanOrEqual(0);
  });

  test('that revert leave the state as it was, and the run goes on', async () => {
    const simulation = await bare();
    simulation.runTo(3);
    const before = [...simulation.pool.balances];
    expect(simulation.order({ do: 'swap', tokenIn: 0, tokenOut: 1, amountIn: 9 }).refused).toBe(
      'BAL#304',
    );
    expect(
      simulation.order({ do: 'swapOut', tokenIn: 0, tokenOut: 1, amountOut: 900 }).refused,
    ).toBe('BAL#305');
    expect(
      simulation.order({ do: 'swap', tokenIn: 0, tokenOut: 1, amountIn: 1, minOut: 1e6 }).refused,
    ).toBe('LIMIT');
    expect([...simulation.pool.balances]).toEqual(before);
    expect(simulation.runTo(10).refusedOrders).toBe(3);
  });

  test('of a batch are done all or not at all', async () => {
    const simulation = await bare();
    const good: Order = { do: 'swap', tokenIn: 0, tokenOut: 1, amountIn: 0.5 };
    const before = [...simulation.pool.balances];
    expect(
      simulation.order({ do: 'batch', orders: [good, { ...good, amountIn: 100 }] }).refused,
    ).toBe('BAL#304');
    expect([...simulation.pool.balances]).toEqual(before);
    expect(simulation.metrics.result()).toMatchObject({ trades: 0, refusedOrders: 1 });
    expect(simulation.order({ do: 'batch', orders: [good, good] }).tokens[0]).toBe(-1);
  });

  test('of providers keep the value of a share, also by one token', async () => {
    const simulation = await bare();
    const share = simulation.metrics.result().sharePrice;
    const joined = simulation.order({ do: 'join', shares: 10 });
    expect([...joined.tokens]).toEqual([-1, -100]);
    expect(simulation.order({ do: 'exit', shares: 10 }).tokens[1]).toBeCloseTo(100, 9);
    const single = simulation.order({ do: 'joinSwap', token: 1, amount: 50 });
    simulation.order({ do: 'exitSwap', token: 1, shares: single.shares });
    const metrics = simulation.metrics.result();
    // In and out by one token pays the fee on half of it, twice.
    expect(metrics.sharePrice * 20).toBeGreaterThan(share * 20);
    // What providers bring and take is no gain or loss of rebalancing.
    expect(metrics.lvr).toBeCloseTo(0, 9);
    expect(simulation.order({ do: 'exit', shares: 1e9 }).refused).toBe('BAL#416');
  });

  test('an exception in user code stops the run with step, agent, seed and the command that shows it again', async () => {
    const faulty: Agent = {
      name: 'faulty',
      gas: 0,
      act: ({ step }) => {
        if (step === 5) throw new Error('division by zero');
        return [];
      },
    };
    const config = parseExperiment(
      'name = "x"\nseed = 9\n[pool]\ntokens = ["A", "B"]\nweights = [0.5, 0.5]\nvalue = 10\n[time]\nsteps = 10\n[price.A]\nprocess = "constant"\n[[agents]]\ntype = "module"\nname = "faulty"\nfile = "./faulty.mjs"\n',
    );
    const resources = {
      ...none,
      modules: new Map([['./faulty.mjs', { createAgent: () => faulty }]]),
    };
    const simulation = createSimulation(config, resources, { repetition: 2, run: 2 });
    expect(() => simulation.runTo(10)).toThrow(UserCodeError);
    const job = runJob(config, resources, { repetition: 2, run: 2 });
    expect(job.error).toBe(
      'faulty threw at step 5 of run 2 (seed 9): division by zero; see it again with: balancer sim run <file> --run 2 --seed 9 --from-step 5',
    );
  });
});

describe('agents', () => {
  test('a sandwich takes from the trade that it surrounds; liquidity just in time takes a share of its fee', async () => {
    const flow = '[[agents]]\ntype = "noise"\nperDay = 500\nmeanSize = 60\nsizeSd = 0.1\n';
    const run = async (more: string) => {
      const seen: Trade[] = [];
      const simulation = await simulationOf(experiment(`${flow}${more}`), {
        onTrade: (trade) => seen.push(trade),
      });
      return { metrics: simulation.runTo(300), seen, wallet: simulation.walletOf(1) };
    };
    const sandwich = await run('[[agents]]\ntype = "sandwich"\nminSize = 20\nsize = 200\n');
    const own = sandwich.seen.filter(({ agent }) => agent.startsWith('sandwich'));
    expect(own.length).toBeGreaterThan(10);
    expect(own.reduce((sum, { profit }) => sum + profit, 0)).toBeGreaterThan(0);
    const jit = await run('[[agents]]\ntype = "jit"\nminSize = 20\nsize = 2000\n');
    expect(jit.wallet[2]).toBeCloseTo(0, 9);
    expect(jit.metrics.trades).toBeGreaterThan(100);
  });

  test('the informed gain what the pool loses: their markout is positive, that of noise is not', async () => {
    const informed = (
      await simulationOf(experiment('[[agents]]\ntype = "informed"\nq = 1\nsize = 5\n'))
    ).runTo(500);
    const noise = (await simulationOf(experiment(NOISE))).runTo(500);
    expect(informed.markout1).toBeGreaterThan(0);
    expect(noise.markout1).toBeLessThan(0);
  });

  test('the solver finds on a weighted pool what the closed form knows, and works on a stable one', async () => {
    const solver = '[[agents]]\ntype = "arb.solver"\n';
    const [closed, solved] = [
      await simulationOf(experiment(ARB)),
      await simulationOf(experiment(solver)),
    ];
    expect(solved.runTo(50).arbitrageProfit / closed.runTo(50).arbitrageProfit).toBeCloseTo(1, 3);
    const stable = parseExperiment(
      `name = "s"\n[pool]\nkind = "stable-1"\ntokens = ["A", "B"]\nvalue = 1e6\nswapFee = 0.0004\n[time]\nsteps = 300\n[price.A]\nprocess = "ouLog"\nmean = 1\nkappa = 50\nsigma = 0.1\n${solver}`,
    );
    const metrics = (await simulationOf(stable)).runTo(300);
    expect(metrics.trades).toBeGreaterThan(20);
    expect(metrics.trackingRms).toBeLessThan(0.01);
    expect(metrics.lvr).toBeCloseTo(metrics.arbitrageProfit, 6);
  });

  test('the router goes elsewhere when that is cheaper', async () => {
    const router = (fee: number): string =>
      `[[agents]]\ntype = "router"\nperDay = 300\nmeanSize = 5\noutsideFee = ${fee}\noutsideDepth = 1e9\n`;
    expect((await simulationOf(experiment(router(0.0001)))).runTo(300).trades).toBeLessThan(100);
    expect((await simulationOf(experiment(router(0.05)))).runTo(300).trades).toBeGreaterThan(200);
  });

  test('a provider joins by schedule and leaves at a drawdown', async () => {
    const simulation = await simulationOf(
      experiment(
        `${ARB}[[agents]]\ntype = "lp"\nsize = 100\njoinAt = 5\ndrawdown = 0.02\nwallet = { ETH = 10, CASH = 1000 }\n`,
      ),
    );
    simulation.runTo(5);
    expect(simulation.walletOf(1)[2]).toBeCloseTo(5, 1);
    simulation.runTo(500);
    expect(simulation.walletOf(1)[2]).toBe(0);
  });
});

describe('metrics', () => {
  test('depth is what moves the spot price that far', async () => {
    const simulation = await simulationOf(withValue(experiment(), 'pool.weights', [0.8, 0.2]));
    const { pool, prices } = simulation;
    const size = depth(pool, prices, 0.01);
    const before = pool.spot(1, 0);
    pool.swapGivenIn(1, 0, size);
    // The fee stays in the pool and moves the price a little more.
    expect(pool.spot(1, 0) / before - 1).toBeCloseTo(0.01, 4);
  });

  test('of one swap are those computed by hand', async () => {
    const flat = withValue(experiment(), 'price.ETH', { process: 'constant', start: 100 });
    const simulation = await simulationOf(flat);
    simulation.advance();
    // 10 ETH and 1000 cash; 100 cash in, 99.7 after the fee: out 10 * 99.7 / 1099.7.
    const { tokens, profit } = simulation.order({
      do: 'swap',
      tokenIn: 1,
      tokenOut: 0,
      amountIn: 100,
    });
    const out = (10 * 99.7) / 1099.7;
    expect(tokens[0]).toBeCloseTo(out, 12);
    expect(profit).toBeCloseTo(out * 100 - 100, 10);
    const metrics = simulation.metrics.result();
    expect(metrics.fees).toBeCloseTo(0.3, 12);
    expect(metrics.volume).toBe(100);
    expect(metrics.value).toBeCloseTo((10 - out) * 100 + 1100, 9);
    expect(metrics.lvr).toBeCloseTo(out * 100 - 100, 9);
    expect(metrics.slippage).toBeCloseTo(100 / out / 100 - 1, 12);
    expect(metrics.priceImpact).toBeCloseTo(1100 / (10 - out) / 100 - 1, 12);
    simulation.advance();
    expect(simulation.metrics.result().trackingRms).toBeCloseTo(
      Math.log(1100 / (10 - out) / 100) / Math.SQRT2,
      9,
    );
    expect(simulation.metrics.result().outsideBand).toBe(0.5);
  });
});
