/**
 * Least time: the node with the smallest average response time per unit of weight. A node without
 * an average is *cold*, and what happens to cold nodes is the whole difficulty: compared as 0, one
 * takes all traffic until its first answer.
 *
 * @module
 */
import { checkChoice } from '../errors.ts';
import type { NodeTable } from '../node-table.ts';
import { NO_NODE, type Picker, type PickerContext, type Policy } from '../policy.ts';
import type { Xorshift32 } from '../random.ts';
import { positionOfLeast } from './least.ts';
import { survivorsBefore } from './rotation.ts';
import { checkTieBreak, type TieBreak } from './tie-break.ts';

/**
 * - `"probe"`: a cold node is chosen before any warm one while it is idle, and skipped while its
 *   first job runs; when all are cold, the one with the fewest jobs in flight.
 * - `"prefer"`: a cold node compares as 0 ms.
 */
export type ColdRule = 'probe' | 'prefer';

/**
 * Scans the eligible nodes: O(n) per pick.
 *
 * @param options - `tieBreak`: default `"rotate"`; `cold`: default `"probe"`.
 * @throws {ConfigError} For an unknown tie break or cold rule.
 */
export function leastTime({
  tieBreak = 'rotate',
  cold = 'probe',
}: { tieBreak?: TieBreak; cold?: ColdRule } = {}): Policy {
  checkTieBreak('leastTime.tieBreak', tieBreak);
  checkChoice('leastTime.cold', cold, ['probe', 'prefer']);
  return {
    name: 'leastTime',
    reads: { load: cold === 'probe', average: true },
    createPicker: (context) => new LeastTimePicker({ tieBreak, cold }, context),
  };
}

/** Classes of candidates, best first; within a class the cost decides. */
const COLD_IDLE = 0;
const WARM = 1;
const COLD_BUSY = 2;

class LeastTimePicker implements Picker {
  readonly #tieBreak: TieBreak;
  readonly #probesCold: boolean;
  readonly #random: Xorshift32;
  #last = NO_NODE;
  /** Where `#last` stood among the eligible nodes. */
  #position = 0;

  constructor({ tieBreak, cold }: { tieBreak: TieBreak; cold: ColdRule }, context: PickerContext) {
    this.#tieBreak = tieBreak;
    this.#probesCold = cold === 'probe';
    this.#random = context.random;
  }

  pick(table: NodeTable): number {
    table.refresh();
    const { eligible, eligibleCount } = table;
    if (eligibleCount === 0) return NO_NODE;
    const after = this.#tieBreak === 'rotate' ? table.positionAfter(this.#last, this.#position) : 0;
    const start = after < eligibleCount ? after : 0;
    if (table.equalEffectiveWeights && this.#tieBreak !== 'random') {
      const position = positionOfLeast(table, table.average, start);
      const index = eligible[position]!;
      // Averages are never negative, so where no cold node is the smallest there is none.
      if (!this.#probesCold || table.average[index] !== 0) {
        this.#position = position;
        this.#last = index;
        return index;
      }
    }
    this.#last = this.#pickByRank(table, start);
    return this.#last;
  }

  membersChanged(_table: NodeTable, previousIndex: Int32Array): void {
    this.#last = survivorsBefore(previousIndex, this.#last + 1) - 1;
  }

  /** The general case: classes of cold and warm nodes, weights, ties by lot. */
  #pickByRank(table: NodeTable, start: number): number {
    const { eligible, eligibleCount, average, load, effectiveWeight } = table;
    let best = NO_NODE;
    let bestClass = COLD_BUSY + 1;
    let bestCost = 0;
    let bestWeight = 1;
    let tieCount = 0;
    for (let step = 0, k = start; step < eligibleCount; step++, k++) {
      if (k >= eligibleCount) k = 0;
      const index = eligible[k]!;
      const isCold = this.#probesCold && average[index] === 0;
      const rank = !isCold ? WARM : load[index] === 0 ? COLD_IDLE : COLD_BUSY;
      if (rank > bestClass) continue;
      const cost = isCold ? load[index]! : average[index]!;
      const weight = isCold ? 1 : effectiveWeight[index]!;
      // cost / weight - bestCost / bestWeight by sign, without dividing.
      const difference = rank < bestClass ? -1 : cost * bestWeight - bestCost * weight;
      if (difference > 0) continue;
      if (difference < 0) tieCount = 1;
      else if (this.#tieBreak !== 'random' || this.#random.below(++tieCount) !== 0) continue;
      best = index;
      bestClass = rank;
      bestCost = cost;
      bestWeight = weight;
    }
    return best;
  }
}
