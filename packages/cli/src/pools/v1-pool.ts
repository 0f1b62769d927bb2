/**
 * A V1 pool, as the commands see it.
 *
 * @module
 */
import { v1, type v2 } from '@balancer/pools';
import { explainV1, explainV1Liquidity, onlyAmount, recordOf } from './explain-v1.ts';
import type { Liquidity, Moved, OpenPool, PoolToken, Priced, Trade } from './open-pool.ts';

const { BONE, bmul, bsub } = v1.num;
const MAX_UINT256 = 2n ** 256n - 1n;

/** What the state of a V1 pool does not say about its tokens. */
export interface TokenNames {
  readonly symbol: string;
  readonly decimals: number;
}

/** Opens a V1 pool. @param names - Symbol and decimals by token; 18 decimals when missing. */
export function openV1Pool(
  pool: v1.pool.PoolState,
  names: ReadonlyMap<string, TokenNames>,
): OpenPool {
  const tokens = pool.tokens.map(({ token, balance }): PoolToken => {
    const { symbol, decimals } = names.get(token) ?? { symbol: token, decimals: 18 };
    return { symbol, decimals, address: token, balance };
  });
  const supply = pool.shares.totalSupply;
  const holder = { sender: richestHolder(pool), block: 0n };
  return {
    kind: 'v1',
    tokens,
    share: { symbol: 'BPT', decimals: 18, address: pool.address, balance: supply },
    spot: (tokenIn, tokenOut) => spot(pool, tokenIn, tokenOut),
    quote: (trade) => quote(pool, trade, holder),
    join: (request) => join({ pool, tokens, env: holder }, request),
    exit: (request) => exit({ pool, tokens, env: holder }, request),
    explain: (trade) => explainV1(pool, trade),
    explainLiquidity: (way, request) => explainV1Liquidity(pool, tokens, { ...request, way }),
  };
}

/** Whose shares the commands spend. */
export function richestHolder(pool: v1.pool.PoolState): string {
  const [first] = Object.entries(pool.shares.balances).toSorted(([, a], [, b]) => (a < b ? 1 : -1));
  return first?.[0] ?? pool.controller;
}

function spot(pool: v1.pool.PoolState, tokenIn: PoolToken, tokenOut: PoolToken): v2.Rational {
  const [i, o] = [sideOf(pool, tokenIn), sideOf(pool, tokenOut)];
  return {
    num: i.balance * o.weight * 10n ** BigInt(tokenOut.decimals),
    den: o.balance * i.weight * 10n ** BigInt(tokenIn.decimals),
  };
}

/** A token's side of the pool; its shares are a side of all the weight. */
function sideOf(
  pool: v1.pool.PoolState,
  token: PoolToken,
): { readonly balance: bigint; readonly weight: bigint } {
  if (token.address === pool.address) {
    return { balance: pool.shares.totalSupply, weight: pool.totalWeight };
  }
  const { balance, denorm } = recordOf(pool, token);
  return { balance, weight: denorm };
}

function quote(pool: v1.pool.PoolState, trade: Trade, env: v1.Env): Priced {
  const pair = {
    tokenIn: recordOf(pool, trade.tokenIn).token,
    tokenOut: recordOf(pool, trade.tokenOut).token,
  };
  const priced =
    trade.given === 'in'
      ? v1.pool.swapExactAmountIn(pool, { ...pair, tokenAmountIn: trade.amount }, env).result
      : v1.pool.swapExactAmountOut(pool, { ...pair, tokenAmountOut: trade.amount }, env).result;
  const amountIn = 'tokenAmountIn' in priced ? priced.tokenAmountIn : trade.amount;
  const amountOut = 'tokenAmountOut' in priced ? priced.tokenAmountOut : trade.amount;
  const amount = amountIn - bmul(amountIn, bsub(BONE, pool.swapFee));
  return { amountIn, amountOut, fee: { amount, token: trade.tokenIn } };
}

/** A pool, its tokens, and who acts. */
interface Opened {
  readonly pool: v1.pool.PoolState;
  readonly tokens: readonly PoolToken[];
  readonly env: v1.Env;
}

function join({ pool, tokens, env }: Opened, request: Liquidity): Moved {
  switch (request.by) {
    case 'tokens': {
      const [token, tokenAmountIn] = onlyAmount(tokens, request.amounts);
      const input = { tokenIn: token.address, tokenAmountIn };
      const { result } = v1.pool.joinswapExternAmountIn(pool, input, env);
      return { amounts: request.amounts, shares: result.poolAmountOut };
    }
    case 'shares': {
      const maxAmountsIn = pool.tokens.map(() => MAX_UINT256);
      const input = { poolAmountOut: request.shares, maxAmountsIn };
      return { ...moved(pool, v1.pool.joinPool(pool, input, env).state), shares: request.shares };
    }
    case 'one-token': {
      const input = { tokenIn: request.token.address, poolAmountOut: request.shares };
      const { state } = v1.pool.joinswapPoolAmountOut(pool, input, env);
      return { ...moved(pool, state), shares: request.shares };
    }
    default:
      return request satisfies never;
  }
}

function exit({ pool, tokens, env }: Opened, request: Liquidity): Moved {
  switch (request.by) {
    case 'tokens': {
      const [token, tokenAmountOut] = onlyAmount(tokens, request.amounts);
      const input = { tokenOut: token.address, tokenAmountOut };
      const { result } = v1.pool.exitswapExternAmountOut(pool, input, env);
      return { amounts: request.amounts, shares: result.poolAmountIn };
    }
    case 'shares': {
      const input = { poolAmountIn: request.shares, minAmountsOut: pool.tokens.map(() => 0n) };
      return { ...moved(pool, v1.pool.exitPool(pool, input, env).state), shares: request.shares };
    }
    case 'one-token': {
      const input = { tokenOut: request.token.address, poolAmountIn: request.shares };
      const { state } = v1.pool.exitswapPoolAmountIn(pool, input, env);
      return { ...moved(pool, state), shares: request.shares };
    }
    default:
      return request satisfies never;
  }
}

/** What each recorded balance changed by, without sign. */
function moved(before: v1.pool.PoolState, after: v1.pool.PoolState): { amounts: bigint[] } {
  return {
    amounts: before.tokens.map(({ balance }, i) => v1.num.bdiff(balance, after.tokens[i]!.balance)),
  };
}
