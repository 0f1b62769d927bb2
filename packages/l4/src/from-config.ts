/**
 * From frontends and backends of the configuration to services of the packet plane.
 *
 * @module
 */
import type { Address } from '@balancer/kit';
import {
  type Backend,
  type BackendConfig,
  type Frontend,
  type FrontendConfig,
  type L4Config,
  readPortRange,
  type Server,
  type ServerConfig,
} from '@balancer/lb';
import { formatIp, parseIp, tryParseIp } from '@balancer/ebpf';
import { DEFAULT_PORTS } from './constants.ts';
import type {
  Admission,
  BackendSpec,
  ForwardMode,
  HashMode,
  PlaneSettings,
  SchedulerName,
  ServiceKey,
  ServiceSpec,
} from './desired.ts';
import { formatServiceKey } from './desired.ts';
import type { EngineOptions } from './engine.ts';
import { matchFamilies, matchOf } from './match.ts';
import { anyAddress, protocolOf } from './match-key.ts';
import { type AddressSets, setReference } from './named-sets.ts';
import type { QuorumRule } from './quorum.ts';
import type { DestCheck } from './passive-health.ts';
import { INNER_MAC, type TunnelSpec } from './tunnel.ts';

/** Ports of the service's address that `passthrough` takes for packets to servers. */
const PASSTHROUGH_PORTS = [33_768, 61_000] as const;

/** A server, whether it runs already or only stands in the file. */
interface ServerFacts {
  readonly addr: Address;
  readonly weight: number;
  readonly upper: number;
  readonly lower: number;
  readonly health: BackendSpec['health'];
  readonly interface: string;
  readonly mac: string;
  readonly innerMac: string;
  readonly vlan: number;
}

/** Services of running frontends, with the health of their servers. */
export function servicesOf(frontends: Iterable<Frontend>, sets: AddressSets): ServiceSpec[] {
  return [...frontends].flatMap(({ config, backend }) =>
    backend ? servicesOfFrontend(config, backend.config, { servers: factsOf(backend), sets }) : [],
  );
}

/** Services that a file asks for, before anything of it runs. */
export function servicesInFile(
  frontends: Iterable<FrontendConfig>,
  backends: ReadonlyMap<string, BackendConfig>,
  sets: AddressSets,
): ServiceSpec[] {
  return [...frontends].flatMap((config) => {
    const backend = backends.get(config.backend);
    if (!backend) return [];
    const servers = Object.values(backend.servers).map((server) => fileFacts(server));
    return servicesOfFrontend(config, backend, { servers, sets });
  });
}

/** What each service of the frontends is held to, by the text of its key. */
export function quorumRules(
  frontends: Iterable<FrontendConfig>,
  backends: (name: string) => BackendConfig | undefined,
): Map<string, QuorumRule> {
  return new Map(
    [...frontends].flatMap((frontend) => {
      const backend = backends(frontend.backend);
      if (!backend) return [];
      const { quorum, hysteresis, sorry_server: sorry } = backend;
      const port = sorry?.kind === 'inet' ? sorry.port : 0;
      const facts =
        sorry &&
        ({
          addr: sorry,
          weight: 1,
          upper: 0,
          lower: 0,
          health: 'up',
          interface: '',
          mac: '',
          innerMac: '',
          vlan: 0,
        } as const);
      const sorryServer = facts && backendOf(facts, frontend, port)[0];
      return serviceKeysOf(frontend).map(
        (key) => [key, { quorum, hysteresis, sorryServer }] as const,
      );
    }),
  );
}

/** Texts of the services' keys of a frontend, those included for which a pool has no address. */
export function serviceKeysOf(frontend: FrontendConfig): string[] {
  return keysOf(frontend).map(formatServiceKey);
}

