/**
 * What an optimisation found.
 *
 * @module
 */
import type { Parameters } from '../experiment/points.ts';
import type { TimeWindow } from '../experiment/resources.ts';

/** A metric over the runs of one point. */
export interface Score {
  readonly mean: number;
  /** 95 % interval of the mean. */
  readonly low: number;
  readonly high: number;
}

/** One search and the test of what it found. */
export interface Fold {
  /** Recorded times, or null where unseen repetitions are the test. */
  readonly train: TimeWindow | null;
  readonly test: TimeWindow | null;
  readonly evaluations: number;
  /** What the search chose, and what the file itself says. */
  readonly best: Parameters;
  readonly baseline: Parameters;
  readonly bestTrain: Score;
  readonly baselineTrain: Score;
  readonly bestTest: Score;
  readonly baselineTest: Score;
}

export interface OptimisationResult {
  readonly metric: string;
  readonly goal: 'max' | 'min';
  readonly method: string;
  readonly budget: number;
  readonly folds: readonly Fold[];
}
