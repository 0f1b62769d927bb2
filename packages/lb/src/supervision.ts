/**
 * Where a load balancer knows its servers and their health from: it looks for itself, or is told by
 * another process that looks for several.
 *
 * @module
 */
import type { Logger } from '@balancer/kit';
import type { Backend, ServerEntry } from './backend.ts';
import type { DnsResolver } from './discovery/dns.ts';
import { DiscoverySupervisor } from './discovery/supervisor.ts';
import { HealthSupervisor } from './health.ts';
import type { ServerOrders } from './server.ts';

/** Takes every server that a backend has now. */
export type SetServers = (backend: Backend, entries: readonly ServerEntry[]) => void;

export interface Supervision {
  /** Keeps the servers of these backends in step with what they ask for. */
  find(backends: Iterable<Backend>): void;
  /** Keeps the health of these backends' servers up to date. */
  watch(backends: Iterable<Backend>): void;
  /** Waits until everything was looked at once, each step for at most `timeoutMs`. */
  firstResults(timeoutMs: number): Promise<void>;
  stop(): void;
}

/** Resolves names, polls lists and checks servers from this process. */
export class OwnSupervision implements Supervision {
  private readonly discovery: DiscoverySupervisor;
  private readonly health = new HealthSupervisor();

  constructor(options: {
    readonly setServers: SetServers;
    readonly logger: Logger;
    readonly resolver: DnsResolver | undefined;
  }) {
    this.discovery = new DiscoverySupervisor({
      logger: options.logger,
      ...(options.resolver && { resolver: options.resolver }),
      onChange: options.setServers,
    });
  }

  find(backends: Iterable<Backend>): void {
    this.discovery.follow(backends);
  }

  watch(backends: Iterable<Backend>): void {
    this.health.follow(backends);
  }

  async firstResults(timeoutMs: number): Promise<void> {
    await this.discovery.firstResults(timeoutMs);
    await this.health.firstResults(timeoutMs);
  }

  stop(): void {
    this.discovery.stop();
    this.health.stop();
  }
}

/** A server as another process tells of it. */
export interface ToldServer extends ServerEntry {
  readonly orders: ServerOrders;
}

/** Does as another process says. */
export class ToldSupervision implements Supervision {
  private readonly setServers: SetServers;
  private servers: ReadonlyMap<string, readonly ToldServer[]> = new Map();

  constructor(setServers: SetServers) {
    this.setServers = setServers;
  }

  /** What the next {@link find} and {@link watch} go by: the servers of every backend, by its name. */
  tell(servers: ReadonlyMap<string, readonly ToldServer[]>): void {
    this.servers = servers;
  }

  find(backends: Iterable<Backend>): void {
    for (const backend of backends) this.setServers(backend, this.servers.get(backend.name) ?? []);
  }

  watch(backends: Iterable<Backend>): void {
    for (const backend of backends) {
      for (const { config, orders } of this.servers.get(backend.name) ?? []) {
        backend.serverAt(config.addr)?.follow(orders);
      }
    }
  }

  async firstResults(): Promise<void> {}

  stop(): void {}
}
