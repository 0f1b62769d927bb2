/**
 * The errors of this package: one base class with a stable `code` for programs and a message for people
 * that says what was attempted, what went wrong and how to mend it.
 *
 * @module
 */
import { describeErrno, errnoHint, errnoName } from './errno.ts';

/** Base of every error this package throws on purpose. */
export abstract class EbpfError extends Error {
  /** Stable identifier for programs, for example `EBPF_SYSCALL`. */
  abstract readonly code: string;
}

/** Bytes that are not what they claim to be: an ELF object, BTF, or a netlink message. */
export class FormatError extends EbpfError {
  override readonly name = 'FormatError';
  readonly code = 'EBPF_FORMAT';
}

/** An object file that is well formed but asks for something that cannot be done. */
export class ObjectError extends EbpfError {
  override readonly name = 'ObjectError';
  readonly code = 'EBPF_OBJECT';
}

/** A value that does not fit the type a map, a variable or a netlink field has. */
export class ValueError extends EbpfError {
  override readonly name = 'ValueError';
  readonly code = 'EBPF_VALUE';
}

/** A handle that was used after `close()`. */
export class ClosedError extends EbpfError {
  override readonly name = 'ClosedError';
  readonly code = 'EBPF_CLOSED';

  constructor(what: string) {
    super(`${what} is closed`);
  }
}

/** A system call that failed. */
export class SyscallError extends EbpfError {
  override readonly name = 'SyscallError';
  readonly code = 'EBPF_SYSCALL';
  /** Positive errno, for example 1. */
  readonly errno: number;
  /** Its name, for example `EPERM`. */
  readonly errnoName: string;

  /**
   * @param attempted - What was tried, as in "create map l4_ct".
   * @param errno - Positive errno.
   * @param detail - What else is known, as the message of a netlink extended acknowledgement.
   */
  constructor(attempted: string, errno: number, detail?: string) {
    const hint = detail ?? errnoHint(errno);
    super(`${attempted}: ${describeErrno(errno)}${hint === undefined ? '' : `; ${hint}`}`);
    this.errno = errno;
    this.errnoName = errnoName(errno);
  }
}

/** A program that the kernel's verifier rejected. The message is short; `log` keeps all of it. */
export class VerifierError extends EbpfError {
  override readonly name = 'VerifierError';
  readonly code = 'EBPF_VERIFIER';
  /** The verifier's complete output. */
  readonly log: string;
  /** Positive errno of the load, mostly `EACCES` (13) or `EINVAL` (22). */
  readonly errno: number;

  constructor(message: string, details: { errno: number; log: string }) {
    super(message);
    this.errno = details.errno;
    this.log = details.log;
  }
}
