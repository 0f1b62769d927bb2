/**
 * Known answers of the toolkit: files of calls with recorded results, in the format of the pool
 * engine's vectors. Numbers are compared with a relative tolerance, counts exactly.
 *
 * @module
 */
import { float } from '@balancer/pools';
import { closedFormTrade } from '../agents/arbitrage.ts';
import { type GridRules, runGrid } from '../agents/grid.ts';
import { resyncedDenorms } from '../elastic/rebase.ts';
import { SimulationError } from '../errors.ts';
import { runArbedPair } from '../kernels/arbed-pair.ts';
import { covarianceOf, impermanentLoss, lvrRate } from '../metrics/formulas.ts';
import { BootstrapIndex, gbm, merton, ouLog, type TokenProcess } from '../prices/processes.ts';
import { Stream } from '../random/stream.ts';
import { textOf } from '../records/json.ts';

type Json = string | number | null | boolean | readonly Json[] | { readonly [key: string]: Json };
type Members = Readonly<Record<string, Json>>;

/** One recorded call. */
export interface SimulationCase {
  readonly id: string;
  readonly op: string;
  readonly in: Members;
  readonly out: Json;
}

/** Price rows of a file, in the order of `symbols`; null when the file is not there. */
export type ReadPrices = (file: string, symbols: readonly string[]) => Float64Array | null;

export type CaseOutcome =
  | { readonly status: 'agrees' }
  | { readonly status: 'skipped'; readonly reason: string }
  | {
      readonly status: 'differs';
      readonly path: string;
      readonly expected: Json;
      readonly actual: Json;
    };

const RELATIVE_TOLERANCE = 1e-9;
/** A trade whose profit is 0 to rounding may be made or not. */
const TRADES_TOLERANCE = 2;
const LVR_ABSOLUTE_TOLERANCE = 1e-6;

/** Whether an operation is one of this package; a folder may hold other vectors too. */
export function isOfSimulation(op: string): boolean {
  return op.startsWith('sim.');
}

/** Runs one recorded call. @throws {SimulationError} For an unknown operation. */
export function runCase(vector: SimulationCase, readPrices: ReadPrices): CaseOutcome {
  if (vector.op === 'sim.gridArbitrage') return runGridCase(vector, readPrices);
  const run = OPERATIONS[vector.op];
  if (run === undefined) {
    throw new SimulationError(`${vector.id}.op: "${vector.op}" is no known operation`);
  }
  return compare(vector.out, run(vector.in), 'out') ?? { status: 'agrees' };
}

const OPERATIONS: Readonly<Record<string, (input: Members) => Json>> = {
  'sim.stream': (input) => {
    // One stream for all, in this order.
    const stream = streamOf(input);
    return {
      u32: Array.from({ length: 4 }, () => textOf(stream.u32())),
      uniform: [stream.uniform(), stream.uniform()],
      normal: [stream.normal(), stream.normal(), stream.normal()],
      poisson2: [textOf(stream.poisson(2)), textOf(stream.poisson(2))],
      poisson50: textOf(stream.poisson(50)),
      exponential3: stream.exponential(3),
    };
  },
  'sim.gbm': (input) =>
    pathOf(input, gbm({ mu: num(input, 'mu'), sigma: num(input, 'sigma') }, num(input, 'dt'))),
  'sim.merton': (input) =>
    pathOf(
      input,
      merton(
        {
          mu: num(input, 'mu'),
          sigma: num(input, 'sigma'),
          lambda: num(input, 'lambda'),
          jumpMean: num(input, 'jumpMean'),
          jumpSd: num(input, 'jumpSd'),
        },
        num(input, 'dt'),
      ),
    ),
  'sim.ouLog': (input) =>
    pathOf(
      input,
      ouLog(
        { mean: num(input, 'mean'), kappa: num(input, 'kappa'), sigma: num(input, 'sigma') },
        num(input, 'dt'),
      ),
    ),
  'sim.stationaryBootstrap': (input) => {
    const returns = input['returns'] as readonly string[];
    const index = new BootstrapIndex(returns.length, num(input, 'meanBlock'));
    const stream = streamOf(input);
    return Array.from({ length: num(input, 'count') }, () => returns[index.next(stream)]!);
  },
  'sim.weightedArb': (input) => {
    const trade = closedFormTrade({
      balanceIn: num(input, 'balanceIn'),
      weightIn: num(input, 'weightIn'),
      balanceOut: num(input, 'balanceOut'),
      weightOut: num(input, 'weightOut'),
      swapFee: num(input, 'swapFee'),
      price: num(input, 'price'),
    });
    return trade === null ? null : { ...trade };
  },
  'sim.impermanentLoss': (input) =>
    impermanentLoss(nums(input, 'weights'), nums(input, 'priceRatios')),
  'sim.lvrRate': (input) => {
    const volatilities = nums(input, 'volatilities');
    const rho = num(input, 'correlation');
    const correlation = volatilities.map(() => volatilities.map(() => rho));
    return lvrRate(nums(input, 'weights'), covarianceOf(volatilities, correlation));
  },
  'sim.arbedPool': (input) => {
    const [b0, b1] = nums(input, 'balances');
    const [w0, w1] = nums(input, 'weights');
    const result = runArbedPair(
      {
        balances: [b0!, b1!],
        weights: [w0!, w1!],
        swapFee: num(input, 'swapFee'),
        startPrice: num(input, 'startPrice'),
        mu: num(input, 'mu'),
        sigma: num(input, 'sigma'),
        stepsPerYear: num(input, 'stepsPerYear'),
        steps: num(input, 'steps'),
      },
      streamOf(input),
    );
    return {
      finalPrice: result.price,
      balanceX: result.balances[0],
      balanceY: result.balances[1],
      value: result.value,
      rebalancingValue: result.rebalancingValue,
      lvr: result.lvr,
      fees: result.fees,
      arbProfit: result.arbitrageProfit,
      trades: textOf(result.trades),
    };
  },
  'sim.elasticRebase': runRebase,
};

