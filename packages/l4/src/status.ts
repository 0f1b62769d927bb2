/**
 * The plane as a document: what `GET /l4/stats` answers and `balancer l4 status` shows.
 *
 * @module
 */
import { DEFAULT_PORTS } from './constants.ts';
import { formatEndpoint, formatServiceKey, type ServiceSpec } from './desired.ts';
import { backendKey } from './ids.ts';
import { entriesOf, type ListHits, type ListKind } from './list-hits.ts';
import type { AddressSets } from './named-sets.ts';
import type { Rates } from './rates.ts';
import type { Services } from './service-table.ts';
import type { BackendCounts, PlaneSnapshot, TrafficCounts } from './statistics.ts';

/** Counters and rates, spelled as in other documents of the admin API. */
export interface TrafficDocument {
  readonly conns: number;
  readonly in_packets: number;
  readonly out_packets: number;
  readonly in_bytes: number;
  readonly out_bytes: number;
}

export interface BackendDocument {
  readonly address: string;
  readonly port: number;
  readonly mode: string;
  readonly weight: number;
  readonly health: string;
  /** Takes no new flows for now, because it left some unanswered (`dest_check`). */
  readonly inhibited: boolean;
  /** Thresholds: flows at which it takes no more, and below which it takes some again; 0 is none. */
  readonly upper: number;
  readonly lower: number;
  /** Has reached the upper one, and not fallen below the lower one since. */
  readonly overloaded: boolean;
  readonly active: number;
  readonly inactive: number;
  readonly persistent: number;
  /** Flows that it answered, and those that it refused or left unanswered. */
  readonly up_events: number;
  readonly down_events: number;
  readonly counters: TrafficDocument;
  readonly rates: TrafficDocument;
}

/** A list of clients in short. */
export interface ListDocument {
  /** Networks and names of sets on it. */
  readonly entries: number;
  /** New flows that one of its networks decided. */
  readonly hits: number;
}

export interface ServiceDocument {
  /** Address and port, or `match` and a rule. */
  readonly service: string;
  readonly protocol: string;
  readonly address: string;
  readonly port: number;
  readonly scheduler: string;
  readonly hash: string;
  readonly persistence_s: number;
  readonly conn_timeout_s: number;
  readonly local_addresses: readonly string[];
  readonly deny: ListDocument;
  readonly allow: ListDocument;
  readonly counters: TrafficDocument;
  readonly rates: TrafficDocument;
  readonly backends: readonly BackendDocument[];
}

export interface PlaneDocument {
  readonly process: {
    readonly pid: number;
    /** For how long nobody had looked after the maps when it started; `null` when they were new. */
    readonly unwatched_s: number | null;
  };
  readonly interfaces: readonly { readonly name: string; readonly hook: string }[];
  readonly hook_reason: string;
  readonly flows: {
    /** As of the last collection; NATed flows have two entries. */
    readonly entries: number;
    readonly max: number;
    readonly collection_seconds: number;
  };
  readonly services: readonly ServiceDocument[];
  readonly local_addresses: readonly {
    readonly address: string;
    /** Whose it is; `''` while flows of a former one last. */
    readonly service: string;
    /** Its ports, and how many they are; 0 of those that no service has any more. */
    readonly port_low: number;
    readonly port_high: number;
    readonly ports: number;
    readonly conns: number;
    readonly conflicts: number;
    readonly misses: number;
  }[];
  /** Reasons that occurred, with packets and bytes. */
  readonly drops: Readonly<Record<string, { readonly packets: number; readonly bytes: number }>>;
}

/** What belongs to services beside what a snapshot has. */
export interface Beside {
  readonly rates: Rates;
  readonly sets: AddressSets;
  readonly hits: ListHits;
}

