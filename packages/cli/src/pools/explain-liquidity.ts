/**
 * A join or an exit of a V2 pool step by step: the fees of the past that are settled first, then every
 * rounding in the contract's order. The last values are those that the engine gives; a test holds the
 * two together for every kind that has joins and exits.
 *
 * @module
 */
import { InputError, math, v2 } from '@balancer/pools';
import { Explanation } from './explanation.ts';
import type { ExplainedLiquidity, Liquidity, PoolToken } from './open-pool.ts';
import { type ShareFormula, stableFormula, weightedFormula } from './share-formulas.ts';
import { stableForTokens, weightedForTokens } from './token-formulas.ts';

const { mulDown, mulUp, divDown, divUp } = math.fixedPoint;

/** The two kinds of formulas, of whichever family. */
interface Formulas {
  readonly forTokens: ShareFormulaOfAll;
  readonly forShares: (index: number) => ShareFormula;
}
type ShareFormulaOfAll = (out: Explanation, amounts: readonly bigint[]) => bigint;

/** @throws {InputError} For pools whose liquidity moves by swaps alone. */
export function explainLiquidity(
  state: v2.WorldState,
  pool: v2.Pool,
  request: Liquidity & { readonly way: 'join' | 'exit'; readonly tokens: readonly PoolToken[] },
): ExplainedLiquidity {
  const isJoin = request.way === 'join';
  const { tokens } = request;
  const symbols = tokens.map(({ symbol }) => symbol);
  const basis = v2.getLiquidityBasis(state, pool.id);
  const { balances, scalingFactors, supply } = basis;
  const out = new Explanation();
  addBasis(out, basis, symbols);
  const formulas = formulasOf(state, pool, { basis, symbols, isJoin });

  switch (request.by) {
    case 'tokens': {
      const scaled = request.amounts.map((amount, i) =>
        out.add(`x ${symbols[i]}`, 'amount * scaling', mulDown(amount, scalingFactors[i]!), 'down'),
      );
      formulas.forTokens(out, scaled);
      break;
    }
    case 'shares': {
      const x = out.add('x', 'pool tokens given', request.shares, 'exact');
      const [div, mul, rounding] = isJoin
        ? ([divUp, mulUp, 'up'] as const)
        : ([divDown, mulDown, 'down'] as const);
      const ratio = out.add('ratio', 'x / S', div(x, supply), rounding);
      balances.forEach((balance, i) => {
        const scaled = mul(balance, ratio);
        out.add(`scaled ${symbols[i]}`, 'balance * ratio', scaled, rounding);
        const raw = (isJoin ? divUp : divDown)(scaled, scalingFactors[i]!);
        out.add(`amount ${symbols[i]}`, 'scaled / scaling', raw, rounding);
      });
      break;
    }
    case 'one-token': {
      const index = tokens.indexOf(request.token);
      if (index < 0) throw new InputError('--token', 'must be a token other than the pool token');
      const x = out.add('x', 'pool tokens given', request.shares, 'exact');
      const scaled = formulas.forShares(index)(out, x);
      const raw = (isJoin ? divUp : divDown)(scaled, scalingFactors[index]!);
      out.add(`amount ${symbols[index]}`, 'scaled / scaling', raw, isJoin ? 'up' : 'down');
      break;
    }
    default:
      request satisfies never;
  }
  const fees = tokens.map((_, i) => divUp(out.fees.get(i) ?? 0n, scalingFactors[i]!));
  return { steps: out.steps, fees };
}

function addBasis(out: Explanation, basis: v2.LiquidityBasis, symbols: readonly string[]): void {
  basis.balances.forEach((balance, i) => {
    const due = basis.dueAmounts[i]!;
    if (due > 0n) out.add(`due ${symbols[i]}`, 'swap fees due to the protocol', due, 'down');
    const formula = due > 0n ? 'scaled balance - due' : 'scaled balance';
    out.add(`balance ${symbols[i]}`, formula, balance, 'down');
  });
  if (basis.dueBpt > 0n) out.add('due', 'pool tokens due as fees', basis.dueBpt, 'down');
  const formula = basis.dueBpt > 0n ? 'pool tokens in circulation + due' : 'pool tokens';
  out.add('S', formula, basis.supply, 'exact');
}

function formulasOf(
  state: v2.WorldState,
  pool: v2.Pool,
  given: {
    readonly basis: v2.LiquidityBasis;
    readonly symbols: readonly string[];
    readonly isJoin: boolean;
  },
): Formulas {
  const { basis, symbols, isJoin } = given;
  const { balances, supply } = basis;
  const common = { symbols, balances, supply, swapFee: v2.getSwapFee(state, pool.id), isJoin };
  const rules = v2.POOL_KINDS[pool.kind];
  switch (rules.family) {
    case 'weighted':
    case 'managed': {
      const { revision } = rules;
      const at = { ...common, weights: v2.getWeights(state, pool.id), revision };
      return {
        forTokens: (out, amounts) => weightedForTokens(out, at, amounts),
        forShares: (index) => weightedFormula({ ...at, index, givesShares: true }),
      };
    }
    case 'stable':
    case 'composable': {
      const { revision } = rules;
      const at = { ...common, amp: v2.getAmp(state, pool.id).value, revision };
      return {
        forTokens: (out, amounts) => stableForTokens(out, at, amounts),
        forShares: (index) => stableFormula({ ...at, index, givesShares: true }),
      };
    }
    case 'linear':
    default:
      throw new InputError('--explain', `${pool.kind} pools move liquidity by swaps: quote them`);
  }
}
