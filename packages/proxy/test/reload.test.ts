import { once } from 'node:events';
import type { Socket } from 'node:net';
import { freePort } from '@balancer/kit';
import { afterEach, describe, expect, test } from 'vitest';
import {
  configOf,
  dialTo,
  ending,
  fetchAll,
  holdTime,
  type RunningBalancer,
  startBalancer,
  startEcho,
  startNamed,
  startUpstream,
  until,
  type Upstream,
  whoAnswers,
} from './support.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

async function named(...names: readonly string[]): Promise<Upstream[]> {
  const upstreams = await Promise.all(names.map((name) => startNamed(name)));
  cleanups.push(...upstreams.map((upstream) => upstream.close));
  return upstreams;
}

async function start(toml: string): Promise<RunningBalancer> {
  const balancer = await startBalancer(toml);
  cleanups.push(balancer.stop);
  return balancer;
}

async function startHolding(): Promise<Upstream> {
  const upstream = await startUpstream((socket) => socket.write('.'));
  cleanups.push(upstream.close);
  return upstream;
}

async function hold(balancer: RunningBalancer, frontend = 'in'): Promise<Socket> {
  const socket = await dialTo(balancer.port(frontend));
  await once(socket, 'data');
  return socket;
}

/** Two frontends `a` and `b` on one backend. */
function frontends(addresses: Readonly<Record<string, string>>, server: string): string {
  const tables = Object.entries(addresses).map(
    ([name, address]) => `[frontends.${name}]\nlisten_addr = "${address}"\nbackend = "out"`,
  );
  return `${tables.join('\n')}
[backends.out]
health_check_interval = 0
[backends.out.servers.s0]
addr = "${server}"
`;
}

