/**
 * A TOML document as values that know where they stand in the file.
 *
 * @module
 */
import type { AST } from 'toml-eslint-parser';
import { type Environment, expandVariables } from './environment.ts';
import type { KeyPath, Position } from './problem.ts';
import { parseSyntax } from './syntax.ts';

/** What a TOML file can hold. */
export type TomlValue = string | number | boolean | Date | TomlValue[] | TomlTable;
export interface TomlTable {
  [key: string]: TomlValue;
}

/** A problem found while reading values, before any schema is asked. */
export interface DocumentProblem extends Position {
  readonly path: KeyPath;
  readonly message: string;
}

/** Deepest nesting of tables and arrays; deeper files are refused. */
const DEPTH_MAX = 64;

/** One key of the file: where it stands and what is under it. */
interface Entry {
  readonly key: Position;
  readonly value: Position;
  readonly content: Scalar | Map<string, Entry> | Entry[];
}
type TableEntry = Entry & { readonly content: Map<string, Entry> };
type Scalar = string | number | boolean | Date;

/** A parsed file. Paths are those of the file; nothing here changes after construction. */
export class ConfigDocument {
  readonly #root: TableEntry;
  /** Values that cannot be used: unset variables, integers out of range, forbidden names. */
  readonly problems: readonly DocumentProblem[];

  /** @throws {ConfigFileError} on a syntax error. */
  constructor(text: string, file: string, environment: Environment) {
    const reader = new Reader(environment);
    this.#root = reader.read(parseSyntax(text, file));
    this.problems = reader.problems;
  }

  /** The values alone, freshly copied. */
  toValue(): TomlTable {
    return plainTable(this.#root.content);
  }

  has(path: KeyPath): boolean {
    return this.#find(path).found === path.length;
  }

  isTable(path: KeyPath): boolean {
    const { entry, found } = this.#find(path);
    return found === path.length && entry.content instanceof Map;
  }

  /** Names under a table in file order; empty when `path` is not a table. */
  keysOf(path: KeyPath): string[] {
    const { entry, found } = this.#find(path);
    return found === path.length && entry.content instanceof Map ? [...entry.content.keys()] : [];
  }

  /** Where the key stands, or the key of the nearest table around it that the file has. */
  keyPosition(path: KeyPath): Position {
    return this.#find(path).entry.key;
  }

  /** Where the value starts, or the key of the nearest table around it that the file has. */
  valuePosition(path: KeyPath): Position {
    const { entry, found } = this.#find(path);
    return found === path.length ? entry.value : entry.key;
  }

  #find(path: KeyPath): { readonly entry: Entry; readonly found: number } {
    let entry: Entry = this.#root;
    let found = 0;
    for (const part of path) {
      const next = childOf(entry, part);
      if (next === undefined) break;
      entry = next;
      found++;
    }
    return { entry, found };
  }
}

function childOf({ content }: Entry, part: string | number): Entry | undefined {
  if (content instanceof Map) return content.get(String(part));
  return Array.isArray(content) ? content[Number(part)] : undefined;
}

function plainValue({ content }: Entry): TomlValue {
  if (content instanceof Map) return plainTable(content);
  return Array.isArray(content) ? content.map(plainValue) : content;
}

function plainTable(content: ReadonlyMap<string, Entry>): TomlTable {
  const table: TomlTable = {};
  for (const [name, entry] of content) table[name] = plainValue(entry);
  return table;
}

/** Builds entries from the syntax tree and collects what is wrong with single values. */
class Reader {
  readonly #environment: Environment;
  readonly problems: DocumentProblem[] = [];

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  read(program: AST.TOMLProgram): TableEntry {
    const start: Position = { line: 1, column: 1 };
    const root: TableEntry = { key: start, value: start, content: new Map() };
    for (const node of program.body[0].body) {
      if (node.type === 'TOMLKeyValue') this.#addKeyValue(root, [], node);
      else this.#addTable(root, node);
    }
    return root;
  }

