/**
 * Talks to the admin listener of a running load balancer.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import {
  type Address,
  BalancerError,
  type Environment,
  errnoName,
  formatAddress,
  messageOf,
  parseAddress,
} from '@balancer/kit';
import {
  type AdminState,
  loadLoadBalancerConfig,
  type ServerState,
  type Statistics,
} from '@balancer/lb';
import { UsageError } from './exit.ts';

/** What `balancer run` takes when it is given no file. */
const USUAL_FILE = 'config.toml';
/** Where the demonstration listens. */
const USUAL_URL = 'http://127.0.0.1:7000';

/** Longest wait for an answer. */
const ANSWER_MS = 10_000;

/** The listener did not answer, or refused. */
export class AdminRequestError extends BalancerError {
  override readonly name = 'AdminRequestError';
  readonly code = 'ADMIN_REQUEST';
}

/** Where the running load balancer is found. */
export interface AdminTarget {
  /** Its configuration file, which names the listener and the token; default: config.toml, if any. */
  readonly config?: string;
  /** Instead of the file's address: `host:port`, `unix:/path`, or the same with `http://`. */
  readonly url?: string;
  /** Instead of the file's token and of BALANCER_TOKEN. */
  readonly token?: string;
}

/** A server as an order names it: by the name of its section, or by its address. */
export interface ServerName {
  readonly backend: string;
  readonly server: string;
}

/** The server after an order. */
export interface OrderedServer {
  /** Its address. */
  readonly server: string;
  readonly weight: number;
  readonly state: ServerState;
}

export class AdminClient {
  private readonly address: Address;
  private readonly token: string | undefined;

  constructor(address: Address, token: string | undefined) {
    this.address = address;
    this.token = token;
  }

  /**
   * @throws {ConfigFileError} The file is needed and cannot be read.
   * @throws {UsageError} The address is none, or the file has none.
   */
  static async find(target: AdminTarget, environment: Environment): Promise<AdminClient> {
    const token = target.token ?? environment['BALANCER_TOKEN'];
    if (target.url !== undefined) return new AdminClient(addressIn(target.url), token);
    const file = target.config ?? (existsSync(USUAL_FILE) ? USUAL_FILE : undefined);
    if (file === undefined) return new AdminClient(addressIn(USUAL_URL), token);
    const { config } = await loadLoadBalancerConfig(file, environment);
    if (!config.stats) throw new UsageError(`${file} has no [stats] listener; name one with --url`);
    const { listen_addr, token: inFile } = config.stats;
    return new AdminClient(reachable(listen_addr), token ?? inFile?.reveal());
  }

  /** @throws {AdminRequestError} */
  async statistics(): Promise<Statistics> {
    return (await this.send('GET', '/stats.json')) as Statistics;
  }

  /** @throws {AdminRequestError} with the mistakes of a file that was refused. */
  async reload(): Promise<{ readonly outcome: 'applied' | 'unchanged' }> {
    return (await this.send('POST', '/reload')) as { outcome: 'applied' | 'unchanged' };
  }

  /** @throws {AdminRequestError} */
  async order(
    { backend, server }: ServerName,
    order: { readonly state: AdminState } | { readonly weight: number },
  ): Promise<OrderedServer> {
    const path = `/backends/${encodeURIComponent(backend)}/servers/${encodeURIComponent(server)}`;
    return (await this.send('PUT', path, order)) as OrderedServer;
  }

  /** Reads a document. @throws {AdminRequestError} */
  async get(path: string): Promise<unknown> {
    return this.send('GET', path);
  }

  /** Reads a text. @throws {AdminRequestError} */
  async text(path: string): Promise<string> {
    const { status, text } = await this.exchange('GET', path, undefined);
    if (status === 200) return text;
    throw new AdminRequestError(`answer ${status} from ${formatAddress(this.address)}`);
  }

  /** Gives an order. @throws {AdminRequestError} */
  async post(path: string, body: unknown): Promise<unknown> {
    return this.send('POST', path, body);
  }

  /** Makes something so. @throws {AdminRequestError} */
  async put(path: string, body: unknown): Promise<unknown> {
    return this.send('PUT', path, body);
  }

  /** Takes something away. @throws {AdminRequestError} */
  async delete(path: string): Promise<unknown> {
    return this.send('DELETE', path);
  }

  private async send(method: string, path: string, body?: unknown): Promise<unknown> {
    const { status, text } = await this.exchange(method, path, body);
    const answer = parseJson(text);
    if (status >= 200 && status < 300) return answer;
    const { error } = (answer ?? {}) as { error?: unknown };
    const reason =
      typeof error === 'string' ? error : `answer ${status} from ${formatAddress(this.address)}`;
    throw new AdminRequestError(
      status === 401 && this.token === undefined
        ? `${reason}; it comes from --config <file>, --token or BALANCER_TOKEN`
        : reason,
    );
  }

  private exchange(
    method: string,
    path: string,
    body: unknown,
  ): Promise<{ readonly status: number; readonly text: string }> {
    const { address, token } = this;
    const where =
      address.kind === 'unix'
        ? { socketPath: address.path }
        : { host: address.host, port: address.port };
    const headers = {
      accept: 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    };
    return new Promise((resolve, reject) => {
      // Each call has a connection of its own: one that is kept may be closed by the other end in the
      // moment in which it is used again, and nobody would know whether an order was followed.
      const options = { ...where, method, path, headers, timeout: ANSWER_MS, agent: false };
      const call = request(options, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        response.on('error', reject);
      });
      call.on('timeout', () => call.destroy(new Error(`no answer in ${ANSWER_MS / 1000} s`)));
      call.on('error', (error) => reject(unreachable(address, error)));
      call.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

/** @throws {UsageError} */
function addressIn(url: string): Address {
  const parsed = parseAddress(url.replace(/^http:\/\//, '').replace(/\/+$/, ''));
  if (!parsed.ok) throw new UsageError(`--url: ${parsed.message}`);
  return reachable(parsed.address);
}

/** A listener on every interface is reached on this machine. */
function reachable(address: Address): Address {
  if (address.kind === 'unix') return address;
  if (address.host === '' || address.host === '0.0.0.0') return { ...address, host: '127.0.0.1' };
  return address.host === '::' ? { ...address, host: '::1' } : address;
}

function unreachable(address: Address, error: Error): AdminRequestError {
  const why =
    errnoName(error) === 'ECONNREFUSED' || errnoName(error) === 'ENOENT'
      ? 'nothing listens there; is the load balancer running?'
      : messageOf(error);
  return new AdminRequestError(`cannot reach ${formatAddress(address)}: ${why}`, { cause: error });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
