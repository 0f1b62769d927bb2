/**
 * What can be wrong with a configuration file, and the error that carries all of it.
 *
 * @module
 */
import { BalancerError } from '../errors.ts';
import { escapeControls } from '../text.ts';

/** Keys from the root of a document to a value; numbers are indexes of array elements. */
export type KeyPath = readonly (string | number)[];

/** A place in a text. Both count from 1; a column counts UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** One thing wrong with a configuration file, or worth a warning. */
export interface ConfigProblem extends Position {
  /** The file's name as the caller gave it. */
  readonly file: string;
  /** Dotted key, `backends.out.servers.s1.weight`; empty when the problem is the file itself. */
  readonly key: string;
  /** What is wrong; what is allowed. */
  readonly message: string;
}

/** Everything wrong with one configuration file, in file order. */
export class ConfigFileError extends BalancerError {
  override readonly name = 'ConfigFileError';
  readonly code = 'CONFIG_FILE';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[], options?: ErrorOptions) {
    super(problems.map(formatProblem).join('\n'), options);
    this.problems = problems;
  }
}

/** `file:line:column: key: message`, the form that editors and terminals turn into a link. */
export function formatProblem({ file, line, column, key, message }: ConfigProblem): string {
  return `${file}:${line}:${column}: ${key === '' ? '' : `${key}: `}${message}`;
}

/** Orders problems by position, then by key so that the order never depends on who found them. */
export function sortProblems(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return problems.toSorted(
    (a, b) => a.line - b.line || a.column - b.column || a.key.localeCompare(b.key),
  );
}

/** A path as it would be written in TOML: `a.b`, `a."x y"`, `a[0].b`. */
export function formatKey(path: KeyPath): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else
      text += `${text === '' ? '' : '.'}${BARE_KEY.test(part) ? part : escapeControls(JSON.stringify(part))}`;
  }
  return text;
}

const BARE_KEY = /^[A-Za-z0-9_-]+$/;
