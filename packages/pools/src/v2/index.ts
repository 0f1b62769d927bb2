export type { PoolDescription } from './descriptions.ts';
export type { PoolEvent, VaultEvent, WorldEvent } from './events.ts';
export { type KindRules, POOL_KINDS, type PoolFamily, type PoolKind } from './kinds.ts';
export { getLiquidityBasis, type LiquidityBasis } from './liquidity-basis.ts';
export { LARGEST_SAFE_QUERY_WINDOW, type OracleVariable } from './oracle.ts';
export type * from './operations.ts';
export { onExit, onJoin, onSwap } from './pools/index.ts';
export type { LiquidityOutcome, PoolEnv, SwapOutcome, SwapRequest } from './pools/hooks.ts';
export { effectivePrice, priceImpact, type Rational, spotPrice, toNumber } from './prices.ts';
export type { ExitRequest, JoinRequest, SwapKind } from './requests.ts';
export type * from './state.ts';
export { DELEGATE_OWNER, ZERO_ADDRESS } from './state.ts';
export { step, type StepOutcome } from './step.ts';
export {
  type InvariantDrop,
  invariantDrop,
  poolValue,
  type PoolValue,
  trace,
  type TracedStep,
  type TraceReport,
} from './trace.ts';
export type { Call, Hooks } from './transaction.ts';
export { decodeExit, decodeJoin, encodeExit, encodeJoin } from './user-data.ts';
export * from './views.ts';
export { createState, createWorld, type DryRun, World, type WorldOptions } from './world.ts';
export { worldFromJson, worldToJson } from './codec.ts';
