/**
 * Having a recording for oneself in a transaction. Whoever changes what hangs on recordings locks their
 * rows first, and those of several in the order of their ids: nobody hangs anything on one that is being
 * deleted, and no two wait for each other.
 *
 * @module
 */
import type { Transaction } from 'kysely';
import { chunksOf } from './chunks.ts';
import type { Dialect, Tables } from './schema.ts';

/**
 * Locks the rows of recordings until the transaction ends.
 *
 * @returns False if one of them is deleted.
 */
export async function lockAlive(
  db: Transaction<Tables>,
  dialect: Dialect,
  ids: readonly number[],
): Promise<boolean> {
  let count = 0;
  for (const part of chunksOf(ids.toSorted((a, b) => a - b))) {
    const query = db
      .selectFrom('recordings')
      .select('id')
      .where('id', 'in', part)
      .where('state', '<>', 'deleted')
      .orderBy('id');
    // SQLite has one transaction at a time anyway.
    const rows = await (dialect === 'postgres' ? query.forUpdate() : query).execute();
    count += rows.length;
  }
  return count === ids.length;
}
