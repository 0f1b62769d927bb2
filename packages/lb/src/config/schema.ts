/**
 * The shape of the configuration file: which keys exist, of which type, in which range. Every key
 * is optional here; defaults.ts fills in what a file leaves out, check.ts judges how the parts
 * fit together.
 *
 * @module
 */
import { isIP } from 'node:net';
import {
  type Address,
  cidrList,
  duration,
  endpointAddress,
  integer,
  listenAddress,
  LOG_LEVELS,
  parseAddress,
  formatAddress,
  secret,
  z,
} from '@balancer/kit';
import {
  frontendL4Schema,
  type FrontendL4Table,
  l4Schema,
  type L4Table,
  networksOrSets,
  VLAN_MAX,
} from './l4-schema.ts';
import { LVS_SCHEDULERS, MH_TABLE_SIZES } from './l4-types.ts';
import {
  type BackendConfig,
  type BackendTlsConfig,
  type DiscoveryConfig,
  type FrontendConfig,
  type FrontendTlsConfig,
  type GlobalConfig,
  HEALTH_CHECK_TYPES,
  type HealthConfig,
  type AccessLogConfig,
  type LogConfig,
  type OutlierConfig,
  type PassthroughConfig,
  type ServerConfig,
  type StatsConfig,
  type StickyConfig,
  type UdpConfig,
} from './types.ts';

/** A table of the file: its nested tables are as incomplete as itself. */
type Given<T> = { readonly [K in keyof T]?: T[K] | undefined };

export interface FrontendTable extends Omit<Given<FrontendConfig>, 'udp' | 'tls' | 'l4'> {
  readonly udp?: Given<UdpConfig> | undefined;
  readonly l4?: FrontendL4Table | undefined;
  readonly tls?: Given<FrontendTlsConfig> | undefined;
}

export interface BackendTable extends Omit<
  Given<BackendConfig>,
  'health' | 'outlier' | 'sticky' | 'servers' | 'discovery' | 'tls'
> {
  readonly health?: Given<HealthConfig> | undefined;
  readonly outlier?: Given<OutlierConfig> | undefined;
  readonly sticky?: Given<StickyConfig> | undefined;
  readonly servers?: Readonly<Record<string, ServerTable>> | undefined;
  readonly discovery?: Given<DiscoveryConfig> | undefined;
  readonly tls?: Given<BackendTlsConfig> | undefined;
}

export type ServerTable = Given<ServerConfig>;

export interface GlobalTable extends Omit<Given<GlobalConfig>, 'log' | 'access_log'> {
  readonly log?: Given<LogConfig> | undefined;
  readonly access_log?: Given<AccessLogConfig> | undefined;
}

export interface StatsTable extends Given<StatsConfig> {
  /** Convey's key: a port on 127.0.0.1. */
  readonly port?: number | undefined;
}

/** Keys that `[defaults]` may set for every frontend and backend. */
type DefaultsTable = Omit<FrontendTable, 'listen_addr' | 'backend' | 'tls'> &
  Omit<BackendTable, 'servers' | 'discovery' | 'tls'>;

/** What a file says, before defaults. */
export interface ConfigFile {
  readonly global?: GlobalTable | undefined;
  readonly defaults?: DefaultsTable | undefined;
  readonly frontends?: Readonly<Record<string, FrontendTable>> | undefined;
  readonly backends?: Readonly<Record<string, BackendTable>> | undefined;
  readonly stats?: StatsTable | undefined;
  readonly passthrough?: Given<PassthroughConfig> | undefined;
  readonly l4?: L4Table | undefined;
}

const COUNT_MAX = 2 ** 31 - 1;

const count = integer({ min: 0, max: COUNT_MAX });
const positive = integer({ min: 1, max: COUNT_MAX });
const text = z.string();
const flag = z.boolean();

/** One address, or a list of them. Always a list in the program. */
const listenAddresses: z.ZodType<readonly Address[], string | string[]> = z.codec(
  z.union([z.string(), z.array(z.string())]),
  z.custom<readonly Address[]>(),
  {
    decode: (input, context) => {
      const results = [input].flat().map((one) => ({ one, result: parseAddress(one) }));
      for (const { one, result } of results) {
        if (!result.ok) {
          context.issues.push({ code: 'custom', message: result.message, input: one });
        }
      }
      return results.flatMap(({ result }) => (result.ok ? [result.address] : []));
    },
    encode: (addresses) => {
      const texts = addresses.map(formatAddress);
      return texts.length === 1 ? texts[0]! : texts;
    },
  },
);

/** A number, or the word `auto`. */
function autoOr(bounds: { min: number; max: number }): z.ZodType<number | 'auto'> {
  return z.union([z.literal('auto'), integer(bounds)]);
}

