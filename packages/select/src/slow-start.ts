/**
 * Slow start: a node that joined or came back earns its full weight over a window, so that cold
 * caches and just-in-time compilers meet a trickle first.
 *
 * Source: Envoy Proxy documentation, "Slow start mode".
 *
 * @module
 */
import { checkNumber } from './errors.ts';
import type { Member } from './member.ts';

export interface SlowStartOptions {
  /** How long it takes to the full weight. */
  windowMs: number;
  /** 1 (default) is linear; larger values rise faster at first. */
  aggression?: number;
  /** Percent of the weight that a node starts with, default 10. */
  minPercent?: number;
}

/** Before this age a node counts as this old, whatever the aggression. */
const AGE_MIN_MS = 1000;
/** The weight is refreshed so many times per window: steps too small to see in the shares. */
const STEPS_PER_WINDOW = 500;

/** Share of its weight, in (0, 1], that a node of a certain age has. */
export function slowStartFactor(ageMs: number, options: SlowStartOptions): number {
  const { windowMs, aggression = 1, minPercent = 10 } = options;
  if (ageMs >= windowMs) return 1;
  const risen = (Math.max(ageMs, AGE_MIN_MS) / windowMs) ** (1 / aggression);
  return Math.min(1, Math.max(minPercent / 100, risen));
}

/** The nodes of one pool that are warming up. */
export class SlowStart {
  readonly #options: SlowStartOptions;
  readonly #startedAtMs = new Map<Member, number>();

  /** @throws {ConfigError} For an option out of range. */
  constructor(options: SlowStartOptions) {
    checkNumber('slowStart.windowMs', options.windowMs, { min: 1 });
    checkNumber('slowStart.aggression', options.aggression ?? 1, { min: 0.01 });
    checkNumber('slowStart.minPercent', options.minPercent ?? 10, { min: 0.01, max: 100 });
    this.#options = options;
  }

  start(member: Member, now: number): void {
    this.#startedAtMs.set(member, now);
    this.#apply(member, now);
  }

  forget(member: Member): void {
    this.#startedAtMs.delete(member);
  }

  /** What slow start leaves of a member's weight now. */
  effectiveWeight(member: Member, now: number): number {
    const startedAt = this.#startedAtMs.get(member);
    if (startedAt === undefined) return member.weight;
    return member.weight * slowStartFactor(now - startedAt, this.#options);
  }

  /** Brings all effective weights up to date. */
  update(now: number): void {
    for (const [member, startedAt] of this.#startedAtMs) {
      if (now - startedAt >= this.#options.windowMs) this.#startedAtMs.delete(member);
      this.#apply(member, now);
    }
  }

  /** When `update` is due again; `Infinity` while nobody warms up. */
  dueAt(now: number): number {
    if (this.#startedAtMs.size === 0) return Infinity;
    return now + Math.max(1, this.#options.windowMs / STEPS_PER_WINDOW);
  }

  #apply(member: Member, now: number): void {
    if (member.index < 0) return;
    member.level?.table.setEffectiveWeight(member.index, this.effectiveWeight(member, now));
  }
}
