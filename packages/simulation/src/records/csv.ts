/**
 * Comma-separated values (RFC 4180, also with `;` or tabs), read as a stream of rows with their
 * lines.
 *
 * @module
 */

/** One row: its fields, and the line on which it starts, from 1. */
export type RowListener = (fields: readonly string[], line: number) => void;

const QUOTE = '"';
const SEPARATORS = [',', ';', '\t'] as const;

/** Longest row in characters; an unclosed quote must not swallow a whole file. */
const ROW_MAX = 1_000_000;

/** Takes text in pieces of any size and calls back for each row. Holds at most one row. */
export class CsvParser {
  readonly #onRow: RowListener;
  #separator: string | null;
  #rest = '';
  /** Place of the next quote in the text in hand, -1 for none. */
  #quote = -1;
  #line = 1;

  /** @param separator - Found out from the first row when left out. */
  constructor(onRow: RowListener, separator: string | null = null) {
    this.#onRow = onRow;
    this.#separator = separator;
  }

  push(text: string): void {
    const all = this.#rest + text;
    let start = 0;
    this.#quote = all.indexOf(QUOTE);
    for (;;) {
      const end = this.#endOfRow(all, start);
      if (end < 0) break;
      this.#row(all.slice(start, end));
      start = end + 1;
    }
    this.#rest = all.slice(start);
    if (this.#rest.length > ROW_MAX) {
      throw new CsvError(
        this.#line,
        `a row has more than ${ROW_MAX} characters; a quote may not be closed`,
      );
    }
  }

  /** @throws {CsvError} When a quote is still open. */
  end(): void {
    if (this.#rest === '') return;
    if (countQuotes(this.#rest, 0, this.#rest.length) % 2 === 1) {
      throw new CsvError(this.#line, 'a quote is not closed; close it or double it');
    }
    this.#row(this.#rest);
    this.#rest = '';
  }

  /** Index of the line break that ends the row, or -1. */
  #endOfRow(text: string, start: number): number {
    let end = text.indexOf('\n', start);
    // Looked for once and not for every row: most files have no quotes at all.
    if (this.#quote >= 0 && this.#quote < start) this.#quote = text.indexOf(QUOTE, start);
    if (end < 0 || this.#quote < 0 || this.#quote > end) return end;
    while (end >= 0 && countQuotes(text, start, end) % 2 === 1) end = text.indexOf('\n', end + 1);
    return end;
  }

  #row(raw: string): void {
    const text = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    const line = this.#line;
    this.#line++;
    if (text.includes('\n')) this.#line += text.split('\n').length - 1;
    if (text === '') return;
    this.#separator ??= mostFrequent(text);
    this.#onRow(splitRow(line === 1 ? text.replace(/^\uFEFF/, '') : text, this.#separator), line);
  }
}

/** A file that is no CSV. */
export class CsvError extends Error {
  override readonly name = 'CsvError';
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

/** The fields of one row. */
export function splitRow(text: string, separator: string): string[] {
  if (!text.includes(QUOTE)) return text.split(separator);
  const fields: string[] = [];
  let field = '';
  let isQuoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === QUOTE) {
      if (isQuoted && text[i + 1] === QUOTE) {
        field += QUOTE;
        i++;
      } else {
        isQuoted = !isQuoted;
      }
    } else if (char === separator && !isQuoted) {
      fields.push(field);
      field = '';
    } else {
      field += char;
    }
  }
  return [...fields, field];
}

/** One row as text, quoted where needed, without a line break. */
export function formatRow(fields: readonly (string | number | boolean | null)[]): string {
  return fields
    .map((field) => {
      const text = field === null ? '' : String(field);
      return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    })
    .join(',');
}

function countQuotes(text: string, start: number, end: number): number {
  let count = 0;
  for (let i = text.indexOf(QUOTE, start); i >= 0 && i < end; i = text.indexOf(QUOTE, i + 1))
    count++;
  return count;
}

function mostFrequent(text: string): string {
  const counts = SEPARATORS.map((separator) => text.split(separator).length);
  return SEPARATORS[counts.indexOf(Math.max(...counts))]!;
}
