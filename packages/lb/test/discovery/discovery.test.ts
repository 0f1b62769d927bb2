import * as fc from 'fast-check';
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { parseLoadBalancerConfig } from '../../src/config/load.ts';
import type { DnsResolver } from '../../src/discovery/dns.ts';
import { parseServerList } from '../../src/discovery/list.ts';
import type { LoadBalancer } from '../../src/load-balancer.ts';
import { startLoadBalancer, until } from '../support.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

/** Name servers that answer what the test says. */
class ScriptedDns {
  v4: Record<string, readonly string[]> = {};
  v6: Record<string, readonly string[]> = {};
  services: Awaited<ReturnType<DnsResolver['resolveSrv']>> = [];
  failure: string | undefined;
  asked = 0;

  get resolver(): DnsResolver {
    return {
      resolve4: async (name: string) => this.answer(this.v4[name]),
      resolve6: async (name: string) => this.answer(this.v6[name]),
      resolveSrv: async () => {
        this.fail();
        return this.services;
      },
    } as unknown as DnsResolver;
  }

  private answer(ips: readonly string[] | undefined): { address: string; ttl: number }[] {
    this.fail();
    if (!ips) throw Object.assign(new Error('queryA ENOTFOUND'), { code: 'ENOTFOUND' });
    return ips.map((address) => ({ address, ttl: 60 }));
  }

  private fail(): void {
    this.asked++;
    if (this.failure === undefined) return;
    throw Object.assign(new Error(`queryA ${this.failure}`), { code: this.failure });
  }
}

async function start(backend: string, dns = new ScriptedDns()): Promise<LoadBalancer> {
  const { loadBalancer } = await startLoadBalancer(configOf(backend), dns.resolver);
  cleanups.push(() => loadBalancer.stop());
  return loadBalancer;
}

function configOf(backend: string): string {
  return `[frontends.in]
listen_addr = "127.0.0.1:0"
backend = "out"
[backends.out]
health_check_interval = 0
${backend}`;
}

function addressesOf(loadBalancer: LoadBalancer): string[] {
  return loadBalancer.backends.get('out')!.servers.map(({ address }) => address);
}

const BY_NAME =
  '[backends.out.discovery]\ntype = "dns"\nname = "pg.internal:5432"\ninterval = "20ms"';

describe('servers from DNS', () => {
  test('are all addresses of both families, and follow the records', async () => {
    const dns = new ScriptedDns();
    dns.v4 = { 'pg.internal': ['10.0.0.2', '10.0.0.1'] };
    dns.v6 = { 'pg.internal': ['2001:db8::1'] };
    const loadBalancer = await start(BY_NAME, dns);
    expect(addressesOf(loadBalancer)).toEqual([
      '10.0.0.1:5432',
      '10.0.0.2:5432',
      '[2001:db8::1]:5432',
    ]);
    const [kept] = loadBalancer.backends.get('out')!.servers;
    expect(kept!.name).toBe('pg.internal:5432#10.0.0.1');
    dns.v4 = { 'pg.internal': ['10.0.0.1', '10.0.0.3'] };
    dns.v6 = {};
    await until(
      'the set follows',
      () => addressesOf(loadBalancer).join() === '10.0.0.1:5432,10.0.0.3:5432',
    );
    expect(loadBalancer.backends.get('out')!.servers[0]).toBe(kept);
  });

  test.each([
    ['keep', ['10.0.0.1:5432']],
    ['empty', []],
  ])('are what on_failure = "%s" says when the name servers fail', async (onFailure, left) => {
    const dns = new ScriptedDns();
    dns.v4 = { 'pg.internal': ['10.0.0.1'] };
    const loadBalancer = await start(`${BY_NAME}\non_failure = "${onFailure}"`, dns);
    dns.failure = 'ESERVFAIL';
    const { asked } = dns;
    await until('they failed three times', () => dns.asked > asked + 3);
    expect(addressesOf(loadBalancer)).toEqual(left);
  });

  test('of a service have the priority and weight of their records', async () => {
    const dns = new ScriptedDns();
    dns.services = [
      { name: 'a.internal', port: 1, priority: 0, weight: 20 },
      { name: 'b.internal', port: 2, priority: 1, weight: 0 },
    ];
    dns.v4 = { 'a.internal': ['10.0.0.1'], 'b.internal': ['10.0.0.2'] };
    const loadBalancer = await start(
      '[backends.out.discovery]\ntype = "srv"\nname = "_pg._tcp.internal"',
      dns,
    );
    const { servers } = loadBalancer.backends.get('out')!;
    expect(servers.map(({ address, config }) => [address, config.priority, config.weight])).toEqual(
      [
        ['10.0.0.1:1', 0, 20],
        ['10.0.0.2:2', 1, 1],
      ],
    );
  });

  test('stand in for a server whose address is a name, with its settings', async () => {
    const dns = new ScriptedDns();
    dns.v4 = { 'web.internal': ['10.0.0.1', '10.0.0.2'] };
    const loadBalancer = await start(
      `[backends.out.servers.web]
addr = "web.internal:80"
weight = 7
[backends.out.servers.fixed]
addr = "10.0.0.9:80"
`,
      dns,
    );
    const { servers } = loadBalancer.backends.get('out')!;
    expect(servers.map(({ name, config }) => `${name} ${config.weight}`)).toEqual([
      'web#10.0.0.1 7',
      'web#10.0.0.2 7',
      'fixed 1',
    ]);
  });

  test('come from the hosts file when DNS does not know the name', async () => {
    const loadBalancer = await start('[backends.out.servers.web]\naddr = "localhost:80"\n');
    await until('it is found', () => addressesOf(loadBalancer).length > 0);
    expect(addressesOf(loadBalancer)).toContain('127.0.0.1:80');
  });

  test('stop when a reload removes the discovery', async () => {
    const dns = new ScriptedDns();
    dns.v4 = { 'pg.internal': ['10.0.0.1'] };
    const loadBalancer = await start(BY_NAME, dns);
    const fixed = configOf('[backends.out.servers.one]\naddr = "10.0.0.9:80"\n');
    await loadBalancer.apply(parseLoadBalancerConfig(fixed, 't.toml').config);
    expect(addressesOf(loadBalancer)).toEqual(['10.0.0.9:80']);
  });
});