/** Convey wrote the port as a string. */
const portNumber: z.ZodType<number, number | string> = z.codec(
  z.union([z.int(), z.string()]),
  integer({ min: 0, max: 65_535 }),
  { decode: Number, encode: (port) => port },
);

/** `dsr` is Convey's name for `dr-ip`. */
const MODE_ALIASES = { dsr: 'dr-ip' } as const;

const modeNames = z.enum([
  'proxy',
  'nat',
  'fnat',
  'dr',
  'dr-ip',
  'tunnel',
  'passthrough',
  'snat',
  'nat64',
]);

const mode: z.ZodType<z.infer<typeof modeNames>, string> = z.codec(
  z.enum([...modeNames.options, 'dsr']),
  modeNames,
  {
    decode: (name) => (name === 'dsr' ? MODE_ALIASES[name] : name),
    encode: (name) => name,
  },
);

const health = z.strictObject({
  type: z.enum(HEALTH_CHECK_TYPES).optional(),
  timeout: duration({ minMs: 1 }).optional(),
  rise: positive.optional(),
  fall: positive.optional(),
  fast_interval: duration({ minMs: 1 }).optional(),
  port: integer({ min: 0, max: 65_535 }).optional(),
  send: text.optional(),
  expect: text.optional(),
  path: text.optional(),
  host: text.optional(),
  status: text.optional(),
  command: z.array(text).optional(),
});

const sniRule = z.strictObject({ hosts: z.array(text).min(1), backend: text });

const udp = z.strictObject({
  idle_timeout: duration().optional(),
  max_sessions: positive.optional(),
  max_responses: count.optional(),
  max_requests: count.optional(),
});

const frontendTls = z.strictObject({
  cert: text.optional(),
  key: text.optional(),
  certificates: z.array(z.strictObject({ cert: text, key: text })).optional(),
  min_version: z.enum(['1.2', '1.3']).optional(),
  alpn: z.array(text).optional(),
  client_ca: text.optional(),
  handshake_timeout: duration().optional(),
});

/** Keys of a frontend that `[defaults]` may hold too. */
const frontendShared = {
  protocol: z.enum(['tcp', 'tls', 'udp']).optional(),
  mode: mode.optional(),
  backlog: positive.optional(),
  max_connections: count.optional(),
  max_connections_per_ip: count.optional(),
  connection_rate: count.optional(),
  connection_burst: count.optional(),
  connection_rate_per_ip: count.optional(),
  allow: networksOrSets().optional(),
  deny: networksOrSets().optional(),
  idle_timeout: duration().optional(),
  half_close_timeout: duration().optional(),
  max_connection_age: duration().optional(),
  preread_timeout: duration().optional(),
  proxy_protocol: z.enum(['off', 'v1', 'v2', 'any']).optional(),
  proxy_protocol_trusted: cidrList().optional(),
  on_no_backend: z.enum(['reset', 'close', 'unlisten']).optional(),
  tcp_nodelay: flag.optional(),
  tcp_keepalive: duration().optional(),
  sni: z.array(sniRule).optional(),
  udp: udp.optional(),
  dsr_rewrite: z.enum(['ip', 'mac']).optional(),
  l4: frontendL4Schema.optional(),
};

const frontend = z.strictObject({
  listen_addr: listenAddresses.optional(),
  backend: text.optional(),
  ...frontendShared,
  tls: frontendTls.optional(),
  xdp: z.record(text, z.unknown()).optional(),
});

/** An address with a port, or by itself: one of a pool of mode `snat`, whose port is 0. */
const serverAddress: z.ZodType<Address, string> = z.codec(z.string(), z.custom<Address>(), {
  decode: (input, context) => {
    if (isIP(input) !== 0) return { kind: 'inet' as const, host: input, port: 0 };
    const parsed = endpointAddress().safeParse(input);
    if (parsed.success) return parsed.data;
    for (const { message } of parsed.error.issues) {
      context.issues.push({ code: 'custom', message, input });
    }
    return z.NEVER;
  },
  encode: (address) =>
    address.kind === 'inet' && address.port === 0 ? address.host : formatAddress(address),
});

const macAddress = text.refine(
  (given) => given === '' || /^[\da-f]{2}(:[\da-f]{2}){5}$/i.test(given),
  {
    error: ({ input }) =>
      `needs a MAC address such as "02:00:00:00:00:01"; got ${JSON.stringify(input)}`,
  },
);

/** One server, as a table of the file. */
const server = z.strictObject({
  addr: serverAddress.optional(),
  weight: integer({ min: 0, max: 65_535 }).optional(),
  max_connections: count.optional(),
  min_connections: count.optional(),
  priority: integer({ min: 0, max: 65_535 }).optional(),
  backup: flag.optional(),
  disabled: flag.optional(),
  zone: text.optional(),
  send_proxy_protocol: z.enum(['off', 'v1', 'v2']).optional(),
  interface: text.optional(),
  mac: macAddress.optional(),
  vlan: integer({ min: 0, max: VLAN_MAX }).optional(),
  inner_mac: macAddress.optional(),
});

