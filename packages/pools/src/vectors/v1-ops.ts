/**
 * The scalar operations of the vector format that call the mathematics of V1 and of elastic pools.
 *
 * @module
 */
import { InputError } from '../errors.ts';
import * as codec from '../json.ts';
import { type Rebase, resync } from '../v1/elastic.ts';
import * as math from '../v1/math.ts';
import * as num from '../v1/num.ts';
import { type VectorCase, withStrings } from './case.ts';

/** Gives the input of this name. Each operation reads the names that the format gives it. */
type Inputs = (name: string) => bigint;

const INPUTS = codec.record(codec.uint());
const RESYNC: codec.Codec<Rebase> = codec.object({
  weights: codec.array(codec.uint()),
  index: codec.count(7),
  balanceBefore: codec.uint(),
  balanceAfter: codec.uint(),
});

const SCALARS: Readonly<Record<string, (i: Inputs) => bigint>> = {
  'bnum.badd': (i) => num.badd(i('a'), i('b')),
  'bnum.bsub': (i) => num.bsub(i('a'), i('b')),
  'bnum.bmul': (i) => num.bmul(i('a'), i('b')),
  'bnum.bdiv': (i) => num.bdiv(i('a'), i('b')),
  'bnum.bfloor': (i) => num.bfloor(i('a')),
  'bnum.bpowi': (i) => num.bpowi(i('a'), i('n')),
  'bnum.bpow': (i) => num.bpow(i('base'), i('exp')),
  'bnum.bpowApprox': (i) => num.bpowApprox(i('base'), i('exp'), i('precision')),
  'bmath.calcSpotPrice': (i) => math.spotPrice(tradeSides(i)),
  'bmath.calcOutGivenIn': (i) => math.outGivenIn(tradeSides(i), i('tokenAmountIn')),
  'bmath.calcInGivenOut': (i) => math.inGivenOut(tradeSides(i), i('tokenAmountOut')),
  'bmath.calcPoolOutGivenSingleIn': (i) =>
    math.poolOutGivenSingleIn(singleSide(i, 'In'), i('tokenAmountIn')),
  'bmath.calcSingleInGivenPoolOut': (i) =>
    math.singleInGivenPoolOut(singleSide(i, 'In'), i('poolAmountOut')),
  'bmath.calcSingleOutGivenPoolIn': (i) =>
    math.singleOutGivenPoolIn(singleSide(i, 'Out'), i('poolAmountIn')),
  'bmath.calcPoolInGivenSingleOut': (i) =>
    math.poolInGivenSingleOut(singleSide(i, 'Out'), i('tokenAmountOut')),
};

/** Whether `runV1Case` knows the operation. */
export function isV1Op(op: string): boolean {
  return Object.hasOwn(SCALARS, op) || op === 'elastic.resync';
}

/**
 * Runs one scalar case.
 *
 * @throws {Revert} What the mathematics reverts with.
 * @throws {InputError} When an input is malformed.
 */
export function runV1Case(vector: VectorCase): codec.Json {
  const path = `${vector.id}.in`;
  return vector.op === 'elastic.resync'
    ? withStrings(resync(RESYNC.decode(vector.in, path)))
    : withStrings(SCALARS[vector.op]!(inputsOf(vector, path)));
}

function inputsOf(vector: VectorCase, path: string): Inputs {
  const inputs = INPUTS.decode(vector.in, path);
  return (name) => {
    const value = inputs[name];
    if (value === undefined) throw new InputError(`${path}.${name}`, 'is missing');
    return value;
  };
}

function tradeSides(i: Inputs): math.TradeSides {
  return {
    balanceIn: i('tokenBalanceIn'),
    weightIn: i('tokenWeightIn'),
    balanceOut: i('tokenBalanceOut'),
    weightOut: i('tokenWeightOut'),
    swapFee: i('swapFee'),
  };
}

function singleSide(i: Inputs, side: 'In' | 'Out'): math.SingleSide {
  return {
    balance: i(`tokenBalance${side}`),
    weight: i(`tokenWeight${side}`),
    supply: i('poolSupply'),
    totalWeight: i('totalWeight'),
    swapFee: i('swapFee'),
  };
}
