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
import { isDeepStrictEqual } from 'node:util';
import { type LinkDescription, listNeighbours, RingBuffer, RouteSocket } from '@balancer/ebpf';
import { fromMapAddress } from './address.ts';
import { HostAddresses } from './addresses.ts';
import { checkNetworks } from './admission.ts';
import { Attachments, refuseForeignXdp } from './attachments.ts';
import { checkedPlane } from './checked-plane.ts';
import { Collector } from './collector.ts';
import { compile, type KnownLink } from './compile.ts';
import { rotateCookieKeys } from './cookies.ts';
import { type DesiredPlane, formatServiceKey, type ServiceKey } from './desired.ts';
import { digestOf, type PlaneDigest } from './digest.ts';
import { closeBackend, closeFlow } from './closing.ts';
import { Draining } from './draining.ts';
import { fallenBackends } from './fallen.ts';
import { PlaneError } from './errors.ts';
import {
  type FlowBackends,
  type FlowFilter,
  type FlowView,
  flowKeys,
  listFlows,
  type NumberedFilter,
} from './flows.ts';
import { removeForbidden, tightened } from './forbidden.ts';
import { type ListHits, listHitsOf } from './list-hits.ts';
import type { GarbageCollection } from './garbage-collection.ts';
import { Gratuitous } from './gratuitous.ts';
import { Heartbeat } from './heartbeat.ts';
import { type DataPlaneEvent, readEvent } from './events.ts';
import type { Finding } from './finding.ts';
import { chooseHook, type ChosenHook, type HookChoice, probeXdp } from './hook-choice.ts';
import { checkHost, hostFacts } from './host-checks.ts';
import { allocate, type Ids, type Limits } from './ids.ts';
import { leavingOf, withoutGone } from './leaving.ts';
import { findInterfaces, linksNamed, loopbackIndex } from './links.ts';
import { type FlowPlace, placeOf } from './lookup.ts';
import { NeighbourProbes } from './neighbour-probes.ts';
import { Neighbours } from './neighbours.ts';
import { loadPlane, type MapSizes, type PlaneObjects } from './objects.ts';
import { PinDirectory } from './pin-directory.ts';
import { PlaneMaps } from './plane-maps.ts';
import type { Role } from './presence.ts';
import { recoverIds } from './recover.ts';
import { areStale, checkRules, ruledInterfaces } from './rule-links.ts';
import { countersOf, type PlaneSnapshot, runsOf } from './statistics.ts';
import { copyLatecomers, copyMaps, moveLinks, removePins } from './take-over.ts';

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
  /** The role in which a former process left this host; `undefined` when nobody gave it one. */
  readonly role: Role | undefined;
}

/** What `apply` did. */
export interface ApplyReport {
  /** Entries of maps that were written or deleted. */
  readonly writes: number;
  /** Numbers of services by the texts of their keys, as events name them. */
  readonly services: ReadonlyMap<string, number>;
}

const VIPS_MAX = 8192;
/** Events that are read at a time; the rest waits in the ring. */
const EVENTS_MAX = 1024;
/** Ticks between two looks at the routes to the servers. */
const ROUTE_TICKS = 5;

export class Engine {
  readonly report: OpenReport;
  readonly #options: EngineOptions;
  readonly #directory: PinDirectory;
  readonly #objects: PlaneObjects;
  readonly #heartbeat: Heartbeat;
  readonly #collector: Collector;
  readonly #events: RingBuffer;
  readonly #maps: PlaneMaps;
  readonly #attachments: Attachments;
  readonly #addresses: HostAddresses;
  readonly #neighbours: Neighbours;
  readonly #probes = new NeighbourProbes();
  readonly #gratuitous = new Gratuitous();
  readonly #draining = new Draining();
  #ids: Ids;
  #desired: DesiredPlane | undefined;
  /** Servers whose next hops are kept resolved. */
  #servers: readonly string[] = [];
  #role: Role | undefined;
  /** Maps of a former release, until the programs of this one are attached. */
  #former: string | undefined;
  #ticks = 0;

