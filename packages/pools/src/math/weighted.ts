/**
 * Weighted pools: the invariant is the product of the balances, each raised to its weight. All
 * amounts have 18 decimals, weights sum to 1.0, and every result is rounded in the pool's favour.
 *
 * The deployed generations differ in four places only; a `WeightedRevision` says which.
 *
 * @see "A non-custodial portfolio manager, liquidity provider, and price sensor", F. Martinelli and
 * N. Mushegian, 2019, and `WeightedMath` in balancer-v2-monorepo.
 * @module
 */
import { revert } from '../errors.ts';
import { certifiedProduct } from './certified-product.ts';
import { certifiedShareIn, certifiedShareOut } from './certified-weighted.ts';
import {
  add,
  complement,
  divDown,
  divUp,
  type FixedPoint,
  FP1,
  FP2,
  mulDown,
  mulUp,
  ONE,
  sub,
} from './fixed-point.ts';

/** Every weight is at least 1 %. */
export const MIN_WEIGHT: bigint = ONE / 100n;
/** A swap takes in at most 30 % of the balance of the token in. */
export const MAX_IN_RATIO: bigint = (ONE * 3n) / 10n;
/** A swap takes out at most 30 % of the balance of the token out. */
export const MAX_OUT_RATIO: bigint = (ONE * 3n) / 10n;
/** A single-token join at most triples the invariant. */
export const MAX_INVARIANT_RATIO: bigint = ONE * 3n;
/** A single-token exit leaves at least 70 % of the invariant. */
export const MIN_INVARIANT_RATIO: bigint = (ONE * 7n) / 10n;

/** What one generation of deployed weighted pools computes differently. */
export interface WeightedRevision {
  readonly name: 'W1' | 'W2' | 'W3';
  /** Which power functions. */
  readonly fixedPoint: FixedPoint;
  /** Whether a joint ratio below 1.0 in an exact-tokens-in join counts as 1.0; else it reverts. */
  readonly clampsJoinRatio: boolean;
  /** Whether a token with amount zero is left out of the product instead of costing its guard. */
  readonly skipsZeroAmounts: boolean;
  /** How the fee on a single-token exit rounds what is paid out. */
  readonly mulExitTax: (a: bigint, b: bigint) => bigint;
}

/** Pools of 2021. */
export const W1: WeightedRevision = {
  name: 'W1',
  fixedPoint: FP1,
  clampsJoinRatio: false,
  skipsZeroAmounts: false,
  mulExitTax: mulDown,
};

/** Weighted pools deployed from September 2022 to March 2023. */
export const W2: WeightedRevision = {
  name: 'W2',
  fixedPoint: FP2,
  clampsJoinRatio: true,
  skipsZeroAmounts: false,
  mulExitTax: mulUp,
};

/** Managed pools and later library code. */
export const W3: WeightedRevision = { ...W2, name: 'W3', skipsZeroAmounts: true };

/** Balances and weights of the two tokens of a swap, 18 decimals. */
export interface WeightedPair {
  readonly balanceIn: bigint;
  readonly weightIn: bigint;
  readonly balanceOut: bigint;
  readonly weightOut: bigint;
}

/** All tokens of a pool and its supply, for joins and exits; `swapFee` is a fraction of 1.0. */
export interface WeightedTokens {
  readonly balances: readonly bigint[];
  readonly weights: readonly bigint[];
  readonly supply: bigint;
  readonly swapFee: bigint;
}

/** One token of a pool and its supply; `swapFee` is a fraction of 1.0. */
export interface WeightedToken {
  readonly balance: bigint;
  readonly weight: bigint;
  readonly supply: bigint;
  readonly swapFee: bigint;
}

/**
 * Product of balance^weight, rounded down.
 *
 * @throws {Revert} BAL#311 when a balance is so small that the product is zero.
 */
export function invariant(
  pool: { readonly balances: readonly bigint[]; readonly weights: readonly bigint[] },
  revision: WeightedRevision,
): bigint {
  const { balances, weights } = pool;
  const { powDown } = revision.fixedPoint;
  let product = ONE;
  for (let i = 0; i < weights.length; i++) {
    product = mulDown(product, powDown(balances[i]!, weights[i]!));
  }
  return product === 0n ? revert(311) : product;
}

