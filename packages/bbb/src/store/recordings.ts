/**
 * Recordings in the database: finding them, and changing them a whole recording at a time.
 *
 * @module
 */
import type { Transaction } from 'kysely';
import { chunksOf } from './chunks.ts';
import {
  filtered,
  isStorable,
  type RecordingFilter,
  type RecordingPage,
} from './recording-filter.ts';
import { lockAlive } from './recording-lock.ts';
import {
  type ImportRules,
  isTrue,
  momentOf,
  type PlaybackFormat,
  type Recording,
  type RecordingFacts,
  type RecordingRow,
  rowOf,
  type Thumbnail,
} from './recording-rows.ts';
import type { Database, Dialect, Tables } from './schema.ts';

/** Key of the metadata that names a recording's tenant. */
export const TENANT_KEY = 'tenant-id';

type Db = Transaction<Tables>;

export class RecordingStore {
  readonly #db: Database;
  readonly #dialect: Dialect;

  constructor(db: Database, dialect: Dialect) {
    this.#db = db;
    this.#dialect = dialect;
  }

  /** Recordings that fit, newest first, with what hangs on them. Reads only. */
  async list(filter: RecordingFilter, page: RecordingPage | null = null): Promise<Recording[]> {
    let query = filtered(this.#db, this.#dialect, filter)
      .selectAll('recordings')
      .orderBy('recordings.starttime', 'desc')
      .orderBy('recordings.record_id');
    if (page !== null) query = query.limit(page.limit).offset(page.offset);
    return this.#withDetails((await query.execute()).map(rowOf));
  }

  /** Number of recordings that fit. */
  async count(filter: RecordingFilter): Promise<number> {
    const row = await filtered(this.#db, this.#dialect, filter)
      .select((select) => select.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    return row.count;
  }

  /** Number of recordings by state. */
  async countByState(): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#db
      .selectFrom('recordings')
      .select((select) => ['state', select.fn.countAll<number>().as('count')])
      .groupBy('state')
      .execute();
    return new Map(rows.map(({ state, count }) => [state, count]));
  }

  /** Recordings by their ids, without what hangs on them; unknown ids are left out. */
  async rows(recordIds: readonly string[]): Promise<RecordingRow[]> {
    const rows: RecordingRow[] = [];
    for (const ids of chunksOf(recordIds.filter(isStorable))) {
      const found = await this.#db
        .selectFrom('recordings')
        .selectAll()
        .where('record_id', 'in', ids)
        .execute();
      rows.push(...found.map(rowOf));
    }
    return rows;
  }

  /** One recording without what hangs on it. */
  async find(recordId: string): Promise<RecordingRow | undefined> {
    return (await this.rows([recordId]))[0];
  }

  /** The address of one format; undefined if the recording has no such format. */
  async formatUrl(row: RecordingRow, format: string): Promise<string | undefined> {
    const found = await this.#db
      .selectFrom('playback_formats')
      .select('url')
      .where('recording_id', '=', row.id)
      .where('format', '=', format)
      .executeTakeFirst();
    return found === undefined ? undefined : (found.url ?? '');
  }

  /** Names of the formats of a recording. */
  async formatTypes(row: RecordingRow): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('playback_formats')
      .select('format')
      .where('recording_id', '=', row.id)
      .orderBy('format')
      .execute();
    return rows.map(({ format }) => format);
  }

  /**
   * Adds a format of a recording, or brings it up to date, in one transaction: keys of the metadata
   * that are not mentioned stay, thumbnails beyond those given go. A deleted recording lives again.
   *
   * @returns The recording as it is now.
   */
  async upsert(facts: RecordingFacts, rules: ImportRules, db?: Db): Promise<RecordingRow> {
    const work = async (transaction: Db): Promise<RecordingRow> =>
      upsert(transaction, facts, rules);
    return db === undefined ? this.#db.transaction().execute(work) : work(db);
  }

  /** Notes that somebody published or unpublished a recording. */
  async setPublished(
    recordId: string,
    isPublished: boolean,
    db: Database = this.#db,
  ): Promise<void> {
    await db
      .updateTable('recordings')
      .set({
        published: Number(isPublished),
        state: isPublished ? 'published' : 'unpublished',
        publish_updated: 1,
      })
      .where('record_id', '=', recordId)
      .execute();
  }

  /**
   * Changes recordings, all of them or none.
   *
   * @returns False, with nothing changed, if one of them is deleted by now.
   */
  async update(
    rows: readonly RecordingRow[],
    change: { readonly metadata: MetadataChange; readonly isProtected?: boolean },
  ): Promise<boolean> {
    return this.#db.transaction().execute(async (db) => {
      const ids = rows.map(({ id }) => id);
      if (!(await lockAlive(db, this.#dialect, ids))) return false;
      for (const id of ids) {
        if (change.isProtected !== undefined) {
          const flag = { protected: Number(change.isProtected) };
          await db.updateTable('recordings').set(flag).where('id', '=', id).execute();
        }
        await writeMetadata(db, id, change.metadata);
      }
      return true;
    });
  }

  /** Notes that a recording is gone: what hangs on it goes, its row stays. */
  async markDeleted(recordId: string, nowMs: number): Promise<void> {
    await this.#db.transaction().execute(async (db) => {
      const row = await db
        .updateTable('recordings')
        .set({ published: 0, publish_updated: 0, state: 'deleted', deleted_at: momentOf(nowMs) })
        .where('record_id', '=', recordId)
        .returning('id')
        .executeTakeFirst();
      if (row === undefined) return;
      await db
        .deleteFrom('thumbnails')
        .where('playback_format_id', 'in', (formats) =>
          formats.selectFrom('playback_formats').select('id').where('recording_id', '=', row.id),
        )
        .execute();
      for (const table of ['playback_formats', 'metadata', 'gw_text_tracks'] as const) {
        await db.deleteFrom(table).where('recording_id', '=', row.id).execute();
      }
    });
  }

