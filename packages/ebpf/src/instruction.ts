/**
 * The instruction fields that a loader rewrites. BPF instructions are 8 bytes: opcode, registers
 * (destination in the low half), 16-bit offset, 32-bit immediate; `ld_imm64` takes two of them.
 *
 * Source: RFC 9669, "BPF Instruction Set Architecture (ISA)".
 *
 * @module
 */

export const INSTRUCTION_BYTES = 8;

/** Opcode of `ld_imm64`: loads 64 bits, a map, an address in a map, or a function. */
export const LD_IMM64 = 0x18;
/** Opcode of `call`: a helper, or a function of the program. */
export const CALL = 0x85;

/** Source register values that give `ld_imm64` and `call` their meaning. */
export const PSEUDO_MAP_FD = 1;
export const PSEUDO_MAP_VALUE = 2;
export const PSEUDO_FUNC = 4;
export const PSEUDO_CALL = 1;

/** A window on a program's instructions. */
export class Instructions {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Number of 8-byte slots; an `ld_imm64` counts as two. */
  get length(): number {
    return Math.floor(this.bytes.length / INSTRUCTION_BYTES);
  }

  opcode(index: number): number {
    return this.#view.getUint8(index * INSTRUCTION_BYTES);
  }

  source(index: number): number {
    return this.#view.getUint8(index * INSTRUCTION_BYTES + 1) >> 4;
  }

  destination(index: number): number {
    return this.#view.getUint8(index * INSTRUCTION_BYTES + 1) & 0xf;
  }

  setSource(index: number, register: number): void {
    const at = index * INSTRUCTION_BYTES + 1;
    this.#view.setUint8(at, (this.#view.getUint8(at) & 0xf) | (register << 4));
  }

  setOpcode(index: number, opcode: number): void {
    this.#view.setUint8(index * INSTRUCTION_BYTES, opcode);
  }

  offset(index: number): number {
    return this.#view.getInt16(index * INSTRUCTION_BYTES + 2, true);
  }

  setOffset(index: number, offset: number): void {
    this.#view.setInt16(index * INSTRUCTION_BYTES + 2, offset, true);
  }

  immediate(index: number): number {
    return this.#view.getInt32(index * INSTRUCTION_BYTES + 4, true);
  }

  setImmediate(index: number, value: number): void {
    this.#view.setInt32(index * INSTRUCTION_BYTES + 4, value, true);
  }

  /** Whether the slot is a call of a function of the program (not of a helper). */
  isLocalCall(index: number): boolean {
    return this.opcode(index) === CALL && this.source(index) === PSEUDO_CALL;
  }

  /** Whether the slot is an `ld_imm64` with room for its second half. */
  isWideLoad(index: number): boolean {
    return this.opcode(index) === LD_IMM64 && index + 1 < this.length;
  }
}
