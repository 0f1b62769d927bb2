/**
 * What a file of packet cases may say. Checks everything before a case runs, and puts addresses for names and
 * bytes for hexadecimal text.
 *
 * @module
 */
import {
  buildFrame,
  buildIpv4,
  buildIpv6,
  tryParseIp,
  type FrameSpec,
  type IcmpSpec,
  type Ipv4Spec,
  type Ipv6Spec,
} from '@balancer/ebpf';
import { z } from '@balancer/kit';
import {
  DROP_REASONS,
  HASH_MODES,
  MODES,
  OWNED,
  PROTOCOLS,
  REPLY_PATHS,
  SCHEDULERS,
  SERVICE_FLAGS,
  STATES,
  SYN_PROXIES,
  TUNNELS,
} from '../../src/index.ts';
import type { Admission } from '../../src/desired.ts';
import {
  NAMES,
  type FrameText,
  type PacketCase,
  type RuleSetup,
  type Setup,
  type Step,
} from './packet-case.ts';

const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i;
const HEX = /^([0-9a-f]{2})*$/i;

/** One of the names of a table of `constants.ts`. */
function nameIn<N extends string>(numbers: Readonly<Record<N, number>>): z.ZodType<N> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return z.enum(Object.keys(numbers) as [N, ...N[]]);
}

function number(max: number, min = 0): z.ZodType<number> {
  return z.number().int().min(min).max(max);
}

/** Names that stand for an address of the kind. */
function namesOf(isKind: (address: string) => boolean): string {
  return Object.keys(NAMES)
    .filter((name) => isKind(NAMES[name]!))
    .join(', ');
}

const isMac = (text: string): boolean => MAC.test(text);
const isIp = (text: string): boolean => tryParseIp(text) !== undefined;

const named = (isKind: (address: string) => boolean, kind: string): z.ZodType<string> =>
  z
    .string()
    .transform((text) => NAMES[text] ?? text)
    .refine(isKind, `must be ${kind} or one of ${namesOf(isKind)}`);

const mac = named(isMac, 'a MAC address');
const address = named(isIp, 'an IP address');

/** `address:port`, with brackets around IPv6 addresses; a name needs none. */
const endpoint = z
  .string()
  .transform((text) => {
    const [, host = '', port = ''] = /^\[?([^\]]*?)\]?:(\d+)$/.exec(text) ?? [];
    const found = NAMES[host] ?? host;
    return isIp(found) ? (found.includes(':') ? `[${found}]:${port}` : `${found}:${port}`) : '';
  })
  .refine((text) => text !== '', 'must be "address:port", as "C:40000" or "[2001:db8::1]:80"');

const prefix = z
  .string()
  .refine((text) => /^.+\/\d+$/.test(text) && isIp(text.slice(0, text.lastIndexOf('/'))), {
    message: 'must be "address/length", as "10.0.0.1/24"',
  });

/** A prefix, or an address by itself. */
const network4or6 = z.union([prefix, address]);

const hex = z.string().regex(HEX, 'must be bytes in hexadecimal');
const bytes = hex.transform((text): Uint8Array => new Uint8Array(Buffer.from(text, 'hex')));
/** Headers as bytes, and what they are in front of: a packet, or a frame. */
const wrapped: z.ZodType<Uint8Array> = z.lazy(() =>
  z
    .strictObject({
      head: bytes,
      ipv4: ipv4.exactOptional(),
      ipv6: ipv6.exactOptional(),
      frame: described.exactOptional(),
    })
    .transform(({ head, ipv4: four, ipv6: six, frame: inner }) => {
      const rest = inner ? buildFrame(inner) : four ? buildIpv4(four) : buildIpv6(six!);
      return new Uint8Array([...head, ...rest]);
    }),
);
/** Text, or so many zero bytes. */
const payload = z.union([
  z.string(),
  wrapped,
  z.strictObject({ zeros: number(65_535) }).transform(({ zeros }) => new Uint8Array(zeros)),
  z.strictObject({ hex }).transform((given) => new Uint8Array(Buffer.from(given.hex, 'hex'))),
]);
const byte = number(0xff);
const word = number(0xffff);
const long = number(0xffff_ffff);

const tcp = z.strictObject({
  sport: word,
  dport: word,
  seq: long.exactOptional(),
  ack: long.exactOptional(),
  flags: z.array(z.enum(['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr'])).exactOptional(),
  window: word.exactOptional(),
  urgent: word.exactOptional(),
  options: bytes.exactOptional(),
  doff: number(15).exactOptional(),
  checksum: word.exactOptional(),
  payload: payload.exactOptional(),
});

