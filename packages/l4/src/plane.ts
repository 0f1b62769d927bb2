/**
 * The packet plane as the load balancer's core sees it: serves frontends whose packets the kernel
 * forwards. What the core wants becomes services; the engine in its thread makes the kernel follow.
 *
 * @module
 */
import { type Logger, messageOf } from '@balancer/kit';
import {
  type Backend,
  type BackendConfig,
  type CloseOptions,
  type DataPlane,
  type DesiredConfig,
  type DesiredState,
  type DrainResult,
  type FrontendConfig,
  type L4Config,
  type Mode,
  PACKET_MODES,
  type PreparedChange,
  readAddressSets,
  type Server,
} from '@balancer/lb';
import {
  type DesiredPlane,
  formatEndpoint,
  type PlaneSettings,
  type ServiceSpec,
} from './desired.ts';
import type { PlaneDigest } from './digest.ts';
import type { Engine } from './engine.ts';
import { EngineSession } from './engine-session.ts';
import type { EventFeed } from './event-feed.ts';
import { PlaneError } from './errors.ts';
import type { Finding } from './finding.ts';
import type { FlowFilter, FlowView } from './flows.ts';
import { Follower } from './follower.ts';
import {
  engineOptions,
  quorumRules,
  servicesInFile,
  servicesOf,
  settingsOf,
} from './from-config.ts';
import type { FlowPlace } from './lookup.ts';
import { type ListHits, RecentHits } from './list-hits.ts';
import { type AddressSets, NamedSets, type SetOrder, withNetworks } from './named-sets.ts';
import { PlaneWatch } from './plane-watch.ts';
import { type Announcement, type Role, roleAtStart } from './presence.ts';
import { checkedServers, PassiveHealth, withInhibited } from './passive-health.ts';
import { type QuorumRule, withReserve } from './quorum.ts';
import { Sampler } from './sampler.ts';
import type { PlaneSnapshot } from './statistics.ts';
import { type Services, ServiceTable } from './service-table.ts';
import { readStateFile, type SavedOrders, writeStateFile } from './state-file.ts';
import { showCounters } from './shown-counters.ts';
import { logTurns, type Stand, Standing } from './standing.ts';
import { untilQuiet } from './until-quiet.ts';

export interface L4PlaneOptions {
  readonly logger: Logger;
}

export class L4Plane implements DataPlane {
  readonly modes: ReadonlySet<Mode> = new Set<Mode>(PACKET_MODES);
  /** Counters and rates. */
  readonly counters: Sampler = new Sampler(() => this.engine.call('snapshot'));
  /** Hits of lists, for documents that are read again and again. */
  readonly recentHits: RecentHits = new RecentHits(() => this.listHits());
  /** Tells what happened. */
  private readonly watch: PlaneWatch;
  private readonly logger: Logger;
  private readonly table = new ServiceTable();
  private readonly engine: EngineSession;
  private config: L4Config | undefined;
  /** Networks by the name of their set, as they were when the file was loaded. */
  private fileSets: AddressSets = new Map();
  /** The same with what was ordered about sets. */
  readonly sets: NamedSets = new NamedSets();
  private desired: DesiredState | undefined;
  private ending = new AbortController();
  /** Time-outs that were ordered, over those of the file. */
  private timeoutOrders: Partial<PlaneSettings['timeouts']> = {};
  private readonly standing = new Standing();
  private readonly passive = new PassiveHealth();
  private stand: Stand | undefined;
  /** The kernel follows what is wanted. */
  private readonly follower = new Follower(
    () => this.apply(),
    ({ message }) =>
      this.logger.error('packet plane: a change could not be made', { reason: message }),
  );

  constructor({ logger }: L4PlaneOptions) {
    this.logger = logger;
    this.watch = new PlaneWatch(logger);
    this.engine = new EngineSession(this.watch.hearers);
  }

  /** Whether the kernel forwards for this process. */
  get isOpen(): boolean {
    return this.engine.isOpen;
  }

  /** What happened, for those who watch. */
  get events(): EventFeed {
    return this.watch.feed;
  }

  /** Aborts when this process lets go of the plane. */
  get ended(): AbortSignal {
    return this.ending.signal;
  }

  /** Settings in force; `undefined` while there are none. */
  get settings(): L4Config | undefined {
    return this.config;
  }

