/**
 * Result tables: rows sorted by run and written by one thread, so that bytes do not depend on who
 * computed them. Files appear under their names when they are whole.
 *
 * @module
 */
import {
  closeSync,
  createReadStream,
  existsSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { formatRow } from '../records/csv.ts';
import { jobOf, type Plan } from './plan.ts';
import {
  type Cell,
  DECISION_COLUMNS,
  FALL_COLUMNS,
  type JobResult,
  REBASE_COLUMNS,
  stepColumns,
  TRADE_COLUMNS,
} from './run-job.ts';
import { parseResult, readPart, shardFile } from './shard.ts';

/** Bytes that a table gathers before it writes. */
const BUFFER_BYTES = 1 << 16;

/** Results in order of run, from as many shards as there are; a gap ends a shard's turn. */
export async function* resultsInOrder(plan: Plan, folder: string): AsyncGenerator<JobResult> {
  const sources = await Promise.all(
    Array.from({ length: plan.shards }, async (_each, shard) => linesOf(folder, shard)),
  );
  for (let job = 0; job < plan.jobs; job++) {
    const next = await sources[job % plan.shards]!.next();
    if (next.done !== true) yield parseResult(next.value);
  }
}

async function linesOf(folder: string, shard: number): Promise<AsyncIterator<string>> {
  const file = shardFile(folder, shard);
  if (!existsSync(file)) return fromList(readPart(folder, shard));
  const lines = createInterface({
    input: createReadStream(file, { encoding: 'utf8', highWaterMark: 1 << 14 }),
    crlfDelay: Infinity,
  });
  return lines[Symbol.asyncIterator]();
}

async function* fromList(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}

/** Counts of what was written. */
export interface TableCounts {
  readonly runs: number;
  readonly steps: number;
  readonly trades: number;
  readonly decisions: number;
  readonly rebases: number;
  readonly falls: number;
  readonly errors: number;
}

/** Writes all tables of an experiment as CSV, and the errors as NDJSON. */
export async function writeTables(plan: Plan, shards: string, out: string): Promise<TableCounts> {
  const { parameters, metrics, experiment } = plan;
  const writers = {
    runs: new TableWriter(out, 'runs', [
      'run',
      'point',
      'repetition',
      'mode',
      ...parameters,
      ...metrics,
    ]),
    steps: new TableWriter(out, 'steps', ['run', ...stepColumns(experiment)]),
    trades: new TableWriter(out, 'trades', ['run', ...TRADE_COLUMNS]),
    decisions: new TableWriter(out, 'decisions', ['run', ...DECISION_COLUMNS]),
    rebases: new TableWriter(out, 'rebases', ['run', ...REBASE_COLUMNS]),
    falls: new TableWriter(out, 'falls', ['run', ...FALL_COLUMNS]),
  };
  const errors = new LineWriter(out, 'errors.ndjson');
  const counts = { runs: 0, steps: 0, trades: 0, decisions: 0, rebases: 0, falls: 0, errors: 0 };
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
    for (const table of ['steps', 'trades', 'decisions', 'rebases', 'falls'] as const) {
      for (const row of result[table]) writers[table].row([result.run, ...row]);
      counts[table] += result[table].length;
    }
    if (result.error !== null) {
      errors.line(JSON.stringify({ run: result.run, error: result.error }));
      counts.errors++;
    }
  }
  for (const [name, writer] of Object.entries(writers))
    writer.close(name === 'runs' || counts[name as 'steps'] > 0);
  errors.close(true);
  return counts;
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
    closeSync(this.#file);
    if (keep) renameSync(`${this.#path}.tmp`, this.#path);
    else {
      rmSync(`${this.#path}.tmp`);
      rmSync(this.#path, { force: true });
    }
  }

  #flush(): void {
    writeSync(this.#file, this.#buffer);
    this.#buffer = '';
  }
}

/** A table as CSV. */
export class TableWriter extends LineWriter {
  constructor(folder: string, name: string, columns: readonly string[]) {
    super(folder, `${name}.csv`);
    this.line(formatRow(columns));
  }

  row(cells: readonly Cell[]): void {
    this.line(formatRow(cells));
  }
}
