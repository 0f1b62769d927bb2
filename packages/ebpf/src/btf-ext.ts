/**
 * Reads `.BTF.ext`: for every code section where its functions begin, which source line each
 * instruction came from, and which instructions depend on the layout of kernel types (CO-RE).
 *
 * Source: the Linux kernel's BTF specification, Documentation/bpf/btf.rst, and the CO-RE part of
 * Documentation/bpf/llvm_reloc.rst.
 *
 * @module
 */
import type { Btf } from './btf.ts';
import { ByteReader } from './byte-reader.ts';
import { FormatError } from './errors.ts';

/** Offsets are in bytes from the start of the code section. */
export interface FunctionInfo {
  readonly offset: number;
  readonly type: number;
}

export interface LineInfo {
  readonly offset: number;
  /** Offsets into the BTF string section, as the kernel wants them. */
  readonly fileOffset: number;
  readonly textOffset: number;
  readonly line: number;
  readonly column: number;
}

export interface CoreRelocation {
  readonly offset: number;
  /** Type in the object's BTF. */
  readonly type: number;
  /** Path of member and array indexes, as in "0:2:1". */
  readonly access: string;
  /** `enum bpf_core_relo_kind`. */
  readonly kind: number;
}

export interface BtfExt {
  readonly functions: ReadonlyMap<string, readonly FunctionInfo[]>;
  readonly lines: ReadonlyMap<string, readonly LineInfo[]>;
  readonly core: ReadonlyMap<string, readonly CoreRelocation[]>;
}

/** Nothing known beyond the types. */
export const EMPTY_BTF_EXT: BtfExt = { functions: new Map(), lines: new Map(), core: new Map() };

/** @throws {FormatError} if a table or record lies outside the section. */
export function readBtfExt(bytes: Uint8Array, btf: Btf): BtfExt {
  const file = new ByteReader(bytes, '.BTF.ext');
  if (file.length < 24 || file.u16(0) !== 0xeb9f) {
    throw new FormatError('.BTF.ext: the magic number eb9f is missing');
  }
  const headerBytes = file.u32(4);
  const table = (field: number): ByteReader =>
    headerBytes < field + 8
      ? file.slice(0, 0)
      : file.slice(headerBytes + file.u32(field), file.u32(field + 4));
  return {
    functions: readTable(table(8), btf, 8, (r, at) => ({ offset: r.u32(at), type: r.u32(at + 4) })),
    lines: readTable(table(16), btf, 16, (r, at) => ({
      offset: r.u32(at),
      fileOffset: r.u32(at + 4),
      textOffset: r.u32(at + 8),
      line: r.u32(at + 12) >>> 10,
      column: r.u32(at + 12) & 0x3ff,
    })),
    core: readTable(table(24), btf, 16, (r, at) => ({
      offset: r.u32(at),
      type: r.u32(at + 4),
      access: btf.string(r.u32(at + 8)),
      kind: r.u32(at + 12),
    })),
  };
}

function readTable<T>(
  table: ByteReader,
  btf: Btf,
  recordBytesMin: number,
  read: (reader: ByteReader, at: number) => T,
): Map<string, T[]> {
  const bySection = new Map<string, T[]>();
  if (table.length === 0) return bySection;
  const recordBytes = table.u32(0);
  if (recordBytes < recordBytesMin) {
    throw new FormatError(`.BTF.ext: records of ${recordBytes} bytes; expected ${recordBytesMin}`);
  }
  let at = 4;
  while (at < table.length) {
    const name = btf.string(table.u32(at));
    const records = table.slice(at + 8, table.u32(at + 4) * recordBytes);
    const list = bySection.get(name) ?? [];
    for (let i = 0; i < records.length; i += recordBytes) list.push(read(records, i));
    bySection.set(name, list);
    at += 8 + records.length;
  }
  return bySection;
}
