/**
 * Leases: which process does what only one may do. They are in SQL in both storages, so that losing
 * Redis does not give two processes the same work. A lease carries a fence, a number that grows with
 * every change of owner; a write made under a lease that is lost finds another number and is refused.
 *
 * Source: M. Kleppmann, "How to do distributed locking", 2016 (fencing tokens).
 *
 * @module
 */
import type { Transaction } from 'kysely';
import type { Database, Dialect, Tables } from './schema.ts';

export interface Lease {
  readonly name: string;
  readonly owner: string;
  readonly fence: number;
}

export class LeaseStore {
  readonly #db: Database;
  readonly #dialect: Dialect;

  constructor(db: Database, dialect: Dialect) {
    this.#db = db;
    this.#dialect = dialect;
  }

  /**
   * Takes a lease that is free or expired, or renews one's own, for `forMs`.
   *
   * @returns The lease, or null while another owner has it.
   */
  async acquire(
    { name, owner }: Pick<Lease, 'name' | 'owner'>,
    { nowMs, forMs }: { readonly nowMs: number; readonly forMs: number },
  ): Promise<Lease | null> {
    const expires = { expires_at_ms: nowMs + forMs };
    const row = await this.#db
      .insertInto('gw_leases')
      .values({ name, owner, fence: 1, ...expires })
      .onConflict((conflict) =>
        conflict
          .column('name')
          .doUpdateSet((set) => ({
            owner,
            ...expires,
            fence: set
              .case()
              .when('gw_leases.owner', '=', owner)
              .then(set.ref('gw_leases.fence'))
              .else(set('gw_leases.fence', '+', 1))
              .end(),
          }))
          .where((where) =>
            where.or([
              where('gw_leases.owner', '=', owner),
              where('gw_leases.expires_at_ms', '<=', nowMs),
            ]),
          ),
      )
      .returning('fence')
      .executeTakeFirst();
    return row === undefined ? null : { name, owner, fence: row.fence };
  }

  /** Gives a lease up, so that the next process need not wait for its end. */
  async release({ name, owner }: Lease): Promise<void> {
    await this.#db
      .updateTable('gw_leases')
      .set({ expires_at_ms: 0 })
      .where('name', '=', name)
      .where('owner', '=', owner)
      .execute();
  }

  /** Gives all leases up: their owners are known to be gone. */
  async expireAll(): Promise<void> {
    await this.#db.updateTable('gw_leases').set({ expires_at_ms: 0 }).execute();
  }

  /**
   * Writes in one transaction, if the lease still has its fence.
   *
   * @returns False, and writes nothing, if another process has taken over.
   */
  async fenced(lease: Lease, write: (db: Transaction<Tables>) => Promise<void>): Promise<boolean> {
    return this.#db.transaction().execute(async (db) => {
      const query = db.selectFrom('gw_leases').select('fence').where('name', '=', lease.name);
      const row = await (
        this.#dialect === 'postgres' ? query.forShare() : query
      ).executeTakeFirst();
      if (row === undefined || row.fence !== lease.fence) return false;
      await write(db);
      return true;
    });
  }
}
