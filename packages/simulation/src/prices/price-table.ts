/**
 * Recorded outside prices: rows of times and one price per token.
 *
 * @module
 */
import { SimulationError } from '../errors.ts';

/** Rows in order of time. `prices` holds row after row, one entry per symbol. */
export interface PriceTable {
  readonly symbols: readonly string[];
  /** Unix seconds. */
  readonly times: Float64Array;
  readonly prices: Float64Array;
}

/** Price of the row that is in force at a time, or between its neighbours. */
export interface PriceCursor {
  /** Writes the prices at a time, which may not be before that of the last call. */
  at(time: number, out: Float64Array): void;
}

/** Reads a table forward in time. `hold` keeps the last row's price, `linear` goes straight to the next. */
export function priceCursor(table: PriceTable, interpolate: 'hold' | 'linear'): PriceCursor {
  const { times, prices, symbols } = table;
  const width = symbols.length;
  let row = 0;
  return {
    at(time, out) {
      if (times[row]! > time) row = 0;
      while (row + 1 < times.length && times[row + 1]! <= time) row++;
      const next = Math.min(row + 1, times.length - 1);
      const span = times[next]! - times[row]!;
      const share =
        interpolate === 'hold' || span <= 0 ? 0 : Math.max(0, (time - times[row]!) / span);
      for (let i = 0; i < width; i++) {
        const from = prices[row * width + i]!;
        out[i] =
          share === 0 ? from : from + (prices[next * width + i]! - from) * Math.min(1, share);
      }
    },
  };
}

/** Columns of a table in another order. @throws {SimulationError} Naming a symbol that it lacks. */
export function selectSymbols(table: PriceTable, symbols: readonly string[]): PriceTable {
  const places = symbols.map((symbol) => {
    const place = table.symbols.indexOf(symbol);
    if (place >= 0) return place;
    throw new SimulationError(
      `prices: no column ${symbol}; the file has ${table.symbols.join(', ')}`,
    );
  });
  const width = table.symbols.length;
  const prices = new Float64Array(table.times.length * symbols.length);
  for (let row = 0; row < table.times.length; row++) {
    places.forEach(
      (place, i) => (prices[row * symbols.length + i] = table.prices[row * width + place]!),
    );
  }
  return { symbols, times: table.times, prices };
}

/** Rows whose time is in [from, to). */
export function sliceTimes(table: PriceTable, from: number, to: number): PriceTable {
  const width = table.symbols.length;
  let start = 0;
  while (start < table.times.length && table.times[start]! < from) start++;
  let end = start;
  while (end < table.times.length && table.times[end]! < to) end++;
  return {
    symbols: table.symbols,
    times: table.times.slice(start, end),
    prices: table.prices.slice(start * width, end * width),
  };
}

/** Log returns from row to row, all tokens. */
export function logReturns(table: PriceTable): Float64Array {
  const width = table.symbols.length;
  const returns = new Float64Array(Math.max(0, table.times.length - 1) * width);
  for (let i = 0; i < returns.length; i++) {
    returns[i] = Math.log(table.prices[i + width]! / table.prices[i]!);
  }
  return returns;
}

/** Tables of single tokens as one, at the times that all of them have. */
export function joinTables(tables: readonly PriceTable[]): PriceTable {
  const symbols = tables.flatMap((table) => table.symbols);
  const rows = tables.map((table) => new Map(Array.from(table.times, (time, i) => [time, i])));
  const times = [...rows[0]!.keys()].filter((time) => rows.every((row) => row.has(time)));
  const prices = times.flatMap((time) =>
    tables.flatMap((table, k) => {
      const row = rows[k]!.get(time)!;
      return [
        ...table.prices.subarray(row * table.symbols.length, (row + 1) * table.symbols.length),
      ];
    }),
  );
  return { symbols, times: Float64Array.from(times), prices: Float64Array.from(prices) };
}
