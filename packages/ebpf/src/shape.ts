/**
 * Turns a BTF type into a *shape*: the resolved description of how a value lies in memory. Codecs
 * and generated TypeScript types are both made from shapes, so that they cannot disagree.
 *
 * Anonymous structs and unions give their members to the struct around them, as in C. Typedefs named
 * `__be16`, `__be32`, `__be64` mark integers in network byte order.
 *
 * @module
 */
import type { Btf, BtfMember, BtfType } from './btf.ts';
import { FormatError } from './errors.ts';

/** Deepest nesting of structs and arrays by value; C code stays far below. */
const DEPTH_MAX = 32;
/** Most scalar reads one value may take. Bounds what a hostile BTF can make a decoder do. */
const SCALARS_MAX = 1 << 20;

interface Sized {
  /** Bytes. */
  readonly size: number;
  /** How many scalars one value is made of. */
  readonly scalars: number;
}

export interface IntegerShape extends Sized {
  readonly kind: 'integer';
  readonly signed: boolean;
  /** In network byte order (`__be16` and so on). */
  readonly bigEndian: boolean;
}

export interface EnumShape extends Sized {
  readonly kind: 'enum';
  readonly name: string;
  readonly signed: boolean;
  readonly values: readonly { readonly name: string; readonly value: bigint }[];
}

/** Booleans, floating point numbers, pointers, `__u8[n]` as bytes, `char[n]` as a string. */
interface PlainShape extends Sized {
  readonly kind: 'boolean' | 'float' | 'pointer' | 'bytes' | 'string';
}

interface ArrayShape extends Sized {
  readonly kind: 'array';
  readonly length: number;
  readonly element: Shape;
}

export interface StructShape extends Sized {
  readonly kind: 'struct';
  /** Tag or typedef name; empty for an anonymous struct. */
  readonly name: string;
  readonly members: readonly MemberShape[];
}

export interface MemberShape {
  readonly name: string;
  /** Bytes from the start of the outer struct. */
  readonly offset: number;
  readonly shape: Shape;
  /** Shares its bytes with other members (of a union): may be left out when encoding. */
  readonly optional: boolean;
  /** Set for bit fields: position from the start of the outer struct and width, in bits. */
  readonly bits?: { readonly offset: number; readonly width: number };
}

export type Shape = IntegerShape | EnumShape | PlainShape | ArrayShape | StructShape;

/**
 * The shape of a type.
 *
 * @throws {FormatError} if the type has no size, members overlap its end, or it contains itself.
 */
export function shapeOf(btf: Btf, id: number): Shape {
  return new ShapeReader(btf).read(id, 0);
}

class ShapeReader {
  readonly #btf: Btf;
  readonly #known = new Map<number, Shape>();

  constructor(btf: Btf) {
    this.#btf = btf;
  }

  read(id: number, depth: number): Shape {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    if (depth > DEPTH_MAX) throw new FormatError(`.BTF: type ${id} is nested too deeply`);
    const shape = this.#build(id, depth);
    if (shape.scalars > SCALARS_MAX) {
      throw new FormatError(`.BTF: type ${id} has more than ${SCALARS_MAX} scalars`);
    }
    this.#known.set(id, shape);
    return shape;
  }

  #build(id: number, depth: number): Shape {
    const type = this.#btf.resolve(id);
    const size = this.#btf.sizeOf(type.id);
    if (type.kind === 'int') return this.#integer(id, type, size);
    if (type.kind === 'array') return this.#array(type, size, depth);
    if (type.kind === 'struct' || type.kind === 'union') {
      return this.#struct(id, type, size, depth);
    }
    if (type.kind === 'enum' || type.kind === 'enum64') {
      const { name, flag: signed } = type;
      return { kind: 'enum', name, size, scalars: 1, signed, values: this.#btf.enumValues(type) };
    }
    if (type.kind === 'pointer' || type.kind === 'float') {
      return { kind: type.kind, size, scalars: 1 };
    }
    throw new FormatError(`.BTF: a ${type.kind} (type ${id}) is no value`);
  }

  #integer(id: number, type: BtfType, size: number): Shape {
    const { signed, bool } = this.#btf.intEncoding(type);
    if (bool) return { kind: 'boolean', size, scalars: 1 };
    if (![1, 2, 4, 8, 16].includes(size)) {
      throw new FormatError(`.BTF: int ${type.name} of ${size} bytes`);
    }
    return { kind: 'integer', size, scalars: 1, signed, bigEndian: this.#isNetworkOrder(id) };
  }

  #isNetworkOrder(id: number): boolean {
    for (let type = this.#btf.type(id); type.kind !== 'int'; type = this.#btf.type(type.type)) {
      if (type.kind === 'typedef' && /^__be(16|32|64)$/.test(type.name)) return true;
    }
    return false;
  }

  #array(type: BtfType, size: number, depth: number): Shape {
    const { element, length } = this.#btf.array(type);
    const item = this.#btf.resolve(element);
    if (item.kind === 'int' && item.size === 1 && !this.#btf.intEncoding(item).bool) {
      return { kind: item.name === 'char' ? 'string' : 'bytes', size, scalars: 1 };
    }
    const shape = this.read(element, depth + 1);
    if (shape.size === 0) throw new FormatError(`.BTF: array of values without size (${type.id})`);
    return { kind: 'array', size, scalars: length * shape.scalars, length, element: shape };
  }

  #struct(id: number, type: BtfType, size: number, depth: number): Shape {
    const members = this.#btf
      .members(type)
      .flatMap((member) => this.#member(type, size, member, depth));
    const scalars = members.reduce((sum, m) => sum + m.shape.scalars, 0);
    return { kind: 'struct', name: type.name || this.#typedefName(id), size, scalars, members };
  }

  #member(outer: BtfType, size: number, member: BtfMember, depth: number): MemberShape[] {
    const optional = outer.kind === 'union';
    const offset = Math.floor(member.bitOffset / 8);
    const shape = this.read(member.type, depth + 1);
    const end = member.bitSize > 0 ? member.bitOffset + member.bitSize : (offset + shape.size) * 8;
    if (end > size * 8) {
      throw new FormatError(`.BTF: member ${member.name} lies outside ${outer.kind} ${outer.name}`);
    }
    if (member.bitSize > 0) {
      const bits = { offset: member.bitOffset, width: member.bitSize };
      return [{ name: member.name, offset, shape, optional, bits }];
    }
    if (member.name !== '' || shape.kind !== 'struct') {
      return [{ name: member.name, offset, shape, optional }];
    }
    return shape.members.map((inner) => promoted(inner, offset, optional));
  }

  #typedefName(id: number): string {
    const type = this.#btf.type(id);
    return type.kind === 'typedef' ? type.name : '';
  }
}

/** A member of an anonymous struct or union, seen from the struct around it. */
function promoted(inner: MemberShape, offset: number, optional: boolean): MemberShape {
  const moved = {
    ...inner,
    offset: inner.offset + offset,
    optional: inner.optional || optional,
  };
  if (inner.bits === undefined) return moved;
  return { ...moved, bits: { ...inner.bits, offset: inner.bits.offset + offset * 8 } };
}
