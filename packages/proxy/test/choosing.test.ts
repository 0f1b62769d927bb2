import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { freePort } from '@balancer/kit';
import {
  configOf,
  dialTo,
  ending,
  fetchAll,
  holdTime,
  type RunningBalancer,
  startBalancer,
  startNamed,
  startUnanswering,
  startUpstream,
  until,
  type Upstream,
  whoAnswers,
} from './support.ts';

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

async function balance(
  options: Parameters<typeof configOf>[0],
  ...upstreams: readonly Upstream[]
): Promise<RunningBalancer> {
  cleanups.push(...upstreams.map((upstream) => upstream.close));
  const balancer = await startBalancer(configOf(options));
  cleanups.push(balancer.stop);
  return balancer;
}

/** A server that keeps every connection open. */
function startHolding(): Promise<Upstream> {
  return startUpstream((socket) => socket.write('.'));
}

describe('balance', () => {
  test('roundrobin gives weights 2 and 1 the order A B A A B A A B A', async () => {
    const [a, b] = [await startNamed('A'), await startNamed('B')];
    const servers = [{ addr: a.address, keys: 'weight = 2' }, b.address];
    const balancer = await balance({ servers }, a, b);
    expect(await whoAnswers(balancer.port(), 9)).toBe('ABAABAABA');
  });

  test('leastconn gives every new connection to the server that holds fewer', async () => {
    const [a, b] = [await startHolding(), await startHolding()];
    const backend = 'balance = "leastconn"';
    const balancer = await balance({ servers: [a.address, b.address], backend }, a, b);
    const [serverA, serverB] = balancer.loadBalancer.backends.get('out')!.servers;
    serverB!.setAdminState('drain');
    const held = await openMany(balancer, 50);
    expect([serverA!.counters.current, serverB!.counters.current]).toEqual([50, 0]);
    serverB!.setAdminState('ready');
    held.push(...(await openMany(balancer, 50)));
    expect([serverA!.counters.current, serverB!.counters.current]).toEqual([50, 50]);
    for (const socket of held) socket.destroy();
  });

  test('source keeps every client on its server and spreads clients evenly', async () => {
    const named = await Promise.all(['A', 'B', 'C', 'D'].map((name) => startNamed(name)));
    const servers = named.map((upstream) => upstream.address);
    const balancer = await balance({ servers, backend: 'balance = "source"' }, ...named);
    const clients = Array.from({ length: 480 }, (_, i) => `127.0.${1 + (i >> 7)}.${1 + (i & 127)}`);
    const counts: Record<string, number> = {};
    const askTwice = async (localAddress: string): Promise<void> => {
      const first = await nameSeenBy(balancer.port(), localAddress);
      expect(await nameSeenBy(balancer.port(), localAddress)).toBe(first);
      counts[first] = (counts[first] ?? 0) + 1;
    };
    while (clients.length > 0) {
      // oxlint-disable-next-line no-await-in-loop -- in batches that fit the queues
      await Promise.all(clients.splice(0, 40).map(askTwice));
    }
    // By half: six standard deviations of a binomial with n = 480, p = 1/4, for ports are by chance.
    for (const count of Object.values(counts)) expect(Math.abs(count - 120)).toBeLessThan(60);
  });

  test.each(['p2c', 'random', 'first', 'leasttime', 'ring', 'rendezvous', 'bounded'])(
    '%s serves every connection',
    async (policy) => {
      const [a, b] = [await startNamed('A'), await startNamed('B')];
      const backend = `balance = "${policy}"`;
      const balancer = await balance({ servers: [a.address, b.address], backend }, a, b);
      expect(await whoAnswers(balancer.port(), 10)).toMatch(/^[AB]{10}$/);
    },
  );

  test('a server of a higher priority level waits until the level before it is gone', async () => {
    const [a, b] = [await startNamed('A'), await startNamed('B')];
    const servers = [a.address, { addr: b.address, keys: 'backup = true' }];
    const balancer = await balance({ servers }, a, b);
    expect(await whoAnswers(balancer.port(), 4)).toBe('AAAA');
    balancer.loadBalancer.backends.get('out')!.servers[0]!.setAdminState('maint');
    expect(await whoAnswers(balancer.port(), 4)).toBe('BBBB');
  });

  test('a sticky client stays when weights say otherwise', async () => {
    const [a, b] = [await startNamed('A'), await startNamed('B')];
    const backend = '[backends.out.sticky]\nttl = "1h"';
    const balancer = await balance({ servers: [a.address, b.address], backend }, a, b);
    const first = await whoAnswers(balancer.port(), 1);
    const index = first === 'A' ? 0 : 1;
    balancer.loadBalancer.backends.get('out')!.servers[index]!.setAdminWeight(0);
    expect(await whoAnswers(balancer.port(), 3)).toBe(first.repeat(3));
  });

  test('a sticky client stays through a reload and is chosen for anew after its ttl', async () => {
    const time = holdTime();
    const [a, b] = [await startNamed('A'), await startNamed('B')];
    const config = (weight: number): string =>
      configOf({
        servers: [{ addr: a.address, keys: `weight = ${weight}` }, b.address],
        backend: '[backends.out.sticky]\nttl = "2s"',
      });
    const balancer = await startBalancer(config(1000));
    cleanups.push(balancer.stop, a.close, b.close);
    expect(await whoAnswers(balancer.port(), 1)).toBe('A');
    await balancer.apply(config(0));
    await time.advance(1900);
    expect(await whoAnswers(balancer.port(), 1)).toBe('A');
    await time.advance(2100);
    expect(await whoAnswers(balancer.port(), 3)).toBe('BBB');
  });
});

