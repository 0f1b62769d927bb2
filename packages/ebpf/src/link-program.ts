/**
 * Joins a program with the functions it calls into one run of instructions and works out every
 * reference between them. What only the kernel can say, file descriptors of maps, is left as a list of
 * places to patch.
 *
 * Each function of `.text` that is reachable is appended once. The relocations are those that clang
 * emits for BPF (the kernel's Documentation/bpf/llvm_reloc.rst):
 *
 * | Instruction | Symbol in | Becomes |
 * |---|---|---|
 * | `ld_imm64` | `.maps` | map file descriptor |
 * | `ld_imm64` | `.rodata`, `.data`, `.bss` | address of a variable: map and offset |
 * | `ld_imm64` | code | function address, for callbacks |
 * | `call` | code | relative call |
 *
 * @module
 */
import type { CoreRelocation, FunctionInfo, LineInfo } from './btf-ext.ts';
import { STT_SECTION, type ElfRelocation, type ElfSymbol } from './elf.ts';
import { ObjectError } from './errors.ts';
import {
  CALL,
  INSTRUCTION_BYTES,
  Instructions,
  PSEUDO_CALL,
  PSEUDO_FUNC,
  PSEUDO_MAP_FD,
  PSEUDO_MAP_VALUE,
} from './instruction.ts';
import type { FunctionSpec, ObjectFile, ProgramSpec } from './object.ts';
import { isDataSection } from './map-spec.ts';

/** The kernel's own limit for a privileged program. */
const INSTRUCTIONS_MAX = 1_000_000;

/** An `ld_imm64` whose immediate becomes the map's file descriptor. */
interface MapReference {
  readonly instruction: number;
  readonly map: string;
}

export interface LinkedProgram {
  readonly instructions: Instructions;
  readonly maps: readonly MapReference[];
  /** Where functions begin, program first. All offsets here count bytes from the first instruction. */
  readonly functionInfo: readonly FunctionInfo[];
  readonly lineInfo: readonly LineInfo[];
  readonly core: readonly CoreRelocation[];
}

/**
 * Links one program of an object. The object's bytes are not changed.
 *
 * @throws {ObjectError} if an instruction refers to something that is not there or not supported.
 */
export function linkProgram(object: ObjectFile, program: ProgramSpec): LinkedProgram {
  const linker = new Linker(object, program);
  return linker.link();
}

/** A function and the index its first instruction has in the linked program. */
interface Placed {
  readonly fn: FunctionSpec;
  readonly start: number;
}

class Linker {
  readonly #object: ObjectFile;
  readonly #program: ProgramSpec;
  readonly #placed: Placed[] = [];
  readonly #startOf = new Map<FunctionSpec, number>();
  readonly #maps: MapReference[] = [];
  #length = 0;

  constructor(object: ObjectFile, program: ProgramSpec) {
    this.#object = object;
    this.#program = program;
  }

