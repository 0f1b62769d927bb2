import { describe, expect, test } from 'vitest';
import { checkCounters } from '../src/counter-checks.ts';
import { type CheckedPlane, checkHost, type HostFacts } from '../src/host-checks.ts';
import type { BackendDocument, PlaneDocument, ServiceDocument } from '../src/status.ts';

const PLANE: CheckedPlane = {
  hook: 'tc',
  interfaces: ['eth0'],
  pinPath: '/sys/fs/bpf/balancer',
  manageVips: true,
  services: ['203.0.113.1'],
  localAddresses: ['10.0.0.100'],
  backends: [{ address: '10.0.0.11', mode: 'fnat' }],
  sharesCookies: true,
};

const LINK = {
  ifindex: 2,
  name: 'eth0',
  kind: undefined,
  mac: '02:00:00:00:00:02',
  mtu: 1500,
  up: true,
  flags: 1,
  master: undefined,
  lower: undefined,
  xdpProgramId: 0,
  xdpMode: 'none',
} as const;

const HOST: HostFacts = {
  kernel: '6.6.0',
  capabilities: 0xffff_ffff_ffffn,
  links: [LINK],
  addresses: [],
  neighbours: [],
  paths: [
    {
      server: '10.0.0.11',
      hop: { ifindex: 2, address: '10.0.0.11' },
      isGateway: false,
      problem: '',
    },
  ],
  drivers: new Map(),
  sysctl: () => '1',
  isClockKept: true,
};

const NO_TRAFFIC = { conns: 0, in_packets: 0, out_packets: 0, in_bytes: 0, out_bytes: 0 };

const DRIVER = { joins: false, takesTags: false, sends: true };

describe('the checks of the host', () => {
  test('find nothing on a host that is ready', () => {
    expect(checkHost(PLANE, HOST)).toEqual([]);
  });

  test.each<[string, Partial<CheckedPlane>, Partial<HostFacts>, string, string]>([
    [
      'an old kernel',
      {},
      { kernel: '5.15.0' },
      'kernel 5.15.0 is older than 6.1',
      'install a newer kernel',
    ],
    [
      'missing rights',
      {},
      { capabilities: 0n },
      'the process lacks CAP_BPF or CAP_NET_ADMIN',
      'run as root',
    ],
    [
      'no forwarding',
      {},
      { sysctl: () => '0' },
      'net.ipv4.ip_forward is 0',
      'sysctl -w net.ipv4.ip_forward=1',
    ],
    [
      'no forwarding of IPv6',
      { services: ['2001:db8::1'], backends: [] },
      { sysctl: () => '0', paths: [] },
      'net.ipv6.conf.all.forwarding is 0',
      'sysctl -w net.ipv6.conf.all.forwarding=1',
    ],
    [
      'an interface that is not there',
      { interfaces: ['eth9'] },
      {},
      'there is no interface eth9',
      'see "ip link"',
    ],
    [
      'an interface that is down',
      {},
      { links: [{ ...LINK, up: false }] },
      'interface eth0 is down',
      'ip link set dev eth0 up',
    ],
    [
      'large frames on XDP',
      { hook: 'xdp' },
      { links: [{ ...LINK, mtu: 9000 }] },
      'interface eth0 has MTU 9000; native XDP takes 3498',
      'ip link set dev eth0 mtu 3498',
    ],
    [
      'XDP on veth',
      { hook: 'xdp' },
      { links: [{ ...LINK, kind: 'veth' }] },
      'unfinished checksums',
      'ethtool -K <interface> tx off',
    ],
    [
      'a veth whose other end takes no frames from XDP',
      { hook: 'xdp' },
      {
        links: [{ ...LINK, kind: 'veth' }],
        drivers: new Map([['eth0', { ...DRIVER, sends: false }]]),
      },
      'interface eth0 does not send frames that XDP redirects to it',
      'at the other end of the pair: ethtool -K <interface> gro on',
    ],
    [
      'VLAN tags that the driver takes out',
      { hook: 'xdp' },
      {
        links: [LINK, { ...LINK, ifindex: 3, name: 'eth0.100', kind: 'vlan', lower: 2 }],
        drivers: new Map([['eth0', { ...DRIVER, takesTags: true }]]),
      },
      'interface eth0 takes VLAN tags out of frames',
      'ethtool -K eth0 rxvlan off',
    ],
    [
      'packets that are joined before generic XDP sees them',
      { hook: 'xdp-generic' },
      { drivers: new Map([['eth0', { ...DRIVER, joins: true }]]) },
      'generic XDP sees packets that GRO has joined',
      'ethtool -K eth0 gro off lro off',
    ],
    [
      'addresses that nobody has',
      { manageVips: false },
      {},
      '203.0.113.1 is on no interface',
      'ip addr add 203.0.113.1/32 dev lo',
    ],
    [
      'a server without a route',
      {},
      { paths: [{ server: '10.0.0.11', hop: undefined, isGateway: false, problem: 'no route' }] },
      'server 10.0.0.11: no route',
      'ip route add 10.0.0.11 via <router>',
    ],
    [
      'direct routing over a router',
      { backends: [{ address: '10.0.0.11', mode: 'dr' }] },
      {
        paths: [
          {
            server: '10.0.0.11',
            hop: { ifindex: 2, address: '10.0.0.1' },
            isGateway: true,
            problem: '',
          },
        ],
      },
      'server 10.0.0.11 is behind the router 10.0.0.1',
      'use mode "tunnel"',
    ],
    [
      'a next hop that does not answer',
      {},
      {
        neighbours: [
          {
            ifindex: 2,
            address: '10.0.0.11',
            mac: undefined,
            state: 0x20,
            managed: true,
            unconfirmedMs: 0,
          },
        ],
      },
      'next hop 10.0.0.11 of server 10.0.0.11 does not answer',
      'ip neigh show 10.0.0.11',
    ],
    [
      'a clock that nobody keeps, where cookies depend on it',
      {},
      { isClockKept: false },
      'nothing keeps the clock of this host',
      'timedatectl set-ntp true',
    ],
  ])('find %s, with what mends it', (_what, plane, host, text, mend) => {
    const findings = checkHost({ ...PLANE, ...plane }, { ...HOST, ...host });
    expect(findings).toContainEqual({
      level: expect.any(String),
      what: expect.stringContaining(text),
      mend: expect.stringContaining(mend),
    });
  });
});

