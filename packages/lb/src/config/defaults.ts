/**
 * What a key means when the file leaves it out. A frontend's or backend's own key wins over
 * `[defaults]`, which wins over the values here; nested tables are completed key by key.
 *
 * @module
 */
import type { Address } from '@balancer/kit';
import { complete, given } from './complete.ts';
import { completeFrontendL4, completeL4 } from './l4-defaults.ts';
import type { BackendTable, ConfigFile, FrontendTable, GlobalTable, StatsTable } from './schema.ts';
import type {
  BackendConfig,
  BackendTlsConfig,
  DiscoveryConfig,
  FrontendConfig,
  FrontendTlsConfig,
  GlobalConfig,
  HealthConfig,
  AccessLogConfig,
  LoadBalancerConfig,
  LogConfig,
  OutlierConfig,
  ServerConfig,
  StatsConfig,
  StickyConfig,
  UdpConfig,
} from './types.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const LOG: LogConfig = { level: 'info', format: 'json', output: 'stderr' };

const ACCESS_LOG: AccessLogConfig = { output: 'stdout', format: 'json', sample: 1 };

const GLOBAL: Omit<GlobalConfig, 'log' | 'access_log' | 'drain_timeout'> = {
  workers: 1,
  max_connections: 'auto',
  shutdown_timeout: 30 * SECOND,
  zone: '',
};

const UDP: UdpConfig = {
  idle_timeout: 30 * SECOND,
  max_sessions: 65_536,
  max_responses: 0,
  max_requests: 0,
};

const FRONTEND: Omit<FrontendConfig, 'listen_addr' | 'backend' | 'udp' | 'tls' | 'l4'> = {
  protocol: 'tcp',
  mode: 'proxy',
  backlog: 1024,
  max_connections: 0,
  max_connections_per_ip: 0,
  connection_rate: 0,
  connection_burst: 0,
  connection_rate_per_ip: 0,
  allow: [],
  deny: [],
  idle_timeout: HOUR,
  half_close_timeout: MINUTE,
  max_connection_age: 0,
  preread_timeout: 5 * SECOND,
  proxy_protocol: 'off',
  proxy_protocol_trusted: [],
  on_no_backend: 'reset',
  tcp_nodelay: true,
  tcp_keepalive: MINUTE,
  sni: [],
  dsr_rewrite: 'ip',
};

const FRONTEND_TLS: FrontendTlsConfig = {
  certificates: [],
  min_version: '1.2',
  alpn: [],
  client_ca: '',
  handshake_timeout: 10 * SECOND,
};

const BACKEND: Omit<
  BackendConfig,
  'health' | 'outlier' | 'sticky' | 'servers' | 'discovery' | 'tls'
> = {
  balance: 'roundrobin',
  mh_table: 65_537,
  hash: 'ip-port',
  quorum: 1,
  hysteresis: 0,
  connect_timeout: 5 * SECOND,
  connect_retries: 2,
  retry_delay: 250,
  queue_timeout: 5 * SECOND,
  max_queue: 1024,
  send_proxy_protocol: 'off',
  proxy_protocol_tlv: [],
  slow_start: 0,
  panic_threshold: 0,
  on_marked_down: 'keep',
  source_addr: '',
  health_check_interval: 5 * SECOND,
};

const HEALTH: HealthConfig = {
  type: 'tcp',
  timeout: 3 * SECOND,
  rise: 2,
  fall: 3,
  fast_interval: SECOND,
  port: 0,
  send: '',
  expect: '',
  path: '/',
  host: '',
  status: '200-399',
  command: [],
};

const OUTLIER: OutlierConfig = {
  consecutive_failures: 5,
  base_ejection: 30 * SECOND,
  max_ejection: 5 * MINUTE,
  max_ejection_percent: 50,
};

const STICKY: StickyConfig = { by: 'source_ip', ttl: 30 * MINUTE, max_entries: 100_000 };

const DISCOVERY: DiscoveryConfig = {
  type: 'dns',
  name: '',
  interval: 10 * SECOND,
  on_failure: 'keep',
};

const BACKEND_TLS: BackendTlsConfig = { verify: true, servername: '', ca: '' };

