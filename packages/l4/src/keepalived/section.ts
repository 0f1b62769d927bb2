/**
 * A block of statements that notes what was read of it, so that nothing is left out in silence.
 *
 * @module
 */
import type { Place, Statement } from './syntax.ts';

/** Something of the file that the translation does not have. */
export interface Leftover extends Place {
  /** The blocks and the statement, from the outside: `virtual_server 192.0.2.1 80: ops`. */
  readonly what: string;
  readonly why: string;
}

export class Section {
  readonly place: Place;
  /** The words after the keyword. */
  readonly words: readonly string[];
  readonly #path: string;
  readonly #statements: readonly Statement[];
  readonly #read = new Set<Statement>();
  readonly #sections: Section[] = [];
  readonly #notes: Leftover[] = [];

  constructor(statement: Statement, parent?: Section) {
    this.place = statement;
    this.words = statement.words.slice(1);
    const name = statement.words.join(' ');
    this.#path = parent ? `${parent.#path}${parent.#path === '' ? '' : ': '}${name}` : name;
    this.#statements = statement.block;
  }

  /** Notes a further statement of this section that is not carried over. */
  note(what: string, why: string, place: Place = this.place): void {
    const path = [this.#path, what].filter((part) => part !== '').join(': ');
    this.#notes.push({ file: place.file, line: place.line, what: path, why });
  }

  /** The words after a keyword; of its last statement, as keepalived reads it. */
  take(...keywords: readonly string[]): readonly string[] | undefined {
    return this.#all(keywords).at(-1)?.words.slice(1);
  }

  /** The first word after a keyword. */
  word(...keywords: readonly string[]): string | undefined {
    return this.take(...keywords)?.[0];
  }

  has(keyword: string): boolean {
    return this.take(keyword) !== undefined;
  }

  /** A number after a keyword; one that is none is noted. */
  number(...keywords: readonly string[]): number | undefined {
    const statement = this.#all(keywords).at(-1);
    if (!statement) return undefined;
    const [keyword, text = ''] = statement.words;
    const value = Number(text);
    if (text !== '' && Number.isFinite(value)) return value;
    this.note(`${keyword} ${text}`.trim(), 'needs a number', statement);
    return undefined;
  }

  /** The blocks of a keyword. */
  sections(...keywords: readonly string[]): readonly Section[] {
    const sections = this.#all(keywords).map((statement) => new Section(statement, this));
    this.#sections.push(...sections);
    return sections;
  }

  /** The lines of a block that is a plain list. */
  lines(): readonly Statement[] {
    for (const statement of this.#statements) this.#read.add(statement);
    return this.#statements;
  }

  /** Counts statements as carried over, because Balancer does the same without being told. */
  drop(...keywords: readonly string[]): void {
    this.#all(keywords);
  }

  /** What was noted, and every statement that nobody read; `why` gives the reason for a keyword. */
  leftovers(why: (keyword: string) => string): readonly Leftover[] {
    const unread = this.#statements
      .filter((statement) => !this.#read.has(statement))
      .map((statement) => ({
        file: statement.file,
        line: statement.line,
        what: [this.#path, statement.words.join(' ')].filter((part) => part !== '').join(': '),
        why: why(statement.words[0] ?? ''),
      }));
    const nested = this.#sections.flatMap((section) => section.leftovers(why));
    return [...this.#notes, ...unread, ...nested];
  }

  #all(keywords: readonly string[]): readonly Statement[] {
    const found = this.#statements.filter(({ words }) => keywords.includes(words[0] ?? ''));
    for (const statement of found) this.#read.add(statement);
    return found;
  }
}
