/**
 * gRPC clients over a balancer: one client per node, and a node picked for each call rather than
 * for each connection, which a single client would keep for as long as it lives.
 *
 * Made for `@grpc/grpc-js`, of which nothing is imported: whoever makes the clients has it.
 *
 * @module
 */
import { EventEmitter } from 'node:events';
import type { Balancer } from '../balancer.ts';
import { checkNumber, ConfigError, NoNodeError } from '../errors.ts';
import type { Lease } from '../lease.ts';
import type { NodeLike } from '../node.ts';
import type { Key } from '../policy.ts';
import { endAborted } from './aborted.ts';
import { Attempts } from './attempts.ts';
import { ClosedError } from './closed-error.ts';

export { ClosedError } from './closed-error.ts';

/** What is needed of a client. */
export interface GrpcClient {
  close(): void;
}

/** What a unary method of a client returns. */
export interface GrpcCall {
  cancel(): void;
}

/** What a streaming method of a client returns. */
export interface GrpcStream {
  on(event: string | symbol, listener: (status: { code: number }) => void): unknown;
}

/** What a unary method of a client calls back; its errors carry the status. */
export type GrpcCallback<T> = (error: (Error & { code: number }) | null, value?: T) => void;

export interface GrpcOptions {
  /** How many further nodes may be tried when one is unavailable, default 0. */
  retries?: number;
}

export interface GrpcCallOptions {
  /** What keyed policies map to a node. */
  key?: Key;
}

export interface GrpcUnaryOptions extends GrpcCallOptions {
  /** In place of the `retries` of all calls. */
  retries?: number;
  /** Cancels the call. */
  signal?: AbortSignal;
}

/** Codes of gRPC statuses that are told apart here. */
const STATUS = { ok: 0, cancelled: 1, deadlineExceeded: 4, unavailable: 14 } as const;

/**
 * Keeps one client per node of a balancer, made at the first call and closed when the node leaves.
 *
 * A call that ends as UNAVAILABLE or DEADLINE_EXCEEDED is a failure of its node, CANCELLED neither a
 * failure nor a success, and any other status an answer, which is a success.
 *
 * @param make - Makes the client of a node, such as `(id) => new EchoClient(id, credentials)`.
 * @throws {ConfigError} For an option out of range.
 */
export function grpcClients<C extends GrpcClient, N extends NodeLike>(
  balancer: Balancer<N>,
  make: (id: string) => C,
  options: GrpcOptions = {},
): GrpcClients<C> {
  return new GrpcClients(balancer, make, options);
}

export class GrpcClients<C extends GrpcClient> {
  readonly #balancer: Balancer<NodeLike>;
  readonly #make: (id: string) => C;
  readonly #retries: number;
  readonly #clients = new Map<string, C>();
  readonly #onRemove: (node: NodeLike) => void;
  #isClosed = false;

  constructor(balancer: Balancer<NodeLike>, make: (id: string) => C, options: GrpcOptions) {
    if (typeof make !== 'function') {
      throw new ConfigError('grpcClients.make', 'must be a function from node id to client');
    }
    this.#balancer = balancer;
    this.#make = make;
    this.#retries = checkNumber('grpcClients.retries', options.retries ?? 0, {
      min: 0,
      integer: true,
    });
    this.#onRemove = (node) => this.#closeClient(node.id);
    balancer.on('remove', this.#onRemove);
  }

  /**
   * Makes a unary call. Another node is tried, within `retries`, after UNAVAILABLE only.
   *
   * @param start - Calls a method of the client with the callback, and returns the call.
   * @throws The status as the client reports it, `AllAttemptsFailedError` when retries were allowed and
   *   none helped, `NoNodeError`, `ClosedError`, the reason of `signal`, or what `start` throws.
   */
  async unary<T>(
    start: (client: C, callback: GrpcCallback<T>) => GrpcCall,
    options: GrpcUnaryOptions = {},
  ): Promise<T> {
    const { key, retries = this.#retries, signal } = options;
    checkNumber('unary.retries', retries, { min: 0, integer: true });
    this.#checkOpen();
    signal?.throwIfAborted();
    const attempts = new Attempts(this.#balancer, { key, retries });
    for (let lease = attempts.next(); lease !== null; lease = attempts.next()) {
      try {
        return await this.#attempt(lease, start, signal);
      } catch (error) {
        signal?.throwIfAborted();
        if ((error as { code?: unknown }).code !== STATUS.unavailable) throw error;
        attempts.failed(error);
      }
    }
    throw attempts.failure();
  }

  /**
   * Starts a call that streams in either direction, or both. Its job lasts until its status arrives. It
   * is never tried again, because what has passed through it cannot be known here.
   *
   * @param start - Calls a method of the client and returns the stream.
   * @throws {NoNodeError | ClosedError} Or what `start` throws.
   */
  stream<S extends GrpcStream>(start: (client: C) => S, options: GrpcCallOptions = {}): S {
    this.#checkOpen();
    const lease = this.#balancer.acquire(options.key);
    if (lease === null) throw new NoNodeError(this.#balancer.name, this.#balancer.size);
    try {
      const stream = start(this.client(lease.node.id));
      stream.on('status', ({ code }) => endJob(lease, code));
      // An error that nobody listens to is thrown, and then there is no status.
      stream.on(EventEmitter.errorMonitor, ({ code }) => endJob(lease, code));
      return stream;
    } catch (error) {
      lease.cancel();
      throw error;
    }
  }

  /** The client of a node, made now if there is none yet. */
  client(id: string): C {
    let client = this.#clients.get(id);
    if (client === undefined) {
      client = this.#make(id);
      this.#clients.set(id, client);
    }
    return client;
  }

  /** Closes all clients and takes no more calls. Calls under way go on. */
  close(): void {
    this.#isClosed = true;
    this.#balancer.off('remove', this.#onRemove);
    for (const id of this.#clients.keys()) this.#closeClient(id);
  }

  async #attempt<T>(
    lease: Lease<NodeLike>,
    start: (client: C, callback: GrpcCallback<T>) => GrpcCall,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    let onAbort: () => void = () => undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        const call = start(this.client(lease.node.id), (error, value) => {
          if (signal?.aborted === true) endAborted(lease, signal);
          endJob(lease, error?.code ?? STATUS.ok);
          if (error === null) resolve(value as T);
          else reject(error);
        });
        onAbort = () => call.cancel();
        signal?.addEventListener('abort', onAbort, { once: true });
      });
    } finally {
      signal?.removeEventListener('abort', onAbort);
      // Without effect unless `start` threw, so that there was no call.
      lease.cancel();
    }
  }

  #closeClient(id: string): void {
    const client = this.#clients.get(id);
    this.#clients.delete(id);
    client?.close();
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new ClosedError('the gRPC clients were closed');
  }
}

function endJob(lease: Lease<NodeLike>, code: number): void {
  if (code === STATUS.cancelled) lease.cancel();
  else lease.done(code !== STATUS.unavailable && code !== STATUS.deadlineExceeded);
}
