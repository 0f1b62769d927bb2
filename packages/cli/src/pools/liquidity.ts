/**
 * `balancer pools join` and `exit`: what goes in and comes out, at which price, with which fees.
 *
 * Prices are of pool shares in one token, the first that moves; what else moves is counted at its spot
 * price in that token. The price impact is how much worse the effective price is than the spot price.
 *
 * @module
 */
import { InputError, v2 } from '@balancer/pools';
import { findToken, type Liquidity, type OpenPool, type PoolToken } from './open-pool.ts';
import { percent, print, printJson, printSteps, stepsJson } from './output.ts';
import type { PoolOptions, PoolsIo } from './register.ts';
import { formatUnits, parseUnits } from './units.ts';

/** Options of both commands. */
export interface LiquidityOptions extends PoolOptions {
  readonly amounts?: string;
  readonly shares?: string;
  readonly token?: string;
  readonly explain?: boolean;
}

/** Prints a join or an exit. @returns The exit code. */
export function liquidity(
  pool: OpenPool,
  way: 'join' | 'exit',
  options: LiquidityOptions,
  io: PoolsIo,
): number {
  const request = liquidityOf(pool, options);
  const moved = way === 'join' ? pool.join(request) : pool.exit(request);
  const { steps, fees } = pool.explainLiquidity(way, request);
  const priced = pricesOf(pool, way, moved);
  const listed = (amounts: readonly bigint[]): { token: string; amount: string }[] =>
    pool.tokens.map(({ symbol, decimals }, i) => ({
      token: symbol,
      amount: formatUnits(amounts[i]!, decimals),
    }));
  const answer = {
    pool: pool.kind,
    [way]: listed(moved.amounts),
    shares: formatUnits(moved.shares, 18),
    fees: listed(fees).filter((_, i) => fees[i]! > 0n),
    ...priced,
    raw: { amounts: moved.amounts.map(String), shares: moved.shares.toString() },
    ...(options.explain && { steps: stepsJson(steps) }),
  };
  if (options.json) return printJson(io, answer);
  const price = `${priced.priceToken ?? 'none'} per BPT`;
  const shown = (value: number | null): string => (value === null ? 'none' : `${value} ${price}`);
  const fee = answer.fees.map(({ token, amount }) => `${amount} ${token}`).join(', ');
  print(io, [
    ['pool', pool.kind],
    ...listed(moved.amounts).map(({ token, amount }): [string, string] => [
      way === 'join' ? 'in' : 'out',
      `${amount} ${token}`,
    ]),
    ['shares', `${answer.shares} ${way === 'join' ? 'minted' : 'burned'}`],
    ['fee', fee === '' ? 'none' : fee],
    ['spot price', shown(priced.spotPrice)],
    ['effective price', shown(priced.effectivePrice)],
    ['price impact', priced.priceImpact === null ? 'none' : percent(priced.priceImpact)],
  ]);
  if (options.explain) printSteps(io, steps);
  return 0;
}

interface Prices {
  /** The token that a share is priced in; null when nothing moves. */
  readonly priceToken: string | null;
  readonly spotPrice: number | null;
  readonly effectivePrice: number | null;
  readonly priceImpact: number | null;
}

function pricesOf(
  pool: OpenPool,
  way: 'join' | 'exit',
  moved: { readonly amounts: readonly bigint[]; readonly shares: bigint },
): Prices {
  const unit = pool.tokens.find((_, i) => moved.amounts[i]! > 0n);
  if (unit === undefined || moved.shares === 0n) {
    return { priceToken: null, spotPrice: null, effectivePrice: null, priceImpact: null };
  }
  const spot = pool.spot(unit, pool.share);
  const effective = pool.tokens.reduce<v2.Rational>(
    (sum, token, i) => {
      if (moved.amounts[i] === 0n) return sum;
      const price = token === unit ? { num: 1n, den: 1n } : pool.spot(unit, token);
      const num = moved.amounts[i]! * price.num * 10n ** 18n;
      const den = price.den * 10n ** BigInt(token.decimals) * moved.shares;
      return { num: sum.num * den + num * sum.den, den: sum.den * den };
    },
    { num: 0n, den: 1n },
  );
  // Who exits wants more per share, who joins less.
  const impact = way === 'join' ? v2.priceImpact(spot, effective) : v2.priceImpact(effective, spot);
  return {
    priceToken: unit.symbol,
    spotPrice: v2.toNumber(spot),
    effectivePrice: v2.toNumber(effective),
    priceImpact: impact,
  };
}

function liquidityOf(pool: OpenPool, options: LiquidityOptions): Liquidity {
  const { amounts, shares, token } = options;
  if ((amounts === undefined) === (shares === undefined)) {
    throw new InputError('--amounts or --shares', 'exactly one of the two must be given');
  }
  if (shares === undefined) {
    if (token !== undefined) {
      throw new InputError('--token', 'goes with --shares; --amounts names its tokens itself');
    }
    return { by: 'tokens', amounts: amountsOf(pool, amounts ?? '') };
  }
  const parsed = parseUnits(shares, 18, '--shares');
  return token === undefined
    ? { by: 'shares', shares: parsed }
    : { by: 'one-token', shares: parsed, token: heldToken(pool, token, '--token') };
}

function amountsOf(pool: OpenPool, list: string): bigint[] {
  const amounts = new Map<PoolToken, bigint>();
  for (const part of list.split(',')) {
    const [name = '', amount, more] = part.split('=').map((text) => text.trim());
    if (amount === undefined || more !== undefined) {
      throw new InputError(
        '--amounts',
        `must be SYMBOL=decimal, separated by commas; got "${list}"`,
      );
    }
    const token = heldToken(pool, name, '--amounts');
    if (amounts.has(token)) throw new InputError('--amounts', `${name} is given twice`);
    amounts.set(token, parseUnits(amount, token.decimals, `--amounts ${name}`));
  }
  return pool.tokens.map((token) => amounts.get(token) ?? 0n);
}

/** A token that the pool holds, which its own is not. */
function heldToken(pool: OpenPool, name: string, option: string): PoolToken {
  const token = findToken(pool, name, option);
  if (token !== pool.share) return token;
  throw new InputError(option, 'must be a token other than the pool token; give that by --shares');
}
