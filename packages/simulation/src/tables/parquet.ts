/**
 * Tables as Parquet: made from CSV, and read as rows of text, so that the rest of the toolkit knows
 * one kind of row only.
 *
 * @module
 */
import { renameSync, rmSync } from 'node:fs';
import { SimulationError } from '../errors.ts';
import type { RowListener } from '../records/csv.ts';
import { cellText, sqlName, sqlText, withDuckDb } from './duckdb.ts';

/** A column of a table and what it holds. */
export interface Column {
  readonly name: string;
  readonly type: 'BIGINT' | 'DOUBLE' | 'VARCHAR';
  /** SQL of the Parquet column, when it is not the CSV column itself. */
  readonly as?: string;
}

/** Writes a CSV file again as Parquet. The file appears under its name when it is whole. */
export async function csvToParquet(
  csv: string,
  parquet: string,
  columns: readonly Column[],
): Promise<void> {
  const types = columns.map(({ name, type }) => `${sqlText(name)}: ${sqlText(type)}`);
  const selected = columns.map(({ name, as }) => `${as ?? sqlName(name)} as ${sqlName(name)}`);
  const part = `${parquet}.tmp`;
  try {
    await withDuckDb('writing Parquet', async (database) =>
      database.run(
        `copy (select ${selected.join(', ')} from read_csv(${sqlText(csv)}, header = true, auto_detect = false, delim = ',', quote = '"', escape = '"', columns = {${types.join(', ')}})) ` +
          `to ${sqlText(part)} (format parquet, compression zstd)`,
      ),
    );
    renameSync(part, parquet);
  } catch (error) {
    rmSync(part, { force: true });
    if (error instanceof SimulationError) throw error;
    throw new SimulationError(`${parquet}: cannot be written: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Reads a Parquet file as rows of text, the names of the columns first. @throws {SimulationError} */
export async function readParquet(
  path: string,
  onRow: RowListener,
  isEnough: () => boolean = () => false,
): Promise<void> {
  try {
    await withDuckDb(`${path}: reading Parquet`, async (database) => {
      const result = await database.stream(`select * from read_parquet(${sqlText(path)})`);
      onRow(result.columnNames(), 1);
      let line = 2;
      for await (const rows of result.yieldRows()) {
        for (const row of rows) onRow(row.map(cellText), line++);
        if (isEnough()) return;
      }
    });
  } catch (error) {
    if (error instanceof SimulationError) throw error;
    const [first] = (error as Error).message.split('\n');
    throw new SimulationError(`${path}: cannot be read as Parquet: ${first}`, { cause: error });
  }
}
