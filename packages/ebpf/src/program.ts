/**
 * Programs: loading, running on test data, information.
 *
 * @module
 */
import { constants } from 'node:os';
import { BPF, BpfAttr, bpf, tryBpf } from './bpf-call.ts';
import { SyscallError, VerifierError } from './errors.ts';
import { Handle } from './handle.ts';
import { objectInfo, pinObject, readName } from './map.ts';
import { Memory } from './memory.ts';
import { programTypeName, programTypeNumber, type ProgramType } from './program-type.ts';
import { readStatistics, summarizeLog, type VerifierStatistics } from './verifier-log.ts';

/** More signals in a row than that are no accident, but a profiler's. */
const LOAD_ATTEMPTS = 16;
/** Log buffer of a failed load. The kernel keeps the end of longer logs, where the complaint is. */
const LOG_BYTES = 16 << 20;
const LOG_LEVEL_FULL = 1;
const LOG_LEVEL_STATISTICS = 4;

export interface ProgramOptions {
  readonly name: string;
  readonly type: ProgramType;
  /** Instructions with descriptors of maps filled in, a multiple of 8 bytes. */
  readonly instructions: Uint8Array;
  /** Helpers marked "GPL only" need `GPL`, `Dual BSD/GPL` or `Dual MIT/GPL`. */
  readonly license: string;
  readonly attachType?: number;
  readonly flags?: number;
  readonly btf?: ProgramBtf;
  /** Ask the verifier for its statistics, at the price of a slower load. */
  readonly statistics?: boolean;
}

/** Type and source information in the kernel's record formats. */
export interface ProgramBtf {
  readonly fd: number;
  /** Records of 8 bytes: instruction, type. */
  readonly functionInfo: Uint8Array;
  /** Records of 16 bytes: instruction, file, text, line << 10 | column. */
  readonly lineInfo: Uint8Array;
  /** The source position of an instruction, for error messages. */
  readonly describe?: (instruction: number) => string | undefined;
}

export interface ProgramInfo {
  readonly id: number;
  readonly name: string;
  readonly type: number;
  /** Hash of the instructions, 16 hexadecimal digits. */
  readonly tag: string;
  /** Bytes after translation and after compilation to machine code (0: interpreted). */
  readonly translatedBytes: number;
  readonly machineBytes: number;
  /** Runs and their time in ns since statistics were on; see `enableStatistics`. */
  readonly runCount: bigint;
  readonly runTimeNs: bigint;
  /** Instructions the verifier walked through. */
  readonly verifiedInstructions: number;
}

export interface TestRunOptions {
  /** Packet, from the Ethernet header on; XDP and tc need at least 14 bytes. */
  readonly data?: Uint8Array;
  /** Room for the packet after the run; 256 bytes more than `data` by default. */
  readonly dataOutMax?: number;
  /** Context struct of the program type (`xdpContext`, `tcContext`, or a syscall argument). */
  readonly context?: Uint8Array;
  /** Runs in a row; the result is that of the last one. 1 by default; syscall programs run once. */
  readonly repeat?: number;
  /** `BPF_F_TEST_*` flags. */
  readonly flags?: number;
  /** CPU to run on, for types that allow choosing. */
  readonly cpu?: number;
}

export interface TestRun {
  /** What the program returned, as unsigned 32-bit number (tc "unspecified" is 4294967295). */
  readonly result: number;
  /** The packet after the run. */
  readonly data: Uint8Array;
  /** The context after the run. */
  readonly context: Uint8Array;
  /** Mean time of a run in ns, as the kernel measured it. */
  readonly durationNs: number;
}

export class Program extends Handle {
  readonly name: string;
  readonly type: ProgramType | undefined;
  /** Present when the load asked for it. */
  readonly statistics: VerifierStatistics | undefined;

  private constructor(
    fd: number,
    details: { name: string; type: ProgramType | undefined; statistics?: VerifierStatistics },
  ) {
    super(fd, `program ${details.name}`);
    this.name = details.name;
    this.type = details.type;
    this.statistics = details.statistics;
  }

