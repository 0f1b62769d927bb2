/**
 * Notices that the content of a file changed, however it was changed: written in place, renamed
 * over, deleted and created again, or reached through a symbolic link that was swapped.
 *
 * The directory is watched and not the file, because a watch on a file follows the inode and falls
 * silent with the first rename-over. Events only say "look again": what counts is the file. One that
 * was written anew with the same content counts as changed, since whoever read it may have come in
 * between. Polling covers file systems without events (network mounts) and links into other
 * directories.
 *
 * @module
 */
import { type FSWatcher, watch } from 'node:fs';
import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type CancelTimer, type Clock, systemClock } from '../clock.ts';

export interface FileWatcherOptions {
  readonly file: string;
  /** Called after the file changed and events stayed away for `debounceMs`. Must not throw. */
  readonly onChange: () => void;
  /** Default 200 ms. */
  readonly debounceMs?: number;
  /** Polling for file systems without events; default 2000 ms. */
  readonly pollMs?: number;
  readonly clock?: Clock;
}

/** A directory with constant traffic may postpone a look by at most this many debounces. */
const DEBOUNCES_MAX = 3;
/** A file that is written all the time is taken as it comes after so many reads. */
const READS_MAX = 5;

/** Watches one file. One that is gone counts as unchanged until it is back. */
export class FileWatcher {
  readonly #file: string;
  readonly #onChange: () => void;
  readonly #debounceMs: number;
  readonly #pollMs: number;
  readonly #clock: Clock;
  readonly #watchers = new Map<string, FSWatcher>();
  #isRunning = false;
  #content: Buffer | null = null;
  /** Identity and times of the file when it was last read; saves reading it at every poll. */
  #signature = '';
  #firstEventMs: number | null = null;
  /** Looks come one after the other: an older one must not have the last word. */
  #isLooking = false;
  #isToLookAgain = false;
  #cancelLook: CancelTimer = () => {};
  #cancelPoll: CancelTimer = () => {};

  constructor(options: FileWatcherOptions) {
    this.#file = resolve(options.file);
    this.#onChange = options.onChange;
    this.#debounceMs = options.debounceMs ?? 200;
    this.#pollMs = options.pollMs ?? 2000;
    this.#clock = options.clock ?? systemClock;
  }

  /** Starts watching; the file as it is now is what later states differ from. */
  async start(): Promise<void> {
    this.#isRunning = true;
    this.#isLooking = true;
    await this.#watchDirectories();
    await this.#readIfChanged();
    this.#isLooking = false;
    if (this.#isToLookAgain) void this.#look();
    this.#schedulePoll();
  }

  /** Stops watching. No callback runs after it returns. */
  close(): void {
    this.#isRunning = false;
    this.#cancelLook();
    this.#cancelPoll();
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #noteEvent(): void {
    if (!this.#isRunning) return;
    const nowMs = this.#clock.nowMs();
    this.#firstEventMs ??= nowMs;
    const latestMs = this.#firstEventMs + DEBOUNCES_MAX * this.#debounceMs;
    this.#cancelLook();
    this.#cancelLook = this.#clock.after(
      Math.max(0, Math.min(this.#debounceMs, latestMs - nowMs)),
      () => void this.#look(),
    );
  }

  async #look(): Promise<void> {
    this.#firstEventMs = null;
    this.#isToLookAgain = true;
    if (this.#isLooking) return;
    this.#isLooking = true;
    while (this.#isToLookAgain && this.#isRunning) {
      this.#isToLookAgain = false;
      // oxlint-disable-next-line no-await-in-loop -- one look after the other
      const isChanged = await this.#readIfChanged();
      // oxlint-disable-next-line no-await-in-loop -- as above
      await this.#watchDirectories();
      if (isChanged && this.#isRunning) this.#onChange();
    }
    this.#isLooking = false;
  }

  #schedulePoll(): void {
    if (this.#isRunning)
      this.#cancelPoll = this.#clock.after(this.#pollMs, () => void this.#poll());
  }

  async #poll(): Promise<void> {
    const signature = await readSignature(this.#file);
    if (signature !== null && signature !== this.#signature) this.#noteEvent();
    await this.#watchDirectories();
    this.#schedulePoll();
  }

  /** Takes the file as it is now as seen; true when it differs from what was seen before. */
  async #readIfChanged(): Promise<boolean> {
    const seen = await readFileState(this.#file);
    if (seen === null) return false;
    const { signature, content } = seen;
    // Two writes within a tick of the file system's clock have one signature.
    const isChanged =
      signature !== this.#signature || this.#content === null || !content.equals(this.#content);
    this.#signature = signature;
    this.#content = content;
    return isChanged;
  }

  /** Watches the file's directory and the one that its symbolic links lead to. */
  async #watchDirectories(): Promise<void> {
    const target = await realpath(this.#file).catch(() => this.#file);
    if (!this.#isRunning) return;
    const wanted = new Set([dirname(this.#file), dirname(target)]);
    for (const [directory, watcher] of this.#watchers) {
      if (wanted.has(directory)) continue;
      watcher.close();
      this.#watchers.delete(directory);
    }
    for (const directory of wanted) if (!this.#watchers.has(directory)) this.#watch(directory);
  }

  #watch(directory: string): void {
    try {
      const watcher = watch(directory, { persistent: false }, () => this.#noteEvent());
      watcher.on('error', () => this.#forget(directory, watcher));
      this.#watchers.set(directory, watcher);
    } catch {
      // No such directory, or no watch descriptor left: the next poll tries again.
    }
  }

  #forget(directory: string, watcher: FSWatcher): void {
    watcher.close();
    if (this.#watchers.get(directory) === watcher) this.#watchers.delete(directory);
  }
}

interface FileState {
  readonly signature: string;
  readonly content: Buffer;
}

/** Content and signature of one and the same state; null when the file is not there. */
async function readFileState(file: string): Promise<FileState | null> {
  // oxlint-disable no-await-in-loop -- until nobody wrote while it was read
  for (let reads = 1; ; reads++) {
    // The signature first: with a write after it, the next poll finds another one.
    const signature = await readSignature(file);
    const content = await readFile(file).catch(() => null);
    if (signature === null || content === null) return null;
    if (reads === READS_MAX || (await readSignature(file)) === signature) {
      return { signature, content };
    }
  }
  // oxlint-enable no-await-in-loop
}

async function readSignature(file: string): Promise<string | null> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
  } catch {
    return null;
  }
}
