/**
 * The steps of an explanation, in the order in which they were taken.
 *
 * @module
 */
import type { ExplainedStep } from './open-pool.ts';

/** Collects steps; `add` gives the value of the step on. */
export class Explanation {
  readonly steps: ExplainedStep[] = [];

  add(name: string, formula: string, value: bigint, rounding: ExplainedStep['rounding']): bigint {
    this.steps.push({ name, formula, value, rounding });
    return value;
  }
}
