/**
 * Joins and exits for exact amounts of every token, step by step. The part by which a token's balance
 * changes more than the pool as a whole is a swap in disguise and pays the swap fee.
 *
 * @module
 */
import { math } from '@balancer/pools';
import type { Explanation } from './explanation.ts';

const { ONE } = math;
const { mulDown, mulUp, divDown, divUp, complement } = math.fixedPoint;

/** What a pool is when a join or an exit begins; scaled, without the pool's own token. */
export interface PoolTokens {
  readonly symbols: readonly string[];
  readonly balances: readonly bigint[];
  readonly supply: bigint;
  readonly swapFee: bigint;
  readonly isJoin: boolean;
}

/** Shares of a weighted pool for scaled amounts of every token. */
export function weightedForTokens(
  out: Explanation,
  pool: PoolTokens & {
    readonly weights: readonly bigint[];
    readonly revision: math.WeightedRevision;
  },
  amounts: readonly bigint[],
): bigint {
  const { symbols, balances, weights, revision, isJoin } = pool;
  const ratios = ratiosOf(out, pool, amounts);
  const mul = isJoin ? mulDown : mulUp;
  const whole = ratios.reduce((sum, ratio, i) => sum + mul(ratio, weights[i]!), 0n);
  out.add('poolRatio', 'sum of all ratios * weights', whole, isJoin ? 'down' : 'up');
  const changes = balances.map((_, index) => {
    const change = { pool, amount: amounts[index]!, index, ratio: ratios[index]!, whole };
    return isJoin ? netOfJoin(out, { ...change, takesFeeOf: 'amount' }) : grossOfExit(out, change);
  });
  let growth = ONE;
  balances.forEach((balance, i) => {
    const isSkipped =
      revision.skipsZeroAmounts && changes[i] === 0n && !isTaxed(isJoin, ratios[i]!, whole);
    if (isSkipped) return;
    const after = isJoin ? balance + changes[i]! : balance - changes[i]!;
    const ratio = divDown(after, balance);
    out.add(`ratioAfter ${symbols[i]}`, 'balance after / balance', ratio, 'down');
    const power = revision.fixedPoint.powDown(ratio, weights[i]!);
    out.add(`power ${symbols[i]}`, 'ratioAfter ^ weight', power, 'down');
    growth = mulDown(growth, power);
  });
  out.add('growth', 'product of all powers', growth, 'down');
  return sharesOf(out, pool.supply, growth, isJoin);
}

/** Shares of a stable pool for scaled amounts of every token. */
export function stableForTokens(
  out: Explanation,
  pool: PoolTokens & { readonly amp: bigint; readonly revision: math.StableRevision },
  amounts: readonly bigint[],
): bigint {
  const { balances, amp, revision, isJoin } = pool;
  const sum = balances.reduce((total, each) => total + each, 0n);
  const [mul, div] = isJoin ? [mulDown, divDown] : [mulUp, divUp];
  const ratios = ratiosOf(out, pool, amounts);
  const whole = ratios.reduce((total, ratio, i) => total + mul(ratio, div(balances[i]!, sum)), 0n);
  out.add('poolRatio', 'sum of all ratios * shares', whole, isJoin ? 'down' : 'up');
  const after = balances.map((balance, index) => {
    const change = { pool, amount: amounts[index]!, index, ratio: ratios[index]!, whole };
    return isJoin
      ? balance + netOfJoin(out, { ...change, takesFeeOf: 'rest' })
      : balance - grossOfExit(out, change);
  });
  const d = revision.invariant(amp, balances, true);
  out.add('D', 'invariant of the balances', d, revision.name === 'S1' ? 'up' : 'down');
  const newD = revision.invariant(amp, after, false);
  out.add("D'", 'invariant of the balances after', newD, 'down');
  const growth = out.add('growth', "D' / D", divDown(newD, d), 'down');
  return sharesOf(out, pool.supply, growth, isJoin);
}

/** Amounts that one token's balance, the pool as a whole and the fee go by. */
export interface Change {
  readonly pool: Pick<PoolTokens, 'symbols' | 'balances' | 'swapFee'>;
  readonly amount: bigint;
  readonly index: number;
  /** Balance after by balance before. */
  readonly ratio: bigint;
  /** The same of the pool as a whole. */
  readonly whole: bigint;
}

/** What of an amount in counts; weighted pools round the fee, stable pools what is left of the rest. */
export function netOfJoin(
  out: Explanation,
  change: Change & { readonly takesFeeOf: 'amount' | 'rest' },
): bigint {
  const { pool, amount, index, ratio, whole } = change;
  if (!isTaxed(true, ratio, whole)) return amount;
  const named = (name: string): string => `${name} ${pool.symbols[index]}`;
  const untaxed = mulDown(pool.balances[index]!, whole > ONE ? whole - ONE : 0n);
  out.add(named('untaxed'), 'balance * (poolRatio - 1)', untaxed, 'down');
  const taxable = amount - untaxed;
  out.add(named('taxable'), 'x - untaxed', taxable, 'exact');
  if (change.takesFeeOf === 'rest') {
    const taxed = mulDown(taxable, ONE - pool.swapFee);
    out.charge(index, taxable - taxed);
    return out.add(named('net'), 'untaxed + taxable * (1 - swapFee)', untaxed + taxed, 'down');
  }
  const fee = out.add(named('fee'), 'taxable * swapFee', mulUp(taxable, pool.swapFee), 'up');
  out.charge(index, fee);
  return out.add(named('net'), 'x - fee', amount - fee, 'exact');
}

/** What leaves the pool for an amount out, fee included. */
export function grossOfExit(out: Explanation, change: Change): bigint {
  const { pool, amount, index, ratio, whole } = change;
  if (!isTaxed(false, ratio, whole)) return amount;
  const named = (name: string): string => `${name} ${pool.symbols[index]}`;
  const untaxed = mulDown(pool.balances[index]!, complement(whole));
  out.add(named('untaxed'), 'balance * (1 - poolRatio)', untaxed, 'down');
  const taxable = amount - untaxed;
  out.add(named('taxable'), 'x - untaxed', taxable, 'exact');
  const gross = untaxed + divUp(taxable, ONE - pool.swapFee);
  out.charge(index, gross - amount);
  return out.add(named('gross'), 'untaxed + taxable / (1 - swapFee)', gross, 'up');
}

/** Pool tokens for the growth, or the shrinking, of the invariant. */
export function sharesOf(
  out: Explanation,
  supply: bigint,
  growth: bigint,
  isJoin: boolean,
): bigint {
  if (!isJoin)
    return out.add('shares', 'S * (1 - growth)', mulUp(supply, complement(growth)), 'up');
  const minted = growth > ONE ? mulDown(supply, growth - ONE) : 0n;
  return out.add('shares', 'S * (growth - 1)', minted, 'down');
}

function isTaxed(isJoin: boolean, ratio: bigint, whole: bigint): boolean {
  return isJoin ? ratio > whole : whole > ratio;
}

function ratiosOf(
  out: Explanation,
  { symbols, balances, isJoin }: PoolTokens,
  amounts: readonly bigint[],
): bigint[] {
  return balances.map((balance, i) => {
    const amount = amounts[i]!;
    const ratio = isJoin ? divDown(balance + amount, balance) : divUp(balance - amount, balance);
    const formula = isJoin ? '(balance + x) / balance' : '(balance - x) / balance';
    return out.add(`ratio ${symbols[i]}`, formula, ratio, isJoin ? 'down' : 'up');
  });
}
