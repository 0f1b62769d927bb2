/**
 * Hooks of front-ends in the database.
 *
 * @module
 */
import type { Selectable } from 'kysely';
import type { Database, HookTable } from './schema.ts';

export type Hook = Readonly<Selectable<HookTable>>;

/** What a front-end says of a hook. */
export type NewHook = Omit<Hook, 'id' | 'created_at_ms'>;

/** Hooks of one tenant at most. */
const HOOKS_MAX = 1000;

export class HookStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * Adds a hook, unless the tenant has one with the same address: then that is returned.
   *
   * @returns Null if the tenant has too many.
   */
  async add(hook: NewHook, nowMs: number): Promise<{ hook: Hook; isNew: boolean } | null> {
    for (;;) {
      const present = await this.list(hook.tenant_id);
      const known = present.find(({ callback_url: url }) => url === hook.callback_url);
      if (known !== undefined) return { hook: known, isNew: false };
      if (present.length >= HOOKS_MAX) return null;
      const added = await this.#db
        .insertInto('gw_hooks')
        .values({ ...hook, created_at_ms: nowMs })
        .onConflict((conflict) => conflict.columns(['tenant_id', 'callback_url']).doNothing())
        .returningAll()
        .executeTakeFirst();
      if (added !== undefined) return { hook: added, isNew: true };
      // Somebody else was faster; it is in the list now, unless it was removed since.
    }
  }

  /** The hooks of a tenant, in the order in which they were made. */
  async list(tenantId: string): Promise<Hook[]> {
    return this.#db
      .selectFrom('gw_hooks')
      .selectAll()
      .where('tenant_id', '=', tenantId)
      .orderBy('id')
      .execute();
  }

  /** @returns False if the tenant has no such hook. */
  async remove(tenantId: string, id: number): Promise<boolean> {
    const { numDeletedRows } = await this.#db
      .deleteFrom('gw_hooks')
      .where('tenant_id', '=', tenantId)
      .where('id', '=', id)
      .executeTakeFirst();
    return numDeletedRows > 0n;
  }

  /** Whether anybody wants events as servers tell them, and as they tell them raw. */
  async wanted(): Promise<{ readonly isRaw: boolean }[]> {
    const rows = await this.#db.selectFrom('gw_hooks').select('is_raw').distinct().execute();
    return rows.map(({ is_raw: isRaw }) => ({ isRaw: isRaw === 1 }));
  }
}
