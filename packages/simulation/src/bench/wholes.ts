/**
 * Figures of whole parts: an experiment, a replay, a recording, an environment.
 *
 * @module
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v1 } from '@balancer/pools';
import { parseExperiment } from '../experiment/load.ts';
import { planOf } from '../experiment/plan.ts';
import { runPlan } from '../experiment/runner.ts';
import { DEFAULT_POOL_ENV, feeControlEnv, marketAndPool } from '../learn/pool-envs.ts';
import { feeDecision } from '../learn/pool-observer.ts';
import { Stream } from '../random/stream.ts';
import type { Action } from '../records/action.ts';
import { importFile } from '../records/import-file.ts';
import type { InitialState } from '../records/initial-state.ts';
import { replay } from '../replay/replay.ts';
import { plainArbitrage } from './kernels.ts';
import type { Question } from './measure.ts';

const RUN_STEPS = 10_000;
const EPISODE = 2016;

/** @param folder - Scratch space; see `withScratch`. */
export function wholeQuestions(folder: string): Question[] {
  return [experimentQuestion(folder), replayQuestion(), csvQuestion(folder), envQuestion()];
}

/** A folder for as long as `use` takes. */
export async function withScratch<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'balancer-bench-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function experimentQuestion(folder: string): Question {
  const text = (runs: number): string =>
    `name = "bench"\nruns = ${runs}\n[pool]\ntokens = ["ETH", "CASH"]\nweights = [0.5, 0.5]\nvalue = 2000\n[time]\nsteps = ${RUN_STEPS}\n[price.ETH]\nprocess = "gbm"\nsigma = 0.8\n[[agents]]\ntype = "arb.closedForm"\n[output]\nmetrics = "core"\n`;
  const stream = new Stream(2n, 'bench');
  return {
    name: 'experiment',
    question:
      'Steps a second of an experiment of 1 000 runs of 10 000 steps, files and tables included? Beside: the loop by hand, without metrics.',
    // 10 M steps in 4 s.
    goal: 2.5e6,
    contenders: [
      {
        name: 'runPlan, one thread',
        count: 1000 * RUN_STEPS,
        run: async (steps) => {
          const plan = planOf(parseExperiment(text(Math.ceil(steps / RUN_STEPS))), '.');
          const out = join(folder, 'experiment');
          await runPlan(plan, { out, workers: 0 });
          rmSync(out, { recursive: true });
        },
      },
      {
        name: 'plain loop',
        count: 1000 * RUN_STEPS,
        run: (steps) => plainArbitrage(steps, stream),
      },
    ],
  };
}

const ETHER = 10n ** 18n;
const INITIAL: InitialState = {
  kind: 'v1',
  swapFee: 3_000_000_000_000_000n,
  supply: null,
  amp: null,
  protocolFee: 0n,
  isControlled: false,
  t: 0,
  block: null,
  addresses: {},
  tokens: ['A', 'B'].map((symbol) => ({
    symbol,
    decimals: 18,
    balance: 1_000_000n * ETHER,
    weight: 10n * ETHER,
    rate: null,
  })),
};

function replayQuestion(): Question {
  const actions = Array.from({ length: 10_000 }, (_each, i): Action => ({
    t: i,
    block: i,
    tx: null,
    log: null,
    pool: 'p',
    kind: 'swap',
    actor: '',
    given: 'in',
    tokens: i % 2 ? ['A', 'B'] : ['B', 'A'],
    amounts: [BigInt(1 + (i % 97)) * ETHER, -1n],
    shares: null,
    limit: null,
    prices: null,
    meta: null,
  }));
  return {
    name: 'replay',
    question:
      'Actions a second of an exact V1 replay with its report? Beside: the calls of the engine alone.',
    goal: 80_000,
    contenders: [
      {
        name: 'replay, event',
        count: actions.length,
        run: (count) =>
          replay(
            { actions: actions.slice(0, count), initial: INITIAL, prices: null },
            { mode: 'event' },
          ).firstDivergence,
      },
      { name: 'engine alone', count: actions.length, run: (count) => engineAlone(actions, count) },
    ],
  };
}

function engineAlone(actions: readonly Action[], count: number): bigint {
  const env = { sender: `0x${'ca'.repeat(20)}`, block: 1n };
  const address = `0x${'b1'.repeat(20)}`;
  let pool = v1.pool.newPool({ address, factory: env.sender, controller: env.sender });
  for (const { symbol, balance, weight } of INITIAL.tokens)
    pool = v1.pool.bind(pool, { token: symbol, balance, denorm: weight! }, env).state;
  pool = v1.pool.setSwapFee(pool, { fee: INITIAL.swapFee }, env).state;
  pool = v1.pool.finalize(pool, env).state;
  let last = 0n;
  for (let i = 0; i < count; i++) {
    const { tokens, amounts } = actions[i % actions.length]!;
    const call = { tokenIn: tokens[0]!, tokenOut: tokens[1]!, tokenAmountIn: amounts[0]! };
    const { state, result } = v1.pool.swapExactAmountIn(pool, call, env);
    pool = state;
    last = result.tokenAmountOut;
  }
  return last;
}

function csvQuestion(folder: string): Question {
  const rows = 1_000_000;
  const files = new Map<number, string>();
  const fileOf = (count: number): string => {
    let file = files.get(count);
    if (file === undefined) {
      file = join(folder, `swaps-${count}.csv`);
      const lines = Array.from(
        { length: count },
        (_each, i) => `${i},0x${i},0,swap,A B,${i + 1} -${i + 1}`,
      );
      writeFileSync(file, `t,tx,log,kind,tokens,amounts\n${lines.join('\n')}\n`);
      files.set(count, file);
    }
    return file;
  };
  return {
    name: 'csv',
    question:
      'Rows a second of a CSV of a million rows, read, checked and sorted? Beside: the file split at lines and commas.',
    // A million in 5 s.
    goal: 200_000,
    contenders: [
      {
        name: 'importFile',
        count: rows,
        run: async (count) =>
          (await importFile(fileOf(count), { format: 'csv' })).recording.actions.length,
      },
      {
        name: 'split, plain loop',
        count: rows,
        run: (count) => {
          let fields = 0;
          for (const line of readFileSync(fileOf(count), 'utf8').split('\n'))
            fields += line.split(',').length;
          return fields;
        },
      },
    ],
  };
}

function envQuestion(): Question {
  const env = feeControlEnv({ ...DEFAULT_POOL_ENV, every: 1 });
  const action = Float64Array.of(0.6);
  return {
    name: 'env',
    question:
      'Steps of fee-control a second, an action each step of the loop? Beside: the loop with a fee set each step, without the environment.',
    goal: 200_000,
    contenders: [
      {
        name: 'env.step',
        count: 100_000,
        run: (count) => {
          let total = 0;
          for (let i = 0; i < count; i++) {
            if (i % EPISODE === 0) env.reset({ seed: BigInt(i) });
            total += env.step(action).reward;
          }
          return total;
        },
      },
      {
        name: 'the loop alone',
        count: 100_000,
        run: (count) => {
          const task = { kind: 'weighted-3', hasArbitrageur: true } as const;
          let simulation = marketAndPool(0n, task, DEFAULT_POOL_ENV);
          for (let i = 0; i < count; i++) {
            if (i % EPISODE === 0) simulation = marketAndPool(BigInt(i), task, DEFAULT_POOL_ENV);
            simulation.decide(feeDecision(0.6));
            simulation.advance();
          }
          return simulation.step;
        },
      },
    ],
  };
}
