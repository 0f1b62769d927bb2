/**
 * How fast is one exact swap, beside the libraries that compute the same integers' formulas?
 *
 * The libraries' generations differ in a guard or a rounding; the work is the same. The floor is the
 * power alone.
 *
 * @module
 */
import { Stable, SwapKind, _computeOutGivenExactIn } from '@balancer-labs/balancer-maths';
import { StableMathBigInt, WeightedMaths } from '@balancer-labs/sor';
import { math, v1 } from '@balancer/pools';
import { compare, sink } from './harness.ts';

const ONE = 10n ** 18n;

// The library names what it exports with an underscore.
const { _calcOutGivenIn: sorWeighted } = WeightedMaths;
const { _calcOutGivenIn: sorStable } = StableMathBigInt;

/** Amounts made beforehand: making one costs a third of the cheapest swap. */
const AMOUNTS = Array.from({ length: 1024 }, (_, i) => 37n * ONE + BigInt(i) * 1_000_003n);

function repeat(once: (amount: bigint) => unknown): (count: number) => void {
  return (count) => {
    for (let i = 0; i < count; i++) sink.value = once(AMOUNTS[i & 1023]!);
  };
}

function weighted(weightIn: bigint): void {
  const weightOut = ONE - weightIn;
  const pair = { balanceIn: 1000n * ONE, weightIn, balanceOut: 2000n * ONE, weightOut };
  const { balanceIn, balanceOut } = pair;
  const percent = (weight: bigint) => Number((weight * 100n) / ONE);
  compare(`exact weighted swap, ${percent(weightIn)}/${percent(weightOut)}`, [
    {
      name: 'ours',
      run: repeat((amountIn) =>
        math.weighted.outGivenIn({ balanceIn, weightIn, balanceOut, weightOut, amountIn }, math.W2),
      ),
    },
    {
      name: '@balancer-labs/balancer-maths 0.0.41',
      run: repeat((amountIn) =>
        _computeOutGivenExactIn(balanceIn, weightIn, balanceOut, weightOut, amountIn),
      ),
    },
    {
      name: '@balancer-labs/sor 4.1.3',
      run: repeat((amountIn) =>
        sorWeighted(balanceIn, weightIn, balanceOut, weightOut, amountIn, 0n),
      ),
    },
  ]);
}

function power(): void {
  const { pow, powByBigint } = math.logExp;
  const exponent = (ONE * 3n) / 7n;
  const base = (amount: bigint) => (ONE * 962n) / 1000n + (amount & 1023n);
  compare('power alone, base 0.962', [
    { name: 'pairs of doubles, certified', run: repeat((i) => pow(base(i), exponent)) },
    { name: 'bigint, step by step', run: repeat((i) => powByBigint(base(i), exponent)) },
  ]);
}

function stable(): void {
  const amp = 200_000n;
  const balances = [1_000_000n * ONE, 1_100_000n * ONE, 950_000n * ONE];
  const [indexIn, indexOut] = [0, 1];
  const invariant = math.stable.invariant({ amp, balances, roundUp: true }, math.S2);
  const peer = new Stable({ amp });
  compare('exact stable swap, 3 tokens', [
    {
      name: 'ours, invariant cached',
      run: repeat((amountIn) =>
        math.stable.outGivenIn({ amp, balances, indexIn, indexOut, amountIn, invariant }, math.S2),
      ),
    },
    {
      name: 'ours, invariant computed',
      run: repeat((amountIn) =>
        math.stable.outGivenIn({ amp, balances, indexIn, indexOut, amountIn }, math.S2),
      ),
    },
    {
      name: '@balancer-labs/balancer-maths 0.0.41',
      run: repeat((amount) =>
        peer.onSwap({
          swapKind: SwapKind.GivenIn,
          amountGivenScaled18: amount,
          balancesLiveScaled18: balances,
          indexIn,
          indexOut,
        }),
      ),
    },
    {
      name: '@balancer-labs/sor 4.1.3',
      run: repeat((amount) => sorStable(amp, [...balances], indexIn, indexOut, amount, 0n)),
    },
  ]);
}

function v1Swap(): void {
  const swapFee = 3n * 10n ** 15n;
  const sides = (weightIn: bigint, weightOut: bigint): v1.math.TradeSides => ({
    balanceIn: 1000n * ONE,
    weightIn: weightIn * ONE,
    balanceOut: 2000n * ONE,
    weightOut: weightOut * ONE,
    swapFee,
  });
  const whole = sides(40n, 10n);
  const fractional = sides(10n, 40n);
  compare('exact V1 swap', [
    { name: '80/20, whole exponent', run: repeat((a) => v1.math.outGivenIn(whole, a)) },
    { name: '20/80, series', run: repeat((a) => v1.math.outGivenIn(fractional, a)) },
  ]);
}

/** Prints every comparison of single swaps. */
export function benchSwaps(): void {
  weighted((ONE * 3n) / 10n);
  weighted(ONE / 2n);
  weighted((ONE * 8n) / 10n);
  power();
  stable();
  v1Swap();
}
