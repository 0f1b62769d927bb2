/**
 * Runs a packet case: fills an empty data plane from the set-up, sends each packet by test run and
 * compares verdict, bytes and state.
 *
 * @module
 */
import {
  BpfMap,
  diffFrames,
  formatMac,
  parseMac,
  tcContext,
  xdpContext,
  type LoadedObject,
  type Program,
} from '@balancer/ebpf';
import {
  type L4Backend,
  type L4FlowKey,
  type L4Service,
  type L4Xdp,
} from '../../bpf/objects/l4-xdp.types.ts';
import {
  BACKEND_FLAGS,
  DEFAULT_TIMEOUTS,
  DROP_REASONS,
  familyOf,
  HASH_MODES,
  MODES,
  NO_ADDRESS,
  OWNED,
  PROTOCOLS,
  REPLY_PATHS,
  SCHEDULERS,
  SERVICE_FLAGS,
  STATES,
  toMapAddress,
} from '../../src/index.ts';
import {
  frameBytes,
  NAMES,
  type Expectation,
  type ExpectedFlow,
  type PacketCase,
  type Setup,
  type Step,
} from './packet-case.ts';
import { PacketHost, type Hook } from './packet-host.ts';

const SERVICE = 1;

/** What the programs return; "tx" stands for every way of sending. */
const VERDICTS: Readonly<Record<Hook, Readonly<Record<number, string>>>> = {
  xdp: { 1: 'drop', 2: 'pass', 3: 'tx', 4: 'tx' },
  tc: { 2: 'drop', 7: 'tx', [0xffff_ffff]: 'pass' },
};

/** Runs a case on one build; returns one line for each difference, none when it holds. */
export function runCase(packetCase: PacketCase, hook: Hook, host: PacketHost): string[] {
  const plane = new DataPlane(packetCase.setup, hook, host);
  try {
    return packetCase.steps.flatMap((step, i) =>
      plane.run(step).map((problem) => `step ${i + 1}: ${problem}`),
    );
  } finally {
    plane.close();
  }
}

/** The data plane of a host, emptied and filled from a set-up. */
export class DataPlane {
  readonly #loaded: LoadedObject<L4Xdp>;
  readonly #setup: Setup;
  readonly #protocol: number;
  readonly #hook: Hook;
  readonly #host: PacketHost;
  /** A host of its own, for cases that change it. */
  readonly #ownHost: PacketHost | undefined;

  constructor(setup: Setup, hook: Hook, host: PacketHost) {
    this.#setup = setup;
    this.#hook = hook;
    this.#ownHost = typeof setup.network === 'object' ? new PacketHost() : undefined;
    this.#host = this.#ownHost ?? host;
    this.#protocol = PROTOCOLS[setup.protocol ?? 'tcp'];
    this.#loaded = this.#host.dataPlane(hook);
    if (typeof setup.network === 'object') this.#host.setUp(setup.network);
    if (hook === 'xdp') this.#addPorts();
    this.#configure();
    this.#addBackends();
    this.#addService();
  }

  close(): void {
    this.#ownHost?.close();
  }

  /** Its maps by name. */
  get maps(): ReadonlyMap<string, BpfMap> {
    return this.#loaded.maps;
  }

  /** The program under test. */
  get program(): Program {
    return this.#loaded.program('lb_ingress');
  }

  /** Sends one packet through and says what became of it. */
  send(frame: Uint8Array): { verdict: string; data: Uint8Array; metadataBytes: number } {
    const ifindex = this.#host.ifindexes.get(formatMac(frame.subarray(0, 6))) ?? 1;
    const context =
      this.#hook === 'tc'
        ? tcContext({ ifindex })
        : xdpContext({ dataBytes: frame.length, ifindex });
    const { program } = this;
    const run = this.#host.namespace.run(() => program.testRun({ data: frame, context }));
    // What XDP puts in front of the frame comes out with it; the context says how much it is.
    const metadataBytes =
      this.#hook === 'xdp' ? new DataView(run.context.buffer).getUint32(0, true) : 0;
    return {
      verdict: VERDICTS[this.#hook][run.result] ?? `${run.result}`,
      data: run.data,
      metadataBytes,
    };
  }

  run(step: Step): string[] {
    const before = this.#drops();
    const input = frameBytes(step.in);
    const { verdict, data, metadataBytes } = this.send(input);
    const reasons = this.#drops().flatMap((n, id) =>
      n > (before[id] ?? 0n) ? [reasonName(id)] : [],
    );
    const problems: string[] = [];
    if (verdict !== step.verdict) {
      problems.push(`verdict ${verdict} ${reasons.join()}; expected ${step.verdict}`);
    }
    if (step.reason !== undefined && reasons.join() !== step.reason) {
      problems.push(`drop reason ${reasons.join() || 'none'}; expected ${step.reason}`);
    }
    if (metadataBytes !== (step.metadataBytes ?? 0)) {
      problems.push(`${metadataBytes} bytes of metadata; expected ${step.metadataBytes ?? 0}`);
    }
    const expected = step.out ? frameBytes(step.out) : step.verdict === 'pass' ? input : undefined;
    if (expected && step.verdict !== 'drop')
      problems.push(...diffFrames(expected, data.subarray(metadataBytes)));
    return [...problems, ...this.stateProblems(step.after ?? {})];
  }

