/**
 * Consistent hashing: a key keeps its node when others come and go, and when a node is not eligible
 * its keys move clockwise to the next one that is, and return exactly.
 *
 * @module
 */
import { murmur3Key } from '../key-hash.ts';
import type { NodeTable } from '../node-table.ts';
import { NO_NODE, type Key, type Picker, type Policy } from '../policy.ts';
import { checkRingOptions, Ring, type RingOptions } from './ring.ts';
import { Rotation } from './rotation.ts';

/**
 * Consistent hashing on a ring; see {@link RingOptions}. O(1) per pick; adding, removing or
 * reweighing a node sorts the points anew, health changes rebuild nothing. Requests without a key go
 * round robin.
 *
 * @throws {ConfigError} For an option out of range.
 */
export function hash(options: RingOptions = {}): Policy {
  const checked = checkRingOptions('hash', options);
  return {
    name: 'hash',
    reads: {},
    hashKey: murmur3Key,
    createPicker: () => new HashRingPicker(checked),
  };
}

class HashRingPicker implements Picker {
  readonly #options: Required<RingOptions>;
  readonly #keyless = new Rotation();
  #ring: Ring | undefined;

  constructor(options: Required<RingOptions>) {
    this.#options = options;
  }

  pick(table: NodeTable, key: Key | undefined): number {
    if (key === undefined) return this.#keyless.next(table);
    const ring = this.#ring;
    if (ring === undefined || table.count === 0) return NO_NODE;
    const { owners, size } = ring;
    let point = ring.pointFor(murmur3Key(key, this.#options.seed));
    for (let step = 0; step < size; step++) {
      const owner = owners[point]!;
      if (table.isEligible(owner)) return owner;
      point = point + 1 === size ? 0 : point + 1;
    }
    return NO_NODE;
  }

  membersChanged(table: NodeTable, previousIndex: Int32Array): void {
    this.#keyless.membersChanged(table, previousIndex);
    this.weightsChanged(table);
  }

  weightsChanged(table: NodeTable): void {
    this.#ring = new Ring(table, this.#options);
  }
}
