/**
 * The hooks of every family behind one function each.
 *
 * @module
 */
import type { Pool } from '../state.ts';
import { COMPOSABLE_HOOKS } from './composable.ts';
import type {
  ExitHookRequest,
  JoinHookRequest,
  LiquidityOutcome,
  PoolEnv,
  PoolHooks,
  SwapOutcome,
  SwapRequest,
} from './hooks.ts';
import { LINEAR_HOOKS } from './linear.ts';
import { MANAGED_HOOKS } from './managed.ts';
import { unpausedByTime } from './shared.ts';
import { STABLE_HOOKS } from './stable.ts';
import { WEIGHTED_HOOKS } from './weighted.ts';

const HOOKS: { readonly [F in Pool['family']]: PoolHooks<Extract<Pool, { family: F }>> } = {
  weighted: WEIGHTED_HOOKS,
  stable: STABLE_HOOKS,
  composable: COMPOSABLE_HOOKS,
  linear: LINEAR_HOOKS,
  managed: MANAGED_HOOKS,
};

function hooksOf(pool: Pool): PoolHooks<Pool> {
  return HOOKS[pool.family] as unknown as PoolHooks<Pool>;
}

/** What the pool gives or takes for an amount; balances are those before the swap. */
export function onSwap(pool: Pool, request: SwapRequest, env: PoolEnv): SwapOutcome {
  return hooksOf(pool).onSwap(unpausedByTime(pool, env.time), request, env);
}

/** Joins a pool by the hook of its family; changes no ledger. @throws {Revert} As the contract. */
export function onJoin(pool: Pool, request: JoinHookRequest, env: PoolEnv): LiquidityOutcome {
  return hooksOf(pool).onJoin(unpausedByTime(pool, env.time), request, env);
}

/** Exits a pool by the hook of its family; changes no ledger. @throws {Revert} As the contract. */
export function onExit(pool: Pool, request: ExitHookRequest, env: PoolEnv): LiquidityOutcome {
  return hooksOf(pool).onExit(unpausedByTime(pool, env.time), request, env);
}
