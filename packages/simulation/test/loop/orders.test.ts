import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  type Agent,
  createSimulation,
  loadResources,
  type Order,
  parseExperiment,
  planOf,
  type RebaseRow,
  runPlan,
  type Trade,
  withValue,
} from '@balancer/simulation';
import { ARB, experiment, NOISE, simulationOf } from '../experiment/support.ts';
import { scratchFolder } from '../files.ts';

const none = await loadResources(experiment(), '.');

/** A run with an agent of the test's own. */
function withAgent(agent: Agent, more = '') {
  const config = experiment(
    `[[agents]]\ntype = "module"\nname = "mine"\nfile = "mine.mjs"\n${more}`,
  );
  const modules = new Map([['mine.mjs', { createAgent: () => agent }]]);
  const trades: Trade[] = [];
  const simulation = createSimulation(
    config,
    { ...none, modules },
    { repetition: 0, run: 0 },
    { onTrade: (trade) => trades.push(trade) },
  );
  return { simulation, trades };
}

describe('a batch that reverts', () => {
  const swap = (amountIn: number): Order => ({ do: 'swap', tokenIn: 0, tokenOut: 1, amountIn });

  test('leaves no trade behind; one that is done tells of all of them in order', () => {
    const seen: (readonly Trade[])[] = [];
    const { simulation, trades } = withAgent({
      name: 'mine',
      gas: 0,
      act: ({ step }) =>
        step === 1
          ? [{ do: 'batch', orders: [swap(0.1), swap(0.2), swap(1000)] }]
          : step === 2
            ? [
                {
                  do: 'batch',
                  orders: [swap(0.3), { do: 'batch', orders: [swap(0.4)] }, swap(0.5)],
                },
              ]
            : [],
      after: (_result, context) => void (context.memory['told'] = trades.length),
    });
    simulation.advance();
    seen.push([...trades]);
    expect(seen[0]).toEqual([]);
    expect(simulation.metrics.result()).toMatchObject({ trades: 0, volume: 0, refusedOrders: 1 });
    simulation.advance();
    expect(trades.map(({ amountIn }) => amountIn)).toEqual([0.3, 0.4, 0.5]);
    expect(simulation.metrics.result().trades).toBe(3);
  });

  test('inside of a batch takes the outer one with it', () => {
    const { simulation, trades } = withAgent({ name: 'mine', gas: 0, act: () => [] });
    const before = [...simulation.pool.balances];
    const inner: Order = { do: 'batch', orders: [swap(0.1), swap(1000)] };
    expect(simulation.order({ do: 'batch', orders: [swap(0.2), inner] }).refused).toBe('BAL#304');
    expect([...simulation.pool.balances]).toEqual(before);
    expect(trades).toEqual([]);
  });
});

describe('windows', () => {
  test('say who is on when; the draws of the others do not change', async () => {
    const trades = async (more: string): Promise<Trade[]> => {
      const seen: Trade[] = [];
      const simulation = await simulationOf(experiment(`${NOISE}${more}`), {
        onTrade: (trade) => seen.push(trade),
      });
      simulation.runTo(500);
      return seen;
    };
    const always = await trades('aversion = 1\n');
    // Steps of five minutes from 1 700 000 000: step 200 is at 1 700 060 000, 2023-11-15T14:53:20.
    const late = await trades('aversion = 1\nfrom = "2023-11-15T14:53:20Z"\nto = 1_700_090_000\n');
    expect(Math.min(...late.map(({ step }) => step))).toBeGreaterThanOrEqual(200);
    expect(Math.max(...late.map(({ step }) => step))).toBeLessThan(300);
    expect(late.length).toBeGreaterThan(10);
    expect(always.length).toBeGreaterThan(2 * late.length);
    expect(() => experiment(`${NOISE}from = "noon"\n`)).toThrow('must be a time, ISO 8601');
  });
});

