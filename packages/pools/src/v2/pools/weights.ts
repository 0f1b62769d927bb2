/**
 * Weights that change over time, and how each generation of pools packs them.
 *
 * @module
 */
import { revert } from '../../errors.ts';
import { divDown, mulDown, ONE } from '../../math/fixed-point.ts';
import { MIN_WEIGHT } from '../../math/weighted.ts';
import { max } from '../../uint.ts';
import { type GradualWeightRules, rulesOf } from '../kinds.ts';
import type { WeightedPool, WeightSchedule } from '../state.ts';

/** Weights of a weighted pool at a time, in registered order. */
export function weightsOf(pool: WeightedPool, time: bigint): readonly bigint[] {
  if (pool.weights !== null) return pool.weights;
  const rules = rulesOf(pool).gradualWeights!;
  const schedule = pool.schedule!;
  return schedule.start.map((_, i) => packedWeightAt(schedule, i, time, rules));
}

/** Weight of one token of a weighted pool at a time. */
export function weightOf(pool: WeightedPool, index: number, time: bigint): bigint {
  if (pool.weights !== null) return pool.weights[index]!;
  return packedWeightAt(pool.schedule!, index, time, rulesOf(pool).gradualWeights!);
}

/** Weight of one token under a schedule of plain values (managed pools). */
export function plainWeightAt(schedule: WeightSchedule, index: number, time: bigint): bigint {
  const progress = progressOf(schedule, time);
  return interpolate(schedule.start[index]!, schedule.end[index]!, progress);
}

/** A schedule that already rests at these weights. */
export function restingSchedule(
  weights: readonly bigint[],
  time: bigint,
  rules: GradualWeightRules | null,
): WeightSchedule {
  return packedSchedule({ startTime: time, endTime: time, start: weights, end: weights }, rules);
}

/**
 * A schedule from the weights now to `end`.
 *
 * @throws {Revert} BAL#326 when the end is before the start, BAL#331 when the change is too fast,
 * BAL#302 and BAL#308 for weights below 1 % or that do not sum to 1.0.
 */
export function scheduleOf(
  change: WeightSchedule & { readonly time: bigint },
  rules: GradualWeightRules | null,
): WeightSchedule {
  const startTime = max(change.time, change.startTime);
  if (startTime > change.endTime) revert(326);
  if (rules !== null && change.endTime - startTime < rules.minDuration) revert(331);
  requireWeights(change.end);
  return packedSchedule({ ...change, startTime }, rules);
}

/** @throws {Revert} BAL#302 for a weight below 1 %, BAL#308 unless the weights sum to 1.0. */
export function requireWeights(weights: readonly bigint[]): void {
  let sum = 0n;
  for (const weight of weights) {
    if (weight < MIN_WEIGHT) revert(302);
    sum += weight;
  }
  if (sum !== ONE) revert(308);
}

/** Fraction of the change that is done: 0 before its start, 1.0 from its end on. */
export function progressOf(
  change: { readonly startTime: bigint; readonly endTime: bigint },
  time: bigint,
): bigint {
  if (time >= change.endTime) return ONE;
  if (time <= change.startTime) return 0n;
  return divDown(time - change.startTime, change.endTime - change.startTime);
}

/** Value between start and end, the difference rounded down. */
export function interpolate(start: bigint, end: bigint, progress: bigint): bigint {
  if (progress === 0n || start === end) return start;
  if (progress >= ONE) return end;
  return start > end
    ? start - mulDown(progress, start - end)
    : start + mulDown(progress, end - start);
}

function packedWeightAt(
  schedule: WeightSchedule,
  index: number,
  time: bigint,
  rules: GradualWeightRules,
): bigint {
  const { startBits, endBits, compression } = rules;
  const start = compression.decompress(schedule.start[index]!, startBits);
  const end = compression.decompress(schedule.end[index]!, endBits);
  return interpolate(start, end, progressOf(schedule, time));
}

function packedSchedule(
  schedule: WeightSchedule,
  rules: GradualWeightRules | null,
): WeightSchedule {
  const { startTime, endTime, start, end } = schedule;
  if (rules === null) return { startTime, endTime, start, end };
  const { startBits, endBits, compression } = rules;
  return {
    startTime,
    endTime,
    start: start.map((weight) => compression.compress(weight, startBits)),
    end: end.map((weight) => compression.compress(weight, endBits)),
  };
}
