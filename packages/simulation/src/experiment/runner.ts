/**
 * Runs an experiment: shards on worker threads, tables and a manifest at the end. Killing it at any
 * moment loses at most the runs under way; the same command goes on.
 *
 * @module
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { WorkerPool } from '@balancer/select/workers';
import { SimulationError } from '../errors.ts';
import type { Plan } from './plan.ts';
import { runShard, shardFile } from './shard.ts';
import { type TableCounts, writeTables } from './tables.ts';
import type { WorkerData } from './worker.ts';

export interface RunOptions {
  /** Folder of the results. */
  readonly out: string;
  /** Threads; 0 runs everything in this one. Default: cores - 1, at least 1, and 0 for small work. */
  readonly workers?: number;
  /** Finishes the runs under way, writes what is done, and stops. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: RunProgress) => void;
}

export interface RunProgress {
  readonly done: number;
  readonly total: number;
  /** Mean end value of the runs of this session; NaN before the first. */
  readonly mean: number;
}

export interface RunOutcome {
  readonly out: string;
  readonly isComplete: boolean;
  readonly counts: TableCounts;
  /** Runs that earlier sessions had done. */
  readonly resumed: number;
}

/** What `manifest.json` holds; nothing in it depends on time or machine. */
export interface Manifest {
  readonly name: string;
  readonly hash: string;
  readonly seed: string;
  readonly mode: string;
  readonly complete: boolean;
  readonly points: number;
  readonly duplicatePoints: number;
  readonly jobs: number;
  readonly counts: TableCounts;
  readonly parameters: readonly string[];
  readonly metrics: readonly string[];
  readonly versions: { readonly simulation: string; readonly node: string };
  readonly experiment: unknown;
}

/** Work below this runs in the calling thread: threads take longer to start. */
const SMALL_STEPS = 2_000_000;
const PROGRESS_MS = 100;
const VERSION = '0.1.0';
/** A shard whose worker dies is given to others so often. */
const RETRIES = 3;

