/**
 * Stable swaps on `number`, in decimal units, without iterating on the swap itself.
 *
 * With A = amplification * n, P the product of the balances and Q = D^(n+1) / (n^n P), the invariant
 * says A S = (A - 1) D + Q. A swap keeps D, so subtracting the equation before from the equation
 * after leaves A (in - out) = Q (rIn rOut - 1), where rIn and rOut are the ratios of old to new
 * balance: a quadratic in the amount, whose coefficients are free of cancellation. It keeps the
 * digits that solving for the new balance and subtracting would lose in a lopsided pool.
 *
 * Against exact mode (amplification 1 .. 5000, 2 to 5 tokens, balances of a token or more within a
 * factor of 1000 of each other, at most 30 % of a balance) amounts differ by less than 2e-14 of the
 * balance of the computed side; the invariant by less than 2e-15 of itself at any balances. At balances
 * below a token or more lopsided than that, exact mode's own rounding is greater: it keeps
 * n^n P / D^(n-1) in whole units, of which few are left there, and cuts terms to multiples of the
 * amplification's factor (`test/float/stable-rounding.ts` derives how far that goes; 4e-13 tokens at
 * balances from a thousandth of a token within a factor of 1000). There is no relative bound on small
 * amounts: exact mode rounds dust to 0.
 *
 * @module
 */
import type { FloatSwaps } from './weighted.ts';

/** Newton's method for D converges in far fewer rounds; this is where it gives up. */
const MAX_ROUNDS = 255;
/** D has settled when a round moves it by less than this fraction. */
const SETTLED = 2 ** -52;
/** A round that moves D by less than this fraction leaves an error of about its square. */
const NEARLY = 2 ** -30;

/** A pool; `invariant` is D of these balances, computed when left out. */
export interface StablePair {
  /** Amplification without a precision factor, 1 .. 5000. */
  readonly amp: number;
  readonly balances: ArrayLike<number>;
  readonly indexIn: number;
  readonly indexOut: number;
  readonly invariant?: number;
}

/** D of the balances; 0 when all are 0. Allocates nothing. */
export function invariant(amp: number, balances: ArrayLike<number>): number {
  const count = balances.length;
  let sum = 0;
  for (let i = 0; i < count; i++) sum += balances[i]!;
  if (sum === 0) return 0;

  const ampTimesCount = amp * count;
  let d = sum;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const q = productTerm(d, balances);
    const next =
      ((ampTimesCount * sum + count * q) * d) / ((ampTimesCount - 1) * d + (count + 1) * q);
    const change = Math.abs(next - d);
    d = next;
    if (change <= SETTLED * d) break;
  }
  return d;
}

/** Amount out for an amount in, fee already taken. Allocates nothing; never throws. */
export function outGivenIn(pair: StablePair & { readonly amountIn: number }): number {
  const { amp, balances, indexIn, indexOut, amountIn } = pair;
  const d = pair.invariant ?? invariant(amp, balances);
  const q = productTerm(d, balances);
  return solveOut(amp * balances.length, q, balances[indexIn]!, balances[indexOut]!, amountIn);
}

/** Amount in for an amount out, before the fee is added. Allocates nothing; never throws. */
export function inGivenOut(pair: StablePair & { readonly amountOut: number }): number {
  const { amp, balances, indexIn, indexOut, amountOut } = pair;
  const d = pair.invariant ?? invariant(amp, balances);
  const q = productTerm(d, balances);
  return solveIn(amp * balances.length, q, balances[indexIn]!, balances[indexOut]!, amountOut);
}

/** Units in per unit out at the margin, without fee. */
export function spotPrice({
  amp,
  balances,
  indexIn,
  indexOut,
  invariant: known,
}: StablePair): number {
  const a = amp * balances.length;
  const q = productTerm(known ?? invariant(amp, balances), balances);
  return (a + q / balances[indexOut]!) / (a + q / balances[indexIn]!);
}

/** A pool whose balances `swapMany` changes. */
export interface FloatStablePool {
  /** Amplification without a precision factor, 1 .. 5000. */
  readonly amp: number;
  /** Decimal units times the token's rate, one per token; written in place. */
  readonly balances: Float64Array;
  /** Fraction taken from each amount in and left in the pool. */
  readonly swapFee: number;
}

/**
 * Makes every swap in order, each on the balances that the one before left. D is solved from where
 * it was before the swap, which takes a round. Allocates nothing: the loops stand here and
 * not in functions, because a number that a call returns may be boxed.
 *
 * @returns The number of swaps made.
 */
export function swapMany(pool: FloatStablePool, swaps: FloatSwaps): number {
  const { amp, balances } = pool;
  const { tokensIn, tokensOut, amountsIn, amountsOut } = swaps;
  const tokenCount = balances.length;
  const a = amp * tokenCount;
  const kept = 1 - pool.swapFee;
  const count = amountsIn.length;
  let d = invariant(amp, balances);
  for (let i = 0; i < count; i++) {
    let sum = 0;
    let product = 1;
    for (let j = 0; j < tokenCount; j++) {
      sum += balances[j]!;
      product *= balances[j]! * tokenCount;
    }
    let q = 0;
    let settled = false;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      q = d / product;
      for (let j = 0; j < tokenCount; j++) q *= d;
      if (settled) break;
      const next = ((a * sum + tokenCount * q) * d) / ((a - 1) * d + (tokenCount + 1) * q);
      settled = Math.abs(next - d) <= NEARLY * d;
      d = next;
    }

    const tokenIn = tokensIn[i]!;
    const tokenOut = tokensOut[i]!;
    const amountIn = amountsIn[i]!;
    const balanceIn = balances[tokenIn]!;
    const amountOut = solveOut(a, q, balanceIn, balances[tokenOut]!, amountIn * kept);
    balances[tokenIn] = balanceIn + amountIn;
    balances[tokenOut] = balances[tokenOut]! - amountOut;
    amountsOut[i] = amountOut;
  }
  return count;
}

/** Q = D^(n+1) / (n^n P). */
function productTerm(d: number, balances: ArrayLike<number>): number {
  const count = balances.length;
  let q = d;
  for (let i = 0; i < count; i++) q *= d / (balances[i]! * count);
  return q;
}

// u = out / balanceOut solves A bo u^2 - (A (in + bo) + Q) u + in (A + Q / (bi + in)) = 0; the
// discriminant is rearranged into terms that do not cancel.
function solveOut(a: number, q: number, bi: number, bo: number, amountIn: number): number {
  const linear = a * (amountIn + bo) + q;
  const constant = amountIn * (a + q / (bi + amountIn));
  const gap = a * (amountIn - bo);
  const mixed = amountIn + (bo * (bi - amountIn)) / (bi + amountIn);
  const discriminant = gap * gap + q * q + 2 * a * q * mixed;
  return (2 * bo * constant) / (linear + Math.sqrt(discriminant));
}

// w = in / balanceIn solves A bi w^2 + (A (bi - out) + Q) w - out (A + Q / (bo - out)) = 0.
function solveIn(a: number, q: number, bi: number, bo: number, amountOut: number): number {
  const linear = a * (bi - amountOut) + q;
  const constant = amountOut * (a + q / (bo - amountOut));
  const root = Math.sqrt(linear * linear + 4 * a * bi * constant);
  return linear >= 0 ? (2 * bi * constant) / (linear + root) : (root - linear) / (2 * a);
}
