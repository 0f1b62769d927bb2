/** Cases 108 to 114 and 119 of the contract: what people watch. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { Secret } from '@balancer/kit';
import { temporaryFolder } from '../temporary.ts';
import type { Harness, RawAnswer } from './harness.ts';

const COOKIE_KEY = 'cookie-key';
/** Known cookie of the contract: `/presentation/rec-1` until 2030. */
const KNOWN_COOKIE =
  'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIvcHJlc2VudGF0aW9uL3JlYy0xIiwiZXhwIjoxODkzNDU2MDAwfQ.VaLYG5YbRCAXwIIjrcH5abqfKd6EE849VUikQw1NGlo';
const NONE_ALGORITHM = `eyJhbGciOiJub25lIn0.${KNOWN_COOKIE.split('.')[1]}.`;

export function describePlayback(storage: string, harness: () => Harness): void {
  describe(`playback on ${storage}`, () => {
    let h: Harness;
    beforeEach(async () => {
      h = harness();
      await h.reset();
      await h.resetRecordings();
    });

    const formats = [
      { type: 'presentation', files: { 'index.html': '<p>hi</p>', 'a/b.m4v': 'x'.repeat(1000) } },
      { type: 'podcast', files: { 'audio.ogg': 'sound' } },
    ];
    const add = async (
      recordId = 'rec-1',
      metadata: Record<string, string> = {},
    ): Promise<void> => {
      await h.importArchive({ recordId, meetingId: 'm1', formats, metadata });
    };
    const statusOf = async (path: string, headers = {}): Promise<number> =>
      (await h.raw(path, { headers })).status;

    test('108: only what is published is served', async () => {
      await add();
      const path = '/presentation/rec-1/metadata.xml';
      const found = await h.raw(path);
      expect([found.status, found.headers['content-type']]).toEqual([
        200,
        'application/xml; charset=utf-8',
      ]);
      expect(found.headers['x-content-type-options']).toBe('nosniff');
      expect(found.body.toString()).toContain('<id>rec-1</id>');
      await h.call('publishRecordings', { recordID: 'rec-1', publish: 'false' });
      expect(await statusOf(path)).toBe(404);
      expect(await statusOf('/presentation/rec-9/metadata.xml')).toBe(404);
      await h.call('publishRecordings', { recordID: 'rec-1', publish: 'true' });
      await h.call('deleteRecordings', { recordID: 'rec-1' });
      const gone = await h.raw(path);
      expect([gone.status, gone.headers['content-type']]).toEqual([
        404,
        'text/html; charset=utf-8',
      ]);
    });

    test('109: files have ranges, validators and names of their types', async () => {
      await add();
      const path = '/presentation/rec-1/a/b.m4v';
      const range = async (value: string): Promise<RawAnswer> =>
        h.raw(path, { headers: { range: value } });
      const part = await range('bytes=0-99');
      expect([part.status, part.body.length]).toEqual([206, 100]);
      expect(part.headers['content-range']).toBe('bytes 0-99/1000');
      expect(part.headers['content-type']).toBe('video/mp4');
      expect((await range('bytes=-10')).headers['content-range']).toBe('bytes 990-999/1000');
      expect((await range('bytes=990-')).body).toHaveLength(10);
      const beyond = await range('bytes=1000-');
      expect([beyond.status, beyond.headers['content-range']]).toEqual([416, 'bytes */1000']);
      expect((await range('bytes=0-1,5-6')).status).toBe(200);
      expect((await range('lines=1-2')).status).toBe(200);
      const whole = await h.raw(path);
      expect([whole.status, whole.body.length]).toEqual([200, 1000]);
      const etag = String(whole.headers.etag);
      const fresh = await h.raw(path, { headers: { 'if-none-match': etag } });
      expect([fresh.status, fresh.body.length, fresh.headers.etag]).toEqual([304, 0, etag]);
      const modified = String(whole.headers['last-modified']);
      expect(await statusOf(path, { 'if-modified-since': modified })).toBe(304);
      expect(await statusOf(path, { 'if-none-match': '"x"', 'if-modified-since': modified })).toBe(
        200,
      );
      expect(await statusOf(path, { range: 'bytes=0-9', 'if-range': '"x"' })).toBe(200);
      const head = await h.raw(path, { method: 'HEAD' });
      expect([head.status, head.headers['content-length'], head.body.length]).toEqual([
        200,
        '1000',
        0,
      ]);
      const sound = await h.raw('/podcast/rec-1/audio.ogg');
      expect([sound.headers['content-disposition'], sound.headers['content-type']]).toEqual([
        'attachment',
        'audio/ogg',
      ]);
      expect(whole.headers['content-disposition']).toBeUndefined();
    });

    test('a folder leads to its index', async () => {
      await add();
      const bare = await h.raw('/presentation/rec-1');
      expect([bare.status, bare.headers.location]).toEqual([301, '/presentation/rec-1/']);
      expect((await h.raw('/presentation/rec-1/')).body.toString()).toBe('<p>hi</p>');
      const inner = await h.raw('/presentation/rec-1/a');
      expect([inner.status, inner.headers.location]).toEqual([301, '/presentation/rec-1/a/']);
      expect(await statusOf('/presentation/rec-1/a/')).toBe(404);
      expect(
        (await h.raw('/presentation/rec-1/a/b.m4v', { method: 'POST' })).body.toString(),
      ).toContain('unsupportedRequest');
    });

    test('110: no path leads elsewhere', async () => {
      await add();
      await add('rec-2');
      const folder = join(h.folders.published, 'presentation', 'rec-1');
      symlinkSync('/etc', join(folder, 'etc'));
      symlinkSync('../rec-2/index.html', join(folder, 'other.html'));
      symlinkSync('index.html', join(folder, 'own.html'));
      for (const path of [
        '%2e%2e/rec-2/index.html',
        '../rec-2/index.html',
        '..%2frec-2/index.html',
        '..%5crec-2/index.html',
        'index.html%00',
        'index.html%00.png',
        '%',
        '%ff',
        'etc/passwd',
        'other.html',
        'a'.repeat(300),
      ]) {
        expect([path, await statusOf(`/presentation/rec-1/${path}`)]).toEqual([path, 404]);
      }
      expect(await statusOf('/presentation/rec-1/own.html')).toBe(200);
      expect(await statusOf('/presentation/..%2f..%2fspool/x')).toBe(404);
      expect((await h.raw('/capture2/rec-1/index.html')).body.toString()).toContain(
        'unsupportedRequest',
      );
    });

    const cookie = (value: string, recordId = 'rec-1'): { cookie: string } => ({
      cookie: `a=b; recording_presentation_${recordId}=${value}`,
    });
    const guarded = {
      protected_enabled: true,
      secret_key_base: new Secret(COOKIE_KEY),
    };

    test('111: a protected recording wants its cookie', async () => {
      h.configure(guarded);
      await add();
      const path = '/presentation/rec-1/index.html';
      expect(await statusOf(path)).toBe(404);
      expect(await statusOf(path, cookie(KNOWN_COOKIE))).toBe(200);
      expect(await statusOf(path, cookie(`${KNOWN_COOKIE}x`))).toBe(404);
      expect(await statusOf(path, cookie(NONE_ALGORITHM))).toBe(404);
      expect(await statusOf('/podcast/rec-1/audio.ogg', cookie(KNOWN_COOKIE))).toBe(404);
      await add('rec-2');
      expect(await statusOf('/presentation/rec-2/index.html', cookie(KNOWN_COOKIE, 'rec-2'))).toBe(
        404,
      );
      h.configure({ ...guarded, protected_enabled: false });
      expect(await statusOf(path)).toBe(200);
    });

    async function tokenUrl(): Promise<string> {
      const { text } = await h.call('getRecordings', { recordID: 'rec-1' });
      const url = /<type>presentation<\/type><url>([^<]*)<\/url>/.exec(text)![1]!;
      return url.replaceAll('&amp;', '&').replace(h.origin, '');
    }

    test('112: an address opens once, and gives the cookie', async () => {
      h.configure(guarded);
      await add();
      const url = await tokenUrl();
      expect(url).toMatch(/^\/recording\/rec-1\/presentation\?token=[\w.-]+$/);
      expect(await statusOf(url.replace('presentation', 'podcast'))).toBe(404);
      expect(await statusOf(url.replace('rec-1', 'rec-2'))).toBe(404);
      expect((await h.raw(url, { method: 'HEAD' })).status).toBe(404);
      const opened = await h.raw(url);
      expect([opened.status, opened.headers.location]).toEqual([
        307,
        '/playback/presentation/2.3/rec-1',
      ]);
      const [set] = opened.headers['set-cookie'] as string[];
      expect(set).toMatch(
        /^recording_presentation_rec-1=[\w.-]+; Path=\/presentation\/rec-1; Secure; HttpOnly; SameSite=None$/,
      );
      const given = { cookie: set!.split(';')[0]! };
      expect(await statusOf('/presentation/rec-1/index.html', given)).toBe(200);
      expect(await statusOf(url)).toBe(404);
      expect(await statusOf('/recording/rec-1/presentation')).toBe(404);
      h.configure({ ...guarded, protected_token_minutes: 0 });
      expect(await statusOf(await tokenUrl())).toBe(404);
      h.configure({ ...guarded, protected_cookie_minutes: 0 });
      const late = await h.raw(await tokenUrl());
      const [expired] = late.headers['set-cookie'] as string[];
      expect(
        await statusOf('/presentation/rec-1/index.html', { cookie: expired!.split(';')[0]! }),
      ).toBe(404);
    });

    test('112: of ten who use an address at once one gets in', async () => {
      h.configure(guarded);
      await add();
      const url = await tokenUrl();
      const statuses = await Promise.all(Array.from({ length: 10 }, async () => statusOf(url)));
      expect(statuses.filter((status) => status === 307)).toHaveLength(1);
    });

    test('113: a list shows who is protected, and writes nothing', async () => {
      await add();
      expect((await h.call('getRecordings')).text).not.toContain('<protected>');
      h.configure(guarded);
      await add('rec-2');
      const { text } = await h.call('getRecordings', { recordID: 'rec-2' });
      expect(text).toContain('<published>true</published><protected>true</protected>');
      expect(text).not.toContain('<preview>');
      const { text: open } = await h.call('getRecordings', { recordID: 'rec-1' });
      expect(open).toContain('<protected>false</protected>');
      const tokens: number[] = [];
      const lease = await h.store.leases.acquire(
        { name: 'test', owner: 'test' },
        { nowMs: Date.now(), forMs: 60_000 },
      );
      await h.store.leases.fenced(lease!, async (db) => {
        const rows = await db.selectFrom('gw_used_tokens').selectAll().execute();
        tokens.push(rows.length);
      });
      expect(tokens).toEqual([0]);
      expect(await statusOf('/recording/rec-1/presentation')).toBe(307);
    });

    test.each([
      ['Mozilla/5.0 (iPhone; CPU iPhone OS 12_4 like Mac OS X) AppleWebKit/605.1.15', false],
      [
        'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML) Chrome/60.0.1 Safari/537',
        false,
      ],
      ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML) Chrome/67.0.1 Safari/537', true],
      [
        'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_14_6) AppleWebKit/605 (KHTML) Version/12.1 Safari/605',
        false,
      ],
      ['Mozilla/5.0 (Linux; U; Android) UCBrowser/12.13.0.1207 Mobile', false],
      ['Mozilla/5.0 (Linux; U; Android) UCBrowser/12.13.2.1208 Mobile', true],
    ])('112: the cookie for %s has SameSite: %s', async (userAgent, hasSameSite) => {
      h.configure(guarded);
      await add();
      const { headers } = await h.raw(await tokenUrl(), { headers: { 'user-agent': userAgent } });
      expect((headers['set-cookie'] as string[])[0]!.includes('SameSite=None')).toBe(hasSameSite);
    });

    test('114: addresses of players that there were lead to those that are', async () => {
      const old = await h.raw('/playback/presentation/2.0/playback.html?meetingId=X%201');
      expect([old.status, old.headers.location]).toEqual([301, '/playback/presentation/2.3/X%201']);
      const video = await h.raw('/playback/video/X');
      expect([video.status, video.headers.location]).toEqual([307, '/video/X']);
      const share = await h.raw('/recording/screenshare/X');
      expect([share.status, share.headers.location]).toEqual([307, '/screenshare/X']);
      expect(await statusOf('/playback/presentation/2.3/X')).toBe(404);
    });

    test('the player is one page, whatever the path below it', async () => {
      const folder = temporaryFolder();
      writeFileSync(join(folder, 'index.html'), 'player');
      mkdirSync(join(folder, 'static'));
      writeFileSync(join(folder, 'static', 'a.js'), 'js');
      h.configure({ player_dir: folder });
      const at = async (path: string): Promise<string> =>
        (await h.raw(`/playback/presentation/2.3${path}`)).body.toString();
      expect([
        await at('/rec-1'),
        await at('/static/a.js'),
        await at('/static'),
        await at(''),
      ]).toEqual(['player', 'js', 'player', 'player']);
      expect(await statusOf('/playback/presentation/2.3/%2e%2e/x')).toBe(404);
    });

    test('a proxy in front may send the files', async () => {
      await add();
      h.configure({ accel_redirect_prefix: '/files' });
      const answer = await h.raw('/presentation/rec-1/a/b%20c.m4v');
      expect([answer.status, answer.body.length, answer.headers['x-accel-redirect']]).toEqual([
        200,
        0,
        '/files/presentation/rec-1/a/b%20c.m4v',
      ]);
    });

    test('85, 119: a tenant has its own recordings, and no hand on those of others', async () => {
      h.configure({ multitenancy: true });
      const tenant = { secrets: 'sa', path_access: 0 };
      await h.store.tenants.add({ ...tenant, id: 't-a', name: 'a' });
      await h.store.tenants.add({ ...tenant, id: 't-b', name: 'b', secrets: 'sb' });
      await add('rec-1', { 'tenant-id': 't-a', course: 'x' });
      const a = { host: 'a.example.com', secret: 'sa' };
      const b = { host: 'b.example.com', secret: 'sb' };
      const list = async (by: typeof a): Promise<boolean> =>
        (await h.call('getRecordings', { meta_course: 'x' }, by)).text.includes('rec-1');
      expect([await list(a), await list(b)]).toEqual([true, false]);
      const path = '/presentation/rec-1/index.html';
      const under = (host: string): { host: string } => ({ host });
      expect(await statusOf(path, under('a.example.com'))).toBe(200);
      expect(await statusOf(path, under('b.example.com'))).toBe(404);
      expect(await statusOf('/recording/rec-1/presentation', under('b.example.com'))).toBe(404);
      expect(await statusOf(path, under('www.example.com'))).toBe(404);
      const recordID = 'rec-1';
      const hide = { recordID, publish: 'false' };
      expect((await h.call('publishRecordings', hide, b)).result).toBe('notFound');
      const change = await h.call('updateRecordings', { recordID, meta_x: 'y' }, b);
      expect(change.text).toContain('<updated>false</updated>');
      expect((await h.call('deleteRecordings', { recordID }, b)).result).toBe('notFound');
      const tracks = await h.call('getRecordingTextTracks', { recordID }, b);
      expect(tracks.text).toContain('noRecordings');
      await h.store.tenants.update('t-a', { path_access: 1 });
      h.gateway.context.directory.forget();
      expect(await statusOf(path, under('www.example.com'))).toBe(200);
      expect((await h.call('deleteRecordings', { recordID }, a)).result).toBe('SUCCESS');
    });
  });
}
