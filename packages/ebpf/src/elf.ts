/**
 * Reads the parts of an ELF64 little-endian relocatable object that a BPF loader needs: sections,
 * symbols and relocations. Section contents are windows into the file, never copies, and every count
 * is bounded by the file's length, so that a hostile object cannot make the reader allocate.
 *
 * Source: System V ABI, chapters 4 (object files) and the ELF-64 object file format, version 1.5.
 *
 * @module
 */
import { ByteReader } from './byte-reader.ts';
import { FormatError } from './errors.ts';

export const SHT_NOBITS = 8;
export const SHF_EXECINSTR = 4;

export const STT_FUNC = 2;
export const STT_SECTION = 3;

const SHT_SYMTAB = 2;
const SHT_REL = 9;
const ET_REL = 1;
const EM_BPF = 247;
const FILE_HEADER_BYTES = 64;
const SECTION_HEADER_BYTES = 64;
const SYMBOL_BYTES = 24;
const REL_BYTES = 16;

export interface ElfSection {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  /** Bytes the section takes in memory; `data` is empty for `SHT_NOBITS`. */
  readonly size: number;
  readonly data: Uint8Array;
  readonly relocations: readonly ElfRelocation[];
}

export interface ElfSymbol {
  readonly name: string;
  /** `STT_FUNC`, `STT_SECTION` or another. */
  readonly type: number;
  /** Local symbols (`static` in C) have binding 0. */
  readonly binding: number;
  /** Index of the section that defines it; 0 when undefined. */
  readonly section: number;
  /** Offset in its section. */
  readonly value: number;
  readonly size: number;
}

export interface ElfRelocation {
  /** Offset of the patched bytes in the section. */
  readonly offset: number;
  /** `R_BPF_*` number. */
  readonly type: number;
  readonly symbol: ElfSymbol;
}

export interface ElfObject {
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
}

/**
 * Reads an object compiled for BPF.
 *
 * @throws {FormatError} if the bytes are not a complete ELF64 LSB relocatable object for EM_BPF.
 */
export function readElf(bytes: Uint8Array): ElfObject {
  const file = new ByteReader(bytes, 'ELF object');
  checkHeader(file);
  const headers = readSectionHeaders(file);
  const symbols = readSymbols(file, headers);
  const relocations = readRelocations(file, headers, symbols);
  const sections = headers.map((header, index) => ({
    index,
    name: header.name,
    type: header.type,
    flags: header.flags,
    size: header.size,
    data: contents(file, header).bytes,
    relocations: relocations.get(index) ?? [],
  }));
  return { sections, symbols };
}

interface SectionHeader {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly info: number;
}

function checkHeader(file: ByteReader): void {
  if (file.length < FILE_HEADER_BYTES || file.u32(0) !== 0x464c457f) {
    throw new FormatError('not an ELF object: the magic number 7f 45 4c 46 is missing');
  }
  if (file.u8(4) !== 2 || file.u8(5) !== 1) {
    throw new FormatError('ELF object: must be 64-bit little-endian (compile with -target bpfel)');
  }
  if (file.u16(16) !== ET_REL || file.u16(18) !== EM_BPF) {
    throw new FormatError(
      `ELF object: must be a relocatable object for BPF (type 1, machine 247); got type ${file.u16(16)}, machine ${file.u16(18)}`,
    );
  }
}

function readSectionHeaders(file: ByteReader): SectionHeader[] {
  const tableOffset = file.size64(40);
  const entryBytes = file.u16(58);
  const count = file.u16(60);
  const nameIndex = file.u16(62);
  if (count > 0 && entryBytes !== SECTION_HEADER_BYTES) {
    throw new FormatError(`ELF object: section headers of ${entryBytes} bytes; expected 64`);
  }
  const table = file.slice(tableOffset, count * SECTION_HEADER_BYTES, 'ELF section headers');
  const names = count === 0 ? table : sectionNames(file, table, nameIndex);
  return Array.from({ length: count }, (_, i) => {
    const at = i * SECTION_HEADER_BYTES;
    return {
      name: names.string(table.u32(at)),
      type: table.u32(at + 4),
      flags: Number(table.u64(at + 8) & 0xffff_ffffn),
      offset: table.size64(at + 24),
      size: table.size64(at + 32),
      link: table.u32(at + 40),
      info: table.u32(at + 44),
    };
  });
}

function sectionNames(file: ByteReader, table: ByteReader, index: number): ByteReader {
  const at = index * SECTION_HEADER_BYTES;
  return file.slice(table.size64(at + 24), table.size64(at + 32), 'ELF section names');
}

function contents(file: ByteReader, header: SectionHeader): ByteReader {
  const what = `ELF section ${header.name || '(unnamed)'}`;
  if (header.type === SHT_NOBITS || header.type === 0) return file.slice(0, 0, what);
  return file.slice(header.offset, header.size, what);
}

function stringTable(
  file: ByteReader,
  headers: readonly SectionHeader[],
  index: number,
  what: string,
): ByteReader {
  const header = headers[index];
  if (header === undefined) throw new FormatError(`${what}: no section with index ${index}`);
  return file.slice(header.offset, header.size, what);
}

function readSymbols(file: ByteReader, headers: readonly SectionHeader[]): ElfSymbol[] {
  const header = headers.find((h) => h.type === SHT_SYMTAB);
  if (header === undefined) return [];
  const table = contents(file, header);
  const names = stringTable(file, headers, header.link, 'ELF symbol names');
  const symbols: ElfSymbol[] = [];
  for (let at = 0; at + SYMBOL_BYTES <= table.length; at += SYMBOL_BYTES) {
    const info = table.u8(at + 4);
    symbols.push({
      name: names.string(table.u32(at)),
      type: info & 0xf,
      binding: info >> 4,
      section: table.u16(at + 6),
      value: table.size64(at + 8),
      size: table.size64(at + 16),
    });
  }
  return symbols;
}

function readRelocations(
  file: ByteReader,
  headers: readonly SectionHeader[],
  symbols: readonly ElfSymbol[],
): Map<number, ElfRelocation[]> {
  const bySection = new Map<number, ElfRelocation[]>();
  for (const header of headers) {
    if (header.type !== SHT_REL) continue;
    const table = contents(file, header);
    const relocations = bySection.get(header.info) ?? [];
    for (let at = 0; at + REL_BYTES <= table.length; at += REL_BYTES) {
      const symbol = symbols[table.u32(at + 12)];
      if (symbol === undefined) {
        throw new FormatError(`${table.what}: no symbol ${table.u32(at + 12)} in the symbol table`);
      }
      relocations.push({ offset: table.size64(at), type: table.u32(at + 8), symbol });
    }
    bySection.set(header.info, relocations);
  }
  return bySection;
}
