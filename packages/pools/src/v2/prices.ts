/**
 * Prices: what a pool would give for an infinitely small swap without fee, as an exact fraction of
 * its present balances, and how far a real swap is from it.
 *
 * A price is the amount of the token in per unit of the token out, both in whole tokens.
 *
 * @module
 */
import { InputError } from '../errors.ts';
import { toNominal } from '../math/linear.ts';
import { rulesOf } from './kinds.ts';
import { unsupported } from './pool-authority.ts';
import { ampAt } from './pools/amp.ts';
import { composableBalances, composableScales } from './pools/composable.ts';
import { linearBalances, linearScales } from './pools/linear.ts';
import { managedWeights } from './pools/managed.ts';
import { plainScale, type Scale, totalsOf, upscaleAll, without } from './pools/scaling.ts';
import { stableScales } from './pools/stable.ts';
import { weightsOf } from './pools/weights.ts';
import type { Address, Pool, PoolId, WorldState } from './state.ts';
import { envOf, type Hooks, poolOf } from './transaction.ts';
import { getActualSupply } from './views.ts';

/** An exact non-negative fraction; `den` is above zero. */
export interface Rational {
  readonly num: bigint;
  readonly den: bigint;
}

/** The nearest `number` to a fraction, for display. */
export function toNumber(fraction: Rational): number {
  const { num, den } = fraction;
  if (num === 0n) return 0;
  // 64 significant bits of the quotient are more than a double keeps.
  const shift = BigInt(Math.max(0, bitLength(den) - bitLength(num) + 64));
  const down = BigInt(Math.max(0, bitLength(num) - bitLength(den) - 64));
  return Number((num << shift) / (den << down)) * 2 ** (Number(down) - Number(shift));
}

/**
 * Price of `tokenOut` in `tokenIn`; either may be the pool's own token.
 *
 * @throws {Revert} BAL#500 for an unknown pool.
 * @throws {InputError} When the pool has no such token, or a balance is zero.
 */
export function spotPrice(
  state: WorldState,
  pool: PoolId,
  pair: { readonly tokenIn: Address; readonly tokenOut: Address },
  hooks: Hooks = {},
): Rational {
  const found = poolOf(state, pool);
  // What is due as fees counts among the pool tokens, and is worth computing only when they are priced.
  const isOfShares = [pair.tokenIn, pair.tokenOut].includes(found.address);
  const supply =
    isOfShares && found.totalSupply > 0n ? getActualSupply(state, pool, hooks) : found.totalSupply;
  const values = marginalValues(found, { state, hooks, supply });
  const valueOf = (name: 'tokenIn' | 'tokenOut'): Rational => {
    const value = values.get(pair[name]);
    if (value === undefined) throw new InputError(name, `${pair[name]} is no token of this pool`);
    if (value.num === 0n || value.den === 0n)
      throw new InputError(name, 'has no price: its balance is 0');
    return value;
  };
  const [valueIn, valueOut] = [valueOf('tokenIn'), valueOf('tokenOut')];
  return reduced({ num: valueOut.num * valueIn.den, den: valueOut.den * valueIn.num });
}

/**
 * What a swap paid per unit out, in whole tokens.
 *
 * @throws {InputError} When nothing came out, or a token is unknown.
 */
export function effectivePrice(
  state: WorldState,
  swap: {
    readonly tokenIn: Address;
    readonly tokenOut: Address;
    readonly amountIn: bigint;
    readonly amountOut: bigint;
  },
): Rational {
  if (swap.amountOut === 0n) throw new InputError('amountOut', 'must be above 0');
  return reduced({
    num: swap.amountIn * unitOf(state, swap.tokenOut),
    den: swap.amountOut * unitOf(state, swap.tokenIn),
  });
}

/** How much worse the effective price is than the spot price: 0.01 for 1 %; fees count. */
export function priceImpact(spot: Rational, effective: Rational): number {
  const num = effective.num * spot.den - spot.num * effective.den;
  const den = spot.num * effective.den;
  return num < 0n ? -toNumber({ num: -num, den }) : toNumber({ num, den });
}

