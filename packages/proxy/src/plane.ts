/**
 * The user-space data plane: serves frontends of mode `proxy` with sockets of this process.
 *
 * @module
 */
import { type Address, formatAddress, type Logger, messageOf } from '@balancer/kit';
import type {
  Backend,
  CloseOptions,
  ConnectionRecord,
  DataPlane,
  DesiredConfig,
  DesiredState,
  DrainResult,
  Frontend,
  FrontendConfig,
  Mode,
  PreparedChange,
  Server,
} from '@balancer/lb';
import type { ConnectionContext } from './connection.ts';
import { connectionsThatFit, descriptorLimit } from './descriptors.ts';
import { type Flow, FlowRegistry } from './flow-registry.ts';
import { ProxyFrontend } from './proxy-frontend.ts';
import { InheritedListeners } from './inherited.ts';
import { ReadBuffers } from './read-buffers.ts';
import {
  bindFor,
  type BoundListener,
  listenerKey,
  type ServedFrontend,
  wantsToUnlisten,
} from './served-frontend.ts';
import { Deadline, TimerWheel } from './timer-wheel.ts';
import { TlsMaterial } from './tls-material.ts';
import { UdpFrontend } from './udp/udp-frontend.ts';
import { WaitingLine } from './waiting-line.ts';
import { shareOfCount, shareOfFrontend, shareOfServer, type WorkerPlace } from './workers/share.ts';

/** A bound address. */
export interface ListeningSocket {
  readonly transport: 'tcp' | 'udp';
  readonly address: Address;
}

export interface ProxyPlaneOptions {
  readonly logger: Logger;
  /** Hears of every connection that ended. */
  readonly onRecord?: (record: ConnectionRecord) => void;
  /** Asked when a connection ended: would its record be read? Default: yes. */
  readonly wantsRecord?: () => boolean;
  /** Sockets that are listening already. */
  readonly inherited?: InheritedListeners;
  /** Of all processes that resume each other's TLS sessions; absent: own ones. */
  readonly ticketKeys?: Buffer;
  /** Given to a worker process. */
  readonly worker?: {
    /** May it bind addresses, which the main process lends it, or is it sent listening sockets? */
    readonly binds: boolean;
  };
  /** Frontends that had closed their listeners, for want of a server, have opened them again. */
  readonly onListeningAgain?: () => void;
}

/** A change, with the listeners that its frontends will have. */
export interface PreparedListeners extends PreparedChange {
  readonly listeners: ReadonlyMap<string, readonly BoundListener[]>;
}

const ALONE: WorkerPlace = { index: 0, count: 1 };

/** Longest wait for the sockets of connections that were cut. */
const SOCKETS_CLOSE_MS = 1000;

/** Time between attempts to bind an address again after `unlisten`. */
const RELISTEN_RETRY_MS = 500;

export class ProxyPlane implements DataPlane {
  readonly modes: ReadonlySet<Mode> = new Set<Mode>(['proxy']);
  private readonly logger: Logger;
  private readonly inherited: InheritedListeners;
  private readonly wheel: TimerWheel = new TimerWheel();
  private readonly context: ConnectionContext;
  private readonly lines = new WeakMap<Backend, WaitingLine>();
  private readonly flows = new FlowRegistry();
  /** Removed servers whose connections are being waited for. */
  private readonly draining = new WeakSet<Server>();
  private readonly frontends = new Map<string, ServedFrontend>();
  /** Frontends that a reload removed and that still have connections. */
  private readonly leaving = new Set<ServedFrontend>();
  private readonly options: ProxyPlaneOptions;
  private place = ALONE;
  private tls: TlsMaterial;
  private desired: DesiredState | undefined;
  private connectionsMax = 0;
  private isDraining = false;

