/**
 * Where log lines go: standard error, standard output or a file. Writing never throws and never
 * waits: when the disk is full, the reader of a pipe is gone or too slow, lines are dropped and
 * counted.
 *
 * Lines queue while one write is under way and leave together in the next, so that a busy log costs
 * one system call per batch. No control character survives except the line break at the end of a
 * line: what a client sends must not move an operator's cursor.
 *
 * @module
 */
// oxlint-disable no-await-in-loop -- one write at a time is the point
import { close, closeSync, constants, fstatSync, openSync, write } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { BalancerError, errnoName, messageOf } from '../errors.ts';
import { escapeControls } from '../text.ts';

/** `stderr`, `stdout`, or the path of a file (created with mode 0640, appended to). */
export type LogTarget = string;

export interface LineOutput {
  /** Writes one line; `line` ends with a line break. */
  write(line: string): void;
  /** Lines dropped since the output was opened. */
  readonly droppedLines: number;
  /**
   * Opens the file again, after log rotation moved it away. Does nothing for stdout and stderr.
   *
   * @throws {LogTargetError} if the file cannot be opened; the open one stays in use.
   */
  reopen(): void;
  /** Waits until what was written is out or dropped: ten seconds at most, one if it is no file. */
  flush(): Promise<void>;
  /** Flushes and closes a file; leaves stdout and stderr open. Later lines are dropped. */
  close(): Promise<void>;
}

/** A log file that cannot be opened. */
export class LogTargetError extends BalancerError {
  override readonly name = 'LogTargetError';
  readonly code = 'LOG_TARGET';
}

/** Most characters that wait for a write; what comes on top is dropped. */
const QUEUE_MAX_CHARS = 1024 * 1024;
/** A disk comes round; the reader of a pipe may never. */
const FLUSH_MAX_MS = { file: 10_000, pipe: 1000, other: 1000 } as const;
/** Pause before writing again to a pipe that is full. */
const FULL_PIPE_PAUSE_MS = 20;
/** What a pipe takes in one piece or not at all: PIPE_BUF of pipe(7). */
const PIPE_ATOMIC_BYTES = 4096;

/**
 * Opens an output.
 *
 * @throws {LogTargetError} if a file cannot be opened for appending.
 */
export function openLineOutput(target: LogTarget): LineOutput {
  if (target === 'stdout') return new QueuedOutput(ownDescriptor(1), null);
  if (target === 'stderr') return new QueuedOutput(ownDescriptor(2), null);
  return new QueuedOutput(openLogFile(target), target);
}

const writeAsync = promisify(write);

class QueuedOutput implements LineOutput {
  readonly #path: string | null;
  #fd: number;
  #queue: string[] = [];
  #queuedChars = 0;
  #droppedLines = 0;
  #isClosed = false;
  /** True when the last write was cut inside a line; the next one starts on a new line. */
  #isTorn = false;
  readonly #kind: TargetKind;
  #pumping: Promise<void> | null = null;

  constructor(fd: number, path: string | null) {
    this.#fd = fd;
    this.#path = path;
    this.#kind = kindOf(fd);
  }

  get droppedLines(): number {
    return this.#droppedLines;
  }

  write(line: string): void {
    if (this.#isClosed || this.#queuedChars + line.length > QUEUE_MAX_CHARS) {
      this.#droppedLines++;
      return;
    }
    this.#queue.push(`${escapeControls(line.endsWith('\n') ? line.slice(0, -1) : line)}\n`);
    this.#queuedChars += line.length;
    this.#pumping ??= this.#pump();
  }

  reopen(): void {
    if (this.#path === null || this.#isClosed) return;
    const old = this.#fd;
    this.#fd = openLogFile(this.#path);
    void (this.#pumping ?? Promise.resolve()).then(() => close(old, () => {}));
  }

  async flush(): Promise<void> {
    const patience = new AbortController();
    const { signal } = patience;
    await Promise.race([
      this.#pumping ?? Promise.resolve(),
      delay(FLUSH_MAX_MS[this.#kind], undefined, { signal }).catch(() => {}),
    ]);
    patience.abort();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    await this.flush();
    this.#isClosed = true;
    this.#droppedLines += this.#queue.length;
    this.#queue = [];
    const fd = this.#fd;
    if (fd <= 2) return;
    // A write that is still under way must not find another file under this number.
    if (this.#pumping === null) closeSync(fd);
    else void this.#pumping.then(() => closeSync(fd));
  }

  async #pump(): Promise<void> {
    while (this.#queue.length > 0) {
      const lines = this.#queue.splice(0, this.#linesAtOnce());
      const batch = `${this.#isTorn ? '\n' : ''}${lines.join('')}`;
      await this.#writeBatch(Buffer.from(batch));
      this.#queuedChars = this.#queue.reduce((sum, line) => sum + line.length, 0);
    }
    this.#pumping = null;
  }

  /** As many lines as are sure to stay together, though several processes write to one pipe. */
  #linesAtOnce(): number {
    if (this.#kind !== 'pipe') return this.#queue.length;
    let count = 0;
    let bytes = 1;
    for (const line of this.#queue) {
      bytes += Buffer.byteLength(line);
      if (bytes > PIPE_ATOMIC_BYTES) break;
      count++;
    }
    return Math.max(1, count);
  }

  async #writeBatch(batch: Buffer): Promise<void> {
    const fd = this.#fd;
    let offset = 0;
    while (offset < batch.length && !this.#isClosed) {
      try {
        const { bytesWritten } = await writeAsync(fd, batch, offset);
        offset += bytesWritten;
      } catch (error) {
        if (errnoName(error) !== 'EAGAIN') break;
        await delay(FULL_PIPE_PAUSE_MS, undefined, { ref: false });
      }
    }
    if (offset > 0) this.#isTorn = batch[offset - 1] !== LINE_BREAK;
    this.#droppedLines += countLines(batch.subarray(offset));
  }
}

type TargetKind = keyof typeof FLUSH_MAX_MS;

function kindOf(fd: number): TargetKind {
  try {
    const target = fstatSync(fd);
    if (target.isFIFO()) return 'pipe';
    return target.isFile() ? 'file' : 'other';
  } catch {
    return 'other';
  }
}

const LINE_BREAK = 0x0a;

function countLines(bytes: Buffer): number {
  let count = 0;
  for (const byte of bytes) if (byte === LINE_BREAK) count++;
  return count;
}

/**
 * A pipe opened anew without blocking. A blocking write to a pipe that nobody reads would hold a
 * thread of the pool, and the process at its end; changing the mode of the given descriptor would
 * change it for every process that shares it.
 */
function ownDescriptor(fd: 1 | 2): number {
  try {
    if (kindOf(fd) !== 'pipe') return fd;
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return fd;
  }
}

function openLogFile(path: string): number {
  const { O_APPEND, O_CREAT, O_NOCTTY, O_NONBLOCK, O_WRONLY } = constants;
  try {
    // O_NONBLOCK: a named pipe without a reader is an error here, not a wait.
    return openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK, 0o640);
  } catch (error) {
    const reason = errnoName(error) ?? messageOf(error);
    throw new LogTargetError(
      `cannot open log file ${path}: ${reason}; give a writable path, "stderr" or "stdout"`,
      { cause: error },
    );
  }
}
