/**
 * Writes a recording in its canonical form: CSV, NDJSON or Parquet, by the name of the file.
 *
 * @module
 */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SimulationError } from '../errors.ts';
import { type Column, csvToParquet } from '../tables/parquet.ts';
import {
  type Action,
  ACTION_COLUMNS,
  type ActionColumn,
  actionFields,
  actionLine,
} from './action.ts';
import { formatRow } from './csv.ts';

/**
 * Integers up to here are DECIMAL(38, 0), the widest exact number of Parquet, and larger ones text.
 * DuckDB's HUGEINT would be written as float64.
 */
const DECIMAL_MAX = 10n ** 38n - 1n;

/** @throws {SimulationError} When the file cannot be written; it is then as it was before. */
export async function writeActions(path: string, actions: readonly Action[]): Promise<void> {
  if (path.endsWith('.parquet')) return writeParquet(path, actions);
  const lines = path.endsWith('.ndjson')
    ? actions.map(actionLine)
    : [formatRow(ACTION_COLUMNS), ...actions.map((action) => formatRow(actionFields(action)))];
  const part = `${path}.tmp`;
  try {
    writeFileSync(part, lines.map((line) => `${line}\n`).join(''));
    renameSync(part, path);
  } catch (error) {
    rmSync(part, { force: true });
    throw new SimulationError(`${path}: cannot be written: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

async function writeParquet(path: string, actions: readonly Action[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'simulation-actions-'));
  try {
    const csv = join(folder, 'actions.csv');
    await writeActions(csv, actions);
    await csvToParquet(csv, path, columnsOf(actions));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Raw integers are numbers where all of a column fit, text otherwise. */
function columnsOf(actions: readonly Action[]): Column[] {
  const integer = (values: readonly (bigint | null)[]): string =>
    values.every((value) => value === null || (value <= DECIMAL_MAX && -value <= DECIMAL_MAX))
      ? 'DECIMAL(38, 0)'
      : 'VARCHAR';
  const amounts = integer(actions.flatMap((action) => action.amounts));
  const list = (name: string): string => `string_split("${name}", ' ')`;
  const part = (index: number): string =>
    `list_transform(${list('prices')}, lambda pair: split_part(pair, '=', ${index}))`;
  const own: Partial<Record<ActionColumn, Omit<Column, 'name'>>> = {
    t: { type: 'BIGINT' },
    block: { type: 'BIGINT' },
    log: { type: 'BIGINT', as: '"log"::INTEGER' },
    tokens: { type: 'VARCHAR', as: list('tokens') },
    amounts: { type: 'VARCHAR', as: `${list('amounts')}::${amounts}[]` },
    shares: { type: 'VARCHAR', as: `"shares"::${integer(actions.map(({ shares }) => shares))}` },
    limit: { type: 'VARCHAR', as: `"limit"::${integer(actions.map(({ limit }) => limit))}` },
    prices: { type: 'VARCHAR', as: `map(${part(1)}, ${part(2)})` },
  };
  return ACTION_COLUMNS.map((name) => ({ name, ...(own[name] ?? { type: 'VARCHAR' }) }));
}
