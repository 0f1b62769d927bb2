/**
 * How scanning policies choose among nodes with the same score.
 *
 * @module
 */
import { checkChoice } from '../errors.ts';

/**
 * - `"rotate"`: the scan starts one past the node chosen last, and the first best one wins;
 * - `"first"`: the lowest index wins;
 * - `"random"`: each has the same chance.
 */
export type TieBreak = 'rotate' | 'first' | 'random';

/** @throws {ConfigError} For anything else. */
export function checkTieBreak(option: string, tieBreak: TieBreak): TieBreak {
  return checkChoice(option, tieBreak, ['rotate', 'first', 'random']);
}
