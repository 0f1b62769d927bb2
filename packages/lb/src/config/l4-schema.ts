/**
 * The shape of the packet plane's tables in the configuration file.
 *
 * @module
 */
import { isIP } from 'node:net';
import { cidr, cidrList, duration, integer, secret, z } from '@balancer/kit';
import { readMatchRange } from './l4-match.ts';
import {
  type AddressSetConfig,
  type DestCheckConfig,
  type FrontendL4Config,
  type L4Config,
  type L4ConntrackConfig,
  type L4LimitsConfig,
  type L4MatchConfig,
  type L4RateConfig,
  type L4TimeoutsConfig,
  MATCH_PROTOCOLS,
  type MatchProtocol,
  TUNNEL_NAMES,
} from './l4-types.ts';

type Given<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** `[l4]` as a file says it. */
export interface L4Table extends Omit<Given<L4Config>, 'conntrack' | 'limits' | 'sets'> {
  readonly sets?: Readonly<Record<string, Given<AddressSetConfig>>> | undefined;
  readonly conntrack?:
    | (Omit<Given<L4ConntrackConfig>, 'timeouts'> & {
        readonly timeouts?: Given<L4TimeoutsConfig> | undefined;
      })
    | undefined;
  readonly limits?: Given<L4LimitsConfig> | undefined;
}

/** The table `l4` of a frontend as a file says it. */
export interface FrontendL4Table extends Omit<
  Given<FrontendL4Config>,
  'rate' | 'match' | 'dest_check'
> {
  readonly dest_check?: Given<DestCheckConfig> | 'default' | 'off' | undefined;
  readonly match?: Given<L4MatchConfig> | undefined;
  readonly rate?: Given<L4RateConfig> | undefined;
}

const COUNT_MAX = 2 ** 31 - 1;
const SECOND_MS = 1000;
/** A terabit. */
const RATE_BPS_MAX = 1e12;
const BURST_MS_MAX = 60_000;
/** The last number is not for use (IEEE 802.1Q). */
export const VLAN_MAX = 4094;
/** VXLAN has 24 bits for the number of a network. */
const VNI_MAX = 2 ** 24 - 1;
/** Letters first, so that no set is mistaken for an address. */
const SET_NAME = /^[a-z][\w.-]*$/i;
/** Whole seconds, as the kernel side keeps them. */
const seconds = duration({ minMs: SECOND_MS, maxMs: COUNT_MAX });

const ipAddress = z.string().refine((text) => isIP(text) !== 0, {
  error: ({ input }) => `needs an IP address; got ${show(input)}`,
});

/** One address or `first-last`. */
const addressRange = z.string().refine(isAddressRange, {
  error: ({ input }) =>
    `needs an IP address or a range such as "198.51.100.5-198.51.100.8"; got ${show(input)}`,
});

const portRange = z.string().refine((text) => readPortRange(text) !== undefined, {
  error: ({ input }) => `needs "low-high" with ports from 1 to 65535; got ${show(input)}`,
});

/** Addresses and ports of packets; empty for all. */
const matchRange = z.string().refine((text) => text === '' || readMatchRange(text) !== undefined, {
  error: ({ input }) =>
    `needs addresses such as "10.0.0.0/8" or "10.0.0.1-10.0.0.9:1-1024"; got ${show(input)}`,
});

/** One protocol, or a list of them. Always a list in the program. */
const matchProtocols: z.ZodType<readonly MatchProtocol[], MatchProtocol | MatchProtocol[]> =
  z.codec(
    z.union([z.enum(MATCH_PROTOCOLS), z.array(z.enum(MATCH_PROTOCOLS)).min(1)]),
    z.custom<readonly MatchProtocol[]>(),
    {
      decode: (input) => [...new Set([input].flat())],
      encode: (protocols) => (protocols.length === 1 ? protocols[0]! : [...protocols]),
    },
  );

const interfaceName = z.string().regex(/^[^\s/,=]{0,15}$/, {
  error: ({ input }) => `needs the name of an interface such as "eth0"; got ${show(input)}`,
});

