/**
 * A V2 swap step by step: every rounding that the contract makes, in its order. The last step is the
 * amount that the engine gives; a test holds the two together for every kind that is explained.
 *
 * @module
 */
import { InputError, math, v2 } from '@balancer/pools';
import type { ExplainedStep, Trade } from './open-pool.ts';

const { ONE } = math;
const { mulDown, mulUp, divDown, divUp, complement } = math.fixedPoint;

/** Collects steps; each method adds one and gives its value on. */
class Explanation {
  readonly steps: ExplainedStep[] = [];

  add(name: string, formula: string, value: bigint, rounding: ExplainedStep['rounding']): bigint {
    this.steps.push({ name, formula, value, rounding });
    return value;
  }
}

/** @throws {InputError} For pools and tokens whose swaps are not explained. */
export function explainV2(
  state: v2.WorldState,
  pool: v2.Pool,
  trade: Trade,
): readonly ExplainedStep[] {
  if ([trade.tokenIn.address, trade.tokenOut.address].includes(pool.address)) {
    throw new InputError('--explain', 'covers swaps between two tokens, not with the pool token');
  }
  const out = new Explanation();
  const fee = v2.getSwapFee(state, pool.id);
  if (pool.family === 'weighted' && pool.kind !== 'lbp-2') {
    explainSwap(out, { pool, trade, fee, price: weightedPrice(state, pool, trade) });
  } else if (
    (pool.family === 'stable' || pool.family === 'composable') &&
    pool.kind !== 'phantom-1'
  ) {
    explainSwap(out, { pool, trade, fee, price: stablePrice(state, pool, trade) });
  } else {
    throw new InputError('--explain', `does not cover ${pool.kind} pools`);
  }
  return out.steps;
}

interface ExplainedSwap {
  readonly pool: v2.Pool;
  readonly trade: Trade;
  readonly fee: bigint;
  /** The pool's mathematics on 18-decimal amounts. */
  readonly price: (out: Explanation, scaled: bigint) => bigint;
}

function explainSwap(out: Explanation, { pool, trade, fee, price }: ExplainedSwap): void {
  const { amount, given, tokenIn, tokenOut } = trade;
  const factorIn = scalingFactor(pool, tokenIn.address);
  const factorOut = scalingFactor(pool, tokenOut.address);
  if (given === 'in') {
    const taken = out.add('fee', 'amountIn * swapFee', mulUp(amount, fee), 'up');
    const left = out.add('afterFee', 'amountIn - fee', amount - taken, 'exact');
    const scaled = out.add('scaledIn', 'afterFee * scaling', mulDown(left, factorIn), 'down');
    const computed = price(out, scaled);
    out.add('amountOut', 'scaledOut / scaling', divDown(computed, factorOut), 'down');
  } else {
    const scaled = out.add('scaledOut', 'amountOut * scaling', mulDown(amount, factorOut), 'down');
    const computed = price(out, scaled);
    const raw = out.add('beforeFee', 'scaledIn / scaling', divUp(computed, factorIn), 'up');
    out.add('amountIn', 'beforeFee / (1 - swapFee)', divUp(raw, complement(fee)), 'up');
  }
}

