/**
 * Records: which server has which meeting.
 *
 * @module
 */
import type { ExpressionBuilder, ExpressionWrapper, SqlBool, Transaction } from 'kysely';
import { idHashOf } from '../tenants/meeting-names.ts';
import { chunksOf } from './chunks.ts';
import type { Database, Dialect, MeetingTable, Tables } from './schema.ts';

export type MeetingRecord = Readonly<Omit<MeetingTable, 'id_hash'>>;

/** What names a record. */
export interface MeetingKey {
  readonly scope: string;
  readonly meeting_id: string;
}

/** How an insert went. */
export type InsertOutcome = 'inserted' | 'meeting-exists' | 'voice-bridge-taken' | 'tenant-full';

export class MeetingStore {
  readonly #db: Database;
  readonly #dialect: Dialect;

  constructor(db: Database, dialect: Dialect) {
    this.#db = db;
    this.#dialect = dialect;
  }

  async find(key: MeetingKey): Promise<MeetingRecord | undefined> {
    return find(this.#db, key);
  }

  async findByVoiceBridge(voiceBridge: string): Promise<MeetingRecord | undefined> {
    if (voiceBridge.includes('\0')) return undefined;
    return this.#db
      .selectFrom('gw_meetings')
      .selectAll()
      .where('voice_bridge', '=', voiceBridge)
      .executeTakeFirst();
  }

  /** The record of which a server's own id begins with this hash. */
  async findByHash(idHash: string): Promise<MeetingRecord | undefined> {
    return this.#db
      .selectFrom('gw_meetings')
      .selectAll()
      .where('id_hash', '=', idHash)
      .executeTakeFirst();
  }

  /** The records of all scopes that front-ends know under a name. */
  async listNamed(meetingId: string): Promise<MeetingRecord[]> {
    if (meetingId.includes('\0')) return [];
    return this.#db
      .selectFrom('gw_meetings')
      .selectAll()
      .where('meeting_id', '=', meetingId)
      .execute();
  }

  /**
   * Inserts a record unless its key or its voice bridge is taken: the constraints decide, once.
   *
   * @param tenantLimit - Records that its tenant may have with this one; 0 for no limit.
   */
  async insert(record: MeetingRecord, tenantLimit = 0): Promise<InsertOutcome> {
    if (tenantLimit === 0) return insertInto(this.#db, record);
    return this.#db.transaction().execute(async (db) => {
      await this.#lockTenant(db, record.tenant_id);
      if ((await countOfTenant(db, record.tenant_id)) >= tenantLimit) {
        return (await find(db, record)) === undefined ? 'tenant-full' : 'meeting-exists';
      }
      return insertInto(db, record);
    });
  }

  /** The create of a pending record is over. */
  async activate(record: MeetingRecord): Promise<void> {
    await this.#db
      .updateTable('gw_meetings')
      .set({ status: 'active' })
      .where(isSame(record))
      .execute();
  }

