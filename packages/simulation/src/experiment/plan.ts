/**
 * An experiment as numbered jobs, cut into shards whose number does not depend on who runs them.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { canonicalJson, hashOf } from './load.ts';
import { metricsOf } from './metrics.ts';
import { type Parameters, type Point, pointAt, pointsOf } from './points.ts';
import type { TimeWindow } from './resources.ts';
import type { Experiment } from './schema.ts';

/** Most shards of an experiment. */
const SHARDS_MAX = 64;

/** What a plan is made of: plain data, from which a worker anywhere makes the same plan again. */
export interface PlanSource {
  readonly experiment: Experiment;
  /** What the experiment's files are relative to. */
  readonly folder: string;
  /** Where in the folder a file lies that the experiment names otherwise. */
  readonly files?: Readonly<Record<string, string>>;
  /** In place of the points that the experiment has by itself. */
  readonly parameterSets?: readonly Parameters[];
  /** Whether a point sees recorded data of its own time only. */
  readonly isWindowed?: boolean;
  /** Repetition of the first run, 0 when left out; others draw from other streams. */
  readonly firstRepetition?: number;
}

export interface Plan {
  readonly source: PlanSource;
  readonly experiment: Experiment;
  readonly folder: string;
  readonly hash: string;
  readonly points: readonly Point[];
  readonly duplicates: number;
  /** Names of the swept parameters, in the order of the tables. */
  readonly parameters: readonly string[];
  readonly metrics: readonly string[];
  /** Jobs in all: points times repetitions. Job n is repetition n mod runs of point n / runs. */
  readonly jobs: number;
  readonly shards: number;
}

/** @throws {SimulationError} When a point cannot be made. */
export function planOf(experiment: Experiment, folder: string): Plan {
  return planFrom({ experiment, folder });
}

/** @throws {SimulationError} When a point cannot be made. */
export function planFrom(source: PlanSource): Plan {
  const { experiment, folder, parameterSets } = source;
  const { points, duplicates } =
    parameterSets === undefined
      ? pointsOf(experiment)
      : {
          points: parameterSets.map((parameters, i) => pointAt(experiment, parameters, i)),
          duplicates: 0,
        };
  const jobs = points.length * experiment.runs;
  return {
    source,
    experiment,
    folder,
    hash: hashOfSource(source),
    points,
    duplicates,
    parameters: [...new Set(points.flatMap(({ parameters }) => Object.keys(parameters)))],
    metrics: metricsOf(experiment),
    jobs,
    shards: Math.min(SHARDS_MAX, jobs),
  };
}

/** Point and repetition of a job. */
export function jobOf(
  plan: Plan,
  job: number,
): { readonly point: Point; readonly repetition: number } {
  const { runs } = plan.experiment;
  const first = plan.source.firstRepetition ?? 0;
  return { point: plan.points[Math.floor(job / runs)]!, repetition: first + (job % runs) };
}

/** Jobs of a shard, in order. */
export function* jobsOfShard(plan: Plan, shard: number): Generator<number> {
  for (let job = shard; job < plan.jobs; job += plan.shards) yield job;
}

/** The recorded time that a point may see; null is all. */
export function windowOf({ source }: Plan, { experiment }: Point): TimeWindow | null {
  if (source.isWindowed !== true) return null;
  const { start, step, steps } = experiment.time;
  // The last step's own price is seen.
  return [start, start + (step / 1000) * steps + 1];
}

function hashOfSource({ folder: _folder, files: _files, ...rest }: PlanSource): string {
  if (rest.parameterSets === undefined) return hashOf(rest.experiment);
  return createHash('sha256').update(canonicalJson(rest)).digest('hex').slice(0, 16);
}
