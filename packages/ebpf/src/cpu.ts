/**
 * CPUs of this machine as the kernel counts them.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { FormatError, SyscallError } from './errors.ts';
import { Memory } from './memory.ts';
import { native } from './native.ts';

let possible: number | undefined;

/** Number of possible CPUs, which is how many copies a per-CPU value has. May exceed the online ones. */
export function possibleCpus(): number {
  possible ??= countCpus(readFileSync('/sys/devices/system/cpu/possible', 'utf8'));
  return possible;
}

/** Bytes of a CPU set: room for 1024 CPUs, as the C library has it. */
const CPU_SET_BYTES = 128;

/**
 * Runs a function with the calling thread on one CPU, as programs with per-CPU state may need it in tests.
 *
 * @param cpu - The first that the thread may use, by default.
 * @throws {SyscallError} EINVAL if the thread may not use that CPU.
 */
export function runOnCpu<T>(run: () => T, cpu?: number): T {
  const before = affinity();
  const only = new Memory(CPU_SET_BYTES);
  const chosen = cpu ?? firstCpu(before.bytes);
  only.bytes[chosen >> 3] = 1 << (chosen & 7);
  setAffinity(only, `run on CPU ${chosen}`);
  try {
    return run();
  } finally {
    setAffinity(before, 'return to the CPUs of before');
  }
}

function affinity(): Memory {
  const set = new Memory(CPU_SET_BYTES);
  const { getAffinity, errno } = native();
  if (getAffinity(0, CPU_SET_BYTES, set.address) < 0) {
    throw new SyscallError('read the CPUs of the thread', errno());
  }
  return set;
}

function setAffinity(set: Memory, what: string): void {
  const { setAffinity: call, errno } = native();
  if (call(0, CPU_SET_BYTES, set.address) < 0) throw new SyscallError(what, errno());
}

function firstCpu(set: Uint8Array): number {
  const byte = set.findIndex((bits) => bits !== 0);
  return byte * 8 + 31 - Math.clz32(set[byte]! & -set[byte]!);
}

/**
 * Counts a kernel CPU list such as `0-3,8`. Per-CPU maps have copies up to the highest number.
 *
 * @throws {FormatError} if the text is no such list.
 */
export function countCpus(list: string): number {
  const match = /^(?:\d+(?:-\d+)?,)*(?:\d+-)?(\d+)\s*$/.exec(list);
  if (match === null) throw new FormatError(`not a CPU list: ${JSON.stringify(list)}`);
  return Number(match[1]) + 1;
}
