/**
 * A data plane of a packet case: the programs on a host, with maps filled from the case's set-up.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import {
  type BpfMap,
  formatMac,
  loadObject,
  parseMac,
  readObject,
  tcContext,
  xdpContext,
  type LoadedObject,
  type Program,
} from '@balancer/ebpf';
import type { L4Tc } from '../../bpf/objects/l4-tc.types.ts';
import {
  addressFilter,
  BACKEND_FLAGS,
  collectGarbage,
  CONFIG_FLAGS,
  DEFAULT_TIMEOUTS,
  familyOf,
  HASH_MODES,
  MODES,
  OWNED,
  PROTOCOLS,
  REPLY_PATHS,
  SCHEDULERS,
  SERVICE_FLAGS,
  STATES,
  SYN_PROXIES,
  toMapAddress,
  type GarbageCollection,
} from '../../src/index.ts';
import { type Admission, OPEN } from '../../src/desired.ts';
import { aclKey, admissionFlags, compileAdmission, listedNetworks } from '../../src/admission.ts';
import { closeBackend } from '../../src/closing.ts';
import { EMPTY_BACKEND, EMPTY_CONFIG, EMPTY_SERVICE } from '../../src/records.ts';
import { matchFamilies, matchOf } from '../../src/match.ts';
import { createRules, matchFilter, type PlaneRule } from '../../src/match-map.ts';
import { createTable } from '../../src/selection-map.ts';
import { compileTunnel, IPIP, TUNNEL_PORTS } from '../../src/tunnel.ts';
import { NAMES, type Change, type PacketCase, type Setup } from './packet-case.ts';
import { isSection, type PacketHost, type Hook } from './packet-host.ts';
import { backendsOf, COMPARING, listOf, tableOf } from './selection-table.ts';

/** Id of the service of the set-up. */
export const SERVICE = 1;

/** Protocols whose packets are told apart by the identifier of an echo. */
const ICMP: ReadonlySet<string> = new Set(['icmp', 'icmpv6']);

const NS_PER_S = 1_000_000_000n;
/** Modes that leave the ports of packets alone. */
const KEEPS_PORT: ReadonlySet<string> = new Set(['dr', 'tunnel', 'snat']);

/** What the programs return; "tx" stands for every way of sending. */
const VERDICTS: Readonly<Record<Hook, Readonly<Record<number, string>>>> = {
  xdp: { 1: 'drop', 2: 'pass', 3: 'tx', 4: 'tx' },
  tc: { 2: 'drop', 7: 'tx', [0xffff_ffff]: 'pass' },
};

const CONTROL = readObject(readFileSync(new URL('../../bpf/objects/l4-ctl.o', import.meta.url)));

/** Keys of cookies, of slot 99 and 100. */
export const COOKIE_KEYS = [
  { slot: 100, zero: 0, k0: 0x0706050403020100n, k1: 0x0f0e0d0c0b0a0908n },
  { slot: 99, zero: 0, k0: 0x1716151413121110n, k1: 0x1f1e1d1c1b1a1918n },
] as const;

/** tc: the card is still to cut the packet into so many of so many bytes of content. */
interface Offload {
  readonly gsoSize?: number;
  readonly gsoSegments?: number;
}

/** What became of a packet. */
export interface Sent {
  readonly verdict: string;
  readonly data: Uint8Array;
  /** Bytes that XDP put in front of the frame; part of `data`. */
  readonly metadataBytes: number;
}

/** Tables of the service as text, of objects that many cases share: to set one waits for RCU. */
const heldTables = new WeakMap<object, Map<string, string>>();

/** The data plane of a host, emptied and filled from a set-up. */
export class DataPlane {
  readonly protocol: number;
  readonly #loaded: LoadedObject<L4Tc>;
  readonly #setup: Setup;
  readonly #programName: NonNullable<PacketCase['program']>;
  readonly #hook: Hook;
  readonly #host: PacketHost;
  #control: LoadedObject | undefined;

  constructor(
    setup: Setup,
    hook: Hook,
    host: PacketHost,
    program: PacketCase['program'] = 'lb_ingress',
  ) {
    this.#setup = setup;
    this.#hook = hook;
    this.#programName = program;
    this.#host = typeof setup.network === 'object' ? host.withNetwork(setup.network) : host;
    this.protocol = PROTOCOLS[setup.protocol ?? 'tcp'];
    this.#loaded = this.#host.dataPlane(hook);
    if (hook === 'xdp') this.#addPorts();
    this.#configure();
    this.#addAddresses();
    for (const index of backendsOf(setup).keys()) this.#addBackend(index);
    this.#addService();
    this.#addRules();
    this.#addNetworks();
  }

  close(): void {
    this.#control?.close();
  }

