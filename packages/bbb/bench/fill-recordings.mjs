/**
 * Fills the index with recordings: some of each meeting, five metadata, one format and two previews
 * each. In SQL, which both databases carry out in seconds where one import after the other takes hours.
 *
 * @module
 */
import { sql } from 'kysely';

/** @param {import('../src/store/store.ts').Store} store */
export async function fillRecordings(store, { count, perMeeting }) {
  const isPostgres = store.dialect === 'postgres';
  const startOf = isPostgres
    ? "timestamp '2020-01-01' + i * interval '1 second'"
    : "strftime('%Y-%m-%dT%H:%M:%f', 1577836800 + i, 'unixepoch')";
  const statements = [
    `insert into recordings (record_id, meeting_id, name, published, participants, state, starttime,
       endtime, publish_updated, protected)
     with recursive n(i) as (select 1 union all select i + 1 from n where i < ${count})
     select 'rec' || i || '-' || (1577836800000 + i), 'room-' || (i / ${perMeeting}),
       'Room ' || i, 1 = 1, i % 100, 'published', ${startOf}, ${startOf}, 1 = 0, 1 = 0 from n`,
    `insert into metadata (recording_id, key, value)
     select id, 'key-' || k, 'value ' || (id * k % 1000) from recordings
     cross join (select 1 as k union select 2 union select 3 union select 4 union select 5) as keys`,
    `insert into playback_formats (recording_id, format, url, length, processing_time)
     select id, 'presentation', '/playback/presentation/2.3/' || record_id, id % 90, 1000 from recordings`,
    `insert into thumbnails (playback_format_id, width, height, alt, url, sequence)
     select id, 176, 136, '', '/presentation/preview-' || id || '.png', k from playback_formats
     cross join (select 0 as k union select 1) as numbers`,
  ];
  const name = { name: 'bench', owner: 'bench' };
  const lease = await store.leases.acquire(name, { nowMs: Date.now(), forMs: 3_600_000 });
  for (const text of statements) {
    await store.leases.fenced(lease, async (db) => {
      await sql.raw(text).execute(db);
    });
  }
  await store.leases.fenced(lease, async (db) => {
    await sql.raw('analyze').execute(db);
  });
}