  /** Services in force, orders included. */
  get services(): Services {
    return this.table.effective();
  }

  /** The same, with what their flows show of servers. */
  get judgedServices(): Services {
    return new Map(
      [...this.services].map(([key, service]) => [key, withInhibited(service, this.passive)]),
    );
  }

  /** What this host is to others that serve the same. */
  get role(): Role {
    return this.standing.role;
  }

  /** Which addresses of services are on this host, and why others are not. */
  get announcements(): readonly Announcement[] {
    return this.stand?.announcements ?? [];
  }

  async prepare({ frontends, backends, l4 }: DesiredConfig): Promise<PreparedChange> {
    if (!l4) {
      return { commit: (desired) => this.withoutPlane(desired), abort: () => {} };
    }
    const saved = savedIn(l4.state_file);
    const sets = readAddressSets(l4.sets);
    const wasOpen = this.isOpen;
    await this.engine.open(engineOptions(l4, frontends, backends));
    if (!wasOpen) this.standing.role = roleAtStart(this.engine.report?.role, l4.role);
    try {
      const rules = quorumRules(frontends.values(), (name) => backends.get(name));
      const trial = new ServiceTable();
      trial.load(servicesInFile(frontends.values(), backends, sets), saved.orders);
      const trialSets = new NamedSets();
      trialSets.load(sets, saved.sets);
      const services = [...trial.effective()].map(([key, service]) =>
        withReserve(service, rules.get(key)),
      );
      await this.engine.call('check', {
        settings: settingsOf(l4),
        services: withNetworks(services, trialSets.effective()),
      });
    } catch (error) {
      if (!wasOpen) await this.close();
      throw error;
    }
    return {
      commit: (desired) => {
        this.config = l4;
        this.fileSets = sets;
        this.commit(desired, saved);
      },
      abort: () => {
        if (!wasOpen) void this.close();
      },
    };
  }

  serverChanged(_server: Server): void {
    this.follower.changed();
  }

  serversChanged(_backend: Backend): void {
    this.follower.changed();
  }

  async collect(): Promise<void> {
    if (!this.isOpen) return;
    showCounters(this.desired?.frontends.values() ?? [], await this.counters.look());
  }

  closeConnections(server: Server, _options: CloseOptions): number {
    if (this.desired?.frontends.size) {
      this.logger.warn('connections of the packet plane cannot be closed; they end by themselves', {
        server: server.address,
      });
    }
    return 0;
  }

  /**
   * The kernel goes on forwarding, unless the file says otherwise: then the network is first made to send
   * elsewhere, where it listens to announcements.
   */
  async drain(cut: AbortSignal): Promise<DrainResult> {
    if (this.isOpen && this.config?.detach_on_exit === true && this.config.announce !== 'none') {
      await this.takeRole('drain');
      await untilQuiet(() => this.counters.packetsIn(), cut);
    }
    await this.close();
    return { cut: 0 };
  }

  /** Resolves when the kernel follows everything that was wanted until now. */
  async settled(): Promise<void> {
    await this.follower.settled();
    const { failure } = this.follower;
    if (this.isOpen && !this.counters.isRunning && failure) throw failure;
  }

  /** Flows that pass a filter. */
  async flows(filter: FlowFilter): Promise<FlowView[]> {
    return this.engine.call('flows', filter);
  }

  /** Ends the flows that pass a filter: connections are reset at their next segment. @returns How many. */
  async closeFlows(filter: FlowFilter): Promise<number> {
    return this.engine.call('closeFlows', filter);
  }

  /**
   * Replaces the services by what orders made of them, wholly or not at all.
   *
   * @throws {PlaneError} when they do not fit.
   */
  async order(next: Services): Promise<void> {
    // While it is checked, a reload or a health check may change what it was made of.
    const before = this.services;
    const wanted = this.wantedPlane([...next.values()]);
    await this.engine.call('check', wanted);
    this.table.order(next, before);
    this.follower.changed();
    await this.settled();
  }

