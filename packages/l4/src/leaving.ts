/**
 * What is wanted no more and still has its numbers, because flows may refer to them.
 *
 * @module
 */
import type { PlaneImage } from './compile.ts';
import { BACKEND_FLAGS, SERVICE_FLAGS } from './constants.ts';
import { type DesiredPlane, formatServiceKey } from './desired.ts';
import { Ids } from './ids.ts';

/** Numbers that may be given back once no flow refers to them. */
export interface Leaving {
  readonly services: readonly number[];
  readonly backends: readonly number[];
  readonly localAddresses: readonly number[];
}

/** Finds them. Before anything is wanted nothing is leaving: what is there waits to be taken over. */
export function leavingOf(image: PlaneImage, ids: Ids, desired: DesiredPlane | undefined): Leaving {
  if (desired === undefined) return { services: [], backends: [], localAddresses: [] };
  const wanted = new Set(desired.services.map(formatServiceKey));
  const used = new Set(
    [...ids.localRuns]
      .filter(([service]) => isEnabled(image, service))
      .flatMap(([, { first, addresses }]) => addresses.map((_, index) => first + index)),
  );
  return {
    services: [...ids.services].filter(([key]) => !wanted.has(key)).map(([, id]) => id),
    backends: [...image.backends]
      .filter(([, { flags }]) => (flags & BACKEND_FLAGS.retired) !== 0)
      .map(([slot]) => slot),
    localAddresses: [...ids.localAddresses.keys()].filter((index) => !used.has(index)),
  };
}

/** The allocation without numbers that were freed. */
export function withoutGone(ids: Ids, gone: Leaving): Ids {
  const next = new Ids(ids);
  removeNumbers(next.services, gone.services);
  removeNumbers(next.backends, gone.backends);
  for (const id of gone.services) {
    next.localRuns.delete(id);
    next.narrowed.delete(id);
  }
  for (const index of gone.localAddresses) next.localAddresses.delete(index);
  return next;
}

function isEnabled({ services }: PlaneImage, id: number): boolean {
  return ((services.get(id)?.flags ?? 0) & SERVICE_FLAGS.enabled) !== 0;
}

function removeNumbers(numbers: Map<string, number>, gone: readonly number[]): void {
  const set = new Set(gone);
  for (const [key, number] of numbers) if (set.has(number)) numbers.delete(key);
}
