import { LVS_SCHEDULERS } from '@balancer/lb';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatServiceKey, type ServiceSpec } from '../../src/desired.ts';
import type { IpvsChange } from '../../src/ipvs/commands.ts';
import { DEFAULT_DEST_CHECK } from '../../src/passive-health.ts';
import { INNER_MAC, type TunnelSpec } from '../../src/tunnel.ts';
import { formatRules } from '../../src/ipvs/format.ts';
import { parseRules } from '../../src/ipvs/rules-file.ts';
import { change, IpvsError } from '../../src/ipvs/table.ts';

const WEB = { protocol: 'tcp', address: '203.0.113.1', port: 80 } as const;
const SERVER = { address: '10.0.0.11', port: 8080 };

function tableOf(...commands: readonly IpvsChange[]): Map<string, ServiceSpec> {
  const table = new Map<string, ServiceSpec>();
  for (const command of commands) change(table, command);
  return table;
}

const add: IpvsChange = { op: 'add-service', service: WEB, options: {} };

describe('a table', () => {
  test('gives a new service wlc, and a new server direct routing with weight 1', () => {
    const table = tableOf(add, {
      op: 'add-server',
      service: WEB,
      server: { address: '10.0.0.11' },
      options: {},
    });
    expect(table.get('tcp 203.0.113.1:80')).toMatchObject({
      scheduler: 'wlc',
      backends: [{ address: '10.0.0.11', port: 0, mode: 'dr', weight: 1 }],
    });
  });

  test('keeps servers and local addresses when a service is edited', () => {
    const table = tableOf(
      add,
      { op: 'add-server', service: WEB, server: SERVER, options: { mode: 'fnat' } },
      { op: 'add-local', service: WEB, addresses: ['198.51.100.5'] },
      { op: 'edit-service', service: WEB, options: { scheduler: 'rr' } },
    );
    expect(table.get('tcp 203.0.113.1:80')).toMatchObject({
      scheduler: 'rr',
      localAddresses: ['198.51.100.5'],
      backends: [{ address: '10.0.0.11', port: 8080, mode: 'fnat' }],
    });
  });

  test('answers SYNs in place of servers that both directions pass to', () => {
    const proxied: IpvsChange = {
      op: 'add-service',
      service: WEB,
      options: { synProxy: 'client-first' },
    };
    const server = (mode: 'dr' | 'nat' | 'fnat'): IpvsChange => ({
      op: 'add-server',
      service: WEB,
      server: { address: '10.0.0.11' },
      options: { mode },
    });
    const rules = (...commands: IpvsChange[]): string =>
      formatRules([...tableOf(...commands).values()], { compat: false });
    expect(rules(proxied, server('fnat'))).toContain('-A -t 203.0.113.1:80 -s wlc -j enable\n');
    expect(rules(proxied, server('nat'), { ...add, op: 'edit-service' })).not.toContain('-j');
    const refusal = 'The SYN proxy is not possible with -g or -i; it needs servers with -m or -b';
    expect(() => tableOf(proxied, server('dr'))).toThrow(new IpvsError(refusal));
    expect(() => tableOf(add, server('dr'), { ...proxied, op: 'edit-service' })).toThrow(refusal);
    const udp = { ...proxied, service: { ...WEB, protocol: 'udp' as const } };
    expect(() => tableOf(udp)).toThrow('The SYN proxy is only for TCP virtual services');
  });

  test('keeps lists when a service is edited, and takes networks off them', () => {
    const listed = { service: WEB, list: 'deny', network: '192.0.2.0/24' } as const;
    const other = { service: WEB, list: 'deny', network: '::1' } as const;
    const table = tableOf(
      add,
      { op: 'add-network', ...listed },
      { op: 'add-network', ...other },
      { op: 'add-network', ...listed, list: 'allow' },
      { op: 'edit-service', service: WEB, options: { scheduler: 'rr' } },
      { op: 'delete-network', ...listed },
    );
    expect(table.get('tcp 203.0.113.1:80')?.admission).toMatchObject({
      deny: ['::1'],
      allow: ['192.0.2.0/24'],
    });
    expect(() => change(table, { op: 'add-network', ...other })).toThrow(
      '::1 is on the list already',
    );
    expect(() => change(table, { op: 'delete-network', ...listed })).toThrow(
      '192.0.2.0/24 is not on the list',
    );
  });

  test.each<[string, IpvsChange]>([
    ['Service already exists', add],
    ['No such service', { op: 'delete-service', service: { ...WEB, port: 81 } }],
    [
      'Service not defined',
      { op: 'add-server', service: { ...WEB, port: 81 }, server: SERVER, options: {} },
    ],
    ['No such destination', { op: 'delete-server', service: WEB, server: SERVER }],
    [
      'Port forwarding is not possible with -g or -i',
      { op: 'add-server', service: WEB, server: SERVER, options: {} },
    ],
    [
      'Zero port specified for non-persistent service',
      { op: 'add-service', service: { ...WEB, port: 0 }, options: {} },
    ],
    [
      'One-Packet Scheduling is only for UDP virtual services',
      { op: 'edit-service', service: WEB, options: { onePacket: true } },
    ],
    [
      "incompatible scheduler flag `mh-port'",
      {
        op: 'edit-service',
        service: WEB,
        options: { scheduler: 'rr', schedulerFlags: ['mh-port'] },
      },
    ],
    [
      "incompatible scheduler flag `mh-port'",
      {
        op: 'edit-service',
        service: WEB,
        options: { scheduler: 'sh', schedulerFlags: ['sh-port', 'mh-port'] },
      },
    ],
    [
      "incompatible scheduler flag `flag-1'",
      {
        op: 'edit-service',
        service: WEB,
        options: { scheduler: 'dh', schedulerFlags: ['flag-1'] },
      },
    ],
    [
      'the lower threshold must not be above the upper one',
      {
        op: 'add-server',
        service: WEB,
        server: SERVER,
        options: { mode: 'nat', upper: 2, lower: 3 },
      },
    ],
    [
      'The address families of service and server differ; only -i allows that, and -b from IPv6 to IPv4',
      {
        op: 'add-server',
        service: WEB,
        server: { address: '2001:db8:b::11' },
        options: { mode: 'fnat' },
      },
    ],
    [
      'No such local address 198.51.100.5',
      { op: 'delete-local', service: WEB, addresses: ['198.51.100.5'] },
    ],
  ])('says "%s"', (message, command) => {
    const table = tableOf(add);
    const before = structuredClone(table);
    expect(() => change(table, command)).toThrow(IpvsError);
    expect(() => change(table, command)).toThrow(message);
    expect(table).toEqual(before);
  });
});

