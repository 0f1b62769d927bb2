/**
 * Smooth weighted round robin: every pick, each eligible node earns its weight and the richest pays
 * the sum of all. Weights 5, 1, 1 give A A B A C A A instead of five A in a row.
 *
 * Source: I. Sysoev, nginx, upstream round robin (2012); weights may be fractional here.
 *
 * @module
 */
import type { NodeTable } from '../node-table.ts';
import { NO_NODE, type Picker, type Policy } from '../policy.ts';

/** Smooth weighted round robin. O(eligible nodes) per pick. */
export function weightedRoundRobin(): Policy {
  return {
    name: 'weightedRoundRobin',
    reads: {},
    createPicker: () => new WeightedRoundRobinPicker(),
  };
}

class WeightedRoundRobinPicker implements Picker {
  /** What each node has earned and not spent. */
  #credit = new Float64Array(0);

  pick(table: NodeTable): number {
    table.refresh();
    const { eligible, eligibleCount, effectiveWeight } = table;
    const credit = this.#credit;
    let best = NO_NODE;
    let bestCredit = -Infinity;
    let sum = 0;
    for (let k = 0; k < eligibleCount; k++) {
      const index = eligible[k]!;
      const weight = effectiveWeight[index]!;
      const earned = credit[index]! + weight;
      credit[index] = earned;
      sum += weight;
      if (earned > bestCredit) {
        bestCredit = earned;
        best = index;
      }
    }
    if (best !== NO_NODE) credit[best] = bestCredit - sum;
    return best;
  }

  membersChanged(_table: NodeTable, previousIndex: Int32Array): void {
    const before = this.#credit;
    this.#credit = Float64Array.from(previousIndex, (previous) => before[previous] ?? 0);
  }

  /** A node that was away starts anew: old credit would come back as a burst. */
  rejoined(index: number): void {
    this.#credit[index] = 0;
  }
}
