import { readFile } from 'node:fs/promises';
import { createSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import * as fc from 'fast-check';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  type Address,
  type CheckConnection,
  type CheckResult,
  type CheckSpec,
  CheckSpecError,
  createCheck,
  formatAddress,
  freePort,
  readEscapes,
  readStatusRanges,
} from '../../src/index.ts';
import { temporaryDirectory, writeProgram } from '../temporary.ts';
import { CERTIFICATE, KEY } from './certificate.ts';

/** Listens on a free port until the test ends. */
async function listening(server: Server): Promise<Address> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { kind: 'inet', host: '127.0.0.1', port: address.port };
}

/** A server that answers every connection with `reply` after the first bytes, or at once. */
function replying(reply: string, { atOnce = false } = {}): Promise<Address> {
  return listening(
    createServer((socket) => {
      if (atOnce) socket.end(reply);
      else socket.once('data', () => socket.end(reply));
    }),
  );
}

/** A port that nobody listens on. */
async function closedPort(): Promise<Address> {
  return { kind: 'inet', host: '127.0.0.1', port: await freePort() };
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

async function run(spec: CheckSpec): Promise<string> {
  const { ok, reason, ms } = await createCheck(spec)(new AbortController().signal);
  expect(ms).toBeGreaterThanOrEqual(0);
  expect(ok).toBe(reason === '');
  return ok ? 'ok' : reason;
}

/** Only a check that hangs gets there. */
const timeoutMs = 60_000;

describe('tcp check', () => {
  test('connects, sends nothing and ends with a reset', async () => {
    const ended = deferred<string>();
    const target = await listening(
      createServer((socket) => {
        socket.on('data', () => ended.resolve('data'));
        socket.on('end', () => ended.resolve('end'));
        socket.on('error', (error: NodeJS.ErrnoException) => ended.resolve(error.code ?? ''));
      }),
    );
    expect(await run({ type: 'tcp', target, timeoutMs })).toBe('ok');
    expect(await ended.promise).toBe('ECONNRESET');
  });

  test('says that the connection was refused', async () => {
    expect(await run({ type: 'tcp', target: await closedPort(), timeoutMs })).toBe(
      'connection refused',
    );
  });

  test('checks a unix socket', async () => {
    const path = join(await temporaryDirectory(), 's');
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(path, resolve));
    onTestFinished(() => void server.close());
    expect(await run({ type: 'tcp', target: { kind: 'unix', path }, timeoutMs })).toBe('ok');
    const target: Address = { kind: 'unix', path: `${path}-none` };
    expect(await run({ type: 'tcp', target, timeoutMs })).toBe('no such socket (ENOENT)');
  });

  test('sends the preamble, which knows both ends of the connection', async () => {
    const received = deferred<string>();
    const target = await listening(
      createServer((socket) => void socket.once('data', (data) => received.resolve(String(data)))),
    );
    const preamble = ({ remoteAddress, remotePort }: CheckConnection) =>
      Buffer.from(`HELLO ${remoteAddress}:${remotePort}`);
    expect(await run({ type: 'tcp', target, timeoutMs, preamble })).toBe('ok');
    expect(await received.promise).toBe(`HELLO ${formatAddress(target)}`);
  });

  test('is not failed by a pause of this process', async () => {
    const target = await listening(createServer());
    const checked = run({ type: 'tcp', target, timeoutMs: 20 });
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    expect(await checked).toBe('ok');
  });

  test('ends when it is cancelled', async () => {
    const target = await listening(createServer());
    const controller = new AbortController();
    const check = createCheck({ type: 'send_expect', target, timeoutMs, send: 'x', expect: '' });
    const result = check(controller.signal);
    controller.abort();
    expect(await result).toMatchObject({ ok: false, reason: 'cancelled' });
  });
});

describe('send_expect check', () => {
  test.each([
    ['+PONG\r\n', '+PONG', 'ok'],
    ['+PONG\r\n', '/^\\+P.NG/', 'ok'],
    ['+pong\r\n', '/^\\+PONG/i', 'ok'],
    ['anything', '', 'ok'],
    ['-ERR\r\n', '+PONG', 'answer "-ERR\\r\\n", wanted "+PONG"'],
    ['-ERR', '/PONG/', 'answer "-ERR", wanted "/PONG/"'],
    ['+PO', '+PONG', 'answer "+PO", wanted "+PONG"'],
    ['', '+PONG', 'closed without an answer, wanted "+PONG"'],
    ['', '', 'closed without an answer, wanted any answer'],
    [`${'x'.repeat(20_000)}PONG`, '/PONG/', `answer "${'x'.repeat(40)}...", wanted "/PONG/"`],
  ])('answer %j, expected %j: %s', async (reply, expected, result) => {
    const target = await replying(reply);
    const spec = {
      type: 'send_expect',
      target,
      timeoutMs,
      send: 'PING\\r\\n',
      expect: expected,
    } as const;
    expect(await run(spec)).toBe(result);
  });

  test('waits for a server that speaks first', async () => {
    const target = await replying('220 mail\r\n', { atOnce: true });
    expect(await run({ type: 'send_expect', target, timeoutMs, send: '', expect: '220 ' })).toBe(
      'ok',
    );
  });

  test('says after how long a silent server timed out', async () => {
    const target = await listening(createServer());
    const spec = { type: 'send_expect', target, timeoutMs: 30, send: 'x', expect: 'y' } as const;
    expect(await run(spec)).toBe('timeout after 30 ms');
  });
});

