/**
 * Runs swaps on a V1 pool and reports what a share of it stands for after each. V1 pools compute
 * powers to ten digits, so only a fall beyond those is flagged.
 *
 * @module
 */
import { InputError, v1 } from '@balancer/pools';
import { explainV1, explainV1Liquidity, recordOf } from './explain-v1.ts';
import type { ExplainedStep, OpenPool, PoolToken, Trade } from './open-pool.ts';
import { type TraceLine, type TraceStep, tradeOf } from './trace.ts';
import { formatUnits } from './units.ts';
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
  explains: boolean,
): TraceLine[] {
  let state = start;
  return steps.map((step, operation) => {
    const path = `[${operation}]`;
    if (step.do !== 'swap') {
      throw new InputError(`${path}.do`, 'must be swap: V1 pools know no batches and no time');
    }
    const before = invariantOf(state) - sharesOf(state);
    const env = { sender: richestHolder(state), block: 0n };
    const trade = tradeOf(step, pool, operation);
    const explained = explains ? { steps: explain(state, pool, trade) } : {};
    const after = v1.pool.step(state, callOf(pool, trade), env).state;
    const [amountIn, amountOut] = [
      movedOf(pool, trade.tokenIn, state, after),
      movedOf(pool, trade.tokenOut, state, after),
    ];
    state = after;
    const change = Math.expm1(invariantOf(state) - sharesOf(state) - before);
    return {
      operation,
      in: { token: trade.tokenIn.symbol, amount: formatUnits(amountIn, trade.tokenIn.decimals) },
      out: {
        token: trade.tokenOut.symbol,
        amount: formatUnits(amountOut, trade.tokenOut.decimals),
      },
      invariant: String(Math.exp(invariantOf(state)) / 1e18),
      supply: formatUnits(state.shares.totalSupply, 18),
      change,
      drop: change < -ROUNDING,
      ...explained,
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

/** What a trade moved of a token or of the shares, without sign. */
function movedOf(
  pool: OpenPool,
  token: PoolToken,
  before: v1.pool.PoolState,
  after: v1.pool.PoolState,
): bigint {
  if (token === pool.share) {
    return v1.num.bdiff(before.shares.totalSupply, after.shares.totalSupply);
  }
  return v1.num.bdiff(recordOf(before, token).balance, recordOf(after, token).balance);
}

function explain(state: v1.pool.PoolState, pool: OpenPool, trade: Trade): readonly ExplainedStep[] {
  const { tokenIn, tokenOut, given, amount } = trade;
  if (tokenIn !== pool.share && tokenOut !== pool.share) return explainV1(state, trade);
  const way = tokenOut === pool.share ? 'join' : 'exit';
  const token = way === 'join' ? tokenIn : tokenOut;
  const givesShares = (way === 'join') === (given === 'out');
  const amounts = pool.tokens.map((each) => (each === token ? amount : 0n));
  return explainV1Liquidity(
    state,
    pool.tokens,
    givesShares ? { way, by: 'one-token', shares: amount, token } : { way, by: 'tokens', amounts },
  ).steps;
}

function callOf(pool: OpenPool, trade: Trade): v1.pool.PoolOperation {
  const { tokenIn: from, tokenOut: to, amount } = trade;
  const isGivenOut = trade.given === 'out';
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
