/**
 * Runs an experiment with `[optimise]`: in each fold a search over its parameters on what it trains
 * on, then one test of what it found, beside the file's own values, on what it has not seen: later
 * recorded time, or repetitions that draw from other streams.
 *
 * Every round of a search is a plan of its own in a folder of its own, so a search that was killed is
 * asked again and finds its finished rounds there.
 *
 * @module
 */
import { join } from 'node:path';
import type { ExperimentRun, RunOutcome } from '../experiment/runner.ts';
import { canonicalJson } from '../experiment/load.ts';
import { makeFolder, manifestOf, writeManifest } from '../experiment/manifest.ts';
import { type Plan, planFrom } from '../experiment/plan.ts';
import { type Parameters, type ParameterValue, scaleOf } from '../experiment/points.ts';
import type { TimeWindow } from '../experiment/resources.ts';
import type { Experiment } from '../experiment/schema.ts';
import { openShards } from '../experiment/shard.ts';
import { resultsInOrder, type TableTarget, TableWriter, writeTables } from '../tables/write.ts';
import { columnOf } from '../tables/tables.ts';
import { summarise } from '../metrics/statistics.ts';
import { Stream } from '../random/stream.ts';
import { cmaEs } from './cma-es.ts';
import { nelderMead } from './nelder-mead.ts';
import type { Fold, OptimisationResult, Score } from './result.ts';
import { gridSearch, type Search, type UnitPoint } from './search.ts';
import { windowsOf } from './windows.ts';

type Optimise = NonNullable<Experiment['optimise']>;

/** A point that a search has tried. */
interface Evaluation {
  readonly fold: number;
  readonly round: number;
  readonly parameters: Parameters;
  readonly score: Score;
}

/** What a fold trains on and is tested on; null is all of the time, on other repetitions. */
interface FoldWindows {
  readonly train: TimeWindow | null;
  readonly test: TimeWindow | null;
}

/** What a search has found. */
interface Found extends FoldWindows {
  readonly evaluations: number;
  readonly best: Evaluation;
  readonly baseline: Evaluation;
}

/** Runs searches and test, as far as the signal lets it. @throws {SimulationError} */
export async function runOptimisation(plan: Plan, run: ExperimentRun): Promise<RunOutcome> {
  const optimise = plan.experiment.optimise!;
  const folds = foldsOf(optimise);
  const trainer = new Trainer(plan, run, folds.length);
  const found: Found[] = [];
  for (const [i, windows] of folds.entries()) {
    const result = await trainer.search(i, windows);
    if (result === null) break;
    found.push(result);
  }
  const target = { out: run.out, format: run.format ?? 'csv' };
  await writeEvaluations(plan, target, trainer.evaluations);
  const test = testPlan(plan, found);
  const isTrained = found.length === folds.length;
  const shards = join(run.shards, 'test');
  makeFolder(shards);
  // Nothing of a test is read before every search has ended.
  if (isTrained) await trainer.runPlan(test, shards);
  const counts = await writeTables(test, shards, target);
  const isComplete = isTrained && counts.runs === test.jobs;
  const { metric, goal, method, budget } = optimise;
  const optimisation: OptimisationResult = {
    metric,
    goal,
    method,
    budget,
    folds: isComplete ? await foldsWithTests(test, shards, { metric, found }) : [],
  };
  const manifest = {
    ...manifestOf(test, { counts, inputs: run.inputs, isComplete }),
    hash: plan.hash,
    optimisation,
  };
  writeManifest(run.out, manifest);
  const { resumed, done, total } = trainer;
  return { out: run.out, isComplete, counts, resumed, done, total };
}

/** Runs the rounds of searches. */
class Trainer {
  readonly evaluations: Evaluation[] = [];
  /** Shards that were there. */
  resumed = 0;
  done = 0;
  readonly total: number;
  readonly #plan: Plan;
  readonly #optimise: Optimise;
  readonly #run: ExperimentRun;

