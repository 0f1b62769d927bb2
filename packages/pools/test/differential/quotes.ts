/**
 * Quotes: what a pool answers to single swaps at balances that it never had. One call of the pool each
 * and no state to compare, so many more of them fit into a run than whole operations.
 *
 * @module
 */
import { onSwap } from '../../src/v2/pools/index.ts';
import { Revert } from '../../src/errors.ts';
import type { Pool, WorldState } from '../../src/v2/state.ts';
import { envOf } from '../../src/v2/transaction.ts';
import { ACCOUNTS, type Step } from '../evm/scenario.ts';
import { asFields, asInteger, asIntegers, asList } from '../evm/values.ts';
import { amount, type Situation } from './situation.ts';

/** How many one step holds. */
export const QUOTES_PER_STEP = 100;

/** A step of quotes around the magnitude that the pool's tokens usually have. */
export const quotes = ({ dice, pool, scenario }: Situation): Step => {
  const count = pool.registered.length;
  const isEven = pool.spec.amp !== undefined;
  const drawn = Array.from({ length: QUOTES_PER_STEP }, () => {
    const level = dice.below(9);
    // Of a few units every rounding shows.
    const isDust = dice.onceIn(8);
    const balances = pool.registered.map((sym, index) => {
      const token = scenario.tokens.find((found) => found.sym === sym);
      // The pool's own token in the Vault says how much is in circulation, which is left as it is.
      if (token === undefined) return pool.balances[index]!;
      const unit = isDust ? 1n : 10n ** BigInt(token.decimals + (isEven ? level : dice.below(9)));
      return dice.magnitude(unit, unit * 50n);
    });
    // Managed pools look up the real balances when their own token is swapped, so it is left out.
    const first = pool.spec.type === 'managed-1' ? 1 : 0;
    const indexIn = first + dice.below(count - first);
    const indexOut =
      first + ((indexIn - first + 1 + dice.below(count - first - 1)) % (count - first));
    const kind = dice.onceIn(2) ? 'GIVEN_OUT' : 'GIVEN_IN';
    const given = kind === 'GIVEN_IN' ? indexIn : indexOut;
    const isOwn = pool.registered[given] === pool.spec.name;
    const basis = isOwn ? pool.supply - pool.balances[given]! : balances[given]!;
    return {
      kind,
      in: indexIn,
      out: indexOut,
      amount: amount(dice, basis),
      balances: balances.map(String),
    };
  });
  return { do: 'quotes', pool: pool.spec.name, quotes: drawn };
};

/** The engine's answers to such a step: amounts, or revert codes. */
export function answerQuotes(state: WorldState, id: string, step: Step): { answers: string[] } {
  const pool = state.pools.get(id);
  if (pool === undefined) throw new Error(`the engine has no pool ${id}`);
  const answers = asList(step['quotes']).map((entry) => answer(pool, state, asFields(entry)));
  return { answers };
}

function answer(pool: Pool, state: WorldState, quote: Readonly<Record<string, unknown>>): string {
  const given = asIntegers(quote['balances']);
  const indexIn = Number(asInteger(quote['in']));
  const indexOut = Number(asInteger(quote['out']));
  // Pools that see two balances know the others only from the Vault.
  const isSeen = (index: number): boolean =>
    pool.specialization === 'general' || index === indexIn || index === indexOut;
  const balances = pool.balances.map((balance, index) =>
    isSeen(index) ? { cash: given[index]!, managed: 0n, lastChangeBlock: 0n } : balance,
  );
  const kind = quote['kind'] === 'GIVEN_OUT' ? 'GIVEN_OUT' : 'GIVEN_IN';
  const request = {
    kind,
    indexIn,
    indexOut,
    amount: asInteger(quote['amount']),
    from: ACCOUNTS.alice,
  } as const;
  try {
    return String(onSwap({ ...pool, balances }, request, envOf(state, {})).amount);
  } catch (error) {
    if (error instanceof Revert) return error.code;
    throw error;
  }
}
