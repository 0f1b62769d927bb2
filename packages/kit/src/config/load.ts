/**
 * Reads a configuration file and reports everything wrong with it in one run.
 *
 * The idea: a problem must not hide another one. So each schema problem is stepped over (a misspelt
 * key is read as the one that was meant, a wrong value is taken out) and the schema is applied
 * again until it accepts what is left; then the checks of meaning run on that. What they say about a
 * table that lost a part is dropped, because the missing part may be the only reason.
 *
 * @module
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { z } from 'zod';
import { errnoName, messageOf } from '../errors.ts';
import { ConfigDocument } from './document.ts';
import type { Environment } from './environment.ts';
import { type ConfigReport, Findings } from './findings.ts';
import { applySchema } from './issues.ts';
import { ConfigFileError, type ConfigProblem, sortProblems } from './problem.ts';
import { removeAt, repair, withoutEchoes } from './repair.ts';

/** What a file must satisfy. */
export interface ConfigRules<T> {
  /** Use `z.strictObject` throughout, so that unknown keys are problems. */
  readonly schema: z.ZodType<T>;
  /**
   * Problems of meaning. Runs also when the schema found problems: what was broken is then absent
   * from `value` (use `report.has` for cross references), and reports about a table of which a part
   * is broken are dropped.
   */
  readonly check?: (value: T, report: ConfigReport) => void;
  /** For `${VAR}` in strings. */
  readonly environment: Environment;
}

export interface LoadedConfig<T> {
  readonly file: string;
  readonly value: T;
  readonly warnings: readonly ConfigProblem[];
}

/** Largest configuration file, in bytes. */
export const CONFIG_MAX_BYTES: number = 1024 * 1024;

/**
 * Parses and checks a configuration text.
 *
 * @param text - TOML 1.0.
 * @param file - Name used in messages.
 * @throws {ConfigFileError} with every problem, sorted by position. Whatever the text, nothing else
 * is thrown, except what `rules.check` throws.
 */
export function parseConfig<T>(text: string, file: string, rules: ConfigRules<T>): LoadedConfig<T> {
  const document = new ConfigDocument(text.replace(/^\uFEFF/, ''), file, rules.environment);
  const findings = new Findings(file, document);
  for (const problem of document.problems) findings.addBroken(problem);

  const left = applyStepByStep(rules.schema, document, findings);
  if (left !== null) rules.check?.(left.value, findings);
  if (left === null || findings.problems.length > 0) {
    throw new ConfigFileError(sortProblems(findings.problems));
  }
  return { file, value: left.value, warnings: sortProblems(findings.warnings) };
}

/**
 * Reads, parses and checks a configuration file. Refuses files larger than `CONFIG_MAX_BYTES`,
 * files that everybody may write, and texts that are not UTF-8.
 *
 * @throws {ConfigFileError} with every problem, sorted by position.
 */
export async function loadConfigFile<T>(
  file: string,
  rules: ConfigRules<T>,
): Promise<LoadedConfig<T>> {
  return parseConfig(decodeText(await readGuarded(file), file), file, rules);
}

/**
 * Bytes as text.
 *
 * @throws {ConfigFileError} at the first byte that is not UTF-8.
 */
export function decodeText(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    const lenient = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
    const before = lenient.slice(0, firstInvalid(bytes, lenient)).split('\n');
    const position = { line: before.length, column: before.at(-1)!.length + 1 };
    const message = 'not UTF-8; save the file as UTF-8';
    throw new ConfigFileError([{ file, ...position, key: '', message }]);
  }
}

/** Index in the leniently decoded text of the first character that the bytes did not spell. */
function firstInvalid(bytes: Uint8Array, lenient: string): number {
  let byteOffset = 0;
  let index = 0;
  for (const character of lenient) {
    const spelt = Buffer.from(character);
    if (spelt.some((byte, i) => bytes[byteOffset + i] !== byte)) return index;
    byteOffset += spelt.length;
    index += character.length;
  }
  return index;
}

async function readGuarded(file: string): Promise<Uint8Array> {
  const refuse = (message: string, cause?: unknown): never => {
    throw new ConfigFileError([{ file, line: 1, column: 1, key: '', message }], { cause });
  };
  let handle: FileHandle;
  try {
    // O_NONBLOCK: opening a named pipe must not wait for a writer.
    handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return refuse(`cannot read the file: ${errnoName(error) ?? messageOf(error)}`, error);
  }
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) return refuse('not a regular file');
    if ((stats.mode & 0o002) !== 0) {
      const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
      return refuse(`everybody may write this file (mode ${mode}); run chmod o-w on it`);
    }
    if (stats.size > CONFIG_MAX_BYTES) {
      return refuse(`the file has ${stats.size} bytes; at most ${CONFIG_MAX_BYTES} are read`);
    }
    return await handle.readFile();
  } catch (error) {
    if (error instanceof ConfigFileError) throw error;
    return refuse(`cannot read the file: ${errnoName(error) ?? messageOf(error)}`, error);
  } finally {
    await handle.close();
  }
}

/** Applies the schema, stepping over problems; null when too little is left to check. */
function applyStepByStep<T>(
  schema: z.ZodType<T>,
  document: ConfigDocument,
  findings: Findings,
): { readonly value: T } | null {
  const input = document.toValue();
  for (const { path } of document.problems) removeAt(input, path);
  for (;;) {
    const result = applySchema(schema, input);
    if (result.ok) return result;
    let changed = false;
    for (const problem of withoutEchoes(result.problems)) {
      const path = findings.pathInFile(problem.path);
      // "Missing", because the step before took it out: told already.
      const isEcho = problem.repair === 'drop-table' && findings.isBroken(path);
      if (!isEcho) findings.addSchema(path, problem);
      changed = repair(input, path, problem, findings) || changed;
    }
    if (!changed) return null;
  }
}
