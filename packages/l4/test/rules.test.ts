/** Services that are found by a rule: from the file to what the maps hold, and over their life. */
import { type FrontendConfig, parseLoadBalancerConfig } from '@balancer/lb';
import { describe, expect, test } from 'vitest';
import { fromMapAddress } from '../src/address.ts';
import { checkedPlane } from '../src/checked-plane.ts';
import { compile, emptyImage, filteredAddresses, type PlaneImage } from '../src/compile.ts';
import { CONFIG_FLAGS, OWNED, PROTOCOLS, SERVICE_FLAGS } from '../src/constants.ts';
import { formatServiceKey, type ServiceSpec } from '../src/desired.ts';
import { engineOptions, servicesInFile, serviceKeysOf } from '../src/from-config.ts';
import { allocate, Ids, type Limits } from '../src/ids.ts';
import { leavingOf, withoutGone } from '../src/leaving.ts';
import { NO_INTERFACE } from '../src/match-map.ts';
import { announcementsOf } from '../src/presence.ts';
import { putServer, putService, serviceOf } from '../src/rest.ts';
import { service, SETTINGS } from './support/services.ts';

const LIMITS: Limits = { services: 512, backends: 1024, localAddresses: 1024, vips: 64 };
const LINKS = new Map([['eth1', { ifindex: 7, mac: undefined, mtu: 1500 }]]);

const FILE = `[l4]
interfaces = ["eth0", "eth1"]
[frontends.dns]
mode = "snat"
backend = "wan"
l4 = { match = { proto = "udp", dst_range = ":53", oif = "eth1" } }
[frontends.out]
mode = "snat"
backend = "wan"
l4 = { force = true, match = { src_range = "10.0.0.0/8" } }
[backends.wan]
balance = "lvs:wrr"
servers.a = { addr = "203.0.113.7", weight = 2 }
servers.b = { addr = "203.0.113.8", disabled = false }
servers.c = { addr = "2001:db8:0::7" }
`;

function read(toml: string): {
  readonly services: ServiceSpec[];
  readonly frontends: readonly FrontendConfig[];
  readonly forced: readonly string[];
} {
  const { config } = parseLoadBalancerConfig(toml, 'b.toml');
  const backends = new Map(Object.entries(config.backends));
  const frontends = new Map(Object.entries(config.frontends));
  return {
    services: servicesInFile(frontends.values(), backends, new Map()),
    frontends: [...frontends.values()],
    forced: engineOptions(config.l4!, frontends, backends).forcedAddresses,
  };
}

/** What the maps hold after one wish after the other. */
function after(...wishes: readonly (readonly ServiceSpec[])[]): { image: PlaneImage; ids: Ids } {
  let image = emptyImage();
  let ids = new Ids();
  for (const services of wishes) {
    ids = allocate(services, ids, LIMITS);
    const desired = { settings: SETTINGS, services };
    image = compile({ desired, ids, before: image, links: LINKS });
  }
  return { image, ids };
}

