/** A Scalelite with its data: the layout of its PostgreSQL and its Redis, filled for tests. */
import pg from 'pg';
import { redisCommand } from '../peers.ts';

const LAYOUT = `
create table callback_data (
  id bigserial primary key, meeting_id varchar, recording_id integer, callback_attributes text,
  created_at timestamp(6) not null, updated_at timestamp(6) not null);
create table metadata (id bigserial primary key, recording_id bigint, key varchar, value varchar);
create unique index index_metadata_on_recording_id_and_key on metadata (recording_id, key);
create table playback_formats (
  id bigserial primary key, recording_id bigint, format varchar, url varchar, length integer,
  processing_time integer);
create table recordings (
  id bigserial primary key, record_id varchar, meeting_id varchar, name varchar, published boolean,
  participants integer, state varchar, starttime timestamp, endtime timestamp, deleted_at timestamp,
  publish_updated boolean default false, protected boolean);
create index index_recordings_on_meeting_id on recordings (meeting_id);
create unique index index_recordings_on_record_id on recordings (record_id);
create table thumbnails (
  id bigserial primary key, playback_format_id bigint, width integer, height integer, alt varchar,
  url varchar, sequence integer);
create index index_thumbnails_on_playback_format_id on thumbnails (playback_format_id);
create unique index index_playback_formats_on_recording_id_and_format
  on playback_formats (recording_id, format);
create table tenants (id bigserial primary key, name varchar, secrets varchar);
create unique index index_tenants_on_name on tenants (name);
create table tenant_settings (
  id bigserial primary key, tenant_id bigint, name varchar, value varchar);
create table schema_migrations (version varchar primary key);
insert into schema_migrations values ('20230125235717');
create table ar_internal_metadata (
  key varchar primary key, value varchar, created_at timestamp(6) not null,
  updated_at timestamp(6) not null);
`;

/** Recordings beside the two that are looked at; more than a page. */
export const MANY_COUNT = 1200;
export const FIRST_RECORD = '6e35e3b2778883f5db637d7a5dba0a427f692e91-1530718721124';
export const SECOND_RECORD = '0000e3b2778883f5db637d7a5dba0a427f692e91-1530718700000';

/** Makes Scalelite's tables and fills them. */
export async function fillPostgres(url: string): Promise<void> {
  await queries(url, [
    LAYOUT,
    `insert into recordings values
      (7, '${FIRST_RECORD}', 'algebra', 'Algebra <1>', true, 12, 'published',
       '2018-07-04 15:38:41.124', '2018-07-04 15:58:41', null, true, false),
      (9, '${SECOND_RECORD}', 'physics', null, false, null, 'deleted',
       '2018-07-04 15:00:00', '2018-07-04 15:20:00', '2019-01-01 00:00:00', false, null)`,
    `insert into metadata (recording_id, key, value) values
      (7, 'bbb-origin', 'Moodle'), (9, 'tenant-id', 't-north'), (9, 'empty', '')`,
    `insert into playback_formats values
      (70, 7, 'presentation', '/playback/presentation/2.3/${FIRST_RECORD}', 20, 5000),
      (71, 7, 'video', '/video/${FIRST_RECORD}/', 20, 7000)`,
    `insert into thumbnails (playback_format_id, width, height, alt, url, sequence) values
      (70, 176, 136, 'second', '/b.png', 1), (70, 176, 136, 'first', '/a.png', 0)`,
    `select setval('recordings_id_seq', 100)`,
    `insert into recordings (record_id, meeting_id, name, published, state, starttime, endtime)
      select md5(n::text) || '00000000-' || 1500000000000 + n, 'many', 'Many', true, 'published',
        timestamp '2017-07-14 02:40:00' + n * interval '1 second', timestamp '2017-07-14 03:40:00'
      from generate_series(1, ${MANY_COUNT}) as n`,
    `insert into callback_data (meeting_id, recording_id, callback_attributes, created_at, updated_at)
      values ('algebra', 7, E'---\\n:recording_ready_url: https://moodle.example.com/ready\\n:analytics_callback_url: https://moodle.example.com/stats\\n', now(), now()),
        ('physics', null, E'---\\nrecording_ready_url: https://moodle.example.com/r2\\n', now(), now()),
        ('evil', null, E'--- !ruby/object:Gem::Requirement\\nrecording_ready_url: https://evil.example.com\\n', now(), now())`,
  ]);
}

export interface ScaleliteServers {
  readonly url: string;
  readonly secret: string;
}

/** Fills a Redis as Scalelite does, with a meeting that runs on the first server. */
export async function fillRedis(url: string, live: ScaleliteServers): Promise<void> {
  const hash = async (key: string, fields: Record<string, string>): Promise<unknown> =>
    redisCommand(url, 'HSET', `scalelite:${key}`, ...Object.entries(fields).flat());
  const run = async (command: string, key: string, ...rest: string[]): Promise<unknown> =>
    redisCommand(url, command, `scalelite:${key}`, ...rest);
  await run('SADD', 'servers', 's1', 's2', 's3', 's4', 'ghost');
  await run('SADD', 'server_enabled', 's1', 's3');
  await run('ZADD', 'server_load', '16.5', 's1', '3', 's3');
  await run('ZADD', 'cordoned_server_load', '4', 's2');
  await hash('server:s1', { ...live, online: 'true', load_multiplier: '1.5', state: 'enabled' });
  const idle = { url: 'https://127.0.0.1:1/bigbluebutton/api', secret: 'idle' };
  await hash('server:s2', { ...idle, online: 'true', state: 'cordoned', tag: 'gpu', users: '9' });
  await hash('server:s3', { ...idle, online: 'false' });
  await hash('server:s4', { ...idle, online: 'true' });
  await run('SADD', 'meetings', 'live', 'of-tenant', 'ghost', 'lost');
  await hash('meeting:live', {
    server_id: 's1',
    moderator_pw: 'live-pw',
    voice_bridge: '123456789',
  });
  await hash('meeting:of-tenant', { server_id: 's2', moderator_pw: 'x', tenant_id: 't-north' });
  await hash('meeting:lost', { server_id: 'nowhere', voice_bridge: '5' });
  await hash('voice_bridges', { '123456789': 'live' });
  await run('SADD', 'tenants', 't-north');
  await hash('tenant:t-north', {
    name: 'North',
    secrets: 'n1:n2',
    lrs_endpoint: 'https://lrs.example.com',
    lrs_username: 'u',
    lrs_password: 'p',
  });
  await run('SADD', 'tenant_settings:t-north', 'set-1', 'set-2');
  await hash('tenant_setting:set-1', {
    param: 'record',
    value: 'false',
    override: 'true',
    tenant_id: 't-north',
  });
  await hash('tenant_setting:set-2', { param: 'welcome', value: 'Hi', tenant_id: 't-north' });
}

/** How many writes a Redis has seen. */
export async function writeCountOf(url: string): Promise<string | undefined> {
  const info = String(await redisCommand(url, 'INFO', 'persistence'));
  return /rdb_changes_since_last_save:(\d+)/.exec(info)?.[1];
}

/** Runs statements one after the other. @returns Rows of the last one. */
export async function queries(url: string, statements: readonly string[]): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    let rows: unknown[] = [];
    for (const statement of statements) ({ rows } = await client.query<object>(statement));
    return rows;
  } finally {
    await client.end();
  }
}
