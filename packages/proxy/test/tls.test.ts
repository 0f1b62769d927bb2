import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm, utimes } from 'node:fs/promises';
import { connect as connectPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  connect,
  type ConnectionOptions,
  createServer,
  type Server,
  type TLSSocket,
} from 'node:tls';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { certificateFile, certificateText } from './certificates.ts';
import {
  configOf,
  ending,
  type RunningBalancer,
  startBalancer,
  startEcho,
  startNamed,
  until,
} from './support.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

const CA = certificateText('ca.crt');

function pair(name: string): string {
  return `cert = "${certificateFile(`${name}.crt`)}"\nkey = "${certificateFile(`${name}.key`)}"`;
}

async function terminate(tls: string, frontend = ''): Promise<RunningBalancer> {
  const echo = await startEcho();
  const balancer = await startBalancer(
    configOf({
      servers: [echo.address],
      frontend: `protocol = "tls"\n${frontend}\n[frontends.in.tls]\n${tls}`,
    }),
  );
  cleanups.push(balancer.stop, echo.close);
  return balancer;
}

async function dialTls(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({
    port,
    host: '127.0.0.1',
    ca: CA,
    servername: 'one.example',
    ...options,
  });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  return socket;
}

async function nameShownTo(port: number, servername: string): Promise<string> {
  const socket = await dialTls(port, { servername });
  const name = commonNameOf(socket);
  socket.destroy();
  return name;
}

function commonNameOf(socket: TLSSocket): string {
  return String(socket.getPeerCertificate().subject.CN);
}

describe('TLS with clients', () => {
  test('ends here, and bytes and FINs pass through', async () => {
    const balancer = await terminate(pair('one.example'));
    const socket = await dialTls(balancer.port());
    const payload = Buffer.alloc(300_000, 'x');
    const ended = ending(socket);
    socket.end(payload);
    const { received, how } = await ended;
    expect(received.equals(payload)).toBe(true);
    expect(how).toBe('fin');
    const record = await balancer.record();
    expect(record).toMatchObject({ sni: 'one.example', end: 'client_fin' });
    expect(record.tls).toMatch(/^TLSv1\.3 TLS_/);
  });

  test('shows the certificate that the client asks for', async () => {
    const certificates = `certificates = [{ ${pair('two.example').replace('\n', ', ')} }]`;
    const balancer = await terminate(`${pair('one.example')}\n${certificates}`);
    expect(await nameShownTo(balancer.port(), 'two.example')).toBe('two.example');
    expect(await nameShownTo(balancer.port(), 'a.wild.example')).toBe('one.example');
  });

  test('asks for a client certificate and lets nobody in without one', async () => {
    const tls = `${pair('one.example')}\nclient_ca = "${certificateFile('ca.crt')}"`;
    const balancer = await terminate(tls);
    const cert = certificateText('client.crt');
    const key = certificateText('client.key');
    const friend = await dialTls(balancer.port(), { cert, key });
    const ended = ending(friend);
    friend.end('hello');
    expect((await ended).received.toString()).toBe('hello');
    const stranger = connect({ port: balancer.port(), ca: CA, servername: 'one.example' });
    const { received } = await ending(stranger);
    expect(received.length).toBe(0);
    await until('both have ended', () => balancer.records.length === 2);
    expect(balancer.records.map(({ end }) => end).toSorted()).toEqual(['client_fin', 'preread']);
  });

  test('resets a client that sends plain text', async () => {
    const balancer = await terminate(pair('one.example'));
    const client = connectPlain(balancer.port(), '127.0.0.1');
    client.write('GET / HTTP/1.0\r\n\r\n');
    await ending(client);
    expect((await balancer.record()).end).toBe('preread');
    expect(balancer.loadBalancer.backends.get('out')!.servers[0]!.counters.total).toBe(0);
  });

  test('resets a client that does not finish its handshake in time', async () => {
    const balancer = await terminate(`${pair('one.example')}\nhandshake_timeout = "200ms"`);
    const client = connectPlain(balancer.port(), '127.0.0.1');
    expect((await ending(client)).how).toBe('ECONNRESET');
    expect((await balancer.record()).end).toBe('preread');
  });

  test('passes a reset on in both directions', async () => {
    const balancer = await terminate(pair('one.example'));
    const raw = connectPlain(balancer.port(), '127.0.0.1');
    const socket = connect({ socket: raw, ca: CA, servername: 'one.example' });
    raw.on('error', () => {});
    socket.on('error', () => {});
    await once(socket, 'secureConnect');
    socket.write('hello');
    await once(socket, 'data');
    raw.resetAndDestroy();
    expect((await balancer.record()).end).toBe('client_reset');
  });

  test('shows a replaced certificate to the next client while old ones stay', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'balancer-tls-'));
    cleanups.push(() => rm(folder, { recursive: true }));
    const [cert, key] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
    const install = async (name: string): Promise<void> => {
      await copyFile(certificateFile(`${name}.key`), key);
      await copyFile(certificateFile(`${name}.crt`), cert);
      // Copies within one tick of the file system's clock would look unchanged.
      const now = new Date(Date.now() + (name === 'two.example' ? 5000 : 0));
      await utimes(cert, now, now);
    };
    await install('one.example');
    const balancer = await terminate(`cert = "${cert}"\nkey = "${key}"`);
    const old = await dialTls(balancer.port());
    await install('two.example');
    let shown = '';
    const deadline = performance.now() + 60_000;
    while (shown !== 'two.example' && performance.now() < deadline) {
      // oxlint-disable-next-line no-await-in-loop -- files are looked at once a second
      await new Promise((resolve) => setTimeout(resolve, 50));
      const socket = connect({
        port: balancer.port(),
        rejectUnauthorized: false,
        servername: 'any.example',
      });
      // oxlint-disable-next-line no-await-in-loop -- as above
      await once(socket, 'secureConnect');
      shown = commonNameOf(socket);
      socket.destroy();
    }
    expect(shown).toBe('two.example');
    old.write('still here');
    expect(String((await once(old, 'data'))[0])).toBe('still here');
    old.destroy();
  });
});

