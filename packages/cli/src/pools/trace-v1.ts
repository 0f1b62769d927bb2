/**
 * Runs swaps on a V1 pool and reports what a share of it stands for after each. V1 pools compute
 * powers to ten digits, so only a fall beyond those is flagged.
 *
 * @module
 */
import { InputError, v1 } from '@balancer/pools';
import { findToken, type OpenPool } from './open-pool.ts';
import type { SwapStep, TraceLine, TraceStep } from './trace.ts';
import { formatUnits, parseUnits } from './units.ts';
import { richestHolder } from './v1-pool.ts';

/** Relative change of the invariant per share that the contract's own powers may be off by. */
const ROUNDING = 1e-9;

/**
 * Runs all operations; a swap to or from `BPT` is a join or an exit of one token.
 *
 * @throws {Revert} When one reverts. @throws {InputError} When one is none that V1 pools have.
 */
export function runV1Trace(
  { pool, state: start }: { readonly pool: OpenPool; readonly state: v1.pool.PoolState },
  steps: readonly TraceStep[],
): TraceLine[] {
  let state = start;
  return steps.map((step, operation) => {
    const path = `[${operation}]`;
    if (step.do !== 'swap') {
      throw new InputError(`${path}.do`, 'must be swap: V1 pools know no batches and no time');
    }
    const before = invariantOf(state) - sharesOf(state);
    const env = { sender: richestHolder(state), block: 0n };
    state = v1.pool.step(state, callOf(step, pool, path), env).state;
    const change = Math.expm1(invariantOf(state) - sharesOf(state) - before);
    return {
      operation,
      invariant: String(Math.exp(invariantOf(state)) / 1e18),
      supply: formatUnits(state.shares.totalSupply, 18),
      change,
      drop: change < -ROUNDING,
    };
  });
}

/** Logarithm of the product of balance^weight, in raw units. */
function invariantOf({ tokens, totalWeight }: v1.pool.PoolState): number {
  return tokens.reduce(
    (sum, { balance, denorm }) =>
      sum + (Math.log(Number(balance)) * Number(denorm)) / Number(totalWeight),
    0,
  );
}

function sharesOf(state: v1.pool.PoolState): number {
  return Math.log(Number(state.shares.totalSupply));
}

function callOf(step: SwapStep, pool: OpenPool, path: string): v1.pool.PoolOperation {
  const from = findToken(pool, step.in, `${path}.in`);
  const to = findToken(pool, step.out, `${path}.out`);
  const isGivenOut = step.given === 'out';
  const amount = parseUnits(step.amount, (isGivenOut ? to : from).decimals, `${path}.amount`);
  const [tokenIn, tokenOut] = [from.address, to.address];
  if (to === pool.share) {
    return isGivenOut
      ? { do: 'joinswapPoolAmountOut', tokenIn, poolAmountOut: amount }
      : { do: 'joinswapExternAmountIn', tokenIn, tokenAmountIn: amount };
  }
  if (from === pool.share) {
    return isGivenOut
      ? { do: 'exitswapExternAmountOut', tokenOut, tokenAmountOut: amount }
      : { do: 'exitswapPoolAmountIn', tokenOut, poolAmountIn: amount };
  }
  return isGivenOut
    ? { do: 'swapExactAmountOut', tokenIn, tokenOut, tokenAmountOut: amount }
    : { do: 'swapExactAmountIn', tokenIn, tokenOut, tokenAmountIn: amount };
}
