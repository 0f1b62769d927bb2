/**
 * Scalelite's PostgreSQL, read and never written (the database itself is told to refuse writes):
 * recordings and callback addresses, a page at a time.
 *
 * @module
 */
import { sql } from 'kysely';
import { openPostgres } from '../store/postgres.ts';
import type { RecordingCopy } from '../store/recording-copies.ts';
import { momentOf } from '../store/recording-rows.ts';
import type { Database } from '../store/schema.ts';

/** A row of `callback_data`. */
export interface ScaleliteCallback {
  readonly id: number;
  readonly meetingId: string;
  readonly recordId: string | null;
  readonly attributes: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** A page of rows. */
export interface Page<T> {
  readonly rows: readonly T[];
  /** Where the next one begins; null: this was the last. */
  readonly next: number | null;
}

const PAGE_COUNT = 500;

export class ScaleliteSql {
  readonly #db: Database;

  private constructor(db: Database) {
    this.#db = db;
  }

  /** @throws {StorageError} if it cannot be reached. */
  static async connect(url: string): Promise<ScaleliteSql> {
    const readOnly = new URL(url);
    readOnly.searchParams.set('options', '-c default_transaction_read_only=on');
    return new ScaleliteSql(await openPostgres({ url: readOnly.href, connectionsMax: 2 }));
  }

  async close(): Promise<void> {
    await this.#db.destroy();
  }

  /** Number of rows; 0 if the table is not there. */
  async count(table: 'recordings' | 'callback_data'): Promise<number> {
    if (!(await this.#has(table))) return 0;
    const row = await this.#db
      .selectFrom(table)
      .select((select) => select.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    return row.count;
  }

  /** @param after - Row id; recordings with greater ones. */
  async recordings(after: number): Promise<Page<RecordingCopy>> {
    const rows = await this.#db
      .selectFrom('recordings')
      .selectAll()
      .where('id', '>', after)
      .orderBy('id')
      .limit(PAGE_COUNT)
      .execute();
    if (rows.length === 0) return { rows: [], next: null };
    const ids = rows.map(({ id }) => id);
    const metadata = await this.#db
      .selectFrom('metadata')
      .selectAll()
      .where('recording_id', 'in', ids)
      .orderBy('id')
      .execute();
    const formats = await this.#db
      .selectFrom('playback_formats')
      .selectAll()
      .where('recording_id', 'in', ids)
      .orderBy('id')
      .execute();
    const formatIds = [0, ...formats.map(({ id }) => id)];
    const thumbnails = await this.#db
      .selectFrom('thumbnails')
      .selectAll()
      .where('playback_format_id', 'in', formatIds)
      .orderBy('sequence')
      .orderBy('id')
      .execute();
    const copies = rows.map((row): RecordingCopy => {
      const own = metadata.filter((entry) => entry.recording_id === row.id);
      return {
        id: row.id,
        row: {
          record_id: row.record_id,
          meeting_id: row.meeting_id,
          name: row.name,
          published: Number(row.published ?? 0),
          participants: row.participants,
          state: row.state,
          starttime: asMoment(row.starttime),
          endtime: asMoment(row.endtime),
          deleted_at: asMoment(row.deleted_at),
          protected: Number(row.protected ?? 0),
          publish_updated: Number(row.publish_updated ?? 0),
          is_breakout: 0,
          tenant_id: own.find(({ key }) => key === 'tenant-id')?.value ?? null,
        },
        metadata: own.map(({ key, value }) => ({ key, value })),
        formats: formats
          .filter((format) => format.recording_id === row.id)
          .map((format) => ({
            format: format.format,
            url: format.url,
            length: format.length,
            processing_time: format.processing_time,
            thumbnails: thumbnails
              .filter((thumbnail) => thumbnail.playback_format_id === format.id)
              .map(({ width, height, alt, url, sequence }) => ({
                width,
                height,
                alt,
                url,
                sequence: sequence ?? 0,
              })),
          })),
      };
    });
    return { rows: copies, next: rows.length < PAGE_COUNT ? null : ids.at(-1)! };
  }

  /** @param after - Row id; addresses with greater ones. */
  async callbacks(after: number): Promise<Page<ScaleliteCallback>> {
    const rows = await this.#db
      .selectFrom('callback_data')
      .leftJoin('recordings', 'recordings.id', 'callback_data.recording_id')
      .select([
        'callback_data.id',
        'callback_data.meeting_id',
        'callback_data.callback_attributes',
        'callback_data.created_at',
        'callback_data.updated_at',
        'recordings.record_id',
      ])
      .where('callback_data.id', '>', after)
      .orderBy('callback_data.id')
      .limit(PAGE_COUNT)
      .execute();
    return {
      rows: rows.map((row) => ({
        id: row.id,
        meetingId: row.meeting_id,
        recordId: row.record_id,
        attributes: row.callback_attributes,
        createdAt: asMoment(row.created_at) ?? momentOf(0),
        updatedAt: asMoment(row.updated_at) ?? momentOf(0),
      })),
      next: rows.length < PAGE_COUNT ? null : rows.at(-1)!.id,
    };
  }

  async #has(table: string): Promise<boolean> {
    const { rows } = await sql<{
      name: string | null;
    }>`select to_regclass(${table}) as name`.execute(this.#db);
    return rows[0]?.name !== null;
  }
}

/** As the gateway writes times; PostgreSQL's text of a timestamp has a space in the middle. */
function asMoment(text: unknown): string | null {
  const ms = typeof text === 'string' ? Date.parse(`${text.replace(' ', 'T')}Z`) : Number.NaN;
  return Number.isNaN(ms) ? null : momentOf(ms);
}
