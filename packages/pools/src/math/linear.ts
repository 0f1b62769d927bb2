/**
 * Linear pools: a main token, a wrapped token of known rate, and pool tokens, all exchanged at par.
 * Swaps that move the main balance away from its targets pay a fee, swaps that move it back earn it:
 * the fee is a difference between the real and the nominal main balance. All amounts have 18
 * decimals; wrapped amounts are already multiplied by the rate.
 *
 * @see `LinearMath` in balancer-v2-monorepo.
 * @module
 */
import { divDown as quotientDown, divUp as quotientUp, mul } from '../uint.ts';
import { add, divDown, mulDown, ONE, sub } from './fixed-point.ts';

/** Swap fee outside of the targets, and the targets of the main balance. */
export interface LinearParams {
  readonly fee: bigint;
  readonly lowerTarget: bigint;
  readonly upperTarget: bigint;
}

/** Balances, virtual supply and parameters of a linear pool. */
export interface LinearPool extends LinearParams {
  readonly mainBalance: bigint;
  readonly wrappedBalance: bigint;
  readonly bptSupply: bigint;
}

/** A swap: the pool and the amount that is given. */
export interface LinearSwap extends LinearPool {
  readonly amount: bigint;
}

/** The nominal main balance: the real one less the fee that its distance from the targets costs. */
export function toNominal(real: bigint, params: LinearParams): bigint {
  const { fee, lowerTarget, upperTarget } = params;
  if (real < lowerTarget) return sub(real, mulDown(lowerTarget - real, fee));
  if (real <= upperTarget) return real;
  return sub(real, mulDown(real - upperTarget, fee));
}

/** The real main balance of a nominal one, rounded down. */
export function fromNominal(nominal: bigint, params: LinearParams): bigint {
  const { fee, lowerTarget, upperTarget } = params;
  if (nominal < lowerTarget) {
    return divDown(add(nominal, mulDown(fee, lowerTarget)), ONE + fee);
  }
  if (nominal <= upperTarget) return nominal;
  return divDown(sub(nominal, mulDown(fee, upperTarget)), sub(ONE, fee));
}

/** Nominal main plus wrapped balance. */
export function invariant(pool: LinearPool): bigint {
  return add(toNominal(pool.mainBalance, pool), pool.wrappedBalance);
}

/** Pool tokens out for an amount of the main token in, rounded down; 18 decimals. */
export function bptOutPerMainIn(swap: LinearSwap): bigint {
  const { amount, bptSupply } = swap;
  if (bptSupply === 0n) return toNominal(amount, swap);
  return quotientDown(mul(bptSupply, wrappedOutPerMainIn(swap)), invariant(swap));
}

/** Pool tokens in for an amount of the main token out, rounded up; 18 decimals. */
export function bptInPerMainOut(swap: LinearSwap): bigint {
  return quotientUp(mul(swap.bptSupply, wrappedInPerMainOut(swap)), invariant(swap));
}

/** Wrapped tokens out for an amount of the main token in; 18 decimals. */
export function wrappedOutPerMainIn(swap: LinearSwap): bigint {
  const { mainBalance, amount } = swap;
  return sub(toNominal(add(mainBalance, amount), swap), toNominal(mainBalance, swap));
}

/** Wrapped tokens in for an amount of the main token out; 18 decimals. */
export function wrappedInPerMainOut(swap: LinearSwap): bigint {
  const { mainBalance, amount } = swap;
  return sub(toNominal(mainBalance, swap), toNominal(sub(mainBalance, amount), swap));
}

/** Main tokens in for an amount of pool tokens out, whose value is rounded up; 18 decimals. */
export function mainInPerBptOut(swap: LinearSwap): bigint {
  const { amount, bptSupply } = swap;
  if (bptSupply === 0n) return fromNominal(amount, swap);
  const nominalIn = quotientUp(mul(invariant(swap), amount), bptSupply);
  return mainInPerWrappedOut({ ...swap, amount: nominalIn });
}

/** Main tokens out for an amount of pool tokens in, whose value is rounded down; 18 decimals. */
export function mainOutPerBptIn(swap: LinearSwap): bigint {
  const nominalOut = quotientDown(mul(invariant(swap), swap.amount), swap.bptSupply);
  return mainOutPerWrappedIn({ ...swap, amount: nominalOut });
}

/** Main tokens out for an amount of the wrapped token in; 18 decimals. */
export function mainOutPerWrappedIn(swap: LinearSwap): bigint {
  const { mainBalance, amount } = swap;
  return sub(mainBalance, fromNominal(sub(toNominal(mainBalance, swap), amount), swap));
}

/** Main tokens in for an amount of the wrapped token out; 18 decimals. */
export function mainInPerWrappedOut(swap: LinearSwap): bigint {
  const { mainBalance, amount } = swap;
  return sub(fromNominal(add(toNominal(mainBalance, swap), amount), swap), mainBalance);
}

/** Pool tokens out for an amount of the wrapped token in, rounded down; 18 decimals. */
export function bptOutPerWrappedIn(swap: LinearSwap): bigint {
  const { amount, bptSupply } = swap;
  if (bptSupply === 0n) return amount;
  const previous = invariant(swap);
  return sub(quotientDown(mul(bptSupply, add(previous, amount)), previous), bptSupply);
}

/** Pool tokens in for an amount of the wrapped token out, rounded up; 18 decimals. */
export function bptInPerWrappedOut(swap: LinearSwap): bigint {
  const { amount, bptSupply, wrappedBalance } = swap;
  const nominalMain = toNominal(swap.mainBalance, swap);
  const next = add(nominalMain, sub(wrappedBalance, amount));
  return sub(bptSupply, quotientDown(mul(bptSupply, next), add(nominalMain, wrappedBalance)));
}

/** Wrapped tokens in for an amount of pool tokens out, rounded up; 18 decimals. */
export function wrappedInPerBptOut(swap: LinearSwap): bigint {
  const { amount, bptSupply } = swap;
  if (bptSupply === 0n) return amount;
  return sub(wrappedAtSupply(swap, add(bptSupply, amount)), swap.wrappedBalance);
}

/** Wrapped tokens out for an amount of pool tokens in, rounded down; 18 decimals. */
export function wrappedOutPerBptIn(swap: LinearSwap): bigint {
  const { amount, bptSupply } = swap;
  return sub(swap.wrappedBalance, wrappedAtSupply(swap, sub(bptSupply, amount)));
}

/** Wrapped balance after the supply moves to `newSupply` at an unchanged main balance, rounded up. */
function wrappedAtSupply(pool: LinearPool, newSupply: bigint): bigint {
  const total = quotientUp(mul(newSupply, invariant(pool)), pool.bptSupply);
  return sub(total, toNominal(pool.mainBalance, pool));
}
