/**
 * Stable pools: the StableSwap invariant D, between a constant sum and a constant product, solved by
 * Newton's method. Balances have 18 decimals; the amplification carries three (`AMP_PRECISION`).
 *
 * Two generations are deployed; they differ in how D is iterated and rounded.
 *
 * @see "StableSwap - efficient mechanism for Stablecoin liquidity", M. Egorov, 2019, and
 * `StableMath` in balancer-v2-monorepo.
 * @module
 */
import { revert } from '../errors.ts';
import * as uint from '../uint.ts';
import {
  certifiedBalance,
  certifiedInvariant2021,
  certifiedInvariant2022,
} from './certified-stable.ts';
import { add, complement, divDown, divUp, mulDown, mulUp, ONE, sub } from './fixed-point.ts';

/** Amplification is kept in thousandths. */
export const AMP_PRECISION: bigint = 1000n;
/** Smallest amplification, before the precision factor. */
export const MIN_AMP: bigint = 1n;
/** Greatest amplification, before the precision factor. */
export const MAX_AMP: bigint = 5000n;
/** Newton's method gives up after this many rounds. */
const MAX_ROUNDS = 255;

/** How one generation of deployed stable pools computes D. */
export interface StableRevision {
  readonly name: 'S1' | 'S2';
  /** D of these balances; `roundUp` has no effect where the revision always rounds down. */
  readonly invariant: (amp: bigint, balances: readonly bigint[], roundUp: boolean) => bigint;
  /** The same by the contract's own steps; what `invariant` runs where no shorter way is certain. */
  readonly invariantByBigint: StableRevision['invariant'];
}

/** Stable and metastable pools of 2021: D rounds as the caller asks. */
export const S1: StableRevision = revisionOf2021(322);

/** `S1` as phantom pools have it: with a revert of its own where D does not settle. */
export const S1_PHANTOM: StableRevision = revisionOf2021(321);

/** Pools from June 2022 on: D rounds down, and a balance of zero reverts BAL#004. */
export const S2: StableRevision = {
  name: 'S2',
  invariant: (amp, balances) =>
    certifiedInvariant2022(amp, balances) ?? invariantOf2022(amp, balances),
  invariantByBigint: invariantOf2022,
};

/** Amplification (with precision), balances, and D when the caller has it already. */
export interface StableBalances {
  readonly amp: bigint;
  readonly balances: readonly bigint[];
  /** D of `balances`; computed, rounded up where the revision rounds, when left out. */
  readonly invariant?: bigint;
}

/** A join or exit; `swapFee` is a fraction of 1.0. */
export interface StableSupply extends StableBalances {
  readonly supply: bigint;
  readonly swapFee: bigint;
}

/**
 * The invariant D.
 *
 * @throws {Revert} BAL#322 (S1), BAL#321 (the others) when 255 rounds do not suffice; BAL#004 (S2) for a
 * balance of zero beside others.
 */
export function invariant(
  pool: { readonly amp: bigint; readonly balances: readonly bigint[]; readonly roundUp?: boolean },
  revision: StableRevision,
): bigint {
  return revision.invariant(pool.amp, pool.balances, pool.roundUp ?? false);
}

/** D, or null when 255 rounds do not suffice. */
function revisionOf2021(unsettledError: number): StableRevision {
  const invariantByBigint: StableRevision['invariant'] = (amp, balances, roundUp) =>
    invariantOf2021(amp, balances, roundUp) ?? revert(unsettledError);
  return {
    name: 'S1',
    invariant: (amp, balances, roundUp) =>
      certifiedInvariant2021(amp, balances, roundUp) ?? invariantByBigint(amp, balances, roundUp),
    invariantByBigint,
  };
}

function invariantOf2021(
  amp: bigint,
  balances: readonly bigint[],
  roundUp: boolean,
): bigint | null {
  const tokenCount = BigInt(balances.length);
  const sum = sumOf(balances);
  if (sum === 0n) return 0n;

  const divUsual = roundUp ? uint.divUp : uint.divDown;
  const divOpposite = roundUp ? uint.divDown : uint.divUp;
  const ampTimesCount = amp * tokenCount;
  const ampTimesSum = uint.mul(ampTimesCount, sum);
  // Multiplying by the count ahead of the loop overflows exactly where the contract's order does.
  const multiples = balances.map((balance) => balance * tokenCount);
  let d = sum;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    let product = multiples[0]!;
    for (let j = 1; j < multiples.length; j++) {
      product = divUsual(uint.mul(product, multiples[j]!), d);
    }
    const previous = d;
    const numerator = uint.add(
      uint.mul(tokenCount * d, d),
      divUsual(uint.mul(ampTimesSum, product), AMP_PRECISION),
    );
    const denominator =
      (tokenCount + 1n) * d +
      divOpposite(uint.mul(ampTimesCount - AMP_PRECISION, product), AMP_PRECISION);
    d = divUsual(numerator, denominator);
    if (isWithinOne(d, previous)) return d;
  }
  return null;
}

