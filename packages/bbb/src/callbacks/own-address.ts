/**
 * Addresses of the gateway's own that servers are given to call.
 *
 * @module
 */
import type { BbbConfig } from '../config/keys.ts';
import type { Caller } from '../tenants/resolve.ts';

type AddressConfig = Pick<BbbConfig, 'url_host' | 'public_url'>;

/**
 * Address below the API: by `url_host` as Scalelite forms it, with the tenant in the host or in the
 * path as the caller named it; without `url_host` below `origin`.
 *
 * @param origin - Scheme and host of the request at hand.
 */
export function ownAddress(
  path: string,
  {
    config,
    caller,
    origin,
  }: {
    readonly config: AddressConfig;
    readonly caller: Caller;
    readonly origin: string;
  },
): string {
  const { tenant, isByPath } = caller;
  const prefix = tenant !== null && isByPath ? `/t/${tenant.row.name}` : '';
  const label = tenant !== null && !isByPath ? `${tenant.row.name}.` : '';
  const base = config.url_host === '' ? origin : `https://${label}${config.url_host}`;
  return `${base}${prefix}/bigbluebutton/api/${path}`;
}

/** True for what may be called at all. */
export function isHttpUrl(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text);
}
