/**
 * The pool that a recording starts from.
 *
 * @module
 */
import type { Json } from './action.ts';
import { parseDecimal, parseRaw } from './decimal.ts';
import { SimulationError } from '../errors.ts';
import { type Members, textOf } from './json.ts';
import type { PoolSpec, PoolToken, SimulatedKind } from '../pools/spec.ts';
import { familyOf, isV1 } from '../pools/spec.ts';

/** A pool at a moment. */
export interface InitialState extends PoolSpec {
  /** Unix seconds. */
  readonly t: number;
  readonly block: number | null;
  /** By symbol, where known. */
  readonly addresses: Readonly<Record<string, string>>;
}

const KEYS = ['kind', 'tokens', 'swapFee', 'supply', 'amp', 'owner', 't', 'block', 'units'];
const TOKEN_KEYS = ['symbol', 'address', 'decimals', 'balance', 'denorm', 'weight', 'rate'];

/**
 * Reads `{kind, tokens: [{symbol, address?, decimals, balance, denorm | weight, rate?}], swapFee,
 * supply, amp?, owner?, t, block?, units?}`. Balances are raw unless `units` is `decimal`; fee,
 * weights, denorms and rates are decimal numbers.
 *
 * @throws {SimulationError} With the path of the first member that is wrong.
 */
export function readInitialState(json: Json, name: string): InitialState {
  const pool = membersOf(json, name, KEYS);
  const kind = textOf(pool['kind']) as SimulatedKind;
  familyOf(kind);
  const isDecimal = pool['units'] === 'decimal';
  const list = pool['tokens'];
  if (!Array.isArray(list) || list.length < 2) {
    throw new SimulationError(`${name}.tokens: must be a list of at least two tokens`);
  }
  const addresses: Record<string, string> = {};
  const tokens = list.map((entry: Json, i): PoolToken => {
    const path = `${name}.tokens[${i}]`;
    const token = membersOf(entry, path, TOKEN_KEYS);
    const symbol = textOf(token['symbol'] ?? '');
    if (symbol === '') throw new SimulationError(`${path}.symbol: must be text`);
    const decimals = Number(token['decimals'] ?? 18);
    if (typeof token['address'] === 'string') addresses[symbol] = token['address'].toLowerCase();
    const balance = amountOf(token['balance'], `${path}.balance`, isDecimal ? decimals : null);
    const weight = token['denorm'] ?? token['weight'] ?? null;
    return {
      symbol,
      decimals,
      balance,
      weight: weight === null ? null : amountOf(weight, `${path}.weight`, 18),
      rate: token['rate'] === undefined ? null : amountOf(token['rate'], `${path}.rate`, 18),
    };
  });
  const supply = pool['supply'];
  return {
    kind,
    tokens,
    swapFee: amountOf(pool['swapFee'], `${name}.swapFee`, 18),
    supply:
      supply === undefined || supply === null
        ? null
        : amountOf(supply, `${name}.supply`, isDecimal ? 18 : null),
    amp: pool['amp'] === undefined ? null : BigInt(Math.round(Number(pool['amp']))),
    protocolFee: 0n,
    isControlled: false,
    t: Number(pool['t'] ?? 0),
    block: pool['block'] === undefined || pool['block'] === null ? null : Number(pool['block']),
    addresses,
  };
}

/** Weights as V2 pools take them: denormalised ones divided by their sum, the sum exactly 1. */
export function normalisedWeights(spec: PoolSpec): bigint[] {
  const one = 10n ** 18n;
  const raw = spec.tokens.map(({ weight }) => weight ?? one);
  const sum = raw.reduce((total, weight) => total + weight, 0n);
  if (!isV1(spec.kind) && sum === one) return raw;
  const weights = raw.map((weight) => (weight * one) / sum);
  weights[0] = weights[0]! + one - weights.reduce((total, weight) => total + weight, 0n);
  return weights;
}

function amountOf(value: Json | undefined, path: string, decimals: number | null): bigint {
  const text = typeof value === 'number' || typeof value === 'string' ? textOf(value) : '';
  const parsed = decimals === null ? parseRaw(text) : parseDecimal(text, decimals);
  if ('raw' in parsed) return parsed.raw;
  throw new SimulationError(`${path}: ${parsed.wrong}`);
}

function membersOf(json: Json, path: string, known: readonly string[]): Members {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new SimulationError(`${path}: must be an object`);
  }
  for (const key of Object.keys(json)) {
    if (!known.includes(key))
      throw new SimulationError(`${path}.${key}: is not known here; known: ${known.join(', ')}`);
  }
  return json as Members;
}