function invariantOf2022(amp: bigint, balances: readonly bigint[]): bigint {
  const tokenCount = BigInt(balances.length);
  const sum = sumOf(balances);
  if (sum === 0n) return 0n;

  const ampTimesCount = amp * tokenCount;
  const ampTimesSum = uint.mul(ampTimesCount, sum) / AMP_PRECISION;
  const multiples = balances.map((balance) => balance * tokenCount);
  let d = sum;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    let product = d;
    for (let j = 0; j < multiples.length; j++) {
      product = uint.divDown(uint.mul(product, d), multiples[j]!);
    }
    const previous = d;
    d = uint.divDown(
      uint.mul(ampTimesSum + product * tokenCount, d),
      uint.mul(ampTimesCount - AMP_PRECISION, d) / AMP_PRECISION + (tokenCount + 1n) * product,
    );
    if (isWithinOne(d, previous)) return d;
  }
  return revert(321);
}

/**
 * The balance of token `index` that gives the invariant `d` together with the other balances,
 * rounded up.
 *
 * @throws {Revert} BAL#322 when 255 rounds do not suffice.
 */
export function balanceGivenInvariant(
  amp: bigint,
  balances: readonly bigint[],
  d: bigint,
  index: number,
): bigint {
  const certified = certifiedBalance(amp, balances, d, index);
  return certified ?? balanceByBigint(amp, balances, d, index);
}

/** `balanceGivenInvariant` by the contract's own steps, whatever the size of the pool. */
export function balanceByBigint(
  amp: bigint,
  balances: readonly bigint[],
  d: bigint,
  index: number,
): bigint {
  const tokenCount = BigInt(balances.length);
  const ampTimesCount = amp * tokenCount;
  let sum = balances[0]!;
  let product = balances[0]! * tokenCount;
  for (let j = 1; j < balances.length; j++) {
    product = uint.divDown(uint.mul(product, balances[j]! * tokenCount), d);
    sum = uint.add(sum, balances[j]!);
  }
  sum -= balances[index]!;

  const dSquared = uint.mul(d, d);
  const quotient = uint.divUp(dSquared, uint.mul(ampTimesCount, product));
  const c = uint.mul(uint.mul(quotient, AMP_PRECISION), balances[index]!);
  const b = uint.add(sum, (d / ampTimesCount) * AMP_PRECISION);

  // y = ceil((y^2 + c) / (2 y + b - D)), from above, until y settles.
  let balance = uint.divUp(uint.add(dSquared, c), uint.add(d, b));
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const previous = balance;
    const numerator = uint.add(uint.mul(balance, balance), c);
    // The square fits 256 bits, so twice the balance does.
    balance = uint.divUp(numerator, sub(uint.add(balance + balance, b), d));
    if (isWithinOne(balance, previous)) return balance;
  }
  return revert(322);
}

/** Indexes of the two tokens of a swap. */
export interface StablePair extends StableBalances {
  readonly indexIn: number;
  readonly indexOut: number;
}

/** Amount out for an amount in (fee already taken), rounded down. */
export function outGivenIn(
  swap: StablePair & { readonly amountIn: bigint },
  revision: StableRevision,
): bigint {
  const { amp, balances, indexIn, indexOut, amountIn } = swap;
  const d = currentInvariant(swap, revision);
  const after = balances.with(indexIn, add(balances[indexIn]!, amountIn));
  const finalBalanceOut = balanceGivenInvariant(amp, after, d, indexOut);
  return sub(sub(balances[indexOut]!, finalBalanceOut), 1n);
}

/** Amount in (before the fee is added) for an amount out, rounded up. */
export function inGivenOut(
  swap: StablePair & { readonly amountOut: bigint },
  revision: StableRevision,
): bigint {
  const { amp, balances, indexIn, indexOut, amountOut } = swap;
  const d = currentInvariant(swap, revision);
  const after = balances.with(indexOut, sub(balances[indexOut]!, amountOut));
  const finalBalanceIn = balanceGivenInvariant(amp, after, d, indexIn);
  return sub(finalBalanceIn, balances[indexIn]!) + 1n;
}

