/**
 * What a token bucket lets through that holds a second's worth and is full at the beginning. A machine that stands
 * still for longer offers nothing meanwhile, and earns nothing either: a share of a rate is one of this.
 */

/** Packets that are offered at a time. */
export interface Offer {
  readonly timeS: number;
  readonly count: number;
}

/** @param offers - In the order of their times. */
export function admitted(offers: readonly Offer[], perS: number): number {
  let beforeS = offers[0]?.timeS ?? 0;
  let level = perS;
  let total = 0;
  for (const { timeS, count } of offers) {
    level = Math.min(perS, level + (timeS - beforeS) * perS);
    beforeS = timeS;
    const taken = Math.min(count, Math.floor(level));
    level -= taken;
    total += taken;
  }
  return total;
}
