/**
 * CO-RE, "compile once, run everywhere": instructions that depend on the layout of kernel types are
 * patched with what the running kernel's BTF says. Supported are all kinds clang emits except
 * `TYPE_MATCHES`: offset, size, existence, sign and shifts of fields; existence, size and ids of types;
 * existence and value of enum constants.
 *
 * A type of the object matches types of the same name (without a `___suffix`) in the target. Where
 * several match, they must agree. An instruction whose target is missing becomes a call of a helper
 * that does not exist, which the verifier rejects only if it can be reached.
 *
 * Source: Documentation/bpf/llvm_reloc.rst of the Linux kernel, part "CO-RE Relocations".
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { Btf, type BtfMember, type BtfType } from './btf.ts';
import type { CoreRelocation } from './btf-ext.ts';
import { ObjectError } from './errors.ts';
import { CALL, INSTRUCTION_BYTES, LD_IMM64, type Instructions } from './instruction.ts';

let running: Btf | undefined;

/** Types of the running kernel; read once. */
export function kernelBtf(): Btf {
  running ??= Btf.read(readFileSync('/sys/kernel/btf/vmlinux'), '/sys/kernel/btf/vmlinux');
  return running;
}

/** `enum bpf_core_relo_kind`. */
const KIND = {
  fieldOffset: 0,
  fieldSize: 1,
  fieldExists: 2,
  fieldSigned: 3,
  fieldLeftShift: 4,
  fieldRightShift: 5,
  typeIdLocal: 6,
  typeIdTarget: 7,
  typeExists: 8,
  typeSize: 9,
  enumExists: 10,
  enumValue: 11,
} as const;

const FIELD_KINDS: ReadonlySet<number> = new Set([0, 1, 2, 3, 4, 5]);
const EXISTENCE_KINDS: ReadonlySet<number> = new Set([
  KIND.fieldExists,
  KIND.typeExists,
  KIND.enumExists,
]);

/** Number that no helper has; makes unreachable code harmless and reachable code an error. */
const INVALID_HELPER = 0xbad2310;
/** Instruction classes: `ldx`, `st`, `stx`, and `alu`, `alu64`. */
const MEMORY_CLASSES: ReadonlySet<number> = new Set([1, 2, 3]);
const ARITHMETIC_CLASSES: ReadonlySet<number> = new Set([4, 7]);
/** Candidates looked at per relocation; the kernel has a few types of the same name. */
const CANDIDATES_MAX = 64;

/**
 * Patches a linked program in place.
 *
 * @throws {ObjectError} if a relocation is malformed, unsupported or ambiguous.
 */
export function relocateCore(
  program: string,
  code: { readonly instructions: Instructions; readonly core: readonly CoreRelocation[] },
  types: { readonly local: Btf; readonly target: Btf },
): void {
  for (const relocation of code.core) {
    const fail = (message: string): ObjectError =>
      new ObjectError(`program ${program}, instruction ${relocation.offset / 8}: ${message}`);
    const value = resolve(relocation, types.local, types.target, fail);
    const width = loadWidth(code.instructions, relocation);
    if (width !== undefined && value !== undefined && relocation.kind === KIND.fieldOffset) {
      const bytes = resolve(
        { ...relocation, kind: KIND.fieldSize },
        types.local,
        types.target,
        fail,
      );
      if (bytes !== undefined && bytes !== BigInt(width)) {
        throw fail(`accesses ${width} bytes of a field that has ${bytes} in the target`);
      }
    }
    patch(code.instructions, relocation, value, fail);
  }
}

/** Bytes that a load or store accesses; `undefined` for other instructions. */
function loadWidth(code: Instructions, { offset }: CoreRelocation): number | undefined {
  const index = offset / INSTRUCTION_BYTES;
  if (!Number.isInteger(index) || index >= code.length) return undefined;
  const opcode = code.opcode(index);
  const isMemory = opcode !== LD_IMM64 && MEMORY_CLASSES.has(opcode & 7);
  return isMemory ? [4, 2, 1, 8][(opcode >> 3) & 3] : undefined;
}

type Fail = (message: string) => ObjectError;

