/**
 * A guard against our own failures: when most servers seem to die at once it is likelier that this
 * side lost its network. They then get no new meetings, but keep those they have, for a while.
 *
 * @module
 */
import type { BbbConfig } from '../config/keys.ts';

export type GuardSettings = Pick<BbbConfig, 'mass_failure_guard' | 'mass_failure_hold_seconds'>;

/** Fewer servers than this are no mass. */
const SERVERS_MIN = 3;

export class MassFailureGuard {
  #sinceMs: number | null = null;

  /**
   * Judges a round.
   *
   * @param counts - Servers that were online when the round began, and those of them that would now
   *   go offline.
   * @returns True while they are to be held back.
   */
  holds(
    { online, failing }: { readonly online: number; readonly failing: number },
    settings: GuardSettings,
    nowMs: number,
  ): boolean {
    const isMass = settings.mass_failure_guard && online >= SERVERS_MIN && failing > online / 2;
    if (!isMass) {
      this.#sinceMs = null;
      return false;
    }
    this.#sinceMs ??= nowMs;
    return nowMs - this.#sinceMs < settings.mass_failure_hold_seconds * 1000;
  }
}
