/**
 * A client of the admin listener that the page came from.
 *
 * @module
 */
import type { AdminState, ServerState, Statistics } from '@balancer/lb';

/** An answer of the listener that refuses, with its reason as the message. */
export class AdminRequestError extends Error {
  override readonly name = 'AdminRequestError';
  readonly code = 'ADMIN_REQUEST';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface AdminClientOptions {
  /** The bearer token in force; asked before each request. */
  readonly token: () => string | null;
  /** Default: the browser's. */
  readonly fetch?: typeof globalThis.fetch;
  /** An answer that takes longer is given up; default 5 s. */
  readonly timeoutMs?: number;
}

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

/** Every method rejects with {@link AdminRequestError} when refused, and as `fetch` does otherwise. */
export class AdminClient {
  private readonly token: () => string | null;
  private readonly fetch: typeof globalThis.fetch;
  private readonly timeoutMs: number;

  constructor({ token, fetch, timeoutMs = 5000 }: AdminClientOptions) {
    this.token = token;
    this.fetch = fetch ?? ((input, init) => globalThis.fetch(input, init));
    this.timeoutMs = timeoutMs;
  }

  async statistics(): Promise<StatisticsReading> {
    const response = await this.request('GET', '/stats.json');
    const date = Date.parse(response.headers.get('date') ?? '');
    return {
      statistics: (await response.json()) as Statistics,
      daemonNowMs: Number.isNaN(date) ? Date.now() : date,
    };
  }

  /** The running configuration as TOML, with every default. */
  async configuration(): Promise<string> {
    return (await this.request('GET', '/config')).text();
  }

  /** Reads the configuration file again. */
  async reload(): Promise<{ readonly outcome: 'applied' | 'unchanged' }> {
    const response = await this.request('POST', '/reload');
    return (await response.json()) as { outcome: 'applied' | 'unchanged' };
  }

  async setState(name: ServerName, state: AdminState): Promise<OrderedServer> {
    const response = await this.request('PUT', pathOf(name), { state });
    return (await response.json()) as OrderedServer;
  }

  /** @param weight - 0 to 65535. */
  async setWeight(name: ServerName, weight: number): Promise<OrderedServer> {
    const response = await this.request('PUT', pathOf(name), { weight });
    return (await response.json()) as OrderedServer;
  }

  /** Resets the server's connections. @returns How many there were. */
  async closeConnections(name: ServerName): Promise<number> {
    const response = await this.request('POST', `${pathOf(name)}/close`);
    return ((await response.json()) as { closing: number }).closing;
  }

  private async request(method: string, path: string, body?: unknown): Promise<Response> {
    const token = this.token();
    const response = await this.fetch(path, {
      method,
      headers: {
        accept: 'application/json, */*;q=0.5',
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(this.timeoutMs),
    });
    if (!response.ok) throw new AdminRequestError(response.status, await reasonOf(response));
    return response;
  }
}

function pathOf({ backend, server }: ServerName): string {
  return `/backends/${encodeURIComponent(backend)}/servers/${encodeURIComponent(server)}`;
}

/** The listener answers `{"error": reason}`; anything else on its address may not. */
async function reasonOf(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    if (typeof error === 'string') return error;
  } catch {
    // Not from the listener: the status has to do.
  }
  return `answer ${response.status} ${response.statusText}`.trimEnd();
}
