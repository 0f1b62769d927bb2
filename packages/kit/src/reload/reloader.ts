/**
 * Replaces a running configuration by the content of its file: one reload at a time, all or nothing.
 *
 * @module
 */
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../clock.ts';
import { FileWatcher } from './file-watcher.ts';

/** Who asked for a reload. */
export type ReloadTrigger = 'file' | 'signal' | 'api';

export type ReloadResult =
  | { readonly outcome: 'applied'; readonly trigger: ReloadTrigger }
  | { readonly outcome: 'unchanged'; readonly trigger: ReloadTrigger }
  | { readonly outcome: 'failed'; readonly trigger: ReloadTrigger; readonly error: unknown };

export interface ReloaderOptions<T> {
  /** The file to watch. */
  readonly file: string;
  /** What runs now. */
  readonly current: T;
  /** Reads and checks the file; throws to refuse. Return values alone, no positions or warnings. */
  readonly load: () => Promise<T>;
  /** Makes `next` run, wholly or not at all; throws to refuse, with `previous` still running. */
  readonly apply: (next: T, previous: T) => Promise<void>;
  /** Called after every reload, whatever came of it. Must not throw. */
  readonly onResult?: (result: ReloadResult) => void;
  /** Default: deep equality, so that comments and white space of the file make no difference. */
  readonly isEqual?: (a: T, b: T) => boolean;
  /** Default 200 ms. */
  readonly debounceMs?: number;
  /** Default 2000 ms. */
  readonly pollMs?: number;
  readonly clock?: Clock;
}

/** Keeps one running value equal to what a file says. */
export class Reloader<T> {
  readonly #options: ReloaderOptions<T>;
  readonly #watcher: FileWatcher;
  #current: T;
  #lastError: unknown = null;
  #running: Promise<ReloadResult> | null = null;
  #following: Promise<ReloadResult> | null = null;

  constructor(options: ReloaderOptions<T>) {
    this.#options = options;
    this.#current = options.current;
    const { file, debounceMs, pollMs, clock } = options;
    this.#watcher = new FileWatcher({
      file,
      onChange: () => void this.reload('file'),
      ...(debounceMs === undefined ? {} : { debounceMs }),
      ...(pollMs === undefined ? {} : { pollMs }),
      ...(clock === undefined ? {} : { clock }),
    });
  }

  /** What runs now. */
  get current(): T {
    return this.#current;
  }

  /** What the last reload threw, or null when it succeeded. */
  get lastError(): unknown {
    return this.#lastError;
  }

  /** Starts watching the file, and reloads once when it no longer says what runs. */
  async start(): Promise<void> {
    await this.#watcher.start();
    // The file may have changed between the first load and the watch.
    await this.reload('file');
  }

  /** Reloads now; requests made while one runs share the one that follows it. Never rejects. */
  reload(trigger: ReloadTrigger): Promise<ReloadResult> {
    if (this.#running !== null) {
      this.#following ??= this.#running.then(() => {
        this.#following = null;
        return this.reload(trigger);
      });
      return this.#following;
    }
    this.#running = this.#reloadOnce(trigger);
    return this.#running;
  }

  /** Resolves when the reload that runs now, if any, is over. */
  async settled(): Promise<void> {
    await this.#running;
  }

  /** Stops watching and waits for reloads that were asked for. */
  async close(): Promise<void> {
    this.#watcher.close();
    if (this.#running === null) return;
    await (this.#following ?? this.#running);
    await this.close();
  }

  async #reloadOnce(trigger: ReloadTrigger): Promise<ReloadResult> {
    const result = await this.#attempt(trigger);
    this.#lastError = result.outcome === 'failed' ? result.error : null;
    this.#running = null;
    this.#options.onResult?.(result);
    return result;
  }

  async #attempt(trigger: ReloadTrigger): Promise<ReloadResult> {
    const { load, apply, isEqual = isDeepStrictEqual } = this.#options;
    try {
      const next = await load();
      if (isEqual(next, this.#current)) return { outcome: 'unchanged', trigger };
      await apply(next, this.#current);
      this.#current = next;
      return { outcome: 'applied', trigger };
    } catch (error) {
      return { outcome: 'failed', trigger, error };
    }
  }
}
