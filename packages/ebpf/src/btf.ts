/**
 * Reads BTF, the type information that compilers put beside BPF code and that the kernel carries about
 * itself (`/sys/kernel/btf/vmlinux`). Types are kept as offsets into the bytes and decoded on demand,
 * because the kernel has more than a hundred thousand of them and a program looks at a handful.
 *
 * Source: the Linux kernel's BTF specification, Documentation/bpf/btf.rst.
 *
 * @module
 */
import { ByteReader } from './byte-reader.ts';
import { FormatError } from './errors.ts';

const BTF_VOID = 0;

const MAGIC = 0xeb9f;
const HEADER_BYTES = 24;
const TYPE_BYTES = 12;
/** Longest chain of typedefs, qualifiers and nested arrays that is followed before it counts as a loop. */
const DEPTH_MAX = 64;

const KINDS = [
  'void',
  'int',
  'pointer',
  'array',
  'struct',
  'union',
  'enum',
  'forward',
  'typedef',
  'volatile',
  'const',
  'restrict',
  'function',
  'prototype',
  'variable',
  'section',
  'float',
  'declTag',
  'typeTag',
  'enum64',
] as const;

export type BtfKind = (typeof KINDS)[number];

/** Kinds whose record says how many bytes a value takes. */
const SIZED: ReadonlySet<BtfKind> = new Set([
  'int',
  'struct',
  'union',
  'enum',
  'enum64',
  'float',
  'section',
]);

export interface BtfMember {
  readonly name: string;
  readonly type: number;
  /** Offset from the start of the struct, in bits. */
  readonly bitOffset: number;
  /** Width of a bit field in bits; 0 for an ordinary member. */
  readonly bitSize: number;
}

export interface BtfEnumValue {
  readonly name: string;
  readonly value: bigint;
}

export interface BtfSectionVariable {
  /** Id of the `variable` type. */
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  /** Where this record stands in the BTF bytes; its offset field is patched at load. */
  readonly at: number;
}

/** One type; which fields mean something depends on `kind`. */
export interface BtfType {
  readonly id: number;
  readonly kind: BtfKind;
  readonly name: string;
  /** Bytes, for int, struct, union, enum, section and float. */
  readonly size: number;
  /** The type referred to, for pointer, typedef, qualifiers, function, variable, tags. */
  readonly type: number;
  /** Signedness of an enum, union-ness of a forward declaration, or bit-field layout of a struct. */
  readonly flag: boolean;
  /** Number of members, values, parameters or variables; linkage of a function. */
  readonly count: number;
  /** Where its record stands in the BTF bytes. */
  readonly at: number;
}

export class Btf {
  /** The complete section, as it is handed to the kernel. */
  readonly bytes: Uint8Array;
  /** Number of types, `void` (id 0) included. */
  readonly length: number;
  readonly #reader: ByteReader;
  readonly #strings: ByteReader;
  readonly #offsets: Uint32Array;
  #byName: Map<string, number[]> | undefined;

  private constructor(reader: ByteReader, strings: ByteReader, offsets: Uint32Array) {
    this.bytes = reader.bytes;
    this.length = offsets.length;
    this.#reader = reader;
    this.#strings = strings;
    this.#offsets = offsets;
  }

  /**
   * Reads and indexes BTF.
   *
   * @throws {FormatError} if a header, record or string lies outside the bytes or a kind is unknown.
   */
  static read(bytes: Uint8Array, what: string = '.BTF'): Btf {
    const reader = new ByteReader(bytes, what);
    if (reader.length < HEADER_BYTES || reader.u16(0) !== MAGIC) {
      throw new FormatError(`${what}: the magic number eb9f is missing`);
    }
    const headerBytes = reader.u32(4);
    const types = reader.slice(headerBytes + reader.u32(8), reader.u32(12), `${what} types`);
    const strings = reader.slice(headerBytes + reader.u32(16), reader.u32(20), `${what} strings`);
    if (strings.length === 0 || strings.u8(0) !== 0 || strings.u8(strings.length - 1) !== 0) {
      throw new FormatError(`${what}: the string section must begin and end with a NUL`);
    }
    const base = headerBytes + reader.u32(8);
    return new Btf(reader, strings, indexTypes(types, base));
  }