/** What holds for all services. */
export function settingsOf(l4: L4Config): PlaneSettings {
  const { timeouts } = l4.conntrack;
  const seconds = (ms: number): number => Math.ceil(ms / 1000);
  const [portLow, portHigh] = DEFAULT_PORTS;
  return {
    timeouts: {
      NONE: 0,
      ESTABLISHED: seconds(timeouts.established),
      SYN_RECV: seconds(timeouts.syn_recv),
      FIN_WAIT: seconds(timeouts.fin_wait),
      CLOSE_WAIT: seconds(timeouts.fin_wait),
      LAST_ACK: seconds(timeouts.last_ack),
      TIME_WAIT: seconds(timeouts.time_wait),
      CLOSE: seconds(timeouts.close),
      SP_WAIT: 10,
      UDP: seconds(timeouts.udp),
      UDP_ONEWAY: seconds(timeouts.udp_oneway),
      ICMP: seconds(timeouts.icmp),
    },
    newFlowCap: l4.new_flow_cap,
    portLow,
    portHigh,
    tunnelSources: l4.tunnel_source,
    ...(l4.cookie_secret && { cookieSecret: l4.cookie_secret.reveal() }),
    replyPath: l4.reply_path,
    unknownPort: l4.unknown_port,
    drainTimeoutS: seconds(l4.drain_timeout),
  };
}

/** Where the plane is and how large its maps are. */
export function engineOptions(
  l4: L4Config,
  frontends: ReadonlyMap<string, FrontendConfig>,
  backends: ReadonlyMap<string, BackendConfig>,
): EngineOptions {
  const forced = [...frontends.values()].flatMap((frontend) => {
    const services = frontend.listen_addr.flatMap((a) => (a.kind === 'inet' ? [a.host] : []));
    if (frontend.mode === 'passthrough') return services;
    if (!frontend.l4.force) return [];
    const pool = frontend.mode === 'snat' ? poolOf(backends.get(frontend.backend)) : [];
    return [...frontend.l4.local_addresses.flatMap(expandRange), ...pool];
  });
  return {
    pinPath: l4.pin_path,
    hook: l4.hook,
    interfaces: l4.interfaces,
    manageVips: l4.manage_vips,
    forcedAddresses: forced,
    sizes: {
      flows: l4.conntrack.max_entries,
      services: l4.limits.max_services,
      backends: l4.limits.max_backends,
      localAddresses: l4.limits.max_local_addresses,
      rejectWhenFull: l4.conntrack.eviction === 'reject',
    },
  };
}

/** Addresses of a pool of mode `snat`. */
function poolOf(backend: BackendConfig | undefined): string[] {
  return Object.values(backend?.servers ?? {}).flatMap(({ addr }) =>
    addr.kind === 'inet' ? [tryPlainIp(addr.host)] : [],
  );
}

/** Addresses of `first-last`, both included, at most 4096. */
function expandRange(range: string): string[] {
  const [first = '', last = first] = range.split('-');
  const start = parseIp(first);
  const end = parseIp(last);
  const addresses: string[] = [];
  for (const at = start.slice(); addresses.length < RANGE_MAX; increment(at)) {
    addresses.push(formatIp(at));
    if (Buffer.compare(at, end) >= 0) break;
  }
  return addresses;
}

const RANGE_MAX = 4096;

function increment(address: Uint8Array): void {
  for (let index = address.length - 1; index >= 0; index--) {
    address[index]!++;
    if (address[index] !== 0) return;
  }
}

