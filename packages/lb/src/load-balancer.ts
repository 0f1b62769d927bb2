/**
 * The load balancer: holds what is wanted and what is, and gets the data planes from one to the
 * other.
 *
 * @module
 */
import { EventEmitter } from 'node:events';
import { BalancerError, type Logger } from '@balancer/kit';
import { Backend, type ServerEntry, type ServersChanged } from './backend.ts';
import type { LoadBalancerConfig, Mode } from './config/types.ts';
import type {
  DataPlane,
  DesiredConfig,
  DesiredState,
  DrainResult,
  PreparedChange,
} from './data-plane.ts';
import type { DnsResolver } from './discovery/dns.ts';
import { Frontend } from './frontend.ts';
import type { Server, ServerChange } from './server.ts';
import { OwnSupervision, type SetServers, type Supervision } from './supervision.ts';

/** Longest wait at start for the first health checks, before clients are let in. */
const FIRST_CHECKS_MS = 1000;

/** A frontend asks for a mode that no data plane of this process serves. */
export class ModeError extends BalancerError {
  override readonly name = 'ModeError';
  readonly code = 'MODE';

  constructor(frontend: string, mode: Mode, modes: readonly Mode[]) {
    super(
      `frontends.${frontend}.mode: no data plane serves "${mode}"; served: ${modes.join(', ')}`,
    );
  }
}

/** It has been told to stop, and takes no other configuration. */
export class StoppingError extends BalancerError {
  override readonly name = 'StoppingError';
  readonly code = 'STOPPING';

  constructor() {
    super('the load balancer is stopping, and takes no other configuration');
  }
}

export interface LoadBalancerOptions {
  readonly config: LoadBalancerConfig;
  readonly planes: readonly DataPlane[];
  readonly logger: Logger;
  /** Default: the system's name servers. */
  readonly resolver?: DnsResolver;
  /** Default: this process looks for servers and checks them itself. */
  readonly supervision?: (setServers: SetServers) => Supervision;
}

/** A configuration that may take effect. */
export interface PreparedConfig {
  /** Addresses that each frontend will be bound to, with the ports that the system chose. */
  readonly listening: ReadonlyMap<string, readonly string[]>;
  /** Makes it the running one, unless the load balancer was told to stop meanwhile. Does not throw. */
  commit(): void;
  /** Gives back what was taken for it. */
  abort(): void;
}

/** Where the load balancer is in its life. */
export type Phase = 'starting' | 'running' | 'draining' | 'stopped';

/** What a load balancer tells the program that it runs in. A listener must not throw. */
export interface LoadBalancerEvents {
  /** The state of a server has changed. */
  server: [server: Server, change: ServerChange];
  /** Discovery has added or removed servers. */
  servers: [backend: Backend, change: ServersChanged];
  /** Another configuration is running. */
  applied: [config: LoadBalancerConfig];
  phase: [phase: Phase];
}

export class LoadBalancer extends EventEmitter<LoadBalancerEvents> {
  private readonly planes: readonly DataPlane[];
  private readonly logger: Logger;
  private readonly supervision: Supervision;
  private readonly frontendsByName = new Map<string, Frontend>();
  private readonly backendsByName = new Map<string, Backend>();
  private currentConfig: LoadBalancerConfig;
  private currentPhase: Phase = 'starting';
  private loadedAtDate: Date = new Date();
  private isReplacing = false;

  constructor(options: LoadBalancerOptions) {
    super();
    this.currentConfig = options.config;
    this.planes = options.planes;
    this.logger = options.logger;
    const setServers: SetServers = (backend, entries) => this.setServers(backend, entries);
    this.supervision =
      options.supervision?.(setServers) ??
      new OwnSupervision({ setServers, logger: options.logger, resolver: options.resolver });
  }

  get config(): LoadBalancerConfig {
    return this.currentConfig;
  }

  /** When the running configuration took effect. */
  get loadedAt(): Date {
    return this.loadedAtDate;
  }

  get phase(): Phase {
    return this.currentPhase;
  }