  /** The object with its maps. */
  get loaded(): LoadedObject<L4Tc> {
    return this.#loaded;
  }

  /** Its maps by name, which other programs may share. */
  get maps(): ReadonlyMap<string, BpfMap> {
    return new Map([...this.#loaded.maps].filter(([name]) => !isSection(name)));
  }

  /** Those of them that the programs of the control plane use, too. */
  get #controlMaps(): ReadonlyMap<string, BpfMap> {
    return new Map([...this.maps].filter(([name]) => CONTROL.maps.has(name)));
  }

  /** The program under test. */
  get program(): Program {
    return this.#loaded.program(this.#programName);
  }

  /** Sends one packet through and says what became of it. */
  send(frame: Uint8Array, offload: Offload = {}): Sent {
    const context = this.contextOf(frame, offload);
    const { program } = this;
    const run = this.within(() => program.testRun({ data: frame, context }));
    // What XDP puts in front of the frame comes out with it; the context says how much it is.
    const metadataBytes =
      this.#hook === 'xdp' ? new DataView(run.context.buffer).getUint32(0, true) : 0;
    return {
      verdict: VERDICTS[this.#hook][run.result] ?? `${run.result}`,
      data: run.data,
      metadataBytes,
    };
  }

  get setup(): Setup {
    return this.#setup;
  }

  /** Does something where the case's network is, as packets do that ask for routes. */
  within<T>(action: () => T): T {
    return this.#host.namespace.run(action);
  }

  /** The context in which the program sees a frame. */
  contextOf(frame: Uint8Array, offload: Offload = {}): Uint8Array {
    const ifindex = this.#host.ifindexes.get(formatMac(frame.subarray(0, 6))) ?? 1;
    return this.#hook === 'tc'
      ? tcContext({ ifindex, ...offload })
      : xdpContext({ dataBytes: frame.length, ifindex });
  }

  /** Changes a backend as the control plane would. */
  change({ backend, weight, available, retired }: Change): void {
    const map = this.#loaded.map('l4_be');
    const value = map.get(backend + 1)!;
    const flags = new Map([
      [BACKEND_FLAGS.available, available],
      [BACKEND_FLAGS.retired, retired],
    ]);
    let bits = value.flags;
    for (const [flag, on] of flags) {
      if (on !== undefined) bits = on ? bits | flag : bits & ~flag;
    }
    map.set(backend + 1, { ...value, weight: weight ?? value.weight, flags: bits });
  }

  /** Lets time pass by making everything that has a time older. */
  wait(seconds: number): void {
    const ns = BigInt(seconds) * NS_PER_S;
    const flows = this.#loaded.map('l4_ct');
    for (const [key, flow] of flows.entries()) {
      // Another tick in the low bits, so that the next packet looks at the clock.
      const last = (flow.last_ns - ns) ^ 0x8000n;
      flows.set(key, { ...flow, last_ns: last, created_ns: flow.created_ns - ns });
    }
    const ticks = ns * 16n;
    const buckets = this.#loaded.map('l4_bucket');
    const { conns, packets, bytes, zero } = buckets.get(SERVICE)!;
    const earlier = (time: bigint): bigint => (time > ticks ? time - ticks : 0n);
    buckets.set(SERVICE, {
      conns: earlier(conns),
      packets: earlier(packets),
      bytes: earlier(bytes),
      zero,
    });
    const sources = this.#loaded.map('l4_src');
    for (const [key, source] of sources.entries()) {
      sources.set(key, { ...source, lasts_until: earlier(source.lasts_until) });
    }
    const fragments = this.#loaded.map('l4_frag');
    for (const [key, ports] of fragments.entries()) {
      fragments.set(key, { ...ports, seen_s: ports.seen_s - seconds });
    }
    const templates = this.#loaded.map('l4_tpl');
    for (const [key, template] of templates.entries()) {
      templates.set(key, { ...template, expires_ns: template.expires_ns - ns });
    }
  }

  /** Runs the garbage collection on the maps. */
  collect(): GarbageCollection {
    return collectGarbage(this.control.program('lb_gc'));
  }

  /** Ends the flows of a backend. @returns How many. */
  closeFlows(backend: number): number {
    return closeBackend(this.control.program('lb_close'), backend + 1);
  }

  /** The control programs, on the same maps. */
  get control(): LoadedObject {
    return this.#control ?? this.loadControl();
  }

  /** Loads them, which takes longer than all that is done with them. */
  loadControl(): LoadedObject {
    const maps = Object.fromEntries(this.#controlMaps);
    const maxEntries = Object.fromEntries(
      [...this.#controlMaps].map(([name, map]) => [name, map.info.maxEntries]),
    );
    this.#control = loadObject(CONTROL, { maps, maxEntries });
    return this.#control;
  }

  /** Packets dropped so far, by reason. */
  drops(): bigint[] {
    return [...this.#loaded.map('l4_drop').entries()].map(([, copies]) =>
      copies.reduce((sum, copy) => sum + copy.packets, 0n),
    );
  }

  /** Interfaces that XDP may redirect to. */
  #addPorts(): void {
    this.#host.namespace.run(() => {
      const ports = this.#loaded.map('l4_tx');
      for (const ifindex of this.#host.ifindexes.values()) ports.set(ifindex, ifindex);
    });
  }

  #configure(): void {
    const { portRange = [50_000, 50_000], newFlowCap = 0, tunnelRss, filter } = this.#setup;
    const [portLow, portHigh] = portRange;
    const timeouts = Array<number>(16).fill(0);
    for (const [name, index] of Object.entries(STATES)) {
      timeouts[index] =
        Object.entries(DEFAULT_TIMEOUTS).find(([state]) => state === name)?.[1] ?? 0;
    }
    this.#loaded.map('l4_cfg').set(0, {
      ...EMPTY_CONFIG,
      timeouts,
      flags:
        (tunnelRss ? CONFIG_FLAGS.tunnelRss : 0) |
        (filter ? CONFIG_FLAGS.filter : 0) |
        (this.#rules.length > 0 ? CONFIG_FLAGS.match : 0) |
        (this.#rules.length > 0 || ICMP.has(this.#setup.protocol ?? '') ? CONFIG_FLAGS.echo : 0) |
        (this.#setup.admission ? CONFIG_FLAGS.sources : 0),
      new_flow_cap: newFlowCap,
      port_lo: portLow,
      port_hi: portHigh,
      tunnel_source4: toMapAddress(NAMES['T']!),
      tunnel_source6: toMapAddress(NAMES['T6']!),
      reply_path: REPLY_PATHS[this.#setup.replyPath ?? 'symmetric'],
    });
    this.#loaded.map('l4_cookie').setAll([...COOKIE_KEYS.entries()]);
  }

  #addAddresses(): void {
    const { decapAddresses = [], vip = NAMES['V']! } = this.#setup;
    const isSnat = this.#setup.mode === 'snat';
    const localAddresses = this.#localAddresses;
    const owned = { ...this.#setup.owned };
    for (const address of localAddresses) owned[address] = isSnat ? 'pass' : 'localAddress';
    for (const [name, kind] of Object.entries(owned)) {
      const address = toMapAddress(NAMES[name] ?? name);
      this.#loaded.map('l4_vip').set({ address, port: 0, protocol: 0, zero: 0 }, OWNED[kind]);
    }
    localAddresses.forEach((address, index) => {
      const lip = { address: toMapAddress(address), conns: 0, conflicts: 0, misses: 0, zero: 0 };
      this.#loaded.map('l4_lip').set(index, lip);
    });
    for (const address of decapAddresses) {
      const { gue, vxlan } = TUNNEL_PORTS;
      this.#loaded.map('l4_decap').set(toMapAddress(address), { gue, vxlan });
    }
    const named = Object.keys(owned).map((name) => NAMES[name] ?? name);
    const backends = backendsOf(this.#setup).map(({ address }) => address);
    const ours = this.#setup.mode === 'nat' ? [vip, ...named, ...backends] : [vip, ...named];
    if (this.#setup.filter) this.#loaded.map('l4_filter').set(0, addressFilter(ours));
  }

  /** Backend i of the set-up gets slot i + 1; slot 0 means none. */
  #addBackend(index: number): void {
    const backend = backendsOf(this.#setup)[index]!;
    const { available = true, weight = 1, port = 8080, active = 0, inactive = 0 } = backend;
    const { upper = 0, lower = 0, mtu = 0 } = backend;
    const isSnat = this.#setup.mode === 'snat';
    const { packetsPerS, bitsPerS } = this.#admission;
    const tunnel = compileTunnel({ ...IPIP, ...this.#setup.tunnel });
    const flags =
      tunnel.flags |
      (backend.vlan === undefined ? 0 : BACKEND_FLAGS.vlan) |
      (this.#setup.network ? 0 : BACKEND_FLAGS.staticL2) |
      (available ? BACKEND_FLAGS.available : 0) |
      (packetsPerS + bitsPerS > 0 ? BACKEND_FLAGS.metered : 0);
    this.#loaded.map('l4_be').set(index + 1, {
      ...EMPTY_BACKEND,
      // Static L2: out of the interface the packet came from, from L2 to M1.
      dmac: parseMac(NAMES['M1']!),
      smac: parseMac(NAMES['L2']!),
      address: toMapAddress(backend.address),
      port: KEEPS_PORT.has(this.#setup.mode) ? 0 : port,
      mode: MODES[this.#setup.mode],
      ...tunnel.fields,
      vlan_tci: backend.vlan ?? 0,
      flags,
      family: familyOf(backend.address),
      weight,
      upper,
      lower,
      mtu,
      service: SERVICE,
      lip: isSnat ? index : 0,
    });
    const rest = { persist: 0, overloaded: 0, up_events: 0, down_events: 0, last_new_ns: 0n };
    this.#loaded.map('l4_cnt').set(index + 1, { active, inactive, ...rest });
  }

  #addService(): void {
    const { vip = NAMES['V']!, port = 80, scheduler = 'rr', hash = 'ip-port' } = this.#setup;
    const slots = tableOf(this.#setup);
    this.#setInner('l4_sel', slots);
    // Each update of a map of maps waits for RCU: leave out what the scheduler does not read.
    if (COMPARING.has(scheduler)) this.#setInner('l4_list', listOf(this.#setup));
    const { persistence, flags: given = [] } = this.#setup;
    const isSnat = this.#setup.mode === 'snat';
    const flags = [
      'enabled',
      ...given,
      ...(port === 0 || isSnat ? (['anyPort'] as const) : []),
      ...(isSnat ? (['snat'] as const) : []),
      ...(persistence ? (['persistent'] as const) : []),
    ] as const;
    const { seconds = 0, prefix4 = 32, prefix6 = 128 } = persistence ?? {};
    this.#loaded.map('l4_svc').set(SERVICE, {
      ...EMPTY_SERVICE,
      flags: flags.reduce(
        (bits, flag) => bits | SERVICE_FLAGS[flag],
        admissionFlags(this.#admission),
      ),
      scheduler: SCHEDULERS[scheduler],
      hash_mode: HASH_MODES[hash],
      protocol: this.protocol,
      family: familyOf(vip),
      vip: toMapAddress(vip),
      vport: port,
      sel_len: slots.length,
      list_len: backendsOf(this.#setup).length,
      lip_count: this.#localAddresses.length,
      synproxy: SYN_PROXIES[this.#setup.synproxy ?? 'off'],
      max_conns: this.#setup.maxConnections ?? 0,
      vlan: this.#setup.vlan ?? 0,
      ...compileAdmission(this.#admission),
      persist_s: seconds,
      persist_mask4: prefix4 === 0 ? 0 : (0xffff_ffff << (32 - prefix4)) >>> 0,
      persist_plen6: prefix6,
    });
    if (isSnat) return;
    const key = { address: toMapAddress(vip), port, protocol: this.protocol, zero: 0 };
    this.#loaded.map('l4_vip').set(key, SERVICE);
  }

  /** Of mode `snat` those are the backends. */
  get #localAddresses(): readonly string[] {
    const { mode, localAddresses = [] } = this.#setup;
    return mode === 'snat' ? backendsOf(this.#setup).map(({ address }) => address) : localAddresses;
  }

  get #rules(): PlaneRule[] {
    const { rules = [], protocol = 'tcp' } = this.#setup;
    return rules.flatMap((rule) => {
      const words = { srcRange: rule.src, dstRange: rule.dst };
      return matchFamilies(words).map((family) => ({
        service: SERVICE,
        protocol: PROTOCOLS[rule.protocol ?? protocol],
        family,
        match: matchOf(words),
        iif: this.#ifindexOf(rule.iif),
        oif: this.#ifindexOf(rule.oif),
        isLeaving: rule.isLeaving ?? false,
      }));
    });
  }

  #ifindexOf(name: string | undefined): number {
    return name === undefined ? 0 : (this.#host.ifindexes.get(NAMES[name]!) ?? 0);
  }

  #addRules(): void {
    const rules = this.#rules;
    const map = createRules(rules);
    this.#loaded.map('l4_match').set(0, map.fd);
    map.close();
    this.#loaded.map('l4_match_filter').set(0, matchFilter(rules));
  }

  get #admission(): Admission {
    return { ...OPEN, ...this.#setup.admission };
  }

  #addNetworks(): void {
    const map = this.#loaded.map('l4_acl');
    for (const network of listedNetworks([[SERVICE, this.#admission]]).values()) {
      map.set(aclKey(network), { hits: 0n });
    }
  }

  #setInner(outer: 'l4_sel' | 'l4_list', slots: readonly number[]): void {
    const held = heldTables.get(this.#loaded) ?? new Map<string, string>();
    heldTables.set(this.#loaded, held);
    if (held.get(outer) === slots.join()) return;
    const inner = createTable(outer, Uint32Array.from(slots));
    this.#loaded.map(outer).set(SERVICE, inner.fd);
    inner.close();
    held.set(outer, slots.join());
  }
}