describe('failing servers', () => {
  test('a dead server costs no client anything', async () => {
    const live = await startNamed('A');
    const servers = [`127.0.0.1:${await freePort()}`, live.address];
    const balancer = await balance({ servers }, live);
    expect(await whoAnswers(balancer.port(), 100)).toBe('A'.repeat(100));
    const {
      counters,
      servers: [dead],
    } = balancer.loadBalancer.backends.get('out')!;
    await until('all connections are closed', () => balancer.plane.open === 0);
    expect(counters.retries).toBe(50);
    expect(dead!.counters.connectFailures.refused).toBe(50);
    expect(balancer.records.map((record) => record.attempts).toSorted((a, b) => a - b)).toEqual([
      ...Array<number>(50).fill(1),
      ...Array<number>(50).fill(2),
    ]);
  });

  test('a server that does not answer costs one connect_timeout', async () => {
    const live = await startNamed('A');
    const silent = await startUnanswering();
    cleanups.push(silent.close);
    const servers = [silent.address, live.address];
    const backend = 'connect_timeout = "200ms"';
    const balancer = await balance({ servers, backend }, live);
    expect((await fetchAll(balancer.port())).received.toString()).toBe('A');
    expect((await balancer.record()).attempts).toBe(2);
  });

  test('the only server gets retry_delay to come back', async () => {
    const time = holdTime();
    const port = await freePort();
    const backend = 'retry_delay = "200ms"';
    const balancer = await balance({ servers: [`127.0.0.1:${port}`], backend });
    const answer = fetchAll(balancer.port());
    const { counters } = balancer.loadBalancer.backends.get('out')!.servers[0]!;
    await until('the first attempt fails', () => counters.connectFailures.refused === 1);
    cleanups.push((await startNamed('A', port)).close);
    await time.advance(300);
    expect((await answer).received.toString()).toBe('A');
    expect((await balancer.record()).attempts).toBe(2);
  });

  test('after 1 + connect_retries attempts the client is reset', async () => {
    const servers = [`127.0.0.1:${await freePort()}`];
    const backend = 'connect_retries = 2\nretry_delay = "10ms"';
    const balancer = await balance({ servers, backend });
    expect((await fetchAll(balancer.port())).how).toBe('ECONNRESET');
    expect(await balancer.record()).toMatchObject({ attempts: 3, end: 'connect_failed' });
  });
});

