/**
 * Whether a call is signed by one of the secrets of whoever it claims to be from.
 *
 * A checksum is the hash of the call's name, the raw query without the checksum, and the secret.
 * For a form POST, clients in the field sign one of three texts (`Signing` below); for an XML POST
 * the body is not covered.
 *
 * Source: BigBlueButton API reference, "API Security Model".
 *
 * @module
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { ChecksumAlgorithm } from '../config/keys.ts';
import { CHECKSUM, checksumsIn, withoutChecksum, writeForm } from './request.ts';

/** Everything about a call that its checksum may be over. */
export interface Signing {
  /** Name of the call as its path has it, `hooks/create`. */
  readonly call: string;
  readonly rawQuery: string;
  /** A form body as it came, one character per byte; null for any other body and for multipart. */
  readonly rawForm: string | null;
  /** Decoded parameters of a form body, also of multipart; null for any other body. */
  readonly formParameters: ReadonlyMap<string, string> | null;
}

export interface ChecksumRules {
  readonly secrets: readonly string[];
  /** Empty: all. */
  readonly algorithms: readonly ChecksumAlgorithm[];
  /** Refuses a checksum over the query alone when a form body carries parameters. */
  readonly isStrict: boolean;
}

const BY_LENGTH: ReadonlyMap<number, ChecksumAlgorithm> = new Map([
  [40, 'sha1'],
  [64, 'sha256'],
  [96, 'sha384'],
  [128, 'sha512'],
]);

/** Digest of a call in lower-case hexadecimal. `rest` has one character per byte. */
export function checksumOf(
  { call, rest, secret }: { readonly call: string; readonly rest: string; readonly secret: string },
  algorithm: ChecksumAlgorithm,
): string {
  return createHash(algorithm).update(call).update(rest, 'latin1').update(secret).digest('hex');
}

/** True when the call carries exactly one checksum and that is right for one of the secrets. */
export function isSigned(
  signing: Signing,
  { secrets, algorithms, isStrict }: ChecksumRules,
): boolean {
  const given = [...checksumsIn(signing.rawQuery), ...formChecksums(signing)];
  const [checksum = ''] = given;
  const algorithm = BY_LENGTH.get(checksum.length);
  if (given.length !== 1 || algorithm === undefined || !/^[0-9a-f]+$/i.test(checksum)) return false;
  if (algorithms.length > 0 && !algorithms.includes(algorithm)) return false;

  const actual = Buffer.from(checksum, 'hex');
  let isRight = false;
  // All of them, always: the time taken must not tell which secret or which text matched.
  for (const secret of secrets) {
    for (const rest of signedTexts(signing, isStrict)) {
      const expected = checksumOf({ call: signing.call, rest, secret }, algorithm);
      isRight = timingSafeEqual(Buffer.from(expected, 'hex'), actual) || isRight;
    }
  }
  return isRight;
}

function formChecksums({ rawForm, formParameters }: Signing): string[] {
  if (rawForm !== null) return checksumsIn(rawForm);
  const value = formParameters?.get(CHECKSUM);
  return value === undefined ? [] : [value];
}

/** The texts that may have been signed. */
function signedTexts({ rawQuery, rawForm, formParameters }: Signing, isStrict: boolean): string[] {
  const query = withoutChecksum(rawQuery);
  const fields = [...(formParameters ?? [])].filter(([name]) => name !== CHECKSUM);
  const texts = isStrict && fields.length > 0 ? [] : [query];
  if (formParameters === null || query !== '') return texts;
  if (rawForm !== null) texts.push(withoutChecksum(rawForm));
  texts.push(
    writeForm(fields.toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))),
  );
  return texts;
}
