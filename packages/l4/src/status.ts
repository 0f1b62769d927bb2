/**
 * The plane as a document: what `GET /l4/stats` answers and `balancer l4 status` shows.
 *
 * @module
 */
import { formatEndpoint, formatServiceKey, type ServiceSpec } from './desired.ts';
import { backendKey } from './ids.ts';
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
  /** Thresholds: flows at which it takes no more, and below which it takes some again; 0 is none. */
  readonly upper: number;
  readonly lower: number;
  /** Has reached the upper one, and not fallen below the lower one since. */
  readonly overloaded: boolean;
  readonly active: number;
  readonly inactive: number;
  readonly persistent: number;
  readonly counters: TrafficDocument;
  readonly rates: TrafficDocument;
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
    readonly conns: number;
    readonly conflicts: number;
    readonly misses: number;
  }[];
  /** Reasons that occurred, with packets and bytes. */
  readonly drops: Readonly<Record<string, { readonly packets: number; readonly bytes: number }>>;
}

/** Puts services, their counters and rates together. */
export function planeDocument(
  services: Services,
  snapshot: PlaneSnapshot,
  rates: Rates,
): PlaneDocument {
  const { interfaces, hookReason, collection, flowsMax, localAddresses, drops } = snapshot;
  return {
    process: { pid: process.pid, unwatched_s: snapshot.unwatchedS ?? null },
    interfaces: interfaces.map(({ name, hook }) => ({ name, hook })),
    hook_reason: hookReason,
    flows: {
      entries: collection?.entries ?? 0,
      max: flowsMax,
      collection_seconds: collection?.seconds ?? 0,
    },
    services: [...services.values()].map((service) => serviceDocument(service, snapshot, rates)),
    local_addresses: [...localAddresses.values()],
    drops: Object.fromEntries(Object.entries(drops).filter(([, { packets }]) => packets > 0)),
  };
}

function serviceDocument(
  service: ServiceSpec,
  { numbers, services, backends }: PlaneSnapshot,
  rates: Rates,
): ServiceDocument {
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
        upper: backend.upper,
        lower: backend.lower,
        overloaded: backend.upper > 0 && counts.overloaded,
        active: counts.active,
        inactive: counts.inactive,
        persistent: counts.persistent,
        counters: trafficDocument(counts),
        rates: trafficDocument(rates.ofBackend(slot)),
      };
    }),
  };
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
