/**
 * CPUs of this machine as the kernel counts them.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { FormatError } from './errors.ts';

let possible: number | undefined;

/** Number of possible CPUs, which is how many copies a per-CPU value has. May exceed the online ones. */
export function possibleCpus(): number {
  possible ??= countCpus(readFileSync('/sys/devices/system/cpu/possible', 'utf8'));
  return possible;
}

/**
 * Counts a kernel CPU list such as `0-3,8`. Per-CPU maps have copies up to the highest number.
 *
 * @throws {FormatError} if the text is no such list.
 */
export function countCpus(list: string): number {
  const match = /^(?:\d+(?:-\d+)?,)*(?:\d+-)?(\d+)\s*$/.exec(list);
  if (match === null) throw new FormatError(`not a CPU list: ${JSON.stringify(list)}`);
  return Number(match[1]) + 1;
}
