/**
 * Random choice with probabilities in proportion to the weights: one draw and a binary search in
 * the cumulative weights, which are rebuilt only after a change.
 *
 * @module
 */
import type { NodeTable } from '../node-table.ts';
import { NO_NODE, type Picker, type PickerContext, type Policy } from '../policy.ts';
import { OUTPUTS, type Xorshift32 } from '../random.ts';

/** Weighted random choice. O(log n) per pick; O(n) after a change, and always for polled nodes. */
export function random(): Policy {
  return {
    name: 'random',
    reads: {},
    createPicker: (context) => new RandomPicker(context),
  };
}

class RandomPicker implements Picker {
  readonly #random: Xorshift32;
  /** Cumulative effective weights along `eligible`. */
  #cumulative = new Float64Array(0);
  #version = -1;

  constructor({ random: source }: PickerContext) {
    this.#random = source;
  }

  pick(table: NodeTable): number {
    table.refresh();
    const { eligible, eligibleCount } = table;
    if (eligibleCount === 0) return NO_NODE;
    if (table.version !== this.#version) this.#accumulate(table);

    const cumulative = this.#cumulative;
    const drawn = ((this.#random.int32() >>> 0) / OUTPUTS) * cumulative[eligibleCount - 1]!;
    let low = 0;
    let high = eligibleCount - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (cumulative[middle]! > drawn) high = middle;
      else low = middle + 1;
    }
    return eligible[low]!;
  }

  membersChanged(table: NodeTable): void {
    this.#cumulative = new Float64Array(table.count);
    this.#version = -1;
  }

  #accumulate({ eligible, eligibleCount, effectiveWeight, version }: NodeTable): void {
    let sum = 0;
    for (let k = 0; k < eligibleCount; k++) {
      sum += effectiveWeight[eligible[k]!]!;
      this.#cumulative[k] = sum;
    }
    this.#version = version;
  }
}
