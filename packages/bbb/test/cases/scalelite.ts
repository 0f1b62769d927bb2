/** Cases 123 to 125 of the contract: Scalelite's administration by JSON. */
import { signedQuery } from '@balancer/fake-bbb';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Harness, SECRET } from './harness.ts';

export function describeScalelite(storage: string, harness: () => Harness): void {
  describe(`Scalelite's administration on ${storage}`, () => {
    let h: Harness;
    beforeEach(async () => {
      h = harness();
      await h.reset({ scalelite_api: true });
    });

    async function call(
      name: string,
      body?: object,
      { query = '', origin = h.origin, secret = SECRET, type = 'application/json' } = {},
    ): Promise<{ status: number; body: unknown; text: string }> {
      const signed = signedQuery({ call: name, query, secret });
      const answer = await fetch(`${origin}/scalelite/api/${name}?${signed}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { 'content-type': type },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      const isJson = answer.headers.get('content-type')?.startsWith('application/json');
      return { status: answer.status, text, body: isJson ? (JSON.parse(text) as unknown) : null };
    }
    const url = 'https://bbb9.example.com/bigbluebutton/api';
    const tenancy = { scalelite_api: true, multitenancy: true };

    test('123: servers are added disabled, and what is wrong is told', async () => {
      const added = await call('addServer', { server: { url, secret: 's', load_multiplier: 0 } });
      expect(added).toMatchObject({
        status: 201,
        body: {
          url,
          secret: 's',
          state: 'disabled',
          load: 'unavailable',
          load_multiplier: 1,
          tag: '',
          online: 'offline',
        },
      });
      expect(await call('addServer', { server: { url } })).toMatchObject({
        status: 400,
        body: { error: expect.any(String) },
      });
      expect(await call('addServer', {})).toMatchObject({ status: 400 });
      const form = await call('addServer', {}, { type: 'application/x-www-form-urlencoded' });
      expect(form.text).toContain('unsupportedContentType');
      expect((await call('addServer', {}, { secret: 'x' })).text).toContain('checksumError');
      expect((await call('addServer')).text).toContain('unsupportedRequest');
    });

    test('124: servers are changed, listed, panicked and deleted', async () => {
      const update = async (id: string, server: object) => call('updateServer', { id, server });
      await h.create('m1');
      expect(await update('bbb1', { state: 'cordon' })).toMatchObject({
        status: 200,
        body: { state: 'cordoned', load: 1, online: 'online' },
      });
      expect((await update('bbb1', { state: 'x' })).status).toBe(400);
      expect((await update('bbb1', { load_multiplier: 0 })).status).toBe(400);
      expect(await update('bbb1', { tag: 'gpu', load_multiplier: '2.5' })).toMatchObject({
        body: { tag: 'gpu', load_multiplier: 2.5 },
      });
      expect(await update('bbb1', { tag: '' })).toMatchObject({ status: 200, body: { tag: '' } });
      expect(await update('nobody', {})).toMatchObject({
        status: 404,
        body: { error: expect.any(String) },
      });
      expect((await call('getServers')).body).toHaveLength(2);
      expect(await call('getServerInfo', undefined, { query: 'id=bbb2' })).toMatchObject({
        status: 200,
        body: { id: 'bbb2' },
      });
      expect((await call('getServerInfo', undefined, { query: 'id=x' })).status).toBe(404);
      expect(await call('panicServer', { id: 'bbb1', server: { keep_state: true } })).toMatchObject(
        { status: 200 },
      );
      expect(h.bbb1.meetings.size).toBe(0);
      expect((await h.store.servers.find('bbb1'))?.state).toBe('cordoned');
      for (const id of ['bbb1', 'bbb2'])
        expect((await call('deleteServer', { id })).status).toBe(200);
      expect((await call('deleteServer', { id: 'bbb1' })).status).toBe(404);
      expect((await call('getServers')).status).toBe(404);
    });

    test('125: tenants need tenancy', async () => {
      expect(await call('getTenants')).toMatchObject({
        status: 412,
        body: { message: expect.any(String) },
      });
      h.configure(tenancy);
      expect(await call('getTenants')).toMatchObject({
        status: 200,
        body: { message: expect.any(String) },
      });
    });

    test('tenants and their settings are kept', async () => {
      h.configure(tenancy);
      const added = await call('addTenant', { tenant: { name: 'a', secrets: 's1:s2' } });
      expect(added).toMatchObject({
        status: 201,
        body: { tenant: { name: 'a', secrets: 's1:s2' } },
      });
      const { id } = (added.body as { tenant: { id: string } }).tenant;
      expect(await call('addTenant', { tenant: { name: 'a' } })).toMatchObject({
        status: 400,
        body: { message: expect.any(String) },
      });
      expect(await call('updateTenant', { id, tenant: { secrets: 's3' } })).toMatchObject({
        body: { tenant: { secrets: 's3' } },
      });
      expect(await call('getTenantInfo', undefined, { query: `id=${id}` })).toMatchObject({
        body: { name: 'a' },
      });
      const setting = await call('addTenantSetting', {
        tenant_id: id,
        param: 'record',
        value: 'false',
        override: 'true',
      });
      expect(setting).toMatchObject({ status: 201, body: { param: 'record', override: true } });
      const settings = await call('getTenantSettings', undefined, { query: `id=${id}` });
      expect(settings.body).toEqual([setting.body]);
      const { id: settingId } = setting.body as { id: string };
      expect((await call('deleteTenantSetting', { id: settingId })).status).toBe(200);
      expect((await call('deleteTenant', { id })).status).toBe(200);
      expect((await call('getTenantInfo', undefined, { query: `id=${id}` })).status).toBe(404);
    });

    test('it is off on the public listener unless wanted, and always on the admin listener', async () => {
      h.configure({});
      expect((await call('getServers')).text).toContain('unsupportedRequest');
      expect((await call('getServers', undefined, { origin: h.adminOrigin })).body).toHaveLength(2);
      const bad = await call('getServers', undefined, { origin: h.adminOrigin, secret: 'x' });
      expect(bad.text).toContain('checksumError');
    });
  });
}
