/**
 * An experiment as numbered jobs, cut into shards whose number does not depend on who runs them.
 *
 * @module
 */
import { hashOf } from './load.ts';
import { metricsOf } from './run-job.ts';
import { type Point, pointsOf } from './points.ts';
import type { Experiment } from './schema.ts';

/** Most shards of an experiment. */
const SHARDS_MAX = 64;

export interface Plan {
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
  const { points, duplicates } = pointsOf(experiment);
  const jobs = points.length * experiment.runs;
  return {
    experiment,
    folder,
    hash: hashOf(experiment),
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
  return { point: plan.points[Math.floor(job / runs)]!, repetition: job % runs };
}

/** Jobs of a shard, in order. */
export function* jobsOfShard(plan: Plan, shard: number): Generator<number> {
  for (let job = shard; job < plan.jobs; job += plan.shards) yield job;
}