const icmp: z.ZodType<IcmpSpec> = z.lazy(() =>
  z.strictObject({
    type: byte,
    code: byte.exactOptional(),
    rest: long.exactOptional(),
    checksum: word.exactOptional(),
    about: z
      .strictObject({
        ipv4: ipv4.exactOptional(),
        ipv6: ipv6.exactOptional(),
        bytes: word.exactOptional(),
      })
      .exactOptional(),
    payload: payload.exactOptional(),
  }),
);

const udp = z.strictObject({
  sport: word,
  dport: word,
  length: word.exactOptional(),
  checksum: word.exactOptional(),
  payload: payload.exactOptional(),
});

/** What is inside a packet: one of these. */
const content = {
  src: address,
  dst: address,
  tcp: tcp.exactOptional(),
  udp: udp.exactOptional(),
  icmp: icmp.exactOptional(),
  payload: payload.exactOptional(),
};

const ipv4: z.ZodType<Ipv4Spec> = z.lazy(() =>
  z.strictObject({
    ...content,
    ipv4: ipv4.exactOptional(),
    ipv6: ipv6.exactOptional(),
    version: number(15).exactOptional(),
    ihl: number(15).exactOptional(),
    tos: byte.exactOptional(),
    id: word.exactOptional(),
    df: z.boolean().exactOptional(),
    mf: z.boolean().exactOptional(),
    fragmentOffset: number(0x1fff).exactOptional(),
    ttl: byte.exactOptional(),
    protocol: byte.exactOptional(),
    totalLength: word.exactOptional(),
    checksum: word.exactOptional(),
    options: bytes.exactOptional(),
  }),
);

const ipv6: z.ZodType<Ipv6Spec> = z.lazy(() =>
  z.strictObject({
    ...content,
    ipv4: ipv4.exactOptional(),
    ipv6: ipv6.exactOptional(),
    version: number(15).exactOptional(),
    trafficClass: byte.exactOptional(),
    flowLabel: number(0xf_ffff).exactOptional(),
    hopLimit: byte.exactOptional(),
    nextHeader: byte.exactOptional(),
    payloadLength: word.exactOptional(),
    extensions: z.array(z.strictObject({ header: byte, data: bytes })).exactOptional(),
  }),
);

const described: z.ZodType<FrameSpec> = z.strictObject({
  to: mac,
  from: mac,
  vlans: z.array(word).exactOptional(),
  type: word.exactOptional(),
  ipv4: ipv4.exactOptional(),
  ipv6: ipv6.exactOptional(),
  payload: payload.exactOptional(),
  padding: number(1500).exactOptional(),
});

const frame: z.ZodType<FrameText> = z.union([z.strictObject({ hex }), described]);

const backend = z.strictObject({
  address,
  port: word.exactOptional(),
  weight: word.exactOptional(),
  available: z.boolean().exactOptional(),
  active: long.exactOptional(),
  inactive: long.exactOptional(),
  upper: long.exactOptional(),
  lower: long.exactOptional(),
  mtu: word.exactOptional(),
  vlan: number(4094, 1).exactOptional(),
});

const network = z.strictObject({
  forwarding: z.boolean().exactOptional(),
  addresses: z.array(prefix),
  routes: z.array(z.strictObject({ destination: prefix, gateway: address })).exactOptional(),
  neighbours: z.array(z.strictObject({ address, mac })).exactOptional(),
});

const admission: z.ZodType<Partial<Admission>> = z.strictObject({
  deny: z.array(network4or6).exactOptional(),
  allow: z.array(network4or6).exactOptional(),
  clientConnections: long.exactOptional(),
  clientRate: long.exactOptional(),
  connectionRate: long.exactOptional(),
  connectionBurst: long.exactOptional(),
  packetsPerS: long.exactOptional(),
  bitsPerS: z.number().int().min(0).exactOptional(),
  burstMs: long.exactOptional(),
});

const tunnel = z.strictObject({
  kind: nameIn(TUNNELS),
  port: word.exactOptional(),
  checksum: z.boolean().exactOptional(),
  vni: number(0xff_ffff).exactOptional(),
  innerMac: mac.exactOptional(),
});

const rule: z.ZodType<RuleSetup> = z.strictObject({
  protocol: nameIn(PROTOCOLS).exactOptional(),
  src: z.string().exactOptional(),
  dst: z.string().exactOptional(),
  iif: z.enum(['L1', 'L2']).exactOptional(),
  oif: z.enum(['L1', 'L2']).exactOptional(),
  isLeaving: z.boolean().exactOptional(),
});

