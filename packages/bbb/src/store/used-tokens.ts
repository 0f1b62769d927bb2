/**
 * Tokens that open something once: which of them were used. Making a token writes nothing; using it
 * writes one row, and of several processes that are shown the same token one wins.
 *
 * @module
 */
import type { Database } from './schema.ts';

export class UsedTokenStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Notes that a token was used. @returns False if it was used before. */
  async use(token: string, expiresAtMs: number): Promise<boolean> {
    const { numInsertedOrUpdatedRows } = await this.#db
      .insertInto('gw_used_tokens')
      .values({ token, expires_at_ms: expiresAtMs })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    return (numInsertedOrUpdatedRows ?? 0n) > 0n;
  }

  /** Forgets tokens that have expired. */
  async dropExpired(nowMs: number): Promise<void> {
    await this.#db.deleteFrom('gw_used_tokens').where('expires_at_ms', '<=', nowMs).execute();
  }
}