  get frontends(): ReadonlyMap<string, Frontend> {
    return this.frontendsByName;
  }

  get backends(): ReadonlyMap<string, Backend> {
    return this.backendsByName;
  }

  /** Running, and every frontend has a server to send its clients to. */
  get ready(): boolean {
    if (this.currentPhase !== 'running') return false;
    return [...this.frontendsByName.values()].every((frontend) =>
      frontend.backends.every((backend) => backend.usable),
    );
  }

  /**
   * Checks the servers once, then binds every address. Clients are served when it resolves.
   *
   * @throws {BindError} An address cannot be bound; nothing is left running.
   * @throws {ModeError} A frontend's mode has no data plane.
   */
  async start(): Promise<void> {
    this.updateState(this.currentConfig);
    try {
      await this.supervision.firstResults(FIRST_CHECKS_MS);
      const changes = await this.takeAll(this.currentConfig);
      this.commit(changes);
    } catch (error) {
      this.release();
      throw error;
    }
    this.enter('running');
  }

  /**
   * Replaces the running configuration, wholly or not at all.
   *
   * @throws {BindError | ModeError | StoppingError} and the former configuration goes on running.
   */
  async apply(config: LoadBalancerConfig): Promise<void> {
    (await this.prepare(config)).commit();
    if (this.isStopping) throw new StoppingError();
  }

  /**
   * The first half of {@link apply}: takes everything that may fail and changes nothing.
   *
   * @throws {BindError | ModeError | StoppingError} and everything is given back.
   */
  async prepare(config: LoadBalancerConfig): Promise<PreparedConfig> {
    if (this.isStopping) throw new StoppingError();
    const changes = await this.takeAll(config);
    const abort = (): void => {
      for (const change of changes) change.abort();
    };
    return {
      listening: new Map(changes.flatMap(({ listening }) => [...(listening ?? [])])),
      // Who drains has closed its doors: another configuration would open them again.
      commit: () => (this.isStopping ? abort() : this.replaceConfig(config, changes)),
      abort,
    };
  }

  /** Follows what {@link Supervision} says of the servers of one backend now. */
  followServers(backend: Backend): void {
    this.supervision.find([backend]);
    this.supervision.watch([backend]);
  }

  /** Brings all counters up to date. */
  async collect(): Promise<void> {
    await Promise.all(this.planes.map((plane) => plane.collect()));
  }

  /** Resets the connections of a server. @returns How many. */
  closeConnections(server: Server, perSecond?: number): number {
    const options = { reason: 'admin', ...(perSecond !== undefined && { perSecond }) } as const;
    return this.planes.reduce((sum, plane) => sum + plane.closeConnections(server, options), 0);
  }

  /** Stops accepting and waits for connections to end; cuts what is left when `cut` aborts. */
  async drain(cut: AbortSignal): Promise<DrainResult> {
    this.enter('draining');
    const results = await Promise.all(this.planes.map((plane) => plane.drain(cut)));
    return { cut: results.reduce((sum, result) => sum + result.cut, 0) };
  }

  /** Stops everything at once. */
  async stop(): Promise<void> {
    if (this.currentPhase === 'stopped') return;
    await this.drain(AbortSignal.abort());
    this.release();
  }

  private get isStopping(): boolean {
    return this.currentPhase === 'draining' || this.currentPhase === 'stopped';
  }

  private enter(phase: Phase): void {
    if (phase === this.currentPhase) return;
    this.currentPhase = phase;
    this.emit('phase', phase);
  }

  private release(): void {
    this.enter('stopped');
    this.supervision.stop();
    for (const backend of this.backendsByName.values()) backend.destroy();
  }

  private replaceConfig(config: LoadBalancerConfig, changes: readonly PreparedChange[]): void {
    const before = new Set(this.backendsByName.values());
    this.currentConfig = config;
    this.isReplacing = true;
    this.updateState(config);
    this.isReplacing = false;
    this.commit(changes);
    for (const backend of before) {
      if (this.backendsByName.get(backend.name) !== backend) backend.destroy();
    }
    this.loadedAtDate = new Date();
    this.emit('applied', config);
  }

