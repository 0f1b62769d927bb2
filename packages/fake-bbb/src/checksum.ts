/**
 * Checksums of API calls: a hash over the name of the call, the raw query and the shared secret.
 *
 * Source: BigBlueButton API reference, "API Security Model".
 *
 * @module
 */
import { createHash, timingSafeEqual } from 'node:crypto';

export type ChecksumAlgorithm = 'sha1' | 'sha256' | 'sha384' | 'sha512';

/** What is hashed: the call's name, the query without its checksum, and the secret. */
export interface Signed {
  readonly call: string;
  readonly query: string;
  readonly secret: string;
}

/** The algorithm that a digest of so many hexadecimal digits comes from. */
const BY_LENGTH: ReadonlyMap<number, ChecksumAlgorithm> = new Map([
  [40, 'sha1'],
  [64, 'sha256'],
  [96, 'sha384'],
  [128, 'sha512'],
]);

/** The digest in lower-case hexadecimal. */
export function checksumOf({ call, query, secret }: Signed, algorithm: ChecksumAlgorithm): string {
  return createHash(algorithm).update(`${call}${query}${secret}`).digest('hex');
}

/** A query with its checksum as the last parameter. */
export function signedQuery(signed: Signed, algorithm: ChecksumAlgorithm = 'sha256'): string {
  const checksum = `checksum=${checksumOf(signed, algorithm)}`;
  return signed.query === '' ? checksum : `${signed.query}&${checksum}`;
}

/** True when the raw query carries one valid checksum by an allowed algorithm. */
export function isSigned(
  { call, query, secret }: Signed,
  allowed: readonly ChecksumAlgorithm[],
): boolean {
  const segments = query.split('&');
  const given = segments.filter((segment) => segment.startsWith('checksum='));
  const [checksum = ''] = given.map((segment) => segment.slice('checksum='.length).toLowerCase());
  const algorithm = BY_LENGTH.get(checksum.length);
  if (given.length !== 1 || algorithm === undefined || !allowed.includes(algorithm)) return false;
  const rest = segments.filter((segment) => !segment.startsWith('checksum=')).join('&');
  const expected = checksumOf({ call, query: rest, secret }, algorithm);
  return timingSafeEqual(Buffer.from(expected), Buffer.from(checksum.padEnd(expected.length)));
}
