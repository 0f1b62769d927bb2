/**
 * The load balancer's configuration after defaults: what the rest of the program reads.
 *
 * Keys are spelled as in the file, so that an error message, `--print-config`, the admin API and
 * the code name the same thing. Every time is in milliseconds and every size in bytes, whatever
 * the file wrote; 0 switches a limit or timeout off.
 *
 * @module
 */
import type { Address, LogFormat, LogLevel, Secret } from '@balancer/kit';
import type { FlowHash, FrontendL4Config, L4Config, LvsScheduler, PacketMode } from './l4-types.ts';

/** A span of time in whole milliseconds. */
export type Milliseconds = number;

/** A quantity of memory or data in bytes. */
export type Bytes = number;

/** How packets of a frontend travel; the mode names the data plane that serves it. */
export type Mode = 'proxy' | PacketMode | 'snat' | 'nat64';

/** What a frontend speaks with its clients. */
export type Protocol = 'tcp' | 'tls' | 'udp';

/** What a client gets when no server can take its connection. */
export type OnNoBackend = 'reset' | 'close' | 'unlisten';

/** Version of the PROXY protocol header that a frontend expects; `any` takes either. */
export type ProxyProtocolIn = 'off' | 'v1' | 'v2' | 'any';

/** Version of the PROXY protocol header sent to a server. */
export type ProxyProtocolOut = 'off' | 'v1' | 'v2';

/** Optional fields of an outgoing PROXY protocol version 2 header. */
export type ProxyProtocolTlv = 'authority' | 'alpn' | 'unique_id' | 'crc32c' | 'ssl';

/** How a backend chooses the server of a new connection. */
export type Balance =
  | 'roundrobin'
  | 'leastconn'
  | 'p2c'
  | 'random'
  | 'first'
  | 'leasttime'
  | 'source'
  | 'ring'
  | 'rendezvous'
  | 'bounded'
  | `lvs:${LvsScheduler}`;

/** The whole file. */
export interface LoadBalancerConfig {
  readonly global: GlobalConfig;
  readonly frontends: Readonly<Record<string, FrontendConfig>>;
  readonly backends: Readonly<Record<string, BackendConfig>>;
  readonly stats?: StatsConfig;
  /** Settings of Convey's packet modes; accepted and without effect. */
  readonly passthrough?: PassthroughConfig;
  /** Settings of the packet plane. */
  readonly l4?: L4Config;
}

export interface GlobalConfig {
  /** Processes that accept; `auto` is one per CPU. */
  readonly workers: number | 'auto';
  /** Connections that may be open at once; `auto` follows from the descriptor limit. */
  readonly max_connections: number | 'auto';
  /** How long a stopping process or a removed server may keep its connections. */
  readonly shutdown_timeout: Milliseconds;
  /** Like `shutdown_timeout`, for servers and frontends that a reload removes; 0 waits for ever. */
  readonly drain_timeout: Milliseconds;
  readonly log: LogConfig;
  /** Absent: no access log. */
  readonly access_log?: AccessLogConfig;
  /** Zone that this process runs in; servers of the same zone are preferred. */
  readonly zone: string;
}

export interface LogConfig {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** `stderr`, `stdout` or the path of a file. */
  readonly output: string;
}

export interface AccessLogConfig {
  readonly output: string;
  readonly format: LogFormat;
  /** Share of connections that are logged, from 0 to 1. */
  readonly sample: number;
}

export interface FrontendConfig {
  readonly listen_addr: readonly Address[];
  readonly protocol: Protocol;
  /** Name of the backend; `""` resets what no SNI rule matches. */
  readonly backend: string;
  readonly mode: Mode;
  readonly backlog: number;
  readonly max_connections: number;
  readonly max_connections_per_ip: number;
  /** New connections per second. */
  readonly connection_rate: number;
  readonly connection_burst: number;
  readonly connection_rate_per_ip: number;
  /** Networks that may connect, and in packet modes names of sets; empty lets everybody in. */
  readonly allow: readonly string[];
  /** Networks that may not; looked at before `allow`. */
  readonly deny: readonly string[];
  readonly idle_timeout: Milliseconds;
  readonly half_close_timeout: Milliseconds;
  readonly max_connection_age: Milliseconds;
  /** Longest wait for a PROXY header or a ClientHello. */
  readonly preread_timeout: Milliseconds;
  readonly proxy_protocol: ProxyProtocolIn;
  readonly proxy_protocol_trusted: readonly string[];
  readonly on_no_backend: OnNoBackend;
  readonly tcp_nodelay: boolean;
  readonly tcp_keepalive: Milliseconds;
  readonly sni: readonly SniRule[];
  /** Settings of Convey's packet mode; accepted and without effect. */
  readonly xdp?: Readonly<Record<string, unknown>>;
  readonly tls?: FrontendTlsConfig;
  readonly udp: UdpConfig;
  /** `mac` makes Convey's mode `dsr` the mode `dr`. */
  readonly dsr_rewrite: 'ip' | 'mac';
  /** Settings of the packet plane. */
  readonly l4: FrontendL4Config;
}

export interface SniRule {
  readonly hosts: readonly string[];
  readonly backend: string;
}

export interface CertificateConfig {
  readonly cert: string;
  readonly key: string;
}

