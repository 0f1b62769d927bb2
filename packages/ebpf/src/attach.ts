/**
 * Attaches programs by bpf link where the kernel has them, and over netlink where not: XDP on drivers
 * and kernels without XDP links, tc on kernels before 6.6.
 *
 * A netlink attachment does not end with its process. `close()` removes it all the same, so that both
 * kinds behave alike; only after a crash does it stay.
 *
 * @module
 */
import { constants } from 'node:os';
import { SyscallError } from './errors.ts';
import {
  linkTcx,
  linkXdp,
  type Attachment,
  type Direction,
  type Link,
  type XdpMode,
} from './link.ts';
import { findXdp } from './netlink/xdp-state.ts';
import { setXdp } from './netlink/links.ts';
import { RouteSocket } from './netlink/route-socket.ts';
import { addClsact, deleteBpfFilter, setBpfFilter } from './netlink/traffic-control.ts';
import { Program } from './program.ts';

/** Ways to attach: `auto` takes a link and falls back to netlink. */
export type AttachBy = 'auto' | 'link' | 'netlink';

export interface XdpOptions {
  readonly program: Program;
  readonly ifindex: number;
  /** `auto` by default. */
  readonly mode?: XdpMode;
  readonly by?: AttachBy;
}

export interface TcOptions {
  readonly program: Program;
  readonly ifindex: number;
  readonly direction: Direction;
  /** Before or behind other TCX programs; `last` by default. */
  readonly place?: 'first' | 'last';
  readonly by?: AttachBy;
  /** Place of a netlink filter: priority 1, handle 1 by default. */
  readonly priority?: number;
  readonly handle?: number;
}

const MODE_FLAGS: Readonly<Record<XdpMode, number>> = { auto: 0, generic: 2, native: 4 };

/**
 * Attaches an XDP program.
 *
 * @throws {SyscallError} EBUSY with the name of the program that is there already.
 */
export function attachXdp(options: XdpOptions): Link | XdpNetlinkAttachment {
  const { by = 'auto' } = options;
  try {
    if (by === 'netlink') return new XdpNetlinkAttachment(options);
    return withFallback(
      by,
      () => linkXdp(options),
      () => new XdpNetlinkAttachment(options),
    );
  } catch (error) {
    throw nameOccupant(error, options);
  }
}

/** Attaches a tc program to an interface. */
export function attachTc(options: TcOptions): Link | TcNetlinkAttachment {
  const { by = 'auto' } = options;
  if (by === 'netlink') return new TcNetlinkAttachment(options);
  return withFallback(
    by,
    () => linkTcx(options),
    () => new TcNetlinkAttachment(options),
  );
}

function withFallback<A, B>(by: AttachBy, link: () => A, netlink: () => B): A | B {
  try {
    return link();
  } catch (error) {
    const { EINVAL, EOPNOTSUPP } = constants.errno;
    const missing = error instanceof SyscallError && [EINVAL, EOPNOTSUPP].includes(error.errno);
    if (by !== 'auto' || !missing) throw error;
    return netlink();
  }
}

/** An XDP program that was set over netlink. */
export class XdpNetlinkAttachment implements Attachment {
  readonly #socket: RouteSocket;
  readonly #ifindex: number;
  readonly #modeFlags: number;
  #programId: number;

  constructor({ program, ifindex, mode = 'auto' }: XdpOptions) {
    this.#ifindex = ifindex;
    this.#modeFlags = MODE_FLAGS[mode];
    this.#programId = program.info().id;
    this.#socket = RouteSocket.open();
    try {
      this.#set(`attach ${program.toString()} to interface ${ifindex} (XDP, ${mode})`, program.fd);
    } catch (error) {
      this.#socket.close();
      throw error;
    }
  }

  update(program: Program): void {
    this.#replace(`replace the XDP program of interface ${this.#ifindex}`, program.fd);
    this.#programId = program.info().id;
  }

  close(): void {
    if (this.#socket.closed) return;
    try {
      this.#replace(`detach XDP from interface ${this.#ifindex}`, -1);
    } finally {
      this.#socket.close();
    }
  }

  detach(): void {
    this.close();
  }

  /** Closes this handle and leaves the program attached. */
  release(): void {
    this.#socket.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #replace(attempted: string, programFd: number): void {
    const expected = Program.fromId(this.#programId);
    try {
      this.#set(attempted, programFd, expected.fd);
    } finally {
      expected.close();
    }
  }

  #set(attempted: string, programFd: number, expectedFd?: number): void {
    const ifindex = this.#ifindex;
    const base = { ifindex, programFd, modeFlags: this.#modeFlags };
    setXdp(this.#socket, attempted, expectedFd === undefined ? base : { ...base, expectedFd });
  }
}

/** A tc program on `clsact`, attached over netlink. */
export class TcNetlinkAttachment implements Attachment {
  readonly #socket: RouteSocket;
  readonly #place: { ifindex: number; direction: Direction; priority: number; handle: number };

  constructor({ program, ifindex, direction, priority = 1, handle = 1 }: TcOptions) {
    this.#place = { ifindex, direction, priority, handle };
    this.#socket = RouteSocket.open();
    try {
      addClsact(this.#socket, ifindex);
      setBpfFilter(this.#socket, this.#place, program);
    } catch (error) {
      this.#socket.close();
      throw error;
    }
  }

  update(program: Program): void {
    setBpfFilter(this.#socket, this.#place, program);
  }

  /** Removes the filter; `clsact` stays, because others may have filters on it. */
  close(): void {
    if (this.#socket.closed) return;
    try {
      deleteBpfFilter(this.#socket, this.#place);
    } finally {
      this.#socket.close();
    }
  }

  detach(): void {
    this.close();
  }

  /** Closes this handle and leaves the program attached. */
  release(): void {
    this.#socket.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Says which program is in the way when attaching XDP fails with EBUSY. */
function nameOccupant(error: unknown, { program, ifindex }: XdpOptions): unknown {
  const { EBUSY, EEXIST } = constants.errno;
  if (!(error instanceof SyscallError) || ![EBUSY, EEXIST].includes(error.errno)) return error;
  const occupant = findXdp(ifindex);
  if (occupant === undefined) return error;
  const what = `attach ${program.toString()} to interface ${ifindex} (XDP)`;
  return new SyscallError(
    what,
    error.errno,
    `program "${occupant.name}" (id ${occupant.id}) is attached there; detach it first`,
  );
}