  /** Gives all recordings without a tenant to one. @returns How many. */
  async addToTenant(tenantId: string): Promise<number> {
    return this.#db.transaction().execute(async (db) => {
      const query = db
        .selectFrom('recordings')
        .select(['id', 'state'])
        .where((where) => where.or([where('tenant_id', 'is', null), where('tenant_id', '=', '')]))
        .orderBy('id');
      // In the order in which `update` locks several.
      const rows = await (this.#dialect === 'postgres' ? query.forUpdate() : query).execute();
      for (const ids of chunksOf(rows.map(({ id }) => id))) {
        await db
          .updateTable('recordings')
          .set({ tenant_id: tenantId })
          .where('id', 'in', ids)
          .execute();
      }
      const metadata = new Map([[TENANT_KEY, tenantId]]);
      for (const { id, state } of rows) {
        if (state !== 'deleted') await writeMetadata(db, id, metadata);
      }
      return rows.length;
    });
  }

  async #withDetails(rows: readonly RecordingRow[]): Promise<Recording[]> {
    const metadata = new Map<number, Map<string, string>>();
    const formats = new Map<number, PlaybackFormat[]>();
    for (const ids of chunksOf(rows.map(({ id }) => id))) {
      const pairs = await this.#db
        .selectFrom('metadata')
        .select(['recording_id', 'key', 'value'])
        .where('recording_id', 'in', ids)
        .orderBy('key')
        .execute();
      for (const { recording_id: id, key, value } of pairs) {
        (metadata.get(id) ?? put(metadata, id, new Map())).set(key, value ?? '');
      }
      await this.#addFormats(ids, formats);
    }
    return rows.map((row) => ({
      ...row,
      metadata: metadata.get(row.id) ?? new Map(),
      formats: formats.get(row.id) ?? [],
    }));
  }

  async #addFormats(ids: readonly number[], formats: Map<number, PlaybackFormat[]>): Promise<void> {
    const rows = await this.#db
      .selectFrom('playback_formats')
      .selectAll()
      .where('recording_id', 'in', ids)
      .orderBy('format')
      .execute();
    const thumbnails = new Map<number, Thumbnail[]>();
    for (const formatIds of chunksOf(rows.map(({ id }) => id))) {
      const found = await this.#db
        .selectFrom('thumbnails')
        .selectAll()
        .where('playback_format_id', 'in', formatIds)
        .orderBy('sequence')
        .execute();
      for (const { playback_format_id: id, width, height, alt, url } of found) {
        const thumbnail = {
          width: width ?? 0,
          height: height ?? 0,
          alt: alt ?? '',
          url: url ?? '',
        };
        (thumbnails.get(id) ?? put(thumbnails, id, [])).push(thumbnail);
      }
    }
    for (const row of rows) {
      (formats.get(row.recording_id) ?? put(formats, row.recording_id, [])).push({
        type: row.format,
        url: row.url ?? '',
        lengthMinutes: row.length ?? 0,
        processingTimeMs: row.processing_time ?? 0,
        sizeBytes: row.size,
        thumbnails: thumbnails.get(row.id) ?? [],
      });
    }
  }
}

