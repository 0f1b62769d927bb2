/**
 * Reads a pool from a file: the JSON state of a V1 or V2 world, or a small description
 * `{"kind", "swapFee", "tokens": [{"symbol", "decimals", "balance", "weight"}]}` in decimal units.
 *
 * @module
 */
import { InputError, v1, v2 } from '@balancer/pools';
import { array, count, type Decoded, object, oneOf, optional, text } from '@balancer/pools/json';
import type { OpenPool } from './open-pool.ts';
import { parseUnits } from './units.ts';
import { openV1Pool, type TokenNames } from './v1-pool.ts';
import { openV2Pool } from './v2-pool.ts';

/** A pool with the world it lives in, for those commands that change it. */
export type Loaded =
  | { readonly pool: OpenPool; readonly world: v2.World; readonly id: v2.PoolId }
  | { readonly pool: OpenPool; readonly world: null; readonly state: v1.pool.PoolState };

const OWNER = `0x${'0'.repeat(39)}1`;
const MONDAY = 1_700_000_000n;

const DESCRIPTION = object({
  kind: oneOf(...Object.keys(v2.POOL_KINDS), 'v1'),
  swapFee: text,
  amp: optional(text),
  upperTarget: optional(text),
  tokens: array(
    object({
      symbol: text,
      decimals: count(18),
      balance: text,
      weight: optional(text),
      rate: optional(text),
    }),
    { most: 50 },
  ),
});

type Description = Decoded<typeof DESCRIPTION>;

/**
 * Opens a pool.
 *
 * @param content - What the file holds.
 * @param choice - Which pool of a world: id or address. The only one when left out.
 * @throws {InputError} Saying what is malformed, with its path. @throws {Revert} When a description
 * is of a pool that the contracts would not create.
 */
export function loadPool(content: string, name: string, choice?: string): Loaded {
  const json = parseJson(content, name);
  if (hasMember(json, 'vault')) return chooseV2(v2.World.fromJSON(json), choice);
  if (hasMember(json, 'factory'))
    return openedV1(chooseV1(v1.World.fromJSON(json), choice), new Map());
  const description = DESCRIPTION.decode(json, name);
  if (description.kind === 'v1') return describeV1(description, name);
  const world = v2.createWorld({ time: MONDAY, block: 1n });
  const id = describeV2(world, description, name);
  return { pool: openV2Pool(world, id), world, id };
}

/** @throws {InputError} When the text is not JSON. */
export function parseJson(content: string, name: string): unknown {
  try {
    return JSON.parse(content);
  } catch (error) {
    throw new InputError(name, `is not JSON: ${error instanceof Error ? error.message : ''}`);
  }
}

function hasMember(json: unknown, key: string): boolean {
  return typeof json === 'object' && json !== null && key in json;
}

function chooseV2(world: v2.World, choice: string | undefined): Loaded {
  const ids = world.state.pools.entries().map(([id]) => id);
  const id = choose(ids, choice);
  return { pool: openV2Pool(world, id), world, id };
}

function openedV1(state: v1.pool.PoolState, names: ReadonlyMap<string, TokenNames>): Loaded {
  return { pool: openV1Pool(state, names), world: null, state };
}

function chooseV1(world: v1.World, choice: string | undefined): v1.pool.PoolState {
  const inner = Object.values(world.state.crps).flatMap(({ pool }) =>
    pool === null ? [] : [pool],
  );
  const pools = [...Object.values(world.state.pools), ...inner];
  const address = choose(
    pools.map((pool) => pool.address),
    choice,
  );
  return world.pool(address);
}

function choose(ids: readonly string[], choice: string | undefined): string {
  const fitting =
    choice === undefined ? ids : ids.filter((id) => id.startsWith(choice.toLowerCase()));
  const [only] = fitting;
  if (only !== undefined && fitting.length === 1) return only;
  const known = ids.length === 0 ? 'the state has none' : `the state has ${ids.join(', ')}`;
  throw new InputError('--pool', `must name one pool; ${known}`);
}