describe('on_no_backend', () => {
  async function withServerDown(action: string): Promise<RunningBalancer> {
    const upstream = await startNamed('A');
    const options = { servers: [upstream.address], frontend: `on_no_backend = "${action}"` };
    const balancer = await balance(options, upstream);
    balancer.loadBalancer.backends.get('out')!.servers[0]!.setHealth('down', 'test');
    return balancer;
  }

  test('"reset" resets the client', async () => {
    const balancer = await withServerDown('reset');
    expect(await fetchAll(balancer.port())).toEqual({
      received: Buffer.alloc(0),
      how: 'ECONNRESET',
    });
    expect((await balancer.record()).end).toBe('no_backend');
  });

  test('"close" ends with a FIN even when the client has sent something', async () => {
    const balancer = await withServerDown('close');
    const client = await dialTo(balancer.port());
    client.write('a request that nobody will read');
    expect(await ending(client)).toEqual({ received: Buffer.alloc(0), how: 'fin' });
    client.destroy();
  });

  test('"unlisten" refuses connections until a server is up again', async () => {
    const upstream = await startNamed('A');
    const listen = `"127.0.0.1:${await freePort()}"`;
    const frontend = 'on_no_backend = "unlisten"';
    const balancer = await balance({ servers: [upstream.address], frontend, listen }, upstream);
    const port = balancer.port();
    const [server] = balancer.loadBalancer.backends.get('out')!.servers;
    server!.setHealth('down', 'test');
    expect((await fetchAll(port)).how).toBe('ECONNREFUSED');
    server!.setHealth('up', 'test');
    const frontendNow = balancer.loadBalancer.frontends.get('in')!;
    await until('it listens again', () => frontendNow.listening.length === 1);
    expect((await fetchAll(port)).received.toString()).toBe('A');
  });

  test('on_marked_down = "close" resets the connections of a server that goes down', async () => {
    const upstream = await startHolding();
    const options = { servers: [upstream.address], backend: 'on_marked_down = "close"' };
    const balancer = await balance(options, upstream);
    const client = await dialTo(balancer.port());
    await once(client, 'data');
    balancer.loadBalancer.backends.get('out')!.servers[0]!.setHealth('down', 'test');
    expect((await ending(client)).how).toBe('ECONNRESET');
    expect((await balancer.record()).end).toBe('marked_down');
  });
});

