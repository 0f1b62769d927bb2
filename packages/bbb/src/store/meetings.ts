/**
 * Records: which server has which meeting.
 *
 * @module
 */
import type { ExpressionBuilder, ExpressionWrapper, SqlBool } from 'kysely';
import { idHashOf } from '../tenants/meeting-names.ts';
import { chunksOf } from './chunks.ts';
import type { Database, MeetingTable, Tables } from './schema.ts';

export type MeetingRecord = Readonly<Omit<MeetingTable, 'id_hash'>>;

/** What names a record. */
export interface MeetingKey {
  readonly scope: string;
  readonly meeting_id: string;
}

/** How an insert went. */
export type InsertOutcome = 'inserted' | 'meeting-exists' | 'voice-bridge-taken';

export class MeetingStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async find(key: MeetingKey): Promise<MeetingRecord | undefined> {
    // PostgreSQL's text cannot hold it, so there is no such record, and asking would be an error.
    if (key.meeting_id.includes('\0')) return undefined;
    return this.#db.selectFrom('gw_meetings').selectAll().where(isRecord(key)).executeTakeFirst();
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

  /** Inserts a record unless its key or its voice bridge is taken: the constraints decide, once. */
  async insert(record: MeetingRecord): Promise<InsertOutcome> {
    const { numInsertedOrUpdatedRows } = await this.#db
      .insertInto('gw_meetings')
      .values({ ...record, id_hash: idHashOf(record) })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    if ((numInsertedOrUpdatedRows ?? 0n) > 0n) return 'inserted';
    return (await this.find(record)) === undefined ? 'voice-bridge-taken' : 'meeting-exists';
  }

  /** The create of a pending record is over. */
  async activate(record: MeetingRecord): Promise<void> {
    await this.#db
      .updateTable('gw_meetings')
      .set({ status: 'active' })
      .where(isRecord(record))
      .where('server_id', '=', record.server_id)
      .execute();
  }

  /**
   * Drops a record, unless it has been replaced by one on another server or made anew meanwhile.
   *
   * @returns False if it was gone.
   */
  async drop(record: MeetingRecord): Promise<boolean> {
    const { numDeletedRows } = await this.#db
      .deleteFrom('gw_meetings')
      .where(isRecord(record))
      .where('server_id', '=', record.server_id)
      .where('created_at_ms', '=', record.created_at_ms)
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

  /**
   * Place of a record among those of its tenant, from 1, oldest first. Two creates at once see the
   * same order, so that exactly those beyond a limit give way.
   */
  async rankInTenant(record: MeetingRecord): Promise<number> {
    const row = await this.#db
      .selectFrom('gw_meetings')
      .select((select) => select.fn.countAll<number>().as('count'))
      .where('tenant_id', '=', record.tenant_id)
      .where((where) =>
        where.or([
          where('created_at_ms', '<', record.created_at_ms),
          where.and([
            where('created_at_ms', '=', record.created_at_ms),
            where('meeting_id', '<=', record.meeting_id),
          ]),
        ]),
      )
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
}

function isRecord({ scope, meeting_id }: MeetingKey) {
  return (
    where: ExpressionBuilder<Tables, 'gw_meetings'>,
  ): ExpressionWrapper<Tables, 'gw_meetings', SqlBool> =>
    where.and([where('scope', '=', scope), where('meeting_id', '=', meeting_id)]);
}