/** Puts services, their counters and rates together. */
export function planeDocument(
  services: Services,
  snapshot: PlaneSnapshot,
  beside: Beside,
): PlaneDocument {
  const { interfaces, hookReason, collection, flowsMax, drops } = snapshot;
  return {
    process: { pid: process.pid, unwatched_s: snapshot.unwatchedS ?? null },
    interfaces: interfaces.map(({ name, hook }) => ({ name, hook })),
    hook_reason: hookReason,
    flows: {
      entries: collection?.entries ?? 0,
      max: flowsMax,
      collection_seconds: collection?.seconds ?? 0,
    },
    services: [...services.values()].map((service) => serviceDocument(service, snapshot, beside)),
    local_addresses: localDocuments(services, snapshot),
    drops: Object.fromEntries(Object.entries(drops).filter(([, { packets }]) => packets > 0)),
  };
}

function serviceDocument(
  service: ServiceSpec,
  { numbers, services, backends }: PlaneSnapshot,
  beside: Beside,
): ServiceDocument {
  const { rates } = beside;
  const list = (kind: ListKind): ListDocument => {
    const entries = entriesOf(service, kind, beside);
    return { entries: entries.length, hits: entries.reduce((sum, { hits }) => sum + hits, 0) };
  };
  const { protocol, address, port, match } = service;
  const id = numbers.services.get(formatServiceKey(service)) ?? 0;
  return {
    service: match ? formatServiceKey(service) : formatEndpoint(address, port),
    protocol,
    address,
    port,
    scheduler: service.scheduler,
    hash: service.hash,
    persistence_s: service.persistenceS,
    conn_timeout_s: service.connTimeoutS,
    local_addresses: service.localAddresses,
    deny: list('deny'),
    allow: list('allow'),
    counters: trafficDocument(services.get(id) ?? NOTHING),
    rates: trafficDocument(rates.ofService(id)),
    backends: service.backends.map((backend) => {
      const slot = numbers.backends.get(backendKey({ ...backend, service: id })) ?? 0;
      const counts = backends.get(slot) ?? NOTHING;
      return {
        address: backend.address,
        port: backend.port === 0 ? port : backend.port,
        mode: backend.mode,
        weight: backend.weight,
        health: backend.health,
        inhibited: backend.inhibited ?? false,
        upper: backend.upper,
        lower: backend.lower,
        overloaded: backend.upper > 0 && counts.overloaded,
        active: counts.active,
        inactive: counts.inactive,
        persistent: counts.persistent,
        up_events: counts.events?.up ?? 0,
        down_events: counts.events?.down ?? 0,
        counters: trafficDocument(counts),
        rates: trafficDocument(rates.ofBackend(slot)),
      };
    }),
  };
}

function localDocuments(
  services: Services,
  { numbers, localAddresses }: PlaneSnapshot,
): PlaneDocument['local_addresses'] {
  const owners = new Map<number, ServiceSpec>();
  for (const [key, service] of services) {
    const { first = 0, addresses = [] } =
      numbers.localRuns.get(numbers.services.get(key) ?? 0) ?? {};
    addresses.forEach((_, offset) => owners.set(first + offset, service));
  }
  return [...localAddresses].map(([index, { address, ...counts }]) => {
    const owner = owners.get(index);
    const [low, high] = owner ? (owner.portRange ?? DEFAULT_PORTS) : [0, -1];
    return {
      address,
      service: owner ? formatServiceKey(owner) : '',
      port_low: low,
      port_high: Math.max(0, high),
      ports: high - low + 1,
      ...counts,
    };
  });
}

const NOTHING: BackendCounts = {
  conns: 0,
  inPackets: 0,
  outPackets: 0,
  inBytes: 0,
  outBytes: 0,
  active: 0,
  inactive: 0,
  persistent: 0,
  overloaded: false,
};

function trafficDocument(counts: TrafficCounts): TrafficDocument {
  return {
    conns: counts.conns,
    in_packets: counts.inPackets,
    out_packets: counts.outPackets,
    in_bytes: counts.inBytes,
    out_bytes: counts.outBytes,
  };
}
