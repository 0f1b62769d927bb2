/**
 * A backend while it runs: its servers, and the choice among them for every connection. The object
 * lives across reloads, and so do its servers as long as their addresses stay.
 *
 * @module
 */
import { type Address, formatAddress } from '@balancer/kit';
import { Balancer } from '@balancer/select';
import type { BackendConfig, ServerConfig } from './config/types.ts';
import { BackendCounters } from './counters.ts';
import { policyOf } from './policy.ts';
import { Server, type ServerChange } from './server.ts';

/** What a change of servers did. */
export interface ServersChanged {
  readonly added: readonly Server[];
  readonly removed: readonly Server[];
}

/** A server as the file or a discovery gives it. */
export interface ServerEntry {
  readonly name: string;
  readonly config: ServerConfig;
}

export class Backend {
  readonly name: string;
  readonly counters: BackendCounters = new BackendCounters();
  private currentConfig: BackendConfig;
  private readonly zone: string;
  private readonly onServerChange: (server: Server, change: ServerChange) => void;
  private byAddress = new Map<string, Server>();
  private balancer: Balancer;

  constructor(options: {
    readonly name: string;
    readonly config: BackendConfig;
    /** Zone of this process; `''` for none. */
    readonly zone: string;
    readonly onServerChange: (server: Server, change: ServerChange) => void;
  }) {
    this.name = options.name;
    this.currentConfig = options.config;
    this.zone = options.zone;
    this.onServerChange = options.onServerChange;
    this.balancer = this.createBalancer();
  }

  get config(): BackendConfig {
    return this.currentConfig;
  }

  /** In the order of the file. */
  get servers(): readonly Server[] {
    return [...this.byAddress.values()];
  }

  /** Does any server take new connections? */
  get usable(): boolean {
    for (const server of this.byAddress.values()) if (server.usable) return true;
    return false;
  }

  /** Is this one of the servers, and not one that a reload removed? */
  holds(server: Server): boolean {
    return this.byAddress.get(server.address) === server;
  }

  serverAt(address: Address): Server | undefined {
    return this.byAddress.get(formatAddress(address));
  }

  serverNamed(name: string): Server | undefined {
    return this.servers.find((server) => server.name === name || server.address === name);
  }

  /**
   * Chooses a server.
   *
   * @param key - The client, for keyed policies and sticky clients.
   * @param tried - Nodes of servers that failed this connection already.
   * @returns `undefined` when no server can take a connection now.
   */
  pick(key: string, tried: ReadonlySet<Server['node']> | undefined): Server | undefined {
    const node = tried ? this.balancer.nextExcept(key, tried) : this.balancer.next(key);
    return (node as Server['node'] | null)?.data;
  }

  /** Takes over a reloaded configuration; servers whose address stays keep everything. */
  update(config: BackendConfig): void {
    const before = this.currentConfig;
    this.currentConfig = config;
    if (needsNewBalancer(before, config)) {
      this.renewBalancer();
    } else {
      if (changesPolicy(before, config)) this.balancer.policy = policyOf(config);
    }
  }

  /**
   * Replaces the servers; those whose address stays keep everything.
   *
   * @param entries - Every server of the backend, named in the file or discovered.
   */
  setServers(entries: readonly ServerEntry[]): ServersChanged {
    const isFirst = this.byAddress.size === 0;
    const changed = this.replaceServers(entries);
    if (isFirst) {
      // Servers that are there from the start have no slow start to make.
      this.renewBalancer();
    } else {
      this.balancer.set(this.servers.map((server) => server.node));
    }
    return changed;
  }

  /** Share of traffic that a server gets now, slow start included. Allocates. */
  effectiveWeights(): ReadonlyMap<string, number> {
    const { nodes } = this.balancer.stats();
    return new Map(nodes.map(({ id, effectiveWeight }) => [id, effectiveWeight]));
  }

  destroy(): void {
    this.balancer.destroy();
  }

  private replaceServers(entries: readonly ServerEntry[]): ServersChanged {
    const next = new Map<string, Server>();
    const added: Server[] = [];
    for (const { name, config } of entries) {
      const address = formatAddress(config.addr);
      // The file comes before what was discovered.
      if (next.has(address)) continue;
      const kept = this.byAddress.get(address);
      const server = kept ?? this.createServer(name, config);
      if (kept) kept.update(name, config);
      else added.push(server);
      next.set(address, server);
    }
    const removed = [...this.byAddress.values()].filter((server) => !next.has(server.address));
    this.byAddress = next;
    return { added, removed };
  }

  private createServer(name: string, config: ServerConfig): Server {
    return new Server({
      backendName: this.name,
      name,
      config,
      checked: this.currentConfig.health_check_interval > 0,
      onChange: this.onServerChange,
    });
  }

  private renewBalancer(): void {
    this.balancer.destroy();
    this.balancer = this.createBalancer();
    // Ejections ended with the balancer that would have ended them.
    for (const server of this.servers) if (server.ownEjectedUntil) server.eject(undefined);
  }

  private createBalancer(): Balancer {
    const { panic_threshold, slow_start, outlier } = this.currentConfig;
    const balancer = new Balancer({
      name: this.name,
      policy: policyOf(this.currentConfig),
      nodes: this.servers.map((server) => server.node),
      panicThreshold: panic_threshold,
      ...(slow_start > 0 && { slowStart: { windowMs: slow_start } }),
      ...(this.zone !== '' && { zone: this.zone }),
      ...(outlier && {
        outlier: {
          consecutiveFailures: outlier.consecutive_failures,
          baseEjectionMs: outlier.base_ejection,
          maxEjectionMs: outlier.max_ejection,
          maxEjectionPercent: outlier.max_ejection_percent,
        },
      }),
    });
    balancer.on('eject', (node, _reason, ms) => {
      this.byAddress.get(node.id)?.eject(new Date(Date.now() + ms));
    });
    balancer.on('uneject', (node) => this.byAddress.get(node.id)?.eject(undefined));
    return balancer;
  }
}

function changesPolicy(a: BackendConfig, b: BackendConfig): boolean {
  return a.balance !== b.balance || !sameValue(a.sticky, b.sticky);
}

/** Settings that a balancer takes at construction only. */
function needsNewBalancer(a: BackendConfig, b: BackendConfig): boolean {
  return (
    a.panic_threshold !== b.panic_threshold ||
    a.slow_start !== b.slow_start ||
    !sameValue(a.outlier, b.outlier)
  );
}

/** Equality of plain tables. */
function sameValue(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
