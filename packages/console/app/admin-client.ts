/**
 * A client of the admin listener that the page came from.
 *
 * @module
 */
import type { AdminState, ServerState, Statistics } from '@balancer/lb';
import { type AdminClientOptions, AdminTransport } from './admin-transport.ts';

/** What was read, and when it was true on the daemon's own clock. */
export interface StatisticsReading {
  readonly statistics: Statistics;
  /** Milliseconds since 1970 by the clock of the daemon's machine; whole seconds. */
  readonly daemonNowMs: number;
}

/** A server as an order names it. */
export interface ServerName {
  readonly backend: string;
  readonly server: string;
}

/** The server after an order. */
export interface OrderedServer {
  readonly server: string;
  readonly weight: number;
  readonly state: ServerState;
}

/** Every method rejects with `AdminRequestError` when refused, and as `fetch` does otherwise. */
export class AdminClient {
  private readonly transport: AdminTransport;

  constructor(options: AdminClientOptions) {
    this.transport = new AdminTransport(options);
  }

  async statistics(): Promise<StatisticsReading> {
    const response = await this.transport.request('GET', '/stats.json');
    const date = Date.parse(response.headers.get('date') ?? '');
    return {
      statistics: (await response.json()) as Statistics,
      daemonNowMs: Number.isNaN(date) ? Date.now() : date,
    };
  }

  /** The running configuration as TOML, with every default. */
  async configuration(): Promise<string> {
    return (await this.transport.request('GET', '/config')).text();
  }

  /** Reads the configuration file again. */
  async reload(): Promise<{ readonly outcome: 'applied' | 'unchanged' }> {
    const response = await this.transport.request('POST', '/reload');
    return (await response.json()) as { outcome: 'applied' | 'unchanged' };
  }

  async setState(name: ServerName, state: AdminState): Promise<OrderedServer> {
    const response = await this.transport.request('PUT', pathOf(name), { state });
    return (await response.json()) as OrderedServer;
  }

  /** @param weight - 0 to 65535. */
  async setWeight(name: ServerName, weight: number): Promise<OrderedServer> {
    const response = await this.transport.request('PUT', pathOf(name), { weight });
    return (await response.json()) as OrderedServer;
  }

  /** Resets the server's connections. @returns How many there were. */
  async closeConnections(name: ServerName): Promise<number> {
    const response = await this.transport.request('POST', `${pathOf(name)}/close`);
    return ((await response.json()) as { closing: number }).closing;
  }
}

function pathOf({ backend, server }: ServerName): string {
  return `/backends/${encodeURIComponent(backend)}/servers/${encodeURIComponent(server)}`;
}