function describeV1(description: Description, name: string): Loaded {
  const env = { sender: OWNER, block: 1n };
  const names = new Map<string, TokenNames>();
  let pool = v1.pool.newPool({
    address: `0x${'b'.repeat(40)}`,
    factory: `0x${'f'.repeat(40)}`,
    controller: OWNER,
  });
  description.tokens.forEach(({ symbol, decimals, balance, weight }, i) => {
    const token = `0x${String(i + 1).padStart(40, '0')}`;
    const path = `${name}.tokens[${i}]`;
    names.set(token, { symbol, decimals });
    const binding = {
      token,
      balance: parseUnits(balance, decimals, `${path}.balance`),
      denorm: parseUnits(weight ?? '', 18, `${path}.weight`),
    };
    pool = v1.pool.bind(pool, binding, env).state;
  });
  const fee = parseUnits(description.swapFee, 18, `${name}.swapFee`);
  pool = v1.pool.setSwapFee(pool, { fee }, env).state;
  return openedV1(v1.pool.finalize(pool, env).state, names);
}

function describeV2(world: v2.World, description: Description, name: string): v2.PoolId {
  const path = (i: number): string => `${name}.tokens[${i}]`;
  const tokens = description.tokens.map(({ symbol, decimals }) =>
    world.createToken({ symbol, decimals }),
  );
  const kind = kindOf(description.kind);
  const weights = description.tokens.map(({ weight }, i) =>
    weight === undefined ? null : parseUnits(weight, 18, `${path(i)}.weight`),
  );
  const rates = description.tokens.map(({ rate }, i) =>
    rate === undefined
      ? null
      : world.createRateProvider({ rate: parseUnits(rate, 18, `${path(i)}.rate`) }),
  );
  const { family } = v2.POOL_KINDS[kind];
  if (family === 'linear') return describeLinear(world, description, { name, kind, tokens, rates });
  const rated = rates.some((rate) => rate !== null);
  const id = world.createPool({
    kind,
    tokens,
    swapFee: parseUnits(description.swapFee, 18, `${name}.swapFee`),
    owner: OWNER,
    ...(weights.every((weight) => weight !== null) && { weights }),
    ...(description.amp !== undefined && { amp: parseUnits(description.amp, 0, `${name}.amp`) }),
    ...((rated || family === 'composable') && {
      rateProviders: rates,
      rateCacheDurations: rates.map(() => 0n),
    }),
    ...(family === 'composable' && { yieldExempt: rates.map(() => false) }),
  });
  const amounts = description.tokens.map(({ balance, decimals }, i) =>
    parseUnits(balance, decimals, `${path(i)}.balance`),
  );
  world.join({ pool: id, sender: OWNER, kind: 'INIT', amounts });
  return id;
}

/** A linear pool of a main and a wrapped token, filled by swaps as every linear pool is. */
function describeLinear(
  world: v2.World,
  { swapFee, upperTarget, tokens: described }: Description,
  made: {
    readonly name: string;
    readonly kind: v2.PoolKind;
    readonly tokens: readonly string[];
    readonly rates: readonly (string | null)[];
  },
): v2.PoolId {
  const { name, kind, tokens, rates } = made;
  if (tokens.length !== 2) {
    throw new InputError(`${name}.tokens`, 'must be two: the main token and the wrapped one');
  }
  const wrappedRateProvider = rates[1] ?? null;
  const id = world.createPool({
    kind,
    tokens,
    swapFee: parseUnits(swapFee, 18, `${name}.swapFee`),
    owner: OWNER,
    upperTarget: parseUnits(upperTarget ?? '', 18, `${name}.upperTarget`),
    ...(wrappedRateProvider !== null && { wrappedRateProvider }),
  });
  world.run({ do: 'initializeLinear', from: OWNER, pool: id });
  const share = v2.getPool(world.state, id).address;
  described.forEach(({ balance, decimals }, i) => {
    const amount = parseUnits(balance, decimals, `${name}.tokens[${i}].balance`);
    if (amount === 0n) return;
    const swap = { pool: id, sender: OWNER, kind: 'GIVEN_IN', amount } as const;
    world.swap({ ...swap, tokenIn: tokens[i]!, tokenOut: share });
  });
  return id;
}

function kindOf(name: string): v2.PoolKind {
  if (isKind(name)) return name;
  throw new InputError('kind', `"${name}" is no kind of pool`);
}

function isKind(name: string): name is v2.PoolKind {
  return Object.hasOwn(v2.POOL_KINDS, name);
}
