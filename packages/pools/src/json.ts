/**
 * Codecs between immutable state and JSON. A codec is a pair of functions, and codecs combine, so
 * that a state's shape is written once and serves both ways: integers become decimal strings, every
 * unknown, missing or malformed member is refused with its path.
 *
 * @module
 */
import { InputError } from './errors.ts';

/** What `JSON.parse` can return. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

/** Both directions between `T` and JSON. */
export interface Codec<T> {
  readonly encode: (value: T) => Json;
  /** @throws {InputError} When the JSON is not of this shape; the message starts with the path. */
  readonly decode: (json: unknown, path: string) => T;
}

/** The type that a codec is for. */
export type Decoded<C> = C extends Codec<infer T> ? T : never;

/** An unsigned integer of at most `bits` bits, as a decimal string without leading zeros. */
export function uint(bits = 256): Codec<bigint> {
  return integerCodec(0n, (1n << BigInt(bits)) - 1n);
}

/** A signed integer of at most `bits` bits, as a decimal string. */
export function int(bits = 256): Codec<bigint> {
  const half = 1n << BigInt(bits - 1);
  return integerCodec(-half, half - 1n);
}

function integerCodec(least: bigint, greatest: bigint): Codec<bigint> {
  return {
    encode: (value) => value.toString(),
    decode(json, path) {
      if (typeof json !== 'string' || !/^(0|-?[1-9][0-9]*)$/.test(json)) {
        throw new InputError(path, `must be an integer as a decimal string; got ${shown(json)}`);
      }
      const value = BigInt(json);
      if (value < least || value > greatest) {
        throw new InputError(path, `must be from ${least} to ${greatest}; got ${json}`);
      }
      return value;
    },
  };
}

/** A whole JSON number of at most `most`: counts and indexes, never amounts. */
export function count(most: number = Number.MAX_SAFE_INTEGER): Codec<number> {
  return {
    encode: (value) => value,
    decode(json, path) {
      if (typeof json === 'number' && Number.isInteger(json) && json >= 0 && json <= most) {
        return json;
      }
      throw new InputError(path, `must be a whole number from 0 to ${most}; got ${shown(json)}`);
    },
  };
}

export const text: Codec<string> = primitive('string', 'a string');
export const flag: Codec<boolean> = primitive('boolean', 'true or false');

function primitive<T extends Json>(type: 'string' | 'boolean', what: string): Codec<T> {
  return {
    encode: (value) => value,
    decode(json, path) {
      if (typeof json === type) return json as T;
      throw new InputError(path, `must be ${what}; got ${shown(json)}`);
    },
  };
}

/** Lower-case hex of exactly `byteCount` bytes after `0x`: 20 for an address, 32 for a pool id. */
export function hex(byteCount: number): Codec<string> {
  const pattern = new RegExp(`^0x[0-9a-f]{${byteCount * 2}}$`);
  return {
    encode: (value) => value,
    decode(json, path) {
      if (typeof json === 'string' && pattern.test(json)) return json;
      throw new InputError(
        path,
        `must be 0x and ${byteCount * 2} lower-case hex digits; got ${shown(json)}`,
      );
    },
  };
}

/** One of a few strings. */
export function oneOf<const T extends string>(...values: readonly T[]): Codec<T> {
  return {
    encode: (value) => value,
    decode(json, path) {
      if (values.includes(json as T)) return json as T;
      throw new InputError(path, `must be one of ${values.join(', ')}; got ${shown(json)}`);
    },
  };
}

export function array<T>(item: Codec<T>, bounds: { most?: number } = {}): Codec<readonly T[]> {
  const most = bounds.most ?? Infinity;
  return {
    encode: (values) => values.map((value) => item.encode(value)),
    decode(json, path) {
      if (!Array.isArray(json)) throw new InputError(path, `must be an array; got ${shown(json)}`);
      if (json.length > most) {
        throw new InputError(path, `must have at most ${most} entries; got ${json.length}`);
      }
      return json.map((entry, i) => item.decode(entry, `${path}[${i}]`));
    },
  };
}

/** `null` stands for "none". */
export function nullable<T>(item: Codec<T>): Codec<T | null> {
  return {
    encode: (value) => (value === null ? null : item.encode(value)),
    decode: (json, path) => (json === null ? null : item.decode(json, path)),
  };
}

