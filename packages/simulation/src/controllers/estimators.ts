/**
 * Exponentially weighted estimates of returns, kept as plain numbers so that a run can be saved.
 *
 * @module
 */

/** Variance and mean of log returns a step, per token. */
export interface EwmaState {
  readonly last: number[];
  readonly mean: number[];
  readonly variance: number[];
  count: number;
}

/** The state in a controller's memory, made when it is new. */
export function ewmaOf(memory: Record<string, unknown>, tokens: number): EwmaState {
  const fresh = (): number[] => Array.from({ length: tokens }, () => 0);
  memory['ewma'] ??= { last: fresh(), mean: fresh(), variance: fresh(), count: 0 };
  return memory['ewma'] as EwmaState;
}

/**
 * Takes a row of prices up.
 *
 * @param halfLife - Steps after which an observation counts half.
 */
export function updateEwma(state: EwmaState, prices: Float64Array, halfLife: number): void {
  const weight = 1 - 0.5 ** (1 / halfLife);
  for (let i = 0; i < prices.length; i++) {
    const price = prices[i]!;
    if (state.count > 0) {
      const r = Math.log(price / state.last[i]!);
      // The first returns count as a plain mean, so that an early estimate is not pulled towards 0.
      const share = Math.max(weight, 1 / state.count);
      state.mean[i] = state.mean[i]! + share * (r - state.mean[i]!);
      state.variance[i] = state.variance[i]! + share * (r * r - state.variance[i]!);
    }
    state.last[i] = price;
  }
  state.count++;
}
