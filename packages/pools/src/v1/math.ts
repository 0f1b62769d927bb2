/**
 * Prices and trades of a V1 pool: value function prod(balance_i ^ weight_i), fee taken from the
 * amount that comes in. Weights are denormalised; only their ratios count.
 *
 * Source: F. Martinelli, N. Mushegian, "A non-custodial portfolio manager, liquidity provider, and
 * price sensor", 2019.
 *
 * Everything rounds half up at each step, in nobody's favour in particular. All functions throw the
 * arithmetic reverts of `num.ts`; none mutates or keeps anything.
 *
 * @module
 */
import { BONE, badd, bdiv, bmul, bpow, bsub } from './num.ts';

/** Two sides of a trade as the pool sees them: raw balances, denormalised weights, 18-decimal fee. */
export interface TradeSides {
  readonly balanceIn: bigint;
  readonly weightIn: bigint;
  readonly balanceOut: bigint;
  readonly weightOut: bigint;
  readonly swapFee: bigint;
}

/** One token against the pool's shares. */
export interface SingleSide {
  /** Recorded balance of the token, raw units. */
  readonly balance: bigint;
  /** Denormalised weight of the token. */
  readonly weight: bigint;
  readonly supply: bigint;
  readonly totalWeight: bigint;
  readonly swapFee: bigint;
}

/** Units of the token in per unit of the token out, both raw, fee included, 18 decimals. */
export function spotPrice(sides: TradeSides): bigint {
  const { balanceIn, weightIn, balanceOut, weightOut, swapFee } = sides;
  const ratio = bdiv(bdiv(balanceIn, weightIn), bdiv(balanceOut, weightOut));
  return bmul(ratio, bdiv(BONE, bsub(BONE, swapFee)));
}

/** Raw amount out for `amountIn`, fee taken from the amount in. */
export function outGivenIn(sides: TradeSides, amountIn: bigint): bigint {
  const { balanceIn, weightIn, balanceOut, weightOut, swapFee } = sides;
  const weightRatio = bdiv(weightIn, weightOut);
  const amountInAfterFee = bmul(amountIn, bsub(BONE, swapFee));
  const shrink = bpow(bdiv(balanceIn, badd(balanceIn, amountInAfterFee)), weightRatio);
  return bmul(balanceOut, bsub(BONE, shrink));
}

/** Raw amount in for `amountOut`, fee added on top. */
export function inGivenOut(sides: TradeSides, amountOut: bigint): bigint {
  const { balanceIn, weightIn, balanceOut, weightOut, swapFee } = sides;
  const weightRatio = bdiv(weightOut, weightIn);
  const growth = bpow(bdiv(balanceOut, bsub(balanceOut, amountOut)), weightRatio);
  return bdiv(bmul(balanceIn, bsub(growth, BONE)), bsub(BONE, swapFee));
}

/** Pool shares minted for `amountIn` of one token. */
export function poolOutGivenSingleIn(side: SingleSide, amountIn: bigint): bigint {
  const { balance, supply } = side;
  const share = normalizedWeight(side);
  const amountInAfterFee = bmul(amountIn, keptAfterFee(side, share));
  const tokenRatio = bdiv(badd(balance, amountInAfterFee), balance);
  return bsub(bmul(bpow(tokenRatio, share), supply), supply);
}

/** Raw amount of one token that mints exactly `poolOut` shares. */
export function singleInGivenPoolOut(side: SingleSide, poolOut: bigint): bigint {
  const { balance, supply } = side;
  const share = normalizedWeight(side);
  const poolRatio = bdiv(badd(supply, poolOut), supply);
  const newBalance = bmul(bpow(poolRatio, bdiv(BONE, share)), balance);
  return bdiv(bsub(newBalance, balance), keptAfterFee(side, share));
}

/** Raw amount of one token paid for burning `poolIn` shares. */
export function singleOutGivenPoolIn(side: SingleSide, poolIn: bigint): bigint {
  const { balance, supply } = side;
  const share = normalizedWeight(side);
  const poolRatio = bdiv(bsub(supply, poolIn), supply);
  const newBalance = bmul(bpow(poolRatio, bdiv(BONE, share)), balance);
  return bmul(bsub(balance, newBalance), keptAfterFee(side, share));
}

/** Pool shares to burn for exactly `amountOut` of one token. */
export function poolInGivenSingleOut(side: SingleSide, amountOut: bigint): bigint {
  const { balance, supply } = side;
  const share = normalizedWeight(side);
  const amountOutBeforeFee = bdiv(amountOut, keptAfterFee(side, share));
  const tokenRatio = bdiv(bsub(balance, amountOutBeforeFee), balance);
  return bsub(supply, bmul(bpow(tokenRatio, share), supply));
}

function normalizedWeight({ weight, totalWeight }: SingleSide): bigint {
  return bdiv(weight, totalWeight);
}

// A single-token join is a swap of the other tokens' share of it: only that part pays the fee.
function keptAfterFee({ swapFee }: SingleSide, share: bigint): bigint {
  return bsub(BONE, bmul(bsub(BONE, share), swapFee));
}
