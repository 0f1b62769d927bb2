/**
 * The packet plane as the load balancer's core sees it: serves frontends whose packets the kernel
 * forwards. What the core wants becomes services; the engine in its thread makes the kernel follow.
 *
 * @module
 */
import { type Logger, messageOf } from '@balancer/kit';
import type {
  Backend,
  CloseOptions,
  DataPlane,
  DesiredConfig,
  DesiredState,
  DrainResult,
  FrontendConfig,
  L4Config,
  Mode,
  PreparedChange,
  Server,
} from '@balancer/lb';
import {
  type DesiredPlane,
  formatEndpoint,
  type PlaneSettings,
  type ServiceSpec,
} from './desired.ts';
import type { Engine, EngineOptions, OpenReport } from './engine.ts';
import { EngineThread } from './engine-thread.ts';
import { PlaneError } from './errors.ts';
import type { FlowFilter, FlowView } from './flows.ts';
import {
  engineOptions,
  serviceKeysOf,
  servicesInFile,
  servicesOf,
  settingsOf,
  tryPlainIp,
} from './from-config.ts';
import type { Finding } from './host-checks.ts';
import { backendKey } from './ids.ts';
import type { FlowPlace } from './lookup.ts';
import { Rates } from './rates.ts';
import { type Services, ServiceTable } from './service-table.ts';
import type { BackendCounts, PlaneSnapshot, TrafficCounts } from './statistics.ts';
import { ZeroBase } from './zero-base.ts';

export interface L4PlaneOptions {
  readonly logger: Logger;
}

const FORWARD_MODES = ['fnat', 'nat', 'dr', 'tunnel', 'dr-ip'] as const;

/** Time between two looks at the counters, for rates. */
const SAMPLE_MS = 1000;

export class L4Plane implements DataPlane {
  readonly modes: ReadonlySet<Mode> = new Set<Mode>([
    'nat',
    'fnat',
    'dr',
    'dr-ip',
    'tunnel',
    'passthrough',
  ]);
  /** Packets and bytes per second. */
  readonly rates: Rates = new Rates();
  private readonly logger: Logger;
  private readonly table = new ServiceTable();
  private thread: EngineThread | undefined;
  private config: L4Config | undefined;
  private openOptions: EngineOptions | undefined;
  private opened: OpenReport | undefined;
  private desired: DesiredState | undefined;
  private latest: PlaneSnapshot | undefined;
  private sampling: NodeJS.Timeout | undefined;
  /** The change that is under way; the next one waits for it and takes everything since along. */
  private applying: Promise<void> | undefined;
  private isStale = false;
  /** Time-outs that were ordered, over those of the file. */
  private timeoutOrders: Partial<PlaneSettings['timeouts']> = {};
  private readonly zero = new ZeroBase();
  /** Why the kernel does not follow; `undefined` when it does. */
  private failure: Error | undefined;

  constructor({ logger }: L4PlaneOptions) {
    this.logger = logger;
  }

  /** Whether the kernel forwards for this process. */
  get isOpen(): boolean {
    return this.thread !== undefined;
  }

  /** Settings in force; `undefined` while there are none. */
  get settings(): L4Config | undefined {
    return this.config;
  }

  /** Services in force, orders included. */
  get services(): Services {
    return this.table.effective();
  }

  /** Counters as of the last look. */
  get snapshot(): PlaneSnapshot | undefined {
    return this.latest;
  }

  async prepare({ frontends, backends, l4 }: DesiredConfig): Promise<PreparedChange> {
    if (!l4) {
      return { commit: (desired) => this.withoutPlane(desired), abort: () => {} };
    }
    const wasOpen = this.isOpen;
    await this.open(l4, frontends);
    try {
      const services = servicesInFile(frontends.values(), backends);
      await this.engine.call('check', { settings: settingsOf(l4), services });
    } catch (error) {
      if (!wasOpen) await this.close();
      throw error;
    }
    return {
      commit: (desired) => {
        this.config = l4;
        this.commit(desired);
      },
      abort: () => {
        if (!wasOpen) void this.close();
      },
    };
  }

  serverChanged(_server: Server): void {
    this.follow();
  }

  serversChanged(_backend: Backend): void {
    this.follow();
  }

  async collect(): Promise<void> {
    if (!this.thread || !this.opened) return;
    this.latest = await this.thread.call('snapshot');
    this.spreadCounters(this.latest);
  }

  closeConnections(server: Server, _options: CloseOptions): number {
    if (this.desired?.frontends.size) {
      this.logger.warn('connections of the packet plane cannot be closed; they end by themselves', {
        server: server.address,
      });
    }
    return 0;
  }

