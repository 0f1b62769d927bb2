/**
 * Quotes of joins and exits: what a pool answers to its queries at balances that it never had. The
 * formulas of joins and exits, and the protocol fees before them, meet far more numbers this way than
 * whole operations could bring.
 *
 * @module
 */
import { Revert } from '../../src/errors.ts';
import type { Pool, WorldState } from '../../src/v2/state.ts';
import { step as run } from '../../src/v2/step.ts';
import { ACCOUNTS, type PoolSpec, type Step } from '../evm/scenario.ts';
import { exitUserData, joinUserData } from '../evm/user-data.ts';
import { asFields, asIntegers, asList } from '../evm/values.ts';
import { isLinear, type Situation } from './situation.ts';
import { query } from './trades.ts';

/** How many one step holds. */
const QUOTES_PER_STEP = 40;

/** A step of queries, half of them near the pool's own balances and half at made-up ones. */
export const liquidityQuotes = (situation: Situation): Step => {
  const { pool } = situation;
  const quotes = Array.from({ length: QUOTES_PER_STEP }, (_, index) => {
    const asked = { ...pool, balances: madeUpBalances(situation, index % 2 === 0) };
    const { pool: __, from: ___, ...rest } = query({ ...situation, pool: asked });
    return { ...rest, balances: asked.balances.map(String) };
  });
  return { do: 'liquidityQuotes', pool: pool.spec.name, quotes };
};

function madeUpBalances({ dice, pool, scenario }: Situation, isNear: boolean): readonly bigint[] {
  const level = dice.below(9);
  // Of a few units every rounding shows.
  const isDust = dice.onceIn(4);
  const isEven = pool.spec.amp !== undefined || isLinear(pool);
  return pool.registered.map((sym, index) => {
    const token = scenario.tokens.find((found) => found.sym === sym);
    // The pool's own token in the Vault says how much is in circulation, which is left as it is.
    if (token === undefined) return pool.balances[index]!;
    if (isNear) return dice.part(pool.balances[index]!, 0.9, 1.2);
    const unit = isDust ? 1n : 10n ** BigInt(token.decimals + (isEven ? level : dice.below(9)));
    return dice.magnitude(unit, unit * 50n);
  });
}

/** The engine's answers to such a step: pool tokens and amounts, or revert codes. */
export function answerLiquidityQuotes(
  state: WorldState,
  id: string,
  asked: { readonly spec: PoolSpec; readonly registered: readonly string[]; readonly step: Step },
): { answers: string[] } {
  const pool = state.pools.get(id);
  if (pool === undefined) throw new Error(`the engine has no pool ${id}`);
  const answers = asList(asked.step['quotes']).map((entry) => {
    const quote = { pool: asked.spec.name, ...asFields(entry) } as unknown as Step;
    return answer(pool, state, quote, asked);
  });
  return { answers };
}

function answer(
  pool: Pool,
  state: WorldState,
  quote: Step,
  { spec, registered }: { readonly spec: PoolSpec; readonly registered: readonly string[] },
): string {
  const given = asIntegers(quote['balances']);
  const balances = pool.balances.map(({ lastChangeBlock }, index) => ({
    cash: given[index]!,
    managed: 0n,
    lastChangeBlock,
  }));
  const pools = state.pools.set(pool.id, { ...pool, balances });
  const common = { from: ACCOUNTS.alice, pool: pool.id };
  try {
    const { result } =
      quote.do === 'queryJoin'
        ? run(
            { ...state, pools },
            { do: 'queryJoin', ...common, userData: joinUserData(quote, spec.type, registered) },
          )
        : run(
            { ...state, pools },
            { do: 'queryExit', ...common, userData: exitUserData(quote, spec.type) },
          );
    const amounts = result.deltas.map((delta) => (delta < 0n ? -delta : delta));
    return [result.bptAmount, ...amounts].join(' ');
  } catch (error) {
    if (error instanceof Revert) return error.code;
    throw error;
  }
}
