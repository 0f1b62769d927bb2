/**
 * What the commands need of a pool, whichever generation it is.
 *
 * @module
 */
import { InputError, type v2 } from '@balancer/pools';

export interface PoolToken {
  readonly symbol: string;
  readonly decimals: number;
  readonly address: string;
  /** Raw units that the pool holds; for pool shares, their supply. */
  readonly balance: bigint;
}

/** A swap to be priced; `amount` is in raw units of the given side. */
export interface Trade {
  readonly tokenIn: PoolToken;
  readonly tokenOut: PoolToken;
  readonly given: 'in' | 'out';
  readonly amount: bigint;
}

export interface Priced {
  readonly amountIn: bigint;
  readonly amountOut: bigint;
  /** What stays in the pool as swap fee, and of which token; null where the difference of nominal values is. */
  readonly fee: { readonly amount: bigint; readonly token: PoolToken } | null;
}

/** A join or exit: exact tokens, or exact pool shares in all tokens or in one. */
export type Liquidity =
  | { readonly by: 'tokens'; readonly amounts: readonly bigint[] }
  | { readonly by: 'shares'; readonly shares: bigint }
  | { readonly by: 'one-token'; readonly shares: bigint; readonly token: PoolToken };

export interface Moved {
  /** Raw units, one per token, without sign. */
  readonly amounts: readonly bigint[];
  readonly shares: bigint;
}

/** One line of an explanation: a named value, how it came about, and how it was rounded. */
export interface ExplainedStep {
  readonly name: string;
  readonly formula: string;
  readonly value: bigint;
  readonly rounding: 'down' | 'up' | 'half up' | 'exact';
}

export interface ExplainedLiquidity {
  readonly steps: readonly ExplainedStep[];
  /** What stays in the pool as swap fee, one per token; raw units, rounded up. */
  readonly fees: readonly bigint[];
}

export interface OpenPool {
  /** Generation and kind: `weighted-3`, `v1`. */
  readonly kind: string;
  readonly tokens: readonly PoolToken[];
  /** The pool's own token. */
  readonly share: PoolToken;
  /** Price of the token out in the token in, in whole tokens, without fee. */
  spot(tokenIn: PoolToken, tokenOut: PoolToken): v2.Rational;
  /** @throws {Revert} What the contract reverts with. */
  quote(trade: Trade): Priced;
  /** @throws {Revert} What the contract reverts with. */
  join(request: Liquidity): Moved;
  /** @throws {Revert} What the contract reverts with. */
  exit(request: Liquidity): Moved;
  /** @throws {InputError} When the kind of swap has no explanation. */
  explain(trade: Trade): readonly ExplainedStep[];
  /** Of a join or an exit that the pool does. */
  explainLiquidity(way: 'join' | 'exit', request: Liquidity): ExplainedLiquidity;
}

/**
 * Finds a token by symbol or address; the pool's own answers to `BPT`.
 *
 * @throws {InputError} Naming the tokens that there are.
 */
export function findToken(pool: OpenPool, name: string, option: string): PoolToken {
  const all = [...pool.tokens, pool.share];
  const found = all.find((token) => token.symbol === name || token.address === name.toLowerCase());
  if (found !== undefined) return found;
  const known = all.map(({ symbol }) => symbol).join(', ');
  throw new InputError(option, `"${name}" is no token of this pool; it has ${known}`);
}
