/**
 * Known answers: files of calls with the results that the contracts gave. A file is
 * `{format: "pools-vectors/1", title, source, units, count, cases}`; a case names an operation, its
 * inputs and either the output or the revert.
 *
 * @module
 */
import { InputError, Revert } from '../errors.ts';
import type { Json } from '../json.ts';

/** One recorded call. */
export interface VectorCase {
  readonly id: string;
  readonly op: string;
  /** Revision of the mathematics, for operations that have several. */
  readonly rev?: string;
  readonly in: { readonly [name: string]: Json };
  readonly out?: Json;
  readonly revert?: string;
}

/** A file of recorded calls. */
export interface VectorFile {
  readonly title: string;
  readonly source: string;
  readonly cases: readonly VectorCase[];
}

/** Where a replay first gave something else than the record. */
export interface Difference {
  readonly caseId: string;
  readonly op: string;
  /** Path inside the case's output: `out`, `out[3].state.balances[0]`. */
  readonly path: string;
  readonly expected: Json | undefined;
  readonly actual: Json | undefined;
}

/** @throws {InputError} When the text is no vector file of this format. */
export function parseVectorFile(text: string, name: string): VectorFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new InputError(name, `is not JSON: ${(error as Error).message}`);
  }
  const file = json as Partial<VectorFile> & { format?: unknown; count?: unknown };
  if (file?.format !== 'pools-vectors/1') {
    throw new InputError(`${name}.format`, `must be "pools-vectors/1"`);
  }
  if (!Array.isArray(file.cases)) throw new InputError(`${name}.cases`, 'must be an array');
  if (file.count !== file.cases.length) {
    throw new InputError(
      `${name}.count`,
      `says ${String(file.count)}, the file has ${file.cases.length}`,
    );
  }
  file.cases.forEach((entry: Partial<VectorCase> | null, i) => {
    const path = `${name}.cases[${i}]`;
    for (const key of ['id', 'op'] as const) {
      if (typeof entry?.[key] !== 'string')
        throw new InputError(`${path}.${key}`, 'must be a string');
    }
    if (typeof entry?.in !== 'object' || entry.in === null) {
      throw new InputError(`${path}.in`, 'must be an object');
    }
  });
  return { title: file.title ?? name, source: file.source ?? '', cases: file.cases };
}

/** What a call gives: `{out}`, or `{revert}` with the code. Anything else that it throws passes on. */
export function outcomeOf(call: () => Json): { out: Json } | { revert: string } {
  try {
    return { out: call() };
  } catch (error) {
    if (error instanceof Revert) return { revert: error.code };
    throw error;
  }
}

/**
 * Runs what reads a record; what is wrong with it is told with its path. A member that is missing where
 * nothing asked for it by name still ends in an error of the language, which is no more than a message.
 */
export function located<T>(path: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof InputError) {
      const detail = error.message.slice(error.path.length + 2);
      throw new InputError(
        error.path.startsWith(path) ? error.path : `${path}.${error.path}`,
        detail,
      );
    }
    if (error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError) {
      throw new InputError(path, `something is missing or of another type: ${error.message}`);
    }
    throw error;
  }
}

/**
 * First place where `actual` differs from `expected`. Only members that `expected` has are compared,
 * so that a record may leave out what it did not observe; a `revert` always counts.
 */
export function firstDifference(
  expected: Json | undefined,
  actual: Json | undefined,
  path: string,
): { path: string; expected: Json | undefined; actual: Json | undefined } | null {
  if (Array.isArray(expected) && Array.isArray(actual)) {
    if (expected.length !== actual.length) {
      return { path: `${path}.length`, expected: expected.length, actual: actual.length };
    }
    for (const [i, entry] of expected.entries()) {
      const found = firstDifference(entry, actual[i], `${path}[${i}]`);
      if (found !== null) return found;
    }
    return null;
  }
  if (isObject(expected) && isObject(actual)) {
    for (const key of [...Object.keys(expected), 'revert']) {
      const found = firstDifference(expected[key], actual[key], `${path}.${key}`);
      if (found !== null) return found;
    }
    return null;
  }
  return expected === actual ? null : { path, expected, actual };
}

/** Decimal strings become `bigint`, at any depth; everything else stays. */
export function withBigints(json: Json): unknown {
  if (typeof json === 'string') return /^-?[0-9]+$/.test(json) ? BigInt(json) : json;
  if (Array.isArray(json)) return json.map(withBigints);
  if (!isObject(json)) return json;
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, withBigints(value)]));
}

/** `bigint` becomes a decimal string, at any depth; `undefined` members are left out. */
export function withStrings(value: unknown): Json {
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return value.map(withStrings);
  if (typeof value !== 'object' || value === null) return value as Json;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.map(([key, member]) => [key, withStrings(member)]));
}

function isObject(json: unknown): json is { readonly [key: string]: Json } {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
