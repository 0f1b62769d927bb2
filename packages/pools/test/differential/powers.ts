/**
 * Formulas asked of the library contract that managed pools call: powers of any base and exponent
 * (the invariant of one balance with one weight), and joins and exits of one token. Pools themselves
 * meet only a part of the ranges.
 *
 * @module
 */
import { Revert } from '../../src/errors.ts';
import * as weighted from '../../src/math/weighted.ts';
import type { Step } from '../evm/scenario.ts';
import { asFields, asInteger, asIntegers, asList, asText } from '../evm/values.ts';
import type { Dice } from './dice.ts';
import type { Situation } from './situation.ts';

/** How many one step holds. */
const POWERS_PER_STEP = 60;
const ONE = 10n ** 18n;
const { W3 } = weighted;
/** Exponents with code of their own, and their neighbours. */
const NOTABLE = [0n, 1n, ONE - 1n, ONE, ONE + 1n, 2n * ONE, 4n * ONE, 3n * ONE];

/** A step of powers: bases and exponents of every magnitude, most of them within the range of results. */
export const powers = ({ dice, pool }: Situation): Step =>
  powersOf(dice, pool.spec.name, POWERS_PER_STEP);

/** Such a step of any length. @param pool - Any pool of the scenario; the formulas need none. */
export function powersOf(dice: Dice, pool: string, count: number): Step {
  const quotes = Array.from({ length: count }, (_, index) => {
    if (index % 3 === 0) return singleToken(dice);
    const base = baseOf(dice);
    return { base: String(base), exponent: String(exponentOf(dice, base)) };
  });
  return { do: 'powers', pool, quotes };
}

/** Formulas of one token: balance, weight, amount, supply and fee, in the order of the contract. */
const SINGLE_TOKEN: Readonly<
  Record<string, (token: weighted.WeightedToken, amount: bigint) => bigint>
> = {
  calcBptOutGivenExactTokenIn: (token, amountIn) =>
    weighted.bptOutGivenExactTokenIn({ ...token, amountIn }, W3),
  calcTokenInGivenExactBptOut: (token, bptOut) =>
    weighted.tokenInGivenExactBptOut({ ...token, bptOut }, W3),
  calcBptInGivenExactTokenOut: (token, amountOut) =>
    weighted.bptInGivenExactTokenOut({ ...token, amountOut }, W3),
  calcTokenOutGivenExactBptIn: (token, bptIn) =>
    weighted.tokenOutGivenExactBptIn({ ...token, bptIn }, W3),
};

function singleToken(dice: Dice): { readonly formula: string; readonly args: readonly string[] } {
  const formula = dice.pick(Object.keys(SINGLE_TOKEN));
  const size = dice.pick([10n ** 3n, 10n ** 12n, 10n ** 24n]);
  const balance = dice.magnitude(size, size * 10n ** 6n);
  const supply = dice.magnitude(size, size * 10n ** 6n);
  const weight = dice.magnitude(ONE / 100n, (ONE * 99n) / 100n);
  const whole = formula.includes('ExactToken') ? balance : supply;
  const amount = dice.onceIn(4) ? BigInt(dice.below(30)) : dice.part(whole, 1e-4, 0.5);
  const fee = dice.pick([10n ** 12n, 10n ** 17n, dice.magnitude(10n ** 12n, 10n ** 17n)]);
  return { formula, args: [balance, weight, amount, supply, fee].map(String) };
}

function baseOf(dice: Dice): bigint {
  const choice = dice.below(8);
  if (choice === 0) return ONE + dice.magnitude(1n, ONE / 10n);
  if (choice === 1) return ONE - dice.magnitude(1n, ONE / 10n);
  if (choice === 2) return dice.magnitude(1n, ONE);
  if (choice === 3) return dice.magnitude(ONE, 10n ** 76n);
  if (choice === 4) {
    // The logarithm takes powers e^(2^k) out of its argument; just above one its last digits show.
    const power = BigInt(
      Math.round(Math.exp(2 ** dice.pick([7, 6, 5, 4, 3, 2, 1, 0, -1, -2])) * 1e6),
    );
    return power * (10n ** 12n + dice.magnitude(1n, 10n ** 11n));
  }
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
    const { base, exponent, formula, args } = asFields(entry);
    try {
      if (formula !== undefined) {
        const [balance, weight, amount, supply, swapFee] = asIntegers(args);
        const token = { balance, weight, supply, swapFee } as weighted.WeightedToken;
        return String(SINGLE_TOKEN[asText(formula)]!(token, amount!));
      }
      const pool = { balances: [asInteger(base)], weights: [asInteger(exponent)] };
      return String(weighted.invariant(pool, W3));
    } catch (error) {
      if (error instanceof Revert) return error.code;
      throw error;
    }
  });
  return { answers };
}
