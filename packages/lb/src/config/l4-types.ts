/**
 * Settings of the packet plane, after defaults: `[l4]`, and the tables `l4` of frontends.
 *
 * @module
 */
import type { Secret } from '@balancer/kit';
import type { Milliseconds } from './types.ts';

/** Modes whose packets the kernel forwards; the others are served by sockets of the process. */
export const PACKET_MODES = [
  'nat',
  'fnat',
  'nat64',
  'dr',
  'dr-ip',
  'tunnel',
  'passthrough',
  'snat',
] as const;

export type PacketMode = (typeof PACKET_MODES)[number];

/** Schedulers of the packet plane by LVS's names and one of our own, for `balance = "lvs:<name>"`. */
export const LVS_SCHEDULERS = [
  'rr',
  'wrr',
  'lc',
  'wlc',
  'sed',
  'nq',
  'fo',
  'ovf',
  'sh',
  'dh',
  'mh',
  'conhash',
  'twos',
  'random',
] as const;

export type LvsScheduler = (typeof LVS_SCHEDULERS)[number];

/** Headers around packets of mode `tunnel`. */
export const TUNNEL_NAMES = ['ipip', 'gue', 'gue1', 'gre', 'vxlan'] as const;

export type TunnelName = (typeof TUNNEL_NAMES)[number];

/** What the packet plane computes a flow's hash from. */
export type FlowHash = 'ip' | 'ip-port' | 'dst-ip';

/** Sizes of the table of scheduler `mh`: primes. */
export const MH_TABLE_SIZES: readonly number[] = [
  251, 509, 1021, 2039, 4093, 8191, 16_381, 32_749, 65_537, 131_071,
];

/** `[l4]`: how the packet plane is attached, and how large its tables are. */
export interface L4Config {
  /** `auto` takes native XDP where it is sure to work, else tc. Generic XDP only by name. */
  readonly hook: 'auto' | 'xdp' | 'xdp-generic' | 'tc';
  /** Interfaces on which packets of clients and servers arrive. */
  readonly interfaces: readonly string[];
  /** Directory in a bpf file system; mounted when missing. */
  readonly pin_path: string;
  /** Puts the addresses of services and the local addresses on `lo`. */
  readonly manage_vips: boolean;
  /**
   * When the addresses of services are on this host: always (`none`), or only while a service behind
   * them takes flows, for a routing daemon to announce (`route`, `exabgp`).
   */
  readonly announce: 'none' | 'route' | 'exabgp';
  /** With `backup` the first start leaves the addresses of services to another host, until told otherwise. */
  readonly role: 'master' | 'backup';
  /** How replies find the client: by route, or back to where its packets come from. */
  readonly reply_path: 'fib' | 'symmetric';
  /** What happens to packets to other ports of a service's address. */
  readonly unknown_port: 'pass' | 'drop';
  /** New flows per second and CPU; 0 is no limit. */
  readonly new_flow_cap: number;
  /** What the keys of SYN cookies are made of: the same on all nodes of a cluster; random without one. */
  readonly cookie_secret?: Secret;
  /** Sources of tunnel headers: at most one address of each family, or `rss` for one per flow. */
  readonly tunnel_source: readonly string[] | 'rss';
  /** Unix socket on which `balancer ipvsadm` and `balancer l4` find the plane; `''` for none. */
  readonly admin_socket: string;
  /** File that keeps what was ordered by `ipvsadm` or the API and saved; `''` for none. */
  readonly state_file: string;
  /** How long flows of removed servers go on; 0 is for as long as they last. */
  readonly drain_timeout: Milliseconds;
  /** Removes the programs when the process ends. Otherwise the kernel goes on forwarding. */
  readonly detach_on_exit: boolean;
  /** Networks by name, for `allow` and `deny` of frontends. */
  readonly sets: Readonly<Record<string, AddressSetConfig>>;
  readonly conntrack: L4ConntrackConfig;
  readonly limits: L4LimitsConfig;
}

/** `[l4.sets.<name>]`: the networks of both keys together. */
export interface AddressSetConfig {
  readonly entries: readonly string[];
  /** File with a network on each line; `#` begins a comment. */
  readonly file: string;
}

export interface L4ConntrackConfig {
  /** Entries; NATed flows take two. */
  readonly max_entries: number;
  /** When the table is full: the oldest flow goes, or new ones are turned away. */
  readonly eviction: 'lru' | 'reject';
  readonly timeouts: L4TimeoutsConfig;
}