  /** The kernel goes on forwarding, unless the file says otherwise. */
  async drain(_cut: AbortSignal): Promise<DrainResult> {
    await this.close();
    return { cut: 0 };
  }

  /** Resolves when the kernel follows everything that was wanted until now. */
  async settled(): Promise<void> {
    // oxlint-disable-next-line no-await-in-loop -- a change may follow the one that was waited for
    while (this.applying) await this.applying;
    if (this.isOpen && !this.sampling && this.failure) throw this.failure;
  }

  /** Flows that pass a filter. */
  async flows(filter: FlowFilter): Promise<FlowView[]> {
    return this.engine.call('flows', filter);
  }

  /**
   * Replaces the services by what orders made of them, wholly or not at all.
   *
   * @throws {PlaneError} when they do not fit.
   */
  async order(next: Services): Promise<void> {
    const wanted = this.wantedPlane([...next.values()]);
    await this.engine.call('check', wanted);
    this.table.order(next);
    this.follow();
    await this.settled();
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
    this.follow();
    await this.settled();
  }

  /** Lets `sinceZero` count from now on. @param key - One service; all by default. */
  async zeroCounters(key?: string): Promise<void> {
    await this.collect();
    if (this.latest) this.zero.set(this.latest, key);
  }

  /** The counters since they were last set to 0. */
  sinceZero(snapshot: PlaneSnapshot): PlaneSnapshot {
    return this.zero.subtract(snapshot);
  }

  /** Lets go, so that another process can take over; the kernel goes on forwarding. */
  async release(): Promise<void> {
    await this.end('close');
  }

  /** Takes over again after a `release`. */
  async resume(): Promise<void> {
    if (!this.config || !this.desired || this.isOpen) return;
    await this.open(this.config, configsOf(this.desired));
    this.commit(this.desired);
  }

  private get engine(): EngineThread {
    if (!this.thread) throw new PlaneError('the packet plane is not running: the file has no [l4]');
    return this.thread;
  }

  private async open(l4: L4Config, frontends: ReadonlyMap<string, FrontendConfig>): Promise<void> {
    const options = engineOptions(l4, frontends);
    if (this.thread) {
      refuseMove(this.openOptions!, options);
      return;
    }
    const thread = new EngineThread({
      onFinding: (finding) => this.logger.warn('packet plane mended', { finding }),
      onFailure: (reason) =>
        this.logger.error('packet plane: the look once a second failed', { reason }),
    });
    this.thread = thread;
    try {
      this.opened = await thread.call('open', options);
      this.openOptions = options;
    } catch (error) {
      this.thread = undefined;
      await thread.terminate();
      throw error;
    }
  }

