/**
 * The scalar operations of the vector format that call the mathematics of V2.
 *
 * @module
 */
import { InputError } from '../errors.ts';
import * as compression from '../math/compression.ts';
import * as fixedPoint from '../math/fixed-point.ts';
import * as linear from '../math/linear.ts';
import * as logExp from '../math/log-exp.ts';
import * as protocolFees from '../math/protocol-fees.ts';
import * as stable from '../math/stable.ts';
import * as weighted from '../math/weighted.ts';
import { withBigints, withStrings, type VectorCase } from './case.ts';
import type { Json } from '../json.ts';

/** Named inputs after `withBigints`. Each operation reads the names that the format gives it. */
type Inputs = Readonly<Record<string, bigint>>;

const FIXED_POINT = { FP1: fixedPoint.FP1, FP2: fixedPoint.FP2 };
const WEIGHTED = { W1: weighted.W1, W2: weighted.W2, W3: weighted.W3 };
const STABLE = { S1: stable.S1, S2: stable.S2 };

const SCALARS: Readonly<Record<string, (i: Inputs, rev: string) => bigint>> = {
  'fp.mulDown': (i) => fixedPoint.mulDown(i['a']!, i['b']!),
  'fp.mulUp': (i) => fixedPoint.mulUp(i['a']!, i['b']!),
  'fp.divDown': (i) => fixedPoint.divDown(i['a']!, i['b']!),
  'fp.divUp': (i) => fixedPoint.divUp(i['a']!, i['b']!),
  'fp.complement': (i) => fixedPoint.complement(i['x']!),
  'fp.powDown': (i, rev) => pick(FIXED_POINT, rev).powDown(i['x']!, i['y']!),
  'fp.powUp': (i, rev) => pick(FIXED_POINT, rev).powUp(i['x']!, i['y']!),
  'lep.pow': (i) => logExp.pow(i['x']!, i['y']!),
  'lep.exp': (i) => logExp.exp(i['x']!),
  'lep.ln': (i) => logExp.ln(i['x']!),
  'lep.log': (i) => logExp.log(i['x']!, i['base']!),
  'fee.bptForPoolOwnershipPercentage': (i) =>
    protocolFees.bptForOwnership(i['totalSupply']!, i['percentage']!),
  'fee.invariantGrowthDueProtocolFees': (i) =>
    protocolFees.dueFees({
      growth: i['invariantGrowthRatio']!,
      previousSupply: i['previousSupply']!,
      supply: i['currentSupply']!,
      fee: i['protocolSwapFeePercentage']!,
    }),
  'fee.aumBptAmount': (i) =>
    protocolFees.aumFee({
      supply: i['totalSupply']!,
      time: i['currentTime']!,
      lastCollection: i['lastCollection']!,
      annualFee: i['annualPercentage']!,
    }),
  'compress.compress': (i) => compression.compress(i['value']!, Number(i['bits']!), i['max']),
  'compress.decompress': (i) => compression.decompress(i['value']!, Number(i['bits']!), i['max']),
};

type Formula = (input: never, revision: never) => bigint;

const FORMULAS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  weighted,
  stable,
  linear,
};

/** Whether `runMathCase` knows the operation. */
export function isMathOp(op: string): boolean {
  return Object.hasOwn(SCALARS, op) || formulaOf(op) !== null;
}

/** Runs one scalar case. @throws {Revert} What the mathematics reverts with. */
export function runMathCase(vector: VectorCase): Json {
  const { op, rev = '' } = vector;
  requireInputs(vector.in);
  const inputs = withBigints(vector.in) as Inputs;
  const scalar = SCALARS[op];
  if (scalar !== undefined) return withStrings(scalar(inputs, rev));

  if (op === 'linear.toNominal')
    return withStrings(linear.toNominal(inputs['amount']!, params(inputs)));
  if (op === 'linear.fromNominal') {
    return withStrings(linear.fromNominal(inputs['amount']!, params(inputs)));
  }
  const formula = formulaOf(op)!;
  const family = op.split('.')[0];
  const revision =
    family === 'weighted' ? pick(WEIGHTED, rev) : family === 'stable' ? pick(STABLE, rev) : null;
  return withStrings(formula(inputs as never, revision as never));
}

/** Integers as decimal strings, alone or in lists; an index is a number, a direction a flag. */
function requireInputs(inputs: VectorCase['in']): void {
  for (const [name, value] of Object.entries(inputs)) {
    if (name.startsWith('index')) {
      if (!Number.isInteger(value)) throw new InputError(name, 'must be a whole number');
    } else if (name === 'roundUp') {
      if (typeof value !== 'boolean') throw new InputError(name, 'must be true or false');
    } else if (Array.isArray(value)) {
      value.forEach((entry, i) => requireInteger(entry, `${name}[${i}]`));
    } else {
      requireInteger(value, name);
    }
  }
}

function requireInteger(value: Json, path: string): void {
  if (typeof value === 'string' && /^-?[0-9]+$/u.test(value)) return;
  throw new InputError(path, 'must be an integer as a decimal string');
}

function formulaOf(op: string): Formula | null {
  const [family = '', name = ''] = op.split('.');
  const formula = FORMULAS[family]?.[name];
  return typeof formula === 'function' ? (formula as Formula) : null;
}

function params(inputs: Inputs): linear.LinearParams {
  return inputs as unknown as linear.LinearParams;
}

function pick<T>(revisions: Readonly<Record<string, T>>, name: string): T {
  const revision = revisions[name];
  if (revision === undefined) {
    const known = Object.keys(revisions).join(', ');
    throw new InputError('rev', `must be one of ${known}; got "${name}"`);
  }
  return revision;
}