describe('flags of schedulers by key', () => {
  test.each([
    ['mh', ['mh-port'], { hash: 'ip-port', fallback: false }],
    ['mh', ['flag-1'], { hash: 'ip', fallback: true }],
    ['sh', ['sh-fallback', 'flag-2'], { hash: 'ip-port', fallback: true }],
    ['sh', [], { hash: 'ip', fallback: false }],
  ] as const)('%s with %j', (scheduler, schedulerFlags, expected) => {
    const table = tableOf(add, {
      op: 'edit-service',
      service: WEB,
      options: { scheduler, schedulerFlags },
    });
    expect([...table.values()][0]).toMatchObject({ scheduler, ...expected });
  });
});

describe('a service of IPv6 with servers of IPv4', () => {
  const SIX = { protocol: 'tcp', address: '2001:db8:f::1', port: 80 } as const;
  const addSix: IpvsChange = { op: 'add-service', service: SIX, options: {} };
  const addServer = (address: string, mode: 'fnat' | 'nat' | 'dr'): IpvsChange => ({
    op: 'add-server',
    service: SIX,
    server: { address },
    options: { mode },
  });

  test('is full NAT, saved and read again like any other', async () => {
    const locals: IpvsChange = { op: 'add-local', service: SIX, addresses: ['198.51.100.5'] };
    const table = tableOf(addSix, addServer('10.0.0.11', 'fnat'), locals);
    const rules = formatRules([...table.values()], { compat: false });
    expect(rules).toBe(
      '-A -t [2001:db8:f::1]:80 -s wlc\n' +
        '-a -t [2001:db8:f::1]:80 -r 10.0.0.11:80 -b -w 1\n' +
        '-P -t [2001:db8:f::1]:80 -z 198.51.100.5\n',
    );
    const { commands } = await parseRules(rules, (host) => Promise.resolve(host));
    expect(tableOf(...commands.map(({ command }) => command as IpvsChange))).toEqual(table);
  });

  test.each(['nat', 'dr'] as const)('cannot be %s', (mode) => {
    expect(() => tableOf(addSix, addServer('10.0.0.11', mode))).toThrow(
      'The address families of service and server differ',
    );
  });

  test('has no servers of IPv6 by full NAT beside them: their local addresses are of another family', () => {
    const both = [addServer('10.0.0.11', 'fnat'), addServer('2001:db8:b::11', 'fnat')];
    expect(() => tableOf(addSix, ...both)).toThrow(
      'the full NAT servers of a service must be of one address family',
    );
  });
});

/** A tunnel without what its kind has no place for. */
function possible(tunnel: TunnelSpec): TunnelSpec {
  const { kind, port, checksum, vni, innerMac } = tunnel;
  const isOurs = kind === 'vxlan';
  return {
    kind,
    port: kind === 'gre' ? 0 : port,
    checksum: kind !== 'gre' && checksum,
    vni: isOurs ? vni : 0,
    innerMac: isOurs ? innerMac : INNER_MAC,
  };
}

