/* oxlint-disable no-await-in-loop -- one chain runs one call after the other */
/**
 * The whole observable state of a deployed scenario as plain JSON: what the Vault holds for every pool
 * and account, and what every pool keeps for itself.
 *
 * @module
 */
import type { AbiResult } from './abi.ts';
import { type Contract, mappingKey, ZERO } from './chain.ts';
import type { DeployedPool, Deployment } from './deployment.ts';
import { ACCOUNTS, ACTORS, FORTUNE, type Json, type Outcome } from './scenario.ts';
import { asInteger, decimals } from './values.ts';

/** Storage slot of the Vault's internal balances, a mapping of user to token to amount. */
const INTERNAL_BALANCE_SLOT = 11n;
/** Storage slot of the balances of our token doubles. */
const TOKEN_BALANCE_SLOT = 0n;

/** Reads everything. Calls only views, so the state stays as it is. */
export async function readState(d: Deployment): Promise<Outcome> {
  const pools: Record<string, Json> = {};
  for (const [name, pool] of d.pools) pools[name] = await readPool(d, pool);
  const internal: Record<string, Json> = {};
  const ether: Record<string, Json> = {};
  for (const actor of ACTORS) {
    const ofUser = mappingKey(ACCOUNTS[actor], INTERNAL_BALANCE_SLOT);
    internal[actor] = [...d.tokens.values()].map((token) =>
      String(d.chain.slot(d.vault.address, mappingKey(token.address, ofUser))),
    );
    ether[actor] = String((await d.chain.balance(ACCOUNTS[actor])) - FORTUNE);
  }
  const ledger: Record<string, Json> = {};
  for (const [sym, token] of d.tokens) ledger[sym] = readLedger(d, sym, token);
  return { pools, internal, ledger, ether };
}

/** Holdings of one token. Of what an account started with only the change is told. */
function readLedger(d: Deployment, sym: string, token: Contract): Json {
  const held = (account: string): bigint =>
    d.chain.slot(token.address, mappingKey(account, TOKEN_BALANCE_SLOT));
  const ledger: Record<string, Json> = {
    vault: String(held(d.vault.address) - (d.surplus && sym !== 'WETH' ? FORTUNE : 0n)),
    collector: String(held(d.collector.address)),
  };
  for (const actor of ACTORS) ledger[actor] = String(held(ACCOUNTS[actor]) - FORTUNE);
  return ledger;
}

async function readPool(d: Deployment, pool: DeployedPool): Promise<Json> {
  const { contract } = pool;
  const [, balances, lastChangeBlock] = await d.vault.read('getPoolTokens', [pool.poolId]);
  const bpt: Record<string, Json> = {};
  for (const actor of ACTORS) bpt[actor] = String(await balance(contract, ACCOUNTS[actor]));
  bpt['collector'] = String(await balance(contract, d.collector.address));
  bpt['vault'] = String(await balance(contract, d.vault.address));
  bpt['zero'] = String(await balance(contract, ZERO));
  const state: Record<string, Json> = {
    tokens: [...pool.registered],
    balances: decimals(balances),
    lastChangeBlock: String(lastChangeBlock),
    totalSupply: String((await contract.recall('totalSupply'))[0]),
    bpt,
  };
  for (const [getter, fields] of GETTERS) {
    if (!contract.has(getter) || EXCLUDED[pool.spec.type]?.includes(getter) === true) continue;
    const values = await contract.recall(getter, [], d.chain.clock.time);
    fields.forEach((field, index) => {
      if (field !== '') state[field] = toJson(values[index]!);
    });
  }
  await readCaches(d, pool, state);
  return state;
}

/** What pools of all kinds tell about themselves, with names for the values (empty: not compared). */
const GETTERS: readonly (readonly [string, readonly string[]])[] = [
  ['getSwapFeePercentage', ['swapFee']],
  ['getPausedState', ['paused']],
  ['inRecoveryMode', ['recoveryMode']],
  ['getLastPostJoinExitInvariant', ['lastPostJoinExitInvariant']],
  ['getATHRateProduct', ['athRateProduct']],
  ['getLastJoinExitData', ['lastJoinExitAmp', 'lastPostJoinExitInvariant']],
  ['getLastInvariant', ['lastInvariant', 'lastInvariantAmp']],
  ['getSwapEnabled', ['swapEnabled']],
  ['getCollectedManagementFees', ['', 'managementFees']],
  ['getTargets', ['lowerTarget', 'upperTarget']],
  ['getManagementAumFeeParams', ['aumFee', 'lastAumCollection']],
  ['getMustAllowlistLPs', ['mustAllowlistLPs']],
  ['getNormalizedWeights', ['weights']],
  ['getAmplificationParameter', ['amp', 'ampUpdating']],
  ['getMiscData', ['logInvariant', 'logTotalSupply', 'sampleCreationTimestamp', 'sampleIndex']],
  [
    'getOracleMiscData',
    ['logInvariant', 'logTotalSupply', 'sampleCreationTimestamp', 'sampleIndex'],
  ],
];

/** Getters that revert, or whose answer never changes. */
const EXCLUDED: Readonly<Record<string, readonly string[]>> = {
  'investment-1': ['getLastInvariant'],
  'weighted-1': ['getNormalizedWeights'],
  'weighted2tokens-1': ['getNormalizedWeights'],
  'weighted-2': ['getNormalizedWeights'],
  'weighted-3': ['getNormalizedWeights'],
};

async function readCaches(
  d: Deployment,
  pool: DeployedPool,
  state: Record<string, Json>,
): Promise<void> {
  const { contract } = pool;
  if (contract.has('getSample')) {
    const sample = await contract.recall('getSample', [asInteger(state['sampleIndex'])]);
    state['sample'] = sample.map(String);
  }
  const getter = ['getPriceRateCache', 'getTokenRateCache'].find((name) => contract.has(name));
  if (getter === undefined) return;
  const caches: Record<string, Json> = {};
  for (const sym of pool.rateProviders.keys()) {
    const { address } = d.tokens.get(sym)!;
    caches[sym] = (await contract.recall(getter, [address], d.chain.clock.time)).map(String);
  }
  state['rateCaches'] = caches;
}

async function balance(token: Contract, account: string): Promise<bigint> {
  return asInteger((await token.recall('balanceOf', [account]))[0]);
}

function toJson(value: AbiResult): Json {
  if (Array.isArray(value)) return value.map(toJson);
  return typeof value === 'bigint' ? String(value) : value;
}
