/**
 * The inner maps of `l4_sel` and `l4_list`: from a hash or a cursor to a backend slot.
 *
 * @module
 */
import { BPF_F_INNER_MAP, BpfMap } from '@balancer/ebpf';

/** A table as a map of its own, to be put into an outer map and closed. An empty one has one entry, 0. */
export function createTable(name: string, slots: Uint32Array): BpfMap {
  const map = BpfMap.create({
    name,
    type: 'array',
    keySize: 4,
    valueSize: 4,
    maxEntries: Math.max(slots.length, 1),
    flags: BPF_F_INNER_MAP,
  });
  const keys = new Uint8Array(Uint32Array.from(slots, (_, index) => index).buffer);
  const values = new Uint8Array(slots.slice().buffer);
  map.updateBatch({ count: slots.length, keys, values });
  return map;
}

/**
 * Writes the slots of a table that are different, each at once: a packet finds in any of them what it had
 * before or what it has now. Unlike another table in its place, nothing waits for packets under way.
 *
 * @param mapId - What a look-up in an outer map gives.
 */
export function patchTable(mapId: number, table: Uint32Array, changed: Uint32Array): void {
  const map = BpfMap.fromId(mapId);
  try {
    const keys = new Uint8Array(changed.slice().buffer);
    const values = new Uint8Array(Uint32Array.from(changed, (slot) => table[slot]!).buffer);
    map.updateBatch({ count: changed.length, keys, values });
  } finally {
    map.close();
  }
}

/** Places where two tables of the same length differ. */
export function differences(before: Uint32Array, next: Uint32Array): Uint32Array {
  const places: number[] = [];
  for (let slot = 0; slot < next.length; slot++) {
    if (before[slot] !== next[slot]) places.push(slot);
  }
  return Uint32Array.from(places);
}

/** The first slots of the table that an outer map refers to. @param mapId - What a look-up there gives. */
export function readTable(mapId: number, count: number): Uint32Array {
  const map = BpfMap.fromId(mapId);
  try {
    const parts = [...map.batches(count)].map(({ values }) => Buffer.from(values));
    const bytes = Uint8Array.from(Buffer.concat(parts));
    return new Uint32Array(bytes.buffer).subarray(0, count);
  } finally {
    map.close();
  }
}
