/** The REST API of the admin listener, and whether its OpenAPI document says what it does. */
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { z } from '@balancer/kit';
import { runOperation } from '../../src/index.ts';
import type { TokenRole } from '../../src/store/tokens.ts';
import type { Harness } from './harness.ts';

interface Operation {
  readonly 'x-role': TokenRole;
  readonly responses: Readonly<
    Record<
      string,
      { readonly content?: { readonly 'application/json': { readonly schema: object } } }
    >
  >;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

interface RestAnswer {
  readonly status: number;
  readonly body: unknown;
}

export function describeRest(storage: string, harness: () => Harness): void {
  describe(`the REST API on ${storage}`, () => {
    let h: Harness;
    let tokens: Record<TokenRole, string>;
    let document: Document;
    /** Operations that were asked for, as the document names them. */
    const asked = new Set<string>();
    beforeEach(async () => {
      h = harness();
      await h.reset();
      tokens = { read: '', operate: '', admin: '' };
      for (const role of ['read', 'operate', 'admin'] as const) {
        const made = await runOperation(h.gateway, 'tokens.create', { role, name: role });
        tokens[role] = (made as { token: string }).token;
      }
      document = (await (await fetch(`${h.adminOrigin}/api/v1/openapi.json`)).json()) as Document;
    });

    /** Asks, and holds the answer against the document. */
    async function ask(
      target: string,
      body?: unknown,
      role: TokenRole | null = 'admin',
    ): Promise<RestAnswer> {
      const [method = '', path = ''] = target.split(' ');
      const answer = await fetch(`${h.adminOrigin}/api/v1${path}`, {
        method,
        headers: {
          ...(role !== null && { authorization: `Bearer ${tokens[role]}` }),
          'content-type': 'application/json',
        },
        ...(body !== undefined && {
          body: typeof body === 'string' ? body : JSON.stringify(body),
        }),
      });
      const text = await answer.text();
      const value: unknown = text === '' ? undefined : JSON.parse(text);
      hold(method, path, { status: answer.status, body: value });
      return { status: answer.status, body: value };
    }

    function hold(method: string, path: string, { status, body }: RestAnswer): void {
      const found = Object.entries(document.paths).find(([template, operations]) => {
        const pattern = template.replaceAll(/\{\w+\}/g, '[^/]+');
        const isPath = new RegExp(`^${pattern}$`).test(`/api/v1${path.split('?')[0]}`);
        return isPath && operations[method.toLowerCase()] !== undefined;
      });
      const operation = found?.[1][method.toLowerCase()];
      if (found === undefined || operation === undefined) {
        throw new Error(`the document has no ${method} ${path}`);
      }
      const declared = operation.responses[status];
      expect(declared, `${method} ${path} does not declare ${status}`).toBeDefined();
      const schema = declared?.content?.['application/json'].schema;
      if (schema === undefined) {
        expect(body).toBeUndefined();
      } else {
        const whole = { ...schema, $defs: document.components.schemas };
        const json = JSON.stringify(whole).replaceAll('#/components/schemas/', '#/$defs/');
        z.fromJSONSchema(JSON.parse(json)).parse(body);
      }
      if (status < 300) asked.add(`${method.toLowerCase()} ${found[0]}`);
    }

    test('does everything that its document says, and nothing else', async () => {
      expect((await ask('GET /status')).body).toMatchObject({
        role: 'admin',
        servers: [{ id: 'bbb1' }, { id: 'bbb2' }],
      });
      const added = await ask('POST /servers', {
        id: 'bbb9',
        url: 'https://127.0.0.1:1/bigbluebutton/api',
        secret: 'bbb9-secret',
        tag: 'gpu',
      });
      expect(added).toMatchObject({ status: 201, body: { state: 'disabled', secret: '***' } });
      const changed = await ask('PATCH /servers/bbb9', {
        state: 'cordoned',
        max_users: 9,
        tag: '',
        checksum_algorithm: 'sha512',
        tls_verify: false,
      });
      expect(changed.body).toMatchObject({
        state: 'cordoned',
        max_users: 9,
        tag: '',
        checksum_algorithm: 'sha512',
        tls_ca: null,
        tls_verify: false,
      });
      const unreadable = await ask('PATCH /servers/bbb9', { tls_ca: '/nonexistent.pem' });
      expect([unreadable.status, JSON.stringify(unreadable.body)]).toEqual([
        400,
        expect.stringContaining('tls_ca: no PEM file with a certificate: ENOENT'),
      ]);
      expect((await ask('GET /servers/bbb9')).body).toMatchObject({ id: 'bbb9' });
      expect((await ask('DELETE /servers/bbb9')).status).toBe(204);
      expect((await ask('GET /servers')).body).toHaveLength(2);
      const file = `servers:\n  bbb3:\n    url: https://127.0.0.1:1/api\n    secret: x\n`;
      expect((await ask('POST /sync', { file, mode: 'keep' })).body).toHaveLength(3);

      await h.create('m1');
      await h.create('m2');
      expect((await ask('GET /meetings')).body).toHaveLength(2);
      expect((await ask('GET /meetings?server=bbb1')).body).toMatchObject([{ meeting_id: 'm1' }]);
      expect((await ask('GET /meetings/m1')).body).toMatchObject({ server_id: 'bbb1' });
      expect((await ask('POST /meetings/m1/end')).body).toEqual({ id: 'm1', failure: null });
      expect(h.bbb1.meetings.size).toBe(0);
      expect((await ask('POST /servers/bbb2/panic', { keep_state: true })).body).toEqual({
        meetings: 1,
        failed: [],
      });
      expect((await ask('POST /poll', { servers: ['bbb1'] })).body).toMatchObject({ servers: 1 });

      await h.create('room-1', { 'meta_bbb-recording-ready-url': 'http://127.0.0.1:1/ready' });
      await h.importArchive({ recordId: 'rec-1', meetingId: 'room-1' });
      const list = await ask('GET /recordings?text=rec-1&limit=5');
      expect(list.body).toMatchObject({ total: 1, recordings: [{ record_id: 'rec-1' }] });
      const change = { published: false, metadata: { topic: 'sums' } };
      expect((await ask('PATCH /recordings/rec-1', change)).status).toBe(204);
      expect((await ask('GET /recordings?state=unpublished')).body).toMatchObject({
        recordings: [{ state: 'unpublished', metadata: { topic: 'sums' } }],
      });
      expect((await ask('DELETE /recordings/rec-1')).status).toBe(204);
      writeFileSync(h.spool({ recordId: 'rec-2', meetingId: 'room-1' }), 'no archive');
      await h.importAll();
      expect((await ask('GET /imports')).body).toMatchObject({ failed: [{ file: 'rec-2.tar' }] });
      expect((await ask('POST /imports/rec-2.tar/retry')).status).toBe(204);
      expect((await ask('GET /imports')).body).toMatchObject({ waiting: [{ file: 'rec-2.tar' }] });
      expect((await ask('POST /imports')).body).toMatchObject({
        archives: [{ file: 'rec-2.tar', outcome: 'refused' }],
      });
      await h.importArchive({ recordId: 'rec-3', meetingId: 'room-1', published: false });
      cpSync(join(h.folders.unpublished, 'presentation'), join(h.folders.published, 'video'), {
        recursive: true,
      });
      expect((await ask('POST /recordings/fix')).body).toEqual({ changed: ['rec-3'], failed: [] });
      rmSync(join(h.folders.unpublished, 'video'), { recursive: true });
      expect((await ask('POST /recordings/reindex')).body).toEqual({
        changed: ['rec-3'],
        failed: [],
      });
      const prune = { older_than_days: 1, dry_run: true };
      expect((await ask('POST /recordings/prune', prune)).body).toMatchObject({
        changed: ['rec-3'],
      });
      expect((await ask('POST /recordings/prune', { older_than_days: 1 })).status).toBe(200);
      expect((await ask('GET /recordings?state=unpublished')).body).toMatchObject({ total: 0 });
      const [owed] = (await ask('GET /deliveries')).body as [{ id: string; host: string }];
      expect(owed.host).toBe('127.0.0.1:1');
      expect((await ask(`POST /deliveries/${owed.id}/retry`)).status).toBe(204);

      const tenant = await ask('POST /tenants', { name: 'school-a', secrets: 'a:b' });
      const { id } = tenant.body as { id: string };
      expect((await ask(`PATCH /tenants/${id}`, { max_users: 5 })).body).toMatchObject({
        secrets: 2,
        max_users: 5,
      });
      const setting = await ask(`POST /tenants/${id}/settings`, { param: 'record', value: 'true' });
      expect((await ask(`GET /tenants/${id}/settings`)).body).toEqual([setting.body]);
      const settingId = (setting.body as { id: string }).id;
      expect((await ask(`DELETE /tenant-settings/${settingId}`)).status).toBe(204);
      await h.importArchive({ recordId: 'rec-4', meetingId: 'room-1' });
      const given = await ask('POST /recordings/add-to-tenant', { tenant: 'school-a' });
      expect(given.body).toEqual({ count: 3 });
      expect((await ask('GET /recordings?tenant=school-a&text=rec-4')).body).toMatchObject({
        total: 1,
      });
      expect((await ask(`DELETE /tenants/${id}`)).status).toBe(204);
      expect((await ask('GET /tenants')).body).toEqual([]);

      const config = await ask('GET /config');
      expect(config.body).toMatchObject({ secrets: ['***'] });
      const made = await ask('POST /tokens', { role: 'read', name: 'wall display' });
      const { id: tokenId } = made.body as { id: string };
      expect(JSON.stringify((await ask('GET /tokens')).body)).toContain('wall display');
      expect((await ask(`DELETE /tokens/${tokenId}`)).status).toBe(204);

      const declared = Object.entries(document.paths).flatMap(([path, operations]) =>
        Object.keys(operations).map((method) => `${method} ${path}`),
      );
      // Nobody reads a file again in this process; that is refused below.
      const reachable = declared.filter((name) => !/config\/reload/.test(name));
      expect(reachable.filter((name) => !asked.has(name))).toEqual([]);
    });

    test('lets nobody do what their role does not', async () => {
      for (const [target, needed] of [
        ['GET /servers', 'read'],
        ['POST /poll', 'operate'],
        ['PATCH /servers/bbb1', 'operate'],
        ['POST /servers/bbb1/panic', 'operate'],
        ['POST /tenants', 'admin'],
        ['POST /recordings/prune', 'admin'],
        ['POST /recordings/reindex', 'admin'],
        ['GET /tokens', 'admin'],
        ['GET /config', 'admin'],
      ] as const) {
        expect((await ask(target, undefined, null)).status).toBe(401);
        const roles = ['read', 'operate', 'admin'] as const;
        const under = roles[roles.indexOf(needed) - 1];
        if (under === undefined) continue;
        const body = target.startsWith('GET') ? undefined : {};
        const refused = await ask(target, body, under);
        expect([target, refused.status]).toEqual([target, 403]);
        expect(JSON.stringify(refused.body)).toContain(`role ${needed}`);
      }
      const list = (await ask('GET /tokens')).body as { id: string; name: string }[];
      for (const { id, name } of list) if (name === 'read') await ask(`DELETE /tokens/${id}`);
      expect((await ask('GET /servers', undefined, 'read')).status).toBe(401);
    });

    test('says what is wrong with a request', async () => {
      const wrong = await ask('POST /servers', { url: 'x', secret: 's', speed: 1 });
      expect([wrong.status, JSON.stringify(wrong.body)]).toEqual([
        400,
        expect.stringContaining('speed'),
      ]);
      expect((await ask('POST /servers', '{')).body).toEqual({ error: 'the body is not JSON' });
      const taken = { id: 'bbb1', url: 'https://x.example.com', secret: 's' };
      expect((await ask('POST /servers', taken)).status).toBe(409);
      expect((await ask('GET /servers/nobody')).body).toEqual({
        error: 'there is no server nobody',
      });
      expect((await ask('POST /config/reload')).status).toBe(409);
      const elsewhere = await fetch(`${h.adminOrigin}/api/v1/servers`, { method: 'DELETE' });
      expect([elsewhere.status, elsewhere.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST']);
    });

    test('keeps the loads of the last half hour', async () => {
      await h.gateway.history.sample();
      await h.create('m1');
      await h.gateway.history.sample();
      await h.change('bbb2', { is_online: 0, load: null });
      await h.gateway.context.board.clear('bbb2');
      await h.gateway.history.sample();
      const { servers } = (await ask('GET /status')).body as {
        servers: { load_history: unknown[] }[];
      };
      expect(servers[0]!.load_history.slice(-3)).toEqual([0, 1, 1]);
      expect(servers[1]!.load_history.slice(-3)).toEqual([0, 0, null]);
      for (let i = 0; i < 130; i++) await h.gateway.history.sample();
      expect(h.gateway.history.of('bbb1')).toHaveLength(120);
    });
  });
}