/** Pool tokens minted for exact amounts of every token, rounded down. */
export function bptOutGivenExactTokensIn(
  join: StableSupply & { readonly amountsIn: readonly bigint[] },
  revision: StableRevision,
): bigint {
  const { amp, balances, amountsIn, supply, swapFee } = join;
  const sum = sumOf(balances);
  const ratios: bigint[] = [];
  let joinRatio = 0n;
  for (let i = 0; i < balances.length; i++) {
    const balance = balances[i]!;
    const share = divDown(balance, sum);
    const ratio = divDown(add(balance, amountsIn[i]!), balance);
    joinRatio += mulDown(ratio, share);
    ratios.push(ratio);
  }

  const newBalances = balances.map((balance, i) => {
    const amountIn = amountsIn[i]!;
    if (ratios[i]! <= joinRatio) return add(balance, amountIn);
    const untaxed = mulDown(balance, sub(joinRatio, ONE));
    const taxable = sub(amountIn, untaxed);
    return add(balance, untaxed + mulDown(taxable, ONE - swapFee));
  });
  const d = currentInvariant(join, revision);
  const invariantRatio = divDown(revision.invariant(amp, newBalances, false), d);
  return invariantRatio > ONE ? mulDown(supply, invariantRatio - ONE) : 0n;
}

/** Amount of one token that mints exactly `bptOut`, fee included, rounded up. */
export function tokenInGivenExactBptOut(
  join: StableSupply & { readonly index: number; readonly bptOut: bigint },
  revision: StableRevision,
): bigint {
  const { amp, balances, index, bptOut, supply, swapFee } = join;
  const balance = balances[index]!;
  const d = currentInvariant(join, revision);
  const newD = mulUp(divUp(add(supply, bptOut), supply), d);
  const amountIn = sub(balanceGivenInvariant(amp, balances, newD, index), balance);
  const share = divDown(balance, sumOf(balances));
  const taxable = mulUp(amountIn, complement(share));
  return add(sub(amountIn, taxable), divUp(taxable, ONE - swapFee));
}

/** Pool tokens burned for exact amounts of every token, rounded up. */
export function bptInGivenExactTokensOut(
  exit: StableSupply & { readonly amountsOut: readonly bigint[] },
  revision: StableRevision,
): bigint {
  const { amp, balances, amountsOut, supply, swapFee } = exit;
  const sum = sumOf(balances);
  const ratios: bigint[] = [];
  let exitRatio = 0n;
  for (let i = 0; i < balances.length; i++) {
    const balance = balances[i]!;
    const share = divUp(balance, sum);
    const ratio = divUp(sub(balance, amountsOut[i]!), balance);
    exitRatio += mulUp(ratio, share);
    ratios.push(ratio);
  }

  const newBalances = balances.map((balance, i) => {
    const amountOut = amountsOut[i]!;
    if (exitRatio <= ratios[i]!) return sub(balance, amountOut);
    const untaxed = mulDown(balance, complement(exitRatio));
    const taxable = sub(amountOut, untaxed);
    return sub(balance, add(untaxed, divUp(taxable, ONE - swapFee)));
  });
  const d = currentInvariant(exit, revision);
  const invariantRatio = divDown(revision.invariant(amp, newBalances, false), d);
  return mulUp(supply, complement(invariantRatio));
}

/** Amount of one token paid for exactly `bptIn`, fee taken, rounded down. */
export function tokenOutGivenExactBptIn(
  exit: StableSupply & { readonly index: number; readonly bptIn: bigint },
  revision: StableRevision,
): bigint {
  const { amp, balances, index, bptIn, supply, swapFee } = exit;
  const balance = balances[index]!;
  const d = currentInvariant(exit, revision);
  const newD = mulUp(divUp(sub(supply, bptIn), supply), d);
  const amountOut = sub(balance, balanceGivenInvariant(amp, balances, newD, index));
  const share = divDown(balance, sumOf(balances));
  const taxable = mulUp(amountOut, complement(share));
  return sub(amountOut, taxable) + mulDown(taxable, ONE - swapFee);
}

/**
 * Protocol fee of one token since the last join or exit: the share `protocolSwapFee` of what the
 * balance of token `index` exceeds the one that gives the previous invariant. Rounded down.
 */
export function dueProtocolSwapFee(due: {
  readonly lastAmp: bigint;
  readonly balances: readonly bigint[];
  readonly lastInvariant: bigint;
  readonly index: number;
  readonly protocolSwapFee: bigint;
}): bigint {
  const { lastAmp, balances, lastInvariant, index, protocolSwapFee } = due;
  const previous = balanceGivenInvariant(lastAmp, balances, lastInvariant, index);
  const balance = balances[index]!;
  return balance <= previous ? 0n : mulDown(balance - previous, protocolSwapFee);
}

function currentInvariant(pool: StableBalances, revision: StableRevision): bigint {
  return pool.invariant ?? revision.invariant(pool.amp, pool.balances, true);
}

function sumOf(balances: readonly bigint[]): bigint {
  let sum = 0n;
  for (let i = 0; i < balances.length; i++) sum += balances[i]!;
  return sum;
}

function isWithinOne(a: bigint, b: bigint): boolean {
  const difference = a - b;
  return difference <= 1n && difference >= -1n;
}
