/**
 * The path of a packet once more, in TypeScript and from the contract's text: what is looked up in which
 * order, how states change, what is rewritten. Time stands still in it, and nothing is ever evicted.
 */
import {
  buildFrame,
  formatIp,
  parseIp,
  parseMac,
  type FrameSpec,
  type TcpSpec,
} from '@balancer/ebpf';
import { hashFlow, murmur3, PROTOCOLS, type STATES } from '../../src/index.ts';
import { NAMES, type Change, type Setup } from '../../tools/packets/packet-case.ts';
import { backendsOf, COMPARING, listOf, tableOf } from '../../tools/packets/selection-table.ts';
import {
  FLAG,
  hop,
  IPPROTO,
  readModelPacket,
  translate,
  withMacs,
  type ModelPacket,
  type NewTuple,
} from './model-packet.ts';

type State = keyof typeof STATES;

export interface ModelFlow {
  state: State;
  readonly isReply: boolean;
  readonly backend: number;
  /** What its packets become, for modes that rewrite. */
  readonly to: NewTuple;
  seenSynAck: boolean;
  /** Where the client's packets come from, and which of our addresses they were sent to. */
  clientMac: Uint8Array;
  ourMac: Uint8Array;
  clientPort: string;
  readonly peer: string | undefined;
  readonly lip: string | undefined;
}

export interface ModelResult {
  readonly verdict: 'pass' | 'drop' | 'tx';
  readonly reason?: string;
  readonly data?: Uint8Array;
}

const ONE_WAY: ReadonlySet<string> = new Set(['dr', 'tunnel', 'dr-ip']);
const KEY_TABLES: ReadonlySet<string> = new Set(['mh', 'conhash', 'sh']);
const TRIES = { mh: 16, conhash: 1024, hash: 256, claim: 32, search: 4096 } as const;
const CLAIM_STEP = 7919;
const PASS: ModelResult = { verdict: 'pass' };
const drop = (reason: string): ModelResult => ({ verdict: 'drop', reason });

const tuple = (src: string, sport: number, dst: string, dport: number): string =>
  `${src} ${sport} ${dst} ${dport}`;

const fragmentKey = ({ src, dst, protocol, fragment }: ModelPacket): string =>
  `${src} ${dst} ${protocol} ${fragment?.id}`;

export class PathModel {
  readonly flows: Map<string, ModelFlow> = new Map();
  readonly backends: {
    weight: number;
    available: boolean;
    retired: boolean;
    overloaded: boolean;
  }[];
  /** Backend of each network with a template. */
  readonly templates: Map<string, number> = new Map();
  /** Ports of packets that came in fragments. */
  readonly #fragments = new Map<string, { sport: number; dport: number }>();
  readonly #setup: Setup;
  readonly #table: readonly number[];
  readonly #vip: string;
  readonly #port: number;
  #cursor = 0;

  constructor(setup: Setup) {
    this.#setup = setup;
    this.#table = tableOf(setup).map((slot) => slot - 1);
    this.#vip = setup.vip ?? NAMES['V']!;
    this.#port = setup.port ?? 80;
    this.backends = backendsOf(setup).map(({ weight = 1, available = true }) => ({
      weight,
      available,
      retired: false,
      overloaded: false,
    }));
  }

  change({ backend, ...values }: Change): void {
    Object.assign(this.backends[backend]!, values);
  }

  /** Flows of a backend, active or not. */
  count(backend: number, isActive: boolean): number {
    return [...this.flows.values()].filter(
      (flow) =>
        !flow.isReply && flow.backend === backend && (flow.state === 'ESTABLISHED') === isActive,
    ).length;
  }

