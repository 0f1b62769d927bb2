/**
 * `balancer sim query`: SQL over a folder of results.
 *
 * @module
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT } from '@balancer/kit';
import { formatRow, queryResults } from '@balancer/simulation';
import { UsageError } from '../exit.ts';
import type { Io } from '../io.ts';

export interface QueryFlags {
  readonly out?: string;
  readonly json?: boolean;
  readonly csv?: boolean;
}

/** Prints what a statement gives: aligned, as CSV or as JSON. */
export async function query(sql: string, { out, json, csv }: QueryFlags, io: Io): Promise<number> {
  const folder = out ?? onlyFolderOf('out');
  const { columns, rows } = await queryResults(folder, sql);
  if (json === true) {
    const objects = rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]])));
    io.stdout.write(`${JSON.stringify(objects)}\n`);
  } else if (csv === true) {
    for (const row of [columns, ...rows]) io.stdout.write(`${formatRow(row)}\n`);
  } else {
    const texts = [columns, ...rows].map((row) => row.map((cell) => String(cell ?? '')));
    const widths = columns.map((_name, i) => Math.max(...texts.map((row) => row[i]!.length)));
    for (const row of texts)
      io.stdout.write(
        `${row
          .map((text, i) => text.padEnd(widths[i]!))
          .join('  ')
          .trimEnd()}\n`,
      );
  }
  return EXIT.ok;
}

/** The folder of results when there is one only. @throws {UsageError} */
function onlyFolderOf(parent: string): string {
  const folders = existsSync(parent) ? readdirSync(parent) : [];
  if (folders.length === 1) return join(parent, folders[0]!);
  throw new UsageError(
    folders.length === 0
      ? '--out: name the folder of results'
      : `--out: name one of ${folders.map((name) => join(parent, name)).join(', ')}`,
  );
}
