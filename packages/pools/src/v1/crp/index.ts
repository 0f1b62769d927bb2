/** The configurable rights pool: its state and its calls. @module */
export * from './control.ts';
export * from './liquidity.ts';
export * from './tokens.ts';
export * from './weights.ts';
export {
  type CommittedToken,
  type CreatedCrp,
  type CrpCall,
  type CrpState,
  type CrpStep,
  type GradualUpdate,
  type PoolParams,
  type Rights,
  CRP_SELECTORS,
  DEFAULT_RIGHTS,
  construct,
} from './state.ts';
export { type CrpOperation, step, stepInner } from './step.ts';
