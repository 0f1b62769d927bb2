/**
 * From what is wanted to what the maps hold. Pure: the same wish and the same numbers give the same
 * image, whose difference to the one before is what has to be written.
 *
 * @module
 */
import { parseMac } from '@balancer/ebpf';
import { familyOf, fromMapAddress, NO_ADDRESS, toMapAddress } from './address.ts';
import {
  BACKEND_FLAGS,
  CONFIG_FLAGS,
  HASH_MODES,
  MODES,
  OWNED,
  PROTOCOLS,
  REPLY_PATHS,
  SCHEDULERS,
  SERVICE_FLAGS,
  STATES,
  SYN_PROXIES,
} from './constants.ts';
import {
  type BackendSpec,
  type DesiredPlane,
  formatEndpoint,
  isNat64,
  type Protocol,
  type SchedulerName,
  type ServiceSpec,
} from './desired.ts';
import type { Ids } from './ids.ts';
import { NO_INTERFACE, type PlaneRule, RULES_MAX } from './match-map.ts';
import {
  admissionFlags,
  compileAdmission,
  type ListedNetwork,
  listedNetworks,
} from './admission.ts';
import {
  EMPTY_BACKEND,
  EMPTY_CONFIG,
  EMPTY_SERVICE,
  type L4Backend,
  type L4Config,
  type L4Service,
} from './records.ts';
import { compileTunnel, IPIP } from './tunnel.ts';
import {
  byWeightTable,
  drawTable,
  hashTable,
  maglevTable,
  ringTable,
  roundRobinTable,
  type TableMember,
  weightedRoundRobinTable,
} from './tables.ts';

/** A key of the map of addresses. */
export interface VipKey {
  readonly address: string;
  readonly port: number;
  /** `undefined`: an address of ours, whatever the protocol and the port. */
  readonly protocol: Protocol | undefined;
}

/** Content of the maps that the control plane writes. */
export interface PlaneImage {
  readonly config: L4Config;
  /** By text of the key: the service id or a value of `OWNED`. */
  readonly vips: ReadonlyMap<string, { readonly key: VipKey; readonly value: number }>;
  readonly services: ReadonlyMap<number, L4Service>;
  readonly backends: ReadonlyMap<number, L4Backend>;
  /** By service: what the schedulers read that choose by a table. */
  readonly tables: ReadonlyMap<number, Uint32Array>;
  /** By service: all backend slots, for the schedulers that compare loads. */
  readonly lists: ReadonlyMap<number, Uint32Array>;
  /** By index; those of former runs stay as long as flows refer to them. */
  readonly localAddresses: ReadonlyMap<number, string>;
  /** Networks on the lists of services, by the text of their key. */
  readonly networks: ReadonlyMap<string, ListedNetwork>;
  /** Rules of services without an address, in the order in which they are tried. */
  readonly rules: readonly PlaneRule[];
}

/** An interface as `staticL2` names it. */
export interface KnownLink {
  readonly ifindex: number;
  readonly mac: string | undefined;
  /** In bytes. */
  readonly mtu: number;
}

export interface CompileInput {
  readonly desired: DesiredPlane;
  /** Numbers for everything in `desired`, as `allocate` gave them. `narrowed` is brought up to date. */
  readonly ids: Ids;
  /** What the maps hold now: backends of unknown health keep their flag. */
  readonly before: PlaneImage;
  readonly links: ReadonlyMap<string, KnownLink>;
}

/** Computes the image. Removed services and backends stay in it, disabled and retired. */
export function compile({ desired, ids, before, links }: CompileInput): PlaneImage {
  const services = new Map<number, L4Service>();
  const backends = new Map<number, L4Backend>();
  const tables = new Map<number, Uint32Array>();
  const lists = new Map<number, Uint32Array>();
  for (const service of desired.services) {
    const id = ids.serviceId(service);
    const compiled = service.backends.map((spec) => {
      const slot = ids.backendSlot(id, spec);
      const isMetered = service.admission.packetsPerS > 0 || service.admission.bitsPerS > 0;
      const context = { id, slot, ids, before, links, isMetered };
      return { spec, slot, value: compileBackend(spec, context) };
    });
    for (const { slot, value } of compiled) backends.set(slot, value);
    const members = compiled.map(({ spec, slot, value }) => memberOf(spec, slot, value));
    const table = tableOf(service, members, id, ids);
    const list = listOf(service, members);
    tables.set(id, table);
    lists.set(id, list);
    services.set(id, compileService(service, { table, list, ids, id }));
  }
  keepLeaving(before, { services, backends, tables, lists });
  const rules = compileRules(desired, ids, before, links);
  return {
    config: compileConfig(desired, before, { rules, services }),
    vips: compileVips(desired, ids),
    services,
    backends,
    tables,
    lists,
    localAddresses: new Map(ids.localAddresses),
    networks: listedNetworks(
      desired.services.map((service) => [ids.serviceId(service), service.admission]),
    ),
    rules,
  };
}

