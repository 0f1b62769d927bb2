/**
 * The C library functions this package calls, bound by koffi on first use. Everything is synchronous:
 * the calls take well below a microsecond of overhead, and those that may sleep (map-of-maps updates,
 * garbage collection runs) belong into a worker thread of the caller.
 *
 * @module
 */
import { createRequire } from 'node:module';
import { arch, endianness, platform } from 'node:os';
import { EbpfError } from './errors.ts';

/** Raised when this machine cannot run BPF at all. */
export class PlatformError extends EbpfError {
  override readonly name = 'PlatformError';
  readonly code = 'EBPF_PLATFORM';
}

type Call = (...args: (number | bigint)[]) => number;

/** Each returns -1 on error and leaves the reason to `errno()`. Pointers are addresses. */
export interface Native {
  readonly bpf: (command: number, attr: bigint, size: number) => number;
  readonly errno: () => number;
  readonly mmap: (
    address: bigint,
    length: number,
    prot: number,
    flags: number,
    fd: number,
    offset: number,
  ) => bigint;
  readonly munmap: (address: bigint, length: number) => number;
  readonly socket: Call;
  readonly setsockopt: Call;
  readonly bind: Call;
  readonly send: Call;
  readonly recv: Call;
  readonly setns: Call;
  readonly unshare: Call;
  readonly getAffinity: Call;
  readonly setAffinity: Call;
  readonly mount: Call;
  readonly umount: Call;
  readonly adjtimex: Call;
  readonly flock: Call;
  readonly ioctl: Call;
  /** Bytes of a memory page. */
  readonly pageBytes: number;
  /** The address of a buffer's memory, which must lie outside the JavaScript heap. */
  readonly addressOf: (buffer: ArrayBuffer) => bigint;
  /** Memory at an address as a buffer; it must not be used after the memory was unmapped. */
  readonly view: (address: bigint, length: number) => ArrayBuffer;
}

const BPF_SYSCALL: Readonly<Record<string, number>> = {
  x64: 321,
  arm64: 280,
  riscv64: 280,
  loong64: 280,
};

let bound: Native | undefined;

/**
 * The bindings; the first call loads koffi and the C library.
 *
 * @throws {PlatformError} on anything but little-endian 64-bit Linux.
 */
export function native(): Native {
  bound ??= bind();
  return bound;
}

interface Koffi {
  load(path: null): { func(name: string, result: string, args: readonly string[]): Call };
  errno(): number;
  address(buffer: ArrayBuffer): bigint;
  view(address: bigint, length: number): ArrayBuffer;
}

function bind(): Native {
  const syscall = platform() === 'linux' ? BPF_SYSCALL[arch()] : undefined;
  if (syscall === undefined || endianness() !== 'LE') {
    throw new PlatformError(
      `eBPF needs Linux on ${Object.keys(BPF_SYSCALL).join(', ')}; this is ${platform()} on ${arch()}`,
    );
  }
  const require = createRequire(import.meta.url);
  const koffi: Koffi = require('koffi');
  const libc = koffi.load(null);
  const call = (name: string, ...args: string[]): Call => libc.func(name, 'int', args);
  const bpf = call('syscall', 'long', 'int', 'intptr_t', 'uint');
  const mmap = libc.func('mmap', 'intptr_t', ['intptr_t', 'size_t', 'int', 'int', 'int', 'int64']);
  return {
    bpf: (command, attr, size) => bpf(syscall, command, attr, size),
    errno: () => koffi.errno(),
    mmap: (...args) => BigInt(mmap(...args)),
    munmap: call('munmap', 'intptr_t', 'size_t'),
    socket: call('socket', 'int', 'int', 'int'),
    setsockopt: call('setsockopt', 'int', 'int', 'int', 'intptr_t', 'uint'),
    bind: call('bind', 'int', 'intptr_t', 'uint'),
    send: call('sendto', 'int', 'intptr_t', 'size_t', 'int', 'intptr_t', 'uint'),
    recv: call('recv', 'int', 'intptr_t', 'size_t', 'int'),
    setns: call('setns', 'int', 'int'),
    unshare: call('unshare', 'int'),
    getAffinity: call('sched_getaffinity', 'int', 'size_t', 'intptr_t'),
    setAffinity: call('sched_setaffinity', 'int', 'size_t', 'intptr_t'),
    mount: call('mount', 'intptr_t', 'intptr_t', 'intptr_t', 'ulong', 'intptr_t'),
    umount: call('umount2', 'intptr_t', 'int'),
    adjtimex: call('adjtimex', 'intptr_t'),
    flock: call('flock', 'int', 'int'),
    ioctl: call('ioctl', 'int', 'ulong', 'intptr_t'),
    pageBytes: call('getpagesize')(),
    addressOf: (buffer) => koffi.address(buffer),
    view: (address, length) => koffi.view(address, length),
  };
}
