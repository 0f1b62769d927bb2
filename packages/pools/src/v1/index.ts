/**
 * Balancer V1 and the pools above it, as pure functions from state to state.
 *
 * @module
 */
export * as crp from './crp/index.ts';
export * as elastic from './elastic.ts';
export * as factory from './factory.ts';
export * as math from './math.ts';
export * as num from './num.ts';
export * as pool from './pool/index.ts';
export * as limits from './constants.ts';
export { type V1ErrorCode, V1_ERROR_CODES } from './errors.ts';
export type { Shares } from './shares.ts';
export { allowanceOf, sharesOf } from './shares.ts';
export { type ShareOperation } from './share-calls.ts';
export { type Address, type Env, type Outcome, type V1Event, ZERO_ADDRESS } from './types.ts';
export { crpFromJson, crpToJson, poolFromJson, poolToJson } from './json.ts';
export {
  type DryRun,
  type WorldCall,
  type WorldOperation,
  type WorldState,
  World,
  createWorld,
  newWorldState,
  step,
} from './world.ts';