  /** Flows that have a port of a local address. */
  #claimsOf(local: string): number {
    return [...this.flows.values()].filter(({ isReply, to }) => !isReply && to.src === local)
      .length;
  }

  process(frame: Uint8Array): ModelResult {
    const read = readModelPacket(frame);
    if (read === 'pass') return PASS;
    if (read === 'bad') return drop('bad_header');
    const packet = this.#whole(read);
    if (packet === undefined) {
      return this.#setup.localAddresses?.includes(read.dst) ? drop('frag_miss') : PASS;
    }
    // Services and flows of another protocol are not part of any set-up.
    if (packet.protocol !== PROTOCOLS[this.#setup.protocol ?? 'tcp']) return this.#notOurs(packet);
    const { src, sport, dst, dport } = packet;
    const key = tuple(src, sport, dst, dport);
    let flow = this.flows.get(key);
    const isOver = flow?.state === 'TIME_WAIT' || flow?.state === 'CLOSE';
    if (flow && isOver && !flow.isReply && opens(packet)) {
      this.#remove(key, flow);
      flow = undefined;
    }
    if (flow) {
      this.#update(flow, packet);
      this.#keepPorts(packet);
      return this.#forward(frame, packet, key, flow, false);
    }
    if (packet.fragment?.isFirst === false) return drop('frag_miss');
    const started = this.#start(frame, packet, key);
    if ('verdict' in started) return started;
    this.#keepPorts(packet);
    return this.#forward(frame, packet, key, started, true);
  }

  /** A later fragment with the ports of its first; `undefined` when that did not come by. */
  #whole(packet: ModelPacket): ModelPacket | undefined {
    if (packet.fragment?.isFirst !== false) return packet;
    const ports = this.#fragments.get(fragmentKey(packet));
    return ports && { ...packet, ...ports };
  }

  #keepPorts(packet: ModelPacket): void {
    const { sport, dport, fragment } = packet;
    if (fragment?.isFirst) this.#fragments.set(fragmentKey(packet), { sport, dport });
  }

  #remove(key: string, flow: ModelFlow): void {
    this.flows.delete(key);
    if (flow.peer !== undefined) this.flows.delete(flow.peer);
  }

  #notOurs({ dst, dport }: ModelPacket): ModelResult {
    const [low, high] = this.#setup.portRange ?? [50_000, 50_000];
    if (this.#setup.localAddresses?.includes(dst)) {
      return dport >= low && dport <= high ? drop('lip_no_conn') : PASS;
    }
    return PASS;
  }

  #update(flow: ModelFlow, { flags, protocol }: ModelPacket): void {
    const peer = flow.peer === undefined ? undefined : this.flows.get(flow.peer);
    let next = flow.state;
    if (protocol === IPPROTO.udp) {
      if (flow.state === 'UDP_ONEWAY' && flow.isReply) next = 'UDP';
    } else {
      const isOneWay = ONE_WAY.has(this.#setup.mode);
      next = flow.isReply
        ? afterServer(flow.state, flags)
        : afterClient(flow.state, flags, flow.seenSynAck || isOneWay, isOneWay);
      if (flow.isReply && (flags & FLAG.syn) !== 0) {
        flow.seenSynAck = true;
        if (peer) peer.seenSynAck = true;
      }
    }
    flow.state = next;
    if (peer) peer.state = next;
  }

  #start(frame: Uint8Array, packet: ModelPacket, key: string): ModelResult | ModelFlow {
    const { mode, scheduler = 'rr', persistence, flags: options = [] } = this.#setup;
    if (packet.dst !== this.#vip || (this.#port !== 0 && packet.dport !== this.#port)) {
      return this.#notOurs(packet);
    }
    const refusal = this.#refusal(packet);
    if (refusal === 'acl_deny' || refusal === 'acl_not_allowed') return drop(refusal);
    const isUdp = packet.protocol === IPPROTO.udp;
    const isOpening = isUdp || opens(packet);
    const isAdopting = (packet.flags & (FLAG.syn | FLAG.ack)) === FLAG.ack;
    if (!isOpening && !(isAdopting && KEY_TABLES.has(scheduler))) return drop('no_conn');
    if (packet.ttl <= 1) return drop('ttl');
    if (this.#isFull || refusal !== undefined) return drop('limit');
    const template = persistence ? this.#templateOf(packet) : undefined;
    let backend = template === undefined ? -1 : (this.templates.get(template) ?? -1);
    if (backend < 0 || !this.#isEligible(backend)) backend = this.#schedule(packet);
    if (backend < 0 || !this.#isEligible(backend)) {
      return options.includes('reset') ? this.#reset(frame, packet) : drop('no_backend');
    }
    const mayAdopt = ONE_WAY.has(mode) || (mode === 'nat' && options.includes('adopt'));
    if (!isOpening && !mayAdopt) return drop('no_conn');
    if (template !== undefined) this.templates.set(template, backend);
    const state: State = isUdp
      ? ONE_WAY.has(mode)
        ? 'UDP'
        : 'UDP_ONEWAY'
      : isOpening
        ? 'SYN_RECV'
        : 'ESTABLISHED';
    return this.#create(frame, packet, key, { backend, state });
  }

  #create(
    frame: Uint8Array,
    packet: ModelPacket,
    key: string,
    { backend, state }: { backend: number; state: State },
  ): ModelResult | ModelFlow {
    const { src, sport, dst, dport } = packet;
    const { address, port = 8080 } = backendsOf(this.#setup)[backend]!;
    const keepsPort = port === 0 || this.#setup.mode === 'dr' || this.#setup.mode === 'tunnel';
    const rport = keepsPort ? dport : port;
    const local = this.#localEnd(packet, address, rport);
    if (local === undefined) return drop('no_port');
    const common = {
      state,
      backend,
      seenSynAck: false,
      clientMac: frame.slice(6, 12),
      ourMac: frame.slice(0, 6),
      clientPort: Buffer.from(frame.slice(0, 6)).toString('hex'),
      lip: this.#setup.mode === 'fnat' ? local.address : undefined,
    };
    const replyKey = tuple(address, rport, local.address, local.port);
    const isOneWay = ONE_WAY.has(this.#setup.mode);
    const to = { src: local.address, sport: local.port, dst: address, dport: rport };
    const flow: ModelFlow = {
      ...common,
      isReply: false,
      to,
      peer: isOneWay ? undefined : replyKey,
    };
    this.flows.set(key, flow);
    this.#followThresholds(backend);
    if (!isOneWay) {
      const back = { src: dst, sport: dport, dst: src, dport: sport };
      this.flows.set(replyKey, { ...common, isReply: true, to: back, peer: key });
    }
    return flow;
  }

  /** Where the backend sees the flow come from; `undefined` when no place is free. */
  #localEnd(
    { src, sport, dport }: ModelPacket,
    address: string,
    rport: number,
  ): { address: string; port: number } | undefined {
    const { mode, localAddresses = [], portRange = [50_000, 50_000] } = this.#setup;
    const isTaken = (end: { address: string; port: number }): boolean => {
      const holder = this.flows.get(tuple(address, rport, end.address, end.port));
      if (holder === undefined) return false;
      if (holder.state !== 'CLOSE' || !holder.isReply) return true;
      this.#remove(tuple(address, rport, end.address, end.port), holder);
      return false;
    };
    if (mode === 'nat') {
      const end = { address: src, port: sport };
      return isTaken(end) ? undefined : end;
    }
    if (mode !== 'fnat') return { address: src, port: sport };
    const bytes = Uint8Array.of(...parseIp(src), sport >> 8, sport & 255, dport >> 8, dport & 255);
    const count = portRange[1] - portRange[0] + 1;
    const first = murmur3(bytes, 0x5bd1_e995) % count;
    const step = count % CLAIM_STEP === 0 ? 1 : CLAIM_STEP;
    const hash = murmur3(bytes);
    const ownStep = count > TRIES.search ? (hash % count) | 1 : 1;
    for (let round = 0; round < Math.min(2, localAddresses.length); round++) {
      const local = localAddresses[(hash + round) % localAddresses.length]!;
      const isSearched = this.#claimsOf(local) < count;
      for (let i = 0; i < TRIES.claim + (isSearched ? TRIES.search : 0); i++) {
        const offset = first + i * (i < TRIES.claim ? step : ownStep);
        const end = { address: local, port: portRange[0] + (offset % count) };
        if (!isTaken(end)) return end;
      }
    }
    return undefined;
  }

  #isEligible(index: number): boolean {
    const backend = this.backends[index];
    if (backend === undefined) return false;
    this.#followThresholds(index);
    return backend.weight > 0 && backend.available && !backend.retired && !backend.overloaded;
  }

  /** Between its thresholds a backend stays what it was. */
  #followThresholds(index: number): void {
    const { upper = 0, lower = 0 } = backendsOf(this.#setup)[index]!;
    if (upper === 0) return;
    const flows = this.count(index, true) + this.count(index, false);
    if (flows >= upper) this.backends[index]!.overloaded = true;
    else if (lower > 0 ? flows < lower : flows < 0.75 * upper)
      this.backends[index]!.overloaded = false;
  }

  get #isFull(): boolean {
    const { maxConnections = 0 } = this.#setup;
    if (maxConnections === 0) return false;
    return [...this.flows.values()].filter(({ isReply }) => !isReply).length >= maxConnections;
  }

  /** What the lists and limits of the service say to a client; lists are of whole addresses here. */
  #refusal({ src }: ModelPacket): 'acl_deny' | 'acl_not_allowed' | 'limit' | undefined {
    const { deny = [], allow = [], clientConnections = 0 } = this.#setup.admission ?? {};
    if (deny.includes(src)) return 'acl_deny';
    if (allow.length > 0 && !allow.includes(src)) return 'acl_not_allowed';
    if (clientConnections === 0) return undefined;
    const own = [...this.flows].filter(([key, flow]) => !flow.isReply && key.startsWith(`${src} `));
    return own.length >= clientConnections ? 'limit' : undefined;
  }

  #schedule(packet: ModelPacket): number {
    const { scheduler = 'rr', hash: mode = 'ip-port', flags = [] } = this.#setup;
    if (COMPARING.has(scheduler)) return this.#compared(scheduler);
    const table = this.#table;
    const length = table.length;
    const flowTuple = {
      source: packet.src,
      sourcePort: packet.sport,
      destination: packet.dst,
      servicePort: this.#port === 0 ? 0 : packet.dport,
    };
    const hash = hashFlow(flowTuple, mode);
    let slot = hash % length;
    let step = 1;
    let tries: number = TRIES.mh;
    if (scheduler === 'rr' || scheduler === 'wrr') {
      slot = this.#cursor++ % length;
    } else if (scheduler === 'conhash') {
      slot = (hash >>> 16) % length;
      tries = TRIES.conhash;
    } else if (!flags.includes('fallback')) {
      tries = 1;
    } else if (scheduler === 'sh' || scheduler === 'dh') {
      tries = TRIES.hash;
    } else if (length > 1) {
      step = (hashFlow(flowTuple, mode, 0x9747_b28c) % (length - 1)) + 1;
    }
    for (let i = 0; i < tries; i++) {
      const backend = table[(slot + i * step) % length]!;
      if (this.#isEligible(backend)) return backend;
    }
    return -1;
  }

  /** By live counts; `fo` and `ovf` go over the backends by the weights of the set-up. */
  #compared(scheduler: string): number {
    const order = listOf(this.#setup).map((slot) => slot - 1);
    const candidates = order.filter((index) => this.#isEligible(index));
    const isIdle = (index: number): boolean => this.count(index, true) === 0;
    if (scheduler === 'fo') return candidates[0] ?? -1;
    if (scheduler === 'ovf') {
      const has = (index: number): boolean =>
        this.count(index, true) < this.backends[index]!.weight;
      return candidates.find(has) ?? -1;
    }
    if (scheduler === 'nq' && candidates.some(isIdle)) return candidates.find(isIdle)!;
    let best = -1;
    let bestShare = Infinity;
    for (const index of candidates) {
      const active = this.count(index, true);
      const isDelay = scheduler === 'sed' || scheduler === 'nq';
      const load = isDelay ? active + 1 : 256 * active + this.count(index, false);
      const share = load / (scheduler === 'lc' ? 1 : this.backends[index]!.weight);
      if (share >= bestShare) continue;
      best = index;
      bestShare = share;
    }
    return best;
  }

  #templateOf({ src, dst, dport, family }: ModelPacket): string {
    const { prefix4 = 32, prefix6 = 128 } = this.#setup.persistence!;
    const bytes = parseIp(src);
    const length = family === 4 ? prefix4 : prefix6;
    const masked = bytes.map(
      (byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, length - i * 8))),
    );
    return tuple(formatIp(masked), 0, dst, this.#port === 0 ? 0 : dport);
  }

  /** RFC 9293, 3.10.7.1. */
  #reset(frame: Uint8Array, packet: ModelPacket): ModelResult {
    const { src, dst, sport, dport, family, flags, l4Offset, l4HeaderBytes, totalBytes } = packet;
    const hasOptions = l4Offset !== (family === 4 ? 34 : 54);
    if (hasOptions || (flags & FLAG.rst) !== 0) return drop('no_backend');
    const view = new DataView(frame.buffer, frame.byteOffset);
    const content = 14 + totalBytes - l4Offset - l4HeaderBytes + ((flags & FLAG.syn) !== 0 ? 1 : 0);
    const numbers: Pick<TcpSpec, 'seq' | 'ack' | 'flags'> =
      (flags & FLAG.ack) !== 0
        ? { seq: view.getUint32(l4Offset + 8), flags: ['rst'] }
        : {
            seq: 0,
            ack: (view.getUint32(l4Offset + 4) + content) >>> 0,
            flags: ['rst', 'ack'],
          };
    const tcp: TcpSpec = { sport: dport, dport: sport, window: 0, ...numbers };
    const macs = { to: macText(frame, 6), from: macText(frame, 0) };
    const answer: FrameSpec =
      family === 4
        ? { ...macs, ipv4: { src: dst, dst: src, id: 0, ttl: 64, tcp } }
        : { ...macs, ipv6: { src: dst, dst: src, hopLimit: 64, tcp } };
    return { verdict: 'tx', reason: 'no_backend', data: buildFrame(answer) };
  }

  #forward(
    frame: Uint8Array,
    packet: ModelPacket,
    key: string,
    flow: ModelFlow,
    isNew: boolean,
  ): ModelResult {
    if (packet.ttl <= 1) return drop('ttl');
    if (flow.isReply) {
      const data = translate(frame, packet, flow.to);
      return { verdict: 'tx', data: withMacs(data, flow.clientMac, flow.ourMac) };
    }
    const backend = this.backends[flow.backend]!;
    const isDown = !backend.available || backend.weight === 0;
    if (isDown && !isNew && this.#setup.flags?.includes('expireQuiescent')) {
      this.#remove(key, flow);
      return drop('quiescent');
    }
    if (!isNew && flow.peer !== undefined) this.#follow(frame, flow);
    const data = this.#toBackend(frame, packet, flow);
    return {
      verdict: 'tx',
      data: withMacs(data, parseMac(NAMES['M1']!), parseMac(NAMES['L2']!)),
    };
  }

  /** Replies go where the client's packets come from now. */
  #follow(frame: Uint8Array, flow: ModelFlow): void {
    const port = Buffer.from(frame.slice(0, 6)).toString('hex');
    const from = frame.slice(6, 12);
    if (port === flow.clientPort && Buffer.compare(from, flow.clientMac) === 0) return;
    for (const entry of [flow, this.flows.get(flow.peer!)]) {
      if (entry === undefined) continue;
      entry.clientMac = from;
      entry.ourMac = frame.slice(0, 6);
      entry.clientPort = port;
    }
  }

  #toBackend(frame: Uint8Array, packet: ModelPacket, flow: ModelFlow): Uint8Array {
    const { mode } = this.#setup;
    if (mode === 'dr') return hop(frame, packet);
    if (mode !== 'tunnel') return translate(frame, packet, flow.to);
    const { address } = backendsOf(this.#setup)[flow.backend]!;
    const inner = frame.slice(14);
    const macs = { to: macText(frame, 0), from: macText(frame, 6) };
    const protocol = packet.family === 4 ? IPPROTO.ipip : IPPROTO.ipv6;
    if (!address.includes(':')) {
      const ip = { src: NAMES['T']!, dst: address, id: 0, tos: packet.tos, ttl: 64, protocol };
      return outer({ ...macs, ipv4: { ...ip, payload: inner } }, packet.totalBytes);
    }
    const hash = hashFlow(
      {
        source: packet.src,
        sourcePort: packet.sport,
        destination: packet.dst,
        servicePort: this.#port === 0 ? 0 : packet.dport,
      },
      this.#setup.hash ?? 'ip-port',
    );
    const ip = { src: NAMES['T6']!, dst: address, trafficClass: packet.tos, hopLimit: 64 };
    const label = { flowLabel: hash & 0xf_ffff, nextHeader: protocol, payload: inner };
    return outer({ ...macs, ipv6: { ...ip, ...label } }, packet.totalBytes);
  }
}

