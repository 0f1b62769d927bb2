/**
 * A V1 pool, as the commands see it.
 *
 * @module
 */
import { InputError, v1, type v2 } from '@balancer/pools';
import type {
  ExplainedStep,
  Liquidity,
  Moved,
  OpenPool,
  PoolToken,
  Priced,
  Trade,
} from './open-pool.ts';

const { BONE, bdiv, bmul, bpow, bsub, badd } = v1.num;
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
    join: (request) => join(pool, request, holder),
    exit: (request) => exit(pool, request, holder),
    explain: (trade) => explain(pool, trade),
  };
}

/** Whose shares the commands spend. */
export function richestHolder(pool: v1.pool.PoolState): string {
  const [first] = Object.entries(pool.shares.balances).toSorted(([, a], [, b]) => (a < b ? 1 : -1));
  return first?.[0] ?? pool.controller;
}

function spot(pool: v1.pool.PoolState, tokenIn: PoolToken, tokenOut: PoolToken): v2.Rational {
  const [i, o] = [recordOf(pool, tokenIn), recordOf(pool, tokenOut)];
  return {
    num: i.balance * o.denorm * 10n ** BigInt(tokenOut.decimals),
    den: o.balance * i.denorm * 10n ** BigInt(tokenIn.decimals),
  };
}

function quote(pool: v1.pool.PoolState, trade: Trade, env: v1.Env): Priced {
  const pair = { tokenIn: trade.tokenIn.address, tokenOut: trade.tokenOut.address };
  const priced =
    trade.given === 'in'
      ? v1.pool.swapExactAmountIn(pool, { ...pair, tokenAmountIn: trade.amount }, env).result
      : v1.pool.swapExactAmountOut(pool, { ...pair, tokenAmountOut: trade.amount }, env).result;
  const amountIn = 'tokenAmountIn' in priced ? priced.tokenAmountIn : trade.amount;
  const amountOut = 'tokenAmountOut' in priced ? priced.tokenAmountOut : trade.amount;
  return { amountIn, amountOut, fee: amountIn - bmul(amountIn, bsub(BONE, pool.swapFee)) };
}

function join(pool: v1.pool.PoolState, request: Liquidity, env: v1.Env): Moved {
  switch (request.by) {
    case 'tokens': {
      const { token, amount } = onlyAmount(pool, request.amounts);
      const input = { tokenIn: token, tokenAmountIn: amount };
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

function exit(pool: v1.pool.PoolState, request: Liquidity, env: v1.Env): Moved {
  switch (request.by) {
    case 'tokens': {
      const { token, amount } = onlyAmount(pool, request.amounts);
      const input = { tokenOut: token, tokenAmountOut: amount };
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

function onlyAmount(
  pool: v1.pool.PoolState,
  amounts: readonly bigint[],
): { token: string; amount: bigint } {
  const given = amounts.flatMap((amount, i) =>
    amount > 0n ? [{ token: pool.tokens[i]!.token, amount }] : [],
  );
  if (given.length !== 1) {
    throw new InputError('--amounts', 'must be of one token: V1 pools take several only by shares');
  }
  return given[0]!;
}

function recordOf(pool: v1.pool.PoolState, { address }: PoolToken): v1.pool.TokenRecord {
  const record = pool.tokens.find(({ token }) => token === address);
  if (record === undefined) throw new InputError('token', 'must be a token of the pool');
  return record;
}

/** A V1 swap step by step; every step rounds half up. */
function explain(pool: v1.pool.PoolState, trade: Trade): ExplainedStep[] {
  const { balance: balanceIn, denorm: weightIn } = recordOf(pool, trade.tokenIn);
  const { balance: balanceOut, denorm: weightOut } = recordOf(pool, trade.tokenOut);
  const steps: ExplainedStep[] = [];
  const add = (name: string, formula: string, value: bigint): bigint => {
    steps.push({ name, formula, value, rounding: 'half up' });
    return value;
  };
  const kept = bsub(BONE, pool.swapFee);
  if (trade.given === 'in') {
    const exponent = add('exponent', 'weightIn / weightOut', bdiv(weightIn, weightOut));
    const left = add('afterFee', 'amountIn * (1 - swapFee)', bmul(trade.amount, kept));
    const base = bdiv(balanceIn, badd(balanceIn, left));
    add('base', 'balanceIn / (balanceIn + afterFee)', base);
    const power = add('power', 'base ^ exponent', bpow(base, exponent));
    add('amountOut', 'balanceOut * (1 - power)', bmul(balanceOut, bsub(BONE, power)));
    return steps;
  }
  const exponent = add('exponent', 'weightOut / weightIn', bdiv(weightOut, weightIn));
  const base = bdiv(balanceOut, bsub(balanceOut, trade.amount));
  add('base', 'balanceOut / (balanceOut - amountOut)', base);
  const power = add('power', 'base ^ exponent', bpow(base, exponent));
  const raw = add('beforeFee', 'balanceIn * (power - 1)', bmul(balanceIn, bsub(power, BONE)));
  add('amountIn', 'beforeFee / (1 - swapFee)', bdiv(raw, kept));
  return steps;
}