  /**
   * Loads the programs and takes over what is pinned. Nothing is attached yet.
   *
   * @throws {PlaneError} when another process has the plane, or pinned maps do not fit.
   */
  constructor(options: EngineOptions) {
    this.#options = options;
    const links = findInterfaces(options.interfaces);
    this.#directory = new PinDirectory(options.pinPath);
    const { path, hostState, former } = this.#directory;
    this.#former = former;
    const undo: (() => void)[] = [() => this.#directory.abandon()];
    try {
      this.#objects = loadPlane(path, options.sizes, {
        xdp: options.hook !== 'tc',
        redirectsAlways: options.hook === 'xdp' && links.some(({ kind }) => kind === 'veth'),
      });
      undo.push(() => this.#objects.close());
      const hook = chooseHook(options.hook, links, (link) =>
        probeXdp(link, this.#objects.xdp!.program('lb_ingress')),
      );
      if (hook.hook !== 'tc') refuseForeignXdp(links, former ?? path);
      if (former !== undefined) copyMaps(former, this.#objects.tc);
      this.#heartbeat = new Heartbeat(this.#objects.tc);
      this.#role = hostState.role;
      this.report = { hook, unwatchedS: this.#heartbeat.unwatchedS, role: hostState.role };
      this.#collector = new Collector(this.#objects);
      this.#events = new RingBuffer(this.#objects.tc.maps.get('l4_events')!);
      undo.push(() => this.#events.close());
      this.#maps = new PlaneMaps(this.#objects.tc);
      this.#ids = recoverIds(this.#maps.image, this.#objects.tc);
      this.#attachments = new Attachments(path);
      this.#addresses = new HostAddresses(hostState.addresses);
      this.#neighbours = new Neighbours(hostState.neighbours);
      this.#saveState();
    } catch (error) {
      for (const step of undo.toReversed()) step();
      throw error;
    }
  }

  /** Refuses what would not fit or must not be; writes nothing. */
  check(desired: DesiredPlane): void {
    const locals = desired.services.flatMap(({ localAddresses }) => localAddresses);
    const forced = new Set(this.#options.forcedAddresses);
    this.#addresses.check(locals.filter((address) => !forced.has(address)));
    allocate(desired.services, this.#ids, this.#limits);
    checkNetworks(desired.services.map(({ admission }) => admission));
    this.#knownLinks(desired);
    checkRules(desired.services);
  }

  /** Makes the maps and the host so; flows that are established stay where they are. */
  apply(desired: DesiredPlane): ApplyReport {
    checkNetworks(desired.services.map(({ admission }) => admission));
    const ids = allocate(desired.services, this.#ids, this.#limits);
    const links = this.#knownLinks(desired);
    const image = compile({ desired, ids, before: this.#maps.image, links });
    if (this.#options.manageVips) this.#followAddresses(desired);
    rotateCookieKeys(this.#objects.tc, desired.settings.cookieSecret, Date.now());
    const services = tightened(this.#maps.image, image);
    const fallen = fallenBackends({ desired, ids, before: this.#maps.image, next: image });
    const writes = this.#maps.apply(image);
    removeForbidden(this.#objects.tc, services);
    this.#closeBackends(fallen);
    this.#ids = ids;
    this.#desired = desired;
    this.#role = desired.presence?.role;
    this.#heartbeat.changed();
    // A look at each route takes longer than all the rest; those to the same servers wait for their tick.
    const servers = routedServers(desired);
    if (!isDeepStrictEqual(servers, this.#servers)) this.#followNeighbours(servers);
    this.#saveState();
    return { writes, services: ids.services };
  }

  /** Attaches the programs to the interfaces, or replaces those that a former process attached. */
  attach(): void {
    const links = findInterfaces(this.#options.interfaces);
    if (this.#objects.xdp) {
      const ports = this.#objects.xdp.map('l4_tx');
      for (const { ifindex } of links) ports.set(ifindex, ifindex);
    }
    const former = this.#former;
    if (former !== undefined) moveLinks(former, this.#directory.path);
    this.#attachments.attach(this.#objects, links, this.report.hook.hook);
    if (former !== undefined) {
      copyLatecomers(former, this.#objects.tc);
      removePins(former);
      this.#former = undefined;
    }
    this.#heartbeat.beat();
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
    this.#heartbeat.beat();
    rotateCookieKeys(this.#objects.tc, this.#desired?.settings.cookieSecret, Date.now());
    this.#gratuitous.announce(this.#linksNow());
    this.#probeNeighbours();
    this.#endDrained();
    if (this.#collector.isDue(this.#ticks)) this.collectNow();
    if (this.#ticks % ROUTE_TICKS === 0) {
      this.#followRules();
      this.#followNeighbours(routedServers(this.#desired));
      this.#saveState();
    }
    return this.#attachments.mend(this.#objects);
  }

  /** Goes over the connection table now; numbers that no flow has any more may be given out again. */
  collectNow(): GarbageCollection {
    const collection = this.#collector.collect();
    const leaving = leavingOf(this.#maps.image, this.#ids, this.#desired);
    const gone = this.#collector.idleOf(leaving);
    if (gone.backends.length + gone.services.length + gone.localAddresses.length > 0) {
      this.#maps.free(gone);
      this.#ids = withoutGone(this.#ids, gone);
    }
    return collection;
  }

  /** What the programs reported since the last call. */
  events(): DataPlaneEvent[] {
    const events: DataPlaneEvent[] = [];
    this.#events.poll((record) => {
      const event = readEvent(record);
      if (event) events.push(event);
    }, EVENTS_MAX);
    return events;
  }

  /** The counters as they are now. @param cpu - Packets of this CPU alone; all by default. */
  snapshot(cpu?: number): PlaneSnapshot {
    const { services, backends, localRuns } = this.#ids;
    const { tc, xdp, ctl } = this.#objects;
    const path = xdp && this.report.hook.hook !== 'tc' ? xdp : tc;
    return {
      numbers: { services, backends, localRuns },
      ...countersOf(tc, this.#maps.image, cpu),
      flowsMax: this.#options.sizes.flows,
      collection: this.#collector.latest,
      interfaces: this.#attachments.interfaces,
      programs: runsOf([path.program('lb_ingress'), ctl.program('lb_gc')]),
      hookReason: this.report.hook.reason,
      unwatchedS: this.report.unwatchedS,
    };
  }

  /** How often each network of each list decided. */
  listHits(): ListHits {
    return listHitsOf(this.#objects.tc, this.#maps.image.networks.values(), this.#ids.services);
  }

  flows(filter: FlowFilter = {}): FlowView[] {
    return listFlows(this.#objects.tc, this.#flowBackends, this.#numbered(filter));
  }

  /** Ends flows: connections are reset at their next segment. @returns How many. */
  closeFlows(filter: FlowFilter): number {
    const program = this.#objects.ctl.program('lb_close');
    const keys = flowKeys(this.#objects.tc, this.#flowBackends, this.#numbered(filter));
    return keys.filter((key) => closeFlow(program, key)).length;
  }

  #closeBackends(slots: Iterable<number>): void {
    const program = this.#objects.ctl.program('lb_close');
    for (const slot of slots) closeBackend(program, slot);
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

  /** What the maps do with flows, as a hash that is equal on hosts that do the same. */
  digest(): PlaneDigest {
    return digestOf(this.#maps.image, this.#ids.services);
  }

  /** What is not as it should be on this host. */
  inspect(): Finding[] {
    const { services = [], settings } = this.#desired ?? {};
    const plane = checkedPlane(this.#options, services, settings?.cookieSecret !== undefined);
    return checkHost(plane, hostFacts(plane));
  }

  /** Lets go of everything; the kernel goes on forwarding. */
  close(): void {
    this.#attachments.close();
    this.#events.close();
    this.#objects.close();
    this.#directory.close();
  }

  /** Takes the programs off the interfaces, then lets go. Maps, and the flows in them, stay pinned. */
  detach(): void {
    this.#attachments.detachAll();
    this.#neighbours.clear();
    this.#addresses.follow([]);
    this.#saveState();
    this.close();
  }

  /** @throws {PlaneError} when there is no such service. */
  #numbered(filter: FlowFilter): NumberedFilter {
    const { rule } = filter;
    if (rule === undefined) return filter;
    const ruleService = this.#ids.services.get(rule);
    if (ruleService === undefined) throw new PlaneError(`there is no service ${rule}`);
    return { ...filter, ruleService };
  }

  get #flowBackends(): FlowBackends {
    const entries = [...this.#maps.image.backends];
    return new Map(
      entries.map(([slot, { address, port }]) => [
        slot,
        { address: fromMapAddress(address), port },
      ]),
    );
  }

  get #limits(): Limits {
    const { services, backends, localAddresses } = this.#options.sizes;
    return { services, backends, localAddresses, vips: VIPS_MAX };
  }

  #followAddresses(desired: DesiredPlane): void {
    const wanted = addressesOf(desired);
    const before = new Set(this.#addresses.added.map(({ address }) => address));
    const came = this.#addresses.follow(wanted).filter((address) => !before.has(address));
    this.#gratuitous.came(came, wanted);
    this.#gratuitous.announce(this.#linksNow());
  }

  /** The interfaces that are there now. */
  #linksNow(): LinkDescription[] {
    return linksNamed(this.#options.interfaces);
  }

  #followNeighbours(servers: readonly string[]): void {
    this.#neighbours.follow(servers, loopbackIndex());
    this.#servers = servers;
  }

  #probeNeighbours(): void {
    const interfaces = new Set(this.#attachments.interfaces.map(({ ifindex }) => ifindex));
    const socket = RouteSocket.open();
    try {
      this.#probes.look(socket, listNeighbours(socket), interfaces);
    } finally {
      socket.close();
    }
  }

  /** Ends flows of servers that were removed too long ago. */
  #endDrained(): void {
    const { backends } = leavingOf(this.#maps.image, this.#ids, this.#desired);
    const timeoutMs = (this.#desired?.settings.drainTimeoutS ?? 0) * 1000;
    this.#closeBackends(this.#draining.due(backends, performance.now(), timeoutMs));
  }

  /** Interfaces of servers with a fixed MAC address. */
  #knownLinks({ services }: DesiredPlane): Map<string, KnownLink> {
    const names = services.flatMap(({ backends }) =>
      backends.flatMap(({ staticL2 }) => staticL2?.interface ?? []),
    );
    const links = names.length === 0 ? [] : findInterfaces([...new Set(names)]);
    // Rules of an interface that is not there match nothing until it is back.
    const ruled = linksNamed(ruledInterfaces(services));
    return new Map([...links, ...ruled].map((link) => [link.name, link]));
  }

  #followRules(): void {
    if (!this.#desired || !areStale(this.#maps.image.rules, this.#desired.services)) return;
    this.apply(this.#desired);
  }

  #saveState(): void {
    const { added: addresses } = this.#addresses;
    const { managed: neighbours } = this.#neighbours;
    this.#directory.saveHostState({ addresses, neighbours, role: this.#role });
  }
}

/** Servers that are found by route and neighbour. */
function routedServers(desired: DesiredPlane | undefined): string[] {
  const backends = desired?.services.flatMap((service) => service.backends) ?? [];
  // The addresses of a pool are those of this host.
  const routed = backends.filter(({ staticL2, mode }) => staticL2 === undefined && mode !== 'snat');
  return [...new Set(routed.map(({ address }) => address))];
}

/** Addresses that the kernel should answer for. */
function addressesOf({ services, presence }: DesiredPlane): Set<string> {
  const withheld = new Set(presence?.withheld);
  const addresses = services.flatMap(({ address, localAddresses, match }) =>
    match ? localAddresses : [address, ...localAddresses],
  );
  return new Set(addresses.filter((address) => !withheld.has(address)));
}
