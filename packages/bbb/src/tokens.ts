/**
 * Signed tokens: JSON Web Tokens by a shared secret. The algorithm that is expected is always ours,
 * never the token's.
 *
 * Source: RFC 7515, RFC 7519.
 *
 * @module
 */
import { createHmac } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';

export type TokenAlgorithm = 'HS256' | 'HS512';
export type TokenPayload = Readonly<Record<string, unknown>>;

export interface TokenKey {
  readonly secret: string;
  readonly algorithm: TokenAlgorithm;
}

/** A compact token. @param type - `JWT` writes the type into the header. */
export async function signToken(
  payload: TokenPayload,
  { secret, algorithm }: TokenKey,
  type?: 'JWT',
): Promise<string> {
  const header = type === undefined ? { alg: algorithm } : { typ: type, alg: algorithm };
  return new SignJWT({ ...payload }).setProtectedHeader(header).sign(Buffer.from(secret));
}

/** The payload of a token that is signed so and has not expired; null for any other. */
export async function verifyToken(
  token: string,
  { secret, algorithm }: TokenKey,
  nowMs: number,
): Promise<TokenPayload | null> {
  if (secret === '') return null;
  try {
    const { payload } = await jwtVerify(token, Buffer.from(secret), {
      algorithms: [algorithm],
      currentDate: new Date(nowMs),
    });
    return payload;
  } catch {
    return null;
  }
}

/** A key for one purpose: what is signed for another does not fit it. */
export function derivedKey(keyBase: string, purpose: string): string {
  return createHmac('sha256', keyBase).update(`balancer-bbb ${purpose}`).digest('hex');
}
