/**
 * A V2 swap step by step: every rounding that the contract makes, in its order. The last step is the
 * amount that the engine gives; a test holds the two together for every kind that is explained.
 *
 * @module
 */
import { InputError, math, v2 } from '@balancer/pools';
import { explainLinear } from './explain-linear.ts';
import { explainShares } from './explain-shares.ts';
import { Explanation } from './explanation.ts';
import type { ExplainedStep, Trade } from './open-pool.ts';
import { scaledBalances, scalingFactor } from './scaled.ts';

const { ONE } = math;
const { mulDown, mulUp, divDown, divUp, complement } = math.fixedPoint;

/** @throws {InputError} For swaps of a pool token that the pool does not swap. */
export function explainV2(
  state: v2.WorldState,
  pool: v2.Pool,
  trade: Trade,
): readonly ExplainedStep[] {
  if (pool.family === 'linear') return explainLinear(state, pool, trade);
  if ([trade.tokenIn.address, trade.tokenOut.address].includes(pool.address)) {
    return explainShares(state, pool, trade);
  }
  const out = new Explanation();
  const fee = v2.getSwapFee(state, pool.id);
  if (pool.family === 'weighted') {
    explainSwap(out, { state, pool, trade, fee, price: weightedPrice(state, pool, trade) });
  } else if (pool.family === 'managed') {
    explainManaged(out, { state, pool, trade, fee, price: weightedPrice(state, pool, trade) });
  } else {
    explainSwap(out, { state, pool, trade, fee, price: stablePrice(state, pool, trade) });
  }
  return out.steps;
}

interface ExplainedSwap {
  readonly state: v2.WorldState;
  readonly pool: v2.Pool;
  readonly trade: Trade;
  readonly fee: bigint;
  /** The pool's mathematics on 18-decimal amounts. */
  readonly price: (out: Explanation, scaled: bigint) => bigint;
}

function explainSwap(out: Explanation, { state, pool, trade, fee, price }: ExplainedSwap): void {
  const { amount, given, tokenIn, tokenOut } = trade;
  const factorIn = scalingFactor(state, pool, tokenIn.address);
  const factorOut = scalingFactor(state, pool, tokenOut.address);
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

/** Managed pools scale first and take the fee of the scaled amount. */
function explainManaged(out: Explanation, { state, pool, trade, fee, price }: ExplainedSwap): void {
  const { amount, given, tokenIn, tokenOut } = trade;
  const factorIn = scalingFactor(state, pool, tokenIn.address);
  const factorOut = scalingFactor(state, pool, tokenOut.address);
  const kept = complement(fee);
  if (given === 'in') {
    const scaled = out.add('scaledIn', 'amountIn * scaling', mulDown(amount, factorIn), 'down');
    const left = out.add('afterFee', 'scaledIn * (1 - swapFee)', mulDown(scaled, kept), 'down');
    const computed = price(out, left);
    out.add('amountOut', 'scaledOut / scaling', divDown(computed, factorOut), 'down');
  } else {
    const scaled = out.add('scaledOut', 'amountOut * scaling', mulDown(amount, factorOut), 'down');
    const computed = price(out, scaled);
    const paid = out.add('withFee', 'scaledIn / (1 - swapFee)', divUp(computed, kept), 'up');
    out.add('amountIn', 'withFee / scaling', divUp(paid, factorIn), 'up');
  }
}

function weightedPrice(
  state: v2.WorldState,
  pool: v2.WeightedPool | v2.ManagedPool,
  trade: Trade,
): ExplainedSwap['price'] {
  const tokens = pool.tokens.filter((token) => token !== pool.address);
  const weights = v2.getWeights(state, pool.id);
  const balances = scaledBalances(state, pool).slice(pool.tokens.length - tokens.length);
  const rules = v2.POOL_KINDS[pool.kind];
  if (rules.family !== 'weighted' && rules.family !== 'managed')
    throw new InputError('--explain', `not for ${pool.kind}`);
  const { powUp } = rules.revision.fixedPoint;
  const [i, o] = [tokens.indexOf(trade.tokenIn.address), tokens.indexOf(trade.tokenOut.address)];
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