/** What nothing refers to. */
export function emptyImage(): PlaneImage {
  return {
    config: EMPTY_CONFIG,
    vips: new Map(),
    services: new Map(),
    backends: new Map(),
    tables: new Map(),
    lists: new Map(),
    localAddresses: new Map(),
    networks: new Map(),
    rules: [],
  };
}

/**
 * Addresses that packets of ours have: services, local addresses, and nat servers, whose replies are
 * addressed to clients. Those of what is leaving count as long as it has flows.
 */
export function filteredAddresses({
  services,
  backends,
  localAddresses,
  vips,
}: PlaneImage): string[] {
  const nat = [...backends.values()].filter(({ mode }) => mode === MODES.nat);
  return [
    ...[...vips.values()].map(({ key }) => key.address),
    ...[...services.values()].flatMap(({ vip, flags }) =>
      (flags & SERVICE_FLAGS.snat) === 0 ? [fromMapAddress(vip)] : [],
    ),
    ...nat.map(({ address }) => fromMapAddress(address)),
    ...localAddresses.values(),
  ];
}

/** Text of a key, to find it by. */
export function vipText({ address, port, protocol }: VipKey): string {
  return `${protocol ?? 'any'} ${formatEndpoint(address, port)}`;
}

function compileConfig(
  { settings, services }: DesiredPlane,
  before: PlaneImage,
  next: { readonly rules: readonly PlaneRule[]; readonly services: PlaneImage['services'] },
): L4Config {
  const timeouts = Array<number>(16).fill(0);
  for (const [state, seconds] of Object.entries(settings.timeouts)) {
    // Both tables have the same keys.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    timeouts[STATES[state as keyof typeof STATES]] = seconds;
  }
  const sourceOf = (family: 4 | 6): L4Config['tunnel_source4'] => {
    if (settings.tunnelSources === 'rss') return NO_ADDRESS;
    const source = settings.tunnelSources.find((address) => familyOf(address) === family);
    return source === undefined ? NO_ADDRESS : toMapAddress(source);
  };
  return {
    ...EMPTY_CONFIG,
    timeouts,
    flags:
      CONFIG_FLAGS.filter |
      (settings.tunnelSources === 'rss' ? CONFIG_FLAGS.tunnelRss : 0) |
      (next.rules.length > 0 ? CONFIG_FLAGS.match : 0) |
      (hasEchoes(next.services) ? CONFIG_FLAGS.echo : 0) |
      // Flows that were counted by client are so until they are over.
      (before.config.flags & CONFIG_FLAGS.sources) |
      (services.some(({ admission }) => admission.clientConnections + admission.clientRate > 0)
        ? CONFIG_FLAGS.sources
        : 0),
    new_flow_cap: settings.newFlowCap,
    port_lo: settings.portLow,
    port_hi: settings.portHigh,
    tunnel_source4: sourceOf(4),
    tunnel_source6: sourceOf(6),
    reply_path: REPLY_PATHS[settings.replyPath],
  };
}

function compileVips({ settings, services }: DesiredPlane, ids: Ids): PlaneImage['vips'] {
  const vips = new Map<string, { key: VipKey; value: number }>();
  const own = (address: string, value: number): void => {
    const key: VipKey = { address, port: 0, protocol: undefined };
    vips.set(vipText(key), { key, value });
  };
  const addressed = services.filter(({ match }) => match === undefined);
  // This host itself may use an address of a pool: what no flow claims is its own.
  for (const { localAddresses, match } of services) {
    for (const address of match ? localAddresses : []) own(address, OWNED.pass);
  }
  for (const { address } of addressed) own(address, OWNED[settings.unknownPort]);
  for (const { localAddresses } of addressed) {
    for (const address of localAddresses) own(address, OWNED.localAddress);
  }
  for (const service of addressed) {
    const { address, port, protocol } = service;
    const key: VipKey = { address, port, protocol };
    vips.set(vipText(key), { key, value: ids.serviceId(service) });
  }
  return vips;
}

