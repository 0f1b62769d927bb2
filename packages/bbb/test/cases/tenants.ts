/** Cases 33 and 115 to 121 of the contract: tenants. */
import { createDecipheriv, pbkdf2Sync } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  addSetting,
  addTenant,
  listTenants,
  removeTenant,
  updateTenant,
} from '../../src/operations/tenants.ts';
import type { CallOptions, Harness } from './harness.ts';

export function describeTenants(storage: string, harness: () => Harness): void {
  describe(`tenants on ${storage}`, () => {
    let h: Harness;
    let idA: string;
    const a: CallOptions = { host: 'a.gateway.example.com:443', secret: 'secret-a2' };
    const b: CallOptions = { host: 'b.gateway.example.com', secret: 'secret-b' };
    beforeEach(async () => {
      h = harness();
      await h.reset({ multitenancy: true });
      const { context } = h.gateway;
      idA = (await addTenant(context, { name: 'a', secrets: 'secret-a:secret-a2' })).id;
      await addTenant(context, { name: 'b', secrets: 'secret-b' });
    });
    const create = async (options: CallOptions, parameters: Record<string, string> = {}) =>
      h.call('create', { name: 'x', meetingID: 'm1', ...parameters }, options);

    test('115: a tenant is its host or its path, with its own secrets', async () => {
      const result = async (options: CallOptions) =>
        (await h.call('getMeetings', {}, options)).result;
      expect(await result(a)).toBe('SUCCESS');
      expect(await result({ ...a, secret: 'secret-a' })).toBe('SUCCESS');
      expect(await result({ ...a, host: 'A.Gateway.Example.com' })).toBe('SUCCESS');
      expect(await result({ secret: 'secret-a', prefix: '/t/a' })).toBe('SUCCESS');
      for (const wrong of [
        { ...a, host: b.host! },
        { host: a.host! },
        { ...a, host: 'nobody.example.com' },
        { secret: 'secret-a' },
        { secret: 'secret-a', prefix: '/t/nobody' },
        { secret: 'secret-a', prefix: '/t/b' },
        {},
      ]) {
        expect(await result(wrong)).toBe('checksumError');
      }
      h.configure({ multitenancy: true, default_tenant: 'a' });
      expect(await result({ secret: 'secret-a' })).toBe('SUCCESS');
      h.configure({ multitenancy: false });
      expect(await result({ secret: 'secret-a', prefix: '/t/a' })).toBe('checksumError');
    });

    test('116: a meeting of another tenant is unknown', async () => {
      await create(a);
      const of = async (name: string, init?: RequestInit) =>
        h.call(name, { meetingID: 'm1', fullName: 'Eve' }, { ...b, ...(init && { init }) });
      const xml = { method: 'POST', headers: { 'content-type': 'text/xml' }, body: '<modules/>' };
      expect((await of('getMeetingInfo')).result).toBe('notFound');
      expect((await of('isMeetingRunning')).text).toContain('<running>false</running>');
      for (const name of ['join', 'end']) expect((await of(name)).result).toBe('notFound');
      expect((await of('insertDocument', xml)).result).toBe('notFound');
      expect(h.bbb1.requests.map(({ call }) => call)).toEqual(['create']);
      expect((await h.call('getMeetings', {}, b)).text).toContain('noMeetings');
      expect((await h.call('getMeetings', {}, a)).text).toContain('<meetingID>m1<');
    });

    test('117: a meeting ID is one over all tenants', async () => {
      await create(a);
      expect((await create(b)).result).toBe('idNotUnique');
    });

    test('118: a server is told the tenant, whatever the client says', async () => {
      await create(a, { 'meta_tenant-id': 'other', 'meta_tenant-name': 'other' });
      const [upstream] = h.bbb1.requestsOf('create');
      expect(upstream!.parameters.get('meta_tenant-id')).toBe(idA);
      expect(upstream!.parameters.get('meta_tenant-name')).toBe('a');
      h.configure({ multitenancy: false });
      await h.create('m2', { 'meta_tenant-id': 'other' });
      expect(h.bbb2.requestsOf('create')[0]!.parameters.has('meta_tenant-id')).toBe(false);
    });

    test('33: settings of the tenant stand around those of the gateway', async () => {
      h.configure({
        multitenancy: true,
        default_create_params: { p1: 'gd', p2: 'gd', p3: 'gd', p4: 'gd', p5: 'gd' },
        override_create_params: { p4: 'go', p5: 'go' },
      });
      const set = async (param: string, isOverride: boolean) =>
        addSetting(h.gateway.context, {
          tenant: 'a',
          param,
          value: isOverride ? 'to' : 'td',
          isOverride,
        });
      for (const param of ['p2', 'p3', 'p4', 'p5']) await set(param, false);
      await set('p5', true);
      await create(a, { p3: 'c', p4: 'c', p5: 'c' });
      const { p1, p2, p3, p4, p5 } = Object.fromEntries(h.bbb1.requestsOf('create')[0]!.parameters);
      expect([p1, p2, p3, p4, p5]).toEqual(['gd', 'td', 'c', 'go', 'to']);
    });

    test('42: a tag override of the tenant wins', async () => {
      await h.startFake('bbb3', { tag: 'gpu' });
      await h.startFake('bbb4', { tag: 'cpu' });
      h.configure({ multitenancy: true, override_create_params: { 'meta_server-tag': 'cpu' } });
      const setting = { tenant: 'a', param: 'meta_server-tag', value: 'gpu', isOverride: true };
      await addSetting(h.gateway.context, setting);
      await create(a, { 'meta_server-tag': 'x!' });
      expect((await h.record('m1'))?.server_id).toBe('bbb3');
    });

    test('120: limits of a tenant stop creates, not joins', async () => {
      await updateTenant(h.gateway.context, 'a', { max_meetings: 2 });
      const results = await Promise.all(
        ['m1', 'm2', 'm3', 'm4'].map(async (meetingID) => (await create(a, { meetingID })).result),
      );
      expect(results.toSorted()).toEqual(['SUCCESS', 'SUCCESS', 'maxConcurrent', 'maxConcurrent']);
      const records = await h.store.meetings.list();
      expect(records).toHaveLength(2);
      // Any two of the four may be the first to be inserted; the servers of the others get theirs back.
      for (const id of ['bbb1', 'bbb2']) {
        expect(await h.loadOf(id)).toBe(records.filter((one) => one.server_id === id).length);
      }
      const [record] = records;
      const joined = await h.call('join', { meetingID: record!.meeting_id, fullName: 'Ada' }, a);
      expect(joined.status).toBe(302);
    });

    test('120: users count from the last poll and the joins since', async () => {
      await updateTenant(h.gateway.context, 'a', { max_users: 3 });
      await create(a);
      h.bbb1.setCounts('m1', { participants: 2 });
      await h.poll();
      expect((await create(a, { meetingID: 'm2' })).result).toBe('SUCCESS');
      await h.call('join', { meetingID: 'm1', fullName: 'Ada' }, a);
      expect((await create(a, { meetingID: 'm3' })).result).toBe('maxConcurrent');
    });

    test('the metrics count meetings and people of each', async () => {
      await create(a);
      await h.call('join', { meetingID: 'm1', fullName: 'Ada', role: 'VIEWER' }, a);
      const text = await (await fetch(`${h.adminOrigin}/metrics`)).text();
      expect(text).toContain('balancer_bbb_tenant_meetings{tenant="a"} 1');
      expect(text).toMatch(/balancer_bbb_tenant_users{tenant="a"} [1-9]/);
      expect(text).toContain('balancer_bbb_tenant_meetings{tenant="b"} 0');
    });

    test('121: a server gets the access to the learning record store, sealed', async () => {
      await updateTenant(h.gateway.context, 'a', {
        lrs_endpoint: 'https://lrs.example.com',
        lrs_username: 'u',
        lrs_password: 'p',
      });
      await create(a);
      const payload = h.bbb1.requestsOf('create')[0]!.parameters.get('meta_secret-lrs-payload')!;
      const bytes = Buffer.from(payload, 'base64');
      const keys = pbkdf2Sync(h.bbb1.secret, bytes.subarray(8, 16), 10_000, 48, 'sha256');
      const cipher = createDecipheriv('aes-256-cbc', keys.subarray(0, 32), keys.subarray(32));
      const text = cipher.update(bytes.subarray(16), undefined, 'utf8') + cipher.final('utf8');
      expect(JSON.parse(text)).toEqual({
        lrs_endpoint: 'https://lrs.example.com',
        lrs_username: 'u',
        lrs_password: 'p',
      });
    });

    test('121: without a token the meeting is created all the same', async () => {
      await updateTenant(h.gateway.context, 'a', {
        lrs_endpoint: 'https://lrs.example.com',
        kc_token_url: `${h.bbb2.url}/token`,
      });
      expect((await create(a)).result).toBe('SUCCESS');
      const [upstream] = h.bbb1.requestsOf('create');
      expect(upstream!.parameters.has('meta_secret-lrs-payload')).toBe(false);
    });

    test('names and secrets are checked, and a removed tenant is nobody', async () => {
      const { context } = h.gateway;
      await expect(addTenant(context, { name: 'A b', secrets: 's' })).rejects.toThrow(
        'name: needs',
      );
      await expect(addTenant(context, { name: 'c', secrets: 's::t' })).rejects.toThrow(
        'secrets: needs',
      );
      await expect(addTenant(context, { name: 'a', secrets: 's' })).rejects.toThrow('already');
      await expect(updateTenant(context, 'a', { name: 'b' })).rejects.toThrow('already');
      await removeTenant(context, 'a');
      expect((await h.call('getMeetings', {}, a)).result).toBe('checksumError');
      expect((await listTenants(context)).map(({ name }) => name)).toEqual(['b']);
    });
  });
}
