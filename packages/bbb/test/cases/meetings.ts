/** Cases 44 to 66 of the contract: the calls about meetings that are there. */
import { beforeEach, describe, expect, test } from 'vitest';
import { checksumOf } from '@balancer/fake-bbb';
import type { Harness } from './harness.ts';

export function describeMeetings(storage: string, harness: () => Harness): void {
  describe(`meetings on ${storage}`, () => {
    let h: Harness;
    beforeEach(async () => {
      h = harness();
      await h.reset();
    });
    /** For what hangs; everything else of a case comes before or after. */
    const impatient = { response_timeout: 200 };
    const xml = {
      method: 'POST',
      headers: { 'content-type': 'application/xml' },
      body: '<modules/>',
    };

    test('44, 45: join sends the client to the server, signed, and counts', async () => {
      await h.change('bbb1', { multiplier: 7 });
      await h.create('m1');
      const before = (await h.loadOf('bbb1'))!;
      const answer = await h.call('join', {
        meetingID: 'm1',
        fullName: 'Ada',
        role: 'MODERATOR',
        redirect: 'false',
      });
      expect([answer.status, answer.text, answer.headers.get('cache-control')]).toEqual([
        302,
        '',
        'no-store',
      ]);
      const { location } = answer;
      expect(location!.href.startsWith(`${h.bbb1.url}/join?`)).toBe(true);
      const [query, checksum] = location!.search.slice(1).split('&checksum=');
      expect(query).toBe('meetingID=m1&fullName=Ada&role=MODERATOR&redirect=false');
      expect(checksum).toBe(
        checksumOf({ call: 'join', query: query!, secret: h.bbb1.secret }, 'sha256'),
      );
      expect(await h.loadOf('bbb1')).toBe(before + 7);
      const joined = await fetch(location!);
      expect(await joined.text()).toContain('successfullyJoined');
      expect(h.bbb1.requests.map(({ call }) => call)).toEqual(['create', 'join']);
    });

    test('46: join needs a meeting ID, and one that is known', async () => {
      expect((await h.call('join', { fullName: 'Ada' })).result).toBe('missingParamMeetingID');
      expect((await h.call('join', { meetingID: 'm1', fullName: 'Ada' })).result).toBe('notFound');
    });

    test.each([
      ['disabled', { state: 'disabled' }, 'serverUnavailable'],
      ['offline', { is_online: 0, load: null }, 'serverUnavailable'],
      ['cordoned', { state: 'cordoned' }, ''],
    ] as const)('47: join on a server that is %s', async (_, change, result) => {
      await h.create('m1');
      await h.change('bbb1', change);
      const answer = await h.call('join', { meetingID: 'm1', fullName: 'Ada' });
      expect([answer.result, answer.status]).toEqual([result, result === '' ? 302 : 200]);
    });

    test('48: join follows its own lists of parameters', async () => {
      h.configure({
        join_exclude_params: ['foo'],
        default_join_params: { a: 'D', b: 'D' },
        override_join_params: { c: 'O' },
      });
      await h.create('m1');
      const { location } = await h.call('join', { meetingID: 'm1', foo: '1', b: 'C', c: 'C' });
      const sent = Object.fromEntries(location!.searchParams);
      expect(sent).toMatchObject({ a: 'D', b: 'C', c: 'O' });
      expect(sent).not.toHaveProperty('foo');
    });

    test('49: a name cannot become a parameter', async () => {
      await h.create('m1');
      const { location } = await h.callRaw(
        'join',
        'meetingID=m1&fullName=A%26meetingID%3Dm2%0d%0aX',
      );
      expect(location!.searchParams.getAll('meetingID')).toEqual(['m1']);
      expect(location!.searchParams.get('fullName')).toBe('A&meetingID=m2\r\nX');
    });

    test('50: isMeetingRunning of an unknown, a known and no meeting', async () => {
      const unknown = await h.call('isMeetingRunning', { meetingID: 'm1' });
      expect(unknown.text).toMatch(
        /<response><returncode>SUCCESS<\/returncode><running>false<\/running><\/response>$/,
      );
      await h.create('m1');
      await h.call('join', { meetingID: 'm1', fullName: 'Ada' });
      expect((await h.call('isMeetingRunning', { meetingID: 'm1' })).text).toContain(
        '<running>false<',
      );
      h.bbb1.addMeeting({ meetingID: 'm1' });
      expect((await h.call('isMeetingRunning', { meetingID: 'm1' })).text).toContain(
        '<running>true<',
      );
      expect((await h.call('isMeetingRunning')).result).toBe('missingParamMeetingID');
    });

    test.each(['isMeetingRunning', 'getMeetingInfo'])(
      '51: %s of a server that hangs fails in time',
      async (name) => {
        await h.create('m1');
        h.bbb1.fail(name, { kind: 'hang' });
        h.configure(impatient);
        expect((await h.call(name, { meetingID: 'm1' })).result).toBe('internalError');
        expect(await h.record('m1')).toBeDefined();
      },
    );

    test('52: getMeetingInfo passes on what the server wrote', async () => {
      await h.create('m1', { name: 'Räume & <mehr>' });
      const answer = await h.call('getMeetingInfo', { meetingID: 'm1', extra: '1' });
      const [upstream] = h.bbb1.requestsOf('getMeetingInfo');
      expect([...upstream!.parameters.keys()]).toEqual(['meetingID', 'checksum']);
      const direct = await fetch(`${h.bbb1.url}/getMeetingInfo?${upstream!.rawQuery}`);
      expect(answer.text).toBe(await direct.text());
    });

    test('53: getMeetingInfo drops the record of a meeting that is gone', async () => {
      await h.create('m1');
      h.bbb1.dropMeeting('m1');
      expect((await h.call('getMeetingInfo', { meetingID: 'm1' })).result).toBe('notFound');
      expect(await h.record('m1')).toBeUndefined();
      expect((await h.call('getMeetingInfo', { meetingID: 'm1' })).result).toBe('notFound');
      expect((await h.call('getMeetingInfo')).result).toBe('missingParamMeetingID');
    });

    const idsOf = (text: string) =>
      [...text.matchAll(/<meeting>.*?<meetingID>(.*?)<\/meetingID>/g)].map(([, id]) => id);

    test('54: getMeetings joins the lists in the order of the servers', async () => {
      h.bbb2.addMeeting({ meetingID: 'b', name: 'Ü' });
      h.bbb2.addMeeting({ meetingID: 'c' });
      h.bbb1.addMeeting({ meetingID: 'a' });
      const answer = await h.call('getMeetings');
      expect(idsOf(answer.text)).toEqual(['a', 'b', 'c']);
      expect(answer.text).toContain('<meetingName>Ü</meetingName>');
      expect(answer.text).not.toContain('<messageKey>');
    });

    test('55: no servers and no meetings are the same answer', async () => {
      const empty = await h.call('getMeetings');
      expect(empty.text).toMatch(/<messageKey>noMeetings<.*<meetings\/>/);
      for (const id of ['bbb1', 'bbb2']) await h.change(id, { state: 'disabled' });
      expect((await h.call('getMeetings')).text).toBe(empty.text);
    });

    test('56: getMeetings asks servers that are online and not disabled', async () => {
      const bbb3 = await h.startFake('bbb3', { state: 'disabled' });
      const bbb4 = await h.startFake('bbb4');
      await h.change('bbb4', { is_online: 0, load: null });
      await h.change('bbb2', { state: 'cordoned' });
      await h.call('getMeetings');
      expect([h.bbb1, h.bbb2, bbb3, bbb4].map((fake) => fake.requests.length)).toEqual([
        1, 1, 0, 0,
      ]);
    });

    test('57: a server that fails is answered for by its last poll, while that is young', async () => {
      h.bbb1.addMeeting({ meetingID: 'a' });
      h.bbb2.addMeeting({ meetingID: 'b' });
      await h.poll();
      h.configure(impatient);
      h.bbb2.fail('getMeetings', { kind: 'hang' });
      expect(idsOf((await h.call('getMeetings')).text)).toEqual(['a', 'b']);
      h.configure({ ...impatient, get_meetings_stale_seconds: 0 });
      expect((await h.call('getMeetings')).result).toBe('internalError');
    });

    test('58: meetings of tenants are not for others', async () => {
      h.bbb1.addMeeting({ meetingID: 'a', 'meta_tenant-id': 't' });
      h.bbb1.addMeeting({ meetingID: 'b', 'meta_tenant-id': '' });
      expect(idsOf((await h.call('getMeetings')).text)).toEqual(['b']);
    });

    test('59: getMeetings may be switched off', async () => {
      h.configure({ get_meetings_disabled: true });
      h.bbb1.addMeeting({ meetingID: 'a' });
      for (const method of ['GET', 'POST']) {
        expect((await h.request('getMeetings', { init: { method } })).text).toContain('noMeetings');
      }
      expect(h.bbb1.requests).toEqual([]);
    });

    test('60: getMeetings asks all servers at once', async () => {
      const fakes = [h.bbb1, h.bbb2];
      for (let i = 3; i <= 20; i++) fakes.push(await h.startFake(`bbb${i}`));
      // None answers before all are asked.
      let asked = 0;
      const until = new Promise<void>((resolve) => {
        for (const fake of fakes) {
          fake.onRequest = () => {
            if (++asked === 20) resolve();
          };
        }
      });
      for (const fake of fakes) fake.fail('getMeetings', { kind: 'held', until });
      expect((await h.call('getMeetings')).result).toBe('SUCCESS');
      for (const fake of fakes) fake.onRequest = () => {};
      expect(asked).toBe(20);
    });

    test('61: end ends and forgets', async () => {
      await h.create('m1', { moderatorPW: 'mp' });
      const answer = await h.call('end', { meetingID: 'm1', password: 'mp', other: 'x' });
      expect(answer.text).toContain('<messageKey>sentEndMeetingRequest</messageKey>');
      expect([...h.bbb1.requestsOf('end')[0]!.parameters.keys()]).toEqual([
        'meetingID',
        'password',
        'checksum',
      ]);
      expect(await h.record('m1')).toBeUndefined();
    });

    test('62: end needs a meeting ID, and one that is known', async () => {
      expect((await h.call('end', { meetingID: 'm1' })).result).toBe('notFound');
      expect((await h.call('end')).result).toBe('missingParamMeetingID');
    });

    test('63: end forgets also when the server hangs', async () => {
      await h.create('m1');
      h.configure(impatient);
      h.bbb1.fail('end', { kind: 'hang' });
      expect((await h.call('end', { meetingID: 'm1' })).result).toBe('internalError');
      expect(await h.record('m1')).toBeUndefined();
    });

    test('64: end with a wrong password changes nothing', async () => {
      await h.create('m1', { moderatorPW: 'mp' });
      expect((await h.call('end', { meetingID: 'm1', password: 'x' })).result).toBe(
        'invalidPassword',
      );
      expect(await h.record('m1')).toBeDefined();
    });

    test('65: insertDocument forwards XML', async () => {
      await h.create('m1');
      const post = async (parameters: Record<string, string>, init: RequestInit = xml) =>
        (await h.call('insertDocument', parameters, { init })).result;
      expect(await post({ meetingID: 'm1' })).toBe('SUCCESS');
      expect(h.bbb1.meetings.get('m1')!.documents.map(String)).toEqual(['<modules/>']);
      expect(await post({})).toBe('missingParamMeetingID');
      expect(await post({ meetingID: 'm2' })).toBe('notFound');
      const form = { method: 'POST', body: new URLSearchParams({ meetingID: 'm1' }) };
      expect(await post({ meetingID: 'm1' }, form)).toBe('unsupportedContentType');
    });

    test('66: sendChatMessage forwards what is within its limits', async () => {
      await h.create('m1');
      const send = async (parameters: Record<string, string>) =>
        (await h.call('sendChatMessage', parameters)).result;
      expect(await send({ meetingID: 'm1', message: 'Hä?', userName: 'Ada' })).toBe('SUCCESS');
      expect(h.bbb1.meetings.get('m1')!.messages).toEqual([{ userName: 'Ada', message: 'Hä?' }]);
      expect(await send({ meetingID: 'm2', message: 'x' })).toBe('notFound');
      expect(await send({ meetingID: 'm1' })).toBe('validationError');
      expect(await send({ meetingID: 'm1', message: 'x'.repeat(501) })).toBe('validationError');
      expect(await send({ message: 'x' })).toBe('missingParamMeetingID');
    });
  });
}
