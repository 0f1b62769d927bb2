/**
 * Calls addresses that front-ends gave: bounded in time, no redirects, and, if so configured, never
 * into private networks, whatever their names resolve to.
 *
 * @module
 */
import { lookup as resolve } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { BalancerError, createCidrMatcher, errnoName, messageOf } from '@balancer/kit';
import { Agent, request } from 'undici';

/** One call. */
export interface OutgoingCall {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What came of it: an HTTP status, or why there is none. */
export type OutgoingResult =
  | { readonly kind: 'answered'; readonly status: number }
  | { readonly kind: 'failed'; readonly reason: string };

/** The address is in a network that may not be called. */
class PrivateAddressError extends BalancerError {
  override readonly name = 'PrivateAddressError';
  readonly code = 'PRIVATE_ADDRESS';

  constructor() {
    super('the address is in a private network, which callback_deny_private forbids');
  }
}

const CONNECT_TIMEOUT_MS = 5000;
const RESPONSE_TIMEOUT_MS = 10_000;

/** Networks that are nobody's on the internet. Source: IANA special-purpose address registries. */
const isPrivate = createCidrMatcher([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '224.0.0.0/3',
  '::/127',
  '64:ff9b::/96',
  'fc00::/7',
  'fe80::/10',
  'ff00::/8',
]);

export class OutgoingClient {
  readonly #anywhere = new Agent({ connect: { timeout: CONNECT_TIMEOUT_MS } });
  readonly #publicOnly = new Agent({
    connect: { timeout: CONNECT_TIMEOUT_MS, lookup: lookupPublic },
  });

  /** Never rejects. */
  async call(
    { method, url, headers, body }: OutgoingCall,
    { denyPrivate }: { readonly denyPrivate: boolean },
  ): Promise<OutgoingResult> {
    try {
      const { hostname } = new URL(url);
      // No name is looked up for an address; brackets are an IPv6 address's.
      const address = hostname.replace(/^\[(.*)\]$/, '$1');
      if (denyPrivate && isIP(address) !== 0 && isPrivate(address)) throw new PrivateAddressError();
      const answer = await request(url, {
        dispatcher: denyPrivate ? this.#publicOnly : this.#anywhere,
        method: method === 'GET' ? 'GET' : 'POST',
        headers,
        headersTimeout: RESPONSE_TIMEOUT_MS,
        bodyTimeout: RESPONSE_TIMEOUT_MS,
        signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS + RESPONSE_TIMEOUT_MS),
        ...(method !== 'GET' && { body }),
      });
      answer.body.on('error', () => {}).destroy();
      return { kind: 'answered', status: answer.statusCode };
    } catch (error) {
      // Codes only: a message may hold the address, and the address secrets.
      const isOurs = error instanceof PrivateAddressError;
      return { kind: 'failed', reason: isOurs ? messageOf(error) : reasonOf(error) };
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#anywhere.destroy(), this.#publicOnly.destroy()]);
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (cause instanceof PrivateAddressError) return cause.message;
  if (error instanceof Error && error.name === 'TimeoutError') return 'no answer in time';
  return errnoName(error) ?? (error instanceof Error ? error.name : 'unknown error');
}

/** Looks a name up, and refuses it if any of its addresses is private: these are what is connected to. */
const lookupPublic: LookupFunction = (hostname, options, callback) => {
  resolve(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, []);
    if (addresses.some(({ address }) => isPrivate(address))) {
      return callback(new PrivateAddressError(), []);
    }
    if (options.all === true) return callback(null, addresses);
    const [first] = addresses;
    callback(null, first?.address ?? '', first?.family);
  });
};
