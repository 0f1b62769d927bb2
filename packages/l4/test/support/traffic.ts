/**
 * A client, a balancer and a backend in network namespaces, connected as in the tables of the cases: the
 * client 192.0.2.10 and the backend 10.0.0.11 (2001:db8:c::10 and 2001:db8:b::11) each reach the balancer
 * directly, services and local addresses through it.
 */
import { writeFileSync } from 'node:fs';
import {
  addAddress,
  addRoute,
  changeLink,
  createVeth,
  findLink,
  NetworkNamespace,
  RouteSocket,
} from '@balancer/ebpf';
import { PacketHost } from '../../tools/packets/packet-host.ts';

interface Side {
  readonly name: string;
  readonly networks: readonly Network[];
}

interface Network {
  readonly host: string;
  readonly balancer: string;
  readonly prefixLength: number;
  /** What lies behind the balancer. */
  readonly all: string;
}

const CLIENT_SIDE: Side = {
  name: 'c0',
  networks: [
    { host: '192.0.2.10', balancer: '192.0.2.1', prefixLength: 24, all: '0.0.0.0/0' },
    { host: '2001:db8:c::10', balancer: '2001:db8:c::1', prefixLength: 64, all: '::/0' },
  ],
};
const BACKEND_SIDE: Side = {
  name: 'b0',
  networks: [
    { host: '10.0.0.11', balancer: '10.0.0.1', prefixLength: 24, all: '0.0.0.0/0' },
    { host: '2001:db8:b::11', balancer: '2001:db8:b::1', prefixLength: 64, all: '::/0' },
  ],
};

export class TrafficHost extends PacketHost {
  readonly client: NetworkNamespace;
  readonly backend: NetworkNamespace;
  /** Interfaces of the balancer towards client and backend. */
  readonly interfaces: readonly number[];

  constructor(maxEntries: Readonly<Record<string, number>> = {}) {
    super(maxEntries);
    this.client = NetworkNamespace.create();
    this.backend = NetworkNamespace.create();
    // Nobody else is here to have one of the addresses: IPv6 need not ask for a second whether someone has.
    for (const machine of [this.namespace, this.client, this.backend]) {
      machine.run(() => writeFileSync('/proc/sys/net/ipv6/conf/default/accept_dad', '0'));
    }
    this.interfaces = [
      this.#connect(this.client, CLIENT_SIDE),
      this.#connect(this.backend, BACKEND_SIDE),
    ];
    this.namespace.run(() => {
      writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
      writeFileSync('/proc/sys/net/ipv6/conf/all/forwarding', '1');
    });
  }

  /** Lets the balancer send clients no packets larger than this; clients do not know. */
  limitClientMtu(mtu: number): void {
    this.namespace.run(() => {
      const socket = RouteSocket.open();
      changeLink(socket, this.interfaces[0]!, { mtu });
      socket.close();
    });
  }

  override close(): void {
    this.client.close();
    this.backend.close();
    super.close();
  }

  /** A veth pair between a namespace and the balancer, with addresses and a default route. */
  #connect(namespace: NetworkNamespace, { name, networks }: Side): number {
    const peerNamespaceFd = namespace.fd;
    const ifindex = this.namespace.run(() => {
      const socket = RouteSocket.open();
      createVeth(socket, { name, peer: 'eth0', peerNamespaceFd });
      const link = findLink(socket, name)!;
      for (const { balancer, prefixLength } of networks) {
        addAddress(socket, { ifindex: link.ifindex, address: balancer, prefixLength });
      }
      changeLink(socket, link.ifindex, { up: true });
      socket.close();
      return link.ifindex;
    });
    namespace.run(() => {
      const socket = RouteSocket.open();
      const link = findLink(socket, 'eth0')!;
      for (const { host, prefixLength } of networks) {
        addAddress(socket, { ifindex: link.ifindex, address: host, prefixLength });
      }
      changeLink(socket, link.ifindex, { up: true });
      for (const { balancer, all } of networks) {
        addRoute(socket, { destination: all, gateway: balancer, ifindex: link.ifindex });
      }
      socket.close();
    });
    return ifindex;
  }
}
