/**
 * How many swaps a second does the float mode price?
 *
 * @module
 */
import { float } from '@balancer/pools';
import { compare, sink } from './harness.ts';

const BATCH = 100_000;

/** Prints the batch and single forms. */
export function benchFloat(): void {
  const tokensIn = Uint8Array.from({ length: BATCH }, (_, i) => i % 2);
  const swaps = {
    tokensIn,
    tokensOut: tokensIn.map((token) => 1 - token),
    amountsIn: new Float64Array(BATCH).fill(0.25),
    amountsOut: new Float64Array(BATCH),
  };
  const [skewed, even] = [weightedPool(0.8), weightedPool(0.5)];
  const stable = { amp: 200, balances: Float64Array.of(1e6, 1e6, 1e6), swapFee: 0.0004 };
  const batches = (swapMany: () => void) => (count: number) => {
    for (let made = 0; made < count; made += BATCH) swapMany();
  };
  const count = 10 * BATCH;
  compare('float swaps', [
    {
      name: 'weighted 80/20, batch',
      count,
      run: batches(() => float.weighted.swapMany(skewed, swaps)),
    },
    {
      name: 'weighted 50/50, batch',
      count,
      run: batches(() => float.weighted.swapMany(even, swaps)),
    },
    {
      name: 'stable, 3 tokens, batch',
      count,
      run: batches(() => float.stable.swapMany(stable, swaps)),
    },
    {
      name: 'weighted 80/20, one by one',
      count,
      run: (times) => {
        const [balanceIn, weightIn, balanceOut, weightOut] = [1e6, 0.8, 2e6, 0.2];
        let sum = 0;
        for (let i = 0; i < times; i++) {
          const amountIn = 0.25 + (i & 1023);
          sum += float.weighted.outGivenIn({
            balanceIn,
            weightIn,
            balanceOut,
            weightOut,
            amountIn,
          });
        }
        sink.value = sum;
      },
    },
  ]);
}

function weightedPool(first: number): float.weighted.FloatWeightedPool {
  return {
    balances: Float64Array.of(1e6, 2e6),
    weights: Float64Array.of(first, 1 - first),
    swapFee: 0.003,
  };
}
