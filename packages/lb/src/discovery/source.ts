/**
 * Where servers of a backend come from when the file does not name them.
 *
 * @module
 */
import type { ServerEntry } from '../backend.ts';

/** A set of servers that changes. */
export interface ServerSource {
  /** Starts to look; `onServers` is called with every complete set, at first as soon as possible. */
  start(
    onServers: (entries: readonly ServerEntry[]) => void,
    onFailure: (reason: string) => void,
  ): void;
  /** Stops; nothing is called any more. */
  stop(): void;
}

/** One look at a source. */
export interface Found {
  readonly entries: readonly ServerEntry[];
  /** When to look again, in milliseconds. */
  readonly againMs: number;
}

/** How long to wait after a look that failed. */
const RETRY_MS = 5000;

/** A source that is asked again and again. */
export class PolledSource implements ServerSource {
  private readonly look: (signal: AbortSignal) => Promise<Found>;
  private readonly retryMs: number;
  private readonly stopped = new AbortController();
  private timer: NodeJS.Timeout | undefined;

  /** @param retryMs - Wait after a failure. */
  constructor(look: (signal: AbortSignal) => Promise<Found>, retryMs: number = RETRY_MS) {
    this.look = look;
    this.retryMs = retryMs;
  }

  start(
    onServers: (entries: readonly ServerEntry[]) => void,
    onFailure: (reason: string) => void,
  ): void {
    void this.run(onServers, onFailure);
  }

  stop(): void {
    this.stopped.abort();
    clearTimeout(this.timer);
  }

  private async run(
    onServers: (entries: readonly ServerEntry[]) => void,
    onFailure: (reason: string) => void,
  ): Promise<void> {
    let againMs = this.retryMs;
    try {
      const found = await this.look(this.stopped.signal);
      againMs = found.againMs;
      if (!this.stopped.signal.aborted) onServers(found.entries);
    } catch (error) {
      if (!this.stopped.signal.aborted)
        onFailure(error instanceof Error ? error.message : String(error));
    }
    if (this.stopped.signal.aborted) return;
    this.timer = setTimeout(() => void this.run(onServers, onFailure), againMs);
    this.timer.unref();
  }
}
