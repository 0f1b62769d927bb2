/**
 * Tables for people, JSON for programs.
 *
 * @module
 */
import { stripVTControlCharacters } from 'node:util';
import type { Io } from '../io.ts';

/** One column: its title and the text of a row. */
export type Column<T> = readonly [title: string, textOf: (row: T) => string | number];

/** Prints rows as a table, or as JSON. */
export function showRows<T>(
  io: Io,
  rows: readonly T[],
  {
    columns,
    json = false,
  }: { readonly columns: readonly Column<T>[]; readonly json?: boolean | undefined },
): void {
  if (json) return showJson(io, rows);
  const lines = [
    columns.map(([title]) => title),
    ...rows.map((row) => columns.map(([, textOf]) => clean(String(textOf(row))))),
  ];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  for (const line of lines) {
    const cells = line.map((cell, i) => cell.padEnd(widths[i]!));
    io.stdout.write(`${cells.join('  ').trimEnd()}\n`);
  }
}

/** Says that an order was carried out: `bbb1: enabled`, or `{"id":"bbb1","done":"enabled"}`. */
export function showDone(
  io: Io,
  { json = false }: { readonly json?: boolean | undefined },
  outcome: { readonly id: string; readonly done: string },
): void {
  if (json) showJson(io, outcome);
  else io.stdout.write(`${outcome.id}: ${outcome.done}\n`);
}

/** Prints one value as JSON, on one line. */
export function showJson(io: Io, value: unknown): void {
  io.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Names come from servers and front-ends: nothing in them may move the cursor. */
function clean(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what it removes
  return stripVTControlCharacters(text).replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, '');
}
