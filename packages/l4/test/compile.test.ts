import { describe, expect, test } from 'vitest';
import { fromMapAddress } from '../src/address.ts';
import { compile, emptyImage, filteredAddresses, type PlaneImage } from '../src/compile.ts';
import { BACKEND_FLAGS, HASH_MODES, OWNED, SERVICE_FLAGS } from '../src/constants.ts';
import type { ServiceSpec } from '../src/desired.ts';
import { PlaneError } from '../src/errors.ts';
import { allocate, Ids, type Limits } from '../src/ids.ts';
import { leavingOf, withoutGone } from '../src/leaving.ts';
import { backend, backends, service, SETTINGS } from './support/services.ts';

const LIMITS: Limits = { services: 16, backends: 64, localAddresses: 16, vips: 64 };

/** What the maps hold after one wish after the other. */
function after(...wishes: readonly (readonly ServiceSpec[])[]): { image: PlaneImage; ids: Ids } {
  let image = emptyImage();
  let ids = new Ids();
  for (const services of wishes) {
    ids = allocate(services, ids, LIMITS);
    image = compile({
      desired: { settings: SETTINGS, services },
      ids,
      before: image,
      links: new Map([['eth0', { ifindex: 7, mac: '02:00:00:00:00:02', mtu: 1500 }]]),
    });
  }
  return { image, ids };
}

describe('an image', () => {
  test('leads from the address over the service to its backends', () => {
    const { image } = after([service({ backends: backends(2), localAddresses: ['10.0.0.100'] })]);
    expect(Object.fromEntries([...image.vips].map(([text, { value }]) => [text, value]))).toEqual({
      'any 203.0.113.1:0': OWNED.pass,
      'any 10.0.0.100:0': OWNED.localAddress,
      'tcp 203.0.113.1:80': 1,
    });
    expect(image.services.get(1)).toMatchObject({
      vport: 80,
      lip_first: 1,
      lip_count: 1,
      sel_len: 2,
    });
    expect([...image.backends.values()].map(({ address }) => fromMapAddress(address))).toEqual([
      '10.0.0.11',
      '10.0.0.12',
    ]);
    expect([...image.tables.get(1)!]).toEqual([1, 2]);
  });

  test('has by weight what fail-over and overflow go over, and a table for none of them', () => {
    const servers = [backend({ weight: 1 }), backend({ address: '10.0.0.12', weight: 5 })];
    const list = (scheduler: ServiceSpec['scheduler']): number[] => {
      const { image } = after([service({ scheduler, backends: servers })]);
      expect(image.tables.get(1)).toHaveLength(0);
      return [...image.lists.get(1)!];
    };
    expect([list('fo'), list('ovf'), list('sed'), list('nq')]).toEqual([
      [2, 1],
      [2, 1],
      [1, 2],
      [1, 2],
    ]);
  });

  test('translates where full NAT leads from IPv6 to IPv4, from local addresses of IPv4 alone', () => {
    const localAddresses = ['2001:db8:a::5', '198.51.100.5', '198.51.100.6'];
    const translated = (given: Parameters<typeof backend>[0], address = '2001:db8:f::1') => {
      const servers = [backend(given)];
      const { image, ids } = after([service({ address, localAddresses, backends: servers })]);
      const isTranslated = (image.services.get(1)!.flags & SERVICE_FLAGS.nat64) !== 0;
      return [isTranslated, ids.localRuns.get(1)!.addresses];
    };
    const [six, ...four] = localAddresses;
    expect(translated({ mode: 'fnat' })).toEqual([true, four]);
    expect(translated({ mode: 'fnat', address: '2001:db8:b::11' })).toEqual([false, [six]]);
    expect(translated({ mode: 'fnat' }, '203.0.113.1')).toEqual([false, four]);
    expect(translated({ mode: 'tunnel' })).toEqual([false, localAddresses]);
  });

  test('hashes by the destination for dh, whatever the service says, and keeps its table when one is down', () => {
    const up = service({ scheduler: 'dh', hash: 'ip-port', backends: backends(2) });
    const [first, second] = up.backends;
    const down = { ...up, backends: [first!, { ...second!, health: 'down' as const }] };
    const { image } = after([up], [down]);
    expect(image.services.get(1)).toMatchObject({ hash_mode: HASH_MODES['dst-ip'], sel_len: 256 });
    expect(new Set(image.tables.get(1))).toEqual(new Set([1, 2]));
  });

  test.each([
    ['off', 0],
    ['client-first', 1],
    ['server-first', 2],
  ] as const)('answers SYNs in place of servers: %s', (synProxy, number) => {
    const { image } = after([service({ synProxy })]);
    expect(image.services.get(1)!.synproxy).toBe(number);
  });

  test.each([
    ['none', 0, 0],
    ['toa', SERVICE_FLAGS.toa, 0],
    ['ppv2', SERVICE_FLAGS.proxy, 2],
  ] as const)("tells servers the client's address: %s", (clientAddress, flags, version) => {
    const { image } = after([service({ clientAddress })]);
    const compiled = image.services.get(1)!;
    expect(compiled.flags & (SERVICE_FLAGS.toa | SERVICE_FLAGS.proxy)).toBe(flags);
    expect(compiled.proxy_protocol).toBe(version);
  });

  test('draws two choices only from those that take flows', () => {
    const [first, second] = backends(2);
    const { image } = after([
      service({
        scheduler: 'twos',
        backends: [
          { ...first!, weight: 3 },
          { ...second!, health: 'down' },
        ],
      }),
    ]);
    expect([...image.tables.get(1)!]).toEqual([1]);
  });

  test('says how many flows services and backends may have', () => {
    const { image } = after([
      service({ maxConnections: 9, backends: [backend({ upper: 5, lower: 4 })] }),
    ]);
    expect(image.services.get(1)).toMatchObject({ max_conns: 9 });
    expect(image.backends.get(1)).toMatchObject({ upper: 5, lower: 4 });
  });

  test('says which interface and addresses a server with a fixed MAC has', () => {
    const fixed = backend({ staticL2: { interface: 'eth0', mac: '02:00:00:00:00:b1' } });
    const { image } = after([service({ backends: [fixed] })]);
    expect(image.backends.get(1)).toMatchObject({
      ifindex: 7,
      flags: BACKEND_FLAGS.available | BACKEND_FLAGS.staticL2,
      dmac: Uint8Array.of(2, 0, 0, 0, 0, 0xb1),
    });
  });

  test('filters by the addresses of services, local addresses and nat servers', () => {
    const { image } = after([service({ localAddresses: ['10.0.0.100'] })]);
    expect(new Set(filteredAddresses(image))).toEqual(
      new Set(['203.0.113.1', '10.0.0.100', '10.0.0.11']),
    );
  });
});

