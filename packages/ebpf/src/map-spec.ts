/**
 * Reads what maps and global variables an object defines.
 *
 * A BTF-defined map is a variable of an anonymous struct in the section `.maps`. Its members say what
 * the map is: numbers are encoded as the length of an array type (`int (*max_entries)[8]`), types as
 * pointers, and `values` as an array of pointers to an inner map's struct or to functions.
 *
 * @module
 */
import type { Btf, BtfMember, BtfType } from './btf.ts';
import {
  SHT_NOBITS,
  STT_FUNC,
  STT_SECTION,
  type ElfObject,
  type ElfSection,
  type ElfSymbol,
} from './elf.ts';
import { FormatError, ObjectError } from './errors.ts';
import { BPF_F_MMAPABLE, BPF_F_RDONLY_PROG, mapTypeName, type MapType } from './map-type.ts';

/** What a map is created from. */
export interface MapSpec {
  readonly name: string;
  readonly type: MapType;
  /** Bytes. */
  readonly keySize: number;
  /** Bytes of one value; per-CPU maps have one such value per CPU. */
  readonly valueSize: number;
  readonly maxEntries: number;
  /** `BPF_F_*` creation flags. */
  readonly flags: number;
  /** Ids in the object's BTF; 0 when unknown. */
  readonly keyType: number;
  readonly valueType: number;
  /** Whether the definition asks to be pinned under its name. */
  readonly pinned: boolean;
  /** Template of the maps inside, for maps of maps. */
  readonly inner: MapSpec | undefined;
  /** Slots filled from the source: names of programs (prog array) or of maps (map of maps). */
  readonly initial: readonly { readonly index: number; readonly symbol: string }[];
  /** First content of a section of variables; `undefined` means zeros. */
  readonly data: Uint8Array | undefined;
  /** Frozen after filling: the section is `.rodata`. */
  readonly readOnly: boolean;
}

export interface VariableSpec {
  readonly name: string;
  /** Name of the map that holds it, which is the section's name. */
  readonly map: string;
  readonly offset: number;
  readonly size: number;
  /** Id in the object's BTF. */
  readonly type: number;
  /** A constant: can be set before the load only. */
  readonly readOnly: boolean;
}

/** Largest section of variables; the kernel's limit for a value is about 4 MiB of memory per map entry. */
const DATA_BYTES_MAX = 64 << 20;

/** Whether a section holds global variables. */
export function isDataSection(name: string): boolean {
  return /^\.(rodata|data|bss)(\..*)?$/.test(name);
}

export function readMaps(
  elf: ElfObject,
  btf: Btf | undefined,
): { maps: Map<string, MapSpec>; variables: Map<string, VariableSpec> } {
  const maps = new Map<string, MapSpec>();
  const variables = new Map<string, VariableSpec>();
  for (const section of elf.sections) {
    if (section.name === '.maps') {
      for (const spec of readMapSection(elf, section, btf)) maps.set(spec.name, spec);
    } else if (isDataSection(section.name) && section.size > 0) {
      maps.set(section.name, dataMap(section, btf));
      for (const v of readVariables(elf, section, btf)) variables.set(v.name, v);
    }
  }
  return { maps, variables };
}

/** Offset of each variable of a BTF section, taken from the symbol table. */
export function variableOffsets(
  elf: ElfObject,
  section: ElfSection,
  names: readonly string[],
): (number | undefined)[] {
  const byName = new Map<string, number[]>();
  for (const symbol of elf.symbols) {
    if (symbol.section !== section.index || symbol.type === STT_SECTION) continue;
    const offsets = byName.get(symbol.name);
    if (offsets === undefined) byName.set(symbol.name, [symbol.value]);
    else offsets.push(symbol.value);
  }
  // Function-local statics may share a name; they appear in the same order in both tables.
  return names.map((name) => byName.get(name)?.shift());
}

function readMapSection(elf: ElfObject, section: ElfSection, btf: Btf | undefined): MapSpec[] {
  if (btf === undefined) {
    throw new ObjectError('section ".maps" needs BTF; compile with -g');
  }
  const datasec = btf.find('.maps', 'section');
  if (datasec === undefined) throw new ObjectError('.BTF does not describe the section ".maps"');
  return btf.sectionVariables(datasec).map(({ type }) => {
    const variable = btf.type(type);
    if (variable.kind !== 'variable') throw new FormatError('.maps: an entry is no variable');
    const symbol = elf.symbols.find(
      (s) => s.section === section.index && s.name === variable.name && s.type !== STT_SECTION,
    );
    if (symbol === undefined) throw new ObjectError(`map ${variable.name} has no symbol`);
    const reader = new DefinitionReader(btf, variable.name);
    return reader.read(btf.resolve(variable.type), initialValues(elf, section, symbol));
  });
}

interface InitialValue {
  /** Bytes from the start of the map's struct. */
  readonly offset: number;
  readonly symbol: string;
}

function initialValues(elf: ElfObject, section: ElfSection, map: ElfSymbol): InitialValue[] {
  return section.relocations
    .filter((r) => r.offset >= map.value && r.offset < map.value + map.size)
    .map((r) => ({
      offset: r.offset - map.value,
      symbol: targetName(elf, section, r.symbol, map),
    }));
}

function targetName(
  elf: ElfObject,
  section: ElfSection,
  target: ElfSymbol,
  map: ElfSymbol,
): string {
  const named = target.type === STT_FUNC || target.section === section.index;
  if (named && target.name !== '') return target.name;
  const where = elf.sections[target.section]?.name ?? 'nowhere';
  throw new ObjectError(`map ${map.name}: a value refers to ${where}, neither a program nor a map`);
}

