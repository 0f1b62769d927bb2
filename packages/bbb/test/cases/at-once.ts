/** What comes between a question and what is made of its answer: operators, polls, creates, ends. */
import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildArchive } from '@balancer/fake-bbb';
import { silentLogger } from '@balancer/kit';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { setServerState, updateServer } from '../../src/operations/servers.ts';
import { RecordingLibrary } from '../../src/recordings/library.ts';
import type { ServerRow } from '../../src/store/servers.ts';
import { until } from '../until.ts';
import type { CallOptions, CallResult, Harness } from './harness.ts';
import { startTarget } from './target.ts';

export function describeAtOnce(storage: string, harness: () => Harness): void {
  describe(`two things at once on ${storage}`, () => {
    let h: Harness;
    beforeEach(async () => {
      h = harness();
      await h.reset();
    });
    const server = async (id = 'bbb1'): Promise<ServerRow> => (await h.store.servers.find(id))!;

    /** Does something between the answer of a server and what is made of it, once. */
    function beforeItIsWritten(work: () => Promise<unknown>): void {
      const { leases } = h.store;
      const fenced = leases.fenced.bind(leases);
      vi.spyOn(leases, 'fenced').mockImplementationOnce(async (...args) => {
        await work();
        return fenced(...args);
      });
    }

    /** Does something after a server has answered and before the gateway has its answer, once. */
    function beforeTheAnswerComes(call: string, work: () => Promise<unknown>): void {
      const { upstream } = h.gateway.context;
      const original = upstream.call.bind(upstream);
      const spy = vi.spyOn(upstream, 'call').mockImplementation(async (...args) => {
        const answer = await original(...args);
        if (args[1] !== call) return answer;
        spy.mockRestore();
        await work();
        return answer;
      });
    }

    /** Has a fake server answer a call only when it is let. */
    function hold(
      fake: Harness['bbb1'],
      call: string,
    ): { isAsked: () => boolean; release(): void } {
      let release = (): void => {};
      const released = new Promise<void>((resolve) => (release = resolve));
      const before = fake.requestsOf(call).length;
      fake.fail(call, { kind: 'held', until: released });
      return {
        isAsked: () => fake.requestsOf(call).length > before,
        release: () => {
          fake.fail(call, null);
          release();
        },
      };
    }

    describe('a poll', () => {
      test('does not undo what an operator has ordered since the server answered', async () => {
        const { context } = h.gateway;
        await h.poll();
        beforeItIsWritten(async () => setServerState(context, 'bbb1', 'disabled'));
        await h.poll();
        expect(await server()).toMatchObject({ state: 'disabled', load: null });
        expect(await h.loadOf('bbb1')).toBeUndefined();
        await h.reset();
        h.bbb1.addMeeting({ meetingID: 'm1' });
        beforeItIsWritten(async () => updateServer(context, 'bbb1', { multiplier: 10 }));
        await h.poll();
        expect(await server()).toMatchObject({ state: 'enabled', multiplier: 10, load: 150 });
      });

      test('says nothing of a server that was made since under the same id', async () => {
        h.bbb1.fail('getMeetings', { kind: 'http-500' });
        beforeItIsWritten(async () => {
          await h.store.servers.remove('bbb1');
          await until('the clock moves on', () => Date.now() > madeMs);
          await h.addServer('bbb1', h.bbb1);
        });
        const { created_at_ms: madeMs } = await server();
        await h.gateway.poller.round(new Set(['bbb1']));
        expect(await server()).toMatchObject({ unhealthy_count: 0, last_error: '' });
      });

      test('of a cordoned server leaves it a meeting that the list could not know', async () => {
        const list = hold(h.bbb1, 'getMeetings');
        const polling = h.poll();
        await until('it is asked', list.isAsked);
        await h.create('m1');
        h.bbb1.dropMeeting('m1');
        await setServerState(h.gateway.context, 'bbb1', 'cordoned');
        list.release();
        await polling;
        expect((await server()).state).toBe('cordoned');
      });

      test('and the next one of a server come one after the other', async () => {
        const list = hold(h.bbb1, 'getMeetings');
        const polls = [h.poll(), h.poll()];
        await until('the other server was asked twice', () => {
          return h.bbb2.requestsOf('getMeetings').length === 2;
        });
        expect(h.bbb1.requestsOf('getMeetings')).toHaveLength(1);
        list.release();
        await Promise.all(polls);
        expect(h.bbb1.requestsOf('getMeetings')).toHaveLength(2);
      });

      test('that judges all servers in the end spares one that has answered since', async () => {
        h.configure({ mass_failure_guard: true });
        await h.create('m1');
        h.bbb1.fail('getMeetings', { kind: 'http-500' });
        await h.poll();
        const list = hold(h.bbb2, 'getMeetings');
        const polling = h.poll();
        await until('it has failed', async () => (await server()).unhealthy_count === 2);
        h.bbb1.recover();
        await h.gateway.poller.round(new Set(['bbb1']));
        list.release();
        await polling;
        expect(await server()).toMatchObject({ is_online: 1, unhealthy_count: 0 });
        expect(await h.record('m1')).toBeDefined();
      });

      test('leaves a server alone that is added while others are asked', async () => {
        const list = hold(h.bbb1, 'getMeetings');
        const polling = h.poll();
        await until('it is asked', list.isAsked);
        const bbb0 = await h.startFake('bbb0');
        const create = hold(bbb0, 'create');
        const creating = h.call('create', { name: 'x', meetingID: 'm1' });
        await until('the new server is asked', create.isAsked);
        list.release();
        await polling;
        create.release();
        expect((await creating).result).toBe('SUCCESS');
      });

      test('counts who joins while servers are asked', async () => {
        h.configure({ multitenancy: true });
        await h.store.tenants.add({ id: 't-joins', name: 'a', secrets: 'sa' });
        h.gateway.context.directory.forget();
        const by: CallOptions = { host: 'a.example.com', secret: 'sa' };
        await h.call('create', { name: 'x', meetingID: 'm1' }, by);
        h.bbb1.setCounts('m1', { participants: 2 });
        const list = hold(h.bbb2, 'getMeetings');
        const polling = h.poll();
        await until('the last server is asked', list.isAsked);
        await h.call('join', { meetingID: 'm1', fullName: 'Ada' }, by);
        list.release();
        await polling;
        expect(await h.gateway.context.board.tenantUsers('t-joins')).toBe(3);
        // A poll that fails says nothing of who is there.
        h.bbb1.fail('getMeetings', { kind: 'http-500' });
        await h.poll();
        expect(await h.gateway.context.board.tenantUsers('t-joins')).toBe(2);
      });
    });

    describe('a meeting that is made anew while somebody learns of its end', () => {
      const again = async (): Promise<CallResult> => h.create('m1', { moderatorPW: 'mp' });
      beforeEach(async () => {
        await again();
        h.bbb1.dropMeeting('m1');
      });

      test('keeps its record when getMeetingInfo has asked before', async () => {
        beforeTheAnswerComes('getMeetingInfo', again);
        expect((await h.call('getMeetingInfo', { meetingID: 'm1' })).result).toBe('notFound');
        expect(await h.record('m1')).toBeDefined();
      });

      test('keeps it when a poll has asked before', async () => {
        const record = (await h.record('m1'))!;
        await h.store.meetings.drop(record);
        await h.store.meetings.insert({ ...record, created_at_ms: Date.now() - 3_600_000 });
        beforeTheAnswerComes('getMeetingInfo', again);
        await h.poll();
        expect(h.bbb1.requestsOf('getMeetingInfo')).toHaveLength(1);
        expect(await h.record('m1')).toBeDefined();
      });

      test('has it again when somebody was faster than the answer of its server', async () => {
        beforeTheAnswerComes('create', async () => {
          await h.store.meetings.drop((await h.record('m1'))!);
        });
        await again();
        expect(await h.record('m1')).toMatchObject({ server_id: 'bbb1', status: 'active' });
      });
    });

    test('the end of a meeting, told late, is not the end of the next one of its ID', async () => {
      h.configure({ intercept_end_callback: true });
      const { url } = await startTarget();
      await h.create('m1', { meetingEndedURL: url });
      h.bbb1.dropMeeting('m1');
      await h.create('m1', { meetingEndedURL: url });
      // A repeat makes nothing: what it names is not the address of the meeting that runs.
      await h.create('m1', { meetingEndedURL: url });
      const told = h.bbb1
        .requestsOf('create')
        .map(({ parameters }) => new URL(parameters.get('meetingEndedURL')!).pathname);
      expect((await fetch(`${h.origin}${told[0]!}`)).status).toBe(204);
      expect(await h.record('m1')).toBeDefined();
      expect((await fetch(`${h.origin}${told[1]!}`)).status).toBe(204);
      expect(await h.record('m1')).toBeUndefined();
    });

    describe('recordings', () => {
      beforeEach(async () => h.resetRecordings());
      const archive = { recordId: 'rec-1', meetingId: 'room-1' };

      test('are changed by many in any order', async () => {
        await h.importArchive(archive);
        await h.importArchive({ ...archive, recordId: 'rec-2' });
        const keys = Array.from({ length: 10 }, (_, i) => `meta_key-${i}`);
        const changes = Array.from({ length: 20 }, async (_, i) => {
          const ordered = i % 2 === 0 ? keys : keys.toReversed();
          const recordID = i % 2 === 0 ? 'rec-1,rec-2' : 'rec-2,rec-1';
          const metadata = Object.fromEntries(ordered.map((key) => [key, `${i}`]));
          return (await h.call('updateRecordings', { recordID, ...metadata })).text;
        });
        for (const text of await Promise.all(changes)) {
          expect(text).toContain('<updated>true</updated>');
        }
        const [one, other] = await h.store.recordings.list({});
        expect(new Set(one!.metadata.values()).size).toBe(1);
        expect(one!.metadata).toEqual(other!.metadata);
      });

      test('that are deleted meanwhile get neither metadata nor captions', async () => {
        await h.importArchive(archive);
        await h.importArchive({ ...archive, recordId: 'rec-2' });
        const { recordings, textTracks } = h.store;
        const rows = await recordings.rows(['rec-1', 'rec-2']);
        const gone = rows.find(({ recordId }) => recordId === 'rec-1')!;
        await h.gateway.context.recordings.delete('rec-1');
        expect(await recordings.update(rows, { metadata: new Map([['a', 'b']]) })).toBe(false);
        const track = { recording_id: gone.id, kind: 'captions', lang: 'en', label: 'English' };
        expect(await textTracks.put({ ...track, content: 'WEBVTT\n' })).toBe(false);
        for (const { metadata } of await recordings.list({})) expect([...metadata]).toEqual([]);
        expect(await textTracks.list(gone.id)).toEqual([]);
      });

      test('whose archive is replaced while it is imported are imported again', async () => {
        const path = h.spool(archive);
        const files = { 'index.html': 'the second' };
        const { content } = buildArchive({
          ...archive,
          formats: [{ type: 'presentation', files }],
        });
        beforeItIsWritten(async () => {
          writeFileSync(`${path}.new`, content);
          renameSync(`${path}.new`, path);
        });
        expect((await h.importAll()).archives).toMatchObject([{ outcome: 'imported' }]);
        expect(readdirSync(h.folders.spool)).toEqual(['rec-1.tar']);
        expect((await h.importAll()).archives).toMatchObject([{ outcome: 'imported' }]);
        const page = await h.raw('/presentation/rec-1/index.html');
        expect(page.body.toString()).toBe('the second');
      });

      test('that another process has taken over are not published by the first one', async () => {
        await h.importArchive(archive);
        const { context } = h.gateway;
        const { recordings, store } = context;
        const logger = silentLogger;
        const other = new RecordingLibrary({ ...context, logger });
        const moveTo = recordings.trees.moveTo.bind(recordings.trees);
        vi.spyOn(recordings.trees, 'moveTo').mockImplementationOnce(async (...args) => {
          const isMoved = await moveTo(...args);
          // As if this process stood still until its claim was over.
          await store.recordingWork.expireAll();
          expect(await other.settleAbandoned()).toEqual(['rec-1']);
          return isMoved;
        });
        await expect(recordings.setPublished('rec-1', false)).rejects.toThrow('another process');
        expect(await store.recordings.find('rec-1')).toMatchObject({ state: 'published' });
        expect(await recordings.trees.formatsOf('published', 'rec-1')).toEqual(['presentation']);
        await recordings.settleAbandoned();
        expect(await store.recordingWork.abandoned(Date.now())).toEqual([]);
      });

      test('that are being moved keep what is not in its place yet', async () => {
        await h.importArchive(archive);
        const { recordings } = h.gateway.context;
        const staged = await recordings.claimed('rec-1', async () => {
          const folder = join(h.folders.published, 'presentation', 'rec-1');
          const path = await recordings.trees.stage('unpublished', 'presentation', folder);
          expect(await recordings.sweep()).toBe(false);
          expect(existsSync(join(path, 'index.html'))).toBe(true);
          return path;
        });
        expect(await recordings.sweep()).toBe(true);
        expect(existsSync(staged)).toBe(false);
      });
    });
  });
}
