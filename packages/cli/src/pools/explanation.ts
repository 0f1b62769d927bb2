/**
 * The steps of an explanation, in the order in which they were taken, and the swap fees among them.
 *
 * @module
 */
import type { ExplainedStep } from './open-pool.ts';

/** Collects steps; `add` gives the value of the step on. */
export class Explanation {
  readonly steps: ExplainedStep[] = [];
  /** Swap fees with 18 decimals, by the place of the token without the pool's own. */
  readonly fees: Map<number, bigint> = new Map();

  add(name: string, formula: string, value: bigint, rounding: ExplainedStep['rounding']): bigint {
    this.steps.push({ name, formula, value, rounding });
    return value;
  }

  /** Notes what of an amount stays in the pool as swap fee. */
  charge(index: number, fee: bigint): void {
    if (fee > 0n) this.fees.set(index, (this.fees.get(index) ?? 0n) + fee);
  }
}