const { enabled: _, ...FLAGS } = SERVICE_FLAGS;

const setup: z.ZodType<Setup> = z.strictObject({
  mode: nameIn(MODES),
  protocol: nameIn(PROTOCOLS).exactOptional(),
  vip: address.exactOptional(),
  port: word.exactOptional(),
  scheduler: nameIn(SCHEDULERS).exactOptional(),
  hash: nameIn(HASH_MODES).exactOptional(),
  flags: z.array(nameIn(FLAGS)).exactOptional(),
  backends: z.array(backend).min(1).exactOptional(),
  table: z.array(number(0xffff, -1)).exactOptional(),
  localAddresses: z.array(address).exactOptional(),
  maglev: long.exactOptional(),
  persistence: z
    .strictObject({
      seconds: long,
      prefix4: number(32).exactOptional(),
      prefix6: number(128).exactOptional(),
    })
    .exactOptional(),
  replyPath: nameIn(REPLY_PATHS).exactOptional(),
  rules: z.array(rule).exactOptional(),
  newFlowCap: long.exactOptional(),
  synproxy: nameIn(SYN_PROXIES).exactOptional(),
  maxConnections: long.exactOptional(),
  admission: admission.exactOptional(),
  tunnelRss: z.boolean().exactOptional(),
  tunnel: tunnel.exactOptional(),
  vlan: number(4094, 1).exactOptional(),
  decapAddresses: z.array(address).exactOptional(),
  filter: z.boolean().exactOptional(),
  portRange: z.tuple([word, word]).exactOptional(),
  owned: z.record(address, nameIn(OWNED)).exactOptional(),
  network: z.union([network, z.literal('existing')]).exactOptional(),
});

const flow = z.strictObject({
  vlan: number(4094, 1).exactOptional(),
  from: endpoint,
  to: endpoint,
  state: nameIn(STATES).exactOptional(),
  backend: word.exactOptional(),
  absent: z.boolean().exactOptional(),
});

const COUNTS = [
  'entries',
  'active',
  'inactive',
  'upEvents',
  'downEvents',
  'conns',
  'misses',
  'conflicts',
  'lipConns',
  'serviceConns',
  'halfOpen',
  'listHits',
  'clientConns',
  'templates',
  'persist',
] as const;
const COLLECTED = ['entries', 'removed', 'orphans', 'expired', 'corrected'] as const;

/** Numbers of these names, each of which may be left out. */
function numbers<N extends string>(
  names: readonly N[],
): Record<N, z.ZodExactOptional<z.ZodType<number>>> {
  const shape = Object.fromEntries(names.map((name) => [name, long.exactOptional()]));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return shape as Record<N, z.ZodExactOptional<z.ZodType<number>>>;
}

const step: z.ZodType<Step> = z
  .strictObject({
    wait: long.exactOptional(),
    change: z
      .array(
        z.strictObject({
          backend: word,
          weight: word.exactOptional(),
          available: z.boolean().exactOptional(),
          retired: z.boolean().exactOptional(),
        }),
      )
      .exactOptional(),
    collect: z.strictObject(numbers(COLLECTED)).exactOptional(),
    close: number(63).exactOptional(),
    in: frame.exactOptional(),
    verdict: z.enum(['pass', 'drop', 'tx']).exactOptional(),
    reason: nameIn(DROP_REASONS).exactOptional(),
    out: frame.exactOptional(),
    metadataBytes: byte.exactOptional(),
    after: z
      .strictObject({ flows: z.array(flow).exactOptional(), ...numbers(COUNTS) })
      .exactOptional(),
  })
  .refine((given) => (given.in === undefined) === (given.verdict === undefined), {
    message: 'needs "in" and "verdict" together: the packet, and what becomes of it',
  });

/** A file of cases. */
export const CASE_FILE: z.ZodType<PacketCase[]> = z.array(
  z
    .strictObject({
      title: z.string().min(1),
      hooks: z.array(z.enum(['xdp', 'tc'])).exactOptional(),
      program: z.enum(['lb_ingress', 'decap']).exactOptional(),
      setup,
      steps: z.array(step).min(1),
    })
    .refine(
      ({ setup: { table, backends = [''] } }) => (table ?? []).every((i) => i < backends.length),
      {
        path: ['setup', 'table'],
        message: 'names a backend that is not in "backends"',
      },
    )
    .refine(({ setup: { mode, localAddresses } }) => mode !== 'fnat' || localAddresses?.length, {
      path: ['setup', 'localAddresses'],
      message: 'mode fnat needs at least one',
    }),
);
