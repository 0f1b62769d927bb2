/**
 * Figures of the numerical kernels, each beside the loop that one would write by hand.
 *
 * @module
 */
import { float } from '@balancer/pools';
import { type GridPool, type GridRules, runGrid } from '../agents/grid.ts';
import { runArbedPair } from '../kernels/arbed-pair.ts';
import { Stream } from '../random/stream.ts';
import type { Question } from './measure.ts';
import { GRID_ROWS, gridRows, pythonModelRate } from './python-model.ts';

const BLOCK = 4096;
const normals = new Float64Array(BLOCK);

/** @param pythonModel - Folder of the study's Python model; null where there is none. */
export function kernelQuestions(pythonModel: string | null): Question[] {
  const stream = new Stream(1n, 'bench');
  return [
    {
      name: 'normals',
      question: 'Normals a second? Beside: the platform generator through Box and Muller.',
      goal: 15e6,
      contenders: [
        { name: 'Stream.fillNormals', count: 4e6, run: (count) => fill(stream, count) },
        { name: 'Math.random, plain loop', count: 4e6, run: plainNormals },
      ],
    },
    {
      name: 'gbm',
      question:
        'Steps a second of GBM and closed-form arbitrage on two tokens? Beside: the loop by hand, without metrics.',
      goal: 5e6,
      contenders: [
        {
          name: 'runArbedPair',
          count: 2e6,
          run: (steps) => runArbedPair({ ...PAIR, steps }, stream),
        },
        { name: 'plain loop', count: 2e6, run: (steps) => plainArbitrage(steps, stream) },
      ],
    },
    {
      name: 'grid',
      question: `Steps a second of arb.grid, four tokens, 99 sizes? Beside: every size tried in a plain loop${pythonModel === null ? '' : ', and the Python model of the study'}.`,
      goal: 100_000,
      contenders: [
        { name: 'runGrid', count: GRID_ROWS * 40, run: (count) => ours(count) },
        {
          name: 'plain loop over all sizes',
          count: GRID_ROWS * 4,
          run: (count) => plainGrid(count),
        },
        ...(pythonModel === null
          ? []
          : [
              {
                name: 'Python model',
                count: 1,
                run: () => null,
                rate: async () => pythonModelRate(pythonModel, GRID_RULES),
              },
            ]),
      ],
    },
  ];
}

const PAIR = {
  balances: [1000, 1000],
  weights: [0.5, 0.5],
  swapFee: 0.003,
  startPrice: 1,
  mu: 0,
  sigma: 0.8,
  stepsPerYear: 105_120,
} as const;

function fill(stream: Stream, count: number): number {
  for (let i = 0; i < count; i += BLOCK) stream.fillNormals(normals, BLOCK);
  return normals[0]!;
}

function plainNormals(count: number): number {
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - Math.random()));
    const angle = 2 * Math.PI * Math.random();
    normals[i & (BLOCK - 2)] = radius * Math.cos(angle);
    normals[(i & (BLOCK - 2)) + 1] = radius * Math.sin(angle);
  }
  return normals[0]!;
}

/** The loop of `runArbedPair` as one writes it for one question: prices and balances, nothing else. */
export function plainArbitrage(steps: number, stream: Stream): number {
  const drift = -0.32 / PAIR.stepsPerYear;
  const scale = PAIR.sigma / Math.sqrt(PAIR.stepsPerYear);
  let [x, y, price] = [1000, 1000, 1];
  for (let start = 0; start < steps; start += BLOCK) {
    stream.fillNormals(normals, BLOCK);
    for (let i = 0; i < BLOCK; i++) {
      price *= Math.exp(drift + scale * normals[i]!);
      let k = (0.997 * price * x) / y;
      if (k > 1) {
        const paid = (y * (Math.sqrt(k) - 1)) / 0.997;
        x -= (x * 0.997 * paid) / (y + 0.997 * paid);
        y += paid;
        continue;
      }
      k = (0.997 * y) / (price * x);
      if (k > 1) {
        const paid = (x * (Math.sqrt(k) - 1)) / 0.997;
        y -= (y * 0.997 * paid) / (x + 0.997 * paid);
        x += paid;
      }
    }
  }
  return x + y;
}

const GRID_RULES: GridRules = {
  txCost: 30,
  minLiquidity: 100,
  maxLiquidity: 99_000,
  granularity: 1000,
  weightChange: 'none',
};

function gridPool(): GridPool {
  return {
    balances: Float64Array.of(1000, 11_024, 13_781, 5.969),
    denorms: Float64Array.of(12, 10, 6, 12),
    swapFee: 0.0015,
    generatedFees: new Float64Array(4),
  };
}

function ours(count: number): number {
  const rows = gridRows();
  let profit = 0;
  for (let i = 0; i < count; i += GRID_ROWS)
    profit += runGrid(gridPool(), rows, {
      rules: GRID_RULES,
      steps: GRID_ROWS - 1,
    }).cumulativeProfit;
  return profit;
}

function plainGrid(count: number): number {
  const rows = gridRows();
  let total = 0;
  for (let i = 0; i < count; i += GRID_ROWS) {
    const { balances: b, denorms: w, swapFee } = gridPool();
    for (let step = 1; step < GRID_ROWS; step++) {
      let [best, x, y] = [Infinity, -1, -1];
      for (let a = 0; a < 4; a++) {
        for (let c = 0; c < 4; c++) {
          if (a === c) continue;
          const spot = b[a]! / w[a]! / (b[c]! / w[c]!) / (1 - swapFee);
          const ratio = (rows[step * 4 + a]! * spot) / rows[step * 4 + c]!;
          if (ratio < 1 && ratio < best) [best, x, y] = [ratio, a, c];
        }
      }
      if (x < 0) continue;
      const [px, py] = [rows[step * 4 + x]!, rows[step * 4 + y]!];
      let [profit, amountIn, amountOut] = [-Infinity, 0, 0];
      const { minLiquidity, maxLiquidity, granularity, txCost } = GRID_RULES;
      for (let size = minLiquidity; size < maxLiquidity; size += granularity) {
        const paid = size / px;
        if (paid >= b[x]! / 2) break;
        const taken = float.v1.outGivenIn({
          balanceIn: b[x]!,
          weightIn: w[x]!,
          balanceOut: b[y]!,
          weightOut: w[y]!,
          amountIn: paid,
          swapFee,
        });
        const gain = (py - (paid / taken) * px) * taken - txCost;
        if (gain > profit) [profit, amountIn, amountOut] = [gain, paid, taken];
      }
      if (profit < 2 * txCost) continue;
      b[x] = b[x]! + amountIn;
      b[y] = b[y]! - amountOut;
      total += profit;
    }
  }
  return total;
}