describe('http check', () => {
  const http = (status: string, head: string): Promise<string> =>
    replying(`HTTP/1.1 ${head}\r\ncontent-length: 0\r\n\r\n`).then((target) =>
      run({ type: 'http', target, timeoutMs, path: '/health?x=1', status }),
    );

  test.each([
    ['200-399', '204 No Content', 'ok'],
    ['200,301', '301 Moved', 'ok'],
    ['200-399', '503 Service Unavailable', 'status 503, wanted 200-399'],
  ])('wanted %s, got %s: %s', async (status, head, result) => {
    expect(await http(status, head)).toBe(result);
  });

  test('sends GET with the target as host', async () => {
    const received = deferred<string>();
    const target = await listening(
      createServer((socket) => {
        socket.once('data', (data) => {
          received.resolve(String(data));
          socket.end('HTTP/1.1 200 OK\r\n\r\n');
        });
      }),
    );
    await run({ type: 'http', target, timeoutMs, path: '/health?x=1', status: '200' });
    const text = await received.promise;
    expect(text).toMatch(/^GET \/health\?x=1 HTTP\/1\.1\r\n/);
    expect(text).toContain(`host: ${formatAddress(target)}\r\n`);
  });

  test.each([
    ['SSH-2.0-x\r\n', /^not an HTTP response: /],
    ['', /^connection closed before a response$/],
  ])('says what is wrong with the answer %j', async (reply, reason) => {
    const target = await replying(reply);
    expect(await run({ type: 'http', target, timeoutMs, path: '/', status: '200' })).toMatch(
      reason,
    );
  });
});

test('a check leaves no socket open, also when the server closes first', async () => {
  const target = await replying('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n');
  const openCount = (): number =>
    process.getActiveResourcesInfo().filter((name) => name.startsWith('TCPSocket')).length;
  const before = openCount();
  for (let i = 0; i < 10; i++) {
    await run({ type: 'http', target, timeoutMs, path: '/', status: '200' });
    await run({ type: 'send_expect', target, timeoutMs, send: 'x', expect: '/never/' });
    await run({ type: 'tcp', target, timeoutMs });
  }
  await vi.waitFor(() => expect(openCount()).toBeLessThanOrEqual(before), { timeout: 60_000 });
});

describe('tls check', () => {
  const server = (): Promise<Address> =>
    listening(
      createTlsServer({ key: KEY, cert: CERTIFICATE }, (socket) => {
        socket.on('error', () => {});
        socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\n\r\n'));
      }),
    );

  test('completes a handshake with a certificate of the given authority', async () => {
    const tls = { verify: true, ca: CERTIFICATE, servername: 'test.example' };
    expect(await run({ type: 'tls', target: await server(), timeoutMs, tls })).toBe('ok');
  });

  test('speaks HTTP inside', async () => {
    const spec = {
      type: 'http',
      target: await server(),
      timeoutMs,
      path: '/',
      status: '200',
    } as const;
    expect(await run({ ...spec, tls: { verify: false } })).toBe('ok');
  });

  test('says why a certificate is refused', async () => {
    const target = await server();
    const check = (tls: { verify: boolean; ca?: string; servername?: string }) =>
      run({ type: 'tls', target, timeoutMs, tls });
    expect(await check({ verify: true })).toBe('TLS: self-signed certificate');
    expect(await check({ verify: true, ca: CERTIFICATE, servername: 'other.example' })).toMatch(
      /^TLS: Host: other\.example\. is not in the cert's altnames: DNS:test\.example$/,
    );
  });

  test('says that the server does not speak TLS', async () => {
    const target = await replying('SSH-2.0-x\r\n', { atOnce: true });
    expect(await run({ type: 'tls', target, timeoutMs, tls: { verify: false } })).toMatch(/^TLS: /);
  });
});

