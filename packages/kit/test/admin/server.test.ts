import { request } from 'node:http';
import { rename, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  type Address,
  AdminListenError,
  AdminRefusal,
  type AdminRoute,
  AdminServer,
  type AdminServerOptions,
  formatAddress,
  freePort,
  type LogFields,
  type Logger,
  readJson,
  Secret,
  silentLogger,
  streamSSE,
  wantsHtml,
} from '../../src/index.ts';
import { temporaryDirectory } from '../temporary.ts';

const routes: AdminRoute[] = [
  { method: 'GET', path: '/healthz', access: 'open', handler: (c) => c.json({ ok: true }) },
  {
    method: 'GET',
    path: '/stats',
    handler: (c) => (wantsHtml(c) ? c.html('<p>page</p>') : c.json({ guests: 3 })),
  },
  {
    method: 'PUT',
    path: '/rooms/:room',
    handler: async (c) => {
      if (c.req.param('room') !== 'hall') throw new AdminRefusal(404, 'no such room');
      return c.json({ room: c.req.param('room'), body: await readJson(c) });
    },
  },
  {
    method: 'GET',
    path: '/broken',
    handler: () => {
      throw new Error('secret detail');
    },
  },
];

function adminServer(options: Partial<AdminServerOptions> = {}): AdminServer {
  const server = new AdminServer({ routes, ...options });
  onTestFinished(() => server.close(0));
  return server;
}

async function ask(
  server: AdminServer,
  path: string,
  init?: RequestInit,
): Promise<{ status: number; body: string; headers: Headers }> {
  const response = await server.fetch(new Request(`http://localhost:7000${path}`, init));
  return { status: response.status, body: await response.text(), headers: response.headers };
}

const token = new Secret('hunter2');
const withToken = (value: string): RequestInit => ({
  headers: { authorization: `Bearer ${value}` },
});
const loopback: Address = { kind: 'inet', host: '127.0.0.1', port: 0 };

describe('routes', () => {
  test.each([
    ['text/html,application/xhtml+xml,*/*;q=0.8', '<p>page</p>'],
    ['application/json', '{"guests":3}'],
    ['text/html;q=0.2, application/json', '{"guests":3}'],
    ['*/*', '{"guests":3}'],
  ])('serve by Accept: %s', async (accept, body) => {
    const answer = await ask(adminServer(), '/stats', { headers: { accept } });
    expect(answer).toMatchObject({ status: 200, body });
  });

  test('answer unknown paths with 404 and other methods with 405, both with a reason', async () => {
    const server = adminServer();
    expect(await ask(server, '/nope')).toMatchObject({
      status: 404,
      body: '{"error":"nothing at /nope"}',
    });
    const wrong = await ask(server, '/stats', { method: 'DELETE' });
    expect(wrong).toMatchObject({
      status: 405,
      body: '{"error":"DELETE is not possible here; allowed: GET, HEAD"}',
    });
    expect(wrong.headers.get('allow')).toBe('GET, HEAD');
  });

  test('answer HEAD without a body', async () => {
    expect(await ask(adminServer(), '/stats', { method: 'HEAD' })).toMatchObject({
      status: 200,
      body: '',
    });
  });

  test('hide the detail of an unexpected error and log it', async () => {
    const logged: LogFields[] = [];
    const logger: Logger = {
      ...silentLogger,
      error: (_message, fields = {}) => void logged.push(fields),
    };
    expect(await ask(adminServer({ logger }), '/broken')).toMatchObject({
      status: 500,
      body: '{"error":"internal error; the log has it"}',
    });
    expect(logged).toMatchObject([{ path: '/broken', error: { message: 'secret detail' } }]);
  });

  test('carry security headers and allow nothing from other sites', async () => {
    const { headers } = await ask(adminServer(), '/stats');
    expect(headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'self'/,
    );
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toBe('no-store');
  });

  test('can be replaced while the server runs', async () => {
    const server = adminServer();
    server.configure({
      routes: [{ method: 'GET', path: '/new', handler: (c) => c.text('new') }],
    });
    expect(await ask(server, '/new')).toMatchObject({ status: 200 });
    expect(await ask(server, '/stats')).toMatchObject({ status: 404 });
  });
});

describe('the token', () => {
  const put = (server: AdminServer, init: RequestInit, path = '/rooms/hall') =>
    ask(server, path, { method: 'PUT', body: '{"weight":5}', ...init });

  test('is needed for writes: 401 without, 403 when wrong, 200 when right', async () => {
    const server = adminServer({ token });
    const missing = await put(server, {});
    expect(missing.status).toBe(401);
    expect(missing.headers.get('www-authenticate')).toBe('Bearer');
    expect(await put(server, withToken('hunter3'))).toMatchObject({
      status: 403,
      body: '{"error":"wrong token"}',
    });
    expect(await put(server, withToken('hunter2'))).toMatchObject({
      status: 200,
      body: '{"room":"hall","body":{"weight":5}}',
    });
  });

  test('comes before what the route says: 404 and 400 only for those who have it', async () => {
    const server = adminServer({ token });
    expect(await put(server, {}, '/rooms/none')).toMatchObject({ status: 401 });
    expect(await put(server, withToken('hunter2'), '/rooms/none')).toMatchObject({
      status: 404,
      body: '{"error":"no such room"}',
    });
    expect(await put(server, { ...withToken('hunter2'), body: '{' })).toMatchObject({
      status: 400,
      body: '{"error":"the body is not JSON"}',
    });
  });

  test('that is not configured refuses every write', async () => {
    expect(await put(adminServer(), withToken('x'))).toMatchObject({
      status: 403,
      body: '{"error":"no token is configured, so nothing can be changed here"}',
    });
  });

  test('is needed for reads too when remote clients are allowed, but not for open routes', async () => {
    const server = adminServer({ token, allowRemote: true });
    expect(await ask(server, '/stats')).toMatchObject({ status: 401 });
    expect(await ask(server, '/stats', withToken('hunter2'))).toMatchObject({ status: 200 });
    expect(await ask(server, '/healthz')).toMatchObject({ status: 200 });
  });
});

