/**
 * Memory that the kernel may read and write: buffers at a fixed address, and mappings.
 *
 * @module
 */
import { SyscallError } from './errors.ts';
import { native } from './native.ts';

/** A buffer whose address stays valid as long as the object is referenced. */
export class Memory {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  readonly address: bigint;

  constructor(size: number) {
    // An ArrayBuffer of its own lies outside the JavaScript heap and is never moved; a small typed
    // array might be. An empty one has no address, so there is always at least one byte.
    const buffer = new ArrayBuffer(Math.max(size, 1));
    this.bytes = new Uint8Array(buffer, 0, size);
    this.view = new DataView(buffer);
    this.address = native().addressOf(buffer);
  }

  /** A copy of these bytes. */
  static from(bytes: Uint8Array): Memory {
    const memory = new Memory(bytes.length);
    memory.bytes.set(bytes);
    return memory;
  }

  /** A copy of this text with a NUL behind it. */
  static cString(text: string): Memory {
    return Memory.from(Buffer.from(`${text}\0`));
  }
}

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;

/** Part of a file mapped into memory. */
export class Mapping {
  readonly #address: bigint;
  readonly #length: number;
  #buffer: ArrayBuffer | undefined;

  /**
   * @param what - For messages, as in "map ring buffer events".
   * @throws {SyscallError} if the kernel refuses.
   */
  constructor(
    what: string,
    fd: number,
    length: number,
    options: { writable: boolean; offset?: number },
  ) {
    const { mmap, errno, view } = native();
    const prot = options.writable ? PROT_READ | PROT_WRITE : PROT_READ;
    this.#address = mmap(0n, length, prot, MAP_SHARED, fd, options.offset ?? 0);
    if (this.#address === -1n) throw new SyscallError(what, errno());
    this.#length = length;
    this.#buffer = view(this.#address, length);
  }

  /** The mapped bytes; `undefined` after `close()`. Do not keep: use after `close()` is fatal. */
  get buffer(): ArrayBuffer | undefined {
    return this.#buffer;
  }

  /** Unmaps; harmless when repeated. */
  close(): void {
    if (this.#buffer === undefined) return;
    this.#buffer = undefined;
    native().munmap(this.#address, this.#length);
  }
}
