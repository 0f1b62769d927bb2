/**
 * Amplification that moves linearly between two times, at most doubling or halving per day.
 *
 * @module
 */
import { revert } from '../../errors.ts';
import { AMP_PRECISION, MAX_AMP, MIN_AMP } from '../../math/stable.ts';
import { divUp as quotientUp } from '../../uint.ts';
import type { AmpSchedule } from '../state.ts';

const DAY = 86_400n;
const MAX_DAILY_RATE = 2n;

/** A schedule that rests at an amplification (without precision). */
export function restingAmp(amplification: bigint): AmpSchedule {
  const value = amplification * AMP_PRECISION;
  return { startValue: value, endValue: value, startTime: 0n, endTime: 0n };
}

/** Amplification at a time, with precision. */
export function ampAt(amp: AmpSchedule, time: bigint): bigint {
  const { startValue, endValue, startTime, endTime } = amp;
  if (time >= endTime) return endValue;
  const elapsed = time - startTime;
  const duration = endTime - startTime;
  return endValue > startValue
    ? startValue + ((endValue - startValue) * elapsed) / duration
    : startValue - ((startValue - endValue) * elapsed) / duration;
}

/** Whether the amplification still moves. */
export function isAmpUpdating(amp: AmpSchedule, time: bigint): boolean {
  return time < amp.endTime;
}

/**
 * A schedule from the amplification now to `end` (without precision) at `endTime`.
 *
 * @throws {Revert} BAL#300, BAL#301 (bounds), BAL#317 (shorter than a day), BAL#318 (one is
 * running), BAL#319 (more than a factor of two per day).
 */
export function startAmp(
  amp: AmpSchedule,
  end: bigint,
  endTime: bigint,
  time: bigint,
): AmpSchedule {
  requireAmp(end);
  const duration = endTime - time;
  if (duration < DAY) revert(317);
  if (isAmpUpdating(amp, time)) revert(318);

  const startValue = ampAt(amp, time);
  const endValue = end * AMP_PRECISION;
  const dailyRate =
    endValue > startValue
      ? quotientUp(DAY * endValue, startValue * duration)
      : quotientUp(DAY * startValue, endValue * duration);
  if (dailyRate > MAX_DAILY_RATE) revert(319);
  return { startValue, endValue, startTime: time, endTime };
}

/** The schedule frozen at its value now. @throws {Revert} BAL#320 when none is running. */
export function stopAmp(amp: AmpSchedule, time: bigint): AmpSchedule {
  if (!isAmpUpdating(amp, time)) revert(320);
  const value = ampAt(amp, time);
  return { startValue: value, endValue: value, startTime: time, endTime: time };
}

/** @throws {Revert} BAL#300, BAL#301. */
export function requireAmp(amplification: bigint): void {
  if (amplification < MIN_AMP) revert(300);
  if (amplification > MAX_AMP) revert(301);
}
