/**
 * One request of a balanced dispatcher, from the first pick to the end of its answer: where it is
 * sent, how its job ends, and whether it is sent again.
 *
 * @module
 */
import type { Balancer } from '../balancer.ts';
import type { Lease } from '../lease.ts';
import type { NodeLike } from '../node.ts';
import type { Key } from '../policy.ts';
import { isDeadline } from './aborted.ts';
import { Attempts } from './attempts.ts';
import {
  codeOf,
  isFailure,
  isIdempotent,
  isReplayable,
  originOf,
  wasNeverSent,
  type FailOn,
} from './http.ts';
import {
  observe,
  rejectRequest,
  type AnyHandler,
  type HandlerObserver,
  type ObservedHandler,
} from './undici-handlers.ts';
import type { Upstreams } from './undici-upstreams.ts';

/** The options of a request, as far as they are read here. */
export interface RequestOptions {
  readonly origin?: string | URL | undefined;
  readonly path: string;
  readonly method: string;
  readonly body?: unknown;
  readonly headers?: unknown;
  readonly idempotent?: boolean | undefined;
}

export interface ExchangeSettings {
  readonly failOn: FailOn;
  readonly retries: number;
  readonly key: ((options: RequestOptions) => Key | undefined) | undefined;
  readonly upstreams: Upstreams;
}

/** Errors that come from the request or from closing, and say nothing about the node. */
const CODES_OF_THE_CALLER: ReadonlySet<string> = new Set([
  'UND_ERR_ABORTED',
  'UND_ERR_CLOSED',
  'UND_ERR_DESTROYED',
  'UND_ERR_INVALID_ARG',
  'UND_ERR_INVALID_RETURN_VALUE',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
]);

export class Exchange<N extends NodeLike> implements HandlerObserver {
  readonly #attempts: Attempts<N>;
  readonly #settings: ExchangeSettings;
  readonly #options: RequestOptions;
  readonly #handler: AnyHandler;
  /** One for all attempts, because the caller's handler sees one request. */
  readonly #observed: ObservedHandler;
  #lease: Lease<N> | undefined;
  #abortAttempt: ((reason: unknown) => void) | undefined;
  #isStarted = false;
  #hasAnswer = false;
  #ok = true;
  #abortedWith: { reason: unknown } | undefined;

  constructor(
    balancer: Balancer<N>,
    settings: ExchangeSettings,
    request: { options: RequestOptions; handler: AnyHandler },
  ) {
    const { upstreams, retries, key } = settings;
    this.#settings = settings;
    this.#options = request.options;
    this.#handler = request.handler;
    this.#observed = observe(request.handler, this);
    this.#attempts = new Attempts(balancer, {
      key: key?.(request.options),
      retries,
      isBusy: (nodeId) => balancer.size > 1 && upstreams.isBusy(nodeId),
    });
  }

  /** Sends the request. Returns whether the pool takes more requests right now. */
  begin(): boolean {
    this.#lease = this.#attempts.next() ?? undefined;
    if (this.#lease === undefined) {
      rejectRequest(this.#handler, this.#attempts.failure());
      return false;
    }
    return this.#send(this.#lease);
  }

  connected(abort: (reason: unknown) => void): boolean {
    this.#abortAttempt = abort;
    if (this.#abortedWith !== undefined) {
      abort(this.#abortedWith.reason);
      return false;
    }
    const isFirst = !this.#isStarted;
    this.#isStarted = true;
    return isFirst;
  }

  aborted(reason: unknown): void {
    this.#abortedWith ??= { reason };
    this.#abortAttempt?.(reason);
  }

  answered(status: number): void {
    // An informational answer is not the answer yet.
    if (status < 200) return;
    this.#hasAnswer = true;
    this.#ok = !isFailure(status, this.#settings.failOn);
  }

  upgraded(socket: { once(event: 'close', listener: () => void): unknown }): void {
    this.#hasAnswer = true;
    const lease = this.#lease;
    socket.once('close', () => lease?.done(true));
  }

  completed(): void {
    this.#lease?.done(this.#ok);
  }

  failed(error: unknown): { error: unknown } | undefined {
    if (!this.#endFailed(error) || !this.#mayRetry(error)) return { error };
    this.#attempts.failed(error);
    this.#lease = this.#attempts.next() ?? undefined;
    if (this.#lease === undefined) return { error: this.#attempts.failure() };
    this.#send(this.#lease);
    return undefined;
  }

  #send(lease: Lease<N>): boolean {
    const { upstreams } = this.#settings;
    try {
      const { id } = lease.node;
      const options = { ...this.#options, origin: originOf(id) };
      const accepted = upstreams.get(id).dispatch(options as never, this.#observed as never);
      // The request is queued either way; a composed dispatcher of undici 6 returns nothing.
      return accepted === false ? upstreams.becameBusy(id) : true;
    } catch (error) {
      lease.cancel();
      rejectRequest(this.#handler, error);
      return false;
    }
  }

  /** Ends the job of an attempt that failed. Returns whether its node is to blame. */
  #endFailed(error: unknown): boolean {
    const isOfTheCaller = this.#abortedWith !== undefined || CODES_OF_THE_CALLER.has(codeOf(error));
    const isTooLate = isDeadline(this.#abortedWith?.reason);
    if (isOfTheCaller && !isTooLate && this.#ok) this.#lease?.cancel();
    else this.#lease?.done(false);
    return !isOfTheCaller;
  }

  #mayRetry(error: unknown): boolean {
    const { method, body, idempotent = isIdempotent(method) } = this.#options;
    if (this.#hasAnswer || !isReplayable(body)) return false;
    return idempotent || wasNeverSent(error);
  }
}
