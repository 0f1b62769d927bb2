/** Case 131 of the contract: what Scalelite knows is taken over, as often as one likes. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildArchive, FakeBbb, signedQuery } from '@balancer/fake-bbb';
import { Secret } from '@balancer/kit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { commandPath, skipReason } from '../../../../scripts/system-requirements.ts';
import {
  type BbbConfig,
  defaultBbbConfig,
  Gateway,
  MIGRATION_PARTS,
  type MigrationReport,
  runOperation,
} from '../../src/index.ts';
import { type Peer, redisCommand, startPeers } from '../peers.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import {
  writeCountOf,
  fillPostgres,
  fillRedis,
  FIRST_RECORD,
  MANY_COUNT,
  queries,
  SECOND_RECORD,
} from './scalelite-data.ts';

const missing = ['pg_ctlcluster', 'redis-server'].filter((command) => !commandPath(command));
const SECRET = 'front-end-secret';

describe.skipIf(missing.length > 0)(
  `migration from Scalelite${missing.map(skipReason).join('')}`,
  () => {
    let postgres: Peer;
    let redis: Peer;
    let live: FakeBbb;
    let folder: ReturnType<typeof temporaryFolder>;
    let gateway: Gateway;
    let origin: string;
    beforeAll(async () => {
      [postgres, redis] = await startPeers();
      live = await FakeBbb.start({ secret: 'live-secret' });
      await fillPostgres(postgres.url);
      await fillRedis(redis.url, { url: live.url, secret: live.secret });
    });
    beforeEach(async () => {
      folder = temporaryFolder();
      await live.reset();
      live.addMeeting({ meetingID: 'live', moderatorPW: 'live-pw', voiceBridge: '123456789' });
    });
    afterEach(async () => {
      await gateway.close();
      folder.remove();
    });
    afterAll(async () => {
      await live.close();
      await Promise.all([postgres.close(), redis.close()]);
    });

    async function open(config: Partial<BbbConfig> = {}): Promise<void> {
      gateway = await Gateway.open({
        config: defaultBbbConfig({
          data_dir: folder.folder,
          bind: '127.0.0.1',
          port: 0,
          admin_port: 0,
          poll_interval: 3_600_000,
          // A machine that stalls must not take the server for dead.
          connect_timeout: 300_000,
          response_timeout: 300_000,
          secrets: [new Secret(SECRET)],
          ...config,
        }),
      });
    }

    async function start(): Promise<void> {
      origin = `http://127.0.0.1:${(await gateway.start()).publicPort}/bigbluebutton/api`;
    }

    interface Totals extends Omit<MigrationReport, 'next'> {
      readonly pages: number;
    }

    async function migrate(isDryRun = false): Promise<Record<string, Totals>> {
      const totals: Record<string, Totals> = {};
      for (const part of MIGRATION_PARTS) {
        let sum: Totals = { total: 0, added: 0, changed: 0, unchanged: 0, notes: [], pages: 0 };
        for (let after: number | null = 0; after !== null;) {
          const input = {
            part,
            databaseUrl: postgres.url,
            redisUrl: redis.url,
            redisNamespace: 'scalelite',
            isDryRun,
            after,
          };
          const page = (await runOperation(gateway, 'migration.page', input)) as MigrationReport;
          sum = {
            total: page.total,
            added: sum.added + page.added,
            changed: sum.changed + page.changed,
            unchanged: sum.unchanged + page.unchanged,
            notes: [...sum.notes, ...page.notes],
            pages: sum.pages + 1,
          };
          after = page.next;
        }
        totals[part] = sum;
      }
      return totals;
    }

    async function call(name: string, query: string): Promise<Response> {
      const signed = signedQuery({ call: name, query, secret: SECRET });
      return fetch(`${origin}/${name}?${signed}`, { redirect: 'manual' });
    }

    test('131: twice gives the same, and the running meeting can be joined', async () => {
      await open();
      const before = await writeCountOf(redis.url);
      const dry = await migrate(true);
      expect(dry['servers']).toMatchObject({ total: 4, added: 4 });
      expect(await gateway.context.store.servers.list()).toEqual([]);

      const first = await migrate();
      expect(first).toMatchObject({
        servers: { total: 4, added: 4, notes: [] },
        tenants: {
          total: 1,
          added: 1,
          notes: ['tenant t-north: its name is north here, in lower case'],
        },
        settings: { total: 2, added: 2 },
        meetings: {
          total: 3,
          added: 2,
          notes: ['meeting lost: its server nowhere is unknown'],
        },
        recordings: { total: MANY_COUNT + 2, added: MANY_COUNT + 2, pages: 3 },
        callbacks: {
          total: 3,
          added: 2,
          notes: ['callback addresses of evil: none in the flat form that is read'],
        },
      });
      const again = await migrate();
      for (const part of MIGRATION_PARTS) {
        expect([part, again[part]!.added, again[part]!.changed]).toEqual([part, 0, 0]);
        expect(again[part]!.unchanged).toBe(first[part]!.added);
      }
      expect(await writeCountOf(redis.url)).toBe(before);

      const { store } = gateway.context;
      expect(await store.servers.list()).toMatchObject([
        { id: 's1', state: 'enabled', is_online: 1, load: 16.5, multiplier: 1.5, tag: '' },
        { id: 's2', state: 'cordoned', is_online: 1, load: 4, tag: 'gpu', users: 9 },
        { id: 's3', state: 'enabled', is_online: 0, load: null },
        { id: 's4', state: 'disabled', is_online: 0, load: null },
      ]);
      expect(await store.tenants.list()).toMatchObject([
        { id: 't-north', name: 'north', secrets: 'n1:n2', lrs_username: 'u' },
      ]);
      expect(await store.tenants.settings('t-north')).toMatchObject([
        { id: 'set-1', param: 'record', value: 'false', is_override: 1 },
        { id: 'set-2', param: 'welcome', value: 'Hi', is_override: 0 },
      ]);
      expect(await store.callbacks.find({ meetingId: 'algebra', tenantId: '' })).toEqual({
        analyticsCallbackUrl: 'https://moodle.example.com/stats',
        recordingReadyUrl: 'https://moodle.example.com/ready',
      });
      expect(await store.callbacks.find({ meetingId: 'evil', tenantId: '' })).toEqual({});

      await start();
      const joined = await call('join', 'meetingID=live&fullName=Ada&role=MODERATOR');
      expect([joined.status, joined.headers.get('location')]).toEqual([
        302,
        expect.stringContaining(live.url),
      ]);
      expect((await fetch(joined.headers.get('location')!, { redirect: 'manual' })).status).toBe(
        302,
      );
      await runOperation(gateway, 'poll', { ids: ['s1'] });
      expect(await store.meetings.find({ scope: '', meeting_id: 'live' })).toMatchObject({
        voice_bridge: '123456789',
        moderator_pw: 'live-pw',
        server_id: 's1',
      });
      const listed = await (await call('getRecordings', 'meetingID=algebra')).text();
      expect(listed).toContain(`<recordID>${FIRST_RECORD}</recordID>`);
      expect(listed).toContain('<startTime>1530718721124</startTime>');
      expect(listed).toContain('<bbb-origin>Moodle</bbb-origin>');
      expect(listed).toContain(`/playback/presentation/2.3/${FIRST_RECORD}`);
      expect(listed.indexOf('/a.png')).toBeLessThan(listed.indexOf('/b.png'));
      expect(await store.recordings.rows([FIRST_RECORD, SECOND_RECORD])).toMatchObject(
        expect.arrayContaining([
          expect.objectContaining({ id: 7, isPublishUpdated: true, tenantId: '' }),
          expect.objectContaining({ id: 9, state: 'deleted', tenantId: 't-north' }),
        ]),
      );
      const all = await (await call('getRecordings', 'meetingID=physics,many&state=any')).text();
      expect(all.match(/<recording>/g)).toHaveLength(MANY_COUNT + 1);
    });

    test('what differs is told and made the same, and a meeting placed here stays', async () => {
      await open();
      await migrate();
      const { store } = gateway.context;
      await store.servers.update('s1', { secret: 'old', multiplier: 9 });
      await store.recordings.setPublished(FIRST_RECORD, false).catch(() => {});
      const record = (await store.meetings.find({ scope: '', meeting_id: 'live' }))!;
      await store.meetings.drop(record);
      await store.meetings.insert({ ...record, server_id: 's3' });
      const { servers, meetings } = await migrate();
      expect(servers!.notes).toEqual(['server s1: secret, multiplier as in Scalelite']);
      expect(await store.servers.find('s1')).toMatchObject({
        secret: 'live-secret',
        multiplier: 1.5,
      });
      expect(meetings!.notes).toContain('meeting live: stays on s3; Scalelite has it on s1');
    });

    test("131: Scalelite's own database can be opened in place, and still be used by it", async () => {
      await open({
        database_url: postgres.url,
        redis_url: redis.url,
        recordings_spool_dir: join(folder.folder, 'spool'),
        recordings_work_dir: join(folder.folder, 'work'),
        recordings_publish_dir: join(folder.folder, 'published'),
        recordings_unpublish_dir: join(folder.folder, 'unpublished'),
        recordings_import_settle_seconds: 0,
        recordings_import_poll_interval: 3_600_000,
      });
      const { recordings, callbacks } = await migrate();
      expect([recordings!.added, callbacks!.added]).toEqual([0, 0]);
      expect(recordings!.notes).toEqual([
        'recordings: the gateway works on this very database; nothing to copy',
      ]);
      await start();
      const listed = await (await call('getRecordings', 'meetingID=algebra')).text();
      expect(listed).toContain(`<recordID>${FIRST_RECORD}</recordID>`);
      expect((await call('join', 'meetingID=live&fullName=Ada&role=MODERATOR')).status).toBe(302);
      const rows = await queries(postgres.url, [
        `insert into recordings (record_id, meeting_id, name, published, state) values ('later-1', 'x', 'y', true, 'published')`,
        `select published, state from recordings where record_id = 'later-1'`,
      ]);
      expect(rows).toEqual([{ published: true, state: 'published' }]);

      // What the gateway writes reads as if Scalelite had.
      const archive = buildArchive({ recordId: 'new-1', meetingId: 'algebra', participants: 3 });
      mkdirSync(join(folder.folder, 'spool'));
      writeFileSync(join(folder.folder, 'spool', archive.fileName), archive.content);
      expect(await gateway.importer.round()).toMatchObject({ archives: [{ outcome: 'imported' }] });
      const hide = await call('publishRecordings', 'recordID=new-1&publish=false');
      expect(await hide.text()).toContain('<published>false<');
      await call('updateRecordings', 'recordID=new-1&meta_topic=sums');
      const read = await queries(postgres.url, [
        `select meeting_id, published, state, publish_updated, participants, format, length, value
          from recordings join playback_formats p on p.recording_id = recordings.id
          join metadata m on m.recording_id = recordings.id and m.key = 'topic'
          where record_id = 'new-1'`,
      ]);
      expect(read).toEqual([
        {
          meeting_id: 'algebra',
          published: false,
          state: 'unpublished',
          publish_updated: true,
          participants: 3,
          format: 'presentation',
          length: expect.any(Number) as number,
          value: 'sums',
        },
      ]);
      await call('deleteRecordings', 'recordID=new-1');
      const gone = await queries(postgres.url, [
        `select state, deleted_at is not null as is_dated from recordings where record_id = 'new-1'`,
      ]);
      expect(gone).toEqual([{ state: 'deleted', is_dated: true }]);
      const kept = await redisCommand(redis.url, 'HGET', 'scalelite:meeting:live', 'server_id');
      expect(kept).toBe('s1');
    });

    test('a source that cannot be reached is named', async () => {
      await open();
      const input = { redisNamespace: 'scalelite', isDryRun: false, after: 0 };
      const nowhere = {
        ...input,
        databaseUrl: 'postgres://127.0.0.1:1/x',
        redisUrl: 'redis://127.0.0.1:1',
      };
      await expect(
        runOperation(gateway, 'migration.page', { ...nowhere, part: 'servers' }),
      ).rejects.toThrow("cannot reach Scalelite's Redis");
      await expect(
        runOperation(gateway, 'migration.page', { ...nowhere, part: 'recordings' }),
      ).rejects.toThrow('cannot reach PostgreSQL');
    });
  },
);
