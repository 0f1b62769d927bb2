/**
 * The smallest of the eligible nodes' values: what policies that scan have in common.
 *
 * @module
 */
import type { NodeTable } from '../node-table.ts';

/**
 * Position in `eligible` of the first node with the smallest value, from `start` on and round. Two
 * plain loops, because a wrapping index costs a branch per node.
 *
 * @param values - Per node; never NaN.
 * @param start - 0 <= start < eligibleCount.
 */
export function positionOfLeast(
  { eligible, eligibleCount }: NodeTable,
  values: Float64Array,
  start: number,
): number {
  let best = start;
  let least = values[eligible[start]!]!;
  for (let k = start + 1; k < eligibleCount; k++) {
    const value = values[eligible[k]!]!;
    if (value >= least) continue;
    best = k;
    least = value;
  }
  for (let k = 0; k < start; k++) {
    const value = values[eligible[k]!]!;
    if (value >= least) continue;
    best = k;
    least = value;
  }
  return best;
}
