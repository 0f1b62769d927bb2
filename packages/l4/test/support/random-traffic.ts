/**
 * Random set-ups and frames for the comparison with the model: few clients and ports, so that flows meet
 * again, and now and then a damaged frame.
 */
import { buildFrame, type FrameSpec, type TcpFlag } from '@balancer/ebpf';
import { NAMES, type Change, type Setup } from '../../tools/packets/packet-case.ts';

/** Numbers from a seed: mulberry32, by T. Ettinger, public domain. */
export class Draw {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** An integer from 0 to below. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b_79f5) >>> 0;
    let value = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return Math.floor((((value ^ (value >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }
}

const BACKENDS4 = ['B1', 'B2', 'B3'].map((name) => NAMES[name]!);
const BACKENDS6 = ['2001:db8:b::11', '2001:db8:b::12', '2001:db8:b::13'];
const CLIENTS4 = ['192.0.2.10', '192.0.2.77', '192.0.3.1'];
const CLIENTS6 = ['2001:db8:c::10', '2001:db8:c::11', '2001:db8:d::1'];
const FLAG_SETS: readonly (readonly TcpFlag[])[] = [
  ['syn'],
  ['syn'],
  ['ack'],
  ['ack'],
  ['syn', 'ack'],
  ['fin', 'ack'],
  ['rst'],
  ['rst', 'ack'],
  ['psh', 'ack'],
  ['syn', 'fin'],
  ['fin'],
  [],
];

/** Those that choose without chance. */
const SCHEDULERS = [
  'rr',
  'wrr',
  'lc',
  'wlc',
  'mh',
  'mh',
  'conhash',
  'sed',
  'nq',
  'fo',
  'ovf',
  'sh',
  'dh',
] as const;

export function randomSetup(draw: Draw): Setup {
  const isV6 = draw.oneIn(3);
  const mode = draw.of(['dr', 'tunnel', 'nat', 'fnat', 'fnat', 'dr-ip'] as const);
  const addresses = mode === 'tunnel' && draw.oneIn(2) === isV6 ? BACKENDS4 : BACKENDS6;
  const own = isV6 ? BACKENDS6 : BACKENDS4;
  const port = draw.oneIn(4) ? 0 : 80;
  const backends = (mode === 'tunnel' ? addresses : own).map((address) => ({
    address,
    port: port === 0 ? 0 : 8080,
    weight: 1 + draw.below(3),
    ...(draw.oneIn(4) ? { upper: 1 + draw.below(4), lower: draw.below(2) } : {}),
  }));
  const scheduler = draw.of(SCHEDULERS);
  const flags = (['reset', 'fallback', 'expireQuiescent', 'adopt'] as const).filter(() =>
    draw.oneIn(2),
  );
  const protocol = draw.oneIn(3) ? 'udp' : 'tcp';
  const locals = isV6 ? [NAMES['L6']!, '2001:db8:a::6'] : [NAMES['LIP']!, '198.51.100.6'];
  return {
    mode,
    protocol,
    port,
    vip: isV6 ? NAMES['V6']! : NAMES['V']!,
    scheduler,
    hash: draw.of(['ip', 'ip-port', 'dst-ip'] as const),
    // Answers to datagrams are limited by time, which stands still in the model.
    flags: protocol === 'udp' ? flags.filter((flag) => flag !== 'reset') : flags,
    backends,
    ...(scheduler === 'mh' ? { maglev: 251 } : { table: randomTable(draw, scheduler) }),
    ...(draw.oneIn(4) ? { persistence: { seconds: 300, prefix4: 24, prefix6: 60 } } : {}),
    ...(mode === 'fnat' ? { localAddresses: locals.slice(draw.below(2)) } : {}),
    ...(draw.oneIn(6) ? { maxConnections: 1 + draw.below(6) } : {}),
    ...(draw.oneIn(3) ? { admission: randomAdmission(draw, isV6 ? CLIENTS6 : CLIENTS4) } : {}),
    portRange: [50_000, 50_000 + draw.below(4)],
  };
}

/** Rates depend on time, which stands still in the model. */
function randomAdmission(draw: Draw, clients: readonly string[]): NonNullable<Setup['admission']> {
  return {
    deny: draw.oneIn(2) ? [draw.of(clients)] : [],
    allow: draw.oneIn(3) ? clients.slice(draw.below(2)) : [],
    clientConnections: draw.below(4),
  };
}

function randomTable(draw: Draw, scheduler: string): number[] {
  const length = scheduler === 'conhash' ? 64 : 1 + draw.below(7);
  return Array.from({ length }, () => draw.below(3));
}

export function randomChange(draw: Draw): Change {
  const backend = draw.below(3);
  return draw.of<Change>([
    { backend, weight: draw.below(3) },
    { backend, available: draw.oneIn(2) },
    { backend, retired: draw.oneIn(3) },
  ]);
}

export function randomFrame(draw: Draw, setup: Setup): Uint8Array {
  const isV6 = setup.vip!.includes(':');
  const clients = isV6 ? CLIENTS6 : CLIENTS4;
  const locals = setup.localAddresses ?? [];
  const isReply = setup.mode !== 'dr' && draw.oneIn(3);
  const port = 40_000 + draw.below(4);
  const vport = setup.port === 0 ? draw.of([22, 80]) : draw.oneIn(20) ? 81 : 80;
  const rport = setup.port === 0 ? vport : 8080;
  const [low, high] = setup.portRange!;
  const local = locals.length > 0 ? draw.of(locals) : draw.of(clients);
  const localPort = locals.length > 0 ? low + draw.below(high - low + 2) : port;
  const ends = isReply
    ? { src: draw.of(setup.backends!).address, dst: local, sport: rport, dport: localPort }
    : { src: draw.of(clients), dst: setup.vip!, sport: port, dport: vport };
  // A tunnel's backends may be of the other family; such a packet cannot be built.
  if (ends.src.includes(':') !== isV6) ends.src = clients[0]!;
  if (draw.oneIn(20)) ends.dst = isV6 ? '2001:db8:ffff::1' : '198.18.0.1';
  return damage(draw, build(draw, isV6, setup, ends));
}

function build(
  draw: Draw,
  isV6: boolean,
  setup: Setup,
  ends: { src: string; dst: string; sport: number; dport: number },
): Uint8Array {
  const { src, dst, sport, dport } = ends;
  const payload = new Uint8Array(draw.below(40)).fill(draw.below(256));
  const isUdp = (setup.protocol === 'udp') !== draw.oneIn(25);
  const ttl = draw.oneIn(15) ? draw.below(3) : 64;
  const content = isUdp
    ? { udp: { sport, dport, payload, ...(!isV6 && draw.oneIn(5) ? { checksum: 0 } : {}) } }
    : {
        tcp: {
          sport,
          dport,
          seq: draw.below(2 ** 32),
          ack: draw.below(2 ** 32),
          flags: draw.of(FLAG_SETS),
          payload,
          ...(draw.oneIn(3) ? { options: new Uint8Array(4 * draw.below(11)).fill(1) } : {}),
        },
      };
  const macs: Pick<FrameSpec, 'to' | 'from' | 'padding'> = {
    to: draw.oneIn(30) ? 'ff:ff:ff:ff:ff:ff' : draw.of([NAMES['L1']!, NAMES['L1']!, NAMES['L2']!]),
    from: draw.oneIn(10) ? NAMES['M2']! : NAMES['R']!,
    padding: draw.oneIn(4) ? draw.below(20) : 0,
  };
  const tos = draw.below(256);
  if (!isV6) {
    const options = draw.oneIn(6) ? { options: new Uint8Array(4 + 4 * draw.below(5)).fill(1) } : {};
    const part = randomFragment(draw);
    const place = part && {
      id: part.id,
      df: false,
      mf: part.hasMore,
      fragmentOffset: part.offset,
    };
    const ip = { src, dst, ttl, tos, id: 7, ...place, ...options, ...content };
    return buildFrame({ ...macs, ipv4: ip });
  }
  const extensions = Array.from({ length: draw.oneIn(5) ? draw.below(8) : 0 }, () => ({
    header: draw.of([0, 43, 60]),
    data: new Uint8Array(6 + 8 * draw.below(3)).fill(1),
  }));
  const part = randomFragment(draw);
  if (part) {
    const field = (part.offset << 3) | (part.hasMore ? 1 : 0);
    const data = Uint8Array.of(field >> 8, field & 255, 0, 0, 0, part.id);
    extensions.splice(draw.below(extensions.length + 1), 0, { header: 44, data });
  }
  const ip = { src, dst, hopLimit: ttl, trafficClass: tos, extensions };
  return buildFrame({ ...macs, ipv6: { ...ip, ...content } });
}

/** Now and then the place of a packet among few that came in fragments; it may also be the whole. */
function randomFragment(
  draw: Draw,
): { readonly id: number; readonly offset: number; readonly hasMore: boolean } | undefined {
  if (!draw.oneIn(5)) return undefined;
  return { id: draw.below(3), offset: draw.oneIn(2) ? 0 : 3, hasMore: draw.oneIn(2) };
}

/** Now and then flips bytes of the headers or cuts the frame off, as far as a test run takes it. */
function damage(draw: Draw, frame: Uint8Array): Uint8Array {
  if (!draw.oneIn(8)) return frame;
  const isV6 = frame[12] === 0x86;
  if (draw.oneIn(3)) {
    const least = isV6 ? 54 : 34;
    return frame.slice(0, least + draw.below(frame.length - least + 1));
  }
  for (let i = draw.below(3); i >= 0; i--) {
    const at = 14 + draw.below(Math.min(frame.length, isV6 ? 74 : 54) - 14);
    frame[at] = draw.oneIn(2) ? draw.below(256) : frame[at]! ^ (1 << draw.below(8));
  }
  return frame;
}
