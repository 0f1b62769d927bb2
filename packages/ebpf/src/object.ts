/**
 * Reads a compiled BPF object: what programs, maps and variables it has and what they need. Nothing
 * here talks to the kernel; `loadObject` does.
 *
 * Maps are the BTF-defined ones of the section `.maps`. Global variables live in one-entry array maps,
 * one for each of the sections `.rodata`, `.data` and `.bss` (and those with a suffix).
 *
 * @module
 */
import { Btf } from './btf.ts';
import { EMPTY_BTF_EXT, readBtfExt, type BtfExt } from './btf-ext.ts';
import {
  readElf,
  SHF_EXECINSTR,
  SHT_NOBITS,
  STT_FUNC,
  type ElfObject,
  type ElfRelocation,
  type ElfSection,
} from './elf.ts';
import { FormatError, ObjectError } from './errors.ts';
import { INSTRUCTION_BYTES } from './instruction.ts';
import { isDataSection, readMaps, type MapSpec, type VariableSpec } from './map-spec.ts';
import { knownSections, sectionKind, type SectionKind } from './program-type.ts';

/** One function of the object, a program or a subprogram. */
export interface FunctionSpec {
  readonly name: string;
  readonly section: ElfSection;
  /** Bytes from the start of its section. */
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** Relocations of its section that fall into it. */
  readonly relocations: readonly ElfRelocation[];
}

/** A function that the kernel can run. */
export interface ProgramSpec extends SectionKind {
  readonly name: string;
  /** Section name, for example `xdp`. */
  readonly section: string;
  readonly main: FunctionSpec;
}

export interface ObjectFile {
  readonly programs: ReadonlyMap<string, ProgramSpec>;
  readonly maps: ReadonlyMap<string, MapSpec>;
  /** Global variables by name; constants (`const volatile`) among them. */
  readonly variables: ReadonlyMap<string, VariableSpec>;
  /** Content of the section `license`; empty when there is none. */
  readonly license: string;
  readonly btf: Btf | undefined;
  readonly btfExt: BtfExt;
  readonly elf: ElfObject;
  /** Functions of all executable sections, by section index, in order of their offset. */
  readonly functions: ReadonlyMap<number, readonly FunctionSpec[]>;
}

/**
 * Reads an object that clang wrote for `-target bpf`.
 *
 * @throws {FormatError} if the bytes are damaged.
 * @throws {ObjectError} if the object uses something this package does not offer.
 */
export function readObject(bytes: Uint8Array): ObjectFile {
  const elf = readElf(bytes);
  rejectUnknownSections(elf);
  const btfSection = findSection(elf, '.BTF');
  const btf = btfSection && Btf.read(btfSection.data);
  const extSection = findSection(elf, '.BTF.ext');
  const btfExt = btf && extSection ? readBtfExt(extSection.data, btf) : EMPTY_BTF_EXT;
  const functions = readFunctions(elf);
  const { maps, variables } = readMaps(elf, btf);
  return {
    programs: readPrograms(elf, functions),
    maps,
    variables,
    license: readLicense(elf),
    btf,
    btfExt,
    elf,
    functions,
  };
}

function findSection(elf: ElfObject, name: string): ElfSection | undefined {
  return elf.sections.find((s) => s.name === name && s.type !== SHT_NOBITS);
}

/** Sections that carry nothing the kernel needs. */
const IGNORED =
  /^(\.rel.*|\.debug_.*|\.BTF(\.ext)?|\.symtab|\.strtab|\.shstrtab|\.llvm_addrsig|\.eh_frame|\.comment|\.note.*|license|version|)$/;

function rejectUnknownSections(elf: ElfObject): void {
  for (const section of elf.sections) {
    const { name } = section;
    if (IGNORED.test(name) || isDataSection(name) || name === '.maps') continue;
    if ((section.flags & SHF_EXECINSTR) !== 0) {
      if (name === '.text' || sectionKind(name) !== undefined) continue;
      throw new ObjectError(
        `section "${name}" names no program type; known are ${knownSections().join(', ')}`,
      );
    }
    if (name === 'maps') {
      throw new ObjectError('section "maps" holds legacy map definitions; define maps in ".maps"');
    }
    if (section.size === 0) continue;
    throw new ObjectError(`section "${name}" is not supported`);
  }
}

function readFunctions(elf: ElfObject): Map<number, FunctionSpec[]> {
  const bySection = new Map<number, FunctionSpec[]>();
  for (const symbol of elf.symbols) {
    const section = elf.sections[symbol.section];
    if (symbol.type !== STT_FUNC || section === undefined) continue;
    if ((section.flags & SHF_EXECINSTR) === 0 || section.type === SHT_NOBITS) continue;
    const end = symbol.value + symbol.size;
    if (symbol.size === 0 || end > section.size || end % INSTRUCTION_BYTES !== 0) {
      throw new FormatError(`function ${symbol.name} does not fit section "${section.name}"`);
    }
    const list = bySection.get(section.index) ?? [];
    list.push({
      name: symbol.name,
      section,
      offset: symbol.value,
      bytes: section.data.subarray(symbol.value, end),
      relocations: section.relocations.filter((r) => r.offset >= symbol.value && r.offset < end),
    });
    bySection.set(section.index, list);
  }
  for (const list of bySection.values()) checkOrder(list);
  return bySection;
}

/** Sorts functions by offset. Overlap is refused: it would let a small file ask for much memory. */
function checkOrder(functions: FunctionSpec[]): void {
  functions.sort((a, b) => a.offset - b.offset);
  let end = 0;
  for (const f of functions) {
    if (f.offset < end || f.offset % INSTRUCTION_BYTES !== 0) {
      throw new FormatError(`function ${f.name} overlaps the one before it`);
    }
    end = f.offset + f.bytes.length;
  }
}

function readPrograms(
  elf: ElfObject,
  functions: ReadonlyMap<number, readonly FunctionSpec[]>,
): Map<string, ProgramSpec> {
  const programs = new Map<string, ProgramSpec>();
  for (const section of elf.sections) {
    const kind = sectionKind(section.name);
    if (kind === undefined || (section.flags & SHF_EXECINSTR) === 0) continue;
    for (const main of functions.get(section.index) ?? []) {
      programs.set(main.name, { ...kind, name: main.name, section: section.name, main });
    }
  }
  return programs;
}

function readLicense(elf: ElfObject): string {
  const section = findSection(elf, 'license');
  if (section === undefined) return '';
  const end = section.data.indexOf(0);
  return new TextDecoder().decode(section.data.subarray(0, end < 0 ? undefined : end));
}
