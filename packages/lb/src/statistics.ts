/**
 * The statistics document: what `GET /stats.json` answers and what the page, `balancer stats` and
 * `balancer top` show.
 *
 * @module
 */
import { readdirSync } from 'node:fs';
import type { Backend } from './backend.ts';
import type { RefusalReason, TrafficCounters } from './counters.ts';
import type { Frontend } from './frontend.ts';
import type { LoadBalancer, Phase } from './load-balancer.ts';
import type { Server, ServerState } from './server.ts';

/** Connections and bytes; `tx` is from client to server. */
export interface TrafficStatistics {
  readonly total_connections: number;
  readonly current_connections: number;
  readonly bytes_tx: number;
  readonly bytes_rx: number;
}

export interface FrontendStatistics extends TrafficStatistics {
  readonly refused: Readonly<Record<RefusalReason, number>>;
  readonly listen: readonly string[];
  readonly backend: string;
  readonly protocol: string;
}

export interface ServerStatistics {
  readonly name: string;
  readonly state: ServerState;
  readonly weight: number;
  readonly effective_weight: number;
  readonly current: number;
  readonly total: number;
  readonly connect_errors: number;
  readonly connect_ms_avg: number;
  readonly bytes_tx: number;
  readonly bytes_rx: number;
  readonly last_check: {
    readonly ok: boolean;
    readonly ms: number;
    readonly reason: string;
    readonly at: string;
  } | null;
  readonly last_change: string;
  readonly ejected_until: string | null;
}

export interface BackendStatistics extends TrafficStatistics {
  /** Whether each server takes connections, by address. */
  readonly servers: Readonly<Record<string, boolean>>;
  readonly queue: number;
  readonly retries: number;
  readonly balance: string;
  readonly server_stats: Readonly<Record<string, ServerStatistics>>;
}

export interface ProcessStatistics {
  readonly pid: number;
  readonly uptime_s: number;
  readonly workers: number;
  /** Worker processes beside the main one; empty when that serves alone. */
  readonly worker_processes: readonly WorkerStatistics[];
  readonly version: string;
  readonly phase: Phase;
  readonly config_loaded_at: string;
  /** Why the last reload was refused; `null` when it was not. */
  readonly config_error: string | null;
  /** Of all processes together, as are the two below. */
  readonly fds: number;
  readonly max_fds: number;
  readonly rss: number;
}

/** One worker process, as of its last report. */
export interface WorkerStatistics {
  readonly pid: number;
  readonly current_connections: number;
  readonly fds: number;
  /** Bytes. */
  readonly rss: number;
}

/** The worker processes that serve; none when the main process serves alone. */
export interface WorkersFacts {
  /** Workers that were started in place of one that died. */
  readonly restarts: number;
  readonly processes: readonly WorkerStatistics[];
}

export interface Statistics {
  readonly total_connections: number;
  readonly current_connections: number;
  readonly total_bytes_tx: number;
  readonly total_bytes_rx: number;
  readonly frontends: Readonly<Record<string, FrontendStatistics>>;
  readonly backends: Readonly<Record<string, BackendStatistics>>;
  readonly process: ProcessStatistics;
}

/** Facts about the process that the load balancer itself does not know. */
export interface ProcessFacts {
  readonly version: string;
  readonly configError: string | null;
  /** Of one process. */
  readonly descriptorsMax: number;
  /** Absent: the process serves alone. */
  readonly workers?: WorkersFacts;
}

/** Takes a snapshot. Counters must be up to date; see {@link LoadBalancer.collect}. */
export function statisticsOf(loadBalancer: LoadBalancer, facts: ProcessFacts): Statistics {
  const frontends = [...loadBalancer.frontends.values()];
  const sum = (read: (counters: TrafficCounters) => number): number =>
    frontends.reduce((total, { counters }) => total + read(counters), 0);
  return {
    total_connections: sum((counters) => counters.total),
    current_connections: sum((counters) => counters.current),
    total_bytes_tx: sum((counters) => counters.bytesTx),
    total_bytes_rx: sum((counters) => counters.bytesRx),
    frontends: Object.fromEntries(frontends.map((f) => [f.name, frontendStatistics(f)])),
    backends: Object.fromEntries(
      [...loadBalancer.backends.values()].map((b) => [b.name, backendStatistics(b)]),
    ),
    process: processStatistics(loadBalancer, facts),
  };
}

/** Descriptors that the process has open; 0 where that cannot be told. */
export function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}

/** What this process and its workers use together. */
export function usageOf(processes: readonly WorkerStatistics[]): {
  fds: number;
  rss: number;
  count: number;
} {
  // The main process may be one of the workers.
  const others = processes.filter(({ pid }) => pid !== process.pid);
  return {
    fds: others.reduce((sum, { fds }) => sum + fds, openDescriptors()),
    rss: others.reduce((sum, { rss }) => sum + rss, process.memoryUsage.rss()),
    count: 1 + others.length,
  };
}

function frontendStatistics({ counters, config, listening }: Frontend): FrontendStatistics {
  return {
    ...traffic(counters),
    refused: { ...counters.refused },
    listen: listening,
    backend: config.backend,
    protocol: config.protocol,
  };
}

function backendStatistics(backend: Backend): BackendStatistics {
  const { servers, counters, config } = backend;
  const effectiveWeights = backend.effectiveWeights();
  const sum = (read: (server: Server) => number): number =>
    servers.reduce((total, server) => total + read(server), 0);
  return {
    total_connections: sum((server) => server.counters.total),
    current_connections: sum((server) => server.counters.current),
    bytes_tx: sum((server) => server.counters.bytesTx),
    bytes_rx: sum((server) => server.counters.bytesRx),
    servers: Object.fromEntries(servers.map((server) => [server.address, server.usable])),
    queue: counters.queued,
    retries: counters.retries,
    balance: config.balance,
    server_stats: Object.fromEntries(
      servers.map((server) => [
        server.address,
        serverStatistics(server, effectiveWeights.get(server.address) ?? 0),
      ]),
    ),
  };
}

function serverStatistics(server: Server, effectiveWeight: number): ServerStatistics {
  const { counters, lastCheck } = server;
  return {
    name: server.name,
    state: server.state,
    weight: server.weight,
    effective_weight: effectiveWeight,
    current: counters.current,
    total: counters.total,
    connect_errors: counters.connectErrors,
    connect_ms_avg: Math.round(counters.connectMsAverage * 1000) / 1000,
    bytes_tx: counters.bytesTx,
    bytes_rx: counters.bytesRx,
    last_check: lastCheck ? { ...lastCheck, at: lastCheck.at.toISOString() } : null,
    last_change: server.lastChange.toISOString(),
    ejected_until: server.ejectedUntil?.toISOString() ?? null,
  };
}

function processStatistics(
  { phase, loadedAt }: LoadBalancer,
  { version, configError, descriptorsMax, workers }: ProcessFacts,
): ProcessStatistics {
  const { processes = [] } = workers ?? {};
  const { fds, rss, count } = usageOf(processes);
  return {
    pid: process.pid,
    uptime_s: Math.floor(process.uptime()),
    workers: Math.max(1, processes.length),
    worker_processes: processes,
    version,
    phase,
    config_loaded_at: loadedAt.toISOString(),
    config_error: configError,
    fds,
    max_fds: descriptorsMax * count,
    rss,
  };
}

function traffic(counters: TrafficCounters): TrafficStatistics {
  return {
    total_connections: counters.total,
    current_connections: counters.current,
    bytes_tx: counters.bytesTx,
    bytes_rx: counters.bytesRx,
  };
}
