/**
 * Encodes and decodes values of maps and variables by their shape.
 *
 * | C | TypeScript |
 * |---|---|
 * | integers up to 32 bits, enums | `number` |
 * | 64-bit and 128-bit integers, pointers | `bigint` |
 * | `__be16`, `__be32`, `__be64` | the same, converted from network order |
 * | `bool` | `boolean` |
 * | `__u8[n]` | `Uint8Array` of exactly n bytes |
 * | `char[n]` | `string`, NUL-terminated |
 * | other arrays | array of exactly n values |
 * | struct | object; padding is written as zero |
 * | union | object with every member when decoded; encoding writes those that are given |
 *
 * @module
 */
import { ValueError } from './errors.ts';
import type { EnumShape, IntegerShape, MemberShape, Shape, StructShape } from './shape.ts';

/** Reads and writes one type at a fixed size. */
export interface Codec<T> {
  /** Bytes. */
  readonly size: number;
  /** Decodes the value at `offset`. Returned byte arrays are copies. */
  read(view: DataView, offset: number): T;
  /**
   * Encodes `value` at `offset`; the target bytes must be zero before.
   *
   * @throws {ValueError} if the value does not fit; the message names the member.
   */
  write(view: DataView, offset: number, value: T): void;
}

/** Little-endian `__u32`, the key of every array map. */
export const u32Codec: Codec<number> = {
  size: 4,
  read: (view, offset) => view.getUint32(offset, true),
  write(view, offset, value) {
    view.setUint32(offset, checkedNumber(value, 0, 0xffff_ffff), true);
  },
};

/** Bytes as they are. */
export function bytesCodec(size: number): Codec<Uint8Array> {
  return {
    size,
    read: (view, offset) => new Uint8Array(view.buffer, view.byteOffset + offset, size).slice(),
    write(view, offset, value) {
      if (!(value instanceof Uint8Array) || value.length !== size) {
        throw new ValueError(`must be a Uint8Array of ${size} bytes; got ${describe(value)}`);
      }
      new Uint8Array(view.buffer, view.byteOffset + offset, size).set(value);
    },
  };
}

/** The codec of a shape. What it reads has the type that `describeTypes` writes for the shape. */
export function codecOf(shape: Shape): Codec<unknown> {
  switch (shape.kind) {
    case 'integer':
      return integerCodec(shape);
    case 'enum':
      return enumCodec(shape);
    case 'boolean':
      return booleanCodec(shape.size);
    case 'float':
      return floatCodec(shape.size);
    case 'pointer':
      return integerCodec({ ...shape, kind: 'integer', signed: false, bigEndian: false });
    case 'bytes':
      return bytesCodec(shape.size);
    case 'string':
      return stringCodec(shape.size);
    case 'array':
      return arrayCodec(codecOf(shape.element), shape.length);
    case 'struct':
    default:
      return structCodec(shape);
  }
}

/** Encodes one value into fresh bytes. */
export function encode<T>(codec: Codec<T>, value: T): Uint8Array {
  const bytes = new Uint8Array(codec.size);
  codec.write(viewOf(bytes), 0, value);
  return bytes;
}

