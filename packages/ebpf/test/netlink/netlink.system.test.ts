import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SyscallError } from '../../src/errors.ts';
import { NetworkNamespace } from '../../src/network-namespace.ts';
import {
  addAddress,
  deleteAddress,
  listAddresses,
  readAddress,
} from '../../src/netlink/addresses.ts';
import {
  changeLink,
  createLink,
  deleteLink,
  findLink,
  listLinks,
} from '../../src/netlink/links.ts';
import {
  deleteNeighbour,
  listNeighbours,
  NEIGHBOUR_STATES,
  probeNeighbour,
  resolveNeighbour,
  setNeighbour,
} from '../../src/netlink/neighbours.ts';
import { RouteSocket } from '../../src/netlink/route-socket.ts';
import { addRoute, deleteRoute, listRoutes, routeTo } from '../../src/netlink/routes.ts';
import { addClsact, deleteClsact, listQdiscs } from '../../src/netlink/traffic-control.ts';
import { describeAsRoot, vethPair, type VethPair } from '../support/root.ts';

describeAsRoot('netlink', () => {
  let pair: VethPair;

  beforeEach(() => {
    pair = vethPair();
  });

  afterEach(() => pair.close());

  test('creates, finds, changes and deletes interfaces', () => {
    const { route } = pair;
    createLink(route, { name: 'blue', kind: 'bridge' });
    const blue = findLink(route, 'blue')!;
    expect(blue).toMatchObject({ kind: 'bridge', up: false, xdpMode: 'none' });
    changeLink(route, blue.ifindex, { up: true, mtu: 1400, mac: '02:00:00:00:00:07' });
    changeLink(route, pair.left, { master: blue.ifindex });
    expect(findLink(route, 'blue')).toMatchObject({
      up: true,
      mtu: 1400,
      mac: '02:00:00:00:00:07',
    });
    expect(findLink(route, 'left')?.master).toBe(blue.ifindex);
    deleteLink(route, blue.ifindex);
    expect(findLink(route, 'blue')).toBeUndefined();
    expect(listLinks(route).map((l) => l.name)).toEqual(
      ['lo', 'left', 'right'].toSorted(byIndex()),
    );
  });

  /** The order in which the kernel numbered the pair. */
  function byIndex(): (a: string, b: string) => number {
    const index = new Map(listLinks(pair.route).map((l) => [l.name, l.ifindex]));
    return (a, b) => index.get(a)! - index.get(b)!;
  }

  test('moves an interface to another namespace', () => {
    const other = NetworkNamespace.create();
    changeLink(pair.route, pair.right, { namespaceFd: other.fd });
    const there = other.run(() => {
      const socket = RouteSocket.open();
      const found = listLinks(socket).map((l) => l.name);
      socket.close();
      return found;
    });
    expect(there).toContain('right');
    expect(findLink(pair.route, 'right')).toBeUndefined();
    other.close();
  });

  test.each([
    ['192.0.2.1', 24],
    ['2001:db8::1', 64],
  ])('adds, lists and deletes %s/%d', (address, prefixLength) => {
    const spec = { ifindex: pair.left, address, prefixLength };
    addAddress(pair.route, spec);
    expect(listAddresses(pair.route)).toContainEqual(expect.objectContaining(spec));
    expect(() => addAddress(pair.route, spec)).toThrow(/^add address .* to interface \d+: EEXIST/);
    deleteAddress(pair.route, spec);
    expect(listAddresses(pair.route)).not.toContainEqual(expect.objectContaining(spec));
  });

  test('adds, finds and deletes routes', () => {
    addAddress(pair.route, { ifindex: pair.left, address: '192.0.2.1', prefixLength: 24 });
    const spec = { destination: '10.1.0.0/16', gateway: '192.0.2.254', priority: 7 };
    addRoute(pair.route, spec);
    const expected = { ...spec, ifindex: pair.left, table: 254, type: 1 };
    expect(listRoutes(pair.route)).toContainEqual(expect.objectContaining(expected));
    expect(routeTo(pair.route, '10.1.2.3')).toMatchObject({ gateway: '192.0.2.254' });
    addRoute(pair.route, { ...spec, gateway: '192.0.2.253' }, 'replace');
    expect(routeTo(pair.route, '10.1.2.3')).toMatchObject({ gateway: '192.0.2.253' });
    deleteRoute(pair.route, { destination: spec.destination });
    expect(() => routeTo(pair.route, '10.1.2.3')).toThrow(/ENETUNREACH/);
  });

  test('sets permanent and managed neighbours', () => {
    addAddress(pair.route, { ifindex: pair.left, address: '192.0.2.1', prefixLength: 24 });
    const { left: ifindex } = pair;
    setNeighbour(pair.route, { ifindex, address: '192.0.2.2', mac: '02:00:00:00:00:b1' });
    setNeighbour(pair.route, { ifindex, address: '192.0.2.3' });
    const neighbours = listNeighbours(pair.route).filter((n) => n.address.startsWith('192.'));
    expect(neighbours).toContainEqual({
      ifindex,
      address: '192.0.2.2',
      mac: '02:00:00:00:00:b1',
      state: NEIGHBOUR_STATES.permanent,
      managed: false,
      unconfirmedMs: expect.any(Number) as number,
    });
    expect(neighbours).toContainEqual(
      expect.objectContaining({ address: '192.0.2.3', managed: true }),
    );
    deleteNeighbour(pair.route, { ifindex, address: '192.0.2.2' });
    expect(listNeighbours(pair.route).map((n) => n.address)).not.toContain('192.0.2.2');
  });

  test('asks a neighbour at the address that is known, or everybody, and goes on managing it', () => {
    const { left: ifindex } = pair;
    addAddress(pair.route, { ifindex, address: '192.0.2.1', prefixLength: 24 });
    const other = findLink(pair.route, 'right')!.ifindex;
    changeLink(pair.route, ifindex, { up: true });
    changeLink(pair.route, other, { up: true });
    // Nobody answers: each state lasts for three questions, and the next one is far.
    pair.namespace.run(() =>
      writeFileSync('/proc/sys/net/ipv4/neigh/left/retrans_time_ms', '60000'),
    );
    const neighbour = { ifindex, address: '192.0.2.4', managed: true };
    const mac = '02:00:00:00:00:b4';
    const stateOf = (): number | undefined =>
      listNeighbours(pair.route).find(({ address, managed }) => address === '192.0.2.4' && managed)
        ?.state;
    setNeighbour(pair.route, neighbour);
    expect(() => probeNeighbour(pair.route, neighbour)).toThrow(
      /probe neighbour 192.0.2.4.*EINVAL/,
    );
    const listed = { ...neighbour, mac };
    setNeighbour(pair.route, listed);
    probeNeighbour(pair.route, listed);
    expect(stateOf()).toBe(NEIGHBOUR_STATES.probe);
    resolveNeighbour(pair.route, listed);
    expect(stateOf()).toBe(NEIGHBOUR_STATES.incomplete);
  });

  test('adds clsact once and deletes it', () => {
    expect(addClsact(pair.route, pair.left)).toBe(true);
    expect(addClsact(pair.route, pair.left)).toBe(false);
    const kinds = (): string[] =>
      listQdiscs(pair.route)
        .filter((q) => q.ifindex === pair.left)
        .map((q) => q.kind);
    expect(kinds()).toContain('clsact');
    deleteClsact(pair.route, pair.left);
    expect(kinds()).not.toContain('clsact');
  });

  test('tells about changes', () => {
    const watcher = pair.namespace.run(() => RouteSocket.open(['ipv4Address']));
    expect(watcher.receiveChanges()).toEqual([]);
    addAddress(pair.route, { ifindex: pair.left, address: '192.0.2.9', prefixLength: 24 });
    const changes = watcher.receiveChanges().map((message) => readAddress(message).address);
    expect(changes).toEqual(['192.0.2.9']);
    watcher.close();
  });

  test("reports the kernel's own words", () => {
    const route = { destination: '10.0.0.0/8', gateway: '203.0.113.9', ifindex: pair.left };
    expect(() => addRoute(pair.route, route)).toThrow(
      /^add route to 10\.0\.0\.0\/8: ENETUNREACH .*; Nexthop has invalid gateway/,
    );
  });

  test('survives hundreds of entries in one dump', () => {
    for (let i = 1; i <= 250; i++) {
      const address = `10.9.0.${i}`;
      setNeighbour(pair.route, { ifindex: pair.left, address, mac: '02:00:00:00:00:01' });
    }
    const found = listNeighbours(pair.route).filter((n) => n.address.startsWith('10.9.'));
    expect(found).toHaveLength(250);
  });
});

describeAsRoot('NetworkNamespace', () => {
  test('is left again when the function throws', () => {
    const namespace = NetworkNamespace.create();
    const before = names();
    expect(() => namespace.run(fail)).toThrow('x: EPERM');
    expect(names()).toEqual(before);
    namespace.close();
  });

  test('refuses asynchronous functions', () => {
    const namespace = NetworkNamespace.create();
    expect(() => namespace.run(async () => {})).toThrow(/must be synchronous/);
    namespace.close();
  });

  test('starts empty', () => {
    const namespace = NetworkNamespace.create();
    expect(namespace.run(names)).toEqual(['lo']);
    namespace.close();
  });
});

function names(): string[] {
  const socket = RouteSocket.open();
  const all = listLinks(socket).map((link) => link.name);
  socket.close();
  return all;
}

function fail(): never {
  throw new SyscallError('x', 1);
}