const SERVER: Omit<ServerConfig, 'addr'> = {
  weight: 1,
  max_connections: 0,
  min_connections: 0,
  priority: 0,
  backup: false,
  disabled: false,
  zone: '',
  interface: '',
  mac: '',
  vlan: 0,
  inner_mac: '',
};

/** Completes a file that passed its checks. */
export function withDefaults(file: ConfigFile): LoadBalancerConfig {
  const { defaults = {} } = file;
  return {
    global: completeGlobal(file.global ?? {}),
    frontends: mapValues(file.frontends, (table) => completeFrontend(table, defaults)),
    backends: completeBackends(file, defaults),
    ...(file.stats && { stats: completeStats(file.stats) }),
    ...(file.passthrough && { passthrough: complete({}, file.passthrough) }),
    ...(file.l4 && { l4: completeL4(file.l4) }),
  };
}

function completeGlobal(table: GlobalTable): GlobalConfig {
  const { log, access_log, ...plain } = table;
  const global = complete(GLOBAL, plain);
  return {
    ...global,
    drain_timeout: plain.drain_timeout ?? global.shutdown_timeout,
    log: complete(LOG, log),
    ...(access_log && { access_log: complete(ACCESS_LOG, access_log) }),
  };
}

function completeFrontend(table: FrontendTable, defaults: FrontendTable): FrontendConfig {
  const { udp, tls, l4, ...plain } = table;
  return {
    listen_addr: table.listen_addr ?? [],
    backend: table.backend ?? '',
    ...complete(FRONTEND, pick(defaults, FRONTEND), plain),
    udp: complete(UDP, defaults.udp, udp),
    l4: completeFrontendL4(defaults.l4, l4),
    ...(tls && { tls: complete(FRONTEND_TLS, tls) }),
  };
}

/** Addresses of a pool are this host's own: nothing is checked unless the pool itself says so. */
function completeBackends(
  { frontends, backends }: ConfigFile,
  defaults: NonNullable<ConfigFile['defaults']>,
): Record<string, BackendConfig> {
  const modes = Object.values(frontends ?? {}).map(({ backend, mode }) => ({
    backend,
    mode: mode ?? defaults.mode,
  }));
  const pools = new Set(modes.flatMap(({ backend, mode }) => (mode === 'snat' ? [backend] : [])));
  return Object.fromEntries(
    Object.entries(backends ?? {}).map(([name, table]) => [
      name,
      completeBackend(pools.has(name) ? { health_check_interval: 0, ...table } : table, defaults),
    ]),
  );
}

function completeBackend(table: BackendTable, defaults: BackendTable): BackendConfig {
  const { health, outlier, sticky, servers, discovery, tls, ...plain } = table;
  return {
    ...complete(BACKEND, pick(defaults, BACKEND), plain),
    health: complete(HEALTH, defaults.health, health),
    ...((outlier ?? defaults.outlier) && { outlier: complete(OUTLIER, defaults.outlier, outlier) }),
    ...((sticky ?? defaults.sticky) && { sticky: complete(STICKY, defaults.sticky, sticky) }),
    servers: mapValues(servers, completeServer),
    ...(discovery && { discovery: complete(DISCOVERY, discovery) }),
    ...(tls && { tls: complete(BACKEND_TLS, tls) }),
  };
}

/** A server with every default; the address comes from elsewhere when the table has none. */
export function completeServer(table: {
  readonly [K in keyof ServerConfig]?: ServerConfig[K] | undefined;
}): ServerConfig {
  return complete(SERVER, table) as ServerConfig;
}

function completeStats({ port, ...table }: StatsTable): StatsConfig {
  const loopback: Address = { kind: 'inet', host: '127.0.0.1', port: port ?? 7000 };
  return { listen_addr: loopback, allow_remote: false, ...given(table) };
}

/** Those keys of `table` that `like` has. */
function pick<T extends object, L extends object>(table: T, like: L): Pick<T, keyof T & keyof L> {
  const entries = Object.entries(table).filter(([key]) => key in like);
  return Object.fromEntries(entries) as Pick<T, keyof T & keyof L>;
}

function mapValues<T, R>(
  record: Readonly<Record<string, T>> | undefined,
  map: (value: T) => R,
): Record<string, R> {
  return Object.fromEntries(Object.entries(record ?? {}).map(([key, value]) => [key, map(value)]));
}
