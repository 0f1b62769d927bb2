/**
 * The fourth step of the schema: by what raw events of servers name a meeting.
 *
 * @module
 */
import { sql, type Transaction } from 'kysely';
import { idHashOf } from '../tenants/meeting-names.ts';
import type { Tables } from './schema.ts';

/** Adds the columns, and fills them for the meetings that run just then. */
export async function meetingNames(db: Transaction<Tables>): Promise<void> {
  await sql`alter table gw_meetings add column id_hash text not null default ''`.execute(db);
  await sql`alter table callback_data add column id_hash varchar`.execute(db);
  const keys = await db.selectFrom('gw_meetings').select(['scope', 'meeting_id']).execute();
  for (const key of keys) {
    await db
      .updateTable('gw_meetings')
      .set({ id_hash: idHashOf(key) })
      .where('scope', '=', key.scope)
      .where('meeting_id', '=', key.meeting_id)
      .execute();
  }
  await db.schema.createIndex('gw_meetings_id_hash').on('gw_meetings').column('id_hash').execute();
  await db.schema
    .createIndex('gw_callback_data_id_hash')
    .on('callback_data')
    .column('id_hash')
    .execute();
}