/** A field found in a type. */
interface Field {
  readonly type: number;
  readonly bitOffset: number;
  /** Width of a bit field; 0 for others. */
  readonly bitSize: number;
}

/** The value for the instruction, or `undefined` when the target has no such thing. */
function resolve(
  relocation: CoreRelocation,
  local: Btf,
  target: Btf,
  fail: Fail,
): bigint | undefined {
  const { kind, type } = relocation;
  if (kind === KIND.typeIdLocal) return BigInt(type);
  const path = relocation.access.split(':').map(Number);
  if (path.some((step) => !Number.isInteger(step) || step < 0)) {
    throw fail(`CO-RE access "${relocation.access}" is malformed`);
  }
  const root = local.resolve(type);
  const found = new Set<bigint>();
  for (const candidate of candidates(root, target)) {
    const value = evaluate({ kind, path, root, candidate, local, target, fail });
    if (value !== undefined) found.add(value);
  }
  if (found.size > 1) throw fail(`types named ${root.name} of the target disagree`);
  const [value] = found;
  return value ?? (EXISTENCE_KINDS.has(kind) ? 0n : undefined);
}

function candidates(root: BtfType, target: Btf): BtfType[] {
  const name = root.name.replace(/___.*$/, '');
  if (name === '') return [];
  return target
    .idsByName(name)
    .slice(0, CANDIDATES_MAX)
    .map((id) => target.type(id))
    .filter((t) => t.kind === root.kind || isEnum(t, root));
}

function isEnum(a: BtfType, b: BtfType): boolean {
  return a.kind.startsWith('enum') && b.kind.startsWith('enum');
}

interface Question {
  readonly kind: number;
  readonly path: readonly number[];
  readonly root: BtfType;
  readonly candidate: BtfType;
  readonly local: Btf;
  readonly target: Btf;
  readonly fail: Fail;
}

function evaluate(question: Question): bigint | undefined {
  const { kind, candidate, target, fail } = question;
  if (FIELD_KINDS.has(kind)) {
    const field = findField(question);
    return field && fieldValue(kind, field, target);
  }
  switch (kind) {
    case KIND.typeIdTarget:
      return BigInt(candidate.id);
    case KIND.typeExists:
      return 1n;
    case KIND.typeSize:
      return BigInt(target.sizeOf(candidate.id));
    case KIND.enumExists:
    case KIND.enumValue:
      return enumValue(question);
    default:
      throw fail(`CO-RE relocation kind ${kind} is not supported`);
  }
}

function enumValue({
  kind,
  path,
  root,
  candidate,
  local,
  target,
  fail,
}: Question): bigint | undefined {
  const wanted = local.enumValues(root)[path[0]!];
  if (wanted === undefined) throw fail(`enum ${root.name} has no value number ${path[0]}`);
  const name = wanted.name.replace(/___.*$/, '');
  const value = target.enumValues(candidate).find((v) => v.name === name)?.value;
  if (value === undefined) return undefined;
  return kind === KIND.enumExists ? 1n : value;
}

/** Follows the path through the local type and, by the names on the way, through the target's. */
function findField({ path, root, candidate, local, target, fail }: Question): Field | undefined {
  let here: BtfType = root;
  // The first step indexes the root as if it were an array.
  let there: Field = {
    type: candidate.id,
    bitOffset: path[0] === 0 ? 0 : path[0]! * target.sizeOf(candidate.id) * 8,
    bitSize: 0,
  };
  for (const step of path.slice(1)) {
    here = local.resolve(here.id);
    if (here.kind === 'array') {
      const next = arrayStep(target, there, step);
      if (next === undefined) return undefined;
      there = next;
      here = local.type(local.array(here).element);
      continue;
    }
    const member = local.members(here)[step];
    if (member === undefined || (here.kind !== 'struct' && here.kind !== 'union')) {
      throw fail(`${here.kind} ${here.name} has no member number ${step}`);
    }
    here = local.type(member.type);
    // Members of anonymous structs are found by their own name, wherever the target keeps them.
    if (member.name === '') continue;
    const next = memberStep(target, there, member.name, 0);
    if (next === undefined) return undefined;
    there = next;
  }
  return there;
}

