/**
 * `balancer sim run`: an experiment with its progress, and one run of it in detail.
 *
 * @module
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createProgress, EXIT } from '@balancer/kit';
import {
  createSimulation,
  DUCKDB_INSTALL,
  EXAMPLE_EXPERIMENT,
  type Experiment,
  hasDuckDb,
  loadExperiment,
  loadResources,
  type Plan,
  planOf,
  queueRunner,
  type RunOutcome,
  runPlan,
  type ShardRunner,
  type TableFormat,
  verify,
  withValue,
  writeReport,
} from '@balancer/simulation';
import { EXIT_INTERRUPTED, UsageError } from '../exit.ts';
import type { Io } from '../io.ts';
import { queueOptionsOf } from './queue.ts';

export interface RunFlags {
  readonly out?: string;
  readonly workers?: number;
  readonly seed?: string;
  readonly verify?: number;
  readonly run?: number;
  readonly fromStep?: number;
  readonly report: boolean;
  readonly json?: boolean;
  readonly redis?: string;
  readonly queue?: string;
  readonly store?: string;
  readonly format: string;
}

/** Writes the example. Refuses to write over a file. */
export async function create(file: string, io: Io): Promise<number> {
  if (existsSync(file)) throw new UsageError(`${file} is already there; name another file`);
  writeFileSync(file, EXAMPLE_EXPERIMENT);
  io.stdout.write(`${file}\nRun it with: balancer sim run ${file}\n`);
  return EXIT.ok;
}

/** Runs experiments one after the other, up to the first that does not end well. */
export async function runAll(files: readonly string[], flags: RunFlags, io: Io): Promise<number> {
  if (files.length > 1 && (flags.out !== undefined || flags.run !== undefined))
    throw new UsageError('--out and --run: go with one experiment');
  for (const file of files) {
    const code = await run(file, flags, io);
    if (code !== EXIT.ok) return code;
  }
  return EXIT.ok;
}

/** Runs an experiment to its end, or to Ctrl-C. */
export async function run(file: string, flags: RunFlags, io: Io): Promise<number> {
  const loaded = await loadExperiment(file);
  for (const warning of loaded.warnings) io.stderr.write(`${warning}\n`);
  const experiment =
    flags.seed === undefined ? loaded.experiment : withValue(loaded.experiment, 'seed', flags.seed);
  const plan = planOf(experiment, loaded.folder);
  if (flags.run !== undefined) return showRun(plan, flags.run, flags.fromStep ?? 1, io);
  if (flags.verify !== undefined) await verifyShare(experiment, loaded.folder, flags.verify, io);
  const out = flags.out ?? join('out', experiment.name);
  const format = await formatOf(flags, io);
  const runner = await remoteRunner(flags, io);
  let outcome: RunOutcome;
  try {
    outcome = await runWithProgress(plan, { out, flags, runner, format }, io);
  } finally {
    await runner?.close();
  }
  if (outcome.counts.runs > 0 && flags.report) await writeReport(out, file);
  if (!outcome.isComplete) {
    const { done, total } = outcome;
    io.stderr.write(
      `${total - done} of ${total} runs are left; go on with: ${commandOf(file, flags)}\n`,
    );
    return EXIT_INTERRUPTED;
  }
  if (plan.duplicates > 0) io.stderr.write(`${plan.duplicates} duplicate points were run once\n`);
  if (outcome.counts.errors > 0) {
    io.stderr.write(
      `${outcome.counts.errors} runs stopped with an error: ${join(out, 'errors.ndjson')}\n`,
    );
    return EXIT.failed;
  }
  if (flags.json !== true)
    io.stdout.write(`${join(out, flags.report ? 'report.html' : `runs.${format}`)}\n`);
  return EXIT.ok;
}