  /** The type with this id; `void` for 0. */
  type(id: number): BtfType {
    if (id === BTF_VOID) {
      return { id, kind: 'void', name: 'void', size: 0, type: 0, flag: false, count: 0, at: 0 };
    }
    const at = this.#offsets[id];
    if (at === undefined) throw new FormatError(`${this.#reader.what}: no type with id ${id}`);
    const info = this.#reader.u32(at + 4);
    const sizeOrType = this.#reader.u32(at + 8);
    return {
      id,
      kind: kindOf(info),
      name: this.#strings.string(this.#reader.u32(at)),
      size: sizeOrType,
      type: sizeOrType,
      flag: info >>> 31 === 1,
      count: info & 0xffff,
      at,
    };
  }

  /** Encoding of an int: its width in bits and whether it is signed, a char or a bool. */
  intEncoding(type: BtfType): { bits: number; signed: boolean; char: boolean; bool: boolean } {
    const word = this.#reader.u32(type.at + TYPE_BYTES);
    const encoding = (word >>> 24) & 0xf;
    return {
      bits: word & 0xff,
      signed: (encoding & 1) !== 0,
      char: (encoding & 2) !== 0,
      bool: (encoding & 4) !== 0,
    };
  }

  array(type: BtfType): { element: number; index: number; length: number } {
    const at = type.at + TYPE_BYTES;
    return {
      element: this.#reader.u32(at),
      index: this.#reader.u32(at + 4),
      length: this.#reader.u32(at + 8),
    };
  }

  members(type: BtfType): BtfMember[] {
    return Array.from({ length: type.count }, (_, i) => {
      const at = type.at + TYPE_BYTES + i * 12;
      const offset = this.#reader.u32(at + 8);
      return {
        name: this.#strings.string(this.#reader.u32(at)),
        type: this.#reader.u32(at + 4),
        bitOffset: type.flag ? offset & 0xffffff : offset,
        bitSize: type.flag ? offset >>> 24 : 0,
      };
    });
  }

