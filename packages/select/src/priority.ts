/**
 * How traffic spreads over priority levels: the first level keeps all of it while enough of its
 * nodes are eligible, then the next ones take over by degrees.
 *
 * Source: Envoy Proxy documentation, "Priority levels", overprovisioning factor 1.4.
 *
 * @module
 */

/** With 140, a level may lose 28 % of its nodes before traffic moves on. */
const OVERPROVISIONING_PERCENT = 140;

/**
 * Writes the percentage of traffic of each level to `percent`; they sum to 100, or are all 0 when no
 * level has an eligible node. Allocates nothing.
 */
export function spreadOverLevels(
  eligible: ArrayLike<number>,
  count: ArrayLike<number>,
  percent: Int32Array,
): void {
  let total = 0;
  for (let level = 0; level < percent.length; level++) {
    percent[level] = availability(eligible[level]!, count[level]!);
    total += percent[level]!;
  }
  total = Math.min(100, total);
  if (total === 0) return;

  let left = 100;
  let firstAvailable = -1;
  for (let level = 0; level < percent.length; level++) {
    if (percent[level]! > 0 && firstAvailable < 0) firstAvailable = level;
    const share = Math.min(left, Math.floor((percent[level]! * 100) / total));
    percent[level] = share;
    left -= share;
  }
  percent[firstAvailable]! += left;
}

function availability(eligible: number, count: number): number {
  if (count === 0) return 0;
  return Math.min(100, Math.floor((OVERPROVISIONING_PERCENT * eligible) / count));
}