function arrayStep(target: Btf, from: Field, index: number): Field | undefined {
  const type = target.resolve(from.type);
  if (type.kind !== 'array') return undefined;
  const { element, length } = target.array(type);
  // Flexible arrays have length 0 and may be indexed at will.
  if (length > 0 && index >= length) return undefined;
  const bitOffset = from.bitOffset + index * target.sizeOf(element) * 8;
  return { type: element, bitOffset, bitSize: 0 };
}

function memberStep(target: Btf, from: Field, name: string, depth: number): Field | undefined {
  const type = target.resolve(from.type);
  if ((type.kind !== 'struct' && type.kind !== 'union') || depth > 16) return undefined;
  for (const member of target.members(type)) {
    const field = placed(from, member);
    if (member.name === name) return field;
    const inner = member.name === '' ? memberStep(target, field, name, depth + 1) : undefined;
    if (inner !== undefined) return inner;
  }
  return undefined;
}

function placed(from: Field, member: BtfMember): Field {
  return {
    type: member.type,
    bitOffset: from.bitOffset + member.bitOffset,
    bitSize: member.bitSize,
  };
}

function fieldValue(kind: number, field: Field, target: Btf): bigint {
  const type = target.resolve(field.type);
  const size = target.sizeOf(type.id);
  if (kind === KIND.fieldExists) return 1n;
  if (kind === KIND.fieldSigned) return isSigned(target, type) ? 1n : 0n;
  if (field.bitSize === 0) {
    if (kind === KIND.fieldOffset) return BigInt(field.bitOffset / 8);
    if (kind === KIND.fieldSize) return BigInt(size);
    return BigInt(64 - size * 8);
  }
  // A bit field is read with the smallest aligned load that covers it, then shifted up and down.
  let bytes = size;
  let offset = Math.floor(field.bitOffset / 8 / bytes) * bytes;
  while (field.bitOffset + field.bitSize > (offset + bytes) * 8 && bytes < 8) {
    bytes *= 2;
    offset = Math.floor(field.bitOffset / 8 / bytes) * bytes;
  }
  if (kind === KIND.fieldOffset) return BigInt(offset);
  if (kind === KIND.fieldSize) return BigInt(bytes);
  if (kind === KIND.fieldLeftShift) {
    return BigInt(64 - (field.bitOffset + field.bitSize - offset * 8));
  }
  return BigInt(64 - field.bitSize);
}

function isSigned(btf: Btf, type: BtfType): boolean {
  if (type.kind === 'int') return btf.intEncoding(type).signed;
  return type.kind.startsWith('enum') && type.flag;
}

function patch(
  code: Instructions,
  relocation: CoreRelocation,
  value: bigint | undefined,
  fail: Fail,
): void {
  const index = relocation.offset / INSTRUCTION_BYTES;
  if (!Number.isInteger(index) || index >= code.length) throw fail('lies outside of the program');
  if (value === undefined) {
    poison(code, index);
    return;
  }
  const opcode = code.opcode(index);
  if (opcode === LD_IMM64 && code.isWideLoad(index)) {
    code.setImmediate(index, Number(BigInt.asIntN(32, value)));
    code.setImmediate(index + 1, Number(BigInt.asIntN(32, value >> 32n)));
    return;
  }
  const kind = opcode & 7;
  if (ARITHMETIC_CLASSES.has(kind)) {
    code.setImmediate(index, Number(BigInt.asIntN(32, value)));
  } else if (MEMORY_CLASSES.has(kind)) {
    if (value > 0x7fffn) throw fail(`offset ${value} does not fit a load`);
    code.setOffset(index, Number(value));
  } else {
    throw fail(`CO-RE cannot patch opcode 0x${opcode.toString(16)}`);
  }
}

function poison(code: Instructions, index: number): void {
  const count = code.isWideLoad(index) ? 2 : 1;
  for (let i = index; i < index + count; i++) {
    code.bytes.fill(0, i * INSTRUCTION_BYTES, (i + 1) * INSTRUCTION_BYTES);
    code.setOpcode(i, CALL);
    code.setImmediate(i, INVALID_HELPER);
  }
}
