/** Cases 36, 106 and 107 of the contract: calls that the gateway owes, and calls of servers. */
import { beforeEach, describe, expect, test } from 'vitest';
import { jwtVerify } from 'jose';
import { hookChecksum } from '../../src/callbacks/sending.ts';
import { runOperation } from '../../src/index.ts';
import type { Delivery } from '../../src/store/deliveries.ts';
import { signToken, verifyToken } from '../../src/tokens.ts';
import { type Harness, SECRET } from './harness.ts';
import { startTarget } from './target.ts';

describe('tokens', () => {
  const secret = SECRET;
  test('J1, J2: are the known ones, byte for byte', async () => {
    const room = {
      meeting_id: 'room-1',
      record_id: '6e35e3b2778883f5db637d7a5dba0a427f692e91-1530718721124',
    };
    expect(await signToken(room, { secret, algorithm: 'HS256' })).toBe(
      'eyJhbGciOiJIUzI1NiJ9.eyJtZWV0aW5nX2lkIjoicm9vbS0xIiwicmVjb3JkX2lkIjoiNmUzNWUzYjI3Nzg4ODNmNWRiNjM3ZDdhNWRiYTBhNDI3ZjY5MmU5MS0xNTMwNzE4NzIxMTI0In0.yv2-H41CuNjPX0lqOH88WsVK9zAu0I4EyAr4c5Fz1CE',
    );
    const known =
      'eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzUxMiJ9.eyJleHAiOjE4OTM0NTYwMDB9.H1Y50Zz6i0mUvsDg1K-C02gV8Fymz8EQD2pQ4avOt4eB4sxhxIh1185c6lmUWU7cJ7Oqbl3t2V9Mr4Z9vExkGQ';
    const key = { secret, algorithm: 'HS512' } as const;
    expect(await signToken({ exp: 1_893_456_000 }, key, 'JWT')).toBe(known);
    expect(await verifyToken(known, key, 1_893_455_999_000)).toEqual({ exp: 1_893_456_000 });
    expect(await verifyToken(known, key, 1_893_456_001_000)).toBeNull();
    expect(await verifyToken(known, { ...key, algorithm: 'HS256' }, 0)).toBeNull();
    expect(await verifyToken(known, { ...key, secret: '' }, 0)).toBeNull();
  });

  test('H1: the checksum of a hook is the known one', () => {
    const body = 'event=%7B%22data%22%3A%7B%22type%22%3A%22event%22%7D%7D&timestamp=1700000000000';
    expect(hookChecksum('https://app.example.com/hook', body, secret)).toBe(
      '97e445164dd3ac37cc0ea70a306f4587210a9bd0',
    );
  });
});