describe('exec check', () => {
  const target: Address = { kind: 'inet', host: '192.0.2.1', port: 80 };
  const exec = (...command: string[]): Promise<string> =>
    run({ type: 'exec', target, timeoutMs, command });

  test.each([
    [['/bin/true'], 'ok'],
    [['/bin/sh', '-c', 'exit 3'], 'exit code 3'],
    [['/bin/sh', '-c', 'kill -TERM $$'], 'killed by SIGTERM'],
    [['/no/such/program'], 'cannot run /no/such/program: ENOENT'],
  ])('%j: %s', async (command, result) => {
    expect(await exec(...command)).toBe(result);
  });

  test('gives the program HOST and PORT and nothing else', async () => {
    const directory = await temporaryDirectory();
    const script = join(directory, 'check');
    writeProgram(script, `#!/bin/sh\n/usr/bin/env > ${directory}/env\n`);
    expect(await exec(script)).toBe('ok');
    const names = (await readFile(join(directory, 'env'), 'utf8')).trim().split('\n').toSorted();
    // The shell adds PWD, SHLVL and _ itself.
    expect(names.filter((line) => !/^(?:PWD|SHLVL|_|OLDPWD)=/.test(line))).toEqual([
      'HOST=192.0.2.1',
      'PORT=80',
    ]);
  });

  test('kills a program that runs too long, and what it started', async () => {
    const spec = {
      type: 'exec',
      target,
      timeoutMs: 50,
      command: ['/bin/sh', '-c', 'sleep 60 & sleep 60'],
    } as const;
    expect(await run(spec)).toBe('timeout after 50 ms');
  });
});

describe('udp check', () => {
  /** A UDP server that answers each datagram with `reply`, or with nothing. */
  async function answering(reply: string | undefined): Promise<Address> {
    const socket = createSocket('udp4');
    socket.on('message', (_datagram, { port, address }) => {
      if (reply !== undefined) socket.send(reply, port, address);
    });
    await new Promise<void>((resolve) => void socket.bind(0, '127.0.0.1', resolve));
    onTestFinished(() => void socket.close());
    return { kind: 'inet', host: '127.0.0.1', port: socket.address().port };
  }

  test.each([
    ['pong 1', 'pong', 'ok'],
    ['pong 1', '/\\d$/', 'ok'],
    ['pong 1', '', 'ok'],
    ['down', 'pong', 'answer "down", wanted "pong"'],
  ])('the answer %j to an expected %j: %s', async (reply, expected, result) => {
    const target = await answering(reply);
    const spec = { type: 'udp', target, timeoutMs, send: 'ping', expect: expected } as const;
    expect(await run(spec)).toBe(result);
  });

  test('takes silence for ok where no answer is expected, and for a failure where one is', async () => {
    const target = await answering(undefined);
    const spec = { type: 'udp', target, timeoutMs: 50, send: 'x' } as const;
    expect(await run({ ...spec, expect: '' })).toBe('ok');
    expect(await run({ ...spec, expect: 'y' })).toBe('timeout after 50 ms');
  });

  test('says that the port is closed', async () => {
    const target = await closedPort();
    expect(await run({ type: 'udp', target, timeoutMs, send: 'x', expect: '' })).toBe(
      'connection refused',
    );
  });
});

describe('createCheck', () => {
  const target: Address = { kind: 'inet', host: '192.0.2.1', port: 80 };
  const common = { target, timeoutMs };

  test.each<[CheckSpec, string]>([
    [
      { ...common, type: 'send_expect', send: '\\q', expect: '' },
      'unknown escape "\\\\q"; allowed: \\r \\n \\t \\\\ \\xHH',
    ],
    [{ ...common, type: 'send_expect', send: '', expect: '/(/' }, 'not a regular expression: /(/'],
    [
      { ...common, type: 'http', path: 'x', status: '200' },
      'must start with "/" and hold no spaces; got "x"',
    ],
    [
      { ...common, type: 'http', path: '/\r\nX: y', status: '200' },
      'must start with "/" and hold no spaces; got "/\\r\\nX: y"',
    ],
    [
      { ...common, type: 'http', path: '/', status: '399-200' },
      'must be statuses such as "200-399" or "200,204"; got "399-200"',
    ],
    [
      { ...common, type: 'exec', command: ['check'] },
      'must start with the absolute path of a program; got "check"',
    ],
    [
      { ...common, type: 'exec', command: [] },
      'must start with the absolute path of a program; got ""',
    ],
    [{ ...common, timeoutMs: 0, type: 'tcp' }, 'timeout must be above 0'],
  ])('refuses %j', (spec, message) => {
    const create = (): ((signal: AbortSignal) => Promise<CheckResult>) => createCheck(spec);
    expect(create).toThrow(CheckSpecError);
    expect(create).toThrow(message);
  });
});

test('readEscapes gives back any bytes written as \\xHH', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const text = [...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
      expect([...readEscapes(text)]).toEqual([...bytes]);
    }),
  );
  expect(readEscapes('é\\r\\n\\t\\\\').toString()).toBe('é\r\n\t\\');
});

test('readStatusRanges accepts the ends of a range', () => {
  const isWanted = readStatusRanges('200-299, 404');
  expect([199, 200, 299, 300, 404].map(isWanted)).toEqual([false, true, true, false, true]);
});
