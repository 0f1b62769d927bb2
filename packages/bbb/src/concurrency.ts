/**
 * Work on many things, some at a time.
 *
 * @module
 */

/**
 * Runs `work` on every item, at most `limit` at once; each starts as soon as one before it is done.
 * After a failure none is started any more.
 *
 * @returns The results in the order of the items. Rejects with the first failure, once nothing is
 *   under way any more.
 */
export async function mapLimited<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const failures: unknown[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length && failures.length === 0) {
      const index = next++;
      try {
        results[index] = await work(items[index]!);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
  return results;
}
