/**
 * Experiments of one folder: those whose results lie there, those that run, those that wait. One runs
 * at a time, on all threads that it is worth.
 *
 * @module
 */
import { EventEmitter } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { SimulationError } from '../errors.ts';
import { parseExperiment } from '../experiment/load.ts';
import { makeFolder, type Manifest, readManifest, writeWhole } from '../experiment/manifest.ts';
import { planOf } from '../experiment/plan.ts';
import { runPlan } from '../experiment/runner.ts';
import { writeReport } from '../report/report.ts';
import { TABLES } from '../tables/tables.ts';

/** One experiment as the page shows it. */
export interface BoardEntry {
  readonly name: string;
  readonly state: 'waiting' | 'running' | 'done' | 'stopped' | 'failed';
  readonly hash: string;
  readonly seed: string;
  readonly mode: string;
  readonly points: number;
  /** Runs done and runs in all. */
  readonly done: number;
  readonly total: number;
  /** Runs a second; null when it does not run. */
  readonly rate: number | null;
  /** Mean end value of the runs so far against the runs done, oldest first. */
  readonly curve: readonly (readonly [done: number, mean: number])[];
  /** Why it failed. */
  readonly error: string | null;
  /** Files of results that may be fetched. */
  readonly files: readonly string[];
}

export interface BoardOptions {
  /** Holds a folder of results per experiment. */
  readonly out: string;
  /** What paths in experiments are relative to. */
  readonly folder: string;
  readonly workers?: number;
}

interface Job {
  entry: BoardEntry;
  readonly text: string;
  readonly abort: AbortController;
}

const WAITING_MAX = 16;
const CURVE_POINTS_MAX = 400;
const FILE = 'experiment.toml';

/** Files of an experiment that may be fetched, with their types. */
export const RESULT_FILES: Readonly<Record<string, string>> = {
  'report.html': 'text/html; charset=utf-8',
  'manifest.json': 'application/json',
  'timing.json': 'application/json',
  'errors.ndjson': 'application/x-ndjson',
  [FILE]: 'text/plain; charset=utf-8',
  ...Object.fromEntries(
    TABLES.flatMap((name) => [
      [`${name}.csv`, 'text/csv; charset=utf-8'],
      [`${name}.parquet`, 'application/vnd.apache.parquet'],
    ]),
  ),
};

/** Emits `change` with an entry whenever it has changed. */
export class Board extends EventEmitter<{ change: [BoardEntry] }> {
  readonly #options: BoardOptions;
  readonly #jobs = new Map<string, Job>();
  #running: Promise<void> | null = null;
  #isClosed = false;

  constructor(options: BoardOptions) {
    super();
    this.setMaxListeners(0);
    this.#options = options;
    makeFolder(options.out);
  }

