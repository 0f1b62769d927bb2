/** Section 6.16 of the contract: hooks of front-ends, and the events of servers on their way to them. */
import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { hookChecksum } from '../../src/callbacks/sending.ts';
import { until } from '../until.ts';
import { type CallOptions, type CallResult, type Harness, SECRET } from './harness.ts';
import { startTarget } from './target.ts';

export function describeHooks(storage: string, harness: () => Harness): void {
  describe(`hooks on ${storage}`, () => {
    let h: Harness;
    beforeEach(async () => {
      h = harness();
      await h.reset();
      await h.resetRecordings();
    });

    /** Delivers until nothing is due. */
    async function deliver(): Promise<void> {
      while ((await h.gateway.notifier.round()) !== 0);
    }

    /** How the tenants call. */
    async function twoTenants(): Promise<{ a: CallOptions; b: CallOptions }> {
      for (const name of ['a', 'b']) {
        await h.store.tenants.add({ id: `t-${name}`, name, secrets: `s${name}` });
      }
      h.gateway.context.directory.forget();
      return {
        a: { host: 'a.example.com', secret: 'sa' },
        b: { host: 'b.example.com', secret: 'sb' },
      };
    }

    const hook = async (
      call: 'create' | 'list' | 'destroy',
      parameters: Record<string, string> = {},
      by: CallOptions = {},
    ): Promise<CallResult> => h.call(`hooks/${call}`, parameters, by);
    const hookIdOf = ({ text }: CallResult): string => /<hookID>(\d+)</.exec(text)![1]!;

    test('hooks are made once, listed and destroyed', async () => {
      const callbackURL = 'https://app.example.com/hook?a=1&b=2';
      const made = await hook('create', { callbackURL, meetingID: 'm1', getRaw: 'true' });
      const id = hookIdOf(made);
      expect(made.text).toContain(
        `<hookID>${id}</hookID><permanentHook>false</permanentHook><rawData>true</rawData><messageKey></messageKey>`,
      );
      const again = await hook('create', { callbackURL });
      expect([hookIdOf(again), again.text.includes('duplicateWarning')]).toEqual([id, true]);
      expect((await hook('list')).text).toContain(
        `<hooks><hook><hookID>${id}</hookID><callbackURL>https://app.example.com/hook?a=1&amp;b=2</callbackURL><meetingID>m1</meetingID><permanentHook>false</permanentHook><rawData>true</rawData></hook></hooks>`,
      );
      for (const bad of ['', 'ftp://x', 'http://', 'javascript:alert(1)']) {
        expect((await hook('create', { callbackURL: bad })).result).toBe('createHookError');
      }
      expect((await hook('destroy')).result).toBe('missingParamHookID');
      expect((await hook('destroy', { hookID: '999999' })).result).toBe('destroyMissingHook');
      expect((await hook('destroy', { hookID: id })).text).toContain('<removed>true</removed>');
      expect((await hook('list')).text).toContain('<hooks></hooks>');
      expect((await h.request('hooks/list')).result).toBe('checksumError');
    });

    const eventOf = (meetingId: string, id = 'user-joined'): object => ({
      data: { type: 'event', id, attributes: { meeting: { 'external-meeting-id': meetingId } } },
    });

    test('events of servers reach the hooks that they are for, signed anew', async () => {
      h.configure({ url_host: '', public_url: h.origin });
      const server = await h.startFake('relay1');
      const all = await startTarget();
      const some = await startTarget();
      await hook('create', { callbackURL: all.url });
      await hook('create', { callbackURL: some.url, meetingID: 'm1', eventID: 'a,user-joined' });
      await deliver();
      await until('the servers know', () => server.requestsOf('hooks/create').length === 1);
      expect(server.requestsOf('hooks/create')[0]!.parameters.get('getRaw')).toBe('false');
      for (const event of [eventOf('m1'), eventOf('m2'), eventOf('m1', 'other')]) {
        const answers = await server.postHookEvent(event);
        expect(answers.map(({ status }) => status)).toEqual([200]);
      }
      await deliver();
      expect([all.received.length, some.received.length]).toEqual([3, 1]);
      const { body, url, headers } = some.received[0]!;
      expect(JSON.parse(new URLSearchParams(body).get('event')!)).toEqual(eventOf('m1'));
      expect(headers['content-type']).toBe('application/x-www-form-urlencoded');
      expect(url).toBe(`/ready?a=1&checksum=${hookChecksum(some.url, body, SECRET)}`);
    });

    test('events that no server signed go nowhere', async () => {
      h.configure({ url_host: '', public_url: h.origin });
      const server = await h.startFake('relay2');
      const { url, received } = await startTarget();
      await hook('create', { callbackURL: url });
      await deliver();
      await until('the server knows', () => server.requestsOf('hooks/create').length === 1);
      const relay = server.requestsOf('hooks/create')[0]!.parameters.get('callbackURL')!;
      const body = 'event=%7B%7D&timestamp=1';
      const statusOf = async (address: string, secret: string): Promise<number> => {
        const target = new URL(address);
        target.searchParams.set('checksum', hookChecksum(address, body, secret));
        return (await fetch(target, { method: 'POST', body })).status;
      };
      expect(await statusOf(relay, 'wrong')).toBe(401);
      expect(await statusOf(relay.replace('relay2', 'bbb2'), h.bbb2.secret)).toBe(401);
      expect(await statusOf(`${h.origin}/bigbluebutton/api/hooks_relay/x`, 'x')).toBe(401);
      await deliver();
      expect(received).toEqual([]);
      expect(await statusOf(relay, server.secret)).toBe(200);
    });

    test("a tenant's hooks hear of its meetings only, also after their end", async () => {
      h.configure({ multitenancy: true, url_host: '', public_url: h.origin });
      const server = await h.startFake('relay3');
      const { a, b } = await twoTenants();
      const ofA = await startTarget();
      const ofB = await startTarget();
      await hook('create', { callbackURL: ofA.url }, a);
      const id = hookIdOf(await hook('create', { callbackURL: ofB.url }, b));
      expect((await hook('destroy', { hookID: id }, a)).result).toBe('destroyMissingHook');
      expect((await hook('list', {}, a)).text).not.toContain(ofB.url);
      await h.call('create', { name: 'x', meetingID: 'm1' }, a);
      await deliver();
      await until('the server knows', () => server.requestsOf('hooks/create').length === 1);
      await h.call('end', { meetingID: 'm1' }, a);
      expect(await h.record('m1')).toBeUndefined();
      await server.postHookEvent(eventOf('m1', 'meeting-ended'));
      await server.postHookEvent(eventOf('nobodys'));
      await deliver();
      expect([ofA.received.length, ofB.received.length]).toEqual([1, 0]);
    });

    /** As the parts of a server tell each other: by the server's own id of the meeting. */
    const rawOf = (upstreamId: string, name = 'UserJoinedMeetingEvtMsg'): object => {
      const meetingId = `${createHash('sha1').update(upstreamId).digest('hex')}-1700000000000`;
      return {
        envelope: { name, routing: { meetingId, userId: 'w_1' }, timestamp: 1 },
        core: { header: { name, meetingId }, body: { intId: 'w_1' } },
      };
    };
    const eventsOf = ({ body }: { readonly body: string }): unknown =>
      JSON.parse(new URLSearchParams(body).get('event')!);

    test('raw events go to those who want them, of one meeting or of all', async () => {
      h.configure({ url_host: '', public_url: h.origin });
      const server = await h.startFake('relay4');
      const all = await startTarget();
      const some = await startTarget();
      const mapped = await startTarget();
      await hook('create', { callbackURL: all.url, getRaw: 'true' });
      await hook('create', { callbackURL: some.url, getRaw: 'true', meetingID: 'm1' });
      await hook('create', { callbackURL: mapped.url });
      await deliver();
      await until('the server knows', () => server.requestsOf('hooks/create').length === 2);
      for (const id of ['m1', 'm2']) await server.postRawEvent(rawOf(id));
      await server.postRawEvent({ envelope: { name: 'SystemMsg', routing: {} }, core: 'odd' });
      await deliver();
      expect([all, some, mapped].map(({ received }) => received.length)).toEqual([3, 1, 0]);
      expect(eventsOf(some.received[0]!)).toEqual(rawOf('m1'));
    });

    test('a tenant hears raw events of its meetings only, also after their end', async () => {
      h.configure({ multitenancy: true, url_host: '', public_url: h.origin });
      const server = await h.startFake('relay5');
      const { a, b } = await twoTenants();
      const ofA = await startTarget();
      const ofB = await startTarget();
      await hook('create', { callbackURL: ofA.url, getRaw: 'true' }, a);
      await hook('create', { callbackURL: ofB.url, getRaw: 'true', meetingID: 'm2' }, b);
      await h.call('create', { name: 'x', meetingID: 'm1' }, a);
      await h.call('create', { name: 'x', meetingID: 'm2' }, b);
      await h.call('create', { name: 'x', meetingID: 'm3' }, b);
      await deliver();
      await until('the server knows', () => server.requestsOf('hooks/create').length === 1);
      await h.call('end', { meetingID: 'm1' }, a);
      expect(await h.record('m1')).toBeUndefined();
      for (const id of ['m1', 'm2', 'm3', 'nobodys']) await server.postRawEvent(rawOf(id));
      await server.postRawEvent({ envelope: { name: 'SystemMsg', routing: {} } });
      await deliver();
      expect(ofA.received.map(eventsOf)).toEqual([rawOf('m1')]);
      expect(ofB.received.map(eventsOf)).toEqual([rawOf('m2')]);
    });

    test('a form with events of several tenants is taken apart', async () => {
      h.configure({ multitenancy: true, url_host: '', public_url: h.origin });
      const server = await h.startFake('relay6');
      const { a, b } = await twoTenants();
      const ofA = await startTarget();
      const ofB = await startTarget();
      await hook('create', { callbackURL: ofA.url }, a);
      await hook('create', { callbackURL: ofB.url }, b);
      await h.call('create', { name: 'x', meetingID: 'm1' }, a);
      await h.call('create', { name: 'x', meetingID: 'm2' }, b);
      await deliver();
      await until('the server knows', () => server.requestsOf('hooks/create').length === 1);
      await server.postHookEvent([eventOf('m1'), eventOf('m2'), eventOf('m1', 'other')]);
      await deliver();
      expect(ofA.received.map(eventsOf)).toEqual([[eventOf('m1'), eventOf('m1', 'other')]]);
      expect(ofB.received.map(eventsOf)).toEqual([[eventOf('m2')]]);
    });

    test('tenants that share a meeting ID hear of their own meeting by its own name', async () => {
      const scoped = { multitenancy: true, scope_meeting_ids: true };
      h.configure({ ...scoped, url_host: '', public_url: h.origin });
      const server = await h.startFake('relay7');
      const { a, b } = await twoTenants();
      const ofA = await startTarget();
      const rawOfB = await startTarget();
      await hook('create', { callbackURL: ofA.url, meetingID: 'm1' }, a);
      await hook('create', { callbackURL: rawOfB.url, getRaw: 'true', meetingID: 'm1' }, b);
      for (const by of [a, b]) await h.call('create', { name: 'x', meetingID: 'm1' }, by);
      await deliver();
      await until('the server knows', () => server.requestsOf('hooks/create').length === 2);
      for (const id of ['t-a~m1', 't-b~m1']) {
        await server.postHookEvent(eventOf(id));
        await server.postRawEvent(rawOf(id));
      }
      await deliver();
      expect(ofA.received.map(eventsOf)).toEqual([eventOf('m1')]);
      expect(rawOfB.received.map(eventsOf)).toEqual([rawOf('t-b~m1')]);
    });
  });
}