describe('reload', () => {
  test('weights 10000 and 1 become 0 and 1: all connections move', async () => {
    const [a, b] = await named('A', 'B');
    const config = (weight: number): string =>
      configOf({ servers: [{ addr: a!.address, keys: `weight = ${weight}` }, b!.address] });
    const balancer = await start(config(10_000));
    expect(await whoAnswers(balancer.port(), 10)).toBe('A'.repeat(10));
    await balancer.apply(config(0));
    expect(await whoAnswers(balancer.port(), 10)).toBe('B'.repeat(10));
  });

  test('a changed balance is followed at the next connection', async () => {
    const [a, b] = await named('A', 'B');
    const servers = [a!.address, b!.address];
    const balancer = await start(configOf({ servers }));
    expect(await whoAnswers(balancer.port(), 4)).toBe('ABAB');
    await balancer.apply(configOf({ servers, backend: 'balance = "first"' }));
    expect(await whoAnswers(balancer.port(), 4)).toBe('AAAA');
  });

  test('a server that stays keeps its counters and its connections', async () => {
    const upstream = await startHolding();
    const config = (weight: number): string =>
      configOf({ servers: [{ addr: upstream.address, keys: `weight = ${weight}` }] });
    const balancer = await start(config(1));
    const client = await hold(balancer);
    const [server] = balancer.loadBalancer.backends.get('out')!.servers;
    await balancer.apply(config(5));
    expect(balancer.loadBalancer.backends.get('out')!.servers[0]).toBe(server);
    expect(server!.counters.current).toBe(1);
    expect(server!.node.load()).toBe(1);
    client.write('still here');
    await until('the server gets it', () => server!.counters.bytesTx === 10);
    client.destroy();
  });

  test('a removed server keeps its connections for drain_timeout and gets no new ones', async () => {
    const time = holdTime();
    const removed = await startHolding();
    const [b] = await named('B');
    // What the new configuration says of it counts.
    const [before, global] = ['drain_timeout = "1h"', 'drain_timeout = "400ms"'];
    const balancer = await start(configOf({ servers: [removed.address], global: before }));
    const client = await hold(balancer);
    const ended = ending(client);
    await balancer.apply(configOf({ servers: [b!.address], global }));
    expect(await whoAnswers(balancer.port(), 3)).toBe('BBB');
    await time.advance(399);
    expect(balancer.records.map((record) => record.end)).not.toContain('drain');
    await time.advance(101);
    expect((await ended).how).toBe('ECONNRESET');
    await until('the record is written', () => balancer.records.length === 4);
    expect(balancer.records.map((record) => record.end)).toContain('drain');
  });

  test('a removed frontend frees its address at once and keeps its connections', async () => {
    const upstream = await startHolding();
    const both = { a: '127.0.0.1:0', b: `127.0.0.1:${await freePort()}` };
    const balancer = await start(frontends(both, upstream.address));
    const client = await hold(balancer, 'b');
    const port = balancer.port('b');
    await balancer.apply(frontends({ a: '127.0.0.1:0' }, upstream.address));
    expect((await fetchAll(port)).how).toBe('ECONNREFUSED');
    const { counters } = balancer.loadBalancer.backends.get('out')!.servers[0]!;
    client.write('still here');
    await until('the server gets it', () => counters.bytesTx === 10);
    client.destroy();
    for (const socket of upstream.sockets) socket.end();
    await until('the connection ends', () => balancer.plane.open === 0);
  });

  test('a frontend that is renamed keeps its listening socket', async () => {
    const [a] = await named('A');
    const port = await freePort();
    const balancer = await start(frontends({ old: `127.0.0.1:${port}` }, a!.address));
    const attempts = Array.from({ length: 20 }, () => fetchAll(port));
    await balancer.apply(frontends({ new: `127.0.0.1:${port}` }, a!.address));
    attempts.push(...Array.from({ length: 20 }, () => fetchAll(port)));
    for (const { received } of await Promise.all(attempts)) expect(received.toString()).toBe('A');
  });

  test('an address that cannot be bound refuses the whole reload', async () => {
    const [a, b, taken] = await named('A', 'B', 'taken');
    const balancer = await start(frontends({ in: '127.0.0.1:0' }, a!.address));
    const port = balancer.port();
    const next = frontends({ in: '127.0.0.1:0', more: taken!.address }, b!.address);
    await expect(balancer.apply(next)).rejects.toThrow(`cannot listen on ${taken!.address}`);
    expect(balancer.port()).toBe(port);
    expect(await whoAnswers(port, 3)).toBe('AAA');
    expect([...balancer.loadBalancer.frontends.keys()]).toEqual(['in']);
  });

  test('timeouts apply to connections that are open', async () => {
    const upstream = await startHolding();
    const servers = [upstream.address];
    const balancer = await start(configOf({ servers }));
    const client = await hold(balancer);
    await balancer.apply(configOf({ servers, frontend: 'idle_timeout = "100ms"' }));
    client.write('the next event');
    expect((await ending(client)).how).toBe('ECONNRESET');
    expect((await balancer.record()).end).toBe('idle_timeout');
  });

  test('reloads under traffic fail no connection', async () => {
    const echo = await startEcho();
    cleanups.push(echo.close);
    const reloadCount = process.env['BALANCER_TEST_LONG'] ? 1000 : 50;
    const config = (round: number): string =>
      configOf({
        servers: [{ addr: echo.address, keys: `weight = ${1 + (round % 7)}` }],
        backend: `balance = "${round % 2 ? 'leastconn' : 'roundrobin'}"\nslow_start = ${round % 3}`,
        frontend: `idle_timeout = "${10 + (round % 5)}s"`,
      });
    const balancer = await start(config(0));
    const work = { isDone: false };
    let exchanges = 0;
    const clients = Array.from({ length: 4 }, async () => {
      while (!work.isDone) {
        // oxlint-disable-next-line no-await-in-loop -- one exchange after the other
        const client = await dialTo(balancer.port());
        client.end('ping');
        // oxlint-disable-next-line no-await-in-loop -- as above
        const { received, how } = await ending(client);
        client.destroy();
        expect(`${received.toString()} ${how}`).toBe('ping fin');
        exchanges++;
      }
    });
    try {
      for (let round = 1; round <= reloadCount; round++) {
        const before = exchanges;
        // oxlint-disable-next-line no-await-in-loop -- one reload after the other
        await balancer.apply(config(round));
        // oxlint-disable-next-line no-await-in-loop -- as above
        await until('traffic goes on', () => exchanges > before);
      }
    } finally {
      work.isDone = true;
      await Promise.all(clients);
    }
    await until('all connections are closed', () => balancer.plane.open === 0);
    expect(balancer.records.filter(({ end }) => end !== 'client_fin')).toEqual([]);
  }, 120_000);
});

describe('drain', () => {
  test('lets connections end and refuses new ones', async () => {
    const upstream = await startHolding();
    const port = await freePort();
    const listen = `"127.0.0.1:${port}"`;
    const balancer = await start(configOf({ servers: [upstream.address], listen }));
    const client = await hold(balancer);
    const drained = balancer.loadBalancer.drain(new AbortController().signal);
    expect((await fetchAll(port)).how).toBe('ECONNREFUSED');
    expect(balancer.loadBalancer.ready).toBe(false);
    client.resetAndDestroy();
    expect(await drained).toEqual({ cut: 0 });
  });

  test('is over for everybody who waits for it', async () => {
    const upstream = await startHolding();
    const balancer = await start(configOf({ servers: [upstream.address] }));
    const client = ending(await hold(balancer));
    const drained = balancer.loadBalancer.drain(new AbortController().signal);
    await balancer.stop();
    expect(await drained).toEqual({ cut: 0 });
    expect((await client).how).toBe('ECONNRESET');
  });

  test('cuts what is left when told to, and says how many', async () => {
    const upstream = await startHolding();
    const balancer = await start(configOf({ servers: [upstream.address] }));
    const endings = [ending(await hold(balancer)), ending(await hold(balancer))];
    const cut = new AbortController();
    const drained = balancer.loadBalancer.drain(cut.signal);
    cut.abort();
    expect(await drained).toEqual({ cut: 2 });
    for (const { how } of await Promise.all(endings)) expect(how).toBe('ECONNRESET');
  });
});
