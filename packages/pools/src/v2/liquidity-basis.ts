/**
 * What the queries of joins and exits compute from, for whoever wants to follow them step by step.
 *
 * @module
 */
import { unsupported } from './pool-authority.ts';
import { composableBalances, composableBasis, composableScales } from './pools/composable.ts';
import { managedActualSupply, managedVirtualSupply } from './pools/managed.ts';
import { phantomSupply } from './pools/phantom.ts';
import { plainScale, type Scale, totalsOf, upscaleAll, without } from './pools/scaling.ts';
import { stableBasis, stableScales } from './pools/stable.ts';
import { weightedBasis } from './pools/weighted.ts';
import { rulesOf } from './kinds.ts';
import type { Address, PoolId, WorldState } from './state.ts';
import { envOf, type Hooks, poolOf } from './transaction.ts';

/** Everything per token is in registered order and leaves out the pool's own token. */
export interface LiquidityBasis {
  readonly tokens: readonly Address[];
  /** Scaled to 18 decimals, without what is due or put aside. */
  readonly balances: readonly bigint[];
  /** Raw units times this, by 10^18, are scaled: 10^(18 - decimals) with 18 decimals, times the rate. */
  readonly scalingFactors: readonly bigint[];
  /** Pool tokens that share the balances, those due as fees among them. */
  readonly supply: bigint;
  /** Scaled amounts that leave for the protocol first. */
  readonly dueAmounts: readonly bigint[];
  /** Pool tokens that are minted as fees first. */
  readonly dueBpt: bigint;
}

/**
 * Balances and supply after the fees of the past, with the rates that a query goes by.
 *
 * @throws {Revert} BAL#500; `NO_DATA` for linear pools, which have no joins and exits.
 */
export function getLiquidityBasis(
  state: WorldState,
  id: PoolId,
  hooks: Hooks = {},
): LiquidityBasis {
  const pool = poolOf(state, id);
  const env = envOf(state, hooks);
  switch (pool.family) {
    case 'weighted': {
      const { balances, supply, dueAmounts } = weightedBasis(pool, env);
      const scales = pool.scalingFactors.map(plainScale);
      const { tokens, totalSupply } = pool;
      return basisOf(scales, {
        tokens,
        balances,
        supply,
        dueAmounts,
        dueBpt: supply - totalSupply,
      });
    }
    case 'stable': {
      const { tokens, totalSupply: supply } = pool;
      return basisOf(stableScales(pool), { tokens, supply, dueBpt: 0n, ...stableBasis(pool, env) });
    }
    case 'composable': {
      const tokens = without(pool.tokens, pool.bptIndex);
      const dueAmounts = tokens.map(() => 0n);
      if (rulesOf(pool).phantom) {
        const scales = composableScales(pool);
        const balances = composableBalances(pool, scales);
        const dueBpt = pool.dueFeeBpt;
        return basisOf(scales, {
          tokens,
          balances,
          supply: phantomSupply(pool),
          dueAmounts,
          dueBpt,
        });
      }
      const { balances, supply, fee, scales } = composableBasis(pool, env);
      return basisOf(scales, { tokens, balances, supply, dueAmounts, dueBpt: fee });
    }
    case 'managed': {
      const scales = pool.scalingFactors.slice(1).map(plainScale);
      const balances = upscaleAll(totalsOf(pool).slice(1), scales);
      const supply = managedActualSupply(pool, env.time);
      const tokens = pool.tokens.slice(1);
      const dueAmounts = balances.map(() => 0n);
      const dueBpt = supply - managedVirtualSupply(pool);
      return basisOf(scales, { tokens, balances, supply, dueAmounts, dueBpt });
    }
    case 'linear':
    default:
      return unsupported(pool, 'joins and exits');
  }
}

function basisOf(
  scales: readonly Scale[],
  basis: Omit<LiquidityBasis, 'scalingFactors'>,
): LiquidityBasis {
  const scalingFactors = scales.map(
    ({ numerator, denominator }) => (numerator * 10n ** 18n) / denominator,
  );
  return { ...basis, scalingFactors };
}
