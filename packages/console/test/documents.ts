/**
 * Statistics documents for tests: one frontend, one backend, one server, all with the same traffic
 * unless said otherwise.
 *
 * @module
 */
import {
  type FrontendStatistics,
  REFUSAL_REASONS,
  type ServerStatistics,
  type Statistics,
} from '@balancer/lb';

export interface DocumentFacts {
  readonly frontend?: string;
  readonly total?: number;
  readonly bytesTx?: number;
  readonly bytesRx?: number;
  readonly open?: number;
  readonly pid?: number;
  readonly uptime?: number;
  readonly configError?: string;
  readonly server?: Partial<ServerStatistics>;
}

export function documentOf(facts: DocumentFacts = {}): Statistics {
  const { frontend = 'web', pid = 1, uptime = 10, configError = null, server } = facts;
  const { total = 0, bytesTx = 0, bytesRx = 0, open = 0 } = facts;
  const traffic = {
    total_connections: total,
    current_connections: open,
    bytes_tx: bytesTx,
    bytes_rx: bytesRx,
  };
  const only: ServerStatistics = {
    name: 'one',
    state: 'up',
    weight: 1,
    effective_weight: 1,
    current: open,
    total,
    connect_errors: 0,
    connect_ms_avg: 0.5,
    bytes_tx: bytesTx,
    bytes_rx: bytesRx,
    last_check: { ok: true, ms: 0.4, reason: '', at: '2026-01-01T00:00:00.000Z' },
    last_change: '2026-01-01T00:00:00.000Z',
    ejected_until: null,
    ...server,
  };
  return {
    total_connections: total,
    current_connections: open,
    total_bytes_tx: bytesTx,
    total_bytes_rx: bytesRx,
    frontends: {
      [frontend]: {
        ...traffic,
        refused: { ...NONE_REFUSED },
        listen: ['127.0.0.1:8080'],
        backend: 'out',
        protocol: 'tcp',
      },
    },
    backends: {
      out: {
        ...traffic,
        servers: { '10.0.0.1:80': only.state === 'up' },
        queue: 0,
        retries: 0,
        balance: 'roundrobin',
        server_stats: { '10.0.0.1:80': only },
      },
    },
    process: {
      pid,
      uptime_s: uptime,
      workers: 1,
      worker_processes: [],
      version: '1.2.3',
      phase: 'running',
      config_loaded_at: '2026-01-01T00:00:00.000Z',
      config_error: configError,
      fds: 20,
      max_fds: 1024,
      rss: 50_000_000,
    },
  };
}

const NONE_REFUSED = Object.fromEntries(
  REFUSAL_REASONS.map((reason) => [reason, 0]),
) as FrontendStatistics['refused'];