/**
 * Amount out for an amount in (fee already taken), rounded down.
 *
 * out = balanceOut (1 - (balanceIn / (balanceIn + amountIn))^(weightIn / weightOut))
 *
 * @throws {Revert} BAL#304 when amountIn passes 30 % of balanceIn.
 */
export function outGivenIn(
  swap: WeightedPair & { readonly amountIn: bigint },
  revision: WeightedRevision,
): bigint {
  const power = {
    balance: swap.balanceIn,
    amount: swap.amountIn,
    numerator: swap.weightIn,
    denominator: swap.weightOut,
    hasShortcuts: revision.fixedPoint.hasShortcuts,
  };
  const certified = certifiedProduct(power, 1) ?? certifiedShareOut(power);
  return mulDown(swap.balanceOut, certified ?? shareOut(swap, revision));
}

/** The part of the balance out that is paid, rounded down; 18 decimals. */
function shareOut(
  swap: WeightedPair & { readonly amountIn: bigint },
  revision: WeightedRevision,
): bigint {
  const { balanceIn, weightIn, weightOut, amountIn } = swap;
  if (amountIn > mulDown(balanceIn, MAX_IN_RATIO)) revert(304);

  const base = divUp(balanceIn, add(balanceIn, amountIn));
  return complement(revision.fixedPoint.powUp(base, divDown(weightIn, weightOut)));
}

/**
 * Amount in (before the fee is added) for an amount out, rounded up.
 *
 * in = balanceIn ((balanceOut / (balanceOut - amountOut))^(weightOut / weightIn) - 1)
 *
 * @throws {Revert} BAL#305 when amountOut passes 30 % of balanceOut.
 */
export function inGivenOut(
  swap: WeightedPair & { readonly amountOut: bigint },
  revision: WeightedRevision,
): bigint {
  const power = {
    balance: swap.balanceOut,
    amount: swap.amountOut,
    numerator: swap.weightOut,
    denominator: swap.weightIn,
    hasShortcuts: revision.fixedPoint.hasShortcuts,
  };
  const certified = certifiedProduct(power, -1) ?? certifiedShareIn(power);
  return mulUp(swap.balanceIn, certified ?? shareIn(swap, revision));
}

/** What is paid in, as a part of the balance in, rounded up; 18 decimals. */
function shareIn(
  swap: WeightedPair & { readonly amountOut: bigint },
  revision: WeightedRevision,
): bigint {
  const { weightIn, balanceOut, weightOut, amountOut } = swap;
  if (amountOut > mulDown(balanceOut, MAX_OUT_RATIO)) revert(305);

  const base = divUp(balanceOut, sub(balanceOut, amountOut));
  return sub(revision.fixedPoint.powUp(base, divUp(weightOut, weightIn)), ONE);
}

/**
 * Pool tokens minted for exact amounts of every token, rounded down. The part of an amount by which
 * its token grows more than the pool as a whole pays the swap fee, as if it had been swapped.
 */
export function bptOutGivenExactTokensIn(
  join: WeightedTokens & { readonly amountsIn: readonly bigint[] },
  revision: WeightedRevision,
): bigint {
  const { balances, weights, amountsIn, supply, swapFee } = join;
  const { powDown } = revision.fixedPoint;

  const ratios = balances.map((balance, i) => divDown(add(balance, amountsIn[i]!), balance));
  let joinRatio = 0n;
  for (let i = 0; i < ratios.length; i++) joinRatio += mulDown(ratios[i]!, weights[i]!);

  let invariantRatio = ONE;
  for (let i = 0; i < balances.length; i++) {
    const balance = balances[i]!;
    let net = amountsIn[i]!;
    if (ratios[i]! > joinRatio) {
      net = amountInAfterFee({ balance, amountIn: net, joinRatio, swapFee }, revision);
    } else if (revision.skipsZeroAmounts && net === 0n) {
      continue;
    }
    const ratio = divDown(add(balance, net), balance);
    invariantRatio = mulDown(invariantRatio, powDown(ratio, weights[i]!));
  }
  return invariantRatio > ONE ? mulDown(supply, invariantRatio - ONE) : 0n;
}

