/**
 * The policies that are measured, with their default settings, and what each may cost.
 *
 * `prequal` is missing: its picks consume probe results, which arrive between picks, so a loop of
 * nothing but picks would measure its fallback, a random choice.
 *
 * @module
 */
import { policies, type Policy } from '@balancer/select';

export interface MeasuredPolicy {
  readonly create: () => Policy;
  /** Nanoseconds per pick aimed at in the reference scenario, on one x86-64 core of 2.3 GHz. */
  readonly targetNs?: number;
  /** True when the pick depends on the request's key. */
  readonly keyed?: boolean;
  /** Its benchmark in the Go library. */
  readonly goBenchmark?: string;
}

export const MEASURED = {
  roundRobin: {
    create: () => policies.roundRobin(),
    targetNs: 15,
    goBenchmark: 'BenchmarkNextRoundRobin',
  },
  moduloHash: {
    create: () => policies.moduloHash(),
    targetNs: 30,
    keyed: true,
    goBenchmark: 'BenchmarkNextHash',
  },
  leastConnection: {
    create: () => policies.leastConnection(),
    targetNs: 35,
    goBenchmark: 'BenchmarkNextLeastConnection',
  },
  leastTime: {
    create: () => policies.leastTime(),
    targetNs: 40,
    goBenchmark: 'BenchmarkNextLeastTime',
  },
  weightedRoundRobin: { create: () => policies.weightedRoundRobin(), targetNs: 40 },
  random: { create: () => policies.random() },
  p2c: { create: () => policies.p2c(), targetNs: 40 },
  peakEwma: { create: () => policies.peakEwma() },
  aperture: { create: () => policies.aperture({ index: 0, peers: 3, min: 4 }) },
  first: { create: () => policies.first() },
  hash: { create: () => policies.hash(), targetNs: 80, keyed: true },
  maglev: { create: () => policies.maglev(), targetNs: 70, keyed: true },
  rendezvous: { create: () => policies.rendezvous(), keyed: true },
  boundedHash: { create: () => policies.boundedHash(), keyed: true },
  sticky: { create: () => policies.sticky({ inner: policies.leastConnection() }), keyed: true },
} as const satisfies Record<string, MeasuredPolicy>;

export type PolicyName = keyof typeof MEASURED;

export const POLICY_NAMES = Object.keys(MEASURED) as readonly PolicyName[];

export function measuredPolicy(name: PolicyName): MeasuredPolicy {
  return MEASURED[name];
}