describe('full servers', () => {
  test('clients wait in line, first come first served', async () => {
    const order: string[] = [];
    const upstream = await startUpstream((socket) => {
      socket.once('data', (name) => order.push(String(name)));
    });
    const servers = [{ addr: upstream.address, keys: 'max_connections = 1' }];
    const backend = 'queue_timeout = "5m"';
    const balancer = await balance({ servers, backend }, upstream);
    const { counters } = balancer.loadBalancer.backends.get('out')!;
    const clients: Socket[] = [];
    for (const name of ['a', 'b', 'c']) {
      // oxlint-disable-next-line no-await-in-loop -- the order is what is tested
      const client = await dialTo(balancer.port());
      client.write(name);
      clients.push(client);
      const waiting = clients.length - 1;
      // oxlint-disable-next-line no-await-in-loop -- as above
      await until(`${waiting} wait`, () => counters.queued === waiting && order.length === 1);
    }
    for (const [index, client] of clients.entries()) {
      expect(upstream.sockets.size).toBe(1);
      client.resetAndDestroy();
      // oxlint-disable-next-line no-await-in-loop -- as above
      await until('the next is served', () => order.length === Math.min(3, index + 2));
    }
    expect(order.join('')).toBe('abc');
    expect(counters.queued).toBe(0);
  });

  test('a reload lets clients keep their places, and calls as many as there is room for', async () => {
    const order: string[] = [];
    const upstream = await startUpstream((socket) => {
      socket.once('data', (name) => order.push(String(name)));
    });
    const config = (limit: number, weight = 1): string =>
      configOf({
        servers: [
          { addr: upstream.address, keys: `max_connections = ${limit}\nweight = ${weight}` },
        ],
        backend: 'queue_timeout = "5m"',
      });
    const balancer = await startBalancer(config(1));
    cleanups.push(balancer.stop, upstream.close);
    const { counters } = balancer.loadBalancer.backends.get('out')!;
    const clients: Socket[] = [];
    for (const name of ['a', 'b', 'c', 'd']) {
      // oxlint-disable-next-line no-await-in-loop -- the order is what is tested
      const client = await dialTo(balancer.port());
      client.write(name);
      clients.push(client);
      const waiting = clients.length - 1;
      // oxlint-disable-next-line no-await-in-loop -- as above
      await until(`${waiting} wait`, () => counters.queued === waiting && order.length === 1);
    }
    await balancer.apply(config(1, 2));
    expect(counters.queued).toBe(3);
    clients[0]!.resetAndDestroy();
    await until('the first in line is served', () => order.length === 2);
    expect(order.join('')).toBe('ab');
    await balancer.apply(config(3));
    await until('all are served', () => order.length === 4);
    expect([order.toSorted().join(''), counters.queued]).toEqual(['abcd', 0]);
    for (const client of clients) client.destroy();
  });

  test('a client that leaves while it waits keeps nobody from a turn, and no server', async () => {
    const heard: string[] = [];
    const upstream = await startUpstream((socket) => {
      socket.on('data', (bytes) => heard.push(String(bytes)));
      socket.write('.');
    });
    const servers = [{ addr: upstream.address, keys: 'max_connections = 1' }];
    const backend = 'queue_timeout = "5m"';
    const balancer = await balance({ servers, backend }, upstream);
    const [server] = balancer.loadBalancer.backends.get('out')!.servers;
    const { counters } = balancer.loadBalancer.backends.get('out')!;
    const first = await dialTo(balancer.port());
    await once(first, 'data');
    const leaver = await dialTo(balancer.port());
    await until('one waits', () => counters.queued === 1);
    const patient = await dialTo(balancer.port());
    patient.write('patient');
    await until('two wait', () => counters.queued === 2);
    leaver.resetAndDestroy();
    first.resetAndDestroy();
    await until('the one who stayed is served', () => heard.includes('patient'));
    expect(server!.counters.current).toBe(1);
    patient.resetAndDestroy();
    await until('all are gone', () => balancer.plane.open === 0 && balancer.records.length === 3);
    expect(counters.queued).toBe(0);
    expect(server!.counters.current).toBe(0);
    expect(server!.node.load()).toBe(0);
  });

  test('whoever waits longer than queue_timeout, or finds the line full, is reset', async () => {
    const time = holdTime();
    const upstream = await startHolding();
    const servers = [{ addr: upstream.address, keys: 'max_connections = 1' }];
    const backend = 'queue_timeout = "300ms"\nmax_queue = 1';
    const balancer = await balance({ servers, backend }, upstream);
    const first = await dialTo(balancer.port());
    await once(first, 'data');
    const second = fetchAll(balancer.port());
    const { counters } = balancer.loadBalancer.backends.get('out')!;
    await until('one waits', () => counters.queued === 1);
    expect((await fetchAll(balancer.port())).how).toBe('ECONNRESET');
    await time.advance(400);
    expect((await second).how).toBe('ECONNRESET');
    await until('both have ended', () => balancer.records.length === 2);
    expect(balancer.records.map((record) => record.end)).toEqual(['queue_full', 'queue_timeout']);
    const { refused } = balancer.loadBalancer.frontends.get('in')!.counters;
    expect(refused).toMatchObject({ queue_full: 1, queue_timeout: 1 });
    first.destroy();
  });
});

async function openMany(balancer: RunningBalancer, count: number): Promise<Socket[]> {
  const sockets = await Promise.all(Array.from({ length: count }, () => dialTo(balancer.port())));
  await Promise.all(sockets.map((socket) => once(socket, 'data')));
  return sockets;
}

async function nameSeenBy(port: number, localAddress: string): Promise<string> {
  const socket = await dialTo(port, '127.0.0.1', localAddress);
  const { received } = await ending(socket);
  socket.destroy();
  return received.toString();
}
