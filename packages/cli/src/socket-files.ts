/**
 * Keeps the files of unix sockets that were handed over: the runtime removes such a file when the
 * process that bound it stops listening, though another process listens on the same socket.
 *
 * The file has a second name meanwhile, which takes the place of the first as soon as that is gone.
 *
 * @module
 */
import { existsSync, linkSync, renameSync, rmSync } from 'node:fs';
import type { ListeningSocket } from '@balancer/proxy';

/** How soon a file is put back that a worker's end removed. */
const LOOK_EVERY_MS = 1;

export class SocketFiles {
  private readonly secondNames = new Map<string, string>();
  private timer: NodeJS.Timeout | undefined;

  /** Gives every file its second name. Those that cannot have one are left to their fate. */
  keep(sockets: readonly ListeningSocket[]): void {
    for (const { address } of sockets) {
      if (address.kind !== 'unix') continue;
      const second = `${address.path}.${process.pid}`;
      try {
        linkSync(address.path, second);
        this.secondNames.set(address.path, second);
      } catch {
        // The folder cannot be written to, so the file cannot be removed from it either.
      }
    }
    if (this.secondNames.size > 0) this.timer = setInterval(() => this.restore(), LOOK_EVERY_MS);
  }

  /** Puts back what is gone. */
  restore(): void {
    for (const [path, second] of this.secondNames) {
      if (existsSync(path)) continue;
      renameSync(second, path);
      this.secondNames.delete(path);
    }
  }

  /** Nothing will be removed any more. */
  end(): void {
    clearInterval(this.timer);
    this.restore();
    for (const second of this.secondNames.values()) rmSync(second, { force: true });
  }
}
