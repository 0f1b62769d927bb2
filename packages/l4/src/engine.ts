/**
 * The packet plane on this host: maps, programs, links, addresses and neighbours, kept as they are wanted.
 * Every call is synchronous and some wait for the kernel, so that it lives in a thread of its own
 * (`EngineThread`).
 *
 * The process may die at any time: the kernel goes on forwarding with what the maps hold, and the next
 * engine takes everything over, by numbers it finds in the maps.
 *
 * @module
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  type DirectoryLock,
  findLink,
  isBpfFilesystem,
  lockDirectory,
  mountBpfFilesystem,
  RouteSocket,
} from '@balancer/ebpf';
import { fromMapAddress } from './address.ts';
import { HostAddresses } from './addresses.ts';
import {
  Attachments,
  chooseHook,
  type ChosenHook,
  findInterfaces,
  type HookChoice,
  refuseForeignXdp,
} from './attachments.ts';
import { compile, type KnownLink } from './compile.ts';
import { META } from './constants.ts';
import {
  type DesiredPlane,
  formatServiceKey,
  type ServiceKey,
  type ServiceSpec,
} from './desired.ts';
import { PlaneError } from './errors.ts';
import { type FlowFilter, type FlowView, listFlows } from './flows.ts';
import { collectGarbage, type GarbageCollection } from './garbage-collection.ts';
import { type CheckedPlane, checkHost, type Finding, hostFacts } from './host-checks.ts';
import { hostStatePath, readHostState, writeHostState } from './host-state.ts';
import { allocate, type Ids, type Limits } from './ids.ts';
import { type Leaving, leavingOf, withoutGone } from './leaving.ts';
import { Neighbours } from './neighbours.ts';
import { type FlowPlace, placeOf } from './lookup.ts';
import { loadPlane, type MapSizes, type PlaneObjects } from './objects.ts';
import { PlaneMaps } from './plane-maps.ts';
import { recoverIds } from './recover.ts';
import { dropsOf, type PlaneSnapshot, trafficOf } from './statistics.ts';

export interface EngineOptions {
  /** Directory in a bpf file system; mounted when it lies in none. */
  readonly pinPath: string;
  readonly hook: HookChoice;
  readonly interfaces: readonly string[];
  readonly sizes: MapSizes;
  /** Puts addresses of services and local addresses on `lo`. */
  readonly manageVips: boolean;
  /** Local addresses that may be addresses of the host. */
  readonly forcedAddresses: readonly string[];
}

/** What `open` found. */
export interface OpenReport {
  readonly hook: ChosenHook;
  /** Seconds since a former process looked after the maps; `undefined` when they are new. */
  readonly unwatchedS: number | undefined;
}

/** What `apply` did. */
export interface ApplyReport {
  /** Entries of maps that were written or deleted. */
  readonly writes: number;
}

const VIPS_MAX = 8192;
const NS_PER_S = 1_000_000_000n;
/** Above so many entries the table is collected less often. */
const LARGE_TABLE = 262_144;
const LARGE_TABLE_TICKS = 5;
/** Ticks between two looks at the routes to the servers. */
const ROUTE_TICKS = 5;

export class Engine {
  readonly report: OpenReport;
  readonly #options: EngineOptions;
  readonly #directory: string;
  readonly #statePath: string;
  readonly #lock: DirectoryLock;
  readonly #objects: PlaneObjects;
  readonly #maps: PlaneMaps;
  readonly #attachments: Attachments;
  readonly #addresses: HostAddresses;
  readonly #neighbours: Neighbours;
  readonly #mounted: string;
  #ids: Ids;
  #desired: DesiredPlane | undefined;
  #generation = 0n;
  #ticks = 0;
  #collection: PlaneSnapshot['collection'];