function weightedPrice(
  state: v2.WorldState,
  pool: v2.WeightedPool,
  trade: Trade,
): ExplainedSwap['price'] {
  const weights = v2.getWeights(state, pool.id);
  const balances = scaledBalances(state, pool);
  const rules = v2.POOL_KINDS[pool.kind];
  if (rules.family !== 'weighted') throw new InputError('--explain', `not for ${pool.kind}`);
  const { powUp } = rules.revision.fixedPoint;
  const [i, o] = [indexOf(pool, trade.tokenIn.address), indexOf(pool, trade.tokenOut.address)];
  const [balanceIn, balanceOut] = [balances[i]!, balances[o]!];
  const [weightIn, weightOut] = [weights[i]!, weights[o]!];

  return (out, scaled) => {
    if (trade.given === 'in') {
      const base = divUp(balanceIn, balanceIn + scaled);
      out.add('base', 'balanceIn / (balanceIn + scaledIn)', base, 'up');
      const exponent = divDown(weightIn, weightOut);
      out.add('exponent', 'weightIn / weightOut', exponent, 'down');
      const power = out.add('power', 'base ^ exponent', powUp(base, exponent), 'up');
      const part = out.add('part', '1 - power', complement(power), 'exact');
      return out.add('scaledOut', 'balanceOut * part', mulDown(balanceOut, part), 'down');
    }
    const base = divUp(balanceOut, balanceOut - scaled);
    out.add('base', 'balanceOut / (balanceOut - scaledOut)', base, 'up');
    const exponent = divUp(weightOut, weightIn);
    out.add('exponent', 'weightOut / weightIn', exponent, 'up');
    const power = out.add('power', 'base ^ exponent', powUp(base, exponent), 'up');
    const part = out.add('part', 'power - 1', power - ONE, 'exact');
    return out.add('scaledIn', 'balanceIn * part', mulUp(balanceIn, part), 'up');
  };
}

function stablePrice(
  state: v2.WorldState,
  pool: v2.StablePool | v2.ComposablePool,
  trade: Trade,
): ExplainedSwap['price'] {
  const tokens = pool.tokens.filter((token) => token !== pool.address);
  const balances = scaledBalances(state, pool).filter((_, i) => pool.tokens[i] !== pool.address);
  const rules = v2.POOL_KINDS[pool.kind];
  if (rules.family !== 'stable' && rules.family !== 'composable') {
    throw new InputError('--explain', `not for ${pool.kind}`);
  }
  const amp = v2.getAmp(state, pool.id).value;
  const indexIn = tokens.indexOf(trade.tokenIn.address);
  const indexOut = tokens.indexOf(trade.tokenOut.address);

  return (out, scaled) => {
    const invariant = math.stable.invariant({ amp, balances, roundUp: true }, rules.revision);
    out.add(
      'D',
      'invariant of the balances',
      invariant,
      rules.revision.name === 'S1' ? 'up' : 'down',
    );
    if (trade.given === 'in') {
      const after = balances.with(indexIn, balances[indexIn]! + scaled);
      const left = math.stable.balanceGivenInvariant(amp, after, invariant, indexOut);
      out.add('balanceOutAfter', 'balance out that keeps D', left, 'up');
      return out.add(
        'scaledOut',
        'balanceOut - balanceOutAfter - 1',
        balances[indexOut]! - left - 1n,
        'exact',
      );
    }
    const after = balances.with(indexOut, balances[indexOut]! - scaled);
    const needed = math.stable.balanceGivenInvariant(amp, after, invariant, indexIn);
    out.add('balanceInAfter', 'balance in that keeps D', needed, 'up');
    return out.add(
      'scaledIn',
      'balanceInAfter - balanceIn + 1',
      needed - balances[indexIn]! + 1n,
      'exact',
    );
  };
}

function indexOf(pool: v2.Pool, token: string): number {
  return pool.tokens.indexOf(token);
}

function scaledBalances(state: v2.WorldState, pool: v2.Pool): bigint[] {
  const { balances } = v2.getPoolTokens(state, pool.id);
  return balances.map((balance, i) => mulDown(balance, scalingFactor(pool, pool.tokens[i]!)));
}

/** 10^(18 - decimals) with 18 decimals more, times the remembered rate. */
function scalingFactor(pool: v2.Pool, token: string): bigint {
  const factor = pool.scalingFactors[pool.tokens.indexOf(token)]! * ONE;
  if (pool.family === 'stable') {
    const cache = pool.rates[pool.tokens.indexOf(token)] ?? null;
    return cache === null ? factor : mulDown(factor, cache.rate);
  }
  if (pool.family === 'composable' && token !== pool.address) {
    const tokens = pool.tokens.filter((other) => other !== pool.address);
    const cache = pool.rates[tokens.indexOf(token)] ?? null;
    return cache === null ? factor : mulDown(factor, cache.rate);
  }
  return factor;
}
