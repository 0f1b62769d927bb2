/**
 * Steps over schema problems: takes each out of the values, so that the schema can be applied to the
 * rest.
 *
 * @module
 */
import type { TomlTable, TomlValue } from './document.ts';
import type { Findings } from './findings.ts';
import type { SchemaProblem } from './issues.ts';
import { formatKey, type KeyPath } from './problem.ts';

/** Drops "missing" for a key that a misspelt neighbour was meant to be. */
export function withoutEchoes(problems: readonly SchemaProblem[]): readonly SchemaProblem[] {
  const renamed = new Set(
    problems
      .filter(({ repair: how }) => how === 'rename')
      .map(({ path, renameTo }) => formatKey([...path.slice(0, -1), renameTo!])),
  );
  return problems.filter(
    ({ path, repair: how }) => how !== 'drop-table' || !renamed.has(formatKey(path)),
  );
}

/** Takes the problem out of `input`; false when it is already gone or is the whole document. */
export function repair(
  input: TomlTable,
  pathInFile: KeyPath,
  problem: SchemaProblem,
  findings: Findings,
): boolean {
  const { path, renameTo } = problem;
  if (problem.repair === 'rename' && renameTo !== undefined) {
    findings.noteRename(path, renameTo);
    return renameAt(input, path, renameTo);
  }
  if (problem.repair === 'drop-key') return removeAt(input, path);
  findings.markBroken(pathInFile);
  return removeAt(input, problem.repair === 'drop-table' ? path.slice(0, -1) : path);
}

/** Removes the value at `path`; for an element of an array the whole array, whose indexes count. */
export function removeAt(input: TomlTable, path: KeyPath): boolean {
  const firstIndex = path.findIndex((part) => typeof part === 'number');
  const keys = firstIndex === -1 ? path : path.slice(0, firstIndex);
  const last = keys.at(-1);
  const table = tableAt(input, keys.slice(0, -1));
  if (last === undefined || table === null || !Object.hasOwn(table, last)) return false;
  delete table[last];
  return true;
}

function renameAt(input: TomlTable, path: KeyPath, name: string): boolean {
  const table = tableAt(input, path.slice(0, -1));
  const old = path.at(-1);
  if (table === null || old === undefined || !Object.hasOwn(table, old)) return false;
  if (!Object.hasOwn(table, name)) table[name] = table[old]!;
  delete table[old];
  return true;
}

function tableAt(input: TomlTable, path: KeyPath): TomlTable | null {
  let value: TomlValue | undefined = input;
  for (const part of path) {
    if (Array.isArray(value)) value = value[Number(part)];
    else if (isTable(value) && Object.hasOwn(value, part)) value = value[part];
    else return null;
  }
  return isTable(value) ? value : null;
}

function isTable(value: TomlValue | undefined): value is TomlTable {
  return typeof value === 'object' && !Array.isArray(value) && !(value instanceof Date);
}
