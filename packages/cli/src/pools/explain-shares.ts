/**
 * A swap of a pool's own token step by step: it is a join or an exit of one token, and the formulas
 * are those of joins and exits (`share-formulas.ts`).
 *
 * @module
 */
import { InputError, math, v2 } from '@balancer/pools';
import { Explanation } from './explanation.ts';
import type { ExplainedStep, PoolToken, Trade } from './open-pool.ts';
import { scaledBalances, scalingFactor, withFreshRates } from './scaled.ts';
import { type ShareFormula, stableFormula, weightedFormula } from './share-formulas.ts';

const { ONE } = math;
const { mulDown, mulUp, divDown, divUp, complement } = math.fixedPoint;

/** @throws {InputError} For pools that have no such swaps. */
export function explainShares(
  state: v2.WorldState,
  pool: v2.Pool,
  trade: Trade,
): readonly ExplainedStep[] {
  return follow(state, pool, trade).steps;
}

/** The swap fee inside a swap of the pool's own token: it is paid in the other one. */
export function feeOfShares(
  state: v2.WorldState,
  pool: v2.Pool,
  trade: Trade,
  tokens: readonly PoolToken[],
): { readonly amount: bigint; readonly token: PoolToken } {
  const { fees } = follow(state, pool, trade);
  const token = trade.tokenIn.address === pool.address ? trade.tokenOut : trade.tokenIn;
  const fee = fees.get(tokens.indexOf(token)) ?? 0n;
  return { amount: divUp(fee, scalingFactor(state, pool, token.address)), token };
}

function follow(state: v2.WorldState, pool: v2.Pool, trade: Trade): Explanation {
  const out = new Explanation();
  if (pool.family === 'managed') {
    explainWith(out, { state, pool, trade, formula: managedFormula(out, state, pool, trade) });
  } else if (pool.family === 'composable') {
    const fresh = withFreshRates(state, pool);
    explainWith(out, { ...fresh, trade, formula: composableFormula(out, { ...fresh, trade }) });
  } else {
    throw new InputError('--explain', 'this pool does not swap its own token: join or exit it');
  }
  return out;
}

interface ExplainedSwap {
  readonly state: v2.WorldState;
  readonly pool: v2.ComposablePool | v2.ManagedPool;
  readonly trade: Trade;
  readonly formula: ShareFormula;
}

function explainWith(out: Explanation, { state, pool, trade, formula }: ExplainedSwap): void {
  const { amount, given } = trade;
  const [factorIn, factorOut] = [trade.tokenIn, trade.tokenOut].map(({ address }) =>
    address === pool.address ? ONE : scalingFactor(state, pool, address),
  ) as [bigint, bigint];
  // Of phantom pools the formula takes no fee; the amount pays it, as in a swap of two tokens.
  const fee = pool.kind === 'phantom-1' ? pool.swapFee : 0n;
  if (given === 'in') {
    let left = amount;
    if (fee > 0n) {
      const taken = out.add('fee', 'amountIn * swapFee', mulUp(amount, fee), 'up');
      left = out.add('afterFee', 'amountIn - fee', amount - taken, 'exact');
    }
    const x = out.add('x', 'amount given * scaling', mulDown(left, factorIn), 'down');
    out.add('amountOut', 'scaledOut / scaling', divDown(formula(out, x), factorOut), 'down');
  } else {
    const x = out.add('x', 'amount given * scaling', mulDown(amount, factorOut), 'down');
    const raw = divUp(formula(out, x), factorIn);
    if (fee > 0n) {
      out.add('beforeFee', 'scaledIn / scaling', raw, 'up');
      out.add('amountIn', 'beforeFee / (1 - swapFee)', divUp(raw, complement(fee)), 'up');
    } else {
      out.add('amountIn', 'scaledIn / scaling', raw, 'up');
    }
  }
}

function composableFormula(
  out: Explanation,
  swap: {
    readonly state: v2.WorldState;
    readonly pool: v2.ComposablePool;
    readonly trade: Trade;
  },
): ShareFormula {
  const { state, pool, trade } = swap;
  const rules = v2.POOL_KINDS[pool.kind];
  if (rules.family !== 'composable') throw new InputError('--explain', `not for ${pool.kind}`);
  const balances = scaledBalances(state, pool).toSpliced(pool.bptIndex, 1);
  const tokens = pool.tokens.toSpliced(pool.bptIndex, 1);
  const isJoin = trade.tokenOut.address === pool.address;
  const { address } = isJoin ? trade.tokenIn : trade.tokenOut;
  return stableFormula({
    amp: v2.getAmp(state, pool.id).value,
    symbols: symbolsOf(state, tokens),
    balances,
    index: tokens.indexOf(address),
    supply: supplyOf(out, state, pool),
    swapFee: rules.phantom ? 0n : pool.swapFee,
    revision: rules.revision,
    isJoin,
    givesShares: isJoin !== (trade.given === 'in'),
  });
}

function managedFormula(
  out: Explanation,
  state: v2.WorldState,
  pool: v2.ManagedPool,
  trade: Trade,
): ShareFormula {
  const rules = v2.POOL_KINDS[pool.kind];
  if (rules.family !== 'managed') throw new InputError('--explain', `not for ${pool.kind}`);
  const isJoin = trade.tokenOut.address === pool.address;
  const { address } = isJoin ? trade.tokenIn : trade.tokenOut;
  const tokens = pool.tokens.slice(1);
  return weightedFormula({
    symbols: symbolsOf(state, tokens),
    balances: scaledBalances(state, pool).slice(1),
    weights: v2.getWeights(state, pool.id),
    index: tokens.indexOf(address),
    supply: supplyOf(out, state, pool),
    swapFee: v2.getSwapFee(state, pool.id),
    revision: rules.revision,
    isJoin,
    givesShares: isJoin !== (trade.given === 'in'),
  });
}

function symbolsOf(state: v2.WorldState, tokens: readonly string[]): readonly string[] {
  return tokens.map((token) => state.tokens.get(token)?.symbol ?? token);
}

function supplyOf(out: Explanation, state: v2.WorldState, pool: v2.Pool): bigint {
  const supply = v2.getActualSupply(state, pool.id);
  return out.add('S', 'pool tokens in circulation and due as fees', supply, 'down');
}