  /**
   * Makes a set so, for all services that name it.
   *
   * @param order - `null` as networks destroys it.
   * @throws {PlaneError} when it does not fit, or is destroyed while a service names it.
   */
  async orderSet(order: SetOrder): Promise<void> {
    const next = this.sets.effective();
    if (order.networks === null) next.delete(order.name);
    else next.set(order.name, order.networks);
    await this.engine.call('check', this.wantedPlane([...this.services.values()], next));
    this.sets.order(order);
    this.follower.changed();
    await this.settled();
  }

  /** How often each list of each service decided, and by which network. */
  async listHits(): Promise<ListHits> {
    await this.settled();
    return this.engine.call('listHits');
  }

  /**
   * Keeps what was ordered over reloads and restarts, except time-outs.
   *
   * @returns The file it is kept in.
   * @throws {PlaneError} when the configuration names no file, or it cannot be written.
   */
  save(): string {
    const path = this.config?.state_file ?? '';
    if (path === '') {
      throw new PlaneError(
        'nowhere to save to: set l4.state_file, as to /var/lib/balancer/l4.json',
      );
    }
    writeStateFile(path, { orders: this.table.orders, sets: this.sets.orders });
    return path;
  }

  /** Serves, stands by, or lets go; addresses of services come or leave before this resolves. */
  async takeRole(role: Role): Promise<void> {
    const before = this.standing.role;
    this.standing.role = role;
    this.follower.changed();
    await this.settled();
    if (before !== role) this.logger.info('packet plane: role', { role, before });
  }

  /** The counters with the packets of one CPU alone, since the maps were made. */
  async countersOfCpu(cpu: number): Promise<PlaneSnapshot> {
    await this.settled();
    return this.engine.call('snapshot', cpu);
  }

  /** What the maps do with flows, as a hash that is equal on hosts that do the same. */
  async digest(): Promise<PlaneDigest> {
    await this.settled();
    return this.engine.call('digest');
  }

  /** Where a flow would go. */
  async lookup(...args: Parameters<Engine['lookup']>): Promise<FlowPlace> {
    await this.settled();
    return this.engine.call('lookup', ...args);
  }

  /** What is not as it should be on this host. */
  async inspect(): Promise<Finding[]> {
    await this.settled();
    return this.engine.call('inspect');
  }

  /** Seconds of ESTABLISHED, of the states of closing, and of UDP. */
  get timeouts(): { readonly tcp: number; readonly tcpfin: number; readonly udp: number } {
    const { timeouts } = this.settingsInForce;
    return { tcp: timeouts.ESTABLISHED, tcpfin: timeouts.FIN_WAIT, udp: timeouts.UDP };
  }

  /** Replaces time-outs until the next reload; 0 keeps a value. Seconds. */
  async orderTimeouts(order: {
    readonly tcp: number;
    readonly tcpfin: number;
    readonly udp: number;
  }): Promise<void> {
    const { tcp, tcpfin, udp } = order;
    this.timeoutOrders = {
      ...this.timeoutOrders,
      ...(tcp > 0 && { ESTABLISHED: tcp }),
      ...(tcpfin > 0 && { FIN_WAIT: tcpfin, CLOSE_WAIT: tcpfin, LAST_ACK: tcpfin }),
      ...(udp > 0 && { UDP: udp, UDP_ONEWAY: udp }),
    };
    this.follower.changed();
    await this.settled();
  }

  /** Lets go, so that another process can take over; the kernel goes on forwarding. */
  async release(): Promise<void> {
    await this.end('close');
  }

  /** Takes over again after a `release`. */
  async resume(): Promise<void> {
    if (!this.config || !this.desired || this.isOpen) return;
    await this.engine.open(engineOptions(this.config, ...configsOf(this.desired)));
    this.standing.role = roleAtStart(this.engine.report?.role, this.config.role);
    this.follower.changed();
  }

  private commit(desired: DesiredState, saved: SavedOrders): void {
    this.desired = desired;
    this.timeoutOrders = {};
    this.table.load(servicesOf(desired.frontends.values(), this.fileSets), saved.orders);
    this.sets.load(this.fileSets, saved.sets);
    this.listen(desired);
    this.follower.changed();
  }

  /** Frontends say where they can be reached. */
  private listen({ frontends }: DesiredState): void {
    for (const frontend of frontends.values()) {
      frontend.listening = frontend.config.listen_addr.flatMap((address) =>
        address.kind === 'inet' ? [formatEndpoint(address.host, address.port)] : [],
      );
    }
  }