describe('frontends of mode snat', () => {
  test('become a service for each protocol and family that the pool has addresses of', () => {
    const { services, frontends, forced } = read(FILE);
    expect(services.map((each) => formatServiceKey(each))).toEqual([
      'match proto=udp,dst-range=:53-53,oif=eth1',
      'match af=ipv6,proto=udp,dst-range=:53-53,oif=eth1',
      'match proto=tcp,src-range=10.0.0.0-10.255.255.255:0-0',
      'match proto=udp,src-range=10.0.0.0-10.255.255.255:0-0',
      'match proto=icmp,src-range=10.0.0.0-10.255.255.255:0-0',
    ]);
    expect(services[1]).toMatchObject({ localAddresses: ['2001:db8::7'] });
    expect(services[4]).toMatchObject({
      protocol: 'icmp',
      scheduler: 'wrr',
      localAddresses: ['203.0.113.7', '203.0.113.8'],
      backends: [
        { address: '203.0.113.7', port: 0, mode: 'snat', weight: 2 },
        { address: '203.0.113.8', port: 0, mode: 'snat', weight: 1 },
      ],
    });
    expect(serviceKeysOf(frontends[0]!)).toEqual(services.slice(0, 2).map(formatServiceKey));
    expect(forced).toEqual(['203.0.113.7', '203.0.113.8', '2001:db8::7']);
  });

  test('have their rules in the order of the file, with the numbers of interfaces', () => {
    const { services } = read(FILE);
    const { image, ids } = after(services);
    expect(
      image.rules.map(({ service: id, protocol, family, oif }) => [id, protocol, family, oif]),
    ).toEqual([
      [1, PROTOCOLS.udp, 4, 7],
      [2, PROTOCOLS.udp, 6, 7],
      [3, PROTOCOLS.tcp, 4, 0],
      [4, PROTOCOLS.udp, 4, 0],
      [5, PROTOCOLS.icmp, 4, 0],
    ]);
    const { flags } = image.config;
    expect(flags & (CONFIG_FLAGS.match | CONFIG_FLAGS.echo)).toBe(
      CONFIG_FLAGS.match | CONFIG_FLAGS.echo,
    );
    expect(image.services.get(1)!.flags & SERVICE_FLAGS.snat).not.toBe(0);
    // Each address of the pool knows its place among local addresses.
    for (const [, { service: id, address, lip }] of image.backends) {
      const run = ids.localRuns.get(id)!;
      expect(run.addresses[lip - run.first]).toBe(fromMapAddress(address));
    }
  });

  test('own their pool, leave it to the host, and stand in the filter with nothing else', () => {
    const { image } = after(read(FILE).services);
    expect(Object.fromEntries([...image.vips].map(([text, { value }]) => [text, value]))).toEqual({
      'any 203.0.113.7:0': OWNED.pass,
      'any 203.0.113.8:0': OWNED.pass,
      'any [2001:db8::7]:0': OWNED.pass,
    });
    expect(new Set(filteredAddresses(image))).toEqual(
      new Set(['203.0.113.7', '203.0.113.8', '2001:db8::7']),
    );
  });

  test('keep their rule for the flows they have when they are taken away, behind all others', () => {
    const { services } = read(FILE);
    const web = service({ address: '203.0.113.7' });
    const { image, ids } = after(services, [web, ...services.slice(3)]);
    expect(image.rules.map(({ service: id, isLeaving }) => [id, isLeaving])).toEqual([
      [4, false],
      [5, false],
      [1, true],
      [2, true],
      [3, true],
    ]);
    // The address is that of a service now, too.
    expect(image.vips.get('any 203.0.113.7:0')?.value).toBe(OWNED.pass);
    const desired = { settings: SETTINGS, services: [web, ...services.slice(3)] };
    const gone = leavingOf(image, ids, desired);
    expect(gone.services).toEqual([1, 2, 3]);
    expect(withoutGone(ids, gone).services.has(formatServiceKey(services[0]!))).toBe(false);
  });

  test('match nothing by way of an interface that is not there', () => {
    const { image } = after(read(FILE.replaceAll('"eth1"', '"eth0"')).services);
    expect(image.rules[0]).toMatchObject({ oif: NO_INTERFACE });
  });

  test('are at most 256 rules', () => {
    const [first] = read(FILE).services;
    const many = Array.from({ length: 257 }, (_, i) => ({
      ...first!,
      match: { ...first!.match!, src: `10.0.${i >> 8}.${i & 255}-10.0.${i >> 8}.${i & 255}:0-0` },
    }));
    expect(() => allocate(many, new Ids(), LIMITS)).toThrow('more rules than the maps hold (256');
  });

  test('have their pool where the role is master, and need no server that answers', () => {
    const { services } = read(FILE);
    const table = new Map(services.map((each) => [formatServiceKey(each), each]));
    const announced = announcementsOf(table, new Map(), { role: 'backup', announce: 'none' });
    expect(announced.map(({ address, announced: is }) => [address, is])).toEqual([
      ['203.0.113.7', false],
      ['203.0.113.8', false],
      ['2001:db8::7', false],
    ]);
    const { config } = parseLoadBalancerConfig(FILE, 'b.toml');
    const options = engineOptions(config.l4!, new Map(), new Map());
    expect(checkedPlane(options, services, false)).toMatchObject({ services: [], backends: [] });
  });

  test('are made over REST as well', () => {
    const key = serviceOf('proto=tcp,src-range=10.0.0.0/8')!;
    expect(formatServiceKey(key)).toBe('match proto=tcp,src-range=10.0.0.0-10.255.255.255:0-0');
    expect(serviceOf('proto=tcp,src-range=10')).toBeUndefined();
    expect(serviceOf('203.0.113.1-0-icmp')).toMatchObject({ protocol: 'icmp' });
    expect(putService(key, { scheduler: 'rr' }, new Map())).toMatchObject([
      { op: 'add-service', service: key },
    ]);
    const present = new Map([[formatServiceKey(key), service({ ...key, backends: [] })]]);
    const server = { address: '203.0.113.7' };
    expect(putServer(key, server, { mode: 'snat' }, present)).toMatchObject({ op: 'add-server' });
  });
});
