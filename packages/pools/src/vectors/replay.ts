/**
 * Replays recorded calls of the vector format and says where a result first differs.
 *
 * @module
 */
import { InputError } from '../errors.ts';
import type { Json } from '../json.ts';
import {
  type Difference,
  type VectorCase,
  firstDifference,
  located,
  outcomeOf,
  withStrings,
} from './case.ts';
import { isMathOp, runMathCase } from './math-ops.ts';
import { isV1Op, runV1Case } from './v1-ops.ts';
import { isV1Scenario, runV1Scenario } from './v1-scenario.ts';
import { isV2Scenario, runV2Scenario } from './v2-scenario.ts';

interface Runner {
  readonly knows: (op: string) => boolean;
  readonly run: (vector: VectorCase) => Json;
}

const RUNNERS: readonly Runner[] = [
  { knows: isMathOp, run: runMathCase },
  { knows: isV1Op, run: runV1Case },
  { knows: isV1Scenario, run: runV1Scenario },
  { knows: isV2Scenario, run: runV2Scenario },
];

const FAMILIES: ReadonlySet<string> = new Set(
  'fp lep fee compress weighted stable linear pool vault oracle bnum bmath bpool crp elastic'.split(
    ' ',
  ),
);

/** Whether an operation is of a family that pools compute; a folder may hold other vectors too. */
export function isOfPools(op: string): boolean {
  return FAMILIES.has(op.split('.')[0] ?? '');
}

/**
 * Replays one case.
 *
 * @returns Null when everything that the record holds came out the same.
 * @throws {InputError} When the operation is unknown or its inputs are malformed.
 */
export function replayCase(vector: VectorCase): Difference | null {
  const { id: caseId, op } = vector;
  const runner = RUNNERS.find(({ knows }) => knows(op));
  if (runner === undefined) throw new InputError(`${caseId}.op`, `"${op}" is no known operation`);
  const expected = vector.revert === undefined ? { out: vector.out } : { revert: vector.revert };
  const actual = outcomeOf(() => located(`${caseId}.in`, () => runner.run(vector)));
  if ('revert' in expected !== 'revert' in actual) {
    return { caseId, op, path: 'outcome', expected: withStrings(expected), actual };
  }
  const path = 'revert' in expected ? 'revert' : 'out';
  const found = firstDifference(Object.values(expected)[0], Object.values(actual)[0], path);
  return found === null ? null : { caseId, op, ...found };
}
