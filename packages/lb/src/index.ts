/**
 * The load balancer's core: configuration, frontends, backends and servers, and the interface of
 * the data planes that serve them.
 *
 * @module
 */
export type * from './config/types.ts';
export { certificatesOf } from './config/certificates.ts';
export { AddressSetError, readAddressSets } from './config/l4-sets.ts';
export { ANY_PORTS, type MatchRange, readMatchRange } from './config/l4-match.ts';
export { readPortRange } from './config/l4-schema.ts';
export {
  LVS_SCHEDULERS,
  MATCH_PROTOCOLS,
  type MatchProtocol,
  PACKET_MODES,
  TUNNEL_NAMES,
} from './config/l4-types.ts';
export * from './config/load.ts';
export type { BackendTable, ConfigFile, FrontendTable, ServerTable } from './config/schema.ts';
export { Backend, type ServerEntry, type ServersChanged } from './backend.ts';
export {
  BackendCounters,
  CONNECT_FAILURES,
  type ConnectFailure,
  END_REASONS,
  type EndReason,
  FrontendCounters,
  Histogram,
  REFUSAL_REASONS,
  type RefusalReason,
  ServerCounters,
  TrafficCounters,
} from './counters.ts';
export type {
  CloseOptions,
  ConnectionRecord,
  DataPlane,
  DesiredConfig,
  DesiredState,
  DrainResult,
  PreparedChange,
} from './data-plane.ts';
export { Frontend } from './frontend.ts';
export { clientKey } from './policy.ts';
export {
  type SetServers,
  type Supervision,
  ToldSupervision,
  type ToldServer,
} from './supervision.ts';
export { addDifference, type Tallied, tallyOf, withoutGauges } from './tally.ts';
export { DIVIDED_FRONTEND_LIMITS, workerCount, workerProblems } from './config/workers.ts';
export type {
  ProxyEndpoint,
  ProxyEndpoints,
  ProxySsl,
  ProxyTlvs,
} from './proxy-protocol/header.ts';
export { parseProxyHeader, type ProxyParse } from './proxy-protocol/parse.ts';
export {
  writeProxyV1,
  writeProxyV2,
  writeProxyV2Local,
  type WriteV2Options,
} from './proxy-protocol/write.ts';
export {
  type AdminState,
  type LastCheck,
  Server,
  type ServerChange,
  type ServerOrders,
  type ServerState,
} from './server.ts';
export { adminOperations } from './admin-operations.ts';
export { adminRoutes, type AdminRoutesOptions } from './admin.ts';
export {
  LoadBalancer,
  type LoadBalancerEvents,
  type LoadBalancerOptions,
  ModeError,
  StoppingError,
  type Phase,
  type PreparedConfig,
} from './load-balancer.ts';
export { type LoadBalancerMetricsOptions, registerMetrics, type ReloadCounts } from './metrics.ts';
export {
  type BackendStatistics,
  type FrontendStatistics,
  openDescriptors,
  type ProcessFacts,
  type ProcessStatistics,
  type ServerStatistics,
  type Statistics,
  statisticsOf,
  type TrafficStatistics,
  type WorkersFacts,
  type WorkerStatistics,
} from './statistics.ts';
export type { StatsPageApp } from './stats-page.ts';
export { AccessLog } from './access-log.ts';
