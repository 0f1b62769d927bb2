/**
 * The certificate files of a frontend or backend: are they there, and do they fit together?
 *
 * @module
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { errnoName } from '@balancer/kit';
import type { CertificateConfig, FrontendTlsConfig } from './types.ts';

/** A certificate that may be used, with the host names that it is for. */
export interface CheckedCertificate extends CertificateConfig {
  readonly names: readonly string[];
}

/** What is wrong with one file or pair of files. */
export type CertificateProblem = { readonly key: 'cert' | 'key'; readonly message: string };

/** The certificates of a frontend in order: the one of `cert` and `key` first. */
export function certificatesOf({
  cert,
  key,
  certificates,
}: Pick<FrontendTlsConfig, 'cert' | 'key' | 'certificates'>): readonly CheckedCertificate[] {
  const own = cert !== undefined && key !== undefined ? [{ cert, key }] : [];
  const pairs = [...own, ...certificates];
  return pairs.map((pair) => ({ cert: pair.cert, key: pair.key, names: namesOf(pair.cert) }));
}

/** Reads both files and compares them. */
export function certificateProblem({
  cert,
  key,
}: CertificateConfig): CertificateProblem | undefined {
  const certText = readable(cert);
  if (certText instanceof Error) return { key: 'cert', message: certText.message };
  const keyText = readable(key);
  if (keyText instanceof Error) return { key: 'key', message: keyText.message };
  const certificate = attempt(() => new X509Certificate(certText));
  if (!certificate) return { key: 'cert', message: `${cert} is not a certificate in PEM` };
  const privateKey = attempt(() => createPrivateKey(keyText));
  if (!privateKey) return { key: 'key', message: `${key} is not a private key in PEM` };
  if (certificate.checkPrivateKey(privateKey)) return undefined;
  return { key: 'key', message: 'key does not match certificate' };
}

/** Why a file of authorities cannot be used; `undefined` when it can. */
export function authorityProblem(file: string): string | undefined {
  const text = readable(file);
  if (text instanceof Error) return text.message;
  return attempt(() => new X509Certificate(text))
    ? undefined
    : `${file} is not a certificate in PEM`;
}

function namesOf(file: string): readonly string[] {
  const { subjectAltName = '' } = new X509Certificate(readFileSync(file));
  return subjectAltName
    .split(', ')
    .filter((entry) => entry.startsWith('DNS:'))
    .map((entry) => entry.slice('DNS:'.length).toLowerCase());
}

function readable(file: string): Buffer | Error {
  try {
    return readFileSync(file);
  } catch (error) {
    return new Error(`cannot read ${file}: ${errnoName(error) ?? String(error)}`);
  }
}

function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}
