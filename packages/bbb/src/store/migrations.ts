/**
 * Steps of the schema. Each runs once, in a transaction that also notes its number, under a lock:
 * kysely's own migrator would run the steps of SQLite outside a transaction.
 *
 * @module
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import { SchemaTooNewError } from './errors.ts';
import { meetingNames } from './name-columns.ts';
import { recordingTables } from './recording-tables.ts';
import type { Database, Dialect, Tables } from './schema.ts';

/** One step: never changed once released; what follows it is a step of its own. */
type Step = (db: Transaction<Tables>, dialect: Dialect) => Promise<void>;

/** Schema version n is what the first n steps make. */
const STEPS: readonly Step[] = [gatewayTables, recordingTables, adminTables, meetingNames];

/** Any number that no other program on the same database server is likely to use. */
const ADVISORY_LOCK = 7_246_224_226;

/** @throws {SchemaTooNewError} if the data were written by a newer program. */
export async function migrate(db: Database, dialect: Dialect): Promise<void> {
  await db.transaction().execute(async (step) => {
    if (dialect === 'postgres')
      await sql`select pg_advisory_xact_lock(${ADVISORY_LOCK})`.execute(step);
    await createMeta(step);
    const found = await versionOf(step);
    if (found > STEPS.length) throw new SchemaTooNewError(found, STEPS.length);
    for (const run of STEPS.slice(found)) await run(step, dialect);
    if (found < STEPS.length) await setVersion(step, STEPS.length);
  });
}

/** The version that this program writes. */
export const SCHEMA_VERSION: number = STEPS.length;

async function createMeta(db: Kysely<Tables>): Promise<void> {
  await db.schema
    .createTable('gw_meta')
    .ifNotExists()
    .addColumn('key', 'text', (column) => column.primaryKey())
    .addColumn('value', 'text', (column) => column.notNull())
    .execute();
}

async function versionOf(db: Kysely<Tables>): Promise<number> {
  const row = await db
    .selectFrom('gw_meta')
    .select('value')
    .where('key', '=', 'schema_version')
    .executeTakeFirst();
  return row === undefined ? 0 : Number(row.value);
}

async function setVersion(db: Kysely<Tables>, version: number): Promise<void> {
  const value = String(version);
  await db
    .insertInto('gw_meta')
    .values({ key: 'schema_version', value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .execute();
}

async function gatewayTables(db: Transaction<Tables>, dialect: Dialect): Promise<void> {
  // Byte order is the order of servers; other locales would sort "B" after "a".
  const text = dialect === 'postgres' ? sql`text collate "C"` : 'text';
  const statements = [
    db.schema
      .createTable('gw_servers')
      .addColumn('id', text, (column) => column.primaryKey())
      .addColumn('url', 'text', notNull)
      .addColumn('secret', 'text', notNull)
      .addColumn('tag', 'text', notNull)
      .addColumn('state', 'text', notNull)
      .addColumn('is_online', 'integer', notNull)
      .addColumn('multiplier', 'double precision', notNull)
      .addColumn('max_meetings', 'integer', notNull)
      .addColumn('max_users', 'integer', notNull)
      .addColumn('checksum_algorithm', 'text')
      .addColumn('tls_ca', 'text')
      .addColumn('tls_verify', 'integer', notNull)
      .addColumn('healthy_count', 'integer', notNull)
      .addColumn('unhealthy_count', 'integer', notNull)
      .addColumn('load', 'double precision')
      .addColumn('meetings', 'integer', notNull)
      .addColumn('users', 'integer', notNull)
      .addColumn('largest_meeting', 'integer', notNull)
      .addColumn('videos', 'integer', notNull)
      .addColumn('bbb_version', 'text', notNull)
      .addColumn('last_error', 'text', notNull)
      .addColumn('polled_at_ms', 'bigint', notNull)
      .addColumn('created_at_ms', 'bigint', notNull),
    db.schema
      .createTable('gw_meetings')
      .addColumn('scope', 'text', notNull)
      .addColumn('meeting_id', 'text', notNull)
      .addColumn('server_id', 'text', notNull)
      .addColumn('tenant_id', 'text', notNull)
      .addColumn('moderator_pw', 'text', notNull)
      .addColumn('voice_bridge', 'text', (column) => column.notNull().unique())
      .addColumn('status', 'text', notNull)
      .addColumn('created_at_ms', 'bigint', notNull)
      .addColumn('last_seen_at_ms', 'bigint', notNull)
      .addPrimaryKeyConstraint('gw_meetings_key', ['scope', 'meeting_id']),
    db.schema.createIndex('gw_meetings_server').on('gw_meetings').column('server_id'),
    db.schema.createIndex('gw_meetings_tenant').on('gw_meetings').column('tenant_id'),
    db.schema
      .createTable('gw_tenants')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('name', 'text', (column) => column.notNull().unique())
      .addColumn('secrets', 'text', notNull)
      .addColumn('path_access', 'integer', notNull)
      .addColumn('max_meetings', 'integer', notNull)
      .addColumn('max_users', 'integer', notNull)
      .addColumn('lrs_endpoint', 'text', notNull)
      .addColumn('lrs_username', 'text', notNull)
      .addColumn('lrs_password', 'text', notNull)
      .addColumn('kc_token_url', 'text', notNull)
      .addColumn('kc_client_id', 'text', notNull)
      .addColumn('kc_client_secret', 'text', notNull)
      .addColumn('kc_username', 'text', notNull)
      .addColumn('kc_password', 'text', notNull),
    db.schema
      .createTable('gw_tenant_settings')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('tenant_id', 'text', notNull)
      .addColumn('param', 'text', notNull)
      .addColumn('value', 'text', notNull)
      .addColumn('is_override', 'integer', notNull)
      .addUniqueConstraint('gw_tenant_settings_key', ['tenant_id', 'param', 'is_override']),
    db.schema
      .createTable('gw_leases')
      .addColumn('name', 'text', (column) => column.primaryKey())
      .addColumn('owner', 'text', notNull)
      .addColumn('fence', 'bigint', notNull)
      .addColumn('expires_at_ms', 'bigint', notNull),
    db.schema
      .createTable('callback_data')
      .ifNotExists()
      .addColumn('id', dialect === 'postgres' ? 'bigserial' : 'integer', (column) =>
        column.primaryKey(),
      )
      .addColumn('meeting_id', sql`varchar`)
      .addColumn('recording_id', 'bigint')
      .addColumn('callback_attributes', 'text')
      .addColumn('created_at', 'timestamp', notNull)
      .addColumn('updated_at', 'timestamp', notNull),
    // Scalelite's own index of the same name and meaning is left as it is.
    db.schema
      .createIndex('index_callback_data_on_meeting_id')
      .ifNotExists()
      .on('callback_data')
      .column('meeting_id'),
  ];
  for (const statement of statements) await statement.execute();
}

/** Tokens of the admin page and the REST API. */
async function adminTables(db: Transaction<Tables>): Promise<void> {
  await db.schema
    .createTable('gw_tokens')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', notNull)
    .addColumn('role', 'text', notNull)
    .addColumn('digest', 'text', (column) => column.notNull().unique())
    .addColumn('created_at_ms', 'bigint', notNull)
    .execute();
}

function notNull<T extends { notNull(): T }>(column: T): T {
  return column.notNull();
}
