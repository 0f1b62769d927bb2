/**
 * Which recordings are being worked on, by whom: one process at a time moves the files of a recording.
 * An entry that its owner did not take out tells of work that a crash cut short, so that it can be put
 * right.
 *
 * @module
 */
import type { Transaction } from 'kysely';
import type { Database, Dialect, Tables } from './schema.ts';

/** Who works, and until when that counts. */
export interface WorkClaim {
  readonly recordId: string;
  readonly owner: string;
}

export class RecordingWorkStore {
  readonly #db: Database;
  readonly #dialect: Dialect;

  constructor(db: Database, dialect: Dialect) {
    this.#db = db;
    this.#dialect = dialect;
  }

  /** Claims a recording, or claims it for longer. @returns False while another owner has it. */
  async claim(
    { recordId, owner }: WorkClaim,
    { nowMs, forMs }: { readonly nowMs: number; readonly forMs: number },
  ): Promise<boolean> {
    const values = { owner, expires_at_ms: nowMs + forMs };
    const row = await this.#db
      .insertInto('gw_recording_work')
      .values({ record_id: recordId, ...values })
      .onConflict((conflict) =>
        conflict
          .column('record_id')
          .doUpdateSet(values)
          .where((where) =>
            where.or([
              where('gw_recording_work.owner', '=', owner),
              where('gw_recording_work.expires_at_ms', '<=', nowMs),
            ]),
          ),
      )
      .returning('record_id')
      .executeTakeFirst();
    return row !== undefined;
  }

  /**
   * Writes in one transaction, if the claim is still its owner's.
   *
   * @returns False, and writes nothing, if somebody else has taken the work over.
   */
  async whileClaimed(
    { recordId, owner }: WorkClaim,
    write: (db: Transaction<Tables>) => Promise<void>,
  ): Promise<boolean> {
    return this.#db.transaction().execute(async (db) => {
      const query = db
        .selectFrom('gw_recording_work')
        .select('owner')
        .where('record_id', '=', recordId);
      const row = await (
        this.#dialect === 'postgres' ? query.forShare() : query
      ).executeTakeFirst();
      if (row?.owner !== owner) return false;
      await write(db);
      return true;
    });
  }

  /** The work is done. */
  async finish({ recordId, owner }: WorkClaim): Promise<void> {
    await this.#db
      .deleteFrom('gw_recording_work')
      .where('record_id', '=', recordId)
      .where('owner', '=', owner)
      .execute();
  }

  /** Recordings whose work was cut short. */
  async abandoned(nowMs: number): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('gw_recording_work')
      .select('record_id')
      .where('expires_at_ms', '<=', nowMs)
      .execute();
    return rows.map(({ record_id: recordId }) => recordId);
  }

  /** True while somebody works on any recording. */
  async isAnyClaimed(nowMs: number): Promise<boolean> {
    const row = await this.#db
      .selectFrom('gw_recording_work')
      .select('record_id')
      .where('expires_at_ms', '>', nowMs)
      .limit(1)
      .executeTakeFirst();
    return row !== undefined;
  }

  /** Ends all claims at once: the processes that made them are gone. */
  async expireAll(): Promise<void> {
    await this.#db.updateTable('gw_recording_work').set({ expires_at_ms: 0 }).execute();
  }
}