function compileBackend(
  spec: BackendSpec,
  context: {
    readonly id: number;
    readonly slot: number;
    readonly ids: Ids;
    readonly before: PlaneImage;
    readonly links: ReadonlyMap<string, KnownLink>;
    readonly isMetered: boolean;
  },
): L4Backend {
  const { id, slot, ids, before, links, isMetered } = context;
  const former = before.backends.get(slot);
  const wasAvailable = former !== undefined && (former.flags & BACKEND_FLAGS.available) !== 0;
  const isAvailable = spec.health === 'up' || (spec.health === 'unknown' && wasAvailable);
  const link = spec.staticL2 && links.get(spec.staticL2.interface);
  const vlan = (link && spec.staticL2.vlan) ?? 0;
  const tunnel = compileTunnel(spec.tunnel ?? IPIP);
  return {
    ...EMPTY_BACKEND,
    address: toMapAddress(spec.address),
    port: spec.port,
    mode: MODES[spec.mode],
    ...tunnel.fields,
    flags:
      tunnel.flags |
      (vlan > 0 ? BACKEND_FLAGS.vlan : 0) |
      (isAvailable ? BACKEND_FLAGS.available : 0) |
      (spec.inhibited ? BACKEND_FLAGS.inhibited : 0) |
      (link ? BACKEND_FLAGS.staticL2 : 0) |
      (isMetered ? BACKEND_FLAGS.metered : 0),
    family: familyOf(spec.address),
    weight: spec.weight,
    upper: spec.upper,
    lower: spec.lower,
    service: id,
    generation: ids.generations.get(slot) ?? 1,
    lip: spec.mode === 'snat' ? localIndex(spec.address, id, ids) : 0,
    ...(link && {
      ifindex: link.ifindex,
      dmac: parseMac(spec.staticL2.mac),
      vlan_tci: vlan,
      smac: parseMac(link.mac ?? '00:00:00:00:00:00'),
      // Larger packets do not exist.
      mtu: Math.min(link.mtu, 65_535),
    }),
  };
}

function compileService(
  service: ServiceSpec,
  {
    table,
    list,
    ids,
    id,
  }: {
    readonly table: Uint32Array;
    readonly list: Uint32Array;
    readonly ids: Ids;
    readonly id: number;
  },
): L4Service {
  const flags =
    SERVICE_FLAGS.enabled |
    (service.persistenceS > 0 ? SERVICE_FLAGS.persistent : 0) |
    (service.expireQuiescent ? SERVICE_FLAGS.expireQuiescent : 0) |
    (service.fallback ? SERVICE_FLAGS.fallback : 0) |
    (service.onePacket ? SERVICE_FLAGS.onePacket : 0) |
    (service.resetOnNoBackend ? SERVICE_FLAGS.reset : 0) |
    (service.port === 0 ? SERVICE_FLAGS.anyPort : 0) |
    (service.match ? SERVICE_FLAGS.snat : 0) |
    (service.backends.some((backend) => isNat64(service, backend)) ? SERVICE_FLAGS.nat64 : 0) |
    (service.clientAddress === 'toa' ? SERVICE_FLAGS.toa : 0) |
    (service.clientAddress === 'ppv2' ? SERVICE_FLAGS.proxy : 0) |
    admissionFlags(service.admission);
  const run = ids.localRuns.get(id);
  const mask = service.persistenceMask;
  return {
    ...EMPTY_SERVICE,
    flags,
    scheduler: SCHEDULERS[service.scheduler],
    hash_mode: HASH_MODES[service.scheduler === 'dh' ? 'dst-ip' : service.hash],
    protocol: PROTOCOLS[service.protocol],
    family: familyOf(service.address),
    vip: toMapAddress(service.address),
    vport: service.port,
    synproxy: SYN_PROXIES[service.synProxy],
    proxy_protocol: service.clientAddress === 'ppv2' ? 2 : 0,
    sel_len: table.length,
    list_len: list.length,
    lip_first: run?.first ?? 0,
    lip_count: run?.addresses.length ?? 0,
    est_timeout_s: service.connTimeoutS,
    persist_s: service.persistenceS,
    persist_mask4: service.persistenceS === 0 ? 0 : (0xffff_ffff << (32 - mask)) >>> 0,
    max_conns: service.maxConnections,
    vlan: service.vlan ?? 0,
    ...compileAdmission(service.admission),
    port_lo: service.portRange?.[0] ?? 0,
    port_hi: service.portRange?.[1] ?? 0,
    persist_plen6: service.persistenceS === 0 ? 0 : service.persistencePrefix6,
  };
}

/** Entry of the map of local addresses that an address of a pool has. */
function localIndex(address: string, service: number, ids: Ids): number {
  const run = ids.localRuns.get(service);
  return run ? run.first + run.addresses.indexOf(address) : 0;
}

