/**
 * Flips that the suite cannot notice, and why: there is nothing to see, or next to nothing.
 *
 * @module
 */

const EXACT = 'exact: the constants end in enough zeros for the division to have no rest';
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
  'src/v2/pools/composable-fees.ts settleComposable direction#1': IGNORED,
  'src/v2/pools/composable-fees.ts concludeComposable direction#1': IGNORED,
  'src/v2/pools/composable-fees.ts protocolShare direction#1': IGNORED,
  'src/v2/pool-calls.ts withoutDebt direction#1': IGNORED,
  'src/v2/pool-calls.ts withoutDebt direction#2': IGNORED,
  'src/math/stable.ts balanceByBigint divUp#2': FIRST_GUESS,
  'src/v2/pools/price-oracle.ts observeWeighted divUp#1': FOUR_DECIMALS,
  'src/v2/pools/price-oracle.ts observeWeighted divUp#2': FOUR_DECIMALS,
  'src/v2/pools/price-oracle.ts observeWeighted divUp#3': FOUR_DECIMALS,
  'src/v2/pools/price-oracle.ts observeWeighted divUp#4': FOUR_DECIMALS,
  'src/v2/pools/price-oracle.ts observeStable mulUp#1': FOUR_DECIMALS,
  'src/v2/pools/price-oracle.ts stablePairPrice direction#1': FOUR_DECIMALS,
  'src/v2/pools/price-oracle.ts stablePairPrice mulDown#1': FOUR_DECIMALS,
  'src/v2/pools/price-oracle.ts stablePairPrice mulDown#2': FOUR_DECIMALS,
  'src/v2/pools/price-oracle.ts stablePairPrice mulDown#3': FOUR_DECIMALS,
  'src/v2/pools/price-oracle.ts stablePairPrice mulDown#4': FOUR_DECIMALS,
  'src/v2/pools/price-oracle.ts stablePairPrice mulDown#5': FOUR_DECIMALS,
  'src/v2/pools/price-oracle.ts stablePairPrice divUp#1': FOUR_DECIMALS,
};
