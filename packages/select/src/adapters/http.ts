/**
 * What the HTTP adapters share: which answers are failures of a node, which requests may be sent
 * again, and what a node's id must look like.
 *
 * @module
 */
import { ConfigError } from '../errors.ts';

/** `"5xx"`: network errors and status codes from 500 are failures; `"network"`: errors alone. */
export type FailOn = '5xx' | 'network';

export const FAIL_ON: readonly FailOn[] = ['5xx', 'network'];

export function isFailure(status: number, failOn: FailOn): boolean {
  return failOn === '5xx' && status >= 500;
}

/** Methods that may be sent twice with the effect of once: RFC 9110, section 9.2.2. */
const IDEMPOTENT_METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PUT',
  'DELETE',
]);

export function isIdempotent(method: string): boolean {
  return IDEMPOTENT_METHODS.has(method.toUpperCase());
}

/** Bodies that can be sent any number of times, unlike streams. */
export function isReplayable(body: unknown): boolean {
  if (body === undefined || body === null || typeof body === 'string') return true;
  return (
    body instanceof URLSearchParams ||
    body instanceof FormData ||
    body instanceof Blob ||
    body instanceof ArrayBuffer ||
    ArrayBuffer.isView(body)
  );
}

/** Errors of a connection that never came to be, after which the server cannot have seen a request. */
const CONNECT_ERROR_CODES: ReadonlySet<string> = new Set([
  'EAI_AGAIN',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** True when an error, or what it was caused by, says that no connection was made. */
export function wasNeverSent(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (CONNECT_ERROR_CODES.has(codeOf(each))) return true;
  }
  return false;
}

/** The `code` of an error; empty when it has none. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : '';
}

/**
 * The origin that a node's id stands for, such as `http://10.0.0.1:8080`.
 *
 * @throws {ConfigError} When the id is anything else or anything more.
 */
export function originOf(id: string): string {
  const url = URL.canParse(id) ? new URL(id) : undefined;
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:';
  // An origin reads back as itself and the path "/"; user names, paths and queries do not.
  if (url !== undefined && isHttp && url.href === `${url.origin}/`) return url.origin;
  throw new ConfigError(
    `node "${id}"`,
    'its id must be an origin of scheme, host and port only, such as "http://10.0.0.1:8080"',
  );
}
