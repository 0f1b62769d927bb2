/**
 * The second step of the schema: recordings, what is played with them, and what is owed to those who
 * asked to be called. The tables of the recordings are named as Scalelite names them and have its
 * columns, so that its database can be opened in place: what is there stays, what is missing is added.
 *
 * @module
 */
import { sql, type Transaction } from 'kysely';
import type { Dialect, Tables } from './schema.ts';

type Db = Transaction<Tables>;

/** Makes the tables, or adds what Scalelite's lack. */
export async function recordingTables(db: Db, dialect: Dialect): Promise<void> {
  await scaleliteTables(db, dialect);
  if (dialect === 'postgres') await addMissingColumns(db);
  else await sql`alter table callback_data add column tenant_id varchar`.execute(db);
  await addIndexes(db, dialect);
  await ownTables(db, dialect);
  // Scalelite knows a recording's tenant from its metadata only.
  await sql`update recordings set tenant_id =
    (select value from metadata where recording_id = recordings.id and key = 'tenant-id')
    where tenant_id is null`.execute(db);
}

async function scaleliteTables(db: Db, dialect: Dialect): Promise<void> {
  const key = dialect === 'postgres' ? 'bigserial' : 'integer';
  const flag = dialect === 'postgres' ? 'boolean' : 'integer';
  const statements = [
    db.schema
      .createTable('recordings')
      .ifNotExists()
      .addColumn('id', key, (column) => column.primaryKey())
      .addColumn('record_id', sql`varchar`)
      .addColumn('meeting_id', sql`varchar`)
      .addColumn('name', sql`varchar`)
      .addColumn('published', flag)
      .addColumn('participants', 'integer')
      .addColumn('state', sql`varchar`)
      .addColumn('starttime', 'timestamp')
      .addColumn('endtime', 'timestamp')
      .addColumn('deleted_at', 'timestamp')
      .addColumn('publish_updated', flag, (column) => column.defaultTo(sql`false`))
      .addColumn('protected', flag)
      .addColumn('raw_size', 'bigint')
      .addColumn('size', 'bigint')
      .addColumn('is_breakout', flag)
      .addColumn('tenant_id', sql`varchar`),
    db.schema
      .createTable('metadata')
      .ifNotExists()
      .addColumn('id', key, (column) => column.primaryKey())
      .addColumn('recording_id', 'bigint')
      .addColumn('key', sql`varchar`)
      .addColumn('value', 'text'),
    db.schema
      .createTable('playback_formats')
      .ifNotExists()
      .addColumn('id', key, (column) => column.primaryKey())
      .addColumn('recording_id', 'bigint')
      .addColumn('format', sql`varchar`)
      .addColumn('url', sql`varchar`)
      .addColumn('length', 'integer')
      .addColumn('processing_time', 'integer')
      .addColumn('size', 'bigint'),
    db.schema
      .createTable('thumbnails')
      .ifNotExists()
      .addColumn('id', key, (column) => column.primaryKey())
      .addColumn('playback_format_id', 'bigint')
      .addColumn('width', 'integer')
      .addColumn('height', 'integer')
      .addColumn('alt', sql`varchar`)
      .addColumn('url', sql`varchar`)
      .addColumn('sequence', 'integer'),
  ];
  for (const statement of statements) await statement.execute();
}

/** What releases of Scalelite lack, some or all of it. */
async function addMissingColumns(db: Db): Promise<void> {
  const missing = {
    recordings: [
      'deleted_at timestamp',
      'publish_updated boolean default false',
      'protected boolean',
      'raw_size bigint',
      'size bigint',
      'is_breakout boolean',
      'tenant_id varchar',
    ],
    playback_formats: ['size bigint'],
    callback_data: ['tenant_id varchar'],
  };
  for (const [table, columns] of Object.entries(missing)) {
    for (const column of columns) {
      const text = `alter table ${table} add column if not exists ${column}`;
      await sql.raw(text).execute(db);
    }
  }
}

async function addIndexes(db: Db, dialect: Dialect): Promise<void> {
  // In byte order an index finds the ids that begin with a text, whatever the database's locale is.
  const recordId = dialect === 'postgres' ? 'record_id collate "C"' : 'record_id';
  const statements = [
    'unique index if not exists index_recordings_on_record_id on recordings (record_id)',
    `index if not exists gw_recordings_record_id on recordings (${recordId})`,
    'index if not exists index_recordings_on_meeting_id on recordings (meeting_id)',
    'index if not exists gw_recordings_tenant on recordings (tenant_id, starttime)',
    'index if not exists gw_recordings_start on recordings (starttime)',
    'unique index if not exists index_metadata_on_recording_id_and_key on metadata (recording_id, key)',
    'unique index if not exists index_playback_formats_on_recording_id_and_format on playback_formats (recording_id, format)',
    'index if not exists index_thumbnails_on_playback_format_id on thumbnails (playback_format_id)',
  ];
  for (const text of statements) await sql.raw(`create ${text}`).execute(db);
}

async function ownTables(db: Db, dialect: Dialect): Promise<void> {
  const key = dialect === 'postgres' ? 'bigserial' : 'integer';
  const statements = [
    db.schema
      .createTable('gw_text_tracks')
      .addColumn('recording_id', 'bigint', notNull)
      .addColumn('kind', 'text', notNull)
      .addColumn('lang', 'text', notNull)
      .addColumn('label', 'text', notNull)
      .addColumn('content', 'text', notNull)
      .addPrimaryKeyConstraint('gw_text_tracks_key', ['recording_id', 'kind', 'lang']),
    db.schema
      .createTable('gw_recording_work')
      .addColumn('record_id', 'text', (column) => column.primaryKey())
      .addColumn('owner', 'text', notNull)
      .addColumn('expires_at_ms', 'bigint', notNull),
    db.schema
      .createTable('gw_used_tokens')
      .addColumn('token', 'text', (column) => column.primaryKey())
      .addColumn('expires_at_ms', 'bigint', notNull),
    db.schema.createIndex('gw_used_tokens_expiry').on('gw_used_tokens').column('expires_at_ms'),
    db.schema
      .createTable('gw_deliveries')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('kind', 'text', notNull)
      .addColumn('tenant_id', 'text', notNull)
      .addColumn('method', 'text', notNull)
      .addColumn('url', 'text', notNull)
      .addColumn('payload', 'text', notNull)
      .addColumn('state', 'text', notNull)
      .addColumn('attempts', 'integer', notNull)
      .addColumn('created_at_ms', 'bigint', notNull)
      .addColumn('next_at_ms', 'bigint', notNull)
      .addColumn('last_error', 'text', notNull),
    db.schema.createIndex('gw_deliveries_due').on('gw_deliveries').columns(['state', 'next_at_ms']),
    db.schema
      .createTable('gw_hooks')
      .addColumn('id', key, (column) => column.primaryKey())
      .addColumn('tenant_id', 'text', notNull)
      .addColumn('callback_url', 'text', notNull)
      .addColumn('meeting_id', 'text', notNull)
      .addColumn('event_id', 'text', notNull)
      .addColumn('is_raw', 'integer', notNull)
      .addColumn('created_at_ms', 'bigint', notNull)
      .addUniqueConstraint('gw_hooks_key', ['tenant_id', 'callback_url']),
  ];
  for (const statement of statements) await statement.execute();
}

function notNull<T extends { notNull(): T }>(column: T): T {
  return column.notNull();
}
