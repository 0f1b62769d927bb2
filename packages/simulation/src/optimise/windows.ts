/**
 * Windows of recorded time that an optimisation trains and is tested on.
 *
 * @module
 */
import type { TimeWindow } from '../experiment/resources.ts';
import type { Experiment } from '../experiment/schema.ts';

/** One window or several, as several. */
export function windowsOf(
  given: NonNullable<NonNullable<Experiment['optimise']>['train']>,
): TimeWindow[] {
  return typeof given[0] === 'number' ? [given as TimeWindow] : (given as TimeWindow[]);
}