function servicesOfFrontend(
  frontend: FrontendConfig,
  backend: BackendConfig,
  { servers, sets }: { readonly servers: readonly ServerFacts[]; readonly sets: AddressSets },
): ServiceSpec[] {
  const { l4, on_no_backend } = frontend;
  const mode = frontend.mode;
  const { scheduler, hash } = schedulerOf(backend);
  const closesWhenDown = backend.on_marked_down === 'close';
  return keysOf(frontend).flatMap((key): ServiceSpec[] => {
    const { address, port, match } = key;
    const all = servers
      .flatMap((server) => backendOf(server, frontend, port))
      .map((spec) => (closesWhenDown ? { ...spec, closesWhenDown } : spec));
    const backends = match ? all.filter((each) => isSameFamily(each.address, address)) : all;
    if (match && backends.length === 0) return [];
    return [
      {
        ...key,
        scheduler,
        hash,
        mhTable: backend.mh_table,
        fallback: true,
        persistenceS: Math.ceil(l4.persistence / 1000),
        persistenceMask: l4.persistence_mask,
        persistencePrefix6: l4.persistence_prefix6,
        ...(l4.vlan > 0 && { vlan: l4.vlan }),
        ...(l4.dest_check !== 'off' && { destCheck: destCheckOf(l4.dest_check) }),
        connTimeoutS: Math.ceil(l4.conn_timeout / 1000),
        expireQuiescent: l4.expire_quiescent,
        synProxy: l4.synproxy,
        clientAddress: clientAddressOf(frontend, backend),
        resetOnNoBackend: on_no_backend === 'reset',
        onePacket: false,
        maxConnections: frontend.max_connections,
        admission: admissionOf(frontend, sets),
        localAddresses: match
          ? [...new Set(backends.map((each) => each.address))]
          : localAddressesOf(frontend, address, backends),
        portRange: mode === 'passthrough' ? PASSTHROUGH_PORTS : readPortRange(l4.port_range)!,
        backends,
      },
    ];
  });
}

/** Names of sets as the references that orders have, too. */
function withReferences(list: readonly string[], sets: AddressSets): string[] {
  return list.map((entry) => (sets.has(entry) ? setReference(entry) : entry));
}

/** The header of `send_proxy_protocol` is the same one. */
function clientAddressOf(
  { l4 }: FrontendConfig,
  { send_proxy_protocol }: BackendConfig,
): ServiceSpec['clientAddress'] {
  if (l4.toa) return 'toa';
  return l4.proxy_protocol === 'v2' || send_proxy_protocol === 'v2' ? 'ppv2' : 'none';
}

/** What the services of a frontend are found by. */
function keysOf({ mode, protocol, listen_addr, l4 }: FrontendConfig): ServiceKey[] {
  if (mode === 'snat') return matchKeysOf(l4);
  return listen_addr.flatMap((listen): ServiceKey[] =>
    listen.kind === 'inet'
      ? [
          {
            protocol: protocol === 'udp' ? 'udp' : 'tcp',
            address: plainIp(listen.host),
            port: listen.port,
          },
        ]
      : [],
  );
}

/** One for each protocol and family that a rule is for. */
function matchKeysOf({ match: given }: FrontendConfig['l4']): ServiceKey[] {
  const words = {
    srcRange: given.src_range,
    dstRange: given.dst_range,
    iif: given.iif,
    oif: given.oif,
  };
  const match = matchOf(words);
  return matchFamilies(words).flatMap((family) =>
    given.proto.map((proto) => ({
      protocol: protocolOf(proto, family),
      address: anyAddress(family),
      port: 0,
      match,
    })),
  );
}

function isSameFamily(a: string, b: string): boolean {
  return a.includes(':') === b.includes(':');
}

function admissionOf(frontend: FrontendConfig, sets: AddressSets): Admission {
  const { rate } = frontend.l4;
  return {
    deny: withReferences(frontend.deny, sets),
    allow: withReferences(frontend.allow, sets),
    clientConnections: frontend.max_connections_per_ip,
    clientRate: frontend.connection_rate_per_ip,
    connectionRate: frontend.connection_rate,
    connectionBurst: frontend.connection_burst || frontend.connection_rate,
    packetsPerS: rate.pps,
    bitsPerS: rate.bps,
    burstMs: rate.burst,
  };
}

/** Local addresses of the families that the servers have. */
function localAddressesOf(
  { mode, l4 }: FrontendConfig,
  service: string,
  backends: readonly BackendSpec[],
): string[] {
  if (mode === 'passthrough') return [service];
  if (mode !== 'fnat' && mode !== 'nat64') return [];
  const needsIpv6 = mode === 'fnat' && backends.some(({ address }) => address.includes(':'));
  return l4.local_addresses
    .flatMap(expandRange)
    .filter((address) => address.includes(':') === needsIpv6);
}

