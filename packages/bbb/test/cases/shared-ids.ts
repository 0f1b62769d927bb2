/** Case 117 of the contract, and what follows from it: tenants that use the same meeting IDs. */
import { beforeEach, describe, expect, test } from 'vitest';
import { runOperation } from '../../src/index.ts';
import type { CallOptions, CallResult, Harness } from './harness.ts';
import { startTarget } from './target.ts';

export function describeSharedIds(storage: string, harness: () => Harness): void {
  describe(`meeting IDs that tenants share, on ${storage}`, () => {
    let h: Harness;
    const scoped = { multitenancy: true, scope_meeting_ids: true };
    const a: CallOptions = { host: 'a.example.com', secret: 'sa' };
    const b: CallOptions = { host: 'b.example.com', secret: 'sb' };
    beforeEach(async () => {
      h = harness();
      await h.reset(scoped);
      await h.resetRecordings();
      for (const name of ['a', 'b']) {
        await h.store.tenants.add({ id: `t-${name}`, name, secrets: `s${name}` });
      }
      h.gateway.context.directory.forget();
    });
    const create = async (by: CallOptions, more: Record<string, string> = {}) =>
      h.call('create', { name: 'Room', meetingID: 'm1', ...more }, by);
    const of = async (
      name: string,
      by: CallOptions,
      more: Record<string, string> = {},
    ): Promise<CallResult> => h.call(name, { meetingID: 'm1', ...more }, by);
    const idsIn = ({ text }: CallResult): string[] =>
      [...text.matchAll(/<meetingID>(.*?)<\/meetingID>/g)].map(([, id]) => id!);

    test('117: two tenants have a meeting of one ID each', async () => {
      const answers = [await create(a, { moderatorPW: 'pa' }), await create(b)];
      expect(answers.map(({ result }) => result)).toEqual(['SUCCESS', 'SUCCESS']);
      expect(answers.map(idsIn)).toEqual([['m1'], ['m1']]);
      expect([...h.bbb1.meetings.keys(), ...h.bbb2.meetings.keys()]).toEqual(['t-a~m1', 't-b~m1']);
      const bridges = [h.bbb1, h.bbb2].map((fake) =>
        fake.requestsOf('create')[0]!.parameters.get('voiceBridge'),
      );
      expect(new Set(bridges).size).toBe(2);
      for (const by of [a, b]) {
        expect(idsIn(await of('getMeetings', by))).toEqual(['m1']);
        expect(idsIn(await of('getMeetingInfo', by))).toEqual(['m1']);
      }
      expect((await create(a)).text).toContain('duplicateWarning');

      const joined = await of('join', b, { fullName: 'Ada', role: 'VIEWER' });
      expect(joined.location?.searchParams.get('meetingID')).toBe('t-b~m1');
      await fetch(joined.location!, { redirect: 'manual' });
      expect((await of('isMeetingRunning', b)).text).toContain('<running>true<');
      expect((await of('isMeetingRunning', a)).text).toContain('<running>false<');

      expect((await of('end', a, { password: 'pa' })).result).toBe('SUCCESS');
      expect((await of('getMeetingInfo', a)).result).toBe('notFound');
      expect((await of('getMeetingInfo', b)).result).toBe('SUCCESS');
    });

    test('polls know them apart: those that are gone are dropped, those that stay are seen', async () => {
      await create(a);
      await create(b);
      const find = async (scope: string) => h.store.meetings.find({ scope, meeting_id: 'm1' });
      h.bbb1.dropMeeting('t-a~m1');
      const [later] = [Date.now() + 120_000];
      const { context } = h.gateway;
      const nowMs = context.nowMs;
      Object.assign(context, { nowMs: () => later });
      try {
        await h.poll();
      } finally {
        Object.assign(context, { nowMs });
      }
      expect(await find('t-a')).toBeUndefined();
      expect(Number((await find('t-b'))?.last_seen_at_ms)).toBe(later);
      expect(h.gateway.poller.lastRound?.orphanCount).toBe(0);
    });

    test('a server that comes back ends the meeting that lives elsewhere by now, and no other', async () => {
      await create(a);
      await create(b);
      await h.store.meetings.drop(
        (await h.store.meetings.find({ scope: 't-a', meeting_id: 'm1' }))!,
      );
      await h.change('bbb1', { state: 'cordoned' });
      await create(a);
      expect([...h.bbb2.meetings.keys()]).toEqual(['t-b~m1', 't-a~m1']);
      await h.poll();
      expect([...h.bbb1.meetings.keys()]).toEqual([]);
      expect(h.bbb2.meetings.size).toBe(2);
    });

    test('a meeting that was made before the setting changed goes on under its name', async () => {
      h.configure({ multitenancy: true });
      await create(a);
      h.configure(scoped);
      expect((await create(a)).text).toContain('duplicateWarning');
      expect(idsIn(await of('getMeetingInfo', a))).toEqual(['m1']);
      expect((await create(b)).result).toBe('SUCCESS');
      h.configure({ multitenancy: true });
      expect((await create(b)).text).toContain('duplicateWarning');
      expect(idsIn(await of('getMeetingInfo', b))).toEqual(['m1']);
      expect([...h.bbb1.meetings.keys(), ...h.bbb2.meetings.keys()]).toEqual(['m1', 't-b~m1']);
    });

    test('an ID that would mean a meeting of another tenant, or is too long for servers, is refused', async () => {
      expect((await create(a, { meetingID: 'x'.repeat(253) })).result).toBe('validationError');
      expect((await create(a, { meetingID: 'x'.repeat(252) })).result).toBe('SUCCESS');
      const nested = await create(a, { meetingID: 't-b~m1' });
      expect([nested.result, idsIn(nested)]).toEqual(['SUCCESS', ['t-b~m1']]);
      h.configure({ multitenancy: true });
      expect((await create(b, { meetingID: 't-a~m1' })).result).toBe('validationError');
    });

    test('a recording, analytics and the end of a meeting come back under the ID', async () => {
      h.configure({ ...scoped, intercept_end_callback: true });
      const { url, received } = await startTarget();
      await create(b);
      await create(a, {
        'meta_bbb-recording-ready-url': url,
        'meta_analytics-callback-url': url,
        meetingEndedURL: url,
      });
      const archive = { recordId: 'rec-1', meetingId: 't-a~m1', metadata: { 'tenant-id': 't-a' } };
      await h.importArchive(archive);
      expect(idsIn(await of('getRecordings', a))).toEqual(['m1']);
      expect((await of('getRecordings', b)).text).toContain('noRecordings');

      const own = `${h.origin}/bigbluebutton/api/analytics_callback`;
      await h.bbb2.postAnalytics(own, { meeting_id: 't-a~m1' });
      const ended = h.bbb2.requestsOf('create')[0]!.parameters.get('meetingEndedURL')!;
      const { pathname } = new URL(ended);
      await fetch(`${h.origin}${pathname}?meetingID=t-a~m1&recordingmarks=false`);
      expect((await of('getMeetingInfo', a)).result).toBe('notFound');
      while ((await h.gateway.notifier.round()) !== 0);
      expect(received).toHaveLength(3);
      const [ready, analytics, end] = received;
      const token = new URLSearchParams(ready!.body).get('signed_parameters')!;
      const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString());
      expect(claims).toEqual({ meeting_id: 'm1', record_id: 'rec-1' });
      expect(JSON.parse(analytics!.body)).toEqual({ meeting_id: 'm1', customer: 'a' });
      expect(end!.url).toBe('/ready?a=1&meetingID=m1&recordingmarks=false');
    });

    test('operators name a meeting by its tenant where its ID alone does not', async () => {
      await create(a, { moderatorPW: 'pa' });
      await create(b, { meetingID: 'm2' });
      const end = async (id: string) => runOperation(h.gateway, 'meetings.end', { id });
      expect(await end('m2')).toEqual({ id: 'm2', failure: null });
      await create(b);
      await expect(end('m1')).rejects.toThrow(/m1; name one of t-[ab]~m1, t-[ab]~m1$/);
      expect(await end('t-a~m1')).toEqual({ id: 't-a~m1', failure: null });
      expect([...h.bbb1.meetings.keys(), ...h.bbb2.meetings.keys()]).toEqual(['t-b~m1']);
      const listed = await runOperation(h.gateway, 'meetings.list', {});
      expect(listed).toMatchObject([{ id: 't-b~m1', meeting_id: 'm1', tenant_id: 't-b' }]);
    });
  });
}