describe('rules that were saved', () => {
  const address = fc.integer({ min: 1, max: 254 }).map((last) => `10.0.0.${last}`);
  const network = fc.constantFrom(
    '192.0.2.0/24',
    '192.0.2.10',
    '2001:db8::/32',
    '::1',
    '0.0.0.0/0',
    'ipset:office',
  );
  const tunnel = fc.option(
    fc.record({
      kind: fc.constantFrom('gue' as const, 'gue1' as const, 'gre' as const, 'vxlan' as const),
      port: fc.integer({ min: 0, max: 65_535 }),
      checksum: fc.boolean(),
      vni: fc.integer({ min: 0, max: 2 ** 24 - 1 }),
      innerMac: fc.constantFrom('02:00:00:00:00:01', '02:00:00:00:00:77'),
    }),
    { nil: undefined },
  );
  const server = fc.record({
    tunnel,
    address,
    mode: fc.constantFrom('dr' as const, 'tunnel' as const, 'nat' as const, 'fnat' as const),
    weight: fc.integer({ min: 0, max: 65_535 }),
    upper: fc.constantFrom(0, 9, 4_000_000_000),
    lower: fc.constantFrom(0, 1, 9),
    port: fc.integer({ min: 1, max: 65_535 }),
  });
  const service = fc.record({
    protocol: fc.constantFrom('tcp' as const, 'udp' as const),
    address: fc.constantFrom('203.0.113.1', '203.0.113.2', '203.0.113.3'),
    port: fc.integer({ min: 1, max: 65_535 }),
    scheduler: fc.constantFrom(...LVS_SCHEDULERS),
    persistenceS: fc.constantFrom(0, 60, 300),
    maskLength: fc.integer({ min: 1, max: 32 }),
    flags: fc.subarray(['port' as const, 'fallback' as const]),
    connTimeoutS: fc.constantFrom(0, 30),
    expireQuiescent: fc.boolean(),
    destCheck: fc.option(
      fc.constantFrom(DEFAULT_DEST_CHECK, { ...DEFAULT_DEST_CHECK, downRetry: 7 }),
      { nil: undefined },
    ),
    proxyProtocol: fc.constantFrom('off' as const, 'v2' as const),
    synProxy: fc.constantFrom('off' as const, 'client-first' as const, 'server-first' as const),
    servers: fc.uniqueArray(server, { maxLength: 5, selector: (each) => each.address }),
    locals: fc.uniqueArray(address, { maxLength: 3 }),
    deny: fc.uniqueArray(network, { maxLength: 3 }),
    allow: fc.uniqueArray(network, { maxLength: 3 }),
  });

  /** Whether SYNs may be answered in place of its servers. */
  const isTwoWay = (s: typeof service extends fc.Arbitrary<infer T> ? T : never): boolean =>
    s.protocol === 'tcp' && s.servers.every(({ mode }) => mode === 'nat' || mode === 'fnat');

  test('make the same table again, and the same rules byte for byte', async () => {
    const runs = process.env['BALANCER_TEST_LONG'] === '1' ? 1000 : 100;
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(service, { selector: (s) => `${s.protocol}${s.address}${s.port}` }),
        async (services) => {
          const commands = services.flatMap((s): IpvsChange[] => {
            const key = { protocol: s.protocol, address: s.address, port: s.port };
            const options = {
              scheduler: s.scheduler,
              persistenceS: s.persistenceS,
              ...(s.persistenceS > 0 && { maskLength: s.maskLength }),
              ...((s.scheduler === 'mh' || s.scheduler === 'sh') && {
                schedulerFlags: s.flags.map(
                  (flag) => `${s.scheduler as 'mh' | 'sh'}-${flag}` as const,
                ),
              }),
              connTimeoutS: s.connTimeoutS,
              expireQuiescent: s.expireQuiescent,
              ...(s.destCheck && { destCheck: s.destCheck }),
              ...(s.protocol === 'tcp' && { proxyProtocol: s.proxyProtocol }),
              ...(isTwoWay(s) && { synProxy: s.synProxy }),
            };
            return [
              { op: 'add-service', service: key, options },
              ...s.servers.map(
                ({ mode, weight, upper, lower, port, tunnel: wrap, ...rest }): IpvsChange => {
                  const isOneWay = mode === 'dr' || mode === 'tunnel';
                  const wrapped = mode === 'tunnel' && wrap ? { tunnel: possible(wrap) } : {};
                  const own = { ...rest, port: isOneWay ? s.port : port };
                  return {
                    op: 'add-server',
                    service: key,
                    server: own,
                    options: { mode, weight, upper, lower, ...wrapped },
                  };
                },
              ),
              ...(s.locals.length > 0
                ? [{ op: 'add-local', service: key, addresses: s.locals } as const]
                : []),
              ...(['deny', 'allow'] as const).flatMap((list) =>
                s[list].map(
                  (each) => ({ op: 'add-network', service: key, list, network: each }) as const,
                ),
              ),
            ];
          });
          const table = tableOf(...commands);
          const rules = formatRules([...table.values()], { compat: false });
          const read = await parseRules(rules, (host) => Promise.resolve(host));
          expect(read.problems).toEqual([]);
          const again = new Map<string, ServiceSpec>();
          for (const { command } of read.commands) change(again, command as IpvsChange);
          expect([...again.keys()]).toEqual([...table.values()].map(formatServiceKey));
          expect(formatRules([...again.values()], { compat: false })).toBe(rules);
        },
      ),
      { numRuns: runs },
    );
  });
});
