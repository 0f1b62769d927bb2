import { describe, expect, test } from 'vitest';
import { float } from '@balancer/pools';

const COUNT = 400_000;
// A boxed number per swap would be 12 bytes or more each; what is left is the compiler's.
const ALLOWED = COUNT;

function swaps() {
  const tokensIn = Uint8Array.from({ length: COUNT }, (_, i) => i % 2);
  return {
    tokensIn,
    tokensOut: tokensIn.map((token) => 1 - token),
    amountsIn: new Float64Array(COUNT).fill(0.25),
    amountsOut: new Float64Array(COUNT),
  };
}

/** Fewest bytes that any of six runs added to the heap: the compiler allocates during some. */
function allocated(run: () => void): number {
  const added = Array.from({ length: 6 }, () => {
    globalThis.gc!();
    const before = process.memoryUsage().heapUsed;
    run();
    return process.memoryUsage().heapUsed - before;
  });
  return Math.min(...added);
}

describe('swapMany', () => {
  test('of float.weighted allocates nothing per swap', () => {
    const balances = Float64Array.of(1e6, 2e6);
    const pool = { balances, weights: Float64Array.of(0.8, 0.2), swapFee: 0.003 };
    const batch = swaps();
    expect(allocated(() => void float.weighted.swapMany(pool, batch))).toBeLessThan(ALLOWED);
  });

  test('of float.stable allocates nothing per swap', () => {
    const pool = { amp: 200, balances: Float64Array.of(1e6, 1e6), swapFee: 0.0004 };
    const batch = swaps();
    expect(allocated(() => void float.stable.swapMany(pool, batch))).toBeLessThan(ALLOWED);
  });
});
