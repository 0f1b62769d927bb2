/**
 * The tables of a folder of results, whichever of the two formats they have.
 *
 * @module
 */
import { createReadStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import { CsvParser, type RowListener } from '../records/csv.ts';
import type { Column } from './parquet.ts';
import { readParquet } from './parquet.ts';

/** Names of all tables that there can be. */
export const TABLES = [
  'runs',
  'steps',
  'trades',
  'decisions',
  'rebases',
  'falls',
  'providers',
  'evaluations',
] as const;
export type TableName = (typeof TABLES)[number];
export type TableFormat = 'csv' | 'parquet';

const INTEGERS: ReadonlySet<string> = new Set([
  'run',
  'point',
  'repetition',
  'step',
  'time',
  'evaluation',
  'fold',
  'round',
]);
const TEXTS: ReadonlySet<string> = new Set([
  'mode',
  'agent',
  'tokenIn',
  'tokenOut',
  'controller',
  'observed',
  'decided',
  'applied',
  'refused',
  'take',
  'weights',
  'cause',
]);

/** What a column of a table holds; everything that is not named is a measured number. */
export function columnOf(name: string): Column {
  return { name, type: INTEGERS.has(name) ? 'BIGINT' : TEXTS.has(name) ? 'VARCHAR' : 'DOUBLE' };
}

/** Path of a table: that of its Parquet file where there is one. */
export function tableFile(folder: string, table: TableName): string {
  const parquet = join(folder, `${table}.parquet`);
  return existsSync(parquet) ? parquet : join(folder, `${table}.csv`);
}

/** Reads a table in pieces, the header apart. */
export async function eachRow(
  folder: string,
  table: TableName,
  onRow: (fields: readonly string[]) => void,
  onHeader: (names: readonly string[]) => void = () => {},
): Promise<void> {
  const file = tableFile(folder, table);
  let isHeader = true;
  const onLine: RowListener = (fields) => {
    if (isHeader) onHeader(fields);
    else onRow(fields);
    isHeader = false;
  };
  if (file.endsWith('.parquet')) return readParquet(file, onLine);
  const parser = new CsvParser(onLine, ',');
  for await (const chunk of createReadStream(file, { encoding: 'utf8' }))
    parser.push(chunk as string);
  parser.end();
}