describe('a change', () => {
  test('of health flips one backend of an mh service and no slot of its table', () => {
    const up = service({ scheduler: 'mh', backends: backends(4) });
    const down = {
      ...up,
      backends: up.backends.map((b, i) => (i === 1 ? { ...b, health: 'down' as const } : b)),
    };
    const first = after([up]);
    const second = after([up], [down]);
    expect(second.image.tables.get(1)).toEqual(first.image.tables.get(1));
    expect(second.image.services.get(1)).toEqual(first.image.services.get(1));
    expect(second.image.backends.get(2)!.flags).toBe(0);
  });

  test('that takes most of the weight away gives the table to those that are left, until few are gone', () => {
    const all = service({ scheduler: 'mh', backends: backends(4) });
    const without = (gone: number): ServiceSpec => ({
      ...all,
      backends: all.backends.map((b, i) => (i < gone ? { ...b, health: 'down' as const } : b)),
    });
    const slots = (...wishes: ServiceSpec[]): Set<number> =>
      new Set(after(...wishes.map((each) => [each])).image.tables.get(1));
    expect(slots(all, without(2))).toEqual(new Set([1, 2, 3, 4]));
    expect(slots(all, without(3))).toEqual(new Set([4]));
    expect(slots(all, without(3), without(1))).toEqual(new Set([2, 3, 4]));
    expect(slots(all, without(3), all)).toEqual(new Set([1, 2, 3, 4]));
  });

  test('keeps numbers of what stays, and retires what goes', () => {
    const [one, two] = backends(2);
    const { image } = after([service({ backends: [one!, two!] })], [service({ backends: [two!] })]);
    expect(image.backends.get(1)!.flags & BACKEND_FLAGS.retired).toBe(BACKEND_FLAGS.retired);
    expect(image.backends.get(2)!.flags).toBe(BACKEND_FLAGS.available);
    expect([...image.tables.get(1)!]).toEqual([2]);
  });

  test('disables a service that goes, and gives it its id again when it returns', () => {
    const { image } = after([service()], []);
    expect(image.services.get(1)!.flags & SERVICE_FLAGS.enabled).toBe(0);
    expect(image.vips.size).toBe(0);
    expect(after([service()], [], [service()]).ids.services.get('tcp 203.0.113.1:80')).toBe(1);
  });

  test('keeps the flag of a server whose health nobody knows', () => {
    const unknown = service({ backends: [backend({ health: 'unknown' })] });
    expect(after([unknown]).image.backends.get(1)!.flags).toBe(0);
    expect(after([service()], [unknown]).image.backends.get(1)!.flags).toBe(
      BACKEND_FLAGS.available,
    );
  });

  test('of local addresses takes a new run, because flows refer to the former one', () => {
    const of = (...localAddresses: string[]): ServiceSpec[] => [service({ localAddresses })];
    const { image, ids } = after(of('10.0.0.100'), of('10.0.0.100', '10.0.0.101'));
    expect(image.services.get(1)).toMatchObject({ lip_first: 2, lip_count: 2 });
    expect(ids.localAddresses.get(1)).toBe('10.0.0.100');
  });
});

describe('numbers', () => {
  test('of what is gone are given out again, with another generation', () => {
    const { image, ids } = after(
      [service()],
      [service({ backends: [backend({ address: '10.0.0.12' })] })],
    );
    const desired = {
      settings: SETTINGS,
      services: [service({ backends: [backend({ address: '10.0.0.12' })] })],
    };
    const leaving = leavingOf(image, ids, desired);
    expect(leaving).toEqual({ services: [], backends: [1], localAddresses: [] });
    const freed = withoutGone(ids, leaving);
    const next = allocate(
      [service({ backends: [backend({ address: '10.0.0.13' })] })],
      freed,
      LIMITS,
    );
    expect(next.backends.get('1 nat 10.0.0.13:8080')).toBe(1);
    expect(next.generations.get(1)).toBe(2);
  });

  test.each([
    ['services', { services: 2 }, 'raise l4.limits.max_services'],
    ['backends', { backends: 3 }, 'raise l4.limits.max_backends'],
    ['local addresses', { localAddresses: 2 }, 'raise l4.limits.max_local_addresses'],
    ['addresses', { vips: 3 }, 'spread the services'],
  ])('of too many %s are refused before anything is written', (_what, limits, mend) => {
    const many = [80, 81].map((port) =>
      service({ port, backends: backends(2), localAddresses: ['10.0.0.100', '10.0.0.101'] }),
    );
    const ids = new Ids();
    expect(() => allocate(many, ids, { ...LIMITS, ...limits })).toThrow(PlaneError);
    expect(() => allocate(many, ids, { ...LIMITS, ...limits })).toThrow(mend);
    expect(ids.services.size).toBe(0);
  });
});