describe('TLS in several workers', () => {
  test('resumes at one worker the session of another', async () => {
    const echo = await startEcho();
    cleanups.push(echo.close);
    const tls = `protocol = "tls"\n[frontends.in.tls]\n${pair('one.example')}`;
    const toml = configOf({ servers: [echo.address], frontend: tls });
    const shared = { ticketKeys: randomBytes(48), worker: { binds: true } };
    const workers = await Promise.all([
      startBalancer(toml, shared),
      startBalancer(toml, shared),
      startBalancer(toml),
    ]);
    cleanups.push(...workers.map(({ stop }) => stop));
    const [first, second, stranger] = workers.map((worker) => worker.port());
    const client = connect({ port: first!, host: '127.0.0.1', ca: CA, servername: 'one.example' });
    const [session] = (await once(client, 'session')) as [Buffer];
    client.destroy();
    const again = await dialTls(second!, { session });
    expect(again.isSessionReused()).toBe(true);
    again.destroy();
    const elsewhere = await dialTls(stranger!, { session });
    expect(elsewhere.isSessionReused()).toBe(false);
    elsewhere.destroy();
  });
});

describe('TLS with servers', () => {
  async function startTlsEcho(name: string): Promise<Server> {
    const server = createServer(
      {
        cert: certificateText(`${name}.crt`),
        key: certificateText(`${name}.key`),
        allowHalfOpen: true,
      },
      (socket) => {
        socket.on('error', () => {});
        socket.pipe(socket);
      },
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanups.push(async () => server.close());
    return server;
  }

  function connectBackend(port: number, tls: string): Promise<RunningBalancer> {
    const backend = `connect_retries = 0\n[backends.out.tls]\nca = "${certificateFile('ca.crt')}"\n${tls}`;
    return startBalancer(configOf({ servers: [`127.0.0.1:${port}`], backend }));
  }

  test('verifies their certificates and relays', async () => {
    const server = await startTlsEcho('two.example');
    const { port } = server.address() as AddressInfo;
    const balancer = await connectBackend(port, 'servername = "two.example"');
    cleanups.push(balancer.stop);
    const client = connectPlain({ port: balancer.port(), allowHalfOpen: true });
    const ended = ending(client);
    client.end('in the clear on this side');
    expect((await ended).received.toString()).toBe('in the clear on this side');
  });

  test('refuses a certificate of another name', async () => {
    const server = await startTlsEcho('two.example');
    const { port } = server.address() as AddressInfo;
    const balancer = await connectBackend(port, 'servername = "one.example"');
    cleanups.push(balancer.stop);
    expect((await ending(connectPlain(balancer.port()))).how).toBe('ECONNRESET');
    expect((await balancer.record()).end).toBe('connect_failed');
    const [target] = balancer.loadBalancer.backends.get('out')!.servers;
    expect(target!.counters.connectFailures.tls).toBe(1);
  });

  test('fails over from a server that speaks no TLS', async () => {
    const server = await startTlsEcho('one.example');
    const plain = await startNamed('plain');
    cleanups.push(plain.close);
    const { port } = server.address() as AddressInfo;
    const backend = `[backends.out.tls]\nca = "${certificateFile('ca.crt')}"`;
    const servers = [plain.address, `127.0.0.1:${port}`];
    const balancer = await startBalancer(configOf({ servers, backend }));
    cleanups.push(balancer.stop);
    const client = connectPlain({ port: balancer.port(), allowHalfOpen: true });
    const ended = ending(client);
    client.end('hello');
    expect((await ended).received.toString()).toBe('hello');
    expect((await balancer.record()).attempts).toBe(2);
  });
});
