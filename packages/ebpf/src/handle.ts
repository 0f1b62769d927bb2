/**
 * Lifetime of kernel objects. A handle owns one file descriptor and gives it back on `close()` (or at
 * the end of a `using` block). One that is lost without being closed is closed when the collector
 * finds it, and reported as a process warning with code `EBPF_LEAK`, because by then a program may
 * have stayed attached for hours.
 *
 * @module
 */
import { closeSync } from 'node:fs';
import { ClosedError } from './errors.ts';

interface Lost {
  readonly fd: number;
  readonly what: string;
}

const lost = new FinalizationRegistry<Lost>(({ fd, what }) => {
  process.emitWarning(`${what} (file descriptor ${fd}) was never closed`, {
    type: 'ResourceWarning',
    code: 'EBPF_LEAK',
  });
  closeSync(fd);
});

/** Base of maps, programs, links and sockets. */
export abstract class Handle implements Disposable {
  #fd: number;
  readonly #what: string;

  /**
   * @param fd - Descriptor to own.
   * @param what - What it is, for messages: "map counters".
   */
  constructor(fd: number, what: string) {
    this.#fd = fd;
    this.#what = what;
    lost.register(this, { fd, what }, this);
  }

  /**
   * The file descriptor.
   *
   * @throws {ClosedError} after `close()`.
   */
  get fd(): number {
    if (this.#fd < 0) throw new ClosedError(this.#what);
    return this.#fd;
  }

  get closed(): boolean {
    return this.#fd < 0;
  }

  /** Gives the descriptor back; harmless when repeated. Pinned and attached objects live on. */
  close(): void {
    if (this.#fd < 0) return;
    lost.unregister(this);
    const fd = this.#fd;
    this.#fd = -1;
    closeSync(fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  toString(): string {
    return this.#what;
  }
}
