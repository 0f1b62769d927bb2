/**
 * Rendezvous hashing (highest random weight): every node scores the key, the best score wins. No
 * table to build, and a node that leaves moves only its own keys, spread evenly over all others.
 *
 * Sources: D. Thaler, C. Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", IEEE/ACM
 * Transactions on Networking 6(1), 1998; weights: J. Resch, "New Hashing Algorithms for Data
 * Storage", SNIA 2015.
 *
 * @module
 */
import { fmix32, murmur3Int } from '../hash.ts';
import { murmur3Key } from '../key-hash.ts';
import type { NodeTable } from '../node-table.ts';
import { NO_NODE, type Key, type Picker, type Policy } from '../policy.ts';
import { Rotation } from './rotation.ts';

const GOLDEN_RATIO = 0x9e3779b1 | 0;
const TWO_POW_32 = 4_294_967_296;

/** O(eligible nodes) per pick. Requests without a key go round robin. */
export function rendezvous(): Policy {
  return {
    name: 'rendezvous',
    reads: {},
    hashKey: murmur3Key,
    createPicker: () => new RendezvousPicker(),
  };
}

class RendezvousPicker implements Picker {
  readonly #keyless = new Rotation();
  /** Hash of each node's id, already multiplied. */
  #nodeHash = new Int32Array(0);

  pick(table: NodeTable, key: Key | undefined): number {
    if (key === undefined) return this.#keyless.next(table);
    table.refresh();
    const keyHash = murmur3Key(key, 0);
    return table.equalWeights ? this.#highestMix(table, keyHash) : this.#highest(table, keyHash);
  }

  membersChanged(table: NodeTable, previousIndex: Int32Array): void {
    this.#keyless.membersChanged(table, previousIndex);
    this.#nodeHash = Int32Array.from(table.nodes, (node) =>
      Math.imul(murmur3Int(node.id, 0), GOLDEN_RATIO),
    );
  }

  #highestMix({ eligible, eligibleCount, rankById }: NodeTable, keyHash: number): number {
    let best = NO_NODE;
    let bestMix = -1;
    for (let k = 0; k < eligibleCount; k++) {
      const index = eligible[k]!;
      const mix = fmix32(keyHash ^ this.#nodeHash[index]!) >>> 0;
      if (mix < bestMix || (mix === bestMix && rankById[index]! > rankById[best]!)) continue;
      best = index;
      bestMix = mix;
    }
    return best;
  }

  #highest({ eligible, eligibleCount, rankById, weight }: NodeTable, keyHash: number): number {
    let best = NO_NODE;
    let bestScore = -1;
    for (let k = 0; k < eligibleCount; k++) {
      const index = eligible[k]!;
      const mix = fmix32(keyHash ^ this.#nodeHash[index]!) >>> 0;
      const score = -weight[index]! / Math.log((mix + 0.5) / TWO_POW_32);
      if (score < bestScore || (score === bestScore && rankById[index]! > rankById[best]!))
        continue;
      best = index;
      bestScore = score;
    }
    return best;
  }
}
