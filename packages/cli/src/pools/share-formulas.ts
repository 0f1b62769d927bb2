/**
 * Joins and exits of one token step by step. The part by which the token's balance changes more than
 * the pool as a whole is a swap in disguise and pays the swap fee.
 *
 * @module
 */
import { math } from '@balancer/pools';
import type { Explanation } from './explanation.ts';

const { ONE } = math;
const { mulDown, mulUp, divDown, divUp, complement } = math.fixedPoint;

/** From the scaled amount given to the scaled amount on the other side. */
export type ShareFormula = (out: Explanation, x: bigint) => bigint;

interface Way {
  readonly isJoin: boolean;
  /** Whether the amount given is of pool tokens. */
  readonly givesShares: boolean;
}

type Tokens = Way & {
  readonly amp: bigint;
  readonly balances: readonly bigint[];
  readonly index: number;
  readonly supply: bigint;
  readonly swapFee: bigint;
  readonly revision: math.StableRevision;
};

/** The formula of a stable pool with its own token. */
export function stableFormula(pool: Tokens): ShareFormula {
  const { amp, balances, index, supply, swapFee, revision, isJoin } = pool;
  const balance = balances[index]!;
  const sum = balances.reduce((total, each) => total + each, 0n);
  const isRounded = revision.name === 'S1';

  const forShares: ShareFormula = (out, x) => {
    const name = isJoin ? 'S + x' : 'S - x';
    const after = isJoin ? supply + x : supply - x;
    const d = revision.invariant(amp, balances, true);
    out.add('D', 'invariant of the balances', d, isRounded ? 'up' : 'down');
    const ratio = out.add('ratio', `(${name}) / S`, divUp(after, supply), 'up');
    const newD = out.add("D'", 'D * ratio', mulUp(ratio, d), 'up');
    const newBalance = math.stable.balanceGivenInvariant(amp, balances, newD, index);
    out.add('balanceAfter', "balance that gives D'", newBalance, 'up');
    const moved = isJoin ? newBalance - balance : balance - newBalance;
    out.add('moved', 'change of the balance', moved, 'exact');
    const share = out.add('share', 'balance / sum of balances', divDown(balance, sum), 'down');
    const taxable = mulUp(moved, complement(share));
    out.add('taxable', 'moved * (1 - share)', taxable, 'up');
    return isJoin
      ? withFee(out, moved, taxable, ONE - swapFee)
      : lessFee(out, moved, mulDown(taxable, ONE - swapFee), taxable, 'down');
  };

  const forTokens: ShareFormula = (out, x) => {
    const div = isJoin ? divDown : divUp;
    const mul = isJoin ? mulDown : mulUp;
    const rounding = isJoin ? 'down' : 'up';
    const name = isJoin ? 'balance + x' : 'balance - x';
    const moved = isJoin ? balance + x : balance - x;
    const ratio = out.add('ratio', `(${name}) / balance`, div(moved, balance), rounding);
    const whole = balances.reduce(
      (total, each, i) => total + mul(i === index ? ratio : ONE, div(each, sum)),
      0n,
    );
    out.add('poolRatio', 'sum of all ratios * shares', whole, rounding);
    const net = isJoin
      ? netOfJoin(out, { balance, x, ratio, whole, swapFee, revision: 'stable' })
      : grossOfExit(out, { balance, x, ratio, whole, swapFee });
    const after = balances.with(index, isJoin ? balance + net : balance - net);
    const d = revision.invariant(amp, balances, true);
    out.add('D', 'invariant of the balances', d, isRounded ? 'up' : 'down');
    const newD = revision.invariant(amp, after, false);
    out.add("D'", 'invariant of the balances after', newD, 'down');
    const growth = out.add('growth', "D' / D", divDown(newD, d), 'down');
    return sharesOf(out, supply, growth, isJoin);
  };
  return pool.givesShares ? forShares : forTokens;
}

type Token = Way & {
  readonly balance: bigint;
  readonly weight: bigint;
  readonly supply: bigint;
  readonly swapFee: bigint;
  readonly revision: math.WeightedRevision;
};