async function upsert(db: Db, facts: RecordingFacts, rules: ImportRules): Promise<RecordingRow> {
  const present = await db
    .selectFrom('recordings')
    .selectAll()
    .where('record_id', '=', facts.recordId)
    .executeTakeFirst();
  const keepsFlag = !rules.isForced && present !== undefined && isTrue(present.publish_updated);
  const isPublished = keepsFlag ? isTrue(present.published) : rules.isPublished;
  const values = {
    meeting_id: facts.meetingId,
    name: facts.name,
    published: Number(isPublished),
    state: isPublished ? 'published' : 'unpublished',
    participants: facts.participants,
    starttime: momentOf(facts.startMs),
    endtime: momentOf(facts.endMs),
    deleted_at: null,
    protected: Number(rules.isProtected),
    is_breakout: Number(facts.isBreakout),
    ...(facts.rawSizeBytes !== null && { raw_size: facts.rawSizeBytes }),
  };
  const { id } = await db
    .insertInto('recordings')
    .values({ publish_updated: 0, ...values, record_id: facts.recordId })
    .onConflict((conflict) => conflict.column('record_id').doUpdateSet(values))
    .returning('id')
    .executeTakeFirstOrThrow();
  await writeMetadata(db, id, facts.metadata);
  await writeFormat(db, id, facts.format);
  return rowOf(
    await db
      .updateTable('recordings')
      .set((set) => ({
        size: set
          .selectFrom('playback_formats')
          .select((select) => select.fn.sum<number>('size').as('size'))
          .where('recording_id', '=', id),
      }))
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow(),
  );
}

/** Keys to their new values; null removes a key. */
export type MetadataChange = ReadonlyMap<string, string | null>;

/** Changes keys, and keeps the column that names the tenant in step. */
async function writeMetadata(db: Db, recordingId: number, metadata: MetadataChange): Promise<void> {
  for (const [key, value] of metadata) {
    if (value === null) {
      await db
        .deleteFrom('metadata')
        .where('recording_id', '=', recordingId)
        .where('key', '=', key)
        .execute();
      continue;
    }
    await db
      .insertInto('metadata')
      .values({ recording_id: recordingId, key, value })
      .onConflict((conflict) => conflict.columns(['recording_id', 'key']).doUpdateSet({ value }))
      .execute();
  }
  const tenantId = metadata.get(TENANT_KEY);
  if (tenantId === undefined) return;
  await db
    .updateTable('recordings')
    .set({ tenant_id: tenantId })
    .where('id', '=', recordingId)
    .execute();
}

async function writeFormat(db: Db, recordingId: number, format: PlaybackFormat): Promise<void> {
  const values = {
    url: format.url,
    length: format.lengthMinutes,
    processing_time: format.processingTimeMs,
    size: format.sizeBytes,
  };
  const { id } = await db
    .insertInto('playback_formats')
    .values({ recording_id: recordingId, format: format.type, ...values })
    .onConflict((conflict) => conflict.columns(['recording_id', 'format']).doUpdateSet(values))
    .returning('id')
    .executeTakeFirstOrThrow();
  await db.deleteFrom('thumbnails').where('playback_format_id', '=', id).execute();
  for (const [sequence, thumbnail] of format.thumbnails.entries()) {
    await db
      .insertInto('thumbnails')
      .values({ playback_format_id: id, sequence, ...thumbnail })
      .execute();
  }
}

function put<K, V>(map: Map<K, V>, key: K, value: V): V {
  map.set(key, value);
  return value;
}
