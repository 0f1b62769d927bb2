export { Balancer, type BalancerOptions } from './balancer.ts';
export type { ClockOption } from './clock.ts';
export {
  AllAttemptsFailedError,
  AttemptTimeoutError,
  ConfigError,
  DuplicateNodeError,
  NoNodeError,
} from './errors.ts';
export type { BalancerEvents, EjectReason } from './events.ts';
export * as hash from './public-hash.ts';
export type { Lease } from './lease.ts';
export { Node, type NodeLike, type NodeOptions, type NodeSettings } from './node.ts';
export type { NodeTable } from './node-table.ts';
export type { OutlierOptions } from './outlier.ts';
export * as policies from './policies/index.ts';
export type { PrequalOptions, ProbeResult } from './policies/prequal.ts';
export { aperture, type ApertureOptions, type AperturePolicy } from './policies/aperture.ts';
export { buildRingTable, type RingOptions } from './policies/ring.ts';
export { buildMaglevTable, maglevRow, MAGLEV_SIZES, type MaglevRow } from './policies/maglev.ts';
export {
  NO_NODE,
  type Affinity,
  type Key,
  type Picker,
  type PickerContext,
  type Policy,
} from './policy.ts';
export { Xorshift32 } from './random.ts';
export type { RunContext, RunFunction, RunOptions } from './run.ts';
export type { SlowStartOptions } from './slow-start.ts';
export type { BalancerStats, NodeStats } from './stats.ts';
export { subset } from './subset.ts';
