/**
 * Replays whole vector files and counts what came out.
 *
 * @module
 */
import { InputError } from '../errors.ts';
import { type Difference, parseVectorFile } from './case.ts';
import { isOfPools, replayCase } from './replay.ts';

/** What a replay of one file found. */
export interface FileReport {
  readonly name: string;
  readonly title: string;
  readonly cases: number;
  /** Cases per operation, in order of first appearance. */
  readonly operations: ReadonlyMap<string, number>;
  readonly differences: readonly Difference[];
  /** Cases of operations that are not about pools. */
  readonly skipped: number;
  /** Cases that could not be replayed, with where they are malformed. */
  readonly malformed: readonly string[];
}

/** Whether the text is JSON that says it is a vector file, of any version. */
export function isVectorFile(text: string): boolean {
  return /"format"\s*:\s*"pools-vectors\//.test(text);
}

/**
 * Replays every case of one file.
 *
 * @param name - Stands in messages.
 * @throws {InputError} When the text is no vector file of this format.
 */
export function replayFile(name: string, text: string): FileReport {
  const { title, cases } = parseVectorFile(text, name);
  const operations = new Map<string, number>();
  const differences: Difference[] = [];
  const malformed: string[] = [];
  const ours = cases.filter(({ op }) => isOfPools(op));
  for (const vector of ours) {
    operations.set(vector.op, (operations.get(vector.op) ?? 0) + 1);
    try {
      const difference = replayCase(vector);
      if (difference !== null) differences.push(difference);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      malformed.push(error.message);
    }
  }
  const skipped = cases.length - ours.length;
  return { name, title, cases: ours.length, operations, differences, skipped, malformed };
}

/** The report as lines of text: counts per operation, then each difference with both values. */
export function describeReport(report: FileReport): string[] {
  const { name, cases, operations, differences, skipped, malformed } = report;
  const counts = Array.from(operations, ([op, count]) => `  ${op}: ${count}`);
  const failed = differences.length + malformed.length;
  return [
    `${name}: ${cases - failed} of ${cases} cases agree`,
    ...counts,
    ...(skipped > 0 ? [`  not about pools, left out: ${skipped}`] : []),
    ...differences.flatMap(describeDifference),
    ...malformed.map((message) => `  malformed: ${message}`),
  ];
}

function describeDifference({ caseId, op, path, expected, actual }: Difference): string[] {
  return [
    `  ${caseId} (${op}) differs at ${path}`,
    `    expected ${JSON.stringify(expected)}`,
    `    computed ${JSON.stringify(actual)}`,
  ];
}
