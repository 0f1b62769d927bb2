/**
 * `fetch` over a balancer whose node ids are origins. Each call goes to the node that the policy
 * picks; nothing of the request but its origin changes. A job lasts until the body of its answer has
 * been read, so a node that sends slowly counts as busy for as long as it sends.
 *
 * @module
 */
import type { Balancer } from '../balancer.ts';
import { checkChoice, checkNumber, ConfigError } from '../errors.ts';
import type { Lease } from '../lease.ts';
import type { NodeLike } from '../node.ts';
import type { Key } from '../policy.ts';
import { endAborted } from './aborted.ts';
import { Attempts } from './attempts.ts';
import { countBody } from './fetch-body.ts';
import {
  FAIL_ON,
  isFailure,
  isIdempotent,
  isReplayable,
  originOf,
  wasNeverSent,
  type FailOn,
} from './http.ts';

export type { FailOn } from './http.ts';

export interface CreateFetchOptions {
  /** What sends the requests. Default: the platform's own. */
  fetch?: typeof globalThis.fetch;
  /** Which answers count as failures of their node. Network errors always do. Default `"5xx"`. */
  failOn?: FailOn;
  /** How many further nodes may be tried after a network error, default 0. */
  retries?: number;
}

/** The settings of a request and of how it is balanced. */
export interface BalancedRequestInit extends RequestInit {
  /** What keyed policies map to a node. */
  key?: Key;
  /** In place of the `retries` that `createFetch` was given. */
  retries?: number;
  /** Says that a POST or PATCH may be sent twice. Default: what the method means. */
  idempotent?: boolean;
}

export type BalancedFetch = (
  input: string | URL | Request,
  init?: BalancedRequestInit,
) => Promise<Response>;

/**
 * Makes a `fetch` that picks a node for each call.
 *
 * URLs may be relative; an absolute one has its origin replaced. A call is sent again, to another
 * node, only before its answer has begun, only when its body can be replayed (not a stream), and only
 * when it is idempotent or no connection was made.
 *
 * @returns A function that rejects with `NoNodeError` when there is no node, with the error of `fetch`
 *   itself when no retry was allowed, else with `AllAttemptsFailedError`.
 * @throws {ConfigError} For an option out of range or a node whose id is not an origin.
 */
export function createFetch<N extends NodeLike>(
  balancer: Balancer<N>,
  options: CreateFetchOptions = {},
): BalancedFetch {
  const { fetch = globalThis.fetch, failOn = '5xx', retries = 0 } = options;
  if (typeof fetch !== 'function') throw new ConfigError('createFetch.fetch', 'must be a function');
  checkChoice('createFetch.failOn', failOn, FAIL_ON);
  checkNumber('createFetch.retries', retries, { min: 0, integer: true });
  for (const node of balancer.nodes) originOf(node.id);

  return async (input, init = {}) => {
    const { key, retries: callRetries = retries, idempotent, ...rest } = init;
    checkNumber('fetch.retries', callRetries, { min: 0, integer: true });
    const call = new Call(input, rest, idempotent);
    call.signal?.throwIfAborted();
    const attempts = new Attempts(balancer, { key, retries: callRetries });
    for (let lease = attempts.next(); lease !== null; lease = attempts.next()) {
      try {
        const answer = await fetch(...call.argumentsFor(lease.node.id));
        return countBody(answer, lease, {
          ok: !isFailure(answer.status, failOn),
          signal: call.signal,
        });
      } catch (error) {
        if (!isWorthRetrying(error, call, lease)) throw error;
        attempts.failed(error);
      }
    }
    throw attempts.failure();
  };
}

/** Ends the job of an attempt that threw, and says whether another node should be tried. */
function isWorthRetrying(error: unknown, call: Call, lease: Lease<NodeLike>): boolean {
  if (call.signal?.aborted === true) {
    endAborted(lease, call.signal);
    return false;
  }
  if (error instanceof ConfigError || call.isMistaken()) {
    lease.cancel();
    return false;
  }
  lease.done(false);
  return call.canReplay && (call.isIdempotent || wasNeverSent(error));
}

/** Any origin will do to resolve relative URLs: it is replaced by that of a node. */
const PLACEHOLDER_ORIGIN = 'http://node.invalid';

/** One call of the balanced `fetch`, from which the request for any node can be made. */
class Call {
  readonly signal: AbortSignal | undefined;
  readonly canReplay: boolean;
  readonly isIdempotent: boolean;
  readonly #request: Request | undefined;
  readonly #path: string;
  readonly #init: RequestInit;

  /** @throws {TypeError} For a URL that cannot be parsed. */
  constructor(input: string | URL | Request, init: RequestInit, idempotent: boolean | undefined) {
    const request = isRequest(input) ? input : undefined;
    const { pathname, search } = new URL(isRequest(input) ? input.url : input, PLACEHOLDER_ORIGIN);
    this.#request = request;
    this.#path = pathname + search;
    this.#init = init;
    this.signal = (init.signal === undefined ? request?.signal : init.signal) ?? undefined;
    this.canReplay = isReplayable(init.body === undefined ? request?.body : init.body);
    this.isIdempotent = idempotent ?? isIdempotent(init.method ?? request?.method ?? 'GET');
  }

  /** @throws {ConfigError} When the node's id is not an origin. */
  argumentsFor(nodeId: string): [input: string | Request, init: RequestInit] {
    const url = originOf(nodeId) + this.#path;
    if (this.#request === undefined) return [url, this.#init];
    // Every property of a request is also one of its settings, which makes a copy elsewhere.
    return [new Request(url, this.#request), this.#init];
  }

  /** True when no node could have answered, because the request itself is not valid. */
  isMistaken(): boolean {
    const { body } = this.#init;
    // A stream has been read by now; an empty text stands for it.
    const standIn = isReplayable(body) ? body : '';
    try {
      const init = standIn === undefined ? this.#init : { ...this.#init, body: standIn };
      void new Request(PLACEHOLDER_ORIGIN, init);
      return false;
    } catch {
      return true;
    }
  }
}

/** By its shape, because the request may be of another package than the platform's. */
function isRequest(input: string | URL | Request): input is Request {
  return typeof input === 'object' && !('href' in input);
}