  constructor(options: ProxyPlaneOptions) {
    this.logger = options.logger;
    this.inherited = options.inherited ?? new InheritedListeners();
    this.options = options;
    this.tls = TlsMaterial.empty(options.ticketKeys);
    this.context = {
      wheel: this.wheel,
      buffers: new ReadBuffers(),
      logger: options.logger,
      shareOf: (config) => shareOfFrontend(config, this.place),
      lineOf: (backend) => this.lineOf(backend),
      tlsOf: (backend) => this.tls.clientOf(backend.name),
      terminatorOf: (frontend) => this.tls.terminatorOf(frontend.name),
      hasRoom: () => this.flows.open < this.connectionsMax,
      onOpened: (flow) => this.flows.opened(flow),
      onClosed: (slot, server) => this.onClosed(slot, server),
      onRecord: options.onRecord,
      wantsRecord: options.wantsRecord ?? (() => true),
    };
  }

  /** Client connections that are open. */
  get open(): number {
    return this.flows.open;
  }

  /** Listeners of every frontend. */
  get listeners(): ReadonlyMap<string, readonly BoundListener[]> {
    return new Map([...this.frontends].map(([name, { listeners }]) => [name, listeners]));
  }

  /** From the next commit on, enforces this process's share of limits that others enforce too. */
  divide(place: WorkerPlace): void {
    this.place = place;
  }

  async prepare(desiredConfig: DesiredConfig): Promise<PreparedListeners> {
    const tls = this.tls.next(desiredConfig, this.logger);
    const bound = this.boundListeners();
    const fresh = new Map<string, BoundListener>();
    try {
      for (const [name, config] of desiredConfig.frontends) {
        for (const [index, address] of config.listen_addr.entries()) {
          const key = listenerKey(name, index, { address, protocol: config.protocol });
          if (bound.has(key) || this.isUnlistened(name, address)) continue;
          // oxlint-disable-next-line no-await-in-loop -- the first failure ends the reload
          fresh.set(key, await this.bind(config, address));
        }
      }
    } catch (error) {
      for (const listener of fresh.values()) listener.close();
      throw error;
    }
    const listeners = new Map(
      [...desiredConfig.frontends].map(([name, config]) => [
        name,
        listenersOf({ name, config }, bound, fresh),
      ]),
    );
    return {
      listeners,
      listening: addressesOf(listeners),
      commit: (desired) => {
        this.tls = tls;
        this.inherited.closeRest();
        this.commit(desired, bound, fresh);
      },
      abort: () => {
        for (const listener of fresh.values()) listener.close();
      },
    };
  }

  /** Every address that is bound now. */
  get listening(): readonly ListeningSocket[] {
    return [...this.frontends.values()].flatMap((served) =>
      served.listeners.map((listener) => ({
        transport: isUdp(served) ? 'udp' : 'tcp',
        address: listener.bound,
      })),
    );
  }

  serverChanged(server: Server): void {
    for (const served of this.frontends.values()) this.followHealth(served);
    const backend = this.desired?.backends.get(server.backendName);
    if (!backend) return;
    if (server.state === 'down' && backend.config.on_marked_down === 'close') {
      this.closeConnections(server, { reason: 'marked_down' });
    }
    if (server.usable) this.lineOf(backend).callNext();
  }

  serversChanged(backend: Backend): void {
    if (this.desired?.backends.get(backend.name) !== backend) return;
    this.drainRemovedServers(this.desired);
    this.limitServers(backend);
    for (const served of this.frontends.values()) this.followHealth(served);
    this.lineOf(backend).callNext();
  }

  async collect(): Promise<void> {
    // Connections count into the counters of frontends and servers as they go.
  }

  closeConnections(server: Server, { reason, perSecond }: CloseOptions): number {
    const flows = this.flows.flowsTo(server);
    if (perSecond === undefined) {
      for (const flow of flows) flow.abort(reason);
    } else {
      this.closeSlowly(flows, { reason, perSecond });
    }
    return flows.length;
  }

