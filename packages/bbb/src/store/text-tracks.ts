/**
 * Captions that front-ends uploaded, in the database: a change of a recording and of its captions is
 * one transaction, and moving its folders cannot lose them.
 *
 * @module
 */
import { lockAlive } from './recording-lock.ts';
import type { Database, Dialect, TextTrackTable } from './schema.ts';

export type TextTrack = Readonly<TextTrackTable>;

export class TextTrackStore {
  readonly #db: Database;
  readonly #dialect: Dialect;

  constructor(db: Database, dialect: Dialect) {
    this.#db = db;
    this.#dialect = dialect;
  }

  /** The tracks of a recording, without their content. */
  async list(recordingId: number): Promise<Omit<TextTrack, 'content'>[]> {
    return this.#db
      .selectFrom('gw_text_tracks')
      .select(['recording_id', 'kind', 'lang', 'label'])
      .where('recording_id', '=', recordingId)
      .orderBy('kind')
      .orderBy('lang')
      .execute();
  }

  async find(key: Pick<TextTrack, 'recording_id' | 'kind' | 'lang'>): Promise<string | undefined> {
    const row = await this.#db
      .selectFrom('gw_text_tracks')
      .select('content')
      .where('recording_id', '=', key.recording_id)
      .where('kind', '=', key.kind)
      .where('lang', '=', key.lang)
      .executeTakeFirst();
    return row?.content;
  }

  /**
   * Sets a track in place of one of the same kind and language.
   *
   * @returns False if the recording is deleted by now.
   */
  async put(track: TextTrack): Promise<boolean> {
    const { label, content } = track;
    return this.#db.transaction().execute(async (db) => {
      if (!(await lockAlive(db, this.#dialect, [track.recording_id]))) return false;
      await db
        .insertInto('gw_text_tracks')
        .values(track)
        .onConflict((conflict) =>
          conflict.columns(['recording_id', 'kind', 'lang']).doUpdateSet({ label, content }),
        )
        .execute();
      return true;
    });
  }
}
