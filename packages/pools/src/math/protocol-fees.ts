/**
 * Protocol and management fees that are paid in pool tokens: minting dilutes everyone else by
 * exactly the fee.
 *
 * @see `ProtocolFees`, `InvariantGrowthProtocolSwapFees` and `ProtocolAUMFees` in
 * balancer-v2-monorepo.
 * @module
 */
import { divDown as quotientDown, mul } from '../uint.ts';
import { complement, divDown, mulDown, ONE } from './fixed-point.ts';

const SECONDS_PER_YEAR = 365n * 24n * 60n * 60n;

/** Pool tokens to mint so that they are the share `ownership` of the supply afterwards. */
export function bptForOwnership(supply: bigint, ownershipShare: bigint): bigint {
  return quotientDown(mul(supply, ownershipShare), complement(ownershipShare));
}

/** As `bptForOwnership` in the first composable pools, which round down on the way as well. */
export function firstBptForOwnership(supply: bigint, ownershipShare: bigint): bigint {
  return divDown(mulDown(supply, ownershipShare), complement(ownershipShare));
}

/**
 * Share of the pool that the protocol is due of growth beyond the growth of the supply.
 *
 * @param growth - Ratio of the invariant after to before.
 * @param supplyGrowth - Ratio of the supply after to before.
 * @param fee - Protocol share of the swap fees.
 */
export function ownership(growth: bigint, supplyGrowth: bigint, fee: bigint): bigint {
  if (supplyGrowth >= growth || fee === 0n) return 0n;
  return mulDown(ONE - divDown(supplyGrowth, growth), fee);
}

/** Pool tokens due for the growth of the invariant between two supplies. */
export function dueFees(fees: {
  readonly growth: bigint;
  readonly previousSupply: bigint;
  readonly supply: bigint;
  readonly fee: bigint;
}): bigint {
  const { growth, previousSupply, supply, fee } = fees;
  return bptForOwnership(supply, ownership(growth, divDown(supply, previousSupply), fee));
}

/** Pool tokens due for managing assets since `lastCollection`, at `annualFee` of the supply a year. */
export function aumFee(fees: {
  readonly supply: bigint;
  readonly time: bigint;
  readonly lastCollection: bigint;
  readonly annualFee: bigint;
}): bigint {
  const { supply, time, lastCollection, annualFee } = fees;
  if (time <= lastCollection || annualFee === 0n) return 0n;
  const perYear = bptForOwnership(supply, annualFee);
  return quotientDown(mul(perYear, time - lastCollection), SECONDS_PER_YEAR);
}
