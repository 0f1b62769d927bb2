/**
 * What a key of the packet plane's tables means when the file leaves it out.
 *
 * @module
 */
import { complete } from './complete.ts';
import type { FrontendL4Table, L4Table } from './l4-schema.ts';
import {
  MATCH_PROTOCOLS,
  type AddressSetConfig,
  type FrontendL4Config,
  type L4Config,
  type L4ConntrackConfig,
  type L4LimitsConfig,
  type L4MatchConfig,
  type L4RateConfig,
  type L4TimeoutsConfig,
  type DestCheckConfig,
} from './l4-types.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

const L4: Omit<L4Config, 'conntrack' | 'limits' | 'sets' | 'cookie_secret'> = {
  hook: 'auto',
  interfaces: [],
  pin_path: '/sys/fs/bpf/balancer',
  manage_vips: true,
  announce: 'none',
  role: 'master',
  reply_path: 'fib',
  unknown_port: 'pass',
  new_flow_cap: 125_000,
  tunnel_source: [],
  admin_socket: '/run/balancer/l4.sock',
  state_file: '',
  drain_timeout: 0,
  detach_on_exit: false,
};

const CONNTRACK: Omit<L4ConntrackConfig, 'timeouts'> = { max_entries: 1_048_576, eviction: 'lru' };

const TIMEOUTS: L4TimeoutsConfig = {
  syn_recv: 30 * SECOND,
  established: 15 * MINUTE,
  fin_wait: 2 * MINUTE,
  last_ack: 30 * SECOND,
  time_wait: MINUTE,
  close: 10 * SECOND,
  udp: 5 * MINUTE,
  udp_oneway: MINUTE,
  icmp: 30 * SECOND,
};

const LIMITS: L4LimitsConfig = {
  max_services: 4096,
  max_backends: 16_384,
  max_local_addresses: 4096,
};

const SET: AddressSetConfig = { entries: [], file: '' };

const RATE: L4RateConfig = { pps: 0, bps: 0, burst: SECOND };

const MATCH: L4MatchConfig = {
  proto: MATCH_PROTOCOLS,
  src_range: '',
  dst_range: '',
  iif: '',
  oif: '',
};

const DEST_CHECK: DestCheckConfig = {
  down_retry: 1,
  up_confirm: 1,
  down_wait: 3 * SECOND,
  inhibit_min: 5 * SECOND,
  inhibit_max: 60 * MINUTE,
};

const FRONTEND_L4: Omit<FrontendL4Config, 'rate' | 'match' | 'dest_check'> = {
  local_addresses: [],
  port_range: '1025-65535',
  persistence: 0,
  persistence_mask: 32,
  persistence_prefix6: 128,
  conn_timeout: 0,
  expire_quiescent: false,
  synproxy: 'off',
  toa: false,
  proxy_protocol: 'off',
  vlan: 0,
  tunnel: 'ipip',
  tunnel_port: 0,
  tunnel_checksum: false,
  vni: 0,
  force: false,
};

/** `[l4]` with every default. */
export function completeL4({
  conntrack = {},
  limits,
  sets = {},
  cookie_secret,
  ...table
}: L4Table): L4Config {
  const { timeouts, ...plain } = conntrack;
  return {
    ...complete(L4, table),
    ...(cookie_secret && { cookie_secret }),
    sets: Object.fromEntries(
      Object.entries(sets).map(([name, set]) => [name, complete(SET, set)] as const),
    ),
    conntrack: { ...complete(CONNTRACK, plain), timeouts: complete(TIMEOUTS, timeouts) },
    limits: complete(LIMITS, limits),
  };
}

/** The table `l4` of a frontend, over that of `[defaults]`, with every default. */
export function completeFrontendL4(
  ...tables: readonly (FrontendL4Table | undefined)[]
): FrontendL4Config {
  const plain = tables.map((table) => {
    const { rate: _, match: _match, dest_check: _check, ...rest } = table ?? {};
    return rest;
  });
  const check = tables.findLast((table) => table?.dest_check !== undefined)?.dest_check ?? 'off';
  return {
    ...complete(FRONTEND_L4, ...plain),
    match: complete(MATCH, ...tables.map((table) => table?.match)),
    dest_check: check === 'off' ? check : complete(DEST_CHECK, check === 'default' ? {} : check),
    rate: complete(RATE, ...tables.map((table) => table?.rate)),
  };
}
