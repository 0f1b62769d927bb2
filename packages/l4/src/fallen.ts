/**
 * Servers that have gone down and whose connections are to end with that.
 *
 * @module
 */
import type { PlaneImage } from './compile.ts';
import { BACKEND_FLAGS } from './constants.ts';
import type { DesiredPlane } from './desired.ts';
import type { Ids } from './ids.ts';

/** Numbers of backends that took flows before, and do not next. */
export function fallenBackends(change: {
  readonly desired: DesiredPlane;
  readonly ids: Ids;
  readonly before: PlaneImage;
  readonly next: PlaneImage;
}): number[] {
  const { desired, ids, before, next } = change;
  const isAvailable = ({ backends }: PlaneImage, slot: number): boolean =>
    ((backends.get(slot)?.flags ?? 0) & BACKEND_FLAGS.available) !== 0;
  return desired.services.flatMap((service) =>
    service.backends
      .filter(({ closesWhenDown }) => closesWhenDown)
      .map((spec) => ids.backendSlot(ids.serviceId(service), spec))
      .filter((slot) => isAvailable(before, slot) && !isAvailable(next, slot)),
  );
}
