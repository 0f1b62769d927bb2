/**
 * The load balancer as a service of this process: configuration file, data planes, admin listener,
 * logs and reloads, wired together.
 *
 * @module
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  type Address,
  AdminServer,
  type AdminRoute,
  type ConfigProblem,
  type DaemonPart,
  type Environment,
  fileSettled,
  formatAddress,
  formatProblem,
  type Log,
  messageOf,
  Metrics,
  Reloader,
  type ReloadResult,
} from '@balancer/kit';
import { loadConsole } from '@balancer/console';
import {
  AccessLog,
  adminRoutes,
  LoadBalancer,
  type LoadBalancerConfig,
  loadLoadBalancerConfig,
  type ProcessFacts,
  registerMetrics,
  type ReloadCounts,
  type StatsConfig,
  workerCount,
  type WorkersFacts,
} from '@balancer/lb';
import {
  descriptorLimit,
  GrowingPlane,
  type InheritedListeners,
  type ListeningSocket,
  WorkersPlane,
  type WorkersPlaneOptions,
} from '@balancer/proxy';
import { consoleRoutes } from './console.ts';
import { HandOverError } from './hand-over.ts';
import { PacketPlane } from './packet-plane.ts';
import { SocketFiles } from './socket-files.ts';
import { openApiRoute } from './openapi.ts';
import { VERSION } from './version.ts';

export interface ServiceOptions {
  readonly file: string;
  readonly config: LoadBalancerConfig;
  readonly log: Log;
  readonly environment: Environment;
  /** What the command line changes in every configuration that is loaded. */
  readonly override?: (config: LoadBalancerConfig) => LoadBalancerConfig;
  /** Sockets that are listening already, when this process serves itself. */
  readonly inherited?: InheritedListeners;
  /** How worker processes are had, and which sockets that are listening already they may take. */
  readonly workers: Pick<WorkersPlaneOptions, 'spawn' | 'inherited' | 'onHopeless'>;
  /** Further routes of the admin listener. */
  readonly routes?: readonly AdminRoute[];
}

/** Gives sockets to another process. Rejects when that came to nothing, as when `cancel` aborts. */
type HandOverAction = (sockets: readonly ListeningSocket[], cancel: AbortSignal) => Promise<void>;

/** Largest batch of `ipvsadm --restore`: some 100,000 rules. */
const RULES_MAX_BYTES = 32 * 1024 * 1024;

export class Service {
  readonly loadBalancer: LoadBalancer;
  /** Where the admin listener is bound; `undefined` without one. */
  adminAddress: Address | undefined;
  private readonly options: ServiceOptions;
  private readonly log: Log;
  private readonly accessLog: AccessLog;
  private readonly plane: GrowingPlane | WorkersPlane;
  private readonly packetPlane: PacketPlane;
  private readonly metrics = new Metrics();
  private readonly console = loadConsole();
  private readonly reloader: Reloader<LoadBalancerConfig>;
  private readonly handedOver = new SocketFiles();
  /** From the start of a hand-over on, unless it failed. */
  private handingOver:
    | { readonly cancel: AbortController; readonly over: Promise<void> }
    | undefined;
  private admin: AdminServer | undefined;
  /** Where `balancer ipvsadm` finds the packet plane. */
  private packetSocket: { readonly path: string; readonly server: AdminServer } | undefined;
  private reloads: ReloadCounts = { succeeded: 0, failed: 0, lastSuccessAt: Date.now() / 1000 };

  /** @throws {LogTargetError} The access log cannot be opened. */
  constructor(options: ServiceOptions) {
    this.options = options;
    this.log = options.log;
    this.accessLog = new AccessLog(options.config.global.access_log);
    this.plane = this.createPlane(options);
    this.packetPlane = new PacketPlane({ logger: options.log, metrics: this.metrics });
    this.loadBalancer = new LoadBalancer({
      config: options.config,
      logger: options.log,
      planes: [this.plane, this.packetPlane],
    });
    this.reloader = new Reloader({
      file: options.file,
      current: options.config,
      load: () => this.load(),
      apply: (next, previous) => this.apply(next, previous),
      onResult: (result) => this.onReloaded(result),
    });
    registerMetrics({
      loadBalancer: this.loadBalancer,
      metrics: this.metrics,
      version: VERSION,
      descriptorsMax: descriptorLimit(),
      reloads: () => this.reloads,
      workers: () => this.workers,
    });
  }

