/** Cases 1 to 16 of the contract: who may call, and how. */
import { beforeEach, describe, expect, test } from 'vitest';
import { Secret } from '@balancer/kit';
import { signedQuery } from '@balancer/fake-bbb';
import { type Harness, SECRET } from './harness.ts';

const form = { 'content-type': 'application/x-www-form-urlencoded' };

export function describeAccess(storage: string, harness: () => Harness): void {
  describe(`access on ${storage}`, () => {
    let h: Harness;
    beforeEach(async () => {
      h = harness();
      await h.reset();
    });

    test('1, 2: the root needs no checksum and tells the build only if there is one', async () => {
      const plain = await h.request('');
      expect(plain.text).toContain('<version>2.0</version>');
      expect(plain.text).not.toContain('<build>');
      expect(plain.headers.get('content-type')).toBe('application/xml; charset=utf-8');
      expect(plain.headers.get('cache-control')).toBe('no-cache, no-store');
      h.configure({ build_number: 'b42' });
      for (const init of [{}, { method: 'POST', headers: form, body: 'a=b' }]) {
        expect((await h.request('?checksum=nonsense', { init })).text).toContain(
          '<build>b42</build>',
        );
      }
      for (const path of [
        '/bigbluebutton',
        '/bigbluebutton/',
        '/bigbluebutton/api',
        '//bigbluebutton//api/',
      ]) {
        expect(await (await fetch(`${h.origin}${path}`)).text()).toContain('<version>2.0<');
      }
    });

    test.each(['', '?checksum=', `?checksum=${'a'.repeat(50)}`, `?checksum=${'g'.repeat(64)}`])(
      '4: getMeetings%s is a checksum error',
      async (query) => {
        expect((await h.request(`getMeetings${query}`)).result).toBe('checksumError');
      },
    );

    test('5: the checksum is checked before the parameters', async () => {
      expect((await h.request('create')).result).toBe('checksumError');
    });

    test('6: an algorithm that is not allowed is a checksum error', async () => {
      h.configure({ checksum_algorithms: ['sha1', 'sha256', 'sha512'] });
      expect((await h.call('getMeetings', {}, { algorithm: 'sha384' })).result).toBe(
        'checksumError',
      );
      expect((await h.call('getMeetings', {}, { algorithm: 'sha512' })).result).toBe('SUCCESS');
    });

    test('7: the checksum may stand anywhere', async () => {
      const checksum = signedQuery({
        call: 'isMeetingRunning',
        query: 'meetingID=a&x=1',
        secret: SECRET,
      })
        .split('&')
        .at(-1)!;
      for (const query of [
        `${checksum}&meetingID=a&x=1`,
        `meetingID=a&${checksum}&x=1`,
        `meetingID=a&x=1&${checksum}`,
      ]) {
        expect((await h.request(`isMeetingRunning?${query}`)).result).toBe('SUCCESS');
      }
      const bare = signedQuery({ call: 'getMeetings', query: '', secret: SECRET });
      expect((await h.request(`getMeetings?&${bare}`)).result).toBe('SUCCESS');
    });

    test('8: the query is signed as it was sent, never decoded', async () => {
      const signed = signedQuery({
        call: 'isMeetingRunning',
        query: 'meetingID=%c3%a9',
        secret: SECRET,
      });
      expect((await h.request(`isMeetingRunning?${signed}`)).result).toBe('SUCCESS');
      const other = signed.replace('%c3', '%C3');
      expect((await h.request(`isMeetingRunning?${other}`)).result).toBe('checksumError');
    });

    test('9: every secret of a rotation is good', async () => {
      h.configure({ secrets: [new Secret('old'), new Secret('new')] });
      for (const secret of ['old', 'new']) {
        expect((await h.call('getMeetings', {}, { secret })).result).toBe('SUCCESS');
      }
      expect((await h.call('getMeetings')).result).toBe('checksumError');
    });

    test('10: two checksums are none', async () => {
      const signed = signedQuery({ call: 'getMeetings', query: '', secret: SECRET });
      const init = { method: 'POST', headers: form, body: signed };
      expect((await h.request(`getMeetings?${signed}`, { init })).result).toBe('checksumError');
      expect((await h.request(`getMeetings?${signed}&${signed}`)).result).toBe('checksumError');
    });

    test.each(['sha1', 'sha256'] as const)(
      '11: a form may carry everything, signed over an empty query by %s',
      async (algorithm) => {
        await h.create('m1');
        const checksum = signedQuery(
          { call: 'getMeetingInfo', query: '', secret: SECRET },
          algorithm,
        );
        const init = { method: 'POST', headers: form, body: `meetingID=m1&${checksum}` };
        expect((await h.request('getMeetingInfo', { init })).text).toContain('<meetingID>m1<');
      },
    );

    test('12: a form may be signed as sent or sorted; strictly, not by an empty query', async () => {
      const post = async (query: string, body: string) => {
        const checksum = signedQuery({ call: 'create', query, secret: SECRET }).split('&').at(-1)!;
        return h.request('create', {
          init: { method: 'POST', headers: form, body: `${body}&${checksum}` },
        });
      };
      const asSent = 'name=Room%20One&meetingID=room-1';
      expect((await post(asSent, asSent)).result).toBe('SUCCESS');
      expect((await post('meetingID=room-1&name=Room+One', asSent)).result).toBe('SUCCESS');
      expect((await post('', asSent)).result).toBe('SUCCESS');
      h.configure({ strict_post_checksum: true });
      expect((await post(asSent, asSent)).result).toBe('SUCCESS');
      expect((await post('', asSent)).result).toBe('checksumError');
    });

    test('12: a multipart form is read and signed sorted', async () => {
      const body = new FormData();
      body.set('name', 'Room One');
      body.set('meetingID', 'room-1');
      const query = 'meetingID=room-1&name=Room+One';
      const signed = signedQuery({ call: 'create', query, secret: SECRET });
      body.set('checksum', signed.split('checksum=')[1]!);
      expect((await h.request('create', { init: { method: 'POST', body } })).result).toBe(
        'SUCCESS',
      );
      expect(await h.record('room-1')).toBeDefined();
    });

    test('13, 14: the content type counts for a body only', async () => {
      const json = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' };
      expect((await h.call('getMeetingInfo', { meetingID: 'a' }, { init: json })).result).toBe(
        'unsupportedContentType',
      );
      const init = { headers: { 'content-type': 'application/xml' } };
      const answer = await h.call('isMeetingRunning', { meetingID: 'a' }, { init });
      expect(answer.text).toContain('<running>false</running>');
    });

    test('15: wrong methods and unknown names are unsupported', async () => {
      const post = { method: 'POST', headers: form, body: 'meetingID=a' };
      for (const [name, init] of [
        ['join', post],
        ['publishRecordings', post],
        ['deleteRecordings', post],
        ['insertDocument', {}],
        ['setConfigXML', {}],
        ['nope', {}],
        ['Create', {}],
        ['hooks/nope', {}],
        ['constructor', {}],
      ] as const) {
        const answer = await h.request(name, { init });
        expect([name, answer.status, answer.result]).toEqual([name, 200, 'unsupportedRequest']);
      }
      const elsewhere = await fetch(`${h.origin}/somewhere/else`);
      expect(await elsewhere.text()).toContain('unsupportedRequest');
    });

    test('16: a link preview is no join', async () => {
      await h.create('m1');
      const before = await h.loadOf('bbb1');
      const answer = await h.call('join', { meetingID: 'm1' }, { init: { method: 'HEAD' } });
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET']);
      expect(await h.loadOf('bbb1')).toBe(before);
    });

    test('a call name may end in a slash', async () => {
      const signed = signedQuery({ call: 'getMeetings', query: '', secret: SECRET });
      expect((await h.request(`getMeetings/?${signed}`)).result).toBe('SUCCESS');
    });

    test('what is too large is refused', async () => {
      const long = await h.call('isMeetingRunning', { meetingID: 'x'.repeat(70_000) });
      expect(long.status).toBe(413);
      h.configure({ form_max_bytes: 2000 });
      const init = { method: 'POST', headers: form, body: 'x'.repeat(3000) };
      expect((await h.request('create', { init })).status).toBe(413);
    });

    test('guessing is limited if wanted, without telling', async () => {
      h.configure({ failed_auth_per_minute: 3 });
      for (let i = 0; i < 3; i++)
        expect((await h.request('getMeetings')).result).toBe('checksumError');
      expect((await h.call('getMeetings')).result).toBe('checksumError');
      const other = { init: { headers: { 'x-forwarded-for': '192.0.2.7' } } };
      expect((await h.call('getMeetings', {}, other)).result).toBe('SUCCESS');
    });

    test('97: with recordings off their calls answer so, without a checksum', async () => {
      h.configure({ recordings_enabled: false });
      const answers = await Promise.all(
        ['getRecordings', 'publishRecordings', 'updateRecordings', 'deleteRecordings'].map((name) =>
          h.request(name),
        ),
      );
      expect(answers[0]!.text).toMatch(/<recordings\/><messageKey>noRecordings</);
      expect(answers.slice(1).map(({ result }) => result)).toEqual([
        'notFound',
        'notFound',
        'notFound',
      ]);
      expect((await h.request('getRecordingTextTracks')).text).toContain(
        '"messageKey":"noRecordings"',
      );
    });

    test('health is success while the storage answers', async () => {
      for (const path of ['/', '/health_check']) {
        const answer = await fetch(`${h.origin}${path}`);
        expect([answer.status, await answer.text()]).toEqual([200, 'success']);
      }
      expect(await (await fetch(`${h.adminOrigin}/readyz`)).json()).toMatchObject({
        storage: 'ok',
      });
    });
  });
}
