/**
 * Secrets in configuration: given in the file or read from another one, and printed as `"***"`
 * wherever they turn up by accident.
 *
 * @module
 */
import { readFileSync, statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { inspect } from 'node:util';
import { z } from 'zod';
import { errnoName } from '../errors.ts';

/** What a secret prints as. */
export const REDACTED = '***';

/** Largest secret file, in bytes. */
const SECRET_MAX_BYTES = 64 * 1024;

/**
 * A value that shows itself only to `reveal()`; JSON, templates and `inspect` give `***`. Two
 * secrets are deeply equal when their values are.
 */
export class Secret {
  constructor(value: string) {
    // Enumerable under a symbol: deep comparison sees that a secret changed, JSON and logs do not.
    Object.defineProperty(this, VALUE, { value, enumerable: true });
  }

  /** The secret itself. */
  reveal(): string {
    return String(Reflect.get(this, VALUE));
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }
}

const VALUE: unique symbol = Symbol('secret');
Object.defineProperty(Secret.prototype, inspect.custom, { value: () => REDACTED });

/**
 * Schema of a secret: a string, or `file:/absolute/path` whose content is read while the
 * configuration is checked (one trailing line break is dropped; at most 64 KiB). Writes as `***`.
 */
export function secret(): z.ZodType<Secret, string> {
  // The message does not repeat the value: a number may be the secret, too.
  const text = z.string({ error: () => 'must be a string' });
  return z.codec(text, z.instanceof(Secret), {
    decode: (input, context) => {
      if (!input.startsWith('file:')) return new Secret(input);
      const result = readSecretFile(input.slice('file:'.length));
      if (result instanceof Secret) return result;
      context.issues.push({ code: 'custom', message: result, input });
      return z.NEVER;
    },
    encode: () => REDACTED,
  });
}

function readSecretFile(path: string): Secret | string {
  if (!isAbsolute(path)) return `needs an absolute path after "file:"; got "file:${path}"`;
  try {
    if (statSync(path).size > SECRET_MAX_BYTES) return `${path} is larger than 64 KiB`;
    return new Secret(readFileSync(path, 'utf8').replace(/\r?\n$/, ''));
  } catch (error) {
    return `cannot read ${path}: ${errnoName(error) ?? String(error)}`;
  }
}
