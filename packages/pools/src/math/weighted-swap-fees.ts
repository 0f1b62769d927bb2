/**
 * The swap fees inside joins and exits of weighted pools, per token: what the formulas of
 * `weighted.ts` take on the way to their result. Investment pools give their owner a share of them.
 *
 * @module
 */
import { add, complement, divDown, divUp, mulDown, mulUp, sub } from './fixed-point.ts';
import {
  amountInAfterFee,
  amountOutBeforeFee,
  tokenInBeforeFee,
  tokenOutBeforeFee,
  type WeightedRevision,
  type WeightedToken,
  type WeightedTokens,
} from './weighted.ts';

/** Fees of a join for exact amounts of every token, 18 decimals. */
export function feesOfExactTokensIn(
  join: WeightedTokens & { readonly amountsIn: readonly bigint[] },
  revision: WeightedRevision,
): bigint[] {
  const { balances, weights, amountsIn, swapFee } = join;
  const ratios = balances.map((balance, i) => divDown(add(balance, amountsIn[i]!), balance));
  const joinRatio = ratios.reduce((sum, ratio, i) => sum + mulDown(ratio, weights[i]!), 0n);
  return balances.map((balance, i) => {
    const amountIn = amountsIn[i]!;
    return ratios[i]! > joinRatio
      ? amountIn - amountInAfterFee({ balance, amountIn, joinRatio, swapFee }, revision)
      : 0n;
  });
}

/** Fees of an exit for exact amounts of every token, 18 decimals. */
export function feesOfExactTokensOut(
  exit: WeightedTokens & { readonly amountsOut: readonly bigint[] },
): bigint[] {
  const { balances, weights, amountsOut, swapFee } = exit;
  const ratios = balances.map((balance, i) => divUp(sub(balance, amountsOut[i]!), balance));
  const exitRatio = ratios.reduce((sum, ratio, i) => sum + mulUp(ratio, weights[i]!), 0n);
  return balances.map((balance, i) => {
    const amountOut = amountsOut[i]!;
    return exitRatio > ratios[i]!
      ? amountOutBeforeFee({ balance, amountOut, exitRatio, swapFee }) - amountOut
      : 0n;
  });
}

/** Fee of a join of one token for exactly `bptOut`, 18 decimals. */
export function feeOfTokenIn(
  join: WeightedToken & { readonly bptOut: bigint },
  revision: WeightedRevision,
): bigint {
  const { taxable } = tokenInBeforeFee(join, revision);
  return divUp(taxable, complement(join.swapFee)) - taxable;
}

/** Fee of an exit to one token for exactly `bptIn`, 18 decimals. */
export function feeOfTokenOut(
  exit: WeightedToken & { readonly bptIn: bigint },
  revision: WeightedRevision,
): bigint {
  const { taxable } = tokenOutBeforeFee(exit, revision);
  return mulUp(taxable, exit.swapFee);
}