/** Pool tokens minted for an exact amount of one token, rounded down; 0 for an amount of 0. */
export function bptOutGivenExactTokenIn(
  join: WeightedToken & { readonly amountIn: bigint },
  revision: WeightedRevision,
): bigint {
  const { balance, weight, amountIn, supply, swapFee } = join;
  const ratio = divDown(add(balance, amountIn), balance);
  const joinRatio = mulDown(ratio, weight) + complement(weight);

  let net = amountIn;
  if (ratio > joinRatio) {
    net = amountInAfterFee({ balance, amountIn, joinRatio, swapFee }, revision);
  } else if (amountIn === 0n) {
    return 0n;
  }
  const newRatio = divDown(add(balance, net), balance);
  const invariantRatio = revision.fixedPoint.powDown(newRatio, weight);
  return invariantRatio > ONE ? mulDown(supply, invariantRatio - ONE) : 0n;
}

/**
 * Amount of one token that mints exactly `bptOut`, fee included, rounded up.
 *
 * @throws {Revert} BAL#307 when the supply would more than triple.
 */
export function tokenInGivenExactBptOut(
  join: WeightedToken & { readonly bptOut: bigint },
  revision: WeightedRevision,
): bigint {
  const { untaxed, taxable } = tokenInBeforeFee(join, revision);
  return add(untaxed, divUp(taxable, complement(join.swapFee)));
}

/** The parts of a single-token join without fee: what grows the pool as a whole, and the rest. */
export function tokenInBeforeFee(
  join: WeightedToken & { readonly bptOut: bigint },
  revision: WeightedRevision,
): { untaxed: bigint; taxable: bigint } {
  const { balance, weight, bptOut, supply } = join;
  const invariantRatio = divUp(add(supply, bptOut), supply);
  if (invariantRatio > MAX_INVARIANT_RATIO) revert(307);

  const ratio = revision.fixedPoint.powUp(invariantRatio, divUp(ONE, weight));
  const amountIn = mulUp(balance, sub(ratio, ONE));
  const taxable = mulUp(amountIn, complement(weight));
  return { untaxed: sub(amountIn, taxable), taxable };
}

/**
 * Pool tokens burned for exact amounts of every token, rounded up. The part of an amount by which
 * its token shrinks more than the pool as a whole pays the swap fee.
 *
 * @throws {Revert} BAL#001 when an amount passes its balance.
 */
export function bptInGivenExactTokensOut(
  exit: WeightedTokens & { readonly amountsOut: readonly bigint[] },
  revision: WeightedRevision,
): bigint {
  const { balances, weights, amountsOut, supply, swapFee } = exit;
  const { powDown } = revision.fixedPoint;

  const ratios = balances.map((balance, i) => divUp(sub(balance, amountsOut[i]!), balance));
  let exitRatio = 0n;
  for (let i = 0; i < ratios.length; i++) exitRatio += mulUp(ratios[i]!, weights[i]!);

  let invariantRatio = ONE;
  for (let i = 0; i < balances.length; i++) {
    const balance = balances[i]!;
    let gross = amountsOut[i]!;
    if (exitRatio > ratios[i]!) {
      gross = amountOutBeforeFee({ balance, amountOut: gross, exitRatio, swapFee });
    } else if (revision.skipsZeroAmounts && gross === 0n) {
      continue;
    }
    const ratio = divDown(sub(balance, gross), balance);
    invariantRatio = mulDown(invariantRatio, powDown(ratio, weights[i]!));
  }
  return mulUp(supply, complement(invariantRatio));
}

/** Pool tokens burned for an exact amount of one token, rounded up; 0 for an amount of 0. */
export function bptInGivenExactTokenOut(
  exit: WeightedToken & { readonly amountOut: bigint },
  revision: WeightedRevision,
): bigint {
  const { balance, weight, amountOut, supply, swapFee } = exit;
  const ratio = divUp(sub(balance, amountOut), balance);
  const exitRatio = mulUp(ratio, weight) + complement(weight);

  let gross = amountOut;
  if (exitRatio > ratio) {
    gross = amountOutBeforeFee({ balance, amountOut, exitRatio, swapFee });
  } else if (amountOut === 0n) {
    return 0n;
  }
  const newRatio = divDown(sub(balance, gross), balance);
  return mulUp(supply, complement(revision.fixedPoint.powDown(newRatio, weight)));
}

