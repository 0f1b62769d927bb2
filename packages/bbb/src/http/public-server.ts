/**
 * The public listener: reads requests whole within limits of size and time, and answers them.
 *
 * @module
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TLSSocket } from 'node:tls';
import { pipeline } from 'node:stream/promises';
import { type CidrMatcher, createCidrMatcher, errnoName, messageOf, unmapIp } from '@balancer/kit';
import { type ApiAnswer, emptyAnswer, failed } from '../api/answer.ts';
import type { Api } from '../api/api.ts';
import { contentKind } from '../api/body.ts';
import { type ApiRequest, headerOf } from '../api/request.ts';
import { handleScalelite, SCALELITE_PREFIX } from '../api/scalelite.ts';
import { readCertificate } from '../config/certificate.ts';
import type { BbbConfig } from '../config/keys.ts';
import { answerDialIn } from '../dial-in/fsapi.ts';
import type { GatewayContext } from '../context.ts';
import { answerPlayback, type PlaybackAnswer } from '../playback/playback.ts';
import type { GatewayMetrics } from './metrics.ts';

/** An answer and what the log says about it. */
interface Handled {
  readonly answer: PlaybackAnswer;
  readonly call: string;
  readonly tenant: string;
}

const HEADERS_TIMEOUT_MS = 20_000;
const REQUEST_TIMEOUT_MS = 60_000;
/** Room for headers beside the longest query. */
const HEADERS_MAX_BYTES = 32 * 1024;

export interface PublicServerParts {
  readonly context: GatewayContext;
  readonly api: Api;
  readonly metrics: GatewayMetrics;
}

export class PublicServer {
  readonly #parts: PublicServerParts;
  readonly #server: Server | TlsServer;
  #isTrustedProxy: CidrMatcher;
  #openCount = 0;
  #onIdle: (() => void) | null = null;

  constructor(parts: PublicServerParts) {
    this.#parts = parts;
    const config = parts.context.config();
    this.#isTrustedProxy = createCidrMatcher(config.trusted_proxies);
    const options = {
      maxHeaderSize: config.query_max_bytes + HEADERS_MAX_BYTES,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
    };
    const serve = (request: IncomingMessage, response: ServerResponse): void => {
      this.#openCount++;
      this.#serve(request, response)
        .catch((error: unknown) => {
          parts.context.logger.error('a request failed', { error: messageOf(error) });
          if (!response.headersSent)
            sendText(response, { ...failed('internalError'), status: 500 }, false);
          else response.destroy();
        })
        .finally(() => {
          if (--this.#openCount === 0) this.#onIdle?.();
        });
    };
    const certificate = readCertificate(config);
    this.#server =
      certificate === null
        ? createServer(options, serve)
        : createTlsServer({ ...options, ...certificate }, serve);
  }

  /** Takes over the configuration as it is now: proxies that are trusted, and a renewed certificate. */
  configure(): void {
    const config = this.#parts.context.config();
    this.#isTrustedProxy = createCidrMatcher(config.trusted_proxies);
    const certificate = readCertificate(config);
    if (certificate !== null && this.#server instanceof TlsServer) {
      this.#server.setSecureContext(certificate);
    }
  }

  /** Binds the configured address. @returns The port, of the system's choice if it was 0. */
  async listen(): Promise<number> {
    const { bind, port } = this.#parts.context.config();
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, bind, resolve);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  /** Stops accepting; resolves when the requests at hand are answered. */
  async drain(): Promise<void> {
    this.#server.close();
    this.#server.closeIdleConnections();
    if (this.#openCount > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
  }

  /** Closes what is left. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const startMs = performance.now();
    const config = this.#parts.context.config();
    const { path, rawQuery } = splitTarget(incoming.url ?? '/');
    const isHead = incoming.method === 'HEAD';
    if (path === '/' || path === '/health_check') {
      return sendText(response, await this.#health(incoming.method ?? ''), isHead);
    }
    const body =
      rawQuery.length > config.query_max_bytes
        ? null
        : await readBody(incoming, limitOf(incoming, path, config));
    if (body === null) {
      response.shouldKeepAlive = false;
      return sendText(response, emptyAnswer(413), isHead);
    }
    const request = { ...this.#peerOf(incoming), path, rawQuery, body };
    const handled = await this.#handle(request);
    await send(response, handled.answer, isHead);
    this.#note(handled, performance.now() - startMs);
  }

  async #handle(request: ApiRequest): Promise<Handled> {
    const { context, api } = this.#parts;
    if (context.config().scalelite_api && request.path.startsWith(SCALELITE_PREFIX)) {
      return { answer: await handleScalelite(context, request), call: 'scalelite', tenant: '' };
    }
    if (request.path === '/fsapi' && request.method === 'POST') {
      return { answer: await answerDialIn(context, request), call: 'fsapi', tenant: '' };
    }
    const playback = await answerPlayback(context, request);
    if (playback !== null) return { answer: playback, call: 'playback', tenant: '' };
    const unknown = { answer: failed('unsupportedRequest'), call: 'unknown', tenant: '' };
    return (await api.handle(request)) ?? unknown;
  }

  /** Headers of a proxy count only if the proxy is one that the operator trusts. */
  #peerOf(incoming: IncomingMessage): Omit<ApiRequest, 'path' | 'rawQuery' | 'body'> {
    const { headers, method = '' } = incoming;
    const peer = unmapIp(incoming.socket.remoteAddress ?? '');
    const isTrusted = this.#isTrustedProxy(peer);
    const forwarded = (name: string): string =>
      isTrusted ? (headerOf({ headers }, name).split(',')[0] ?? '').trim() : '';
    const authority = forwarded('x-forwarded-host') || headerOf({ headers }, 'host');
    const isEncrypted =
      incoming.socket instanceof TLSSocket || forwarded('x-forwarded-proto') === 'https';
    const scheme = isEncrypted ? 'https' : 'http';
    const { public_url: publicUrl } = this.#parts.context.config();
    return {
      method,
      headers,
      host: authority.replace(/:\d+$/, '').toLowerCase(),
      origin: publicUrl || `${scheme}://${authority}`,
      remoteAddress: forwarded('x-forwarded-for') || peer,
    };
  }

  async #health(method: string): Promise<ApiAnswer> {
    if (method !== 'GET' && method !== 'HEAD') return failed('unsupportedRequest');
    const headers = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' };
    const { store, config } = this.#parts.context;
    try {
      await store.ping();
      return { ...emptyAnswer(200, headers), body: 'success' };
    } catch {
      const status = config().health_always_200 ? 200 : 503;
      return { ...emptyAnswer(status, headers), body: 'Health Check Failure: storage' };
    }
  }

