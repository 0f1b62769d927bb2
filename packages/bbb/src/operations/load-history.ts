/**
 * The load of every server over the last half hour, for pictures. Each process samples the board by
 * itself; nothing is stored, so a restart begins anew.
 *
 * @module
 */
import { type Logger, messageOf } from '@balancer/kit';
import type { Directory } from '../directory.ts';
import type { Placer } from '../placement/placer.ts';

/** Time between two samples. */
export const HISTORY_STEP_SECONDS = 15;
/** Samples kept per server. */
export const HISTORY_COUNT = 120;

export interface LoadHistoryParts {
  readonly directory: Directory;
  readonly placer: Placer;
  readonly logger: Logger;
}

export class LoadHistory {
  readonly #parts: () => LoadHistoryParts;
  #samples: ReadonlyMap<string, readonly (number | null)[]> = new Map();
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> = Promise.resolve();

  constructor(parts: () => LoadHistoryParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#running = this.sample().catch((error: unknown) =>
        this.#parts().logger.debug('the loads could not be read', { error: messageOf(error) }),
      );
    }, HISTORY_STEP_SECONDS * 1000);
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await this.#running;
  }

  /** Notes the load of every server as it is now; those that are gone are forgotten. */
  async sample(): Promise<void> {
    const { directory, placer } = this.#parts();
    const servers = [...(await directory.servers()).values()];
    const { entries } = await placer.view(servers);
    const samples = servers.map(({ id, load }) => {
      const before = this.#samples.get(id) ?? [];
      const now = entries.get(id)?.load ?? load;
      return [id, [...before.slice(1 - HISTORY_COUNT), now]] as const;
    });
    this.#samples = new Map(samples);
  }

  /** Samples of a server, oldest first; null where it had no load. */
  of(serverId: string): readonly (number | null)[] {
    return this.#samples.get(serverId) ?? [];
  }
}