  async drain(cut: AbortSignal): Promise<DrainResult> {
    this.isDraining = true;
    for (const served of this.frontends.values()) served.unlisten();
    await this.flows.idleOr(cut);
    const all = [...this.frontends.values(), ...this.leaving];
    const cutCount = all.reduce((sum, served) => sum + served.cut('drain'), 0);
    await this.flows.idleOr(AbortSignal.timeout(SOCKETS_CLOSE_MS));
    return { cut: cutCount };
  }

  private commit(
    desired: DesiredState,
    bound: ReadonlyMap<string, BoundListener>,
    fresh: ReadonlyMap<string, BoundListener>,
  ): void {
    this.desired = desired;
    // First of all: the clients of an inherited socket wait already, and enter as it is served.
    this.limitConnections(desired);
    for (const backend of desired.backends.values()) this.limitServers(backend);
    const kept = new Set<BoundListener>();
    for (const frontend of desired.frontends.values()) {
      const listeners = listenersOf(frontend, bound, fresh);
      for (const listener of listeners) kept.add(listener);
      this.servedFrontendOf(frontend).serve(listeners);
    }
    for (const listener of bound.values()) if (!kept.has(listener)) listener.close();
    this.dropFrontends(desired);
    this.drainRemovedServers(desired);
    for (const served of this.frontends.values()) this.followHealth(served);
    for (const backend of desired.backends.values()) this.lineOf(backend).callNext();
  }

  private servedFrontendOf(frontend: Frontend): ServedFrontend {
    const known = this.frontends.get(frontend.name);
    if (known?.frontend === frontend && isUdp(known) === (frontend.config.protocol === 'udp')) {
      known.update();
      return known;
    }
    if (known) this.leave(known);
    const { protocol } = frontend.config;
    const created =
      protocol === 'udp'
        ? new UdpFrontend(frontend, this.context)
        : new ProxyFrontend(frontend, this.context);
    this.frontends.set(frontend.name, created);
    return created;
  }

  private dropFrontends(desired: DesiredState): void {
    for (const [name, served] of this.frontends) {
      if (desired.frontends.has(name)) continue;
      this.frontends.delete(name);
      this.leave(served);
    }
  }

  /** Lets the connections of a removed frontend end, for as long as `drain_timeout` says. */
  private leave(served: ServedFrontend): void {
    if (served.open === 0) return;
    this.leaving.add(served);
    this.after(this.desired!.global.drain_timeout, () => {
      served.cut('drain');
      this.leaving.delete(served);
    });
  }

  private drainRemovedServers(desired: DesiredState): void {
    const staying = new Set([...desired.backends.values()].flatMap((backend) => backend.servers));
    for (const server of this.flows.servers) {
      if (staying.has(server) || this.draining.has(server)) continue;
      this.draining.add(server);
      this.after(desired.global.drain_timeout, () => {
        this.closeConnections(server, { reason: 'drain' });
      });
    }
  }

  private limitConnections({ global, frontends }: DesiredState): void {
    const { max_connections } = global;
    const listenerCount = [...frontends.values()].reduce(
      (sum, frontend) => sum + frontend.config.listen_addr.length,
      0,
    );
    this.connectionsMax =
      max_connections === 'auto'
        ? connectionsThatFit(descriptorLimit(), listenerCount)
        : shareOfCount(max_connections, this.place);
  }

  private limitServers({ servers }: Backend): void {
    for (const server of servers) {
      server.limit(
        this.place.count === 1
          ? undefined
          : shareOfServer(server.config, this.place).max_connections,
      );
    }
  }

  private onClosed(slot: number, server: Server | undefined): void {
    this.flows.closed(slot);
    for (const served of this.leaving) if (served.open === 0) this.leaving.delete(served);
    const backend = server && this.desired?.backends.get(server.backendName);
    if (backend) this.lineOf(backend).callNext();
  }

  private lineOf(backend: Backend): WaitingLine {
    const known = this.lines.get(backend);
    if (known) return known;
    const line = new WaitingLine(backend, (max) => shareOfCount(max, this.place));
    this.lines.set(backend, line);
    return line;
  }

