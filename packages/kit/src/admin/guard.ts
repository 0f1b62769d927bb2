/**
 * The door of the admin listener: who may call which route, and the headers of every answer.
 *
 * @module
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isLoopback } from '../config/address.ts';
import type { Secret } from '../config/secret.ts';

/**
 * Who may call a route. `open`: everybody who reaches the listener; `read`: needs the token when
 * the listener allows remote clients; `write`: always needs the token.
 */
export type AdminAccess = 'open' | 'read' | 'write';

/** Why a request is not let in. */
export interface Denial {
  readonly status: 401 | 403;
  readonly reason: string;
}

export interface GuardOptions {
  readonly token?: Secret | undefined;
  readonly allowRemote: boolean;
}

/** Null when the request may pass. */
export function denialOf(
  request: Request,
  access: AdminAccess,
  { token, allowRemote }: GuardOptions,
): Denial | null {
  if (!allowRemote && !isLocalHost(request)) {
    // A page of another site whose name was pointed at 127.0.0.1 must not read what is here.
    return { status: 403, reason: 'host not allowed; use localhost or an IP address' };
  }
  const needsToken = access === 'write' || (access === 'read' && allowRemote);
  if (!needsToken) return null;
  if (token === undefined) {
    return { status: 403, reason: 'no token is configured, so nothing can be changed here' };
  }
  const given = /^Bearer +(\S+) *$/i.exec(request.headers.get('authorization') ?? '')?.[1];
  if (given === undefined) {
    return { status: 401, reason: 'needs the header "Authorization: Bearer <token>"' };
  }
  return isSame(given, token.reveal()) ? null : { status: 403, reason: 'wrong token' };
}

/** Headers of every answer that does not set them itself. No resource of another site is loaded. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; " +
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; " +
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** Compares digests, so that the time tells neither where two texts differ nor their length. */
function isSame(given: string, wanted: string): boolean {
  return timingSafeEqual(sha256(given), sha256(wanted));
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function isLocalHost(request: Request): boolean {
  const host = new URL(request.url).hostname.replace(/^\[|\]$/g, '');
  return isLoopback({ kind: 'inet', host, port: 0 });
}
