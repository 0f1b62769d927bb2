/**
 * Scenarios of the vector format on V2 (`vault.scenario`, `oracle.scenario`) and single swap calls
 * at given balances (`pool.onSwap`).
 *
 * @module
 */
import { InputError } from '../errors.ts';
import type { Json } from '../json.ts';
import { DELEGATE_OWNER, type Address, type PoolId, ZERO_ADDRESS } from '../v2/state.ts';
import type { PoolDescription } from '../v2/descriptions.ts';
import { POOL_KINDS, type PoolKind } from '../v2/kinds.ts';
import { onSwap } from '../v2/pools/index.ts';
import { envOf } from '../v2/transaction.ts';
import { getPool } from '../v2/views.ts';
import { createWorld, type World } from '../v2/world.ts';
import { located, outcomeOf, type VectorCase, withStrings } from './case.ts';
import { runV2Step, stateOf } from './v2-steps.ts';

/** Members that a scenario and its pools may have; values are read where they are used. */
type Members = { readonly [name: string]: Json };

/** A world with the names that a scenario uses for its tokens, pools and accounts. */
export interface NamedWorld {
  readonly world: World;
  readonly tokens: ReadonlyMap<string, Address>;
  readonly pools: ReadonlyMap<string, PoolId>;
  readonly accounts: ReadonlyMap<string, Address>;
  readonly members: Members;
}

const ACCOUNTS = { alice: accountAddress(1), bob: accountAddress(2), carol: accountAddress(3) };

function accountAddress(number: number): Address {
  return `0x${'a'.repeat(39)}${number}`;
}

/** Whether `runV2Scenario` knows the operation. */
export function isV2Scenario(op: string): boolean {
  return op === 'vault.scenario' || op === 'oracle.scenario' || op === 'pool.onSwap';
}

/** Runs one case. @throws {InputError} When it is malformed. */
export function runV2Scenario(vector: VectorCase): Json {
  if (vector.op === 'pool.onSwap') return runOnSwap(vector.in);
  const named = createNamedWorld(vector.in);
  return list(vector.in, 'steps').map((entry, i) => {
    const step = asMembers(entry, `steps[${i}]`);
    return located(`${vector.id}.in.steps[${i}]`, () => runStep(named, step));
  });
}

function runStep(named: NamedWorld, step: Members): Json {
  const outcome = outcomeOf(() => runV2Step(named, step));
  if ('revert' in outcome) return { revert: outcome.revert };
  const result = asMembers(outcome.out, 'result');
  const state = stateOf(named, step);
  return state === null ? result : { ...result, state };
}

/** The world of a scenario, its pools created and not yet initialized. */
function createNamedWorld(members: Members): NamedWorld {
  const accounts = new Map(Object.entries(ACCOUNTS));
  for (const [name, account] of Object.entries(asMembers(members['accounts'] ?? {}, 'accounts'))) {
    accounts.set(name, asText(account, `accounts.${name}`).toLowerCase());
  }
  const world = createWorld({
    time: integer(members, 'startTime'),
    block: integer(members, 'startBlock'),
    protocolFees: {
      swap: integer(members, 'protocolSwapFee', '0'),
      yield: integer(members, 'protocolYieldFee', '0'),
      aum: integer(members, 'protocolAumFee', '0'),
      flashLoan: integer(members, 'flashLoanFee', '0'),
    },
    pauseWindowDuration: integer(members, 'pauseWindowDuration', '7776000'),
    bufferPeriodDuration: integer(members, 'bufferPeriodDuration', '2592000'),
    admin: accounts.get('alice')!,
  });

  const tokens = new Map<string, Address>([
    ['ETH', ZERO_ADDRESS],
    ['ZERO', ZERO_ADDRESS],
  ]);
  for (const [i, entry] of list(members, 'tokens').entries()) {
    const token = asMembers(entry, `tokens[${i}]`);
    const symbol = asText(token['sym'], `tokens[${i}].sym`);
    const address = asText(token['address'], `tokens[${i}].address`).toLowerCase();
    tokens.set(symbol, world.createToken({ symbol, decimals: Number(token['decimals']), address }));
  }

  const pools = new Map<string, PoolId>();
  const described = members['pools'] === undefined ? [members['pool']!] : list(members, 'pools');
  for (const [i, entry] of described.entries()) {
    const pool = asMembers(entry, `pools[${i}]`);
    const name = asText(pool['name'], `pools[${i}].name`);
    const id = world.createPool(describe(world, members, pool, { tokens, accounts }));
    const recorded = pool['poolId'];
    if (recorded !== undefined && id !== recorded) {
      throw new InputError(`pools[${i}].poolId`, `the pool registers as ${id}`);
    }
    pools.set(name, id);
    tokens.set(name, id.slice(0, 42));
  }
  return { world, tokens, pools, accounts, members };
}

