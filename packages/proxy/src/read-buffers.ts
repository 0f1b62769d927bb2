/**
 * Memory that sockets read into, used again and again.
 *
 * The runtime allocates a new buffer for every read; at 10 GiB that is a collection of garbage
 * every few milliseconds. Here each direction of a connection keeps one buffer, which the socket
 * refills after its bytes went to the other side. Most connections carry little, so a direction
 * starts with a small buffer, gets a large one once a read filled it, and gives that back when
 * reads stay small.
 *
 * @module
 */

const SMALL_BYTES = 4 * 1024;

/** Largest amount read at once, and the most that waits unsent per direction. */
export const LARGE_BYTES: number = 64 * 1024;

/** Small buffers are cut from blocks of this many. */
const SMALL_PER_BLOCK = 64;

/** Unused large buffers that are kept: 16 MiB. Further ones go to the collector. */
const SPARE_LARGE_MAX = 256;

/** Small reads in a row after which a large buffer is given back. */
const SMALL_READS_BEFORE_SHRINK = 32;

/** Free buffers of both sizes, shared by all connections of a process. */
export class ReadBuffers {
  private readonly small: Buffer[] = [];
  private readonly large: Buffer[] = [];

  takeSmall(): Buffer {
    if (this.small.length === 0) this.cutBlock();
    return this.small.pop()!;
  }

  takeLarge(): Buffer {
    return this.large.pop() ?? Buffer.allocUnsafeSlow(LARGE_BYTES);
  }

  /** Takes back a buffer that nothing reads into or writes from any more. */
  giveBack(buffer: Buffer): void {
    if (buffer.length === SMALL_BYTES) this.small.push(buffer);
    else if (this.large.length < SPARE_LARGE_MAX) this.large.push(buffer);
  }

  private cutBlock(): void {
    const block = Buffer.allocUnsafeSlow(SMALL_BYTES * SMALL_PER_BLOCK);
    for (let offset = 0; offset < block.length; offset += SMALL_BYTES) {
      this.small.push(block.subarray(offset, offset + SMALL_BYTES));
    }
  }
}

/** The buffer of one direction, as large as its traffic asks for. */
export class AdaptiveBuffer {
  private readonly pool: ReadBuffers;
  private current: Buffer;
  /** A buffer that was replaced while its bytes are still unsent. */
  private retired: Buffer | undefined;
  private smallReads = 0;

  constructor(pool: ReadBuffers) {
    this.pool = pool;
    this.current = pool.takeSmall();
  }

  /** The buffer for the next read. */
  get buffer(): Buffer {
    return this.current;
  }

  /**
   * Chooses the buffer for the next read. To be called while the read is being handled, because
   * that is when the socket asks for its next buffer.
   *
   * @param isUnsent - The bytes just read are still needed, until {@link sent}.
   */
  adapt(bytesRead: number, isUnsent: boolean): void {
    if (this.current.length === SMALL_BYTES) {
      if (bytesRead === SMALL_BYTES) this.replace(this.pool.takeLarge(), isUnsent);
      return;
    }
    this.smallReads = bytesRead <= SMALL_BYTES ? this.smallReads + 1 : 0;
    if (this.smallReads >= SMALL_READS_BEFORE_SHRINK && !isUnsent) {
      this.replace(this.pool.takeSmall(), false);
    }
  }

  /** All bytes that were read have been sent. */
  sent(): void {
    if (!this.retired) return;
    this.pool.giveBack(this.retired);
    this.retired = undefined;
  }

  /** Gives everything back. The direction must have ended: both its sockets are closed. */
  release(): void {
    this.sent();
    this.pool.giveBack(this.current);
  }

  private replace(buffer: Buffer, isUnsent: boolean): void {
    if (isUnsent) this.retired = this.current;
    else this.pool.giveBack(this.current);
    this.current = buffer;
    this.smallReads = 0;
  }
}