/** The same in a list that was discovered, whose addresses have ports. */
export const serverSchema: z.ZodType<Given<ServerConfig>> = server.extend({
  addr: endpointAddress().optional(),
});

/** Keys of a backend that `[defaults]` may hold too. */
const backendShared = {
  balance: z
    .enum([
      'roundrobin',
      'leastconn',
      'p2c',
      'random',
      'first',
      'leasttime',
      'source',
      'ring',
      'rendezvous',
      'bounded',
      ...LVS_SCHEDULERS.map((name) => `lvs:${name}` as const),
    ])
    .optional(),
  mh_table: z
    .int()
    .refine((size) => MH_TABLE_SIZES.includes(size), {
      error: ({ input }) => `must be one of ${MH_TABLE_SIZES.join(', ')}; got ${String(input)}`,
    })
    .optional(),
  hash: z.enum(['ip', 'ip-port', 'dst-ip']).optional(),
  quorum: integer({ min: 1, max: COUNT_MAX }).optional(),
  hysteresis: integer({ min: 0, max: COUNT_MAX }).optional(),
  connect_timeout: duration().optional(),
  connect_retries: integer({ min: 0, max: 100 }).optional(),
  retry_delay: duration().optional(),
  queue_timeout: duration().optional(),
  max_queue: count.optional(),
  send_proxy_protocol: z.enum(['off', 'v1', 'v2']).optional(),
  proxy_protocol_tlv: z
    .array(z.enum(['authority', 'alpn', 'unique_id', 'crc32c', 'ssl']))
    .optional(),
  slow_start: duration().optional(),
  panic_threshold: integer({ min: 0, max: 100 }).optional(),
  on_marked_down: z.enum(['keep', 'close']).optional(),
  source_addr: text.optional(),
  health_check_interval: duration().optional(),
  health: health.optional(),
  outlier: z
    .strictObject({
      consecutive_failures: positive.optional(),
      base_ejection: duration({ minMs: 1 }).optional(),
      max_ejection: duration({ minMs: 1 }).optional(),
      max_ejection_percent: integer({ min: 0, max: 100 }).optional(),
    })
    .optional(),
  sticky: z
    .strictObject({
      by: z.literal('source_ip').optional(),
      ttl: duration({ minMs: 1 }).optional(),
      max_entries: positive.optional(),
    })
    .optional(),
};

const backend = z.strictObject({
  ...backendShared,
  sorry_server: endpointAddress().optional(),
  servers: z.record(text, server).optional(),
  discovery: z
    .strictObject({
      type: z.enum(['dns', 'srv', 'file', 'http', 'consul', 'kubernetes']).optional(),
      name: text.optional(),
      interval: duration({ minMs: 1 }).optional(),
      on_failure: z.enum(['keep', 'empty']).optional(),
    })
    .optional(),
  tls: z
    .strictObject({ verify: flag.optional(), servername: text.optional(), ca: text.optional() })
    .optional(),
});

const global = z.strictObject({
  workers: autoOr({ min: 1, max: 256 }).optional(),
  max_connections: autoOr({ min: 1, max: COUNT_MAX }).optional(),
  shutdown_timeout: duration().optional(),
  drain_timeout: duration().optional(),
  zone: text.optional(),
  log: z
    .strictObject({
      level: z.enum(LOG_LEVELS).optional(),
      format: z.enum(['json', 'text']).optional(),
      output: text.optional(),
    })
    .optional(),
  access_log: z
    .strictObject({
      output: text.optional(),
      format: z.enum(['json', 'text']).optional(),
      sample: z.number().min(0).max(1).optional(),
    })
    .optional(),
});

/** Reads a file into {@link ConfigFile} and writes an effective configuration back. */
export const configFileSchema: z.ZodType<ConfigFile> = z.strictObject({
  global: global.optional(),
  defaults: z.strictObject({ ...frontendShared, ...backendShared }).optional(),
  frontends: z.record(text, frontend).optional(),
  backends: z.record(text, backend).optional(),
  stats: z
    .strictObject({
      listen_addr: listenAddress().optional(),
      port: portNumber.optional(),
      allow_remote: flag.optional(),
      token: secret().optional(),
    })
    .optional(),
  passthrough: z
    .strictObject({
      connection_tracker_capacity: count.optional(),
      workers: count.optional(),
      stats_update_frequency: count.optional(),
    })
    .optional(),
  l4: l4Schema.optional(),
});
