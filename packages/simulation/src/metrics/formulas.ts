/**
 * Closed forms of pool theory.
 *
 * Sources: J. Milionis, C. C. Moallemi, T. Roughgarden, A. L. Zhang, "Automated market making and
 * loss-versus-rebalancing", 2022; F. Martinelli, N. Mushegian, "A non-custodial portfolio manager,
 * liquidity provider, and price sensor", 2019.
 *
 * @module
 */

/**
 * Value of a weighted pool without fees against holding its first tokens, minus 1.
 *
 * @param weights - Sum to 1.
 * @param ratios - Price after over price before, per token.
 */
export function impermanentLoss(weights: readonly number[], ratios: readonly number[]): number {
  let logPool = 0;
  let held = 0;
  for (let i = 0; i < weights.length; i++) {
    logPool += weights[i]! * Math.log(ratios[i]!);
    held += weights[i]! * ratios[i]!;
  }
  return Math.exp(logPool) / held - 1;
}

/**
 * Loss versus rebalancing of a weighted pool a year, as a fraction of its value:
 * (sum w_i s_ii - sum w_i w_j s_ij) / 2 with the covariances s.
 *
 * @param covariance - Of yearly log returns.
 */
export function lvrRate(
  weights: readonly number[],
  covariance: readonly (readonly number[])[],
): number {
  let own = 0;
  let joint = 0;
  for (let i = 0; i < weights.length; i++) {
    own += weights[i]! * covariance[i]![i]!;
    for (let j = 0; j < weights.length; j++) {
      joint += weights[i]! * weights[j]! * covariance[i]![j]!;
    }
  }
  return (own - joint) / 2;
}

/** Covariances from volatilities and correlations. */
export function covarianceOf(
  volatilities: readonly number[],
  correlation: readonly (readonly number[])[],
): number[][] {
  return volatilities.map((a, i) =>
    volatilities.map((b, j) => a * b * (i === j ? 1 : correlation[i]![j]!)),
  );
}
