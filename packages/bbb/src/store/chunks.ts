/**
 * Long lists for statements that take so many values and no more.
 *
 * @module
 */

/** Values in one `in (…)`: far below the 32 766 variables of SQLite. */
const CHUNK_COUNT = 1000;

/** The values in order, in lists of at most a thousand; none for none. */
export function chunksOf<T>(values: readonly T[]): T[][] {
  const count = Math.ceil(values.length / CHUNK_COUNT);
  return Array.from({ length: count }, (_, i) =>
    values.slice(i * CHUNK_COUNT, (i + 1) * CHUNK_COUNT),
  );
}