/** The formula of a weighted pool with its own token. */
export function weightedFormula(pool: Token): ShareFormula {
  const { balance, weight, supply, swapFee, revision, isJoin } = pool;
  const { powDown, powUp } = revision.fixedPoint;

  const forShares: ShareFormula = (out, x) => {
    const name = isJoin ? 'S + x' : 'S - x';
    const ratio = divUp(isJoin ? supply + x : supply - x, supply);
    out.add('ratio', `(${name}) / S`, ratio, 'up');
    const exponent = isJoin ? divUp(ONE, weight) : divDown(ONE, weight);
    out.add('exponent', '1 / weight', exponent, isJoin ? 'up' : 'down');
    const power = out.add('power', 'ratio ^ exponent', powUp(ratio, exponent), 'up');
    const moved = isJoin ? mulUp(balance, power - ONE) : mulDown(balance, complement(power));
    const formula = isJoin ? 'balance * (power - 1)' : 'balance * (1 - power)';
    out.add('moved', formula, moved, isJoin ? 'up' : 'down');
    const taxable = mulUp(moved, complement(weight));
    out.add('taxable', 'moved * (1 - weight)', taxable, 'up');
    return isJoin
      ? withFee(out, moved, taxable, complement(swapFee))
      : lessFee(out, moved, revision.mulExitTax(taxable, complement(swapFee)), taxable, 'up');
  };

  const forTokens: ShareFormula = (out, x) => {
    const rounding = isJoin ? 'down' : 'up';
    const name = isJoin ? 'balance + x' : 'balance - x';
    const ratio = isJoin ? divDown(balance + x, balance) : divUp(balance - x, balance);
    out.add('ratio', `(${name}) / balance`, ratio, rounding);
    const weighted = isJoin ? mulDown(ratio, weight) : mulUp(ratio, weight);
    const whole = weighted + complement(weight);
    out.add('poolRatio', 'ratio * weight + 1 - weight', whole, rounding);
    const net = isJoin
      ? netOfJoin(out, { balance, x, ratio, whole, swapFee, revision: 'weighted' })
      : grossOfExit(out, { balance, x, ratio, whole, swapFee });
    const after = divDown(isJoin ? balance + net : balance - net, balance);
    out.add('ratioAfter', 'balance after / balance', after, 'down');
    const growth = out.add('growth', 'ratioAfter ^ weight', powDown(after, weight), 'down');
    return sharesOf(out, supply, growth, isJoin);
  };
  return pool.givesShares ? forShares : forTokens;
}

interface Change {
  readonly balance: bigint;
  readonly x: bigint;
  readonly ratio: bigint;
  readonly whole: bigint;
  readonly swapFee: bigint;
}

/** What of an amount in counts. */
function netOfJoin(
  out: Explanation,
  change: Change & { readonly revision: 'stable' | 'weighted' },
): bigint {
  const { balance, x, ratio, whole, swapFee } = change;
  if (ratio <= whole) return x;
  const untaxed = mulDown(balance, whole > ONE ? whole - ONE : 0n);
  out.add('untaxed', 'balance * (poolRatio - 1)', untaxed, 'down');
  const taxable = out.add('taxable', 'x - untaxed', x - untaxed, 'exact');
  if (change.revision === 'stable') {
    const taxed = mulDown(taxable, ONE - swapFee);
    return out.add('net', 'untaxed + taxable * (1 - swapFee)', untaxed + taxed, 'down');
  }
  const fee = out.add('fee', 'taxable * swapFee', mulUp(taxable, swapFee), 'up');
  return out.add('net', 'x - fee', x - fee, 'exact');
}

/** What leaves the pool for an amount out, fee included. */
function grossOfExit(out: Explanation, change: Change): bigint {
  const { balance, x, ratio, whole, swapFee } = change;
  if (whole <= ratio) return x;
  const untaxed = mulDown(balance, complement(whole));
  out.add('untaxed', 'balance * (1 - poolRatio)', untaxed, 'down');
  const taxable = out.add('taxable', 'x - untaxed', x - untaxed, 'exact');
  const gross = untaxed + divUp(taxable, ONE - swapFee);
  return out.add('gross', 'untaxed + taxable / (1 - swapFee)', gross, 'up');
}

function withFee(out: Explanation, moved: bigint, taxable: bigint, kept: bigint): bigint {
  const paid = moved - taxable + divUp(taxable, kept);
  return out.add('scaledIn', 'moved - taxable + taxable / (1 - swapFee)', paid, 'up');
}

function lessFee(
  out: Explanation,
  moved: bigint,
  taxed: bigint,
  taxable: bigint,
  rounding: 'up' | 'down',
): bigint {
  const formula = 'moved - taxable + taxable * (1 - swapFee)';
  return out.add('scaledOut', formula, moved - taxable + taxed, rounding);
}

function sharesOf(out: Explanation, supply: bigint, growth: bigint, isJoin: boolean): bigint {
  if (!isJoin) {
    return out.add('scaledIn', 'S * (1 - growth)', mulUp(supply, complement(growth)), 'up');
  }
  const minted = growth > ONE ? mulDown(supply, growth - ONE) : 0n;
  return out.add('scaledOut', 'S * (growth - 1)', minted, 'down');
}
