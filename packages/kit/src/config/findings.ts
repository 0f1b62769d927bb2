/**
 * Collects what is wrong with one document, each at its position and each once.
 *
 * @module
 */
import type { ConfigDocument, DocumentProblem } from './document.ts';
import type { SchemaProblem } from './issues.ts';
import { type ConfigProblem, formatKey, type KeyPath, type Position } from './problem.ts';

/**
 * What a check of meaning (cross references, duplicates) sees of the file, and where it reports.
 * Paths are those of the file, whatever the schema made of its values.
 */
export interface ConfigReport {
  /** Adds a problem; the file is refused. Placed at the value of a leaf and at the key of a table. */
  problem(path: KeyPath, message: string): void;
  /** Adds a warning; same shape, the file is accepted. */
  warning(path: KeyPath, message: string): void;
  /** True when the file has this key, even when its value has problems of its own. */
  has(path: KeyPath): boolean;
  /** Names under a table as written in the file, in file order; empty when it is not a table. */
  keysOf(path: KeyPath): string[];
  /** Where the key of `path` stands, or the nearest table around it that the file has. */
  keyPosition(path: KeyPath): Position;
  /** Where the value of `path` starts, or the nearest table around it that the file has. */
  valuePosition(path: KeyPath): Position;
}

/** Collects problems and warnings with their positions. */
export class Findings implements ConfigReport {
  readonly problems: ConfigProblem[] = [];
  readonly warnings: ConfigProblem[] = [];
  readonly #file: string;
  readonly #document: ConfigDocument;
  readonly #broken: KeyPath[] = [];
  readonly #seen = new Set<string>();
  /** Repaired path to the misspelt key that stands in the file. */
  readonly #renames = new Map<string, string>();

  constructor(file: string, document: ConfigDocument) {
    this.#file = file;
    this.#document = document;
  }

  problem(path: KeyPath, message: string): void {
    if (!this.#isAboutBroken(path)) this.#add(this.problems, path, message, null);
  }

  warning(path: KeyPath, message: string): void {
    if (!this.#isAboutBroken(path)) this.#add(this.warnings, path, message, null);
  }

  has(path: KeyPath): boolean {
    return this.#document.has(this.pathInFile(path));
  }

  keysOf(path: KeyPath): string[] {
    return this.#document.keysOf(this.pathInFile(path));
  }

  keyPosition(path: KeyPath): Position {
    return this.#document.keyPosition(this.pathInFile(path));
  }

  valuePosition(path: KeyPath): Position {
    return this.#document.valuePosition(this.pathInFile(path));
  }

  addSchema(path: KeyPath, { message, atKey }: SchemaProblem): void {
    this.#add(this.problems, path, message, atKey ? 'key' : null);
  }

  addBroken({ path, message, line, column }: DocumentProblem): void {
    this.markBroken(path);
    this.problems.push({ file: this.#file, line, column, key: formatKey(path), message });
  }

  markBroken(path: KeyPath): void {
    this.#broken.push(path);
  }

  /** True for a broken value and for every table around one. */
  isBroken(path: KeyPath): boolean {
    return this.#broken.some((broken) => startsWith(broken, path));
  }

  noteRename(path: KeyPath, name: string): void {
    const repaired = [...path.slice(0, -1), name];
    this.#renames.set(formatKey(repaired), String(path.at(-1)));
  }

  /** A path of the repaired document as the file spells it. */
  pathInFile(path: KeyPath): KeyPath {
    if (this.#renames.size === 0) return path;
    return path.map((part, i) => this.#renames.get(formatKey(path.slice(0, i + 1))) ?? part);
  }

  /** True for a broken value, for what is inside it, and for every table around it. */
  #isAboutBroken(path: KeyPath): boolean {
    const inFile = this.pathInFile(path);
    return this.#broken.some((broken) => startsWith(broken, inFile) || startsWith(inFile, broken));
  }

  #add(list: ConfigProblem[], path: KeyPath, message: string, at: 'key' | null): void {
    const inFile = this.pathInFile(path);
    const key = formatKey(inFile);
    const identity = `${key}\0${message}`;
    if (this.#seen.has(identity)) return;
    this.#seen.add(identity);
    const isAtKey = at === 'key' || this.#document.isTable(inFile);
    const position = isAtKey
      ? this.#document.keyPosition(inFile)
      : this.#document.valuePosition(inFile);
    list.push({ file: this.#file, ...position, key, message });
  }
}

function startsWith(path: KeyPath, start: KeyPath): boolean {
  return start.length <= path.length && start.every((part, i) => part === path[i]);
}
