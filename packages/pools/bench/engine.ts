/**
 * What does the Vault engine add to the bare formula, and how far is the deployed bytecode in an
 * in-process EVM from it?
 *
 * @module
 */
import { math, v2 } from '@balancer/pools';
import { deployBase, deployScenario } from '../test/evm/deployment.ts';
import { EvmDriver } from '../test/evm/evm-driver.ts';
import type { Scenario, Step } from '../test/evm/scenario.ts';
import { compare, printTable, rateOf, secondsOf, sink } from './harness.ts';

const ONE = 10n ** 18n;
const OWNER = `0x${'1'.repeat(40)}`;
const TRADER = `0x${'2'.repeat(40)}`;

/** Amounts made beforehand, as in `swaps.ts`. */
const AMOUNTS = Array.from({ length: 1024 }, (_, i) => ONE + BigInt(i));

/** The pool of the engine's rounds, for the bytecode. */
const SCENARIO: Scenario = {
  tokens: [
    { sym: 'A', decimals: 18, address: `0x1${'0'.repeat(39)}` },
    { sym: 'B', decimals: 18, address: `0x2${'0'.repeat(39)}` },
  ],
  pools: [
    {
      name: 'P',
      type: 'weighted-3',
      address: `0x3${'0'.repeat(39)}`,
      tokens: ['A', 'B'],
      weights: ['300000000000000000', '700000000000000000'],
      swapFee: '3000000000000000',
    },
  ],
  protocolSwapFee: '0',
  pauseWindowDuration: '7776000',
  bufferPeriodDuration: '2592000',
  startTime: '1700000000',
  startBlock: '1000',
  steps: [],
};

/** Prints engine, formula and EVM. */
export async function benchEngine(): Promise<void> {
  const world = v2.createWorld({ time: 1_700_000_000n, block: 1n });
  const tokens = ['A', 'B'].map((symbol) => world.createToken({ symbol, decimals: 18 }));
  const weights = [(ONE * 3n) / 10n, (ONE * 7n) / 10n];
  const swapFee = 3n * 10n ** 15n;
  const pool = world.createPool({ kind: 'weighted-3', tokens, weights, swapFee, owner: OWNER });
  const amounts = [1_000_000n * ONE, 2_000_000n * ONE];
  world.join({ pool, sender: OWNER, kind: 'INIT', amounts });
  const start = world.snapshot();
  const [first, second] = [tokens[0]!, tokens[1]!];
  // Written out: a spread among other members costs V8 more than the swap.
  const swapOf = (i: number) => ({
    pool,
    from: TRADER,
    kind: 'GIVEN_IN' as const,
    tokenIn: i % 2 === 0 ? first : second,
    tokenOut: i % 2 === 0 ? second : first,
    amount: AMOUNTS[i & 1023]!,
  });

  compare('swap through the Vault engine, 30/70', [
    {
      name: 'engine with events',
      run: (count) => {
        world.restore(start);
        for (let i = 0; i < count; i++) world.swap(swapOf(i));
      },
    },
    {
      name: 'engine with events and a snapshot each',
      run: (count) => {
        world.restore(start);
        for (let i = 0; i < count; i++) {
          sink.value = world.snapshot();
          world.swap(swapOf(i));
        }
      },
    },
    {
      name: 'bare formula with fee',
      run: (count) => {
        const { mulUp } = math.fixedPoint;
        for (let i = 0; i < count; i++) {
          const amount = AMOUNTS[i & 1023]!;
          sink.value = math.weighted.outGivenIn(
            {
              balanceIn: amounts[0]!,
              weightIn: weights[0]!,
              balanceOut: amounts[1]!,
              weightOut: weights[1]!,
              amountIn: amount - mulUp(amount, swapFee),
            },
            math.W2,
          );
        }
      },
    },
  ]);
  await benchEvm(world, swapOf);
  benchSnapshot(world);
}

async function benchEvm(
  world: v2.World,
  swapOf: (i: number) => Omit<v2.SwapOperation, 'do'>,
): Promise<void> {
  const driver = new EvmDriver(await deployScenario(await deployBase(SCENARIO), SCENARIO));
  await driver.step({
    do: 'join',
    pool: 'P',
    kind: 'INIT',
    amounts: ['1000000', '2000000'].map(units),
  });
  const steps = [
    { do: 'swap', pool: 'P', kind: 'GIVEN_IN', in: 'A', out: 'B', amount: units('1') },
    { do: 'swap', pool: 'P', kind: 'GIVEN_IN', in: 'B', out: 'A', amount: units('1') },
  ];

  const ours: number[] = [];
  const evm: number[] = [];
  const [many, few] = [50_000, 200];
  for (let round = 0; round < 5; round++) {
    ours.push(
      rateOf(() => {
        for (let i = 0; i < many; i++) world.swap(swapOf(i));
      }, many),
    );
    // oxlint-disable-next-line no-await-in-loop -- rounds that overlap would measure each other
    evm.push(await evmRate(driver, steps, few));
  }
  const rates = new Map([
    ['engine', ours],
    ['@ethereumjs/evm, tuned harness', evm],
  ]);
  printTable('swap through the Vault beside its bytecode', rates);
}

async function evmRate(driver: EvmDriver, steps: readonly Step[], count: number): Promise<number> {
  const start = process.cpuUsage();
  for (let i = 0; i < count; i++) {
    // oxlint-disable-next-line no-await-in-loop -- each swap needs the state of the one before
    await driver.step(steps[i % steps.length]!);
  }
  return count / secondsOf(process.cpuUsage(start));
}

function units(whole: string): string {
  return `${whole}${'0'.repeat(18)}`;
}

/** A snapshot is a reference: the pools of a world do not change what it costs. */
function benchSnapshot(world: v2.World): void {
  compare('snapshot and restore', [
    {
      name: 'world',
      count: 1_000_000,
      run: (count) => {
        for (let i = 0; i < count; i++) world.restore(world.snapshot());
      },
    },
    {
      name: 'copy as JSON',
      count: 200,
      run: (count) => {
        for (let i = 0; i < count; i++) sink.value = v2.World.fromJSON(world.toJSON());
      },
    },
  ]);
}
