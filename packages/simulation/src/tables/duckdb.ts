/**
 * DuckDB, an optional peer that reads and writes Parquet and answers SQL: loaded on first use. Without
 * it tables are CSV.
 *
 * @module
 */
import { SimulationError } from '../errors.ts';

type Module = typeof import('@duckdb/node-api');
type Instance = Awaited<ReturnType<Module['DuckDBInstance']['create']>>;
export type DuckDb = Awaited<ReturnType<Instance['connect']>>;

/** How to get the peer. */
export const DUCKDB_INSTALL = 'npm install @duckdb/node-api';

/** Whether the peer is installed. */
export async function hasDuckDb(): Promise<boolean> {
  return (await loadModule()) !== null;
}

/** Opens a database in memory for as long as `use` takes. @throws {SimulationError} Without the peer. */
export async function withDuckDb<T>(
  purpose: string,
  use: (database: DuckDb) => Promise<T>,
): Promise<T> {
  const module = await loadModule();
  if (module === null)
    throw new SimulationError(`${purpose} needs DuckDB; install it with: ${DUCKDB_INSTALL}`);
  // One thread, and rows in the order in which they came: the same rows give the same bytes.
  const instance = await module.DuckDBInstance.create(':memory:', { threads: '1' });
  const database = await instance.connect();
  try {
    return await use(database);
  } finally {
    database.closeSync();
    instance.closeSync();
  }
}

/** Text as a literal of SQL. */
export function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A name as SQL takes it. */
export function sqlName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * A value as CSV has it: lists separated by blanks, maps as `key=value`, times as unix seconds, NULL
 * as nothing.
 */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return value.toString();
  if (typeof value !== 'object') return '';
  if ('micros' in value) return ((value.micros as bigint) / 1_000_000n).toString();
  if ('items' in value) return (value.items as readonly unknown[]).map(cellText).join(' ');
  if ('entries' in value && Array.isArray(value.entries)) {
    return (value.entries as readonly { key: unknown; value: unknown }[])
      .map((entry) => `${cellText(entry.key)}=${cellText(entry.value)}`)
      .join(' ');
  }
  return (value as { toString(): string }).toString();
}

async function loadModule(): Promise<Module | null> {
  try {
    return await import('@duckdb/node-api');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return null;
    throw error;
  }
}