export interface FrontendTlsConfig {
  readonly cert?: string;
  readonly key?: string;
  /** Further certificates, chosen by the name that the client asks for. */
  readonly certificates: readonly CertificateConfig[];
  readonly min_version: '1.2' | '1.3';
  readonly alpn: readonly string[];
  /** Path of the authorities that client certificates must come from; `""` asks for none. */
  readonly client_ca: string;
  readonly handshake_timeout: Milliseconds;
}

export interface UdpConfig {
  readonly idle_timeout: Milliseconds;
  readonly max_sessions: number;
  readonly max_responses: number;
  readonly max_requests: number;
}

export interface BackendConfig {
  readonly balance: Balance;
  /** Slots of the packet plane's table for `source` and `lvs:mh`: one of a few primes. */
  readonly mh_table: number;
  /** What the packet plane places flows by, for `source`, `ring`, `lvs:mh`, `lvs:conhash`. */
  readonly hash: FlowHash;
  /** Packet plane: weight of servers that are up below which the service is given up. */
  readonly quorum: number;
  /** What the weight must differ from the quorum before the verdict changes. */
  readonly hysteresis: number;
  /** Packet plane: takes the new flows while the quorum is lost. */
  readonly sorry_server?: Address;
  readonly connect_timeout: Milliseconds;
  readonly connect_retries: number;
  readonly retry_delay: Milliseconds;
  readonly queue_timeout: Milliseconds;
  readonly max_queue: number;
  readonly send_proxy_protocol: ProxyProtocolOut;
  readonly proxy_protocol_tlv: readonly ProxyProtocolTlv[];
  readonly slow_start: Milliseconds;
  /** Below this percentage of usable servers, health is ignored; 0 is never. */
  readonly panic_threshold: number;
  readonly on_marked_down: 'keep' | 'close';
  readonly source_addr: string;
  /** Time between two checks of a server; 0 switches checks off. */
  readonly health_check_interval: Milliseconds;
  readonly health: HealthConfig;
  readonly outlier?: OutlierConfig;
  readonly sticky?: StickyConfig;
  readonly servers: Readonly<Record<string, ServerConfig>>;
  readonly discovery?: DiscoveryConfig;
  readonly tls?: BackendTlsConfig;
}

/** Ways to ask a server whether it works. */
export const HEALTH_CHECK_TYPES = [
  'tcp',
  'send_expect',
  'tls',
  'http',
  'https',
  'udp',
  'ping',
  'exec',
] as const;

export type HealthCheckType = (typeof HEALTH_CHECK_TYPES)[number];

export interface HealthConfig {
  readonly type: HealthCheckType;
  readonly timeout: Milliseconds;
  readonly rise: number;
  readonly fall: number;
  /** Interval while a change of state is pending. */
  readonly fast_interval: Milliseconds;
  /** Port to check; 0 is the server's own. */
  readonly port: number;
  readonly send: string;
  readonly expect: string;
  readonly path: string;
  /** `Host` header and TLS name of `http` and `https`; `""` is the server's address. */
  readonly host: string;
  readonly status: string;
  /** Program and arguments of an `exec` check. */
  readonly command: readonly string[];
}

export interface OutlierConfig {
  readonly consecutive_failures: number;
  readonly base_ejection: Milliseconds;
  readonly max_ejection: Milliseconds;
  readonly max_ejection_percent: number;
}

export interface StickyConfig {
  readonly by: 'source_ip';
  readonly ttl: Milliseconds;
  readonly max_entries: number;
}

export interface ServerConfig {
  readonly addr: Address;
  /** 0 to 65535; 0 takes no new connections. */
  readonly weight: number;
  readonly max_connections: number;
  /** Packet modes: a server that reached `max_connections` takes new ones below this; 0 is three quarters. */
  readonly min_connections: number;
  /** Lower is preferred. */
  readonly priority: number;
  /** Same as adding 1000 to `priority`. */
  readonly backup: boolean;
  readonly disabled: boolean;
  readonly zone: string;
  /** Overrides the backend's setting when set. */
  readonly send_proxy_protocol?: ProxyProtocolOut;
  /** With `mac`: where the packet plane sends packets for this server, without asking the routes. */
  readonly interface: string;
  readonly mac: string;
  /** With `mac`: the VLAN that frames to it and from it are tagged with; 0 is no tag. */
  readonly vlan: number;
  /** Tunnel `vxlan`: MAC address of the server's end. Empty: the one that `backend-setup` gives it. */
  readonly inner_mac: string;
}

export interface DiscoveryConfig {
  readonly type: 'dns' | 'srv' | 'file' | 'http' | 'consul' | 'kubernetes';
  readonly name: string;
  readonly interval: Milliseconds;
  readonly on_failure: 'keep' | 'empty';
}

export interface BackendTlsConfig {
  readonly verify: boolean;
  readonly servername: string;
  readonly ca: string;
}

export interface StatsConfig {
  /** The listener that serves statistics, metrics and the admin API. */
  readonly listen_addr: Address;
  readonly allow_remote: boolean;
  /** Absent: no writes. */
  readonly token?: Secret;
}

export interface PassthroughConfig {
  readonly connection_tracker_capacity?: number;
  readonly workers?: number;
  readonly stats_update_frequency?: number;
}

export type * from './l4-types.ts';
