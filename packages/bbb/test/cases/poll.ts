/** Cases 67 to 79 of the contract: what polls make of servers. */
import { beforeEach, describe, expect, test } from 'vitest';
import { panicServer, setServerState } from '../../src/operations/servers.ts';
import { until } from '../until.ts';
import type { Harness } from './harness.ts';

const HOUR_MS = 3_600_000;

export function describePoll(storage: string, harness: () => Harness): void {
  describe(`polls on ${storage}`, () => {
    let h: Harness;
    const server = async (id = 'bbb1') => (await h.store.servers.find(id))!;
    beforeEach(async () => {
      h = harness();
      await h.reset();
    });

    /** A round of polls whose question bbb1 has, and answers when it is let. */
    async function pollUnderWay(): Promise<{ polling: Promise<void>; release: () => void }> {
      let release = (): void => {};
      const until = new Promise<void>((resolve) => (release = resolve));
      h.bbb1.fail('getMeetings', { kind: 'held', until });
      const asked = new Promise<void>((resolve) => {
        h.bbb1.onRequest = ({ call }) => {
          if (call === 'getMeetings') resolve();
        };
      });
      const polling = h.poll();
      await asked;
      h.bbb1.onRequest = () => {};
      return { polling, release };
    }

    test('67: load, users and sizes come from the meetings', async () => {
      await h.change('bbb1', { multiplier: 2 });
      for (const meetingID of ['old', 'new', 'room']) h.bbb1.addMeeting({ meetingID });
      h.bbb1.setCounts('old', { participants: 20, moderators: 2, video: 3 });
      h.bbb1.ageMeeting('old', HOUR_MS);
      h.bbb1.setCounts('new', { participants: 1, moderators: 1 });
      h.bbb1.setCounts('room', { participants: 30 });
      h.bbb1.makeBreakout('room', 'old');
      await h.poll();
      expect(await server()).toMatchObject({
        load: 74,
        users: 51,
        meetings: 3,
        largest_meeting: 30,
        videos: 3,
        last_error: '',
      });
      expect(await h.loadOf('bbb1')).toBe(74);
    });

    test('68: a meeting made while a poll is under way still counts', async () => {
      const { polling, release } = await pollUnderWay();
      // The answer is made when it is let go: what was created meanwhile must not be in it.
      await h.create('m1');
      h.bbb1.dropMeeting('m1');
      release();
      await polling;
      expect([await h.loadOf('bbb1'), (await server()).load]).toEqual([1, 0]);
    });

    test('69: one failure changes nothing that is seen', async () => {
      await h.create('m1');
      h.bbb1.fail('getMeetings', { kind: 'http-500' });
      await h.poll();
      expect(await server()).toMatchObject({ is_online: 1, unhealthy_count: 1 });
      h.bbb1.recover();
      await h.poll();
      expect(await server()).toMatchObject({ is_online: 1, unhealthy_count: 0, last_error: '' });
      expect(await h.record('m1')).toBeDefined();
    });

    test('70: two failures take a server and its meetings out', async () => {
      await h.create('m1', { moderatorPW: 'mp' });
      h.bbb1.fail('getMeetings', { kind: 'truncated' });
      await h.poll();
      await h.poll();
      expect(await server()).toMatchObject({
        is_online: 0,
        load: null,
        users: 0,
        unhealthy_count: 0,
      });
      expect(await h.loadOf('bbb1')).toBeUndefined();
      expect((await h.call('join', { meetingID: 'm1', fullName: 'Ada' })).result).toBe('notFound');
      expect((await h.call('isMeetingRunning', { meetingID: 'm1' })).text).toContain(
        '<running>false<',
      );
      await until('its meeting is ended', () => h.bbb1.requestsOf('end').length > 0);
      expect(h.bbb1.requestsOf('end')[0]!.parameters.get('password')).toBe('mp');
      await h.create('m1');
      expect((await h.record('m1'))?.server_id).toBe('bbb2');
    });

    test('71: a server comes back after as many good polls in a row as the threshold says', async () => {
      await h.change('bbb1', { is_online: 0, load: null });
      await h.poll();
      expect((await server()).is_online).toBe(1);
      await h.change('bbb1', { is_online: 0, load: null });
      h.configure({ server_healthy_threshold: 3 });
      const states: number[] = [];
      for (const isGood of [true, true, false, true, true, true]) {
        h.bbb1.fail('getMeetings', isGood ? null : { kind: 'http-500' });
        await h.poll();
        states.push((await server()).is_online);
      }
      expect(states).toEqual([0, 0, 0, 0, 0, 1]);
      expect(await h.loadOf('bbb1')).toBe(0);
    });

    test('72: every second failure never takes a server out', async () => {
      for (let i = 0; i < 6; i++) {
        h.bbb1.fail('getMeetings', i % 2 === 0 ? { kind: 'http-500' } : null);
        await h.poll();
        expect((await server()).is_online).toBe(1);
      }
    });

    test('73: a wrong secret is a failure that is told without the secret', async () => {
      await h.change('bbb1', { secret: 'a-wrong-secret' });
      await h.poll();
      await h.poll();
      const row = await server();
      expect([row.is_online, row.last_error]).toEqual([
        0,
        'the server answered FAILED checksumError',
      ]);
    });

    test('74: servers that hang do not delay the others', async () => {
      for (let i = 3; i <= 8; i++) await h.startFake(`bbb${i}`);
      h.bbb1.fail('getMeetings', { kind: 'hang' });
      const startMs = Date.now();
      const round = h.poll();
      await until('the other seven are fresh', async () => {
        const rows = await h.store.servers.list();
        return rows.filter(({ polled_at_ms: at }) => at >= startMs).length === 7;
      });
      h.bbb1.fail('getMeetings', null);
      await h.bbb1.refuse();
      await round;
      expect(await server()).toMatchObject({ unhealthy_count: 1 });
    });

    test('75: a cordoned server is disabled once it is empty', async () => {
      await h.create('m1');
      await h.change('bbb1', { state: 'cordoned' });
      await h.poll();
      expect((await server()).state).toBe('cordoned');
      await h.call('end', { meetingID: 'm1' });
      h.bbb1.addMeeting({ meetingID: 'room' });
      h.bbb1.makeBreakout('room', 'm1');
      await h.poll();
      expect((await server()).state).toBe('cordoned');
      h.bbb1.dropMeeting('room');
      await h.poll();
      expect(await server()).toMatchObject({ state: 'disabled', load: null });
    });

    test('76: a record that the list lacks is asked for', async () => {
      const old = async (id: string) => {
        const made = Date.now() - HOUR_MS;
        const times = { created_at_ms: made, last_seen_at_ms: made };
        const record = {
          scope: '',
          meeting_id: id,
          server_id: 'bbb1',
          tenant_id: '',
          moderator_pw: 'x',
        };
        await h.store.meetings.insert({ ...record, voice_bridge: id, status: 'active', ...times });
      };
      await old('gone');
      h.bbb1.fail('getMeetingInfo', { kind: 'hang' });
      // A machine that stalls may take the list itself too late; no number of those takes bbb1 out.
      h.configure({ response_timeout: 300, server_unhealthy_threshold: 1_000_000 });
      await until('it was asked for', async () => {
        await h.poll();
        return h.bbb1.requestsOf('getMeetingInfo').length > 0;
      });
      expect(await h.record('gone')).toBeDefined();
      h.bbb1.recover();
      h.configure({});
      await h.poll();
      expect(await h.record('gone')).toBeUndefined();
    });

    test('76: a young record that the list lacks is left alone', async () => {
      await h.create('m1');
      h.bbb1.dropMeeting('m1');
      await h.poll();
      expect(await h.record('m1')).toBeDefined();
      expect(h.bbb1.requestsOf('getMeetingInfo')).toEqual([]);
    });

    test('77: a server that comes back ends what runs elsewhere by now', async () => {
      await h.create('m1', { moderatorPW: 'first' });
      await h.change('bbb1', { is_online: 0, load: null });
      await h.create('m1', { moderatorPW: 'second' });
      await h.poll();
      expect(h.bbb1.meetings.has('m1')).toBe(false);
      expect(h.bbb1.requestsOf('end')[0]!.parameters.get('password')).toBe('first');
      expect(h.bbb2.meetings.has('m1')).toBe(true);
    });

    test('77: a meeting without a record is counted, and adopted only if wanted', async () => {
      h.bbb1.addMeeting({ meetingID: 'own' });
      expect((await h.gateway.poller.round())?.orphanCount).toBe(1);
      expect(await h.record('own')).toBeUndefined();
      h.configure({ adopt_orphans: true });
      expect((await h.gateway.poller.round())?.orphanCount).toBe(0);
      expect((await h.call('getMeetingInfo', { meetingID: 'own' })).result).toBe('SUCCESS');
    });

    test('78: a version that a server tells is stored', async () => {
      const fake = await h.startFake('bbb3');
      await h.poll();
      expect((await server('bbb3')).bbb_version).toBe('');
      fake.setVersion('3.0.1');
      await h.poll();
      expect((await server('bbb3')).bbb_version).toBe('3.0.1');
    });

    test('79: panic ends everything and disables; it may keep the state or skip the calls', async () => {
      const { context } = h.gateway;
      for (const id of ['m1', 'm2', 'm3']) await h.create(id);
      expect(await panicServer(context, 'bbb1')).toEqual({ meetingCount: 2, failedIds: [] });
      expect(h.bbb1.requestsOf('end')).toHaveLength(2);
      expect(await server()).toMatchObject({ state: 'disabled', load: null });
      expect(await h.store.meetings.listOfServer('bbb1')).toEqual([]);
      await panicServer(context, 'bbb2', { keepState: true, skipEndCalls: true });
      expect(h.bbb2.requestsOf('end')).toEqual([]);
      expect((await server('bbb2')).state).toBe('enabled');
      expect(await h.store.meetings.count()).toBe(0);
    });

    test('79: panic reports what could not be ended and goes on', async () => {
      for (const id of ['m1', 'm2', 'm3']) await h.create(id);
      h.bbb1.fail('end', { kind: 'http-500' });
      const report = await panicServer(h.gateway.context, 'bbb1');
      expect(report.failedIds.toSorted()).toEqual(['m1', 'm3']);
    });

    test('enabling a server that has no load polls it at once', async () => {
      await setServerState(h.gateway.context, 'bbb1', 'disabled');
      expect(await h.loadOf('bbb1')).toBeUndefined();
      await setServerState(h.gateway.context, 'bbb1', 'enabled');
      await until('it has a load', async () => (await server()).load === 0);
    });

    test('a server that a create cannot reach is polled before its turn', async () => {
      const fake = await h.startFake('bbb0');
      await fake.refuse();
      await h.create('m1');
      expect((await h.record('m1'))?.server_id).toBe('bbb1');
      await until('its failure is noted', async () => (await server('bbb0')).unhealthy_count === 1);
    });

    test('records that nobody has seen for their time to live go', async () => {
      const times = { created_at_ms: 1, last_seen_at_ms: 1 };
      const record = {
        scope: '',
        meeting_id: 'm',
        server_id: 'bbb1',
        tenant_id: '',
        moderator_pw: 'x',
      };
      await h.store.meetings.insert({ ...record, voice_bridge: '1', status: 'pending', ...times });
      await h.poll();
      expect(await h.record('m')).toBeUndefined();
    });

    test('a list of a thousand meetings is counted', async () => {
      h.bbb1.fail('getMeetings', { kind: 'huge-list' });
      h.bbb1.addMeeting({ meetingID: 'x' });
      await h.poll();
      expect(await server()).toMatchObject({ meetings: 1000, load: 15_000 });
    });

    describe('the guard against mass failures', () => {
      const guarded = { mass_failure_guard: true };
      const states = async (): Promise<Record<string, boolean>> =>
        Object.fromEntries(
          (await h.store.servers.list()).map(({ id, is_online: isOnline }) => [id, isOnline === 1]),
        );

      test('holds back while most of at least three servers fail', async () => {
        h.configure(guarded);
        const bbb3 = await h.startFake('bbb3');
        await h.create('m1');
        await h.bbb1.refuse();
        await h.bbb2.refuse();
        await h.poll();
        await h.poll();
        expect(await states()).toEqual({ bbb1: true, bbb2: true, bbb3: true });
        expect((await h.record('m1'))?.server_id).toBe('bbb1');
        expect((await h.call('join', { meetingID: 'm1', fullName: 'Ada' })).status).toBe(302);
        for (const id of ['m2', 'm3', 'm4']) await h.create(id);
        expect(bbb3.meetings.size).toBe(3);
        await h.bbb1.accept();
        await h.poll();
        expect(await states()).toEqual({ bbb1: true, bbb2: false, bbb3: true });
        await h.create('m5');
        expect((await h.record('m5'))?.server_id).toBe('bbb1');
      });

      test('gives in when it has held back for long enough, and for few servers at once', async () => {
        h.configure(guarded);
        await h.bbb1.refuse();
        await h.bbb2.refuse();
        await h.poll();
        await h.poll();
        expect(await states()).toEqual({ bbb1: false, bbb2: false });
        await h.reset({ ...guarded, mass_failure_hold_seconds: 0 });
        const bbb3 = await h.startFake('bbb3');
        for (const fake of [h.bbb1, h.bbb2, bbb3]) await fake.refuse();
        await h.poll();
        await h.poll();
        expect(await states()).toEqual({ bbb1: false, bbb2: false, bbb3: false });
      });
    });
  });
}
