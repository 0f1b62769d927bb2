/**
 * Recordings of another database, written as they were there: flags, states, metadata and all. What
 * is there already under the same record id is made the same; a copy made twice changes nothing.
 *
 * @module
 */
import { type Insertable, sql, type Transaction } from 'kysely';
import type {
  Database,
  Dialect,
  MetadataTable,
  PlaybackFormatTable,
  RecordingTable,
  Tables,
  ThumbnailTable,
} from './schema.ts';

type Db = Transaction<Tables>;

/** A recording with everything that hangs on it, without the ids of the parts. */
export interface RecordingCopy {
  /** Of its row in the other database; kept if it is free here. */
  readonly id: number;
  readonly row: Omit<Insertable<RecordingTable>, 'id' | 'raw_size' | 'size'>;
  readonly metadata: readonly Pick<MetadataTable, 'key' | 'value'>[];
  readonly formats: readonly (Pick<
    PlaybackFormatTable,
    'format' | 'url' | 'length' | 'processing_time'
  > & {
    readonly thumbnails: readonly Omit<Insertable<ThumbnailTable>, 'id' | 'playback_format_id'>[];
  })[];
}

export type CopyOutcome = 'added' | 'changed' | 'unchanged';

export class RecordingCopyStore {
  readonly #db: Database;
  readonly #dialect: Dialect;

  constructor(db: Database, dialect: Dialect) {
    this.#db = db;
    this.#dialect = dialect;
  }

  /**
   * Copies recordings, all of them or none.
   *
   * @param isDryRun - Only tells what would happen.
   * @returns What happened to each, in order.
   */
  async copy(copies: readonly RecordingCopy[], isDryRun: boolean): Promise<CopyOutcome[]> {
    return this.#db.transaction().execute(async (db) => {
      const outcomes: CopyOutcome[] = [];
      for (const copy of copies) outcomes.push(await this.#copyOne(db, copy, isDryRun));
      if (this.#dialect === 'postgres' && !isDryRun) await skipTakenIds(db);
      return outcomes;
    });
  }

  async #copyOne(db: Db, copy: RecordingCopy, isDryRun: boolean): Promise<CopyOutcome> {
    const known = await db
      .selectFrom('recordings')
      .selectAll()
      .where('record_id', '=', copy.row.record_id)
      .executeTakeFirst();
    if (known !== undefined) {
      const isSame = isDeepEqual(await stateOf(db, known.id), expectedOf(copy));
      if (isSame && isSameRow(known, copy.row)) return 'unchanged';
    }
    const outcome = known === undefined ? 'added' : 'changed';
    if (isDryRun) return outcome;
    const id = known === undefined ? await insertRow(db, copy) : known.id;
    if (known !== undefined) {
      await db.updateTable('recordings').set(copy.row).where('id', '=', id).execute();
      await clearParts(db, id);
    }
    await insertParts(db, id, copy);
    return outcome;
  }
}

async function insertRow(db: Db, { id, row }: RecordingCopy): Promise<number> {
  const taken = await db
    .selectFrom('recordings')
    .select('id')
    .where('id', '=', id)
    .executeTakeFirst();
  const values = taken === undefined ? { id, ...row } : row;
  const inserted = await db
    .insertInto('recordings')
    .values(values)
    .returning('id')
    .executeTakeFirstOrThrow();
  return inserted.id;
}

async function clearParts(db: Db, id: number): Promise<void> {
  const formats = await db
    .selectFrom('playback_formats')
    .select('id')
    .where('recording_id', '=', id)
    .execute();
  for (const format of formats) {
    await db.deleteFrom('thumbnails').where('playback_format_id', '=', format.id).execute();
  }
  await db.deleteFrom('playback_formats').where('recording_id', '=', id).execute();
  await db.deleteFrom('metadata').where('recording_id', '=', id).execute();
}

async function insertParts(
  db: Db,
  id: number,
  { metadata, formats }: RecordingCopy,
): Promise<void> {
  if (metadata.length > 0) {
    const values = metadata.map((entry) => ({ recording_id: id, ...entry }));
    await db.insertInto('metadata').values(values).execute();
  }
  for (const { thumbnails, ...format } of formats) {
    const { id: formatId } = await db
      .insertInto('playback_formats')
      .values({ recording_id: id, ...format })
      .returning('id')
      .executeTakeFirstOrThrow();
    if (thumbnails.length === 0) continue;
    const values = thumbnails.map((thumbnail) => ({ playback_format_id: formatId, ...thumbnail }));
    await db.insertInto('thumbnails').values(values).execute();
  }
}

/** What hangs on a recording, in the form of `expectedOf`. */
async function stateOf(db: Db, id: number): Promise<unknown> {
  const metadata = await db
    .selectFrom('metadata')
    .select(['key', 'value'])
    .where('recording_id', '=', id)
    .execute();
  const formats = await db
    .selectFrom('playback_formats')
    .select(['id', 'format', 'url', 'length', 'processing_time'])
    .where('recording_id', '=', id)
    .execute();
  const withThumbnails = await Promise.all(
    formats.map(async ({ id: formatId, ...format }) => ({
      ...format,
      thumbnails: await db
        .selectFrom('thumbnails')
        .select(['width', 'height', 'alt', 'url', 'sequence'])
        .where('playback_format_id', '=', formatId)
        .orderBy('sequence')
        .execute(),
    })),
  );
  return ordered(metadata, withThumbnails);
}

function expectedOf({ metadata, formats }: RecordingCopy): unknown {
  return ordered(metadata, formats);
}

function ordered(
  metadata: readonly { readonly key: string }[],
  formats: readonly { readonly format: string }[],
): unknown {
  return {
    metadata: metadata.toSorted((a, b) => (a.key < b.key ? -1 : 1)),
    formats: formats.toSorted((a, b) => (a.format < b.format ? -1 : 1)),
  };
}

function isSameRow(known: object, row: RecordingCopy['row']): boolean {
  return Object.entries(row).every(([key, value]) => {
    const there: unknown = Reflect.get(known, key);
    return textOf(there) === textOf(value);
  });
}

/** Truth values and moments are written differently by the two databases. */
function textOf(value: unknown): string {
  if (typeof value === 'boolean') return String(Number(value));
  const text = typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  return /^\d{4}-\d\d-\d\d[ T]/.test(text)
    ? String(Date.parse(`${text.replace(' ', 'T')}Z`))
    : text;
}

function isDeepEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(a, sortedKeys) === JSON.stringify(b, sortedKeys);
}

function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Rows that brought their ids did not move the sequence, and the next one must not meet them. */
async function skipTakenIds(db: Db): Promise<void> {
  await sql`select setval(pg_get_serial_sequence('recordings', 'id'),
    greatest((select max(id) from recordings), 1))`.execute(db);
}
