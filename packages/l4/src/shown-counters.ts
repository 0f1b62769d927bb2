/**
 * Shows what services and backends of the kernel counted as counters of frontends and servers.
 *
 * @module
 */
import type { Frontend, Server } from '@balancer/lb';
import { serviceKeysOf, tryPlainIp } from './from-config.ts';
import { backendKey } from './ids.ts';
import type { BackendCounts, PlaneSnapshot, TrafficCounts } from './statistics.ts';

const FORWARD_MODES = ['fnat', 'nat', 'dr', 'tunnel', 'snat', 'dr-ip'] as const;

/** Brings the counters of these frontends and their servers up to date. */
export function showCounters(frontends: Iterable<Frontend>, snapshot: PlaneSnapshot): void {
  const byServer = new Map<Server, TrafficTotal>();
  for (const frontend of frontends) {
    const isUdp = frontend.config.protocol === 'udp';
    const total = new TrafficTotal();
    for (const key of serviceKeysOf(frontend.config)) {
      const id = snapshot.numbers.services.get(key);
      if (id === undefined) continue;
      total.addService(snapshot.services.get(id));
      for (const server of frontend.backend?.servers ?? []) {
        const counted = countsOf(snapshot, id, server);
        const own = byServer.get(server) ?? new TrafficTotal();
        byServer.set(server, own);
        own.addBackend(counted, isUdp);
        total.current += openOf(counted, isUdp);
      }
    }
    frontend.counters.observe(total);
  }
  for (const [server, total] of byServer) server.counters.observe(total);
}

/** Sums over the services of a frontend, or over the backends of a server. */
class TrafficTotal {
  total = 0;
  current = 0;
  bytesTx = 0;
  bytesRx = 0;

  addService(counts: TrafficCounts | undefined): void {
    this.total += counts?.conns ?? 0;
    this.bytesTx += counts?.inBytes ?? 0;
    this.bytesRx += counts?.outBytes ?? 0;
  }

  addBackend(counts: BackendCounts | undefined, isUdp: boolean): void {
    this.addService(counts);
    this.current += openOf(counts, isUdp);
  }
}

/** Connections that are open: established ones; UDP has no such state. */
function openOf(counts: BackendCounts | undefined, isUdp: boolean): number {
  return (isUdp ? counts?.inactive : counts?.active) ?? 0;
}

/** What the backends of a service counted that stand for a server. */
function countsOf(
  { numbers, backends }: PlaneSnapshot,
  service: number,
  { endpoint }: Server,
): BackendCounts | undefined {
  if (endpoint.kind !== 'inet') return undefined;
  const address = tryPlainIp(endpoint.host);
  for (const mode of FORWARD_MODES) {
    for (const port of [endpoint.port, 0]) {
      const slot = numbers.backends.get(backendKey({ service, address, port, mode }));
      if (slot !== undefined) return backends.get(slot);
    }
  }
  return undefined;
}
