/**
 * What the benchmarks of single packets measure: set-ups, the packets that open flows, and those measured.
 *
 * @module
 */
import { buildFrame, type Ipv4Spec, type Program, type TcpFlag } from '@balancer/ebpf';
import { synCookie } from '../test/support/syn-cookie.ts';
import { COOKIE_KEYS } from '../tools/packets/data-plane.ts';
import { NAMES, type Setup } from '../tools/packets/packet-case.ts';

const { R, L1, L2, M1, C, V, LIP, B1, C6, V6, L6, B6 } = NAMES;

export interface Scenario {
  readonly name: string;
  readonly setup: Setup;
  /** Packets that open the flow, before the clock runs. */
  readonly opening: readonly Uint8Array[];
  /** The packets measured, in turn. */
  readonly packets: readonly Uint8Array[];
  /** Packets of a round, when fewer than usual: a flow can be new only once. */
  readonly perRound?: number;
}

/** New flows of a round. */
const NEW_FLOWS = 2_000;

const ack = { sport: 40_000, dport: 80, seq: 1001, ack: 9001, flags: ['ack'] } as const;
const syn = { sport: 40_000, dport: 80, seq: 1000, flags: ['syn'] } as const;

function v4(content: Pick<Ipv4Spec, 'tcp' | 'udp'>, dst: string = V!): Uint8Array {
  return buildFrame({ to: L1!, from: R!, ipv4: { src: C!, dst, ...content } });
}

/** What the IPv6 backend answers a SYN with. */
const SYN_ACK6 = buildFrame({
  to: L2!,
  from: M1!,
  ipv6: {
    src: B6!,
    dst: L6!,
    tcp: { sport: 8080, dport: 50_000, seq: 9000, ack: 1001, flags: ['syn', 'ack'] },
  },
});

function reply(seq: number, flags: readonly TcpFlag[]): Uint8Array {
  const tcp = { sport: 8080, dport: 50_000, seq, ack: 1001, flags };
  return buildFrame({ to: L2!, from: M1!, ipv4: { src: B1!, dst: LIP!, tcp } });
}

const v6 = (flags: 'syn' | 'ack'): Uint8Array =>
  buildFrame({ to: L1!, from: R!, ipv6: { src: C6!, dst: V6!, tcp: { ...ack, flags: [flags] } } });

const SYN = v4({ tcp: syn });
const ACK = v4({ tcp: ack });
const DATAGRAM = v4({ udp: { sport: 40_000, dport: 80, payload: 'x' } });
const HANDSHAKE = [SYN, reply(9000, ['syn', 'ack']), ACK];
const FNAT: Setup = { mode: 'fnat', localAddresses: [LIP!], filter: true };
const NAT64: Setup = { ...FNAT, vip: V6!, flags: ['nat64'] };
/** What a client sends that got a cookie as the number of its SYN-ACK. */
const COOKIE_ACK = v4({
  tcp: {
    ...ack,
    ack:
      synCookie(COOKIE_KEYS[0], {
        src: C!,
        dst: V!,
        sport: syn.sport,
        dport: syn.dport,
        seq: syn.seq,
        mss: 1460,
        scale: 7,
        sack: true,
      }) + 1,
  },
});
/** Hosts in 10/8 behind the balancer, with a rule for each /16 of them before the one that matches. */
const SNAT: Setup = {
  mode: 'snat',
  filter: true,
  backends: [{ address: V! }],
  rules: [
    ...Array.from({ length: 15 }, (_, i) => ({ src: `10.${i + 1}.0.0/16` })),
    { src: '10.0.0.0/16', dst: '192.0.2.0/24' },
  ],
  network: {
    addresses: ['198.51.100.1/24'],
    routes: [{ destination: '192.0.2.0/24', gateway: '198.51.100.254' }],
    neighbours: [{ address: '198.51.100.254', mac: M1! }],
  },
};

/** What a host behind the balancer sends to C. */
function out(given: {
  readonly src?: string;
  readonly dst?: string;
  readonly sport?: number;
  readonly flags?: readonly TcpFlag[];
}): Uint8Array {
  const { src = '10.0.0.11', dst = C!, sport = 40_000, flags = ['syn'] } = given;
  const tcp = { ...syn, sport, dport: 443, flags };
  return buildFrame({ to: L1!, from: R!, ipv4: { src, dst, tcp } });
}