  private commit(desired: DesiredState): void {
    this.desired = desired;
    this.timeoutOrders = {};
    this.table.load(servicesOf(desired.frontends.values()));
    this.listen(desired);
    this.follow();
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

  /** Makes the kernel follow, soon and once for all changes that come together. */
  private follow(): void {
    if (!this.thread || !this.desired) return;
    this.isStale = true;
    this.applying ??= this.applyWhileStale().finally(() => {
      this.applying = undefined;
    });
  }

  private async applyWhileStale(): Promise<void> {
    await Promise.resolve();
    while (this.isStale && this.thread && this.desired) {
      this.isStale = false;
      this.table.refresh(servicesOf(this.desired.frontends.values()));
      try {
        // oxlint-disable-next-line no-await-in-loop -- one change after the other
        await this.thread.call('apply', this.wantedPlane([...this.services.values()]));
        // oxlint-disable-next-line no-await-in-loop -- only once, after the first change
        await this.attachOnce();
        this.failure = undefined;
      } catch (error) {
        this.failure = error instanceof Error ? error : new Error(String(error));
        this.logger.error('packet plane: a change could not be made', { reason: messageOf(error) });
      }
    }
  }

  /** Programs see packets only after the maps know what to do with them. */
  private async attachOnce(): Promise<void> {
    if (this.sampling || !this.thread || !this.opened) return;
    await this.thread.call('attach');
    for (const { level, what, mend } of await this.thread.call('inspect')) {
      if (level !== 'hint') this.logger.warn(`packet plane: ${what}`, { mend });
    }
    this.sampling = setInterval(() => void this.sample(), SAMPLE_MS).unref();
    const { hook, unwatchedS } = this.opened;
    this.logger.info('packet plane attached', {
      interfaces: this.config?.interfaces,
      hook: hook.hook,
      reason: hook.reason,
      ...(unwatchedS !== undefined && { unwatched_s: unwatchedS }),
    });
  }

  private async sample(): Promise<void> {
    try {
      await this.collect();
      if (this.latest) this.rates.add(this.latest);
    } catch (error) {
      if (this.isOpen) this.logger.error('packet plane: no counters', { reason: messageOf(error) });
    }
  }

  private wantedPlane(services: readonly ServiceSpec[]): DesiredPlane {
    return { settings: this.settingsInForce, services };
  }

  private get settingsInForce(): PlaneSettings {
    if (!this.config || !this.desired) throw new PlaneError('the packet plane is not running');
    const settings = settingsOf(this.config);
    return { ...settings, timeouts: { ...settings.timeouts, ...this.timeoutOrders } };
  }

  /** Frontends and servers show what their services and backends counted. */
  private spreadCounters(snapshot: PlaneSnapshot): void {
    const frontends = this.desired?.frontends.values() ?? [];
    const byServer = new Map<Server, TrafficTotal>();
    for (const frontend of frontends) {
      const total = new TrafficTotal();
      for (const key of serviceKeysOf(frontend.config)) {
        const id = snapshot.numbers.services.get(key);
        if (id === undefined) continue;
        total.addService(snapshot.services.get(id));
        for (const server of frontend.backend?.servers ?? []) {
          const counted = countsOf(snapshot, id, server);
          const own = byServer.get(server) ?? new TrafficTotal();
          byServer.set(server, own);
          own.addBackend(counted, frontend.config.protocol === 'udp');
          total.current += openOf(counted, frontend.config.protocol === 'udp');
        }
      }
      frontend.counters.observe(total);
    }
    for (const [server, total] of byServer) server.counters.observe(total);
  }

  private async close(): Promise<void> {
    await this.end(this.config?.detach_on_exit === true ? 'detach' : 'close');
  }

  private async end(how: 'close' | 'detach'): Promise<void> {
    await this.applying;
    clearInterval(this.sampling);
    this.sampling = undefined;
    const { thread } = this;
    this.thread = undefined;
    this.opened = undefined;
    if (!thread) return;
    try {
      await thread.call(how);
    } finally {
      await thread.terminate();
    }
  }
}

/** Sums over the services of a frontend, or over the backends of a server. */
class TrafficTotal {
  total = 0;
  current = 0;
  bytesTx = 0;
  bytesRx = 0;

  addService(counts: TrafficCounts | undefined): void {
    this.total += counts?.conns ?? 0;
    this.bytesTx += counts?.inBytes ?? 0;
    this.bytesRx += counts?.outBytes ?? 0;
  }

  addBackend(counts: BackendCounts | undefined, isUdp: boolean): void {
    this.addService(counts);
    this.current += openOf(counts, isUdp);
  }
}

/** Connections that are open: established ones; UDP has no such state. */
function openOf(counts: BackendCounts | undefined, isUdp: boolean): number {
  return (isUdp ? counts?.inactive : counts?.active) ?? 0;
}

/** What the backends of a service counted that stand for a server. */
function countsOf(
  { numbers, backends }: PlaneSnapshot,
  service: number,
  { endpoint }: Server,
): BackendCounts | undefined {
  if (endpoint.kind !== 'inet') return undefined;
  const address = tryPlainIp(endpoint.host);
  for (const mode of FORWARD_MODES) {
    for (const port of [endpoint.port, 0]) {
      const slot = numbers.backends.get(backendKey({ service, address, port, mode }));
      if (slot !== undefined) return backends.get(slot);
    }
  }
  return undefined;
}

function configsOf({ frontends }: DesiredState): Map<string, FrontendConfig> {
  return new Map([...frontends].map(([name, { config }]) => [name, config]));
}

/** Where the plane is and how large its maps are cannot change under flows. */
function refuseMove(now: EngineOptions, next: EngineOptions): void {
  const moved = (['pinPath', 'hook', 'interfaces', 'sizes'] as const).find(
    (key) => JSON.stringify(now[key]) !== JSON.stringify(next[key]),
  );
  if (moved === undefined) return;
  const keys = {
    pinPath: 'l4.pin_path',
    hook: 'l4.hook',
    interfaces: 'l4.interfaces',
    sizes: 'l4.limits or l4.conntrack',
  };
  throw new PlaneError(
    `${keys[moved]} cannot change while the plane runs; restart the process (packets are forwarded meanwhile)`,
  );
}