/**
 * Amount of one token paid for exactly `bptIn`, fee taken, rounded down.
 *
 * @throws {Revert} BAL#306 when more than 30 % of the supply would be burned.
 */
export function tokenOutGivenExactBptIn(
  exit: WeightedToken & { readonly bptIn: bigint },
  revision: WeightedRevision,
): bigint {
  const { untaxed, taxable } = tokenOutBeforeFee(exit, revision);
  return untaxed + revision.mulExitTax(taxable, complement(exit.swapFee));
}

/** The parts of a single-token exit without fee: what shrinks the pool as a whole, and the rest. */
export function tokenOutBeforeFee(
  exit: WeightedToken & { readonly bptIn: bigint },
  revision: WeightedRevision,
): { untaxed: bigint; taxable: bigint } {
  const { balance, weight, bptIn, supply } = exit;
  const invariantRatio = divUp(sub(supply, bptIn), supply);
  if (invariantRatio < MIN_INVARIANT_RATIO) revert(306);

  const ratio = revision.fixedPoint.powUp(invariantRatio, divDown(ONE, weight));
  const amountOut = mulDown(balance, complement(ratio));
  const taxable = mulUp(amountOut, complement(weight));
  return { untaxed: sub(amountOut, taxable), taxable };
}

/**
 * Protocol fee of one token since the last join or exit: the share `protocolFee` of what the token's
 * balance exceeds the balance that would restore the previous invariant. Rounded down.
 */
export function dueTokenProtocolSwapFee(
  due: {
    readonly balance: bigint;
    readonly weight: bigint;
    readonly previousInvariant: bigint;
    readonly currentInvariant: bigint;
    readonly protocolFee: bigint;
  },
  revision: WeightedRevision,
): bigint {
  const { balance, weight, previousInvariant, currentInvariant, protocolFee } = due;
  if (currentInvariant <= previousInvariant) return 0n;

  const growth = divUp(previousInvariant, currentInvariant);
  const base = growth > MIN_INVARIANT_RATIO ? growth : MIN_INVARIANT_RATIO;
  const power = revision.fixedPoint.powUp(base, divDown(ONE, weight));
  return mulDown(mulDown(balance, complement(power)), protocolFee);
}

/** Amounts in of a proportional join for `bptOut`, each rounded up. */
export function proportionalAmountsIn(
  balances: readonly bigint[],
  supply: bigint,
  bptOut: bigint,
): readonly bigint[] {
  const ratio = divUp(bptOut, supply);
  return balances.map((balance) => mulUp(balance, ratio));
}

/** Amounts out of a proportional exit for `bptIn`, each rounded down. */
export function proportionalAmountsOut(
  balances: readonly bigint[],
  supply: bigint,
  bptIn: bigint,
): readonly bigint[] {
  const ratio = divDown(bptIn, supply);
  return balances.map((balance) => mulDown(balance, ratio));
}

/** An amount in without the fee on what exceeds the growth of the pool as a whole. */
export function amountInAfterFee(
  join: { balance: bigint; amountIn: bigint; joinRatio: bigint; swapFee: bigint },
  revision: WeightedRevision,
): bigint {
  const { balance, amountIn, joinRatio, swapFee } = join;
  const excess = joinRatio < ONE && revision.clampsJoinRatio ? 0n : sub(joinRatio, ONE);
  const taxable = sub(amountIn, mulDown(balance, excess));
  return amountIn - mulUp(taxable, swapFee);
}

/** An amount out with the fee on what exceeds the shrinking of the pool as a whole. */
export function amountOutBeforeFee(exit: {
  balance: bigint;
  amountOut: bigint;
  exitRatio: bigint;
  swapFee: bigint;
}): bigint {
  const untaxed = mulDown(exit.balance, complement(exit.exitRatio));
  return add(untaxed, divUp(sub(exit.amountOut, untaxed), complement(exit.swapFee)));
}