/** Decodes one value from the start of `bytes`. */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array): T {
  if (bytes.length < codec.size) {
    throw new ValueError(`needs ${codec.size} bytes; got ${bytes.length}`);
  }
  return codec.read(viewOf(bytes), 0);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function integerCodec(shape: IntegerShape): Codec<unknown> {
  const { size, signed } = shape;
  const little = !shape.bigEndian;
  if (size === 16) return wideCodec(signed);
  if (size === 8) return bigintCodec(signed, little);
  const bits = size * 8;
  const min = signed ? -(2 ** (bits - 1)) : 0;
  const max = signed ? 2 ** (bits - 1) - 1 : 2 ** bits - 1;
  const access = ACCESSORS[`${signed ? 'i' : 'u'}${size}`]!;
  return {
    size,
    read: (view, offset) => access.get(view, offset, little),
    write(view, offset, value) {
      access.set(view, offset, checkedNumber(value, min, max), little);
    },
  };
}

interface Accessors {
  get(view: DataView, offset: number, little: boolean): number;
  set(view: DataView, offset: number, value: number, little: boolean): void;
}

const ACCESSORS: Readonly<Record<string, Accessors>> = {
  u1: { get: (v, at) => v.getUint8(at), set: (v, at, value) => v.setUint8(at, value) },
  i1: { get: (v, at) => v.getInt8(at), set: (v, at, value) => v.setInt8(at, value) },
  u2: { get: (v, at, le) => v.getUint16(at, le), set: (v, at, n, le) => v.setUint16(at, n, le) },
  i2: { get: (v, at, le) => v.getInt16(at, le), set: (v, at, n, le) => v.setInt16(at, n, le) },
  u4: { get: (v, at, le) => v.getUint32(at, le), set: (v, at, n, le) => v.setUint32(at, n, le) },
  i4: { get: (v, at, le) => v.getInt32(at, le), set: (v, at, n, le) => v.setInt32(at, n, le) },
};

function bigintCodec(signed: boolean, little: boolean): Codec<bigint> {
  return {
    size: 8,
    read: (view, offset) =>
      signed ? view.getBigInt64(offset, little) : view.getBigUint64(offset, little),
    write(view, offset, value) {
      view.setBigUint64(offset, BigInt.asUintN(64, checkedBigint(value, 64, signed)), little);
    },
  };
}

function wideCodec(signed: boolean): Codec<bigint> {
  return {
    size: 16,
    read(view, offset) {
      const high = view.getBigUint64(offset + 8, true);
      const raw = (high << 64n) | view.getBigUint64(offset, true);
      return signed ? BigInt.asIntN(128, raw) : raw;
    },
    write(view, offset, value) {
      const raw = BigInt.asUintN(128, checkedBigint(value, 128, signed));
      view.setBigUint64(offset, BigInt.asUintN(64, raw), true);
      view.setBigUint64(offset + 8, raw >> 64n, true);
    },
  };
}

/** Enums read as numbers; any number of the right width may be written, as in C. */
function enumCodec(shape: EnumShape): Codec<unknown> {
  return integerCodec({ ...shape, kind: 'integer', bigEndian: false });
}

function booleanCodec(size: number): Codec<boolean> {
  return {
    size,
    read: (view, offset) => view.getUint8(offset) !== 0,
    write(view, offset, value) {
      if (typeof value !== 'boolean') {
        throw new ValueError(`must be a boolean; got ${describe(value)}`);
      }
      view.setUint8(offset, value ? 1 : 0);
    },
  };
}

function floatCodec(size: number): Codec<number> {
  if (size !== 4 && size !== 8) throw new ValueError(`no floating point type has ${size} bytes`);
  return {
    size,
    read: (view, offset) =>
      size === 4 ? view.getFloat32(offset, true) : view.getFloat64(offset, true),
    write(view, offset, value) {
      if (typeof value !== 'number') {
        throw new ValueError(`must be a number; got ${describe(value)}`);
      }
      if (size === 4) view.setFloat32(offset, value, true);
      else view.setFloat64(offset, value, true);
    },
  };
}

function stringCodec(size: number): Codec<string> {
  return {
    size,
    read(view, offset) {
      const bytes = Buffer.from(view.buffer, view.byteOffset + offset, size);
      const end = bytes.indexOf(0);
      return bytes.toString('utf8', 0, end < 0 ? size : end);
    },
    write(view, offset, value) {
      if (typeof value !== 'string' || value.includes('\0') || Buffer.byteLength(value) >= size) {
        throw new ValueError(
          `must be a string of at most ${size - 1} bytes without NUL; got ${describe(value)}`,
        );
      }
      Buffer.from(view.buffer, view.byteOffset + offset, size).write(value);
    },
  };
}

function arrayCodec(element: Codec<unknown>, length: number): Codec<unknown[]> {
  return {
    size: element.size * length,
    read: (view, offset) =>
      Array.from({ length }, (_, i) => element.read(view, offset + i * element.size)),
    write(view, offset, value) {
      if (!Array.isArray(value) || value.length !== length) {
        throw new ValueError(`must be an array of ${length} values; got ${describe(value)}`);
      }
      for (let i = 0; i < length; i++) {
        within(`[${i}]`, () => element.write(view, offset + i * element.size, value[i]));
      }
    },
  };
}

interface MemberCodec {
  readonly name: string;
  readonly offset: number;
  readonly optional: boolean;
  readonly codec: Codec<unknown>;
}

function structCodec(shape: StructShape): Codec<Record<string, unknown>> {
  const members = shape.members.filter((m) => m.name !== '').map(memberCodec);
  const names = new Set(members.map((m) => m.name));
  return {
    size: shape.size,
    read(view, offset) {
      const value: Record<string, unknown> = {};
      for (const m of members) value[m.name] = m.codec.read(view, offset + m.offset);
      return value;
    },
    write(view, offset, value) {
      if (typeof value !== 'object' || value === null) {
        throw new ValueError(`must be an object; got ${describe(value)}`);
      }
      for (const m of members) {
        const given = value[m.name];
        if (given === undefined && m.optional) continue;
        within(`.${m.name}`, () => {
          if (given === undefined) throw new ValueError('is missing');
          m.codec.write(view, offset + m.offset, given);
        });
      }
      const unknown = Object.keys(value).find((name) => !names.has(name));
      if (unknown !== undefined) {
        throw new ValueError(`has no member ${unknown}; its members are ${[...names].join(', ')}`);
      }
    },
  };
}

function memberCodec(member: MemberShape): MemberCodec {
  const { name, offset, optional, bits } = member;
  if (bits === undefined) return { name, offset, optional, codec: codecOf(member.shape) };
  return { name, offset, optional, codec: bitFieldCodec(member, bits) };
}

function bitFieldCodec(
  member: MemberShape,
  bits: { readonly offset: number; readonly width: number },
): Codec<unknown> {
  const { shape } = member;
  const signed = (shape.kind === 'integer' || shape.kind === 'enum') && shape.signed;
  const shift = BigInt(bits.offset - member.offset * 8);
  const byteCount = Math.ceil((Number(shift) + bits.width) / 8);
  const mask = (1n << BigInt(bits.width)) - 1n;
  const load = (view: DataView, offset: number): bigint => {
    let raw = 0n;
    for (let i = byteCount - 1; i >= 0; i--) raw = (raw << 8n) | BigInt(view.getUint8(offset + i));
    return raw;
  };
  return {
    size: byteCount,
    read(view, offset) {
      const raw = (load(view, offset) >> shift) & mask;
      const value = signed ? BigInt.asIntN(bits.width, raw) : raw;
      if (shape.kind === 'boolean') return value !== 0n;
      return shape.size > 4 ? value : Number(value);
    },
    write(view, offset, value) {
      const given = checkedBigint(bitFieldValue(value), bits.width, signed);
      let raw = (load(view, offset) & ~(mask << shift)) | ((given & mask) << shift);
      for (let i = 0; i < byteCount; i++, raw >>= 8n) {
        view.setUint8(offset + i, Number(raw & 0xffn));
      }
    },
  };
}

function bitFieldValue(value: unknown): unknown {
  if (typeof value === 'boolean') return value ? 1n : 0n;
  return typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : value;
}

function within(step: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    const separator = /^[.[]/.test(error.message) ? '' : ' ';
    throw new ValueError(`${step}${separator}${error.message}`, { cause: error.cause });
  }
}

function checkedNumber(value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw new ValueError(`must be an integer from ${min} to ${max}; got ${describe(value)}`);
  }
  return value;
}

function checkedBigint(value: unknown, bits: number, signed: boolean): bigint {
  const fits =
    typeof value === 'bigint' &&
    value === (signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value));
  if (!fits) {
    const range = `a bigint of ${bits} bits${signed ? ', signed' : ''}`;
    throw new ValueError(`must be ${range}; got ${describe(value)}`);
  }
  return value;
}

function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 40));
  if (typeof value === 'bigint') return `${value}n`;
  if (value instanceof Uint8Array || Array.isArray(value)) {
    return `${value.constructor.name} of ${value.length}`;
  }
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
