/**
 * Calls of servers: signed, bounded in time and size, over a pool of connections per server.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { errnoName, messageOf } from '@balancer/kit';
import { Pool } from 'undici';
import { checksumOf } from '../api/checksum.ts';
import { writeForm } from '../api/request.ts';
import type { BbbConfig, ChecksumAlgorithm } from '../config/keys.ts';
import type { ServerRow } from '../store/servers.ts';
import { readAnswer, type UpstreamAnswer } from './answer.ts';

/** What calls need to know of a server. */
export type UpstreamServer = Pick<
  ServerRow,
  'id' | 'url' | 'secret' | 'checksum_algorithm' | 'tls_ca' | 'tls_verify' | 'is_online'
>;

/** Parameters in the order in which they are sent. */
export type UpstreamParameters = Iterable<readonly [string, string]>;

export type UpstreamSettings = Pick<
  BbbConfig,
  'checksum_algorithms' | 'connect_timeout' | 'response_timeout'
>;

/** Told of every call, for the metrics. */
export type UpstreamObserver = (
  event: Readonly<{ serverId: string; call: string; durationMs: number; answer: UpstreamAnswer }>,
) => void;

const ANSWER_MAX_BYTES = 64 * 2 ** 20;
const CONNECTIONS_PER_SERVER_MAX = 64;
/** Strongest first; SHA-384 is used only if it is the only one allowed. */
const PREFERRED: readonly ChecksumAlgorithm[] = ['sha512', 'sha256', 'sha1', 'sha384'];
/** Time-outs of a server that is offline, as a share of the usual ones, and their least values. */
const OFFLINE_SHARE = 0.1;
const OFFLINE_CONNECT_MIN_MS = 200;
const OFFLINE_RESPONSE_MIN_MS = 500;

/** Errors that come before a request is sent. */
const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'EPROTO',
]);

export class UpstreamClient {
  #settings: UpstreamSettings;
  readonly #observe: UpstreamObserver;
  readonly #pools = new Map<string, { readonly key: string; readonly pool: Pool }>();

  constructor(settings: UpstreamSettings, observe: UpstreamObserver = () => {}) {
    this.#settings = settings;
    this.#observe = observe;
  }

  configure(settings: UpstreamSettings): void {
    this.#settings = settings;
  }

  /** Calls a server. Never rejects. @param xml - Sent as POST if given. */
  async call(
    server: UpstreamServer,
    call: string,
    parameters: UpstreamParameters,
    xml?: Buffer,
  ): Promise<UpstreamAnswer> {
    const startMs = performance.now();
    const answer = await this.#send(server, this.#pathOf(server, call, parameters), xml);
    const durationMs = performance.now() - startMs;
    this.#observe({ serverId: server.id, call, durationMs, answer });
    return answer;
  }

  /** Reads the root of the API, which needs no checksum. Never rejects. */
  async root(server: UpstreamServer): Promise<UpstreamAnswer> {
    return this.#send(server, new URL(`${server.url.replace(/\/+$/, '')}/`));
  }

  /** Address of a call with its checksum. */
  urlOf(server: UpstreamServer, call: string, parameters: UpstreamParameters): string {
    return this.#pathOf(server, call, parameters).href;
  }

