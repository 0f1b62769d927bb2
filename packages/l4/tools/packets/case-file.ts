/**
 * Reads files of packet cases, and says what is wrong with them: where, what, and what is allowed there.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { applySchema, BalancerError, formatKey, messageOf } from '@balancer/kit';
import { CASE_FILE } from './case-schema.ts';
import type { PacketCase } from './packet-case.ts';

/** Everything that is wrong with files of cases. */
export class CaseFileError extends BalancerError {
  override readonly name = 'CaseFileError';
  readonly code = 'CASE_FILE';
}

/**
 * The cases of a file's text: a JSON array.
 *
 * @param file - Its name, for messages.
 * @throws {CaseFileError} with one line for each problem.
 */
export function parseCases(text: string, file: string): PacketCase[] {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new CaseFileError(`${file}${placeOf(text, error)}: is no JSON: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const result = applySchema(CASE_FILE, content);
  if (result.ok) return result.value;
  const lines = result.problems.map(({ path: [index, ...key], message }) => {
    if (index === undefined) return `${file}: ${message.replace(/a table$/, 'an object')}`;
    return `${file}: case ${Number(index) + 1}${titleOf(content, index)}: ${key.length > 0 ? `${formatKey(key)}: ` : ''}${message}`;
  });
  throw new CaseFileError(lines.join('\n'));
}

/**
 * The cases of a folder, by file.
 *
 * @throws {CaseFileError} if it is no folder, has no `.json` file in it, or one of them is wrong.
 */
export function readCases(folder: string): { file: string; cases: PacketCase[] }[] {
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  } catch (error) {
    throw new CaseFileError(`${folder}: cannot be read as a folder: ${messageOf(error)}`, {
      cause: error,
    });
  }
  if (names.length === 0) throw new CaseFileError(`${folder}: no file of cases (.json) in it`);
  const problems: string[] = [];
  const files = names.toSorted().flatMap((file) => {
    try {
      return [{ file, cases: parseCases(readFileSync(join(folder, file), 'utf8'), file) }];
    } catch (error) {
      problems.push(messageOf(error));
      return [];
    }
  });
  if (problems.length > 0) throw new CaseFileError(problems.join('\n'));
  return files;
}

/** `:line:column` of a syntax error, when the message says where it is. */
function placeOf(text: string, error: unknown): string {
  const at = /position (\d+)/.exec(messageOf(error))?.[1];
  if (at === undefined) return '';
  const lines = text.slice(0, Number(at)).split('\n');
  return `:${lines.length}:${lines.at(-1)!.length + 1}`;
}

function titleOf(content: unknown, index: PropertyKey): string {
  const found: unknown = Array.isArray(content) ? content[Number(index)] : undefined;
  const title: unknown = typeof found === 'object' && found ? Reflect.get(found, 'title') : '';
  return typeof title === 'string' && title !== '' ? ` "${title}"` : '';
}
