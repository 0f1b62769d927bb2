/** Views of a real namespace, beside what `ip -json` and `tc -json` say of it. */
import { execFileSync } from 'node:child_process';
import { NetworkNamespace } from '@balancer/ebpf';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { commandPath, skipReason } from '../../../../scripts/system-requirements.ts';
import { parseDpip } from '../../src/dpip/call.ts';
import { hostView } from '../../src/dpip/run.ts';
import type { DpipView } from '../../src/dpip/view.ts';

const isRoot = process.getuid?.() === 0;
const hasTools = commandPath('ip') !== undefined && commandPath('tc') !== undefined;
const REASON = isRoot ? skipReason('ip') : ' (skipped: needs root for network namespaces)';

/** Rows in an order that does not depend on whose they are. */
function inOrder(rows: readonly (readonly unknown[])[]): string[] {
  return rows.map((row) => row.join(' ')).toSorted((a, b) => a.localeCompare(b));
}

type Json = Readonly<Record<string, never>>;

describe.skipIf(!isRoot || !hasTools)(`dpip${REASON}`, () => {
  let namespace: NetworkNamespace;

  beforeEach(() => {
    namespace = NetworkNamespace.create();
    for (const line of [
      'ip link set lo up',
      'ip link add eth0 address a0:36:9f:9d:61:f4 type veth peer name eth1 address 02:00:00:00:00:02',
      'ip link set eth0 up addrgenmode none',
      'ip link set eth1 up addrgenmode none mtu 1400',
      'ip address add 10.1.0.1/24 dev eth0',
      'ip address add 2001:db8::1/64 dev eth0 nodad valid_lft 900 preferred_lft 600',
      'ip route add 10.8.0.0/16 via 10.1.0.2 mtu 1300 metric 7',
      'ip route add 10.9.0.0/16 nexthop via 10.1.0.2 dev eth0 weight 2 nexthop via 10.1.0.3 dev eth0',
      'ip route add 10.7.0.0/16 via 10.1.0.9 table 70',
      'ip neighbour add 10.1.0.2 lladdr 02:00:00:00:00:02 dev eth0',
      'ip link add vx0 type vxlan id 42 remote 10.1.0.9 dstport 4789 dev eth0 ttl 7',
      'tc qdisc add dev eth0 root handle 1: htb default 10',
      'tc class add dev eth0 parent 1: classid 1:10 htb rate 10mbit ceil 20mbit',
      'tc qdisc add dev eth0 clsact',
      'tc filter add dev eth0 parent 1: protocol ip prio 3 u32 match ip dst 10.1.0.2/32 flowid 1:10',
    ]) {
      inside(line);
    }
  });

  afterEach(() => namespace.close());

  function inside(line: string): string {
    const [command = '', ...args] = line.split(' ');
    return namespace.run(() => String(execFileSync(command, args)));
  }

  const json = (line: string): Json[] => JSON.parse(inside(line)) as Json[];

  /** One look from inside. */
  function look(line: string): DpipView {
    const call = parseDpip(line.split(' '));
    if (call === 'help') throw new Error(`${line} asks for help`);
    return namespace.run(() => hostView(call, () => 0)([]));
  }

  const dpip = (line: string): string => look(line).text;
  const rows = (line: string): Json[] => look(line).rows as Json[];

  test('shows interfaces with the counters that ip has', () => {
    expect(dpip('link show eth0')).toMatch(
      /^\d+: eth0: socket 0 mtu 1500 rx-queue \d+ tx-queue \d+\n {4}UP 10000 Mbps full-duplex fixed-nego promisc-off\n {4}addr A0:36:9F:9D:61:F4\n$/,
    );
    // The kernel tells of its multicast groups when it likes: until it has not while both looked.
    const listing = 'ip -json -details -statistics link';
    let before: string;
    let ours: Json[];
    do {
      before = inside(listing);
      ours = rows('link show');
    } while (inside(listing) !== before);
    const theirs = (JSON.parse(before) as Json[]).map((link) => {
      const { rx, tx } = link['stats64']!;
      return {
        index: link['ifindex'],
        name: link['ifname'],
        mtu: link['mtu'],
        rx_queues: link['num_rx_queues'],
        tx_queues: link['num_tx_queues'],
        address: link['address'],
        ipackets: rx['packets'],
        ibytes: rx['bytes'],
        opackets: tx['packets'],
        obytes: tx['bytes'],
      };
    });
    expect(ours).toMatchObject(theirs);
    expect(ours).toHaveLength(4);
  });

  test('shows addresses', () => {
    expect(dpip('-4 addr show eth0')).toBe(`inet 10.1.0.1/24 scope global eth0
     valid_lft forever preferred_lft forever
`);
    expect(dpip('addr show eth0 -6')).toMatch(
      /^inet6 2001:db8::1\/64 scope global eth0\n {5}valid_lft (900|8\d\d)sec preferred_lft (600|5\d\d)sec\n$/,
    );
    const theirs = json('ip -json address').flatMap(({ ifname, addr_info }) =>
      (addr_info as unknown as Json[]).map(({ local, prefixlen, scope }) => [
        ifname,
        local,
        prefixlen,
        scope,
      ]),
    );
    const ours = rows('addr show').map(({ dev, address, length, scope }) => [
      dev,
      address,
      length,
      scope,
    ]);
    expect(inOrder(ours)).toEqual(inOrder(theirs));
  });

  test('shows routes', () => {
    expect(dpip('-4 route show dev eth0')).toBe(
      `inet 10.1.0.0/24 via 0.0.0.0 src 10.1.0.1 dev eth0 mtu 1500 tos 0 scope link metric 0 proto auto
inet 10.8.0.0/16 via 10.1.0.2 src 0.0.0.0 dev eth0 mtu 1300 tos 0 scope global metric 7 proto boot
inet 10.9.0.0/16 via 10.1.0.2 src 0.0.0.0 dev eth0 mtu 1500 tos 0 scope global metric 0 proto boot
inet 10.9.0.0/16 via 10.1.0.3 src 0.0.0.0 dev eth0 mtu 1500 tos 0 scope global metric 0 proto boot
inet 10.1.0.1/32 via 0.0.0.0 src 10.1.0.1 dev eth0 mtu 1500 tos 0 scope host metric 0 proto auto
`,
    );
    expect(dpip('route show table 70')).toContain('inet 10.7.0.0/16 via 10.1.0.9 ');
    const theirs = json('ip -json route').map(({ dst }) => dst);
    const ours = rows('-4 route show table main').map(({ destination }) => destination);
    expect(new Set(ours)).toEqual(new Set(theirs));
  });

  test('shows next hops', () => {
    expect(dpip('neigh show')).toBe(
      'ip: 10.1.0.2 mac: 02:00:00:00:00:02 state: PERMANENT dev: eth0 core: 0\n',
    );
    expect(json('ip -json neighbour')).toMatchObject([
      { dst: '10.1.0.2', dev: 'eth0', lladdr: '02:00:00:00:00:02', state: ['PERMANENT'] },
    ]);
  });

  test('shows tunnels', () => {
    expect(dpip('tunnel show')).toBe(
      'vx0: vxlan remote 10.1.0.9 local any dev eth0 ttl 7 tos 0 key 42\n',
    );
    expect(dpip('vlan show')).toBe('');
  });

  test('shows queueing disciplines with their classes, and classifiers', () => {
    expect(dpip('qsch show eth0')).toBe(`qsch htb 1: dev eth0 parent root flags 0x0 cls 1
 class htb 1:10 parent root rate 10000000bps ceil 20000000bps
qsch clsact ffff: dev eth0 parent clsact flags 0x0 cls 0
`);
    expect(dpip('qsch show eth0 -s')).toMatch(/\n sent \d+ bytes \d+ pkts dropped 0 /);
    const theirs = json('tc -json qdisc show').map(({ kind, handle, dev }) => [kind, handle, dev]);
    const ours = rows('qsch show').map(({ kind, handle, dev }) => [kind, handle, dev]);
    expect(inOrder(ours)).toEqual(inOrder(theirs));
    expect(dpip('cls show')).toBe('cls u32 0x80000800 dev eth0 qsch 1: pkttype ipv4 prio 3\n');
  });

  test('shows multicast addresses', () => {
    const theirs = json('ip -json maddress show dev eth0').flatMap(({ maddr }) =>
      (maddr as unknown as Json[]).map(({ family, address, link }) => [
        family ?? 'link',
        address ?? link,
      ]),
    );
    const [eth0] = rows('maddr show eth0');
    const ours = (eth0!['groups'] as unknown as Json[]).map(({ family, address }) => [
      family,
      address,
    ]);
    expect(inOrder(ours)).toEqual(inOrder(theirs));
  });

  test('says which interface is not there', () => {
    expect(() => dpip('link show eth9')).toThrow('no interface eth9');
    expect(() => dpip('route show table no')).toThrow('no routing table no');
  });
});