/** Time without a packet after which a flow is over. */
export interface L4TimeoutsConfig {
  readonly syn_recv: Milliseconds;
  readonly established: Milliseconds;
  /** Also of CLOSE_WAIT. */
  readonly fin_wait: Milliseconds;
  readonly last_ack: Milliseconds;
  readonly time_wait: Milliseconds;
  readonly close: Milliseconds;
  readonly udp: Milliseconds;
  readonly udp_oneway: Milliseconds;
  readonly icmp: Milliseconds;
}

export interface L4LimitsConfig {
  readonly max_services: number;
  readonly max_backends: number;
  readonly max_local_addresses: number;
}

/** `[frontends.<name>.l4]`. */
export interface FrontendL4Config {
  /** Sources of packets to servers in modes `fnat` and `nat64`: addresses, or ranges `a-b`. */
  readonly local_addresses: readonly string[];
  /** Ports of local addresses, as `low-high`. */
  readonly port_range: string;
  /** How long a client stays with its server; 0 is not at all. */
  readonly persistence: Milliseconds;
  /** Clients of one IPv4 network of this length count as one. */
  readonly persistence_mask: number;
  readonly persistence_prefix6: number;
  /** Instead of the time-outs of established TCP and two-way UDP flows; 0 keeps them. */
  readonly conn_timeout: Milliseconds;
  /** Ends flows of servers that are down or have weight 0 at their next packet. */
  readonly expire_quiescent: boolean;
  /** Answers SYNs in place of servers, for protocols in which the client or the server speaks first. */
  readonly synproxy: 'off' | 'client-first' | 'server-first';
  /** Tells servers the client's address by a TCP option. */
  readonly toa: boolean;
  /** Tells servers the client's address by a header in front of the first bytes. */
  readonly proxy_protocol: 'off' | 'v2';
  /** Which packets a frontend of mode `snat` takes. */
  readonly match: L4MatchConfig;
  readonly rate: L4RateConfig;
  /** Gives servers that leave flows unanswered no new ones for a time. */
  readonly dest_check: DestCheckConfig | 'off';
  /** VLAN whose packets the services take; 0 is every one, and frames without a tag. */
  readonly vlan: number;
  /** How packets of mode `tunnel` are wrapped. */
  readonly tunnel: TunnelName;
  /** UDP port of servers for `gue`, `gue1` and `vxlan`; 0 is the usual one: 6080, or 4789 for `vxlan`. */
  readonly tunnel_port: number;
  /** Outer UDP headers get a checksum. */
  readonly tunnel_checksum: boolean;
  /** Number of the network of `vxlan`. */
  readonly vni: number;
  /** Allows local addresses that are addresses of this host. */
  readonly force: boolean;
}

/** Protocols that rules of mode `snat` tell apart; `icmp` is ICMPv6 for IPv6. */
export const MATCH_PROTOCOLS = ['tcp', 'udp', 'icmp'] as const;

export type MatchProtocol = (typeof MATCH_PROTOCOLS)[number];

/** `[frontends.<name>.l4.match]`: all of it has to hold; `''` matches everything. */
export interface L4MatchConfig {
  readonly proto: readonly MatchProtocol[];
  /** Of the hosts behind the balancer: addresses and ports, as `10.0.0.0/8` or `10.0.0.1-10.0.0.9:1-1024`. */
  readonly src_range: string;
  /** Of where they send to. */
  readonly dst_range: string;
  /** Interface that packets come in by. */
  readonly iif: string;
  /** Interface that the route to the destination leads to. */
  readonly oif: string;
}

/** When a server is inhibited by what its flows show, and for how long. */
export interface DestCheckConfig {
  /** Flows without an answer, or refused, within `down_wait`. */
  readonly down_retry: number;
  /** Answers that count as success. */
  readonly up_confirm: number;
  readonly down_wait: Milliseconds;
  /** The first time, which doubles while the server fails again. */
  readonly inhibit_min: Milliseconds;
  readonly inhibit_max: Milliseconds;
}

/** What packets to the servers of a frontend are held to; 0 is no limit. */
export interface L4RateConfig {
  /** Packets per second. */
  readonly pps: number;
  /** Bits per second. */
  readonly bps: number;
  /** How long a burst may take what the time before left over. */
  readonly burst: Milliseconds;
}