  constructor(plan: Plan, run: ExperimentRun, folds: number) {
    const { experiment } = plan;
    this.#plan = plan;
    this.#optimise = experiment.optimise!;
    this.#run = run;
    // Each fold tries its budget and the file's own values, and tests two points.
    this.total = folds * (this.#optimise.budget + 3) * experiment.runs;
  }

  /** @returns Null when it was stopped. */
  async search(fold: number, windows: FoldWindows): Promise<Found | null> {
    const { experiment } = this.#plan;
    const { ranges, log, budget, goal } = this.#optimise;
    const keys = Object.keys(ranges);
    const scales = keys.map((key) => scaleOf(experiment, key, { range: ranges[key]!, isLog: log }));
    const known = new Map<string, Evaluation>();
    const evaluate = async (all: readonly Parameters[], round: number): Promise<boolean> => {
      const fresh = new Map(
        all.flatMap((each) =>
          known.has(canonicalJson(each)) ? [] : [[canonicalJson(each), each]],
        ),
      );
      // The file's own values count as tried; what is asked for again is not run again.
      this.done += (all.length - fresh.size) * experiment.runs;
      if (fresh.size === 0) return true;
      const scores = await this.#scoresOf([...fresh.values()], {
        fold,
        round,
        window: windows.train,
      });
      if (scores === null) return false;
      [...fresh].forEach(([key, parameters], i) => {
        const evaluation = { fold, round, parameters, score: scores[i]! };
        known.set(key, evaluation);
        this.evaluations.push(evaluation);
      });
      return true;
    };