  link(): LinkedProgram {
    this.#place(this.#program.main);
    // The list grows while callees are found; each function is placed once, so this ends.
    for (const { fn } of this.#placed) this.#placeCallees(fn);

    const bytes = new Uint8Array(this.#length * INSTRUCTION_BYTES);
    for (const { fn, start } of this.#placed) bytes.set(fn.bytes, start * INSTRUCTION_BYTES);
    const instructions = new Instructions(bytes);
    for (const placed of this.#placed) this.#relocate(instructions, placed);
    return {
      instructions,
      maps: this.#maps,
      functionInfo: this.#records(this.#object.btfExt.functions),
      lineInfo: this.#records(this.#object.btfExt.lines),
      core: this.#records(this.#object.btfExt.core),
    };
  }

  #place(fn: FunctionSpec): void {
    if (this.#startOf.has(fn)) return;
    this.#placed.push({ fn, start: this.#length });
    this.#startOf.set(fn, this.#length);
    this.#length += fn.bytes.length / INSTRUCTION_BYTES;
    if (this.#length > INSTRUCTIONS_MAX) {
      throw this.#error(`has more than ${INSTRUCTIONS_MAX} instructions`);
    }
  }

  #placeCallees(fn: FunctionSpec): void {
    const code = new Instructions(fn.bytes);
    const relocated = new Set<number>();
    for (const relocation of fn.relocations) {
      const index = (relocation.offset - fn.offset) / INSTRUCTION_BYTES;
      relocated.add(index);
      if (this.#isCode(relocation.symbol)) {
        this.#place(this.#relocatedFunction(code, index, relocation));
      }
    }
    for (let i = 0; i < code.length; i++) {
      if (code.isWideLoad(i)) i++;
      else if (code.isLocalCall(i) && !relocated.has(i))
        this.#place(this.#localCallee(fn, code, i));
    }
  }

  /** A function called in its own section, where the compiler knew the distance. */
  #localCallee(fn: FunctionSpec, code: Instructions, index: number): FunctionSpec {
    const target = fn.offset / INSTRUCTION_BYTES + index + code.immediate(index) + 1;
    return this.#functionAt(fn.section.index, target * INSTRUCTION_BYTES);
  }

  #relocatedFunction(code: Instructions, index: number, { symbol }: ElfRelocation): FunctionSpec {
    if (index + 1 > code.length || !Number.isInteger(index)) {
      throw this.#error('has a relocation outside of its instructions');
    }
    // A call counts instructions from the one after it; an address counts bytes.
    const addend =
      code.opcode(index) === CALL
        ? (code.immediate(index) + 1) * INSTRUCTION_BYTES
        : code.immediate(index);
    return this.#functionAt(symbol.section, symbol.value + addend);
  }

  #functionAt(section: number, offset: number): FunctionSpec {
    const fn = this.#object.functions.get(section)?.find((f) => f.offset === offset);
    if (fn === undefined) {
      const name = this.#object.elf.sections[section]?.name ?? `number ${section}`;
      throw this.#error(
        `refers to offset ${offset} of section "${name}", where no function begins`,
      );
    }
    return fn;
  }

  #relocate(code: Instructions, { fn, start }: Placed): void {
    const relocated = new Set<number>();
    for (const relocation of fn.relocations) {
      const local = (relocation.offset - fn.offset) / INSTRUCTION_BYTES;
      relocated.add(local);
      this.#apply(code, start + local, relocation);
    }
    const length = fn.bytes.length / INSTRUCTION_BYTES;
    for (let i = 0; i < length; i++) {
      if (code.opcode(start + i) === 0x18) i++;
      else if (code.isLocalCall(start + i) && !relocated.has(i)) {
        const callee = this.#localCallee(fn, new Instructions(fn.bytes), i);
        code.setImmediate(start + i, this.#startOf.get(callee)! - (start + i) - 1);
      }
    }
  }

  #apply(code: Instructions, index: number, relocation: ElfRelocation): void {
    const { symbol } = relocation;
    if (!Number.isInteger(index)) throw this.#error('has a misplaced relocation');
    if (this.#isCode(symbol)) {
      this.#applyFunction(code, index, relocation);
      return;
    }
    if (!code.isWideLoad(index)) {
      throw this.#error(`calls "${symbol.name}", which the object does not define`);
    }
    const section = this.#object.elf.sections[symbol.section];
    const offset = symbol.value + code.immediate(index);
    if (section?.name === '.maps') {
      code.setSource(index, PSEUDO_MAP_FD);
      code.setImmediate(index, 0);
      this.#maps.push({ instruction: index, map: this.#mapAt(symbol, offset) });
    } else if (section !== undefined && isDataSection(section.name)) {
      if (offset < 0 || offset >= section.size) {
        throw this.#error(`refers to offset ${offset} of "${section.name}", which is shorter`);
      }
      code.setSource(index, PSEUDO_MAP_VALUE);
      code.setImmediate(index, 0);
      code.setImmediate(index + 1, offset);
      this.#maps.push({ instruction: index, map: section.name });
    } else {
      throw this.#error(`refers to "${symbol.name}", which the object does not define`);
    }
  }

  #applyFunction(code: Instructions, index: number, relocation: ElfRelocation): void {
    const callee = this.#relocatedFunction(code, index, relocation);
    const distance = this.#startOf.get(callee)! - index - 1;
    if (code.opcode(index) === CALL) code.setSource(index, PSEUDO_CALL);
    else if (code.isWideLoad(index)) code.setSource(index, PSEUDO_FUNC);
    else throw this.#error('refers to a function from an instruction that cannot');
    code.setImmediate(index, distance);
  }

  #mapAt(symbol: ElfSymbol, offset: number): string {
    if (symbol.type !== STT_SECTION) return this.#knownMap(symbol.name);
    const found = this.#object.elf.symbols.find(
      (s) => s.section === symbol.section && s.value === offset && s.type !== STT_SECTION,
    );
    return this.#knownMap(found?.name ?? `.maps+${offset}`);
  }

  #knownMap(name: string): string {
    if (!this.#object.maps.has(name)) throw this.#error(`refers to the undefined map ${name}`);
    return name;
  }

  #isCode(symbol: ElfSymbol): boolean {
    return this.#object.functions.has(symbol.section);
  }

  /** Records of the placed functions, with offsets from the first instruction of the program. */
  #records<T extends { readonly offset: number }>(table: ReadonlyMap<string, readonly T[]>): T[] {
    return this.#placed.flatMap(({ fn, start }) => {
      const end = fn.offset + fn.bytes.length;
      const shift = start * INSTRUCTION_BYTES - fn.offset;
      const within = (table.get(fn.section.name) ?? []).filter(
        (r) => r.offset >= fn.offset && r.offset < end,
      );
      return within.map((record) => moved(record, shift));
    });
  }

  #error(message: string): ObjectError {
    return new ObjectError(`program ${this.#program.name} ${message}`);
  }
}

function moved<T extends { readonly offset: number }>(record: T, shift: number): T {
  return { ...record, offset: record.offset + shift };
}
