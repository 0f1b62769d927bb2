/**
 * A small network in namespaces of this machine:
 *
 *     client ── router ── bridge ─┬─ balancer
 *                                 ├─ server 1
 *                                 ├─ server 2
 *                                 └─ server 3
 *
 * The router sends packets for the services' addresses to the balancer. How servers send their replies
 * depends on the mode: to the balancer (nat), or straight to the router (all others). Namespaces have no
 * names and go with the process, whatever becomes of it.
 */
import {
  addAddress,
  addRoute,
  changeLink,
  createLink,
  createVeth,
  findLink,
  NetworkNamespace,
  RouteSocket,
  setOffload,
} from '@balancer/ebpf';
import { writeFileSync } from 'node:fs';

export const ADDRESSES = {
  client: { 4: '192.0.2.10', 6: '2001:db8:c::10' },
  service: { 4: '203.0.113.1', 6: '2001:db8:f::1' },
  /** Source of packets to servers in full NAT. */
  local: { 4: '10.0.0.100', 6: '2001:db8:a::5' },
  balancer: { 4: '10.0.0.2', 6: '2001:db8:b::2' },
  router: { 4: '10.0.0.1', 6: '2001:db8:b::1' },
} as const;

const CLIENT_GATEWAY = { 4: '192.0.2.1', 6: '2001:db8:c::1' } as const;
export const SERVER_COUNT = 3;
const CLIENT_MTU = 1400;

export type Family = 4 | 6;
export type Mode = 'fnat' | 'nat' | 'dr' | 'tunnel';

const FAMILIES: readonly Family[] = [4, 6];
const LAN_PREFIX = { 4: 24, 6: 64 } as const;
const HOST_PREFIX = { 4: 32, 6: 128 } as const;
const ALL = { 4: '0.0.0.0/0', 6: '::/0' } as const;

/** Address of a balancer, counted from 1. */
export function balancerAddress(number: number, family: Family): string {
  return family === 4 ? `10.0.0.${1 + number}` : `2001:db8:b::${1 + number}`;
}

/** The router's end of the wire to a balancer, counted from 1. */
function balancerLink(number: number): string {
  return number === 1 ? 'lb' : `lb${number}`;
}

/** Address of a server, counted from 1. */
export function serverAddress(number: number, family: Family): string {
  return family === 4 ? `10.0.0.${10 + number}` : `2001:db8:b::1${number}`;
}

export class Network {
  readonly client: NetworkNamespace = NetworkNamespace.create();
  readonly router: NetworkNamespace = NetworkNamespace.create();
  /** One, or several that share the service. */
  readonly balancers: readonly NetworkNamespace[];
  readonly servers: readonly NetworkNamespace[];
  /** Servers that have the service's address. */
  readonly #answering = new Set<NetworkNamespace>();

