/**
 * Least connection: the node with the fewest jobs in flight per unit of weight, counting the job
 * about to be sent: (load + 1) / weight.
 *
 * @module
 */
import type { NodeTable } from '../node-table.ts';
import { NO_NODE, type Picker, type PickerContext, type Policy } from '../policy.ts';
import type { Xorshift32 } from '../random.ts';
import { positionOfLeast } from './least.ts';
import { survivorsBefore } from './rotation.ts';
import { checkTieBreak, type TieBreak } from './tie-break.ts';

/**
 * Scans the eligible nodes: O(n) per pick. With many nodes, or many balancers in front of the same
 * nodes, `p2c` is cheaper and herds less.
 *
 * @param options - `tieBreak`: default `"rotate"`.
 * @throws {ConfigError} For an unknown tie break.
 */
export function leastConnection({ tieBreak = 'rotate' }: { tieBreak?: TieBreak } = {}): Policy {
  checkTieBreak('leastConnection.tieBreak', tieBreak);
  return {
    name: 'leastConnection',
    reads: { load: true },
    createPicker: (context) => new LeastConnectionPicker(tieBreak, context),
  };
}

class LeastConnectionPicker implements Picker {
  readonly #tieBreak: TieBreak;
  readonly #random: Xorshift32;
  #last = NO_NODE;
  /** Where `#last` stood among the eligible nodes. */
  #position = 0;

  constructor(tieBreak: TieBreak, { random }: PickerContext) {
    this.#tieBreak = tieBreak;
    this.#random = random;
  }

  pick(table: NodeTable): number {
    table.refresh();
    const { eligible, eligibleCount } = table;
    if (eligibleCount === 0) return NO_NODE;
    if (this.#tieBreak === 'random') return this.#pickRandomBest(table);
    const from = this.#tieBreak === 'rotate' ? table.positionAfter(this.#last, this.#position) : 0;
    this.#position = table.equalEffectiveWeights
      ? positionOfLeast(table, table.load, from < eligibleCount ? from : 0)
      : leastLoadedByWeight(table, from < eligibleCount ? from : 0);
    this.#last = eligible[this.#position]!;
    return this.#last;
  }

  membersChanged(_table: NodeTable, previousIndex: Int32Array): void {
    this.#last = survivorsBefore(previousIndex, this.#last + 1) - 1;
  }

  #pickRandomBest(table: NodeTable): number {
    const { eligible, eligibleCount } = table;
    let best = eligible[0]!;
    let tieCount = 1;
    for (let k = 1; k < eligibleCount; k++) {
      const index = eligible[k]!;
      const difference = compareLoad(table, index, best);
      if (difference < 0) {
        best = index;
        tieCount = 1;
      } else if (difference === 0 && this.#random.below(++tieCount) === 0) {
        // Reservoir of one: the k-th tied node replaces the choice with probability 1/k.
        best = index;
      }
    }
    return best;
  }
}

/**
 * Position of the eligible node with the fewest jobs per unit of weight, counting the job to come;
 * looked for from `start` on and round.
 */
function leastLoadedByWeight(table: NodeTable, start: number): number {
  const { eligible, eligibleCount } = table;
  let best = start;
  for (let step = 1, k = start + 1; step < eligibleCount; step++, k++) {
    if (k >= eligibleCount) k -= eligibleCount;
    if (compareLoad(table, eligible[k]!, eligible[best]!) < 0) best = k;
  }
  return best;
}

/** Negative when node `a` has fewer jobs per unit of weight than node `b`, 0 when the same. */
export function compareLoad(table: NodeTable, a: number, b: number): number {
  const { load, effectiveWeight } = table;
  return (load[a]! + 1) * effectiveWeight[b]! - (load[b]! + 1) * effectiveWeight[a]!;
}