/** Rules in the order of their services; those of services that are leaving let their flows go on. */
function compileRules(
  { services }: DesiredPlane,
  ids: Ids,
  before: PlaneImage,
  links: ReadonlyMap<string, KnownLink>,
): PlaneRule[] {
  const indexOf = (name: string): number =>
    name === '' ? 0 : (links.get(name)?.ifindex ?? NO_INTERFACE);
  const wanted = services.flatMap((service): PlaneRule[] => {
    const { match, protocol, address } = service;
    if (!match) return [];
    const rule = { match, iif: indexOf(match.iif), oif: indexOf(match.oif), isLeaving: false };
    const family = familyOf(address);
    return [{ service: ids.serviceId(service), protocol: PROTOCOLS[protocol], family, ...rule }];
  });
  const present = new Set(wanted.map(({ service }) => service));
  const leaving = before.rules
    .filter(({ service }) => !present.has(service))
    .map((rule) => ({ ...rule, isLeaving: true }));
  return [...wanted, ...leaving].slice(0, RULES_MAX);
}

/** Whether ICMP echoes may be of flows. */
function hasEchoes(services: PlaneImage['services']): boolean {
  const icmp: ReadonlySet<number> = new Set([PROTOCOLS.icmp, PROTOCOLS.icmpv6]);
  return [...services.values()].some(({ protocol }) => icmp.has(protocol));
}

function memberOf(
  { address, port, weight }: BackendSpec,
  slot: number,
  { flags }: L4Backend,
): TableMember & { readonly eligible: boolean } {
  const isAvailable =
    (flags & (BACKEND_FLAGS.available | BACKEND_FLAGS.inhibited)) === BACKEND_FLAGS.available;
  return { slot, id: formatEndpoint(address, port), weight, eligible: isAvailable && weight > 0 };
}

type Member = ReturnType<typeof memberOf>;

const COMPARING: ReadonlySet<SchedulerName> = new Set(['lc', 'wlc', 'sed', 'nq', 'fo', 'ovf']);

/** The members that schedulers go over which compare loads; nothing for the others. */
function listOf({ scheduler }: ServiceSpec, members: readonly Member[]): Uint32Array {
  if (!COMPARING.has(scheduler)) return new Uint32Array(0);
  return scheduler === 'fo' || scheduler === 'ovf'
    ? byWeightTable(members)
    : roundRobinTable(members);
}

function tableOf(
  service: ServiceSpec,
  members: readonly Member[],
  id: number,
  ids: Ids,
): Uint32Array {
  const { scheduler } = service;
  if (COMPARING.has(scheduler)) return new Uint32Array(0);
  const eligible = members.filter((member) => member.eligible);
  if (scheduler === 'rr') return roundRobinTable(eligible);
  if (scheduler === 'wrr' || scheduler === 'random') return weightedRoundRobinTable(eligible);
  if (scheduler === 'twos') return drawTable(eligible);
  if (scheduler === 'sh' || scheduler === 'dh') return hashTable(members);
  const placed = narrow(members, id, ids);
  return scheduler === 'mh' ? maglevTable(placed, service.mhTable) : ringTable(placed);
}

/**
 * Members of a table by key. A server that goes down leaves the table as it is, so that no other flow
 * moves; only when more than half of the weight is gone, and until less than a quarter is, the table
 * is made of those that are left.
 */
function narrow(members: readonly Member[], id: number, ids: Ids): readonly Member[] {
  const all = members.filter(({ weight }) => weight > 0);
  const eligible = all.filter((member) => member.eligible);
  const total = all.reduce((sum, { weight }) => sum + weight, 0);
  const gone = total - eligible.reduce((sum, { weight }) => sum + weight, 0);
  const isNarrowed = ids.narrowed.has(id) ? gone * 4 >= total : gone * 2 > total;
  if (isNarrowed && eligible.length > 0) ids.narrowed.add(id);
  else ids.narrowed.delete(id);
  return ids.narrowed.has(id) ? eligible : all;
}

/** What is wanted no more keeps its number and its flows; it takes no new ones. */
function keepLeaving(
  before: PlaneImage,
  next: {
    readonly services: Map<number, L4Service>;
    readonly backends: Map<number, L4Backend>;
    readonly tables: Map<number, Uint32Array>;
    readonly lists: Map<number, Uint32Array>;
  },
): void {
  for (const [id, value] of before.services) {
    if (next.services.has(id)) continue;
    next.services.set(id, { ...value, flags: value.flags & ~SERVICE_FLAGS.enabled });
    next.tables.set(id, before.tables.get(id) ?? new Uint32Array(0));
    next.lists.set(id, before.lists.get(id) ?? new Uint32Array(0));
  }
  for (const [slot, value] of before.backends) {
    if (next.backends.has(slot)) continue;
    next.backends.set(slot, { ...value, flags: value.flags | BACKEND_FLAGS.retired });
  }
}