describe('the checks of the counters', () => {
  const document: PlaneDocument = {
    process: { pid: 1, unwatched_s: null },
    interfaces: [],
    hook_reason: '',
    flows: { entries: 95, max: 100, collection_seconds: 0 },
    services: [],
    local_addresses: [],
    drops: { no_port: { packets: 3, bytes: 180 }, bad_header: { packets: 9, bytes: 90 } },
  };

  test('say when the table is nearly full and when ports run out, and nothing of damaged packets', () => {
    expect(checkCounters(document).map(({ what }) => what)).toEqual([
      'the connection table is 95 % full',
      '3 packets dropped: no port of the local addresses was free',
    ]);
  });

  test.each([
    ['nat', 'make the balancer the router'],
    ['fnat', 'reaches the local addresses'],
    ['dr', 'balancer l4 backend-setup'],
    ['tunnel', 'balancer l4 backend-setup'],
  ])('name servers of mode %s that answered nothing, and what answers need', (mode, mend) => {
    const server = (up: number, down: number, port: number): BackendDocument => ({
      address: '10.0.0.11',
      port,
      mode,
      weight: 1,
      health: 'up',
      inhibited: false,
      upper: 0,
      lower: 0,
      overloaded: false,
      active: 0,
      inactive: 0,
      persistent: 0,
      up_events: up,
      down_events: down,
      counters: NO_TRAFFIC,
      rates: NO_TRAFFIC,
    });
    const service: ServiceDocument = {
      service: '203.0.113.1:80',
      protocol: 'tcp',
      address: '203.0.113.1',
      port: 80,
      scheduler: 'wrr',
      hash: 'ip',
      persistence_s: 0,
      conn_timeout_s: 0,
      local_addresses: [],
      deny: { entries: 0, hits: 0 },
      allow: { entries: 0, hits: 0 },
      counters: NO_TRAFFIC,
      rates: NO_TRAFFIC,
      backends: [server(0, 0, 1), server(0, 7, 2), server(1, 7, 3)],
    };
    const flows = { ...document.flows, entries: 0 };
    expect(checkCounters({ ...document, flows, drops: {}, services: [service] })).toEqual([
      {
        level: 'warning',
        what: 'server 10.0.0.11:2 of 203.0.113.1:80 answered none of 7 flows',
        mend: expect.stringContaining(mend),
      },
    ]);
  });
});