function modeOf({ mode, dsr_rewrite }: FrontendConfig): ForwardMode {
  if (mode === 'passthrough') return 'fnat';
  if (mode === 'dr-ip') return dsr_rewrite === 'mac' ? 'dr' : 'dr-ip';
  return mode === 'nat' || mode === 'dr' || mode === 'tunnel' || mode === 'snat' ? mode : 'fnat';
}

/** A scheduler by the shared name of a balance. */
function schedulerOf({ balance, hash }: BackendConfig): {
  readonly scheduler: SchedulerName;
  readonly hash: HashMode;
} {
  if (balance === 'leastconn') return { scheduler: 'wlc', hash };
  if (balance === 'source') return { scheduler: 'mh', hash: 'network' };
  if (balance === 'random') return { scheduler: 'random', hash };
  if (balance === 'p2c') return { scheduler: 'twos', hash };
  if (balance === 'ring') return { scheduler: 'conhash', hash };
  if (!balance.startsWith('lvs:')) return { scheduler: 'wrr', hash };
  // The schema lets only these names follow.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { scheduler: balance.slice('lvs:'.length) as SchedulerName, hash };
}

/** Servers that were discovered under a name have no place in a table of addresses. */
function backendOf(
  server: ServerFacts,
  frontend: FrontendConfig,
  servicePort: number,
): BackendSpec[] {
  const { addr, weight, upper, lower, health } = server;
  const mode = modeOf(frontend);
  if (addr.kind !== 'inet' || tryParseIp(addr.host) === undefined) return [];
  const keepsPort = mode === 'dr' || mode === 'tunnel' || servicePort === 0;
  return [
    {
      address: plainIp(addr.host),
      port: keepsPort ? 0 : addr.port,
      mode,
      weight,
      health,
      upper,
      lower,
      ...(mode === 'tunnel' &&
        frontend.l4.tunnel !== 'ipip' && { tunnel: tunnelOf(server, frontend) }),
      ...(server.mac !== '' && {
        staticL2: {
          interface: server.interface,
          mac: server.mac,
          ...(server.vlan > 0 && { vlan: server.vlan }),
        },
      }),
    },
  ];
}

function destCheckOf(check: Exclude<FrontendConfig['l4']['dest_check'], 'off'>): DestCheck {
  const seconds = (ms: number): number => Math.ceil(ms / 1000);
  return {
    downRetry: check.down_retry,
    upConfirm: check.up_confirm,
    downWaitS: seconds(check.down_wait),
    inhibitMinS: seconds(check.inhibit_min),
    inhibitMaxS: seconds(check.inhibit_max),
  };
}

function tunnelOf({ innerMac }: ServerFacts, { l4 }: FrontendConfig): TunnelSpec {
  return {
    kind: l4.tunnel,
    port: l4.tunnel_port,
    checksum: l4.tunnel_checksum,
    vni: l4.vni,
    innerMac: innerMac === '' ? INNER_MAC : innerMac,
  };
}

function factsOf({ servers }: Backend): ServerFacts[] {
  return servers.map((server) => ({
    addr: server.endpoint,
    weight: server.state === 'drain' ? 0 : server.weight,
    upper: server.config.max_connections,
    lower: server.config.min_connections,
    health: healthOf(server),
    interface: server.config.interface,
    mac: server.config.mac,
    innerMac: server.config.inner_mac,
    vlan: server.config.vlan,
  }));
}

function fileFacts({ addr, weight, ...rest }: ServerConfig): ServerFacts {
  return {
    addr,
    weight,
    upper: rest.max_connections,
    lower: rest.min_connections,
    health: 'unknown',
    interface: rest.interface,
    mac: rest.mac,
    innerMac: rest.inner_mac,
    vlan: rest.vlan,
  };
}

function healthOf({ state }: Server): BackendSpec['health'] {
  if (state === 'up' || state === 'drain') return 'up';
  return state === 'checking' ? 'unknown' : 'down';
}

/** Like `plainIp`; a text that is no address stays as it is. */
export function tryPlainIp(text: string): string {
  const bytes = tryParseIp(text);
  return bytes ? formatIp(bytes) : text;
}

/** One spelling for each address. */
function plainIp(text: string): string {
  return formatIp(parseIp(text));
}