  /** Interfaces that XDP may redirect to. */
  #addPorts(): void {
    this.#host.namespace.run(() => {
      const ports = this.#loaded.map('l4_tx');
      for (const ifindex of this.#host.ifindexes.values()) ports.set(ifindex, ifindex);
    });
  }

  #configure(): void {
    const [portLow, portHigh] = this.#setup.portRange ?? [50_000, 50_000];
    const timeouts = Array<number>(16).fill(0);
    for (const [name, index] of Object.entries(STATES)) {
      timeouts[index] =
        Object.entries(DEFAULT_TIMEOUTS).find(([state]) => state === name)?.[1] ?? 0;
    }
    this.#loaded.map('l4_cfg').set(0, {
      timeouts,
      flags: 0,
      hash_seed: 0,
      new_flow_cap: 0,
      port_lo: portLow,
      port_hi: portHigh,
      tunnel_source4: toMapAddress(NAMES['T']!),
      tunnel_source6: toMapAddress(NAMES['T6']!),
      reply_path: REPLY_PATHS.symmetric,
      ttl_dec: 1,
      reserved: new Uint8Array(136),
    });
    const owned = { ...this.#setup.owned };
    for (const address of this.#setup.localAddresses ?? []) owned[address] = 'localAddress';
    for (const [name, kind] of Object.entries(owned)) {
      const address = toMapAddress(NAMES[name] ?? name);
      this.#loaded.map('l4_vip').set({ address, port: 0, protocol: 0, zero: 0 }, OWNED[kind]);
    }
    (this.#setup.localAddresses ?? []).forEach((address, index) => {
      const lip = { address: toMapAddress(address), conns: 0, conflicts: 0, misses: 0, zero: 0 };
      this.#loaded.map('l4_lip').set(index, lip);
    });
  }

  get #backends(): NonNullable<Setup['backends']> {
    return this.#setup.backends ?? [{ address: NAMES['B1']! }];
  }

  /** Backend i of the set-up gets slot i + 1; slot 0 means none. */
  #addBackends(): void {
    this.#backends.forEach((backend, i) => {
      const { available = true, weight = 1, port = 8080, active = 0, inactive = 0 } = backend;
      const isOneWay = this.#setup.mode === 'dr' || this.#setup.mode === 'tunnel';
      const flags =
        (this.#setup.network ? 0 : BACKEND_FLAGS.staticL2) |
        (available ? BACKEND_FLAGS.available : 0);
      this.#loaded.map('l4_be').set(i + 1, {
        ...EMPTY_BACKEND,
        address: toMapAddress(backend.address),
        port: isOneWay ? 0 : port,
        mode: MODES[this.#setup.mode],
        flags,
        family: familyOf(backend.address),
        weight,
        service: SERVICE,
      });
      const rest = { persist: 0, zero: 0, up_events: 0, down_events: 0, last_new_ns: 0n };
      this.#loaded.map('l4_cnt').set(i + 1, { active, inactive, ...rest });
    });
  }

  #addService(): void {
    const { vip = NAMES['V']!, port = 80, scheduler = 'rr', hash = 'ip-port' } = this.#setup;
    const slots = (this.#setup.table ?? this.#backends.map((_, i) => i)).map((i) => i + 1);
    this.#setInner('l4_sel', slots);
    // Each update of a map of maps waits for RCU: leave out what the scheduler does not read.
    if (scheduler === 'lc' || scheduler === 'wlc') {
      const all = this.#backends.map((_, i) => i + 1);
      this.#setInner('l4_list', all);
    }
    const flags = [
      'enabled',
      ...(this.#setup.flags ?? []),
      ...(port === 0 ? ['anyPort' as const] : []),
    ] as const;
    this.#loaded.map('l4_svc').set(SERVICE, {
      ...EMPTY_SERVICE,
      flags: flags.reduce((bits, flag) => bits | SERVICE_FLAGS[flag], 0),
      scheduler: SCHEDULERS[scheduler],
      hash_mode: HASH_MODES[hash],
      protocol: this.#protocol,
      family: familyOf(vip),
      vip: toMapAddress(vip),
      vport: port,
      sel_len: slots.length,
      list_len: this.#backends.length,
      lip_count: this.#setup.localAddresses?.length ?? 0,
    });
    const key = { address: toMapAddress(vip), port, protocol: this.#protocol, zero: 0 };
    this.#loaded.map('l4_vip').set(key, SERVICE);
  }

  #setInner(outer: 'l4_sel' | 'l4_list', slots: readonly number[]): void {
    const maxEntries = Math.max(slots.length, 1);
    const inner = BpfMap.create({
      name: outer,
      type: 'array',
      keySize: 4,
      valueSize: 4,
      maxEntries,
      flags: 0x1000,
    });
    const keys = new Uint8Array(Uint32Array.from(slots, (_, i) => i).buffer);
    const values = new Uint8Array(Uint32Array.from(slots).buffer);
    inner.updateBatch({ count: slots.length, keys, values });
    this.#loaded.map(outer).set(SERVICE, inner.fd);
    inner.close();
  }

  #drops(): bigint[] {
    return [...this.#loaded.map('l4_drop').entries()].map(([, copies]) =>
      copies.reduce((sum, copy) => sum + copy.packets, 0n),
    );
  }

  /** What differs from an expected state. */
  stateProblems(expected: Expectation): string[] {
    const counters = this.#loaded.map('l4_cnt').get(1)!;
    const stats = this.#loaded.map('l4_stat_svc').get(SERVICE)!;
    const found: Required<Omit<Expectation, 'flows'>> = {
      active: counters.active,
      inactive: counters.inactive,
      conns: Number(stats.reduce((sum, copy) => sum + copy.conns, 0n)),
      misses: this.#loaded.map('l4_lip').get(0)!.misses,
      entries: [...this.#loaded.map('l4_ct').entries()].length,
    };
    const { flows = [], ...numbers } = expected;
    const problems = Object.entries(found).flatMap(([name, value]) => {
      const wanted = Object.entries(numbers).find(([key]) => key === name)?.[1];
      return wanted === undefined || wanted === value
        ? []
        : [`${name} ${value}; expected ${wanted}`];
    });
    return [...problems, ...flows.flatMap((flow) => this.#flowProblems(flow))];
  }

  #flowProblems(expected: ExpectedFlow): string[] {
    const flow = this.#loaded.map('l4_ct').get(this.#flowKey(expected));
    const name = `flow ${expected.from} > ${expected.to}`;
    if (expected.absent) return flow ? [`${name} is there`] : [];
    if (flow === undefined) return [`${name} is missing`];
    const state = Object.entries(STATES).find(([, id]) => id === flow.state)?.[0];
    if (expected.state === undefined || expected.state === state) return [];
    return [`${name} is ${state}; expected ${expected.state}`];
  }

  #flowKey({ from, to }: ExpectedFlow): L4FlowKey {
    const source = endpoint(from);
    const destination = endpoint(to);
    return {
      src: toMapAddress(source.address),
      dst: toMapAddress(destination.address),
      sport: source.port,
      dport: destination.port,
      protocol: this.#protocol,
      zone: 0,
      zero: 0,
    };
  }
}