class DefinitionReader {
  readonly #btf: Btf;
  readonly #name: string;

  constructor(btf: Btf, name: string) {
    this.#btf = btf;
    this.#name = name;
  }

  read(struct: BtfType, initial: readonly InitialValue[], isInner = false): MapSpec {
    if (struct.kind !== 'struct') throw this.#error(`is a ${struct.kind}; expected a struct`);
    const members = this.#btf.members(struct);
    const known = new Map(members.map((m) => [m.name, m]));
    const unknown = members.find((m) => !DEFINITION_MEMBERS.has(m.name));
    if (unknown) throw this.#error(`has the unknown member "${unknown.name}"`);

    const number = (name: string): number => this.#number(known.get(name));
    const typeNumber = number('type');
    const type = mapTypeName(typeNumber);
    if (type === undefined) throw this.#error(`has the unknown type ${typeNumber}`);
    const keyType = this.#pointee(known.get('key'));
    const valueType = this.#pointee(known.get('value'));
    const values = known.get('values');
    const hasFdValues = values !== undefined || FD_VALUES.has(type);
    return {
      name: this.#name,
      type,
      keySize: this.#size(keyType, number('key_size'), 'key'),
      valueSize: this.#size(valueType, number('value_size'), 'value') || (hasFdValues ? 4 : 0),
      maxEntries: number('max_entries'),
      flags: number('map_flags'),
      keyType,
      valueType,
      pinned: number('pinning') === 1,
      inner: values && !isInner ? this.#inner(values) : undefined,
      initial: values ? this.#initial(values, initial) : [],
      data: undefined,
      readOnly: false,
    };
  }

  #number(member: BtfMember | undefined): number {
    if (member === undefined) return 0;
    const array = this.#btf.resolve(this.#pointee(member));
    if (array.kind !== 'array') throw this.#error(`"${member.name}" must be written with __uint`);
    return this.#btf.array(array).length;
  }

  #pointee(member: BtfMember | undefined): number {
    if (member === undefined) return 0;
    const pointer = this.#btf.resolve(member.type);
    if (pointer.kind !== 'pointer') {
      throw this.#error(`"${member.name}" must be written with __type or __uint`);
    }
    return pointer.type;
  }

  #size(type: number, given: number, what: string): number {
    if (type === 0) return given;
    const size = this.#btf.sizeOf(type);
    if (given !== 0 && given !== size) {
      throw this.#error(`${what}_size is ${given}, but its type has ${size} bytes`);
    }
    return size;
  }

  #inner(values: BtfMember): MapSpec | undefined {
    const array = this.#btf.resolve(values.type);
    if (array.kind !== 'array') throw this.#error('"values" must be written with __array');
    const pointer = this.#btf.resolve(this.#btf.array(array).element);
    const target = pointer.kind === 'pointer' ? this.#btf.resolve(pointer.type) : pointer;
    if (target.kind === 'prototype') return undefined;
    return new DefinitionReader(this.#btf, `${this.#name}.inner`).read(target, [], true);
  }

  #initial(
    values: BtfMember,
    initial: readonly InitialValue[],
  ): { index: number; symbol: string }[] {
    return initial.map(({ offset, symbol }) => {
      const index = (offset - values.bitOffset / 8) / 8;
      if (!Number.isInteger(index) || index < 0) {
        throw this.#error(`is initialized outside of "values" with ${symbol}`);
      }
      return { index, symbol };
    });
  }

  #error(message: string): ObjectError {
    return new ObjectError(`map ${this.#name} ${message}`);
  }
}

const DEFINITION_MEMBERS = new Set([
  'type',
  'key',
  'value',
  'key_size',
  'value_size',
  'max_entries',
  'map_flags',
  'values',
  'pinning',
]);

/** Values of these are file descriptors, 4 bytes. */
const FD_VALUES = new Set<MapType>(['progArray', 'arrayOfMaps', 'hashOfMaps']);

function dataMap(section: ElfSection, btf: Btf | undefined): MapSpec {
  if (section.size > DATA_BYTES_MAX) {
    throw new ObjectError(
      `section "${section.name}" has ${section.size} bytes; at most ${DATA_BYTES_MAX}`,
    );
  }
  const readOnly = section.name.startsWith('.rodata');
  return {
    name: section.name,
    type: 'array',
    keySize: 4,
    valueSize: section.size,
    maxEntries: 1,
    flags: readOnly ? BPF_F_RDONLY_PROG : BPF_F_MMAPABLE,
    keyType: 0,
    valueType: btf?.find(section.name, 'section')?.id ?? 0,
    pinned: false,
    inner: undefined,
    initial: [],
    data: section.type === SHT_NOBITS ? undefined : section.data,
    readOnly,
  };
}

function readVariables(elf: ElfObject, section: ElfSection, btf: Btf | undefined): VariableSpec[] {
  const datasec = btf?.find(section.name, 'section');
  if (btf === undefined || datasec === undefined) return [];
  const variables = btf.sectionVariables(datasec).map((v) => btf.type(v.type));
  const offsets = variableOffsets(
    elf,
    section,
    variables.map((v) => v.name),
  );
  return variables.flatMap((info, i) => {
    const offset = offsets[i];
    if (offset === undefined || info.kind !== 'variable') return [];
    const size = btf.sizeOf(info.type);
    if (offset + size > section.size) {
      throw new FormatError(`variable ${info.name} lies outside section "${section.name}"`);
    }
    const readOnly = section.name.startsWith('.rodata');
    return [{ name: info.name, map: section.name, offset, size, type: info.type, readOnly }];
  });
}
