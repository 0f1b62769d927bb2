/**
 * Swaps, joins and exits of V1 pools step by step; every step rounds half up. The last step is what
 * the engine gives; a test holds the two together.
 *
 * @module
 */
import { InputError, v1 } from '@balancer/pools';
import type {
  ExplainedLiquidity,
  ExplainedStep,
  Liquidity,
  PoolToken,
  Trade,
} from './open-pool.ts';

const { BONE, badd, bdiv, bmul, bpow, bsub } = v1.num;

/** Collects steps; `add` gives the value of the step on. */
class Steps {
  readonly list: ExplainedStep[] = [];

  add(name: string, formula: string, value: bigint): bigint {
    this.list.push({ name, formula, value, rounding: 'half up' });
    return value;
  }
}

/** A swap of two tokens. */
export function explainV1(pool: v1.pool.PoolState, trade: Trade): ExplainedStep[] {
  const { balance: balanceIn, denorm: weightIn } = recordOf(pool, trade.tokenIn);
  const { balance: balanceOut, denorm: weightOut } = recordOf(pool, trade.tokenOut);
  const out = new Steps();
  const kept = bsub(BONE, pool.swapFee);
  if (trade.given === 'in') {
    const exponent = out.add('exponent', 'weightIn / weightOut', bdiv(weightIn, weightOut));
    const left = out.add('afterFee', 'amountIn * (1 - swapFee)', bmul(trade.amount, kept));
    const base = bdiv(balanceIn, badd(balanceIn, left));
    out.add('base', 'balanceIn / (balanceIn + afterFee)', base);
    const power = out.add('power', 'base ^ exponent', bpow(base, exponent));
    out.add('amountOut', 'balanceOut * (1 - power)', bmul(balanceOut, bsub(BONE, power)));
    return out.list;
  }
  const exponent = out.add('exponent', 'weightOut / weightIn', bdiv(weightOut, weightIn));
  const base = bdiv(balanceOut, bsub(balanceOut, trade.amount));
  out.add('base', 'balanceOut / (balanceOut - amountOut)', base);
  const power = out.add('power', 'base ^ exponent', bpow(base, exponent));
  const raw = out.add('beforeFee', 'balanceIn * (power - 1)', bmul(balanceIn, bsub(power, BONE)));
  out.add('amountIn', 'beforeFee / (1 - swapFee)', bdiv(raw, kept));
  return out.list;
}

/** A join or an exit, in all tokens by shares or in one token. */
export function explainV1Liquidity(
  pool: v1.pool.PoolState,
  tokens: readonly PoolToken[],
  request: Liquidity & { readonly way: 'join' | 'exit' },
): ExplainedLiquidity {
  const out = new Steps();
  const supply = out.add('S', 'shares', pool.shares.totalSupply);
  const none = tokens.map(() => 0n);
  if (request.by === 'shares') {
    const ratio = out.add('ratio', 'shares given / S', bdiv(request.shares, supply));
    tokens.forEach((token) => {
      const { balance } = recordOf(pool, token);
      out.add(`amount ${token.symbol}`, 'balance * ratio', bmul(ratio, balance));
    });
    return { steps: out.list, fees: none };
  }
  const [token, amount] =
    request.by === 'one-token'
      ? [request.token, request.shares]
      : onlyAmount(tokens, request.amounts);
  const given = { token, amount, supply, isShares: request.by === 'one-token' };
  const explain = request.way === 'join' ? explainJoin : explainExit;
  const fee = explain(out, pool, given);
  return { steps: out.list, fees: none.with(tokens.indexOf(token), fee) };
}

interface Single {
  readonly token: PoolToken;
  readonly amount: bigint;
  readonly supply: bigint;
  /** Whether the amount given is of shares. */
  readonly isShares: boolean;
}