  private withoutPlane(desired: DesiredState): void {
    this.desired = desired;
    this.config = undefined;
    if (this.isOpen) {
      this.logger.warn('the file has no [l4] any more: the packet plane is detached');
      void this.end('detach');
    }
  }

  /** Makes the kernel do what is wanted now. */
  private async apply(): Promise<void> {
    if (!this.isOpen || !this.desired) return;
    this.table.refresh(servicesOf(this.desired.frontends.values(), this.fileSets));
    const stand = this.standing.judge(this.services, this.rules(this.desired), this.announce);
    const { writes, services } = await this.engine.call('apply', {
      ...this.wantedPlane(stand.services.map((each) => withInhibited(each, this.passive))),
      presence: stand.presence,
    });
    this.watch.nameServices(services);
    if (writes > 0) this.events.add({ type: 'changed', writes });
    logTurns(this.logger, stand, this.stand);
    this.stand = stand;
    await this.attachOnce();
  }

  /** Programs see packets only after the maps know what to do with them. */
  private async attachOnce(): Promise<void> {
    const { report } = this.engine;
    if (this.counters.isRunning || !report) return;
    // What was counted before the first packet is nobody's failure.
    this.judgeServers(await this.counters.look());
    await this.engine.call('attach');
    for (const { level, what, mend } of await this.engine.call('inspect')) {
      if (level !== 'hint') this.logger.warn(`packet plane: ${what}`, { mend });
    }
    this.counters.start(
      (snapshot) => {
        showCounters(this.desired?.frontends.values() ?? [], snapshot);
        this.watch.observe(snapshot);
        this.judgeServers(snapshot);
        this.follower.retry();
      },
      (error) => {
        if (!this.isOpen) return;
        this.logger.error('packet plane: no counters', { reason: messageOf(error) });
      },
    );
    const { hook, unwatchedS } = report;
    this.logger.info('packet plane attached', {
      interfaces: this.config?.interfaces,
      hook: hook.hook,
      reason: hook.reason,
      ...(unwatchedS !== undefined && { unwatched_s: unwatchedS }),
    });
  }

  /** Inhibits servers by what their flows show, and lets them go again. */
  private judgeServers(snapshot: PlaneSnapshot): void {
    const servers = checkedServers(this.services.values(), snapshot);
    const turned = this.passive.look(servers, performance.now() / 1000);
    for (const server of turned) {
      const isInhibited = this.passive.isInhibited(server);
      const what = isInhibited ? 'left flows unanswered and gets no new ones' : 'is tried again';
      this.logger.warn(`packet plane: a server ${what}`, { server });
    }
    if (turned.length > 0) this.follower.changed();
  }

  private wantedPlane(
    services: readonly ServiceSpec[],
    sets: AddressSets = this.sets.effective(),
  ): DesiredPlane {
    return { settings: this.settingsInForce, services: withNetworks(services, sets) };
  }

  private get settingsInForce(): PlaneSettings {
    if (!this.config || !this.desired) throw new PlaneError('the packet plane is not running');
    const settings = settingsOf(this.config);
    return { ...settings, timeouts: { ...settings.timeouts, ...this.timeoutOrders } };
  }

  private get announce(): L4Config['announce'] {
    return this.config?.announce ?? 'none';
  }

  private rules({ frontends, backends }: DesiredState): Map<string, QuorumRule> {
    const configs = [...frontends.values()].map(({ config }) => config);
    return quorumRules(configs, (name) => backends.get(name)?.config);
  }

  private async close(): Promise<void> {
    await this.end(this.config?.detach_on_exit === true ? 'detach' : 'close');
  }

  private async end(how: 'close' | 'detach'): Promise<void> {
    await this.follower.settled();
    this.counters.stop();
    this.ending.abort();
    this.ending = new AbortController();
    await this.engine.end(how);
  }
}

function savedIn(stateFile: string): SavedOrders {
  return stateFile === '' ? { orders: [], sets: [] } : readStateFile(stateFile);
}

function configsOf({
  frontends,
  backends,
}: DesiredState): [Map<string, FrontendConfig>, Map<string, BackendConfig>] {
  return [
    new Map([...frontends].map(([name, { config }]) => [name, config])),
    new Map([...backends].map(([name, { config }]) => [name, config])),
  ];
}
