/**
 * How each kind of delivery is put on the wire: signed with a secret of whoever is called, at the time
 * it is sent, so that nothing secret waits in the queue.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import type { BbbConfig } from '../config/keys.ts';
import type { Delivery } from '../store/deliveries.ts';
import { signToken, type TokenAlgorithm } from '../tokens.ts';
import type { OutgoingCall } from './http.ts';

const FORM = { 'content-type': 'application/x-www-form-urlencoded' } as const;
const DAY_SECONDS = 24 * 3600;

/** What is needed to sign a delivery. */
export interface Signer {
  readonly secret: string;
  readonly config: Pick<BbbConfig, 'checksum_algorithms'>;
  readonly nowMs: number;
}

/** True if a delivery carries no signature: it is sent once, not once per secret. */
export function isUnsigned({ kind }: Delivery): boolean {
  return kind === 'meeting-ended';
}

/** The call that delivers. */
export async function callOf(delivery: Delivery, signer: Signer): Promise<OutgoingCall> {
  const { method, url, payload } = delivery;
  switch (delivery.kind) {
    case 'recording-ready': {
      const algorithm = readyAlgorithm(signer.config);
      const claims = JSON.parse(payload) as Record<string, string>;
      const token = await signToken(claims, { secret: signer.secret, algorithm });
      const body = new URLSearchParams({ signed_parameters: token }).toString();
      return { method, url, headers: FORM, body };
    }
    case 'analytics': {
      const exp = Math.floor(signer.nowMs / 1000) + DAY_SECONDS;
      const token = await signToken({ exp }, { secret: signer.secret, algorithm: 'HS512' }, 'JWT');
      const headers = {
        'content-type': 'application/json',
        'user-agent': 'BigBlueButton Analytics Callback',
        authorization: `Bearer ${token}`,
      };
      return { method, url, headers, body: payload };
    }
    case 'hook':
      return {
        method,
        url: signedHookUrl(url, payload, signer.secret),
        headers: FORM,
        body: payload,
      };
    case 'meeting-ended':
      return { method, url, headers: {}, body: '' };
    default:
      return delivery.kind satisfies never;
  }
}

/** SHA-1 of address, body and secret: how BigBlueButton's webhooks sign. */
export function hookChecksum(url: string, body: string, secret: string): string {
  return createHash('sha1')
    .update(url + body + secret)
    .digest('hex');
}

function signedHookUrl(callbackUrl: string, body: string, secret: string): string {
  const url = new URL(callbackUrl);
  url.searchParams.append('checksum', hookChecksum(callbackUrl, body, secret));
  return url.href;
}

/** HS256, unless the configuration allows SHA-512 and not SHA-256. */
function readyAlgorithm({ checksum_algorithms: allowed }: Signer['config']): TokenAlgorithm {
  return !allowed.includes('sha256') && allowed.includes('sha512') ? 'HS512' : 'HS256';
}
