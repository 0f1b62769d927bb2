/**
 * The whole state of an engine world in the shape in which the deployed contracts tell theirs.
 *
 * @module
 */
import type { Pool, RateCache, WorldState } from '../../src/v2/state.ts';
import { ZERO_ADDRESS } from '../../src/v2/state.ts';
import { COLLECTOR, VAULT } from '../evm/deployment.ts';
import { ACCOUNTS, ACTORS, type Json, type Outcome, type PoolSpec } from '../evm/scenario.ts';
import * as views from '../../src/v2/views.ts';
import { sampleOf } from './engine-views.ts';

/** Names of the contracts of a scenario in the engine's world. */
export interface EngineWorld {
  readonly pools: readonly { readonly spec: PoolSpec; readonly id: string }[];
  /** Tokens by symbol, WETH first, as the EVM's state lists them. */
  readonly tokens: ReadonlyMap<string, string>;
  /** What the Vault holds of every token beyond the scenario's pools. */
  readonly surplus: bigint;
}

/** Reads everything that the bytecode's state holds. */
export function readEngineState(world: EngineWorld, state: WorldState): Outcome {
  const pools: Record<string, Json> = {};
  for (const { spec, id } of world.pools) pools[spec.name] = readPool(world, state, spec, id);
  const internal: Record<string, Json> = {};
  const ether: Record<string, Json> = {};
  for (const actor of ACTORS) {
    const balances = state.vault.internalBalances.get(ACCOUNTS[actor]);
    internal[actor] = [...world.tokens.values()].map((token) => String(balances?.get(token) ?? 0n));
    ether[actor] = String(held(state, ZERO_ADDRESS, ACCOUNTS[actor]));
  }
  const ledger: Record<string, Json> = {};
  for (const [sym, token] of world.tokens) {
    ledger[sym] = {
      vault: String(held(state, token, VAULT) - (sym === 'WETH' ? 0n : world.surplus)),
      collector: String(held(state, token, COLLECTOR)),
      ...Object.fromEntries(
        ACTORS.map((actor) => [actor, String(held(state, token, ACCOUNTS[actor]))]),
      ),
    };
  }
  return { pools, internal, ledger, ether };
}

/** What an account has of a token; below zero for those who spent what they never had. */
export function held(state: WorldState, token: string, account: string): bigint {
  return state.ledger.get(token)?.get(account) ?? 0n;
}

function readPool(
  { tokens }: EngineWorld,
  state: WorldState,
  spec: PoolSpec,
  id: string,
): Readonly<Record<string, Json>> {
  const pool = state.pools.get(id);
  if (pool === undefined) throw new Error(`the engine has no pool ${id}`);
  const symbols = new Map([...tokens].map(([sym, token]) => [token, sym]));
  const bpt = (account: string): string => String(held(state, pool.address, account));
  const blocks = pool.balances.map((balance) => balance.lastChangeBlock);
  return {
    tokens: pool.tokens.map((token) => symbols.get(token) ?? spec.name),
    balances: pool.balances.map(({ cash, managed }) => String(cash + managed)),
    lastChangeBlock: String(blocks.reduce((a, b) => (a > b ? a : b), 0n)),
    totalSupply: String(pool.totalSupply),
    bpt: {
      ...Object.fromEntries(ACTORS.map((actor) => [actor, bpt(ACCOUNTS[actor])])),
      collector: bpt(COLLECTOR),
      vault: bpt(VAULT),
      zero: bpt(ZERO_ADDRESS),
    },
    swapFee: String(views.getSwapFee(state, id)),
    paused: pool.paused && state.time < pool.bufferPeriodEnd,
    ...recoveryMode(pool),
    ...ofFamily(pool, state, symbols),
  };
}

function recoveryMode(pool: Pool): Readonly<Record<string, Json>> {
  const has = /^(weighted-[23]|stable-2|composable|managed|linear-3)/u.test(pool.kind);
  return has ? { recoveryMode: pool.recoveryMode } : {};
}

