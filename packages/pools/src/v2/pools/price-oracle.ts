/**
 * What two-token pools of 2021 write into their oracle: a reading of the balances before each swap,
 * join and exit, at most once per block, and the logarithms of invariant and supply after joins and
 * exits.
 *
 * @module
 */
import { divUp, mulDown, mulUp } from '../../math/fixed-point.ts';
import { AMP_PRECISION, S1 } from '../../math/stable.ts';
import { add, max, mul, sub } from '../../uint.ts';
import { toLowResLog, withReading } from '../oracle.ts';
import type { Oracle, StablePool, WeightedPool } from '../state.ts';
import type { PoolEnv } from './hooks.ts';
import { plainScale, totalOf, upscale } from './scaling.ts';

/** The pool after a reading of its balances before the operation, if one is due. */
export function observeWeighted(pool: WeightedPool, env: PoolEnv): WeightedPool {
  const { oracle } = pool;
  if (oracle === null || !isReadingDue(pool, oracle, env)) return pool;

  const [balance0, balance1] = pool.balances.map((balance, i) =>
    upscale(totalOf(balance), plainScale(pool.scalingFactors[i]!)),
  );
  const [weight0, weight1] = pool.weights!;
  const pairPrice = divUp(divUp(balance0!, weight0!), divUp(balance1!, weight1!));
  const logPairPrice = toLowResLog(pairPrice);
  const logBptPrice = toLowResLog(divUp(balance0!, weight0!)) - oracle.logTotalSupply;
  return { ...pool, oracle: withReading(oracle, { logPairPrice, logBptPrice }, env.time) };
}

/** As `observeWeighted`, for the scaled balances of a metastable pool. */
export function observeStable(
  pool: StablePool,
  balances: readonly bigint[],
  amp: bigint,
  env: PoolEnv,
): StablePool {
  const { oracle } = pool;
  if (oracle === null || !isReadingDue(pool, oracle, env)) return pool;

  const [x, y] = balances as [bigint, bigint];
  const pairPrice = stablePairPrice(amp, x, y);
  const logPairPrice = toLowResLog(pairPrice);
  const logBptPrice = toLowResLog(add(x, mulUp(pairPrice, y))) - oracle.logTotalSupply;
  return { ...pool, oracle: withReading(oracle, { logPairPrice, logBptPrice }, env.time) };
}

/** The pool with the logarithms of its last invariant and of the supply, for later readings. */
export function cacheInvariantAndSupply<P extends WeightedPool | StablePool>(
  pool: P,
  totalSupply: bigint,
): P {
  const { oracle } = pool;
  // Whoever burns more than there is fails at the burning, and a query burns nothing.
  if (oracle === null || !oracle.enabled || totalSupply <= 0n) return pool;
  const logInvariant = toLowResLog(pool.lastInvariant);
  const logTotalSupply = toLowResLog(totalSupply);
  return { ...pool, oracle: { ...oracle, logInvariant, logTotalSupply } };
}

/** Ratio of the derivatives of the invariant of two tokens: the price of one in the other. */
function stablePairPrice(amp: bigint, x: bigint, y: bigint): bigint {
  const d = S1.invariant(amp, [x, y], true);
  const a = (amp * 2n) / AMP_PRECISION;
  const b = sub(mul(d, a), d);
  const axy2 = mulDown(mul(a * 2n, x), y);
  const derivativeX = sub(add(axy2, mulDown(mul(a, y), y)), mulDown(b, y));
  const derivativeY = sub(add(axy2, mulDown(mul(a, x), x)), mulDown(b, x));
  return divUp(derivativeX, derivativeY);
}

function isReadingDue(pool: WeightedPool | StablePool, oracle: Oracle, env: PoolEnv): boolean {
  const [first, second] = pool.balances;
  const lastChangeBlock = max(first!.lastChangeBlock, second!.lastChangeBlock);
  return oracle.enabled && env.block > lastChangeBlock;
}