/** Only the part of an amount that is not the token's own weight pays the fee. */
function keptOf(out: Steps, pool: v1.pool.PoolState, denorm: bigint): readonly [bigint, bigint] {
  const share = out.add('share', 'weight / total weight', bdiv(denorm, pool.totalWeight));
  const fee = out.add('feeRate', '(1 - share) * swapFee', bmul(bsub(BONE, share), pool.swapFee));
  return [share, bsub(BONE, fee)];
}

/** @returns The fee. */
function explainJoin(out: Steps, pool: v1.pool.PoolState, given: Single): bigint {
  const { token, amount, supply, isShares } = given;
  const { balance, denorm } = recordOf(pool, token);
  const [share, kept] = keptOf(out, pool, denorm);
  if (isShares) {
    const ratio = out.add('ratio', '(S + shares) / S', bdiv(badd(supply, amount), supply));
    const exponent = out.add('exponent', '1 / share', bdiv(BONE, share));
    const power = out.add('power', 'ratio ^ exponent', bpow(ratio, exponent));
    const after = out.add('balanceAfter', 'power * balance', bmul(power, balance));
    const net = bsub(after, balance);
    const paid = bdiv(net, kept);
    out.add(`amount ${token.symbol}`, '(balanceAfter - balance) / (1 - feeRate)', paid);
    return paid - net;
  }
  const net = out.add('afterFee', 'amount * (1 - feeRate)', bmul(amount, kept));
  const ratio = bdiv(badd(balance, net), balance);
  out.add('ratio', '(balance + afterFee) / balance', ratio);
  const power = out.add('power', 'ratio ^ share', bpow(ratio, share));
  const after = out.add('supplyAfter', 'power * S', bmul(power, supply));
  out.add('shares', 'supplyAfter - S', bsub(after, supply));
  return amount - net;
}

/** @returns The fee. */
function explainExit(out: Steps, pool: v1.pool.PoolState, given: Single): bigint {
  const { token, amount, supply, isShares } = given;
  const { balance, denorm } = recordOf(pool, token);
  const [share, kept] = keptOf(out, pool, denorm);
  if (isShares) {
    const ratio = out.add('ratio', '(S - shares) / S', bdiv(bsub(supply, amount), supply));
    const exponent = out.add('exponent', '1 / share', bdiv(BONE, share));
    const power = out.add('power', 'ratio ^ exponent', bpow(ratio, exponent));
    const after = out.add('balanceAfter', 'power * balance', bmul(power, balance));
    const gross = bsub(balance, after);
    const paid = bmul(gross, kept);
    out.add(`amount ${token.symbol}`, '(balance - balanceAfter) * (1 - feeRate)', paid);
    return gross - paid;
  }
  const gross = out.add('beforeFee', 'amount / (1 - feeRate)', bdiv(amount, kept));
  const ratio = bdiv(bsub(balance, gross), balance);
  out.add('ratio', '(balance - beforeFee) / balance', ratio);
  const power = out.add('power', 'ratio ^ share', bpow(ratio, share));
  const after = out.add('supplyAfter', 'power * S', bmul(power, supply));
  out.add('shares', 'S - supplyAfter', bsub(supply, after));
  return gross - amount;
}

/** The token of which there is an amount. @throws {InputError} When there are several, or none. */
export function onlyAmount(
  tokens: readonly PoolToken[],
  amounts: readonly bigint[],
): readonly [PoolToken, bigint] {
  const given = amounts.flatMap((amount, i) =>
    amount > 0n ? [[tokens[i]!, amount] as const] : [],
  );
  if (given.length !== 1) {
    throw new InputError('--amounts', 'must be of one token: V1 pools take several only by shares');
  }
  return given[0]!;
}

/** What the pool has on record of a token. @throws {InputError} When it is none of the pool's. */
export function recordOf(pool: v1.pool.PoolState, { address }: PoolToken): v1.pool.TokenRecord {
  const record = pool.tokens.find(({ token }) => token === address);
  if (record !== undefined) return record;
  if (address === pool.address) {
    throw new InputError('BPT', 'is not swapped by V1 pools: use join or exit');
  }
  throw new InputError('token', 'must be a token of the pool');
}
