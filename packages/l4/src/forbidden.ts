/**
 * Ends the flows of clients that the lists of their service have come to forbid.
 *
 * @module
 */
import type { LoadedObject } from '@balancer/ebpf';
import { type L4Tc, l4TcLayout } from '../bpf/objects/l4-tc.types.ts';
import { aclKey } from './admission.ts';
import { fromMapAddress } from './address.ts';
import type { PlaneImage } from './compile.ts';
import { LIST_KINDS, SERVICE_FLAGS } from './constants.ts';
import { deleteFlow } from './flows.ts';

/** Services whose lists may forbid what they did not before. */
export function tightened(before: PlaneImage, next: PlaneImage): Set<number> {
  const services = new Set<number>();
  for (const [text, { list }] of next.networks) {
    if (list % 2 === LIST_KINDS.deny && !before.networks.has(text)) services.add(list >> 1);
  }
  for (const [text, { list }] of before.networks) {
    if (list % 2 === LIST_KINDS.allow && !next.networks.has(text)) services.add(list >> 1);
  }
  for (const [id, { flags }] of next.services) {
    const had = before.services.get(id)?.flags ?? 0;
    if ((flags & ~had & SERVICE_FLAGS.allow) !== 0) services.add(id);
  }
  return services;
}

/**
 * Forgets the flows of forbidden clients; the next collection puts counters right.
 *
 * @param services - Only flows of these are looked at.
 * @returns How many went.
 */
export function removeForbidden(loaded: LoadedObject<L4Tc>, services: ReadonlySet<number>): number {
  if (services.size === 0) return 0;
  const isForbidden = forbids(loaded);
  const members = l4TcLayout['map l4_ct value']!.members;
  const serviceAt = members['service']! / 8;
  const dirAt = members['dir']! / 8;
  const flows = loaded.map('l4_ct');
  const doomed: Uint8Array[] = [];
  // A table of a million flows is gone over without taking each of them apart.
  for (const [key, value] of flows.raw.entries()) {
    if (value[dirAt] !== 0) continue;
    const service = new DataView(value.buffer, value.byteOffset).getUint32(serviceAt, true);
    if (services.has(service) && isForbidden(service, key.subarray(0, 16))) doomed.push(key);
  }
  return doomed.filter((key) => deleteFlow(loaded, key)).length;
}

/** Asks the maps, as the programs do; the answer for a client is kept. */
function forbids(loaded: LoadedObject<L4Tc>): (service: number, client: Uint8Array) => boolean {
  const lists = loaded.map('l4_acl');
  const known = new Map<string, boolean>();
  const isListed = (service: number, kind: number, address: string): boolean => {
    const length = address.includes(':') ? 128 : 32;
    return lists.get(aclKey({ list: service * 2 + kind, address, length })) !== undefined;
  };
  return (service, bytes) => {
    const address = fromMapAddress({ bytes });
    const text = `${service} ${address}`;
    let answer = known.get(text);
    if (answer === undefined) {
      const flags = loaded.map('l4_svc').get(service)?.flags ?? 0;
      answer =
        ((flags & SERVICE_FLAGS.deny) !== 0 && isListed(service, LIST_KINDS.deny, address)) ||
        ((flags & SERVICE_FLAGS.allow) !== 0 && !isListed(service, LIST_KINDS.allow, address));
      known.set(text, answer);
    }
    return answer;
  };
}
