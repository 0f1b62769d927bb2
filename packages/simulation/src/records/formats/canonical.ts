/**
 * The canonical record as CSV or NDJSON, and any other CSV through a mapping of column names.
 *
 * @module
 */
import {
  ACTION_COLUMNS,
  type ActionColumn,
  ActionReader,
  type AmountUnits,
  type FieldOf,
  type Json,
} from '../action.ts';
import { textOf } from '../json.ts';
import type { ColumnMapping } from '../mapping.ts';
import type { Problems } from '../problem.ts';
import { type PlacedAction, RawAmountSuspicion } from '../recording.ts';

export interface CanonicalOptions extends AmountUnits {
  readonly file: string;
  readonly mapping?: ColumnMapping;
  /** Rows of other pools are left out; those that name none stay. */
  readonly pool?: string;
  /** Unix seconds; rows from then on are not looked at. */
  readonly before?: number;
}

/** Columns without which a row says nothing. */
const REQUIRED: ReadonlySet<ActionColumn> = new Set(['t', 'kind']);

/** Takes CSV rows, the first one the header. Broken rows become problems. */
export class CanonicalRows {
  readonly placed: PlacedAction[] = [];
  readonly #options: CanonicalOptions;
  readonly #problems: Problems;
  readonly #suspicion = new RawAmountSuspicion();
  readonly #reader: ActionReader;
  /** Reads the row in hand; one function for all rows. */
  readonly #field: FieldOf;
  #fields: readonly string[] = [];
  #line = 0;
  #places: Partial<Record<ActionColumn, number>> | null = null;
  #width = 0;

  constructor(options: CanonicalOptions, problems: Problems) {
    this.#options = options;
    this.#problems = problems;
    const { file, mapping = {} } = options;
    this.#reader = new ActionReader(options, (column, message) => {
      const name = mapping[column as ActionColumn] ?? column;
      problems.add({ severity: 'error', file, line: this.#line, column: name, message });
    });
    this.#field = (column) => {
      const place = this.#places![column];
      return place === undefined ? undefined : this.#fields[place];
    };
  }

  row(fields: readonly string[], line: number): void {
    if (this.#places === null) return this.#header(fields);
    if (fields.length !== this.#width) {
      const { file } = this.#options;
      const message = `has ${fields.length} fields, the header has ${this.#width}; quote fields that hold the separator`;
      this.#problems.add({ severity: 'error', file, line, column: '', message });
      return;
    }
    this.#fields = fields;
    this.add(this.#field, line);
  }

  /** Adds a row whose columns `field` gives. */
  add(field: FieldOf, line: number): void {
    const { before = Infinity } = this.#options;
    if (before < Infinity && Number(field('t')) >= before) return;
    this.#line = line;
    const action = this.#reader.read(field);
    if (action === null || !this.#isWanted(action.pool)) return;
    if (this.#options.units === 'decimal') {
      const texts = field('amounts');
      const list = Array.isArray(texts) ? texts.map(textOf) : textOf(texts).split(/\s+/);
      action.tokens.forEach((token, i) => this.#suspicion.note(token, list[i] ?? '', line));
    }
    this.placed.push({ action, line });
  }

  #isWanted(pool: string): boolean {
    const { pool: wanted } = this.#options;
    return wanted === undefined || pool === '' || pool.toLowerCase() === wanted.toLowerCase();
  }

  /** After the last row. */
  end(): void {
    const { file } = this.#options;
    this.#suspicion.report(file, this.#problems);
    if (this.#places !== null || this.placed.length > 0) return;
    this.#problems.add({
      severity: 'error',
      file,
      line: 1,
      column: '',
      message: 'is empty; give a header row',
    });
  }

  #header(names: readonly string[]): void {
    const { mapping = {}, file } = this.#options;
    this.#places = {};
    this.#width = names.length;
    for (const column of ACTION_COLUMNS) {
      const name = mapping[column] ?? column;
      const place = names.findIndex((each) => each.trim() === name);
      if (place >= 0) this.#places[column] = place;
      else if (REQUIRED.has(column) || mapping[column] !== undefined) {
        this.#problems.add({
          severity: 'error',
          file,
          line: 1,
          column: name,
          message: `is missing; the header has ${names.join(', ')}. Add it, or name another column in the mapping`,
        });
      }
    }
  }
}

/** Lines of NDJSON as rows of the same reader. */
export function readNdjson(
  text: string,
  rows: CanonicalRows,
  file: string,
  problems: Problems,
): void {
  text.split('\n').forEach((line, i) => {
    if (line.trim() === '') return;
    try {
      const members = JSON.parse(line) as Readonly<Record<string, Json>>;
      rows.add((column) => members[column], i + 1);
    } catch (error) {
      const message = `is not JSON: ${(error as Error).message}`;
      problems.add({ severity: 'error', file, line: i + 1, column: '', message });
    }
  });
}