  /** No parameter is logged: every one of them may be a secret or a name. */
  #note({ answer, call, tenant }: Handled, durationMs: number): void {
    const { metrics, context } = this.#parts;
    metrics.apiCall({ call, result: answer.result, durationMs });
    context.logger.info('call', {
      call,
      result: answer.result,
      ms: Math.round(durationMs),
      ...(tenant !== '' && { tenant }),
      ...(answer.serverId !== undefined && { server: answer.serverId }),
    });
  }
}

/** Path with repeated slashes collapsed, and the query as it came. */
function splitTarget(target: string): { path: string; rawQuery: string } {
  const mark = target.indexOf('?');
  const path = (mark < 0 ? target : target.slice(0, mark)).replaceAll(/\/{2,}/g, '/');
  return { path, rawQuery: mark < 0 ? '' : target.slice(mark + 1) };
}

/** Room for the other fields of an upload. */
const TRACK_FIELDS_MAX_BYTES = 64 * 1024;

function limitOf({ headers }: IncomingMessage, path: string, config: BbbConfig): number {
  const kind = contentKind(headers['content-type'] ?? '');
  if (kind === 'multipart' && /\/putRecordingTextTrack\/?$/.test(path)) {
    return config.track_max_bytes + TRACK_FIELDS_MAX_BYTES;
  }
  return kind === 'xml' ? config.xml_max_bytes : config.form_max_bytes;
}

/** The body; null if it is larger than the limit. */
async function readBody(incoming: IncomingMessage, maxBytes: number): Promise<Buffer | null> {
  if (Number(incoming.headers['content-length'] ?? 0) > maxBytes) return null;
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function send(
  response: ServerResponse,
  answer: PlaybackAnswer,
  isHead: boolean,
): Promise<void> {
  if ('body' in answer) return sendText(response, answer, isHead);
  const { status, headers, content } = answer;
  const length = content === null ? 0 : content.lastByte - content.firstByte + 1;
  try {
    // A 304 speaks of a file whose length it does not say.
    const lengthHeader = status === 304 ? {} : { 'content-length': length };
    response.writeHead(status, { ...headers, ...lengthHeader });
    if (content === null || isHead || length === 0) {
      response.end();
      return;
    }
    const { file, firstByte, lastByte } = content;
    await pipeline(
      file.createReadStream({ start: firstByte, end: lastByte, autoClose: false }),
      response,
    );
  } catch (error) {
    // The client has gone; nobody is left to be told.
    if (errnoName(error) !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  } finally {
    await content?.file.close();
  }
}

function sendText(
  response: ServerResponse,
  { status, headers, body }: ApiAnswer,
  isHead: boolean,
): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(isHead ? undefined : body);
}
