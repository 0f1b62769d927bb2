/**
 * The Vault's record of one pool token: cash in the Vault, the part with an asset manager, and the
 * last block in which it changed.
 *
 * @module
 */
import { revert } from '../../errors.ts';
import { MAX_UINT112, sub } from '../../uint.ts';
import type { Pool, TokenBalance } from '../state.ts';

/** A token that was never paid in. */
export const NO_BALANCE: TokenBalance = { cash: 0n, managed: 0n, lastChangeBlock: 0n };

/** @throws {Revert} BAL#526 when the total reaches 2^112. */
export function increaseCash(balance: TokenBalance, amount: bigint, block: bigint): TokenBalance {
  return checked(balance.cash + amount, balance.managed, block);
}

/** @throws {Revert} BAL#001 when there is less cash than that. */
export function decreaseCash(balance: TokenBalance, amount: bigint, block: bigint): TokenBalance {
  return checked(sub(balance.cash, amount), balance.managed, block);
}

/** To the asset manager. @throws {Revert} BAL#001 when there is less cash than that. */
export function cashToManaged(balance: TokenBalance, amount: bigint): TokenBalance {
  const cash = sub(balance.cash, amount);
  return checked(cash, balance.managed + amount, balance.lastChangeBlock);
}

/** From the asset manager. @throws {Revert} BAL#001 when less is managed than that. */
export function managedToCash(balance: TokenBalance, amount: bigint): TokenBalance {
  const managed = sub(balance.managed, amount);
  return checked(balance.cash + amount, managed, balance.lastChangeBlock);
}

/** The asset manager reports a gain or a loss. @throws {Revert} BAL#526. */
export function withManaged(balance: TokenBalance, managed: bigint, block: bigint): TokenBalance {
  return checked(balance.cash, managed, block);
}

/**
 * The pool with these balances. V8 copies a copy of a copy slowly, by spread, a sixth of a swap, so
 * the family with the shortest formula is copied member by member.
 */
export function withBalances(pool: Pool, balances: readonly TokenBalance[]): Pool {
  if (pool.family !== 'weighted') return { ...pool, balances };
  return {
    id: pool.id,
    address: pool.address,
    kind: pool.kind,
    specialization: pool.specialization,
    owner: pool.owner,
    tokens: pool.tokens,
    balances,
    assetManagers: pool.assetManagers,
    scalingFactors: pool.scalingFactors,
    totalSupply: pool.totalSupply,
    swapFee: pool.swapFee,
    paused: pool.paused,
    pauseWindowEnd: pool.pauseWindowEnd,
    bufferPeriodEnd: pool.bufferPeriodEnd,
    recoveryMode: pool.recoveryMode,
    family: pool.family,
    weights: pool.weights,
    schedule: pool.schedule,
    swapEnabled: pool.swapEnabled,
    lastInvariant: pool.lastInvariant,
    rateProviders: pool.rateProviders,
    athRateProduct: pool.athRateProduct,
    feeCache: pool.feeCache,
    managementSwapFee: pool.managementSwapFee,
    managementFees: pool.managementFees,
    oracle: pool.oracle,
  };
}

function checked(cash: bigint, managed: bigint, lastChangeBlock: bigint): TokenBalance {
  if ((managed === 0n ? cash : cash + managed) > MAX_UINT112) revert(526);
  return { cash, managed, lastChangeBlock };
}
