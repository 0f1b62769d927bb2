/**
 * The payload by which a server sends learning records to a tenant's store: encrypted with the
 * server's secret and handed over with the create.
 *
 * @module
 */
import { createCipheriv, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import type { TenantRow } from '../store/tenants.ts';

const derive = promisify(pbkdf2);
const ITERATIONS = 10_000;
const KEY_BYTES = 32;
const IV_BYTES = 16;
const TOKEN_TIMEOUT_MS = 5000;

/** Random bytes of one payload, eight each. */
export interface PayloadNonce {
  readonly prefix: Buffer;
  readonly salt: Buffer;
}

/** What is encrypted. */
export type LearningRecordAccess =
  | { readonly lrs_endpoint: string; readonly lrs_username: string; readonly lrs_password: string }
  | { readonly lrs_endpoint: string; readonly lrs_token: string };

/**
 * The tenant's access to its store; null if it has none, or if its token cannot be had.
 *
 * @param onFailure - Told why there is no token; the text has no secret.
 */
export async function learningRecordAccess(
  tenant: TenantRow,
  onFailure: (reason: string) => void,
): Promise<LearningRecordAccess | null> {
  const { lrs_endpoint, lrs_username, lrs_password } = tenant;
  if (lrs_endpoint === '') return null;
  if (tenant.kc_token_url === '') return { lrs_endpoint, lrs_username, lrs_password };
  try {
    return { lrs_endpoint, lrs_token: await passwordGrant(tenant) };
  } catch (error) {
    onFailure(error instanceof Error ? error.message : String(error));
    return null;
  }
}

/** Base64 of prefix, salt and the encrypted JSON. */
export async function sealAccess(
  access: LearningRecordAccess,
  serverSecret: string,
  { prefix, salt }: PayloadNonce = { prefix: randomBytes(8), salt: randomBytes(8) },
): Promise<string> {
  const derived = await derive(serverSecret, salt, ITERATIONS, KEY_BYTES + IV_BYTES, 'sha256');
  const key = derived.subarray(0, KEY_BYTES);
  const cipher = createCipheriv('aes-256-cbc', key, derived.subarray(KEY_BYTES));
  const sealed = [cipher.update(JSON.stringify(access), 'utf8'), cipher.final()];
  return Buffer.concat([prefix, salt, ...sealed]).toString('base64');
}

/** An access token by OpenID's resource owner password grant (RFC 6749, section 4.3). */
async function passwordGrant(tenant: TenantRow): Promise<string> {
  const answer = await fetch(tenant.kc_token_url, {
    method: 'POST',
    redirect: 'error',
    signal: AbortSignal.timeout(TOKEN_TIMEOUT_MS),
    body: new URLSearchParams({
      grant_type: 'password',
      client_id: tenant.kc_client_id,
      client_secret: tenant.kc_client_secret,
      username: tenant.kc_username,
      password: tenant.kc_password,
    }),
  });
  if (!answer.ok) throw new Error(`the token address answered HTTP ${answer.status}`);
  const body: unknown = await answer.json();
  const token = typeof body === 'object' && body !== null && Reflect.get(body, 'access_token');
  if (typeof token !== 'string' || token === '') throw new Error('the answer has no access_token');
  return token;
}
