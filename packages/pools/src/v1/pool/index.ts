/** The V1 pool: its state, its calls and its getters. @module */
export * from './control.ts';
export * from './liquidity.ts';
export * from './swap.ts';
export * from './view.ts';
export {
  type PoolCall,
  type PoolState,
  type TokenRecord,
  POOL_SELECTORS,
  heldOf,
  isBound,
  newPool,
} from './state.ts';
export { type CallResult, type PoolOperation, step } from './step.ts';
