/** Worlds, accounts and pools that the V2 tests share. */
import { Revert, v2 } from '@balancer/pools';

export const ONE: bigint = 10n ** 18n;
export const FEE: bigint = ONE / 1000n;
export const DAY = 86_400n;
export const START = 1_700_000_000n;

const account = (digit: string): string => `0x${digit.repeat(40)}`;
export const ADMIN: string = account('d');
export const ALICE: string = account('a');
export const BOB: string = account('b');
export const CAROL: string = account('c');

/** A world at `START`, block 1000, governed by ADMIN. */
export function newWorld(options: Partial<v2.WorldOptions> = {}, hooks: v2.Hooks = {}): v2.World {
  return v2.createWorld({ time: START, block: 1000n, admin: ADMIN, ...options }, hooks);
}

/** Tokens of these decimals, in ascending order of address. */
export function newTokens(world: v2.World, decimals: readonly number[]): string[] {
  return decimals.map((d, i) => world.createToken({ symbol: `T${i}`, decimals: d }));
}

/** A whole amount of a token with these decimals. */
export function units(amount: bigint, decimals: number): bigint {
  return amount * 10n ** BigInt(decimals);
}

/** A pool with its tokens, and the address of its own token. */
export interface TestPool {
  readonly world: v2.World;
  readonly id: string;
  readonly bpt: string;
  readonly tokens: readonly string[];
  readonly decimals: readonly number[];
}

/** Every kind that joins and swaps like a pool of several tokens. */
export const KINDS: readonly v2.PoolKind[] = (Object.keys(v2.POOL_KINDS) as v2.PoolKind[]).filter(
  (kind) => v2.POOL_KINDS[kind].family !== 'linear' && kind !== 'phantom-1',
);

/** Creates a pool of alice and joins it with `amount` whole tokens of each. */
export function newPool(
  kind: v2.PoolKind,
  given: {
    world?: v2.World;
    decimals?: readonly number[];
    amounts?: readonly bigint[];
    initialize?: boolean;
    description?: Partial<v2.PoolDescription>;
  } = {},
): TestPool {
  const world = given.world ?? newWorld();
  const decimals = given.decimals ?? [18, 6];
  const tokens = newTokens(world, decimals);
  const id = world.createPool({
    kind,
    tokens,
    swapFee: FEE,
    owner: ALICE,
    ...familyFields(kind, tokens.length),
    ...given.description,
  });
  const bpt = id.slice(0, 42);
  if (given.initialize !== false) {
    const amounts = given.amounts ?? decimals.map((d) => units(1000n, d));
    world.join({ pool: id, sender: ALICE, kind: 'INIT', amounts });
  }
  return { world, id, bpt, tokens, decimals };
}

function familyFields(kind: v2.PoolKind, count: number): Partial<v2.PoolDescription> {
  const { family } = v2.POOL_KINDS[kind];
  if (family === 'stable' || family === 'composable') return { amp: 200n };
  if (family === 'linear') return {};
  const equal = ONE / BigInt(count);
  const weights = Array.from({ length: count }, () => equal);
  weights[0] = ONE - equal * BigInt(count - 1);
  return { weights };
}

/** An initialized linear pool: main and wrapped token of these decimals. */
export function newLinear(kind: v2.PoolKind = 'linear-2', world: v2.World = newWorld()): TestPool {
  const tokens = newTokens(world, [6, 18]);
  const id = world.createPool({
    kind,
    tokens,
    swapFee: FEE,
    owner: ALICE,
    upperTarget: 1000n * ONE,
    wrappedRateProvider: world.createRateProvider({ rate: (ONE * 11n) / 10n }),
  });
  world.run({ do: 'initializeLinear', from: ALICE, pool: id });
  return { world, id, bpt: id.slice(0, 42), tokens, decimals: [6, 18] };
}

/** Code of the revert that a call ends with. */
export function revertOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof Revert) return error.code;
    throw error;
  }
  return 'no revert';
}

/** A swap by alice of an exact amount in. */
export function swapIn(pool: TestPool, from: number, to: number, amount: bigint): bigint {
  return pool.world.swap({
    pool: pool.id,
    sender: ALICE,
    kind: 'GIVEN_IN',
    tokenIn: pool.tokens[from]!,
    tokenOut: pool.tokens[to]!,
    amount,
  });
}

/** A swap by alice of an exact amount out. */
export function swapOut(pool: TestPool, from: number, to: number, amount: bigint): bigint {
  return pool.world.swap({
    pool: pool.id,
    sender: ALICE,
    kind: 'GIVEN_OUT',
    tokenIn: pool.tokens[from]!,
    tokenOut: pool.tokens[to]!,
    amount,
  });
}

/** Cash and managed of every token over all pools, plus internal balances: what the Vault owes. */
export function vaultDebts(state: v2.WorldState): Map<string, bigint> {
  const debts = new Map<string, bigint>();
  const add = (token: string, amount: bigint): void =>
    void debts.set(token, (debts.get(token) ?? 0n) + amount);
  for (const [, pool] of state.pools.entries()) {
    pool.tokens.forEach((token, i) => add(token, pool.balances[i]!.cash));
  }
  for (const [, balances] of state.vault.internalBalances.entries()) {
    for (const [token, amount] of balances.entries()) add(token, amount);
  }
  return debts;
}

/** Sum of all accounts' balances of a token. */
export function ledgerSum(state: v2.WorldState, token: string): bigint {
  const accounts = state.ledger.get(token)?.entries() ?? [];
  return accounts.reduce((sum, [, balance]) => sum + balance, 0n);
}