function describe(
  world: World,
  scenario: Members,
  pool: Members,
  names: {
    readonly tokens: ReadonlyMap<string, Address>;
    readonly accounts: ReadonlyMap<string, Address>;
  },
): PoolDescription {
  const kind = kindOf(asText(pool['type'] ?? scenario['type'], 'type'));
  const symbols = list(pool, 'tokens').map((symbol) => asText(symbol, 'tokens'));
  const isLinear = POOL_KINDS[kind].family === 'linear';
  const ordered = isLinear
    ? [asText(scenario['main'], 'main'), asText(scenario['wrapped'], 'wrapped')]
    : symbols;
  const rates = pool['rates'] === undefined ? null : list(pool, 'rates');
  return {
    kind,
    tokens: ordered.map((symbol) => names.tokens.get(symbol)!),
    swapFee: integer(pool, 'swapFee'),
    owner: names.accounts.get('alice') ?? DELEGATE_OWNER,
    address: asText(pool['address'], 'address').toLowerCase(),
    ...optional('weights', integers(pool, 'weights')),
    ...optional('amp', pool['amp'] === undefined ? undefined : integer(pool, 'amp')),
    ...optional(
      'rateProviders',
      rates?.map((rate) =>
        rate === null || rate === '0'
          ? null
          : world.createRateProvider({ rate: BigInt(asText(rate, 'rates')) }),
      ),
    ),
    ...optional('rateCacheDurations', rates === null ? undefined : integers(pool, 'durations')),
    ...optional(
      'yieldExempt',
      pool['exempt'] === undefined ? undefined : list(pool, 'exempt').map(Boolean),
    ),
    ...optional(
      'assetManagers',
      pool['assetManagers'] === undefined
        ? undefined
        : list(pool, 'assetManagers').map((manager) => asText(manager, 'assetManagers')),
    ),
    ...optional('aumFee', pool['aumFee'] === undefined ? undefined : integer(pool, 'aumFee')),
    ...(isLinear ? linearFields(world, scenario, pool) : {}),
  };
}

function linearFields(world: World, scenario: Members, pool: Members): Partial<PoolDescription> {
  const rate = integer(scenario, 'wrappedRate') * mainFactor(scenario);
  return {
    upperTarget: integer(pool, 'upperTarget'),
    wrappedRateProvider: world.createRateProvider({ rate }),
  };
}

/** A wrapped rate is recorded in main units per 10^18 wrapped units. */
export function mainFactor(scenario: Members): bigint {
  const main = list(scenario, 'tokens')
    .map((token) => asMembers(token, 'tokens'))
    .find((token) => token['sym'] === scenario['main']);
  return 10n ** BigInt(18 - Number(main?.['decimals'] ?? 18));
}

/** One call of a pool's swap hook at balances that nobody joined. */
function runOnSwap(members: Members): Json {
  const kind = kindOf(asText(members['type'], 'type'));
  const world = createWorld({ time: 1_700_000_000n, block: 1000n });
  const tokens = list(members, 'tokens').map((entry, i) =>
    world.createToken({
      symbol: `T${i}`,
      decimals: Number(asMembers(entry, `tokens[${i}]`)['decimals']),
    }),
  );
  const id = world.createPool({
    kind,
    tokens,
    swapFee: integer(members, 'swapFee'),
    owner: DELEGATE_OWNER,
    ...optional('weights', integers(members, 'weights')),
    ...optional('amp', members['amp'] === undefined ? undefined : integer(members, 'amp')),
  });
  const created = getPool(world.state, id);
  const cash = integers(members, 'balances')!;
  const balances = created.balances.map((balance, i) => ({ ...balance, cash: cash[i]! }));
  const request = {
    kind: asText(members['kind'], 'kind') as 'GIVEN_IN' | 'GIVEN_OUT',
    indexIn: Number(members['indexIn']),
    indexOut: Number(members['indexOut']),
    amount: integer(members, 'amount'),
    from: ZERO_ADDRESS,
  };
  const env = envOf(world.state, {});
  return withStrings(onSwap({ ...created, balances }, request, env).amount);
}

function kindOf(type: string): PoolKind {
  if (Object.hasOwn(POOL_KINDS, type)) return type as PoolKind;
  throw new InputError(
    'type',
    `must be one of ${Object.keys(POOL_KINDS).join(', ')}; got "${type}"`,
  );
}

function optional<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: V };
}

export function asMembers(json: Json | undefined, path: string): Members {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Members;
  throw new InputError(path, 'must be an object');
}

export function asText(json: Json | undefined, path: string): string {
  if (typeof json === 'string') return json;
  throw new InputError(path, 'must be a string');
}

export function list(members: Members, name: string): readonly Json[] {
  const value = members[name];
  if (Array.isArray(value)) return value as readonly Json[];
  throw new InputError(name, 'must be an array');
}

export function integer(members: Members, name: string, missing?: string): bigint {
  const value = members[name] ?? missing;
  if (typeof value === 'string' && /^-?[0-9]+$/.test(value)) return BigInt(value);
  throw new InputError(name, 'must be an integer as a decimal string');
}

export function integers(members: Members, name: string): readonly bigint[] | undefined {
  if (members[name] === undefined) return undefined;
  const values = list(members, name);
  return values.map((value, i) => integer({ [`${name}[${i}]`]: value }, `${name}[${i}]`));
}