  #addTable(root: Entry, node: AST.TOMLTable): void {
    const path: (string | number)[] = [];
    let table = root;
    for (const [i, part] of node.resolvedKey.entries()) {
      // resolvedKey has an index after each array of tables, where `key.keys` has names alone.
      const names = node.resolvedKey.slice(0, i + 1).filter((name) => typeof name === 'string');
      const key = node.key.keys[names.length - 1]!;
      path.push(part);
      const next = this.#descend(table, part, {
        position: positionOf(key),
        path,
        isArray: typeof node.resolvedKey[i + 1] === 'number',
      });
      if (next === null) return;
      table = next;
    }
    for (const child of node.body) this.#addKeyValue(table, path, child);
  }

  #addKeyValue(table: Entry, tablePath: KeyPath, node: AST.TOMLKeyValue): void {
    const path = [...tablePath];
    const keys = node.key.keys;
    let parent = table;
    for (const key of keys.slice(0, -1)) {
      path.push(nameOf(key));
      const next = this.#descend(parent, nameOf(key), {
        position: positionOf(key),
        path,
        isArray: false,
      });
      if (next === null) return;
      parent = next;
    }
    const last = keys.at(-1)!;
    path.push(nameOf(last));
    if (!(parent.content instanceof Map) || !this.#mayHold(path, positionOf(last))) return;
    const content = this.#content(node.value, path);
    parent.content.set(nameOf(last), {
      key: positionOf(last),
      value: positionOf(node.value),
      content,
    });
  }

  /** The table or array under `part`, made when it is new; null when it may not exist. */
  #descend(
    parent: Entry,
    part: string | number,
    { position, path, isArray }: { position: Position; path: KeyPath; isArray: boolean },
  ): Entry | null {
    const known = childOf(parent, part);
    if (known !== undefined) return known;
    if (!this.#mayHold(path, position)) return null;
    const content = isArray ? [] : new Map<string, Entry>();
    const entry: Entry = { key: position, value: position, content };
    if (parent.content instanceof Map) parent.content.set(String(part), entry);
    else if (Array.isArray(parent.content)) parent.content.push(entry);
    return entry;
  }

  #mayHold(path: KeyPath, position: Position): boolean {
    if (path.length > DEPTH_MAX) {
      this.#refuse(path.slice(0, 4), `nested deeper than ${DEPTH_MAX} levels`, position);
      return false;
    }
    // The one name that a plain object cannot hold as a property of its own.
    if (path.at(-1) === '__proto__') {
      this.#refuse(path, 'this name is not allowed; choose another', position);
      return false;
    }
    return true;
  }

  #content(node: AST.TOMLContentNode, path: KeyPath): Entry['content'] {
    if (node.type === 'TOMLArray') return this.#array(node, path);
    if (node.type === 'TOMLValue') return this.#scalar(node, path);
    const table: Entry = { ...at(node), content: new Map() };
    for (const child of node.body) this.#addKeyValue(table, path, child);
    return table.content;
  }

  #array(node: AST.TOMLArray, path: KeyPath): Entry[] {
    const entries: Entry[] = [];
    for (const [i, element] of node.elements.entries()) {
      const elementPath = [...path, i];
      if (!this.#mayHold(elementPath, positionOf(element))) break;
      entries.push({ ...at(element), content: this.#content(element, elementPath) });
    }
    return entries;
  }

  #scalar(node: AST.TOMLValue, path: KeyPath): Scalar {
    if (node.kind === 'string') {
      const expansion = expandVariables(node.value, this.#environment);
      if (expansion.ok) return expansion.text;
      this.#refuse(path, expansion.message, positionOf(node));
      return node.value;
    }
    if (node.kind === 'integer' && !Number.isSafeInteger(node.value)) {
      const { MIN_SAFE_INTEGER: min, MAX_SAFE_INTEGER: max } = Number;
      this.#refuse(
        path,
        `must be an integer from ${min} to ${max}; got ${node.number}`,
        positionOf(node),
      );
    }
    return node.value;
  }

  #refuse(path: KeyPath, message: string, position: Position): void {
    this.problems.push({ path: [...path], message, ...position });
  }
}

function nameOf(key: AST.TOMLBare | AST.TOMLQuoted): string {
  return key.type === 'TOMLBare' ? key.name : key.value;
}

/** The parser counts columns from 0. */
function positionOf(node: AST.TOMLNode): Position {
  const { line, column } = node.loc.start;
  return { line, column: column + 1 };
}

function at(node: AST.TOMLNode): { readonly key: Position; readonly value: Position } {
  const position = positionOf(node);
  return { key: position, value: position };
}