/** A tunnel's frame: padding behind the inner packet stays behind it, outside the outer packet. */
function outer(frame: FrameSpec, innerBytes: number): Uint8Array {
  const ip = (frame.ipv4 ?? frame.ipv6)!;
  const content = Uint8Array.from(ip.payload as Uint8Array);
  const padding = content.subarray(innerBytes);
  const payload = content.slice(0, innerBytes);
  const built = frame.ipv4
    ? buildFrame({ ...frame, ipv4: { ...frame.ipv4, payload } })
    : buildFrame({ ...frame, ipv6: { ...frame.ipv6!, payload } });
  return Uint8Array.of(...built, ...padding);
}

function opens({ flags }: ModelPacket): boolean {
  return (flags & (FLAG.syn | FLAG.ack | FLAG.fin | FLAG.rst)) === FLAG.syn;
}

function afterClient(state: State, flags: number, isSeen: boolean, isOneWay: boolean): State {
  if ((flags & FLAG.rst) !== 0) return state === 'TIME_WAIT' ? state : 'CLOSE';
  if ((flags & FLAG.fin) !== 0) {
    if (state === 'ESTABLISHED') return isOneWay ? 'FIN_WAIT' : 'CLOSE_WAIT';
    if (state === 'FIN_WAIT') return 'TIME_WAIT';
  }
  if ((flags & (FLAG.ack | FLAG.syn)) !== FLAG.ack) return state;
  if (state === 'SYN_RECV' && isSeen) return 'ESTABLISHED';
  return state === 'LAST_ACK' ? 'TIME_WAIT' : state;
}

function afterServer(state: State, flags: number): State {
  if ((flags & FLAG.rst) !== 0) return state === 'TIME_WAIT' ? state : 'CLOSE';
  if ((flags & FLAG.fin) === 0) return state;
  if (state === 'SYN_RECV' || state === 'ESTABLISHED') return 'FIN_WAIT';
  return state === 'CLOSE_WAIT' ? 'LAST_ACK' : state;
}

function macText(frame: Uint8Array, at: number): string {
  return [...frame.subarray(at, at + 6)].map((b) => b.toString(16).padStart(2, '0')).join(':');
}
