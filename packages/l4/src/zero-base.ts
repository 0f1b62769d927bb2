/**
 * Counters that an operator set to 0: the kernel goes on counting, and what it had counted by then is
 * taken off when they are shown.
 *
 * @module
 */
import { backendKey } from './ids.ts';
import type { BackendCounts, PlaneSnapshot, TrafficCounts } from './statistics.ts';

export class ZeroBase {
  readonly #services = new Map<number, TrafficCounts>();
  readonly #backends = new Map<number, BackendCounts>();

  /** @param key - Text of one service's key; all services by default. */
  set({ numbers, services, backends }: PlaneSnapshot, key?: string): void {
    const ids = key === undefined ? [...services.keys()] : [numbers.services.get(key) ?? 0];
    for (const id of ids) {
      const counts = services.get(id);
      if (counts) this.#services.set(id, counts);
      const prefix = backendKey({ service: id, address: '', port: 0, mode: 'nat' }).split(' ')[0]!;
      for (const [identity, slot] of numbers.backends) {
        const own = backends.get(slot);
        if (own && identity.split(' ')[0] === prefix) this.#backends.set(slot, own);
      }
    }
  }

  /** The snapshot as it would be had counting begun then. */
  subtract(snapshot: PlaneSnapshot): PlaneSnapshot {
    return {
      ...snapshot,
      services: difference(snapshot.services, this.#services),
      backends: difference(snapshot.backends, this.#backends),
    };
  }
}

const FIELDS = ['conns', 'inPackets', 'outPackets', 'inBytes', 'outBytes'] as const;

function difference<T extends TrafficCounts>(
  now: ReadonlyMap<number, T>,
  base: ReadonlyMap<number, TrafficCounts>,
): Map<number, T> {
  return new Map(
    [...now].map(([number, counts]) => {
      const from = base.get(number);
      // Fewer than before: the number was given to something else, which began at 0.
      if (!from || counts.conns < from.conns) return [number, counts];
      const reduced = FIELDS.map((field) => [field, counts[field] - from[field]] as const);
      return [number, { ...counts, ...Object.fromEntries(reduced) }];
    }),
  );
}
