/** The metrics of a run, each against the arithmetic of its definition on a few steps. */
import { describe, expect, test } from 'vitest';
import {
  type Agent,
  createSimulation,
  type Experiment,
  loadResources,
  runJob,
  type Simulation,
  withValue,
} from '@balancer/simulation';
import { experiment, simulationOf } from '../experiment/support.ts';

const STEPS_PER_YEAR = 105_120;
/** 10 ETH and 1000 cash; 100 cash in at a fee of 0.3 % gives this much. */
const OUT = (10 * 99.7) / 1099.7;
const LEFT = 10 - OUT;

/** ETH at 100, from step 2 at 121, from step 3 at 60.5. */
function market(more = ''): Experiment {
  const shocks =
    '[[shock]]\nstep = 2\ntoken = "ETH"\nfactor = 1.21\n[[shock]]\nstep = 3\ntoken = "ETH"\nfactor = 0.5\n';
  return withValue(experiment(`${shocks}${more}`), 'price.ETH', {
    process: 'constant',
    start: 100,
  });
}

/** One purchase of ETH in step 1, then nothing. */
async function oneTrade(config: Experiment, until: number): Promise<Simulation> {
  const buyer: Agent = {
    name: 'buyer',
    gas: 0,
    act: ({ step }) => (step === 1 ? [{ do: 'swap', tokenIn: 1, tokenOut: 0, amountIn: 100 }] : []),
  };
  const withBuyer = withValue(config, 'agents', [{ type: 'module', name: 'buyer', file: 'b.mjs' }]);
  const none = await loadResources(config, '.');
  const modules = new Map([['b.mjs', { createAgent: () => buyer }]]);
  const simulation = createSimulation(withBuyer, { ...none, modules }, { repetition: 0, run: 0 });
  simulation.runTo(until);
  return simulation;
}

const shareValue = (price: number): number => (LEFT * price + 1100) / 100;

