/**
 * Drawing a few distinct eligible nodes at random, for policies that compare samples.
 *
 * @module
 */
import { checkNumber } from '../errors.ts';
import type { NodeTable } from '../node-table.ts';
import { NO_NODE } from '../policy.ts';
import type { Xorshift32 } from '../random.ts';

/** More samples than this cost more than a scan of most pools. */
const CHOICES_MAX = 64;
const REDRAWS_MAX = 8;
const POLLED_REDRAWS_MAX = 5;

/** @throws {ConfigError} Unless `choices` is an integer from 1 to 64. */
export function checkChoices(option: string, choices: number): number {
  return checkNumber(option, choices, { min: 1, max: CHOICES_MAX, integer: true });
}

/** Samples of one pick, in the order drawn. Allocates nothing after construction. */
export class Draws {
  readonly drawn: Int32Array;
  readonly #choices: number;
  readonly #random: Xorshift32;

  constructor(choices: number, random: Xorshift32) {
    this.#choices = choices;
    this.#random = random;
    this.drawn = new Int32Array(choices);
  }

  /**
   * Draws up to `choices` distinct eligible nodes into `drawn`. Polled tables are sampled without
   * asking every node, so that a pick stays independent of the size of the pool.
   *
   * @returns How many were drawn; 0 only when no node is eligible.
   */
  draw(table: NodeTable): number {
    return table.polled ? this.#drawPolled(table) : this.#drawFromList(table);
  }

  #drawFromList({ eligible, eligibleCount }: NodeTable): number {
    const { drawn } = this;
    if (eligibleCount <= 1 || this.#choices === 1) {
      if (eligibleCount === 0) return 0;
      drawn[0] = eligible[this.#random.below(eligibleCount)]!;
      return 1;
    }
    // The second rank comes from the n - 1 others and steps over the first: never a retry.
    const first = this.#random.below(eligibleCount);
    const second = this.#random.below(eligibleCount - 1);
    drawn[0] = eligible[first]!;
    drawn[1] = eligible[second < first ? second : second + 1]!;
    let count = 2;
    while (count < this.#choices && count < eligibleCount) {
      let index = eligible[this.#random.below(eligibleCount)]!;
      for (let redraw = 0; redraw < REDRAWS_MAX && this.#has(index, count); redraw++) {
        index = eligible[this.#random.below(eligibleCount)]!;
      }
      if (this.#has(index, count)) break;
      drawn[count++] = index;
    }
    return count;
  }

  #drawPolled(table: NodeTable): number {
    const { drawn } = this;
    const { count: nodeCount } = table;
    if (nodeCount === 0) return 0;
    const wanted = Math.min(this.#choices, nodeCount);
    let count = 0;
    while (count < wanted) {
      const index = this.#drawOnePolled(table, count);
      if (index === NO_NODE) break;
      drawn[count++] = index;
    }
    return count;
  }

  /** An eligible node that is not among the first `count` drawn, or `NO_NODE`. */
  #drawOnePolled(table: NodeTable, count: number): number {
    const { drawn } = this;
    const nodeCount = table.count;
    for (let attempt = 0; attempt <= POLLED_REDRAWS_MAX; attempt++) {
      let index: number;
      if (count === 1) {
        const other = this.#random.below(nodeCount - 1);
        index = other < drawn[0]! ? other : other + 1;
      } else {
        index = this.#random.below(nodeCount);
        if (this.#has(index, count)) continue;
      }
      if (table.isEligible(index)) return index;
    }
    const start = this.#random.below(nodeCount);
    for (let step = 0; step < nodeCount; step++) {
      const index = (start + step) % nodeCount;
      if (!this.#has(index, count) && table.isEligible(index)) return index;
    }
    return NO_NODE;
  }

  #has(index: number, count: number): boolean {
    for (let k = 0; k < count; k++) if (this.drawn[k] === index) return true;
    return false;
  }
}
