/**
 * A pool of a V2 world, as the commands see it.
 *
 * @module
 */
import { InputError, math, v2 } from '@balancer/pools';
import { explainLiquidity } from './explain-liquidity.ts';
import { feeOfShares } from './explain-shares.ts';
import { explainV2 } from './explain-v2.ts';
import type { Liquidity, Moved, OpenPool, PoolToken, Priced, Trade } from './open-pool.ts';

/** Everyone's account: tokens of a world are `open`, so it can pay anything. */
export const TRADER: string = `0x${'7'.repeat(40)}`;

/** Opens one pool of a world. */
export function openV2Pool(world: v2.World, id: v2.PoolId): OpenPool {
  const pool = v2.getPool(world.state, id);
  const { balances } = v2.getPoolTokens(world.state, id);
  const registered = pool.tokens.map((address, i) => tokenOf(world, address, balances[i]!));
  const tokens = registered.filter(({ address }) => address !== pool.address);
  const supply = registersOwnToken(pool)
    ? v2.getVirtualSupply(world.state, id)
    : v2.getTotalSupply(world.state, id);
  const share = { symbol: 'BPT', decimals: 18, address: pool.address, balance: supply };

  return {
    kind: pool.kind,
    tokens,
    share,
    spot: (tokenIn, tokenOut) =>
      v2.spotPrice(world.state, id, { tokenIn: tokenIn.address, tokenOut: tokenOut.address }),
    quote: (trade) => quote(world, pool, trade, tokens),
    join: (request) => liquidity(world, pool, tokens, { ...request, way: 'join' }),
    exit: (request) => liquidity(world, pool, tokens, { ...request, way: 'exit' }),
    explain: (trade) => explainV2(world.state, pool, trade),
    explainLiquidity: (way, request) =>
      explainLiquidity(world.state, pool, { ...request, way, tokens }),
  };
}

function tokenOf(world: v2.World, address: string, balance: bigint): PoolToken {
  const token = world.state.tokens.get(address);
  return {
    symbol: token?.symbol ?? address,
    decimals: token?.decimals ?? 18,
    address,
    balance,
  };
}

function registersOwnToken(pool: v2.Pool): boolean {
  return pool.tokens.includes(pool.address);
}

function quote(world: v2.World, pool: v2.Pool, trade: Trade, tokens: readonly PoolToken[]): Priced {
  const { tokenIn, tokenOut, given, amount } = trade;
  const isOfShares = [tokenIn.address, tokenOut.address].includes(pool.address);
  if (isOfShares && !registersOwnToken(pool)) {
    throw new InputError('BPT', `is not swapped by ${pool.kind} pools: use join or exit`);
  }
  const fork = world.fork();
  lendShares(fork, pool);
  const computed = fork.swap({
    pool: pool.id,
    from: TRADER,
    kind: given === 'in' ? 'GIVEN_IN' : 'GIVEN_OUT',
    tokenIn: tokenIn.address,
    tokenOut: tokenOut.address,
    amount,
  });
  const amountIn = given === 'in' ? amount : computed;
  const amountOut = given === 'in' ? computed : amount;
  return { amountIn, amountOut, fee: feeOf(world.state, pool, { trade, amountIn, tokens }) };
}

function feeOf(
  state: v2.WorldState,
  pool: v2.Pool,
  swap: {
    readonly trade: Trade;
    readonly amountIn: bigint;
    readonly tokens: readonly PoolToken[];
  },
): Priced['fee'] {
  const { trade, amountIn, tokens } = swap;
  const { tokenIn, tokenOut } = trade;
  if (pool.family === 'linear') return null;
  const isOfShares = [tokenIn.address, tokenOut.address].includes(pool.address);
  if (isOfShares && pool.kind !== 'phantom-1') return feeOfShares(state, pool, trade, tokens);
  const swapFee = v2.getSwapFee(state, pool.id);
  return { amount: math.fixedPoint.mulUp(amountIn, swapFee), token: tokenIn };
}

/**
 * Hands the trader the pool tokens of whoever holds most: what a pool pays for them does not depend
 * on whose they are, but nobody can sell what he does not have.
 */
export function lendShares(world: v2.World, pool: v2.Pool): void {
  const holders = world.state.ledger.get(pool.address)?.entries() ?? [];
  const others = holders.filter(
    ([holder]) => holder !== world.state.vault.address && holder !== v2.ZERO_ADDRESS,
  );
  const [richest] = others.toSorted(([, a], [, b]) => (a < b ? 1 : -1));
  if (richest === undefined || richest[1] <= 0n) return;
  const [holder, amount] = richest;
  world.run({ do: 'transfer', from: holder, token: pool.address, to: TRADER, amount });
}

function liquidity(
  world: v2.World,
  pool: v2.Pool,
  tokens: readonly PoolToken[],
  request: Liquidity & { readonly way: 'join' | 'exit' },
): Moved {
  const call = { pool: pool.id, from: TRADER };
  const fork = world.fork();
  lendShares(fork, pool);
  const outcome =
    request.way === 'join'
      ? fork.dryRun({ do: 'queryJoin', ...call, request: joinRequest(tokens, request) })
      : fork.dryRun({ do: 'queryExit', ...call, request: exitRequest(tokens, request) });
  if ('revert' in outcome) throw outcome.revert;
  const { deltas, bptAmount } = outcome.result;
  const amounts = deltas.filter((_, i) => pool.tokens[i] !== pool.address);
  return { amounts: amounts.map((delta) => (delta < 0n ? -delta : delta)), shares: bptAmount };
}

function joinRequest(tokens: readonly PoolToken[], request: Liquidity): v2.JoinRequest {
  switch (request.by) {
    case 'tokens':
      return { kind: 'EXACT_TOKENS_IN_FOR_BPT_OUT', amounts: request.amounts };
    case 'shares':
      return { kind: 'ALL_TOKENS_IN_FOR_EXACT_BPT_OUT', bpt: request.shares };
    case 'one-token':
      return {
        kind: 'TOKEN_IN_FOR_EXACT_BPT_OUT',
        bpt: request.shares,
        index: indexOf(tokens, request.token),
      };
    default:
      return request satisfies never;
  }
}

function exitRequest(tokens: readonly PoolToken[], request: Liquidity): v2.ExitRequest {
  switch (request.by) {
    case 'tokens':
      return { kind: 'BPT_IN_FOR_EXACT_TOKENS_OUT', amounts: request.amounts };
    case 'shares':
      return { kind: 'EXACT_BPT_IN_FOR_TOKENS_OUT', bpt: request.shares };
    case 'one-token':
      return {
        kind: 'EXACT_BPT_IN_FOR_ONE_TOKEN_OUT',
        bpt: request.shares,
        index: indexOf(tokens, request.token),
      };
    default:
      return request satisfies never;
  }
}

function indexOf(tokens: readonly PoolToken[], token: PoolToken): number {
  const index = tokens.findIndex(({ address }) => address === token.address);
  if (index < 0) throw new InputError('--token', 'must be a token other than the pool token');
  return index;
}
