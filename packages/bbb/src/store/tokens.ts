/**
 * Tokens of the admin page and the REST API. Only digests are kept: who reads the data learns no
 * token.
 *
 * @module
 */
import type { Database, TokenTable } from './schema.ts';

export type TokenRow = Readonly<TokenTable>;
export type TokenRole = TokenRow['role'];

export class TokenStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async add(token: TokenRow): Promise<void> {
    await this.#db.insertInto('gw_tokens').values(token).execute();
  }

  /** All tokens, oldest first. */
  async list(): Promise<TokenRow[]> {
    return this.#db
      .selectFrom('gw_tokens')
      .selectAll()
      .orderBy('created_at_ms')
      .orderBy('id')
      .execute();
  }

  async findByDigest(digest: string): Promise<TokenRow | undefined> {
    return this.#db
      .selectFrom('gw_tokens')
      .selectAll()
      .where('digest', '=', digest)
      .executeTakeFirst();
  }

  /** @returns False if there is no such token. */
  async remove(id: string): Promise<boolean> {
    const { numDeletedRows } = await this.#db
      .deleteFrom('gw_tokens')
      .where('id', '=', id)
      .executeTakeFirst();
    return numDeletedRows > 0n;
  }
}