/** A member that may be missing: `object` leaves it out when it is `undefined`. */
export function optional<T>(item: Codec<T>): Codec<T | undefined> {
  return {
    encode: (value) => (value === undefined ? null : item.encode(value)),
    decode: (json, path) => (json === undefined ? undefined : item.decode(json, path)),
  };
}

type Shape<T> = { readonly [K in keyof T]-?: Codec<T[K]> };

/** An object with exactly these members, written in this order. */
export function object<T extends object>(shape: Shape<T>): Codec<T> {
  const keys = Object.keys(shape) as (keyof T & string)[];
  return {
    encode(value) {
      const json: Record<string, Json> = {};
      for (const key of keys) {
        if (value[key] !== undefined) json[key] = shape[key].encode(value[key]);
      }
      return json;
    },
    decode(json, path) {
      const members = requireObject(json, path);
      for (const key of Object.keys(members)) {
        if (!Object.hasOwn(shape, key)) {
          throw new InputError(`${path}.${key}`, `is not known here; known: ${keys.join(', ')}`);
        }
      }
      const value: Partial<T> = {};
      for (const key of keys) {
        const decoded = shape[key].decode(members[key], `${path}.${key}`);
        if (decoded !== undefined) value[key] = decoded;
      }
      return value as T;
    },
  };
}

/** An object of any members whose values are alike; members are written in sorted order. */
export function record<T>(item: Codec<T>): Codec<Readonly<Record<string, T>>> {
  return {
    encode(value) {
      const json: Record<string, Json> = {};
      for (const key of Object.keys(value).toSorted()) json[key] = item.encode(value[key]!);
      return json;
    },
    decode(json, path) {
      const value: Record<string, T> = {};
      for (const [key, member] of Object.entries(requireObject(json, path))) {
        Object.defineProperty(value, key, {
          value: item.decode(member, `${path}.${key}`),
          configurable: true,
          enumerable: true,
          writable: true,
        });
      }
      return value;
    },
  };
}

/** A union of objects that the string member `tag` tells apart. */
export function tagged<T extends object>(
  tag: keyof T & string,
  variants: {
    readonly [name: string]: {
      readonly encode: (value: never) => Json;
      readonly decode: (json: unknown, path: string) => T;
    };
  },
): Codec<T> {
  const names = oneOf(...Object.keys(variants));
  const variantOf = (name: string): Codec<T> => variants[name] as Codec<T>;
  return {
    encode: (value) => variantOf(value[tag] as string).encode(value),
    decode(json, path) {
      const name = names.decode(requireObject(json, path)[tag], `${path}.${tag}`);
      return variantOf(name).decode(json, path);
    },
  };
}

/** A constant string member, the tag of a variant. */
export function literal<const T extends string>(value: T): Codec<T> {
  return oneOf(value);
}

/** A codec over another representation of the same value. */
export function mapped<T, U>(
  codec: Codec<U>,
  to: (value: T) => U,
  from: (value: U, path: string) => T,
): Codec<T> {
  return {
    encode: (value) => codec.encode(to(value)),
    decode: (json, path) => from(codec.decode(json, path), path),
  };
}

/** Adds `"v": 1` to a whole state, and refuses every other version. */
export function versioned<T extends object>(codec: Codec<T>): Codec<T> {
  return {
    encode: (value) => ({ v: 1, ...(codec.encode(value) as Record<string, Json>) }),
    decode(json, path) {
      const { v, ...members } = requireObject(json, path);
      if (v !== 1) throw new InputError(`${path}.v`, `must be 1; got ${shown(v)}`);
      return codec.decode(members, path);
    },
  };
}

function requireObject(json: unknown, path: string): Record<string, unknown> {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) {
    return json as Record<string, unknown>;
  }
  throw new InputError(path, `must be an object; got ${shown(json)}`);
}

function shown(json: unknown): string {
  if (json === undefined) return 'nothing';
  const written = typeof json === 'bigint' ? `${json}n` : (JSON.stringify(json) ?? typeof json);
  return written.length > 60 ? `${written.slice(0, 57)}...` : written;
}
