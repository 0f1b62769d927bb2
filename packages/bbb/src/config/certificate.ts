/**
 * The gateway's own certificate, for those who have no proxy in front that ends TLS.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { BbbConfig } from './keys.ts';

/** What a TLS listener is given. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly minVersion: 'TLSv1.2';
}

/**
 * Reads the files that the configuration names.
 *
 * @returns Null if it names none.
 * @throws {Error} naming the file that cannot be read, or saying why the two do not go together.
 */
export function readCertificate({
  tls_cert: cert,
  tls_key: key,
}: Pick<BbbConfig, 'tls_cert' | 'tls_key'>): Certificate | null {
  if (cert === '') return null;
  const certificate = {
    cert: readFileSync(cert),
    key: readFileSync(key),
    minVersion: 'TLSv1.2',
  } as const;
  createSecureContext(certificate);
  return certificate;
}