  /** In the order of their start. */
  get parts(): readonly DaemonPart[] {
    return [
      {
        name: 'admin listener',
        start: async () => {
          await this.packetPlane.load(this.options.config);
          this.admin = await this.openAdmin(this.options.config.stats);
        },
        stop: async () => this.admin?.close(),
      },
      {
        name: 'load balancer',
        start: async () => {
          await this.loadBalancer.start();
          await this.packetPlane.settled();
        },
        drain: async (cut) => {
          this.handingOver?.cancel.abort();
          const drained = this.loadBalancer.drain(cut);
          this.handedOver.restore();
          await drained;
        },
        stop: async () => {
          await this.loadBalancer.stop();
          this.handedOver.end();
        },
      },
      {
        name: 'socket of the packet plane',
        start: () => this.followPacketSocket(),
        stop: async () => this.packetSocket?.server.close(),
      },
      {
        name: 'configuration file',
        start: () => this.reloader.start(),
        // A successor may run from the same file by now.
        drain: () => this.reloader.close(),
        stop: () => this.reloader.close(),
      },
      { name: 'access log', start: async () => {}, stop: () => this.accessLog.close() },
    ];
  }

  get shutdownTimeoutMs(): number {
    return this.loadBalancer.config.global.shutdown_timeout;
  }

  /** What the log line `ready` tells. */
  get readyFields(): Record<string, unknown> {
    const frontends = [...this.loadBalancer.frontends.values()];
    return {
      version: VERSION,
      frontends: Object.fromEntries(frontends.map((f) => [f.name, f.listening])),
      ...(this.adminAddress && { stats: formatAddress(this.adminAddress) }),
    };
  }

  async reload(trigger: 'signal' | 'api'): Promise<ReloadResult> {
    return this.reloader.reload(trigger);
  }

  /**
   * Lets `action` give every listening socket to another process, to which the admin address is free
   * meanwhile. When it fails everything is as before. A stop of this process cancels it.
   *
   * @throws {HandOverError} Another one is under way.
   */
  async handOver(action: HandOverAction): Promise<void> {
    if (this.handingOver) throw new HandOverError('a new process is being started already');
    const cancel = new AbortController();
    const attempt = this.tryToHandOver(action, cancel.signal);
    this.handingOver = { cancel, over: attempt.catch(() => {}) };
    try {
      await attempt;
    } catch (error) {
      this.handingOver = undefined;
      throw error;
    }
  }

  /** Reloads wait meanwhile: what one process binds for itself the other cannot. */
  private async tryToHandOver(action: HandOverAction, cancel: AbortSignal): Promise<void> {
    await this.reloader.settled();
    const { stats } = this.loadBalancer.config;
    await this.admin?.close();
    await this.closePacketSocket();
    await this.packetPlane.release();
    try {
      await action(this.plane.listening, cancel);
      this.handedOver.keep(this.plane.listening);
    } catch (error) {
      if (cancel.aborted) throw error;
      this.admin = await this.openAdmin(stats);
      await this.packetPlane.resume();
      await this.followPacketSocket();
      throw error;
    }
  }

  reopenLogs(): void {
    this.log.reopen();
    this.accessLog.reopen();
    this.plane.reopenLogs();
  }

  private createPlane({
    config,
    log: logger,
    inherited,
    workers,
  }: ServiceOptions): GrowingPlane | WorkersPlane {
    if (workerCount(config.global.workers) > 1) return new WorkersPlane({ logger, ...workers });
    const { spawn, onHopeless } = workers;
    return new GrowingPlane({
      logger,
      spawn,
      onHopeless,
      onRecord: (record) => this.accessLog.write(record),
      wantsRecord: () => this.accessLog.wants(),
      ...(inherited && { inherited }),
    });
  }

  private async load(): Promise<LoadBalancerConfig> {
    const { file, environment, override } = this.options;
    await this.handingOver?.over;
    await fileSettled(file);
    const { config, warnings } = await loadLoadBalancerConfig(file, environment);
    logWarnings(this.log, warnings);
    return override ? override(config) : config;
  }

