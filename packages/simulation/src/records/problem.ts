/**
 * What can be wrong with a recording: where it stands, what it is, how to mend it.
 *
 * @module
 */
import { SimulationError } from '../errors.ts';

/** One finding. Lines count from 1; 0 when the finding is about the whole file. */
export interface RecordProblem {
  readonly severity: 'error' | 'warning';
  readonly file: string;
  readonly line: number;
  /** Column or member, as the file names it; empty for the whole row. */
  readonly column: string;
  /** What is wrong with which value, and how to mend it. */
  readonly message: string;
}

/** Findings kept of one file; further ones are counted only. */
const PROBLEMS_MAX = 100;

/** Collects findings, the first ones in full and the others as a number. */
export class Problems {
  readonly list: RecordProblem[] = [];
  #errors = 0;
  #dropped = 0;

  add(problem: RecordProblem): void {
    if (problem.severity === 'error') this.#errors++;
    if (this.list.length < PROBLEMS_MAX) this.list.push(problem);
    else this.#dropped++;
  }

  get errors(): number {
    return this.#errors;
  }

  /** How many findings are not in the list. */
  get dropped(): number {
    return this.#dropped;
  }

  /** @throws {RecordError} When there is an error. */
  throwIfAny(): void {
    if (this.#errors > 0) throw new RecordError(this);
  }
}

/** Everything wrong with a recording, one line each. */
export class RecordError extends SimulationError {
  override readonly name = 'RecordError';
  override readonly code = 'RECORDS';
  readonly problems: readonly RecordProblem[];

  constructor(problems: Problems) {
    const lines = problems.list.map(formatRecordProblem);
    if (problems.dropped > 0) lines.push(`(${problems.dropped} more findings omitted)`);
    super(lines.join('\n'));
    this.problems = problems.list;
  }
}

/** `file:line: column: message`. */
export function formatRecordProblem({
  file,
  line,
  column,
  message,
  severity,
}: RecordProblem): string {
  const place = line > 0 ? `${file}:${line}` : file;
  const what = severity === 'warning' ? `warning: ${message}` : message;
  return `${place}: ${column === '' ? '' : `${column}: `}${what}`;
}
