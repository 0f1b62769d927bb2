/**
 * Joins and exits of one token step by step. The part by which the token's balance changes more than
 * the pool as a whole is a swap in disguise and pays the swap fee.
 *
 * @module
 */
import { math } from '@balancer/pools';
import type { Explanation } from './explanation.ts';
import {
  grossOfExit,
  netOfJoin,
  type PoolTokens,
  sharesOf,
  stableForTokens,
} from './token-formulas.ts';

const { ONE } = math;
const { mulDown, mulUp, divDown, divUp, complement } = math.fixedPoint;

/** From the scaled amount given to the scaled amount on the other side. */
export type ShareFormula = (out: Explanation, x: bigint) => bigint;

interface Way extends PoolTokens {
  /** Place of the token that is joined with or paid. */
  readonly index: number;
  /** Whether the amount given is of pool tokens. */
  readonly givesShares: boolean;
}

type Tokens = Way & { readonly amp: bigint; readonly revision: math.StableRevision };

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
      ? withFee(out, { index, moved, taxable, taxed: divUp(taxable, ONE - swapFee) })
      : lessFee(out, { index, moved, taxable, taxed: mulDown(taxable, ONE - swapFee) }, 'down');
  };

  const forTokens: ShareFormula = (out, x) =>
    stableForTokens(
      out,
      pool,
      balances.map((_, i) => (i === index ? x : 0n)),
    );
  return pool.givesShares ? forShares : forTokens;
}

type Token = Way & {
  readonly weights: readonly bigint[];
  readonly revision: math.WeightedRevision;
};

/** The formula of a weighted pool with its own token. */
export function weightedFormula(pool: Token): ShareFormula {
  const { balances, weights, index, supply, swapFee, revision, isJoin } = pool;
  const [balance, weight] = [balances[index]!, weights[index]!];
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
    const kept = complement(swapFee);
    if (isJoin) return withFee(out, { index, moved, taxable, taxed: divUp(taxable, kept) });
    const taxed = revision.mulExitTax(taxable, kept);
    return lessFee(out, { index, moved, taxable, taxed }, revision.name === 'W1' ? 'down' : 'up');
  };

  const forTokens: ShareFormula = (out, x) => {
    const rounding = isJoin ? 'down' : 'up';
    const name = isJoin ? 'balance + x' : 'balance - x';
    const ratio = isJoin ? divDown(balance + x, balance) : divUp(balance - x, balance);
    out.add('ratio', `(${name}) / balance`, ratio, rounding);
    const weighted = isJoin ? mulDown(ratio, weight) : mulUp(ratio, weight);
    const whole = weighted + complement(weight);
    out.add('poolRatio', 'ratio * weight + 1 - weight', whole, rounding);
    const change = { pool, amount: x, index, ratio, whole };
    const net = isJoin
      ? netOfJoin(out, { ...change, takesFeeOf: 'amount' })
      : grossOfExit(out, change);
    const after = divDown(isJoin ? balance + net : balance - net, balance);
    out.add('ratioAfter', 'balance after / balance', after, 'down');
    const growth = out.add('growth', 'ratioAfter ^ weight', powDown(after, weight), 'down');
    return sharesOf(out, supply, growth, isJoin);
  };
  return pool.givesShares ? forShares : forTokens;
}

/** What one token's balance moves by for pool tokens, and the part of it that pays the swap fee. */
interface Taxed {
  readonly index: number;
  readonly moved: bigint;
  readonly taxable: bigint;
  /** The taxable part with its fee added or taken. */
  readonly taxed: bigint;
}

function withFee(out: Explanation, { index, moved, taxable, taxed }: Taxed): bigint {
  out.charge(index, taxed - taxable);
  const formula = 'moved - taxable + taxable / (1 - swapFee)';
  return out.add('scaledIn', formula, moved - taxable + taxed, 'up');
}

function lessFee(
  out: Explanation,
  { index, moved, taxable, taxed }: Taxed,
  rounding: 'up' | 'down',
): bigint {
  out.charge(index, taxable - taxed);
  const formula = 'moved - taxable + taxable * (1 - swapFee)';
  return out.add('scaledOut', formula, moved - taxable + taxed, rounding);
}
