import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  addAddress,
  BpfMap,
  changeLink,
  createVeth,
  deleteLink,
  findLink,
  kernelTypesOf,
  Link,
  linkXdp,
  listAddresses,
  listNeighbours,
  loadObject,
  mountBpfFilesystem,
  NetworkNamespace,
  readObject,
  RouteSocket,
  unmountBpfFilesystem,
} from '@balancer/ebpf';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { toMapAddress } from '../src/address.ts';
import { type DesiredPlane, OPEN, type ServiceSpec } from '../src/desired.ts';
import { Engine, type EngineOptions } from '../src/engine.ts';
import { objectUrl } from '../src/objects.ts';
import { readTable } from '../src/selection-map.ts';
import { maglevTable } from '../src/tables.ts';
import { unload } from '../src/unload.ts';
import { backends, service, SETTINGS } from './support/services.ts';

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for bpf(2))';

describe.skipIf(NO_ROOT !== '')(`an engine${NO_ROOT}`, () => {
  let namespace: NetworkNamespace;
  let folder: string;
  let engine: Engine | undefined;

  const inside = <T>(action: (socket: RouteSocket) => T): T =>
    namespace.run(() => {
      const socket = RouteSocket.open();
      try {
        return action(socket);
      } finally {
        socket.close();
      }
    });
  const connect = (): void =>
    inside((socket) => {
      createVeth(socket, { name: 'eth0', peer: 'other' });
      const { ifindex } = findLink(socket, 'eth0')!;
      addAddress(socket, { ifindex, address: '10.0.0.1', prefixLength: 16 });
      changeLink(socket, ifindex, { up: true });
      changeLink(socket, findLink(socket, 'other')!.ifindex, { up: true });
    });
  const options = (given: Partial<EngineOptions> = {}): EngineOptions => ({
    pinPath: join(folder, 'bpf', 'plane'),
    hook: 'tc',
    interfaces: ['eth0'],
    manageVips: true,
    forcedAddresses: [],
    sizes: {
      flows: 1024,
      services: 32,
      backends: 256,
      localAddresses: 32,
      rejectWhenFull: false,
    },
    ...given,
  });
  const open = (given: Partial<EngineOptions> = {}): Engine => {
    engine = namespace.run(() => new Engine(options(given)));
    return engine;
  };
  const wish = (...services: readonly ServiceSpec[]): DesiredPlane => ({
    settings: SETTINGS,
    services,
  });
  const writes = (desired: DesiredPlane): number =>
    namespace.run(() => engine!.apply(desired)).writes;
  const pins = (): string[] => {
    const path = join(folder, 'bpf', 'plane');
    return existsSync(path) ? readdirSync(path, { recursive: true, encoding: 'utf8' }) : [];
  };

  beforeEach(() => {
    namespace = NetworkNamespace.create();
    folder = mkdtempSync(join(tmpdir(), 'balancer-engine-'));
    mountBpfFilesystem(join(folder, 'bpf'));
    connect();
  });

  afterEach(() => {
    namespace.run(() => engine?.detach());
    engine = undefined;
    namespace.run(() => unload(join(folder, 'bpf', 'plane')));
    unmountBpfFilesystem(join(folder, 'bpf'));
    rmSync(folder, { recursive: true });
    namespace.close();
  });

  test('writes nothing the second time, and little for little changes', () => {
    open();
    const services = (weight: number, health: 'up' | 'down'): DesiredPlane =>
      wish(
        service({ scheduler: 'mh', backends: backends(10) }),
        service({
          port: 81,
          scheduler: 'mh',
          backends: backends(10, { port: 81 }).map((b, i) => (i === 3 ? { ...b, health } : b)),
        }),
        service({
          port: 82,
          scheduler: 'wlc',
          backends: backends(10, { port: 82 }).map((b, i) => (i === 3 ? { ...b, weight } : b)),
        }),
      );
    expect(writes(services(1, 'up'))).toBeGreaterThan(30);
    expect(writes(services(1, 'up'))).toBe(0);
    expect(writes(services(1, 'down'))).toBe(1);
    expect(writes(services(5, 'down'))).toBe(1);
  });

  test('changes a table in place where little of it changes, and makes another where much does', () => {
    open();
    const tableId = (): number => {
      using outer = BpfMap.openPinned(join(folder, 'bpf', 'plane', 'v1', 'l4_sel'));
      return new DataView(outer.lookup(Uint8Array.of(1, 0, 0, 0))!.buffer).getUint32(0, true);
    };
    const mhTable = 65_537;
    const wanted = (weights: readonly number[]): ServiceSpec =>
      service({
        scheduler: 'mh',
        mhTable,
        backends: backends(weights.length).map((each, i) => ({ ...each, weight: weights[i]! })),
      });
    const expected = (weights: readonly number[]): Uint32Array =>
      maglevTable(
        backends(weights.length).map(({ address, port }, i) => ({
          slot: i + 1,
          id: `${address}:${port}`,
          weight: weights[i]!,
        })),
        mhTable,
      );
    const equal = Array<number>(100).fill(1);
    const heavier = equal.map((weight, i) => (i === 7 ? 2 : weight));
    writes(wish(wanted(equal)));
    const first = tableId();
    expect(writes(wish(wanted(heavier)))).toBe(2);
    expect(tableId()).toBe(first);
    expect(readTable(first, mhTable)).toEqual(expected(heavier));
    writes(wish(wanted(equal.slice(0, 50))));
    expect(tableId()).not.toBe(first);
    expect(readTable(tableId(), mhTable)).toEqual(expected(equal.slice(0, 50)));
  });

  test('takes over numbers and writes nothing after a restart', () => {
    open();
    const admission = { ...OPEN, deny: ['192.0.2.0/24', '2001:db8::/32'], clientConnections: 5 };
    const desired = wish(
      service({ backends: backends(3), localAddresses: ['10.0.9.1'], admission }),
    );
    writes(desired);
    namespace.run(() => engine!.attach());
    const before = engine!.snapshot().numbers;
    engine!.close();
    open();
    expect(engine!.report.unwatchedS).toBeGreaterThanOrEqual(0);
    expect(writes(desired)).toBe(0);
    expect(engine!.snapshot().numbers).toEqual(before);
  });

  test('takes services, flows, counters and links over from maps of another layout, and removes those', () => {
    open();
    const desired = wish(service({ scheduler: 'mh', backends: backends(3) }));
    writes(desired);
    namespace.run(() => engine!.attach());
    const plane = join(folder, 'bpf', 'plane');
    addFlow(join(plane, 'v1', 'l4_ct'));
    const [linkName] = readdirSync(join(plane, 'v1', 'links'));
    const linkId = (): number => {
      using link = Link.openPinned(join(plane, 'v1', 'links', linkName!));
      return link.info().id;
    };
    const before = { ...engine!.snapshot().numbers, flows: engine!.flows(), link: linkId() };
    expect(before.flows).toHaveLength(1);
    engine!.close();
    renameSync(join(plane, 'v1'), join(plane, 'v0'));
    makeOtherLayout(join(plane, 'v0', 'l4_cnt'));
    open();
    expect(engine!.report.unwatchedS).toBeGreaterThanOrEqual(0);
    expect(existsSync(join(plane, 'v0', 'l4_ct'))).toBe(true);
    expect(writes(desired)).toBe(0);
    namespace.run(() => engine!.attach());
    const { numbers, backends: counts } = engine!.snapshot();
    expect({ ...numbers, flows: engine!.flows(), link: linkId() }).toEqual({
      ...before,
      flows: before.flows.map((flow) => ({ ...flow, expiresS: expect.any(Number) as number })),
    });
    expect(counts.get(2)).toMatchObject({ active: 5, inactive: 3 });
    expect(existsSync(join(plane, 'v0'))).toBe(false);
  });

  test('leaves maps of another layout as they are when the start fails', () => {
    open();
    writes(wish(service({ backends: backends(40) })));
    engine!.close();
    const plane = join(folder, 'bpf', 'plane');
    renameSync(join(plane, 'v1'), join(plane, 'v0'));
    const pinned = pins();
    const small = { ...options().sizes, backends: 8 };
    expect(() => open({ sizes: small })).toThrow(
      /l4_be of the former release has more entries than fit now \(8\)/,
    );
    expect(pins()).toEqual(pinned);
  });

  test('writes one entry for one network more or less, and refuses more than the map holds', () => {
    open();
    const deny = Array.from({ length: 1000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
    const listing = (networks: readonly string[]): DesiredPlane =>
      wish(service({ admission: { ...OPEN, deny: networks } }));
    writes(listing(deny));
    expect(writes(listing([...deny, '192.0.2.1']))).toBe(1);
    expect(writes(listing(deny))).toBe(1);
    const many = Array.from({ length: 262_145 }, () => '10.0.0.0/8');
    expect(() => writes(listing(many))).toThrow(
      'the lists of clients have 262145 networks, counting a set once for each service that names it; the map holds 262144',
    );
    expect(writes(listing(deny))).toBe(0);
  });

  test('puts addresses on lo and keeps next hops resolved; both go with unload', () => {
    open();
    writes(wish(service({ localAddresses: ['10.0.9.1'] })));
    const addresses = (): string[] => inside(listAddresses).map(({ address }) => address);
    const managed = (): string[] =>
      inside(listNeighbours).flatMap((each) => (each.managed ? [each.address] : []));
    expect(addresses()).toEqual(expect.arrayContaining(['203.0.113.1', '10.0.9.1']));
    expect(managed()).toEqual(['10.0.0.11']);
    engine!.close();
    engine = undefined;
    const { pins: count } = namespace.run(() => unload(join(folder, 'bpf', 'plane')));
    expect(count).toBeGreaterThan(20);
    expect(addresses()).not.toContain('203.0.113.1');
    expect(managed()).toEqual([]);
    expect(pins()).toEqual([]);
  });

  test('refuses what does not fit, an address of the host, and an interface that is not there', () => {
    open();
    writes(wish(service()));
    const check =
      (...services: ServiceSpec[]) =>
      () =>
        namespace.run(() => engine!.check(wish(...services)));
    expect(check(service({ backends: backends(300) }))).toThrow('raise l4.limits.max_backends');
    expect(check(service({ localAddresses: ['10.0.0.1'] }))).toThrow(
      'local address 10.0.0.1 is an address of this host',
    );
    expect(() => namespace.run(() => new Engine(options({ interfaces: ['eth7'] })))).toThrow(
      'l4.interfaces: there is no interface "eth7"; there are lo, other, eth0',
    );
    expect(writes(wish(service()))).toBe(0);
  });

  test('makes a table that refuses flows when it is full, and takes no other kind over', () => {
    open({ sizes: { ...options().sizes, rejectWhenFull: true } });
    const table = BpfMap.openPinned(join(folder, 'bpf', 'plane', 'v1', 'l4_ct'));
    expect(table.type).toBe('hash');
    table.close();
    engine!.close();
    engine = undefined;
    expect(() => open()).toThrow(/set \[l4\.limits\] and \[l4\.conntrack\] back, or remove them/);
  });

  test('leaves nothing behind when a foreign XDP program is in the way', () => {
    const object = readObject(readFileSync(objectUrl('floor')));
    const foreign = loadObject(object);
    const ifindex = inside((socket) => findLink(socket, 'eth0')!.ifindex);
    const [name] = object.programs.keys();
    const program = foreign.program(name!);
    const link = namespace.run(() => linkXdp({ program, ifindex, mode: 'generic' }));
    try {
      expect(() => open({ hook: 'xdp-generic' })).toThrow(
        /^interface eth0 runs the XDP program "\w+" \(id \d+\); detach it first: ip link set dev eth0 xdp off$/,
      );
      expect(pins()).toEqual([]);
    } finally {
      link.close();
      foreign.close();
    }
  });

  test('attaches again when somebody took the program away or made the interface anew', () => {
    open();
    writes(wish(service()));
    namespace.run(() => engine!.attach());
    expect(namespace.run(() => engine!.tick())).toEqual([]);
    inside((socket) => deleteLink(socket, findLink(socket, 'eth0')!.ifindex));
    connect();
    expect(namespace.run(() => engine!.tick())).toEqual(['interface eth0 was made anew']);
    expect(namespace.run(() => engine!.tick())).toEqual([]);
  });
});

/** A flow of 192.0.2.1:40000 to 203.0.113.1:80, by the second backend. */
function addFlow(path: string): void {
  using table = BpfMap.openPinned(path);
  const { typed } = kernelTypesOf(table);
  const [key, value] = typed.read(
    new Uint8Array(table.info.keySize),
    new Uint8Array(table.valueBytes),
  );
  typed.set(
    {
      ...record(key),
      src: toMapAddress('192.0.2.1'),
      dst: toMapAddress('203.0.113.1'),
      sport: 40_000,
      dport: 80,
      protocol: 6,
    },
    {
      ...record(value),
      service: 1,
      backend: 2,
      state: 1,
      mode: 1,
      last_ns: process.hrtime.bigint(),
    },
  );
}

/** Puts counters of another layout in the place of those that are pinned: 5 and 3 flows of backend 2. */
function makeOtherLayout(path: string): void {
  const loaded = loadObject(readFileSync(new URL('../bpf/objects/l4-ctl.o', import.meta.url)), {
    maxEntries: { l4_gc_be: 256, l4_ct: 64, l4_tpl: 64 },
  });
  rmSync(path);
  const counts = loaded.maps.get('l4_gc_be')!;
  kernelTypesOf(counts).typed.set(2, {
    ...record(kernelTypesOf(counts).typed.get(2)),
    active: 5,
    inactive: 3,
  });
  counts.pin(path);
  loaded.close();
}

function record(value: unknown): object {
  if (typeof value === 'object' && value !== null) return value;
  throw new Error('a value of a map is a record');
}