/** The command that goes on with a run. */
function commandOf(file: string, flags: RunFlags): string {
  const { out, seed, redis, queue, store } = flags;
  const given = Object.entries({ out, seed, redis, queue, store }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name} ${value}`],
  );
  return ['balancer sim run', file, ...given].join(' ');
}

export async function report(folder: string, io: Io): Promise<number> {
  io.stdout.write(`${await writeReport(folder)}\n`);
  return EXIT.ok;
}

async function runWithProgress(
  plan: Plan,
  {
    out,
    flags,
    runner,
    format,
  }: {
    readonly out: string;
    readonly flags: RunFlags;
    readonly runner: ShardRunner | null;
    readonly format: TableFormat;
  },
  io: Io,
): Promise<RunOutcome> {
  const controller = new AbortController();
  const onSignal = (): void => controller.abort();
  io.signals.on('SIGINT', onSignal);
  const progress = createProgress({
    label: plan.experiment.name,
    total: plan.jobs,
    stream: io.stderr,
  });
  const startedMs = performance.now();
  try {
    const outcome = await runPlan(plan, {
      out,
      format,
      ...(flags.workers !== undefined && { workers: flags.workers }),
      ...(runner !== null && { runner }),
      signal: controller.signal,
      onProgress: ({ done, total, mean }) => {
        const rate = done / ((performance.now() - startedMs) / 1000);
        const etaSeconds = Math.round((total - done) / rate);
        if (flags.json === true)
          io.stdout.write(
            `${JSON.stringify({ event: 'progress', done, total, rate, etaSeconds, meanValue: mean })}\n`,
          );
        else
          progress.update(
            done,
            `${rate.toPrecision(3)} runs/s, ${etaSeconds} s left, mean value ${mean.toPrecision(6)}`,
          );
      },
    });
    if (flags.json === true) io.stdout.write(`${JSON.stringify({ event: 'end', ...outcome })}\n`);
    else
      progress.finish(
        `${plan.experiment.name}: ${outcome.done} of ${outcome.total} runs in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`,
      );
    return outcome;
  } finally {
    io.signals.off('SIGINT', onSignal);
  }
}

/** Parquet where it can be had, unless the flag says otherwise. */
async function formatOf({ format }: RunFlags, io: Io): Promise<TableFormat> {
  if (format === 'csv') return 'csv';
  const isThere = await hasDuckDb();
  if (format === 'parquet') {
    if (isThere) return 'parquet';
    throw new UsageError(`--format parquet needs DuckDB; install it with: ${DUCKDB_INSTALL}`);
  }
  if (format !== 'auto')
    throw new UsageError(`--format: must be auto, csv or parquet; got ${format}`);
  if (!isThere) io.stderr.write(`tables are CSV; for Parquet and sim query: ${DUCKDB_INSTALL}\n`);
  return isThere ? 'parquet' : 'csv';
}

/** The workers of a queue, where one is named; null where this process does the work. */
async function remoteRunner(flags: RunFlags, io: Io): Promise<ShardRunner | null> {
  if (flags.redis === undefined && flags.queue === undefined && flags.store === undefined)
    return null;
  return queueRunner(queueOptionsOf(flags, io));
}

async function verifyShare(
  experiment: Experiment,
  folder: string,
  share: number,
  io: Io,
): Promise<void> {
  if (!(share > 0 && share <= 1))
    throw new UsageError('--verify needs a share above 0 and at most 1');
  const checked = verify(experiment, await loadResources(experiment, folder), share);
  io.stderr.write(
    `verified ${checked.steps} steps with ${checked.orders} orders: balances differ by at most ${checked.greatest.toExponential(2)} of themselves (step ${checked.step})\n`,
  );
}

/** One run with every trade from a step on. What user code throws ends it, as it did before. */
async function showRun(plan: Plan, job: number, fromStep: number, io: Io): Promise<number> {
  if (job >= plan.jobs)
    throw new UsageError(`--run: the experiment has runs 0 to ${plan.jobs - 1}`);
  const { runs } = plan.experiment;
  const point = plan.points[Math.floor(job / runs)]!;
  const { experiment } = point;
  const resources = await loadResources(experiment, plan.folder);
  const { tokens } = experiment.pool;
  const simulation = createSimulation(
    experiment,
    resources,
    { repetition: job % runs, run: job },
    {
      onTrade: (trade) => {
        if (trade.step < fromStep) return;
        const { step, agent, tokenIn, tokenOut, amountIn, amountOut, profit } = trade;
        io.stdout.write(
          `${step} ${agent}: ${amountIn} ${tokens[tokenIn]} for ${amountOut} ${tokens[tokenOut]}, profit ${profit.toPrecision(6)}\n`,
        );
      },
    },
  );
  const metrics = simulation.runTo(experiment.time.steps);
  for (const [name, value] of Object.entries(metrics))
    io.stdout.write(`${name.padEnd(24)} ${value}\n`);
  return EXIT.ok;
}