// oxlint-disable-next-line consistent-return -- the switch names every family
function ofFamily(
  pool: Pool,
  state: WorldState,
  symbols: ReadonlyMap<string, string>,
): Readonly<Record<string, Json>> {
  const amp = (): Readonly<Record<string, Json>> => {
    const { value, isUpdating } = views.getAmp(state, pool.id);
    return { amp: String(value), ampUpdating: isUpdating };
  };
  const weights = (): readonly string[] => views.getWeights(state, pool.id).map(String);
  switch (pool.family) {
    case 'weighted': {
      if (/^weighted-[23]/u.test(pool.kind)) {
        return {
          lastPostJoinExitInvariant: String(pool.lastInvariant),
          athRateProduct: String(pool.athRateProduct),
        };
      }
      const lastInvariant =
        pool.kind === 'investment-1' ? {} : { lastInvariant: String(pool.lastInvariant) };
      if (pool.schedule !== null) {
        const management =
          pool.kind === 'investment-1'
            ? { managementFees: views.getCollectedManagementFees(state, pool.id).map(String) }
            : {};
        const { swapEnabled } = pool;
        return { ...lastInvariant, ...management, swapEnabled, weights: weights() };
      }
      return { ...lastInvariant, ...oracle(pool, state) };
    }
    case 'stable': {
      const last = {
        lastInvariant: String(pool.lastInvariant),
        lastInvariantAmp: String(pool.lastAmp),
      };
      if (pool.kind === 'stable-1') return amp();
      if (pool.kind === 'stable-2') return { ...amp(), ...last };
      return {
        ...amp(),
        ...last,
        ...oracle(pool, state),
        rateCaches: rateCaches(pool.rates, pool.tokens, symbols, false),
      };
    }
    case 'composable': {
      const own = pool.tokens.filter((token) => token !== pool.address);
      const phantom = pool.kind === 'phantom-1';
      const last = phantom
        ? { lastInvariant: String(pool.lastInvariant), lastInvariantAmp: String(pool.lastAmp) }
        : {
            lastJoinExitAmp: String(pool.lastAmp),
            lastPostJoinExitInvariant: String(pool.lastInvariant),
          };
      return { ...amp(), ...last, rateCaches: rateCaches(pool.rates, own, symbols, !phantom) };
    }
    case 'linear':
      return { lowerTarget: String(pool.lowerTarget), upperTarget: String(pool.upperTarget) };
    case 'managed':
      return {
        swapEnabled: pool.swapEnabled,
        // The contract says zero while nothing accrues.
        aumFee: String(pool.recoveryMode ? 0n : pool.aumFee),
        lastAumCollection: String(pool.lastAumCollection),
        mustAllowlistLPs: pool.mustAllowlistLps,
        weights: weights(),
      };
  }
}

function oracle(
  pool: Extract<Pool, { oracle: unknown }>,
  state: WorldState,
): Readonly<Record<string, Json>> {
  if (pool.oracle === null) return {};
  const { logInvariant, logTotalSupply, sampleCreation, index } = pool.oracle;
  return {
    logInvariant: String(logInvariant),
    logTotalSupply: String(logTotalSupply),
    sampleCreationTimestamp: String(sampleCreation),
    sampleIndex: String(index),
    sample: sampleOf(state, pool.id, index),
  };
}

function rateCaches(
  rates: readonly (RateCache | null)[],
  tokens: readonly string[],
  symbols: ReadonlyMap<string, string>,
  withOldRate: boolean,
): Json {
  const caches: Record<string, Json> = {};
  for (const [index, cache] of rates.entries()) {
    const sym = symbols.get(tokens[index] ?? '');
    if (cache === null || sym === undefined) continue;
    const { rate, oldRate, duration, expires } = cache;
    const values = withOldRate ? [rate, oldRate, duration, expires] : [rate, duration, expires];
    caches[sym] = values.map(String);
  }
  return caches;
}
