/**
 * Flips that the suite cannot notice, and why: there is nothing to see, or next to nothing.
 *
 * @module
 */

const EXACT = 'exact: the constants end in enough zeros for the division to have no rest';
const WHOLE_FACTOR =
  'exact: a scaling factor without a rate is a power of ten, so nothing is left over';
// A unit more in z^2 moves z^3 by z units, less than a twentieth, so it passes into a term of the series
// in one of 10^36 / z cases; from there, two thirds of a unit of the logarithm 2 z stand for at most
// 94 10^18 / 3 z units of an exponent whose power still fits 256 bits. In all, one power in 10^16.
const DROWNED =
  'drowned: 36 digits of a logarithm are multiplied into an exponent of 18, which one power in 10^16 shows';
const IGNORED =
  'ignored: pools with fees in pool tokens or recovery mode round their invariant down in any case';
const FIRST_GUESS = 'a first guess: the iteration ends at the same balance from either';
const FOUR_DECIMALS =
  'hidden: the oracle keeps four decimals of the logarithm, so the last of eighteen digits shows only ' +
  'where the logarithm lies on the edge between two of its values';

/** Reasons by the name of the flip. */
export const EQUIVALENT: Readonly<Record<string, string>> = {
  'src/math/log-exp.ts expPositive division#1': EXACT,
  'src/math/log-exp.ts expPositive division#2': EXACT,
  'src/math/log-exp.ts ln36 division#2': DROWNED,
  'src/v2/pools/scaling.ts ratedScale mulDown#1': WHOLE_FACTOR,
  'src/v2/pools/weighted.ts initialize downscaleAllUp#1': WHOLE_FACTOR,
  'src/v2/pools/composable-fees.ts settleComposable direction#1': IGNORED,
  'src/v2/pools/composable-fees.ts concludeComposable direction#1': IGNORED,
  'src/v2/pools/composable-fees.ts protocolShare direction#1': IGNORED,
  'src/v2/pool-calls.ts withoutDebt direction#1': IGNORED,
  'src/v2/pool-calls.ts withoutDebt direction#2': IGNORED,
  'src/math/stable.ts balanceByBigint divUp#2': FIRST_GUESS,
  'src/v2/pools/price-oracle.ts observeStable mulUp#1': FOUR_DECIMALS,
};