export const l4Schema: z.ZodType<L4Table> = z.strictObject({
  hook: z.enum(['auto', 'xdp', 'xdp-generic', 'tc']).optional(),
  interfaces: z.array(z.string().min(1)).optional(),
  pin_path: z.string().startsWith('/', { error: 'needs an absolute path' }).optional(),
  manage_vips: z.boolean().optional(),
  announce: z.enum(['none', 'route', 'exabgp']).optional(),
  role: z.enum(['master', 'backup']).optional(),
  reply_path: z.enum(['fib', 'symmetric']).optional(),
  unknown_port: z.enum(['pass', 'drop']).optional(),
  new_flow_cap: integer({ min: 0, max: COUNT_MAX }).optional(),
  cookie_secret: secret().optional(),
  tunnel_source: z.union([z.literal('rss'), z.array(ipAddress)]).optional(),
  admin_socket: z.string().optional(),
  state_file: z
    .string()
    .regex(/^(?:\/.*)?$/, { error: 'needs an absolute path' })
    .optional(),
  drain_timeout: duration().optional(),
  detach_on_exit: z.boolean().optional(),
  sets: z
    .record(
      z.string().regex(SET_NAME, { error: 'needs a name that begins with a letter' }),
      z.strictObject({ entries: cidrList().optional(), file: z.string().optional() }),
    )
    .optional(),
  conntrack: z
    .strictObject({
      max_entries: integer({ min: 64, max: 2 ** 26 }).optional(),
      eviction: z.enum(['lru', 'reject']).optional(),
      timeouts: z
        .strictObject({
          syn_recv: seconds.optional(),
          established: seconds.optional(),
          fin_wait: seconds.optional(),
          last_ack: seconds.optional(),
          time_wait: seconds.optional(),
          close: seconds.optional(),
          udp: seconds.optional(),
          udp_oneway: seconds.optional(),
          icmp: seconds.optional(),
        })
        .optional(),
    })
    .optional(),
  limits: z
    .strictObject({
      max_services: integer({ min: 2, max: 65_536 }).optional(),
      max_backends: integer({ min: 2, max: 1_048_576 }).optional(),
      max_local_addresses: integer({ min: 2, max: 65_536 }).optional(),
    })
    .optional(),
});

export const frontendL4Schema: z.ZodType<FrontendL4Table> = z.strictObject({
  local_addresses: z.array(addressRange).optional(),
  port_range: portRange.optional(),
  persistence: duration().optional(),
  persistence_mask: integer({ min: 1, max: 32 }).optional(),
  persistence_prefix6: integer({ min: 1, max: 128 }).optional(),
  conn_timeout: duration().optional(),
  expire_quiescent: z.boolean().optional(),
  synproxy: z.enum(['off', 'client-first', 'server-first']).optional(),
  toa: z.boolean().optional(),
  proxy_protocol: z.enum(['off', 'v2']).optional(),
  match: z
    .strictObject({
      proto: matchProtocols.optional(),
      src_range: matchRange.optional(),
      dst_range: matchRange.optional(),
      iif: interfaceName.optional(),
      oif: interfaceName.optional(),
    })
    .optional(),
  rate: z
    .strictObject({
      pps: integer({ min: 0, max: COUNT_MAX }).optional(),
      bps: integer({ min: 0, max: RATE_BPS_MAX }).optional(),
      burst: duration({ minMs: 1, maxMs: BURST_MS_MAX }).optional(),
    })
    .optional(),
  dest_check: z
    .union([
      z.enum(['off', 'default']),
      z.strictObject({
        down_retry: integer({ min: 1, max: COUNT_MAX }).optional(),
        up_confirm: integer({ min: 1, max: COUNT_MAX }).optional(),
        down_wait: seconds.optional(),
        inhibit_min: seconds.optional(),
        inhibit_max: seconds.optional(),
      }),
    ])
    .optional(),
  vlan: integer({ min: 0, max: VLAN_MAX }).optional(),
  tunnel: z.enum(TUNNEL_NAMES).optional(),
  tunnel_port: integer({ min: 0, max: 65_535 }).optional(),
  tunnel_checksum: z.boolean().optional(),
  vni: integer({ min: 0, max: VNI_MAX }).optional(),
  force: z.boolean().optional(),
});

/** Who may use a frontend: networks, and in packet modes names of sets. */
export function networksOrSets(): z.ZodType<string[], string[]> {
  const entry = z.string().refine((text) => isNetwork(text) || SET_NAME.test(text), {
    error: ({ input }) =>
      `needs an address, a network such as "10.0.0.0/8", or the name of a set of [l4.sets]; got ${show(input)}`,
  });
  return z.array(entry);
}

/** Whether an entry of a list is a network, and not the name of a set. */
export function isNetwork(text: string): boolean {
  return cidr().safeParse(text).success;
}

/** Both ends of `low-high`; `undefined` when the text is none. */
export function readPortRange(text: string): readonly [low: number, high: number] | undefined {
  const [, low, high] = /^(\d{1,5})-(\d{1,5})$/.exec(text)?.map(Number) ?? [];
  if (low === undefined || high === undefined) return undefined;
  return low >= 1 && low <= high && high <= 65_535 ? [low, high] : undefined;
}

function isAddressRange(text: string): boolean {
  const [first = '', last, ...more] = text.split('-');
  if (more.length > 0) return false;
  return isIP(first) !== 0 && (last === undefined || isIP(last) === isIP(first));
}

function show(input: unknown): string {
  return JSON.stringify(input);
}
