/**
 * The load balancer's numbers for Prometheus, read from the counters at each scrape.
 *
 * @module
 */
import type { Metrics, Sample } from '@balancer/kit';
import { CONNECT_BOUNDS_S, DURATION_BOUNDS_S, END_REASONS } from './counters.ts';
import type { Frontend } from './frontend.ts';
import type { LoadBalancer } from './load-balancer.ts';
import type { Server } from './server.ts';
import { usageOf, type WorkersFacts } from './statistics.ts';

/** What the metrics tell about reloads. */
export interface ReloadCounts {
  readonly succeeded: number;
  readonly failed: number;
  /** Seconds since 1970 of the last success. */
  readonly lastSuccessAt: number;
}

export interface LoadBalancerMetricsOptions {
  readonly loadBalancer: LoadBalancer;
  readonly metrics: Metrics;
  readonly version: string;
  /** Of one process. */
  readonly descriptorsMax: number;
  /** Absent: the process serves alone. */
  readonly workers?: () => WorkersFacts;
  readonly reloads: () => ReloadCounts;
}

/** Registers every metric of the load balancer. */
export function registerMetrics(options: LoadBalancerMetricsOptions): void {
  registerFrontendMetrics(options);
  registerServerMetrics(options);
  registerBackendMetrics(options);
  registerHistograms(options);
  registerUdpMetrics(options);
  registerProcessMetrics(options);
}

function registerFrontendMetrics({ loadBalancer, metrics }: LoadBalancerMetricsOptions): void {
  const perFrontend = (read: (frontend: Frontend) => number) => (): Sample<'frontend'>[] =>
    [...loadBalancer.frontends.values()].map((frontend) => ({
      labels: { frontend: frontend.name },
      value: read(frontend),
    }));
  metrics.counter<'frontend'>({
    name: 'balancer_connections_total',
    help: 'Client connections accepted.',
    labels: ['frontend'],
    collect: perFrontend(({ counters }) => counters.total),
  });
  metrics.gauge<'frontend'>({
    name: 'balancer_connections_active',
    help: 'Client connections open now.',
    labels: ['frontend'],
    collect: perFrontend(({ counters }) => counters.current),
  });
  metrics.counter<'frontend' | 'reason'>({
    name: 'balancer_connections_refused_total',
    help: 'Client connections turned away, by reason.',
    labels: ['frontend', 'reason'],
    collect: () =>
      [...loadBalancer.frontends.values()].flatMap(({ name, counters }) =>
        Object.entries(counters.refused).map(([reason, value]) => ({
          labels: { frontend: name, reason },
          value,
        })),
      ),
  });
  metrics.counter<'frontend' | 'direction'>({
    name: 'balancer_bytes_total',
    help: 'Bytes relayed; tx is from client to server.',
    labels: ['frontend', 'direction'],
    collect: () =>
      [...loadBalancer.frontends.values()].flatMap(({ name, counters }) => [
        { labels: { frontend: name, direction: 'tx' }, value: counters.bytesTx },
        { labels: { frontend: name, direction: 'rx' }, value: counters.bytesRx },
      ]),
  });
}

function registerServerMetrics({ loadBalancer, metrics }: LoadBalancerMetricsOptions): void {
  type Labels = 'backend' | 'server';
  const labels: readonly Labels[] = ['backend', 'server'];
  const perServer = (read: (server: Server) => number) => (): Sample<Labels>[] =>
    allServers(loadBalancer).map((server) => ({ labels: labelsOf(server), value: read(server) }));
  metrics.counter<Labels>({
    name: 'balancer_server_connections_total',
    help: 'Connections made to the server.',
    labels,
    collect: perServer(({ counters }) => counters.total),
  });
  metrics.gauge<Labels>({
    name: 'balancer_server_connections_active',
    help: 'Connections to the server open now.',
    labels,
    collect: perServer(({ counters }) => counters.current),
  });
  metrics.gauge<Labels>({
    name: 'balancer_server_up',
    help: '1 when the server takes connections.',
    labels,
    collect: perServer((server) => Number(server.usable)),
  });
  metrics.gauge<Labels>({
    name: 'balancer_server_weight',
    help: 'Weight in force, without slow start.',
    labels,
    collect: perServer((server) => server.weight),
  });
  metrics.counter<Labels | 'direction'>({
    name: 'balancer_server_bytes_total',
    help: 'Bytes relayed; tx is from client to server.',
    labels: [...labels, 'direction'],
    collect: () =>
      allServers(loadBalancer).flatMap((server) => [
        { labels: { ...labelsOf(server), direction: 'tx' }, value: server.counters.bytesTx },
        { labels: { ...labelsOf(server), direction: 'rx' }, value: server.counters.bytesRx },
      ]),
  });
  metrics.counter<Labels | 'reason'>({
    name: 'balancer_server_connect_failures_total',
    help: 'Connects to the server that failed, by reason.',
    labels: [...labels, 'reason'],
    collect: () =>
      allServers(loadBalancer).flatMap((server) =>
        Object.entries(server.counters.connectFailures).map(([reason, value]) => ({
          labels: { ...labelsOf(server), reason },
          value,
        })),
      ),
  });
  metrics.counter<Labels | 'result'>({
    name: 'balancer_health_checks_total',
    help: 'Health checks that ended, by result.',
    labels: [...labels, 'result'],
    collect: () =>
      allServers(loadBalancer).flatMap((server) =>
        Object.entries(server.counters.checks).map(([result, value]) => ({
          labels: { ...labelsOf(server), result },
          value,
        })),
      ),
  });
}

