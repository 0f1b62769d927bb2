/**
 * A swap of a linear pool step by step. Nominal is the main balance less the fee that its distance
 * from the targets costs; the fee of a swap is what it changes of the difference.
 *
 * @module
 */
import { InputError, math, v2 } from '@balancer/pools';
import { Explanation } from './explanation.ts';
import type { ExplainedStep, Trade } from './open-pool.ts';

const { linear, ONE } = math;
const { mulDown, divDown, divUp } = math.fixedPoint;

type Formula = readonly [text: string, run: (swap: math.linear.LinearSwap) => bigint];

/** What each swap computes; x is the scaled amount given, S the supply, N and I nominal and invariant. */
const FORMULAS: Readonly<Record<string, Formula>> = {
  'main>bpt in': ['S * (nominal(main + x) - N) / I', linear.bptOutPerMainIn],
  'main>bpt out': ['real(N + I * x / S) - main', linear.mainInPerBptOut],
  'bpt>main in': ['main - real(N - I * x / S)', linear.mainOutPerBptIn],
  'bpt>main out': ['S * (N - nominal(main - x)) / I', linear.bptInPerMainOut],
  'main>wrapped in': ['nominal(main + x) - N', linear.wrappedOutPerMainIn],
  'main>wrapped out': ['real(N + x) - main', linear.mainInPerWrappedOut],
  'wrapped>main in': ['main - real(N - x)', linear.mainOutPerWrappedIn],
  'wrapped>main out': ['N - nominal(main - x)', linear.wrappedInPerMainOut],
  'wrapped>bpt in': ['S * (I + x) / I - S', linear.bptOutPerWrappedIn],
  'wrapped>bpt out': ['(S + x) * I / S - N - wrapped', linear.wrappedInPerBptOut],
  'bpt>wrapped in': ['wrapped - ((S - x) * I / S - N)', linear.wrappedOutPerBptIn],
  'bpt>wrapped out': ['S - S * (I - x) / I', linear.bptInPerWrappedOut],
};

/** @throws {InputError} When a token is none of the pool. */
export function explainLinear(
  state: v2.WorldState,
  pool: v2.LinearPool,
  { tokenIn, tokenOut, given, amount }: Trade,
): readonly ExplainedStep[] {
  const out = new Explanation();
  const at = v2.getLinearBalances(state, pool.id);
  const formula =
    FORMULAS[`${roleOf(pool, tokenIn.address)}>${roleOf(pool, tokenOut.address)} ${given}`];
  if (formula === undefined) throw new InputError('--explain', 'needs two tokens of the pool');
  const factorIn = factorOf(state, pool, tokenIn.address);
  const factorOut = factorOf(state, pool, tokenOut.address);

  out.add('N', 'nominal(main balance)', linear.toNominal(at.mainBalance, at), 'up');
  out.add('I', 'N + wrapped balance', linear.invariant(at), 'exact');
  out.add('S', 'pool tokens in circulation', at.bptSupply, 'exact');
  const [text, run] = formula;
  if (given === 'in') {
    const x = out.add('x', 'amountIn * scaling', mulDown(amount, factorIn), 'down');
    const scaled = out.add('scaledOut', text, run({ ...at, amount: x }), 'down');
    out.add('amountOut', 'scaledOut / scaling', divDown(scaled, factorOut), 'down');
  } else {
    const x = out.add('x', 'amountOut * scaling', mulDown(amount, factorOut), 'down');
    const scaled = out.add('scaledIn', text, run({ ...at, amount: x }), 'up');
    out.add('amountIn', 'scaledIn / scaling', divUp(scaled, factorIn), 'up');
  }
  return out.steps;
}

function roleOf(pool: v2.LinearPool, token: string): string {
  const index = pool.tokens.indexOf(token);
  if (index === pool.bptIndex) return 'bpt';
  return index === pool.mainIndex ? 'main' : 'wrapped';
}

/** 10^(18 - decimals) with 18 decimals more, the wrapped token's times its rate. */
function factorOf(state: v2.WorldState, pool: v2.LinearPool, token: string): bigint {
  const index = pool.tokens.indexOf(token);
  const factor = pool.scalingFactors[index]! * ONE;
  const { wrappedRateProvider: provider, wrappedIndex } = pool;
  if (index !== wrappedIndex || provider === null) return factor;
  return mulDown(factor, state.rates.get(provider) ?? ONE);
}
