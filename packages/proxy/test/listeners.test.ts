import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { freePort } from '@balancer/kit';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { connectionsThatFit, descriptorLimit } from '../src/descriptors.ts';
import { InheritedListeners } from '../src/inherited.ts';
import { Listener } from '../src/listener.ts';
import {
  configOf,
  dialTo,
  ending,
  fetchAll,
  type RunningBalancer,
  startBalancer,
  startNamed,
  startUpstream,
  until,
} from './support.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) {
    // oxlint-disable-next-line no-await-in-loop -- in reverse order of creation
    await cleanup();
  }
});

async function listenOn(listen: string, frontend = ''): Promise<RunningBalancer> {
  const upstream = await startNamed('A');
  cleanups.push(upstream.close);
  const balancer = await startBalancer(configOf({ servers: [upstream.address], listen, frontend }));
  cleanups.push(balancer.stop);
  return balancer;
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'balancer-test-'));
  cleanups.push(() => rm(folder, { recursive: true }));
  return folder;
}

describe('listeners', () => {
  test('":port" serves IPv4 and IPv6', async () => {
    const balancer = await listenOn('":0"');
    for (const host of ['127.0.0.1', '::1']) {
      // oxlint-disable-next-line no-await-in-loop -- two families, one after the other
      expect((await fetchAll(balancer.port(), host)).received.toString()).toBe('A');
    }
    await until('both records are written', () => balancer.records.length === 2);
    expect(balancer.records.map(({ client }) => client.replace(/:\d+$/, ''))).toEqual([
      '127.0.0.1',
      '[::1]',
    ]);
  });

  test('"[::]:port" serves IPv6 alone', async () => {
    const balancer = await listenOn(`"[::]:${await freePort()}"`);
    expect((await fetchAll(balancer.port(), '::1')).received.toString()).toBe('A');
    expect((await fetchAll(balancer.port(), '127.0.0.1')).how).toBe('ECONNREFUSED');
  });

  test('a list of addresses is served on all of them', async () => {
    const balancer = await listenOn('["127.0.0.1:0", "127.0.0.2:0"]');
    const { listening } = balancer.loadBalancer.frontends.get('in')!;
    expect(listening).toHaveLength(2);
    for (const address of listening) {
      const [host, port] = address.split(':') as [string, string];
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect((await fetchAll(Number(port), host)).received.toString()).toBe('A');
    }
  });

  test('a unix socket is served, and the file of a dead process replaced', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'in.sock');
    const script = `require('net').createServer().listen('${path}', () => process.kill(process.pid, 'SIGKILL'))`;
    await once(spawn(process.execPath, ['-e', script]), 'exit');
    expect(existsSync(path)).toBe(true);
    const balancer = await listenOn(`"unix:${path}"`);
    const { received } = await ending(connect(path));
    expect(received.toString()).toBe('A');
    await until('the record is written', () => balancer.records.length === 1);
    expect(balancer.records[0]!.client).toBe('');
  });

  test('a unix socket can be a server', async () => {
    const path = join(await temporaryFolder(), 'server.sock');
    const upstream = await startUpstream((socket) => socket.end('unix'), { path });
    cleanups.push(upstream.close);
    const balancer = await startBalancer(configOf({ servers: [`unix:${path}`] }));
    cleanups.push(balancer.stop);
    expect((await fetchAll(balancer.port())).received.toString()).toBe('unix');
  });

  test('an address in use is named, with the command that shows by whom', async () => {
    const taken = await startNamed('B');
    cleanups.push(taken.close);
    const toml = configOf({ servers: ['127.0.0.1:1'], listen: `"${taken.address}"` });
    await expect(startBalancer(toml)).rejects.toThrow(
      `cannot listen on ${taken.address}: address already in use; "ss -ltnp sport = :${taken.port}" shows by whom`,
    );
  });

  test('one address that cannot be bound leaves none bound', async () => {
    const port = await freePort();
    const taken = await startNamed('taken');
    cleanups.push(taken.close);
    const listen = `["127.0.0.1:${port}", "${taken.address}"]`;
    const toml = configOf({ servers: ['127.0.0.1:1'], listen });
    await expect(startBalancer(toml)).rejects.toThrow('cannot listen');
    expect((await fetchAll(port)).how).toBe('ECONNREFUSED');
  });
});

describe('limits of the process', () => {
  test('clients beyond max_connections are reset at once, and one leaving makes room', async () => {
    const upstream = await startUpstream((socket) => socket.write('.'));
    cleanups.push(upstream.close);
    const toml = configOf({ servers: [upstream.address], global: 'max_connections = 2' });
    const balancer = await startBalancer(toml);
    cleanups.push(balancer.stop);
    const held: Socket[] = [await dialTo(balancer.port()), await dialTo(balancer.port())];
    await Promise.all(held.map((socket) => once(socket, 'data')));
    expect((await fetchAll(balancer.port())).how).toBe('ECONNRESET');
    expect(balancer.loadBalancer.frontends.get('in')!.counters.refused.max_connections).toBe(1);
    held[0]!.resetAndDestroy();
    await until('one has left', () => balancer.plane.open === 1);
    const next = await dialTo(balancer.port());
    await once(next, 'data');
    for (const socket of [...held, next]) socket.resetAndDestroy();
  });

  test('a client that waited at an inherited socket is served, since limits come first', async () => {
    const port = await freePort();
    const listener = await Listener.bind({ kind: 'inet', host: '127.0.0.1', port }, 16);
    const client = await dialTo(port);
    const greeting = ending(client);
    // It waits in the kernel; a turn of the event loop accepts it.
    await setImmediate();
    await setImmediate();
    const inherited = new InheritedListeners();
    vi.spyOn(inherited, 'take').mockReturnValue(listener);
    const upstream = await startNamed('A');
    cleanups.push(upstream.close);
    const listen = `"127.0.0.1:${port}"`;
    const toml = configOf({ servers: [upstream.address], listen });
    const balancer = await startBalancer(toml, { inherited });
    cleanups.push(balancer.stop);
    expect((await greeting).received.toString()).toBe('A');
    client.destroy();
    const { refused } = balancer.loadBalancer.frontends.get('in')!.counters;
    expect(refused.max_connections).toBe(0);
  });

  test('a denied client never reaches a server', async () => {
    const balancer = await listenOn('"127.0.0.1:0"', 'deny = ["127.0.0.0/8"]');
    expect((await fetchAll(balancer.port())).how).toBe('ECONNRESET');
    expect(balancer.loadBalancer.backends.get('out')!.servers[0]!.counters.total).toBe(0);
    expect(balancer.loadBalancer.frontends.get('in')!.counters.refused.acl).toBe(1);
  });

  test('"auto" leaves 128 descriptors and takes two for each connection', async () => {
    expect(connectionsThatFit(1024, 2)).toBe(447);
    expect(connectionsThatFit(100, 1)).toBe(1);
    const limits = join(await temporaryFolder(), 'limits');
    await writeFile(limits, 'Max processes  10  20  processes\nMax open files  256  4096  files\n');
    expect(descriptorLimit(limits)).toBe(256);
    await writeFile(limits, 'Max open files            unlimited            unlimited\n');
    expect(descriptorLimit(limits)).toBe(Number.MAX_SAFE_INTEGER);
  });
});
