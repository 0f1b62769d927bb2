/**
 * Captions that front-ends uploaded, in the database: a change of a recording and of its captions is
 * one transaction, and moving its folders cannot lose them.
 *
 * @module
 */
import type { Database, TextTrackTable } from './schema.ts';

export type TextTrack = Readonly<TextTrackTable>;

export class TextTrackStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
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

  /** Sets a track in place of one of the same kind and language. */
  async put(track: TextTrack): Promise<void> {
    const { label, content } = track;
    await this.#db
      .insertInto('gw_text_tracks')
      .values(track)
      .onConflict((conflict) =>
        conflict.columns(['recording_id', 'kind', 'lang']).doUpdateSet({ label, content }),
      )
      .execute();
  }
}
