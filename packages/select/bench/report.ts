/**
 * Figures as text: aligned columns, units in the head.
 *
 * @module
 */
import { cpus } from 'node:os';

/** Right-aligned columns under a heading; the first column is left-aligned. */
export function printTable(
  title: string,
  head: readonly string[],
  rows: ReadonlyArray<readonly string[]>,
): void {
  const widths = head.map((cell, column) =>
    Math.max(cell.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!),
      )
      .join('  ');
  console.log(`\n${title}\n${line(head)}\n${widths.map((width) => '-'.repeat(width)).join('  ')}`);
  for (const row of rows) console.log(line(row));
}

export function ns(value: number): string {
  return value >= 1000 ? value.toFixed(0) : value.toFixed(1);
}

/** Picks per second, in millions. */
export function mops(nsPerPick: number): string {
  return (1000 / nsPerPick).toFixed(1);
}

export function ratio(value: number): string {
  return `${value >= 10 ? value.toFixed(0) : value.toFixed(2)}x`;
}

export function machine(): string {
  const all = cpus();
  return `${all.length} x ${all[0]?.model ?? 'unknown CPU'}, Node ${process.versions.node}, V8 ${process.versions.v8}`;
}