  /** All experiments, by name. */
  list(): BoardEntry[] {
    const names = new Set([...this.#jobs.keys(), ...this.#folders()]);
    return [...names].toSorted().flatMap((name) => this.find(name) ?? []);
  }

  find(name: string): BoardEntry | null {
    const job = this.#jobs.get(name);
    if (job !== undefined) return job.entry;
    return this.#folders().includes(name) ? this.#entryOfFolder(name) : null;
  }

  /** Folder of an experiment's results. @throws {SimulationError} When there is none. */
  folderOf(name: string): string {
    if (this.find(name) === null) throw new SimulationError(`there is no experiment ${name}`);
    return join(this.#options.out, name);
  }

  /**
   * Puts an experiment in line.
   *
   * @param text - Its file. @throws {ConfigFileError} With every problem at its line.
   * @throws {SimulationError} When its name is taken by another experiment, or too many wait.
   */
  start(text: string): BoardEntry {
    const experiment = parseExperiment(text, FILE);
    const { name } = experiment;
    const plan = planOf(experiment, this.#options.folder);
    const present = this.find(name);
    if (present !== null && (present.state === 'waiting' || present.state === 'running'))
      throw new SimulationError(`${name} is ${present.state}; cancel it first`);
    if (present !== null && present.hash !== plan.hash)
      throw new SimulationError(
        `${name} is the name of another experiment with results; choose another name`,
      );
    if (this.list().filter(({ state }) => state === 'waiting').length >= WAITING_MAX)
      throw new SimulationError(`${WAITING_MAX} experiments wait already; cancel one of them`);
    const entry: BoardEntry = {
      name,
      state: 'waiting',
      hash: plan.hash,
      seed: String(experiment.seed),
      mode: experiment.mode,
      points: plan.points.length,
      done: 0,
      total: plan.jobs,
      rate: null,
      curve: [],
      error: null,
      files: [],
    };
    const job = { entry, text, abort: new AbortController() };
    this.#jobs.set(name, job);
    this.emit('change', entry);
    this.#runNext();
    return entry;
  }

  /** Stops an experiment after the runs under way; what is done stays. */
  cancel(name: string): BoardEntry {
    const job = this.#jobs.get(name);
    if (job === undefined || !['waiting', 'running'].includes(job.entry.state))
      throw new SimulationError(`${name} does not run`);
    job.abort.abort();
    if (job.entry.state === 'waiting') this.#change(job, { state: 'stopped' });
    return job.entry;
  }

  /** Stops everything, and waits for the runs under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { abort } of this.#jobs.values()) abort.abort();
    await this.#running;
  }

  #runNext(): void {
    if (this.#running !== null || this.#isClosed) return;
    const job = [...this.#jobs.values()].find(({ entry }) => entry.state === 'waiting');
    if (job === undefined) return;
    this.#running = this.#run(job).finally(() => {
      this.#running = null;
      this.#runNext();
    });
  }

  async #run(job: Job): Promise<void> {
    const { workers, folder } = this.#options;
    const out = join(this.#options.out, job.entry.name);
    const startedMs = performance.now();
    this.#change(job, { state: 'running' });
    try {
      const plan = planOf(parseExperiment(job.text, FILE), folder);
      makeFolder(out);
      writeWhole(join(out, FILE), job.text);
      const outcome = await runPlan(plan, {
        out,
        signal: job.abort.signal,
        ...(workers !== undefined && { workers }),
        onProgress: ({ done, total, mean }) => {
          const rate = done / ((performance.now() - startedMs) / 1000);
          const curve = thinned([...job.entry.curve, [done, mean] as const]);
          this.#change(job, { done, total, rate, curve });
        },
      });
      const { counts, isComplete, done, total } = outcome;
      if (counts.runs > 0) await writeReport(out, FILE);
      this.#change(job, {
        state: isComplete ? 'done' : 'stopped',
        done,
        total,
        rate: null,
        error: counts.errors > 0 ? `${counts.errors} runs stopped with an error` : null,
        files: filesIn(out),
      });
    } catch (error) {
      this.#change(job, { state: 'failed', rate: null, error: (error as Error).message });
    }
  }

  #change(job: Job, change: Partial<BoardEntry>): void {
    job.entry = { ...job.entry, ...change };
    this.emit('change', job.entry);
  }

  #folders(): string[] {
    const { out } = this.#options;
    return readdirSync(out, { withFileTypes: true })
      .filter((each) => each.isDirectory() && existsSync(join(out, each.name, 'manifest.json')))
      .map(({ name }) => name);
  }

  #entryOfFolder(name: string): BoardEntry | null {
    const out = join(this.#options.out, name);
    let manifest: Manifest;
    try {
      manifest = readManifest(out);
    } catch (error) {
      // A folder that somebody writes or breaks at this moment must not hide all others.
      if (error instanceof SimulationError) return null;
      throw error;
    }
    const { hash, seed, mode, points, complete, counts, jobs } = manifest;
    return {
      name,
      state: complete ? 'done' : 'stopped',
      hash,
      seed,
      mode,
      points,
      done: counts.runs,
      total: jobs,
      rate: null,
      curve: [],
      error: counts.errors > 0 ? `${counts.errors} runs stopped with an error` : null,
      files: filesIn(out),
    };
  }
}

function filesIn(out: string): string[] {
  return Object.keys(RESULT_FILES).filter((file) => existsSync(join(out, file)));
}

/** Every second point goes when there are more than a screen shows. */
function thinned<T>(points: readonly T[]): readonly T[] {
  if (points.length <= CURVE_POINTS_MAX) return points;
  return points.filter((_point, i) => i % 2 === 0 || i === points.length - 1);
}