  private bind(config: FrontendConfig, address: Address): Promise<BoundListener> {
    const { worker } = this.options;
    return bindFor(config, address, {
      inherited: this.inherited,
      isShared: worker !== undefined,
      binds: worker?.binds ?? true,
    });
  }

  private boundListeners(): Map<string, BoundListener> {
    const bound = new Map<string, BoundListener>();
    for (const [name, served] of this.frontends) {
      const protocol = isUdp(served) ? 'udp' : 'tcp';
      for (const [index, listener] of served.listeners.entries()) {
        bound.set(listenerKey(name, index, { address: listener.address, protocol }), listener);
      }
    }
    return bound;
  }

  private isUnlistened(name: string, address: Address): boolean {
    const served = this.frontends.get(name);
    if (!served || !wantsToUnlisten(served.frontend)) return false;
    return served.frontend.config.listen_addr.some(
      (own) => formatAddress(own) === formatAddress(address),
    );
  }

  /** Closes the listeners of an `unlisten` frontend while no server is up, and opens them again. */
  private followHealth(served: ServedFrontend): void {
    if (this.isDraining) return;
    const { frontend } = served;
    const hasListeners = served.listeners.length > 0;
    if (wantsToUnlisten(frontend) && hasListeners) {
      this.logger.warn('no server is up: not listening', { frontend: frontend.name });
      served.unlisten();
    } else if (
      !wantsToUnlisten(frontend) &&
      !hasListeners &&
      this.options.worker?.binds !== false
    ) {
      void this.listenAgain(served);
    }
  }

  private async listenAgain(served: ServedFrontend): Promise<void> {
    const { frontend } = served;
    const { config } = frontend;
    const results = await Promise.allSettled(
      config.listen_addr.map((address) => this.bind(config, address)),
    );
    const listeners = results.flatMap((r) => (r.status === 'fulfilled' ? [r.value] : []));
    const failed = results.find((r) => r.status === 'rejected');
    const isStillWanted =
      this.frontends.get(frontend.name) === served &&
      served.listeners.length === 0 &&
      !this.isDraining;
    if (!failed && isStillWanted) {
      this.logger.info('listening again', { frontend: frontend.name });
      served.serve(listeners);
      this.options.onListeningAgain?.();
      return;
    }
    for (const listener of listeners) listener.close();
    if (!failed || !isStillWanted) return;
    this.logger.error('cannot listen again', {
      frontend: frontend.name,
      reason: messageOf(failed.reason),
    });
    this.after(RELISTEN_RETRY_MS, () => this.followHealth(served));
  }

  private closeSlowly(flows: Flow[], { reason, perSecond }: Required<CloseOptions>): void {
    const batch = flows.splice(0, Math.max(1, Math.round(perSecond / 10)));
    for (const flow of batch) flow.abort(reason);
    if (flows.length > 0) {
      this.after(100, () => this.closeSlowly(flows, { reason, perSecond }));
    }
  }

  /** Runs `action` once; 0 is never. */
  private after(timeoutMs: number, action: () => void): void {
    this.wheel.arm(new Deadline(action), timeoutMs);
  }
}

function listenersOf(
  { name, config }: Pick<Frontend, 'name' | 'config'>,
  bound: ReadonlyMap<string, BoundListener>,
  fresh: ReadonlyMap<string, BoundListener>,
): BoundListener[] {
  const { listen_addr, protocol } = config;
  return listen_addr.flatMap((address, index) => {
    const key = listenerKey(name, index, { address, protocol });
    return fresh.get(key) ?? bound.get(key) ?? [];
  });
}

function addressesOf(
  listeners: ReadonlyMap<string, readonly BoundListener[]>,
): ReadonlyMap<string, readonly string[]> {
  return new Map(
    [...listeners].map(([name, all]) => [name, all.map(({ bound }) => formatAddress(bound))]),
  );
}

function isUdp(served: ServedFrontend): boolean {
  return served instanceof UdpFrontend;
}
