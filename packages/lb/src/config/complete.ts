/**
 * Tables of the file laid over tables of defaults.
 *
 * @module
 */

/** The tables laid over each other, the later ones on top. */
export function complete<T extends object>(
  base: T,
  ...tables: readonly ({ readonly [K in keyof T]?: T[K] | undefined } | undefined)[]
): T {
  return Object.assign({ ...base }, ...tables.map((table) => given(table ?? {})));
}

/** The keys that are not `undefined`. */
export function given<T extends object>(table: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(table).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
