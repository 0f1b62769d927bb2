/**
 * Counters as flat lists of numbers, which a worker process sends and the main process adds up.
 *
 * A worker tells what it counted since it started; the difference to what it told before is added
 * to the main process's own counters. So the sums never go back when a worker dies, and a worker
 * that starts anew at 0 counts on.
 *
 * @module
 */

/** Numbers that are counted together: an array, or the number fields of a record. */
export type NumberGroup = object;

/** Something that counts, with all its numbers in an order that never changes. */
export interface Tallied {
  readonly numbers: readonly NumberGroup[];
  /** Positions of numbers that say what is now, and not what has been. */
  readonly gauges: readonly number[];
}

/** All numbers as they are now. */
export function tallyOf({ numbers }: Tallied): Float64Array {
  return Float64Array.from(numbers.flatMap((group) => [...valuesOf(group)]));
}

/** Adds the difference of two tallies of another process; `before` is absent the first time. */
export function addDifference(
  tallied: Tallied,
  now: Float64Array,
  before: Float64Array | undefined,
): void {
  let position = 0;
  for (const group of tallied.numbers) {
    for (const key of keysOf(group)) {
      (group as Record<string | number, number>)[key]! +=
        now[position]! - (before?.[position] ?? 0);
      position++;
    }
  }
}

/** What a process that is gone has counted: nothing of it is open any more. */
export function withoutGauges({ gauges }: Tallied, tally: Float64Array): Float64Array {
  const last = tally.slice();
  for (const position of gauges) last[position] = 0;
  return last;
}

function keysOf(group: NumberGroup): Iterable<string | number> {
  if (group instanceof Float64Array) return group.keys();
  return Object.entries(group).flatMap(([key, value]) => (typeof value === 'number' ? [key] : []));
}

function* valuesOf(group: NumberGroup): Generator<number> {
  for (const key of keysOf(group)) yield (group as Record<string | number, number>)[key]!;
}
