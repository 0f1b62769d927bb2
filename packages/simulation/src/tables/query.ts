/**
 * SQL over the tables of a folder of results.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SimulationError } from '../errors.ts';
import { cellText, sqlName, sqlText, withDuckDb } from './duckdb.ts';
import { TABLES, tableFile } from './tables.ts';

export interface QueryResult {
  readonly columns: readonly string[];
  /** Numbers where they are exact as such; text otherwise. */
  readonly rows: readonly (readonly (string | number | boolean | null)[])[];
}

/**
 * Runs one statement with a view for each table of the folder.
 *
 * @throws {SimulationError} Without DuckDB, without tables, and with the database's own words for
 * what is wrong with the statement.
 */
export async function queryResults(folder: string, sql: string): Promise<QueryResult> {
  const tables = TABLES.flatMap((name) => {
    const file = tableFile(folder, name);
    return existsSync(file) ? [{ name, file }] : [];
  });
  if (tables.length === 0) {
    throw new SimulationError(
      `${join(folder)}: holds no tables; name a folder that a run has written`,
    );
  }
  return withDuckDb('sim query', async (database) => {
    for (const { name, file } of tables) {
      const source = file.endsWith('.parquet')
        ? `read_parquet(${sqlText(file)})`
        : `read_csv(${sqlText(file)}, header = true, sample_size = -1)`;
      await database.run(`create view ${sqlName(name)} as select * from ${source}`);
    }
    try {
      const result = await database.runAndReadAll(sql);
      return { columns: result.columnNames(), rows: result.getRows().map((row) => row.map(plain)) };
    } catch (error) {
      throw new SimulationError(
        `${(error as Error).message.trim()}\nThe tables are ${tables.map(({ name }) => name).join(', ')}`,
        { cause: error },
      );
    }
  });
}

function plain(value: unknown): string | number | boolean | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string')
    return value;
  if (typeof value === 'bigint')
    return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  return cellText(value);
}
