/**
 * Numbers that the data plane and the control plane share, as `bpf/l4.h` has them.
 *
 * @module
 */

/** Values of the VIP map that are no service ids: addresses of ours. */
export const OWNED = { pass: 0xffff_ffff, drop: 0xffff_fffe, localAddress: 0xffff_fffd } as const;

export const MODES = { dr: 1, tunnel: 2, nat: 3, fnat: 4, snat: 5, 'dr-ip': 6 } as const;
export const TUNNELS = { ipip: 0, gue: 1, gre: 2, vxlan: 3, gue1: 4 } as const;
export const SCHEDULERS = {
  rr: 1,
  wrr: 2,
  lc: 3,
  wlc: 4,
  mh: 5,
  conhash: 6,
  sed: 7,
  nq: 8,
  fo: 9,
  ovf: 10,
  sh: 11,
  dh: 12,
  twos: 13,
  random: 14,
} as const;
export const HASH_MODES = { ip: 0, 'ip-port': 1, 'dst-ip': 2, network: 4 } as const;
export const PROTOCOLS = { tcp: 6, udp: 17, icmp: 1, icmpv6: 58 } as const;
export const PROTOCOL_NAMES = ['tcp', 'udp', 'icmp', 'icmpv6'] as const;
export const REPLY_PATHS = { fib: 0, symmetric: 1 } as const;

/** States of flows by LVS's names. Also the index of their time-out. */
export const STATES = {
  NONE: 0,
  ESTABLISHED: 1,
  SYN_RECV: 3,
  FIN_WAIT: 4,
  TIME_WAIT: 5,
  CLOSE: 6,
  CLOSE_WAIT: 7,
  LAST_ACK: 8,
  SP_WAIT: 11,
  UDP_ONEWAY: 12,
  UDP: 13,
  ICMP: 14,
} as const;

/** Seconds without a packet after which a flow is over, by state. */
export const DEFAULT_TIMEOUTS: Readonly<Record<keyof typeof STATES, number>> = {
  NONE: 0,
  ESTABLISHED: 900,
  SYN_RECV: 30,
  FIN_WAIT: 120,
  TIME_WAIT: 60,
  CLOSE: 10,
  CLOSE_WAIT: 120,
  LAST_ACK: 30,
  SP_WAIT: 10,
  UDP_ONEWAY: 60,
  UDP: 300,
  ICMP: 30,
};

/** Bits of a service's flags. */
export const SERVICE_FLAGS = {
  enabled: 1,
  persistent: 2,
  onePacket: 4,
  deny: 8,
  allow: 16,
  /** Backends are told the client's address by a TCP option. */
  toa: 32,
  expireQuiescent: 128,
  fallback: 256,
  anyPort: 1024,
  reset: 2048,
  adopt: 4096,
  /** Clients have IPv6 and the servers of full NAT IPv4. */
  nat64: 16_384,
  /** New flows have a rate, or clients a limit. */
  limited: 32_768,
  /** Backends are told the client's address by a header of the PROXY protocol. */
  proxy: 131_072,
  /** Found by a rule, not by an address. */
  snat: 1_048_576,
} as const;

/** How servers of full NAT are told the client's address: not at all, by a TCP option, by a header (PROXY, version 2). */
export const CLIENT_ADDRESSES = ['none', 'toa', 'ppv2'] as const;

/** Who speaks first on connections whose SYNs we answer. */
export const SYN_PROXIES = { off: 0, 'client-first': 1, 'server-first': 2 } as const;

/** Bits of a flow's flags. */
export const FLOW_FLAGS = {
  /** Its packets need more than rewriting, or it is to end. */
  special: 1,
  /** Opened by an ACK: the client got its SYN-ACK from us. */
  synProxy: 2,
  /** Its numbers, acknowledgements or windows are shifted. */
  sequenceAdjusted: 4,
  /** Each direction is translated into the other family. */
  nat64: 64,
} as const;

/** Bits of what was seen of a flow. */
export const FLOW_SEEN = {
  /** Its next segment is answered with a reset. */
  resetNext: 64,
} as const;

/** Bits of the configuration's flags. */
export const CONFIG_FLAGS = {
  /** `l4_filter` is complete: packets without an address of ours pass at once. */
  filter: 1,
  /** Outer sources of tunnels are made from the flow's hash. */
  tunnelRss: 2,
  /** Flows are counted by client. */
  sources: 4,
  /** There are rules. */
  match: 256,
  /** ICMP echoes may be of flows. */
  echo: 512,
} as const;

/** What the value of `l4_meta` begins with, and the set of layouts that the maps have. */
export const META = { magic: 0x4c34_4c42, schema: 1 } as const;

/** Kinds of records in `l4_events`. */
export const EVENT_TYPES = { drop: 1, neighbour: 2 } as const;

/** Bits of a backend's flags. */
export const BACKEND_FLAGS = {
  available: 1,
  overloaded: 2,
  staticL2: 4,
  tunnelChecksum: 8,
  /** Frames to it and from it have a tag. */
  vlan: 16,
  inhibited: 32,
  retired: 64,
  /** Its service has a rate of packets or bits. */
  metered: 128,
} as const;

/** The two lists of a service. */
export const LIST_KINDS = { deny: 0, allow: 1 } as const;

/** Why a packet was dropped, answered, or (`toa_fail`, `icmp_small_mtu`, `half_open`) only counted. */
export const DROP_REASONS = {
  bad_header: 1,
  ttl: 2,
  no_conn: 3,
  no_backend: 4,
  no_port: 5,
  lip_no_conn: 6,
  unknown_port: 7,
  flood: 8,
  ct_full: 9,
  no_route: 10,
  fwd_disabled: 11,
  not_onlink: 12,
  too_big: 13,
  frag_needed: 14,
  frag_miss: 15,
  icmp_no_conn: 16,
  acl_deny: 17,
  acl_not_allowed: 18,
  limit: 19,
  rate: 20,
  bad_cookie: 21,
  sp_wait: 22,
  quiescent: 23,
  toa_fail: 24,
  pp_gso: 25,
  encap_fail: 26,
  helper_error: 27,
  xlat_unsupported: 28,
  vlan: 29,
  icmp_small_mtu: 31,
  half_open: 32,
} as const;

/** Ports of local addresses when nothing else is said. */
export const DEFAULT_PORTS: readonly [low: number, high: number] = [1025, 65_535];