  private async takeAll(config: LoadBalancerConfig): Promise<readonly PreparedChange[]> {
    this.requirePlanes(config);
    const results = await Promise.allSettled(
      this.planes.map((plane) => plane.prepare(desiredOf(plane, config))),
    );
    const changes = results.flatMap((r) => (r.status === 'fulfilled' ? [r.value] : []));
    const failure = results.find((r) => r.status === 'rejected');
    if (!failure) return changes;
    for (const change of changes) change.abort();
    throw failure.reason;
  }

  private requirePlanes({ frontends }: LoadBalancerConfig): void {
    const served = this.planes.flatMap((plane) => [...plane.modes]);
    for (const [name, { mode }] of Object.entries(frontends)) {
      if (!served.includes(mode)) throw new ModeError(name, mode, served);
    }
  }

  private commit(changes: readonly PreparedChange[]): void {
    for (const [index, change] of changes.entries()) {
      const plane = this.planes[index]!;
      const frontends = [...this.frontendsByName].filter(([, f]) => plane.modes.has(f.config.mode));
      const desired: DesiredState = {
        global: this.currentConfig.global,
        frontends: new Map(frontends),
        backends: this.backendsByName,
      };
      change.commit(desired);
    }
  }

  /** Brings frontends, backends and checks in line; keeps every object whose identity stays. */
  private updateState({ frontends, backends }: LoadBalancerConfig): void {
    for (const [name, config] of Object.entries(backends)) {
      const known = this.backendsByName.get(name);
      if (known) known.update(config);
      else this.backendsByName.set(name, this.createBackend(name));
    }
    for (const name of this.backendsByName.keys()) {
      if (!(name in backends)) this.backendsByName.delete(name);
    }
    for (const [name, config] of Object.entries(frontends)) {
      const known = this.frontendsByName.get(name);
      if (known) known.update(config, this.backendsByName);
      else this.frontendsByName.set(name, new Frontend(name, config, this.backendsByName));
    }
    for (const name of this.frontendsByName.keys()) {
      if (!(name in frontends)) this.frontendsByName.delete(name);
    }
    this.supervision.find(this.backendsByName.values());
    this.supervision.watch(this.backendsByName.values());
  }

  private setServers(backend: Backend, entries: readonly ServerEntry[]): void {
    const { added, removed } = backend.setServers(entries);
    if (added.length === 0 && removed.length === 0) return;
    this.supervision.watch(this.backendsByName.values());
    // Of a configuration that is being replaced planes hear when it is whole: the rest may matter here.
    if (!this.isReplacing) for (const plane of this.planes) plane.serversChanged(backend);
    if (this.currentPhase === 'starting') return;
    this.logger.info('servers changed', {
      backend: backend.name,
      added: added.map((server) => server.address),
      removed: removed.map((server) => server.address),
    });
    this.emit('servers', backend, { added, removed });
  }

  private createBackend(name: string): Backend {
    return new Backend({
      name,
      config: this.currentConfig.backends[name]!,
      zone: this.currentConfig.global.zone,
      onServerChange: (server, change) => this.onServerChange(server, change),
    });
  }

  private onServerChange(server: Server, change: ServerChange): void {
    const { from, to, reason } = change;
    const fields = { backend: server.backendName, server: server.address, name: server.name, from };
    const isLoss = to === 'down' || to === 'ejected';
    if (from !== to)
      this.logger[isLoss ? 'warn' : 'info'](`server is ${to}`, { ...fields, reason });
    for (const plane of this.planes) plane.serverChanged(server);
    if (from !== to) this.emit('server', server, change);
  }
}

function desiredOf(
  plane: DataPlane,
  { global, frontends, backends, l4 }: LoadBalancerConfig,
): DesiredConfig {
  const served = Object.entries(frontends).filter(([, { mode }]) => plane.modes.has(mode));
  return { global, frontends: new Map(served), backends: new Map(Object.entries(backends)), l4 };
}