  /**
   * Loads a program. The first attempt asks for no log, which is much faster; a failed one is repeated
   * with it.
   *
   * @throws {VerifierError} if the verifier rejects it.
   * @throws {SyscallError} if the kernel refuses for another reason.
   */
  static load(options: ProgramOptions): Program {
    const { name, type } = options;
    const first = options.statistics
      ? loadWithLog(options, LOG_LEVEL_STATISTICS)
      : { fd: tryLoad(loadAttr(options)), log: '' };
    if (first.fd >= 0) {
      const statistics = readStatistics(first.log, options.instructions);
      return new Program(first.fd, { name, type, ...(statistics && { statistics }) });
    }
    if (first.fd === -constants.errno.EAGAIN) throw interrupted(options);
    const { fd, log } = loadWithLog(options, LOG_LEVEL_FULL);
    if (fd >= 0) return new Program(fd, { name, type });
    throw loadError(options, -fd, log);
  }

  /** Opens a program that is pinned at `path`. */
  static openPinned(path: string): Program {
    const attr = new BpfAttr(16).pointer(0, Memory.cString(path));
    return Program.#own(bpf(BPF.objGet, attr, `open program pinned at ${path}`));
  }

  /** Opens a loaded program by its id. */
  static fromId(id: number): Program {
    return Program.#own(bpf(BPF.progById, new BpfAttr(12).u32(0, id), `open program ${id}`));
  }

  static #own(fd: number): Program {
    const info = readProgramInfo(fd);
    return new Program(fd, { name: info.name, type: programTypeName(info.type) });
  }

  info(): ProgramInfo {
    return readProgramInfo(this.fd);
  }

  pin(path: string): void {
    pinObject(this.fd, path, this.toString());
  }

  /**
   * Runs the program on data of the caller, in the network namespace of the calling thread. Nothing is
   * sent; maps are really changed.
   *
   * @throws {SyscallError} if the kernel refuses the data or cannot run this type.
   */
  testRun(options: TestRunOptions = {}): TestRun {
    const data = options.data && Memory.from(options.data);
    const out = new Memory(data ? (options.dataOutMax ?? data.bytes.length + 256) : 0);
    const context = options.context && Memory.from(options.context);
    const contextOut = new Memory(context?.bytes.length ?? 0);
    const attr = new BpfAttr(80)
      .u32(0, this.fd)
      .u32(32, options.repeat ?? (this.type === 'syscall' ? 0 : 1))
      .u32(64, options.flags ?? 0)
      .u32(68, options.cpu ?? 0);
    if (data) {
      attr.u32(8, data.bytes.length).u32(12, out.bytes.length).pointer(16, data).pointer(24, out);
    }
    if (context) {
      attr.u32(40, context.bytes.length).pointer(48, context);
      // Programs of type syscall change their argument in place and refuse a second buffer.
      if (this.type !== 'syscall') attr.u32(44, contextOut.bytes.length).pointer(56, contextOut);
    }
    // A repeated run is interrupted by signals (the profiler's, for example); begin again.
    let status: number;
    do status = tryBpf(BPF.progTestRun, attr);
    while (status === -constants.errno.EINTR);
    if (status < 0) throw new SyscallError(`run ${this.toString()} on test data`, -status);
    const finalContext = this.type === 'syscall' ? context : contextOut;
    return {
      result: attr.getU32(4),
      data: out.bytes.slice(0, data ? attr.getU32(12) : 0),
      context: finalContext?.bytes.slice() ?? new Uint8Array(),
      durationNs: attr.getU32(36),
    };
  }
}

/**
 * Switches run-time statistics on for all programs of the machine while the returned handle is open.
 * They cost every program run some 20 ns.
 */
export function enableStatistics(): Handle {
  return new StatisticsSwitch(
    bpf(BPF.enableStats, new BpfAttr(4), 'switch program statistics on'),
    'program statistics',
  );
}

class StatisticsSwitch extends Handle {}

/** Context of an XDP test run: the packet seems to arrive on this interface of the namespace. */
export function xdpContext(options: {
  readonly dataBytes: number;
  readonly ifindex?: number;
  /** Bytes of metadata at the start of the data, 0 by default. */
  readonly metadataBytes?: number;
}): Uint8Array {
  const bytes = new Uint8Array(24);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, options.metadataBytes ?? 0, true);
  view.setUint32(4, options.dataBytes, true);
  view.setUint32(12, options.ifindex ?? 0, true);
  return bytes;
}

