/**
 * The command's surroundings, so that a test can run it without a process of its own.
 *
 * @module
 */
import type { SignalSource } from '@balancer/kit';

/** A stream that people or pipes read. */
export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

export interface Io {
  /** Data goes here. */
  readonly stdout: OutputStream;
  /** Errors, progress and logs go here. */
  readonly stderr: OutputStream;
  readonly stdin: NodeJS.ReadStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signals: SignalSource;
}

/** The surroundings of this process. */
export function processIo(): Io {
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    environment: process.env,
    signals: process,
  };
}
