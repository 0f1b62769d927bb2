/**
 * Rules that every family shares: swap fees, the first join, checks of joins and exits, proportional
 * shares.
 *
 * @module
 */
import { revert, revertNoData } from '../../errors.ts';
import { complement, divDown, divUp, mulDown, mulUp, ONE } from '../../math/fixed-point.ts';
import { add, sub } from '../../uint.ts';
import type { JoinRequest } from '../requests.ts';
import { type Address, type Pool, ZERO_ADDRESS } from '../state.ts';
import type { BptMove, ExitHookRequest, LiquidityOutcome } from './hooks.ts';
import { totalsOf } from './scaling.ts';

/** First pool tokens, minted to nobody, so that a pool is never empty again. */
export const MINIMUM_BPT = 1_000_000n;

/** The amount less the swap fee, which rounds up. */
export function subtractSwapFee(amount: bigint, swapFee: bigint): bigint {
  return amount - mulUp(amount, swapFee);
}

/** The amount from which the swap fee leaves `amount`, rounded up. */
export function addSwapFee(amount: bigint, swapFee: bigint): bigint {
  return divUp(amount, sub(ONE, swapFee));
}

/** The amount less the fee, by the complement; managed pools and later bootstrapping pools. */
export function subtractFeeByComplement(amount: bigint, swapFee: bigint): bigint {
  return mulDown(amount, complement(swapFee));
}

/** @throws {Revert} BAL#402 while the pool is paused. */
export function requireNotPaused(pool: Pool): void {
  if (pool.paused) revert(402);
}

/** After its buffer period a pool is never paused. */
export function unpausedByTime<P extends Pool>(pool: P, time: bigint): P {
  return pool.paused && time > pool.bufferPeriodEnd ? { ...pool, paused: false } : pool;
}

/** Moves of a first join: the minimum to nobody, the rest to the recipient. */
export function firstMint(recipient: Address, bptAmount: bigint): BptMove[] {
  if (bptAmount < MINIMUM_BPT) revert(204);
  return [
    { account: ZERO_ADDRESS, amount: MINIMUM_BPT },
    { account: recipient, amount: bptAmount - MINIMUM_BPT },
  ];
}

/** Amounts of the first join. @throws {Revert} BAL#206 for another kind, BAL#103. */
export function initialAmounts(request: JoinRequest, count: number): readonly bigint[] {
  if (request.kind !== 'INIT') revert(206);
  if (request.amounts.length !== count) revert(103);
  return request.amounts;
}

/** Zeros but for one entry. */
export function single(count: number, index: number, value: bigint): bigint[] {
  return zeros(count).with(index, value);
}

export function zeros(count: number): bigint[] {
  return Array.from({ length: count }, () => 0n);
}

export function addAll(a: readonly bigint[], b: readonly bigint[]): bigint[] {
  return a.map((value, i) => add(value, b[i]!));
}

export function subAll(a: readonly bigint[], b: readonly bigint[]): bigint[] {
  return a.map((value, i) => sub(value, b[i]!));
}

/** The exit that needs no mathematics: floor-proportional shares, only in recovery mode. */
export function recoveryExit<P extends Pool>(
  pool: P,
  exit: ExitHookRequest,
  supply: bigint,
  bptIndex: number | null,
): LiquidityOutcome<P> {
  if (!pool.recoveryMode) revert(438);
  const { request } = exit;
  if (request.kind !== 'RECOVERY') return revertNoData('Use the exit of recovery mode.');
  const { bpt } = request;
  const ratio = divDown(bpt, supply);
  const amounts = totalsOf(pool).map((balance, i) =>
    i === bptIndex ? 0n : mulDown(balance, ratio),
  );
  return {
    pool,
    amounts,
    protocolFeeAmounts: zeros(amounts.length),
    bptAmount: bpt,
    moves: [{ account: exit.sender, amount: -bpt }],
  };
}
