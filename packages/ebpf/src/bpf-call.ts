/**
 * bpf(2): commands, and the attribute block they take.
 *
 * Source: `enum bpf_cmd` and `union bpf_attr` in include/uapi/linux/bpf.h.
 *
 * @module
 */
import { SyscallError } from './errors.ts';
import { Memory } from './memory.ts';
import { native } from './native.ts';

export const BPF = {
  mapCreate: 0,
  mapLookup: 1,
  mapUpdate: 2,
  mapDelete: 3,
  mapNextKey: 4,
  progLoad: 5,
  objPin: 6,
  objGet: 7,
  progTestRun: 10,
  progNextId: 11,
  mapNextId: 12,
  progById: 13,
  mapById: 14,
  objInfo: 15,
  btfLoad: 18,
  btfById: 19,
  mapLookupAndDelete: 21,
  mapFreeze: 22,
  mapLookupBatch: 24,
  mapLookupAndDeleteBatch: 25,
  mapUpdateBatch: 26,
  mapDeleteBatch: 27,
  linkCreate: 28,
  linkUpdate: 29,
  linkById: 30,
  linkNextId: 31,
  enableStats: 32,
  linkDetach: 34,
} as const;

/** Longest name of a map or program in the kernel, without the NUL. */
const OBJECT_NAME_MAX = 15;

/**
 * An attribute block under construction. Offsets are those of `union bpf_attr`; what is not set is
 * zero, as the kernel demands.
 */
export class BpfAttr {
  readonly memory: Memory;
  readonly #referenced: Memory[] = [];

  constructor(size: number) {
    this.memory = new Memory(size);
  }

  u32(offset: number, value: number): this {
    this.memory.view.setUint32(offset, value, true);
    return this;
  }

  u64(offset: number, value: bigint): this {
    this.memory.view.setBigUint64(offset, value, true);
    return this;
  }

  /** Sets a pointer and keeps its memory alive as long as this block. */
  pointer(offset: number, target: Memory): this {
    this.#referenced.push(target);
    return this.u64(offset, target.address);
  }

  /** Sets a name of at most 15 characters; longer ones are cut, others replaced by "_". */
  name(offset: number, name: string): this {
    const clean = name.replaceAll(/[^A-Za-z0-9_.]/g, '_').slice(0, OBJECT_NAME_MAX);
    this.memory.bytes.set(Buffer.from(clean), offset);
    return this;
  }

  getU32(offset: number): number {
    return this.memory.view.getUint32(offset, true);
  }
}

/**
 * Runs a command.
 *
 * @returns What the kernel returned (a descriptor or 0), or the negative errno.
 */
export function tryBpf(command: number, attr: BpfAttr): number {
  const kernel = native();
  const result = kernel.bpf(command, attr.memory.address, attr.memory.bytes.length);
  return result < 0 ? -kernel.errno() : result;
}

/**
 * Runs a command that has to succeed.
 *
 * @param attempted - For the error: "pin map x at /sys/fs/bpf/x".
 * @throws {SyscallError} with the errno by name.
 */
export function bpf(command: number, attr: BpfAttr, attempted: string): number {
  const result = tryBpf(command, attr);
  if (result < 0) throw new SyscallError(attempted, -result);
  return result;
}