export function describeCallbacks(storage: string, harness: () => Harness): void {
  describe(`callbacks on ${storage}`, () => {
    let h: Harness;
    beforeEach(async () => {
      h = harness();
      await h.reset();
      await h.resetRecordings();
    });

    const room = { recordId: 'rec-1', meetingId: 'room-1' };
    const queue = async (): Promise<Delivery[]> => h.store.deliveries.list(undefined, 100);

    /** Delivers until nothing is due. */
    async function deliver(): Promise<void> {
      while ((await h.gateway.notifier.round()) !== 0);
    }

    /** As if the wait after a failure were over. */
    async function makeDue(): Promise<void> {
      for (const delivery of await queue()) {
        if (delivery.state !== 'pending') continue;
        const { state, attempts, last_error } = delivery;
        const due = { state, attempts, last_error, next_at_ms: 0 };
        await h.store.deliveries.update(delivery, due);
      }
    }

    /** All at once, in one step: the gateway delivers by itself what is due. */
    async function makeAllDue(change: Partial<Delivery> = {}): Promise<void> {
      const lease = await h.store.leases.acquire(
        { name: 'test', owner: 'test' },
        { nowMs: Date.now(), forMs: 60_000 },
      );
      await h.store.leases.fenced(lease!, async (db) => {
        const due = { ...change, next_at_ms: 0 };
        await db.updateTable('gw_deliveries').set(due).execute();
      });
    }

    const withReady = async (url: string): Promise<void> => {
      await h.create('room-1', { 'meta_bbb-recording-ready-url': url });
    };

    test('106: a finished recording is told once, signed', async () => {
      const { url, received } = await startTarget();
      await withReady(url);
      await h.importArchive(room);
      await deliver();
      expect(received).toHaveLength(1);
      const { method, url: path, headers, body } = received[0]!;
      expect([method, path, headers['content-type']]).toEqual([
        'POST',
        '/ready?a=1',
        'application/x-www-form-urlencoded',
      ]);
      const token = new URLSearchParams(body).get('signed_parameters')!;
      const { payload, protectedHeader } = await jwtVerify(token, Buffer.from(SECRET));
      expect(protectedHeader).toEqual({ alg: 'HS256' });
      expect(payload).toEqual({ meeting_id: 'room-1', record_id: 'rec-1' });
      expect(await queue()).toMatchObject([{ state: 'delivered', attempts: 1 }]);
      await h.importArchive({ ...room, formats: [{ type: 'video' }] });
      await deliver();
      expect(received).toHaveLength(2);
    });

    test.each([404, 410])('106: who answers %d is not called again', async (status) => {
      const { url, received } = await startTarget(status);
      await withReady(url);
      await h.importArchive(room);
      await deliver();
      await makeDue();
      await deliver();
      expect(received).toHaveLength(1);
      expect(await queue()).toMatchObject([{ state: 'gone', last_error: `HTTP ${status}` }]);
    });

    test.each([500, 302])('106: who answers %d is called again after a minute', async (status) => {
      const { url, received } = await startTarget(status);
      await withReady(url);
      const startMs = Date.now();
      await h.importArchive(room);
      await deliver();
      const [waiting] = await queue();
      expect(waiting).toMatchObject({ state: 'pending', last_error: `HTTP ${status}` });
      expect(waiting!.next_at_ms).toBeGreaterThanOrEqual(startMs + 60_000);
      await makeDue();
      await deliver();
      expect(received).toHaveLength(2);
      expect(await queue()).toMatchObject([{ state: 'delivered', attempts: 2 }]);
    });

    test('106: waits grow to an hour, and end after a day', async () => {
      await withReady('http://127.0.0.1:1/ready');
      let earliestMs = Date.now();
      await h.importArchive(room);
      for (const [failures, minutes] of [1, 5, 15, 60, 60, 60].entries()) {
        if (failures > 0) await makeDue();
        await deliver();
        const waitMs = minutes * 60_000;
        const [{ next_at_ms: nextAtMs } = { next_at_ms: 0 }] = await queue();
        expect(nextAtMs).toBeGreaterThanOrEqual(earliestMs + waitMs);
        expect(nextAtMs).toBeLessThanOrEqual(Date.now() + waitMs);
        earliestMs = Date.now();
      }
      const [{ id } = { id: '' }] = await queue();
      await makeAllDue({ created_at_ms: Date.now() - 23.5 * 3_600_000 });
      await deliver();
      expect(await queue()).toMatchObject([{ state: 'failed', last_error: 'ECONNREFUSED' }]);
      await runOperation(h.gateway, 'deliveries.retry', { id });
      expect(await runOperation(h.gateway, 'deliveries.list', { state: 'pending' })).toMatchObject([
        { id, kind: 'recording-ready', host: '127.0.0.1:1' },
      ]);
    });

    test('who does not answer is called once in a round, however much is owed', async () => {
      const laterMs = Date.now() + 3_600_000;
      const owed = { kind: 'hook', tenant_id: '', method: 'POST', payload: '' } as const;
      const url = 'http://127.0.0.1:1/';
      for (const id of ['1', '2', '3']) await h.store.deliveries.add({ ...owed, id, url }, laterMs);
      const startMs = Date.now();
      await makeAllDue();
      await deliver();
      const told = (await queue()).toSorted((a, b) => (a.id < b.id ? -1 : 1));
      expect(told.map(({ attempts }) => attempts)).toEqual([1, 0, 0]);
      for (const { next_at_ms: nextAtMs } of told) {
        expect(nextAtMs).toBeGreaterThanOrEqual(startMs + 60_000);
      }
    });

    test('a private address is not called where that is forbidden', async () => {
      const { url, received } = await startTarget();
      h.configure({ callback_deny_private: true });
      for (const target of [url, url.replace('127.0.0.1', 'localhost'), 'http://[::1]:1/']) {
        await h.resetRecordings();
        await h.reset();
        h.configure({ callback_deny_private: true });
        await withReady(target);
        await h.importArchive(room);
        await deliver();
        expect((await queue())[0]!.last_error).toContain('private network');
      }
      expect(received).toEqual([]);
    });

    test('a tenant is told with its own secrets, one after the other', async () => {
      const { url, received } = await startTarget(401, 200);
      h.configure({ multitenancy: true });
      await h.store.tenants.add({ id: 't-a', name: 'a', secrets: 's1:s2' });
      const by = { host: 'a.example.com', secret: 's1' };
      const parameters = { meetingID: 'room-1', 'meta_bn-recording-ready-url': url };
      expect((await h.call('create', { name: 'x', ...parameters }, by)).result).toBe('SUCCESS');
      await h.importArchive({ ...room, metadata: { 'tenant-id': 't-a' } });
      await deliver();
      expect(received).toHaveLength(2);
      const tokens = received.map(({ body }) =>
        new URLSearchParams(body).get('signed_parameters')!,
      );
      for (const [i, secret] of ['s1', 's2'].entries()) {
        expect((await jwtVerify(tokens[i]!, Buffer.from(secret))).payload['record_id']).toBe(
          'rec-1',
        );
      }
    });

    test('36, 107: analytics come through the gateway, from servers only', async () => {
      const { url, received } = await startTarget();
      await h.create('m1', { 'meta_analytics-callback-url': url });
      expect(h.bbb1.requestsOf('create')[0]!.parameters.get('meta_analytics-callback-url')).toBe(
        'https://gateway.example.com/bigbluebutton/api/analytics_callback',
      );
      const own = `${h.origin}/bigbluebutton/api/analytics_callback`;
      const data = { meeting_id: 'm1', data: { duration: 3 } };
      const hs256 = await signToken({}, { secret: h.bbb1.secret, algorithm: 'HS256' });
      const stranger = await signToken({}, { secret: 'other', algorithm: 'HS512' });
      const late = await signToken({ exp: 1 }, { secret: h.bbb1.secret, algorithm: 'HS512' });
      for (const bearer of [hs256, stranger, late, 'eyJhbGciOiJub25lIn0.e30.', null]) {
        expect((await h.bbb1.postAnalytics(own, data, bearer)).status).toBe(401);
      }
      expect(await queue()).toEqual([]);
      expect((await h.bbb2.postAnalytics(own, data)).status).toBe(204);
      expect((await h.bbb1.postAnalytics(own, { ...data, meeting_id: 'm9' })).status).toBe(204);
      await deliver();
      expect(received).toHaveLength(1);
      const { headers, body } = received[0]!;
      expect(JSON.parse(body)).toEqual({ ...data, customer: 'scalelite' });
      expect(headers).toMatchObject({
        'content-type': 'application/json',
        'user-agent': 'BigBlueButton Analytics Callback',
      });
      const token = headers.authorization!.replace('Bearer ', '');
      const { payload, protectedHeader } = await jwtVerify(token, Buffer.from(SECRET));
      expect(protectedHeader.alg).toBe('HS512');
      expect(payload.exp! - Date.now() / 1000).toBeGreaterThan(23 * 3600);
    });

    test('36: the address for analytics names the tenant as the front-end does', async () => {
      h.configure({ multitenancy: true });
      await h.store.tenants.add({ id: 't-a', name: 'a', secrets: 'sa' });
      const analytics = { 'meta_analytics-callback-url': 'https://x.example.com', name: 'x' };
      const secret = 'sa';
      await h.call('create', { meetingID: 'm1', ...analytics }, { secret, host: 'a.example.com' });
      await h.call('create', { meetingID: 'm2', ...analytics }, { secret, prefix: '/t/a' });
      const sent = [h.bbb1, h.bbb2].map((fake) =>
        fake.requestsOf('create')[0]!.parameters.get('meta_analytics-callback-url'),
      );
      expect(sent).toEqual([
        'https://a.gateway.example.com/bigbluebutton/api/analytics_callback',
        'https://gateway.example.com/t/a/bigbluebutton/api/analytics_callback',
      ]);
    });

    test('the end of a meeting drops its record at once, and goes on to whom it is for', async () => {
      const { url, received } = await startTarget();
      await h.create('m0', { meetingEndedURL: url });
      const passed = h.bbb1.requestsOf('create')[0]!.parameters.get('meetingEndedURL');
      expect(passed).toBe(url);
      h.configure({ intercept_end_callback: true });
      await h.create('m1', { meetingEndedURL: url, meta_endCallbackUrl: `${url}&end=1` });
      const { parameters } = h.bbb2.requestsOf('create')[0]!;
      const own = parameters.get('meta_endCallbackUrl')!;
      expect(own).toMatch(/^https:\/\/gateway\.example\.com\/bigbluebutton\/api\/meeting_ended\/e/);
      const at = own.replace('https://gateway.example.com', h.origin);
      expect((await fetch(`${at}x?b=2`)).status).toBe(200);
      expect(await h.record('m1')).toBeDefined();
      expect((await fetch(`${at}?recordingmarks=false&meetingID=m1`)).status).toBe(204);
      expect(await h.record('m1')).toBeUndefined();
      await deliver();
      expect(received.map(({ method, url: path }) => [method, path])).toEqual([
        ['GET', '/ready?a=1&end=1&recordingmarks=false&meetingID=m1'],
      ]);
    });

    test('132: nothing of all this is in the log', async () => {
      const { url } = await startTarget();
      await withReady(url);
      await h.importArchive(room);
      await deliver();
      const log = h.logged.join('');
      expect(log).toContain('archive imported');
      expect(log).toContain('delivered');
      for (const secret of [
        SECRET,
        h.bbb1.secret,
        'checksum=',
        'token=',
        'eyJ',
        'recording_',
        url,
      ]) {
        expect([secret, log.includes(secret)]).toEqual([secret, false]);
      }
    });
  });
}