test('a name of another site that points here is refused', async () => {
  const response = await adminServer().fetch(new Request('http://evil.example:7000/stats'));
  expect(response.status).toBe(403);
});

test('a body above 64 KiB is refused with 413', async () => {
  const server = adminServer({ token });
  const init = { method: 'PUT', body: `"${'x'.repeat(65_535)}"`, ...withToken('hunter2') };
  expect(await ask(server, '/rooms/hall', init)).toMatchObject({ status: 413 });
});

test('assets are served with their type and are not sent twice', async () => {
  const body = Uint8Array.from(Buffer.from('let x;'));
  const assets = new Map([
    ['/console/app.js', { contentType: 'text/javascript', body, immutable: true }],
  ]);
  const server = adminServer({ assets });
  const { headers, ...answer } = await ask(server, '/console/app.js');
  expect(answer).toEqual({ status: 200, body: 'let x;' });
  expect(headers.get('content-type')).toBe('text/javascript');
  expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  const etag = headers.get('etag')!;
  const again = await ask(server, '/console/app.js', { headers: { 'if-none-match': etag } });
  expect(again.status).toBe(304);
  expect(await ask(server, '/console/app.js', { method: 'POST' })).toMatchObject({ status: 405 });
});

describe('listen', () => {
  test('returns the port that the system chose and serves there', async () => {
    const server = adminServer();
    const address = await server.listen(loopback);
    expect(server.addresses).toEqual([address]);
    const response = await fetch(`http://${formatAddress(address)}/healthz`);
    expect(await response.json()).toEqual({ ok: true });
  });

  test('names an address in use and how to choose another', async () => {
    const taken = await adminServer().listen(loopback);
    const listening = adminServer({ addressSetting: '[stats] listen_addr' }).listen(taken);
    await expect(listening).rejects.toThrow(AdminListenError);
    await expect(listening).rejects.toThrow(
      `cannot listen on ${formatAddress(taken)}: address already in use (EADDRINUSE); choose another with [stats] listen_addr`,
    );
  });

  test.each([
    [
      {},
      'it can be reached from other machines; set allow_remote = true, or listen_addr to a loopback address',
    ],
    [{ allowRemote: true }, 'it can be reached from other machines, so it needs a token'],
  ])('refuses a remote address with %j', async (options, message) => {
    const anywhere: Address = { kind: 'inet', host: '0.0.0.0', port: 0 };
    await expect(adminServer(options).listen(anywhere)).rejects.toThrow(message);
  });

  test('serves a unix socket of mode 0600 without a token, also after a crash left its file', async () => {
    const path = join(await temporaryDirectory(), 'admin.sock');
    // Its file is out of the way while it closes, so that it stays behind as after a crash.
    const crashed = createServer();
    await new Promise<void>((resolve) => void crashed.listen(path, resolve));
    await rename(path, `${path}.kept`);
    await new Promise<void>((resolve) => void crashed.close(() => resolve()));
    await rename(`${path}.kept`, path);

    await adminServer({ token }).listen({ kind: 'unix', path });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const status = await new Promise((resolve, reject) => {
      const sent = request({ socketPath: path, path: '/rooms/hall', method: 'PUT' }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      sent.on('error', reject);
      sent.end('{}');
    });
    expect(status).toBe(200);
  });

  test('does not take a unix socket from a running process', async () => {
    const path = join(await temporaryDirectory(), 'admin.sock');
    await adminServer().listen({ kind: 'unix', path });
    await expect(adminServer().listen({ kind: 'unix', path })).rejects.toThrow('EADDRINUSE');
  });
});

describe('close', () => {
  test('lets a request finish', async () => {
    const started = deferred();
    const finished = deferred();
    const handler = async (): Promise<Response> => {
      started.resolve();
      await finished.promise;
      return new Response('done');
    };
    const server = adminServer({ routes: [{ method: 'GET', path: '/slow', handler }] });
    const slow = fetch(`http://${formatAddress(await server.listen(loopback))}/slow`);
    await started.promise;
    const closing = server.close(60_000);
    finished.resolve();
    expect(await (await slow).text()).toBe('done');
    await closing;
  });

  test('cuts a stream of events after the grace', async () => {
    const handler: AdminRoute['handler'] = (c) =>
      streamSSE(c, async (stream) => {
        await stream.writeSSE({ data: 'first' });
        await new Promise<void>((resolve) => stream.onAbort(resolve));
      });
    const server = adminServer({ routes: [{ method: 'GET', path: '/events', handler }] });
    const address = await server.listen({ ...loopback, port: await freePort() });
    const origin = `http://${formatAddress(address)}`;
    const reader = (await fetch(`${origin}/events`)).body!.getReader();
    const { value } = await reader.read();
    expect(new TextDecoder().decode(value)).toBe('data: first\n\n');
    await server.close(10);
    await expect(reader.read()).rejects.toThrow('terminated');
    await expect(fetch(`${origin}/events`)).rejects.toThrow('fetch failed');
  });
});

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