  enumValues(type: BtfType): BtfEnumValue[] {
    const wide = type.kind === 'enum64';
    return Array.from({ length: type.count }, (_, i) => {
      const at = type.at + TYPE_BYTES + i * (wide ? 12 : 8);
      const name = this.#strings.string(this.#reader.u32(at));
      const low = BigInt(this.#reader.u32(at + 4));
      const raw = wide ? low | (BigInt(this.#reader.u32(at + 8)) << 32n) : low;
      return { name, value: type.flag ? BigInt.asIntN(wide ? 64 : 32, raw) : raw };
    });
  }

  sectionVariables(type: BtfType): BtfSectionVariable[] {
    return Array.from({ length: type.count }, (_, i) => {
      const at = type.at + TYPE_BYTES + i * 12;
      return {
        type: this.#reader.u32(at),
        offset: this.#reader.u32(at + 4),
        size: this.#reader.u32(at + 8),
        at,
      };
    });
  }

  /** Ids of the types with this name, in the order of the bytes. The first call indexes all names. */
  idsByName(name: string): readonly number[] {
    this.#byName ??= this.#indexNames();
    return this.#byName.get(name) ?? [];
  }

  /** The first type with this name and one of these kinds, or `undefined`. */
  find(name: string, ...kinds: readonly BtfKind[]): BtfType | undefined {
    for (const id of this.idsByName(name)) {
      const type = this.type(id);
      if (kinds.includes(type.kind)) return type;
    }
    return undefined;
  }

  /** Types with ids 1 and up. */
  *types(): Generator<BtfType> {
    for (let id = 1; id < this.length; id++) yield this.type(id);
  }

  /** Follows typedefs, qualifiers and tags to the type that has a shape. */
  resolve(id: number): BtfType {
    let type = this.type(id);
    for (let depth = 0; isAlias(type.kind); depth++) {
      if (depth === DEPTH_MAX) {
        throw new FormatError(`${this.#reader.what}: type ${id} refers to itself`);
      }
      type = this.type(type.type);
    }
    return type;
  }

  /**
   * Bytes a value of this type takes.
   *
   * @throws {FormatError} for types without a size (functions, `void`) and sizes of 2^32 and more.
   */
  sizeOf(id: number): number {
    let factor = 1;
    let next = id;
    for (let depth = 0; depth < DEPTH_MAX; depth++) {
      const type = this.resolve(next);
      if (type.kind === 'variable') {
        next = type.type;
        continue;
      }
      if (type.kind !== 'array') return this.#checkedSize(id, factor * this.#scalarSize(type));
      const { element, length } = this.array(type);
      factor = this.#checkedSize(id, factor * length);
      next = element;
    }
    throw new FormatError(`${this.#reader.what}: type ${id} is nested too deeply`);
  }

  /** The string at an offset of the string section, as `.BTF.ext` refers to it. */
  string(offset: number): string {
    return this.#strings.string(offset);
  }

  #scalarSize(type: BtfType): number {
    if (type.kind === 'pointer') return 8;
    if (SIZED.has(type.kind)) return type.size;
    throw new FormatError(
      `${this.#reader.what}: type ${type.id} (${type.kind} ${type.name}) has no size`,
    );
  }

  #checkedSize(id: number, size: number): number {
    if (size > 0xffff_ffff) {
      throw new FormatError(`${this.#reader.what}: type ${id} is larger than 4 GiB`);
    }
    return size;
  }

  #indexNames(): Map<string, number[]> {
    // Most of the kernel's types share few name offsets with others: decode each name once.
    const byOffset = new Map<number, number[]>();
    for (let id = 1; id < this.length; id++) {
      const offset = this.#reader.u32(this.#offsets[id]!);
      if (offset === 0) continue;
      const ids = byOffset.get(offset);
      if (ids === undefined) byOffset.set(offset, [id]);
      else ids.push(id);
    }
    const byName = new Map<string, number[]>();
    for (const [offset, ids] of byOffset) {
      const name = this.#strings.string(offset);
      byName.set(
        name,
        [...(byName.get(name) ?? []), ...ids].toSorted((a, b) => a - b),
      );
    }
    return byName;
  }
}

/** Whether a type only gives another one a name or a qualifier. */
function isAlias(kind: BtfKind): boolean {
  return (
    kind === 'typedef' ||
    kind === 'volatile' ||
    kind === 'const' ||
    kind === 'restrict' ||
    kind === 'typeTag'
  );
}

function kindOf(info: number): BtfKind {
  const kind = KINDS[(info >>> 24) & 0x1f];
  if (kind === undefined || kind === 'void') {
    throw new FormatError(`.BTF: unknown kind ${(info >>> 24) & 0x1f}`);
  }
  return kind;
}

function indexTypes(types: ByteReader, base: number): Uint32Array {
  // A record has at least 12 bytes, which bounds their number by the bytes that are there.
  const offsets = new Uint32Array(Math.floor(types.length / TYPE_BYTES) + 1);
  let count = 1;
  for (let at = 0; at < types.length; count++) {
    const info = types.u32(at + 4);
    offsets[count] = base + at;
    const recordBytes = TYPE_BYTES + trailingBytes(kindOf(info), info & 0xffff);
    types.slice(at, recordBytes);
    at += recordBytes;
  }
  return offsets.slice(0, count);
}

/** Bytes behind the record of a type: a fixed part, and one for each member, value or parameter. */
const TRAILING: Partial<Record<BtfKind, { readonly fixed?: number; readonly each?: number }>> = {
  int: { fixed: 4 },
  variable: { fixed: 4 },
  declTag: { fixed: 4 },
  array: { fixed: 12 },
  struct: { each: 12 },
  union: { each: 12 },
  section: { each: 12 },
  enum64: { each: 12 },
  enum: { each: 8 },
  prototype: { each: 8 },
};

function trailingBytes(kind: BtfKind, count: number): number {
  const { fixed = 0, each = 0 } = TRAILING[kind] ?? {};
  return fixed + each * count;
}