const EMPTY_SERVICE: L4Service = {
  flags: 0,
  scheduler: 0,
  hash_mode: 0,
  protocol: 0,
  family: 0,
  vip: NO_ADDRESS,
  vport: 0,
  proxy_protocol: 0,
  synproxy: 0,
  sel_len: 0,
  list_len: 0,
  lip_first: 0,
  lip_count: 0,
  hash_seed: 0,
  est_timeout_s: 0,
  persist_s: 0,
  persist_mask4: 0,
  persist_plen6: 0,
  unknown_action: 0,
  zero: 0,
  acl_list: 0,
  bucket_pps: 0,
  bucket_bps: 0,
  bucket_cps: 0,
  max_conns: 0,
  src_max_conns: 0,
  generation: 0,
  port_lo: 0,
  port_hi: 0,
  reserved: new Uint8Array(32),
};

/** Static L2: out of the interface the packet came from, from L2 to M1. */
const EMPTY_BACKEND: L4Backend = {
  address: NO_ADDRESS,
  port: 0,
  mode: 0,
  tunnel: 0,
  tunnel_port: 0,
  flags: 0,
  family: 0,
  weight: 0,
  upper: 0,
  lower: 0,
  ifindex: 0,
  dmac: parseMac(NAMES['M1']!),
  smac: parseMac(NAMES['L2']!),
  vlan_tci: 0,
  mtu: 0,
  vni: 0,
  service: 0,
  inner_dmac: new Uint8Array(6),
  zero: 0,
  generation: 0,
  reserved: new Uint8Array(52),
};

function endpoint(text: string): { address: string; port: number } {
  const [, address = '', port = ''] = /^\[?(.+?)\]?:(\d+)$/.exec(text) ?? [];
  return { address, port: Number(port) };
}

function reasonName(id: number): string {
  return Object.entries(DROP_REASONS).find(([, value]) => value === id)?.[0] ?? `reason ${id}`;
}