  /** Takes everything that may fail first and the load balancer last, so that all can be undone. */
  private async apply(next: LoadBalancerConfig, previous: LoadBalancerConfig): Promise<void> {
    await this.packetPlane.load(next);
    const movesAdmin = !sameAdminAddress(next.stats, previous.stats);
    const formerAddress = this.adminAddress;
    const opened = movesAdmin ? await this.openAdmin(next.stats) : undefined;
    try {
      this.configureLogs(next);
      await this.loadBalancer.apply(next);
      await this.followPacketSocket();
    } catch (error) {
      this.configureLogs(previous);
      this.adminAddress = formerAddress;
      await opened?.close();
      throw error;
    }
    if (movesAdmin) {
      const former = this.admin;
      this.admin = opened;
      if (!next.stats) this.adminAddress = undefined;
      // The request that asked for the reload may come over the listener that goes.
      void former?.close();
    } else if (next.stats) {
      this.admin?.configure(this.adminOptions(next.stats));
    }
  }

  private configureLogs({ global }: LoadBalancerConfig): void {
    this.log.configure(global.log);
    this.accessLog.configure(global.access_log);
  }

  private onReloaded(result: ReloadResult): void {
    const { trigger } = result;
    if (result.outcome === 'failed') {
      this.reloads = { ...this.reloads, failed: this.reloads.failed + 1 };
      const reason = messageOf(result.error);
      this.log.error('reload refused; the former configuration goes on', { trigger, reason });
    } else if (result.outcome === 'applied') {
      const succeeded = this.reloads.succeeded + 1;
      this.reloads = { ...this.reloads, succeeded, lastSuccessAt: Date.now() / 1000 };
      this.log.info('configuration reloaded', { trigger });
    }
  }

  /** Opens, moves or closes the socket as the configuration in force says. */
  private async followPacketSocket(): Promise<void> {
    const path = this.loadBalancer.config.l4?.admin_socket ?? '';
    if (path === (this.packetSocket?.path ?? '')) return;
    await this.closePacketSocket();
    if (path === '') return;
    mkdirSync(dirname(path), { recursive: true });
    const server = new AdminServer({
      routes: this.packetPlane.routes,
      logger: this.log,
      addressSetting: 'l4.admin_socket',
      bodyMaxBytes: RULES_MAX_BYTES,
    });
    await server.listen({ kind: 'unix', path });
    this.packetSocket = { path, server };
  }

  private async closePacketSocket(): Promise<void> {
    const open = this.packetSocket;
    this.packetSocket = undefined;
    await open?.server.close();
  }

  private async openAdmin(stats: StatsConfig | undefined): Promise<AdminServer | undefined> {
    if (!stats) return undefined;
    const server = new AdminServer(this.adminOptions(stats));
    this.adminAddress = await server.listen(stats.listen_addr);
    return server;
  }

  private adminOptions(stats: StatsConfig): ConstructorParameters<typeof AdminServer>[0] {
    const { loadBalancer, metrics } = this;
    return {
      routes: [
        ...consoleRoutes(this.console, stats.allow_remote),
        openApiRoute,
        ...adminRoutes({
          loadBalancer,
          metrics,
          facts: () => this.facts,
          reload: () => this.reload('api'),
          app: this.console?.app,
        }),
        ...this.packetPlane.routes,
        ...(this.options.routes ?? []),
      ],
      token: stats.token,
      allowRemote: stats.allow_remote,
      ...(this.console && { assets: this.console.assets }),
      logger: this.log,
    };
  }

  private get facts(): ProcessFacts {
    const { lastError } = this.reloader;
    return {
      version: VERSION,
      configError: lastError === null ? null : messageOf(lastError),
      descriptorsMax: descriptorLimit(),
      workers: this.workers,
    };
  }

  private get workers(): WorkersFacts {
    const { plane } = this;
    return {
      restarts: plane.restarts,
      processes: plane.workerFacts.map(({ pid, open, fds, rssBytes }) => ({
        pid,
        current_connections: open,
        fds,
        rss: rssBytes,
      })),
    };
  }
}

/** Writes what the configuration says and probably does not mean. */
export function logWarnings(log: Log, warnings: readonly ConfigProblem[]): void {
  for (const warning of warnings) log.warn(formatProblem(warning));
}

function sameAdminAddress(a: StatsConfig | undefined, b: StatsConfig | undefined): boolean {
  if (!a || !b) return a === b;
  return formatAddress(a.listen_addr) === formatAddress(b.listen_addr);
}
