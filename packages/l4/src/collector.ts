/**
 * Collects flows that are over, and finds out which numbers no flow refers to any more.
 *
 * @module
 */
import { collectGarbage, type GarbageCollection } from './garbage-collection.ts';
import type { Leaving } from './leaving.ts';
import type { PlaneObjects } from './objects.ts';

/** A collection and how long it took. */
export interface TimedCollection extends GarbageCollection {
  readonly seconds: number;
}

/** Above so many entries the table is collected less often. */
const LARGE_TABLE = 262_144;
const LARGE_TABLE_TICKS = 5;

export class Collector {
  readonly #objects: PlaneObjects;
  #latest: TimedCollection | undefined;

  constructor(objects: PlaneObjects) {
    this.#objects = objects;
  }

  /** The last collection; `undefined` before the first. */
  get latest(): TimedCollection | undefined {
    return this.#latest;
  }

  /** Whether it is time for one. @param tick - Counts seconds. */
  isDue(tick: number): boolean {
    const isLarge = (this.#latest?.entries ?? 0) > LARGE_TABLE;
    return !isLarge || tick % LARGE_TABLE_TICKS === 0;
  }

  /** Goes over the connection table. Blocks meanwhile. */
  collect(): TimedCollection {
    const start = process.hrtime.bigint();
    const result = collectGarbage(this.#objects.ctl.program('lb_gc'));
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    this.#latest = { ...result, seconds };
    return this.#latest;
  }

  /** Those of the numbers that no flow had in the last collection, nor has had since. */
  idleOf({ services, backends, localAddresses }: Leaving): Leaving {
    const { tc, ctl } = this.#objects;
    return {
      backends: backends.filter((slot) => {
        const { active = 0, inactive = 0 } = tc.map('l4_cnt').get(slot) ?? {};
        const counted = ctl.map('l4_gc_be').get(slot);
        return active + inactive + (counted?.active ?? 0) + (counted?.inactive ?? 0) === 0;
      }),
      services: services.filter((id) => (tc.map('l4_scnt').get(id)?.conns ?? 0) === 0),
      localAddresses: localAddresses.filter(
        (index) => (tc.map('l4_lip').get(index)?.conns ?? 0) === 0,
      ),
    };
  }
}
