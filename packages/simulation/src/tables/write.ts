/**
 * Result tables: rows sorted by run and written by one thread, so that bytes do not depend on who
 * computed them. Files appear under their names when they are whole.
 *
 * @module
 */
import { closeSync, createReadStream, existsSync, openSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { appendWhole } from '../experiment/manifest.ts';
import { formatRow } from '../records/csv.ts';
import { type Column, csvToParquet } from './parquet.ts';
import { columnOf, type TableFormat, type TableName } from './tables.ts';
import { jobOf, type Plan } from '../experiment/plan.ts';
import {
  type Cell,
  DECISION_COLUMNS,
  FALL_COLUMNS,
  type JobResult,
  PROVIDER_COLUMNS,
  REBASE_COLUMNS,
  stepColumns,
  TRADE_COLUMNS,
} from '../experiment/run-job.ts';
import { parseResult, readPart, shardFile } from '../experiment/shard.ts';

/** Bytes that a table gathers before it writes. */
const BUFFER_BYTES = 1 << 16;
/** Bytes that are read of a shard at a time; all shards are open at once. */
const CHUNK_BYTES = 1 << 14;

/** Results in order of run, from as many shards as there are; a gap ends a shard's turn. */
export async function* resultsInOrder(plan: Plan, folder: string): AsyncGenerator<JobResult> {
  const sources = Array.from({ length: plan.shards }, (_each, shard) => linesOf(folder, shard));
  try {
    for (let job = 0; job < plan.jobs; job++) {
      const next = await sources[job % plan.shards]!.next();
      if (next.done !== true) yield parseResult(next.value);
    }
  } finally {
    // Whoever stops in the middle leaves no file open.
    for (const source of sources) await source.return(undefined);
  }
}

async function* linesOf(folder: string, shard: number): AsyncGenerator<string, void, undefined> {
  const file = shardFile(folder, shard);
  if (!existsSync(file)) {
    yield* readPart(folder, shard);
    return;
  }
  // Not by readline, which reads a thousand lines ahead: with trades that is every shard as a whole.
  let rest = '';
  for await (const chunk of createReadStream(file, {
    encoding: 'utf8',
    highWaterMark: CHUNK_BYTES,
  }) as AsyncIterable<string>) {
    rest += chunk;
    let start = 0;
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n', start)) {
      yield rest.slice(start, end);
      start = end + 1;
    }
    rest = rest.slice(start);
  }
}

/** Tables that have several rows of a run. */
const ROW_TABLES = ['steps', 'trades', 'decisions', 'rebases', 'falls', 'providers'] as const;

/** Counts of what was written. */
export interface TableCounts {
  readonly runs: number;
  readonly steps: number;
  readonly trades: number;
  readonly decisions: number;
  readonly rebases: number;
  readonly falls: number;
  readonly providers: number;
  readonly errors: number;
}

/** Where tables go, and in which format. */
export interface TableTarget {
  readonly out: string;
  readonly format: TableFormat;
}