describe('servers from a list', () => {
  test('in a file follow it, and a mistake keeps what was', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'balancer-list-'));
    cleanups.push(() => rm(folder, { recursive: true }));
    const file = join(folder, 'servers');
    await writeFile(file, '# two servers\n10.0.0.1:80 weight=3\n10.0.0.2:80 backup=true\n');
    const toml = configOf(`[backends.out.discovery]\ntype = "file"\nname = "${file}"`);
    const { loadBalancer, warnings } = await startLoadBalancer(toml);
    cleanups.push(() => loadBalancer.stop());
    await until('the list is read', () => addressesOf(loadBalancer).length === 2);
    expect(loadBalancer.backends.get('out')!.servers[0]!.weight).toBe(3);
    await writeFile(`${file}.new`, '["10.0.0.3:80", { "addr": "10.0.0.4:80", "weight": 2 }]');
    await rename(`${file}.new`, file);
    await until('it follows', () => addressesOf(loadBalancer).join() === '10.0.0.3:80,10.0.0.4:80');
    await writeFile(file, '10.0.0.5\n');
    await until('the mistake is reported', () => warnings.length > 0);
    expect(addressesOf(loadBalancer)).toEqual(['10.0.0.3:80', '10.0.0.4:80']);
  });

  test('at an address are polled', async () => {
    let answer = '["10.0.0.1:80"]';
    const server = createServer((_request, response) => response.end(answer)).listen(
      0,
      '127.0.0.1',
    );
    await once(server, 'listening');
    cleanups.push(async () => server.close());
    const { port } = server.address() as AddressInfo;
    const loadBalancer = await start(
      `[backends.out.discovery]\ntype = "http"\nname = "http://127.0.0.1:${port}/"\ninterval = "20ms"`,
    );
    await until('it is asked', () => addressesOf(loadBalancer).length > 0);
    expect(addressesOf(loadBalancer)).toEqual(['10.0.0.1:80']);
    answer = '["10.0.0.1:80", "10.0.0.2:80"]';
    await until('it follows', () => addressesOf(loadBalancer).length === 2);
  });

  test.each([
    ['an address without a port', '10.0.0.1', 'addr: needs "host:port"; got "10.0.0.1"'],
    ['an unknown setting', '10.0.0.1:80 wait=3', 'Unrecognized key'],
    ['a weight out of range', '[{"addr":"10.0.0.1:80","weight":-1}]', 'must be an integer from 0'],
    ['an address twice', '10.0.0.1:80\n10.0.0.1:80', '10.0.0.1:80 is named twice'],
    ['no address', '[{}]', 'needs addr'],
    ['broken JSON', '[', 'JSON'],
  ])('with %s are refused', (_name, text, message) => {
    expect(() => parseServerList(text)).toThrow(message);
  });

  test('of any text are read or refused with a reason', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '10.0.0.1:80',
        '[::1]:80',
        ' weight=',
        '65535',
        '\n',
        '#',
        '[',
        '{',
        '}',
        ']',
      ),
      fc.constantFrom(
        '"addr":',
        '"10.0.0.2:80"',
        ',',
        ' backup=true',
        '"weight":-1',
        ' __proto__=1',
      ),
      fc.string({ maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        try {
          for (const { name, config } of parseServerList(pieces.join(''))) {
            expect([typeof name, typeof config.weight]).toEqual(['string', 'number']);
          }
        } catch (error) {
          expect((error as Error).message).not.toMatch(/^$|undefined|\[object /);
        }
      }),
      { numRuns: process.env['BALANCER_TEST_LONG'] ? 1_000_000 : 1000 },
    );
  }, 600_000);

  // Compared each with each, so many would take a minute.
  test('of 50 000 servers are read at once', () => {
    const lines = Array.from(
      { length: 50_000 },
      (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:80`,
    );
    expect(parseServerList(lines.join('\n'))).toHaveLength(50_000);
  });
});
