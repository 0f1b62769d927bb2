/**
 * Built-in controllers of weights, fee and amplification. Each sees the present and the past, and
 * says what it wants; the pool's own rules decide whether it gets it.
 *
 * @module
 */
import type { Controller, Decision, Observation } from '../loop/types.ts';
import { ewmaOf, updateEwma } from './estimators.ts';

interface Common {
  readonly name: string;
  /** Steps between decisions. */
  readonly every: number;
  readonly phase?: 'before' | 'after';
}

function controller(
  { name, every, phase = 'before' }: Common,
  decide: (observation: Observation, memory: Record<string, unknown>) => Decision,
): Controller {
  const made: Controller = {
    name,
    every,
    phase,
    memory: {},
    decide: (observation) => decide(observation, made.memory),
  };
  return made;
}

/** From the first decision to `end` over `seconds`, along a straight line or a constant ratio. */
export function weightSchedule(
  options: Common & {
    readonly end: readonly number[];
    readonly seconds: number;
    readonly shape: 'linear' | 'exponential';
  },
): Controller {
  const { end, seconds, shape } = options;
  return controller(options, ({ time, weights, stepSeconds }, memory) => {
    memory['start'] ??= time - stepSeconds;
    memory['from'] ??= [...weights];
    const from = memory['from'] as number[];
    const share = Math.min(1, (time - (memory['start'] as number)) / seconds);
    if (memory['done'] === true) return null;
    if (share >= 1) memory['done'] = true;
    const raw = from.map((weight, i) =>
      shape === 'linear'
        ? weight + (end[i]! - weight) * share
        : weight * (end[i]! / weight) ** share,
    );
    return { set: 'weights', weights: normalised(raw), seconds: 0 };
  });
}

/** A pool's own linear schedule, started once: bootstrapping pools move their weights themselves. */
export function nativeSchedule(
  options: Common & { readonly end: readonly number[]; readonly seconds: number },
): Controller {
  return controller(options, (_observation, memory) => {
    if (memory['started'] === true) return null;
    memory['started'] = true;
    return { set: 'weights', weights: Float64Array.from(options.end), seconds: options.seconds };
  });
}

/** Moves weights with the balance that left: the reference study's rule, for any trade of the step. */
export function weightDelta(options: Common): Controller {
  return controller({ ...options, phase: 'after' }, ({ balances, weights }, memory) => {
    const before = memory['balances'] as number[] | undefined;
    memory['balances'] = [...balances];
    if (before === undefined) return null;
    const changes = before.map((balance, i) => (balances[i]! - balance) / balance);
    const out = changes.indexOf(Math.min(...changes));
    const paid = changes.indexOf(Math.max(...changes));
    if (changes[out]! >= 0 || changes[paid]! <= 0) return null;
    const next = Float64Array.from(weights);
    next[out] = weights[out]! * (1 - changes[out]!);
    next[paid] = weights[paid]! - (next[out] - weights[out]!);
    return { set: 'weights', weights: next, seconds: 0 };
  });
}

export interface EstimatorOptions extends Common {
  /** Steps. */
  readonly halfLife: number;
  /** Greatest change of one weight per decision. */
  readonly speed: number;
  /** Least weight. */
  readonly floor: number;
  /** How far a signal moves the weights. */
  readonly strength: number;
}

/** Weights from estimates of past returns. */
export function estimatedWeights(
  rule: 'momentum' | 'antiMomentum' | 'meanReversion' | 'minVariance',
  options: EstimatorOptions,
): Controller {
  const { halfLife, speed, floor, strength } = options;
  return controller(options, ({ prices, weights }, memory) => {
    const state = ewmaOf(memory, prices.length);
    updateEwma(state, prices, halfLife / options.every);
    if (state.count < 3) return null;
    memory['base'] ??= [...weights];
    const base = memory['base'] as number[];
    const target = targetOf(rule, { state, prices, base, strength, memory });
    return {
      set: 'weights',
      weights: stepTowards(weights, normalised(target), { speed, floor }),
      seconds: 0,
    };
  });
}

function targetOf(
  rule: 'momentum' | 'antiMomentum' | 'meanReversion' | 'minVariance',
  at: {
    readonly state: { readonly mean: number[]; readonly variance: number[] };
    readonly prices: Float64Array;
    readonly base: readonly number[];
    readonly strength: number;
    readonly memory: Record<string, unknown>;
  },
): number[] {
  const { state, prices, base, strength, memory } = at;
  const score = (i: number): number => state.mean[i]! / Math.sqrt(state.variance[i]! || 1);
  switch (rule) {
    case 'momentum':
      return base.map((weight, i) => weight * Math.exp(strength * score(i)));
    case 'antiMomentum':
      return base.map((weight, i) => weight * Math.exp(-strength * score(i)));
    case 'minVariance':
      // Tokens without variance, such as cash, would take everything: they count as the calmest other.
      return base.map(
        (_weight, i) => 1 / Math.max(state.variance[i]!, 1e-4 * Math.max(...state.variance)),
      );
    case 'meanReversion': {
      const level = (memory['level'] ??= [...prices]) as number[];
      prices.forEach((price, i) => (level[i] = level[i]! + 0.02 * (price - level[i]!)));
      return base.map((weight, i) => weight * (level[i]! / prices[i]!) ** strength);
    }
    default:
      return rule satisfies never;
  }
}

