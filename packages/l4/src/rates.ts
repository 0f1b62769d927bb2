/**
 * Rates from counters: the difference over the real time between two looks, smoothed as `ipvsadm --rate`
 * shows it.
 *
 * @module
 */
import type { PlaneSnapshot, TrafficCounts } from './statistics.ts';

/** Per second. */
export type TrafficRates = TrafficCounts;

const FIELDS = ['conns', 'inPackets', 'outPackets', 'inBytes', 'outBytes'] as const;
/** A change shows with 63 % of its size after this time. */
const SMOOTHING_S = 2;

const ZERO: TrafficRates = { conns: 0, inPackets: 0, outPackets: 0, inBytes: 0, outBytes: 0 };

export class Rates {
  #lastMs = 0;
  #last: Pick<PlaneSnapshot, 'services' | 'backends'> | undefined;
  readonly #services = new Map<number, TrafficRates>();
  readonly #backends = new Map<number, TrafficRates>();

  /** @param nowMs - Of any clock that does not jump. */
  add(snapshot: PlaneSnapshot, nowMs: number = performance.now()): void {
    const seconds = (nowMs - this.#lastMs) / 1000;
    const last = this.#last;
    this.#last = snapshot;
    this.#lastMs = nowMs;
    if (!last || seconds <= 0) return;
    smooth(this.#services, last.services, snapshot.services, seconds);
    smooth(this.#backends, last.backends, snapshot.backends, seconds);
  }

  ofService(id: number): TrafficRates {
    return this.#services.get(id) ?? ZERO;
  }

  ofBackend(slot: number): TrafficRates {
    return this.#backends.get(slot) ?? ZERO;
  }
}

function smooth(
  rates: Map<number, TrafficRates>,
  before: ReadonlyMap<number, TrafficCounts>,
  now: ReadonlyMap<number, TrafficCounts>,
  seconds: number,
): void {
  const weight = 1 - Math.exp(-seconds / SMOOTHING_S);
  for (const [number, counts] of now) {
    const former = before.get(number);
    const rate = rates.get(number) ?? ZERO;
    const next = { ...ZERO };
    for (const field of FIELDS) {
      const current = Math.max(0, counts[field] - (former?.[field] ?? counts[field])) / seconds;
      next[field] = rate[field] + (current - rate[field]) * weight;
    }
    rates.set(number, next);
  }
  for (const number of rates.keys()) if (!now.has(number)) rates.delete(number);
}