  /** @param balancerCount - With several, whoever announces the service's address gets its packets. */
  constructor(balancerCount: number = 1) {
    this.balancers = Array.from({ length: balancerCount }, () => NetworkNamespace.create());
    this.servers = Array.from({ length: SERVER_COUNT }, () => NetworkNamespace.create());
    this.#buildRouter();
    this.#connectClient();
    this.balancers.forEach((balancer, index) => {
      this.#connectToBridge(balancer, balancerLink(index + 1), (family) =>
        balancerAddress(index + 1, family),
      );
      configure(balancer, { forwarding: true });
    });
    this.servers.forEach((server, index) => {
      this.#connectToBridge(server, `s${index + 1}`, (family) => serverAddress(index + 1, family));
    });
    if (balancerCount > 1) return;
    inNamespace(this.router, (socket) => {
      for (const family of FAMILIES) {
        const gateway = ADDRESSES.balancer[family];
        addRoute(socket, { destination: host(ADDRESSES.service[family], family), gateway });
      }
    });
  }

  /** The only balancer, or the first. */
  get balancer(): NetworkNamespace {
    return this.balancers[0]!;
  }

  /** Takes a balancer's machine off the network, or back on. @param number - From 1. */
  setBalancerLink(number: number, up: boolean): void {
    this.#setLink(balancerLink(number), up);
  }

  /** Takes a server's machine off the network, or back on. @param number - From 1. */
  setServerLink(number: number, up: boolean): void {
    this.#setLink(`s${number}`, up);
  }

  /** Gives a server's interface another MAC address, which it tells nobody. @param number - From 1. */
  changeServerMac(number: number): void {
    inNamespace(this.servers[number - 1]!, (socket) => {
      const { ifindex, mac = '' } = findLink(socket, 'eth0')!;
      const turned = mac.endsWith('1') ? '2' : '1';
      changeLink(socket, ifindex, { mac: `${mac.slice(0, -1)}${turned}` });
    });
  }

  /** Makes the servers ready for a mode: where their replies go, and which addresses they answer to. */
  prepareServers(mode: Mode): void {
    for (const server of this.servers) {
      inNamespace(server, (socket) => {
        for (const family of FAMILIES) {
          const gateway = (mode === 'nat' ? ADDRESSES.balancer : ADDRESSES.router)[family];
          addRoute(
            socket,
            { destination: ALL[family], gateway, ifindex: index(socket, 'eth0') },
            'replace',
          );
        }
      });
      const isOneWay = mode === 'dr' || mode === 'tunnel';
      if (isOneWay && !this.#answering.has(server)) answerForService(server);
      if (isOneWay) this.#answering.add(server);
    }
    if (mode === 'tunnel') this.#leaveRoomForOuterHeaders();
  }

  /**
   * What native XDP on the balancer's veth interface asks of the others: machines that finish checksums
   * before they send, and a neighbour whose end of the pair polls for frames that XDP sends.
   */
  prepareForXdp(): void {
    for (const machine of [this.client, ...this.servers]) {
      machine.run(() => setOffload('eth0', 'tx-checksum', false));
    }
    this.router.run(() => setOffload('lb', 'rx-gro', true));
  }

  /** Joins client and router a second time, by interfaces without addresses, for whole checksums alone. */
  addClientLink(name: string): void {
    inNamespace(this.router, (socket) =>
      createVeth(socket, { name, peer: name, peerNamespaceFd: this.client.fd }),
    );
    this.client.run(() => setOffload(name, 'tx-checksum', false));
  }

  /** Lets the router send clients no packets larger than this; clients do not know. */
  limitClientMtu(mtu: number): void {
    inNamespace(this.router, (socket) => changeLink(socket, index(socket, 'client'), { mtu }));
  }

  /** Takes IPv6 from the servers. */
  leaveServersIpv4(): void {
    for (const server of this.servers) {
      server.run(() => writeFileSync('/proc/sys/net/ipv6/conf/all/disable_ipv6', '1'));
    }
  }

  /** Sets a file below `/proc/sys/net` of the balancer. */
  setSysctl(name: string, value: number): void {
    this.balancer.run(() => writeFileSync(`/proc/sys/net/${name}`, `${value}`));
  }

  close(): void {
    for (const each of [this.client, this.router, ...this.balancers, ...this.servers]) each.close();
  }

  #setLink(name: string, up: boolean): void {
    inNamespace(this.router, (socket) => changeLink(socket, index(socket, name), { up }));
  }

  /** What `advmss` on the servers' routes does elsewhere: segments of clients fit with 40 bytes more. */
  #leaveRoomForOuterHeaders(): void {
    inNamespace(this.client, (socket) => {
      changeLink(socket, index(socket, 'eth0'), { mtu: CLIENT_MTU });
    });
  }

  #buildRouter(): void {
    inNamespace(this.router, (socket) => {
      createLink(socket, { name: 'br0', kind: 'bridge' });
      const bridge = index(socket, 'br0');
      for (const family of FAMILIES) {
        addAddress(socket, {
          ifindex: bridge,
          address: ADDRESSES.router[family],
          prefixLength: LAN_PREFIX[family],
        });
      }
      changeLink(socket, bridge, { up: true });
    });
    configure(this.router, { forwarding: true });
  }

  #connectClient(): void {
    inNamespace(this.router, (socket) => {
      createVeth(socket, { name: 'client', peer: 'eth0', peerNamespaceFd: this.client.fd });
      const ifindex = index(socket, 'client');
      addFamilies(socket, ifindex, (family) => CLIENT_GATEWAY[family]);
      changeLink(socket, ifindex, { up: true });
    });
    inNamespace(this.client, (socket) => {
      const ifindex = index(socket, 'eth0');
      addFamilies(socket, ifindex, (family) => ADDRESSES.client[family]);
      changeLink(socket, ifindex, { up: true });
      for (const family of FAMILIES) {
        addRoute(socket, { destination: ALL[family], gateway: CLIENT_GATEWAY[family] });
      }
    });
  }

  #connectToBridge(
    namespace: NetworkNamespace,
    name: string,
    addressOf: (family: Family) => string,
  ): void {
    inNamespace(this.router, (socket) => {
      createVeth(socket, { name, peer: 'eth0', peerNamespaceFd: namespace.fd });
      changeLink(socket, index(socket, name), { master: index(socket, 'br0'), up: true });
    });
    inNamespace(namespace, (socket) => {
      changeLink(socket, index(socket, 'lo'), { up: true });
      const ifindex = index(socket, 'eth0');
      addFamilies(socket, ifindex, addressOf);
      changeLink(socket, ifindex, { up: true });
      for (const family of FAMILIES) {
        addRoute(socket, { destination: ALL[family], gateway: ADDRESSES.router[family] });
      }
      // IPv6 hosts do not answer for addresses of their loopback; the way to ours is written down.
      if (this.servers.includes(namespace)) {
        const gateway = ADDRESSES.balancer[6];
        addRoute(socket, { destination: host(ADDRESSES.local[6], 6), gateway });
      }
    });
  }
}