    const baseline = Object.fromEntries(keys.map((key) => [key, valueAt(experiment, key)]));
    if (!(await evaluate([baseline], 0))) return null;
    const search = this.#searchOf(fold, keys.length);
    let asked = search.next();
    // A search that only comes back to what is known would go on for ever.
    let left = budget;
    for (let round = 1; asked.done !== true && left > 0; round++) {
      const points = asked.value.slice(0, left);
      left -= points.length;
      const sets = points.map((point) => parametersAt(point, keys, scales));
      if (!(await evaluate(sets, round))) return null;
      const sign = goal === 'max' ? 1 : -1;
      asked = search.next(sets.map((set) => sign * known.get(canonicalJson(set))!.score.mean));
    }
    this.done += left * experiment.runs;
    const sign = goal === 'max' ? 1 : -1;
    const best = [...known.values()].reduce((a, b) =>
      sign * b.score.mean > sign * a.score.mean || Number.isNaN(a.score.mean) ? b : a,
    );
    return {
      ...windows,
      evaluations: known.size,
      best,
      baseline: known.get(canonicalJson(baseline))!,
    };
  }

  /** Runs what is open of a plan. @returns Whether all of it is there. */
  async runPlan(plan: Plan, folder: string): Promise<boolean> {
    const { runner, signal, onProgress } = this.#run;
    const open = openShards(plan, folder);
    this.resumed += plan.shards - open.length;
    const before = this.done;
    if (open.length > 0) {
      await runner.run(plan, {
        folder,
        open,
        signal,
        onProgress: ({ done, mean }) => {
          this.done = before + done;
          onProgress?.({ done: this.done, total: this.total, mean });
        },
      });
    }
    const isWhole = openShards(plan, folder).length === 0;
    if (isWhole) this.done = before + plan.jobs;
    return isWhole;
  }

  async #scoresOf(
    sets: readonly Parameters[],
    {
      fold,
      round,
      window,
    }: { readonly fold: number; readonly round: number; readonly window: TimeWindow | null },
  ): Promise<Score[] | null> {
    if (this.#run.signal?.aborted === true) return null;
    const folder = join(this.#run.shards, `fold-${fold}`, `round-${round}`);
    makeFolder(folder);
    const { experiment } = this.#plan;
    const plan = planFrom({
      ...this.#plan.source,
      parameterSets: sets.map((set) => ({ ...set, ...timeOf(experiment, window) })),
      isWindowed: window !== null,
    });
    if (!(await this.runPlan(plan, folder))) return null;
    return scoresOf(plan, folder, this.#optimise.metric);
  }

  #searchOf(fold: number, dimensions: number): Search {
    const { method, budget } = this.#optimise;
    switch (method) {
      case 'grid':
        return gridSearch(dimensions, budget);
      case 'nelder-mead':
        return nelderMead(dimensions);
      case 'cmaes':
        return cmaEs(
          dimensions,
          new Stream(BigInt(this.#plan.experiment.seed), `optimise/${fold}`),
        );
      default:
        return method satisfies never;
    }
  }
}

/** Mean of a metric at each point of a plan that has run. */
async function scoresOf(plan: Plan, folder: string, metric: string): Promise<Score[]> {
  const place = plan.metrics.indexOf(metric);
  const values: number[][] = plan.points.map(() => []);
  for await (const { run, metrics } of resultsInOrder(plan, folder)) {
    values[Math.floor(run / plan.experiment.runs)]!.push(metrics[place] ?? NaN);
  }
  return values.map((list) => {
    const { mean, low, high } = summarise(list);
    return { mean, low, high };
  });
}

/** The file's own values and the best ones of every fold, where no search has been. */
function testPlan({ source, experiment }: Plan, found: readonly Found[]): Plan {
  return planFrom({
    ...source,
    parameterSets: found.flatMap(({ baseline, best, test }) =>
      [baseline, best].map(({ parameters }) => ({ ...parameters, ...timeOf(experiment, test) })),
    ),
    isWindowed: found.some(({ test }) => test !== null),
    firstRepetition: experiment.runs,
  });
}

async function foldsWithTests(
  test: Plan,
  folder: string,
  { metric, found }: { readonly metric: string; readonly found: readonly Found[] },
): Promise<Fold[]> {
  const scores = await scoresOf(test, folder, metric);
  return found.map(({ baseline, best, ...rest }, i) => ({
    ...rest,
    best: best.parameters,
    baseline: baseline.parameters,
    bestTrain: best.score,
    baselineTrain: baseline.score,
    baselineTest: scores[2 * i]!,
    bestTest: scores[2 * i + 1]!,
  }));
}

/** Every point that was tried, in order, with the best so far. */
async function writeEvaluations(
  { experiment }: Plan,
  target: TableTarget,
  evaluations: readonly Evaluation[],
): Promise<void> {
  const { ranges, goal } = experiment.optimise!;
  const keys = Object.keys(ranges);
  const table = new TableWriter(
    target,
    'evaluations',
    ['evaluation', 'fold', 'round', ...keys, 'mean', 'low', 'high', 'best'].map(columnOf),
  );
  let [fold, best] = [-1, NaN];
  evaluations.forEach(({ fold: own, round, parameters, score }, i) => {
    const sign = goal === 'max' ? 1 : -1;
    if (own !== fold || Number.isNaN(best) || sign * score.mean > sign * best) best = score.mean;
    fold = own;
    const values = keys.map((key) => parameters[key] as number);
    table.row([i, own, round, ...values, score.mean, score.low, score.high, best]);
  });
  await table.end(true);
}

function foldsOf({ train, test }: Optimise): FoldWindows[] {
  if (train === undefined || test === undefined) return [{ train: null, test: null }];
  const [trains, tests] = [windowsOf(train), windowsOf(test)];
  return trains.map((window, i) => ({ train: window, test: tests[i]! }));
}

/** Start and steps of a run inside of a window. */
function timeOf({ time }: Experiment, window: TimeWindow | null): Parameters {
  if (window === null) return {};
  const [from, to] = window;
  return { 'time.start': from, 'time.steps': Math.ceil((to - from) / (time.step / 1000)) - 1 };
}

function parametersAt(
  point: UnitPoint,
  keys: readonly string[],
  scales: readonly ((share: number) => number)[],
): Parameters {
  return Object.fromEntries(keys.map((key, i) => [key, scales[i]!(point[i]!)]));
}

/** What the file says at a dotted key. */
function valueAt(experiment: Experiment, key: string): ParameterValue {
  let value: unknown = experiment;
  for (const part of key.split('.')) value = (value as Record<string, unknown>)[part];
  return value as ParameterValue;
}
