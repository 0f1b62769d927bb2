/**
 * What a step is worked out from, and the choices that many steps share.
 *
 * @module
 */
import {
  type Actor,
  ACTORS,
  type Outcome,
  type PoolSpec,
  type Scenario,
  type Step,
} from '../evm/scenario.ts';
import { asFields, asInteger, asIntegers, asTexts } from '../evm/values.ts';
import type { Dice } from './dice.ts';

/** What the resolver reads of a pool's state. */
export interface PoolView {
  readonly spec: PoolSpec;
  readonly registered: readonly string[];
  readonly balances: readonly bigint[];
  readonly supply: bigint;
  readonly held: Readonly<Record<Actor, bigint>>;
  readonly state: Readonly<Record<string, unknown>>;
}

/** The scenario, its state, and the pool that the step is about. */
export interface Situation {
  readonly scenario: Scenario;
  readonly state: Outcome;
  readonly time: bigint;
  readonly dice: Dice;
  readonly pool: PoolView;
}

/** Mostly alice, who owns the pools. `rarity` says how seldom it is somebody else. */
export function actor(dice: Dice, rarity = 3): { readonly from?: Actor } {
  return dice.onceIn(rarity) ? { from: dice.pick(['bob', 'carol']) } : {};
}

export function recipient(dice: Dice): { readonly recipient?: Actor } {
  return dice.onceIn(3) ? { recipient: dice.pick(ACTORS) } : {};
}

/** Where a swap takes from and pays to; now and then in the name of somebody else. */
export function internal(dice: Dice): Partial<Step> {
  return {
    ...(dice.onceIn(6) ? { fromInternal: true } : {}),
    ...(dice.onceIn(6) ? { toInternal: true } : {}),
    ...(dice.onceIn(25) ? { sender: dice.pick(ACTORS) } : {}),
    ...recipient(dice),
  };
}

/** An amount for a balance: usual sizes, both sides of the 30 % limits, dust, nothing and too much. */
export function amount(dice: Dice, balance: bigint): string {
  const limit = (balance * 3n) / 10n;
  const choice = dice.below(16);
  if (choice < 10) return String(dice.part(balance, 1e-6, 0.29));
  if (choice === 10) return String(limit);
  if (choice === 11) return String(limit + 1n);
  if (choice === 12) return String(dice.part(balance, 0.3, 1.5));
  if (choice === 13) return String(1 + dice.below(1000));
  if (choice === 14) return String(dice.below(3));
  return String(dice.part(balance, 1e-6, 1e-3));
}

export function swapAmount(dice: Dice, pool: PoolView, index: number): string {
  const own = pool.registered[index] === pool.spec.name;
  if (own) return amount(dice, circulating(pool));
  const balance = pool.balances[index]!;
  // A fresh linear pool is empty, so nothing could be measured by its balances.
  const unmeasured = isLinear(pool) && (balance === 0n || dice.onceIn(3));
  return unmeasured ? String(dice.magnitude(1n, 10n ** 24n)) : amount(dice, balance);
}

export function bptAmount(dice: Dice, pool: PoolView): string {
  return dice.onceIn(12)
    ? String(dice.part(circulating(pool), 1, 4))
    : String(dice.part(circulating(pool), 1e-6, 0.5));
}

/** Pool tokens outside the Vault. */
export function circulating(pool: PoolView): bigint {
  const own = pool.registered.indexOf(pool.spec.name);
  return own < 0 ? pool.supply : pool.supply - pool.balances[own]!;
}

/** Sometimes an index that no token has. */
export function indexOf(dice: Dice, count: number): number {
  return dice.onceIn(30) ? count : dice.below(count);
}

export function tokenBalances(pool: PoolView): bigint[] {
  return pool.registered.flatMap((sym, index) =>
    sym === pool.spec.name ? [] : [pool.balances[index]!],
  );
}

export function hasOwnToken(pool: PoolView): boolean {
  return pool.registered.includes(pool.spec.name);
}

export function isLinear(pool: PoolView): boolean {
  return pool.spec.type.startsWith('linear');
}

export function viewOf(spec: PoolSpec, state: Outcome): PoolView {
  const pool = asFields(asFields(state['pools'])[spec.name]);
  const bpt = asFields(pool['bpt']);
  const registered = asTexts(pool['tokens']);
  // Managed pools add and remove tokens, so the specification follows the state.
  const tokens = registered.filter((sym) => sym !== spec.name);
  return {
    spec: { ...spec, tokens },
    registered,
    balances: asIntegers(pool['balances']),
    supply: asInteger(pool['totalSupply']),
    held: {
      alice: asInteger(bpt['alice']),
      bob: asInteger(bpt['bob']),
      carol: asInteger(bpt['carol']),
    },
    state: pool,
  };
}