/** The first token rebases by the factor; prices are units of the second per unit of the first. */
function runRebase(input: Members): Json {
  const [b0, b1] = nums(input, 'balances') as [number, number];
  const [w0, w1] = nums(input, 'denorms') as [number, number];
  const swapFee = num(input, 'swapFee');
  const factor = num(input, 'rebaseFactor');
  const spot = (balance0: number, weight0: number, weight1: number): number =>
    float.weighted.spotPrice({
      balanceIn: b1,
      weightIn: weight1,
      balanceOut: balance0,
      weightOut: weight0,
    });
  const spotBefore = spot(b0, w0, w1);
  const denorms = resyncedDenorms([w0, w1], 0, factor);
  const gulped = { 0: b0 * factor, 1: b1 };
  const arbOf = (
    tokenIn: 0 | 1,
    weights: ArrayLike<number>,
  ): ReturnType<typeof closedFormTrade> => {
    const tokenOut = tokenIn === 0 ? 1 : 0;
    return closedFormTrade({
      balanceIn: gulped[tokenIn],
      weightIn: weights[tokenIn]!,
      balanceOut: gulped[tokenOut],
      weightOut: weights[tokenOut]!,
      swapFee,
      price: tokenOut === 0 ? spotBefore : 1 / spotBefore,
    });
  };
  const synced = arbOf(0, denorms) ?? arbOf(1, denorms);
  const isFirstIn = arbOf(0, [w0, w1]) !== null;
  const late = arbOf(0, [w0, w1]) ?? arbOf(1, [w0, w1]);
  return {
    spotBefore,
    resynced: {
      denorms: [...denorms],
      spotAfter: spot(b0 * factor, denorms[0]!, denorms[1]!),
      // Rounding of the resynchronised weights may leave a trade of no size.
      arbAmountIn: (synced?.amountIn ?? 0) < 1e-9 * b1 ? 0 : synced!.amountIn,
    },
    gulpOnly: {
      spotAfter: spot(b0 * factor, w0, w1),
      arbTokenIn: late === null ? null : textOf(isFirstIn ? 0 : 1),
      arbAmountIn: late?.amountIn ?? 0,
      arbAmountOut: late?.amountOut ?? 0,
      arbProfitInTokenIn: late?.profit ?? 0,
    },
  };
}