  async close(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map(async ({ pool }) => pool.destroy()));
  }

  /** Drops the connections of servers that are gone, once what is under way on them has ended. */
  keepOnly(servers: { readonly has: (serverId: string) => boolean }): void {
    for (const [id, { pool }] of this.#pools) {
      if (servers.has(id)) continue;
      this.#pools.delete(id);
      void pool.close();
    }
  }

  #pathOf(server: UpstreamServer, call: string, parameters: UpstreamParameters): URL {
    const rest = writeForm(parameters);
    const algorithm = this.#algorithmOf(server);
    const checksum = checksumOf({ call, rest, secret: server.secret }, algorithm);
    const query = rest === '' ? '' : `${rest}&`;
    return new URL(`${server.url.replace(/\/+$/, '')}/${call}?${query}checksum=${checksum}`);
  }

  #algorithmOf({ checksum_algorithm: own }: UpstreamServer): ChecksumAlgorithm {
    if (own !== null) return own as ChecksumAlgorithm;
    const { checksum_algorithms: allowed } = this.#settings;
    return PREFERRED.find((algorithm) => allowed.includes(algorithm)) ?? 'sha256';
  }

  async #send(server: UpstreamServer, url: URL, xml?: Buffer): Promise<UpstreamAnswer> {
    const { connectMs, responseMs } = this.#timeoutsOf(server);
    // Counted from here, so that waiting for a connection cannot add to it without bound.
    const signal = AbortSignal.timeout(connectMs + responseMs);
    try {
      const pool = await this.#poolOf(server, url, connectMs);
      const { body } = await pool.request({
        method: xml === undefined ? 'GET' : 'POST',
        path: `${url.pathname}${url.search}`,
        headersTimeout: responseMs,
        bodyTimeout: responseMs,
        signal,
        ...(xml && { body: xml, headers: { 'content-type': 'application/xml' } }),
      });
      return readAnswer(await readBounded(body));
    } catch (error) {
      const reason = reasonOf(error);
      return { kind: isConnectError(error) ? 'unreachable' : 'broken', reason };
    }
  }

  #timeoutsOf({ is_online }: UpstreamServer): { connectMs: number; responseMs: number } {
    const { connect_timeout: connectMs, response_timeout: responseMs } = this.#settings;
    if (is_online === 1) return { connectMs, responseMs };
    const shorter = (ms: number, least: number): number =>
      Math.min(ms, Math.max(least, ms * OFFLINE_SHARE));
    return {
      connectMs: shorter(connectMs, OFFLINE_CONNECT_MIN_MS),
      responseMs: shorter(responseMs, OFFLINE_RESPONSE_MIN_MS),
    };
  }

  /** A pool that fits what the server is configured as now. */
  async #poolOf(server: UpstreamServer, url: URL, connectMs: number): Promise<Pool> {
    const { id, tls_ca: tlsCa, tls_verify: tlsVerify } = server;
    const key = createHash('sha256')
      .update(JSON.stringify([url.origin, tlsCa, tlsVerify, connectMs]))
      .digest('hex');
    const present = this.#pools.get(id);
    if (present?.key === key) return present.pool;
    const pool = new Pool(url.origin, {
      connections: CONNECTIONS_PER_SERVER_MAX,
      connectTimeout: connectMs,
      keepAliveTimeout: 30_000,
      connect: {
        timeout: connectMs,
        rejectUnauthorized: tlsVerify === 1,
        ...(tlsCa !== null && { ca: readFileSync(tlsCa, 'utf8') }),
      },
    });
    this.#pools.set(id, { key, pool });
    // Requests on the old pool end in their own time.
    void present?.pool.close();
    return pool;
  }
}

async function readBounded(body: AsyncIterable<Buffer> & { destroy(): unknown }): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (sizeBytes > ANSWER_MAX_BYTES) throw new Error('the answer has more than 64 MiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function isConnectError(error: unknown): boolean {
  const code = errnoName(error) ?? '';
  if (UNREACHABLE.has(code) || code.startsWith('ERR_TLS_') || code.startsWith('ERR_SSL_'))
    return true;
  return TLS_CODES.test(code);
}

/** Codes of OpenSSL's certificate checks, as Node passes them on. */
const TLS_CODES = /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|ERR_CERT)/;

function reasonOf(error: unknown): string {
  const name = error instanceof Error ? error.name : '';
  if (name === 'TimeoutError' || name.includes('HeadersTimeout') || name.includes('BodyTimeout')) {
    return 'no answer in time';
  }
  const code = errnoName(error);
  return code === null ? messageOf(error).split('\n')[0]! : code;
}
