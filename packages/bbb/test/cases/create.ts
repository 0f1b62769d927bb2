/** Cases 17 to 43 of the contract: create, its parameters, and where meetings go. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Harness } from './harness.ts';

/** The contract's size in the long form: 200 a second for 30 seconds. */
const STORM_COUNT = process.env['BALANCER_TEST_LONG'] === '1' ? 6000 : 150;

export function describeCreate(storage: string, harness: () => Harness): void {
  describe(`create on ${storage}`, () => {
    let h: Harness;
    /** Parameters of the last create that a server was sent. */
    const sent = (fake = h.bbb1) =>
      Object.fromEntries(fake.requestsOf('create').at(-1)!.parameters);
    beforeEach(async () => {
      h = harness();
      await h.reset();
    });

    test('17: goes to the first idle server, signed by the gateway', async () => {
      const created = await h.create('m1');
      expect(created.text).toContain('<internalMeetingID>');
      expect(await h.record('m1')).toMatchObject({ server_id: 'bbb1', status: 'active' });
      expect(await h.loadOf('bbb1')).toBe(1);
      const [upstream] = h.bbb1.requestsOf('create');
      expect(upstream!.method).toBe('GET');
      expect(upstream!.parameters.get('voiceBridge')).toMatch(/^[1-9]\d{8}$/);
      expect(upstream!.rawQuery).toMatch(/^(?!.*checksum=.*checksum=).*&checksum=[0-9a-f]{64}$/);
      expect((await h.create('m2')).result).toBe('SUCCESS');
      expect((await h.record('m2'))?.server_id).toBe('bbb2');
    });

    test('18: adds the multiplier of its server', async () => {
      await h.change('bbb1', { multiplier: 7 });
      await h.create('m1');
      expect(await h.loadOf('bbb1')).toBe(7);
    });

    test('19: of a meeting that is there goes to its server and counts once', async () => {
      await h.create('m1');
      const again = await h.create('m1');
      expect(again.text).toContain('<messageKey>duplicateWarning</messageKey>');
      expect([h.bbb1.requestsOf('create').length, h.bbb2.requestsOf('create').length]).toEqual([
        2, 0,
      ]);
      expect(await h.loadOf('bbb1')).toBe(1);
    });

    test('20: needs a meeting ID within its limits', async () => {
      for (const meetingID of ['', undefined]) {
        const parameters = { name: 'Room', ...(meetingID !== undefined && { meetingID }) };
        expect((await h.call('create', parameters)).result).toBe('missingParamMeetingID');
      }
      for (const meetingID of ['a,b', 'a\nb', 'x'.repeat(257)]) {
        expect((await h.call('create', { meetingID })).result).toBe('validationError');
      }
    });

    test('21: without a server fails and leaves nothing', async () => {
      await h.change('bbb1', { state: 'disabled' });
      await h.change('bbb2', { is_online: 0, load: null });
      expect((await h.call('create', { name: 'x', meetingID: 'm1' })).result).toBe('internalError');
      expect(await h.record('m1')).toBeUndefined();
    });

    test('22: makes a moderator password once', async () => {
      await h.create('m1');
      expect(sent()['moderatorPW']).toMatch(/^[A-Za-z0-9]{8}$/);
      expect((await h.record('m1'))?.moderator_pw).toBe(sent()['moderatorPW']);
      await h.create('m1');
      expect(sent()).not.toHaveProperty('moderatorPW');
      await h.create('m2', { moderatorPW: 'own' });
      expect(sent(h.bbb2)['moderatorPW']).toBe('own');
    });

    test('23: that times out keeps its record, and a repeat goes to the same server', async () => {
      h.configure({ response_timeout: 200 });
      h.bbb1.fail('create', { kind: 'hang' });
      expect((await h.call('create', { name: 'x', meetingID: 'm1' })).result).toBe('internalError');
      expect(await h.record('m1')).toMatchObject({ server_id: 'bbb1', status: 'active' });
      h.bbb1.recover();
      h.configure({});
      expect((await h.create('m1')).text).toContain('<meetingID>m1<');
      expect(h.bbb2.requestsOf('create')).toHaveLength(0);
    });

    test('24: goes on to the next server when one refuses', async () => {
      await h.bbb1.refuse();
      await h.create('m1');
      expect((await h.record('m1'))?.server_id).toBe('bbb2');
      expect(await h.loadOf('bbb1')).toBe(0);
      expect(await h.loadOf('bbb2')).toBe(1);
    });

    test('24: gives up when none can be reached', async () => {
      await h.bbb1.refuse();
      await h.bbb2.refuse();
      expect((await h.call('create', { name: 'x', meetingID: 'm1' })).result).toBe('internalError');
      expect(await h.record('m1')).toBeUndefined();
    });

    test('25: that a server refuses leaves nothing', async () => {
      h.bbb1.fail('create', { kind: 'failed', messageKey: 'idNotUnique', message: '<b>&' });
      const answer = await h.call('create', { name: 'x', meetingID: 'test-meeting-1' });
      expect(answer.result).toBe('idNotUnique');
      expect(answer.text).toContain('<message>&lt;b&gt;&amp;</message>');
      expect(await h.record('test-meeting-1')).toBeUndefined();
      expect(await h.loadOf('bbb1')).toBe(0);
      h.bbb1.recover();
      await h.create('test-meeting-1');
      expect(sent()['voiceBridge']).toBe('394201124');
    });

    test('26: a hundred at once spread evenly over ten idle servers', async () => {
      for (let i = 3; i <= 10; i++) await h.startFake(`bbb${i}`);
      const ids = Array.from({ length: 100 }, (_, i) => `m${i}`);
      await Promise.all(ids.map((id) => h.create(id)));
      const counts = new Map<string, number>();
      for (const { server_id: id } of await h.store.meetings.list()) {
        counts.set(id, (counts.get(id) ?? 0) + 1);
      }
      expect([...counts.values()]).toEqual(Array.from({ length: 10 }, () => 10));
    });

    test(`136: ${STORM_COUNT} in waves over twenty servers leave none more than one ahead`, async () => {
      for (let i = 3; i <= 20; i++) await h.startFake(`bbb${i}`);
      for (let first = 0; first < STORM_COUNT; first += 50) {
        const wave = Array.from({ length: 50 }, async (_, i) => h.create(`storm-${first + i}`));
        await Promise.all(wave);
        const counts = new Map<string, number>();
        for (const { server_id: id } of await h.store.meetings.list()) {
          counts.set(id, (counts.get(id) ?? 0) + 1);
        }
        const spread = [...counts.values()];
        expect(spread).toHaveLength(20);
        expect(Math.max(...spread) - Math.min(...spread)).toBeLessThanOrEqual(1);
      }
    });

    test('27: twenty of one meeting make one', async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => h.create('m1')));
      expect(answers.every(({ result }) => result === 'SUCCESS')).toBe(true);
      expect(await h.store.meetings.count()).toBe(1);
      expect([await h.loadOf('bbb1'), await h.loadOf('bbb2')]).toEqual([1, 0]);
      expect(h.bbb2.requestsOf('create')).toHaveLength(0);
    });

    test('28: a cordoned server keeps only what runs', async () => {
      await h.create('m1');
      await h.change('bbb1', { state: 'cordoned' });
      await h.call('join', { meetingID: 'm1', fullName: 'Ada', role: 'MODERATOR' });
      h.bbb1.addMeeting({ meetingID: 'm1' });
      await h.create('m1');
      expect((await h.record('m1'))?.server_id).toBe('bbb1');
      h.bbb1.dropMeeting('m1');
      await h.create('m1');
      expect((await h.record('m1'))?.server_id).toBe('bbb2');
    });

    test('28: a cordoned server that does not answer keeps nothing', async () => {
      await h.create('m1');
      await h.change('bbb1', { state: 'cordoned' });
      h.bbb1.fail('isMeetingRunning', { kind: 'reset' });
      await h.create('m1');
      expect((await h.record('m1'))?.server_id).toBe('bbb2');
    });

    test.each([
      ['offline', { is_online: 0, load: null }],
      ['disabled', { state: 'disabled' }],
    ] as const)('29: the meeting of a server that is %s is placed anew', async (_, change) => {
      await h.create('m1');
      await h.change('bbb1', change);
      await h.create('m1');
      expect((await h.record('m1'))?.server_id).toBe('bbb2');
    });

    test('29: the meeting of a server that was removed is placed anew', async () => {
      await h.create('m1');
      await h.store.servers.remove('bbb1');
      h.gateway.context.directory.forget();
      await h.create('m1');
      expect((await h.record('m1'))?.server_id).toBe('bbb2');
    });

    test.each([
      [undefined, '90'],
      ['0', '90'],
      ['300', '90'],
      ['60', '60'],
      ['abc', '90'],
    ])('30: a duration of %s becomes %s under a limit of 90', async (duration, expected) => {
      h.configure({ max_meeting_duration: 90 });
      await h.create('m1', duration === undefined ? {} : { duration });
      expect(sent()['duration']).toBe(expected);
    });

    test('31: leaves out excluded parameters of the client', async () => {
      h.configure({ create_exclude_params: ['freeJoin', 'foo'] });
      await h.create('m1', { freeJoin: 'true', foo: '1', record: 'true' });
      expect(sent()).toMatchObject({ record: 'true' });
      expect(Object.keys(sent())).not.toEqual(expect.arrayContaining(['freeJoin']));
      expect(Object.keys(sent())).not.toEqual(expect.arrayContaining(['foo']));
    });

    test('32: defaults give way to the client, overrides do not', async () => {
      h.configure({
        default_create_params: { welcome: 'D' },
        override_create_params: { record: 'false' },
      });
      await h.create('m1', { welcome: 'C', record: 'true' });
      expect(sent()).toMatchObject({ welcome: 'C', record: 'false' });
      await h.create('m1');
      expect(sent()).toMatchObject({ welcome: 'D', record: 'false' });
    });

    test('34: an XML body is passed on byte for byte', async () => {
      const body =
        '<modules>\r\n <module name="presentation"><document url="http://é"/></module></modules>';
      const init = { method: 'POST', headers: { 'content-type': 'text/xml; charset=utf-8' }, body };
      const answer = await h.call('create', { name: 'x', meetingID: 'm1' }, { init });
      expect(answer.result).toBe('SUCCESS');
      const [upstream] = h.bbb1.requestsOf('create');
      expect([upstream!.method, upstream!.headers['content-type']]).toEqual([
        'POST',
        'application/xml',
      ]);
      expect(String(upstream!.body)).toBe(body);
    });

    test('a server that dies in the middle of a create keeps the meeting, and is asked again', async () => {
      h.bbb1.fail('create', { kind: 'reset' });
      expect((await h.call('create', { name: 'x', meetingID: 'm1' })).result).toBe('internalError');
      expect((await h.record('m1'))?.server_id).toBe('bbb1');
      h.bbb1.recover();
      await h.create('m1');
      expect([h.bbb1.meetings.size, h.bbb2.meetings.size]).toEqual([1, 0]);
      h.bbb1.fail('*', { kind: 'reset' });
      expect((await h.call('getMeetingInfo', { meetingID: 'm1' })).result).toBe('internalError');
      expect(await h.record('m1')).toBeDefined();
    });

    test('35: addresses for finished recordings are remembered, not sent', async () => {
      await h.create('m1', {
        'meta_bn-recording-ready-url': 'https://bn.example.com/ready?a=1',
        'meta_bbb-recording-ready-url': 'https://bbb.example.com',
        'meta_canvas-recording-ready-url': 'https://canvas.example.com',
      });
      expect(Object.keys(sent()).filter((name) => name.includes('recording-ready'))).toEqual([]);
      expect(await h.store.callbacks.find({ meetingId: 'm1', tenantId: '' })).toEqual({
        recordingReadyUrl: 'https://bn.example.com/ready?a=1',
      });
    });

    test('37: a voice bridge of the client counts only if it may', async () => {
      await h.create('m1', { voiceBridge: '12345' });
      expect(sent()['voiceBridge']).not.toBe('12345');
      h.configure({ use_external_voice_bridge: true });
      await h.create('m2', { voiceBridge: '12345' });
      expect(sent(h.bbb2)['voiceBridge']).toBe('12345');
      await h.create('m3', { voiceBridge: '12345' });
      expect((await h.record('m3'))?.voice_bridge).toMatch(/^[1-9]\d{8}$/);
    });

    test('38: a voice bridge is derived from the meeting ID, and kept', async () => {
      await h.create('test-meeting-1');
      expect(sent()['voiceBridge']).toBe('394201124');
      await h.create('test-meeting-1');
      expect(sent()['voiceBridge']).toBe('394201124');
    });

    describe('with bbb1 untagged and loaded, bbb3 tagged and idle', () => {
      beforeEach(async () => {
        await h.store.servers.remove('bbb2');
        await h.change('bbb1', { load: 9 });
        await h.startFake('bbb3', { tag: 'gpu' });
      });
      const place = async (wish?: string) =>
        h.call('create', {
          name: 'x',
          meetingID: 'm1',
          ...(wish !== undefined && { 'meta_server-tag': wish }),
        });
      const placedOn = async () => (await h.record('m1'))?.server_id;

      test.each([undefined, '', '!', 'none', 'none!'])('39: wish %j goes to bbb1', async (wish) => {
        expect((await place(wish)).result).toBe('SUCCESS');
        expect(await placedOn()).toBe('bbb1');
        expect(sent()).not.toHaveProperty('meta_server-tag');
      });

      test.each(['gpu', 'gpu!', 'x;gpu', 'none;gpu'])('40: wish %j goes to bbb3', async (wish) => {
        expect((await place(wish)).result).toBe('SUCCESS');
        expect(await placedOn()).toBe('bbb3');
      });

      test('41: an unknown tag falls back to untagged servers unless it is required', async () => {
        expect((await place('x!')).result).toBe('serverTagUnavailable');
        expect((await place('x')).result).toBe('SUCCESS');
        expect(await placedOn()).toBe('bbb1');
        expect(sent()).not.toHaveProperty('meta_server-tag');
      });

      test('42: an override wins over the wish of the client', async () => {
        h.configure({ override_create_params: { 'meta_server-tag': 'gpu' } });
        expect((await place('x!')).result).toBe('SUCCESS');
        expect(await placedOn()).toBe('bbb3');
      });

      test('43: a required tag whose servers are full is full, an optional one falls back', async () => {
        await h.change('bbb3', { max_meetings: 1 });
        await h.create('m0', { 'meta_server-tag': 'gpu' });
        expect((await place('gpu!')).result).toBe('maxConcurrent');
        expect((await place('gpu')).result).toBe('SUCCESS');
        expect(await placedOn()).toBe('bbb1');
      });
    });

    test('43: servers at their caps take no more', async () => {
      for (const id of ['bbb1', 'bbb2']) await h.change(id, { max_meetings: 1 });
      await h.create('m1');
      await h.create('m2');
      expect((await h.call('create', { name: 'x', meetingID: 'm3' })).result).toBe('maxConcurrent');
      await h.change('bbb1', { max_meetings: 0, max_users: 1 });
      await h.call('join', { meetingID: 'm1', fullName: 'Ada' });
      expect((await h.call('create', { name: 'x', meetingID: 'm3' })).result).toBe('maxConcurrent');
    });

    test('133: an answer with an entity bomb is no answer', async () => {
      h.bbb1.fail('create', { kind: 'entity-bomb' });
      expect((await h.call('create', { name: 'x', meetingID: 'm1' })).result).toBe('internalError');
    });
  });
}
