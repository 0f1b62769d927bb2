/**
 * What the packet plane is to do, as plain data: it crosses threads, and two equal values mean the
 * same forwarding.
 *
 * @module
 */
import { type Match, matchText } from './match.ts';
import type { Presence } from './presence.ts';
import type { DestCheck } from './passive-health.ts';
import type { TunnelSpec } from './tunnel.ts';
import type {
  CLIENT_ADDRESSES,
  HASH_MODES,
  MODES,
  PROTOCOLS,
  REPLY_PATHS,
  SCHEDULERS,
  STATES,
  SYN_PROXIES,
} from './constants.ts';

export type Protocol = keyof typeof PROTOCOLS;
export type ForwardMode = keyof typeof MODES;
export type SchedulerName = keyof typeof SCHEDULERS;
export type HashMode = keyof typeof HASH_MODES;

/** What a service is found by: where its packets are sent to, or a rule. */
export interface ServiceKey {
  readonly protocol: Protocol;
  readonly address: string;
  /** 0 is any port. */
  readonly port: number;
  /** Of mode `snat`. The address is `0.0.0.0` or `::` then, for the family, and the port 0. */
  readonly match?: Match | undefined;
}

export interface BackendSpec {
  readonly address: string;
  /** 0 keeps the packet's. */
  readonly port: number;
  readonly mode: ForwardMode;
  /** 0 takes no new flows. */
  readonly weight: number;
  /** `unknown`: no check has answered yet; the programs keep what they think of it. */
  readonly health: 'up' | 'down' | 'unknown';
  /** Takes no new flows for now: it left some unanswered. */
  readonly inhibited?: boolean;
  /** Flows at which it takes no more; 0 is no limit. */
  readonly upper: number;
  /** Flows below which it takes some again; 0 is three quarters of `upper`. */
  readonly lower: number;
  /** Its connections end when it goes down. */
  readonly closesWhenDown?: true;
  /** How packets are wrapped in mode `tunnel`; IP in IP when it is left out. */
  readonly tunnel?: TunnelSpec;
  /** Where packets for it are sent, instead of asking the routes; in this VLAN, if there is one. */
  readonly staticL2?: { readonly interface: string; readonly mac: string; readonly vlan?: number };
}

/** Who may open flows, and how much may go to the servers; 0 is no limit. */
export interface Admission {
  /** Networks of clients that may not; looked at before `allow`. */
  readonly deny: readonly string[];
  /** Networks of clients that may; nobody is left out when it is empty. */
  readonly allow: readonly string[];
  /** Flows of one client at a time. */
  readonly clientConnections: number;
  /** New flows of one client per second. */
  readonly clientRate: number;
  /** New flows per second, and how many may come at once. */
  readonly connectionRate: number;
  readonly connectionBurst: number;
  readonly packetsPerS: number;
  readonly bitsPerS: number;
  /** Time for which packets and bits that were not used may be used later. */
  readonly burstMs: number;
}

/** Everybody may do everything. */
export const OPEN: Admission = {
  deny: [],
  allow: [],
  clientConnections: 0,
  clientRate: 0,
  connectionRate: 0,
  connectionBurst: 0,
  packetsPerS: 0,
  bitsPerS: 0,
  burstMs: 1000,
};

export interface ServiceSpec extends ServiceKey {
  readonly scheduler: SchedulerName;
  readonly hash: HashMode;
  /** Slots of the table of `mh`. */
  readonly mhTable: number;
  /** `mh` goes on to other slots when the server of the first takes nothing. */
  readonly fallback: boolean;
  /** Seconds; 0 is no persistence. */
  readonly persistenceS: number;
  /** Lengths of the client networks that count as one client. */
  readonly persistenceMask: number;
  readonly persistencePrefix6: number;
  /** Servers that leave flows unanswered get no new ones for a time. */
  readonly destCheck?: DestCheck;
  /** The VLAN whose packets it takes; those of all when it is left out. */
  readonly vlan?: number;
  /** Seconds instead of the global time-outs of ESTABLISHED and UDP; 0 keeps those. */
  readonly connTimeoutS: number;
  readonly expireQuiescent: boolean;
  /** TCP by full NAT or NAT: answers SYNs in place of servers. */
  readonly synProxy: keyof typeof SYN_PROXIES;
  /** How servers of mode `fnat` are told the client's address. */
  readonly clientAddress: (typeof CLIENT_ADDRESSES)[number];
  /** A client that finds no server gets a reset or an ICMP error instead of silence. */
  readonly resetOnNoBackend: boolean;
  /** UDP: each datagram is scheduled by itself. */
  readonly onePacket: boolean;
  /** Flows at a time; 0 is no limit. */
  readonly maxConnections: number;
  readonly admission: Admission;
  /** Sources of packets to servers of mode `fnat`. */
  readonly localAddresses: readonly string[];
  /** Ports of local addresses; `undefined` for those of the settings. */
  readonly portRange?: readonly [low: number, high: number];
  readonly backends: readonly BackendSpec[];
}

/** What holds for all services. */
export interface PlaneSettings {
  /** Seconds, by state. */
  readonly timeouts: Readonly<Record<keyof typeof STATES, number>>;
  /** Per second and CPU; 0 is no limit. */
  readonly newFlowCap: number;
  readonly portLow: number;
  readonly portHigh: number;
  /** Sources of outer headers; `rss` makes them of the flow's hash, so that servers spread the work. */
  readonly tunnelSources: readonly string[] | 'rss';
  readonly replyPath: keyof typeof REPLY_PATHS;
  readonly unknownPort: 'pass' | 'drop';
  /** What the keys of SYN cookies are made of; without one they are random. */
  readonly cookieSecret?: string;
  /** Seconds for which flows of removed servers go on; 0 is for as long as they last. */
  readonly drainTimeoutS: number;
}

export interface DesiredPlane {
  readonly settings: PlaneSettings;
  readonly services: readonly ServiceSpec[];
  /** By default this host has the addresses of all services. */
  readonly presence?: Presence;
}

/** Whether a server sees packets of clients in another family: full NAT from IPv6 to IPv4. */
export function isNat64(
  service: Pick<ServiceSpec, 'address'>,
  { mode, address }: Pick<BackendSpec, 'mode' | 'address'>,
): boolean {
  return mode === 'fnat' && service.address.includes(':') && !address.includes(':');
}

/** Local addresses that packets to the servers can have: those of the servers' family. */
export function sourcesOf({
  localAddresses,
  backends,
}: Pick<ServiceSpec, 'localAddresses' | 'backends'>): readonly string[] {
  const server = backends.find(({ mode }) => mode === 'fnat');
  if (!server) return localAddresses;
  const isIpv6 = server.address.includes(':');
  return localAddresses.filter((address) => address.includes(':') === isIpv6);
}

/** `tcp 203.0.113.1:80`, `udp [2001:db8::1]:53`, `match proto=tcp,oif=eth1`. */
export function formatServiceKey({ protocol, address, port, match }: ServiceKey): string {
  if (match) return `match ${matchText(protocol, address.includes(':') ? 6 : 4, match)}`;
  return `${protocol} ${formatEndpoint(address, port)}`;
}

/** `203.0.113.1:80`, `[2001:db8::1]:53`. */
export function formatEndpoint(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