/** Writes all tables of an experiment, and the errors as NDJSON. */
export async function writeTables(
  plan: Plan,
  shards: string,
  target: TableTarget,
): Promise<TableCounts> {
  const { parameters, metrics, experiment } = plan;
  const isText = (name: string): boolean =>
    plan.points.some((point) => typeof (point.parameters[name] ?? 0) !== 'number');
  const writers = {
    runs: new TableWriter(target, 'runs', [
      ...['run', 'point', 'repetition', 'mode'].map(columnOf),
      ...parameters.map((name): Column => ({ name, type: isText(name) ? 'VARCHAR' : 'DOUBLE' })),
      ...metrics.map(columnOf),
    ]),
    steps: new TableWriter(target, 'steps', ['run', ...stepColumns(experiment)].map(columnOf)),
    trades: new TableWriter(target, 'trades', ['run', ...TRADE_COLUMNS].map(columnOf)),
    decisions: new TableWriter(target, 'decisions', ['run', ...DECISION_COLUMNS].map(columnOf)),
    rebases: new TableWriter(target, 'rebases', ['run', ...REBASE_COLUMNS].map(columnOf)),
    falls: new TableWriter(target, 'falls', ['run', ...FALL_COLUMNS].map(columnOf)),
    providers: new TableWriter(target, 'providers', ['run', ...PROVIDER_COLUMNS].map(columnOf)),
  };
  const errors = new LineWriter(target.out, 'errors.ndjson');
  const counts = {
    runs: 0,
    steps: 0,
    trades: 0,
    decisions: 0,
    rebases: 0,
    falls: 0,
    providers: 0,
    errors: 0,
  };
  try {
    for await (const result of resultsInOrder(plan, shards)) {
      const { point, repetition } = jobOf(plan, result.run);
      const values = parameters.map((name) => cellOf(point.parameters[name]));
      writers.runs.row([
        result.run,
        point.index,
        repetition,
        experiment.mode,
        ...values,
        ...result.metrics,
      ]);
      counts.runs++;
      for (const table of ROW_TABLES) {
        for (const row of result[table]) writers[table].row([result.run, ...row]);
        counts[table] += result[table].length;
      }
      if (result.error !== null) {
        errors.line(JSON.stringify({ run: result.run, error: result.error }));
        counts.errors++;
      }
    }
    for (const [name, writer] of Object.entries(writers))
      await writer.end(name === 'runs' || counts[name as 'steps'] > 0);
    errors.close(true);
    return counts;
  } catch (error) {
    for (const writer of [...Object.values(writers), errors]) writer.abandon();
    throw error;
  }
}

function cellOf(value: unknown): Cell {
  if (value === undefined) return null;
  return typeof value === 'number' || typeof value === 'string'
    ? value
    : Array.isArray(value)
      ? value.join(' ')
      : JSON.stringify(value);
}

/** A text file that appears under its name when it is closed. */
class LineWriter {
  readonly #path: string;
  readonly #file: number;
  #isOpen = true;
  #buffer = '';

  constructor(folder: string, name: string) {
    this.#path = join(folder, name);
    this.#file = openSync(`${this.#path}.tmp`, 'w');
  }

  line(text: string): void {
    this.#buffer += `${text}\n`;
    if (this.#buffer.length > BUFFER_BYTES) this.#flush();
  }

  /** @param keep - False removes the file, and one of an earlier run. */
  close(keep: boolean): void {
    this.#flush();
    this.#isOpen = false;
    closeSync(this.#file);
    if (keep) renameSync(`${this.#path}.tmp`, this.#path);
    else {
      rmSync(`${this.#path}.tmp`);
      rmSync(this.#path, { force: true });
    }
  }

  /** Leaves nothing behind. Harmless after the end. */
  abandon(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSync(this.#file);
    rmSync(`${this.#path}.tmp`, { force: true });
  }

  #flush(): void {
    appendWhole(this.#path, this.#file, this.#buffer);
    this.#buffer = '';
  }
}

/** A table that appears under its name when it is ended. */
export class TableWriter extends LineWriter {
  readonly #name: TableName;
  readonly #columns: readonly Column[];
  readonly #target: TableTarget;

  constructor(target: TableTarget, name: TableName, columns: readonly Column[]) {
    super(target.out, `${name}.csv`);
    this.#name = name;
    this.#columns = columns;
    this.#target = target;
    this.line(formatRow(columns.map((column) => column.name)));
  }

  row(cells: readonly Cell[]): void {
    this.line(formatRow(cells));
  }

  /** @param keep - False removes the table, and one of an earlier run. */
  async end(keep: boolean): Promise<void> {
    const { out, format } = this.#target;
    this.close(keep);
    const [csv, parquet] = [join(out, `${this.#name}.csv`), join(out, `${this.#name}.parquet`)];
    if (keep && format === 'parquet') {
      await csvToParquet(csv, parquet, this.#columns);
      rmSync(csv);
    } else {
      rmSync(parquet, { force: true });
    }
  }
}