describe('the order of a step', () => {
  test('is prices, rebases, recorded actions, then agents, whatever the file says first', async () => {
    const folder = scratchFolder();
    writeFileSync(
      join(folder, 'swaps.csv'),
      't,kind,tokens,amounts\n1700000300,swap,CASH ETH,1000000000000000000 -1\n',
    );
    const config = parseExperiment(
      'name = "order"\n[pool]\nkind = "v1-elastic"\ntokens = ["ETH", "CASH"]\nweights = [10, 10]\nbalances = [100, 100]\n[time]\nsteps = 1\n[price.ETH]\nprocess = "constant"\n[history]\nfile = "swaps.csv"\n[[agents]]\ntype = "noise"\nperDay = 0\nmeanSize = 1\n[[agents]]\ntype = "rebaser"\ntoken = "ETH"\nfactors = [1.1]\nevery = "5m"\nresync = "gulpOnly"\n',
    );
    const rebases: RebaseRow[] = [];
    const seen: Trade[] = [];
    const simulation = createSimulation(
      config,
      await loadResources(config, folder),
      { repetition: 0, run: 0 },
      { onRebase: (row) => rebases.push(row), onTrade: (trade) => seen.push(trade) },
    );
    simulation.advance();
    // Had the swap come first, the pool's price would not have been 1 before the rebase.
    expect(rebases[0]!.spotBefore).toBeCloseTo(1, 12);
    expect(seen[0]!.amountOut).toBeCloseTo((110 * 0.997) / 100.997, 6);
  });
});

describe('gas', () => {
  const GAS = '[gas]\ngwei = 20\ntoken = "ETH"\n';

  test('is priced by kind, and keeps arbitrageurs from trades that do not pay for it', async () => {
    const flat = withValue(experiment(GAS), 'price.ETH', { process: 'constant', start: 100 });
    const simulation = await simulationOf(flat);
    const spent = (order: Order): number => {
      const before = simulation.metrics.result().gasSpent;
      expect(simulation.order(order).refused).toBeNull();
      return simulation.metrics.result().gasSpent - before;
    };
    // 20 gwei at 100 quote per ether: 2e-6 quote per unit of gas.
    const swap: Order = { do: 'swap', tokenIn: 0, tokenOut: 1, amountIn: 0.1 };
    expect(spent(swap)).toBeCloseTo(98_000 * 2e-6, 12);
    expect(spent({ do: 'join', shares: 1 })).toBeCloseTo(169_000 * 2e-6, 12);
    expect(spent({ do: 'batch', orders: [swap, swap, swap] })).toBeCloseTo(216_000 * 2e-6, 12);
    const free = (await simulationOf(experiment(ARB))).runTo(500);
    const paid = (await simulationOf(experiment(`${ARB}${GAS}`))).runTo(500);
    expect(paid.trades).toBeLessThan(free.trades);
    expect(paid.arbitrageProfit).toBeGreaterThan(paid.gasSpent);
  });

  test('follows a series; stable pools and own units cost what their tables say', async () => {
    const folder = scratchFolder();
    writeFileSync(join(folder, 'gas.csv'), 'time,gwei\n1700000000,10\n1700000400,50\n');
    const config = parseExperiment(
      'name = "gas"\n[pool]\nkind = "stable-1"\ntokens = ["A", "B"]\nvalue = 1000\n[time]\nsteps = 3\n[price.A]\nprocess = "constant"\n[gas]\nsource = "gas.csv"\nether = 2000\nunits = { join = 1000 }\n',
    );
    const resources = await loadResources(config, folder);
    const simulation = createSimulation(config, resources, { repetition: 0, run: 0 });
    const swap: Order = { do: 'swap', tokenIn: 0, tokenOut: 1, amountIn: 1 };
    simulation.advance();
    simulation.order(swap);
    expect(simulation.metrics.result().gasSpent).toBeCloseTo(140_000 * 10e-9 * 2000, 9);
    simulation.advance();
    simulation.order({ do: 'join', shares: 1 });
    expect(simulation.metrics.result().gasSpent).toBeCloseTo(2.8 + 1000 * 50e-9 * 2000, 9);
    expect(() => experiment('[gas]\ngwei = 2\n')).toThrow(
      'needs either ether, its price, or token',
    );
  });
});

