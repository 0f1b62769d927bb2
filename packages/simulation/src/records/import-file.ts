/**
 * Reads a recording from files. CSV is read as a stream, so memory holds the records and not the
 * text; JSON formats are read whole.
 *
 * @module
 */
import { createReadStream, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { joinTables, type PriceTable } from '../prices/price-table.ts';
import { SimulationError } from '../errors.ts';
import { readParquet } from '../tables/parquet.ts';
import type { AmountUnits, Json } from './action.ts';
import { CsvError, CsvParser, type RowListener } from './csv.ts';
import { CanonicalRows, readNdjson } from './formats/canonical.ts';
import { type BarPrice, PriceRows, readSeries } from './formats/prices.ts';
import { readTeActions, readTeState } from './formats/te.ts';
import { readV1Logs } from './formats/v1-logs.ts';
import { DuneRows, readSubgraph } from './formats/v2.ts';
import type { InitialState } from './initial-state.ts';
import { readInitialState } from './initial-state.ts';
import type { ColumnMapping } from './mapping.ts';
import { Problems } from './problem.ts';
import { assemble, type PlacedAction, type Recording } from './recording.ts';

export const RECORD_FORMATS = [
  'csv',
  'ndjson',
  'te-actions',
  'te-state',
  'ohlc',
  'series',
  'v1-logs',
  'subgraph-v2',
  'dune',
] as const;
export type RecordFormat = (typeof RECORD_FORMATS)[number];

export interface ImportOptions extends Partial<AmountUnits> {
  readonly format: RecordFormat;
  /** File of the initial state, in the JSON of section 2.2. */
  readonly state?: string;
  readonly mapping?: ColumnMapping;
  /** Of the only token: `ohlc` and JSON `series`. */
  readonly symbol?: string;
  readonly barPrice?: BarPrice;
  /** Of which pool rows are read; all when left out. `v1-logs` needs the address. */
  readonly pool?: string;
  /** Symbols by address, lower case. */
  readonly symbols?: Readonly<Record<string, string>>;
  /** Unix seconds. Prices and canonical rows from then on are left out; a price file is read no further. */
  readonly before?: number;
}

export interface ImportResult {
  readonly recording: Recording;
  readonly problems: Problems;
}

/**
 * Reads one file. What is wrong with rows is in `problems`; the recording then holds the others.
 *
 * @throws {SimulationError} When the file cannot be read at all.
 */
export async function importFile(path: string, options: ImportOptions): Promise<ImportResult> {
  const problems = new Problems();
  const file = basename(path);
  const initial = options.state === undefined ? null : readStateFile(options.state);
  const parsed = await read(path, file, { options, initial, problems });
  const context = { file, initial: parsed.initial ?? initial, prices: parsed.prices };
  return { recording: assemble(parsed.placed, context, problems), problems };
}

/** Reads files of outside prices and joins them on their times. @throws {RecordError} */
export async function importPrices(
  paths: readonly string[],
  options: ImportOptions,
): Promise<PriceTable> {
  const tables: PriceTable[] = [];
  for (const path of paths) {
    const { recording, problems } = await importFile(path, options);
    problems.throwIfAny();
    if (recording.prices !== null) tables.push(recording.prices);
  }
  return joinTables(tables);
}

/** A JSON file of an initial state. @throws {SimulationError} */
export function readStateFile(path: string): InitialState {
  return readInitialState(parseJson(readText(path), basename(path)), basename(path));
}

interface Parsed {
  readonly placed: readonly PlacedAction[];
  readonly initial: InitialState | null;
  readonly prices: PriceTable | null;
}

interface Context {
  readonly options: ImportOptions;
  readonly initial: InitialState | null;
  readonly problems: Problems;
}

async function read(path: string, file: string, context: Context): Promise<Parsed> {
  const { options, initial, problems } = context;
  const units: AmountUnits & { readonly pool?: string } = {
    units: options.units ?? 'raw',
    decimals: options.decimals ?? decimalsOf(initial),
    ...(options.pool !== undefined && { pool: options.pool }),
  };
  const symbols = { ...symbolsOf(initial), ...options.symbols };
  const none = { initial: null, prices: null };
  const { before = Infinity } = options;
  const canonical = { ...units, file, before };
  switch (options.format) {
    case 'csv': {
      const rows = new CanonicalRows(
        { ...canonical, ...(options.mapping && { mapping: options.mapping }) },
        problems,
      );
      await streamCsv(path, { file, problems, onRow: (fields, line) => rows.row(fields, line) });
      rows.end();
      return { placed: rows.placed, ...none };
    }
    case 'ndjson': {
      const rows = new CanonicalRows(canonical, problems);
      readNdjson(readText(path), rows, file, problems);
      rows.end();
      return { placed: rows.placed, ...none };
    }
    case 'te-actions': {
      const { rows, initial: created } = readTeActions(
        jsonOf(path, file),
        { ...units, file },
        problems,
      );
      rows.end();
      return { placed: rows.placed, initial: created, prices: null };
    }
    case 'te-state':
      return {
        placed: [],
        initial: readTeState(jsonOf(path, file), { ...units, file }),
        prices: null,
      };
    case 'ohlc':
    case 'series': {
      const ohlc = {
        symbol: options.symbol ?? file.replace(/\..*$/, ''),
        price: options.barPrice ?? 'mid',
      };
      const rows = new PriceRows(file, problems, options.format === 'ohlc' ? ohlc : null, before);
      const onRow: RowListener = (fields, line) => rows.row(fields, line);
      if (path.endsWith('.json')) readSeries(jsonOf(path, file), ohlc.symbol, rows);
      else await streamCsv(path, { file, problems, onRow, isEnough: () => rows.isPast });
      return { placed: [], initial: null, prices: rows.table() };
    }
    case 'v1-logs': {
      const pool = options.pool?.toLowerCase();
      if (pool === undefined)
        throw new SimulationError('v1-logs: give the address of the pool (--pool)');
      const rows = path.endsWith('.csv')
        ? await csvObjects(path, file, problems)
        : asRows(jsonOf(path, file));
      return { placed: readV1Logs(rows, { file, pool, symbols }, problems), ...none };
    }
    case 'subgraph-v2': {
      const json = jsonOf(path, file);
      const pages = Array.isArray(json) ? (json as readonly Json[]) : [json];
      const { rows, ...rest } = readSubgraph(pages, { ...units, file, symbols }, problems);
      return { placed: rows.placed, ...rest };
    }
    case 'dune': {
      const rows = new DuneRows({ ...units, file, symbols }, problems);
      await streamCsv(path, { file, problems, onRow: (fields, line) => rows.row(fields, line) });
      return { placed: rows.rows.placed, ...none };
    }
    default:
      throw new SimulationError(
        `format: must be one of ${RECORD_FORMATS.join(', ')}; got ${String(options.format)}`,
      );
  }
}

interface CsvReading {
  readonly file: string;
  readonly problems: Problems;
  readonly onRow: RowListener;
  /** Asked after every piece; true ends the reading. */
  readonly isEnough?: () => boolean;
}

/** Reads a CSV file in pieces, or a Parquet file of the same columns. */
async function streamCsv(
  path: string,
  { file, problems, onRow, isEnough = () => false }: CsvReading,
): Promise<void> {
  if (path.endsWith('.parquet')) return readParquet(path, onRow, isEnough);
  const parser = new CsvParser(onRow);
  try {
    const chunks = createReadStream(path, { encoding: 'utf8', highWaterMark: 1 << 18 });
    for await (const chunk of chunks) {
      parser.push(chunk as string);
      if (isEnough()) return;
    }
    parser.end();
  } catch (error) {
    if (!(error instanceof CsvError)) {
      throw new SimulationError(`${path}: cannot be read: ${(error as Error).message}`, {
        cause: error,
      });
    }
    const { line, message } = error;
    problems.add({ severity: 'error', file, line, column: '', message });
  }
}

async function csvObjects(
  path: string,
  file: string,
  problems: Problems,
): Promise<Record<string, Json>[]> {
  let names: readonly string[] | null = null;
  const rows: Record<string, Json>[] = [];
  const onRow: RowListener = (fields) => {
    if (names === null) names = fields;
    else rows.push(Object.fromEntries(names.map((name, i) => [name, fields[i] ?? ''])));
  };
  await streamCsv(path, { file, problems, onRow });
  return rows;
}

function asRows(json: Json): Record<string, Json>[] {
  const list = typeof json === 'object' && json !== null && 'result' in json ? json.result : json;
  return Array.isArray(list) ? (list as Record<string, Json>[]) : [];
}

function jsonOf(path: string, file: string): Json {
  return parseJson(readText(path), file);
}

function parseJson(text: string, file: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new SimulationError(`${file}: is not JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new SimulationError(`${path}: cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function decimalsOf(initial: InitialState | null): Record<string, number> {
  return Object.fromEntries(
    (initial?.tokens ?? []).map(({ symbol, decimals }) => [symbol, decimals]),
  );
}

function symbolsOf(initial: InitialState | null): Record<string, string> {
  return Object.fromEntries(
    Object.entries(initial?.addresses ?? {}).map(([symbol, address]) => [address, symbol]),
  );
}