/** Back to target weights when a value share has drifted beyond the band. */
export function weightTarget(
  options: Common & {
    readonly target: readonly number[];
    readonly band: number;
    readonly speed: number;
    readonly floor: number;
  },
): Controller {
  const { target, band, speed, floor } = options;
  return controller(options, ({ weights }) => {
    const drift = Math.max(...target.map((weight, i) => Math.abs(weights[i]! - weight)));
    if (drift <= band) return null;
    return {
      set: 'weights',
      weights: stepTowards(weights, Float64Array.from(target), { speed, floor }),
      seconds: 0,
    };
  });
}

export interface FeeBounds {
  readonly min: number;
  readonly max: number;
}

/** a + b times the volatility a year of the token that moves most. */
export function volatilityFee(
  options: Common &
    FeeBounds & { readonly a: number; readonly b: number; readonly halfLife: number },
): Controller {
  const { a, b, halfLife, min, max, every } = options;
  return controller(options, ({ prices, stepsPerYear }, memory) => {
    const state = ewmaOf(memory, prices.length);
    updateEwma(state, prices, halfLife / every);
    if (state.count < 3) return null;
    const sigma = Math.sqrt((Math.max(...state.variance) * stepsPerYear) / every);
    return { set: 'fee', fee: clamp(a + b * sigma, min, max) };
  });
}

/** Higher the further the value shares are from the weights. */
export function imbalanceFee(
  options: Common & FeeBounds & { readonly base: number; readonly slope: number },
): Controller {
  const { base, slope, min, max } = options;
  return controller(options, ({ prices, balances, weights }) => {
    const values = balances.map((balance, i) => balance * prices[i]!);
    const total = values.reduce((sum, value) => sum + value, 0);
    const off = values.reduce(
      (most, value, i) => Math.max(most, Math.abs(value / total - weights[i]!)),
      0,
    );
    return { set: 'fee', fee: clamp(base + slope * off, min, max) };
  });
}

/** Holds the value share of the first token at a target. */
export function pidFee(
  options: Common &
    FeeBounds & {
      readonly target: number;
      readonly base: number;
      readonly kp: number;
      readonly ki: number;
      readonly kd: number;
    },
): Controller {
  const { target, base, kp, ki, kd, min, max } = options;
  return controller(options, ({ prices, balances }, memory) => {
    let total = 0;
    for (let i = 0; i < prices.length; i++) total += balances[i]! * prices[i]!;
    const error = Math.abs((balances[0]! * prices[0]!) / total - target);
    const sum = ((memory['sum'] as number | undefined) ?? 0) + error;
    const slope = error - ((memory['error'] as number | undefined) ?? error);
    const wanted = base + kp * error + ki * sum + kd * slope;
    const fee = clamp(wanted, min, max);
    // An integral that grows while the fee is at its bound would keep it there.
    if (wanted === fee) memory['sum'] = sum;
    memory['error'] = error;
    return { set: 'fee', fee };
  });
}

export function constantFee(options: Common & { readonly fee: number }): Controller {
  return controller(options, ({ swapFee }) =>
    swapFee === options.fee ? null : { set: 'fee', fee: options.fee },
  );
}

/** Starts one change of the amplification. */
export function ampSchedule(
  options: Common & { readonly amp: number; readonly seconds: number; readonly at: number },
): Controller {
  return controller(options, ({ step }, memory) => {
    if (step < options.at || memory['started'] === true) return null;
    memory['started'] = true;
    return { set: 'amp', amp: options.amp, seconds: options.seconds };
  });
}

/** Takes up rebases of a token as they come, and moves the weights with them. */
export function elasticResync(
  options: Common & { readonly token: number; readonly isSafe: boolean },
): Controller {
  const { token, isSafe } = options;
  return controller(options, ({ balances, held }) =>
    held[token] === balances[token] ? null : { set: 'resync', token, isSafe },
  );
}

function stepTowards(
  from: Float64Array,
  to: Float64Array,
  { speed, floor }: { readonly speed: number; readonly floor: number },
): Float64Array {
  const floored = normalised(Array.from(to, (weight) => Math.max(floor, weight)));
  const most = floored.reduce((max, weight, i) => Math.max(max, Math.abs(weight - from[i]!)), 0);
  const share = most <= speed ? 1 : speed / most;
  return from.map((weight, i) => weight + (floored[i]! - weight) * share);
}

function normalised(weights: readonly number[]): Float64Array {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return Float64Array.from(weights, (weight) => weight / sum);
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}
