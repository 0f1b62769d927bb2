/**
 * Files of outside prices: `ohlc` (bars of one token) and `series` (times and prices of several).
 *
 * @module
 */
import type { PriceTable } from '../../prices/price-table.ts';
import type { Json } from '../action.ts';
import { textOf } from '../json.ts';
import type { Problems } from '../problem.ts';

/** How a bar becomes one price. */
export type BarPrice = 'mid' | 'close' | 'hlc3';

/** Unix seconds of a number (seconds or milliseconds) or an ISO text; NaN when it is neither. */
export function readTime(text: string): number {
  const trimmed = text.trim();
  if (/^\d+(\.\d+)?$/.test(trimmed)) {
    const value = Number(trimmed);
    return value > 1e11 ? Math.floor(value / 1000) : Math.floor(value);
  }
  // Without a zone a time of a chain is UTC, not that of the reader.
  const zoned = /(Z|[+-]\d\d:?\d\d| UTC)$/.test(trimmed)
    ? trimmed.replace(' UTC', 'Z')
    : `${trimmed}Z`;
  return Math.floor(Date.parse(zoned.replace(' ', 'T')) / 1000);
}

/** Takes the rows of a price file, the first one the header. */
export class PriceRows {
  readonly #file: string;
  readonly #problems: Problems;
  readonly #ohlc: { readonly symbol: string; readonly price: BarPrice } | null;
  #symbols: string[] = [];
  #columns: number[] | null = null;
  #timeColumn = 0;
  readonly #times: number[] = [];
  readonly #prices: number[] = [];

  readonly #before: number;
  /** Whether a row at or after `before` was met: rows are in order of time, so nothing more is wanted. */
  isPast = false;

  /**
   * @param ohlc - Of bar files: the token, and how a bar becomes a price.
   * @param before - Unix seconds; rows from then on are not looked at.
   */
  constructor(
    file: string,
    problems: Problems,
    ohlc: { readonly symbol: string; readonly price: BarPrice } | null = null,
    before = Infinity,
  ) {
    this.#file = file;
    this.#problems = problems;
    this.#ohlc = ohlc;
    this.#before = before;
  }

  row(fields: readonly string[], line: number): void {
    if (this.isPast) return;
    if (this.#columns === null) return this.#header(fields);
    const time = readTime(fields[this.#timeColumn] ?? '');
    if (!Number.isFinite(time)) {
      return this.#wrong(
        line,
        'time',
        `must be a time, ISO 8601 or unix seconds; got "${fields[this.#timeColumn] ?? ''}"`,
      );
    }
    if (time >= this.#before) {
      this.isPast = true;
      return;
    }
    const last = this.#times.at(-1);
    if (last !== undefined && time <= last) {
      return this.#wrong(
        line,
        'time',
        `must be after the row before it; sort the rows by time and drop doubles`,
      );
    }
    const values = this.#columns.map((column) => Number(fields[column]));
    const bad = values.findIndex((value) => !(value > 0) || !Number.isFinite(value));
    if (bad >= 0) {
      const name =
        this.#ohlc === null ? this.#symbols[bad]! : (BAR_COLUMNS[this.#ohlc.price][bad] ?? '');
      return this.#wrong(
        line,
        name,
        `must be a price above 0; got "${fields[this.#columns[bad]!] ?? ''}"`,
      );
    }
    this.#times.push(time);
    if (this.#ohlc === null) this.#prices.push(...values);
    else this.#prices.push(values.reduce((sum, value) => sum + value, 0) / values.length);
  }

  table(): PriceTable {
    if (this.#columns === null || this.#times.length === 0) {
      this.#wrong(0, '', 'has no rows of prices');
    }
    return {
      symbols: this.#symbols,
      times: Float64Array.from(this.#times),
      prices: Float64Array.from(this.#prices),
    };
  }

  #header(names: readonly string[]): void {
    const lower = names.map((name) => name.trim().toLowerCase());
    this.#timeColumn = Math.max(
      0,
      lower.findIndex((name) => TIME_NAMES.has(name)),
    );
    if (this.#ohlc === null) {
      this.#columns = names.flatMap((_name, i) => (i === this.#timeColumn ? [] : [i]));
      this.#symbols = this.#columns.map((i) => names[i]!.trim());
      return;
    }
    this.#symbols = [this.#ohlc.symbol];
    this.#columns = BAR_COLUMNS[this.#ohlc.price].map((name) => {
      const place = lower.indexOf(name);
      if (place < 0) this.#wrong(1, name, `is missing; the header has ${names.join(', ')}`);
      return place;
    });
  }

  #wrong(line: number, column: string, message: string): void {
    this.#problems.add({ severity: 'error', file: this.#file, line, column, message });
  }
}

/** `[[time, price], ...]`, of one token. */
export function readSeries(json: Json, symbol: string, rows: PriceRows): void {
  rows.row(['timestamp', symbol], 1);
  if (!Array.isArray(json)) return;
  json.forEach((pair: Json, i) => {
    const [time, price] = Array.isArray(pair) ? pair : [];
    rows.row([textOf(time), textOf(price)], i + 1);
  });
}

const TIME_NAMES = new Set(['time', 'timestamp', 't', 'date', 'datetime']);
const BAR_COLUMNS: Readonly<Record<BarPrice, readonly string[]>> = {
  mid: ['open', 'close'],
  close: ['close'],
  hlc3: ['high', 'low', 'close'],
};
