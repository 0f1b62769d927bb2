/**
 * The machine a packet case runs on: a network namespace with an interface towards the clients (MAC L1)
 * and one towards the backends (MAC L2).
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs';
import {
  addAddress,
  addRoute,
  changeLink,
  createVeth,
  findLink,
  loadObject,
  NetworkNamespace,
  RouteSocket,
  setNeighbour,
  type BpfMap,
  type LoadedObject,
} from '@balancer/ebpf';
import { l4TcLayout, type L4Tc } from '../../bpf/objects/l4-tc.types.ts';
import { NAMES, type NetworkSetup } from './packet-case.ts';

/** The two builds of the data plane. Their objects have the same maps and types. */
export const HOOKS = ['xdp', 'tc'] as const;
export type Hook = (typeof HOOKS)[number];

/** Far fewer than in operation: a few packets need no more, and all are written for every case. */
const MAX_ENTRIES = {
  l4_ct: 1024,
  l4_vip: 16,
  l4_svc: 16,
  l4_be: 64,
  l4_sel: 16,
  l4_list: 16,
  l4_cur: 16,
  l4_cnt: 64,
  l4_scnt: 16,
  l4_lip: 16,
  l4_tpl: 256,
  l4_acl: 256,
  l4_src: 256,
  l4_frag: 256,
  l4_bucket: 16,
  l4_decap: 16,
  l4_events: 4096,
  l4_stat_svc: 16,
  l4_stat_be: 64,
};

export interface HostOptions {
  /** Another object than the committed ones. */
  readonly object?: Uint8Array;
  /** Take a plain hash for the connection table: what does not fit is refused, nothing is evicted. */
  readonly rejectsWhenFull?: boolean;
}

export class PacketHost {
  readonly namespace: NetworkNamespace = NetworkNamespace.create();
  /** Interfaces by MAC address: tc passes what was not sent to the interface's own. */
  readonly ifindexes: ReadonlyMap<string, number>;
  readonly #loaded = new Map<Hook, LoadedObject<L4Tc>>();
  readonly #others = new Map<string, PacketHost>();
  readonly #maxEntries: Readonly<Record<string, number>>;

  readonly #options: HostOptions;

  /** @param maxEntries - Sizes of maps other than those that suffice for a case. */
  constructor(maxEntries: Readonly<Record<string, number>> = {}, options: HostOptions = {}) {
    this.#options = options;
    // As the control plane makes it: a flow for sixteen entries may be half open.
    const l4_half = Math.ceil((maxEntries['l4_ct'] ?? MAX_ENTRIES.l4_ct) / 16);
    this.#maxEntries = { ...MAX_ENTRIES, l4_half, ...maxEntries };
    this.ifindexes = this.namespace.run(() => createInterfaces(NAMES['L1']!, NAMES['L2']!));
  }

  /** A host with a network of its own, the same for all cases that have the same: to load it takes long. */
  withNetwork(network: NetworkSetup): PacketHost {
    const key = JSON.stringify(network);
    let host = this.#others.get(key);
    if (host === undefined) {
      host = new PacketHost(this.#maxEntries, this.#options);
      this.#others.set(key, host);
      host.#setUp(network);
    }
    return host;
  }

  /** Adds addresses, routes and neighbours of the interface towards the backends. */
  #setUp({ forwarding = true, addresses, routes = [], neighbours = [] }: NetworkSetup): void {
    const ifindex = this.ifindexes.get(NAMES['L2']!)!;
    this.namespace.run(() => {
      writeFileSync('/proc/sys/net/ipv4/ip_forward', forwarding ? '1' : '0');
      writeFileSync('/proc/sys/net/ipv6/conf/all/forwarding', forwarding ? '1' : '0');
      const socket = RouteSocket.open();
      for (const text of addresses) {
        const [address = '', length] = text.split('/');
        addAddress(socket, { ifindex, address, prefixLength: Number(length) });
      }
      for (const route of routes) addRoute(socket, route);
      for (const neighbour of neighbours) setNeighbour(socket, { ifindex, ...neighbour });
      socket.close();
    });
  }

  /** An empty data plane. It is loaded once, because the verifier takes most of the time of a case. */
  dataPlane(hook: Hook): LoadedObject<L4Tc> {
    let loaded = this.#loaded.get(hook);
    if (loaded === undefined) {
      const committed = new URL(`../../bpf/objects/l4-${hook}.o`, import.meta.url);
      const object = this.#options.object ?? readFileSync(committed);
      loaded = loadObject<L4Tc>(object, {
        layout: l4TcLayout,
        maxEntries: this.#maxEntries,
        variables: { half_open_max: this.#maxEntries['l4_half']! },
        ...(this.#options.rejectsWhenFull && { mapTypes: { l4_ct: 'hash' } }),
      });
      this.#loaded.set(hook, loaded);
    }
    for (const [name, map] of loaded.maps) if (!isSection(name)) clear(map);
    return loaded;
  }

  close(): void {
    for (const host of this.#others.values()) host.close();
    for (const loaded of this.#loaded.values()) loaded.close();
    this.namespace.close();
  }
}

/** The ends of a veth pair with these MAC addresses, in the namespace of the thread. */
function createInterfaces(first: string, second: string): Map<string, number> {
  const socket = RouteSocket.open();
  try {
    createVeth(socket, { name: 'l1', peer: 'l2' });
    const l1 = findLink(socket, 'l1')!.ifindex;
    const l2 = findLink(socket, 'l2')!.ifindex;
    changeLink(socket, l1, { mac: first, up: true });
    changeLink(socket, l2, { mac: second, up: true });
    return new Map([
      [first, l1],
      [second, l2],
    ]);
  } finally {
    socket.close();
  }
}

/** Whether a map holds variables of the program, which stay. */
export function isSection(name: string): boolean {
  return name.startsWith('.');
}

/** Empties a hash, and puts zeros into an array; maps of maps are overwritten by every case. */
function clear(map: BpfMap): void {
  if (map.type === 'hash' || map.type === 'lruHash' || map.type === 'lpmTrie') {
    for (const key of map.keys()) map.delete(key);
  } else if (map.type === 'array' || map.type === 'percpuArray') {
    const count = map.info.maxEntries;
    const keys = new Uint8Array(Uint32Array.from({ length: count }, (_, i) => i).buffer);
    map.updateBatch({ count, keys, values: new Uint8Array(count * map.valueBytes) });
  }
}
