/**
 * Recorded actions on a pool that is no longer the recorded one.
 *
 * @module
 */
import type { ExactPool } from '../pools/exact.ts';
import type { Action } from '../records/action.ts';
import type { InitialState } from '../records/initial-state.ts';
import type { LedgerCourse } from '../records/ledger.ts';
import { sidesOf } from './course.ts';
import type { WhatIf } from './replay.ts';

/**
 * `absolute` keeps the amounts; `relative` keeps the share of the token's balance; `price` trades
 * until the pool's spot price has moved by the recorded factor.
 */
export type CarryMode = 'absolute' | 'relative' | 'price';

/** What an action is carried over from and to. */
export interface CarryContext {
  readonly whatIf: WhatIf;
  /** Recorded balances before the action. */
  readonly before: ReadonlyMap<string, bigint>;
  readonly pool: ExactPool;
  /** The recorded course; the action is applied to it here. */
  readonly ledger: LedgerCourse;
  readonly initial: InitialState | null;
}

/** The action to run on the changed pool. Limits and calldata do not travel. */
export function carryOver(action: Action, context: CarryContext): Action {
  const { whatIf, before, pool, ledger } = context;
  ledger.run(action);
  const plain: Action = { ...action, limit: null, meta: null };
  if (whatIf.carry === 'absolute' || action.kind === 'price') return plain;
  const balances = pool.balances();
  const indexOf = (token: string): number =>
    pool.spec.tokens.findIndex(({ symbol }) => symbol === token);
  if (whatIf.carry === 'price' && action.kind === 'swap') return byPrice(plain, context, indexOf);
  const relative = (amount: bigint, token: string): bigint => {
    const recorded = before.get(token) ?? 0n;
    const present = balances[indexOf(token)];
    return recorded === 0n || present === undefined ? amount : (amount * present) / recorded;
  };
  return {
    ...plain,
    amounts: action.amounts.map((amount, i) => relative(amount, action.tokens[i]!)),
    // The share of the supply is that of the first token, by which all joins and exits are measured.
    shares: action.shares === null ? null : scaledShares(action, before, pool),
  };
}

function scaledShares(
  action: Action,
  before: ReadonlyMap<string, bigint>,
  pool: ExactPool,
): bigint {
  const token = action.tokens[0]!;
  const recorded = before.get(token) ?? 0n;
  const index = pool.spec.tokens.findIndex(({ symbol }) => symbol === token);
  const present = pool.balances()[index] ?? recorded;
  return recorded === 0n ? action.shares! : (action.shares! * present) / recorded;
}

/**
 * The amount in that moves the changed pool's price by the factor (balance in after / before) x
 * (balance out before / after) of the recording, found by bisection on the exact engine.
 */
function byPrice(
  action: Action,
  { before, pool }: CarryContext,
  indexOf: (token: string) => number,
): Action {
  const { paid, taken } = sidesOf(action);
  const [tokenIn, tokenOut] = [indexOf(action.tokens[paid]!), indexOf(action.tokens[taken]!)];
  const recordedIn = before.get(action.tokens[paid]!) ?? 0n;
  const recordedOut = before.get(action.tokens[taken]!) ?? 0n;
  if (recordedIn === 0n || recordedOut === 0n || tokenIn < 0 || tokenOut < 0) return action;
  const factor =
    (Number(recordedIn + action.amounts[paid]!) / Number(recordedIn)) *
    (Number(recordedOut) / Number(recordedOut + action.amounts[taken]!));
  const balances = pool.balances();
  const state = pool.save();
  const moved = (amount: bigint): number => {
    try {
      const { amountIn, amountOut } = pool.swap({ tokenIn, tokenOut, given: 'in', amount });
      const left = Number(balances[tokenOut]! - amountOut);
      return (
        (Number(balances[tokenIn]! + amountIn) / Number(balances[tokenIn]!)) *
        (Number(balances[tokenOut]!) / left)
      );
    } catch {
      return Infinity;
    } finally {
      pool.restore(state);
    }
  };
  let [low, high] = [0n, balances[tokenIn]!];
  for (let i = 0; i < 80 && high - low > 1n; i++) {
    const middle = (low + high) / 2n;
    if (moved(middle) < factor) low = middle;
    else high = middle;
  }
  const amounts = [...action.amounts];
  amounts[paid] = high;
  return { ...action, amounts, given: 'in' };
}