/** The answer to the one port of the pool. */
const BACK = buildFrame({
  to: L2!,
  from: M1!,
  ipv4: { src: C!, dst: V!, tcp: { ...syn, sport: 443, dport: 50_000, flags: ['ack'] } },
});
/** A thousand networks, the client's among them or not. */
const networks = (first: string): string[] => [
  first,
  ...Array.from({ length: 999 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`),
];
const NEW = Array.from({ length: 60_000 }, (_, i) => v4({ tcp: { ...syn, sport: 1024 + i } }));

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'pass, not ours',
    setup: FNAT,
    opening: [],
    packets: [v4({ tcp: ack }, '198.18.0.1')],
  },
  {
    name: 'direct routing, known flow',
    setup: { mode: 'dr', filter: true },
    opening: [SYN, ACK],
    packets: [ACK],
  },
  {
    name: 'ipip tunnel, known flow',
    setup: { mode: 'tunnel', filter: true },
    opening: [SYN, ACK],
    packets: [ACK],
  },
  {
    name: 'ipip tunnel, known UDP flow',
    setup: { mode: 'tunnel', protocol: 'udp', filter: true },
    opening: [DATAGRAM],
    packets: [DATAGRAM],
  },
  { name: 'full NAT to backend, known flow', setup: FNAT, opening: HANDSHAKE, packets: [ACK] },
  {
    name: 'full NAT to client, known flow',
    setup: FNAT,
    opening: HANDSHAKE,
    packets: [reply(9001, ['ack'])],
  },
  {
    name: 'full NAT over IPv6, known flow',
    setup: { ...FNAT, vip: V6!, localAddresses: [L6!], backends: [{ address: B6! }] },
    opening: [v6('syn'), SYN_ACK6, v6('ack')],
    packets: [v6('ack')],
  },
  {
    name: 'NAT64 to backend, known flow',
    setup: NAT64,
    opening: [v6('syn'), reply(9000, ['syn', 'ack']), v6('ack')],
    packets: [v6('ack')],
  },
  {
    name: 'NAT64 to client, known flow',
    setup: NAT64,
    opening: [v6('syn'), reply(9000, ['syn', 'ack']), v6('ack')],
    packets: [reply(9001, ['ack'])],
  },
  {
    name: 'direct routing, no entry (table)',
    setup: { mode: 'dr', filter: true, scheduler: 'mh', maglev: 65_537, newFlowCap: 1 },
    opening: [SYN],
    packets: NEW.slice(0, NEW_FLOWS),
    perRound: NEW_FLOWS,
  },
  {
    name: 'direct routing, new flow',
    setup: { mode: 'dr', filter: true },
    opening: [],
    packets: NEW,
    perRound: NEW_FLOWS,
  },
  {
    name: 'full NAT, new flow',
    setup: { ...FNAT, portRange: [1025, 65_535] },
    opening: [],
    packets: NEW,
    perRound: NEW_FLOWS,
  },
  {
    name: 'direct routing, new, 1,000 denied',
    setup: { mode: 'dr', filter: true, admission: { deny: networks('198.18.0.0/15') } },
    opening: [],
    packets: NEW,
    perRound: NEW_FLOWS,
  },
  {
    name: 'drop, one of 1,000 denied',
    setup: { mode: 'dr', filter: true, admission: { deny: networks('192.0.2.0/24') } },
    opening: [],
    packets: [SYN],
  },
  {
    name: 'full NAT, SYN answered by a cookie',
    setup: { ...FNAT, synproxy: 'client-first' },
    opening: [],
    packets: [SYN],
  },
  {
    name: 'full NAT to backend, behind a cookie',
    setup: { ...FNAT, synproxy: 'client-first' },
    opening: [COOKIE_ACK, reply(9000, ['syn', 'ack'])],
    packets: [COOKIE_ACK],
  },
  {
    name: 'pass, a source of no rule',
    setup: SNAT,
    opening: [],
    packets: [out({ src: '172.16.0.9' })],
  },
  {
    name: 'pass, matched by no rule',
    setup: SNAT,
    opening: [],
    packets: [out({ dst: '198.18.0.1' })],
  },
  {
    name: 'SNAT to the outside, known flow',
    setup: SNAT,
    opening: [out({}), BACK],
    packets: [out({ flags: ['ack'] })],
  },
  {
    name: 'SNAT to the host, known flow',
    setup: SNAT,
    opening: [out({}), BACK],
    packets: [BACK],
  },
  {
    name: 'SNAT, new flow',
    setup: { ...SNAT, portRange: [1025, 65_535] },
    opening: [],
    packets: Array.from({ length: 60_000 }, (_, i) => out({ sport: 1024 + i })),
    perRound: NEW_FLOWS,
  },
  {
    name: 'drop, no connection',
    setup: FNAT,
    opening: [],
    packets: [ACK],
  },
];

/** Packets measured so far of each list, so that a round goes on where the last one ended. */
const position = new Map<readonly Uint8Array[], number>();

/** Mean ns of a run, by the kernel's clock. @param contextOf - For packets that ask for routes. */
export function measure(
  program: Program,
  packets: readonly Uint8Array[],
  count: number,
  contextOf?: (packet: Uint8Array) => Uint8Array,
): number {
  const start = position.get(packets) ?? 0;
  const before = program.info();
  for (let i = 0; i < count; i++) {
    const data = packets[(start + i) % packets.length]!;
    program.testRun({ data, ...(contextOf && { context: contextOf(data) }) });
  }
  const after = program.info();
  position.set(packets, start + count);
  return Number(after.runTimeNs - before.runTimeNs) / Number(after.runCount - before.runCount);
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
