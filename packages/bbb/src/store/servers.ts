/**
 * Servers in the database.
 *
 * @module
 */
import type { Database, Dialect, ServerTable } from './schema.ts';

/** One BigBlueButton server. */
export type ServerRow = Readonly<ServerTable>;
export type ServerState = ServerRow['state'];

/** What an operator sets; the rest has defaults or comes from polls. */
export interface NewServer {
  readonly id: string;
  readonly url: string;
  readonly secret: string;
  readonly tag?: string;
  readonly multiplier?: number;
  readonly state?: ServerState;
  readonly maxMeetings?: number;
  readonly maxUsers?: number;
  readonly checksumAlgorithm?: string | null;
  readonly tlsCa?: string | null;
  readonly tlsVerify?: boolean;
}

/** Columns that a change may touch. */
export type ServerChange = Partial<Omit<ServerRow, 'id' | 'created_at_ms'>>;

export class ServerStore {
  readonly #db: Database;
  readonly #dialect: Dialect;

  constructor(db: Database, dialect: Dialect) {
    this.#db = db;
    this.#dialect = dialect;
  }

  /** All servers in byte order of their ids. */
  async list(): Promise<ServerRow[]> {
    return this.#db.selectFrom('gw_servers').selectAll().orderBy('id').execute();
  }

  async find(id: string): Promise<ServerRow | undefined> {
    return this.#db.selectFrom('gw_servers').selectAll().where('id', '=', id).executeTakeFirst();
  }

  /** As `find`, in a transaction: until its end nobody else changes the server. */
  async lock(id: string): Promise<ServerRow | undefined> {
    const query = this.#db.selectFrom('gw_servers').selectAll().where('id', '=', id);
    // SQLite has one transaction at a time anyway.
    return (this.#dialect === 'postgres' ? query.forUpdate() : query).executeTakeFirst();
  }

  /** @returns False if the id is taken; nothing is changed then. */
  async add(server: NewServer, nowMs: number): Promise<boolean> {
    const row = newRow(server, nowMs);
    const { numInsertedOrUpdatedRows } = await this.#db
      .insertInto('gw_servers')
      .values(row)
      .onConflict((conflict) => conflict.column('id').doNothing())
      .executeTakeFirst();
    return (numInsertedOrUpdatedRows ?? 0n) > 0n;
  }

  /** @returns False if there is no such server. */
  async update(id: string, change: ServerChange): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable('gw_servers')
      .set(change)
      .where('id', '=', id)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /**
   * Changes a server by what it is at that moment.
   *
   * @returns What it is now; undefined if there is no such server.
   */
  async change(
    id: string,
    changeOf: (current: ServerRow) => ServerChange,
  ): Promise<ServerRow | undefined> {
    return this.#db.transaction().execute(async (db) => {
      const servers = new ServerStore(db, this.#dialect);
      const current = await servers.lock(id);
      if (current === undefined) return undefined;
      const change = changeOf(current);
      if (Object.keys(change).length > 0) await servers.update(id, change);
      return { ...current, ...change };
    });
  }

  /** Removes a server together with its records. @returns False if there is no such server. */
  async remove(id: string): Promise<boolean> {
    return this.#db.transaction().execute(async (db) => {
      // The server first, as everybody does who changes both: so nobody waits for each other.
      const { numDeletedRows } = await db
        .deleteFrom('gw_servers')
        .where('id', '=', id)
        .executeTakeFirst();
      await db.deleteFrom('gw_meetings').where('server_id', '=', id).execute();
      return numDeletedRows > 0n;
    });
  }
}

function newRow(server: NewServer, nowMs: number): ServerRow {
  return {
    id: server.id,
    url: server.url,
    secret: server.secret,
    tag: server.tag ?? '',
    state: server.state ?? 'disabled',
    is_online: 0,
    multiplier: server.multiplier ?? 1,
    max_meetings: server.maxMeetings ?? 0,
    max_users: server.maxUsers ?? 0,
    checksum_algorithm: server.checksumAlgorithm ?? null,
    tls_ca: server.tlsCa ?? null,
    tls_verify: server.tlsVerify === false ? 0 : 1,
    healthy_count: 0,
    unhealthy_count: 0,
    load: null,
    meetings: 0,
    users: 0,
    largest_meeting: 0,
    videos: 0,
    bbb_version: '',
    last_error: '',
    polled_at_ms: 0,
    created_at_ms: nowMs,
  };
}
