/**
 * Consistent hashing with bounded loads: the ring, but a node that holds more than `c` times its
 * fair share passes keys on clockwise. A hot key spreads over several nodes instead of drowning one.
 *
 * Source: V. Mirrokni, M. Thorup, M. Zadimoghaddam, "Consistent Hashing with Bounded Loads", SODA 2018.
 *
 * @module
 */
import { checkNumber } from '../errors.ts';
import { murmur3Key } from '../key-hash.ts';
import type { NodeTable } from '../node-table.ts';
import { NO_NODE, type Key, type Picker, type Policy } from '../policy.ts';
import { checkRingOptions, Ring, type RingOptions } from './ring.ts';
import { Rotation } from './rotation.ts';

/**
 * O(n) per pick, to sum the loads. Requests without a key go round robin.
 *
 * @param options - `c`: how far above its fair share a node may go, at least 1, default 1.25; the
 *   rest as in `hash`.
 * @throws {ConfigError} For an option out of range.
 */
export function boundedHash({ c = 1.25, ...ring }: RingOptions & { c?: number } = {}): Policy {
  checkNumber('boundedHash.c', c, { min: 1 });
  const checked = checkRingOptions('boundedHash', ring);
  return {
    name: 'boundedHash',
    reads: { load: true },
    hashKey: murmur3Key,
    createPicker: () => new BoundedHashPicker(c, checked),
  };
}

class BoundedHashPicker implements Picker {
  readonly #c: number;
  readonly #options: Required<RingOptions>;
  readonly #keyless = new Rotation();
  #ring: Ring | undefined;

  constructor(c: number, options: Required<RingOptions>) {
    this.#c = c;
    this.#options = options;
  }

  pick(table: NodeTable, key: Key | undefined): number {
    if (key === undefined) return this.#keyless.next(table);
    const ring = this.#ring;
    table.refresh();
    const { eligible, eligibleCount, load, weight } = table;
    if (ring === undefined || eligibleCount === 0) return NO_NODE;

    let loadSum = 0;
    let weightSum = 0;
    for (let k = 0; k < eligibleCount; k++) {
      loadSum += load[eligible[k]!]!;
      weightSum += weight[eligible[k]!]!;
    }
    // The caps of all eligible nodes sum to more than the loads, so some node has room.
    const jobsPerWeight = this.#c * (loadSum + 1);
    const { owners, size } = ring;
    let point = ring.pointFor(murmur3Key(key, this.#options.seed));
    for (let step = 0; step < size; step++) {
      const owner = owners[point]!;
      const cap = Math.ceil((jobsPerWeight * weight[owner]!) / weightSum);
      if (load[owner]! < cap && table.isEligible(owner)) return owner;
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