/** Value of one whole token, by token, in a unit that the tokens of a pool share. */
function marginalValues(
  pool: Pool,
  at: { readonly state: WorldState; readonly hooks: Hooks; readonly supply: bigint },
): Map<Address, Rational> {
  const { state, hooks, supply } = at;
  const { time } = state;
  switch (pool.family) {
    case 'weighted':
      return weightedValues(pool, pool.tokens, {
        weights: weightsOf(pool, time),
        balances: upscaleAll(totalsOf(pool), pool.scalingFactors.map(plainScale)),
        supply,
      });
    case 'managed':
      return weightedValues(pool, pool.tokens.slice(1), {
        weights: managedWeights(pool, time),
        balances: upscaleAll(totalsOf(pool), pool.scalingFactors.map(plainScale)).slice(1),
        supply,
      });
    case 'stable': {
      const scales = stableScales(pool);
      const balances = upscaleAll(totalsOf(pool), scales);
      const amp = ampAt(pool.amp, time);
      const d = rulesOf(pool).revision.invariant(amp, balances, true);
      return stableValues(pool, pool.tokens, { amp, balances, d, supply, scales });
    }
    case 'composable': {
      const scales = composableScales(pool);
      const balances = composableBalances(pool, scales);
      const amp = ampAt(pool.amp, time);
      const d = rulesOf(pool).revision.invariant(amp, balances, true);
      const tokens = without(pool.tokens, pool.bptIndex);
      return stableValues(pool, tokens, { amp, balances, d, supply, scales });
    }
    case 'linear':
      return linearValues(pool, state, hooks);
    default:
      return unsupported(pool, 'spot price');
  }
}

/** The invariant grows by w / b of itself per token, and pool tokens share it. */
function weightedValues(
  pool: Pool,
  tokens: readonly Address[],
  at: {
    readonly weights: readonly bigint[];
    readonly balances: readonly bigint[];
    readonly supply: bigint;
  },
): Map<Address, Rational> {
  const values = new Map<Address, Rational>();
  tokens.forEach((token, i) => values.set(token, { num: at.weights[i]!, den: at.balances[i]! }));
  values.set(pool.address, { num: 10n ** 18n, den: at.supply });
  return values;
}

/**
 * With q = D^(n+1) / (n^n P), the derivative of the invariant by x is
 * (A n + q / x) / (A n - 1 + (n + 1) q / D); only its numerator differs between tokens.
 */
function stableValues(
  pool: Pool,
  tokens: readonly Address[],
  at: {
    readonly amp: bigint;
    readonly balances: readonly bigint[];
    readonly d: bigint;
    readonly supply: bigint;
    readonly scales: readonly Scale[];
  },
): Map<Address, Rational> {
  const { amp, balances, d, supply, scales } = at;
  const n = BigInt(balances.length);
  const product = balances.reduce((all, balance) => all * balance, n ** n);
  const power = d ** (n + 1n);
  const values = new Map<Address, Rational>();
  tokens.forEach((token, i) => {
    const rate = rateOf(pool, token, scales[i]!);
    const num = amp * n * product * balances[i]! + 1000n * power;
    values.set(token, { num: num * rate.num, den: 1000n * product * balances[i]! * rate.den });
  });
  // D per pool token, times the common denominator of the derivatives.
  const num = (amp * n - 1000n) * product * d + 1000n * (n + 1n) * power;
  values.set(pool.address, { num, den: 1000n * product * supply });
  return values;
}

/** Nominal value: the slope of the nominal main balance, the rate, and the share of a pool token. */
function linearValues(
  pool: Extract<Pool, { family: 'linear' }>,
  state: WorldState,
  hooks: Hooks,
): Map<Address, Rational> {
  const one = 10n ** 18n;
  const scales = linearScales(pool, envOf(state, hooks));
  const at = linearBalances(pool, scales);
  const { mainBalance, lowerTarget, upperTarget, fee } = at;
  let slope = one;
  if (mainBalance < lowerTarget) slope = one + fee;
  else if (mainBalance > upperTarget) slope = one - fee;
  const wrapped = pool.tokens[pool.wrappedIndex]!;
  const rate = rateOf(pool, wrapped, scales[pool.wrappedIndex]!);
  return new Map([
    [pool.tokens[pool.mainIndex]!, { num: slope, den: one }],
    [wrapped, rate],
    [pool.address, { num: toNominal(mainBalance, at) + at.wrappedBalance, den: at.bptSupply }],
  ]);
}

/** Scaled amount per whole token: the rate, exactly as the scaling factor has it. */
function rateOf(pool: Pool, token: Address, scale: Scale): Rational {
  const factor = pool.scalingFactors[pool.tokens.indexOf(token)]!;
  return { num: scale.numerator, den: scale.denominator * factor };
}

function unitOf(state: WorldState, token: Address): bigint {
  const found = state.tokens.get(token);
  if (found === undefined) throw new InputError('token', `${token} is no token of this world`);
  return 10n ** BigInt(found.decimals);
}

function reduced({ num, den }: Rational): Rational {
  const divisor = gcd(num, den);
  return divisor === 0n ? { num, den } : { num: num / divisor, den: den / divisor };
}

function gcd(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}

function bitLength(value: bigint): number {
  return value.toString(2).length;
}
