/**
 * Outside prices of an experiment: where each token's come from, and what gas costs.
 *
 * @module
 */
import { SimulationError } from '../errors.ts';
import { GAS_UNITS, GasMeter } from '../loop/gas.ts';
import { familyOf, type SimulatedKind } from '../pools/spec.ts';
import { cholesky } from '../prices/correlation.ts';
import { Market, type TokenSource } from '../prices/market.ts';
import type { PriceTable } from '../prices/price-table.ts';
import { garch, gbm, merton, ouLog, regime, type TokenProcess } from '../prices/processes.ts';
import type { Stream } from '../random/stream.ts';
import type { Resources } from './resources.ts';
import type { Experiment, PriceSpec } from './schema.ts';

export const YEAR_SECONDS: number = 365 * 86_400;

/** The market of one run. @throws {SimulationError} Naming what the files lack. */
export function marketOf(experiment: Experiment, resources: Resources, stream: Stream): Market {
  const { time, shock } = experiment;
  const { tokens } = experiment.pool;
  const stepSeconds = time.step / 1000;
  return new Market({
    sources: tokens.map((symbol) =>
      sourceOf(symbol, experiment.price[symbol], resources, stepSeconds / YEAR_SECONDS),
    ),
    start: tokens.map((symbol) => startPriceOf(experiment, resources, symbol)),
    correlation: correlationOf(experiment),
    shocks: shock.map(({ step, token, factor }) => ({
      step,
      token: tokens.indexOf(token),
      factor,
    })),
    stream,
    startTime: time.start,
    stepSeconds,
  });
}

/** Outside price of a token before the first step, quote. */
export function startPriceOf(experiment: Experiment, resources: Resources, symbol: string): number {
  const spec = experiment.price[symbol];
  if (spec === undefined) return 1;
  if (spec.process !== 'historical') return spec.start;
  const { table, column } = columnOf(spec, `price.${symbol}`, resources, symbol);
  const { times, prices, symbols } = table;
  let row = 0;
  while (row + 1 < times.length && times[row + 1]! <= experiment.time.start) row++;
  const price = prices[row * symbols.length + column];
  if (price !== undefined) return price;
  throw new SimulationError(
    `price.${symbol}.source: ${spec.source} has no rows in the experiment's time`,
  );
}

/** What gas costs, or null where the experiment says nothing of it. */
export function gasOf({ gas, pool }: Experiment, resources: Resources): GasMeter | null {
  if (gas === undefined) return null;
  const { gwei, source, column, ether, token, units } = gas;
  const price = gwei ?? columnOf({ source: source!, column }, 'gas', resources, column);
  const given = Object.fromEntries(
    Object.entries(units).filter(([, value]) => value !== undefined),
  ) as Partial<Record<keyof typeof units, number>>;
  return new GasMeter({
    units: { ...GAS_UNITS[familyOf(pool.kind as SimulatedKind)], ...given },
    gwei: price,
    ether: ether ?? { token: pool.tokens.indexOf(token!) },
  });
}

function sourceOf(
  symbol: string,
  spec: PriceSpec | undefined,
  resources: Resources,
  dt: number,
): TokenSource {
  if (spec === undefined || spec.process === 'constant') return { kind: 'constant' };
  if (spec.process === 'historical') {
    return {
      kind: 'historical',
      ...columnOf(spec, `price.${symbol}`, resources, symbol),
      interpolate: spec.interpolate,
    };
  }
  if (spec.process === 'bootstrap') {
    return {
      kind: 'bootstrap',
      ...columnOf(spec, `price.${symbol}`, resources, symbol),
      meanBlock: spec.meanBlock,
    };
  }
  return { kind: 'process', process: processOf(spec, dt) };
}

/** @param key - Of the experiment file, for errors. @param name - Of the column when the file's is not given. */
function columnOf(
  spec: { readonly source: string; readonly column?: string | undefined },
  key: string,
  resources: Resources,
  name: string,
): { table: PriceTable; column: number } {
  const table = resources.prices.get(spec.source);
  if (table === undefined) throw new SimulationError(`${spec.source}: was not read`);
  const wanted = spec.column ?? name;
  const column = table.symbols.indexOf(wanted);
  if (column >= 0) return { table, column };
  throw new SimulationError(
    `${key}: ${spec.source} has no column ${wanted}; it has ${table.symbols.join(', ')}`,
  );
}

type ProcessSpec = Exclude<PriceSpec, { process: 'constant' | 'historical' | 'bootstrap' }>;

function processOf(
  spec: ProcessSpec | Extract<PriceSpec, { process: 'constant' }>,
  dt: number,
): TokenProcess {
  switch (spec.process) {
    case 'constant':
      return gbm({ mu: 0, sigma: 0 }, dt);
    case 'gbm':
      return gbm(spec, dt);
    case 'merton':
      return merton(spec, dt);
    case 'ouLog':
      return ouLog(spec, dt);
    case 'garch':
      return garch(spec, dt);
    case 'regime':
      return regime(
        spec.regimes.map((each) => processOf(each, dt)),
        spec.transition,
      );
    default:
      return spec satisfies never;
  }
}

function correlationOf({ correlation, pool, price }: Experiment): Float64Array[] | null {
  if (correlation === undefined) return null;
  const count = pool.tokens.filter((symbol) => {
    const process = price[symbol]?.process ?? 'constant';
    return process !== 'constant' && process !== 'historical' && process !== 'bootstrap';
  }).length;
  if (correlation.length !== count) {
    throw new SimulationError(
      `correlation: must be ${count} by ${count}, one row per token with a process; has ${correlation.length} rows`,
    );
  }
  return cholesky(correlation);
}