  /**
   * The server of a record has made its meeting anew. From now on the record is the new meeting's: who
   * has only just learned of the end of the one before cannot drop it, and if somebody has, it is there
   * again.
   */
  async renew(record: MeetingRecord, madeMs: number): Promise<void> {
    const renewed = { status: 'active', created_at_ms: madeMs, last_seen_at_ms: madeMs } as const;
    const { numUpdatedRows } = await this.#db
      .updateTable('gw_meetings')
      .set(renewed)
      .where(isSame(record))
      .executeTakeFirst();
    if (numUpdatedRows === 0n) await insertInto(this.#db, { ...record, ...renewed });
  }

  /**
   * Drops a record, unless it has been replaced by one on another server or made anew meanwhile.
   *
   * @returns False if it was gone.
   */
  async drop(record: MeetingRecord): Promise<boolean> {
    const { numDeletedRows } = await this.#db
      .deleteFrom('gw_meetings')
      .where(isSame(record))
      .executeTakeFirst();
    return numDeletedRows > 0n;
  }

  /** Drops all records of a server. @returns Those dropped. */
  async dropOfServer(serverId: string): Promise<MeetingRecord[]> {
    return this.#db
      .deleteFrom('gw_meetings')
      .where('server_id', '=', serverId)
      .returningAll()
      .execute();
  }

  async listOfServer(serverId: string): Promise<MeetingRecord[]> {
    return this.#db
      .selectFrom('gw_meetings')
      .selectAll()
      .where('server_id', '=', serverId)
      .orderBy('meeting_id')
      .execute();
  }

  /** All records, in order of their ids. */
  async list(): Promise<MeetingRecord[]> {
    return this.#db.selectFrom('gw_meetings').selectAll().orderBy('meeting_id').execute();
  }

  /** Number of records of one server made at or after a time; of all servers without one. */
  async countSince(serverId: string, sinceMs: number): Promise<number> {
    const row = await this.#db
      .selectFrom('gw_meetings')
      .select((select) => select.fn.countAll<number>().as('count'))
      .where('server_id', '=', serverId)
      .where('created_at_ms', '>=', sinceMs)
      .executeTakeFirstOrThrow();
    return row.count;
  }

  /** Number of records by tenant; tenants without any are not in it. */
  async countByTenant(): Promise<Map<string, number>> {
    const rows = await this.#db
      .selectFrom('gw_meetings')
      .select((select) => ['tenant_id', select.fn.countAll<number>().as('count')])
      .groupBy('tenant_id')
      .execute();
    return new Map(rows.map(({ tenant_id: tenantId, count }) => [tenantId, count]));
  }

  async count(): Promise<number> {
    const row = await this.#db
      .selectFrom('gw_meetings')
      .select((select) => select.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    return row.count;
  }

  /** Notes that meetings of a server were seen running. Ids beyond those known are ignored. */
  async seen(serverId: string, upstreamIds: readonly MeetingKey[], nowMs: number): Promise<void> {
    const scopes = new Map<string, string[]>();
    for (const { scope, meeting_id } of upstreamIds) {
      const ids = scopes.get(scope);
      if (ids === undefined) scopes.set(scope, [meeting_id]);
      else ids.push(meeting_id);
    }
    for (const [scope, ids] of scopes) {
      for (const part of chunksOf(ids)) {
        await this.#db
          .updateTable('gw_meetings')
          .set({ last_seen_at_ms: nowMs })
          .where('server_id', '=', serverId)
          .where('scope', '=', scope)
          .where('meeting_id', 'in', part)
          .execute();
      }
    }
  }

  /** Drops records not seen since. @returns How many. */
  async dropUnseenSince(beforeMs: number): Promise<number> {
    const { numDeletedRows } = await this.#db
      .deleteFrom('gw_meetings')
      .where('last_seen_at_ms', '<', beforeMs)
      .executeTakeFirst();
    return Number(numDeletedRows);
  }

  /** Has the inserts of a tenant wait for each other. SQLite's transactions do so anyway. */
  async #lockTenant(db: Transaction<Tables>, tenantId: string): Promise<void> {
    if (this.#dialect !== 'postgres') return;
    await db
      .selectFrom('gw_tenants')
      .select('id')
      .where('id', '=', tenantId)
      .forUpdate()
      .executeTakeFirst();
  }
}

async function find(db: Database, key: MeetingKey): Promise<MeetingRecord | undefined> {
  // PostgreSQL's text cannot hold it, so there is no such record, and asking would be an error.
  if (key.meeting_id.includes('\0')) return undefined;
  return db.selectFrom('gw_meetings').selectAll().where(isRecord(key)).executeTakeFirst();
}

async function countOfTenant(db: Database, tenantId: string): Promise<number> {
  const row = await db
    .selectFrom('gw_meetings')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('tenant_id', '=', tenantId)
    .executeTakeFirstOrThrow();
  return row.count;
}

async function insertInto(db: Database, record: MeetingRecord): Promise<InsertOutcome> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('gw_meetings')
    .values({ ...record, id_hash: idHashOf(record) })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if ((numInsertedOrUpdatedRows ?? 0n) > 0n) return 'inserted';
  return (await find(db, record)) === undefined ? 'voice-bridge-taken' : 'meeting-exists';
}

function isRecord({ scope, meeting_id }: MeetingKey) {
  return (
    where: ExpressionBuilder<Tables, 'gw_meetings'>,
  ): ExpressionWrapper<Tables, 'gw_meetings', SqlBool> =>
    where.and([where('scope', '=', scope), where('meeting_id', '=', meeting_id)]);
}

/** The record as it was seen: not one of the same meeting on another server, or made anew since. */
function isSame(record: MeetingRecord) {
  return (
    where: ExpressionBuilder<Tables, 'gw_meetings'>,
  ): ExpressionWrapper<Tables, 'gw_meetings', SqlBool> =>
    where.and([
      isRecord(record)(where),
      where('server_id', '=', record.server_id),
      where('created_at_ms', '=', record.created_at_ms),
    ]);
}
