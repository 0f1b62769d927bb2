/**
 * Scenarios of the vector format on one V1 pool (`bpool.scenario`) or one rights pool
 * (`crp.scenario`): each step's result, or its revert code, and the state after it.
 *
 * @module
 */
import { InputError } from '../errors.ts';
import * as codec from '../json.ts';
import * as crp from '../v1/crp/index.ts';
import { crpOperation, poolOperation } from '../v1/json.ts';
import * as bpool from '../v1/pool/index.ts';
import type { Address, Env } from '../v1/types.ts';
import { type VectorCase, outcomeOf, withStrings } from './case.ts';

/** Accounts and tokens have names in the format, the engine wants addresses: 20 bytes of ASCII. */
const NAMED: codec.Codec<Address> = codec.mapped(codec.text, nameOf, addressOf);
const TOKENS = codec.array(codec.object({ sym: codec.text, decimals: codec.count(18) }));
const STEPS = codec.array<unknown>({ encode: withStrings, decode: (json) => json });

const POOL_SCENARIO = codec.object({
  name: codec.optional(codec.text),
  tokens: TOKENS,
  controller: NAMED,
  steps: STEPS,
});

const CRP_SCENARIO = codec.object({
  name: codec.optional(codec.text),
  kind: codec.oneOf('crp', 'elastic'),
  tokens: TOKENS,
  startBlock: codec.uint(),
  controller: NAMED,
  rights: codec.object({
    canPauseSwapping: codec.flag,
    canChangeSwapFee: codec.flag,
    canChangeWeights: codec.flag,
    canAddRemoveTokens: codec.flag,
    canWhitelistLPs: codec.flag,
    canChangeCap: codec.flag,
  }),
  params: codec.object({
    constituentTokens: codec.array(NAMED),
    tokenBalances: codec.array(codec.uint()),
    tokenWeights: codec.array(codec.uint()),
    swapFee: codec.uint(),
  }),
  steps: STEPS,
});

const ADVANCE = codec.object({ do: codec.literal('advance'), blocks: codec.uint() });
const CONSTRUCT = codec.object({ do: codec.literal('construct') });
const POOL_CALL = poolOperation(NAMED);
const CRP_CALL = crpOperation(NAMED);

const FACTORY = addressOf('factory');
const POOL = addressOf('pool');
const CRP = addressOf('crp');

/** Whether `runV1Scenario` knows the operation. */
export function isV1Scenario(op: string): boolean {
  return op === 'bpool.scenario' || op === 'crp.scenario';
}

/**
 * Replays all steps.
 *
 * @returns One entry per step: `{revert}`, or the result and `state`.
 * @throws {InputError} When the scenario is malformed.
 */
export function runV1Scenario(vector: VectorCase): codec.Json {
  const path = `${vector.id}.in`;
  return vector.op === 'bpool.scenario'
    ? runPool(POOL_SCENARIO.decode(vector.in, path), path)
    : runCrp(CRP_SCENARIO.decode(vector.in, path), path);
}

function runPool(input: codec.Decoded<typeof POOL_SCENARIO>, path: string): codec.Json {
  const { controller } = input;
  let pool = bpool.newPool({ address: POOL, factory: FACTORY, controller });
  return input.steps.map((json, i) => {
    const call = POOL_CALL.decode(json, `${path}.steps[${i}]`);
    return shownStep(() => {
      const env = { sender: call.from ?? controller, block: 0n };
      const { state, result } = bpool.step(pool, call, env);
      pool = state;
      return { ...result, state: shownPool(pool) };
    });
  });
}

function runCrp(input: codec.Decoded<typeof CRP_SCENARIO>, path: string): codec.Json {
  let block = input.startBlock;
  let state: crp.CrpState | null = null;
  return input.steps.map((json, i) => {
    const at = `${path}.steps[${i}]`;
    const name = nameOfStep(json);
    if (name === 'advance') {
      block += ADVANCE.decode(json, at).blocks;
      return {};
    }
    return shownStep(() => {
      const env = { sender: input.controller, block };
      if (name === 'construct') {
        state = constructCrp(input, CONSTRUCT.decode(json, at), env);
        return {};
      }
      if (state === null) throw new InputError(`${at}.do`, 'must be construct first');
      const call = CRP_CALL.decode(withPoolAddress(json, name), at);
      const outcome = crp.step(state, call, { ...env, sender: call.from ?? env.sender });
      state = outcome.state;
      return { ...outcome.result, state: shownCrp(state) };
    });
  });
}

function constructCrp(
  { kind, rights, params }: codec.Decoded<typeof CRP_SCENARIO>,
  _step: codec.Decoded<typeof CONSTRUCT>,
  env: Env,
): crp.CrpState {
  return crp.construct({ address: CRP, factory: FACTORY, kind, rights, params }, env);
}

function nameOfStep(json: unknown): unknown {
  return typeof json === 'object' && json !== null && 'do' in json ? json.do : undefined;
}

// The format leaves out where the pool goes; nothing in its states depends on it.
function withPoolAddress(json: unknown, name: unknown): unknown {
  return name === 'createPool' ? { ...Object(json), poolAddress: 'pool' } : json;
}

function shownStep(run: () => object): codec.Json {
  const outcome = outcomeOf(() => withStrings(run()));
  return 'out' in outcome ? outcome.out : outcome;
}

function shownPool(pool: bpool.PoolState): object {
  const { publicSwap, finalized, totalWeight, swapFee, shares } = pool;
  const { totalSupply } = shares;
  return { tokens: shownTokens(pool), publicSwap, finalized, totalWeight, totalSupply, swapFee };
}

function shownCrp({ pool, shares, bspCap }: crp.CrpState): object | undefined {
  if (pool === null) return undefined;
  const { publicSwap, totalWeight, swapFee } = pool;
  const poolSupply = shares.totalSupply;
  return { tokens: shownTokens(pool), publicSwap, totalWeight, swapFee, poolSupply, bspCap };
}

function shownTokens(pool: bpool.PoolState): object[] {
  return pool.tokens.map(({ token, denorm, balance }) => ({ sym: nameOf(token), denorm, balance }));
}

function addressOf(name: string): Address {
  const digits = Array.from(name, (char) => char.charCodeAt(0).toString(16).padStart(2, '0'));
  return `0x${digits.join('').padStart(40, '0')}`;
}

function nameOf(address: Address): string {
  const bytes = (address.slice(2).match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16));
  return String.fromCharCode(...bytes.filter((byte) => byte !== 0));
}
