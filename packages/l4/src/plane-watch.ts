/**
 * Hears what the engine and the counters say by themselves, and tells it: in the log, and as events.
 *
 * @module
 */
import type { Logger } from '@balancer/kit';
import { FILLING_SHARE } from './counter-checks.ts';
import type { EngineThreadOptions } from './engine-thread.ts';
import { EventFeed, eventOf } from './event-feed.ts';
import type { PlaneSnapshot } from './statistics.ts';

export class PlaneWatch {
  readonly feed: EventFeed = new EventFeed();
  readonly hearers: EngineThreadOptions;
  readonly #logger: Logger;
  #serviceNames: ReadonlyMap<number, string> = new Map();
  #isFilling = false;

  constructor(logger: Logger) {
    this.#logger = logger;
    this.hearers = {
      onFinding: (finding) => {
        logger.warn('packet plane mended', { finding });
        this.feed.add({ type: 'mended', finding });
      },
      onFailure: (reason) =>
        logger.error('packet plane: the look once a second failed', { reason }),
      onEvent: (record) => this.feed.add(eventOf(record, (id) => this.#serviceNames.get(id))),
    };
  }

  /** Events name services by these numbers from now on. */
  nameServices(numbers: ReadonlyMap<string, number>): void {
    this.#serviceNames = new Map([...numbers].map(([key, id]) => [id, key]));
  }

  /** Looks at new counters. Says once whenever the table is about to forget flows, or to refuse them. */
  observe({ collection, flowsMax: max }: PlaneSnapshot): void {
    const entries = collection?.entries ?? 0;
    const isFilling = entries > max * FILLING_SHARE;
    if (isFilling && !this.#isFilling) {
      this.#logger.warn('packet plane: the connection table fills up', { entries, max });
      this.feed.add({ type: 'flows-filling', entries, max });
    }
    this.#isFilling = isFilling;
  }
}
