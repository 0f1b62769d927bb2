import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server as NetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { freePort } from '@balancer/kit';
import { CERTIFICATE, KEY } from '../../kit/test/health/certificate.ts';
import { parseLoadBalancerConfig } from '../src/config/load.ts';
import type { LoadBalancer } from '../src/load-balancer.ts';
import type { Server } from '../src/server.ts';
import { startLoadBalancer, until } from './support.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

/** @param port - By default one that stays free while the server is away. */
async function listen(port?: number): Promise<NetServer> {
  const server = createServer((socket) => socket.on('error', () => {}).resume());
  server.listen(port ?? (await freePort()), '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function close(server: NetServer): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  await closed;
}

function config(port: number, keys: string): string {
  return `[frontends.in]
listen_addr = "127.0.0.1:0"
backend = "out"
[backends.out]
${keys}
[backends.out.servers.s]
addr = "127.0.0.1:${port}"
`;
}

const FAST = `health_check_interval = "20ms"
[backends.out.health]
fast_interval = "10ms"
rise = 2
fall = 3`;

async function start(toml: string): ReturnType<typeof startLoadBalancer> {
  const started = await startLoadBalancer(toml);
  cleanups.push(() => started.loadBalancer.stop());
  return started;
}

function theServer(loadBalancer: LoadBalancer): Server {
  return loadBalancer.backends.get('out')!.servers[0]!;
}

/** Once it has been checked: a busy machine may take longer than clients are made to wait. */
async function theCheckedServer(loadBalancer: LoadBalancer): Promise<Server> {
  const server = theServer(loadBalancer);
  await until('it is checked', () => server.lastCheck !== undefined);
  return server;
}

describe('health', () => {
  test('is known before the first client is let in', async () => {
    const upstream = await listen();
    cleanups.push(() => close(upstream));
    const { loadBalancer } = await start(config((upstream.address() as AddressInfo).port, FAST));
    expect(theServer(loadBalancer).state).toBe('up');
    expect(loadBalancer.ready).toBe(true);
  });

  test('takes a server out after `fall` failures and back after `rise` successes', async () => {
    const upstream = await listen();
    const { port } = upstream.address() as AddressInfo;
    const { loadBalancer, plane } = await start(config(port, FAST));
    const server = theServer(loadBalancer);
    await close(upstream);
    await until('it is down', () => server.state === 'down');
    expect(server.counters.checks.failure).toBe(3);
    expect(server.lastCheck).toMatchObject({ ok: false, reason: 'connection refused' });
    expect(loadBalancer.ready).toBe(false);
    const successesBefore = server.counters.checks.success;
    const again = await listen(port);
    cleanups.push(() => close(again));
    await until('it is up', () => server.state === 'up');
    expect(server.counters.checks.success - successesBefore).toBe(2);
    expect(plane.states).toEqual(['up', 'down', 'up']);
  });

  test('of a server that is closed at start keeps it out until it listens', async () => {
    const upstream = await listen();
    const { port } = upstream.address() as AddressInfo;
    await close(upstream);
    const { loadBalancer } = await start(config(port, FAST));
    expect(theServer(loadBalancer).state).toBe('down');
    const again = await listen(port);
    cleanups.push(() => close(again));
    await until('it is up', () => theServer(loadBalancer).state === 'up');
  });

  test('survives a reload, and a server without checks counts as up', async () => {
    const upstream = await listen();
    const { port } = upstream.address() as AddressInfo;
    await close(upstream);
    const { loadBalancer } = await start(config(port, FAST));
    const server = theServer(loadBalancer);
    const slower = FAST.replace('20ms', '30ms');
    await loadBalancer.apply(parseLoadBalancerConfig(config(port, slower), 'h.toml').config);
    expect(theServer(loadBalancer)).toBe(server);
    expect(server.state).toBe('down');
    const off = 'health_check_interval = 0';
    await loadBalancer.apply(parseLoadBalancerConfig(config(port, off), 'h.toml').config);
    expect(server.state).toBe('up');
    expect(server.lastCheck).toBeDefined();
  });
});

/** Runs a check against a server that says `answer` first; each check is one entry of its log. */
async function checked(
  type: string,
  answer: () => string,
): Promise<{ server: Server; heard: string[] }> {
  const heard: string[] = [];
  const upstream = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      heard.push(String(bytes));
      socket.write(answer());
    });
  });
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  cleanups.push(async () => void upstream.close());
  const keys = `health_check_interval = "20ms"
[backends.out.health]
fast_interval = "10ms"
fall = 2
${type}`;
  const { loadBalancer } = await start(config((upstream.address() as AddressInfo).port, keys));
  return { server: await theCheckedServer(loadBalancer), heard };
}

