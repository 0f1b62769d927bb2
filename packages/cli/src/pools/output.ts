/**
 * What the pool commands print: rows for people, JSON for programs.
 *
 * @module
 */
import type { ExplainedStep } from './open-pool.ts';
import type { PoolsIo } from './register.ts';

/** Prints name and value, one pair a line. */
export function print(io: PoolsIo, rows: readonly (readonly [string, string])[]): void {
  for (const [name, value] of rows) io.stdout.write(`${name.padEnd(16)} ${value}\n`);
}

/** Prints one line of JSON. @returns The exit code of success. */
export function printJson(io: PoolsIo, value: unknown): number {
  io.stdout.write(`${JSON.stringify(value)}\n`);
  return 0;
}

/** Prints an explanation below what it explains. */
export function printSteps(io: PoolsIo, steps: readonly ExplainedStep[]): void {
  for (const { name, formula, value, rounding } of steps) {
    io.stdout.write(`  ${name} = ${formula} = ${value} (${rounding})\n`);
  }
}

/** Steps as JSON carries them: integers as decimal strings. */
export function stepsJson(steps: readonly ExplainedStep[]): unknown {
  return steps.map((step) => ({ ...step, value: step.value.toString() }));
}

/** A fraction for people, four digits of it. */
export function percent(fraction: number): string {
  return `${Number((fraction * 100).toPrecision(4))} %`;
}