/** What `balancer l4 backend-setup` prints: the service's address on `lo`, and no ARP for it. */
function answerForService(server: NetworkNamespace): void {
  configure(server, { arpIgnore: true });
  inNamespace(server, (socket) => {
    const ifindex = index(socket, 'lo');
    for (const family of FAMILIES) {
      const address = ADDRESSES.service[family];
      addAddress(socket, { ifindex, address, prefixLength: HOST_PREFIX[family] });
    }
  });
}

function configure(
  namespace: NetworkNamespace,
  { forwarding = false, arpIgnore = false }: { forwarding?: boolean; arpIgnore?: boolean },
): void {
  namespace.run(() => {
    const set = (name: string, value: number): void =>
      writeFileSync(`/proc/sys/net/${name}`, `${value}`);
    if (forwarding) {
      set('ipv4/ip_forward', 1);
      set('ipv6/conf/all/forwarding', 1);
    }
    if (arpIgnore) {
      set('ipv4/conf/all/arp_ignore', 1);
      set('ipv4/conf/all/arp_announce', 2);
      set('ipv4/conf/all/rp_filter', 0);
      set('ipv4/conf/eth0/rp_filter', 0);
    }
  });
}

function addFamilies(
  socket: RouteSocket,
  ifindex: number,
  addressOf: (family: Family) => string,
): void {
  for (const family of FAMILIES) {
    addAddress(socket, { ifindex, address: addressOf(family), prefixLength: LAN_PREFIX[family] });
  }
}

function inNamespace(namespace: NetworkNamespace, action: (socket: RouteSocket) => void): void {
  namespace.run(() => {
    const socket = RouteSocket.open();
    try {
      action(socket);
    } finally {
      socket.close();
    }
  });
}

function index(socket: RouteSocket, name: string): number {
  const link = findLink(socket, name);
  if (!link) throw new Error(`there is no interface ${name}`);
  return link.ifindex;
}

function host(address: string, family: Family): string {
  return `${address}/${HOST_PREFIX[family]}`;
}