describe('checks of what a server says', () => {
  test('send and expect', async () => {
    let answer = '+PONG\r\n';
    const { server, heard } = await checked(
      'type = "send_expect"\nsend = "PING\\\\r\\\\n"\nexpect = "+PONG"',
      () => answer,
    );
    expect(server.state).toBe('up');
    expect(heard[0]).toBe('PING\r\n');
    answer = '-LOADING\r\n';
    await until('it is down', () => server.state === 'down');
    expect(server.lastCheck).toMatchObject({
      ok: false,
      reason: expect.stringContaining('-LOADING'),
    });
    answer = '+PONG\r\n';
    await until('it is up again', () => server.state === 'up');
  });

  test('HTTP', async () => {
    let status = '204 No Content';
    const { server, heard } = await checked(
      'type = "http"\npath = "/alive"\nstatus = "200-299"',
      () => `HTTP/1.1 ${status}\r\ncontent-length: 0\r\n\r\n`,
    );
    expect(server.state).toBe('up');
    expect(heard[0]).toMatch(/^GET \/alive HTTP\/1\.[01]\r\n/);
    status = '503 Service Unavailable';
    await until('it is down', () => server.state === 'down');
    expect(server.lastCheck).toMatchObject({ ok: false, reason: expect.stringContaining('503') });
  });
});

describe('checks of servers that speak TLS', () => {
  /** Runs a check against a TLS server whose certificate nobody signed. */
  async function state(keys: string): Promise<{ server: Server; host: () => string }> {
    let host = '';
    const upstream = createHttpsServer({ cert: CERTIFICATE, key: KEY }, (request, response) => {
      host = request.headers.host ?? '';
      response.end();
    });
    upstream.listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    cleanups.push(async () => void upstream.close());
    const toml = config((upstream.address() as AddressInfo).port, keys);
    const { loadBalancer } = await start(toml);
    return { server: await theCheckedServer(loadBalancer), host: () => host };
  }

  test('by https, with the name that is asked for', async () => {
    const { server, host } = await state('health = { type = "https", host = "shop.example:8443" }');
    expect(server.state).toBe('up');
    expect(host()).toBe('shop.example:8443');
  });

  test('by http follow the TLS of the backend, and verify as it does', async () => {
    const trusting = 'health.type = "http"\ntls.verify = false';
    expect((await state(trusting)).server.state).toBe('up');
    const { server } = await state('health.type = "http"\ntls.verify = true');
    expect(server.state).toBe('down');
    expect(server.lastCheck?.reason).toBe('TLS: self-signed certificate');
  });
});

describe('a check by a program of the operator', () => {
  test('goes by its exit code, which HOST and PORT may decide', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'balancer-exec-'));
    cleanups.push(() => rm(folder, { recursive: true }));
    const program = join(folder, 'check');
    const marker = join(folder, 'is-down');
    await writeFile(
      program,
      `#!/bin/sh\n[ "$HOST:$PORT" = "127.0.0.1:9" ] || exit 7\n[ ! -e "${marker}" ]\n`,
      { mode: 0o755 },
    );
    const keys = `health_check_interval = "20ms"
[backends.out.health]
type = "exec"
command = ["${program}"]
fast_interval = "10ms"
fall = 2`;
    const { loadBalancer } = await start(config(9, keys));
    const server = theServer(loadBalancer);
    await until('it is up', () => server.state === 'up');
    await writeFile(marker, '');
    await until('it is down', () => server.state === 'down');
    expect(server.lastCheck).toMatchObject({ ok: false, reason: expect.stringContaining('1') });
    await rm(marker);
    await until('it is up again', () => server.state === 'up');
  });
});

describe("an operator's order", () => {
  test('outlives reloads until the file changes the same key', async () => {
    const { loadBalancer } = await start(config(1, 'health_check_interval = 0'));
    const server = theServer(loadBalancer);
    server.setAdminState('drain');
    server.setAdminWeight(7);
    const apply = (keys: string): Promise<void> =>
      loadBalancer.apply(parseLoadBalancerConfig(config(1, keys), 'h.toml').config);
    await apply('health_check_interval = 0\nbalance = "first"');
    expect([server.state, server.weight]).toEqual(['drain', 7]);
    const withWeight = `${config(1, 'health_check_interval = 0')}weight = 3\n`;
    await loadBalancer.apply(parseLoadBalancerConfig(withWeight, 'h.toml').config);
    expect([server.state, server.weight]).toEqual(['drain', 3]);
    server.setAdminState('ready');
    expect(server.state).toBe('up');
  });
});