function registerHistograms({ loadBalancer, metrics }: LoadBalancerMetricsOptions): void {
  metrics.collectedHistogram<'frontend' | 'end'>({
    name: 'balancer_connection_seconds',
    help: 'Length of connections that ended, by how they ended.',
    labels: ['frontend', 'end'],
    buckets: DURATION_BOUNDS_S,
    collect: () =>
      [...loadBalancer.frontends.values()].flatMap(({ name, counters: { durations } }) =>
        END_REASONS.filter((end) => durations.count(end) > 0).map((end) => ({
          labels: { frontend: name, end },
          counts: durations.bucketCounts(end),
          sum: durations.sum(end),
        })),
      ),
  });
  metrics.collectedHistogram<'backend' | 'server'>({
    name: 'balancer_server_connect_seconds',
    help: 'Time to connect to the server.',
    labels: ['backend', 'server'],
    buckets: CONNECT_BOUNDS_S,
    collect: () =>
      allServers(loadBalancer).map((server) => ({
        labels: labelsOf(server),
        counts: server.counters.connectSeconds.bucketCounts(''),
        sum: server.counters.connectSeconds.sum(''),
      })),
  });
}

function registerUdpMetrics({ loadBalancer, metrics }: LoadBalancerMetricsOptions): void {
  const udpFrontends = (): Frontend[] =>
    [...loadBalancer.frontends.values()].filter(({ config }) => config.protocol === 'udp');
  metrics.gauge<'frontend'>({
    name: 'balancer_udp_sessions_active',
    help: 'UDP sessions open now.',
    labels: ['frontend'],
    collect: () =>
      udpFrontends().map(({ name, counters }) => ({
        labels: { frontend: name },
        value: counters.current,
      })),
  });
  metrics.counter<'frontend' | 'direction'>({
    name: 'balancer_udp_datagrams_total',
    help: 'Datagrams relayed; tx is from client to server.',
    labels: ['frontend', 'direction'],
    collect: () =>
      udpFrontends().flatMap(({ name, counters: { udp } }) => [
        { labels: { frontend: name, direction: 'tx' }, value: udp.datagramsTx },
        { labels: { frontend: name, direction: 'rx' }, value: udp.datagramsRx },
      ]),
  });
  metrics.counter<'frontend' | 'reason'>({
    name: 'balancer_udp_dropped_total',
    help: 'Datagrams of clients that went nowhere, by reason.',
    labels: ['frontend', 'reason'],
    collect: () =>
      udpFrontends().flatMap(({ name, counters: { udp } }) =>
        Object.entries(udp.dropped).map(([reason, value]) => ({
          labels: { frontend: name, reason },
          value,
        })),
      ),
  });
}

function registerBackendMetrics({ loadBalancer, metrics }: LoadBalancerMetricsOptions): void {
  metrics.gauge<'backend'>({
    name: 'balancer_queue_length',
    help: 'Clients waiting because all servers are full.',
    labels: ['backend'],
    collect: () =>
      [...loadBalancer.backends.values()].map(({ name, counters }) => ({
        labels: { backend: name },
        value: counters.queued,
      })),
  });
  metrics.counter<'backend'>({
    name: 'balancer_retries_total',
    help: 'Connects tried again after a failure.',
    labels: ['backend'],
    collect: () =>
      [...loadBalancer.backends.values()].map(({ name, counters }) => ({
        labels: { backend: name },
        value: counters.retries,
      })),
  });
}

function registerProcessMetrics(options: LoadBalancerMetricsOptions): void {
  const { metrics, reloads, version, descriptorsMax } = options;
  const workers = options.workers ?? ((): WorkersFacts => ({ restarts: 0, processes: [] }));
  const single = (read: () => number) => (): Sample<never>[] => [{ labels: {}, value: read() }];
  metrics.counter({
    name: 'balancer_config_reloads_total',
    help: 'Reloads that took effect.',
    collect: single(() => reloads().succeeded),
  });
  metrics.counter({
    name: 'balancer_config_reload_failures_total',
    help: 'Reloads that were refused.',
    collect: single(() => reloads().failed),
  });
  metrics.gauge({
    name: 'balancer_config_last_success_timestamp_seconds',
    help: 'When the running configuration took effect.',
    collect: single(() => reloads().lastSuccessAt),
  });
  metrics.gauge({
    name: 'balancer_process_fds',
    help: 'File descriptors open, in all processes together.',
    collect: single(() => usageOf(workers().processes).fds),
  });
  metrics.gauge({
    name: 'balancer_process_max_fds',
    help: 'File descriptors allowed, to all processes together.',
    collect: single(() => descriptorsMax * usageOf(workers().processes).count),
  });
  metrics.counter({
    name: 'balancer_worker_restarts_total',
    help: 'Workers started in place of one that died.',
    collect: single(() => workers().restarts),
  });
  metrics.gauge<'version'>({
    name: 'balancer_build_info',
    help: 'Always 1; the version is a label.',
    labels: ['version'],
    collect: () => [{ labels: { version }, value: 1 }],
  });
}

function allServers(loadBalancer: LoadBalancer): Server[] {
  return [...loadBalancer.backends.values()].flatMap((backend) => backend.servers);
}

function labelsOf(server: Server): { backend: string; server: string } {
  return { backend: server.backendName, server: server.address };
}