describe('after one trade and two moves of the price', () => {
  test('value, holding, loss, rebalancing and LVR', async () => {
    const metrics = (await oneTrade(market(), 2)).metrics.result();
    expect(metrics.startValue).toBe(2000);
    expect(metrics.value).toBeCloseTo(LEFT * 121 + 1100, 9);
    expect(metrics.holdValue).toBeCloseTo(10 * 121 + 1000, 9);
    expect(metrics.impermanentLoss).toBeCloseTo((LEFT * 121 + 1100) / 2210 - 1, 12);
    expect(metrics.rebalancingValue).toBeCloseTo(2000 + LEFT * 21, 9);
    expect(metrics.lvr).toBeCloseTo(100 * OUT - 100, 9);
    expect(metrics.grossLvr).toBeCloseTo(100 * OUT - 100 + 0.3, 9);
    expect(metrics.sharePrice).toBeCloseTo(shareValue(121), 12);
    expect(metrics.lpReturn).toBeCloseTo(shareValue(121) / 20 - 1, 12);
    expect(metrics.invariantPerShareChange).toBeCloseTo(Math.sqrt((LEFT * 1100) / 10_000) - 1, 12);
  });

  test('fees and volume, in quote, by token, and as a yield', async () => {
    const simulation = await oneTrade(market(), 2);
    const metrics = simulation.metrics.result();
    expect(metrics.fees).toBeCloseTo(0.3, 12);
    expect(metrics.volume).toBe(100);
    expect(metrics.trades).toBe(1);
    const mean = (LEFT * 100 + 1100 + LEFT * 121 + 1100) / 2;
    expect(metrics.feeYield).toBeCloseTo(0.3 / mean / (2 / STEPS_PER_YEAR), 9);
    const { fees, volume, protocolFees } = simulation.metrics.byToken;
    expect([...fees]).toEqual([0, 100 * 0.003]);
    expect([...volume]).toEqual([0, 100]);
    expect([...protocolFees]).toEqual([0, 0]);
  });

  test('the share of the protocol leaves the pool', async () => {
    const shared = withValue(market(), 'pool.protocolFee', 0.4);
    const simulation = await oneTrade(shared, 1);
    const metrics = simulation.metrics.result();
    expect(metrics.protocolFees).toBeCloseTo(0.12, 12);
    expect(simulation.metrics.byToken.protocolFees[1]).toBeCloseTo(0.12, 12);
    expect(simulation.pool.balances[1]).toBeCloseTo(1099.88, 9);
  });

  test('markouts at +1, +10 and +100 steps', async () => {
    const short = (await oneTrade(market(), 2)).metrics.result();
    expect(short.markout1).toBeCloseTo(OUT * 121 - 100, 9);
    expect([short.markout10, short.markout100]).toEqual([0, 0]);
    const long = (await oneTrade(market(), 101)).metrics.result();
    expect(long.markout1).toBeCloseTo(OUT * 121 - 100, 9);
    expect(long.markout10).toBeCloseTo(OUT * 60.5 - 100, 9);
    expect(long.markout100).toBeCloseTo(OUT * 60.5 - 100, 9);
  });

  test('distance of the price, its mean, its root mean square, and the share of steps outside the fee', async () => {
    const metrics = (await oneTrade(market(), 3)).metrics.result();
    const off = [100, 121, 60.5].map((price) => Math.log(1100 / LEFT / price));
    expect(metrics.trackingMean).toBeCloseTo((off[0]! + off[1]! + off[2]!) / 3, 12);
    expect(metrics.trackingRms).toBeCloseTo(Math.hypot(...off) / Math.sqrt(3), 12);
    // 0.19, -0.0005 and 0.69: the second is within 0.3 %.
    expect(Math.abs(off[1]!)).toBeLessThan(0.003);
    expect(metrics.outsideBand).toBeCloseTo(2 / 3, 12);
  });

  test('drawdown, ulcer index and Sharpe ratio', async () => {
    const metrics = (await oneTrade(market(), 3)).metrics.result();
    const shares = [20, shareValue(100), shareValue(121), shareValue(60.5)];
    const drawdown = 1 - shares[3]! / shares[2]!;
    expect(metrics.maxDrawdown).toBeCloseTo(drawdown, 12);
    expect(metrics.ulcer).toBeCloseTo(drawdown / Math.sqrt(3), 12);
    const returns = [1, 2, 3].map((i) => Math.log(shares[i]! / shares[i - 1]!));
    const mean = returns.reduce((sum, r) => sum + r, 0) / 3;
    const sd = Math.sqrt(returns.reduce((sum, r) => sum + (r - mean) ** 2, 0) / 3);
    expect(metrics.sharpe).toBeCloseTo((mean / sd) * Math.sqrt(STEPS_PER_YEAR), 9);
  });

  test('slippage, impact and depth', async () => {
    const metrics = (await oneTrade(market(), 1)).metrics.result();
    expect(metrics.slippage).toBeCloseTo(100 / OUT / 100 - 1, 12);
    expect(metrics.priceImpact).toBeCloseTo(1100 / LEFT / 100 - 1, 12);
    const moved = (by: number): number => (1100 * (Math.sqrt(1 + by) - 1)) / 0.997;
    expect(metrics.depth05).toBeCloseTo(moved(0.005), 9);
    expect(metrics.depth1).toBeCloseTo(moved(0.01), 9);
    expect(metrics.depth2).toBeCloseTo(moved(0.02), 9);
  });
});

describe('of a provider', () => {
  test('value, holding what it brought, and the difference, at the end of the run', async () => {
    const config = market('[[agents]]\ntype = "lp"\nsize = 200\njoinAt = 1\n[output]\nevery = 1\n');
    const job = runJob(withValue(config, 'time.steps', 2), await loadResources(config, '.'), {
      repetition: 0,
      run: 0,
    });
    // A tenth of the pool: 1 ETH and 100 cash for 10 pool tokens; nobody trades.
    const [[agent, shares, value, holdValue, gain]] = job.providers as [[string, ...number[]]];
    expect(agent).toBe('lp-0');
    expect(shares).toBeCloseTo(10, 9);
    expect(value).toBeCloseTo(221, 9);
    expect(holdValue).toBeCloseTo(221, 9);
    expect(gain).toBeCloseTo(0, 9);
  });

  test('that has left counts what it took back against what it brought', async () => {
    const simulation = await simulationOf(
      market('[[agents]]\ntype = "lp"\nsize = 200\njoinAt = 1\nexitAt = 3\n'),
    );
    simulation.runTo(1);
    // Somebody trades between, so that it takes out another mix than it brought.
    simulation.order({ do: 'swap', tokenIn: 1, tokenOut: 0, amountIn: 110 });
    simulation.runTo(3);
    const { shares, provided } = simulation.providers()[0]!;
    expect(shares).toBe(0);
    const out = (11 * 109.67) / 1209.67;
    expect(provided[0]).toBeCloseTo(1 - (11 - out) / 11, 9);
    expect(provided[1]).toBeCloseTo(100 - 1210 / 11, 9);
  });
});
