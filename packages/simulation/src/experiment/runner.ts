/**
 * Runs an experiment: shards by whoever runs them, tables and a manifest at the end. Killing it at any
 * moment loses at most the runs under way; the same command goes on.
 *
 * @module
 */
import { readdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { SimulationError } from '../errors.ts';
import { runOptimisation } from '../optimise/run.ts';
import { digestsOf, type InputDigests, keepDigests } from './inputs.ts';
import { makeFolder, manifestOf, writeManifest, writeTiming } from './manifest.ts';
import type { Plan } from './plan.ts';
import { inlineRunner, type RunProgress, type ShardRunner, threadRunner } from './shard-runner.ts';
import { openShards } from './shard.ts';
import type { TableFormat } from '../tables/tables.ts';
import { type TableCounts, writeTables } from '../tables/write.ts';

export interface RunOptions {
  /** Folder of the results. */
  readonly out: string;
  /** Threads; 0 runs everything in this one. Default: cores - 1, at least 1, and 0 for small work. */
  readonly workers?: number;
  /** Of the tables; Parquet needs DuckDB. Default: csv. */
  readonly format?: TableFormat;
  /** Who runs the shards, in place of threads of this process. It is not closed. */
  readonly runner?: ShardRunner;
  /** Finishes the runs under way, writes what is done, and stops. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: RunProgress) => void;
}

export interface RunOutcome {
  readonly out: string;
  readonly isComplete: boolean;
  readonly counts: TableCounts;
  /** Shards that earlier sessions had done. */
  readonly resumed: number;
  /** Runs that are done and runs in all, those of a search included. */
  readonly done: number;
  readonly total: number;
}

/** A run with its runner, and the folder of its shards. */
export interface ExperimentRun extends RunOptions {
  readonly shards: string;
  /** Of the files that it reads. */
  readonly inputs: InputDigests;
  readonly runner: ShardRunner;
}

/** Work below this runs in the calling thread: threads take longer to start. */
const SMALL_STEPS = 2_000_000;

/** Runs what is not done yet, and writes the folder. @throws {SimulationError} */
export async function runPlan(plan: Plan, options: RunOptions): Promise<RunOutcome> {
  const { out } = options;
  const startedMs = performance.now();
  const shards = join(out, `.shards-${plan.hash}`);
  const inputs = await digestsOf(plan);
  makeFolder(shards);
  keepDigests(shards, inputs);
  dropOtherShards(out, plan.hash);
  const workers = options.workers ?? defaultWorkers(plan);
  const runner = options.runner ?? (workers === 0 ? inlineRunner() : threadRunner(workers));
  let outcome: RunOutcome;
  try {
    const run = plan.experiment.optimise === undefined ? runShards : runOptimisation;
    outcome = await run(plan, { ...options, shards, inputs, runner });
  } finally {
    if (options.runner === undefined) await runner.close();
  }
  const seconds = (performance.now() - startedMs) / 1000;
  writeTiming(out, { seconds, workers, resumedShards: outcome.resumed });
  if (outcome.isComplete) rmSync(shards, { recursive: true });
  else if (options.signal?.aborted !== true)
    throw new SimulationError(
      `${out}: ${outcome.total - outcome.done} runs are missing; run the same command again`,
    );
  return outcome;
}

/** Threads that a plan is worth. */
export function defaultWorkers({ jobs, experiment, shards }: Plan): number {
  const { time, optimise } = experiment;
  const evaluations = optimise?.budget ?? 1;
  if (jobs * evaluations * time.steps < SMALL_STEPS || shards === 1) return 0;
  return Math.min(shards, Math.max(1, availableParallelism() - 1));
}

/** The runs of a plan, and their tables. */
async function runShards(
  plan: Plan,
  { out, format = 'csv', shards, inputs, runner, signal, onProgress }: ExperimentRun,
): Promise<RunOutcome> {
  const open = openShards(plan, shards);
  if (open.length > 0) await runner.run(plan, { folder: shards, open, signal, onProgress });
  const counts = await writeTables(plan, shards, { out, format });
  const isComplete = counts.runs === plan.jobs;
  writeManifest(out, manifestOf(plan, { counts, inputs, isComplete }));
  const resumed = plan.shards - open.length;
  return { out, isComplete, counts, resumed, done: counts.runs, total: plan.jobs };
}

/** Unfinished shards of another configuration of the same name are of no use. */
function dropOtherShards(out: string, hash: string): void {
  for (const name of readdirSync(out)) {
    if (name.startsWith('.shards-') && name !== `.shards-${hash}`)
      rmSync(join(out, name), { recursive: true });
  }
}
