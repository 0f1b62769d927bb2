/**
 * Powers of any base and exponent, asked of the library contract that managed pools call: the
 * invariant of one balance with one weight. Pools themselves meet only a part of the ranges.
 *
 * @module
 */
import { Revert } from '../../src/errors.ts';
import { invariant, W3 } from '../../src/math/weighted.ts';
import type { Step } from '../evm/scenario.ts';
import { asFields, asInteger, asList } from '../evm/values.ts';
import type { Dice } from './dice.ts';
import type { Situation } from './situation.ts';

/** How many one step holds. */
const POWERS_PER_STEP = 60;
const ONE = 10n ** 18n;
/** Exponents with code of their own, and their neighbours. */
const NOTABLE = [0n, 1n, ONE - 1n, ONE, ONE + 1n, 2n * ONE, 4n * ONE, 3n * ONE];

/** A step of powers: bases and exponents of every magnitude, most of them within the range of results. */
export const powers = ({ dice, pool }: Situation): Step => ({
  do: 'powers',
  pool: pool.spec.name,
  quotes: Array.from({ length: POWERS_PER_STEP }, () => {
    const base = baseOf(dice);
    return { base: String(base), exponent: String(exponentOf(dice, base)) };
  }),
});

function baseOf(dice: Dice): bigint {
  const choice = dice.below(8);
  if (choice === 0) return ONE + dice.magnitude(1n, ONE / 10n);
  if (choice === 1) return ONE - dice.magnitude(1n, ONE / 10n);
  if (choice === 2) return dice.magnitude(1n, ONE);
  if (choice === 3) return dice.magnitude(ONE, 10n ** 76n);
  return dice.magnitude(ONE / 10n, 10n ** 31n);
}

function exponentOf(dice: Dice, base: bigint): bigint {
  if (dice.onceIn(6)) return dice.pick(NOTABLE);
  const log = Math.abs(Math.log(Number(base) / 1e18)) + 1e-18;
  const greatest = BigInt(Math.round(Math.min(140 / log, 1e18) * 1e9)) * 10n ** 9n;
  return dice.onceIn(2)
    ? dice.magnitude(greatest / 50n + 1n, greatest + 2n)
    : dice.magnitude(1n, ONE);
}

/** The engine's answers to such a step: powers, or revert codes. */
export function answerPowers(step: Step): { answers: string[] } {
  const answers = asList(step['quotes']).map((entry) => {
    const { base, exponent } = asFields(entry);
    try {
      const pool = { balances: [asInteger(base)], weights: [asInteger(exponent)] };
      return String(invariant(pool, W3));
    } catch (error) {
      if (error instanceof Revert) return error.code;
      throw error;
    }
  });
  return { answers };
}