describe('the attacker', () => {
  const stressed = (kind: string, more: string) =>
    parseExperiment(
      `name = "stress"\nmode = "exact"\nseed = 1\n[pool]\nkind = "${kind}"\ntokens = ["A", "B"]\n${more}swapFee = 0.0001\n[time]\nsteps = 3\n[price.A]\nprocess = "constant"\n[[agents]]\ntype = "attacker"\nevery = 2\nbudget = 400\n[output]\nguard = true\n`,
    );

  test('drives a composable pool into tens of units; the fall is listed with step and batch', async () => {
    const out = scratchFolder();
    const config = stressed(
      'composable-3',
      'balances = [7810, 5329]\namp = 100\nrates = [1, 1.0581324086899717]\n',
    );
    const { counts } = await runPlan(planOf(config, '.'), { out, workers: 0 });
    expect(counts.falls).toBeGreaterThan(0);
    const simulation = await simulationOf(config);
    simulation.runTo(3);
    expect(Math.max(...simulation.pool.balances)).toBeLessThan(1e-9);
    const [fall] = simulation.falls;
    expect(fall!.step).toBe(2);
    expect(fall!.cause).toMatch(
      /^attacker-0: step \d+ of a batch of \d+: \d+ units of asset \d for asset \d$/,
    );
    expect(fall!.fraction).toBeGreaterThan(1e-6);
  });

  test('finds nothing to take on a weighted pool, and is refused where it cannot search', async () => {
    const simulation = await simulationOf(
      stressed('weighted-3', 'weights = [0.5, 0.5]\nbalances = [1e-11, 1e-11]\n'),
    );
    expect(simulation.runTo(3)).toMatchObject({ invariantFalls: 0, refusedOrders: 0 });
    expect(simulation.falls).toEqual([]);
    expect(() => experiment('[[agents]]\ntype = "attacker"\n')).toThrow(
      'attacker needs a V2 pool and mode = "exact"',
    );
  });
});

describe('trained policies', () => {
  const net = (env: string, weights: readonly number[]) => ({
    format: 'simulation-policy/2',
    env,
    seed: '7',
    configHash: '',
    curve: [],
    kind: 'network',
    shape: { inputs: 6, hidden: 0, outputs: weights.length / 7 },
    weights,
    normaliser: {
      middle: Array.from({ length: 6 }, () => 0),
      half: Array.from({ length: 6 }, () => 1),
    },
    constant: null,
  });

  test('set the fee that their network says, and trade as theirs says', async () => {
    const folder = scratchFolder();
    // A bias alone: half of the logarithmic way from 0.01 % to 5 %.
    writeFileSync(
      join(folder, 'fee.json'),
      JSON.stringify(net('fee-control', [0, 0, 0, 0, 0, 0, 0])),
    );
    // Pays cash (choice 1 of 2) for 0.0005 of its balance (choice 1 of 8), whatever it sees.
    const choose = (size: number, chosen: number) =>
      Array.from({ length: size }, (_each, i) => [0, 0, 0, 0, 0, 0, i === chosen ? 1 : 0]).flat();
    writeFileSync(
      join(folder, 'trade.json'),
      JSON.stringify(net('arbitrage', [...choose(2, 1), ...choose(8, 1)])),
    );
    const config = experiment(
      '[[controllers]]\ntype = "policy"\nfile = "fee.json"\n[[agents]]\ntype = "policy"\nfile = "trade.json"\nevery = 6\n',
    );
    const trades: Trade[] = [];
    const simulation = createSimulation(
      config,
      await loadResources(config, folder),
      { repetition: 0, run: 0 },
      { onTrade: (trade) => trades.push(trade) },
    );
    simulation.runTo(24);
    expect(simulation.pool.swapFee).toBeCloseTo(Math.sqrt(0.0001 * 0.05), 12);
    expect(trades.map(({ step, tokenIn }) => [step, tokenIn])).toEqual([
      [6, 1],
      [12, 1],
      [18, 1],
      [24, 1],
    ]);
    expect(trades[0]!.amountIn).toBeCloseTo(0.5, 9);
  });

  test('of another environment, or what is none, are refused with their file', async () => {
    const folder = scratchFolder();
    writeFileSync(
      join(folder, 'fee.json'),
      JSON.stringify(net('fee-control', [0, 0, 0, 0, 0, 0, 0])),
    );
    writeFileSync(join(folder, 'other.json'), '{}');
    const config = (file: string) => experiment(`[[agents]]\ntype = "policy"\nfile = "${file}"\n`);
    const wrong = config('fee.json');
    const resources = await loadResources(wrong, folder);
    expect(() => createSimulation(wrong, resources, { repetition: 0, run: 0 })).toThrow(
      'policy-0: takes a policy of arbitrage; this one is of fee-control',
    );
    await expect(loadResources(config('other.json'), folder)).rejects.toThrow(
      'other.json: is no checkpoint of balancer sim train',
    );
  });
});
