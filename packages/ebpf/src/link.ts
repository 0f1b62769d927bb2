/**
 * Attaching programs with bpf links. A link holds the attachment: closing the last descriptor of a link
 * that is not pinned detaches, and replacing its program is atomic, so that no packet passes between
 * the old and the new one.
 *
 * @module
 */
import { closeSync, constants as fsConstants, openSync } from 'node:fs';
import { constants } from 'node:os';
import { BPF, BpfAttr, bpf, tryBpf } from './bpf-call.ts';
import { SyscallError } from './errors.ts';
import { Handle } from './handle.ts';
import { objectInfo, pinObject } from './map.ts';
import { Memory } from './memory.ts';
import { ATTACH_TCX_EGRESS, ATTACH_TCX_INGRESS, ATTACH_XDP } from './program-type.ts';
import { Program } from './program.ts';

const XDP_GENERIC = 2;
const XDP_NATIVE = 4;
const F_REPLACE = 4;
const F_BEFORE = 8;
const F_AFTER = 16;

/** `native`: in the driver; `generic`: in the stack, on any interface; `auto`: native if possible. */
export type XdpMode = 'native' | 'generic' | 'auto';
export type Direction = 'ingress' | 'egress';

/** An attached program, by link or by netlink. */
export interface Attachment extends Disposable {
  /** Replaces the program without a gap; fails when another process changed it meanwhile. */
  update(program: Program): void;
  /** Detaches, unless the attachment is a pinned link. Harmless when repeated. */
  close(): void;
  /** Detaches, pinned or not. */
  detach(): void;
}

export interface LinkInfo {
  readonly id: number;
  /** `enum bpf_link_type`: 6 XDP, 11 TCX. */
  readonly type: number;
  readonly programId: number;
  /** Interface of XDP and TCX links; 0 after the interface was deleted. */
  readonly ifindex: number;
}

export class Link extends Handle implements Attachment {
  #programId: number;

  /** Takes over the descriptor of a link. */
  constructor(fd: number, what: string) {
    super(fd, what);
    this.#programId = this.info().programId;
  }

  /** Opens a link that is pinned at `path`. */
  static openPinned(path: string): Link {
    const attr = new BpfAttr(16).pointer(0, Memory.cString(path));
    return new Link(bpf(BPF.objGet, attr, `open link pinned at ${path}`), `link ${path}`);
  }

  /** Opens a link by its id. */
  static fromId(id: number): Link {
    const fd = bpf(BPF.linkById, new BpfAttr(12).u32(0, id), `open link ${id}`);
    return new Link(fd, `link ${id}`);
  }

  info(): LinkInfo {
    const view = objectInfo(this.fd, 64, this.toString());
    return {
      type: view.getUint32(0, true),
      id: view.getUint32(4, true),
      programId: view.getUint32(8, true),
      ifindex: view.getUint32(16, true),
    };
  }

  /**
   * Replaces the program atomically.
   *
   * @throws {SyscallError} with EPERM if someone else replaced the program this handle last saw; call
   *   `info()` to see which one is there now, and `update` again to insist.
   */
  update(program: Program): void {
    const expected = Program.fromId(this.#programId);
    try {
      const attr = new BpfAttr(16).u32(0, this.fd).u32(4, program.fd);
      const result = tryBpf(BPF.linkUpdate, attr.u32(8, F_REPLACE).u32(12, expected.fd));
      if (result < 0) throw this.#updateError(program, -result);
    } finally {
      expected.close();
    }
    this.#programId = this.info().programId;
  }

  pin(path: string): void {
    pinObject(this.fd, path, this.toString());
  }

  detach(): void {
    bpf(BPF.linkDetach, new BpfAttr(4).u32(0, this.fd), `detach ${this.toString()}`);
    this.close();
  }

  #updateError(program: Program, errno: number): SyscallError {
    const current = this.info().programId;
    const foreign = errno === constants.errno.EPERM && current !== this.#programId;
    this.#programId = current;
    return new SyscallError(
      `replace the program of ${this.toString()} by ${program.toString()}`,
      errno,
      foreign ? `program ${current} was attached by someone else meanwhile` : undefined,
    );
  }
}

/**
 * Attaches an XDP program by link.
 *
 * @throws {SyscallError} EBUSY when a program is attached already (by link or netlink), EOPNOTSUPP when
 *   the driver has no native XDP.
 */
export function linkXdp(options: {
  readonly program: Program;
  readonly ifindex: number;
  readonly mode?: XdpMode;
}): Link {
  const { program, ifindex, mode = 'auto' } = options;
  const what = `attach ${program.toString()} to interface ${ifindex} (XDP, ${mode})`;
  const attr = new BpfAttr(16).u32(0, program.fd).u32(4, ifindex).u32(8, ATTACH_XDP);
  const flags = { native: XDP_NATIVE, generic: XDP_GENERIC, auto: 0 }[mode];
  const fd = tryBpf(BPF.linkCreate, attr.u32(12, flags));
  if (fd < 0) throw attachError(what, -fd);
  return new Link(fd, `XDP link on interface ${ifindex}`);
}

/**
 * Attaches a tc program by TCX link (Linux 6.6 and later), first or last among the programs there.
 *
 * @throws {SyscallError} EINVAL on kernels without TCX.
 */
export function linkTcx(options: {
  readonly program: Program;
  readonly ifindex: number;
  readonly direction: Direction;
  readonly place?: 'first' | 'last';
}): Link {
  const { program, ifindex, direction, place = 'last' } = options;
  const what = `attach ${program.toString()} to interface ${ifindex} (TCX ${direction})`;
  const type = direction === 'ingress' ? ATTACH_TCX_INGRESS : ATTACH_TCX_EGRESS;
  const attr = new BpfAttr(32).u32(0, program.fd).u32(4, ifindex).u32(8, type);
  const fd = bpf(BPF.linkCreate, attr.u32(12, place === 'first' ? F_BEFORE : F_AFTER), what);
  return new Link(fd, `TCX ${direction} link on interface ${ifindex}`);
}

/** Attaches a cgroup program (sockops, connect4 and so on) to a cgroup directory by link. */
export function linkCgroup(options: {
  readonly program: Program;
  /** Directory below /sys/fs/cgroup. */
  readonly path: string;
  /** `attachType` of the program's section. */
  readonly attachType: number;
}): Link {
  const { program, path, attachType } = options;
  const directory = openSync(path, fsConstants.O_DIRECTORY);
  try {
    const attr = new BpfAttr(16).u32(0, program.fd).u32(4, directory).u32(8, attachType);
    const fd = bpf(BPF.linkCreate, attr, `attach ${program.toString()} to cgroup ${path}`);
    return new Link(fd, `cgroup link on ${path}`);
  } finally {
    closeSync(directory);
  }
}

function attachError(what: string, errno: number): SyscallError {
  const { EBUSY, EOPNOTSUPP } = constants.errno;
  if (errno === EBUSY) {
    return new SyscallError(what, errno, 'another XDP program is attached there; detach it first');
  }
  if (errno === EOPNOTSUPP) {
    return new SyscallError(what, errno, 'the driver has no native XDP; use mode "generic"');
  }
  return new SyscallError(what, errno);
}