/** Runs what is not done yet, and writes the folder. @throws {SimulationError} */
export async function runPlan(plan: Plan, options: RunOptions): Promise<RunOutcome> {
  const { out, signal } = options;
  const startedMs = performance.now();
  const shards = join(out, `.shards-${plan.hash}`);
  makeFolder(shards);
  dropOtherShards(out, plan.hash);
  const open = Array.from({ length: plan.shards }, (_each, shard) => shard).filter(
    (shard) => !existsSync(shardFile(shards, shard)),
  );
  const resumed = plan.shards - open.length;
  const workers = options.workers ?? defaultWorkers(plan);
  if (open.length > 0)
    await (workers === 0
      ? runHere(plan, open, shards, options)
      : runOnThreads(plan, open, { shards, workers, options }));
  const counts = await writeTables(plan, shards, out);
  const isComplete = counts.runs === plan.jobs;
  const manifest = manifestOf(plan, counts, isComplete);
  writeWhole(join(out, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  const timing = {
    seconds: (performance.now() - startedMs) / 1000,
    workers,
    resumedShards: resumed,
  };
  writeWhole(join(out, 'timing.json'), `${JSON.stringify(timing)}\n`);
  if (isComplete) rmSync(shards, { recursive: true });
  else if (signal?.aborted !== true)
    throw new SimulationError(
      `${out}: ${plan.jobs - counts.runs} runs are missing; run the same command again`,
    );
  return { out, isComplete, counts, resumed };
}

/** Threads that a plan is worth. */
export function defaultWorkers(plan: Plan): number {
  if (plan.jobs * plan.experiment.time.steps < SMALL_STEPS || plan.shards === 1) return 0;
  return Math.max(1, availableParallelism() - 1);
}

/** The manifest of a folder of results. @throws {SimulationError} When there is none. */
export function readManifest(out: string): Manifest {
  const path = join(out, 'manifest.json');
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Manifest;
  } catch (error) {
    throw new SimulationError(
      `${path}: cannot be read: ${(error as Error).message}; name a folder that a run has written`,
      { cause: error },
    );
  }
}

/** Writes a file so that it is there as a whole or not at all. */
export function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.tmp`, text);
  renameSync(`${path}.tmp`, path);
}

async function runHere(
  plan: Plan,
  open: readonly number[],
  shards: string,
  { signal, onProgress }: RunOptions,
): Promise<void> {
  let done = 0;
  let sum = 0;
  for (const shard of open) {
    await runShard(plan, shard, {
      folder: shards,
      isStopped: () => signal?.aborted === true,
      onProgress: (progress) => {
        done += progress.done;
        sum += progress.sum;
        onProgress?.({ done, total: plan.jobs, mean: sum / done });
      },
      // Lets a signal arrive between runs.
      pause: async () => setImmediate(),
    });
    if (signal?.aborted === true) return;
  }
}

async function runOnThreads(
  plan: Plan,
  open: readonly number[],
  {
    shards,
    workers,
    options,
  }: { readonly shards: string; readonly workers: number; readonly options: RunOptions },
): Promise<void> {
  const { signal, onProgress } = options;
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const progress = new Float64Array(new SharedArrayBuffer(16 * plan.shards));
  const data: WorkerData = {
    experiment: plan.experiment,
    folder: plan.folder,
    shardFolder: shards,
    stop,
    progress,
  };
  const pool = new WorkerPool(workerFile(), {
    size: Math.min(workers, open.length),
    retries: RETRIES,
    name: 'simulation',
    worker: { workerData: data, execArgv: workerArguments() },
  });
  const onAbort = (): void => void Atomics.store(stop, 0, 1);
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted === true) onAbort();
  const timer = setInterval(() => report(progress, plan, onProgress), PROGRESS_MS);
  // As many shards at a time as there are workers: one that waits in a thread could not be retried elsewhere.
  const queue = [...open];
  const drain = async (): Promise<void> => {
    for (let shard = queue.shift(); shard !== undefined; shard = queue.shift()) {
      if (signal?.aborted === true) return;
      await pool.run(shard);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(workers, open.length) }, drain));
    report(progress, plan, onProgress);
  } catch (error) {
    onAbort();
    throw error;
  } finally {
    clearInterval(timer);
    signal?.removeEventListener('abort', onAbort);
    await pool.close();
  }
}

function report(progress: Float64Array, plan: Plan, onProgress: RunOptions['onProgress']): void {
  let done = 0;
  let sum = 0;
  for (let i = 0; i < progress.length; i += 2) {
    done += progress[i]!;
    sum += progress[i + 1]!;
  }
  if (done > 0) onProgress?.({ done, total: plan.jobs, mean: sum / done });
}

/**
 * The worker's module beside this one. Built, it is loaded as it is; a source is loaded through tsx,
 * which threads of Node 20 do not take over from the thread that starts them.
 */
function workerFile(): URL {
  const isSource = import.meta.url.endsWith('.ts');
  const file = new URL(isSource ? './worker.ts' : './worker.js', import.meta.url);
  if (!isSource) return file;
  // What require finds is the CommonJS twin of the module that an import would get.
  const found = createRequire(import.meta.url)
    .resolve('tsx/esm/api')
    .replace(/\.cjs$/, '.mjs');
  const tsx = pathToFileURL(found).href;
  const script = `import { register } from ${JSON.stringify(tsx)}; register(); await import(${JSON.stringify(file.href)});`;
  return new URL(`data:text/javascript,${encodeURIComponent(script)}`);
}

function workerArguments(): string[] {
  return import.meta.url.endsWith('.ts') ? ['--conditions=balancer-source'] : [];
}

function manifestOf(plan: Plan, counts: TableCounts, complete: boolean): Manifest {
  const { experiment, hash, points, duplicates, jobs, parameters, metrics } = plan;
  return {
    name: experiment.name,
    hash,
    seed: String(experiment.seed),
    mode: experiment.mode,
    complete,
    points: points.length,
    duplicatePoints: duplicates,
    jobs,
    counts,
    parameters,
    metrics,
    // Floats may differ in the last digits between majors of Node, so results name theirs.
    versions: { simulation: VERSION, node: process.versions.node.split('.')[0]! },
    experiment,
  };
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new SimulationError(
      `${folder}: cannot be made: ${(error as Error).message}; choose another with --out`,
      { cause: error },
    );
  }
}

/** Unfinished shards of another configuration of the same name are of no use. */
function dropOtherShards(out: string, hash: string): void {
  for (const name of readdirSync(out)) {
    if (name.startsWith('.shards-') && name !== `.shards-${hash}`)
      rmSync(join(out, name), { recursive: true });
  }
}
