/**
 * Finds out from the maps who has which number, after a restart.
 *
 * @module
 */
import type { LoadedObject } from '@balancer/ebpf';
import type { L4Tc } from '../bpf/objects/l4-tc.types.ts';
import { fromMapAddress } from './address.ts';
import type { PlaneImage } from './compile.ts';
import { BACKEND_FLAGS, MODES, PROTOCOLS, SCHEDULERS } from './constants.ts';
import { type ForwardMode, formatServiceKey, type Protocol } from './desired.ts';
import { backendKey, Ids } from './ids.ts';

/** The numbers that an image and the maps behind it show. */
export function recoverIds(image: PlaneImage, loaded: LoadedObject<L4Tc>): Ids {
  const ids = new Ids();
  const matches = new Map(image.rules.map(({ service, match }) => [service, match]));
  for (const [id, { protocol, vip, vport, lip_first, lip_count }] of image.services) {
    const match = matches.get(id);
    const key = {
      protocol: nameOf<Protocol>(PROTOCOLS, protocol),
      address: fromMapAddress(vip),
      port: vport,
      ...(match && { match }),
    };
    ids.services.set(formatServiceKey(key), id);
    if (lip_count === 0) continue;
    const addresses = Array.from(
      { length: lip_count },
      (_, index) => image.localAddresses.get(lip_first + index) ?? '',
    );
    ids.localRuns.set(id, { first: lip_first, addresses });
  }
  for (const [slot, { service, address, port, mode }] of image.backends) {
    const identity = {
      service,
      address: fromMapAddress(address),
      port,
      mode: nameOf<ForwardMode>(MODES, mode),
    };
    ids.backends.set(backendKey(identity), slot);
  }
  for (const [slot, { generation }] of loaded.map('l4_be').entries()) {
    if (generation > 0) ids.generations.set(slot, generation);
  }
  for (const [index, address] of image.localAddresses) ids.localAddresses.set(index, address);
  for (const id of narrowedServices(image)) ids.narrowed.add(id);
  return ids;
}

/** Services whose table by key leaves a backend out. */
function narrowedServices({ services, backends, tables }: PlaneImage): number[] {
  return [...services].flatMap(([id, { scheduler }]) => {
    if (scheduler !== SCHEDULERS.mh && scheduler !== SCHEDULERS.conhash) return [];
    const present = new Set(tables.get(id));
    const isLeftOut = [...backends].some(
      ([slot, { service, weight, flags }]) =>
        service === id && weight > 0 && (flags & BACKEND_FLAGS.retired) === 0 && !present.has(slot),
    );
    return isLeftOut ? [id] : [];
  });
}

function nameOf<N extends string>(numbers: Readonly<Record<N, number>>, number: number): N {
  const found = Object.entries(numbers).find(([, value]) => value === number)?.[0];
  if (found === undefined) throw new Error(`the maps hold the unknown number ${number}`);
  // A key of the table that was searched.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return found as N;
}
