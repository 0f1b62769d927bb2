/**
 * Work on many things, some at a time.
 *
 * @module
 */

/**
 * Runs `work` on every item, at most `limit` at once; each starts as soon as one before it is done.
 *
 * @returns The results in the order of the items. Rejects with the first rejection.
 */
export async function mapLimited<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index]!);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}
