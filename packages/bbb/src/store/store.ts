/**
 * The durable part of the gateway's memory: one object over either database.
 *
 * @module
 */
import { sql } from 'kysely';
import { CallbackStore } from './callback-data.ts';
import { DeliveryStore } from './deliveries.ts';
import { HookStore } from './hooks.ts';
import { LeaseStore } from './leases.ts';
import { MeetingStore } from './meetings.ts';
import { migrate } from './migrations.ts';
import { openPostgres, type PostgresOptions } from './postgres.ts';
import type { Database, Dialect } from './schema.ts';
import { RecordingWorkStore } from './recording-work.ts';
import { RecordingCopyStore } from './recording-copies.ts';
import { RecordingStore } from './recordings.ts';
import { ServerStore } from './servers.ts';
import { openSqlite, unlockSqlite } from './sqlite.ts';
import { TenantStore } from './tenants.ts';
import { TokenStore } from './tokens.ts';
import { TextTrackStore } from './text-tracks.ts';
import { UsedTokenStore } from './used-tokens.ts';

export class Store {
  readonly dialect: Dialect;
  readonly servers: ServerStore;
  readonly meetings: MeetingStore;
  readonly tenants: TenantStore;
  readonly callbacks: CallbackStore;
  readonly leases: LeaseStore;
  readonly deliveries: DeliveryStore;
  readonly hooks: HookStore;
  readonly tokens: TokenStore;
  readonly recordings: RecordingStore;
  readonly recordingCopies: RecordingCopyStore;
  readonly recordingWork: RecordingWorkStore;
  readonly textTracks: TextTrackStore;
  readonly usedTokens: UsedTokenStore;
  readonly #db: Database;

  private constructor(db: Database, dialect: Dialect) {
    this.#db = db;
    this.dialect = dialect;
    this.servers = new ServerStore(db, dialect);
    this.meetings = new MeetingStore(db, dialect);
    this.tenants = new TenantStore(db);
    this.callbacks = new CallbackStore(db);
    this.leases = new LeaseStore(db, dialect);
    this.deliveries = new DeliveryStore(db);
    this.hooks = new HookStore(db);
    this.tokens = new TokenStore(db);
    this.recordings = new RecordingStore(db, dialect);
    this.recordingCopies = new RecordingCopyStore(db, dialect);
    this.recordingWork = new RecordingWorkStore(db, dialect);
    this.textTracks = new TextTrackStore(db, dialect);
    this.usedTokens = new UsedTokenStore(db);
  }

  /**
   * Opens the database of a data directory for this process alone.
   *
   * @throws {DataLockedError} if another process has it.
   * @throws {SchemaTooNewError} if a newer program wrote it.
   * @throws {StorageError} if it cannot be opened.
   */
  static async openEmbedded(directory: string): Promise<Store> {
    const store = await opened(
      await openSqlite(directory),
      'sqlite',
      (db) => new Store(db, 'sqlite'),
    );
    // The data are ours alone: whoever had a lease or worked on a recording is gone, however it ended.
    await store.leases.expireAll();
    await store.recordingWork.expireAll();
    return store;
  }

  /**
   * Opens a PostgreSQL database that other processes may have open too.
   *
   * @throws {SchemaTooNewError} if a newer program wrote it.
   * @throws {StorageError} if it cannot be reached.
   */
  static async openPostgres(options: PostgresOptions): Promise<Store> {
    return opened(await openPostgres(options), 'postgres', (db) => new Store(db, 'postgres'));
  }

  /** Resolves if the database answers. */
  async ping(): Promise<void> {
    await sql`select 1`.execute(this.#db);
  }

  /**
   * A value that is made once and kept, such as a generated secret. Of several processes that make
   * it at once one wins, and all get the winner's.
   */
  async keep(key: string, make: () => string): Promise<{ value: string; isNew: boolean }> {
    const made = make();
    await this.#db
      .insertInto('gw_meta')
      .values({ key, value: made })
      .onConflict((conflict) => conflict.column('key').doNothing())
      .execute();
    const { value } = await this.#db
      .selectFrom('gw_meta')
      .select('value')
      .where('key', '=', key)
      .executeTakeFirstOrThrow();
    return { value, isNew: value === made };
  }

  async close(): Promise<void> {
    if (this.dialect === 'sqlite') await unlockSqlite(this.#db);
    await this.#db.destroy();
  }
}

async function opened(
  db: Database,
  dialect: Dialect,
  create: (db: Database) => Store,
): Promise<Store> {
  try {
    await migrate(db, dialect);
    return create(db);
  } catch (error) {
    if (dialect === 'sqlite') await unlockSqlite(db);
    await db.destroy();
    throw error;
  }
}