  /**
   * Loads the programs and takes over what is pinned. Nothing is attached yet.
   *
   * @throws {PlaneError} when another process has the plane, or pinned maps do not fit.
   */
  constructor(options: EngineOptions) {
    this.#options = options;
    this.#directory = join(options.pinPath, `v${META.schema}`);
    this.#statePath = hostStatePath(options.pinPath);
    const links = findInterfaces(options.interfaces);
    this.#mounted = prepareDirectory(options.pinPath, this.#directory);
    const isNew = !existsSync(join(this.#directory, 'l4_meta'));
    const undo: (() => void)[] = [];
    try {
      this.#lock = this.#takeLock();
      undo.push(() => this.#lock.close());
      const state = readHostState(this.#statePath);
      const wantsXdp = options.hook !== 'tc';
      this.#objects = loadPlane(this.#directory, options.sizes, { xdp: wantsXdp });
      undo.push(() => this.#objects.close());
      const hook = chooseHook(options.hook, links, () => this.#objects.xdp!.program('lb_ingress'));
      if (hook.hook !== 'tc') refuseForeignXdp(links, this.#directory);
      this.report = { hook, unwatchedS: this.#claimMeta() };
      this.#maps = new PlaneMaps(this.#objects.tc);
      this.#ids = recoverIds(this.#maps.image, this.#objects.tc);
      this.#attachments = new Attachments(this.#directory);
      this.#addresses = new HostAddresses(state.addresses);
      this.#neighbours = new Neighbours(state.neighbours);
      this.#saveState();
    } catch (error) {
      for (const step of undo.toReversed()) step();
      if (isNew) removeFolder(this.#directory);
      throw error;
    }
  }

  /** Refuses what would not fit or must not be; writes nothing. */
  check(desired: DesiredPlane): void {
    const locals = desired.services.flatMap(({ localAddresses }) => localAddresses);
    const forced = new Set(this.#options.forcedAddresses);
    this.#addresses.check(locals.filter((address) => !forced.has(address)));
    allocate(desired.services, this.#ids, this.#limits);
    this.#knownLinks(desired);
  }

  /** Makes the maps and the host so; flows that are established stay where they are. */
  apply(desired: DesiredPlane): ApplyReport {
    const ids = allocate(desired.services, this.#ids, this.#limits);
    const links = this.#knownLinks(desired);
    const image = compile({ desired, ids, before: this.#maps.image, links });
    if (this.#options.manageVips) this.#addresses.follow(addressesOf(desired));
    const writes = this.#maps.apply(image);
    this.#ids = ids;
    this.#desired = desired;
    this.#generation++;
    this.#followNeighbours();
    this.#saveState();
    return { writes };
  }

  /** Attaches the programs to the interfaces, or replaces those that a former process attached. */
  attach(): void {
    const links = findInterfaces(this.#options.interfaces);
    if (this.#objects.xdp) {
      const ports = this.#objects.xdp.map('l4_tx');
      for (const { ifindex } of links) ports.set(ifindex, ifindex);
    }
    this.#attachments.attach(this.#objects, links, this.report.hook.hook);
    this.#saveState();
  }

  /**
   * Once a second: says that somebody watches, collects flows that are over, frees numbers, and looks
   * after links and neighbours.
   *
   * @returns What had to be mended, for people.
   */
  tick(): string[] {
    this.#ticks++;
    this.#beat();
    const isLarge = (this.#collection?.entries ?? 0) > LARGE_TABLE;
    if (!isLarge || this.#ticks % LARGE_TABLE_TICKS === 0) this.#collect();
    if (this.#ticks % ROUTE_TICKS === 0) {
      this.#followNeighbours();
      this.#saveState();
    }
    return this.#attachments.mend(this.#objects);
  }

  /** Goes over the connection table now. */
  collectNow(): GarbageCollection {
    this.#collect();
    return this.#collection!;
  }

  /** The counters as they are now. */
  snapshot(): PlaneSnapshot {
    const { tc } = this.#objects;
    const { image } = this.#maps;
    const counts = tc.map('l4_cnt');
    const lips = tc.map('l4_lip');
    const services = [...image.services.keys()].map((id) => {
      const flows = tc.map('l4_scnt').get(id)?.conns ?? 0;
      return [id, { ...trafficOf(tc, 'l4_stat_svc', id), flows }] as const;
    });
    const backends = [...image.backends.keys()].map((slot) => {
      const { active = 0, inactive = 0, persist = 0 } = counts.get(slot) ?? {};
      return [
        slot,
        { ...trafficOf(tc, 'l4_stat_be', slot), active, inactive, persistent: persist },
      ] as const;
    });
    const localAddresses = [...image.localAddresses].map(([index, address]) => {
      const { conns = 0, conflicts = 0, misses = 0 } = lips.get(index) ?? {};
      return [index, { address, conns, conflicts, misses }] as const;
    });
    const { services: serviceIds, backends: slots, localRuns } = this.#ids;
    return {
      numbers: { services: serviceIds, backends: slots, localRuns },
      services: new Map(services),
      backends: new Map(backends),
      localAddresses: new Map(localAddresses),
      drops: dropsOf(tc),
      flowsMax: this.#options.sizes.flows,
      collection: this.#collection,
      interfaces: this.#attachments.interfaces,
      hookReason: this.report.hook.reason,
    };
  }

  flows(filter: FlowFilter = {}): FlowView[] {
    const backends = new Map(
      [...this.#maps.image.backends].map(([slot, { address, port }]) => [
        slot,
        { address: fromMapAddress(address), port },
      ]),
    );
    return listFlows(this.#objects.tc, backends, filter);
  }

  /** Where a flow would go that chooses by its key. Sends nothing. */
  lookup(
    service: ServiceKey,
    client: { readonly address: string; readonly port: number },
  ): FlowPlace {
    const id = this.#ids.services.get(formatServiceKey(service));
    const value = id === undefined ? undefined : this.#maps.image.services.get(id);
    if (id === undefined || value === undefined) {
      throw new PlaneError(`there is no service ${formatServiceKey(service)}`);
    }
    const table = this.#maps.image.tables.get(id) ?? new Uint32Array(0);
    return placeOf({ service, client, value, table, backends: this.#maps.image.backends });
  }

  /** What is not as it should be on this host. */
  inspect(): Finding[] {
    const plane = checkedPlane(this.#options, this.#desired?.services ?? []);
    return checkHost(plane, hostFacts(plane));
  }

  /** Lets go of everything; the kernel goes on forwarding. */
  close(): void {
    this.#attachments.close();
    this.#objects.close();
    this.#lock.close();
  }

  /** Takes the programs off the interfaces, then lets go. Maps, and the flows in them, stay pinned. */
  detach(): void {
    this.#attachments.detachAll();
    this.#neighbours.clear();
    this.#addresses.follow([]);
    this.#saveState();
    this.close();
  }

  get #limits(): Limits {
    const { services, backends, localAddresses } = this.#options.sizes;
    return { services, backends, localAddresses, vips: VIPS_MAX };
  }

  #takeLock(): DirectoryLock {
    const lock = lockDirectory(this.#directory);
    if (lock) return lock;
    const { pid } = readHostState(this.#statePath);
    throw new PlaneError(
      `the packet plane pinned at ${this.#options.pinPath} is managed by process ${pid}; stop that first, or choose another l4.pin_path`,
    );
  }

  /** Marks the maps as ours. @returns How long nobody looked, in seconds. */
  #claimMeta(): number | undefined {
    const meta = this.#objects.tc.map('l4_meta').get(0);
    if (meta?.magic !== META.magic) {
      this.#beat();
      return undefined;
    }
    this.#generation = meta.config_generation;
    return Number((process.hrtime.bigint() - meta.heartbeat_ns) / NS_PER_S);
  }

  #beat(): void {
    this.#objects.tc.map('l4_meta').set(0, {
      ...META,
      config_generation: this.#generation,
      heartbeat_ns: process.hrtime.bigint(),
      node_id: 0,
      zero: 0,
    });
  }

  #collect(): void {
    const start = process.hrtime.bigint();
    const result = collectGarbage(this.#objects.ctl.program('lb_gc'));
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    this.#collection = { ...result, seconds };
    this.#freeGone(leavingOf(this.#maps.image, this.#ids, this.#desired));
  }

  /** Numbers of what is gone and has no flows any more may be given out again. */
  #freeGone(leaving: Leaving): void {
    const { tc, ctl } = this.#objects;
    const isIdle = (slot: number): boolean => {
      const { active = 0, inactive = 0 } = tc.map('l4_cnt').get(slot) ?? {};
      const counted = ctl.map('l4_gc_be').get(slot);
      return active + inactive + (counted?.active ?? 0) + (counted?.inactive ?? 0) === 0;
    };
    const backends = leaving.backends.filter(isIdle);
    const services = leaving.services.filter((id) => (tc.map('l4_scnt').get(id)?.conns ?? 0) === 0);
    const localAddresses = leaving.localAddresses.filter(
      (index) => (tc.map('l4_lip').get(index)?.conns ?? 0) === 0,
    );
    if (backends.length + services.length + localAddresses.length === 0) return;
    const gone = { backends, services, localAddresses };
    this.#maps.free(gone);
    this.#ids = withoutGone(this.#ids, gone);
  }

  #followNeighbours(): void {
    const backends = this.#desired?.services.flatMap((service) => service.backends) ?? [];
    const routed = backends.filter(({ staticL2 }) => staticL2 === undefined);
    this.#neighbours.follow(
      routed.map(({ address }) => address),
      loopbackIndex(),
    );
  }

  /** Interfaces of servers with a fixed MAC address. */
  #knownLinks({ services }: DesiredPlane): Map<string, KnownLink> {
    const names = services.flatMap(({ backends }) =>
      backends.flatMap(({ staticL2 }) => staticL2?.interface ?? []),
    );
    const links = names.length === 0 ? [] : findInterfaces([...new Set(names)]);
    return new Map(links.map((link) => [link.name, link]));
  }

  #saveState(): void {
    const before = readHostState(this.#statePath);
    writeHostState(this.#statePath, {
      pid: process.pid,
      addresses: this.#addresses.added,
      neighbours: this.#neighbours.managed,
      clsact: before.clsact,
      mounted: this.#mounted === '' ? before.mounted : this.#mounted,
    });
  }
}

/** What the host checks look at. */
export function checkedPlane(
  { hook, interfaces, pinPath, manageVips }: EngineOptions,
  services: readonly ServiceSpec[],
): CheckedPlane {
  return {
    hook,
    interfaces,
    pinPath,
    manageVips,
    services: services.map(({ address }) => address),
    localAddresses: services.flatMap(({ localAddresses }) => localAddresses),
    backends: services.flatMap(({ backends }) => backends),
  };
}

/** Addresses that the kernel should answer for. */
function addressesOf({ services }: DesiredPlane): string[] {
  return services.flatMap(({ address, localAddresses }) => [address, ...localAddresses]);
}

function loopbackIndex(): number {
  const socket = RouteSocket.open();
  try {
    return findLink(socket, 'lo')?.ifindex ?? 0;
  } finally {
    socket.close();
  }
}

/** @returns Where a bpf file system was mounted; `''` when there was one. */
function prepareDirectory(pinPath: string, directory: string): string {
  const parent = dirname(pinPath);
  let mounted = '';
  try {
    if (!isBpfFilesystem(pinPath) && !isBpfFilesystem(parent)) {
      mountBpfFilesystem(parent);
      mounted = parent;
    }
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new PlaneError(
      `cannot use l4.pin_path ${pinPath}: ${reason}; run as root, or mount one yourself: mount -t bpf bpf ${parent}`,
      { cause: error },
    );
  }
  return mounted;
}

/** Removes pins that a failed start left, as far as that goes. */
function removeFolder(directory: string): void {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory)) {
    rmSync(join(directory, name), { recursive: true, force: true });
  }
  rmSync(directory, { recursive: true, force: true });
}