function runGridCase(vector: SimulationCase, readPrices: ReadPrices): CaseOutcome {
  const input = vector.in;
  const description = input['pool'] as Members;
  const tokens = description['tokens'] as readonly Members[];
  const symbols = tokens.map((token) => textOf(token['sym']));
  const file = textOf(input['prices']);
  const rows = readPrices(file, symbols);
  if (rows === null) return { status: 'skipped', reason: `${file} is not there` };
  const balances = Float64Array.from(tokens, (token) => num(token, 'balance'));
  const denorms = Float64Array.from(tokens, (token) => num(token, 'denorm'));
  const rules: GridRules = {
    txCost: num(input, 'txCost'),
    minLiquidity: num(input, 'minLiquidity'),
    maxLiquidity: num(input, 'maxLiquidity'),
    granularity: num(input, 'granularity'),
    weightChange: input['weightChange'] as GridRules['weightChange'],
  };
  const pool = {
    balances,
    denorms,
    swapFee: num(description, 'swapFee'),
    generatedFees: new Float64Array(tokens.length),
  };
  const run = runGrid(pool, rows, { rules, steps: num(input, 'steps') });
  const expected = vector.out as Members;
  const shown = (expected['firstTrades'] as readonly Json[]).length;
  const actual: Json = {
    trades: run.trades.length,
    cumulativeProfit: run.cumulativeProfit,
    cumulativeRevenue: run.cumulativeRevenue,
    final: symbols.map((sym, i) => ({ sym, balance: balances[i]!, denorm: denorms[i]! })),
    firstTrades: run.trades.slice(0, shown).map(({ step, tokenIn, tokenOut, ...amounts }) => ({
      step,
      tokenIn: symbols[tokenIn]!,
      tokenOut: symbols[tokenOut]!,
      ...amounts,
    })),
  };
  return compare(expected, actual, 'out') ?? { status: 'agrees' };
}

function pathOf(input: Members, process: TokenProcess): Json {
  const stream = streamOf(input);
  const path = [num(input, 's0')];
  for (let i = 0; i < num(input, 'steps'); i++) {
    path.push(process.next(path[i]!, stream.normal(), stream));
  }
  return path;
}

function streamOf(input: Members): Stream {
  return new Stream(BigInt(textOf(input['seed'])), textOf(input['label']));
}

/** A decimal number, or a fraction such as `1/365`. */
function num(input: Members, name: string): number {
  const [numerator, denominator] = textOf(input[name]).split('/');
  const value = Number(numerator) / Number(denominator ?? 1);
  if (Number.isNaN(value))
    throw new SimulationError(`${name}: must be a number; got ${JSON.stringify(input[name])}`);
  return value;
}

function nums(input: Members, name: string): number[] {
  return (input[name] as readonly Json[]).map((value) => num({ value }, 'value'));
}

/** First member of `expected` that `actual` has differently, or null. */
function compare(expected: Json, actual: Json, path: string): CaseOutcome | null {
  if (Array.isArray(expected) && Array.isArray(actual) && expected.length === actual.length) {
    return first(expected.map((value, i) => [`${path}[${i}]`, value, actual[i] as Json]));
  }
  if (isMembers(expected) && isMembers(actual)) {
    return first(
      Object.keys(expected).map((key) => [`${path}.${key}`, expected[key]!, actual[key]!]),
    );
  }
  if (agrees(expected, actual, path)) return null;
  return { status: 'differs', path, expected, actual };
}

function first(pairs: readonly (readonly [string, Json, Json])[]): CaseOutcome | null {
  for (const [path, expected, actual] of pairs) {
    const found = compare(expected, actual, path);
    if (found !== null) return found;
  }
  return null;
}

function agrees(expected: Json, actual: Json, path: string): boolean {
  if (expected === actual) return true;
  const [a, b] = [Number(expected), Number(actual)];
  if (typeof expected === 'boolean' || expected === null || actual === undefined) return false;
  if (Number.isNaN(a) || Number.isNaN(b)) return false;
  if (path === 'out.trades' && typeof actual === 'string')
    return Math.abs(a - b) <= TRADES_TOLERANCE;
  if (path === 'out.lvr') return Math.abs(a - b) <= LVR_ABSOLUTE_TOLERANCE;
  // Words and counts, which a case gives as text or whole numbers, must be the same.
  if (typeof actual === 'string') return false;
  return Math.abs(a - b) <= RELATIVE_TOLERANCE * Math.max(Math.abs(a), Math.abs(b));
}

function isMembers(json: Json): json is Members {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