/** Context of a tc test run (`struct __sk_buff`); only what the kernel lets a test set. */
export function tcContext(options: {
  readonly ifindex?: number;
  readonly ingressIfindex?: number;
  readonly mark?: number;
  readonly gsoSize?: number;
  readonly gsoSegments?: number;
}): Uint8Array {
  const bytes = new Uint8Array(192);
  const view = new DataView(bytes.buffer);
  view.setUint32(8, options.mark ?? 0, true);
  view.setUint32(36, options.ingressIfindex ?? 0, true);
  view.setUint32(40, options.ifindex ?? 0, true);
  view.setUint32(164, options.gsoSegments ?? 0, true);
  view.setUint32(176, options.gsoSize ?? 0, true);
  return bytes;
}

function loadAttr(options: ProgramOptions): BpfAttr {
  const { btf } = options;
  const attr = new BpfAttr(120)
    .u32(0, programTypeNumber(options.type))
    .u32(4, options.instructions.length / 8)
    .pointer(8, Memory.from(options.instructions))
    .pointer(16, Memory.cString(options.license))
    .u32(44, options.flags ?? 0)
    .name(48, options.name)
    .u32(68, options.attachType ?? 0);
  if (btf === undefined || btf.functionInfo.length === 0) return attr;
  attr.u32(72, btf.fd);
  attr
    .u32(76, 8)
    .pointer(80, Memory.from(btf.functionInfo))
    .u32(88, btf.functionInfo.length / 8);
  if (btf.lineInfo.length > 0) {
    attr
      .u32(92, 16)
      .pointer(96, Memory.from(btf.lineInfo))
      .u32(104, btf.lineInfo.length / 16);
  }
  return attr;
}

/** Loads, and begins again when a signal made the verifier give up. */
function tryLoad(attr: BpfAttr): number {
  let fd = tryBpf(BPF.progLoad, attr);
  for (let i = 1; i < LOAD_ATTEMPTS && fd === -constants.errno.EAGAIN; i++) {
    fd = tryBpf(BPF.progLoad, attr);
  }
  return fd;
}

function loadWithLog(options: ProgramOptions, level: number): { fd: number; log: string } {
  const buffer = new Memory(LOG_BYTES);
  const attr = loadAttr(options).u32(24, level).u32(28, LOG_BYTES).pointer(32, buffer);
  const fd = tryLoad(attr);
  const end = buffer.bytes.indexOf(0);
  return { fd, log: Buffer.from(buffer.bytes.subarray(0, end)).toString('latin1') };
}

/** What the verifier has said by then is no complaint. */
function interrupted({ name, type }: ProgramOptions): SyscallError {
  const detail = `signals interrupted the verifier ${LOAD_ATTEMPTS} times`;
  return new SyscallError(`load program ${name} (${type})`, constants.errno.EAGAIN, detail);
}

function loadError(options: ProgramOptions, errno: number, log: string): Error {
  if (errno === constants.errno.EAGAIN) return interrupted(options);
  const what = `load program ${options.name} (${options.type})`;
  if (log.trim() === '') return new SyscallError(what, errno);
  const { reason, source, instruction, excerpt } = summarizeLog(log);
  const where = options.btf?.describe?.(instruction) ?? source;
  const at = where === undefined ? '' : `\n  at ${where}`;
  return new VerifierError(`${what}: the verifier says: ${reason}${at}\n${excerpt}`, {
    errno,
    log,
  });
}

function readProgramInfo(fd: number): ProgramInfo {
  const view = objectInfo(fd, 232, 'a program');
  return {
    type: view.getUint32(0, true),
    id: view.getUint32(4, true),
    tag: Buffer.from(view.buffer, 8, 8).toString('hex'),
    machineBytes: view.getUint32(16, true),
    translatedBytes: view.getUint32(20, true),
    name: readName(view, 64),
    runTimeNs: view.getBigUint64(192, true),
    runCount: view.getBigUint64(200, true),
    verifiedInstructions: view.getUint32(216, true),
  };
}
